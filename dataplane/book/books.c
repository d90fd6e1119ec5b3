#include "dataplane/book/book_priv.h"

#include <string.h>

#include "dataplane/base/hash.h"

/* Set-up of the tables, and the rare ends of the order table. */

#define CNT_MAX (UINT32_C(1) << 28)
/* The two unused lines, and where a search from the last home line may end. */
#define MORE_LINES (2 + OCT_BOOK_RUN_CNT + 4)
/* Distances of references beyond this are another numbering, not a stride. */
#define LEARN_STRIDE_MAX (UINT64_C(1) << 24)

struct layout {
    size_t slot_off;
    size_t lvl_off;
    size_t side_off;
    size_t more_off;
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
    /* Two home lines an order, so that few orders find theirs full: what looks ahead knows no other
     * line than that. */
    l->line_cnt = cfg->order_cnt_max < 8 ? 16 : 2 * cfg->order_cnt_max;
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
    l->more_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_more) * sides;
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
    b->more = (struct oct_book_more *)(base + l.more_off);
    b->node = (struct oct_book_node *)(base + l.node_off);
    b->seed0 = oct_mix64(cfg->seed + UINT64_C(0x9e3779b97f4a7c15));
    b->seed1 = oct_mix64(b->seed0 + UINT64_C(0x9e3779b97f4a7c15)) | 1;
    b->run_from = UINT64_MAX; /* until the stride is known, all homes are hashed */
    b->learning = true;
    b->line_cnt = l.line_cnt;
    b->stash = 2 * (l.line_cnt + MORE_LINES);
    b->inst_cnt = cfg->inst_cnt;
    b->order_cnt_max = cfg->order_cnt_max;
    b->level_cnt_max = cfg->level_cnt_max;
    b->node_cnt_max = l.node_cnt;
    for (uint32_t i = 0; i < 2 * cfg->inst_cnt; i++)
        oct_book_side_init(b, i);
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
    uint32_t half = oct_book_half(b, ref);
    for (uint32_t i = 1; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t at = visit(b, home, hash, i);
        const struct oct_book_slot *s = &b->slot[at];
        if (s[0].ref == ref && s[0].level != OCT_BOOK_NONE)
            return at;
        if (s[1].ref == ref && s[1].level != OCT_BOOK_NONE)
            return at + 1;
        if (oct_book_passed(&s[half]) == 0)
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
    uint32_t half = oct_book_half(b, ref), lines[OCT_BOOK_LINE_MAX] = {home};
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
        struct oct_book_slot *s = &b->slot[lines[i] + half];
        s->owner += oct_book_passed(s) != OCT_BOOK_PASSED_MAX ? OCT_BOOK_PASSED_ONE : 0;
    }
    return at;
}

/* A counter that was ever full stays so: it has lost count, and searches go on there for ever. */
void oct_book_vacate_far(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot)
{
    uint64_t hash = oct_book_hash(b, ref);
    uint32_t half = oct_book_half(b, ref);
    for (uint32_t i = 0; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t at = visit(b, home, hash, i);
        if (at == (slot & ~1u))
            return;
        struct oct_book_slot *s = &b->slot[at + half];
        s->owner -= oct_book_passed(s) != OCT_BOOK_PASSED_MAX ? OCT_BOOK_PASSED_ONE : 0;
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
    b->stride_shift -= b->stride_shift != 0;
    b->rule[1] = (struct oct_book_rule){.run_shift = b->stride_shift +
                                                     (uint32_t)__builtin_ctz(OCT_BOOK_RUN_CNT),
                                        .near_shift = b->stride_shift,
                                        .near_mask = OCT_BOOK_RUN_CNT - 1};
    b->run_from = b->learn_max + 1;
}

/* ---- hints ------------------------------------------------------------------------------------- */

OCT_INLINE const struct oct_book_slot *hint_slot(const struct oct_books *b,
                                                 const struct oct_book_hint *hint)
{
    const struct oct_book_slot *s = &b->slot[hint->home < b->stash ? hint->home : 0];
    return s + (s[1].ref == hint->ref);
}

OCT_INLINE uint32_t hint_owner(const struct oct_books *b, const struct oct_book_hint *hint)
{
    return 2 * (hint->inst < b->inst_cnt ? hint->inst : 0) + (hint->side & 1);
}

OCT_INLINE void fetch(const void *p)
{
    __builtin_prefetch(p, 1, 3);
}

OCT_INLINE void fetch_eight(const struct oct_book_eight *e)
{
    fetch(&e->key[0]);
    fetch(&e->qty[0]);
    fetch(&e->lvl[0]);
    fetch(&e->tail[0]);
}

void oct_books_prefetch1(const struct oct_books *b, struct oct_book_hint *hint)
{
    hint->home = oct_book_home(b, hint->ref);
    fetch(&b->slot[hint->home]);

    if (oct_unlikely(hint->new_ref != 0))
        fetch(&b->slot[oct_book_home(b, hint->new_ref)]);
}

/* The block of the order's side: an add names it, the order itself knows it.  No branch on what it
 * is, which is a coin toss. */
void oct_books_prefetch2(const struct oct_books *b, const struct oct_book_hint *hint)
{
    const struct oct_book_slot *s = hint_slot(b, hint);
    uint32_t owner = s->owner & OCT_BOOK_OWNER_MASK;
    fetch_eight(&b->side[hint->side < 2 ? hint_owner(b, hint) : owner].lo);
}

/* Where the level is not among the best eight, the next eight; where it is, the orders that the
 * queue's links are in. */
void oct_books_prefetch3(const struct oct_books *b, const struct oct_book_hint *hint)
{
    const struct oct_book_slot *s = hint_slot(b, hint);
    bool adds = hint->side < 2;
    uint32_t owner = adds ? hint_owner(b, hint) : s->owner & OCT_BOOK_OWNER_MASK;
    const struct oct_book_eight *e = &b->side[owner].lo;
    uint32_t by_key = oct_book_eight_eq(e, oct_book_key(owner & 1, hint->px.v));
    uint32_t by_level = oct_book_eight_at(e, s->level);
    uint32_t at = adds ? by_key : by_level;
    uint32_t tail = e->tail[(uint32_t)__builtin_ctz(at | 0x80)];
    bool alone = adds || tail == (uint32_t)(s - b->slot);
    uint32_t next = alone ? tail : s->next, prev = alone ? tail : s->prev;
    const char *hi = (const char *)&b->more[owner].hi;
    fetch(at != 0 ? (const char *)&b->slot[next] : hi);
    fetch(at != 0 ? (const char *)&b->slot[prev] : hi + 64);
    fetch(at != 0 ? (const char *)&b->slot[prev] : hi + 128);
    fetch(at != 0 ? (const char *)&b->slot[prev] : hi + 192);
}
