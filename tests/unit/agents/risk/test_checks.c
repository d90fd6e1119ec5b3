/* Every check at its limit, below and above it; every condition that refuses. */
#include "tests/unit/agents/risk/rig.h"

/* What a standard buy of 100 at 100.01 for strategy 0 in instrument 3 is worth to each limit. */
static const oct_px px = {INT64_C(100010000000)};
#define NOTIONAL ((__int128)INT64_C(100010000000) * 100 * OCT_QTY_ONE)

struct edge {
    const char *limit;
    enum oct_scope scope;
    uint32_t id;
    uint64_t bit;
    __int128 value; /* at this limit the order just passes */
};

static const struct edge edges[] = {
    {"order_qty", OCT_SCOPE_STRATEGY, 0, BIT(QTY), 100 * OCT_QTY_ONE},
    {"order_qty", OCT_SCOPE_INSTRUMENT, 3, BIT(QTY), 100 * OCT_QTY_ONE},
    {"order_qty", OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, BIT(QTY), 100 * OCT_QTY_ONE},
    {"order_notional", OCT_SCOPE_STRATEGY, 0, BIT(NOTIONAL), NOTIONAL},
    {"order_notional", OCT_SCOPE_ACCOUNT, 0, BIT(NOTIONAL), NOTIONAL},
    {"position", OCT_SCOPE_INSTRUMENT, 3, BIT(POS_INSTRUMENT), 300 * OCT_QTY_ONE},
    {"position", OCT_SCOPE_STRATEGY, 0, BIT(POS_STRATEGY), 200 * OCT_QTY_ONE},
    {"position", OCT_SCOPE_ACCOUNT, 0, BIT(POS_ACCOUNT), 250 * OCT_QTY_ONE},
    {"position", OCT_SCOPE_FIRM, 0, BIT(POS_FIRM), 300 * OCT_QTY_ONE},
    {"gross", OCT_SCOPE_INSTRUMENT, 3, BIT(GROSS_INSTRUMENT), NOTIONAL * 3},
    {"gross", OCT_SCOPE_STRATEGY, 0, BIT(GROSS_STRATEGY), NOTIONAL * 2},
    {"gross", OCT_SCOPE_ACCOUNT, 0, BIT(GROSS_ACCOUNT), NOTIONAL * 5 / 2},
    {"gross", OCT_SCOPE_FIRM, 0, BIT(GROSS_FIRM), NOTIONAL * 3},
    {"open_orders", OCT_SCOPE_STRATEGY, 0, BIT(OPEN_ORDERS), 2},
    {"open_orders", OCT_SCOPE_ACCOUNT, 0, BIT(OPEN_ORDERS), 2},
    {"open_orders", OCT_SCOPE_FIRM, 0, BIT(OPEN_ORDERS), 2},
    {"msg_rate", OCT_SCOPE_STRATEGY, 0, BIT(RATE), 2},
    {"msg_rate", OCT_SCOPE_FIRM, 0, BIT(RATE), 2},
};

/* Strategy 0: a working buy of 100.  Strategy 1 (same account): 50 long.  Strategy 2 (other
 * account): 50 long.  All at the mark 100.01. */
static struct rig *busy_rig(const struct edge *e, __int128 limit)
{
    struct rig *g = rig_new();

    rig_set(g, e->scope, e->id, e->limit, limit);
    rig_start(g);
    return g;
}

static uint64_t failed_at(const struct edge *e, __int128 limit)
{
    const struct oct_risk_limit_def *d = oct_risk_limit_by_name(e->limit);
    struct rig *g = busy_rig(&(struct edge){.limit = e->limit, .scope = e->scope, .id = e->id},
                             d->unit == OCT_RISK_UNIT_COUNT   ? 1000
                             : d->unit == OCT_RISK_UNIT_MONEY ? USD(1000000000)
                                                              : SHARES(1000000).v);
    struct oct_in_cmd c = {.version = 1, .key = d->key, .scope = (uint8_t)e->scope};

    rig_new_order(g, 3, 0, OCT_BUY, px, SHARES(100));
    cr_assert_eq(g->verdict.reason, OCT_RISK_OK);
    rig_fill(g, 3, 1, OCT_BUY, px, SHARES(50));
    rig_fill(g, 3, 2, OCT_BUY, px, SHARES(50));
    g->step.now_ns += 2; /* beyond the duplicate window */
    c.cmd = OCT_CMD_LIMIT_BEGIN;
    cr_assert_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_DONE);
    c.cmd = OCT_CMD_LIMIT_ROW;
    c.inst = e->id;
    c.account = c.strategy = (uint16_t)e->id;
    c.value = (int64_t)(uint64_t)limit;
    c.value_hi = (uint64_t)(limit >> 64);
    cr_assert_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_DONE);
    c.cmd = OCT_CMD_LIMIT_COMMIT;
    c.value = 0;
    cr_assert_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_DONE);
    return rig_new_order(g, 3, 0, OCT_BUY, px, SHARES(100))->failed;
}

Test(risk_checks, each_limit_passes_at_and_above_its_value_and_refuses_below)
{
    for (unsigned i = 0; i < OCT_ARRAY_CNT(edges); i++) {
        const struct edge *e = &edges[i];
        cr_expect_eq(failed_at(e, e->value - 1), e->bit, "%s scope %d below", e->limit, e->scope);
        cr_expect_eq(failed_at(e, e->value), 0, "%s scope %d at", e->limit, e->scope);
        cr_expect_eq(failed_at(e, e->value + 1), 0, "%s scope %d above", e->limit, e->scope);
        cr_expect_eq(failed_at(e, 0), e->bit, "%s scope %d zero", e->limit, e->scope);
    }
}

Test(risk_checks, a_table_of_zeros_refuses_by_every_limit)
{
    struct rig *g = rig_new();
    uint64_t expect = BIT(COLLAR) | BIT(QTY) | BIT(NOTIONAL) | BIT(POS_INSTRUMENT) |
                      BIT(POS_STRATEGY) | BIT(POS_ACCOUNT) | BIT(POS_FIRM) | BIT(GROSS_INSTRUMENT) |
                      BIT(GROSS_STRATEGY) | BIT(GROSS_ACCOUNT) | BIT(GROSS_FIRM) |
                      BIT(OPEN_ORDERS) | BIT(RATE) | BIT(REPEAT) | BIT(DUPLICATE) | BIT(LOSS) |
                      BIT(DRAWDOWN);

    oct_risk_limits_init(&g->limits);
    rig_start(g);
    cr_assert_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, expect);
    cr_assert_eq(g->verdict.reason, OCT_RISK_COLLAR);
    cr_assert_eq(g->submit_cnt, 0);
}

Test(risk_checks, the_collar_is_a_closed_interval_around_the_reference)
{
    struct rig *g = rig_new();

    /* 100.01 last; 10 bps are 0.10001. Tick of 0.00001 to stand exactly on the edge. */
    rig_set(g, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, "collar_bps", 10);
    for (uint32_t i = 0; i < INST_CNT; i++)
        g->ref[i].tick.v = 10000;
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, (oct_px){100110010000}, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, (oct_px){100110020000}, SHARES(1))->failed,
                 BIT(COLLAR));
    cr_expect_eq(rig_new_order(g, 2, 0, OCT_SELL, (oct_px){99909990000}, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 3, 0, OCT_SELL, (oct_px){99909980000}, SHARES(1))->failed,
                 BIT(COLLAR));
}

Test(risk_checks, the_reference_is_last_sale_then_mid_then_previous_close_then_none)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, "ref_age_ns", SECOND);
    rig_start(g);
    g->step.now_ns = 101 * SECOND; /* both exactly at the limit */
    rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 1);
    cr_expect_eq(g->verdict.ref_px.v, PX(1000100).v);
    cr_expect_eq(g->verdict.ref_age_ns, SECOND);
    g->step.now_ns++;
    g->inst[0].bbo_ns++;
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 2);
    cr_expect_eq(g->verdict.ref_px.v, PX(1000100).v);
    g->inst[0].bbo_ns--;
    rig_new_order(g, 0, 0, OCT_BUY, PX(990100), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 3);
    cr_expect_eq(g->verdict.ref_px.v, PX(990000).v);
    cr_expect_eq(g->verdict.failed, 0);
    g->ref[0].prev_close.v = 0;
    rig_new_order(g, 0, 0, OCT_BUY, PX(990200), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 0);
    cr_expect_eq(g->verdict.failed, BIT(NO_REFERENCE));
}

Test(risk_checks, a_mid_of_a_wide_or_crossed_market_is_no_reference)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, "collar_bps", 100);
    rig_start(g);
    g->inst[0].last_px.v = 0;
    g->inst[0].ask_px = PX(1010100); /* 1 % of 100.505 is less than 1.01 */
    rig_new_order(g, 0, 0, OCT_BUY, PX(990000), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 3);
    g->inst[0].ask_px = PX(1010000);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 2);
    g->inst[0].ask_px = PX(999900);
    rig_new_order(g, 0, 0, OCT_BUY, PX(990100), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 3);
    g->inst[0].bid_px.v = 0;
    rig_new_order(g, 0, 0, OCT_BUY, PX(990200), SHARES(1));
    cr_expect_eq(g->verdict.ref_kind, 3);
}

Test(risk_checks, prices_off_the_tick_are_refused_on_both_sides_of_a_dollar)
{
    struct rig *g = rig_new();
    static const int64_t ticks[] = {1, 3, 7, 100000, 10000000, 5000000, 12500000, 999999937};

    for (uint32_t i = 0; i < INST_CNT; i++) {
        g->inst[i].last_px = PX(10000);
        g->ref[i].tick = PX(100);
        g->ref[i].tick_sub = PX(1);
    }
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(10100), SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(10101), SHARES(1))->failed, BIT(TICK));
    cr_expect_eq(g->verdict.tick.v, PX(100).v);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(9999), SHARES(1))->failed, 0);
    cr_expect_eq(g->verdict.tick.v, PX(1).v);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, (oct_px){PX(9999).v + 1}, SHARES(1))->failed,
                 BIT(TICK));
    /* The product says what the remainder says. */
    for (unsigned t = 0; t < OCT_ARRAY_CNT(ticks); t++) {
        g->ref[1].tick.v = g->ref[1].tick_sub.v = ticks[t];
        for (int64_t d = -40; d <= 40; d++) {
            int64_t p = INT64_C(1020000000) / ticks[t] * ticks[t] + d;
            bool off = rig_new_order(g, 1, 0, OCT_BUY, (oct_px){p}, SHARES(1))->failed & BIT(TICK);
            cr_assert_eq(off, p % ticks[t] != 0, "%ld by %ld", (long)p, (long)ticks[t]);
        }
    }
    g->ref[1].tick.v = 0; /* no tick known: nothing is on it */
    cr_expect(rig_new_order(g, 1, 0, OCT_BUY, PX(10100), SHARES(1))->failed & BIT(TICK));
}

Test(risk_checks, instruments_that_are_unknown_halted_stale_or_restricted_refuse)
{
    struct rig *g = rig_new();

    rig_start(g);
    g->inst[0].known = 0;
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(INSTRUMENT));
    g->inst[1].trading = 'H';
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(1))->failed, BIT(NOT_TRADABLE));
    g->inst[1].trading = ' ';
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(1))->failed, BIT(NOT_TRADABLE));
    g->inst[2].stale = OCT_STALE_GAP;
    cr_expect_eq(rig_new_order(g, 2, 0, OCT_BUY, px, SHARES(1))->failed, BIT(STALE));
    g->inst[3].locked = 1;
    cr_expect_eq(rig_new_order(g, 3, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    g->inst[3].locked = 2;
    cr_expect_eq(rig_new_order(g, 3, 0, OCT_BUY, PX(1000200), SHARES(1))->failed, BIT(STALE));
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_RESTRICT, .inst = 4});
    cr_expect_eq(rig_new_order(g, 4, 0, OCT_BUY, px, SHARES(1))->failed, BIT(RESTRICTED));
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_UNRESTRICT, .inst = 4});
    cr_expect_eq(rig_new_order(g, 4, 0, OCT_BUY, px, SHARES(1))->failed, 0);
}

Test(risk_checks, an_instrument_out_of_range_is_refused_not_read)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect(rig_new_order(g, INST_CNT, 0, OCT_BUY, px, SHARES(1))->failed & BIT(INSTRUMENT));
    cr_expect_eq(g->verdict.reason, OCT_RISK_INSTRUMENT);
    cr_expect(rig_new_order(g, UINT32_MAX, 0, OCT_BUY, px, SHARES(1))->failed & BIT(INSTRUMENT));
}

Test(risk_checks, assumed_states_are_marked_in_the_verdict)
{
    struct rig *g = rig_new();

    rig_start(g);
    g->inst[0].assumed = 5;
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->assumed, 5);
}

Test(risk_checks, short_sales_need_the_mark_and_no_restriction)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_start(g);
    in = rig_intent(g, 0, 0, OCT_SELL, px, SHARES(10));
    in.short_sale = 0;
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(SHORT_SALE), "short and not marked");
    in.short_sale = 1;
    g->inst[0].short_sale = '1';
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(SHORT_SALE), "restricted");
    g->inst[0].short_sale = ' ';
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(SHORT_SALE), "unknown counts as restricted");
    /* Long 10: the first 10 are no short sale, the eleventh is. */
    rig_fill(g, 0, 0, OCT_BUY, px, SHARES(10));
    in.short_sale = 0;
    in.qty = SHARES(11);
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(SHORT_SALE));
    in.qty = SHARES(10);
    cr_expect_eq(rig_judge(g, &in)->failed, 0);
    /* They are being sold now: not one more. */
    in.qty = SHARES(1);
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(SHORT_SALE));
}

Test(risk_checks, what_execution_cannot_take_is_refused_with_its_reason)
{
    static const struct {
        enum oct_risk_reason ready;
        uint64_t bit;
    } cases[] = {{OCT_RISK_SESSION, BIT(SESSION)},
                 {OCT_RISK_RECORDER, BIT(RECORDER)},
                 {OCT_RISK_FULL, BIT(FULL)},
                 {OCT_RISK_ORDER_UNKNOWN, BIT(ORDER_UNKNOWN)},
                 {OCT_RISK_ORDER_STATE, BIT(ORDER_STATE)}};
    struct rig *g = rig_new();

    rig_start(g);
    for (unsigned i = 0; i < OCT_ARRAY_CNT(cases); i++) {
        g->ready = cases[i].ready;
        cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, cases[i].bit);
        cr_expect_eq(g->verdict.order_id, 0);
    }
}

Test(risk_checks, the_recorder_and_the_clock_refuse_while_they_are_bad)
{
    struct rig *g = rig_new();
    struct oct_in_recorder rec = {OCT_MSG_HDR(IN_RECORDER, in_recorder),
                                  .state = OCT_RECORDER_BEHIND};

    g->cfg.on_clock_bad = OCT_LADDER_ACTIVE;
    rig_start(g);
    oct_risk_on_msg(g->r, &g->step, &rec.hdr);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(RECORDER));
    rec.state = OCT_RECORDER_OK;
    oct_risk_on_msg(g->r, &g->step, &rec.hdr);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_CLOCK_BAD});
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(CLOCK));
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_CLOCK_GOOD});
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    cr_expect_eq(g->ladder_cnt, 0);
}

Test(risk_checks, strategies_that_are_unknown_off_or_of_another_account_are_refused)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_start(g);
    in = rig_intent(g, 0, 0, OCT_BUY, px, SHARES(1));
    in.account = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(STRATEGY));
    in.account = 0;
    in.strategy = 3;
    cr_expect(rig_judge(g, &in)->failed & BIT(STRATEGY));
    in.strategy = OCT_STRATEGY_NONE;
    in.account = 60000;
    cr_expect(rig_judge(g, &in)->failed & BIT(STRATEGY));
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_OFF, .strategy = 0});
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(STRATEGY));
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_ON, .strategy = 0});
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
}

Test(risk_checks, quantities_that_are_no_quantities_are_refused)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(0))->failed & BIT(QTY));
    cr_expect(rig_new_order(g, 0, 0, OCT_BUY, px, (oct_qty){-1})->failed & BIT(QTY));
    cr_expect(rig_new_order(g, 0, 0, OCT_BUY, px, (oct_qty){INT64_MIN})->failed & BIT(QTY));
    cr_expect(rig_new_order(g, 0, 0, OCT_BUY, px, (oct_qty){INT64_MAX})->failed & BIT(QTY));
    cr_expect(rig_new_order(g, 0, 0, OCT_BUY, (oct_px){INT64_MAX}, SHARES(1))->failed &
              BIT(COLLAR));
    cr_expect(rig_new_order(g, 0, 0, OCT_BUY, (oct_px){INT64_MIN}, SHARES(1))->failed &
              BIT(COLLAR));
}

Test(risk_checks, fields_that_contradict_each_other_do_not_fit)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_start(g);
    in = rig_intent(g, 0, 0, OCT_BUY, px, SHARES(1));
    in.ord_type = OCT_ORD_MARKET; /* with a price */
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(VENUE_FIELD));
    in = rig_intent(g, 0, 0, OCT_BUY, (oct_px){0}, SHARES(1));
    in.ord_type = OCT_ORD_LIMIT; /* without one */
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(VENUE_FIELD));
    in = rig_intent(g, 0, 0, OCT_BUY, px, SHARES(1));
    in.min_qty = SHARES(2);
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(VENUE_FIELD));
    in = rig_intent(g, 0, 0, 7, px, SHARES(1));
    cr_expect(rig_judge(g, &in)->failed & BIT(VENUE_FIELD));
}

static int two_shares_at_most(const struct oct_intent *i, const oct_sym *symbol)
{
    return i->qty.v > SHARES(2).v || memcmp(symbol->c, "TEST    ", 8) != 0 ? -34 : 0;
}

Test(risk_checks, what_the_venue_cannot_carry_is_refused)
{
    struct rig *g = rig_new();

    g->cfg.venue_check = two_shares_at_most;
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(2))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(3))->failed, BIT(VENUE_FIELD));
}

Test(risk_checks, the_same_order_goes_once_in_its_window)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "dup_window_ns", 1000);
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(DUPLICATE));
    /* Another quantity, price, instrument, strategy is another order. */
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(2))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, px, SHARES(1))->failed, 0);
    g->step.now_ns += 999;
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(DUPLICATE));
    g->step.now_ns += 1;
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    /* A refused one does not count as sent. */
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(1000300), SHARES(2000000))->failed & BIT(QTY),
                 BIT(QTY));
    cr_expect_eq(
        rig_new_order(g, 0, 0, OCT_BUY, PX(1000300), SHARES(2000000))->failed & BIT(DUPLICATE), 0);
}

Test(risk_checks, own_orders_on_the_other_side_are_never_crossed)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, PX(1000200), SHARES(1))->failed, 0); /* id 1 */
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, PX(1000100), SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, PX(1000200), SHARES(1))->failed, BIT(SELF_TRADE));
    cr_expect_eq(g->verdict.own_px.v, PX(1000200).v);
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, PX(1000300), SHARES(1))->failed, BIT(SELF_TRADE));
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, (oct_px){0}, SHARES(1))->failed, BIT(SELF_TRADE));
    cr_expect_eq(rig_new_order(g, 1, 2, OCT_BUY, PX(1000200), SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, PX(1000100), SHARES(1))->failed, BIT(SELF_TRADE));
    /* The offer goes: its price is free again. */
    rig_update(g, 1, 0, 0, OCT_SELL, PX(1000200), SHARES(1), SHARES(0), OCT_ORD_STATE_CANCELLED);
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, PX(1000200), SHARES(1))->failed, 0);
}

Test(risk_checks, a_market_order_in_flight_meets_everything)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, (oct_px){0}, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_SELL, PX(1000500), SHARES(1))->failed, BIT(SELF_TRADE));
}

Test(risk_checks, market_orders_have_no_tick_and_no_collar_but_a_notional)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "order_notional", (__int128)PX(1000100).v * SHARES(5).v);
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, (oct_px){0}, SHARES(5))->failed, 0);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, (oct_px){0}, SHARES(6))->failed, BIT(NOTIONAL));
}

Test(risk_checks, cancels_pass_when_the_rate_is_used_up_and_count)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "msg_rate", 5);
    rig_set(g, OCT_SCOPE_STRATEGY, 0, "msg_reserve", 2);
    rig_start(g);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1 + i))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(9))->failed, BIT(RATE));
    in = rig_intent(g, 0, 0, OCT_BUY, px, SHARES(0));
    in.action = OCT_ACTION_CANCEL;
    for (uint64_t id = 1; id <= 3; id++) {
        in.order_id = id;
        cr_expect_eq(rig_judge(g, &in)->failed, 0);
    }
    cr_expect_eq(g->verdict.rate_used, 5);
    /* Seven slots later they still count, after eight no more. */
    g->step.now_ns += 7 * (INT64_C(1) << 27);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(9))->failed, BIT(RATE));
    g->step.now_ns += INT64_C(1) << 27;
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(9))->failed, 0);
    cr_expect_eq(g->verdict.rate_used, 0);
}

Test(risk_checks, repeated_executions_stop_new_orders_in_that_instrument)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "repeat_cnt", 2);
    rig_set(g, OCT_SCOPE_STRATEGY, 0, "repeat_window_ns", 8 * 1024);
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, px, SHARES(1));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    rig_fill(g, 0, 0, OCT_BUY, px, SHARES(1));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(2))->failed, BIT(REPEAT));
    cr_expect_eq(g->verdict.repeat_used, 2);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(2))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, px, SHARES(2))->failed, 0);
    g->step.now_ns += 8 * 1024;
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(3))->failed, 0);
}

Test(risk_checks, an_order_that_only_closes_a_position_passes_lowered_limits)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "position", SHARES(10).v);
    rig_set(g, OCT_SCOPE_STRATEGY, 0, "gross", USD(10));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, px, SHARES(100));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, px, SHARES(100))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1))->failed,
                 BIT(POS_STRATEGY) | BIT(GROSS_STRATEGY));
}

Test(risk_checks, a_full_table_refuses_new_orders_and_passes_cancels)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    g->cfg.order_cnt_max = 2;
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(2))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(3))->failed, BIT(FULL));
    in = rig_intent(g, 0, 0, OCT_BUY, px, SHARES(0));
    in.action = OCT_ACTION_CANCEL;
    in.order_id = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, 0);
}

Test(risk_checks, positions_without_room_refuse)
{
    struct rig *g = rig_new();

    g->cfg.pos_cnt_max = 4; /* two pairs of strategy and account */
    rig_start(g);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(1))->failed, 0);
    cr_expect_eq(rig_new_order(g, 2, 0, OCT_BUY, px, SHARES(1))->failed, BIT(FULL));
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(2))->failed, 0);
}
