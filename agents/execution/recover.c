/* recover.c - journaled records as facts. */
#include <string.h>

#include "agents/execution/execution_priv.h"

/* A quantity that an order of ours can have; sums of a few of them do not overflow. */
static bool sane(oct_qty q)
{
    return q.v >= 0 && q.v <= INT64_MAX / 8;
}

static void fact_order(struct oct_execution *x, const struct oct_order *m)
{
    struct ex_order *o;

    if (!sane(m->qty))
        return;
    switch (m->action) {
    case OCT_ACTION_NEW:
    case OCT_ACTION_REPLACE:
        o = ex_slot(x, m->user_ref);
        if (m->order_id == 0 || m->user_ref == 0 || ex_live(o))
            return; /* cannot be in a journal of ours */
        o = oct_ex_make(x, m->order_id, m->user_ref);
        o->px = m->px;
        o->qty = o->open = m->qty;
        o->inst = m->inst;
        o->strategy = m->strategy;
        o->account = m->account;
        o->side = m->side;
        o->ord_type = m->ord_type;
        o->tif = m->tif;
        o->short_sale = m->short_sale;
        oct_ex_set_state(x, o, OCT_ORD_STATE_SENT);
        if (m->action == OCT_ACTION_REPLACE) {
            struct ex_order *old = ex_by_ref(x, m->orig_user_ref);
            if (old && ex_live(old)) {
                o->orig_ref = old->user_ref;
                old->next_ref = o->user_ref;
                old->flags &= (uint8_t)~EX_SUCCEEDED;
                oct_ex_spread(x, old, o);
                oct_ex_set_state(x, old, oct_ex_resting_state(x, old));
            }
        }
        if (m->user_ref >= x->next_ref)
            x->next_ref = (uint64_t)m->user_ref + 1;
        break;
    case OCT_ACTION_CANCEL:
    case OCT_ACTION_REDUCE:
        o = ex_by_id(x, m->order_id);
        if (!o || !ex_live(o))
            return;
        o->flags |= m->action == OCT_ACTION_CANCEL ? EX_CANCEL : EX_REDUCE;
        o->flags &= (uint8_t)~EX_WANT;
        o->reduce_to = m->qty;
        oct_ex_set_state(x, o, oct_ex_resting_state(x, o));
        break;
    case OCT_ACTION_ACCOUNT_QUERY:
        x->asked++;
        break;
    default:
        break;
    }
}

/* Links between an order and its replacement follow from the states told of either.  What was to
 * be told of the other one may be cut off the journal, so it is done here, too. */
static void relink(struct oct_execution *x, struct ex_order *o)
{
    struct ex_order *p = ex_pending(x, o);
    struct ex_order *old = o->orig_ref ? ex_by_ref(x, o->orig_ref) : NULL;

    if (p && ex_live(o)) {
        oct_ex_spread(x, o, p);
        p->flags |= EX_UNTOLD;
    } else if (p) {
        o->next_ref = 0;
        p->open.v = 0;
        p->orig_ref = 0;
        p->flags = (uint8_t)((p->flags & (EX_ACKED | EX_SUCCEEDED)) | EX_UNTOLD);
        oct_ex_set_state(x, p, OCT_ORD_STATE_CLOSED);
    }
    if (!old || !(o->flags & EX_ACKED || !ex_live(o)))
        return;
    if (o->flags & EX_ACKED && o->state != OCT_ORD_STATE_REJECTED) {
        old->flags |= EX_SUCCEEDED;
    } else if (old->next_ref == o->user_ref) {
        old->next_ref = 0;
        if (ex_live(old)) {
            oct_ex_set_state(x, old, oct_ex_resting_state(x, old));
            old->flags |= EX_UNTOLD;
        }
    }
    o->orig_ref = 0;
}

/* Flags behind a state that was told. */
static void flags_of(struct ex_order *o, const struct oct_order_update *m)
{
    switch (m->event) {
    case 0:
        break;
    case OCT_VEN_CANCEL_PENDING:
        o->flags = (uint8_t)((o->flags & ~(EX_CANCEL | EX_WANT | EX_LOST)) | EX_PARKED | EX_ACKED);
        break;
    case OCT_VEN_CANCEL_REJECT:
        o->flags = (uint8_t)((o->flags & ~(EX_REDUCE | EX_CANCEL | EX_LOST)) | EX_ACKED);
        break;
    default:
        o->flags = (uint8_t)((o->flags | EX_ACKED) & ~EX_LOST);
        break;
    }
    switch (m->state) {
    case OCT_ORD_STATE_WORKING:
        o->flags = (uint8_t)((o->flags | EX_ACKED) &
                             ~(EX_LOST | EX_CANCEL | EX_WANT | EX_REDUCE | EX_PARKED));
        break;
    case OCT_ORD_STATE_UNKNOWN:
        o->flags |= EX_LOST;
        break;
    case OCT_ORD_STATE_CANCEL_PENDING:
        if (!(o->flags & (EX_CANCEL | EX_REDUCE | EX_PARKED)))
            o->flags |= EX_WANT;
        break;
    default:
        break;
    }
}

static void fact_update(struct oct_execution *x, const struct oct_order_update *m)
{
    struct ex_order *o = ex_by_id(x, m->order_id);

    if (!sane(m->qty) || !sane(m->open) || !sane(m->filled))
        return;
    if (!o) {
        /* Adopted from the venue in an earlier run; refusals name ids that never were. */
        if (m->order_id == 0 || m->state == OCT_ORD_STATE_NONE ||
            m->state == OCT_ORD_STATE_REJECTED || (uint32_t)m->order_id != m->user_ref ||
            m->inst == UINT32_MAX || ex_live(ex_slot(x, m->user_ref)))
            return;
        o = oct_ex_make(x, m->order_id, m->user_ref);
        o->inst = m->inst;
        o->strategy = m->strategy;
        o->account = m->account;
        o->side = m->side;
        if (m->user_ref >= x->next_ref)
            x->next_ref = (uint64_t)m->user_ref + 1;
    }
    if (m->event && m->prev_state == OCT_ORD_STATE_SENT)
        x->asked = 0; /* as in venue.c, first_answer */
    o->flags &= (uint8_t)~EX_UNTOLD;
    o->px = m->px;
    o->qty = m->qty;
    if (m->event == OCT_VEN_AIQ_CANCELED && o->open.v > m->open.v)
        ex_add(&o->used, (oct_qty){o->open.v - m->open.v});
    o->filled = m->filled;
    o->open = m->open;
    if (m->venue_ref)
        o->venue_ref = m->venue_ref;
    if (m->event)
        o->told_input = m->hdr.input;
    flags_of(o, m);
    oct_ex_set_state(x, o, m->state);
    relink(x, o);
    if (!ex_live(o))
        o->flags &= EX_ACKED | EX_SUCCEEDED;
}

static void fact_fill(struct oct_execution *x, const struct oct_fill *m)
{
    struct ex_fill *known = oct_ex_fill_find(x, m->match_id, m->user_ref);

    if (!sane(m->qty))
        return;
    if (x->redo_seq)
        x->redo_filled = true;
    if (m->broken) {
        if (known)
            known->broken = 1;
        return;
    }
    struct ex_fill f = {
        .order_id = m->order_id,
        .match_id = m->match_id,
        .px = m->px,
        .qty = m->qty,
        .user_ref = m->user_ref,
        .inst = m->inst,
        .strategy = m->strategy,
        .account = m->account,
        .side = m->side,
        .liquidity = m->liquidity,
    };
    oct_ex_fill_add(x, &f);
}

/* The decisions on an input are complete when the next input is there, unless that is the start of
 * another run: then the message is asked for again, and what was decided on it is remembered. */
static void fact_input(struct oct_execution *x, const struct oct_msg_hdr *m)
{
    if (m->type == OCT_IN_START && x->redo_seq) {
        x->hold_seq = x->redo_seq;
        x->hold_input = x->redo_input;
        x->last_seq = x->redo_seq - 1;
        x->asked += x->redo_answer;
        x->redo_seq = 0;
        return;
    }
    x->redo_seq = 0;
    if (m->type != OCT_IN_VENUE)
        return;
    const struct oct_in_venue *v = (const struct oct_in_venue *)m;
    if (v->event != OCT_VENUE_DATA || v->seq <= x->last_seq)
        return;
    x->last_seq = v->seq;
    x->redo_seq = v->seq;
    if (v->seq == x->hold_seq) {
        x->redo_input = x->hold_input;
    } else {
        x->redo_input = m->input;
        x->redo_filled = false;
    }
    x->hold_seq = 0;
    struct oct_ven ven;
    uint32_t off;
    memset(&ven, 0, sizeof ven);
    x->redo_answer = x->cfg.orders && x->asked > 0 &&
                     x->cfg.orders->decode(OCT_MSG_DATA(v), v->data_sz, 0, &ven, &off) == 0 &&
                     ven.event == OCT_VEN_ACCOUNT;
    x->asked -= x->redo_answer;
}

void oct_execution_recover(struct oct_execution *x, const struct oct_msg_hdr *m)
{
    switch (m->type) {
    case OCT_ORDER:
        fact_order(x, (const struct oct_order *)m);
        break;
    case OCT_ORDER_UPDATE:
        fact_update(x, (const struct oct_order_update *)m);
        break;
    case OCT_FILL:
        fact_fill(x, (const struct oct_fill *)m);
        break;
    case OCT_MARK:
        if (((const struct oct_mark *)m)->mark > x->reserved)
            x->reserved = ((const struct oct_mark *)m)->mark;
        break;
    default:
        if (oct_msg_is_input(m->type))
            fact_input(x, m);
        break;
    }
}

uint64_t oct_execution_next_seq(const struct oct_execution *x)
{
    return x->redo_seq ? x->redo_seq : x->last_seq + 1;
}
