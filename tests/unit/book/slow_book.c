#include "tests/unit/book/slow_book.h"

#include <stdlib.h>

struct slow_order *slow_find(const struct slow_book *s, uint64_t ref)
{
    for (struct slow_order *o = s->tail; o != NULL; o = o->prev) {
        if (o->ref == ref)
            return o;
    }
    return NULL;
}

static struct oct_level best(const struct slow_book *s, uint32_t inst, uint32_t side)
{
    struct oct_level l = {.px = {0}};
    for (const struct slow_order *o = s->head; o != NULL; o = o->next) {
        if (o->inst != inst || o->side != side)
            continue;
        bool better = l.px.v == 0 || (side == OCT_BUY ? o->px > l.px.v : o->px < l.px.v);
        if (better)
            l = (struct oct_level){.px = {o->px}};
        if (o->px == l.px.v)
            l.qty.v += o->qty;
    }
    return l;
}

static int top_or_ok(struct oct_level before, struct oct_level after)
{
    return before.px.v != after.px.v || before.qty.v != after.qty.v;
}

static void push(struct slow_book *s, struct slow_order o)
{
    struct slow_order *n = malloc(sizeof(*n));
    *n = o;
    n->next = NULL;
    n->prev = s->tail;
    if (s->tail != NULL)
        s->tail->next = n;
    else
        s->head = n;
    s->tail = n;
    s->order_cnt++;
}

static void drop(struct slow_book *s, struct slow_order *o)
{
    if (o->prev != NULL)
        o->prev->next = o->next;
    else
        s->head = o->next;
    if (o->next != NULL)
        o->next->prev = o->prev;
    else
        s->tail = o->prev;
    s->order_cnt--;
    free(o);
}

int slow_add(struct slow_book *s, uint32_t inst, uint64_t ref, uint32_t side, int64_t px,
             int64_t qty)
{
    if (px <= 0 || qty <= 0)
        return OCT_BOOK_RANGE;
    if (slow_find(s, ref) != NULL)
        return OCT_BOOK_DUP;
    struct oct_level was = best(s, inst, side);
    push(s, (struct slow_order){.ref = ref, .inst = inst, .side = side, .px = px, .qty = qty});
    return top_or_ok(was, best(s, inst, side));
}

int slow_reduce(struct slow_book *s, uint64_t ref, int64_t qty)
{
    struct slow_order *o = slow_find(s, ref);
    if (o == NULL)
        return OCT_BOOK_UNKNOWN;
    if (qty <= 0 || qty > o->qty)
        return OCT_BOOK_RANGE;
    uint32_t inst = o->inst, side = o->side;
    struct oct_level was = best(s, inst, side);
    o->qty -= qty;
    if (o->qty == 0)
        drop(s, o);
    return top_or_ok(was, best(s, inst, side));
}

int slow_delete(struct slow_book *s, uint64_t ref)
{
    struct slow_order *o = slow_find(s, ref);
    return o == NULL ? OCT_BOOK_UNKNOWN : slow_reduce(s, ref, o->qty);
}

int slow_replace(struct slow_book *s, uint64_t ref, uint64_t new_ref, int64_t px, int64_t qty)
{
    struct slow_order *o = slow_find(s, ref);
    if (o == NULL)
        return OCT_BOOK_UNKNOWN;
    if (px <= 0 || qty <= 0)
        return OCT_BOOK_RANGE;
    if (slow_find(s, new_ref) != NULL)
        return OCT_BOOK_DUP;
    uint32_t inst = o->inst, side = o->side;
    struct oct_level was = best(s, inst, side);
    drop(s, o);
    push(s, (struct slow_order){.ref = new_ref, .inst = inst, .side = side, .px = px, .qty = qty});
    return top_or_ok(was, best(s, inst, side));
}

void slow_clear(struct slow_book *s, uint32_t inst)
{
    struct slow_order *next;
    for (struct slow_order *o = s->head; o != NULL; o = next) {
        next = o->next;
        if (o->inst == inst)
            drop(s, o);
    }
}

static int by_price(const void *a, const void *b)
{
    int64_t x = ((const struct oct_level *)a)->px.v, y = ((const struct oct_level *)b)->px.v;
    return x < y ? -1 : x > y;
}

uint32_t slow_depth(const struct slow_book *s, uint32_t inst, uint32_t side, struct oct_level *out,
                    uint32_t n)
{
    struct oct_level *all = calloc(s->order_cnt + 1u, sizeof(*all));
    uint32_t cnt = 0;
    for (const struct slow_order *o = s->head; o != NULL; o = o->next) {
        if (o->inst != inst || o->side != side)
            continue;
        uint32_t i = 0;
        while (i < cnt && all[i].px.v != o->px)
            i++;
        all[i].px.v = o->px;
        all[i].qty.v += o->qty;
        all[i].order_cnt++;
        cnt += i == cnt;
    }
    qsort(all, cnt, sizeof(*all), by_price);
    for (uint32_t i = 0; i < cnt && i < n; i++)
        out[i] = side == OCT_BUY ? all[cnt - 1 - i] : all[i];
    free(all);
    return cnt;
}

uint32_t slow_queue(const struct slow_book *s, uint32_t inst, uint32_t side, int64_t px,
                    uint64_t *refs, uint32_t n)
{
    uint32_t cnt = 0;
    for (const struct slow_order *o = s->head; o != NULL; o = o->next) {
        if (o->inst != inst || o->side != side || o->px != px)
            continue;
        if (cnt < n)
            refs[cnt] = o->ref;
        cnt++;
    }
    return cnt;
}
