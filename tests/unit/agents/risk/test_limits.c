/* The table of limits: names, scopes, refusals, and the staged change. */
#include <criterion/criterion.h>

#include "agents/risk/limits.h"

static struct oct_risk_limits_stage stage;

static struct oct_in_cmd cmd(enum oct_cmd_kind kind, uint32_t version)
{
    return (struct oct_in_cmd){.cmd = (uint16_t)kind, .version = version};
}

static struct oct_in_cmd row(uint32_t version, enum oct_scope scope, uint32_t key, __int128 value)
{
    struct oct_in_cmd c = cmd(OCT_CMD_LIMIT_ROW, version);

    c.scope = (uint8_t)scope;
    c.key = key;
    c.value = (int64_t)(uint64_t)value;
    c.value_hi = (uint64_t)(value >> 64);
    return c;
}

static enum oct_cmd_result_kind give(struct oct_in_cmd c)
{
    return oct_risk_limits_cmd(&stage, &c);
}

static void init(void)
{
    oct_risk_limits_init(&stage.active);
}

TestSuite(risk_limits, .init = init);

Test(risk_limits, names_and_keys_name_the_same_limits)
{
    for (uint32_t key = 1; key < OCT_RISK_LIMIT_END; key++) {
        const struct oct_risk_limit_def *d = oct_risk_limit_by_key(key);
        cr_assert(d);
        cr_assert_eq(d->key, key);
        cr_assert_eq(oct_risk_limit_by_name(d->name), d);
        cr_assert_neq(d->scopes, 0);
    }
    cr_assert_null(oct_risk_limit_by_key(0));
    cr_assert_null(oct_risk_limit_by_key(OCT_RISK_LIMIT_END));
    cr_assert_null(oct_risk_limit_by_name("orderqty"));
    cr_assert_null(oct_risk_limit_by_name(""));
}

Test(risk_limits, everything_is_zero_at_first)
{
    for (uint32_t key = 1; key < OCT_RISK_LIMIT_END; key++) {
        for (int scope = 0; scope <= OCT_SCOPE_INSTRUMENT; scope++) {
            bool has = oct_risk_limit_by_key(key)->scopes & (1u << scope);
            cr_assert(oct_risk_limits_get(&stage.active, (enum oct_scope)scope, 0, key) ==
                      (has ? 0 : -1));
        }
    }
}

Test(risk_limits, a_limit_is_set_only_where_it_applies)
{
    struct oct_risk_limits *l = &stage.active;

    for (uint32_t key = 1; key < OCT_RISK_LIMIT_END; key++) {
        const struct oct_risk_limit_def *d = oct_risk_limit_by_key(key);
        for (int scope = 0; scope <= OCT_SCOPE_INSTRUMENT; scope++) {
            bool has = d->scopes & (1u << scope);
            cr_expect_eq(oct_risk_limits_set(l, (enum oct_scope)scope, 1, key, 5),
                         has ? OCT_CMD_RESULT_DONE : OCT_CMD_RESULT_NOT_FOUND, "%s", d->name);
            cr_expect(oct_risk_limits_get(l, (enum oct_scope)scope, 1, key) == (has ? 5 : -1));
        }
    }
}

Test(risk_limits, ids_and_values_out_of_range_are_refused)
{
    struct oct_risk_limits *l = &stage.active;
    struct oct_risk_limits before = *l;
    const uint32_t qty = OCT_RISK_LIMIT_order_qty, loss = OCT_RISK_LIMIT_loss;
    const uint32_t open = OCT_RISK_LIMIT_open_orders;

    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_STRATEGY, OCT_RISK_STRATEGY_MAX, qty, 1),
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_ACCOUNT, OCT_RISK_ACCOUNT_MAX, loss, 1),
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_STRATEGY, 0, qty, -1), OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_STRATEGY, 0, qty, (__int128)INT64_MAX + 1),
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_FIRM, 0, open, (__int128)1 << 32),
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_FIRM, 0, loss, (__int128)1 << 121),
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(oct_risk_limits_set(l, (enum oct_scope)9, 0, qty, 1), OCT_CMD_RESULT_NOT_FOUND);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_FIRM, 0, 999, 1), OCT_CMD_RESULT_NOT_FOUND);
    cr_assert_arr_eq(l, &before, sizeof before);
}

Test(risk_limits, an_instruments_own_row_starts_as_the_common_one)
{
    struct oct_risk_limits *l = &stage.active;
    const uint32_t bps = OCT_RISK_LIMIT_collar_bps, qty = OCT_RISK_LIMIT_order_qty;

    oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, bps, 100);
    oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, qty, 7);
    cr_assert(oct_risk_limits_get(l, OCT_SCOPE_INSTRUMENT, 13, bps) == 100);
    oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, 13, bps, 200);
    cr_assert(oct_risk_limits_get(l, OCT_SCOPE_INSTRUMENT, 13, bps) == 200);
    cr_assert(oct_risk_limits_get(l, OCT_SCOPE_INSTRUMENT, 13, qty) == 7);
    cr_assert(oct_risk_limits_get(l, OCT_SCOPE_INSTRUMENT, 14, bps) == 100);
    cr_assert_eq(oct_risk_limits_inst_row(l, 13), 1);
    cr_assert_eq(oct_risk_limits_inst_row(l, 14), 0);
}

Test(risk_limits, instruments_of_their_own_are_limited_in_number)
{
    struct oct_risk_limits *l = &stage.active;

    for (uint32_t i = 0; i < OCT_RISK_INST_ROW_MAX; i++)
        cr_assert_eq(oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, i, OCT_RISK_LIMIT_order_qty, i),
                     OCT_CMD_RESULT_DONE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ROW_MAX,
                                     OCT_RISK_LIMIT_order_qty, 1),
                 OCT_CMD_RESULT_REFUSED);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, 0, OCT_RISK_LIMIT_order_qty, 1),
                 OCT_CMD_RESULT_DONE);
    cr_expect_eq(oct_risk_limits_set(l, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL,
                                     OCT_RISK_LIMIT_order_qty, 1),
                 OCT_CMD_RESULT_DONE);
    for (uint32_t i = 1; i < OCT_RISK_INST_ROW_MAX; i++)
        cr_assert(oct_risk_limits_get(l, OCT_SCOPE_INSTRUMENT, i, OCT_RISK_LIMIT_order_qty) == i);
}

Test(risk_limits, nothing_is_in_force_before_the_commit)
{
    const __int128 big = (__int128)1 << 100;
    struct oct_in_cmd r;

    cr_assert_eq(give(cmd(OCT_CMD_LIMIT_BEGIN, 5)), OCT_CMD_RESULT_DONE);
    r = row(5, OCT_SCOPE_ACCOUNT, OCT_RISK_LIMIT_loss, big);
    r.account = 3;
    cr_assert_eq(give(r), OCT_CMD_RESULT_DONE);
    cr_assert(oct_risk_limits_get(&stage.active, OCT_SCOPE_ACCOUNT, 3, OCT_RISK_LIMIT_loss) == 0);
    cr_assert_eq(stage.active.version, 0);
    cr_assert_eq(give(cmd(OCT_CMD_LIMIT_COMMIT, 5)), OCT_CMD_RESULT_DONE);
    cr_assert(oct_risk_limits_get(&stage.active, OCT_SCOPE_ACCOUNT, 3, OCT_RISK_LIMIT_loss) == big);
    cr_assert_eq(stage.active.version, 5);
}

Test(risk_limits, begin_keeps_what_is_in_force_or_starts_from_zero)
{
    struct oct_in_cmd b;

    oct_risk_limits_set(&stage.active, OCT_SCOPE_FIRM, 0, OCT_RISK_LIMIT_open_orders, 9);
    give(cmd(OCT_CMD_LIMIT_BEGIN, 1));
    give(cmd(OCT_CMD_LIMIT_COMMIT, 1));
    cr_assert(oct_risk_limits_get(&stage.active, OCT_SCOPE_FIRM, 0, OCT_RISK_LIMIT_open_orders) ==
              9);
    b = cmd(OCT_CMD_LIMIT_BEGIN, 2);
    b.value = 1;
    give(b);
    give(cmd(OCT_CMD_LIMIT_COMMIT, 2));
    cr_assert(oct_risk_limits_get(&stage.active, OCT_SCOPE_FIRM, 0, OCT_RISK_LIMIT_open_orders) ==
              0);
}

Test(risk_limits, the_configuration_may_be_stated_anew_until_a_person_changes_a_limit)
{
    struct oct_in_cmd b = cmd(OCT_CMD_LIMIT_BEGIN, 0);

    b.value = 1;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(give(b), OCT_CMD_RESULT_DONE);
        cr_assert_eq(give(row(0, OCT_SCOPE_FIRM, OCT_RISK_LIMIT_open_orders, 4 + i)),
                     OCT_CMD_RESULT_DONE);
        cr_assert_eq(give(cmd(OCT_CMD_LIMIT_COMMIT, 0)), OCT_CMD_RESULT_DONE);
        cr_assert_eq(stage.active.version, 0);
        cr_assert_eq(stage.active.firm.open_orders, 4u + i);
    }
    give(cmd(OCT_CMD_LIMIT_BEGIN, 1));
    give(cmd(OCT_CMD_LIMIT_COMMIT, 1));
    cr_assert_eq(give(b), OCT_CMD_RESULT_BAD_VALUE);
    cr_assert_eq(stage.active.version, 1);
}

Test(risk_limits, commands_out_of_order_change_nothing)
{
    struct oct_risk_limits_stage before;
    struct oct_in_cmd b = cmd(OCT_CMD_LIMIT_BEGIN, 2);

    cr_expect_eq(give(row(1, OCT_SCOPE_FIRM, OCT_RISK_LIMIT_open_orders, 1)),
                 OCT_CMD_RESULT_WRONG_STATE);
    cr_expect_eq(give(cmd(OCT_CMD_LIMIT_COMMIT, 1)), OCT_CMD_RESULT_WRONG_STATE);
    cr_expect_eq(give(cmd(OCT_CMD_LIMIT_BEGIN, 0)), OCT_CMD_RESULT_BAD_VALUE, "not above");
    b.value = 2;
    cr_expect_eq(give(b), OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(give(cmd(OCT_CMD_HALT, 1)), OCT_CMD_RESULT_UNKNOWN);
    cr_assert_eq(give(cmd(OCT_CMD_LIMIT_BEGIN, 4)), OCT_CMD_RESULT_DONE);
    before = stage;
    cr_expect_eq(give(row(3, OCT_SCOPE_FIRM, OCT_RISK_LIMIT_open_orders, 1)),
                 OCT_CMD_RESULT_WRONG_STATE, "of another version");
    cr_expect_eq(give(cmd(OCT_CMD_LIMIT_COMMIT, 3)), OCT_CMD_RESULT_WRONG_STATE);
    cr_expect_eq(give(row(4, OCT_SCOPE_FIRM, OCT_RISK_LIMIT_open_orders, -1)),
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_assert_arr_eq(&stage, &before, sizeof before);
    give(cmd(OCT_CMD_LIMIT_COMMIT, 4));
    cr_expect_eq(give(cmd(OCT_CMD_LIMIT_COMMIT, 4)), OCT_CMD_RESULT_WRONG_STATE, "only once");
}
