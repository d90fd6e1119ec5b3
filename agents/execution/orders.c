/* orders.c - the order table, the fills remembered, and what is told of them. */
#include <string.h>

#include "agents/execution/execution_priv.h"

/* ---- table ----------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct oct_execution *x, const struct ex_order *o)
{
    return (uint32_t)(o - x->orders);
}

static void link_live(struct oct_execution *x, struct ex_order *o)
{
    uint32_t i = slot_of(x, o);

    o->prev = x->tail;
    o->next = EX_NIL;
    if (x->tail != EX_NIL)
        x->orders[x->tail].next = i;
    else
        x->head = i;
    x->tail = i;
    x->live_cnt++;
}

static void unlink_live(struct oct_execution *x, struct ex_order *o)
{
    if (o->prev != EX_NIL)
        x->orders[o->prev].next = o->next;
    else
        x->head = o->next;
    if (o->next != EX_NIL)
        x->orders[o->next].prev = o->prev;
    else
        x->tail = o->prev;
    o->prev = o->next = EX_NIL;
    x->live_cnt--;
}

struct ex_order *oct_ex_make(struct oct_execution *x, uint64_t order_id, uint32_t ref)
{
    struct ex_order *o = ex_slot(x, ref);

    OCT_ASSERT(!ex_live(o) && order_id != 0);
    memset(o, 0, sizeof *o);
    o->order_id = order_id;
    o->user_ref = ref;
    o->prev = o->next = EX_NIL;
    return o;
}

void oct_ex_set_state(struct oct_execution *x, struct ex_order *o, uint8_t state)
{
    bool was = ex_live(o);

    x->unknown_cnt -= o->state == OCT_ORD_STATE_UNKNOWN;
    o->state = state;
    x->unknown_cnt += state == OCT_ORD_STATE_UNKNOWN;
    if (was != ex_live(o)) {
        if (was)
            unlink_live(x, o);
        else
            link_live(x, o);
        oct_count_set(&x->cfg.counters[OCT_EXECUTION_OPEN], x->live_cnt);
    }
    oct_count_set(&x->cfg.counters[OCT_EXECUTION_UNKNOWN_NOW], x->unknown_cnt);
}

uint8_t oct_ex_resting_state(const struct oct_execution *x, const struct ex_order *o)
{
    if (o->flags & EX_LOST)
        return OCT_ORD_STATE_UNKNOWN;
    if (o->flags & (EX_CANCEL | EX_WANT | EX_REDUCE | EX_PARKED))
        return OCT_ORD_STATE_CANCEL_PENDING;
    if (ex_pending(x, o))
        return OCT_ORD_STATE_REPLACE_PENDING;
    return o->flags & EX_ACKED ? OCT_ORD_STATE_WORKING : OCT_ORD_STATE_SENT;
}

void oct_ex_spread(struct oct_execution *x, const struct ex_order *old, struct ex_order *pending)
{
    (void)x;
    pending->filled = old->filled;
    pending->used = old->used;
    pending->open = ex_qty(pending->qty.v - old->filled.v - old->used.v - old->open.v);
}

/* ---- telling --------------------------------------------------------------------------------- */

void oct_ex_tell(struct ex_batch *b, const struct oct_step *step, const struct ex_order *o,
                 uint8_t prev, uint8_t event, uint16_t reason)
{
    OCT_ASSERT(b->cnt < EX_BATCH_MAX);
    b->rec[b->cnt++].update = (struct oct_order_update){
        OCT_MSG_HDR(ORDER_UPDATE, order_update),
        .order_id = o->order_id,
        .venue_ref = o->venue_ref,
        .ts_exch_ns = event ? step->ts_exch_ns : 0,
        .now_ns = step->now_ns,
        .user_ref = o->user_ref,
        .inst = o->inst,
        .strategy = o->strategy,
        .account = o->account,
        .state = o->state,
        .prev_state = prev,
        .event = event,
        .side = o->side,
        .px = o->px,
        .qty = o->qty,
        .filled = o->filled,
        .open = o->open,
        .reason = reason,
    };
}

void oct_ex_flush(struct oct_execution *x, struct oct_step *step, struct ex_batch *b)
{
    for (uint32_t i = 0; i < b->cnt; i++)
        oct_emit(step, &b->rec[i].hdr);
    for (uint32_t i = 0; i < b->cnt; i++)
        oct_sink_call(&x->cfg.risk, step, &b->rec[i].hdr);
    for (uint32_t i = 0; i < b->cnt; i++)
        oct_sink_call(&x->cfg.strategy, step, &b->rec[i].hdr);
    b->cnt = 0;
}

void oct_ex_rest(struct oct_execution *x, struct oct_step *step, struct ex_order *o, uint8_t event,
                 uint16_t reason, bool always)
{
    struct ex_batch b = {.cnt = 0};
    struct ex_order *p = ex_pending(x, o);
    uint8_t prev = o->state;
    oct_qty open = p ? p->open : (oct_qty){0};

    oct_ex_set_state(x, o, oct_ex_resting_state(x, o));
    if (always || o->state != prev)
        oct_ex_tell(&b, step, o, prev, event, reason);
    if (p) {
        oct_ex_spread(x, o, p);
        if (p->open.v != open.v)
            oct_ex_tell(&b, step, p, p->state, 0, 0);
    }
    oct_ex_flush(x, step, &b);
}

void oct_ex_end(struct oct_execution *x, struct oct_step *step, struct ex_batch *b,
                struct ex_order *o, uint8_t state, uint8_t event, uint16_t reason)
{
    struct ex_order *p = ex_pending(x, o);
    struct ex_order *old = o->orig_ref ? ex_by_ref(x, o->orig_ref) : NULL;
    uint8_t prev = o->state;

    o->open.v = 0;
    o->orig_ref = 0;
    o->flags &= EX_ACKED | EX_SUCCEEDED;
    oct_ex_set_state(x, o, state);
    oct_ex_tell(b, step, o, prev, event, reason);
    if (p) {
        /* The venue ignores a replacement of an order that is gone. */
        uint8_t was = p->state;
        p->open.v = 0;
        p->orig_ref = 0;
        p->flags &= EX_ACKED | EX_SUCCEEDED;
        o->next_ref = 0;
        oct_ex_set_state(x, p, OCT_ORD_STATE_CLOSED);
        oct_ex_tell(b, step, p, was, 0, 0);
    }
    if (old && old->next_ref == o->user_ref && !(old->flags & EX_SUCCEEDED)) {
        old->next_ref = 0;
        if (ex_live(old)) {
            uint8_t was = old->state;
            oct_ex_set_state(x, old, oct_ex_resting_state(x, old));
            oct_ex_tell(b, step, old, was, 0, 0);
        }
    }
}

/* ---- fills remembered ------------------------------------------------------------------------ */

static uint32_t bucket(const struct oct_execution *x, uint64_t match_id, uint32_t user_ref)
{
    return (uint32_t)oct_mix64(match_id ^ (uint64_t)user_ref << 40) & x->bucket_mask;
}

static void forget(struct oct_execution *x, uint32_t row)
{
    const struct ex_fill *f = &x->fills[row];
    uint32_t *at = &x->buckets[bucket(x, f->match_id, f->user_ref)];

    while (*at != row) {
        OCT_ASSERT(*at != EX_NIL);
        at = &x->fills[*at].chain;
    }
    *at = f->chain;
    ex_count(x, OCT_EXECUTION_FILLS_FORGOTTEN);
}

void oct_ex_fill_add(struct oct_execution *x, const struct ex_fill *f)
{
    uint32_t row = x->fill_at;
    uint32_t *head = &x->buckets[bucket(x, f->match_id, f->user_ref)];

    if (x->fill_cnt == x->cfg.fill_cnt_max)
        forget(x, row);
    else
        x->fill_cnt++;
    x->fills[row] = *f;
    x->fills[row].chain = *head;
    *head = row;
    x->fill_at = row + 1 == x->cfg.fill_cnt_max ? 0 : row + 1;
}

struct ex_fill *oct_ex_fill_find(struct oct_execution *x, uint64_t match_id, uint32_t user_ref)
{
    for (uint32_t i = x->buckets[bucket(x, match_id, user_ref)]; i != EX_NIL; i = x->fills[i].chain)
        if (x->fills[i].match_id == match_id && x->fills[i].user_ref == user_ref)
            return &x->fills[i];
    return NULL;
}

/* Only for orders taken up from the venue, which is rare: a walk over all symbols. */
OCT_COLD uint32_t oct_ex_inst_of(const struct oct_execution *x, oct_sym symbol)
{
    const struct oct_view *v = x->cfg.view;

    for (uint32_t i = 0; i < v->inst_cnt; i++)
        if (memcmp(v->ref[i].symbol.c, symbol.c, sizeof symbol.c) == 0)
            return i;
    return EX_NIL;
}
