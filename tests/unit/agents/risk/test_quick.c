/* The proof that all checks pass (quick.c), against the checks: it may fail for an order that passes,
 * and never holds for one that does not.  rig_judge asks the receipt about every verdict; the agent
 * here is built to compare each proven verdict with the exact one, too. */
#include "dataplane/base/rng.h"
#include "tests/unit/agents/risk/rig.h"

#define INSTS 3u

/* A check, and the limits that it stands for. */
struct edge {
    uint8_t reason;
    const char *limit;
    enum oct_scope scope;
    bool fewer; /* the check passes below the limit, not at it */
    bool steps; /* the proof compares it in steps, not exactly */
};

static const struct edge edges[] = {
    {OCT_RISK_QTY, "order_qty", OCT_SCOPE_STRATEGY, false, false},
    {OCT_RISK_QTY, "order_qty", OCT_SCOPE_INSTRUMENT, false, false},
    {OCT_RISK_NOTIONAL, "order_notional", OCT_SCOPE_STRATEGY, false, false},
    {OCT_RISK_NOTIONAL, "order_notional", OCT_SCOPE_ACCOUNT, false, false},
    {OCT_RISK_POS_INSTRUMENT, "position", OCT_SCOPE_INSTRUMENT, false, false},
    {OCT_RISK_POS_STRATEGY, "position", OCT_SCOPE_STRATEGY, false, false},
    {OCT_RISK_POS_ACCOUNT, "position", OCT_SCOPE_ACCOUNT, false, false},
    {OCT_RISK_POS_FIRM, "position", OCT_SCOPE_FIRM, false, false},
    {OCT_RISK_GROSS_INSTRUMENT, "gross", OCT_SCOPE_INSTRUMENT, false, true},
    {OCT_RISK_GROSS_STRATEGY, "gross", OCT_SCOPE_STRATEGY, false, true},
    {OCT_RISK_GROSS_ACCOUNT, "gross", OCT_SCOPE_ACCOUNT, false, true},
    {OCT_RISK_GROSS_FIRM, "gross", OCT_SCOPE_FIRM, false, true},
    {OCT_RISK_OPEN_ORDERS, "open_orders", OCT_SCOPE_STRATEGY, false, false},
    {OCT_RISK_RATE, "msg_rate", OCT_SCOPE_STRATEGY, false, false},
    {OCT_RISK_REPEAT, "repeat_cnt", OCT_SCOPE_STRATEGY, true, false},
    {OCT_RISK_LOSS, "loss", OCT_SCOPE_STRATEGY, false, true},
    {OCT_RISK_DRAWDOWN, "drawdown", OCT_SCOPE_STRATEGY, false, true},
};

static uint64_t count(const struct rig *g, enum oct_risk_counter c)
{
    return oct_count_get(&g->counters[c]);
}

static uint64_t proven(const struct rig *g)
{
    return count(g, OCT_RISK_C_INTENTS) - count(g, OCT_RISK_C_EXACT);
}

static void set_limit(struct rig *g, const struct edge *e, const struct oct_intent *in,
                      __int128 value)
{
    struct oct_in_cmd c = {.version = oct_risk_limits_in_force(g->r)->version + 1,
                           .key = oct_risk_limit_by_name(e->limit)->key,
                           .scope = (uint8_t)e->scope,
                           .inst = in->inst,
                           .account = in->account,
                           .strategy = in->strategy};

    c.cmd = OCT_CMD_LIMIT_BEGIN;
    cr_assert_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_DONE);
    c.cmd = OCT_CMD_LIMIT_ROW;
    c.value = (int64_t)(uint64_t)value;
    c.value_hi = (uint64_t)(value >> 64);
    cr_assert_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_DONE);
    c.cmd = OCT_CMD_LIMIT_COMMIT;
    c.value = 0;
    cr_assert_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_DONE);
}

static int64_t below(struct oct_rng *rng, uint64_t n)
{
    return (int64_t)oct_rng_below(rng, n);
}

/* Fills of all strategies, orders that work on either side and do not meet, quotes. */
static struct rig *some_state(struct oct_rng *rng)
{
    struct rig *g = rig_new();
    uint64_t id = 1000000;

    rig_start(g);
    for (uint16_t s = 0; s < 3; s++) {
        for (uint32_t i = 0; i < INSTS; i++)
            rig_fill(g, i, s, OCT_BUY, PX(1000100), SHARES(1));
    }
    for (int n = 0; n < 40; n++) {
        uint32_t i = (uint32_t)below(rng, INSTS);
        uint16_t s = (uint16_t)below(rng, 3);
        uint8_t side = (uint8_t)below(rng, 2);
        oct_qty qty = SHARES(1 + below(rng, 300));
        oct_px at = side == OCT_BUY ? PX(980000 + below(rng, 50) * 100)
                                    : PX(1010000 + below(rng, 50) * 100);
        if (n % 2)
            rig_fill(g, i, s, side, PX(1000000 + below(rng, 3) * 100), qty);
        else
            rig_update(g, id++, i, s, side, at, qty, qty, OCT_ORD_STATE_WORKING);
        if (n % 8 == 0)
            rig_quote(g, i, 1000000, 1000000 + 100 * below(rng, 4));
        g->step.now_ns += 1000;
    }
    g->silent = true;
    return g;
}

static struct oct_intent some_intent(struct rig *g, struct oct_rng *rng)
{
    uint8_t side = (uint8_t)below(rng, 2);
    oct_px at =
        PX(side == OCT_BUY ? 1000000 - below(rng, 20) * 100 : 1000200 + below(rng, 20) * 100);
    struct oct_intent in = rig_intent(g, (uint32_t)below(rng, INSTS), (uint16_t)below(rng, 3), side,
                                      at, SHARES(1 + below(rng, 300)));

    in.short_sale = below(rng, 8) != 0;
    in.tif = (uint8_t)below(rng, 3);
    return in;
}

static struct oct_risk_row row_of(const struct rig *g, uint8_t reason)
{
    struct oct_risk_row rows[OCT_RISK_ROW_MAX];
    uint32_t n = oct_risk_explain(&g->verdict, oct_risk_limits_in_force(g->r), rows);

    for (uint32_t i = 0; i < n; i++) {
        if (rows[i].reason == reason)
            return rows[i];
    }
    cr_assert_fail("no row");
    return rows[0];
}

/* Again, as another intent. */
static uint64_t judge_again(struct rig *g, struct oct_intent in)
{
    g->step.now_ns += 2; /* beyond the duplicate window */
    in.intent_id = ++g->intent_id;
    return rig_judge(g, &in)->failed;
}

/* The limit one below, at, one above, and far above what it must be for the order to pass. */
static void around(struct rig *g, const struct edge *e, const struct oct_intent *in,
                   uint64_t hits[4])
{
    bool money = oct_risk_limit_by_name(e->limit)->unit == OCT_RISK_UNIT_MONEY;
    const __int128 off[4] = {-1, 0, 1, money ? (__int128)1 << 66 : 1000};
    uint64_t bit = UINT64_C(1) << e->reason;

    for (int k = 0; k < 4; k++) {
        __int128 d = off[k];
        struct oct_risk_row row;
        __int128 wide = oct_risk_limits_get(oct_risk_limits_in_force(g->r), e->scope,
                                            e->scope == OCT_SCOPE_STRATEGY  ? in->strategy
                                            : e->scope == OCT_SCOPE_ACCOUNT ? in->account
                                                                            : in->inst,
                                            oct_risk_limit_by_name(e->limit)->key);
        cr_assert_eq(judge_again(g, *in) & bit, 0);
        row = row_of(g, e->reason);
        /* The next message is one more in the window. */
        __int128 least = row.value + e->fewer + (e->reason == OCT_RISK_RATE);
        __int128 at = least + d > 0 ? least + d : 0;
        set_limit(g, e, in, at);
        uint64_t before = proven(g);
        uint64_t failed = judge_again(g, *in);
        bool refuses = failed & bit;
        hits[k] += proven(g) - before;
        if (refuses)
            cr_assert_eq(proven(g), before);
        /* A limit of zero refuses where it is a fall; gross may also be beyond for an order that
         * adds nothing, and a loss for one that reduces. */
        row = row_of(g, e->reason);
        if (d >= 0 && at > 0)
            cr_assert_not(refuses, "%s: step %d", e->limit, k);
        if (refuses)
            cr_assert(row.value > row.limit || at == 0, "%s", e->limit);
        set_limit(g, e, in, wide);
    }
}

Test(risk_quick, random_states_at_their_limits_pass_only_what_the_checks_pass)
{
    uint64_t hits[OCT_ARRAY_CNT(edges)][4] = {0};
    struct oct_rng rng;

    oct_rng_init(&rng, 5);
    for (int state = 0; state < 60; state++) {
        struct rig *g = some_state(&rng);
        for (unsigned i = 0; i < OCT_ARRAY_CNT(edges); i++) {
            struct oct_intent in = some_intent(g, &rng);
            if (judge_again(g, in) == 0)
                around(g, &edges[i], &in, hits[i]);
            /* The windows are empty again. */
            g->step.now_ns += 2 * SECOND;
            for (uint32_t n = 0; n < INSTS; n++)
                g->inst[n].last_ns = g->inst[n].bbo_ns = g->step.now_ns;
        }
    }
    for (unsigned i = 0; i < OCT_ARRAY_CNT(edges); i++) {
        cr_expect_gt(hits[i][3], 0, "%s of scope %d is never proven", edges[i].limit,
                     edges[i].scope);
        if (!edges[i].steps)
            cr_expect_gt(hits[i][1], 0, "%s of scope %d is never proven at its limit",
                         edges[i].limit, edges[i].scope);
    }
}

Test(risk_quick, an_order_that_nobody_has_anything_against_is_proven)
{
    struct rig *g = rig_new();

    rig_start(g);
    /* The first one makes the entries. */
    cr_assert_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(1000100), SHARES(1))->failed, 0);
    cr_expect_eq(proven(g), 0);
    cr_assert_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1))->failed, 0);
    cr_expect_eq(proven(g), 1);
    cr_assert_eq(rig_new_order(g, 0, 0, OCT_SELL, PX(1000200), SHARES(1))->failed, 0);
    cr_expect_eq(proven(g), 2);
}

/* Conditions that the proof reads from one word each. */
Test(risk_quick, every_condition_that_refuses_goes_the_exact_way)
{
    struct rig *g = rig_new();
    struct oct_inst_view good;
    uint64_t was;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    good = g->inst[0];
    was = proven(g);
#define BAD(change, bits) \
    g->inst[0] = good;    \
    change;               \
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, PX(1000200), SHARES(1))->failed, (bits), #change)
    BAD(g->inst[0].known = 0, BIT(INSTRUMENT));
    BAD(g->inst[0].trading = 'H', BIT(NOT_TRADABLE));
    BAD(g->inst[0].trading = 't', BIT(NOT_TRADABLE));
    BAD(g->inst[0].short_sale = '1', BIT(SHORT_SALE));
    BAD(g->inst[0].stale = 128, BIT(STALE));
    BAD(g->inst[0].locked = 2, BIT(STALE));
    cr_expect_eq(proven(g), was);
    BAD(g->inst[0].locked = 1, 0);
    BAD((g->inst[0].assumed = 7, g->inst[0].own = 255, g->inst[0].pad = 255), 0);
    cr_expect_eq(proven(g), was + 2);
    cr_expect_eq(g->verdict.assumed, 7);
#undef BAD
}

Test(risk_quick, a_quantity_too_large_to_add_up_leaves_the_day_to_the_checks)
{
    struct rig *g = rig_new();
    uint64_t was;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    rig_new_order(g, 1, 0, OCT_BUY, PX(1000000), SHARES(1));
    was = proven(g);
    rig_update(g, 77, 1, 0, OCT_BUY, PX(1000000), (oct_qty){INT64_MAX / 4},
               (oct_qty){INT64_MAX / 4}, OCT_ORD_STATE_WORKING);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(2));
    rig_new_order(g, 1, 0, OCT_BUY, PX(1000000), SHARES(2));
    cr_expect(g->verdict.failed & BIT(POS_INSTRUMENT));
    cr_expect_eq(proven(g), was);
}

/* The account's entry is remembered in the strategy's, and an update may name another account. */
Test(risk_quick, an_entry_of_another_account_is_not_taken_for_its_own)
{
    struct rig *g = rig_new();
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = 500,
                                 .inst = 0,
                                 .strategy = 0,
                                 .account = 1,
                                 .side = OCT_BUY,
                                 .px = PX(1000000),
                                 .qty = SHARES(1),
                                 .open = SHARES(1),
                                 .state = OCT_ORD_STATE_WORKING};

    rig_set(g, OCT_SCOPE_ACCOUNT, 0, "position", SHARES(100).v);
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    oct_risk_on_msg(g->r, &g->step, &u.hdr);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1))->failed, BIT(POS_ACCOUNT));
}
