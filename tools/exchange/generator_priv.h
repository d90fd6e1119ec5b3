/* generator_priv.h - what the parts of the generator share. */
#ifndef OCT_TOOLS_EXCHANGE_GENERATOR_PRIV_H
#define OCT_TOOLS_EXCHANGE_GENERATOR_PRIV_H

#include "dataplane/base/rng.h"
#include "drivers/feed/itch50.h"
#include "tools/exchange/generator.h"

#define GEN_TICK_CNT 16384u /* prices of a symbol, one cent apart */
#define GEN_NONE     UINT32_MAX
#define GEN_OUT_MAX  256u  /* messages one event can make */
#define GEN_LIVE_MAX 1024u /* live orders of a symbol */
#define GEN_MIDDLE   (GEN_TICK_CNT / 2)

enum { GEN_BID = 0, GEN_ASK = 1 };

struct gen_order {
    uint64_t ref;
    int64_t expiry_ns; /* its drawn lifetime ends */
    uint32_t tick;
    uint32_t qty;
    uint32_t prev; /* in the queue of its price */
    uint32_t next;
    uint32_t heap_idx;
    uint8_t side;
    uint8_t pad[3];
};

struct gen_level {
    uint32_t head;
    uint32_t tail;
    uint32_t order_cnt;
};

struct gen_symbol {
    char name[8];
    uint16_t locate;
    bool halted;
    uint8_t last_aggressor; /* side of the last aggressive order */
    uint32_t best[2];       /* tick, GEN_NONE when the side is empty */
    uint32_t live;
    uint32_t live_target;
    uint32_t spread_usual;
    uint32_t base_tick; /* tick 0 is this many cents */
    double rate;        /* messages a second */
    double value;       /* hidden value, in ticks */
    double drift;       /* of it, ticks a second */
    double value_step;  /* standard deviation of its step per event, ticks */
    int64_t drift_until_ns;
    int64_t last_ns;
    uint32_t free;               /* list of free orders */
    uint32_t heap[GEN_LIVE_MAX]; /* orders by expiry */
    struct gen_order order[GEN_LIVE_MAX];
    struct gen_level level[2][GEN_TICK_CNT];
};

/* An event to come. */
struct gen_event {
    int64_t ns;
    uint32_t symbol;
    uint32_t immigrant; /* 1: of the background, schedules its successor */
};

struct oct_gen {
    struct oct_gen_cfg cfg;
    struct oct_rng rng;
    struct gen_symbol *symbol;
    struct gen_event *heap; /* by time */
    uint32_t heap_cnt;
    uint32_t heap_cap;
    uint64_t next_ref;
    uint64_t next_match;
    int64_t now_ns;
    int64_t open_ns;
    int64_t close_ns;
    int64_t halt_ns; /* when the last symbol is halted, INT64_MAX for never */
    int64_t resume_ns;
    int64_t restrict_ns; /* when a short-sale restriction starts */
    uint32_t phase;      /* of the day, see generator.c */
    uint32_t phase_idx;
    uint32_t out_cnt;
    uint32_t out_idx;
    uint8_t out_sz[GEN_OUT_MAX];
    uint8_t out[GEN_OUT_MAX][OCT_ITCH50_SZ_MAX + 78]; /* padded for the decoders */
};

/* Starts a message of a type at g->now_ns about a symbol (NULL for none) ... */
void gen_begin(struct oct_gen *g, struct oct_itch50_msg *m, char type, const struct gen_symbol *s);
/* ... and puts it out; false when this event has made all it may. */
bool gen_put(struct oct_gen *g, const struct oct_itch50_msg *m);

OCT_INLINE uint32_t gen_px(const struct gen_symbol *s, uint32_t tick)
{
    return (s->base_tick + tick) * 100;
}

/* Draws: exponential with a mean, standard normal. */
double gen_exp(struct oct_rng *r, double mean);
double gen_normal(struct oct_rng *r);

/* generator_flow.c */
void gen_symbol_init(struct gen_symbol *s);
/* One event of continuous trading. */
void gen_flow(struct oct_gen *g, struct gen_symbol *s);
/* An add of the book that exists before the open. */
void gen_seed_order(struct oct_gen *g, struct gen_symbol *s);

#endif
