#include "dataplane/book/book.h"

#include "dataplane/book/book_priv.h"

/* The four operations.  Nothing is changed before everything is known to fit. */

static OCT_COLD int refuse_full(struct oct_books *b, uint32_t inst)
{
    b->side[2 * inst].incomplete = 1;
    return OCT_BOOK_FULL;
}

static inline uint32_t level_take(struct oct_books *b)
{
    if (oct_unlikely(b->level_cnt == b->level_cnt_max))
        return OCT_BOOK_NONE;
    b->level_cnt++;
    uint32_t n = b->level_free;
    if (n != OCT_BOOK_NONE)
        b->level_free = b->lvl[n].tail;
    else
        n = ++b->level_used;
    return n;
}

static inline void level_give(struct oct_books *b, uint32_t n)
{
    b->lvl[n].tail = b->level_free;
    b->level_free = n;
    b->level_cnt--;
}

/* A new, empty level in its side, OCT_BOOK_NONE when there is no room. */
static uint32_t level_make(struct oct_books *b, uint32_t inst_side, int64_t key)
{
    uint32_t n = level_take(b);
    if (n == OCT_BOOK_NONE)
        return OCT_BOOK_NONE;
    if (oct_unlikely(!oct_book_side_insert(b, &b->side[inst_side], key, n))) {
        level_give(b, n);
        return OCT_BOOK_NONE;
    }
    bool best = b->side[inst_side].lo.lvl[0] == n;
    b->lvl[n] =
        (struct oct_book_lvl){.key = key, .inst_side = inst_side | (best ? OCT_BOOK_BEST : 0)};
    return n;
}

static inline uint32_t lanes(__m256i v)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(v));
}

/* One bit for each of the youngest orders that is this slot. */
static inline uint32_t young_eq(const struct oct_book_lvl *l, uint32_t slot)
{
    __m256i v = _mm256_load_si256((const __m256i *)l->young);
    return lanes(_mm256_cmpeq_epi32(v, _mm256_set1_epi32((int)slot)));
}

/* Takes the order at pos out and closes the gap. */
static inline void young_remove(struct oct_book_lvl *l, uint32_t pos)
{
    __m256i i = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i v = _mm256_load_si256((const __m256i *)l->young);
    __m256i w = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(7, 7, 6, 5, 4, 3, 2, 1));
    w = _mm256_blend_epi32(w, _mm256_setzero_si256(), 0x80);
    v = _mm256_blendv_epi8(w, v, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)pos), i));
    _mm256_store_si256((__m256i *)l->young, v);
}

/* The oldest of the youngest joins the linked ones. */
static void young_link(struct oct_books *b, struct oct_book_lvl *l)
{
    uint32_t slot = l->young[0];
    b->slot[slot].prev = l->tail;
    if (l->head == OCT_BOOK_NONE)
        l->head = slot;
    else
        b->slot[l->tail].next = slot;
    l->tail = slot;
    young_remove(l, 0);
}

/* Joins the end of the level's queue. */
static inline void enqueue(struct oct_books *b, uint32_t slot, uint64_t ref, uint32_t level,
                           int64_t qty)
{
    struct oct_book_lvl *l = &b->lvl[level];
    struct oct_book_slot *s = &b->slot[slot];
    s->ref = ref;
    s->qty = qty;
    s->level = level;
    if (oct_unlikely(l->young[OCT_BOOK_YOUNG_CNT - 1] != OCT_BOOK_NONE))
        young_link(b, l);
    l->young[__builtin_ctz(young_eq(l, OCT_BOOK_NONE))] = slot;
    l->order_cnt++;
    l->qty += qty;
}

/* Leaves the linked part of its queue. */
static inline void unlink_old(struct oct_books *b, struct oct_book_lvl *l, uint32_t slot)
{
    const struct oct_book_slot *s = &b->slot[slot];
    bool first = l->head == slot, last = l->tail == slot;
    if (first && last) {
        l->head = l->tail = OCT_BOOK_NONE;
    } else if (first) {
        l->head = s->next;
    } else if (last) {
        l->tail = s->prev;
    } else {
        b->slot[s->prev].next = s->next;
        b->slot[s->next].prev = s->prev;
    }
}

/* Leaves its queue; the level goes with its last order. */
static inline void dequeue(struct oct_books *b, uint32_t slot)
{
    struct oct_book_slot *s = &b->slot[slot];
    uint32_t level = s->level;
    struct oct_book_lvl *l = &b->lvl[level];
    uint32_t young = young_eq(l, slot);
    if (oct_likely(young != 0))
        young_remove(l, (uint32_t)__builtin_ctz(young));
    else
        unlink_old(b, l, slot);
    l->qty -= s->qty;
    if (--l->order_cnt == 0) {
        oct_book_side_remove(b, &b->side[l->inst_side & ~OCT_BOOK_BEST], l->key);
        level_give(b, level);
    }
}

static inline void touch_fill(struct oct_book_touch *t, const struct oct_book_lvl *l, int64_t qty,
                              int64_t left)
{
    uint32_t side = l->inst_side & 1;
    t->inst = (l->inst_side & ~OCT_BOOK_BEST) >> 1;
    t->side = (uint8_t)side;
    t->px.v = oct_book_key(side, l->key);
    t->qty.v = qty;
    t->left.v = left;
}

/* The level is the best one, and the order's. */
static inline int touch_top(struct oct_book_touch *t, const struct oct_book_lvl *l)
{
    t->best_px = t->px;
    t->best_qty.v = l->qty;
    return OCT_BOOK_TOP;
}

/* The best level is another one, or there is none. */
static int touch_side(const struct oct_books *b, struct oct_book_touch *t)
{
    const struct oct_book_side *s = &b->side[2 * t->inst + t->side];
    const struct oct_book_lvl *l = &b->lvl[s->lo.lvl[0]];
    t->best_px.v = s->top_cnt == 0 ? 0 : oct_book_key(t->side, s->lo.key[0]);
    t->best_qty.v = s->top_cnt == 0 ? 0 : l->qty;
    return OCT_BOOK_TOP;
}

int oct_book_add(struct oct_books *b, uint32_t inst, uint64_t ref, enum oct_side side, oct_px px,
                 oct_qty qty, struct oct_book_touch *touch)
{
    if (oct_unlikely(inst >= b->inst_cnt || (uint32_t)side > OCT_SELL || px.v <= 0 || qty.v <= 0))
        return OCT_BOOK_RANGE;
    uint32_t home = oct_book_home(b, ref);
    if (oct_unlikely(oct_book_find(b, ref, home) != OCT_BOOK_NONE))
        return OCT_BOOK_DUP;
    uint32_t inst_side = 2 * inst + (uint32_t)side;
    struct oct_book_side *bs = &b->side[inst_side];
    int64_t key = oct_book_key((uint32_t)side, px.v);
    uint32_t level = oct_book_side_find(b, bs, key);
    int64_t sum;
    if (oct_unlikely(level != OCT_BOOK_NONE &&
                     __builtin_add_overflow(b->lvl[level].qty, qty.v, &sum)))
        return OCT_BOOK_RANGE;
    if (oct_unlikely(b->order_cnt == b->order_cnt_max))
        return refuse_full(b, inst);
    uint32_t slot = oct_book_place(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return refuse_full(b, inst);
    if (level == OCT_BOOK_NONE) {
        level = level_make(b, inst_side, key);
        if (oct_unlikely(level == OCT_BOOK_NONE)) {
            oct_book_vacate(b, ref, home, slot);
            return refuse_full(b, inst);
        }
    }
    enqueue(b, slot, ref, level, qty.v);
    b->order_cnt++;
    if (oct_unlikely(b->learning))
        oct_book_learn(b, ref);
    const struct oct_book_lvl *l = &b->lvl[level];
    touch_fill(touch, l, qty.v, qty.v);
    return (l->inst_side & OCT_BOOK_BEST) != 0 ? touch_top(touch, l) : OCT_BOOK_OK;
}

/* Takes an order out for good. */
static inline int take_out(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot,
                           struct oct_book_touch *touch)
{
    const struct oct_book_lvl *l = &b->lvl[b->slot[slot].level];
    bool top = (l->inst_side & OCT_BOOK_BEST) != 0, last = l->order_cnt == 1;
    touch_fill(touch, l, b->slot[slot].qty, 0);
    dequeue(b, slot);
    oct_book_vacate(b, ref, home, slot);
    b->order_cnt--;
    return !top ? OCT_BOOK_OK : last ? touch_side(b, touch) : touch_top(touch, l);
}

int oct_book_reduce(struct oct_books *b, uint64_t ref, oct_qty qty, struct oct_book_touch *touch)
{
    uint32_t home = oct_book_home(b, ref);
    uint32_t slot = oct_book_find(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    struct oct_book_slot *s = &b->slot[slot];
    if (oct_unlikely(qty.v <= 0 || qty.v > s->qty))
        return OCT_BOOK_RANGE;
    if (s->qty == qty.v)
        return take_out(b, ref, home, slot, touch);
    struct oct_book_lvl *l = &b->lvl[s->level];
    s->qty -= qty.v;
    l->qty -= qty.v;
    touch_fill(touch, l, qty.v, s->qty);
    return (l->inst_side & OCT_BOOK_BEST) != 0 ? touch_top(touch, l) : OCT_BOOK_OK;
}

int oct_book_delete(struct oct_books *b, uint64_t ref, struct oct_book_touch *touch)
{
    uint32_t home = oct_book_home(b, ref);
    uint32_t slot = oct_book_find(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    return take_out(b, ref, home, slot, touch);
}

int oct_book_replace(struct oct_books *b, uint64_t ref, uint64_t new_ref, oct_px px, oct_qty qty,
                     struct oct_book_touch *touch)
{
    uint32_t home = oct_book_home(b, ref);
    uint32_t slot = oct_book_find(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    if (oct_unlikely(px.v <= 0 || qty.v <= 0))
        return OCT_BOOK_RANGE;
    uint32_t new_home = oct_book_home(b, new_ref);
    if (oct_unlikely(oct_book_find(b, new_ref, new_home) != OCT_BOOK_NONE))
        return OCT_BOOK_DUP;
    const struct oct_book_lvl *old = &b->lvl[b->slot[slot].level];
    uint32_t inst_side = old->inst_side & ~OCT_BOOK_BEST;
    struct oct_book_side *bs = &b->side[inst_side];
    int64_t key = oct_book_key(inst_side & 1, px.v);
    bool same = old->key == key && b->slot[slot].qty == qty.v;
    bool top = (old->inst_side & OCT_BOOK_BEST) != 0;
    uint32_t level = oct_book_side_find(b, bs, key);
    int64_t sum;
    if (oct_unlikely(level != OCT_BOOK_NONE &&
                     __builtin_add_overflow(b->lvl[level].qty, qty.v, &sum)))
        return OCT_BOOK_RANGE;
    uint32_t new_slot = oct_book_place(b, new_ref, new_home);
    if (oct_unlikely(new_slot == OCT_BOOK_NONE))
        return refuse_full(b, inst_side >> 1);
    if (level == OCT_BOOK_NONE) {
        level = level_make(b, inst_side, key);
        if (oct_unlikely(level == OCT_BOOK_NONE)) {
            oct_book_vacate(b, new_ref, new_home, new_slot);
            return refuse_full(b, inst_side >> 1);
        }
    }
    enqueue(b, new_slot, new_ref, level, qty.v);
    dequeue(b, slot);
    oct_book_vacate(b, ref, home, slot);
    const struct oct_book_lvl *l = &b->lvl[level];
    touch_fill(touch, l, qty.v, qty.v);
    top |= (l->inst_side & OCT_BOOK_BEST) != 0;
    return top && !same ? touch_side(b, touch) : OCT_BOOK_OK;
}

static bool clear_order(void *ctx, uint32_t slot)
{
    struct oct_books *b = ctx;
    uint64_t ref = b->slot[slot].ref;
    oct_book_vacate(b, ref, oct_book_home(b, ref), slot);
    b->order_cnt--;
    return true;
}

static bool clear_level(void *ctx, uint32_t level)
{
    struct oct_books *b = ctx;
    oct_book_queue_walk(b, level, clear_order, b);
    level_give(b, level);
    return true;
}

void oct_book_clear(struct oct_books *b, uint32_t inst)
{
    if (inst >= b->inst_cnt)
        return;
    for (uint32_t i = 2 * inst; i < 2 * inst + 2; i++) {
        struct oct_book_side *s = &b->side[i];
        oct_book_side_walk(b, s, clear_level, b);
        oct_book_tree_free(b, &s->root);
        oct_book_side_init(s);
    }
}
