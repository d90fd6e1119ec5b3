/* match_priv.h - tables of the matching library. */
#ifndef OCT_MATCH_MATCH_PRIV_H
#define OCT_MATCH_MATCH_PRIV_H

#include "dataplane/match/map.h"
#include "dataplane/match/match.h"

#define NONE            MAP_NONE
#define MATCH_LEVEL_MAX 4096u  /* recorded prices one order may walk through */
#define MATCH_QUEUE_MAX 65536u /* recorded orders at one price */

/* One of our orders, resting. */
struct own {
    uint64_t id;
    uint64_t stamp; /* when it joined, on the clock of joins */
    int64_t open;   /* 1e-8 */
    int64_t min;    /* 0 for none */
    int64_t ahead;  /* displayed recorded shares in front of it */
    uint32_t level;
    uint32_t prev; /* at its price, in order of arrival */
    uint32_t next;
    uint32_t group;
    bool hidden;
    uint8_t pad[7];
};

/* A price at which orders of ours rest. */
struct own_level {
    oct_px px;
    uint32_t inst;
    uint32_t head; /* our orders */
    uint32_t tail;
    uint32_t better; /* next price of the side towards the touch */
    uint32_t worse;
    uint32_t mark; /* recorded orders known to stand here */
    uint8_t side;
    uint8_t pad[7];
};

/* What we know of a recorded order besides what the book has. */
struct mark {
    uint64_t ref;
    uint64_t stamp; /* it joined before this, 0 when not at one of our prices */
    int64_t taken;  /* of its next shares, ours already */
    uint32_t level; /* our price it stands at, or NONE */
    uint32_t prev;
    uint32_t next;
    uint32_t pad;
};

struct inst_line {
    uint32_t best[2]; /* our best price of each side, or NONE */
    char trading;
    char short_sale;
    uint8_t pad[6];
};

struct pool {
    uint32_t free; /* linked by next */
    uint32_t used;
};

struct oct_match {
    struct oct_match_cfg cfg;
    struct oct_match_stats stats;
    oct_match_sink *sink;
    void *ctx;
    struct oct_books *books;
    struct map by_id;  /* our order */
    struct map by_ref; /* mark */
    struct own *own;
    struct own_level *level;
    struct mark *mark;
    struct inst_line *inst;
    struct pool own_pool;
    struct pool level_pool;
    struct pool mark_pool;
    uint64_t clock; /* of joins */
    uint64_t next_match;
    struct oct_level depth[MATCH_LEVEL_MAX];
    struct oct_book_order queue[MATCH_QUEUE_MAX];
};

/* Room for a fill in one event, by the order's minimum quantity. */
OCT_INLINE bool own_accepts(const struct own *w, int64_t qty)
{
    int64_t least = w->min < w->open ? w->min : w->open;
    return qty > 0 && qty >= (w->min ? least : 0);
}

/* Is price a better than b for resting on a side? */
OCT_INLINE bool px_better(enum oct_side side, oct_px a, oct_px b)
{
    return side == OCT_BUY ? a.v > b.v : a.v < b.v;
}

OCT_INLINE int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ledger.c */
uint32_t match_mark_find(const struct oct_match *m, uint64_t ref);
/* Finds or makes it; NONE when there is no room. */
uint32_t match_mark_get(struct oct_match *m, uint64_t ref);
void match_mark_free(struct oct_match *m, uint32_t idx);
/* The recorded order stands at one of our prices since before stamp. */
void match_mark_join(struct oct_match *m, uint32_t idx, uint32_t level, uint64_t stamp);
/* No order of ours is left at the price: forget who stands there. */
void match_level_unmark(struct oct_match *m, uint32_t level);
int64_t match_taken(const struct oct_match *m, uint64_t ref);

/* orders.c */
uint32_t match_level_find(const struct oct_match *m, uint32_t inst, enum oct_side side, oct_px px);
/* Rests what is left of an order at its price, behind everything there.  0 or -ENOSPC. */
int match_rest(struct oct_match *m, const struct oct_match_order *o, int64_t open);
void match_unlink(struct oct_match *m, uint32_t own);
/* Fills a resting order and frees it when it is done. */
void match_fill_own(struct oct_match *m, uint32_t own, int64_t qty, uint64_t match_id, uint64_t ref,
                    uint64_t other_id);
void match_cancel_own(struct oct_match *m, uint32_t own, enum oct_match_reason why);

/* take.c */
struct taking {
    int64_t left;   /* of the arriving order */
    int64_t traded; /* with recorded shares or ours */
    int64_t met;    /* the same and what self-match prevention kept from trading */
    uint8_t stop;   /* enum oct_match_reason: what is left is to be cancelled for this, or 0 */
    bool dry;       /* only counting */
    uint8_t pad[6];
};
/* Runs an arriving order against what is displayed and ours, best price first.  dry: changes and
 * tells nothing. */
struct taking match_take(struct oct_match *m, const struct oct_match_order *o, bool dry);
/* Tells that what is left of an order that does not rest is cancelled. */
void match_cancel_arriving(struct oct_match *m, const struct oct_match_order *o, int64_t left,
                           enum oct_match_reason why);

#endif
