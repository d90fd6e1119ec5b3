/* Strategies that open and close positions, on a scripted market. */
#include "tests/unit/agents/strategy/rig.h"

/* An imbalance strategy that fires at 0.6, opens at once, holds until the sign turns. */
static struct rig *imbalance_rig(void)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    p->hold_ns = 0;
    rig_start(g);
    return g;
}

static void wait(struct rig *g)
{
    g->step.now_ns += 2 * SECOND;
}

Test(direct, a_signal_that_fires_becomes_an_order_that_says_why)
{
    struct rig *g = imbalance_rig();
    const struct oct_intent *in;

    rig_bbo(g, 7, 1000000, 700, 1000200, 300);
    cr_assert_eq(g->intent_cnt, 0, "0.4 is not enough");
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    cr_assert_eq(g->intent_cnt, 1);
    in = rig_last(g);
    cr_expect_eq(in->action, OCT_ACTION_NEW);
    cr_expect_eq(in->side, OCT_BUY);
    cr_expect_eq(in->px.v, PX(1000200).v);
    cr_expect_eq(in->tif, OCT_TIF_IOC);
    cr_expect_eq(in->strategy, 10);
    cr_expect_eq(in->account, 3);
    cr_expect_eq(in->inst, 7);
    cr_expect_eq(in->feed_seq, 1234);
    cr_expect_eq(in->ts_exch_ns, g->step.ts_exch_ns);
    cr_expect_eq(in->ts_rx_ns, g->step.ts_rx_ns);
    cr_expect_float_eq(in->score, 0.8, 1e-12);
    cr_expect_float_eq(in->confidence, 0.95, 1e-12);
    cr_expect_eq(in->contrib[0], 10);
    cr_expect_eq(in->contrib[1], OCT_STRATEGY_NONE);
    /* 100 x 0.8 x 0.95 = 76 whole shares */
    cr_expect_eq(in->qty.v, SHARES(76).v);
    cr_expect_eq(in->short_sale, 0);
}

Test(direct, a_position_is_closed_when_its_signal_turns)
{
    struct rig *g = imbalance_rig();
    const struct oct_intent *in;

    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    rig_done(g);
    wait(g);
    rig_bbo(g, 7, 1000000, 950, 1000200, 50);
    cr_expect_eq(g->intent_cnt, 1, "one position at a time");
    rig_bbo(g, 7, 1000000, 100, 1000200, 120);
    cr_assert_eq(g->intent_cnt, 2);
    in = rig_last(g);
    cr_expect_eq(in->side, OCT_SELL);
    cr_expect_eq(in->px.v, PX(1000000).v);
    cr_expect_eq(in->qty.v, SHARES(76).v);
    cr_expect_eq(in->short_sale, 0, "it is covered");
    rig_done(g);
    wait(g);
    rig_bbo(g, 7, 1000000, 100, 1000200, 120);
    cr_expect_eq(g->intent_cnt, 2);
}

Test(direct, selling_what_is_not_there_is_marked_short)
{
    struct rig *g = imbalance_rig();

    rig_bbo(g, 7, 1000000, 100, 1000200, 900);
    cr_assert_eq(g->intent_cnt, 1);
    cr_expect_eq(rig_last(g)->side, OCT_SELL);
    cr_expect_eq(rig_last(g)->short_sale, 1);
    rig_done(g);
    wait(g);
    rig_bbo(g, 7, 1000000, 110, 1000200, 100);
    cr_expect_eq(rig_last(g)->side, OCT_BUY);
    cr_expect_eq(rig_last(g)->short_sale, 0);
}

Test(direct, nothing_is_opened_where_it_must_not_be_traded)
{
    struct rig *g = imbalance_rig();

    g->inst[0].known = 0;
    g->inst[1].trading = 'H';
    g->inst[2].stale = OCT_STALE_LOST;
    g->inst[3].locked = 2;
    g->inst[4].trading = ' ';
    for (uint32_t i = 0; i < 5; i++)
        rig_bbo(g, i, 1000000, 900, 1000200, 100);
    rig_bbo(g, 5, 0, 0, 1000200, 100);
    rig_bbo(g, 5, 1000000, 900, 0, 0);
    rig_bbo(g, INST_CNT - 1, 1000000, 500, 1000200, 500);
    rig_event(g, INST_CNT, OCT_MARKET_BBO); /* out of range: counted, not read */
    cr_expect_eq(g->intent_cnt, 0);
}

Test(direct, a_refusal_makes_a_pause)
{
    struct rig *g = imbalance_rig();

    g->refuse = OCT_RISK_COLLAR;
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    cr_assert_eq(g->intent_cnt, 1);
    for (int i = 0; i < 9; i++) {
        g->step.now_ns += 100 * INT64_C(1000000);
        rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    }
    cr_expect_eq(g->intent_cnt, 1, "0.9 s later");
    rig_bbo(g, 8, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 2, "elsewhere it goes on");
    g->step.now_ns += 100 * INT64_C(1000000);
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 3);
    cr_expect_eq(oct_count_get(&g->counters[OCT_STRATEGY_C_REFUSED]), 3);
}

Test(direct, an_unfilled_order_is_not_repeated_within_the_gap)
{
    struct rig *g = imbalance_rig();
    struct oct_intent in;

    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    in = *rig_last(g);
    rig_bbo(g, 7, 1000000, 901, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 1, "in flight");
    rig_update(g, &in, 1, OCT_ORD_STATE_CANCELLED, SHARES(0), SHARES(0));
    rig_bbo(g, 7, 1000000, 902, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 1, "within min_gap_ns");
    g->step.now_ns += 100 * INT64_C(1000000);
    rig_bbo(g, 7, 1000000, 903, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 2);
}

Test(direct, the_message_rate_of_a_strategy_is_bounded)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    p->rate_max = 10;
    rig_start(g);
    for (uint32_t i = 0; i < 30; i++)
        rig_bbo(g, i, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 10);
    wait(g);
    for (uint32_t i = 30; i < 60; i++)
        rig_bbo(g, i, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 20);
}

Test(direct, a_resting_order_is_withdrawn_when_old_or_when_the_signal_turns)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);
    struct oct_intent in;

    p->threshold = OCT_RATIO(0.6);
    p->take = 0;
    rig_start(g);
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    in = *rig_last(g);
    cr_expect_eq(in.px.v, PX(1000000).v, "joins the bid");
    cr_expect_eq(in.tif, OCT_TIF_DAY);
    rig_works(g, &in, 1);
    rig_bbo(g, 7, 1000000, 600, 1000200, 500);
    cr_expect_eq(g->intent_cnt, 1);
    rig_bbo(g, 7, 1000000, 400, 1000200, 500);
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_CANCEL);
    cr_expect_eq(rig_last(g)->order_id, 1);
    wait(g);
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    in = *rig_last(g);
    cr_assert_eq(g->intent_cnt, 3);
    rig_works(g, &in, 2);
    wait(g);
    rig_event(g, 7, OCT_MARKET_TRADE);
    cr_assert_eq(g->intent_cnt, 4);
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_CANCEL);
}

Test(direct, a_halt_withdraws_what_rests)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    p->take = 0;
    rig_start(g);
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    rig_works(g, &g->intent[0], 1);
    g->inst[7].trading = 'H';
    rig_event(g, 7, OCT_MARKET_STATE);
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_CANCEL);
}

Test(direct, an_old_position_is_closed)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    p->hold_ns = 5 * SECOND;
    rig_start(g);
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    rig_done(g);
    g->step.now_ns += 5 * SECOND - 1;
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 1);
    g->step.now_ns++;
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 2);
    cr_expect_eq(rig_last(g)->side, OCT_SELL);
}

/* ---- on bars, and together -------------------------------------------------------------------- */

static struct rig *three(void)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p;

    p = rig_add(g, OCT_STRATEGY_MOMENTUM); /* 10 */
    p->threshold = OCT_RATIO(0.001);
    p->scale = OCT_RATIO(0.002);
    p = rig_add(g, OCT_STRATEGY_MEAN_REVERSION); /* 11 */
    p->threshold = OCT_RATIO(2.0);
    p->scale = OCT_RATIO(3.0);
    p = rig_add(g, OCT_STRATEGY_TECHNICAL); /* 12 */
    p->threshold = OCT_RATIO(0.5);
    rig_start(g);
    return g;
}

static void trend(struct oct_features *f, double momentum)
{
    f->momentum = momentum;
    f->sma_fast = 100 + momentum;
    f->sma_slow = 100;
    f->macd = momentum;
    f->macd_signal = 0;
    f->rsi = 50;
}

Test(direct, momentum_and_technical_look_when_a_bar_closes)
{
    struct rig *g = three();
    const struct oct_intent *in;

    trend(&g->features[1], 0.0015);
    rig_event(g, 1, OCT_MARKET_BBO);
    rig_event(g, 1, OCT_MARKET_TRADE);
    cr_expect_eq(g->intent_cnt, 0);
    rig_event(g, 1, OCT_MARKET_BAR);
    /* Both fire: each opens for itself, with both votes. */
    cr_assert_eq(g->intent_cnt, 2);
    in = &g->intent[0];
    cr_expect_eq(in->strategy, 10);
    cr_expect_eq(in->contrib[0], 10);
    cr_expect_eq(in->contrib[1], 12);
    cr_expect_eq(in->contrib[2], OCT_STRATEGY_NONE);
    /* momentum 0.75 with 0.875, technical 2/3 with 2/3 */
    cr_expect_float_eq(in->weight[0], 0.875 / (0.875 + 2.0 / 3), 1e-12);
    cr_expect_float_eq(in->signal[0], 0.75, 1e-12);
    cr_expect_float_eq(in->signal[1], 2.0 / 3, 1e-12);
    cr_expect_float_eq(in->score, in->weight[0] * 0.75 + in->weight[1] * 2.0 / 3, 1e-12);
    cr_expect_eq(g->intent[1].strategy, 12);
    cr_expect_float_eq(g->intent[1].score, in->score, 1e-15);
}

Test(direct, bars_of_another_interval_do_not_concern_them)
{
    struct rig *g = three();
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = 1, .what = OCT_MARKET_BAR,
                           .interval_s = 60};

    trend(&g->features[1], 0.0015);
    oct_strategy_on_msg(g->a, &g->step, &m.hdr);
    cr_expect_eq(g->intent_cnt, 0);
}

Test(direct, mean_reversion_looks_when_the_price_leaves_the_bands)
{
    struct rig *g = three();

    g->features[1].boll_mid = 100.01;
    g->features[1].boll_up = 100.03;
    g->features[1].boll_low = 99.99;
    rig_event(g, 1, OCT_MARKET_BAR);
    rig_bbo(g, 1, 1000100, 500, 1000300, 500);
    cr_expect_eq(g->intent_cnt, 0, "100.02 is one standard deviation");
    rig_bbo(g, 1, 1000200, 500, 1000400, 500);
    cr_assert_eq(g->intent_cnt, 1);
    cr_expect_eq(rig_last(g)->strategy, 11);
    cr_expect_eq(rig_last(g)->side, OCT_SELL);
    cr_expect_float_eq(rig_last(g)->score, -2.0 / 3, 1e-6);
}

Test(direct, a_strategy_that_is_outvoted_does_not_trade)
{
    struct rig *g = three();

    trend(&g->features[1], 0.0015); /* two votes to buy */
    g->features[1].boll_mid = 99.0; /* one to sell */
    g->features[1].boll_up = 99.5;
    rig_event(g, 1, OCT_MARKET_BAR);
    cr_expect_eq(oct_count_get(&g->counters[OCT_STRATEGY_C_INTENTS]), 0);
    cr_expect_geq(oct_count_get(&g->counters[OCT_STRATEGY_C_OUTVOTED]), 1);
}

Test(direct, low_confidence_holds)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    p->min_confidence = OCT_RATIO(0.96); /* more than there can be */
    rig_start(g);
    rig_bbo(g, 7, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 0);
    cr_expect_eq(oct_count_get(&g->counters[OCT_STRATEGY_C_UNSURE]), 1);
}

Test(direct, only_enabled_instruments_are_traded)
{
    struct rig *g = rig_new();
    uint64_t insts[2] = {0, 1}; /* instrument 64 */
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    g->def[0].insts = insts;
    rig_start(g);
    for (uint32_t i = 0; i < INST_CNT; i++)
        rig_bbo(g, i, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 1);
    cr_expect_eq(rig_last(g)->inst, 64);
}
