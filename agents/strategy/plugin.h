/* plugin.h - strategies from outside: a shared object with one symbol, `oct_plugin`.
 *
 * A plug-in is trusted code on the lane's thread; what is checked is that it cannot do by mistake
 * what a lane must not: it is loaded before the seal, its undefined symbols must be on the hot
 * allow-list (load.h), and it has no memory but what it is given.  It must be a pure function of
 * what it is called with: no clock, no globals, no randomness but from env->seed, so that a replay
 * decides the same.  docs/strategies.md has a worked example.
 *
 * Every call is on the lane's thread, to completion, in the order of the inputs.  Pointers in a
 * call are valid during the call.  A plug-in may do two things with an opinion:
 *   signal    say how it sees an instrument; it takes part in the fusion with the other strategies,
 *             and the agent opens and closes its positions by its parameters (params.h); or
 *   submit    place, replace and cancel orders itself.
 * Either way every order goes through risk. */
#ifndef OCT_STRATEGY_PLUGIN_H
#define OCT_STRATEGY_PLUGIN_H

#include "dataplane/msg/msg.h"
#include "dataplane/port/view.h"

#define OCT_PLUGIN_ABI       1u
#define OCT_PLUGIN_SYMBOL    "oct_plugin"
#define OCT_PLUGIN_PARAM_CNT 16u
#define OCT_PLUGIN_STATE_MAX (UINT64_C(1) << 30)

struct oct_plugin_cfg {
    uint32_t inst_cnt; /* instruments have ids below this */
    uint16_t strategy; /* its id */
    uint16_t account;
    uint64_t seed;
    int64_t param[OCT_PLUGIN_PARAM_CNT]; /* meaning is the plug-in's */
};

/* An order it wants.  The agent adds strategy, account, stamps, and marks sales as short. */
struct oct_plugin_order {
    uint64_t order_id; /* replace, cancel: the order concerned */
    uint32_t inst;
    uint8_t action;   /* enum oct_action: new, replace, cancel */
    uint8_t side;     /* enum oct_side */
    uint8_t ord_type; /* enum oct_ord_type */
    uint8_t tif;      /* enum oct_tif */
    oct_px px;        /* on the tick, 0 for market */
    oct_qty qty;      /* in total */
    uint8_t post_only;
    uint8_t pad[7];
};

/* What it may use during a call. */
struct oct_plugin_env {
    const struct oct_view *view; /* instruments, books, features, positions, orders: read only */
    int64_t now_ns;              /* lane time */
    int64_t ts_exch_ns;          /* exchange time of the message, 0 when there is none */
    uint64_t feed_seq;
    /* Signal from -1 (sell) to 1 (buy) and confidence from 0 to 1, kept until the next one. */
    void (*signal)(struct oct_plugin_env *env, uint32_t inst, double signal, double confidence);
    /* The order_update of an order that was taken comes back through on_order before this returns.
     * false: not given on (the strategy is off, or beyond its rate_max). */
    bool (*submit)(struct oct_plugin_env *env, const struct oct_plugin_order *order);
    /* A double as a price on a multiple of tick, rounded to the passive side; false when it has
     * none. */
    bool (*px_round)(double x, oct_px tick, enum oct_side side, oct_px *out);
    void *agent; /* not the plug-in's */
    uint32_t instance;
    uint32_t pad;
};

struct oct_plugin {
    uint32_t abi;   /* OCT_PLUGIN_ABI */
    uint32_t sz;    /* sizeof(struct oct_plugin) */
    char name[16];  /* shown to people */
    uint32_t wants; /* enum oct_market_what: the events it is called for */
    uint32_t pad;
    /* Bytes of state, at most OCT_PLUGIN_STATE_MAX; 0 refuses the configuration. */
    size_t (*footprint)(const struct oct_plugin_cfg *cfg);
    /* state is 128-aligned and zero.  0, or negative to refuse. */
    int (*init)(void *state, const struct oct_plugin_cfg *cfg);
    /* Only for instruments that are known, trading, in sync and not crossed, but for what = state,
     * which is always told. */
    void (*on_market)(void *state, struct oct_plugin_env *env, const struct oct_market *m);
    /* Its own orders and fills; NULL when it does not care. */
    void (*on_order)(void *state, struct oct_plugin_env *env, const struct oct_order_update *m);
    void (*on_fill)(void *state, struct oct_plugin_env *env, const struct oct_fill *m);
    /* A parameter is changed: 0, or negative to refuse; NULL refuses all. */
    int (*on_param)(void *state, uint32_t idx, int64_t value);
    /* Digest of everything in state that decides. */
    uint64_t (*digest)(const void *state);
};

#endif
