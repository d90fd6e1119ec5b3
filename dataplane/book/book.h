/* book.h - order-by-order books of a lane: every order at its true place in the queue.
 *
 * One set of books for all instruments of a lane, because order references are one name space: an
 * order table keyed by any 64-bit reference and sized by live orders, price levels per side, and
 * in each level the orders in time priority.
 *
 * Thread:  one.
 * Memory:  oct_books_footprint(cfg) bytes at 128, owned by the caller, fixed for ever: 64 bytes an
 *          order, about 90 a level, 640 an instrument.  When a table is full the call says
 *          OCT_BOOK_FULL, the instrument is marked incomplete and nothing else changes.
 * Range:   prices and quantities are multiples of the books' units: a price of at most 2^32 - 2
 *          units, a level's quantity below 2^48.
 * Cost:    a line of the index, the order, two lines of its side and the neighbours in its queue, all
 *          known early, so that prefetch hides most of them.  A reference is looked for in at most 16
 *          lines of seven and a stash of ten lines, whatever the references are; references that grow
 *          by a usual stride lie side by side; a price in two vectors and a tree of fan-out 15. */
#ifndef OCT_BOOK_BOOK_H
#define OCT_BOOK_BOOK_H

#include "dataplane/base/attr.h"
#include "dataplane/base/px.h"

struct oct_books; /* opaque */

struct oct_books_cfg {
    uint32_t inst_cnt;      /* dense instrument ids below this; 1 to 2^24 */
    uint32_t order_cnt_max; /* live orders; 1 to 2^28 */
    uint32_t level_cnt_max; /* live price levels, both sides of all books; 1 to 2^28 */
    uint32_t pad;
    uint64_t seed;    /* of the reference hash: hostile references must not collide by design */
    oct_px px_unit;   /* what prices are multiples of; 0: 1/10000 */
    oct_qty qty_unit; /* what quantities are multiples of; 0: one */
};

enum oct_book_result {
    OCT_BOOK_OK = 0,       /* applied; the best prices and sizes of both sides are as before */
    OCT_BOOK_TOP = 1,      /* applied, and best price or its quantity changed */
    OCT_BOOK_UNKNOWN = -1, /* reference not in the table; nothing changed */
    OCT_BOOK_DUP = -2,     /* reference already in the table; nothing changed */
    OCT_BOOK_FULL = -3,    /* no room; nothing changed but the instrument's incomplete mark */
    OCT_BOOK_RANGE = -4,   /* price or quantity not positive, too large or no multiple of its unit,
                             instrument out of range, or more removed than there is; nothing changed */
};

/* What was touched; filled by every call that returns >= 0. */
struct oct_book_touch {
    uint32_t inst;
    uint8_t side; /* enum oct_side */
    uint8_t pad[3];
    oct_px px;      /* of the order */
    oct_qty qty;    /* taken away, added, or executed */
    oct_qty left;   /* open quantity of the order afterwards */
    oct_px best_px; /* of that side afterwards, 0 for none */
    oct_qty best_qty;
};

struct oct_level {
    oct_px px;
    oct_qty qty;
    uint32_t order_cnt;
    uint32_t pad;
};

/* Bytes needed; 0 when a count is out of its range.  Use the 0 to validate configuration. */
size_t oct_books_footprint(const struct oct_books_cfg *cfg);
/* Formats mem (128-aligned, footprint bytes).  NULL on a configuration that has no footprint. */
struct oct_books *oct_books_new(void *mem, const struct oct_books_cfg *cfg);

/* What a message that comes up is about, as far as a glance at it tells.  Any values will do: wrong
 * ones cost time and nothing else.  What the stages leave for each other is theirs alone: 0 in a new
 * hint, and a hint belongs to one set of books. */
struct oct_book_hint {
    uint64_t ref;     /* order concerned */
    uint64_t new_ref; /* replace: its new reference, else 0 */
    oct_px px;        /* add, replace: price, else 0 */
    uint32_t inst;
    uint32_t side; /* add: enum oct_side; 2 or more: not known */
    uint32_t home; /* the stages' own, from here on */
    uint32_t slot;
    uint32_t owner;
    uint32_t key;
    uint32_t far;
    uint32_t pad;
};

/* Prefetches stage 1 about 12 messages ahead, stage 2 about 7, stage 3 about 3, stage 4 one or two.
 * They change nothing.  For a message without any before it there is one for all that it names. */
OCT_HOT void oct_books_prefetch1(const struct oct_books *b, struct oct_book_hint *hint);
OCT_HOT void oct_books_prefetch2(const struct oct_books *b, struct oct_book_hint *hint);
OCT_HOT void oct_books_prefetch3(const struct oct_books *b, struct oct_book_hint *hint);
OCT_HOT void oct_books_prefetch4(const struct oct_books *b, const struct oct_book_hint *hint);
OCT_HOT void oct_books_prefetch_lone(const struct oct_books *b, struct oct_book_hint *hint);

OCT_HOT int oct_book_add(struct oct_books *b, uint32_t inst, uint64_t ref, enum oct_side side,
                         oct_px px, oct_qty qty, struct oct_book_touch *touch);
/* Takes qty from an order, by execution or partial cancel; at zero the order goes. */
OCT_HOT int oct_book_reduce(struct oct_books *b, uint64_t ref, oct_qty qty,
                            struct oct_book_touch *touch);
OCT_HOT int oct_book_delete(struct oct_books *b, uint64_t ref, struct oct_book_touch *touch);
/* Old reference goes, new one joins the end of the queue at its price, same side and instrument.
 * When new_ref exists or does not fit, nothing changes (OCT_BOOK_DUP, OCT_BOOK_FULL). */
OCT_HOT int oct_book_replace(struct oct_books *b, uint64_t ref, uint64_t new_ref, oct_px px,
                             oct_qty qty, struct oct_book_touch *touch);
/* Empties one instrument; clears its incomplete mark. */
void oct_book_clear(struct oct_books *b, uint32_t inst);

/* Best level of a side; false when the side is empty. */
bool oct_book_best(const struct oct_books *b, uint32_t inst, enum oct_side side,
                   struct oct_level *out);
/* Up to n levels, best first; returns how many.  order_cnt of a level of more than 65,534 orders is
 * counted along its queue. */
uint32_t oct_book_depth(const struct oct_books *b, uint32_t inst, enum oct_side side,
                        struct oct_level *out, uint32_t n);
uint32_t oct_book_level_cnt(const struct oct_books *b, uint32_t inst, enum oct_side side);
/* True when an order or level was refused for lack of room since the last clear. */
bool oct_book_incomplete(const struct oct_books *b, uint32_t inst);

/* Order lookup; false when unknown. */
struct oct_book_order {
    uint64_t ref;
    uint32_t inst;
    uint8_t side;
    uint8_t pad[3];
    oct_px px;
    oct_qty qty;
};
bool oct_book_order(const struct oct_books *b, uint64_t ref, struct oct_book_order *out);
/* Orders of a level in time priority; returns how many were written (at most n). */
uint32_t oct_book_queue(const struct oct_books *b, uint32_t inst, enum oct_side side, oct_px px,
                        struct oct_book_order *out, uint32_t n);

uint32_t oct_books_order_cnt(const struct oct_books *b);
uint32_t oct_books_level_cnt(const struct oct_books *b);
/* Orders that found no place near home and wait in the stash; more than a few mean that somebody
 * knows the seed. */
uint32_t oct_books_stash_cnt(const struct oct_books *b);
/* Digest of one book (levels and queues in order), or of all when inst is UINT32_MAX. */
uint64_t oct_books_digest(const struct oct_books *b, uint32_t inst);

#endif
