#include "tests/unit/agents/execution/venue_model.h"

#include <stdlib.h>
#include <string.h>

#define SHARES(q) ((q).v / OCT_QTY_ONE)

void vm_init(struct vm *v, uint64_t seed)
{
    memset(v, 0, sizeof *v);
    oct_rng_init(&v->rng, seed);
    v->next_match = 1;
}

static bool chance(struct vm *v, uint32_t percent)
{
    return oct_rng_below(&v->rng, 100) < percent;
}

static struct oct_ven *say(struct vm *v, enum oct_ven_event event, uint32_t ref)
{
    if (v->out_cnt == VM_OUT)
        abort();
    struct oct_ven *m = &v->out[v->out_cnt++];
    *m = (struct oct_ven){
        OCT_MSG_HDR(VEN, ven),    .event = (uint8_t)event, .user_ref = ref, .seq = v->out_cnt,
        .ts_exch_ns = v->out_cnt, .order_state = 'L',      .tif = '0'};
    memset(m->symbol.c, ' ', 8);
    return m;
}

void vm_send(struct vm *v, const struct oct_order *o)
{
    if (v->in_tail - v->in_head == VM_IN)
        abort();
    v->in[v->in_tail++ % VM_IN] = *o;
}

void vm_drop_wire(struct vm *v)
{
    v->in_head = v->in_tail;
}

static void echo(struct oct_ven *m, const struct vm_order *o, const struct oct_order *from)
{
    m->order_id = o->order_id;
    m->side = o->side;
    m->px = from->px;
    m->venue_ref = 5000 + o->ref;
    m->symbol = from->symbol;
}

static void canceled(struct vm *v, struct vm_order *o, int64_t qty, char reason)
{
    struct oct_ven *m = say(v, OCT_VEN_CANCELED, o->ref);

    m->qty.v = qty * OCT_QTY_ONE;
    m->reason = (uint8_t)reason;
    o->open -= qty;
    o->total -= qty;
    if (o->open == 0)
        o->live = false;
}

static void take_new(struct vm *v, const struct oct_order *in)
{
    if (in->user_ref <= v->max_ref) {
        v->reused++;
        return;
    }
    v->max_ref = in->user_ref;
    if (v->max_ref >= VM_ORDERS)
        abort();
    struct vm_order *o = &v->orders[in->user_ref];
    *o = (struct vm_order){.order_id = in->order_id,
                           .ref = in->user_ref,
                           .chain = in->user_ref,
                           .inst = in->inst,
                           .side = in->side};
    if (chance(v, 10)) {
        struct oct_ven *m = say(v, OCT_VEN_REJECTED, o->ref);
        m->order_id = o->order_id;
        m->reason = 0x0f;
        return;
    }
    o->total = o->open = SHARES(in->qty);
    if (chance(v, 5))
        o->total = o->open = (o->open + 1) / 2;
    struct oct_ven *m = say(v, OCT_VEN_ACCEPTED, o->ref);
    echo(m, o, in);
    m->qty.v = o->open * OCT_QTY_ONE;
    o->live = !chance(v, 5);
    if (!o->live) {
        m->order_state = 'D';
        o->open = 0;
    }
}

static void take_replace(struct vm *v, const struct oct_order *in)
{
    struct vm_order *old = &v->orders[in->orig_user_ref];

    if (in->orig_user_ref >= VM_ORDERS || !old->live || in->user_ref <= v->max_ref)
        return; /* ignored; the number is not used up */
    const struct vm_chain *c = &v->chains[old->chain];
    int64_t left = SHARES(in->qty) - c->executed - c->used;
    if (left <= 0 || chance(v, 5)) {
        canceled(v, old, old->open, 'Z');
        return;
    }
    v->max_ref = in->user_ref;
    if (v->max_ref >= VM_ORDERS)
        abort();
    struct vm_order *o = &v->orders[in->user_ref];
    *o = (struct vm_order){.order_id = in->order_id,
                           .ref = in->user_ref,
                           .chain = old->chain,
                           .inst = old->inst,
                           .side = old->side};
    if (chance(v, 10)) {
        struct oct_ven *m = say(v, OCT_VEN_REJECTED, o->ref);
        m->order_id = o->order_id;
        m->reason = 0x15;
        return;
    }
    o->total = SHARES(in->qty);
    o->open = left;
    old->live = false;
    old->open = 0;
    struct oct_ven *m = say(v, OCT_VEN_REPLACED, o->ref);
    m->orig_user_ref = old->ref;
    echo(m, o, in);
    m->qty.v = o->open * OCT_QTY_ONE;
    o->live = !chance(v, 5);
    if (!o->live) {
        m->order_state = 'D';
        o->open = 0;
    }
}

static void take_cancel(struct vm *v, const struct oct_order *in)
{
    struct vm_order *o = &v->orders[in->user_ref];

    if (in->user_ref >= VM_ORDERS || !o->live)
        return;
    const struct vm_chain *c = &v->chains[o->chain];
    if (in->action == OCT_ACTION_CANCEL) {
        if (o->parked)
            return;
        if (chance(v, 5)) {
            say(v, OCT_VEN_CANCEL_PENDING, o->ref);
            o->parked = true;
        } else {
            canceled(v, o, o->open, 'U');
        }
        return;
    }
    int64_t keep = SHARES(in->qty) - c->executed;
    if (keep >= o->open)
        return;
    if (chance(v, 10))
        say(v, OCT_VEN_CANCEL_REJECT, o->ref);
    else
        canceled(v, o, o->open - (keep > 0 ? keep : 0), 'U');
}

bool vm_process(struct vm *v)
{
    if (v->in_head == v->in_tail)
        return false;
    const struct oct_order *in = &v->in[v->in_head++ % VM_IN];
    switch (in->action) {
    case OCT_ACTION_NEW:
        take_new(v, in);
        break;
    case OCT_ACTION_REPLACE:
        take_replace(v, in);
        break;
    case OCT_ACTION_ACCOUNT_QUERY:
        say(v, OCT_VEN_ACCOUNT, v->max_ref + 1);
        break;
    default:
        take_cancel(v, in);
        break;
    }
    return true;
}

static struct vm_order *any_live(struct vm *v)
{
    struct vm_order *pick = NULL;
    uint32_t n = 0;

    for (uint32_t i = 1; i <= v->max_ref; i++)
        if (v->orders[i].live && oct_rng_below(&v->rng, ++n) == 0)
            pick = &v->orders[i];
    return pick;
}

static void execute(struct vm *v, struct vm_order *o)
{
    int64_t qty = 1 + (int64_t)oct_rng_below(&v->rng, (uint64_t)o->open);
    struct oct_ven *m = say(v, OCT_VEN_EXECUTED, o->ref);

    m->qty.v = qty * OCT_QTY_ONE;
    m->px = (oct_px){10 * OCT_PX_ONE};
    m->match_id = v->next_match++;
    m->code = 'A';
    v->execs[v->exec_cnt++] =
        (struct vm_exec){.ref = o->ref, .chain = o->chain, .match = m->match_id, .qty = qty};
    v->chains[o->chain].executed += qty;
    o->open -= qty;
    if (o->open == 0)
        o->live = false;
}

static void prevent(struct vm *v, struct vm_order *o)
{
    int64_t qty = 1 + (int64_t)oct_rng_below(&v->rng, (uint64_t)o->open);
    struct oct_ven *m = say(v, OCT_VEN_AIQ_CANCELED, o->ref);

    m->qty.v = qty * OCT_QTY_ONE;
    m->reason = 'Q';
    v->chains[o->chain].used += qty;
    o->open -= qty;
    if (o->open == 0)
        o->live = false;
}

static void break_one(struct vm *v)
{
    if (v->exec_cnt == 0)
        return;
    struct vm_exec *e = &v->execs[oct_rng_below(&v->rng, v->exec_cnt)];
    if (e->broken)
        return;
    e->broken = true;
    struct oct_ven *m = say(v, OCT_VEN_BROKEN, e->ref);
    m->match_id = e->match;
    m->reason = 'E';
    m->order_id = v->orders[e->ref].order_id;
    v->chains[e->chain].executed -= e->qty;
}

void vm_event(struct vm *v)
{
    struct vm_order *o = any_live(v);
    uint64_t pick = oct_rng_below(&v->rng, 100);

    if (pick < 3) {
        break_one(v);
    } else if (!o) {
        say(v, OCT_VEN_SYSTEM, 0)->code = 'S';
    } else if (pick < 70) {
        execute(v, o);
    } else if (pick < 78) {
        prevent(v, o);
    } else if (pick < 86) {
        canceled(v, o, 1 + (int64_t)oct_rng_below(&v->rng, (uint64_t)o->open), 'S');
    } else if (pick < 93) {
        struct oct_ven *m = say(v, OCT_VEN_PRIORITY, o->ref);
        m->px = (oct_px){9 * OCT_PX_ONE};
        m->venue_ref = 9000 + o->ref;
    } else {
        say(v, OCT_VEN_RESTATED, o->ref)->reason = 'R';
    }
}

int64_t vm_executed(const struct vm *v, uint32_t chain)
{
    return v->chains[chain].executed;
}

int64_t vm_open(const struct vm *v, uint32_t chain)
{
    int64_t open = 0;

    for (uint32_t i = 1; i <= v->max_ref; i++)
        if (v->orders[i].live && v->orders[i].chain == chain)
            open += v->orders[i].open;
    return open;
}
