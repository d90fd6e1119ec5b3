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
        b->level_free = b->lvl[n].next_free;
    else
        n = ++b->level_used;
    return n;
}

static inline void level_give(struct oct_books *b, uint32_t n)
{
    b->lvl[n].next_free = b->level_free;
    b->level_free = n;
    b->level_cnt--;
}

/* A new level without orders in its side, OCT_BOOK_NONE when there is no room. */
static uint32_t level_make(struct oct_books *b, uint32_t owner, int64_t key)
{
    uint32_t n = level_take(b);
    if (n == OCT_BOOK_NONE)
        return OCT_BOOK_NONE;
    b->lvl[n] = (struct oct_book_lvl){.key = key, .owner = owner};
    if (oct_unlikely(!oct_book_side_insert(b, owner, key, n))) {
        level_give(b, n);
        return OCT_BOOK_NONE;
    }
    return n;
}

/* Joins the end of its level's queue. */
OCT_INLINE void enqueue(struct oct_books *b, uint32_t slot, uint64_t ref, uint32_t owner,
                        uint32_t level, struct oct_book_cell c, int64_t qty)
{
    struct oct_book_slot *s = &b->slot[slot];
    s->ref = ref;
    s->qty = qty;
    s->level = level;
    s->prev = *c.tail;
    s->owner = (s->owner & ~OCT_BOOK_OWNER_MASK) | owner;
    b->slot[*c.tail].next = slot; /* slot 0 takes it when there is none */
    *c.tail = slot;
    *c.qty += qty;
    *c.cnt += 1;
}

/* Leaves its level's queue; true when that was the last order. */
OCT_INLINE bool dequeue(struct oct_books *b, uint32_t slot, struct oct_book_cell c)
{
    const struct oct_book_slot *s = &b->slot[slot];
    if (*c.tail == slot) {
        *c.tail = s->prev;
    } else {
        b->slot[s->prev].next = s->next;
        b->slot[s->next].prev = s->prev;
    }
    *c.qty -= s->qty;
    return --*c.cnt == 0;
}

OCT_INLINE void touch_fill(struct oct_book_touch *t, uint32_t owner, int64_t key, int64_t qty,
                           int64_t left)
{
    t->inst = owner >> 1;
    t->side = (uint8_t)(owner & 1);
    t->px.v = oct_book_key(owner & 1, key);
    t->qty.v = qty;
    t->left.v = left;
}

/* The best of the side as it is now; whether it changed is a coin toss, so that it is told always. */
OCT_INLINE int touch_top(struct oct_book_touch *t, uint32_t owner, const struct oct_book_side *s,
                         bool changed)
{
    t->best_px.v = s->top_cnt == 0 ? 0 : oct_book_key(owner & 1, s->lo.key[0]);
    t->best_qty.v = s->lo.qty[0];
    return changed ? OCT_BOOK_TOP : OCT_BOOK_OK;
}

/* An add that finds no level of its price among the best eight. */
static __attribute__((noinline)) int add_far(struct oct_books *b, uint32_t owner, uint64_t ref,
                                             uint32_t home, int64_t key, int64_t qty,
                                             struct oct_book_touch *touch)
{
    uint32_t level = oct_book_side_find(b, owner, key);
    int64_t sum;
    if (level != OCT_BOOK_NONE &&
        __builtin_add_overflow(*oct_book_side_cell(b, owner, level).qty, qty, &sum))
        return OCT_BOOK_RANGE;
    uint32_t slot = b->order_cnt == b->order_cnt_max ? 0 : oct_book_place(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return refuse_full(b, owner >> 1);
    if (level == OCT_BOOK_NONE) {
        level = level_make(b, owner, key);
        if (oct_unlikely(level == OCT_BOOK_NONE)) {
            oct_book_vacate(b, ref, home, slot);
            return refuse_full(b, owner >> 1);
        }
    }
    enqueue(b, slot, ref, owner, level, oct_book_side_cell(b, owner, level), qty);
    b->order_cnt++;
    touch_fill(touch, owner, key, qty, qty);
    const struct oct_book_side *s = &b->side[owner];
    return touch_top(touch, owner, s, s->lo.lvl[0] == level);
}

int oct_book_add(struct oct_books *b, uint32_t inst, uint64_t ref, enum oct_side side, oct_px px,
                 oct_qty qty, struct oct_book_touch *touch)
{
    if (oct_unlikely(inst >= b->inst_cnt || (uint32_t)side > OCT_SELL || px.v <= 0 || qty.v <= 0))
        return OCT_BOOK_RANGE;
    uint32_t home = oct_book_home(b, ref);
    if (oct_unlikely(oct_book_find(b, ref, home) != OCT_BOOK_NONE))
        return OCT_BOOK_DUP;
    if (oct_unlikely(b->learning))
        oct_book_learn(b, ref);
    uint32_t owner = 2 * inst + (uint32_t)side;
    int64_t key = oct_book_key((uint32_t)side, px.v);
    struct oct_book_side *s = &b->side[owner];
    uint32_t eq = oct_book_eight_eq(&s->lo, key);
    if (oct_unlikely(eq == 0))
        return add_far(b, owner, ref, home, key, qty.v, touch);
    uint32_t pos = (uint32_t)__builtin_ctz(eq);
    int64_t sum;
    if (oct_unlikely(__builtin_add_overflow(s->lo.qty[pos], qty.v, &sum)))
        return OCT_BOOK_RANGE;
    if (oct_unlikely(b->order_cnt == b->order_cnt_max))
        return refuse_full(b, inst);
    uint32_t slot = oct_book_place(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return refuse_full(b, inst);
    enqueue(b, slot, ref, owner, s->lo.lvl[pos], oct_book_eight_cell(&s->lo, pos), qty.v);
    b->order_cnt++;
    touch_fill(touch, owner, key, qty.v, qty.v);
    return touch_top(touch, owner, s, pos == 0);
}

/* An order's level is empty. */
static __attribute__((noinline)) void level_drop(struct oct_books *b, uint32_t owner,
                                                 uint32_t level)
{
    oct_book_side_remove(b, owner, b->lvl[level].key);
    level_give(b, level);
}

/* Takes an order out for good. */
OCT_INLINE int take_out(struct oct_books *b, uint64_t ref, uint32_t home, uint32_t slot,
                        struct oct_book_touch *touch)
{
    const struct oct_book_slot *o = &b->slot[slot];
    uint32_t owner = o->owner & OCT_BOOK_OWNER_MASK, level = o->level;
    struct oct_book_side *s = &b->side[owner];
    uint32_t at = oct_book_eight_at(&s->lo, level);
    bool last;
    if (oct_likely(at != 0)) {
        uint32_t pos = (uint32_t)__builtin_ctz(at);
        touch_fill(touch, owner, s->lo.key[pos], o->qty, 0);
        last = dequeue(b, slot, oct_book_eight_cell(&s->lo, pos));
    } else {
        touch_fill(touch, owner, b->lvl[level].key, o->qty, 0);
        last = dequeue(b, slot, oct_book_side_cell(b, owner, level));
    }
    if (oct_unlikely(last))
        level_drop(b, owner, level);
    oct_book_vacate(b, ref, home, slot);
    b->order_cnt--;
    return touch_top(touch, owner, s, (at & 1) != 0);
}

int oct_book_reduce(struct oct_books *b, uint64_t ref, oct_qty qty, struct oct_book_touch *touch)
{
    uint32_t home = oct_book_home(b, ref);
    uint32_t slot = oct_book_find(b, ref, home);
    if (oct_unlikely(slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    struct oct_book_slot *o = &b->slot[slot];
    if (oct_unlikely(qty.v <= 0 || qty.v > o->qty))
        return OCT_BOOK_RANGE;
    if (o->qty == qty.v)
        return take_out(b, ref, home, slot, touch);
    uint32_t owner = o->owner & OCT_BOOK_OWNER_MASK;
    struct oct_book_side *s = &b->side[owner];
    o->qty -= qty.v;
    *oct_book_side_cell(b, owner, o->level).qty -= qty.v;
    touch_fill(touch, owner, b->lvl[o->level].key, qty.v, o->qty);
    return touch_top(touch, owner, s, s->lo.lvl[0] == o->level);
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
    uint32_t old = b->slot[slot].level, owner = b->slot[slot].owner & OCT_BOOK_OWNER_MASK;
    const struct oct_book_side *s = &b->side[owner];
    int64_t key = oct_book_key(owner & 1, px.v), best_key = s->lo.key[0], best_qty = s->lo.qty[0];
    uint32_t level = oct_book_side_find(b, owner, key);
    int64_t sum;
    if (oct_unlikely(level != OCT_BOOK_NONE &&
                     __builtin_add_overflow(*oct_book_side_cell(b, owner, level).qty, qty.v, &sum)))
        return OCT_BOOK_RANGE;
    uint32_t new_slot = oct_book_place(b, new_ref, new_home);
    if (oct_unlikely(new_slot == OCT_BOOK_NONE))
        return refuse_full(b, owner >> 1);
    if (level == OCT_BOOK_NONE) {
        level = level_make(b, owner, key);
        if (oct_unlikely(level == OCT_BOOK_NONE)) {
            oct_book_vacate(b, new_ref, new_home, new_slot);
            return refuse_full(b, owner >> 1);
        }
    }
    enqueue(b, new_slot, new_ref, owner, level, oct_book_side_cell(b, owner, level), qty.v);
    if (dequeue(b, slot, oct_book_side_cell(b, owner, old)))
        level_drop(b, owner, old);
    oct_book_vacate(b, ref, home, slot);
    touch_fill(touch, owner, key, qty.v, qty.v);
    return touch_top(touch, owner, s, s->lo.key[0] != best_key || s->lo.qty[0] != best_qty);
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
        oct_book_side_walk(b, i, clear_level, b);
        oct_book_tree_free(b, &b->side[i].root);
        oct_book_side_init(b, i);
    }
}
