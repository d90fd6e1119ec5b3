/* book_priv.h - the tables behind book.h, for this folder only.
 *
 * Orders live in one hash table and never move while they live: a line holds two of them, and an
 * order that finds its home line full goes to another one, or to the stash.  Every line counts the
 * orders that passed it by, in two counters by a hash, so that a search ends at the first line that
 * nobody like it passed, and a removal leaves no tombstone.
 *
 * A side keeps what changes of its best sixteen levels in two blocks of vectors: a message that
 * names an order reaches the order's line and its side's block and nothing else, and where both are
 * is known early.  Deeper levels are in a tree and keep theirs in their own record.  Queues are
 * linked through the orders; a level knows the youngest, and the links lead to the oldest.
 * Prices are stored as keys, larger is better on both sides. */
#ifndef OCT_BOOK_BOOK_PRIV_H
#define OCT_BOOK_BOOK_PRIV_H

#include <immintrin.h>

#include "dataplane/book/book.h"

#define OCT_BOOK_EIGHT      8u
#define OCT_BOOK_TOP_CNT    16u
#define OCT_BOOK_TOP_LOW    8u  /* with fewer, levels are fetched from the tree */
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
    uint32_t prev;  /* older; OCT_BOOK_NONE at the head of the queue */
    uint32_t next;  /* younger; meaningless at the tail */
    uint32_t owner; /* low bits: inst * 2 + side; above: orders that went past this line */
};
_Static_assert(sizeof(struct oct_book_slot) == 32, "two orders a line");
#define OCT_BOOK_OWNER_BITS 25u
#define OCT_BOOK_OWNER_MASK ((UINT32_C(1) << OCT_BOOK_OWNER_BITS) - 1)
#define OCT_BOOK_PASSED_ONE (UINT32_C(1) << OCT_BOOK_OWNER_BITS)
#define OCT_BOOK_PASSED_MAX 127u

/* A level; what follows owner holds while the level is in a tree. */
struct oct_book_lvl {
    int64_t key;
    uint32_t owner;
    uint32_t next_free; /* while free */
    int64_t qty;
    uint32_t cnt;
    uint32_t tail;
};
_Static_assert(sizeof(struct oct_book_lvl) == 32, "two levels a line");

/* Levels, best first; OCT_BOOK_KEY_NONE and OCT_BOOK_NONE where there is none. */
struct oct_book_eight {
    int64_t key[OCT_BOOK_EIGHT];
    int64_t qty[OCT_BOOK_EIGHT];
    uint32_t lvl[OCT_BOOK_EIGHT];
    uint32_t cnt[OCT_BOOK_EIGHT];  /* orders */
    uint32_t tail[OCT_BOOK_EIGHT]; /* slot of the youngest order */
};

/* When there is a tree, the first block is full; when the second has any, too. */
struct oct_book_side {
    struct oct_book_eight lo;
    uint32_t top_cnt; /* in both blocks */
    uint32_t deep_cnt;
    uint32_t root;       /* tree of the levels behind the best */
    uint32_t incomplete; /* in the bid side: orders of this instrument were refused for room */
    uint32_t pad[4];
};
_Static_assert(sizeof(struct oct_book_side) == 256, "four lines a side");

struct oct_book_more {
    struct oct_book_eight hi;
    uint32_t pad[8];
};
_Static_assert(sizeof(struct oct_book_more) == 256, "and four more behind the best eight");

/* Where a level's changing values are. */
struct oct_book_cell {
    int64_t *qty;
    uint32_t *cnt;
    uint32_t *tail;
};

struct oct_book_node {
    int64_t key[OCT_BOOK_FANOUT];  /* ascending; in inner nodes lower bounds, the first unused */
    uint32_t val[OCT_BOOK_FANOUT]; /* levels, or children; val[0] while free: next free node */
    uint16_t cnt;
    uint16_t height; /* 0 is a leaf */
};
_Static_assert(sizeof(struct oct_book_node) == 256, "four lines a node");

/* How a reference gets its home. */
struct oct_book_rule {
    uint32_t run_shift;  /* what is left is hashed, to a run's first line */
    uint32_t near_shift; /* what is left gives the line in the run */
    uint32_t near_mask;
};

struct oct_books {
    struct oct_book_slot *slot; /* lines of two, then the stash */
    struct oct_book_lvl *lvl;
    struct oct_book_side *side; /* [owner] */
    struct oct_book_more *more; /* [owner] */
    struct oct_book_node *node;
    uint64_t seed0;
    uint64_t seed1;
    uint64_t run_from;            /* references from here on have homes in runs */
    struct oct_book_rule rule[2]; /* of references below run_from, and of the others */
    uint32_t pad;
    uint32_t stride_shift; /* log2 of the references that share a home in a run: up to half the
                              usual distance of new ones */
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
    const struct oct_book_rule *r = &b->rule[ref >= b->run_from];
    uint32_t near = (uint32_t)(ref >> r->near_shift) & r->near_mask;
    return oct_book_line(b, oct_book_hash(b, ref >> r->run_shift)) + 2 * near;
}

/* Which of a line's two counters an order that goes past it is counted in. */
OCT_INLINE uint32_t oct_book_half(const struct oct_books *b, uint64_t ref)
{
    return (uint32_t)((ref * b->seed1) >> 63);
}

OCT_INLINE uint32_t oct_book_passed(const struct oct_book_slot *s)
{
    return s->owner >> OCT_BOOK_OWNER_BITS;
}

uint32_t oct_book_find_far(const struct oct_books *b, uint64_t ref, uint32_t home);
uint32_t oct_book_place_far(struct oct_books *b, uint64_t ref, uint32_t home);
void oct_book_vacate_far(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot);
/* Sees a new reference; after enough of them the stride is known. */
void oct_book_learn(struct oct_books *b, uint64_t ref);

/* Slot of a reference or OCT_BOOK_NONE.  Which of a line's two it is is a coin toss: no branch. */
OCT_INLINE uint32_t oct_book_find(const struct oct_books *b, uint64_t ref, uint32_t home)
{
    const struct oct_book_slot *s = &b->slot[home];
    uint32_t first = (s[0].ref == ref) & (s[0].level != OCT_BOOK_NONE);
    uint32_t second = (s[1].ref == ref) & (s[1].level != OCT_BOOK_NONE);
    if (oct_likely((first | second) != 0))
        return home + second;
    if (oct_likely(oct_book_passed(&s[oct_book_half(b, ref)]) == 0))
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

/* One bit for the place of a level, 0 when it is not here. */
OCT_INLINE uint32_t oct_book_eight_at(const struct oct_book_eight *e, uint32_t level)
{
    __m256i v = _mm256_load_si256((const __m256i *)e->lvl);
    __m256i eq = _mm256_cmpeq_epi32(v, _mm256_set1_epi32((int)level));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(eq));
}

OCT_INLINE struct oct_book_cell oct_book_eight_cell(struct oct_book_eight *e, uint32_t pos)
{
    return (struct oct_book_cell){&e->qty[pos], &e->cnt[pos], &e->tail[pos]};
}

/* Level of a key, OCT_BOOK_NONE when there is none. */
uint32_t oct_book_side_find(const struct oct_books *b, uint32_t owner, int64_t key);
/* The cell of a level of this side. */
struct oct_book_cell oct_book_side_cell(const struct oct_books *b, uint32_t owner, uint32_t level);
/* Empties a side; its tree must have been freed. */
void oct_book_side_init(struct oct_books *b, uint32_t owner);
/* Adds a level without orders whose key is not there.  false when the tree has no room. */
bool oct_book_side_insert(struct oct_books *b, uint32_t owner, int64_t key, uint32_t lvl);
/* Removes the level of a key, which is there. */
void oct_book_side_remove(struct oct_books *b, uint32_t owner, int64_t key);
/* Visits levels best first until visit says false; false when it was stopped. */
bool oct_book_side_walk(const struct oct_books *b, uint32_t owner, oct_book_visit_fn *visit,
                        void *ctx);

#endif
