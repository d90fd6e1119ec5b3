/* Sessions come and go; bytes do not leave; the kill word, the ladder and people speak. */
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

TestSuite(session, .init = up, .fini = down);

#define STATE(id, s) \
    cr_assert_eq(rig_view(r, id).state, OCT_ORD_STATE_##s, "state %u", rig_view(r, id).state)
#define OPEN(id, n) cr_assert_eq(rig_view(r, id).open.v, SH(n).v)

static uint32_t sent_of(uint8_t action)
{
    uint32_t n = 0;

    for (uint64_t i = 0; i < r->tx_cnt && i < RIG_RECS; i++)
        n += r->tx[i].action == action;
    return n;
}

/* ---- loss and login -------------------------------------------------------------------------- */

Test(session, orders_in_flight_become_unknown_and_keep_their_exposure)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 200);

    rig_accept(r, a);
    rig_session(r, OCT_VENUE_LOST, 0);
    STATE(a, WORKING);
    STATE(b, UNKNOWN);
    OPEN(b, 200);
    cr_assert_eq(rig_last(r, OCT_ORDER_UPDATE, 0)->update.order_id, b);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNKNOWN_NOW), 1);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNKNOWN_TOTAL), 1);
}

Test(session, order_that_never_arrived_is_closed_after_login)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 200);

    rig_accept(r, a);
    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, rig_ref(b));
    STATE(a, WORKING);
    STATE(b, CLOSED);
    OPEN(b, 0);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNKNOWN_NOW), 0);
    cr_assert_eq(sent_of(OCT_ACTION_NEW), 2, "nothing is sent twice");
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 3, "and no number is used twice");
}

Test(session, order_answered_in_the_replay_is_known_again)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 200);

    rig_session(r, OCT_VENUE_LOST, 0);
    STATE(a, UNKNOWN);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    rig_accept(r, a);
    rig_fill(r, a, 100, 1);
    rig_accept(r, b);
    STATE(a, FILLED);
    STATE(b, WORKING);
    rig_account(r, 3);
    STATE(b, WORKING);
    OPEN(b, 200);
}

Test(session, order_below_the_venues_number_without_an_answer_stays_unknown)
{
    uint64_t a = rig_buy(r, 10, 100);

    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 5);
    STATE(a, UNKNOWN);
    OPEN(a, 100);
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 5, "above what the venue has seen");
    /* the venue does answer, late */
    rig_accept(r, a);
    STATE(a, WORKING);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNKNOWN_NOW), 0);
}

Test(session, closed_too_early_comes_back_when_the_venue_accepts_it_after_all)
{
    uint64_t a = rig_buy(r, 10, 100);

    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 1);
    STATE(a, CLOSED);
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, 1);
    v.order_id = a;
    v.qty = SH(100);
    v.px = PX(10);
    rig_say(r, &v);
    STATE(a, WORKING);
    OPEN(a, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 1);
}

Test(session, closed_too_early_ends_rejected_when_the_venue_says_so_after_all)
{
    uint64_t id = rig_buy(r, 10, 100);

    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 1);
    STATE(id, CLOSED);
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, rig_ref(id));
    v.order_id = id;
    rig_say(r, &v);
    STATE(id, REJECTED);
    OPEN(id, 0);
}

Test(session, replacement_in_flight_at_a_loss_keeps_the_larger_size)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    uint64_t a2 = rig_replace(r, a, 11, 300);

    rig_session(r, OCT_VENUE_LOST, 0);
    STATE(a, REPLACE_PENDING);
    STATE(a2, UNKNOWN);
    OPEN(a, 100);
    OPEN(a2, 200);
    rig_log_in(r, 2); /* it never arrived */
    STATE(a, WORKING);
    STATE(a2, CLOSED);
    OPEN(a, 100);
}

Test(session, replacement_made_before_the_loss_shows_in_the_replay)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    uint64_t a2 = rig_replace(r, a, 11, 300);

    rig_session(r, OCT_VENUE_LOST, 0);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    rig_replaced(r, a, a2, 300);
    rig_account(r, 3);
    STATE(a, CLOSED);
    STATE(a2, WORKING);
    OPEN(a2, 300);
}

Test(session, unsent_order_and_its_replacement_are_closed_together)
{
    uint64_t a = rig_buy(r, 10, 100);
    uint64_t a2 = rig_replace(r, a, 11, 300);
    uint64_t b = rig_buy(r, 10, 100);

    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 1);
    STATE(a, CLOSED);
    STATE(a2, CLOSED);
    STATE(b, CLOSED);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 0);
}

Test(session, cancel_lost_with_the_session_is_sent_again)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    rig_cancel(r, a);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1);
    rig_session(r, OCT_VENUE_LOST, 0);
    STATE(a, CANCEL_PENDING);
    rig_log_in(r, 2);
    STATE(a, CANCEL_PENDING);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 2);
    rig_canceled(r, a, 100, 'U');
    STATE(a, CANCELLED);
}

Test(session, reduction_lost_with_the_session_leaves_the_order_working)
{
    uint64_t a = rig_buy(r, 10, 300);
    rig_accept(r, a);
    rig_reduce(r, a, 100);
    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 2);
    STATE(a, WORKING);
    OPEN(a, 300);
}

Test(session, cancel_asked_for_without_a_session_goes_out_with_the_next)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    rig_session(r, OCT_VENUE_LOST, 0);
    rig_cancel(r, a);
    STATE(a, CANCEL_PENDING);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 0);
    rig_log_in(r, 2);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1);
}

Test(session, cancel_on_disconnect_cancels_whatever_is_open_after_login)
{
    struct rig *b = rig_bare();

    b->cfg.cancel_on_disconnect = true;
    rig_build(b);
    rig_free(r);
    r = b;
    rig_start(r, 0, false);
    rig_mark(r, oct_execution_mark(r->x));
    rig_log_in(r, 1);
    uint64_t a = rig_buy(r, 10, 100), c = rig_buy(r, 10, 100), d = rig_buy(r, 10, 100);
    rig_accept(r, a);
    rig_accept(r, c);
    rig_session(r, OCT_VENUE_LOST, 0);
    STATE(a, CANCEL_PENDING);
    STATE(d, UNKNOWN);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    rig_canceled(r, c, 100, 'Z'); /* the venue did it itself */
    rig_account(r, 3);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1);
    cr_assert_eq(rig_tx(r, 0)->order_id, a);
    STATE(c, CANCELLED);
    STATE(d, CLOSED);
}

/* ---- questions ------------------------------------------------------------------------------- */

Test(session, stale_answer_in_the_replay_is_not_taken_for_ours)
{
    uint64_t a = rig_buy(r, 10, 100);

    rig_session(r, OCT_VENUE_LOST, 0);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1); /* asked; lost before the answer */
    rig_session(r, OCT_VENUE_LOST, 0);
    uint64_t q = rig_counter(r, OCT_EXECUTION_QUERIES_SENT);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_QUERIES_SENT), q + 1);
    rig_account(r, 1); /* may be the answer to the first question */
    STATE(a, UNKNOWN);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_QUERIES_SENT), q + 2, "so it is asked again");
    rig_accept(r, a);
    rig_account(r, 2);
    STATE(a, WORKING);
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 2);
}

Test(session, lost_questions_do_not_pile_up)
{
    for (int i = 0; i < 50; i++) {
        rig_session(r, OCT_VENUE_LOST, 0);
        rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    }
    uint64_t q = rig_counter(r, OCT_EXECUTION_QUERIES_SENT);
    cr_assert_eq(q, 51, "one a login");
    while (rig_counter(r, OCT_EXECUTION_SENT) == 0 && q < 200) {
        rig_account(r, 1);
        rig_buy(r, 10, 100);
        q++;
    }
    cr_assert_leq(rig_counter(r, OCT_EXECUTION_QUERIES_SENT), 102);
    rig_accept(r, rig_tx(r, 0)->order_id);
    /* an answer to a new order shows that none of them is still to come */
    rig_session(r, OCT_VENUE_LOST, 0);
    q = rig_counter(r, OCT_EXECUTION_QUERIES_SENT);
    rig_log_in(r, 2);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_QUERIES_SENT), q + 1);
}

Test(session, venue_with_a_past_and_no_journal_is_asked_after_a_quiet_time)
{
    struct rig *b = rig_bare();

    rig_build(b);
    rig_free(r);
    r = b;
    rig_start(r, 0, false);
    rig_mark(r, oct_execution_mark(r->x));
    rig_session(r, OCT_VENUE_LOGGED_IN, 1);
    struct oct_ven v = rig_ven(r, OCT_VEN_SYSTEM, 0);
    rig_say(r, &v);
    rig_account(r, 1); /* of a run we know nothing of */
    uint64_t mine = rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
    v = rig_ven(r, OCT_VEN_ACCEPTED, 7);
    v.order_id = UINT64_C(0x0100375400000007);
    v.qty = SH(100);
    v.px = PX(10);
    memcpy(v.symbol.c, "AAA     ", 8);
    rig_say(r, &v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_ADOPTED), 1);
    STATE(mine, UNKNOWN); /* the venue may have taken its number for an old one */
    rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
    rig_time(r, r->cfg.settle_ns / 2);
    rig_account(r, 8);
    rig_time(r, r->cfg.settle_ns / 2); /* not quiet for long enough */
    uint64_t q = rig_counter(r, OCT_EXECUTION_QUERIES_SENT);
    rig_time(r, r->cfg.settle_ns);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_QUERIES_SENT), q + 1);
    rig_account(r, 8);
    rig_mark(r, oct_execution_mark(r->x));
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 8);
    STATE(mine, UNKNOWN);
}

Test(session, question_that_could_not_be_sent_is_asked_again)
{
    rig_session(r, OCT_VENUE_LOST, 0);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    uint64_t q = rig_counter(r, OCT_EXECUTION_QUERIES_SENT);
    rig_failed(r, 0, OCT_ACTION_ACCOUNT_QUERY);
    rig_time(r, r->cfg.retry_ns);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_QUERIES_SENT), q + 1);
    rig_account(r, 1);
    rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), 1);
}

Test(session, end_of_session_and_rejected_login_stop_orders)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_session(r, OCT_VENUE_ENDED, r->seq + 1);
    STATE(a, UNKNOWN);
    rig_session(r, OCT_VENUE_LOGIN_REJECTED, 0);
    uint64_t sent = rig_counter(r, OCT_EXECUTION_SENT);
    rig_buy(r, 10, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_SENT), sent);
}

/* ---- bytes that did not leave ---------------------------------------------------------------- */

Test(session, order_whose_bytes_did_not_leave_is_closed)
{
    uint64_t a = rig_buy(r, 10, 100);

    rig_failed(r, a, OCT_ACTION_NEW);
    STATE(a, CLOSED);
    OPEN(a, 0);
    cr_assert_eq(rig_last(r, OCT_ORDER_UPDATE, 0)->update.reason, OCT_RISK_SESSION);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_NOT_SENT), 1);
    a = rig_buy(r, 10, 100);
    rig_failed(r, a, 0); /* the lane need not say what it was */
    STATE(a, CLOSED);
}

Test(session, replacement_whose_bytes_did_not_leave_gives_the_old_order_back)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    uint64_t a2 = rig_replace(r, a, 11, 300);

    rig_failed(r, a2, 0);
    STATE(a2, CLOSED);
    STATE(a, WORKING);
    OPEN(a, 100);
}

Test(session, cancel_whose_bytes_did_not_leave_is_tried_again)
{
    static const uint8_t said[] = {0, OCT_ACTION_CANCEL};

    for (int n = 0; n < 2; n++) {
        uint64_t a = rig_buy(r, 10, 100);
        rig_accept(r, a);
        rig_cancel(r, a);
        uint32_t before = sent_of(OCT_ACTION_CANCEL);
        rig_failed(r, a, said[n]);
        STATE(a, CANCEL_PENDING);
        OPEN(a, 100);
        rig_time(r, r->cfg.retry_ns / 2);
        cr_assert_eq(sent_of(OCT_ACTION_CANCEL), before);
        rig_time(r, r->cfg.retry_ns);
        cr_assert_eq(sent_of(OCT_ACTION_CANCEL), before + 1);
        rig_canceled(r, a, 100, 'U');
        STATE(a, CANCELLED);
    }
}

Test(session, reduction_whose_bytes_did_not_leave_is_forgotten)
{
    uint64_t a = rig_buy(r, 10, 300);
    rig_accept(r, a);
    rig_reduce(r, a, 100);
    rig_failed(r, a, OCT_ACTION_REDUCE);
    STATE(a, WORKING);
    OPEN(a, 300);
}

Test(session, failure_said_of_a_live_order_or_of_none_changes_nothing)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    rig_failed(r, a, OCT_ACTION_NEW);
    STATE(a, WORKING);
    OPEN(a, 100);
    rig_failed(r, 12345, OCT_ACTION_NEW);
    rig_failed(r, a, OCT_ACTION_CANCEL);
    STATE(a, WORKING);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNEXPECTED), 1);
}

Test(session, cancel_never_leaves_in_the_step_of_its_order)
{
    r->input = 5000;
    uint64_t a = rig_buy(r, 10, 100);
    r->input = 5000;
    rig_cancel(r, a);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 0);
    STATE(a, CANCEL_PENDING);
    rig_time(r, 1);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1);
}

/* ---- kill, ladder, commands ------------------------------------------------------------------ */

static void kill_word(uint64_t bits, uint64_t unsent_from)
{
    struct oct_in_kill m = {OCT_MSG_HDR(IN_KILL, in_kill), .bits = bits,
                            .unsent_from = unsent_from};
    rig_msg(r, &m.hdr);
}

Test(session, kill_closes_what_was_withheld_and_cancels_the_rest)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 100);
    rig_accept(r, a);
    uint64_t c = rig_buy(r, 10, 100), d = rig_buy(r, 10, 100);

    kill_word(1, c);
    STATE(a, CANCEL_PENDING);
    STATE(b, CANCEL_PENDING);
    STATE(c, CLOSED);
    STATE(d, CLOSED);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 2);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_NOT_SENT), 2);
}

Test(session, withheld_replacement_gives_the_old_order_back_and_cancels_it)
{
    uint64_t a = rig_buy(r, 10, 100);
    rig_accept(r, a);
    uint64_t a2 = rig_replace(r, a, 11, 300);

    kill_word(1, a2);
    STATE(a2, CLOSED);
    STATE(a, CANCEL_PENDING);
    OPEN(a, 100);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1);
}

Test(session, kill_of_one_strategy_leaves_the_others)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    uint64_t a = rig_buy(r, 10, 100);
    i.strategy = 7;
    uint64_t b = rig_submit(r, &i);
    struct oct_intent j = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    j.account = 31;
    uint64_t c = rig_submit(r, &j);

    kill_word(UINT64_C(1) << (1 + 7), a); /* withheld from a on, but only strategy 7's */
    STATE(a, SENT);
    STATE(b, CLOSED);
    STATE(c, SENT);
    kill_word(UINT64_C(1) << 63, 0);
    STATE(a, SENT);
    STATE(c, CANCEL_PENDING);
}

Test(session, killing_a_thousand_orders_takes_several_steps_and_reaches_all)
{
    struct rig *b = rig_bare();
    static uint64_t ids[1000];

    b->cfg.order_cnt_max = 1000;
    rig_build(b);
    rig_free(r);
    r = b;
    rig_start(r, 0, false);
    rig_mark(r, 5000);
    rig_log_in(r, 1);
    for (int n = 0; n < 1000; n++)
        rig_accept(r, ids[n] = rig_buy(r, 10, 100));
    uint64_t before = r->tx_cnt;
    kill_word(1, 0);
    cr_assert_leq(r->tx_cnt - before, 200, "one step must not send more than the lane can take");
    for (int n = 0; n < 1000; n++)
        STATE(ids[n], CANCEL_PENDING);
    for (int n = 0; n < 20; n++)
        rig_time(r, 10);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1000);
    for (int n = 0; n < 1000; n++)
        rig_canceled(r, ids[n], 100, 'U');
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 0);
    rig_time(r, 10);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 1000);
}

Test(session, ladder_cancels_within_its_scope)
{
    struct oct_ladder m = {OCT_MSG_HDR(LADDER, ladder), .state = OCT_LADDER_HALTED,
                           .scope = OCT_SCOPE_FIRM};
    uint64_t a = rig_buy(r, 10, 100);

    rig_accept(r, a);
    rig_msg(r, &m.hdr);
    STATE(a, WORKING);
    m.state = OCT_LADDER_KILLED;
    m.scope = OCT_SCOPE_STRATEGY;
    m.strategy = 4;
    rig_msg(r, &m.hdr);
    STATE(a, WORKING);
    m.strategy = 3;
    rig_msg(r, &m.hdr);
    STATE(a, CANCEL_PENDING);
}

static uint8_t command(uint16_t cmd, uint64_t order_id, uint8_t scope, uint32_t inst)
{
    struct oct_in_cmd m = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd_id = 99,   .cmd = cmd,
                           .order_id = order_id,        .scope = scope, .inst = inst};
    rig_msg(r, &m.hdr);
    const struct oct_cmd_result *res = &rig_last(r, OCT_CMD_RESULT, 0)->result;
    cr_assert_eq(res->cmd_id, 99);
    cr_assert_eq(res->cmd, cmd);
    return res->result;
}

Test(session, people_cancel_one_order_or_many)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 100);
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    i.inst = 5;
    uint64_t c = rig_submit(r, &i);

    cr_assert_eq(command(OCT_CMD_CANCEL, a, 0, 0), OCT_CMD_RESULT_DONE);
    STATE(a, CANCEL_PENDING);
    cr_assert_eq(command(OCT_CMD_CANCEL, 777, 0, 0), OCT_CMD_RESULT_NOT_FOUND);
    cr_assert_eq(command(OCT_CMD_CANCEL_ALL, 0, OCT_SCOPE_INSTRUMENT, 2), OCT_CMD_RESULT_DONE);
    STATE(b, CANCEL_PENDING);
    STATE(c, SENT);
    cr_assert_eq(command(OCT_CMD_CANCEL_ALL, 0, 9, 2), OCT_CMD_RESULT_BAD_VALUE);
    cr_assert_eq(command(OCT_CMD_CANCEL_ALL, 0, OCT_SCOPE_FIRM, 0), OCT_CMD_RESULT_DONE);
    STATE(c, CANCEL_PENDING);
    rig_canceled(r, a, 100, 'U');
    cr_assert_eq(command(OCT_CMD_CANCEL, a, 0, 0), OCT_CMD_RESULT_WRONG_STATE);
    cr_assert_eq(sent_of(OCT_ACTION_CANCEL), 3);
}

Test(session, person_reconciles_an_unknown_order)
{
    uint64_t a = rig_buy(r, 10, 100);

    cr_assert_eq(command(OCT_CMD_RECONCILE, a, 0, 0), OCT_CMD_RESULT_WRONG_STATE);
    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 2);
    STATE(a, UNKNOWN);
    cr_assert_eq(command(OCT_CMD_RECONCILE, a, 0, 0), OCT_CMD_RESULT_DONE);
    STATE(a, CLOSED);
    OPEN(a, 0);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_RECONCILED), 1);
    cr_assert_eq(command(OCT_CMD_RECONCILE, 777, 0, 0), OCT_CMD_RESULT_NOT_FOUND);
    /* a fill that is reported after all still counts */
    rig_fill(r, a, 100, 1);
    cr_assert_eq(rig_last(r, OCT_FILL, 0)->fill.qty.v, SH(100).v);
}

Test(session, commands_of_others_are_not_answered)
{
    struct oct_in_cmd m = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = OCT_CMD_HALT};
    uint64_t recs = r->rec_cnt;

    rig_msg(r, &m.hdr);
    cr_assert_eq(r->rec_cnt, recs);
}

Test(session, same_inputs_give_the_same_digest_and_any_other_does_not)
{
    struct rig *b = rig_new();

    cr_assert_eq(oct_execution_digest(r->x), oct_execution_digest(b->x));
    rig_buy(r, 10, 100);
    cr_assert_neq(oct_execution_digest(r->x), oct_execution_digest(b->x));
    rig_buy(b, 10, 100);
    cr_assert_eq(oct_execution_digest(r->x), oct_execution_digest(b->x));
    rig_fill(r, rig_tx(r, 0)->order_id, 1, 1);
    rig_fill(b, rig_tx(b, 0)->order_id, 1, 2);
    cr_assert_neq(oct_execution_digest(r->x), oct_execution_digest(b->x));
    rig_free(b);
}
