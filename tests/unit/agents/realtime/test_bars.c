/* Bars: when they open and close, what is in them, what moves the indicators. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "dataplane/base/rng.h"
#include "tests/unit/agents/realtime/rig.h"

#define T0 SECONDS(34200)

static struct rig *started(uint32_t interval_s)
{
    struct oct_realtime_cfg cfg = rig_cfg();
    cfg.bar_interval_s = interval_s;
    struct rig *g = rig_new(&cfg);
    rig_at(g, T0);
    return g;
}

static void tick(struct rig *g, uint32_t inst, int64_t ts, double px, int64_t shares)
{
    rig_at(g, ts);
    rig_trade(g, inst, PX(px), SHARES(shares));
}

static uint32_t bars_of(const struct rig *g, uint32_t interval_s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->bar_cnt; i++)
        n += g->bar[i].interval_s == interval_s;
    return n;
}

Test(realtime_bars, a_bar_holds_the_trades_of_its_second)
{
    struct rig *g = started(1);
    tick(g, 1, T0 + 1, 10.00, 100);
    tick(g, 1, T0 + 400000000, 10.04, 100);
    tick(g, 1, T0 + 600000000, 9.98, 200);
    tick(g, 1, T0 + 999999999, 10.01, 100);
    cr_assert_eq(g->bar_cnt, 0);
    tick(g, 1, T0 + SECONDS(1), 11.00, 100);
    cr_assert_eq(g->bar_cnt, 1);
    const struct oct_bar *b = &g->bar[0];
    cr_assert_eq(b->inst, 1);
    cr_assert_eq(b->interval_s, 1);
    cr_assert_eq(b->start_ns, T0);
    cr_assert_eq(b->open.v, PX(10.00).v);
    cr_assert_eq(b->high.v, PX(10.04).v);
    cr_assert_eq(b->low.v, PX(9.98).v);
    cr_assert_eq(b->close.v, PX(10.01).v);
    cr_assert_eq(b->volume.v, SHARES(500).v);
    cr_assert_eq(b->trade_cnt, 4);
    cr_assert_eq(b->vwap.v, 10002000000, "5001.00 / 500, not %ld", b->vwap.v);
    cr_assert_float_eq(g->view.features[1].vwap, (5001.0 + 1100) / 600, 1e-9);
    cr_assert_float_eq(g->view.features[1].last_close, 10.01, 1e-12);
    cr_assert_eq(g->view.features[1].bar_cnt, 1);
}

Test(realtime_bars, a_message_of_any_instrument_closes_what_is_over)
{
    struct rig *g = started(1);
    tick(g, 1, T0 + 5, 10, 1);
    rig_forget(g);
    rig_at(g, T0 + SECONDS(1) - 1);
    rig_delete(g, 2, 12345);
    cr_assert_eq(g->bar_cnt, 0);
    rig_at(g, T0 + SECONDS(1));
    rig_delete(g, 2, 12345);
    cr_assert_eq(g->bar_cnt, 1);
    cr_assert_eq(g->bar[0].inst, 1);
    cr_assert_eq(g->market[0].what, OCT_MARKET_BAR);
    cr_assert_eq(g->market[0].interval_s, 1);
    cr_assert_eq(g->market[0].inst, 1);
}

Test(realtime_bars, one_message_closes_a_few_bars_and_the_next_ones_the_rest)
{
    struct rig *g = started(1);
    for (uint32_t i = 1; i <= 10; i++)
        tick(g, i, T0 + i, 10, 1);
    rig_at(g, T0 + SECONDS(1) + 5);
    rig_delete(g, 2, 12345);
    cr_assert_eq(g->bar_cnt, OCT_REALTIME_CLOSE_MAX);
    rig_delete(g, 2, 12345);
    cr_assert_eq(g->bar_cnt, 2 * OCT_REALTIME_CLOSE_MAX);
    rig_delete(g, 2, 12345);
    rig_delete(g, 2, 12345);
    cr_assert_eq(g->bar_cnt, 10);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(g->bar[i].inst, i + 1);
}

Test(realtime_bars, an_instruments_own_trade_closes_its_bar_before_it_counts)
{
    struct rig *g = started(1);
    for (uint32_t i = 1; i <= 10; i++)
        tick(g, i, T0 + i, 10, 1);
    tick(g, 10, T0 + SECONDS(1), 20, 1);
    cr_assert_eq(g->bar[0].inst, 10);
    cr_assert_eq(g->bar[0].high.v, PX(10).v);
    cr_assert_eq(g->bar_cnt, 1 + OCT_REALTIME_CLOSE_MAX);
}

Test(realtime_bars, longer_bars_are_made_of_shorter_ones)
{
    struct rig *g = started(60);
    for (int64_t s = 0; s < 700; s += 7)
        tick(g, 1, T0 + SECONDS(s), 10 + (double)(s % 11) / 100, 1 + s);
    rig_wait(g, SECONDS(400));
    rig_wait(g, SECONDS(400));
    cr_assert_eq(bars_of(g, 1), 100);
    cr_assert_eq(bars_of(g, 60), 12);
    cr_assert_eq(bars_of(g, 300), 3);
    cr_assert_eq(g->view.features[1].bar_cnt, 12);
    for (uint32_t i = 0; i < g->bar_cnt; i++) {
        const struct oct_bar *b = &g->bar[i];
        int64_t end = b->start_ns + SECONDS(b->interval_s), volume = 0, last = 0;
        uint32_t trades = 0;
        cr_assert_eq(b->start_ns % SECONDS(b->interval_s), 0);
        for (int64_t s = 0; s < 700; s += 7) {
            if (T0 + SECONDS(s) < b->start_ns || T0 + SECONDS(s) >= end)
                continue;
            volume += SHARES(1 + s).v;
            last = PX(10 + (double)(s % 11) / 100).v;
            trades++;
        }
        cr_assert_eq(b->volume.v, volume);
        cr_assert_eq(b->trade_cnt, trades);
        cr_assert_eq(b->close.v, last);
    }
}

Test(realtime_bars, an_interval_without_a_trade_has_no_bar)
{
    struct rig *g = started(1);
    tick(g, 1, T0, 10, 1);
    tick(g, 1, T0 + SECONDS(30), 11, 1);
    tick(g, 1, T0 + SECONDS(31), 12, 1);
    cr_assert_eq(bars_of(g, 1), 2);
    cr_assert_eq(g->bar[0].start_ns, T0);
    cr_assert_eq(g->bar[1].start_ns, T0 + SECONDS(30));
}

Test(realtime_bars, a_silent_feed_closes_bars_by_timer)
{
    struct rig *g = started(1);
    tick(g, 1, T0 + 900000000, 10, 1);
    rig_wait(g, 999000000);
    cr_assert_eq(g->bar_cnt, 0);
    rig_wait(g, SECONDS(2));
    cr_assert_eq(bars_of(g, 1), 1);
    cr_assert_eq(bars_of(g, 60), 0);
    rig_wait(g, SECONDS(60));
    cr_assert_eq(bars_of(g, 60), 1);
    rig_wait(g, SECONDS(300));
    cr_assert_eq(bars_of(g, 300), 1);
    cr_assert_eq(oct_timers_next(g->timers), INT64_MAX, "nothing is open, nothing is waited for");
}

Test(realtime_bars, a_feed_that_is_not_silent_is_left_alone_by_the_timer)
{
    struct rig *g = started(1);
    tick(g, 1, T0, 10, 1);
    /* Lane time runs much faster than exchange time here. */
    for (int i = 0; i < 50; i++) {
        rig_wait(g, 500000000);
        rig_delete(g, 2, 12345);
    }
    cr_assert_eq(g->bar_cnt, 0);
}

Test(realtime_bars, a_late_trade_counts_in_the_open_bar)
{
    struct rig *g = started(1);
    tick(g, 1, T0 + SECONDS(5), 10, 1);
    g->step.ts_exch_ns = T0 + SECONDS(3);
    rig_trade(g, 1, PX(9), SHARES(1));
    tick(g, 1, T0 + SECONDS(6), 10, 1);
    cr_assert_eq(g->bar_cnt, 1);
    cr_assert_eq(g->bar[0].trade_cnt, 2);
    cr_assert_eq(g->bar[0].low.v, PX(9).v);
}

Test(realtime_bars, a_new_day_forgets_open_bars_and_the_sessions_average)
{
    struct rig *g = started(1);
    tick(g, 1, T0, 10, 1);
    rig_code(g, OCT_MD_SYSTEM, 0, 'O');
    tick(g, 1, T0 + SECONDS(2), 20, 1);
    cr_assert_eq(g->bar_cnt, 0);
    cr_assert_float_eq(g->view.features[1].vwap, 20, 1e-12);
}

/* Every trade of a random market is in exactly one bar of each length. */
Test(realtime_bars, no_trade_is_lost_or_counted_twice)
{
    struct rig *g = started(1);
    struct oct_rng rng;
    int64_t volume[RIG_INST_CNT] = {0}, ts = T0;
    uint32_t trades[RIG_INST_CNT] = {0};
    oct_rng_init(&rng, 77);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t inst = (uint32_t)oct_rng_below(&rng, RIG_INST_CNT);
        int64_t shares = 1 + (int64_t)oct_rng_below(&rng, 100);
        ts += (int64_t)oct_rng_below(&rng, 60000000) * (oct_rng_below(&rng, 50) == 0 ? 100 : 1);
        g->market_cnt = g->trade_cnt = g->inst_cnt = 0;
        tick(g, inst, ts, 10 + (double)oct_rng_below(&rng, 100) / 100, shares);
        volume[inst] += SHARES(shares).v;
        trades[inst]++;
    }
    g->market_cnt = 0;
    rig_wait(g, SECONDS(1000));
    for (uint32_t len = 1, k = 0; k < 3; len = k == 0 ? 60 : 300, k++) {
        for (uint32_t inst = 0; inst < RIG_INST_CNT; inst++) {
            int64_t v = 0, prev = 0;
            uint32_t n = 0;
            for (uint32_t i = 0; i < g->bar_cnt; i++) {
                const struct oct_bar *b = &g->bar[i];
                if (b->inst != inst || b->interval_s != len)
                    continue;
                cr_assert_gt(b->start_ns, prev, "in order, no two of one start");
                cr_assert(b->low.v <= b->open.v && b->open.v <= b->high.v);
                cr_assert(b->low.v <= b->vwap.v && b->vwap.v <= b->high.v);
                prev = b->start_ns;
                v += b->volume.v;
                n += b->trade_cnt;
            }
            cr_assert_eq(v, volume[inst]);
            cr_assert_eq(n, trades[inst]);
        }
    }
}
