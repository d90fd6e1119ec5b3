/* book_priv.h - the tables behind book.h, for this folder only.
 *
 * Orders lie close together and never move while they live; the place that was given back last is
 * taken first, because it is near.  An index finds them by reference: lines of seven entries, each
 * with a part of the reference's hash and the order's side and place.  References that grow by a
 * usual stride have neighbouring entries.  An entry that finds its home line full goes to another
 * one, or to the stash; every line counts the entries that passed it by, in eight counters by a
 * hash, so that a search ends at the first line that nobody like it passed, and a removal leaves no
 * tombstone.
 *
 * A level is known by its side and its key and has no record of its own.  The best eight of a side
 * are two lines, prices and youngest orders in one, sums in the other; the next eight two more, and
 * the rest is in a tree whose leaves hold the same.  So a message reaches a line of the index, its
 * order, two lines of its side, and the neighbours in the queue; where all that is, is known early.
 * Queues are linked through the orders; a level knows the youngest, and the links lead to the oldest.
 *
 * Prices and quantities are counted in the books' units.  A price is stored as a key, larger is
 * better on both sides: the count of units for a buy, its complement for a sell; 0 is no level. */
#ifndef OCT_BOOK_BOOK_PRIV_H
#define OCT_BOOK_BOOK_PRIV_H

#include <immintrin.h>

#include "dataplane/book/book.h"

#define OCT_BOOK_EIGHT      8u
#define OCT_BOOK_ENTRY_CNT  7u    /* of a line of the index */
#define OCT_BOOK_LINE_MAX   16u   /* lines a search may visit */
#define OCT_BOOK_STASH_CNT  10u   /* lines that all searches visit in the end */
#define OCT_BOOK_RUN_CNT    32u   /* lines of a run */
#define OCT_BOOK_LEARN_CNT  1024u /* strides to see before they are believed */
#define OCT_BOOK_NONE       0u    /* no slot, no level, no node: all count from 1 */
#define OCT_BOOK_FANOUT     15u
#define OCT_BOOK_HEIGHT_MAX 12u
#define OCT_BOOK_PX_MAX     (UINT64_C(0xffffffff) - 1) /* units */
#define OCT_BOOK_QTY_MAX    ((UINT64_C(1) << 48) - 1)  /* units of a level */
#define OCT_BOOK_CNT_MAX    UINT64_C(0xffff)

struct oct_book_slot {
    uint64_t ref;
    uint64_t qty;
    uint32_t key;
    uint32_t prev;  /* older; OCT_BOOK_NONE at the head of the queue */
    uint32_t next;  /* younger; meaningless at the tail */
    uint32_t owner; /* inst * 2 + side */
};
_Static_assert(sizeof(struct oct_book_slot) == 32, "two orders a line");

/* Entries from the lowest bit: slot, side, tag; 0 where there is none. */
struct oct_book_line {
    uint64_t entry[OCT_BOOK_ENTRY_CNT];
    uint8_t passed[8]; /* a counter that was ever full stays so: it has lost count */
};
_Static_assert(sizeof(struct oct_book_line) == 64, "one line");
#define OCT_BOOK_SLOT_BITS  28u
#define OCT_BOOK_SLOT_MASK  ((UINT64_C(1) << OCT_BOOK_SLOT_BITS) - 1)
#define OCT_BOOK_TAG_MASK   (UINT64_MAX << (OCT_BOOK_SLOT_BITS + 1))
#define OCT_BOOK_PASSED_MAX UINT8_MAX

/* What finds a reference in the index. */
struct oct_book_id {
    uint64_t ref;
    uint64_t mix;  /* its tag on top, and which counter is its own */
    uint32_t home; /* line */
    uint32_t pad;
};

/* Where a reference is: entry of a line, and slot; slot OCT_BOOK_NONE: nowhere. */
struct oct_book_place {
    uint32_t line;
    uint32_t at;
    uint32_t slot;
};

/* Levels, best first, without gaps; all 0 where there is none.  A sum is the quantity times 2^16
 * and the count of orders; a count that reached its maximum stays there until the level is empty. */
struct oct_book_eight {
    uint32_t key[OCT_BOOK_EIGHT];
    uint32_t tail[OCT_BOOK_EIGHT]; /* slot of the youngest order */
    uint64_t sum[OCT_BOOK_EIGHT];
};
_Static_assert(sizeof(struct oct_book_eight) == 128, "two lines");

/* What lies behind the best eight.  When there is a tree, the best eight are eight; when this block
 * has any level, too. */
struct oct_book_more {
    struct oct_book_eight hi;
    uint32_t deep_cnt; /* levels in the tree */
    uint32_t root;
    uint32_t incomplete; /* in the bid side: orders of this instrument were refused for room */
    uint32_t pad[13];
};
_Static_assert(sizeof(struct oct_book_more) == 192, "three lines");

/* Where a level's changing values are. */
struct oct_book_cell {
    uint32_t *tail; /* NULL: no such level */
    uint64_t *sum;
};

/* Keys ascend; in inner nodes they are lower bounds, and the first is unused. */
struct oct_book_node {
    uint32_t key[OCT_BOOK_FANOUT];
    uint16_t cnt;
    uint16_t height;               /* 0 is a leaf */
    uint32_t val[OCT_BOOK_FANOUT]; /* tails, or children; val[0] while free: next free node */
    uint32_t pad;
    uint64_t sum[OCT_BOOK_FANOUT]; /* of leaves */
    uint64_t pad2;
};
_Static_assert(sizeof(struct oct_book_node) == 256, "four lines a node");

/* One level as it moves between blocks and tree. */
struct oct_book_entry {
    uint32_t key;
    uint32_t tail;
    uint64_t sum;
};

/* Division without remainder: v is a multiple of the unit if and only if v times the inverse of the
 * unit's odd part, turned right by its power of two, is at most the largest quotient. */
struct oct_book_unit {
    uint64_t unit;
    uint64_t inverse;
    uint64_t max; /* largest quotient that may be */
    uint32_t shift;
    uint32_t pad;
};

/* How a reference gets its home. */
struct oct_book_rule {
    uint32_t run_shift;  /* what is left is hashed, to a run's first line */
    uint32_t near_shift; /* what is left gives the line in the run */
    uint32_t near_mask;
};

struct oct_books {
    struct oct_book_slot *slot;
    struct oct_book_line *line;  /* of the index, then the stash */
    uint32_t *spare;             /* slots given back, the last on top */
    struct oct_book_eight *best; /* [owner] */
    struct oct_book_more *more;  /* [owner] */
    struct oct_book_node *node;
    struct oct_book_unit px;
    struct oct_book_unit qty;
    uint64_t seed0;
    uint64_t seed1;
    uint64_t run_from;            /* references from here on have homes in runs */
    struct oct_book_rule rule[2]; /* of references below run_from, and of the others */
    uint32_t spare_cnt;
    uint32_t slot_used; /* slots ever taken */
    uint64_t line_cnt;  /* home lines; a few more follow for the searches that end there */
    uint32_t stash;     /* first line of the stash */
    uint32_t inst_cnt;
    uint32_t order_cnt;
    uint32_t order_cnt_max;
    uint32_t level_cnt;
    uint32_t level_cnt_max;
    uint32_t node_cnt;
    uint32_t node_cnt_max;
    uint32_t node_free;
    uint32_t node_used;
    uint32_t stash_cnt;
    bool learning;
    uint32_t learn_seen; /* strides, and those that were believable */
    uint32_t learn_cnt;
    uint32_t learn_by_size[32]; /* by the number of bits */
    uint64_t learn_max;         /* largest reference so far */
};

/* v in units; more than max when that is not possible. */
OCT_INLINE uint64_t oct_book_units(const struct oct_book_unit *u, int64_t v)
{
    uint64_t x = (uint64_t)v * u->inverse;
    return x >> u->shift | x << (-u->shift & 63);
}

/* A count of units from 1 to max. */
OCT_INLINE bool oct_book_fits(const struct oct_book_unit *u, uint64_t units)
{
    return units - 1 < u->max;
}

OCT_INLINE uint32_t oct_book_key(uint32_t side, uint64_t units)
{
    return (uint32_t)units ^ (0u - side);
}

OCT_INLINE int64_t oct_book_px(const struct oct_books *b, uint32_t side, uint32_t key)
{
    return (int64_t)((key ^ (0u - side)) * b->px.unit);
}

/* Two multiplications; nobody without the seed can tell where a reference goes. */
OCT_INLINE uint64_t oct_book_hash(const struct oct_books *b, uint64_t x)
{
    unsigned __int128 p = (unsigned __int128)(x ^ b->seed0) * b->seed1;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* The line that a hash chooses. */
OCT_INLINE uint32_t oct_book_line_of(const struct oct_books *b, uint64_t hash)
{
    return (uint32_t)(((unsigned __int128)hash * b->line_cnt) >> 64);
}

/* Venues number orders upwards; once the usual stride is known, the next references have the next
 * entries, in runs whose places are hashed, and are already near. */
OCT_INLINE uint32_t oct_book_home(const struct oct_books *b, uint64_t ref)
{
    const struct oct_book_rule *r = &b->rule[ref >= b->run_from];
    uint32_t near = (uint32_t)(ref >> r->near_shift) & r->near_mask;
    return oct_book_line_of(b, oct_book_hash(b, ref >> r->run_shift)) + near;
}

OCT_INLINE struct oct_book_id oct_book_id(const struct oct_books *b, uint64_t ref)
{
    return (struct oct_book_id){
        .ref = ref, .mix = (ref ^ b->seed0) * b->seed1, .home = oct_book_home(b, ref)};
}

/* Which of a line's counters an entry that goes past it is counted in. */
OCT_INLINE uint32_t oct_book_class(const struct oct_book_id *id)
{
    return (uint32_t)(id->mix >> (OCT_BOOK_SLOT_BITS - 2)) & 7;
}

/* One bit for each entry of the line whose masked bits are these. */
OCT_INLINE uint32_t oct_book_line_match(const struct oct_book_line *l, uint64_t mask, uint64_t bits)
{
    __m256i m = _mm256_set1_epi64x((int64_t)mask), x = _mm256_set1_epi64x((int64_t)bits);
    __m256i lo = _mm256_load_si256((const __m256i *)&l->entry[0]);
    __m256i hi = _mm256_load_si256((const __m256i *)&l->entry[4]); /* and the counters */
    lo = _mm256_cmpeq_epi64(_mm256_and_si256(lo, m), x);
    hi = _mm256_cmpeq_epi64(_mm256_and_si256(hi, m), x);
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(lo)) |
           ((uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(hi)) & 7) << 4;
}

OCT_INLINE uint32_t oct_book_line_tag(const struct oct_book_line *l, const struct oct_book_id *id)
{
    return oct_book_line_match(l, OCT_BOOK_TAG_MASK, id->mix & OCT_BOOK_TAG_MASK);
}

OCT_INLINE uint32_t oct_book_line_free(const struct oct_book_line *l)
{
    return oct_book_line_match(l, UINT64_MAX, 0);
}

/* The reference in one line. */
OCT_INLINE struct oct_book_place oct_book_find_in(const struct oct_books *b,
                                                  const struct oct_book_id *id, uint32_t line)
{
    const struct oct_book_line *l = &b->line[line];
    for (uint32_t bits = oct_book_line_tag(l, id); bits != 0; bits &= bits - 1) {
        uint32_t at = (uint32_t)__builtin_ctz(bits);
        uint32_t slot = (uint32_t)(l->entry[at] & OCT_BOOK_SLOT_MASK);
        if (oct_likely(b->slot[slot].ref == id->ref && slot != OCT_BOOK_NONE))
            return (struct oct_book_place){line, at, slot};
    }
    return (struct oct_book_place){.slot = OCT_BOOK_NONE};
}

struct oct_book_place oct_book_find_far(const struct oct_books *b, const struct oct_book_id *id);
struct oct_book_place oct_book_place_far(struct oct_books *b, const struct oct_book_id *id);
void oct_book_vacate_far(struct oct_books *b, const struct oct_book_id *id, uint32_t line);
/* Sees a new reference; after enough of them the stride is known. */
void oct_book_learn(struct oct_books *b, uint64_t ref);

OCT_INLINE struct oct_book_place oct_book_find(const struct oct_books *b,
                                               const struct oct_book_id *id)
{
    struct oct_book_place p = oct_book_find_in(b, id, id->home);
    if (oct_likely(p.slot != OCT_BOOK_NONE || b->line[id->home].passed[oct_book_class(id)] == 0))
        return p;
    return oct_book_find_far(b, id);
}

/* A place for a reference that is not there: slot OCT_BOOK_NONE when there is no room.  The order's
 * side is in the entry, for those who look ahead. */
OCT_INLINE struct oct_book_place oct_book_settle(struct oct_books *b, const struct oct_book_id *id,
                                                 uint32_t side)
{
    struct oct_book_place p = {.line = id->home};
    uint32_t bits = oct_book_line_free(&b->line[id->home]);
    if (oct_likely(bits != 0)) {
        p.at = (uint32_t)__builtin_ctz(bits);
    } else {
        p = oct_book_place_far(b, id);
        if (p.line == UINT32_MAX)
            return p;
    }
    p.slot = b->spare_cnt != 0 ? b->spare[--b->spare_cnt] : ++b->slot_used;
    b->line[p.line].entry[p.at] =
        (id->mix & OCT_BOOK_TAG_MASK) | (uint64_t)side << OCT_BOOK_SLOT_BITS | p.slot;
    return p;
}

OCT_INLINE void oct_book_vacate(struct oct_books *b, const struct oct_book_id *id,
                                struct oct_book_place p)
{
    b->line[p.line].entry[p.at] = 0;
    b->spare[b->spare_cnt++] = p.slot;
    if (oct_unlikely(p.line != id->home))
        oct_book_vacate_far(b, id, p.line);
}

/* What walks call for each level or order slot, in order; false stops the walk. */
typedef bool oct_book_level_fn(void *ctx, uint32_t owner, const struct oct_book_entry *level);
typedef bool oct_book_order_fn(void *ctx, uint32_t slot);

/* ---- query.c ------------------------------------------------------------------------------------ */

/* Visits the orders of a queue in time priority; an order may be vacated by its visit. */
bool oct_book_queue_walk(const struct oct_books *b, uint32_t tail, oct_book_order_fn *visit,
                         void *ctx);

/* ---- tree.c: sorted map from key to level, nodes from the pool ---------------------------------- */

struct oct_book_cell oct_book_tree_find(const struct oct_books *b, uint32_t root, uint32_t key);
/* A key that is not there; false when there is no room. */
bool oct_book_tree_insert(struct oct_books *b, uint32_t *root, const struct oct_book_entry *e);
void oct_book_tree_remove(struct oct_books *b, uint32_t *root, uint32_t key);
/* Takes the largest key; the tree is not empty. */
struct oct_book_entry oct_book_tree_pop(struct oct_books *b, uint32_t *root);
void oct_book_tree_free(struct oct_books *b, uint32_t *root);
/* Visits levels in descending order of key until visit says false; false when stopped. */
bool oct_book_tree_walk(const struct oct_books *b, uint32_t root, uint32_t owner,
                        oct_book_level_fn *visit, void *ctx);

/* ---- side.c: levels of one side ---------------------------------------------------------------- */

/* One bit for the place of a key, 0 when it is not here. */
OCT_INLINE uint32_t oct_book_eight_at(const struct oct_book_eight *e, uint32_t key)
{
    __m256i v = _mm256_load_si256((const __m256i *)e->key);
    __m256i eq = _mm256_cmpeq_epi32(v, _mm256_set1_epi32((int)key));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(eq));
}

OCT_INLINE struct oct_book_cell oct_book_eight_cell(struct oct_book_eight *e, uint32_t pos)
{
    return (struct oct_book_cell){&e->tail[pos], &e->sum[pos]};
}

/* The cell of a level that is not among the best eight. */
struct oct_book_cell oct_book_side_far(const struct oct_books *b, uint32_t owner, uint32_t key);
/* Empties a side; its tree must have been freed. */
void oct_book_side_init(struct oct_books *b, uint32_t owner);
/* Adds a level whose key is not there.  false when there is no room. */
bool oct_book_side_insert(struct oct_books *b, uint32_t owner, const struct oct_book_entry *x);
/* Removes the level of a key, which is there. */
void oct_book_side_remove(struct oct_books *b, uint32_t owner, uint32_t key);
/* Levels in the two blocks. */
uint32_t oct_book_side_top_cnt(const struct oct_books *b, uint32_t owner);
/* Visits levels best first until visit says false; false when it was stopped. */
bool oct_book_side_walk(const struct oct_books *b, uint32_t owner, oct_book_level_fn *visit,
                        void *ctx);

#endif
