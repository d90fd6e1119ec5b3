/* Market making: where the quotes lie, when they move, when they go. */
#include "dataplane/base/rng.h"
#include "tests/unit/agents/strategy/rig.h"

static struct rig *maker(void)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_MARKET_MAKING);

    p->qty = SHARES(100).v;
    p->max_pos = SHARES(300).v;
    p->half_spread = OCT_RATIO(1.5);
    p->skew = OCT_RATIO(3.0);
    p->requote = OCT_RATIO(1.0);
    p->min_gap_ns = 1000;
    return g;
}

/* Both quotes rest with ids 1 (bid) and 2 (offer). */
static struct rig *quoting(void)
{
    struct rig *g = maker();

    rig_start(g);
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_assert_eq(g->intent_cnt, 2);
    rig_works(g, &g->intent[0], 1);
    rig_works(g, &g->intent[1], 2);
    g->step.now_ns += 1000;
    return g;
}

Test(maker, quotes_lie_around_the_microprice_on_the_tick_away_from_it)
{
    struct rig *g = maker();

    rig_start(g);
    /* microprice 100.02: 100.005 down to 100.00, 100.035 up to 100.04 */
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_eq(g->intent[0].side, OCT_BUY);
    cr_expect_eq(g->intent[0].px.v, PX(1000000).v);
    cr_expect_eq(g->intent[1].side, OCT_SELL);
    cr_expect_eq(g->intent[1].px.v, PX(1000400).v);
    cr_expect_eq(g->intent[1].short_sale, 1);
    cr_expect_eq(g->intent[0].qty.v, SHARES(100).v);
    cr_expect_eq(g->intent[0].tif, OCT_TIF_DAY);
    cr_expect_eq(g->intent[0].contrib[0], 10);
    cr_expect(g->intent[0].weight[0] == 1.0);
}

Test(maker, quotes_follow_by_replacing)
{
    struct rig *g = quoting();

    rig_bbo(g, 1, 1000000, 501, 1000400, 500);
    cr_expect_eq(g->intent_cnt, 2, "a hair is no reason");
    rig_bbo(g, 1, 1000100, 500, 1000500, 500);
    cr_assert_eq(g->intent_cnt, 4);
    cr_expect_eq(g->intent[2].action, OCT_ACTION_REPLACE);
    cr_expect_eq(g->intent[2].order_id, 1);
    cr_expect_eq(g->intent[2].px.v, PX(1000100).v);
    cr_expect_eq(g->intent[3].order_id, 2);
    g->step.now_ns += 1000;
    rig_bbo(g, 1, 1000200, 500, 1000600, 500);
    cr_expect_eq(g->intent_cnt, 4, "answers are on their way");
}

Test(maker, a_rejected_replacement_leaves_the_old_quote)
{
    struct rig *g = quoting();
    struct oct_intent bid = g->intent[0];

    rig_bbo(g, 1, 1000100, 500, 1000500, 500); /* ids 3 and 4 */
    rig_update(g, &g->intent[2], 3, OCT_ORD_STATE_REJECTED, SHARES(0), SHARES(0));
    rig_works(g, &bid, 1);
    g->step.now_ns += 2 * SECOND;
    rig_bbo(g, 1, 1000100, 500, 1000500, 500);
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_REPLACE);
    cr_expect_eq(rig_last(g)->order_id, 1);
}

Test(maker, an_accepted_replacement_is_what_is_replaced_next)
{
    struct rig *g = quoting();
    struct oct_intent bid = g->intent[0];

    rig_bbo(g, 1, 1000100, 500, 1000500, 500);
    rig_works(g, &g->intent[2], 3);
    rig_update(g, &bid, 1, OCT_ORD_STATE_CLOSED, SHARES(0), SHARES(0));
    g->step.now_ns += 2 * SECOND;
    rig_bbo(g, 1, 1000200, 500, 1000600, 500);
    cr_assert_eq(g->intent_cnt, 5, "the offer's answer is still out");
    cr_expect_eq(g->intent[4].order_id, 3);
}

Test(maker, inventory_moves_the_quotes_against_it)
{
    struct rig *g = maker();

    g->def[0].params.half_spread = OCT_RATIO(1.0);
    rig_start(g);
    rig_bbo(g, 1, 1000000, 500, 1000400, 500); /* 100.01 x 100.03 */
    cr_expect_eq(g->intent[0].px.v, PX(1000100).v);
    cr_expect_eq(g->intent[1].px.v, PX(1000300).v);
    rig_works(g, &g->intent[1], 2);
    rig_fill(g, &g->intent[0], SHARES(100));
    rig_update(g, &g->intent[0], 1, OCT_ORD_STATE_FILLED, SHARES(0), SHARES(100));
    g->step.now_ns += 1000;
    /* A third of max_pos: one tick down.  The offer is no short sale any more: it is renewed. */
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_assert_eq(g->intent_cnt, 4);
    cr_expect_eq(g->intent[2].px.v, PX(1000000).v);
    cr_expect_eq(g->intent[3].action, OCT_ACTION_CANCEL);
    g->step.now_ns += 1000;
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_assert_eq(g->intent_cnt, 5);
    cr_expect_eq(g->intent[4].px.v, PX(1000200).v);
    cr_expect_eq(g->intent[4].short_sale, 0, "the inventory covers it");
}

Test(maker, a_quote_whose_short_mark_would_change_is_withdrawn_not_replaced)
{
    struct rig *g = quoting();

    cr_expect_eq(g->intent[1].short_sale, 1);
    rig_fill(g, &g->intent[0], SHARES(100)); /* now the offer is covered */
    rig_update(g, &g->intent[0], 1, OCT_ORD_STATE_FILLED, SHARES(0), SHARES(100));
    rig_bbo(g, 1, 1000500, 500, 1000900, 500);
    cr_expect_eq(g->intent[3].action, OCT_ACTION_CANCEL);
    cr_expect_eq(g->intent[3].order_id, 2);
    g->step.now_ns += 1000;
    rig_bbo(g, 1, 1000600, 500, 1001000, 500);
    cr_expect_eq(rig_last(g)->side, OCT_SELL);
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_NEW);
    cr_expect_eq(rig_last(g)->short_sale, 0);
}

Test(maker, at_most_max_pos_is_bought)
{
    struct rig *g = quoting();

    rig_fill(g, &g->intent[0], SHARES(201)); /* 100 more would be 301 */
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_expect_eq(g->intent[2].action, OCT_ACTION_CANCEL);
    cr_expect_eq(g->intent[2].order_id, 1);
    for (uint32_t i = 3; i < g->intent_cnt; i++)
        cr_expect_eq(g->intent[i].side, OCT_SELL);
}

Test(maker, a_partly_filled_quote_is_replaced_to_its_full_size)
{
    struct rig *g = quoting();

    rig_fill(g, &g->intent[0], SHARES(40));
    rig_update(g, &g->intent[0], 1, OCT_ORD_STATE_WORKING, SHARES(60), SHARES(40));
    rig_bbo(g, 1, 1000500, 500, 1000900, 500);
    cr_expect_eq(g->intent[2].action, OCT_ACTION_REPLACE);
    cr_expect_eq(g->intent[2].qty.v, SHARES(140).v, "40 of the chain are filled");
}

Test(maker, quotes_never_cross_the_book)
{
    struct rig *g = maker();

    g->def[0].params.half_spread = 0;
    rig_start(g);
    rig_bbo(g, 1, 1000000, 100000, 1000100, 1);
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_lt(g->intent[0].px.v, PX(1000100).v);
    cr_expect_gt(g->intent[1].px.v, PX(1000000).v);
}

Test(maker, quotes_go_when_the_book_cannot_be_trusted_or_trading_halts)
{
    struct rig *g = quoting();

    g->inst[1].stale = OCT_STALE_GAP;
    rig_event(g, 1, OCT_MARKET_STATE);
    cr_assert_eq(g->intent_cnt, 4);
    cr_expect_eq(g->intent[2].action, OCT_ACTION_CANCEL);
    cr_expect_eq(g->intent[3].action, OCT_ACTION_CANCEL);
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_expect_eq(g->intent_cnt, 4);
    g->inst[1].stale = 0;
    g->step.now_ns += SECOND;
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_expect_eq(g->intent_cnt, 6, "and come back");
}

Test(maker, a_refused_bid_keeps_the_offer_back)
{
    struct rig *g = maker();

    g->refuse = OCT_RISK_HALTED;
    rig_start(g);
    rig_bbo(g, 1, 1000000, 500, 1000400, 500);
    cr_expect_eq(g->intent_cnt, 1);
}

Test(maker, below_a_dollar_the_finer_tick_is_used)
{
    struct rig *g = maker();

    rig_start(g);
    rig_bbo(g, 1, 5000, 500, 5004, 500); /* 0.5002 -+ 1.5 ticks of 0.0001 */
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_eq(g->intent[0].px.v, PX(5000).v);
    cr_expect_eq(g->intent[1].px.v, PX(5004).v);
}

/* A quote that stays is not worked out again; that must not show. */
static uint64_t looked[2];

static uint32_t walk(uint64_t seed, bool forget, struct oct_intent *out, uint32_t max)
{
    struct rig *g = maker();
    struct oct_strategy_params *p = &g->def[0].params;
    struct oct_rng rng;
    int64_t bid = 1000000;
    uint32_t n = 0;

    oct_rng_init(&rng, seed);
    p->requote = OCT_RATIO(1.0 + 0.5 * (double)oct_rng_below(&rng, 16));
    p->half_spread = OCT_RATIO(0.5 * (double)oct_rng_below(&rng, 10));
    p->skew = OCT_RATIO(0.5 * (double)oct_rng_below(&rng, 4));
    p->rate_max = 1000;
    if (seed % 4 == 0)
        bid = 10600; /* where the tick changes */
    rig_start(g);
    for (uint32_t i = 0; i < 3000; i++) {
        int64_t move = (int64_t)oct_rng_below(&rng, 3) - 1, tick = bid < 10000 ? 1 : 100;
        bid += oct_rng_below(&rng, 3) == 0 ? move * tick : 0;
        bid = bid < 9000 ? 9000 : bid;
        g->step.now_ns += (int64_t)oct_rng_below(&rng, 3) * 1000;
        if (forget) { /* a parameter is set to what it is: everything is worked out again */
            struct oct_in_cmd cmd = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = OCT_CMD_PARAM,
                                     .strategy = 10, .key = OCT_STRATEGY_PARAM_weight,
                                     .value = p->weight};
            oct_strategy_on_msg(g->a, &g->step, &cmd.hdr);
        }
        if (oct_rng_below(&rng, 200) == 0) {
            g->ref[1].tick = PX(g->ref[1].tick.v == PX(100).v ? 200 : 100);
            rig_event(g, 1, OCT_MARKET_STATE);
        }
        rig_bbo(g, 1, bid, 1 + (int64_t)oct_rng_below(&rng, 900),
                bid + tick * (1 + (int64_t)oct_rng_below(&rng, 4)),
                1 + (int64_t)oct_rng_below(&rng, 900));
        for (uint32_t k = 0; k < g->intent_cnt; k++) {
            struct oct_intent in = g->intent[k];
            cr_assert_lt(n, max);
            out[n++] = in;
            if (in.action == OCT_ACTION_CANCEL)
                continue;
            uint64_t id = g->next_id - (g->intent_cnt - 1 - k);
            if (in.order_id)
                rig_update(g, &in, in.order_id, OCT_ORD_STATE_CLOSED, SHARES(0), SHARES(0));
            rig_works(g, &in, id);
            if (oct_rng_below(&rng, 4) == 0) {
                rig_fill(g, &in, in.qty);
                rig_update(g, &in, id, OCT_ORD_STATE_FILLED, SHARES(0), in.qty);
            }
        }
        g->intent_cnt = g->emitted_cnt = 0;
    }
    looked[forget] += oct_count_get(&g->counters[OCT_STRATEGY_C_EVALUATIONS]);
    return n;
}

Test(maker, what_is_sent_is_the_same_when_everything_is_worked_out_again_each_time)
{
    static struct oct_intent a[6000], b[6000];
    uint32_t total = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint32_t n = walk(seed, false, a, 6000), m = walk(seed, true, b, 6000);
        cr_assert_eq(n, m, "seed %lu: %u and %u", seed, n, m);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert_eq(a[i].px.v, b[i].px.v, "seed %lu, intent %u", seed, i);
            cr_assert_eq(a[i].order_id, b[i].order_id);
            cr_assert_eq(a[i].action, b[i].action);
            cr_assert_eq(a[i].side, b[i].side);
            cr_assert_eq(a[i].ts_exch_ns, b[i].ts_exch_ns);
        }
        total += n;
    }
    cr_assert_gt(total, 1000, "%u", total);
    cr_assert_lt(looked[0], looked[1] / 10 * 9, "%lu and %lu", looked[0], looked[1]);
}

Test(maker, hints_change_nothing_and_take_any_number)
{
    struct rig *g = quoting();
    uint64_t before = oct_strategy_digest(g->a);

    for (uint32_t i = 0; i < 2 * INST_CNT; i++) {
        oct_strategy_prefetch(g->a, i);
        oct_strategy_prefetch_alone(g->a, i);
    }
    oct_strategy_prefetch_alone(g->a, UINT32_MAX);
    cr_assert_eq(oct_strategy_digest(g->a), before);
    cr_assert_eq(g->intent_cnt, 2);
}
