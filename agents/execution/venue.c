/* venue.c - what the venue says of orders. */
#include <string.h>

#include "agents/execution/execution_priv.h"

/* The order a message is of has been told already, by a journaled update of the same message. */
static bool told(const struct oct_execution *x, const struct ex_order *o)
{
    return x->redoing && o->told_input >= x->redo_input;
}

static void heard(struct ex_order *o)
{
    o->flags = (uint8_t)((o->flags | EX_ACKED) & ~EX_LOST);
}

/* The first answer to an order sent on this connection comes after the answers to all questions,
 * which were asked before: none of them is still to come. */
static void first_answer(struct oct_execution *x, const struct ex_order *o)
{
    if (ex_live(o) && !(o->flags & (EX_LOST | EX_ACKED)))
        x->asked = 0;
}

static void seen_ref(struct oct_execution *x, uint32_t ref)
{
    if (oct_unlikely(ref >= x->next_ref))
        x->next_ref = (uint64_t)ref + 1;
}

/* A message of no order of ours: counted, and told to the output for people to see. */
OCT_COLD static void unattributed(struct oct_execution *x, struct oct_step *step,
                                  const struct oct_ven *v)
{
    ex_count(x, OCT_EXECUTION_UNATTRIBUTED);
    oct_ex_on_stranger(x, step);
    struct oct_order_update u = {
        OCT_MSG_HDR(ORDER_UPDATE, order_update),
        .order_id = v->order_id,
        .venue_ref = v->venue_ref,
        .ts_exch_ns = v->ts_exch_ns,
        .now_ns = step->now_ns,
        .user_ref = v->user_ref,
        .inst = UINT32_MAX,
        .strategy = OCT_STRATEGY_NONE,
        .account = x->cfg.account,
        .state = OCT_ORD_STATE_UNKNOWN,
        .event = v->event,
        .side = v->side,
        .px = v->px,
        .qty = v->qty,
        .reason = v->reason,
    };
    oct_emit(step, &u.hdr);
}

/* Whether the id the venue echoes is of an order that we can take up: ours, and its slot is free. */
static bool adoptable(const struct oct_execution *x, const struct oct_ven *v)
{
    return v->order_id != 0 && v->user_ref != 0 && (uint32_t)v->order_id == v->user_ref &&
           v->order_id >> 56 == x->cfg.lane && !ex_live(ex_slot(x, v->user_ref));
}

/* An order whose record was lost, known again by the id the venue echoes.  NULL when it cannot be
 * taken up. */
OCT_COLD static struct ex_order *adopt(struct oct_execution *x, struct oct_step *step,
                                       const struct oct_ven *v)
{
    uint32_t ref = v->user_ref;

    if (!adoptable(x, v))
        return NULL;
    struct ex_order *o = oct_ex_make(x, v->order_id, ref);
    uint16_t strategy = v->order_id >> 44 & 0xfff;
    o->strategy = strategy == 0xfff ? OCT_STRATEGY_NONE : strategy;
    o->account = x->cfg.account;
    o->inst = oct_ex_inst_of(x, v->symbol);
    o->side = v->side;
    o->px = v->px;
    o->qty = v->qty;
    o->tif = v->tif == '3' ? OCT_TIF_IOC : OCT_TIF_DAY;
    ex_count(x, OCT_EXECUTION_ADOPTED);
    oct_ex_on_stranger(x, step);
    return o;
}

/* Where late executions on a replaced number belong: the end of its chain. */
static struct ex_order *successor(const struct oct_execution *x, struct ex_order *o)
{
    for (int i = 0; i < 64 && (o->flags & EX_SUCCEEDED); i++) {
        struct ex_order *n = ex_by_ref(x, o->next_ref);
        if (!n)
            break;
        o = n;
    }
    return o;
}

/* Takes qty from what is open; what is not there is counted. */
static void take(struct oct_execution *x, struct ex_order *o, oct_qty qty)
{
    OCT_COUNT_IF(qty.v > o->open.v && ex_live(o), &x->cfg.counters[OCT_EXECUTION_OVERFILLS]);
    o->open = ex_qty(o->open.v - qty.v);
}

/* ---- accepted, replaced, rejected ------------------------------------------------------------ */

static void on_accepted(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    struct ex_order *o = ex_by_ref(x, v->user_ref);
    struct ex_batch b = {.cnt = 0};

    seen_ref(x, v->user_ref);
    if (o && told(x, o))
        return;
    /* Alive, or given up without the venue having said anything of it. */
    bool known = o && !(o->flags & EX_ACKED) && (ex_live(o) || o->state == OCT_ORD_STATE_CLOSED);
    if (o && !known && (o->order_id == v->order_id || ex_live(o))) {
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        return;
    }
    if (!known)
        o = adopt(x, step, v);
    if (!o) {
        unattributed(x, step, v);
        return;
    }
    ex_count(x, OCT_EXECUTION_ACKED);
    first_answer(x, o);
    heard(o);
    o->venue_ref = v->venue_ref;
    if (o->ord_type == OCT_ORD_LIMIT)
        o->px = v->px;
    o->qty = v->qty;
    o->open = ex_qty(v->qty.v - o->filled.v - o->used.v);
    if (v->order_state == 'D') {
        ex_count(x, OCT_EXECUTION_CANCELLED);
        oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CANCELLED, v->event, v->reason);
        oct_ex_flush(x, step, &b);
        return;
    }
    oct_ex_rest(x, step, o, v->event, v->reason, true);
}

static void on_replaced(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    struct ex_order *o = ex_by_ref(x, v->user_ref);
    struct ex_order *old = ex_by_ref(x, v->orig_user_ref);
    struct ex_batch b = {.cnt = 0};

    seen_ref(x, v->user_ref);
    if (o && (o->flags & EX_ACKED) && !told(x, o)) {
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        return;
    }
    if (!o)
        o = adopt(x, step, v);
    if (!o) { /* the old order keeps standing for the exposure */
        unattributed(x, step, v);
        return;
    }
    if (old && old->next_ref == v->user_ref)
        old->flags |= EX_SUCCEEDED;
    if (!told(x, o)) {
        uint8_t prev = o->state;
        ex_count(x, OCT_EXECUTION_REPLACED);
        first_answer(x, o);
        heard(o);
        o->orig_ref = 0;
        o->venue_ref = v->venue_ref;
        if (o->ord_type == OCT_ORD_LIMIT)
            o->px = v->px;
        if (old) {
            o->filled = old->filled;
            o->used = old->used;
        }
        o->open = v->qty; /* outstanding */
        if (o->qty.v < o->filled.v + o->used.v + o->open.v)
            o->qty.v = o->filled.v + o->used.v + o->open.v;
        if (v->order_state == 'D') {
            ex_count(x, OCT_EXECUTION_CANCELLED);
            oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CANCELLED, v->event, v->reason);
        } else {
            oct_ex_set_state(x, o, oct_ex_resting_state(x, o));
            oct_ex_tell(&b, step, o, prev, v->event, v->reason);
        }
    }
    if (old && ex_live(old) && !told(x, old)) {
        struct ex_order *p = ex_pending(x, old); /* another one than this: it has come to nothing */
        heard(old);
        if (!p) {
            old->next_ref = v->user_ref;
            old->flags |= EX_SUCCEEDED;
        }
        oct_ex_end(x, step, &b, old, OCT_ORD_STATE_CLOSED, v->event, v->reason);
    }
    oct_ex_flush(x, step, &b);
}

static void on_rejected(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    struct ex_order *o = ex_by_ref(x, v->user_ref);
    struct ex_batch b = {.cnt = 0};

    seen_ref(x, v->user_ref);
    if (!o)
        o = adopt(x, step, v); /* its record was lost: it ends at once, and was no one else's */
    if (!o) {
        unattributed(x, step, v);
        return;
    }
    if (told(x, o))
        return;
    bool known = ex_live(o) || o->state == OCT_ORD_STATE_NONE || o->state == OCT_ORD_STATE_CLOSED;
    if (o->flags & EX_ACKED || !known) {
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        return;
    }
    ex_count(x, OCT_EXECUTION_REJECTED);
    first_answer(x, o);
    heard(o);
    oct_ex_end(x, step, &b, o, OCT_ORD_STATE_REJECTED, v->event, v->reason);
    oct_ex_flush(x, step, &b);
}

/* ---- cancelled ------------------------------------------------------------------------------- */

static void on_canceled(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v,
                        struct ex_order *o)
{
    struct ex_batch b = {.cnt = 0};

    if (!ex_live(o)) {
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        return;
    }
    heard(o);
    take(x, o, v->qty);
    if (v->event == OCT_VEN_AIQ_CANCELED)
        ex_add(&o->used, v->qty);
    else
        o->qty.v -= v->qty.v;
    if (o->qty.v < o->filled.v + o->open.v)
        o->qty.v = o->filled.v + o->open.v;
    if (o->open.v == 0) {
        ex_count(x, OCT_EXECUTION_CANCELLED);
        oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CANCELLED, v->event, v->reason);
        oct_ex_flush(x, step, &b);
        return;
    }
    /* 'U': the venue's answer to what we asked. */
    if ((o->flags & EX_REDUCE) && (v->reason == 'U' || o->qty.v <= o->reduce_to.v))
        o->flags &= (uint8_t)~EX_REDUCE;
    oct_ex_rest(x, step, o, v->event, v->reason, true);
}

static void on_cancel_word(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v,
                           struct ex_order *o)
{
    if (!ex_live(o)) {
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        return;
    }
    heard(o);
    if (v->event == OCT_VEN_CANCEL_PENDING)
        o->flags = (uint8_t)((o->flags & ~(EX_CANCEL | EX_WANT)) | EX_PARKED);
    else
        o->flags &= (uint8_t) ~(EX_REDUCE | EX_CANCEL);
    oct_ex_rest(x, step, o, v->event, v->reason, true);
}

/* ---- executed, broken ------------------------------------------------------------------------ */

static void tell_fill(struct ex_batch *b, const struct oct_step *step, const struct ex_fill *f)
{
    OCT_ASSERT(b->cnt < EX_BATCH_MAX);
    b->rec[b->cnt++].fill = (struct oct_fill){
        OCT_MSG_HDR(FILL, fill),
        .order_id = f->order_id,
        .match_id = f->match_id,
        .ts_exch_ns = step->ts_exch_ns,
        .now_ns = step->now_ns,
        .inst = f->inst,
        .strategy = f->strategy,
        .account = f->account,
        .px = f->px,
        .qty = f->qty,
        .user_ref = f->user_ref,
        .side = f->side,
        .liquidity = f->liquidity,
        .broken = f->broken,
    };
}

static void on_executed(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v,
                        struct ex_order *o)
{
    struct ex_batch b = {.cnt = 0};

    if (!(x->redoing && x->redo_filled)) {
        struct ex_fill f = {
            .order_id = o->order_id,
            .match_id = v->match_id,
            .px = v->px,
            .qty = v->qty,
            .user_ref = v->user_ref,
            .inst = o->inst,
            .strategy = o->strategy,
            .account = o->account,
            .side = o->side,
            .liquidity = v->code,
        };
        oct_ex_fill_add(x, &f);
        tell_fill(&b, step, &f);
        ex_count(x, OCT_EXECUTION_FILLS);
    }
    o = successor(x, o);
    if (told(x, o)) {
        oct_ex_flush(x, step, &b);
        return;
    }
    heard(o);
    OCT_COUNT_IF(!ex_live(o), &x->cfg.counters[OCT_EXECUTION_UNEXPECTED]);
    ex_add(&o->filled, v->qty);
    if (o->user_ref != v->user_ref) /* on a number that was replaced: the chain's limit holds */
        o->open = (oct_qty){o->open.v < o->qty.v - o->filled.v - o->used.v
                                ? o->open.v
                                : ex_qty(o->qty.v - o->filled.v - o->used.v).v};
    else
        take(x, o, v->qty);
    if (o->qty.v < o->filled.v + o->open.v)
        o->qty.v = o->filled.v + o->open.v;
    if (ex_live(o) && o->open.v == 0) {
        oct_ex_end(x, step, &b, o, OCT_ORD_STATE_FILLED, v->event, v->reason);
        oct_ex_flush(x, step, &b);
        return;
    }
    if (!ex_live(o)) {
        oct_ex_tell(&b, step, o, o->state, v->event, v->reason);
        oct_ex_flush(x, step, &b);
        return;
    }
    uint8_t prev = o->state;
    struct ex_order *p = ex_pending(x, o);
    oct_ex_set_state(x, o, oct_ex_resting_state(x, o));
    oct_ex_tell(&b, step, o, prev, v->event, v->reason);
    if (p) {
        oct_ex_spread(x, o, p);
        oct_ex_tell(&b, step, p, p->state, 0, 0);
    }
    oct_ex_flush(x, step, &b);
}

static void on_broken(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    struct ex_fill *f = oct_ex_fill_find(x, v->match_id, v->user_ref);
    struct ex_batch b = {.cnt = 0};

    if (!f || (f->broken && !x->redoing)) {
        unattributed(x, step, v);
        return;
    }
    if (!f->broken) {
        f->broken = 1;
        ex_count(x, OCT_EXECUTION_BROKEN);
        tell_fill(&b, step, f);
    }
    struct ex_order *o = ex_by_id(x, f->order_id);
    if (o && !told(x, o)) {
        o = successor(x, o);
        o->filled = ex_qty(o->filled.v - f->qty.v);
        oct_ex_tell(&b, step, o, o->state, v->event, v->reason);
    }
    oct_ex_flush(x, step, &b);
}

/* ---- changes by the venue -------------------------------------------------------------------- */

static void on_changed(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v,
                       struct ex_order *o)
{
    struct ex_batch b = {.cnt = 0};

    if (!ex_live(o)) {
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        return;
    }
    heard(o);
    if (v->venue_ref)
        o->venue_ref = v->venue_ref;
    if (v->event == OCT_VEN_PRIORITY && o->ord_type == OCT_ORD_LIMIT)
        o->px = v->px;
    if (v->event == OCT_VEN_MODIFIED) {
        o->open = v->qty; /* outstanding */
        o->qty.v = o->filled.v + o->used.v + o->open.v;
        if (o->open.v == 0) {
            oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CANCELLED, v->event, v->reason);
            oct_ex_flush(x, step, &b);
            return;
        }
    }
    oct_ex_rest(x, step, o, v->event, v->reason, true);
}

/* ---- entry ----------------------------------------------------------------------------------- */

/* False for a message that was taken in before. */
static bool in_sequence(struct oct_execution *x, const struct oct_ven *v)
{
    if (oct_unlikely(v->seq <= x->last_seq)) {
        ex_count(x, OCT_EXECUTION_DUPLICATES);
        return false;
    }
    OCT_COUNT_IF(v->seq != x->last_seq + 1, &x->cfg.counters[OCT_EXECUTION_GAPS]);
    x->last_seq = v->seq;
    return true;
}

static void dispatch(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    switch (v->event) {
    case OCT_VEN_ACCEPTED:
        on_accepted(x, step, v);
        return;
    case OCT_VEN_REPLACED:
        on_replaced(x, step, v);
        return;
    case OCT_VEN_REJECTED:
        on_rejected(x, step, v);
        return;
    case OCT_VEN_BROKEN:
        on_broken(x, step, v);
        return;
    case OCT_VEN_ACCOUNT:
        oct_ex_on_account(x, step, v->user_ref);
        return;
    case OCT_VEN_SYSTEM:
        return;
    default:
        break;
    }
    struct ex_order *o = ex_by_ref(x, v->user_ref);
    if (oct_unlikely(!o)) {
        unattributed(x, step, v);
        return;
    }
    if (oct_unlikely(told(x, o) && v->event != OCT_VEN_EXECUTED))
        return;
    switch (v->event) {
    case OCT_VEN_EXECUTED:
        on_executed(x, step, v, o);
        break;
    case OCT_VEN_CANCELED:
    case OCT_VEN_AIQ_CANCELED:
        on_canceled(x, step, v, o);
        break;
    case OCT_VEN_CANCEL_PENDING:
    case OCT_VEN_CANCEL_REJECT:
        on_cancel_word(x, step, v, o);
        break;
    case OCT_VEN_PRIORITY:
    case OCT_VEN_MODIFIED:
    case OCT_VEN_RESTATED:
        on_changed(x, step, v, o);
        break;
    default:
        ex_count(x, OCT_EXECUTION_UNEXPECTED);
        break;
    }
}

/* An order whose record was lost, in an instrument whose record was lost with it: the feed is about
 * to bring that again, and until then its exposure would have no place. */
static bool too_early(const struct oct_execution *x, const struct oct_ven *v)
{
    if (v->event != OCT_VEN_ACCEPTED && v->event != OCT_VEN_REPLACED)
        return false;
    return !ex_by_ref(x, v->user_ref) && adoptable(x, v) && oct_ex_inst_of(x, v->symbol) == EX_NIL;
}

static void take_in(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v);

/* The message that was held back.  If its instrument is still unknown, nobody will know it. */
static void take_held(struct oct_execution *x, struct oct_step *step)
{
    const struct oct_ven v = x->held;

    x->held.seq = 0;
    oct_timer_disarm(step->timers, EX_TIMER_HELD);
    step->ts_exch_ns = v.ts_exch_ns;
    take_in(x, step, &v);
}

OCT_COLD void oct_ex_on_held(struct oct_execution *x, struct oct_step *step)
{
    if (x->held.seq == 0)
        return;
    /* Looks are counted, not time: while the process was down, the feed had no chance. */
    if (too_early(x, &x->held) && x->held_looks-- > 0)
        oct_timer_arm(step->timers, EX_TIMER_HELD, step->now_ns + x->cfg.retry_ns);
    else
        take_held(x, step);
}

OCT_COLD static void hold(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    ex_count(x, OCT_EXECUTION_HELD);
    x->held = *v;
    x->held_looks = x->cfg.hold_ns / x->cfg.retry_ns;
    oct_timer_arm(step->timers, EX_TIMER_HELD, step->now_ns + x->cfg.retry_ns);
}

OCT_HOT void oct_ex_on_ven(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    if (!in_sequence(x, v))
        return;
    if (oct_unlikely(x->held.seq != 0)) { /* the session was to wait, and did not */
        int64_t ts = step->ts_exch_ns;
        take_held(x, step);
        step->ts_exch_ns = ts;
    }
    if (oct_unlikely(too_early(x, v))) {
        hold(x, step, v);
        return;
    }
    take_in(x, step, v);
}

OCT_HOT static void take_in(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v)
{
    if (oct_unlikely(x->session == EX_SETTLE && v->event != OCT_VEN_SYSTEM))
        oct_timer_arm(step->timers, EX_TIMER_SETTLE, step->now_ns + x->cfg.settle_ns);
    x->redoing = oct_unlikely(v->seq == x->redo_seq);
    dispatch(x, step, v);
    x->redoing = false;
    /* It may have brought a number beyond ours, or a slot back to life. */
    if (oct_unlikely(x->next_ref >= x->reserved || ex_live(ex_slot(x, x->next_ref))))
        oct_ex_numbers(x, step);
    if (oct_unlikely(x->redo_seq && v->seq >= x->redo_seq))
        x->redo_seq = 0;
}
