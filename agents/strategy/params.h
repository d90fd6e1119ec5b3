/* params.h - what can be set about a strategy, by configuration and by command.
 *
 * Thread:  one.
 * Memory:  a plain struct. */
#ifndef OCT_STRATEGY_PARAMS_H
#define OCT_STRATEGY_PARAMS_H

#include "dataplane/base/attr.h"
#include "dataplane/base/px.h"
#include "dataplane/msg/msg.h"

#define OCT_ENUM_STRATEGY_KIND(E)          \
    E(0, MOMENTUM, "momentum")             \
    E(1, MEAN_REVERSION, "mean_reversion") \
    E(2, TECHNICAL, "technical")           \
    E(3, IMBALANCE, "imbalance")           \
    E(4, MARKET_MAKING, "market_making")   \
    E(5, PLUGIN, "plugin")

enum oct_strategy_kind {
#define E(v, n, t) OCT_STRATEGY_##n = (v),
    OCT_ENUM_STRATEGY_KIND(E)
#undef E
};

enum oct_strategy_unit {
    OCT_STRATEGY_UNIT_RATIO, /* 1e-9 */
    OCT_STRATEGY_UNIT_QTY,   /* 1e-8 */
    OCT_STRATEGY_UNIT_NS,
    OCT_STRATEGY_UNIT_COUNT,
};

/* P(key, name, unit, default, least, most, meaning).  Values are whole numbers of their unit.  Keys
 * are what commands carry; names are what configuration and people use. */
/* clang-format off */
#define OCT_RATIO(x) ((int64_t)((x) * 1e9))
#define OCT_STRATEGY_PARAMS(P) \
    P(1, weight, RATIO, OCT_RATIO(1.0), 0, OCT_RATIO(100.0), \
      "share in the fusion, before all shares are made to sum to 1") \
    P(2, threshold, RATIO, OCT_RATIO(0.5), 0, OCT_RATIO(1000.0), \
      "where the signal fires (default by kind): momentum, the return; mean_reversion, standard deviations from " \
      "the mean; technical, the mean of three votes; imbalance, the imbalance") \
    P(3, scale, RATIO, OCT_RATIO(1.0), 1, OCT_RATIO(1000.0), \
      "where the signal is full (default by kind): as threshold; not for technical, imbalance") \
    P(4, enter, RATIO, OCT_RATIO(0.3), 0, OCT_RATIO(1.0), \
      "fused score at which a position is opened") \
    P(5, leave, RATIO, 0, OCT_RATIO(-1.0), OCT_RATIO(1.0), \
      "own signal in the position's direction at or below which it is closed") \
    P(6, min_confidence, RATIO, OCT_RATIO(0.55), 0, OCT_RATIO(1.0), \
      "fused confidence below which nothing is opened") \
    P(7, qty, QTY, 100 * OCT_QTY_ONE, 0, INT64_MAX / 4, \
      "quantity at full score and confidence; market_making: of each quote") \
    P(8, max_pos, QTY, 500 * OCT_QTY_ONE, 0, INT64_MAX / 4, \
      "market_making: inventory at which a side is no longer quoted") \
    P(9, min_gap_ns, NS, 100 * INT64_C(1000000), 0, INT64_MAX / 4, \
      "least time between two messages of the strategy in one instrument") \
    P(10, rate_max, COUNT, 50, 0, 1000000, \
      "messages of the strategy, in all instruments, in about a second; cancels are not held back") \
    P(11, backoff_ns, NS, INT64_C(1000000000), 0, INT64_MAX / 4, \
      "pause in the instrument after a refusal or a rejection") \
    P(12, take, COUNT, 1, 0, 1, \
      "1: cross the spread with an immediate-or-cancel order; 0: join the near side and wait") \
    P(13, ttl_ns, NS, 2 * INT64_C(1000000000), 0, INT64_MAX / 4, \
      "a waiting order is withdrawn after this") \
    P(14, hold_ns, NS, 30 * INT64_C(1000000000), 0, INT64_MAX / 4, \
      "a position is closed after this; 0: never for its age") \
    P(15, half_spread, RATIO, OCT_RATIO(1.0), 0, OCT_RATIO(100000.0), \
      "market_making: distance of a quote from the reservation price, in ticks") \
    P(16, skew, RATIO, OCT_RATIO(2.0), 0, OCT_RATIO(100000.0), \
      "market_making: how far the reservation price moves at max_pos, in ticks") \
    P(17, requote, RATIO, OCT_RATIO(1.0), 0, OCT_RATIO(100000.0), \
      "market_making: a quote is moved when it is off by this many ticks") \
    P(18, rsi_low, RATIO, OCT_RATIO(30.0), 0, OCT_RATIO(100.0), \
      "technical: RSI below this votes to buy") \
    P(19, rsi_high, RATIO, OCT_RATIO(70.0), 0, OCT_RATIO(100.0), \
      "technical: RSI above this votes to sell") \
    P(20, post_only, COUNT, 0, 0, 1, \
      "1: waiting orders are marked post-only")
/* clang-format on */

enum oct_strategy_param {
#define P(key, name, unit, def, least, most, doc) OCT_STRATEGY_PARAM_##name = (key),
    OCT_STRATEGY_PARAMS(P)
#undef P
        OCT_STRATEGY_PARAM_END = 21,
    /* A plug-in's own: PLUGIN + n, n below OCT_PLUGIN_PARAM_CNT. */
    OCT_STRATEGY_PARAM_PLUGIN = 64,
};

struct oct_strategy_params {
#define P(key, name, unit, def, least, most, doc) int64_t name;
    OCT_STRATEGY_PARAMS(P)
#undef P
};

/* A value of the unit counts 10^-decimals. */
static inline unsigned oct_strategy_unit_decimals(enum oct_strategy_unit unit)
{
    return unit == OCT_STRATEGY_UNIT_RATIO ? 9 : unit == OCT_STRATEGY_UNIT_QTY ? 8 : 0;
}

struct oct_strategy_param_def {
    const char *name;
    const char *doc;
    int64_t def;
    int64_t least;
    int64_t most;
    uint16_t key;
    uint8_t unit; /* enum oct_strategy_unit */
};

/* In the order of keys. */
extern const struct oct_strategy_param_def oct_strategy_param_defs[OCT_STRATEGY_PARAM_END - 1];

/* NULL for an unknown name. */
const struct oct_strategy_param_def *oct_strategy_param_by_name(const char *name);

/* Defaults of a kind: those of the table, but for threshold and scale, which mean something else in
 * each: momentum 0.0005 and 0.002, mean_reversion 2 and 3, technical 0.5, imbalance 0.6, a plug-in
 * 0.1. */
void oct_strategy_params_init(struct oct_strategy_params *p, enum oct_strategy_kind kind);

/* DONE and the value before in *old; NOT_FOUND for an unknown key, BAD_VALUE outside least..most:
 * nothing changed. */
enum oct_cmd_result_kind oct_strategy_param_set(struct oct_strategy_params *p, uint32_t key,
                                                int64_t value, int64_t *old);

OCT_INLINE double oct_ratio(int64_t v)
{
    return (double)v * 1e-9;
}

#endif
