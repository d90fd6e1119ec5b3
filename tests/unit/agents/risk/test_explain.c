/* Receipts: every check has a row, rows say what the lane saw, also for strange records. */
#include "dataplane/base/rng.h"
#include "tests/unit/agents/risk/rig.h"

static const struct oct_risk_row *find(const struct oct_risk_row *rows, uint32_t n, unsigned reason)
{
    for (uint32_t i = 0; i < n; i++) {
        if (rows[i].reason == reason)
            return &rows[i];
    }
    return NULL;
}

Test(risk_explain, every_reason_has_one_row_in_order)
{
    struct oct_risk_row rows[OCT_RISK_ROW_MAX];
    struct rig *g = rig_new();
    uint32_t n;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000100), SHARES(1));
    n = oct_risk_explain(&g->verdict, &g->limits, rows);
    cr_assert_eq(n, 36);
    for (uint32_t i = 0; i < n; i++) {
        cr_expect_eq(rows[i].reason, i + 1);
        cr_expect(rows[i].applies);
        cr_expect_not(rows[i].failed, "%s", rows[i].name);
    }
}

Test(risk_explain, rows_show_value_and_limit)
{
    struct oct_risk_row rows[OCT_RISK_ROW_MAX];
    char buf[OCT_DECIMAL_SZ];
    struct rig *g = rig_new();
    const struct oct_risk_row *r;
    uint32_t n;

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "position", SHARES(150).v);
    rig_set(g, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, "collar_bps", 50);
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000100), SHARES(100));
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000300), SHARES(60));
    n = oct_risk_explain(&g->verdict, &g->limits, rows);
    r = find(rows, n, OCT_RISK_POS_STRATEGY);
    cr_expect(r->failed);
    cr_expect_str_eq(r->name, "position_strategy");
    oct_risk_format(buf, (enum oct_risk_unit)r->unit, r->value);
    cr_expect_str_eq(buf, "160");
    oct_risk_format(buf, (enum oct_risk_unit)r->unit, r->limit);
    cr_expect_str_eq(buf, "150");
    r = find(rows, n, OCT_RISK_COLLAR);
    cr_expect_not(r->failed);
    oct_risk_format(buf, (enum oct_risk_unit)r->unit, r->value);
    cr_expect_str_eq(buf, "0.0200");
    oct_risk_format(buf, (enum oct_risk_unit)r->unit, r->limit);
    cr_expect_str_eq(buf, "0.50005");
    r = find(rows, n, OCT_RISK_NOTIONAL);
    oct_risk_format(buf, (enum oct_risk_unit)r->unit, r->value);
    cr_expect_str_eq(buf, "6001.80");
    r = find(rows, n, OCT_RISK_HALTED);
    oct_risk_format(buf, (enum oct_risk_unit)r->unit, r->value);
    cr_expect_str_eq(buf, "active");
}

Test(risk_explain, checks_that_do_not_concern_a_cancel_do_not_apply)
{
    struct oct_risk_row rows[OCT_RISK_ROW_MAX];
    struct rig *g = rig_new();
    struct oct_intent in;
    uint32_t n, applies = 0;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000100), SHARES(1));
    in = rig_intent(g, 0, 0, OCT_BUY, PX(1000100), SHARES(0));
    in.action = OCT_ACTION_CANCEL;
    in.order_id = 1;
    rig_judge(g, &in);
    n = oct_risk_explain(&g->verdict, &g->limits, rows);
    for (uint32_t i = 0; i < n; i++) {
        applies += rows[i].applies;
        cr_expect_not(rows[i].failed);
    }
    cr_expect_eq(applies, 4);
    cr_expect(find(rows, n, OCT_RISK_ORDER_UNKNOWN)->applies);
    cr_expect_not(find(rows, n, OCT_RISK_HALTED)->applies);
}

Test(risk_explain, any_bytes_can_be_explained)
{
    struct oct_risk_row rows[OCT_RISK_ROW_MAX];
    static struct oct_risk_limits l;
    struct oct_rng rng;
    char buf[OCT_DECIMAL_SZ];

    oct_rng_init(&rng, 1);
    for (int round = 0; round < 2000; round++) {
        struct oct_verdict v;
        uint64_t failed = 0;
        oct_risk_limits_init(&l);
        for (size_t i = 0; i < sizeof v / 8; i++)
            ((uint64_t *)&v)[i] = oct_rng_u64(&rng) >> oct_rng_below(&rng, 64);
        uint32_t n = oct_risk_explain(&v, &l, rows);
        for (uint32_t i = 0; i < n; i++) {
            failed |= (uint64_t)rows[i].failed << rows[i].reason;
            cr_assert(oct_risk_format(buf, (enum oct_risk_unit)rows[i].unit, rows[i].value) > 0);
        }
        cr_assert_eq(failed, oct_risk_refailed(&v, &l));
    }
}
