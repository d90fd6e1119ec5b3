/* strategy.h - M4: what the market does becomes intents; no order leaves here, risk sees each one.
 *
 * In:  market (from realtime), order_update and fill (from execution), verdict (from risk: a
 *      refusal makes a pause), in_cmd (param, strategy_on, strategy_off, halt does not concern it).
 * Out: intent, to the lane's output and then to cfg.risk, in the same call; cmd_result for param.
 *
 * Five kinds are built in, and plug-ins come beside them; an instance is a kind with parameters, an
 * id and an account.
 *   momentum        return over 10 bars
 *   mean_reversion  distance from the mean of 20 bars in standard deviations, against it
 *   technical       mean of three votes: SMA 20 against 50, RSI, MACD against its signal
 *   imbalance       (bid - ask) / (bid + ask) quantity at the touch
 *   market_making   two quotes around the microprice, moved against the inventory, by replaces
 * signal.h has the first four as functions, fusion.h how they are combined: when the signal of one
 * instance fires, all that fire in the instrument vote with weight times confidence; the intent
 * goes out for the one that fired when the score agrees with it, and records who voted.
 *
 * Nothing is opened, and quotes are withdrawn, unless the instrument is known, trading, in sync and
 * not crossed.  An instance has at most one order in an instrument at a time, market making one a
 * side.  min_gap_ns, rate_max and backoff_ns (params.h) hold the message rate down.  Sales beyond
 * what the position covers are marked short.  Gaps, pauses and ages are counted in market time, the
 * latest exchange time seen, so that a session played faster than it was trades as it did; plug-ins
 * are given lane time.
 *
 * Thread:  the lane's.
 * Memory:  oct_strategy_footprint(cfg) bytes at 128, plug-in states included, fixed.
 * Cost:    one line of its own an instrument; a few nanoseconds when nothing fires, for any number
 *          of built-in instances. */
#ifndef OCT_STRATEGY_STRATEGY_H
#define OCT_STRATEGY_STRATEGY_H

#include "agents/strategy/params.h"
#include "agents/strategy/plugin.h"
#include "dataplane/port/agent.h"
#include "dataplane/port/view.h"

#define OCT_STRATEGY_INSTANCE_MAX 8u
#define OCT_STRATEGY_SLOT_MAX     65535u

/* -ENOENT for an unknown text; NULL for an unknown kind. */
int oct_strategy_kind_by_name(const char *text);
const char *oct_strategy_kind_name(enum oct_strategy_kind kind);

enum oct_strategy_counter {
    OCT_STRATEGY_C_CALLS,       /* market events */
    OCT_STRATEGY_C_EVALUATIONS, /* of them, instances looked at closely */
    OCT_STRATEGY_C_INTENTS,
    OCT_STRATEGY_C_CANCELS,   /* of them, cancels */
    OCT_STRATEGY_C_OUTVOTED,  /* fired, but the fusion did not agree */
    OCT_STRATEGY_C_UNSURE,    /* fired, but confidence was below the least */
    OCT_STRATEGY_C_HELD_BACK, /* wanted, but for min_gap, rate or backoff */
    OCT_STRATEGY_C_REFUSED,   /* verdicts that refused */
    OCT_STRATEGY_C_NO_SLOT,   /* no room to track another (instance, instrument) */
    OCT_STRATEGY_C_CNT,
};
extern const struct oct_counter_def oct_strategy_counter_defs[OCT_STRATEGY_C_CNT];

/* One instance. */
struct oct_strategy_def {
    char name[16];
    uint8_t kind; /* enum oct_strategy_kind */
    uint8_t on;   /* from the start */
    uint16_t id;  /* as in orders, limits and the kill word; no two the same */
    uint16_t account;
    uint16_t pad;
    struct oct_strategy_params params;
    const uint64_t *insts;           /* bit i of word i / 64: instrument i; NULL: all; copied */
    const struct oct_plugin *plugin; /* kind plugin */
    int64_t plugin_param[OCT_PLUGIN_PARAM_CNT];
};

struct oct_strategy_cfg {
    const struct oct_view *view;
    struct oct_sink risk;         /* intents */
    struct oct_counter *counters; /* OCT_STRATEGY_C_CNT */
    uint32_t inst_cnt;
    uint32_t slot_cnt_max;   /* pairs of instance and instrument with an order or position today; up
                              to OCT_STRATEGY_SLOT_MAX */
    uint32_t bar_interval_s; /* of the indicators; as realtime's */
    uint32_t def_cnt;        /* up to OCT_STRATEGY_INSTANCE_MAX */
    uint64_t seed;           /* given to plug-ins */
    const struct oct_strategy_def *defs; /* copied */
};

struct oct_strategy; /* opaque */

/* 0 when a figure is out of range or a plug-in refuses. */
size_t oct_strategy_footprint(const struct oct_strategy_cfg *cfg);
/* NULL when it has no footprint or a plug-in's init refuses. */
struct oct_strategy *oct_strategy_new(void *mem, const struct oct_strategy_cfg *cfg);

/* The agent's one entry for records. */
OCT_HOT void oct_strategy_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m);

/* A hint that something of the instrument comes up; any number will do. */
OCT_HOT void oct_strategy_prefetch(const struct oct_strategy *self, uint32_t inst);
/* A hint that it comes up next and alone: also what an order in it would need. */
OCT_HOT void oct_strategy_prefetch_alone(const struct oct_strategy *self, uint32_t inst);

uint64_t oct_strategy_digest(const void *self);

#endif
