/* send.c - what execution sends: approved intents, cancels, questions; and the numbers it uses. */
#include "agents/execution/execution_priv.h"
#include "agents/execution/record.h"

/* ---- numbers --------------------------------------------------------------------------------- */

void oct_ex_numbers(struct oct_execution *x, struct oct_step *step)
{
    while (x->next_ref < UINT32_MAX && ex_live(ex_slot(x, x->next_ref)))
        x->next_ref++;
    if (oct_likely(x->next_ref + x->cfg.mark_block / 2 < x->reserved))
        return;
    uint64_t mark = (x->next_ref > x->reserved ? x->next_ref : x->reserved) + x->cfg.mark_block;
    x->reserved = mark < UINT32_MAX ? mark : UINT32_MAX;
    struct oct_mark m = {OCT_MSG_HDR(MARK, mark), .mark = x->reserved, .now_ns = step->now_ns};
    oct_emit(step, &m.hdr);
}

static uint64_t order_id_of(const struct oct_execution *x, uint16_t strategy, uint64_t ref)
{
    return x->day_bits | (uint64_t)(strategy & 0xfff) << 44 | ref;
}

/* ---- may it go? ------------------------------------------------------------------------------ */

static enum oct_risk_reason ready_to_send(const struct oct_execution *x)
{
    if (x->session != EX_READY)
        return OCT_RISK_SESSION;
    if (x->live_cnt >= x->cfg.order_cnt_max || x->next_ref >= UINT32_MAX ||
        oct_unlikely(ex_live(ex_slot(x, x->next_ref))))
        return OCT_RISK_FULL;
    if (x->next_ref >= x->durable)
        return OCT_RISK_RECORDER;
    return OCT_RISK_OK;
}

static enum oct_risk_reason ready_to_replace(const struct oct_execution *x,
                                             const struct oct_intent *i)
{
    const struct ex_order *o = ex_by_id(x, i->order_id);

    if (!o)
        return OCT_RISK_ORDER_UNKNOWN;
    if ((o->state != OCT_ORD_STATE_WORKING && o->state != OCT_ORD_STATE_SENT) || o->orig_ref != 0 ||
        i->qty.v <= o->filled.v + o->used.v || i->inst != o->inst || i->side != o->side ||
        i->short_sale != o->short_sale)
        return OCT_RISK_ORDER_STATE;
    return ready_to_send(x);
}

static enum oct_risk_reason ready_to_reduce(const struct oct_execution *x,
                                            const struct oct_intent *i)
{
    const struct ex_order *o = ex_by_id(x, i->order_id);

    if (!o)
        return OCT_RISK_ORDER_UNKNOWN;
    if ((o->state != OCT_ORD_STATE_WORKING && o->state != OCT_ORD_STATE_SENT) || o->orig_ref != 0 ||
        i->qty.v <= o->filled.v || i->qty.v >= o->qty.v)
        return OCT_RISK_ORDER_STATE;
    return x->session == EX_READY ? OCT_RISK_OK : OCT_RISK_SESSION;
}

/* Without a session the cancel waits for the next one. */
static enum oct_risk_reason ready_to_cancel(const struct oct_execution *x,
                                            const struct oct_intent *i)
{
    const struct ex_order *o = ex_by_id(x, i->order_id);

    if (!o)
        return OCT_RISK_ORDER_UNKNOWN;
    if (!ex_live(o) || (o->flags & (EX_CANCEL | EX_WANT)))
        return OCT_RISK_ORDER_STATE;
    return OCT_RISK_OK;
}

enum oct_risk_reason oct_execution_ready(const void *self, const struct oct_intent *intent,
                                         uint64_t *order_id)
{
    const struct oct_execution *x = self;

    *order_id = intent->order_id;
    switch (intent->action) {
    case OCT_ACTION_NEW:
        *order_id = order_id_of(x, intent->strategy, x->next_ref);
        return ready_to_send(x);
    case OCT_ACTION_REPLACE:
        *order_id = order_id_of(x, intent->strategy, x->next_ref);
        return ready_to_replace(x, intent);
    case OCT_ACTION_REDUCE:
        return ready_to_reduce(x, intent);
    case OCT_ACTION_CANCEL:
        return ready_to_cancel(x, intent);
    default:
        return OCT_RISK_ORDER_STATE;
    }
}

/* ---- submit ---------------------------------------------------------------------------------- */

/* Risk's approvals come in order, so the next one fits.  One that was issued and never handed over
 * must not block those after it: a few are skipped, each still good for one use at most. */
static bool approved(struct oct_execution *x, const struct oct_intent *i,
                     const struct oct_verdict *v)
{
    if (v->intent_id != i->intent_id || v->inst != i->inst || v->strategy != i->strategy ||
        v->account != i->account || v->action != i->action || v->side != i->side ||
        v->px.v != i->px.v || v->qty.v != i->qty.v || v->reason != OCT_RISK_OK)
        return false;
    if (oct_likely(v->approval_id == oct_approver_peek(&x->approver, i, v->order_id))) {
        x->approver.seq++;
        return true;
    }
    struct oct_approver a = x->approver;
    for (int skip = 0; skip < 16; skip++) {
        a.seq++;
        if (v->approval_id == oct_approver_peek(&a, i, v->order_id)) {
            x->approver.seq = a.seq + 1;
            return true;
        }
    }
    return false;
}

OCT_COLD static void refuse(struct oct_execution *x, struct oct_step *step,
                            const struct oct_intent *i, const struct oct_verdict *v,
                            enum oct_risk_reason reason)
{
    struct ex_batch b = {.cnt = 0};
    const struct ex_order *o = ex_by_id(x, v->order_id);

    ex_count(x, OCT_EXECUTION_REFUSED);
    OCT_COUNT_IF(reason == OCT_RISK_APPROVAL, &x->cfg.counters[OCT_EXECUTION_NO_APPROVAL]);
    if (o) { /* an order that exists keeps its state */
        oct_ex_tell(&b, step, o, o->state, 0, (uint16_t)reason);
    } else {
        struct ex_order none = {
            .order_id = v->order_id,
            .inst = i->inst,
            .strategy = i->strategy,
            .account = i->account,
            .side = i->side,
            .px = i->px,
            .qty = i->qty,
            .state = OCT_ORD_STATE_REJECTED,
        };
        oct_ex_tell(&b, step, &none, OCT_ORD_STATE_NONE, 0, (uint16_t)reason);
    }
    oct_ex_flush(x, step, &b);
}

static bool within_step(struct oct_execution *x, const struct oct_step *step, uint32_t max)
{
    if (x->step_input != step->input) {
        x->step_input = step->input;
        x->step_cnt = 0;
    }
    return x->step_cnt < max;
}

static void transmit(struct oct_execution *x, struct oct_step *step, struct oct_order *rec)
{
    within_step(x, step, 0);
    x->step_cnt++;
    oct_emit(step, &rec->hdr);
    oct_sink_call(&x->cfg.tx, step, &rec->hdr);
}

/* Blank when the instrument is unknown. */
static oct_sym symbol_of(const struct oct_execution *x, uint32_t inst)
{
    static const oct_sym blank = {"        "};

    return oct_likely(inst < x->cfg.view->inst_cnt) ? x->cfg.view->ref[inst].symbol : blank;
}

OCT_HOT static void send_new(struct oct_execution *x, struct oct_step *step, struct oct_order *rec,
                             struct ex_order *old)
{
    struct ex_batch b = {.cnt = 0};

    transmit(x, step, rec);
    ex_count(x, OCT_EXECUTION_SENT);
    struct ex_order *o = oct_ex_make(x, rec->order_id, rec->user_ref);
    o->sent_input = step->input;
    o->px = rec->px;
    o->qty = o->open = rec->qty;
    o->inst = rec->inst;
    o->strategy = rec->strategy;
    o->account = rec->account;
    o->side = rec->side;
    o->ord_type = rec->ord_type;
    o->tif = rec->tif;
    o->short_sale = rec->short_sale;
    if (old) {
        o->orig_ref = old->user_ref;
        old->next_ref = o->user_ref;
        oct_ex_spread(x, old, o);
    }
    oct_ex_set_state(x, o, OCT_ORD_STATE_SENT);
    oct_ex_tell(&b, step, o, OCT_ORD_STATE_NONE, 0, 0);
    if (old) {
        uint8_t prev = old->state;
        oct_ex_set_state(x, old, OCT_ORD_STATE_REPLACE_PENDING);
        oct_ex_tell(&b, step, old, prev, 0, 0);
    }
    x->next_ref = (uint64_t)rec->user_ref + 1;
    oct_ex_numbers(x, step);
    oct_ex_flush(x, step, &b);
}

static void reduce(struct oct_execution *x, struct oct_step *step, struct oct_order *rec,
                   struct ex_order *o)
{
    transmit(x, step, rec);
    ex_count(x, OCT_EXECUTION_CANCELS_SENT);
    o->flags |= EX_REDUCE;
    o->reduce_to = rec->qty;
    oct_ex_rest(x, step, o, 0, 0, true);
}

OCT_HOT void oct_execution_submit(void *self, struct oct_step *step,
                                  const struct oct_intent *intent,
                                  const struct oct_verdict *verdict)
{
    struct oct_execution *x = self;
    struct oct_order rec;
    uint64_t order_id;

    if (oct_unlikely(!approved(x, intent, verdict))) {
        refuse(x, step, intent, verdict, OCT_RISK_APPROVAL);
        return;
    }
    enum oct_risk_reason reason = oct_execution_ready(x, intent, &order_id);
    if (oct_unlikely(reason != OCT_RISK_OK)) {
        refuse(x, step, intent, verdict, reason);
        return;
    }
    if (oct_unlikely(order_id != verdict->order_id)) {
        refuse(x, step, intent, verdict, OCT_RISK_APPROVAL);
        return;
    }
    struct ex_order *target = ex_by_id(x, intent->order_id);
    if (intent->action == OCT_ACTION_CANCEL) {
        oct_ex_want_cancel(x, step, target);
        return;
    }
    if (oct_unlikely(!within_step(x, step, EX_SUBMIT_MAX))) {
        refuse(x, step, intent, verdict, OCT_RISK_RATE);
        return;
    }
    oct_execution_record(&rec, intent, verdict, symbol_of(x, intent->inst), step->now_ns,
                         x->cfg.session);
    if (oct_unlikely(x->cfg.orders && x->cfg.orders->check(&rec) != 0)) {
        refuse(x, step, intent, verdict, OCT_RISK_VENUE_FIELD);
        return;
    }
    if (intent->action == OCT_ACTION_REDUCE)
        reduce(x, step, &rec, target);
    else
        send_new(x, step, &rec, intent->action == OCT_ACTION_REPLACE ? target : NULL);
}

/* ---- cancels and questions ------------------------------------------------------------------- */

void oct_ex_send_cancel(struct oct_execution *x, struct oct_step *step, struct ex_order *o)
{
    struct oct_order rec = {
        OCT_MSG_HDR(ORDER, order),
        .order_id = o->order_id,
        .now_ns = step->now_ns,
        .user_ref = o->user_ref,
        .inst = o->inst,
        .strategy = o->strategy,
        .account = o->account,
        .px = o->px,
        .symbol = symbol_of(x, o->inst),
        .action = OCT_ACTION_CANCEL,
        .side = o->side,
        .ord_type = o->ord_type,
        .tif = o->tif,
        .session = x->cfg.session,
    };

    o->flags = (uint8_t)((o->flags & ~EX_WANT) | EX_CANCEL);
    ex_count(x, OCT_EXECUTION_CANCELS_SENT);
    transmit(x, step, &rec);
}

void oct_ex_query(struct oct_execution *x, struct oct_step *step)
{
    struct oct_order rec = {
        OCT_MSG_HDR(ORDER, order), .now_ns = step->now_ns,
        .inst = UINT32_MAX,        .strategy = OCT_STRATEGY_NONE,
        .account = x->cfg.account, .action = OCT_ACTION_ACCOUNT_QUERY,
        .session = x->cfg.session, .symbol = symbol_of(x, UINT32_MAX),
    };

    x->asked++;
    ex_count(x, OCT_EXECUTION_QUERIES_SENT);
    transmit(x, step, &rec);
}

/* Never in the step that sent the order itself: when bytes fail to leave, it must be clear whose
 * they were. */
static bool cancel_now(struct oct_execution *x, const struct oct_step *step,
                       const struct ex_order *o)
{
    return x->session == EX_READY && o->sent_input != step->input &&
           within_step(x, step, EX_SUBMIT_MAX + OCT_EXECUTION_STEP_MAX);
}

static void want(struct oct_execution *x, struct oct_step *step, struct ex_order *o)
{
    if (o->flags & (EX_CANCEL | EX_WANT))
        return;
    if (oct_likely(cancel_now(x, step, o))) {
        oct_ex_send_cancel(x, step, o);
        return;
    }
    o->flags |= EX_WANT;
    x->want_cnt++;
    if (x->session == EX_READY)
        oct_timer_arm(step->timers, EX_TIMER_PUMP, step->now_ns + 1);
}

void oct_ex_want_cancel(struct oct_execution *x, struct oct_step *step, struct ex_order *o)
{
    struct ex_order *p = ex_pending(x, o);
    struct ex_order *old = o->orig_ref ? ex_by_ref(x, o->orig_ref) : NULL;

    if (old && ex_pending(x, old) != o)
        old = NULL;
    /* A replacement in flight: the venue knows one of the two when the cancel arrives. */
    if (old)
        want(x, step, old);
    want(x, step, o);
    if (p)
        want(x, step, p);
    if (old)
        oct_ex_rest(x, step, old, 0, 0, false);
    oct_ex_rest(x, step, o, 0, 0, false);
    if (p)
        oct_ex_rest(x, step, p, 0, 0, false);
}

void oct_ex_pump(struct oct_execution *x, struct oct_step *step)
{
    uint32_t left = 0;

    if (x->want_cnt == 0 || x->session != EX_READY)
        return;
    for (uint32_t i = x->head; i != EX_NIL; i = x->orders[i].next) {
        struct ex_order *o = &x->orders[i];
        if (!(o->flags & EX_WANT))
            continue;
        if (cancel_now(x, step, o))
            oct_ex_send_cancel(x, step, o);
        else
            left++;
    }
    x->want_cnt = left;
    if (left)
        oct_timer_arm(step->timers, EX_TIMER_PUMP, step->now_ns + 1);
}
