/* strategy_priv.h - the state of the strategy agent. */
#ifndef OCT_STRATEGY_STRATEGY_PRIV_H
#define OCT_STRATEGY_STRATEGY_PRIV_H

#include "agents/strategy/fusion.h"
#include "agents/strategy/signal.h"
#include "agents/strategy/strategy.h"
#include "dataplane/base/hash.h"

#define MAX OCT_STRATEGY_INSTANCE_MAX

/* One of our orders, as its updates tell. */
struct working {
    uint64_t id;   /* what to act on; 0: no order */
    uint64_t prev; /* the order it replaces, while that is still there */
    oct_px px;
    oct_qty open;
    oct_qty filled;   /* of the chain of replacements */
    int64_t since_ns; /* when id came up */
    uint8_t state;    /* enum oct_ord_state */
    uint8_t side;
    uint8_t short_sale; /* marked so; a replacement cannot change it */
    uint8_t pad[5];
};

/* An instance in an instrument, from its first order of the day on. */
struct slot {
    struct working order[2]; /* market making: by side; others: the first */
    oct_qty pos;
    int64_t quiet_ns; /* no message before this, but cancels */
    int64_t held_since_ns;
    double signal; /* plug-ins: the last one said */
    double confidence;
    uint32_t inst;
    uint8_t instance;
    uint8_t awaiting; /* 1 + index of the order being submitted */
    uint8_t awaiting_short;
    uint8_t pad[1];
};

/* Prices on the fast path, in 32 bits: units of 0.00013. */
#define PX_SHIFT 17

/* Everything the fast path reads of an instrument: one line. */
struct line {
    uint8_t mine; /* instances that trade it */
    uint8_t busy; /* instances with an order or a position in it: called for every event */
    uint8_t pad[6];
    uint16_t slot[MAX]; /* 0: none */
    /* Mean reversion looks closely when bid + ask is at most, or at least; 2^(PX_SHIFT + 1). */
    uint32_t band_low;
    uint32_t band_high;
    int64_t quiet_imb_ns; /* imbalance and mean reversion do not look again before this */
    int64_t quiet_rev_ns;
    int64_t quiet_maker_ns; /* the same for market making, when one instance does it */
    /* And its quotes stay where they are while the best bid is at least, and the best offer is below;
     * 2^PX_SHIFT; high 0: not known. */
    uint32_t still_low;
    uint32_t still_high;
};
_Static_assert(sizeof(struct line) == 64, "one line");

/* Messages of about the last second, in eight slots of 2^27 ns. */
#define RATE_SHIFT 27
struct rate {
    int64_t slot;
    uint32_t sum;
    uint32_t cnt[8];
    uint32_t pad;
};

struct instance {
    struct oct_strategy_def def;
    struct rate rate;
    void *state; /* plug-in's */
    uint8_t on;
    uint8_t pad[7];
};

struct oct_strategy {
    struct oct_strategy_cfg cfg;
    const struct oct_view *view;
    struct line *line; /* [inst_cnt] */
    struct slot *slot; /* [slot_cnt_max + 1]; 0 is none */
    uint32_t slot_cnt;
    uint32_t inst_cnt;
    uint8_t on;  /* instances switched on */
    uint8_t imb; /* instances of each kind */
    uint8_t rev;
    uint8_t maker;
    uint8_t on_bar; /* momentum and technical */
    uint8_t plugged;
    uint8_t votes; /* those that have signals */
    uint8_t instance_cnt;
    uint8_t held; /* instances that used up their message rate; until the window moves */
    uint8_t pad[7];
    int64_t held_until_ns;
    double imb_threshold; /* least of the instances' */
    double rev_threshold;
    uint64_t intent_cnt;
    int64_t now_ns; /* market time: the latest exchange time of any step */
    struct instance instance[MAX];
    uint8_t by_id[256]; /* strategy id -> 1 + instance; ids are below 256 */
};

/* What an intent says beside what is common to all. */
struct want {
    uint64_t order_id;
    oct_px px;
    oct_qty qty;
    uint8_t action;
    uint8_t side;
    uint8_t ord_type;
    uint8_t tif;
    uint8_t post_only;
    uint8_t which; /* index of slot.order */
    uint8_t pad[2];
    const struct oct_fusion *fusion; /* NULL: the instance alone */
    double signal;                   /* when alone */
    double confidence;
};

OCT_INLINE void count(const struct oct_strategy *a, enum oct_strategy_counter c)
{
    oct_count(&a->cfg.counters[c], 1);
}

OCT_INLINE bool can_trade(const struct oct_inst_view *v)
{
    return (v->known != 0) & (v->stale == 0) & (v->trading == 'T') & (v->locked != 2) &
           (v->bid_px.v > 0) & (v->ask_px.v > 0);
}

OCT_INLINE oct_px tick_at(const struct oct_inst_ref *ref, int64_t px)
{
    return px >= OCT_PX_ONE ? ref->tick : ref->tick_sub;
}

/* No message of the slot's instance before until_ns, but cancels. */
OCT_INLINE void slot_rest(struct oct_strategy *a, struct slot *s, int64_t until_ns)
{
    s->quiet_ns = until_ns;
    a->line[s->inst].quiet_maker_ns = 0; /* found out again when it is asked */
    a->line[s->inst].still_high = 0;
}

/* track.c: orders and positions of our own, and the only way out. */
/* The slot of an instance in an instrument, made when there is none; NULL when there is no room. */
struct slot *oct_strategy_slot(struct oct_strategy *a, uint32_t k, uint32_t inst);
bool oct_strategy_send(struct oct_strategy *a, struct oct_step *step, uint32_t k, struct slot *s,
                       const struct want *w);
void oct_strategy_cancel(struct oct_strategy *a, struct oct_step *step, uint32_t k, struct slot *s,
                         uint32_t which);
void oct_strategy_on_update(struct oct_strategy *a, struct oct_step *step,
                            const struct oct_order_update *m);
void oct_strategy_on_fill(struct oct_strategy *a, struct oct_step *step, const struct oct_fill *m);
void oct_strategy_on_verdict(struct oct_strategy *a, const struct oct_verdict *m);
/* Would this sale, or replacement of one, have to be marked short? */
bool oct_strategy_is_short(const struct oct_strategy *a, const struct slot *s, uint32_t k,
                           const struct want *w);
bool oct_strategy_may_send(struct oct_strategy *a, uint32_t k, const struct slot *s);
OCT_INLINE struct slot *slot_of(struct oct_strategy *a, uint32_t k, uint32_t inst)
{
    uint16_t i = a->line[inst].slot[k];
    return i ? &a->slot[i] : NULL;
}

/* direct.c: those that open and close positions on signals. */
struct oct_signal oct_strategy_signal(const struct oct_strategy *a, uint32_t k, uint32_t inst);
void oct_strategy_direct(struct oct_strategy *a, struct oct_step *step, uint32_t k, uint32_t inst);

/* maker.c */
void oct_strategy_quote(struct oct_strategy *a, struct oct_step *step, uint32_t k, uint32_t inst);

/* host.c */
void oct_strategy_plug(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                       const struct oct_market *m);
void oct_strategy_plug_order(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                             const struct oct_order_update *m);
void oct_strategy_plug_fill(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                            const struct oct_fill *m);
bool oct_strategy_plug_cfg(const struct oct_strategy_cfg *cfg, uint32_t k,
                           struct oct_plugin_cfg *out);

#endif
