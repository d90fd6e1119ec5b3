#include "dataplane/book/book_priv.h"

#include <string.h>

#include "dataplane/base/hash.h"

/* Set-up of the tables, and the rare ends of the order table. */

#define CNT_MAX (UINT32_C(1) << 28)
/* The two unused lines, and where a search from the last home line may end. */
#define MORE_LINES (2 + OCT_BOOK_RUN_CNT + 4)
#define PASSED_MAX UINT8_MAX
/* Distances of references beyond this are another numbering, not a stride. */
#define LEARN_STRIDE_MAX (UINT64_C(1) << 24)

struct layout {
    size_t slot_off;
    size_t lvl_off;
    size_t side_off;
    size_t node_off;
    size_t sz;
    uint32_t line_cnt;
    uint32_t node_cnt;
};

static bool layout_of(const struct oct_books_cfg *cfg, struct layout *l)
{
    if (cfg->inst_cnt == 0 || cfg->inst_cnt > CNT_MAX >> 4 || cfg->order_cnt_max == 0 ||
        cfg->order_cnt_max > CNT_MAX || cfg->level_cnt_max == 0 || cfg->level_cnt_max > CNT_MAX)
        return false;
    /* One home line an order: half full when the table is. */
    l->line_cnt = cfg->order_cnt_max < 16 ? 16 : cfg->order_cnt_max;
    /* Neighbouring nodes of one parent hold eleven entries or more (tree.c), a side's only node may
     * hold one: with their parents, four levels a node at the least. */
    uint32_t sides = 2 * cfg->inst_cnt;
    l->node_cnt = (sides < cfg->level_cnt_max ? sides : cfg->level_cnt_max) +
                  cfg->level_cnt_max / 4 + OCT_BOOK_HEIGHT_MAX;
    size_t off = oct_align_up(sizeof(struct oct_books), OCT_BLOCK_SZ);
    l->slot_off = off;
    off += sizeof(struct oct_book_slot) *
           (2 * ((size_t)l->line_cnt + MORE_LINES) + OCT_BOOK_STASH_CNT);
    l->side_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_side) * sides;
    l->node_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_node) * ((size_t)l->node_cnt + 1);
    l->lvl_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_lvl) * ((size_t)cfg->level_cnt_max + 1);
    l->sz = oct_align_up(off, OCT_BLOCK_SZ);
    return true;
}

size_t oct_books_footprint(const struct oct_books_cfg *cfg)
{
    struct layout l;
    return layout_of(cfg, &l) ? l.sz : 0;
}

struct oct_books *oct_books_new(void *mem, const struct oct_books_cfg *cfg)
{
    struct layout l;
    if (!layout_of(cfg, &l))
        return NULL;
    OCT_ASSERT(((uintptr_t)mem & (OCT_BLOCK_SZ - 1)) == 0);
    /* All of it, so that every page is there before the first message. */
    memset(mem, 0, l.sz);
    struct oct_books *b = mem;
    uint8_t *base = mem;
    b->slot = (struct oct_book_slot *)(base + l.slot_off);
    b->lvl = (struct oct_book_lvl *)(base + l.lvl_off);
    b->side = (struct oct_book_side *)(base + l.side_off);
    b->node = (struct oct_book_node *)(base + l.node_off);
    b->seed0 = oct_mix64(cfg->seed + UINT64_C(0x9e3779b97f4a7c15));
    b->seed1 = oct_mix64(b->seed0 + UINT64_C(0x9e3779b97f4a7c15)) | 1;
    b->run_from = UINT64_MAX; /* until the stride is known, all homes are hashed */
    b->run_shift = 63;
    b->learning = true;
    b->line_cnt = l.line_cnt;
    b->stash = 2 * (l.line_cnt + MORE_LINES);
    b->inst_cnt = cfg->inst_cnt;
    b->order_cnt_max = cfg->order_cnt_max;
    b->level_cnt_max = cfg->level_cnt_max;
    b->node_cnt_max = l.node_cnt;
    for (uint32_t i = 0; i < 2 * cfg->inst_cnt; i++)
        oct_book_side_init(&b->side[i]);
    return b;
}

/* ---- the order table beyond the home line ------------------------------------------------------- */

/* The i-th line a search visits.  Home and the other line of its aligned pair, the next pair; then
 * pairs that the hash of the whole reference chooses, one by one.  So references that crowd one
 * home, by accident or design, end up where nobody without the seed can aim, and full regions are
 * left soon. */
static uint32_t visit(const struct oct_books *b, uint32_t home, uint64_t hash, uint32_t i)
{
    uint32_t pair =
        i < 4 ? home + 4 * (i / 2) : oct_book_line(b, hash + (hash << 31 | 1) * (i / 2));
    return pair ^ 2 * (i % 2);
}

uint32_t oct_book_find_far(const struct oct_books *b, uint64_t ref, uint32_t home)
{
    uint64_t hash = oct_book_hash(b, ref);
    uint32_t quarter = oct_book_quarter(b, ref);
    for (uint32_t i = 1; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t at = visit(b, home, hash, i);
        const struct oct_book_slot *s = &b->slot[at];
        if (s[0].ref == ref && s[0].level != OCT_BOOK_NONE)
            return at;
        if (s[1].ref == ref && s[1].level != OCT_BOOK_NONE)
            return at + 1;
        if (s[0].passed[quarter] == 0)
            return OCT_BOOK_NONE;
    }
    for (uint32_t i = 0; i < OCT_BOOK_STASH_CNT; i++) {
        const struct oct_book_slot *s = &b->slot[b->stash + i];
        if (s->ref == ref && s->level != OCT_BOOK_NONE)
            return b->stash + i;
    }
    return OCT_BOOK_NONE;
}

uint32_t oct_book_place_far(struct oct_books *b, uint64_t ref, uint32_t home)
{
    uint64_t hash = oct_book_hash(b, ref);
    uint32_t quarter = oct_book_quarter(b, ref), lines[OCT_BOOK_LINE_MAX] = {home};
    uint32_t cnt = 1, at = OCT_BOOK_NONE;
    for (; cnt < OCT_BOOK_LINE_MAX; cnt++) {
        lines[cnt] = visit(b, home, hash, cnt);
        at = lines[cnt] + (b->slot[lines[cnt]].level != OCT_BOOK_NONE);
        if (b->slot[at].level == OCT_BOOK_NONE)
            break;
    }
    if (cnt == OCT_BOOK_LINE_MAX) {
        for (at = b->stash; at < b->stash + OCT_BOOK_STASH_CNT; at++) {
            if (b->slot[at].level == OCT_BOOK_NONE)
                break;
        }
        if (at == b->stash + OCT_BOOK_STASH_CNT)
            return OCT_BOOK_NONE;
        b->stash_cnt++;
    }
    for (uint32_t i = 0; i < cnt; i++) {
        uint8_t *passed = &b->slot[lines[i]].passed[quarter];
        *passed = (uint8_t)(*passed + (*passed != PASSED_MAX));
    }
    return at;
}

/* A counter that was ever full stays so: it has lost count, and searches go on there for ever. */
void oct_book_vacate_far(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot)
{
    uint64_t hash = oct_book_hash(b, ref);
    uint32_t quarter = oct_book_quarter(b, ref);
    for (uint32_t i = 0; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t at = visit(b, home, hash, i);
        if (at == (slot & ~1u))
            return;
        uint8_t *passed = &b->slot[at].passed[quarter];
        *passed = (uint8_t)(*passed - (*passed != PASSED_MAX));
    }
    b->stash_cnt--;
}

/* References seen so far keep the homes they have: the new rule begins above the largest. */
void oct_book_learn(struct oct_books *b, uint64_t ref)
{
    uint64_t stride = ref - b->learn_max;
    b->learn_seen++;
    if (ref > b->learn_max) {
        if (b->learn_max != 0 && stride < LEARN_STRIDE_MAX) {
            b->learn_sum += stride;
            b->learn_cnt++;
        }
        b->learn_max = ref;
    }
    if (b->learn_seen < OCT_BOOK_LEARN_CNT)
        return;
    b->learning = false;
    if (b->learn_cnt < OCT_BOOK_LEARN_CNT / 2 || b->learn_max == UINT64_MAX)
        return; /* no order in it */
    uint64_t mean = b->learn_sum / b->learn_cnt;
    b->stride_shift = 63u - (uint32_t)__builtin_clzll(mean);
    b->run_shift = b->stride_shift + (uint32_t)__builtin_ctz(OCT_BOOK_RUN_CNT);
    b->run_from = b->learn_max + 1;
}

/* ---- hints ------------------------------------------------------------------------------------- */

OCT_INLINE const struct oct_book_side *hint_side(const struct oct_books *b,
                                                 const struct oct_book_hint *hint)
{
    return &b->side[2 * (hint->inst < b->inst_cnt ? hint->inst : 0) + (hint->side & 1)];
}

void oct_books_prefetch1(const struct oct_books *b, struct oct_book_hint *hint)
{
    hint->home = oct_book_home(b, hint->ref);
    __builtin_prefetch(&b->slot[hint->home], 1, 3);
    if (hint->side < 2) {
        const struct oct_book_side *s = hint_side(b, hint);
        __builtin_prefetch(s->lo.key, 1, 3);
        __builtin_prefetch(s->lo.lvl, 1, 3);
    } else if (hint->new_ref != 0) {
        __builtin_prefetch(&b->slot[oct_book_home(b, hint->new_ref)], 1, 3);
    }
}

/* Of an order in the table, its level, or where it is if it is not at home; of an add, the level of
 * its price, or the second block. */
void oct_books_prefetch2(const struct oct_books *b, const struct oct_book_hint *hint)
{
    uint32_t home = hint->home < b->stash ? hint->home : 0;
    const struct oct_book_slot *s = &b->slot[home];
    bool second = s[1].ref == hint->ref;
    bool here = s[second].ref == hint->ref;
    bool full = s[0].level != OCT_BOOK_NONE && s[1].level != OCT_BOOK_NONE;
    const void *level = &b->lvl[here ? s[second].level : OCT_BOOK_NONE];
    __builtin_prefetch(!here && full ? (const void *)&b->slot[home ^ 2] : level, 1, 3);
    if (hint->side >= 2)
        return;
    const struct oct_book_side *bs = hint_side(b, hint);
    uint32_t eq = oct_book_eight_eq(&bs->lo, oct_book_key(hint->side, hint->px.v));
    if (oct_likely(eq != 0)) {
        __builtin_prefetch(&b->lvl[bs->lo.lvl[__builtin_ctz(eq)]], 1, 3);
    } else {
        __builtin_prefetch(bs->hi.key, 1, 3);
        __builtin_prefetch(bs->hi.lvl, 1, 3);
    }
}
