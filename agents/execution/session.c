/* session.c - what the session, the kill word, the ladder and people say. */
#include "agents/execution/execution_priv.h"

/* ---- the session comes and goes -------------------------------------------------------------- */

static void lose_unanswered(struct oct_execution *x, struct oct_step *step)
{
    for (uint32_t i = x->head; i != EX_NIL; i = x->orders[i].next) {
        struct ex_order *o = &x->orders[i];
        if (o->flags & (EX_ACKED | EX_LOST))
            continue;
        o->flags |= EX_LOST;
        ex_count(x, OCT_EXECUTION_UNKNOWN_TOTAL);
        oct_ex_rest(x, step, o, 0, 0, false);
    }
}

static void session_down(struct oct_execution *x, struct oct_step *step)
{
    x->session = EX_DOWN;
    oct_timer_disarm(step->timers, EX_TIMER_SETTLE);
    oct_timer_disarm(step->timers, EX_TIMER_PUMP);
    lose_unanswered(x, step);
    if (!x->cfg.cancel_on_disconnect)
        return;
    for (uint32_t i = x->head; i != EX_NIL; i = x->orders[i].next) {
        struct ex_order *o = &x->orders[i];
        if (o->flags & (EX_CANCEL | EX_WANT))
            continue;
        o->flags |= EX_WANT;
        x->want_cnt++;
        oct_ex_rest(x, step, o, 0, 0, false);
    }
}

static void ask(struct oct_execution *x, struct oct_step *step, uint32_t answers)
{
    x->session = EX_QUERY;
    x->answers_due = answers;
    oct_ex_query(x, step);
}

static void logged_in(struct oct_execution *x, struct oct_step *step, uint64_t next_seq)
{
    if (x->session != EX_DOWN) /* a loss we were not told of */
        session_down(x, step);
    if (next_seq > x->last_seq + 1) {
        OCT_COUNT_IF(x->last_seq > 0, &x->cfg.counters[OCT_EXECUTION_GAPS]);
        x->last_seq = next_seq - 1;
    }
    /* Answers to earlier questions come before the first one to a question of this connection;
     * so one more than there can be of those is surely ours. */
    ask(x, step, x->asked + 1);
}

/* The replay is complete: what the venue has not seen by now, it never will. */
static void reconcile(struct oct_execution *x, struct oct_step *step, uint32_t next_ref)
{
    uint32_t i = x->head;

    x->want_cnt = 0;
    while (i != EX_NIL) {
        struct ex_order *o = &x->orders[i];
        uint32_t next = o->next;
        if ((o->flags & EX_LOST) && o->user_ref >= next_ref) {
            struct ex_batch b = {.cnt = 0};
            oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CLOSED, 0, 0);
            oct_ex_flush(x, step, &b);
        } else {
            /* A cancel without an answer did not arrive. */
            if (o->flags & EX_CANCEL)
                o->flags = (uint8_t)((o->flags & ~EX_CANCEL) | EX_WANT);
            o->flags &= (uint8_t)~EX_REDUCE;
            oct_ex_rest(x, step, o, 0, 0, false);
        }
        /* Ending an order may have ended the next one with it. */
        i = next != EX_NIL && !ex_live(&x->orders[next]) ? x->head : next;
    }
    for (i = x->head; i != EX_NIL; i = x->orders[i].next)
        x->want_cnt += (x->orders[i].flags & EX_WANT) != 0;
    if (next_ref > x->next_ref)
        x->next_ref = next_ref;
    x->session = EX_READY;
    oct_ex_numbers(x, step);
    oct_ex_pump(x, step);
}

void oct_ex_on_account(struct oct_execution *x, struct oct_step *step, uint32_t next_ref)
{
    if (x->asked > 0)
        x->asked--;
    if (x->session != EX_QUERY)
        return;
    if (x->answers_due > 1) {
        ask(x, step, x->answers_due - 1);
        return;
    }
    reconcile(x, step, next_ref);
}

/* Without a journal this shows that the venue has a past we know nothing of, and how many answers
 * to old questions it holds; one of them may have been taken for ours.  So no more orders until the
 * replay has been quiet for a while; what was sent meanwhile may have been ignored. */
void oct_ex_on_stranger(struct oct_execution *x, struct oct_step *step)
{
    if (!x->fresh || x->session == EX_DOWN || x->session == EX_SETTLE)
        return;
    lose_unanswered(x, step);
    x->session = EX_SETTLE;
    oct_timer_arm(step->timers, EX_TIMER_SETTLE, step->now_ns + x->cfg.settle_ns);
}

void oct_ex_on_settled(struct oct_execution *x, struct oct_step *step)
{
    if (x->session == EX_RETRY) {
        ask(x, step, x->answers_due);
    } else if (x->session == EX_SETTLE) {
        x->fresh = false;
        ask(x, step, 1);
    }
}

/* ---- bytes that did not leave ---------------------------------------------------------------- */

static void send_failed(struct oct_execution *x, struct oct_step *step,
                        const struct oct_in_venue *m)
{
    struct ex_batch b = {.cnt = 0};
    uint8_t action = m->data_sz ? *OCT_MSG_DATA(m) : 0;

    ex_count(x, OCT_EXECUTION_NOT_SENT);
    if (m->seq == 0) { /* a question: ask again later, or after the next login */
        if (x->asked > 0)
            x->asked--;
        if (x->session == EX_QUERY) {
            x->session = EX_RETRY;
            oct_timer_arm(step->timers, EX_TIMER_SETTLE, step->now_ns + x->cfg.retry_ns);
        }
        return;
    }
    struct ex_order *o = ex_by_id(x, m->seq);
    if (!o || !ex_live(o))
        return;
    if (action == 0) /* not told: the newest that is in flight */
        action = o->flags & EX_CANCEL   ? OCT_ACTION_CANCEL
                 : o->flags & EX_REDUCE ? OCT_ACTION_REDUCE
                                        : OCT_ACTION_NEW;
    switch (action) {
    case OCT_ACTION_CANCEL:
        if (!(o->flags & EX_CANCEL))
            return;
        o->flags = (uint8_t)((o->flags & ~EX_CANCEL) | EX_WANT);
        x->want_cnt++;
        oct_timer_arm(step->timers, EX_TIMER_PUMP, step->now_ns + x->cfg.retry_ns);
        return;
    case OCT_ACTION_REDUCE:
        o->flags &= (uint8_t)~EX_REDUCE;
        oct_ex_rest(x, step, o, 0, 0, true);
        return;
    default:
        if (o->flags & EX_ACKED) {
            ex_count(x, OCT_EXECUTION_UNEXPECTED);
            return;
        }
        oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CLOSED, 0, OCT_RISK_SESSION);
        oct_ex_flush(x, step, &b);
        return;
    }
}

void oct_ex_on_session(struct oct_execution *x, struct oct_step *step, const struct oct_in_venue *m)
{
    switch (m->event) {
    case OCT_VENUE_LOGGED_IN:
        logged_in(x, step, m->seq);
        break;
    case OCT_VENUE_LOST:
    case OCT_VENUE_ENDED:
    case OCT_VENUE_LOGIN_REJECTED:
        session_down(x, step);
        break;
    case OCT_VENUE_SEND_FAILED:
        send_failed(x, step, m);
        break;
    default: /* connected; replay_done says what the account answer says, too */
        break;
    }
}

/* ---- start, kill, ladder --------------------------------------------------------------------- */

/* What recovery concluded where the records that would have told it were cut off. */
static void tell_recovered(struct oct_execution *x, struct oct_step *step)
{
    for (uint32_t i = 0; i <= x->mask; i++) {
        struct ex_order *o = &x->orders[i];
        struct ex_batch b = {.cnt = 0};
        if (!(o->flags & EX_UNTOLD))
            continue;
        o->flags &= (uint8_t)~EX_UNTOLD;
        oct_ex_tell(&b, step, o, o->state, 0, 0);
        oct_ex_flush(x, step, &b);
    }
}

void oct_ex_on_start(struct oct_execution *x, struct oct_step *step, const struct oct_in_start *m)
{
    const int64_t day_ns = INT64_C(86400) * 1000000000;
    uint64_t day = m->midnight_ns > 0 ? (uint64_t)(m->midnight_ns / day_ns) & 0xfff : 0;

    oct_approver_init(&x->approver, m->run_id);
    x->day_bits = (uint64_t)x->cfg.lane << 56 | day << 32;
    /* What was reserved before may have been used by records that are lost. */
    if (m->mark > x->next_ref)
        x->next_ref = m->mark;
    x->durable = x->next_ref;
    if (x->reserved < x->next_ref)
        x->reserved = x->next_ref;
    if (x->redo_seq) {
        x->last_seq = x->redo_seq - 1;
        x->asked += x->redo_answer;
    } else if (x->hold_seq) {
        x->redo_seq = x->hold_seq;
        x->redo_input = x->hold_input;
    }
    x->fresh = !m->recovered;
    if (m->recovered)
        x->asked += EX_ASKED_LOST;
    x->held_looks = x->cfg.hold_ns / x->cfg.retry_ns; /* the feed of this run has its own chance */
    session_down(x, step);
    oct_ex_numbers(x, step);
    tell_recovered(x, step);
}

/* Bits of the kill word: everything, strategies 0 to 30, accounts 0 to 31. */
static bool kill_covers(uint64_t bits, const struct ex_order *o)
{
    return (bits & 1) || (o->strategy < 31 && (bits >> (1 + o->strategy) & 1)) ||
           (o->account < 32 && (bits >> (32 + o->account) & 1));
}

void oct_ex_on_kill(struct oct_execution *x, struct oct_step *step, const struct oct_in_kill *m)
{
    uint64_t from = (uint32_t)m->unsent_from;

    if (from && x->next_ref > x->mask && from < x->next_ref - x->mask - 1)
        from = x->next_ref - x->mask - 1;
    for (; from && from < x->next_ref; from++) {
        struct ex_order *o = ex_by_ref(x, (uint32_t)from);
        struct ex_batch b = {.cnt = 0};
        if (!o || o->state == OCT_ORD_STATE_NONE || !ex_live(o) || (o->flags & EX_ACKED) ||
            !kill_covers(m->bits, o))
            continue;
        ex_count(x, OCT_EXECUTION_NOT_SENT);
        oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CLOSED, 0, OCT_RISK_KILLED);
        oct_ex_flush(x, step, &b);
    }
    for (uint32_t i = x->head; i != EX_NIL; i = x->orders[i].next)
        if (kill_covers(m->bits, &x->orders[i]))
            oct_ex_want_cancel(x, step, &x->orders[i]);
}

static bool in_scope(const struct ex_order *o, uint8_t scope, uint16_t account, uint16_t strategy,
                     uint32_t inst)
{
    switch (scope) {
    case OCT_SCOPE_FIRM:
        return true;
    case OCT_SCOPE_ACCOUNT:
        return o->account == account;
    case OCT_SCOPE_STRATEGY:
        return o->strategy == strategy;
    case OCT_SCOPE_INSTRUMENT:
        return o->inst == inst;
    default:
        return false;
    }
}

static uint32_t cancel_scope(struct oct_execution *x, struct oct_step *step, uint8_t scope,
                             uint16_t account, uint16_t strategy, uint32_t inst)
{
    uint32_t cnt = 0;

    for (uint32_t i = x->head; i != EX_NIL; i = x->orders[i].next) {
        if (!in_scope(&x->orders[i], scope, account, strategy, inst))
            continue;
        oct_ex_want_cancel(x, step, &x->orders[i]);
        cnt++;
    }
    return cnt;
}

void oct_ex_on_ladder(struct oct_execution *x, struct oct_step *step, const struct oct_ladder *m)
{
    if (m->state == OCT_LADDER_KILLED || (m->state == OCT_LADDER_HALTED && x->cfg.cancel_on_halt))
        cancel_scope(x, step, m->scope, m->account, m->strategy, UINT32_MAX);
}

/* ---- commands -------------------------------------------------------------------------------- */

static enum oct_cmd_result_kind cmd_cancel(struct oct_execution *x, struct oct_step *step,
                                           uint64_t order_id)
{
    struct ex_order *o = ex_by_id(x, order_id);

    if (!o)
        return OCT_CMD_RESULT_NOT_FOUND;
    if (!ex_live(o))
        return OCT_CMD_RESULT_WRONG_STATE;
    oct_ex_want_cancel(x, step, o);
    return OCT_CMD_RESULT_DONE;
}

/* A person has asked the venue: the order is not there.  Fills reported later still count. */
static enum oct_cmd_result_kind cmd_reconcile(struct oct_execution *x, struct oct_step *step,
                                              uint64_t order_id)
{
    struct ex_order *o = ex_by_id(x, order_id);
    struct ex_batch b = {.cnt = 0};

    if (!o)
        return OCT_CMD_RESULT_NOT_FOUND;
    if (o->state != OCT_ORD_STATE_UNKNOWN)
        return OCT_CMD_RESULT_WRONG_STATE;
    ex_count(x, OCT_EXECUTION_RECONCILED);
    oct_ex_end(x, step, &b, o, OCT_ORD_STATE_CLOSED, 0, 0);
    oct_ex_flush(x, step, &b);
    return OCT_CMD_RESULT_DONE;
}

void oct_ex_on_cmd(struct oct_execution *x, struct oct_step *step, const struct oct_in_cmd *m)
{
    struct oct_cmd_result r = {
        OCT_MSG_HDR(CMD_RESULT, cmd_result),
        .cmd_id = m->cmd_id,
        .now_ns = step->now_ns,
        .cmd = m->cmd,
        .value = m->order_id,
    };

    switch (m->cmd) {
    case OCT_CMD_CANCEL:
        r.result = (uint8_t)cmd_cancel(x, step, m->order_id);
        break;
    case OCT_CMD_CANCEL_ALL:
        if (m->scope > OCT_SCOPE_INSTRUMENT) {
            r.result = OCT_CMD_RESULT_BAD_VALUE;
            break;
        }
        r.value = cancel_scope(x, step, m->scope, m->account, m->strategy, m->inst);
        break;
    case OCT_CMD_RECONCILE:
        r.result = (uint8_t)cmd_reconcile(x, step, m->order_id);
        break;
    default:
        return;
    }
    oct_emit(step, &r.hdr);
}
