/* Positions, P&L and what working orders add to them. */
#include "tests/unit/agents/risk/rig.h"

static __int128 money(struct oct_money_w w)
{
    return oct_money_unpack(w).v;
}

static struct oct_risk_totals totals(struct rig *g, enum oct_scope scope, uint32_t id)
{
    struct oct_risk_totals t;

    oct_risk_totals(g->r, scope, id, &t);
    return t;
}

Test(risk_exposure, working_orders_count_until_they_are_gone)
{
    struct rig *g = rig_new();
    struct oct_pos_view p;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    rig_new_order(g, 0, 0, OCT_SELL, PX(1000200), SHARES(40));
    p = oct_risk_position(g->r, 0, 0);
    cr_expect_eq(p.buy.v, SHARES(100).v);
    cr_expect_eq(p.sell.v, SHARES(40).v);
    cr_expect_eq(p.pos.v, 0);
    cr_expect_eq(totals(g, OCT_SCOPE_FIRM, 0).open_orders, 2);
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(100), SHARES(70), OCT_ORD_STATE_WORKING);
    cr_expect_eq(oct_risk_position(g->r, 0, 0).buy.v, SHARES(70).v);
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(100), SHARES(0), OCT_ORD_STATE_CANCELLED);
    rig_update(g, 2, 0, 0, OCT_SELL, PX(1000200), SHARES(40), SHARES(0), OCT_ORD_STATE_FILLED);
    p = oct_risk_position(g->r, 0, 0);
    cr_expect_eq(p.buy.v, 0);
    cr_expect_eq(p.sell.v, 0);
    cr_expect_eq(totals(g, OCT_SCOPE_FIRM, 0).open_orders, 0);
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).gross == 0);
    cr_expect(totals(g, OCT_SCOPE_ACCOUNT, 0).gross == 0);
}

Test(risk_exposure, an_unknown_order_keeps_its_exposure)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(100), SHARES(100), OCT_ORD_STATE_UNKNOWN);
    cr_expect_eq(oct_risk_position(g->r, 0, 0).buy.v, SHARES(100).v);
    cr_expect_eq(totals(g, OCT_SCOPE_FIRM, 0).open_orders, 1);
}

Test(risk_exposure, a_replacement_counts_at_the_larger_of_both_sizes)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "position", SHARES(150).v);
    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(100), SHARES(100), OCT_ORD_STATE_WORKING);
    in = rig_intent(g, 0, 0, OCT_BUY, PX(999900), SHARES(150));
    in.action = OCT_ACTION_REPLACE;
    in.order_id = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, 0);
    cr_expect_eq(g->verdict.added.v, SHARES(50).v);
    /* As execution tells it: the old order as it was, the new one with what it adds. */
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(100), SHARES(100),
               OCT_ORD_STATE_REPLACE_PENDING);
    rig_update(g, 2, 0, 0, OCT_BUY, PX(999900), SHARES(150), SHARES(50), OCT_ORD_STATE_SENT);
    cr_expect_eq(oct_risk_position(g->r, 0, 0).buy.v, SHARES(150).v);
    in.order_id = 2;
    in.qty = SHARES(201);
    cr_expect_eq(rig_judge(g, &in)->failed & BIT(POS_STRATEGY), BIT(POS_STRATEGY));
    rig_update(g, 2, 0, 0, OCT_BUY, PX(999900), SHARES(150), SHARES(150), OCT_ORD_STATE_WORKING);
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(100), SHARES(0), OCT_ORD_STATE_CLOSED);
    cr_expect_eq(oct_risk_position(g->r, 0, 0).buy.v, SHARES(150).v);
    cr_expect_eq(totals(g, OCT_SCOPE_STRATEGY, 0).open_orders, 1);
}

Test(risk_exposure, a_smaller_replacement_adds_nothing_and_still_competes_at_its_price)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_SELL, PX(1000300), SHARES(100));
    in = rig_intent(g, 0, 0, OCT_SELL, PX(1000200), SHARES(50));
    in.action = OCT_ACTION_REPLACE;
    in.order_id = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, 0);
    cr_expect_eq(g->verdict.added.v, 0);
    rig_update(g, 2, 0, 0, OCT_SELL, PX(1000200), SHARES(50), SHARES(0), OCT_ORD_STATE_SENT);
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, PX(1000200), SHARES(1))->failed, BIT(SELF_TRADE));
    rig_update(g, 2, 0, 0, OCT_SELL, PX(1000200), SHARES(50), SHARES(0), OCT_ORD_STATE_REJECTED);
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, PX(1000200), SHARES(1))->failed, 0);
}

Test(risk_exposure, replacing_an_order_of_others_or_none_is_refused)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    in = rig_intent(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    in.action = OCT_ACTION_REPLACE;
    in.order_id = 77;
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(ORDER_UNKNOWN));
    in.order_id = 1;
    in.side = OCT_SELL;
    in.px = PX(1000200);
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(ORDER_UNKNOWN));
    in.side = OCT_BUY;
    in.inst = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(ORDER_UNKNOWN));
    in = rig_intent(g, 0, 1, OCT_BUY, PX(1000000), SHARES(100));
    in.action = OCT_ACTION_CANCEL;
    in.order_id = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, BIT(ORDER_UNKNOWN), "of another strategy");
}

Test(risk_exposure, profit_is_cash_plus_position_at_the_mark)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100)); /* mark 100.01 */
    cr_expect_eq(g->position.pos.v, SHARES(100).v);
    cr_expect(money(g->position.cash) == -USD(10000));
    cr_expect(money(g->position.pnl) == USD(1));
    cr_expect(totals(g, OCT_SCOPE_STRATEGY, 0).pnl == USD(1));
    rig_quote(g, 0, 1000900, 1001100); /* 100.10 */
    cr_expect(totals(g, OCT_SCOPE_STRATEGY, 0).pnl == USD(10));
    cr_expect(totals(g, OCT_SCOPE_ACCOUNT, 0).pnl == USD(10));
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).pnl == USD(10));
    cr_expect(totals(g, OCT_SCOPE_ACCOUNT, 1).pnl == 0);
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).gross == USD(10010));
    rig_fill(g, 0, 0, OCT_SELL, PX(1001000), SHARES(150));
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).pnl == USD(10));
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).gross == USD(5005));
    rig_quote(g, 0, 1001900, 1002100); /* short 50 */
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).pnl == USD(5));
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).peak == USD(10));
}

Test(risk_exposure, a_broken_fill_is_undone)
{
    struct rig *g = rig_new();
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill), .side = OCT_BUY, .px = PX(1000000),
                         .qty = SHARES(10), .broken = 1};

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(10));
    oct_risk_on_msg(g->r, &g->step, &f.hdr);
    cr_expect_eq(g->position.pos.v, 0);
    cr_expect(money(g->position.cash) == 0);
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).pnl == 0);
    cr_expect(totals(g, OCT_SCOPE_FIRM, 0).gross == 0);
}

Test(risk_exposure, the_mark_is_the_mid_then_the_last_sale_then_what_it_was)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position.mark.v, PX(1000100).v);
    rig_quote(g, 0, 1000500, 1000400); /* crossed: last sale */
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position.mark.v, PX(1000100).v);
    g->inst[0].last_px = PX(1000700);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position.mark.v, PX(1000700).v);
    g->inst[0].last_px.v = 0;
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position.mark.v, PX(1000700).v);
    g->inst[1] = (struct oct_inst_view){0};
    rig_fill(g, 1, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position.mark.v, PX(990000).v, "previous close");
    g->ref[2].prev_close.v = 0;
    g->inst[2] = (struct oct_inst_view){0};
    rig_fill(g, 2, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position.mark.v, PX(1000000).v, "its own price, for want of any other");
}

Test(risk_exposure, positions_are_published_on_fills_and_else_at_intervals)
{
    struct rig *g = rig_new();

    g->cfg.position_pub_ns = SECOND;
    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position_cnt, 1, "the first");
    rig_update(g, 1, 0, 0, OCT_BUY, PX(1000000), SHARES(1), SHARES(1), OCT_ORD_STATE_WORKING);
    cr_expect_eq(g->position_cnt, 1);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    cr_expect_eq(g->position_cnt, 2);
    rig_quote(g, 0, 1000100, 1000300);
    cr_expect_eq(g->position_cnt, 2);
    g->step.now_ns += SECOND;
    rig_quote(g, 0, 1000200, 1000400);
    cr_expect_eq(g->position_cnt, 3);
    rig_quote(g, 1, 1000200, 1000400); /* no position there */
    cr_expect_eq(g->position_cnt, 3);
}

Test(risk_exposure, what_cannot_be_tracked_halts)
{
    struct rig *g = rig_new();

    g->cfg.order_cnt_max = 1;
    rig_start(g);
    rig_update(g, 9, 0, 0, OCT_BUY, PX(1000000), SHARES(1), SHARES(1), OCT_ORD_STATE_UNKNOWN);
    cr_expect_eq(g->ladder_cnt, 0);
    rig_update(g, 10, 0, 0, OCT_BUY, PX(1000000), SHARES(1), SHARES(1), OCT_ORD_STATE_UNKNOWN);
    cr_expect_eq(g->ladder_cnt, 1);
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
    cr_expect_eq(g->ladder.cause, OCT_RISK_FULL);
    cr_expect_eq(oct_count_get(&g->counters[OCT_RISK_C_UNTRACKED]), 1);
}

Test(risk_exposure, fills_of_strategies_that_cannot_be_halt_and_do_not_crash)
{
    struct rig *g = rig_new();
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill), .inst = INST_CNT, .px = PX(1), .qty = SHARES(1)};

    rig_start(g);
    oct_risk_on_msg(g->r, &g->step, &f.hdr);
    f.inst = 0;
    f.strategy = 31;
    oct_risk_on_msg(g->r, &g->step, &f.hdr);
    f.strategy = 0;
    f.account = 32;
    oct_risk_on_msg(g->r, &g->step, &f.hdr);
    cr_expect_eq(oct_count_get(&g->counters[OCT_RISK_C_UNTRACKED]), 3);
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
}

static void count_one(void *arg, const struct oct_position *p)
{
    (void)p;
    ++*(int *)arg;
}

Test(risk_exposure, each_walks_the_strategies_positions)
{
    struct rig *g = rig_new();
    int n = 0;

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(1));
    rig_fill(g, 0, 2, OCT_BUY, PX(1000000), SHARES(1));
    rig_fill(g, 5, 0, OCT_BUY, PX(1000000), SHARES(1));
    oct_risk_each(g->r, count_one, &n);
    cr_expect_eq(n, 3);
}
