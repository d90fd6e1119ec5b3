/* Our resting orders: prices, queues, fills. */
#include <errno.h>

#include "dataplane/match/match_priv.h"

uint32_t match_level_find(const struct oct_match *m, uint32_t inst, enum oct_side side, oct_px px)
{
    uint32_t idx = m->inst[inst].best[side];
    while (idx != NONE && px_better(side, m->level[idx].px, px))
        idx = m->level[idx].worse;
    return idx != NONE && m->level[idx].px.v == px.v ? idx : NONE;
}

static uint32_t level_new(struct oct_match *m, uint32_t inst, enum oct_side side, oct_px px)
{
    uint32_t idx = m->level_pool.free;
    OCT_ASSERT(idx != NONE); /* there are as many as orders */
    struct own_level *l = &m->level[idx];
    m->level_pool.free = l->worse;
    m->level_pool.used++;
    *l = (struct own_level){.px = px,
                            .inst = inst,
                            .head = NONE,
                            .tail = NONE,
                            .better = NONE,
                            .worse = m->inst[inst].best[side],
                            .mark = NONE,
                            .side = (uint8_t)side};
    while (l->worse != NONE && px_better(side, m->level[l->worse].px, px)) {
        l->better = l->worse;
        l->worse = m->level[l->worse].worse;
    }
    if (l->better == NONE)
        m->inst[inst].best[side] = idx;
    else
        m->level[l->better].worse = idx;
    if (l->worse != NONE)
        m->level[l->worse].better = idx;
    return idx;
}

static void level_free(struct oct_match *m, uint32_t idx)
{
    struct own_level *l = &m->level[idx];
    match_level_unmark(m, idx);
    if (l->better == NONE)
        m->inst[l->inst].best[l->side] = l->worse;
    else
        m->level[l->better].worse = l->worse;
    if (l->worse != NONE)
        m->level[l->worse].better = l->better;
    l->worse = m->level_pool.free;
    m->level_pool.free = idx;
    m->level_pool.used--;
}

/* Marks everything displayed at the price, and says how much it is.  -ENOSPC when the ledger or the
 * queue buffer has no room; the marks made until then do no harm. */
static int64_t mark_queue(struct oct_match *m, uint32_t level)
{
    struct own_level *l = &m->level[level];
    uint32_t n = oct_book_queue(m->books, l->inst, l->side, l->px, m->queue, MATCH_QUEUE_MAX);
    if (n == MATCH_QUEUE_MAX)
        return -ENOSPC;
    uint64_t stamp = ++m->clock;
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = match_mark_get(m, m->queue[i].ref);
        if (k == NONE)
            return -ENOSPC;
        if (m->mark[k].level == NONE)
            match_mark_join(m, k, level, stamp);
        sum += m->queue[i].qty.v;
    }
    return sum;
}

int match_rest(struct oct_match *m, const struct oct_match_order *o, int64_t open)
{
    uint32_t idx = m->own_pool.free;
    if (idx == NONE)
        return -ENOSPC;
    uint32_t level = match_level_find(m, o->inst, o->side, o->px);
    if (level == NONE)
        level = level_new(m, o->inst, o->side, o->px);
    int64_t ahead = mark_queue(m, level);
    if (ahead < 0) {
        m->stats.ledger_full++;
        if (m->level[level].head == NONE)
            level_free(m, level);
        return -ENOSPC;
    }
    struct own *w = &m->own[idx];
    m->own_pool.free = w->next;
    m->own_pool.used++;
    struct own_level *l = &m->level[level];
    *w = (struct own){.id = o->id,
                      .stamp = ++m->clock,
                      .open = open,
                      .min = o->min_qty.v,
                      .ahead = ahead,
                      .level = level,
                      .prev = l->tail,
                      .next = NONE,
                      .group = o->group,
                      .hidden = o->hidden != 0};
    if (l->tail == NONE)
        l->head = idx;
    else
        m->own[l->tail].next = idx;
    l->tail = idx;
    map_put(&m->by_id, o->id, idx);
    return 0;
}

void match_unlink(struct oct_match *m, uint32_t idx)
{
    struct own *w = &m->own[idx];
    struct own_level *l = &m->level[w->level];
    if (w->prev == NONE)
        l->head = w->next;
    else
        m->own[w->prev].next = w->next;
    if (w->next == NONE)
        l->tail = w->prev;
    else
        m->own[w->next].prev = w->prev;
    if (l->head == NONE)
        level_free(m, w->level);
    map_del(&m->by_id, w->id);
    w->next = m->own_pool.free;
    m->own_pool.free = idx;
    m->own_pool.used--;
}

void match_fill_own(struct oct_match *m, uint32_t idx, int64_t qty, uint64_t match_id, uint64_t ref,
                    uint64_t other_id)
{
    struct own *w = &m->own[idx];
    const struct own_level *l = &m->level[w->level];
    OCT_ASSERT(qty > 0 && qty <= w->open);
    w->open -= qty;
    struct oct_match_event ev = {.kind = OCT_MATCH_FILL,
                                 .added = 1,
                                 .hidden = w->hidden,
                                 .inst = l->inst,
                                 .id = w->id,
                                 .match_id = match_id,
                                 .ref = ref,
                                 .other_id = other_id,
                                 .px = l->px,
                                 .qty = {qty},
                                 .left = {w->open}};
    m->stats.fills++;
    m->stats.filled += (uint64_t)qty;
    if (other_id)
        m->stats.own_filled += (uint64_t)qty;
    if (w->open == 0)
        match_unlink(m, idx);
    m->sink(m->ctx, &ev);
}

void match_cancel_own(struct oct_match *m, uint32_t idx, enum oct_match_reason why)
{
    struct own *w = &m->own[idx];
    const struct own_level *l = &m->level[w->level];
    struct oct_match_event ev = {.kind = OCT_MATCH_CANCEL,
                                 .reason = (uint8_t)why,
                                 .hidden = w->hidden,
                                 .inst = l->inst,
                                 .id = w->id,
                                 .px = l->px,
                                 .qty = {w->open}};
    match_unlink(m, idx);
    m->sink(m->ctx, &ev);
}

int oct_match_reduce(struct oct_match *m, uint64_t id, oct_qty qty, enum oct_match_reason why)
{
    uint32_t idx = map_get(&m->by_id, id);
    if (idx == NONE)
        return -ENOENT;
    if (qty.v <= 0)
        return 0;
    struct own *w = &m->own[idx];
    if (qty.v >= w->open) {
        match_cancel_own(m, idx, why);
        return 0;
    }
    w->open -= qty.v;
    const struct own_level *l = &m->level[w->level];
    struct oct_match_event ev = {.kind = OCT_MATCH_CANCEL,
                                 .reason = (uint8_t)why,
                                 .hidden = w->hidden,
                                 .inst = l->inst,
                                 .id = id,
                                 .px = l->px,
                                 .qty = qty,
                                 .left = {w->open}};
    m->sink(m->ctx, &ev);
    return 0;
}

int oct_match_remove(struct oct_match *m, uint64_t id)
{
    uint32_t idx = map_get(&m->by_id, id);
    if (idx == NONE)
        return -ENOENT;
    match_unlink(m, idx);
    return 0;
}

void oct_match_close(struct oct_match *m, enum oct_match_reason why)
{
    for (uint32_t inst = 0; inst < m->cfg.books.inst_cnt; inst++)
        for (uint32_t side = 0; side < 2; side++)
            while (m->inst[inst].best[side] != NONE)
                match_cancel_own(m, m->level[m->inst[inst].best[side]].head, why);
}

bool oct_match_order(const struct oct_match *m, uint64_t id, struct oct_match_view *out)
{
    uint32_t idx = map_get(&m->by_id, id);
    if (idx == NONE)
        return false;
    const struct own *w = &m->own[idx];
    const struct own_level *l = &m->level[w->level];
    *out = (struct oct_match_view){.id = id,
                                   .inst = l->inst,
                                   .side = l->side,
                                   .hidden = w->hidden,
                                   .px = l->px,
                                   .open = {w->open},
                                   .ahead = {w->ahead}};
    return true;
}
