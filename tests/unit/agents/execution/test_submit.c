/* The way in: approvals, and everything execution refuses. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/agents/execution/rig.h"

static struct rig *r;

static void up(void)
{
    r = rig_new();
}

static void down(void)
{
    rig_free(r);
}

TestSuite(submit, .init = up, .fini = down);

static const struct oct_order_update *told(void)
{
    return &rig_last(r, OCT_ORDER_UPDATE, 0)->update;
}

/* Submits and expects a refusal with this reason and nothing sent. */
static void refused(const struct oct_intent *i, enum oct_risk_reason reason)
{
    uint64_t tx = r->tx_cnt, cnt = rig_counter(r, OCT_EXECUTION_REFUSED);

    rig_submit(r, i);
    cr_assert_eq(r->tx_cnt, tx, "nothing may be sent");
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_REFUSED), cnt + 1);
    cr_assert_eq(told()->reason, reason, "reason %u", told()->reason);
    cr_assert_eq(told()->event, 0);
}

static struct oct_verdict verdict_of(const struct oct_intent *i, uint64_t *order_id)
{
    struct oct_verdict v = {
        OCT_MSG_HDR(VERDICT, verdict),
        .intent_id = i->intent_id,
        .inst = i->inst,
        .strategy = i->strategy,
        .account = i->account,
        .action = i->action,
        .side = i->side,
        .px = i->px,
        .qty = i->qty,
    };

    cr_assert_eq(oct_execution_ready(r->x, i, order_id), OCT_RISK_OK);
    v.order_id = *order_id;
    return v;
}

static void hand_over(const struct oct_intent *i, const struct oct_verdict *v)
{
    r->step.input = ++r->input;
    oct_execution_submit(r->x, &r->step, i, v);
}

Test(submit, without_an_approval_nothing_leaves)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    uint64_t id;
    struct oct_verdict v = verdict_of(&i, &id);

    for (uint64_t token = 0; token < 3; token++) {
        v.approval_id = token;
        hand_over(&i, &v);
        cr_assert_eq(r->tx_cnt, 1, "only the login's question was sent");
        cr_assert_eq(told()->reason, OCT_RISK_APPROVAL);
        cr_assert_eq(told()->state, OCT_ORD_STATE_REJECTED);
        cr_assert_eq(told()->open.v, 0);
    }
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_NO_APPROVAL), 3);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 0);
    /* and what risk does approve still passes */
    rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
}

Test(submit, approval_is_used_once)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    uint64_t id;
    struct oct_verdict v = verdict_of(&i, &id);

    v.approval_id = oct_approver_next(&r->approver, &i, id);
    hand_over(&i, &v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
    hand_over(&i, &v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
    cr_assert_eq(told()->reason, OCT_RISK_APPROVAL);
    cr_assert_eq(told()->state, OCT_ORD_STATE_SENT, "the order itself is untouched");
    cr_assert_eq(told()->open.v, SH(100).v);
}

#define CHANGED(field, value)                                                  \
    do {                                                                       \
        struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100); \
        uint64_t id;                                                           \
        struct oct_verdict v = verdict_of(&i, &id);                            \
        v.approval_id = oct_approver_next(&r->approver, &i, id);               \
        i.field = value;                                                       \
        hand_over(&i, &v);                                                     \
        cr_assert_eq(told()->reason, OCT_RISK_APPROVAL, #field);               \
        cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 0, #field);           \
    } while (0)

Test(submit, intent_changed_after_the_verdict_is_refused_whatever_the_field)
{
    CHANGED(px, PX(11));
    CHANGED(qty, SH(101));
    CHANGED(side, OCT_SELL);
    CHANGED(inst, 3);
    CHANGED(strategy, 2);
    CHANGED(account, 3);
    CHANGED(tif, OCT_TIF_IOC);
    CHANGED(ord_type, OCT_ORD_MARKET);
    CHANGED(min_qty, SH(1));
    CHANGED(post_only, 1);
    CHANGED(hidden, 1);
    CHANGED(short_sale, 1);
    CHANGED(intent_id, 12345);
    CHANGED(action, OCT_ACTION_REPLACE);
    CHANGED(order_id, 1);
    rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1, "approvals never handed over are skipped");
}

#define FORGED(field, value)                                                   \
    do {                                                                       \
        struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100); \
        uint64_t id;                                                           \
        struct oct_verdict v = verdict_of(&i, &id);                            \
        v.approval_id = oct_approver_peek(&r->approver, &i, id);               \
        v.field = value;                                                       \
        hand_over(&i, &v);                                                     \
        cr_assert_eq(told()->reason, OCT_RISK_APPROVAL, #field);               \
    } while (0)

Test(submit, verdict_that_does_not_say_the_same_is_refused)
{
    FORGED(px, PX(11));
    FORGED(qty, SH(101));
    FORGED(side, OCT_SELL);
    FORGED(inst, 3);
    FORGED(strategy, 2);
    FORGED(account, 3);
    FORGED(intent_id, 1);
    FORGED(action, OCT_ACTION_CANCEL);
    FORGED(order_id, 99);
    FORGED(reason, OCT_RISK_HALTED);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 0);
}

Test(submit, approval_for_another_number_is_refused)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    uint64_t id;
    struct oct_verdict v = verdict_of(&i, &id);

    v.order_id = id + 1;
    v.approval_id = oct_approver_next(&r->approver, &i, id + 1);
    hand_over(&i, &v);
    cr_assert_eq(told()->reason, OCT_RISK_APPROVAL);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 0);
}

Test(submit, approvals_of_the_run_before_are_worth_nothing)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    struct oct_approver before = r->approver;
    uint64_t id;

    rig_start(r, 0, true);
    rig_mark(r, oct_execution_mark(r->x));
    rig_log_in(r, 1);
    struct oct_verdict v = verdict_of(&i, &id);
    v.approval_id = oct_approver_next(&before, &i, id);
    hand_over(&i, &v);
    cr_assert_eq(told()->reason, OCT_RISK_APPROVAL);
}

/* ---- refusals that order_ready foretells ----------------------------------------------------- */

Test(submit, without_a_session_there_are_no_orders)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);

    rig_session(r, OCT_VENUE_LOST, 0);
    refused(&i, OCT_RISK_SESSION);
    rig_session(r, OCT_VENUE_CONNECTED, 0);
    refused(&i, OCT_RISK_SESSION);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    i.intent_id++;
    uint64_t tx = r->tx_cnt;
    rig_submit(r, &i);
    cr_assert_eq(r->tx_cnt, tx, "not before the account is known");
    cr_assert_eq(told()->reason, OCT_RISK_SESSION);
    rig_account(r, 1);
    rig_submit(r, &i);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
}

Test(submit, number_is_used_only_when_its_reservation_is_on_disk)
{
    struct rig *b = rig_bare();

    b->cfg.mark_block = 4;
    rig_build(b);
    rig_start(b, 0, false);
    rig_log_in(b, 1);
    uint64_t mark = oct_execution_mark(b->x);
    cr_assert_eq(mark, 5);
    cr_assert_eq(rig_last(b, OCT_MARK, 0)->mark.mark, 5);
    rig_buy(b, 10, 100);
    cr_assert_eq(rig_last(b, OCT_ORDER_UPDATE, 0)->update.reason, OCT_RISK_RECORDER);
    rig_mark(b, 5);
    for (uint32_t n = 1; n <= 4; n++)
        cr_assert_eq(rig_ref(rig_buy(b, 10, 100)), n);
    cr_assert_eq(rig_counter(b, OCT_EXECUTION_SENT), 4);
    cr_assert_gt(oct_execution_mark(b->x), 5, "more was reserved ahead of need");
    rig_buy(b, 10, 100);
    cr_assert_eq(rig_counter(b, OCT_EXECUTION_SENT), 4);
    cr_assert_eq(rig_last(b, OCT_ORDER_UPDATE, 0)->update.reason, OCT_RISK_RECORDER);
    rig_mark(b, oct_execution_mark(b->x));
    rig_buy(b, 10, 100);
    cr_assert_eq(rig_counter(b, OCT_EXECUTION_SENT), 5);
    rig_free(b);
}

Test(submit, more_open_orders_than_the_table_takes_are_refused)
{
    for (int n = 0; n < 64; n++)
        rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 64);
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    refused(&i, OCT_RISK_FULL);
    uint64_t first = rig_tx(r, 63)->order_id;
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, rig_ref(first));
    rig_say(r, &v);
    rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 65);
}

Test(submit, number_whose_slot_is_taken_is_skipped)
{
    uint64_t old = rig_buy(r, 10, 100); /* number 1, in slot 1 of 256 */

    rig_accept(r, old);
    for (uint32_t n = 2; n <= 256; n++) {
        uint64_t id = rig_buy(r, 10, 100);
        cr_assert_eq(rig_ref(id), n);
        struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, n);
        rig_say(r, &v);
    }
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 258, "257 shares its slot with number 1");
    cr_assert_eq(rig_view(r, old).state, OCT_ORD_STATE_WORKING);
}

Test(submit, what_the_venue_has_no_field_for_is_refused)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 1000000);

    refused(&i, OCT_RISK_VENUE_FIELD);
    i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    i.px.v += 1;
    refused(&i, OCT_RISK_VENUE_FIELD);
    i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    i.inst = 1000; /* no such instrument: no symbol */
    refused(&i, OCT_RISK_VENUE_FIELD);
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 1, "no number was used up");
}

Test(submit, unknown_and_ended_orders_cannot_be_changed)
{
    static const uint8_t actions[] = {OCT_ACTION_REPLACE, OCT_ACTION_REDUCE, OCT_ACTION_CANCEL};
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    rig_fill(r, id, 300, 1);
    for (size_t n = 0; n < OCT_ARRAY_CNT(actions); n++) {
        struct oct_intent i = rig_intent(r, actions[n], OCT_BUY, 10, 200);
        i.order_id = id + 100;
        refused(&i, OCT_RISK_ORDER_UNKNOWN);
        i = rig_intent(r, actions[n], OCT_BUY, 10, 200);
        i.order_id = 0;
        refused(&i, OCT_RISK_ORDER_UNKNOWN);
        i = rig_intent(r, actions[n], OCT_BUY, 10, 200);
        i.order_id = id;
        refused(&i, OCT_RISK_ORDER_STATE);
    }
    cr_assert_eq(rig_view(r, id).state, OCT_ORD_STATE_FILLED);
}

Test(submit, replacement_must_keep_side_and_instrument_and_exceed_what_is_filled)
{
    uint64_t id = rig_buy(r, 10, 300);
    struct oct_intent i;

    rig_accept(r, id);
    rig_fill(r, id, 100, 1);
    i = rig_intent(r, OCT_ACTION_REPLACE, OCT_SELL, 10, 300), i.order_id = id;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_REPLACE, OCT_BUY, 10, 300), i.order_id = id, i.inst = 3;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_REPLACE, OCT_BUY, 10, 100), i.order_id = id;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_REPLACE, OCT_BUY, 10, 300), i.order_id = id, i.short_sale = 1;
    refused(&i, OCT_RISK_ORDER_STATE);
    cr_assert_eq(rig_view(r, id).state, OCT_ORD_STATE_WORKING);
    uint64_t id2 = rig_replace(r, id, 10, 101);
    cr_assert_eq(rig_view(r, id2).state, OCT_ORD_STATE_SENT);
}

Test(submit, one_change_at_a_time)
{
    uint64_t id = rig_buy(r, 10, 300);
    struct oct_intent i;

    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 400);
    i = rig_intent(r, OCT_ACTION_REPLACE, OCT_BUY, 12, 500), i.order_id = id;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_REPLACE, OCT_BUY, 12, 500), i.order_id = id2;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_REDUCE, OCT_BUY, 12, 200), i.order_id = id;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_REDUCE, OCT_BUY, 12, 200), i.order_id = id2;
    refused(&i, OCT_RISK_ORDER_STATE);
    rig_cancel(r, id);
    i = rig_intent(r, OCT_ACTION_CANCEL, OCT_BUY, 0, 0), i.order_id = id;
    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, OCT_ACTION_CANCEL, OCT_BUY, 0, 0), i.order_id = id2;
    refused(&i, OCT_RISK_ORDER_STATE);
}

Test(submit, reduction_must_lie_between_filled_and_total)
{
    uint64_t id = rig_buy(r, 10, 300);
    struct oct_intent i;

    rig_accept(r, id);
    rig_fill(r, id, 100, 1);
    static const int64_t bad[] = {0, 100, 300, 400};
    for (size_t n = 0; n < OCT_ARRAY_CNT(bad); n++) {
        i = rig_intent(r, OCT_ACTION_REDUCE, OCT_BUY, 10, bad[n]), i.order_id = id;
        refused(&i, OCT_RISK_ORDER_STATE);
    }
    rig_reduce(r, id, 101);
    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_REDUCE);
}

Test(submit, account_queries_and_unknown_actions_are_not_for_strategies)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_ACCOUNT_QUERY, OCT_BUY, 10, 100);

    refused(&i, OCT_RISK_ORDER_STATE);
    i = rig_intent(r, 99, OCT_BUY, 10, 100);
    refused(&i, OCT_RISK_ORDER_STATE);
}

Test(submit, one_step_sends_a_bounded_number_of_orders)
{
    struct rig *b = rig_bare();

    b->cfg.order_cnt_max = 1000;
    rig_build(b);
    rig_start(b, 0, false);
    rig_mark(b, oct_execution_mark(b->x));
    rig_log_in(b, 1);
    for (int n = 0; n < 200; n++) {
        b->input = 1000000; /* rig_submit counts up: the same step every time */
        rig_buy(b, 10, 100);
    }
    cr_assert_eq(rig_counter(b, OCT_EXECUTION_SENT), 96);
    cr_assert_eq(rig_last(b, OCT_ORDER_UPDATE, 0)->update.reason, OCT_RISK_RATE);
    rig_buy(b, 10, 100);
    cr_assert_eq(rig_counter(b, OCT_EXECUTION_SENT), 97);
    rig_free(b);
}

Test(submit, configuration_out_of_range_has_no_footprint)
{
    struct oct_execution_cfg good = r->cfg, c;

    cr_assert_neq(oct_execution_footprint(&good), 0);
    c = good, c.order_cnt_max = 0;
    cr_assert_eq(oct_execution_footprint(&c), 0);
    c = good, c.order_cnt_max = (1u << 20) + 1;
    cr_assert_eq(oct_execution_footprint(&c), 0);
    c = good, c.fill_cnt_max = 0;
    cr_assert_eq(oct_execution_footprint(&c), 0);
    c = good, c.mark_block = 1;
    cr_assert_eq(oct_execution_footprint(&c), 0);
    c = good, c.first_ref = 0;
    cr_assert_eq(oct_execution_footprint(&c), 0);
    c = good, c.retry_ns = 0;
    cr_assert_eq(oct_execution_footprint(&c), 0);
    c = good, c.tx.fn = NULL;
    cr_assert_null(oct_execution_new(r->mem, &c));
}
