#include "dataplane/book/book_priv.h"

#include <string.h>

#include "dataplane/base/hash.h"

/* Set-up of the tables, and the rare ends of the order table. */

#define CNT_MAX (UINT32_C(1) << 28)

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
           (2 * ((size_t)l->line_cnt + OCT_BOOK_LINE_MAX) + OCT_BOOK_STASH_CNT);
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
    b->line_cnt = l.line_cnt;
    b->stash = 2 * (l.line_cnt + OCT_BOOK_LINE_MAX);
    b->inst_cnt = cfg->inst_cnt;
    b->order_cnt_max = cfg->order_cnt_max;
    b->level_cnt_max = cfg->level_cnt_max;
    b->node_cnt_max = l.node_cnt;
    for (uint32_t i = 0; i < 2 * cfg->inst_cnt; i++) {
        for (uint32_t k = 0; k < OCT_BOOK_TOP_CNT; k++)
            b->side[i].key[k] = OCT_BOOK_KEY_NONE;
    }
    return b;
}

uint32_t oct_book_find_far(const struct oct_books *b, uint64_t ref, uint32_t home)
{
    for (uint32_t i = 1; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t at = home + 2 * i;
        const struct oct_book_slot *s = &b->slot[at];
        if (s[0].ref == ref && s[0].level != OCT_BOOK_NONE)
            return at;
        if (s[1].ref == ref && s[1].level != OCT_BOOK_NONE)
            return at + 1;
        if (s[0].passed == 0)
            return OCT_BOOK_NONE;
    }
    for (uint32_t i = 0; i < OCT_BOOK_STASH_CNT; i++) {
        const struct oct_book_slot *s = &b->slot[b->stash + i];
        if (s->ref == ref && s->level != OCT_BOOK_NONE)
            return b->stash + i;
    }
    return OCT_BOOK_NONE;
}

/* Counts one order more or less that went past the lines from home up to the slot. */
static void pass(struct oct_books *b, uint32_t home, uint32_t slot, uint32_t by)
{
    for (uint32_t i = 0; i < OCT_BOOK_LINE_MAX && home + 2 * i != (slot & ~1u); i++)
        b->slot[home + 2 * i].passed += by;
}

uint32_t oct_book_place_far(struct oct_books *b, uint32_t home)
{
    for (uint32_t at = home + 2; at < home + 2 * OCT_BOOK_LINE_MAX; at++) {
        if (b->slot[at].level == OCT_BOOK_NONE) {
            pass(b, home, at, 1);
            return at;
        }
    }
    for (uint32_t at = b->stash; at < b->stash + OCT_BOOK_STASH_CNT; at++) {
        if (b->slot[at].level == OCT_BOOK_NONE) {
            pass(b, home, at, 1);
            b->stash_cnt++;
            return at;
        }
    }
    return OCT_BOOK_NONE;
}

void oct_book_vacate_far(struct oct_books *b, uint32_t home, uint32_t slot)
{
    pass(b, home, slot, UINT32_MAX);
    if (slot >= b->stash)
        b->stash_cnt--;
}

void oct_books_prefetch1(const struct oct_books *b, uint64_t ref)
{
    __builtin_prefetch(&b->slot[oct_book_home(b, ref)], 1, 3);
}

void oct_books_prefetch2(const struct oct_books *b, uint64_t ref)
{
    const struct oct_book_slot *s = &b->slot[oct_book_home(b, ref)];
    s += s[1].ref == ref;
    __builtin_prefetch(&b->lvl[s->level], 1, 3);
    __builtin_prefetch(&b->slot[s->prev], 1, 3);
    __builtin_prefetch(&b->slot[s->next], 1, 3);
}

void oct_books_prefetch_inst(const struct oct_books *b, uint32_t inst)
{
    const struct oct_book_side *s = &b->side[2 * (inst < b->inst_cnt ? inst : 0)];
    __builtin_prefetch(&s[0].key, 1, 3);
    __builtin_prefetch(&s[0].lvl, 1, 3);
    __builtin_prefetch(&s[1].key, 1, 3);
    __builtin_prefetch(&s[1].lvl, 1, 3);
}
