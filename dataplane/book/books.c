#include "dataplane/book/book_priv.h"

#include <string.h>

#include "dataplane/base/hash.h"

/* Set-up of the tables, and the rare ends of the order table. */

#define CNT_MAX (UINT32_C(1) << 28)
/* Where a search from the last home line may end. */
#define MORE_LINES (OCT_BOOK_RUN_CNT + 4)
/* Distances of references beyond this are another numbering, not a stride. */
#define LEARN_STRIDE_MAX (UINT64_C(1) << 24)

struct layout {
    size_t slot_off;
    size_t spare_off;
    size_t line_off;
    size_t best_off;
    size_t more_off;
    size_t node_off;
    size_t sz;
    uint32_t line_cnt;
    uint32_t node_cnt;
};

/* v / unit for every multiple of unit up to the largest that a book keeps. */
static bool unit_init(struct oct_book_unit *u, int64_t unit, uint64_t max)
{
    if (unit <= 0)
        return false;
    *u = (struct oct_book_unit){.unit = (uint64_t)unit,
                                .max = (uint64_t)(INT64_MAX / unit),
                                .shift = (uint32_t)__builtin_ctzll((uint64_t)unit)};
    uint64_t odd = u->unit >> u->shift;
    u->inverse = odd; /* right in three bits; each step doubles them */
    for (uint32_t i = 0; i < 5; i++)
        u->inverse *= 2 - odd * u->inverse;
    u->max = u->max < max ? u->max : max;
    return true;
}

static bool units_init(const struct oct_books_cfg *cfg, struct oct_book_unit *px,
                       struct oct_book_unit *qty)
{
    return unit_init(px, cfg->px_unit.v != 0 ? cfg->px_unit.v : OCT_PX_E4, OCT_BOOK_PX_MAX) &&
           unit_init(qty, cfg->qty_unit.v != 0 ? cfg->qty_unit.v : OCT_QTY_ONE, OCT_BOOK_QTY_MAX);
}

static bool layout_of(const struct oct_books_cfg *cfg, struct layout *l)
{
    struct oct_book_unit px, qty;
    if (!units_init(cfg, &px, &qty) || cfg->inst_cnt == 0 || cfg->inst_cnt > CNT_MAX >> 4 ||
        cfg->order_cnt_max == 0 || cfg->order_cnt_max > CNT_MAX || cfg->level_cnt_max == 0 ||
        cfg->level_cnt_max > CNT_MAX)
        return false;
    /* Three entries an order, so that few find their home line full: what looks ahead knows no other
     * line than that. */
    l->line_cnt = cfg->order_cnt_max < 64 ? 32 : cfg->order_cnt_max / OCT_BOOK_ENTRY_CNT * 3;
    l->line_cnt += l->line_cnt & 1;
    /* Neighbouring nodes of one parent hold eight entries or more (tree.c), a side's only node may
     * hold one: with their parents, three levels a node at the least. */
    uint32_t sides = 2 * cfg->inst_cnt;
    l->node_cnt = (sides < cfg->level_cnt_max ? sides : cfg->level_cnt_max) +
                  cfg->level_cnt_max / 3 + OCT_BOOK_HEIGHT_MAX;
    size_t off = oct_align_up(sizeof(struct oct_books), OCT_BLOCK_SZ);
    l->slot_off = off;
    off += sizeof(struct oct_book_slot) * ((size_t)cfg->order_cnt_max + 2);
    l->spare_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(uint32_t) * ((size_t)cfg->order_cnt_max + 1);
    l->line_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_line) * ((size_t)l->line_cnt + MORE_LINES + OCT_BOOK_STASH_CNT);
    l->best_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_eight) * sides;
    l->more_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_more) * sides;
    l->node_off = off = oct_align_up(off, OCT_BLOCK_SZ);
    off += sizeof(struct oct_book_node) * ((size_t)l->node_cnt + 1);
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
    b->spare = (uint32_t *)(base + l.spare_off);
    b->line = (struct oct_book_line *)(base + l.line_off);
    b->best = (struct oct_book_eight *)(base + l.best_off);
    b->more = (struct oct_book_more *)(base + l.more_off);
    b->node = (struct oct_book_node *)(base + l.node_off);
    units_init(cfg, &b->px, &b->qty);
    b->seed0 = oct_mix64(cfg->seed + UINT64_C(0x9e3779b97f4a7c15));
    b->seed1 = oct_mix64(b->seed0 + UINT64_C(0x9e3779b97f4a7c15)) | 1;
    b->run_from = UINT64_MAX; /* until the stride is known, all homes are hashed */
    b->learning = true;
    b->line_cnt = l.line_cnt;
    b->stash = l.line_cnt + MORE_LINES;
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
        i < 4 ? home + 2 * (i / 2) : oct_book_line_of(b, hash + (hash << 31 | 1) * (i / 2));
    return pair ^ (i % 2);
}

struct oct_book_place oct_book_find_far(const struct oct_books *b, const struct oct_book_id *id)
{
    uint64_t hash = oct_book_hash(b, id->ref);
    struct oct_book_place p = {.slot = OCT_BOOK_NONE};
    for (uint32_t i = 1; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t line = visit(b, id->home, hash, i);
        p = oct_book_find_in(b, id, line);
        if (p.slot != OCT_BOOK_NONE || b->line[line].passed[oct_book_class(id)] == 0)
            return p;
    }
    for (uint32_t i = 0; i < OCT_BOOK_STASH_CNT && p.slot == OCT_BOOK_NONE; i++)
        p = oct_book_find_in(b, id, b->stash + i);
    return p;
}

/* line UINT32_MAX when there is no room; the slot is not chosen yet. */
struct oct_book_place oct_book_place_far(struct oct_books *b, const struct oct_book_id *id)
{
    uint64_t hash = oct_book_hash(b, id->ref);
    uint32_t lines[OCT_BOOK_LINE_MAX] = {id->home};
    uint32_t cnt = 1, free = 0, line = UINT32_MAX;
    for (; cnt < OCT_BOOK_LINE_MAX && free == 0; cnt++) {
        line = lines[cnt] = visit(b, id->home, hash, cnt);
        free = oct_book_line_free(&b->line[line]);
    }
    cnt -= free != 0; /* the last one was not passed */
    for (uint32_t i = 0; i < OCT_BOOK_STASH_CNT && free == 0; i++) {
        line = b->stash + i;
        free = oct_book_line_free(&b->line[line]);
    }
    if (free == 0)
        return (struct oct_book_place){.line = UINT32_MAX, .slot = OCT_BOOK_NONE};
    b->stash_cnt += line >= b->stash;
    for (uint32_t i = 0; i < cnt; i++) {
        uint8_t *passed = &b->line[lines[i]].passed[oct_book_class(id)];
        *passed = (uint8_t)(*passed + (*passed != OCT_BOOK_PASSED_MAX));
    }
    return (struct oct_book_place){.line = line, .at = (uint32_t)__builtin_ctz(free)};
}

void oct_book_vacate_far(struct oct_books *b, const struct oct_book_id *id, uint32_t line)
{
    uint64_t hash = oct_book_hash(b, id->ref);
    for (uint32_t i = 0; i < OCT_BOOK_LINE_MAX; i++) {
        uint32_t at = visit(b, id->home, hash, i);
        if (at == line)
            return;
        uint8_t *passed = &b->line[at].passed[oct_book_class(id)];
        *passed = (uint8_t)(*passed - (*passed != OCT_BOOK_PASSED_MAX));
    }
    b->stash_cnt--;
}

/* The median, so that a part of a venue's instruments, whose references come in bursts, does not
 * crowd its lines.  References seen so far keep the homes they have: the new rule begins above the
 * largest. */
void oct_book_learn(struct oct_books *b, uint64_t ref)
{
    uint64_t stride = ref - b->learn_max;
    b->learn_seen++;
    if (ref > b->learn_max) {
        if (b->learn_max != 0 && stride < LEARN_STRIDE_MAX) {
            b->learn_by_size[63 - __builtin_clzll(stride)]++;
            b->learn_cnt++;
        }
        b->learn_max = ref;
    }
    if (b->learn_seen < OCT_BOOK_LEARN_CNT)
        return;
    b->learning = false;
    if (b->learn_cnt < OCT_BOOK_LEARN_CNT / 2 || b->learn_max == UINT64_MAX)
        return; /* no order in it */
    uint32_t size = 0;
    for (uint32_t below = b->learn_by_size[0]; below < b->learn_cnt / 2;)
        below += b->learn_by_size[++size];
    /* Two to four new orders a line, which has room for those that stayed from before. */
    uint32_t shift = size + 2;
    b->rule[1] =
        (struct oct_book_rule){.run_shift = shift + (uint32_t)__builtin_ctz(OCT_BOOK_RUN_CNT),
                               .near_shift = shift,
                               .near_mask = OCT_BOOK_RUN_CNT - 1};
    b->run_from = b->learn_max + 1;
}

/* ---- hints ------------------------------------------------------------------------------------- */

OCT_INLINE void fetch(const void *p)
{
    __builtin_prefetch(p, 1, 3);
}

OCT_INLINE void fetch_eight(const struct oct_book_eight *e)
{
    fetch(e->key);
    fetch(e->sum);
}

void oct_books_prefetch1(const struct oct_books *b, struct oct_book_hint *hint)
{
    hint->home = oct_book_home(b, hint->ref);
    fetch(&b->line[hint->home]);
    if (oct_unlikely(hint->new_ref != 0))
        fetch(&b->line[oct_book_home(b, hint->new_ref)]);
}

/* All bits when the condition holds.  Compilers turn a choice into a branch; what a message is, is a
 * coin toss, and a wrong guess costs more than all of a stage. */
OCT_INLINE uint32_t mask_below(uint32_t x, uint32_t limit)
{
    return (uint32_t)(((uint64_t)x - limit) >> 32);
}

/* An add names its side and price, otherwise the index knows the side, and the order the price. */
void oct_books_prefetch2(const struct oct_books *b, struct oct_book_hint *hint)
{
    const struct oct_book_line *l = &b->line[hint->home];
    struct oct_book_id id = {.mix = (hint->ref ^ b->seed0) * b->seed1};
    uint64_t e = l->entry[__builtin_ctz(oct_book_line_tag(l, &id) | 0x40)];
    uint32_t add = mask_below(hint->side, 2), side = (uint32_t)(e >> OCT_BOOK_SLOT_BITS) & 1;
    side ^= (side ^ hint->side) & add;
    hint->owner = 2 * (hint->inst & mask_below(hint->inst, b->inst_cnt)) + side;
    hint->slot = (uint32_t)(e & OCT_BOOK_SLOT_MASK) & ~add;
    hint->key = oct_book_key(side, oct_book_units(&b->px, hint->px.v)) & add;
    fetch(&b->slot[hint->slot]);
    fetch_eight(&b->best[hint->owner]);
}

/* Where the level is among the best eight, the orders that the queue's links are in: of an add the
 * youngest there is, of another its neighbours, unless it is the youngest; where it is not, what is
 * behind the best eight.  Slot 0, which adds have, has no key. */
void oct_books_prefetch3(const struct oct_books *b, struct oct_book_hint *hint)
{
    const struct oct_book_eight *e = &b->best[hint->owner];
    const struct oct_book_more *m = &b->more[hint->owner];
    const struct oct_book_slot *s = &b->slot[hint->slot];
    uint32_t at = oct_book_eight_at(e, hint->key | s->key);
    uint32_t tail = e->tail[(uint32_t)__builtin_ctz(at | 0x80)];
    uint32_t inside = ~(mask_below(hint->slot, 1) | mask_below(tail ^ hint->slot, 1));
    uintptr_t next = (uintptr_t)&b->slot[tail ^ ((tail ^ s->next) & inside)];
    uintptr_t prev = (uintptr_t)&b->slot[tail ^ ((tail ^ s->prev) & inside)];
    uintptr_t far = (uintptr_t)((int64_t)((uint64_t)at - 1) >> 63);
    fetch((const void *)(next ^ ((next ^ (uintptr_t)m->hi.key) & far)));
    fetch((const void *)(prev ^ ((prev ^ (uintptr_t)m->hi.sum) & far)));
    fetch((const void *)(prev ^ ((prev ^ (uintptr_t)&m->root) & far)));
    hint->far = (uint32_t)far;
}

/* The tree's only leaf, where there is one. */
void oct_books_prefetch4(const struct oct_books *b, const struct oct_book_hint *hint)
{
    if (oct_likely(!hint->far))
        return;
    const struct oct_book_node *n = &b->node[b->more[hint->owner].root];
    fetch(&n->key[0]);
    fetch(&n->val[0]);
    fetch(&n->sum[0]);
    fetch(&n->sum[8]);
}

void oct_books_prefetch_lone(const struct oct_books *b, struct oct_book_hint *hint)
{
    uint32_t owner = 2 * (hint->inst < b->inst_cnt ? hint->inst : 0);
    oct_books_prefetch1(b, hint);
    fetch_eight(&b->best[owner]);
    fetch_eight(&b->best[owner + 1]);
}
