/* Signals against values worked by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "agents/strategy/signal.h"

#define NEAR 1e-12

static struct oct_strategy_params p;
static struct oct_features f;
static struct oct_inst_view v;

static void init(void)
{
    oct_strategy_params_init(&p, OCT_STRATEGY_MARKET_MAKING);
    f.sma_fast = f.sma_slow = f.rsi = f.macd = f.macd_signal = (double)NAN;
    f.boll_mid = f.boll_up = f.boll_low = f.momentum = (double)NAN;
}

TestSuite(signal, .init = init);

static void expect(struct oct_signal s, double signal, double confidence, bool fires)
{
    cr_expect_float_eq(s.signal, signal, NEAR, "%g", s.signal);
    cr_expect_float_eq(s.confidence, confidence, NEAR, "%g", s.confidence);
    cr_expect_eq(s.fires, fires);
}

Test(signal, momentum_is_the_return_over_its_scale)
{
    p.threshold = OCT_RATIO(0.0005);
    p.scale = OCT_RATIO(0.002);
    f.momentum = 0.001;
    expect(oct_signal_momentum(&p, &f), 0.5, 0.75, true);
    f.momentum = -0.001;
    expect(oct_signal_momentum(&p, &f), -0.5, 0.75, true);
    f.momentum = 0.0004;
    expect(oct_signal_momentum(&p, &f), 0.2, 0.6, false);
    f.momentum = 0.01;
    expect(oct_signal_momentum(&p, &f), 1.0, 1.0, true);
}

Test(signal, mean_reversion_goes_against_the_distance)
{
    p.threshold = OCT_RATIO(2.0);
    p.scale = OCT_RATIO(3.0);
    f.boll_mid = 100;
    f.boll_up = 101; /* one standard deviation is 0.5 */
    f.boll_low = 99;
    expect(oct_signal_mean_reversion(&p, &f, 101.0), -2.0 / 3, 0.5 + 1.0 / 3, true);
    expect(oct_signal_mean_reversion(&p, &f, 98.5), 1.0, 1.0, true);
    expect(oct_signal_mean_reversion(&p, &f, 99.25), 0.5, 0.75, false);
    expect(oct_signal_mean_reversion(&p, &f, 50), 1.0, 1.0, true);
    f.boll_up = 100; /* no deviation at all */
    expect(oct_signal_mean_reversion(&p, &f, 50), 0, 0, false);
}

Test(signal, technical_is_the_mean_of_three_votes)
{
    p.threshold = OCT_RATIO(0.5);
    f.sma_fast = 11;
    f.sma_slow = 10;
    f.macd = 0.2;
    f.macd_signal = 0.1;
    f.rsi = 25;
    expect(oct_signal_technical(&p, &f), 1.0, 1.0, true);
    f.rsi = 50;
    expect(oct_signal_technical(&p, &f), 2.0 / 3, 2.0 / 3, true);
    f.rsi = 75;
    expect(oct_signal_technical(&p, &f), 1.0 / 3, 2.0 / 3, false);
    f.macd = 0.1;
    expect(oct_signal_technical(&p, &f), 0, 0, false);
    f.macd = 0;
    f.sma_fast = 9;
    expect(oct_signal_technical(&p, &f), -1.0, 1.0, true);
    /* Exactly at the borders RSI does not vote. */
    f.rsi = 70;
    expect(oct_signal_technical(&p, &f), -2.0 / 3, 2.0 / 3, true);
    p.rsi_high = OCT_RATIO(69.0);
    expect(oct_signal_technical(&p, &f), -1.0, 1.0, true);
}

Test(signal, imbalance_is_the_touchs)
{
    p.threshold = OCT_RATIO(0.6);
    v.bid_qty.v = 900;
    v.ask_qty.v = 100;
    expect(oct_signal_imbalance(&p, &v), 0.8, 0.9, true);
    v.ask_qty.v = 226;
    cr_expect_not(oct_signal_imbalance(&p, &v).fires);
    v.bid_qty.v = 0;
    expect(oct_signal_imbalance(&p, &v), -1.0, 1.0, true);
    v.ask_qty.v = 0;
    expect(oct_signal_imbalance(&p, &v), 0, 0.5, false);
}

Test(signal, nothing_fires_before_there_are_indicators)
{
    p.threshold = 0;
    expect(oct_signal_momentum(&p, &f), 0, 0, false);
    expect(oct_signal_mean_reversion(&p, &f, 100), 0, 0, false);
    expect(oct_signal_technical(&p, &f), 0, 0, false);
    f.boll_mid = 100;
    f.boll_up = 101;
    expect(oct_signal_mean_reversion(&p, &f, (double)NAN), 0, 0, false);
    f.sma_fast = f.sma_slow = f.rsi = f.macd = 1;
    expect(oct_signal_technical(&p, &f), 0, 0, false);
    f.momentum = (double)INFINITY;
    expect(oct_signal_momentum(&p, &f), 0, 0, false);
}

Test(signal, parameters_are_named_bounded_and_have_defaults)
{
    struct oct_strategy_params before;
    int64_t old = 0;

    for (uint32_t key = 1; key < OCT_STRATEGY_PARAM_END; key++) {
        const struct oct_strategy_param_def *d = &oct_strategy_param_defs[key - 1];
        cr_assert_eq(d->key, key);
        cr_assert_eq(oct_strategy_param_by_name(d->name), d);
        cr_assert(d->least <= d->def && d->def <= d->most, "%s", d->name);
        cr_expect_eq(oct_strategy_param_set(&p, key, d->most, &old), OCT_CMD_RESULT_DONE);
        cr_expect_eq(old, d->def, "%s", d->name);
        cr_expect_eq(oct_strategy_param_set(&p, key, d->least, &old), OCT_CMD_RESULT_DONE);
        cr_expect_eq(old, d->most);
        before = p;
        if (d->most < INT64_MAX)
            cr_expect_eq(oct_strategy_param_set(&p, key, d->most + 1, &old),
                         OCT_CMD_RESULT_BAD_VALUE);
        cr_expect_eq(oct_strategy_param_set(&p, key, d->least - 1, &old), OCT_CMD_RESULT_BAD_VALUE);
        cr_assert_arr_eq(&p, &before, sizeof p);
    }
    cr_expect_eq(oct_strategy_param_set(&p, 0, 1, &old), OCT_CMD_RESULT_NOT_FOUND);
    cr_expect_eq(oct_strategy_param_set(&p, OCT_STRATEGY_PARAM_END, 1, &old),
                 OCT_CMD_RESULT_NOT_FOUND);
    cr_assert_null(oct_strategy_param_by_name("weights"));
}
