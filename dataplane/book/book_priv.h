/* book_priv.h - the tables behind book.h, for this folder only.
 *
 * Orders live in one hash table and never move while they live: a line holds two of them, and an
 * order that finds its home line full goes to another one, or to the stash.  Every line counts the
 * orders that passed it by, in four counters by a hash, so that a search ends at the first line that
 * nobody like it passed, and a removal leaves no tombstone.
 *
 * Levels live in a pool and never move either, a line each.  The youngest eight orders of a level
 * are listed in that line; older ones are linked through their slots.  Most orders die young and
 * most levels are short, so that a queue rarely costs a line of its own.
 *
 * A side keeps its best sixteen levels in two blocks of vectors, deeper ones in a tree.  Prices are
 * stored as keys, larger is better on both sides. */
#ifndef OCT_BOOK_BOOK_PRIV_H
#define OCT_BOOK_BOOK_PRIV_H

#include <immintrin.h>

#include "dataplane/book/book.h"

#define OCT_BOOK_EIGHT      8u
#define OCT_BOOK_TOP_CNT    16u
#define OCT_BOOK_TOP_LOW    8u /* with fewer, levels are fetched from the tree */
#define OCT_BOOK_YOUNG_CNT  8u
#define OCT_BOOK_LINE_MAX   16u /* lines a search may visit */
#define OCT_BOOK_STASH_CNT  64u
#define OCT_BOOK_RUN_CNT    32u   /* lines of a run */
#define OCT_BOOK_LEARN_CNT  1024u /* strides to see before they are believed */
#define OCT_BOOK_KEY_NONE   INT64_MIN
#define OCT_BOOK_NONE       0u /* no slot, no level, no node: all count from 1 */
#define OCT_BOOK_FANOUT     21u
#define OCT_BOOK_HEIGHT_MAX 12u

/* One order; level 0 means the slot is free. */
struct oct_book_slot {
    uint64_t ref;
    int64_t qty;
    uint32_t level;
    uint32_t prev;     /* towards the head of the queue; meaningless at the head */
    uint32_t next;     /* meaningless at the tail, and among the youngest */
    uint8_t passed[4]; /* of the line, kept in its first slot: orders that went past it */
};
_Static_assert(sizeof(struct oct_book_slot) == 32, "two orders a line");

struct oct_book_lvl {
    int64_t key;
    int64_t qty;
    uint32_t order_cnt;
    uint32_t inst_side; /* inst * 2 + side, and OCT_BOOK_BEST for the best level of its side */
    uint32_t head;      /* oldest linked order, OCT_BOOK_NONE when none is linked */
    uint32_t tail;      /* youngest linked order; while free: next free level */
    uint32_t young[OCT_BOOK_YOUNG_CNT]; /* younger than all linked ones; oldest first, no gaps */
};
_Static_assert(sizeof(struct oct_book_lvl) == 64, "a line");
#define OCT_BOOK_BEST (UINT32_C(1) << 31)

/* Levels, best first; OCT_BOOK_KEY_NONE and OCT_BOOK_NONE where there is none. */
struct oct_book_eight {
    int64_t key[OCT_BOOK_EIGHT];
    uint32_t lvl[OCT_BOOK_EIGHT];
};

/* When there is a tree, the first block is full; when the second has any, too. */
struct oct_book_side {
    struct oct_book_eight lo;
    uint32_t top_cnt; /* in both blocks */
    uint32_t deep_cnt;
    uint32_t root;       /* tree of the levels behind the best */
    uint32_t incomplete; /* in the bid side: orders of this instrument were refused for room */
    uint64_t pad0[2];
    struct oct_book_eight hi;
    uint64_t pad1[4];
};
_Static_assert(sizeof(struct oct_book_side) == 256, "four lines a side");
_Static_assert(offsetof(struct oct_book_side, hi) == 128, "two of them for the best eight");

struct oct_book_node {
    int64_t key[OCT_BOOK_FANOUT];  /* ascending; in inner nodes lower bounds, the first unused */
    uint32_t val[OCT_BOOK_FANOUT]; /* levels, or children; val[0] while free: next free node */
    uint16_t cnt;
    uint16_t height; /* 0 is a leaf */
};
_Static_assert(sizeof(struct oct_book_node) == 256, "four lines a node");

struct oct_books {
    struct oct_book_slot *slot; /* lines of two, then the stash */
    struct oct_book_lvl *lvl;
    struct oct_book_side *side; /* [inst * 2 + side] */
    struct oct_book_node *node;
    uint64_t seed0;
    uint64_t seed1;
    uint64_t run_from;     /* references from here on have homes in runs */
    uint32_t run_shift;    /* stride_shift + log2 of OCT_BOOK_RUN_CNT */
    uint32_t stride_shift; /* log2 of the usual distance of new references, rounded down */
    uint64_t line_cnt;     /* home lines; a few more follow for the searches that end there */
    uint32_t stash;        /* first slot of the stash */
    uint32_t inst_cnt;
    uint32_t order_cnt;
    uint32_t order_cnt_max;
    uint32_t level_cnt;
    uint32_t level_cnt_max;
    uint32_t level_free; /* head of the list of free levels */
    uint32_t level_used; /* levels ever taken: beyond them all are free and unlinked */
    uint32_t node_cnt;
    uint32_t node_cnt_max;
    uint32_t node_free;
    uint32_t node_used;
    uint32_t stash_cnt;
    bool learning;
    uint32_t learn_seen; /* strides, and those that were believable */
    uint32_t learn_cnt;
    uint64_t learn_sum;
    uint64_t learn_max; /* largest reference so far */
};

/* Any px, also one that only a prefetch has seen: the smallest value is its own negative. */
OCT_INLINE int64_t oct_book_key(uint32_t side, int64_t px)
{
    return side == OCT_BUY ? px : (int64_t)(0 - (uint64_t)px);
}

/* Two multiplications; nobody without the seed can tell where a reference goes. */
OCT_INLINE uint64_t oct_book_hash(const struct oct_books *b, uint64_t x)
{
    unsigned __int128 p = (unsigned __int128)(x ^ b->seed0) * b->seed1;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* First slot of the line that a hash chooses.  Slot 0 means none: the first two lines are not
 * used. */
OCT_INLINE uint32_t oct_book_line(const struct oct_books *b, uint64_t hash)
{
    return (uint32_t)(4 + 2 * (uint64_t)(((unsigned __int128)hash * b->line_cnt) >> 64));
}

/* First slot of the home line.  Venues number orders upwards; once the usual stride is known, the
 * next references have the next lines, in runs whose places are hashed, and are already near. */
OCT_INLINE uint32_t oct_book_home(const struct oct_books *b, uint64_t ref)
{
    bool runs = ref >= b->run_from;
    uint32_t near = (uint32_t)(ref >> b->stride_shift) % OCT_BOOK_RUN_CNT;
    uint64_t hash = oct_book_hash(b, ref >> (runs ? b->run_shift : 0));
    return oct_book_line(b, hash) + (runs ? 2 * near : 0);
}

/* Which of a line's counters an order that goes past it is counted in. */
OCT_INLINE uint32_t oct_book_quarter(const struct oct_books *b, uint64_t ref)
{
    return (uint32_t)((ref * b->seed1) >> 62);
}

uint32_t oct_book_find_far(const struct oct_books *b, uint64_t ref, uint32_t home);
uint32_t oct_book_place_far(struct oct_books *b, uint64_t ref, uint32_t home);
void oct_book_vacate_far(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot);
/* Sees a new reference; after enough of them the stride is known. */
void oct_book_learn(struct oct_books *b, uint64_t ref);

/* Slot of a reference or OCT_BOOK_NONE. */
OCT_INLINE uint32_t oct_book_find(const struct oct_books *b, uint64_t ref, uint32_t home)
{
    const struct oct_book_slot *s = &b->slot[home];
    uint32_t second = s[1].ref == ref && s[1].level != OCT_BOOK_NONE;
    s += second;
    if (oct_likely(s->ref == ref && s->level != OCT_BOOK_NONE))
        return home + second;
    if (oct_likely(b->slot[home].passed[oct_book_quarter(b, ref)] == 0))
        return OCT_BOOK_NONE;
    return oct_book_find_far(b, ref, home);
}

/* A free slot for a reference that is not in the table, or OCT_BOOK_NONE.  The caller fills it
 * before anything else happens, or vacates it. */
OCT_INLINE uint32_t oct_book_place(struct oct_books *b, uint64_t ref, uint32_t home)
{
    uint32_t second = b->slot[home].level != OCT_BOOK_NONE;
    if (oct_likely(b->slot[home + second].level == OCT_BOOK_NONE))
        return home + second;
    return oct_book_place_far(b, ref, home);
}

OCT_INLINE void oct_book_vacate(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot)
{
    b->slot[slot].level = OCT_BOOK_NONE;
    if (oct_unlikely((slot & ~1u) != home))
        oct_book_vacate_far(b, ref, home, slot);
}

/* What walks call for each level or order slot, in order; false stops the walk. */
typedef bool oct_book_visit_fn(void *ctx, uint32_t what);

/* ---- query.c ------------------------------------------------------------------------------------ */

/* Visits the orders of a level in time priority; an order may be vacated by its visit. */
bool oct_book_queue_walk(const struct oct_books *b, uint32_t level, oct_book_visit_fn *visit,
                         void *ctx);

/* ---- tree.c: sorted map from key to level, nodes from the pool ---------------------------------- */

uint32_t oct_book_tree_find(const struct oct_books *b, uint32_t root, int64_t key);
bool oct_book_tree_insert(struct oct_books *b, uint32_t *root, int64_t key, uint32_t lvl);
void oct_book_tree_remove(struct oct_books *b, uint32_t *root, int64_t key);
/* Takes the largest key; the tree is not empty. */
uint32_t oct_book_tree_pop(struct oct_books *b, uint32_t *root, int64_t *key);
void oct_book_tree_free(struct oct_books *b, uint32_t *root);
/* Visits levels in descending order of key until visit says false; false when stopped. */
bool oct_book_tree_walk(const struct oct_books *b, uint32_t root, oct_book_visit_fn *visit,
                        void *ctx);

/* ---- side.c: levels of one side ---------------------------------------------------------------- */

/* One bit for each of the levels with this key. */
OCT_INLINE uint32_t oct_book_eight_eq(const struct oct_book_eight *e, int64_t key)
{
    __m256i x = _mm256_set1_epi64x(key);
    __m256i lo = _mm256_cmpeq_epi64(x, _mm256_load_si256((const __m256i *)&e->key[0]));
    __m256i hi = _mm256_cmpeq_epi64(x, _mm256_load_si256((const __m256i *)&e->key[4]));
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(lo)) |
           (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(hi)) << 4;
}

/* Level of a key that is not among the best eight and worse than them. */
uint32_t oct_book_side_find_far(const struct oct_books *b, const struct oct_book_side *s,
                                int64_t key);

/* Level of a key, OCT_BOOK_NONE when there is none. */
OCT_INLINE uint32_t oct_book_side_find(const struct oct_books *b, const struct oct_book_side *s,
                                       int64_t key)
{
    uint32_t eq = oct_book_eight_eq(&s->lo, key);
    if (oct_likely(eq != 0))
        return s->lo.lvl[__builtin_ctz(eq)];
    if (key > s->lo.key[OCT_BOOK_EIGHT - 1])
        return OCT_BOOK_NONE;
    return oct_book_side_find_far(b, s, key);
}

/* Empties a side; its tree must have been freed. */
void oct_book_side_init(struct oct_book_side *s);
/* Adds a level whose key is not there; keeps OCT_BOOK_BEST of all levels but the new one right.
 * false when the tree has no room. */
bool oct_book_side_insert(struct oct_books *b, struct oct_book_side *s, int64_t key, uint32_t lvl);
/* Removes the level of a key, which is there; the next best one gets its OCT_BOOK_BEST. */
void oct_book_side_remove(struct oct_books *b, struct oct_book_side *s, int64_t key);
/* Visits levels best first until visit says false; false when it was stopped. */
bool oct_book_side_walk(const struct oct_books *b, const struct oct_book_side *s,
                        oct_book_visit_fn *visit, void *ctx);

#endif
