#include "dataplane/book/book.h"

#include "dataplane/book/book_priv.h"

/* The four operations.  Nothing is changed before everything is known to fit. */

static OCT_COLD int refuse_full(struct oct_books *b, uint32_t inst)
{
    b->more[2 * inst].incomplete = 1;
    return OCT_BOOK_FULL;
}

/* Joins the end of its level's queue. */
OCT_INLINE void enqueue(struct oct_books *b, uint32_t slot, uint64_t ref, uint32_t owner,
                        uint32_t key, struct oct_book_cell c, uint64_t qty)
{
    struct oct_book_slot *s = &b->slot[slot];
    uint32_t tail = *c.tail;
    uint64_t sum = *c.sum;
    s->ref = ref;
    s->qty = qty;
    s->key = key;
    s->prev = tail;
    s->owner = owner;
    b->slot[tail].next = slot; /* slot 0 takes it when there is none */
    *c.tail = slot;
    *c.sum = sum + (qty << 16) + ((sum & OCT_BOOK_CNT_MAX) != OCT_BOOK_CNT_MAX);
}

/* Leaves its level's queue; true when that was the last order.  Whether it was the youngest is a
 * coin toss: its missing neighbours are slot 0. */
OCT_INLINE bool dequeue(struct oct_books *b, uint32_t slot, struct oct_book_cell c)
{
    const struct oct_book_slot *s = &b->slot[slot];
    uint32_t tail = *c.tail, prev = s->prev, next = s->next;
    uint64_t sum = *c.sum;
    uint32_t inside = 0u - (uint32_t)(tail != slot);
    b->slot[prev & inside].next = next;
    b->slot[next & inside].prev = prev;
    tail = (tail & inside) | (prev & ~inside);
    *c.tail = tail;
    *c.sum = sum - (s->qty << 16) - ((sum & OCT_BOOK_CNT_MAX) != OCT_BOOK_CNT_MAX);
    return tail == OCT_BOOK_NONE;
}

OCT_INLINE bool sum_fits(uint64_t sum, uint64_t qty)
{
    return qty <= OCT_BOOK_QTY_MAX - (sum >> 16);
}

OCT_INLINE void touch_fill(const struct oct_books *b, struct oct_book_touch *t, uint32_t owner,
                           uint32_t key, uint64_t qty, uint64_t left)
{
    t->inst = owner >> 1;
    t->side = (uint8_t)(owner & 1);
    t->px.v = oct_book_px(b, owner & 1, key);
    t->qty.v = (int64_t)(qty * b->qty.unit);
    t->left.v = (int64_t)(left * b->qty.unit);
}

/* The best of the side as it is now; whether it changed is a coin toss, so that it is told always. */
OCT_INLINE int touch_top(const struct oct_books *b, struct oct_book_touch *t, uint32_t owner,
                         bool changed)
{
    const struct oct_book_eight *e = &b->best[owner];
    t->best_px.v = e->key[0] == OCT_BOOK_NONE ? 0 : oct_book_px(b, owner & 1, e->key[0]);
    t->best_qty.v = (int64_t)((e->sum[0] >> 16) * b->qty.unit);
    return changed ? OCT_BOOK_TOP : OCT_BOOK_OK;
}

/* The cell of a level of this side. */
OCT_INLINE struct oct_book_cell cell_of(const struct oct_books *b, uint32_t owner, uint32_t key)
{
    struct oct_book_eight *e = &b->best[owner];
    uint32_t at = oct_book_eight_at(e, key);
    if (oct_likely(at != 0))
        return oct_book_eight_cell(e, (uint32_t)__builtin_ctz(at));
    return oct_book_side_far(b, owner, key);
}

/* The order at this slot opens the level of its price; false when there is no room. */
static __attribute__((noinline)) bool level_open(struct oct_books *b, uint32_t slot, uint64_t ref,
                                                 uint32_t owner, uint32_t key, uint64_t qty)
{
    struct oct_book_entry x = {.key = key};
    enqueue(b, slot, ref, owner, key, (struct oct_book_cell){&x.tail, &x.sum}, qty);
    if (oct_unlikely(b->level_cnt == b->level_cnt_max || !oct_book_side_insert(b, owner, &x)))
        return false;
    b->level_cnt++;
    return true;
}

static __attribute__((noinline)) void level_close(struct oct_books *b, uint32_t owner, uint32_t key)
{
    oct_book_side_remove(b, owner, key);
    b->level_cnt--;
}

/* A new order of known key and quantity. */
OCT_INLINE int put_in(struct oct_books *b, uint32_t owner, const struct oct_book_id *id,
                      uint32_t key, uint64_t qty)
{
    struct oct_book_cell c = cell_of(b, owner, key);
    if (oct_unlikely(c.tail != NULL && !sum_fits(*c.sum, qty)))
        return OCT_BOOK_RANGE;
    struct oct_book_place p = oct_book_settle(b, id, owner & 1);
    if (oct_unlikely(p.slot == OCT_BOOK_NONE))
        return refuse_full(b, owner >> 1);
    if (oct_likely(c.tail != NULL)) {
        enqueue(b, p.slot, id->ref, owner, key, c, qty);
    } else if (oct_unlikely(!level_open(b, p.slot, id->ref, owner, key, qty))) {
        oct_book_vacate(b, id, p);
        return refuse_full(b, owner >> 1);
    }
    return OCT_BOOK_OK;
}

int oct_book_add(struct oct_books *b, uint32_t inst, uint64_t ref, enum oct_side side, oct_px px,
                 oct_qty qty, struct oct_book_touch *touch)
{
    uint64_t px_units = oct_book_units(&b->px, px.v), units = oct_book_units(&b->qty, qty.v);
    if (oct_unlikely(inst >= b->inst_cnt || (uint32_t)side > OCT_SELL ||
                     !oct_book_fits(&b->px, px_units) || !oct_book_fits(&b->qty, units)))
        return OCT_BOOK_RANGE;
    struct oct_book_id id = oct_book_id(b, ref);
    if (oct_unlikely(oct_book_find(b, &id).slot != OCT_BOOK_NONE))
        return OCT_BOOK_DUP;
    if (oct_unlikely(b->order_cnt == b->order_cnt_max))
        return refuse_full(b, inst);
    if (oct_unlikely(b->learning)) {
        oct_book_learn(b, ref);
        id = oct_book_id(b, ref);
    }
    uint32_t owner = 2 * inst + (uint32_t)side, key = oct_book_key((uint32_t)side, px_units);
    int err = put_in(b, owner, &id, key, units);
    if (oct_unlikely(err != OCT_BOOK_OK))
        return err;
    b->order_cnt++;
    touch_fill(b, touch, owner, key, units, units);
    return touch_top(b, touch, owner, b->best[owner].key[0] == key);
}

/* Takes an order out for good. */
OCT_INLINE int take_out(struct oct_books *b, const struct oct_book_id *id, struct oct_book_place p,
                        struct oct_book_touch *touch)
{
    const struct oct_book_slot *o = &b->slot[p.slot];
    uint32_t owner = o->owner, key = o->key;
    bool top = b->best[owner].key[0] == key;
    touch_fill(b, touch, owner, key, o->qty, 0);
    if (oct_unlikely(dequeue(b, p.slot, cell_of(b, owner, key))))
        level_close(b, owner, key);
    oct_book_vacate(b, id, p);
    b->order_cnt--;
    return touch_top(b, touch, owner, top);
}

int oct_book_reduce(struct oct_books *b, uint64_t ref, oct_qty qty, struct oct_book_touch *touch)
{
    struct oct_book_id id = oct_book_id(b, ref);
    struct oct_book_place p = oct_book_find(b, &id);
    if (oct_unlikely(p.slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    struct oct_book_slot *o = &b->slot[p.slot];
    uint64_t units = oct_book_units(&b->qty, qty.v);
    if (oct_unlikely(!oct_book_fits(&b->qty, units) || units > o->qty))
        return OCT_BOOK_RANGE;
    if (o->qty == units)
        return take_out(b, &id, p, touch);
    o->qty -= units;
    *cell_of(b, o->owner, o->key).sum -= units << 16;
    touch_fill(b, touch, o->owner, o->key, units, o->qty);
    return touch_top(b, touch, o->owner, b->best[o->owner].key[0] == o->key);
}

int oct_book_delete(struct oct_books *b, uint64_t ref, struct oct_book_touch *touch)
{
    struct oct_book_id id = oct_book_id(b, ref);
    struct oct_book_place p = oct_book_find(b, &id);
    if (oct_unlikely(p.slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    return take_out(b, &id, p, touch);
}

int oct_book_replace(struct oct_books *b, uint64_t ref, uint64_t new_ref, oct_px px, oct_qty qty,
                     struct oct_book_touch *touch)
{
    struct oct_book_id id = oct_book_id(b, ref), new_id = oct_book_id(b, new_ref);
    struct oct_book_place p = oct_book_find(b, &id);
    if (oct_unlikely(p.slot == OCT_BOOK_NONE))
        return OCT_BOOK_UNKNOWN;
    uint64_t px_units = oct_book_units(&b->px, px.v), units = oct_book_units(&b->qty, qty.v);
    if (oct_unlikely(!oct_book_fits(&b->px, px_units) || !oct_book_fits(&b->qty, units)))
        return OCT_BOOK_RANGE;
    if (oct_unlikely(oct_book_find(b, &new_id).slot != OCT_BOOK_NONE))
        return OCT_BOOK_DUP;
    uint32_t owner = b->slot[p.slot].owner, old = b->slot[p.slot].key;
    const struct oct_book_eight *e = &b->best[owner];
    uint32_t key = oct_book_key(owner & 1, px_units), best_key = e->key[0];
    uint64_t best_qty = e->sum[0] >> 16;
    int err = put_in(b, owner, &new_id, key, units);
    if (oct_unlikely(err != OCT_BOOK_OK))
        return err;
    if (dequeue(b, p.slot, cell_of(b, owner, old)))
        level_close(b, owner, old);
    oct_book_vacate(b, &id, p);
    touch_fill(b, touch, owner, key, units, units);
    return touch_top(b, touch, owner, e->key[0] != best_key || e->sum[0] >> 16 != best_qty);
}

static bool clear_order(void *ctx, uint32_t slot)
{
    struct oct_books *b = ctx;
    struct oct_book_id id = oct_book_id(b, b->slot[slot].ref);
    oct_book_vacate(b, &id, oct_book_find(b, &id));
    b->order_cnt--;
    return true;
}

static bool clear_level(void *ctx, uint32_t owner, const struct oct_book_entry *level)
{
    struct oct_books *b = ctx;
    (void)owner;
    oct_book_queue_walk(b, level->tail, clear_order, b);
    b->level_cnt--;
    return true;
}

void oct_book_clear(struct oct_books *b, uint32_t inst)
{
    if (inst >= b->inst_cnt)
        return;
    for (uint32_t i = 2 * inst; i < 2 * inst + 2; i++) {
        oct_book_side_walk(b, i, clear_level, b);
        oct_book_tree_free(b, &b->more[i].root);
        oct_book_side_init(b, i);
    }
}
