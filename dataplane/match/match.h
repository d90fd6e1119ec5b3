/* match.h - our orders against a recorded session: what would have filled, and when.
 *
 * The recorded messages make the recorded book, unchanged by us: there is no market impact.  Our
 * orders live beside it and are filled from recorded shares, each of which fills us at most once;
 * a ledger keeps count.
 *
 *   Arriving.  An order takes displayed recorded shares on the other side, best price first, in
 *   time order, as far as its limit goes, less what was taken from each before.  Orders of ours that
 *   rest there stand at their true place in that queue.  What is left rests, or is cancelled.
 *   Resting.  The queue ahead is the displayed recorded shares at the price on arrival, known by
 *   reference.  It shrinks when those orders are executed, cancelled or replaced, and never grows.
 *   It is filled by
 *     - an execution of a recorded order at our price that stands behind us, beyond what is ahead;
 *     - an execution of a recorded order of our side at a worse price than ours;
 *     - a recorded add or replacement on the other side at our price or through it;
 *     - a trade of hidden orders at a price through ours, never at ours.
 *   The shares of one recorded event are shared out by price, then time of arrival.
 *   Taken shares.  What we took of a resting recorded order is the part that the record executes
 *   next; a replaced order carries it to its new reference.
 *   A hidden order of ours stands behind every displayed one at its price: an execution at its
 *   price never reaches it.
 *   A minimum quantity holds for every single event: arrival counts as one event, each recorded
 *   message as another.  Below it nothing happens; what is left of the order lowers it.
 *   Auctions do not fill us, nor do broken trades take fills back.
 *
 * Thread:  one.
 * Memory:  oct_match_footprint(cfg) bytes at 128, owned by the caller, fixed for ever.
 * Cost:    a recorded message on a price where none of our orders rests costs the book update and
 *          one look at the instrument's line; no allocation, no system call. */
#ifndef OCT_MATCH_MATCH_H
#define OCT_MATCH_MATCH_H

#include "dataplane/book/book.h"
#include "dataplane/msg/msg.h"

struct oct_match; /* opaque */

/* When an order of ours would meet another of the same group. */
enum oct_match_self {
    OCT_MATCH_SELF_TRADE = 0,     /* they trade */
    OCT_MATCH_SELF_DECREMENT,     /* both lose the quantity that would have traded */
    OCT_MATCH_SELF_CANCEL_OLDEST, /* the resting one is cancelled */
    OCT_MATCH_SELF_CANCEL_NEWEST, /* what is left of the arriving one is cancelled */
};

struct oct_match_cfg {
    struct oct_books_cfg books;
    uint32_t order_cnt_max;  /* our live orders */
    uint32_t ledger_cnt_max; /* recorded orders at prices where ours rest, or that we took from */
    enum oct_match_self self;
    uint32_t pad;
    uint64_t first_match_id; /* our match numbers count from here */
};

enum oct_match_event_kind {
    OCT_MATCH_FILL = 1,
    OCT_MATCH_CANCEL, /* the rest of the order, but for reduce: the order is gone */
    OCT_MATCH_SELF,   /* self-match prevention took qty from it */
};

enum oct_match_reason {
    OCT_MATCH_BY_USER = 1,
    OCT_MATCH_IOC,        /* immediate, and nothing more was there */
    OCT_MATCH_POST_ONLY,  /* would have taken */
    OCT_MATCH_SELF_MATCH, /* cancel oldest, cancel newest */
    OCT_MATCH_CLOSED,     /* end of the session */
    OCT_MATCH_EXPIRED,    /* the caller's reasons, passed through */
    OCT_MATCH_BY_SYSTEM,
    OCT_MATCH_NO_ROOM, /* a table is full: it cannot rest */
};

struct oct_match_event {
    uint8_t kind;   /* enum oct_match_event_kind */
    uint8_t reason; /* enum oct_match_reason */
    uint8_t added;  /* fill: 1 when ours was resting */
    uint8_t hidden; /* fill, self: ours is hidden */
    uint32_t inst;
    uint64_t id;       /* our order */
    uint64_t match_id; /* fill: the same for both sides when both are ours */
    uint64_t ref;      /* fill: recorded order behind the shares, 0 for a hidden trade or ours */
    uint64_t other_id; /* fill, self: the other order of ours, 0 when recorded */
    oct_px px;
    oct_qty qty;       /* filled, cancelled, decremented */
    oct_qty left;      /* open afterwards */
    oct_qty prevented; /* self: would have traded */
};

/* Called from inside the functions below, in order; must not call back. */
typedef void oct_match_sink(void *ctx, const struct oct_match_event *ev);

struct oct_match_order {
    uint64_t id; /* the caller's, unique among live orders */
    uint32_t inst;
    uint32_t group; /* of self-match prevention, 0 for none */
    oct_px px;      /* ignored for a market order */
    oct_qty qty;
    oct_qty min_qty; /* 0 for none */
    uint8_t side;    /* enum oct_side */
    uint8_t market;  /* 1: any price; never rests */
    uint8_t ioc;     /* 1: never rests */
    uint8_t post_only;
    uint8_t hidden;
    uint8_t pad[3];
};

/* Counts of what was seen; read at any time. */
struct oct_match_stats {
    uint64_t msgs;        /* recorded messages taken */
    uint64_t unknown_ref; /* of them, about orders never seen */
    uint64_t refused;     /* duplicate references, impossible values, no room in the book */
    uint64_t fills;
    uint64_t filled;      /* quantity of our fills, counting both sides of ours with ours */
    uint64_t own_filled;  /* of it, quantity between orders of ours (both sides) */
    uint64_t ledger_full; /* orders refused for lack of room in the ledger */
    uint64_t anomalies;   /* executions at our price in front of shares ahead of us */
};

size_t oct_match_footprint(const struct oct_match_cfg *cfg); /* 0 for impossible values */
struct oct_match *oct_match_new(void *mem, const struct oct_match_cfg *cfg, oct_match_sink *sink,
                                void *ctx);

/* One recorded message.  Kinds that are not about orders change trading states only. */
void oct_match_md(struct oct_match *m, const struct oct_md *md);

/* An order arrives at the current position.  0, and what happens is told to the sink; -EINVAL
 * (quantity or price not positive, instrument out of range, id in use), -ENOSPC (as many orders
 * rest as may).  In a halt nothing is taken. */
int oct_match_enter(struct oct_match *m, const struct oct_match_order *o);
/* Takes qty away at once, keeping priority; all of it when qty is not less than what is open.
 * -ENOENT when there is no such order. */
int oct_match_reduce(struct oct_match *m, uint64_t id, oct_qty qty, enum oct_match_reason why);
/* Takes the order away without a word, for the caller that replaces it. */
int oct_match_remove(struct oct_match *m, uint64_t id);
/* End of the session: cancels everything that rests, in order of arrival at each price. */
void oct_match_close(struct oct_match *m, enum oct_match_reason why);

/* State of a resting order; false when there is none. */
struct oct_match_view {
    uint64_t id;
    uint32_t inst;
    uint8_t side;
    uint8_t hidden;
    uint8_t pad[2];
    oct_px px;
    oct_qty open;
    oct_qty ahead; /* displayed recorded shares in front of it */
};
bool oct_match_order(const struct oct_match *m, uint64_t id, struct oct_match_view *out);
uint32_t oct_match_order_cnt(const struct oct_match *m);

/* The recorded book; what we took of an order of it. */
const struct oct_books *oct_match_books(const struct oct_match *m);
oct_qty oct_match_taken(const struct oct_match *m, uint64_t ref);
/* Trading state and short-sale restriction as the venue names them, ' ' when unknown. */
char oct_match_trading(const struct oct_match *m, uint32_t inst);
char oct_match_short_sale(const struct oct_match *m, uint32_t inst);
const struct oct_match_stats *oct_match_stats(const struct oct_match *m);

#endif
