/* The life of an order: every transition, and every refusal. */
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

TestSuite(orders, .init = up, .fini = down);

#define STATE(id, s) \
    cr_assert_eq(rig_view(r, id).state, OCT_ORD_STATE_##s, "state %u", rig_view(r, id).state)
#define OPEN(id, n) \
    cr_assert_eq(rig_view(r, id).open.v, SH(n).v, "open %ld", (long)rig_view(r, id).open.v)

static const struct oct_order_update *told(uint32_t n)
{
    return &rig_last(r, OCT_ORDER_UPDATE, n)->update;
}

Test(orders, new_order_goes_out_with_all_its_fields_and_is_told_as_sent)
{
    uint64_t id = rig_buy(r, 10, 300);
    const struct oct_order *o = rig_tx(r, 0);

    cr_assert_eq(o->order_id, id);
    cr_assert_eq(id >> 56, 1);
    cr_assert_eq(id >> 44 & 0xfff, 3);
    cr_assert_eq(id >> 32 & 0xfff, 18260 & 0xfff, "days since 1970 of 2019-12-30");
    cr_assert_eq((uint32_t)id, 1);
    cr_assert_eq(o->user_ref, 1);
    cr_assert_eq(o->action, OCT_ACTION_NEW);
    cr_assert_eq(memcmp(o->symbol.c, "CCC     ", 8), 0);
    cr_assert_eq(o->px.v, PX(10).v);
    cr_assert_eq(o->qty.v, SH(300).v);
    cr_assert_eq(o->intent_id, r->intent_id);
    cr_assert_neq(o->approval_id, 0);
    cr_assert_eq(o->feed_seq, 9);
    cr_assert_eq(o->strategy, 3);
    cr_assert_eq(o->account, 4);
    cr_assert_eq(memcmp(&rig_last(r, OCT_ORDER, 0)->order, o, sizeof *o), 0,
                 "the record and what is sent are the same");
    cr_assert_eq(told(0)->state, OCT_ORD_STATE_SENT);
    cr_assert_eq(told(0)->prev_state, OCT_ORD_STATE_NONE);
    cr_assert_eq(told(0)->open.v, SH(300).v);
    cr_assert_eq(told(0)->event, 0);
    STATE(id, SENT);
    OPEN(id, 300);
    cr_assert_eq(r->risk_cnt, 1);
    cr_assert_eq(r->strategy_cnt, 1);
}

Test(orders, numbers_only_grow)
{
    for (uint32_t n = 1; n <= 10; n++)
        cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), n);
}

Test(orders, accepted_filled_in_parts_and_done)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    STATE(id, WORKING);
    cr_assert_eq(told(0)->venue_ref, 1001);
    cr_assert_eq(told(0)->event, OCT_VEN_ACCEPTED);
    rig_fill(r, id, 100, 7);
    STATE(id, WORKING);
    OPEN(id, 200);
    cr_assert_eq(rig_view(r, id).filled.v, SH(100).v);
    const struct oct_fill *f = &rig_last(r, OCT_FILL, 0)->fill;
    cr_assert_eq(f->order_id, id);
    cr_assert_eq(f->match_id, 7);
    cr_assert_eq(f->qty.v, SH(100).v);
    cr_assert_eq(f->px.v, PX(10).v);
    cr_assert_eq(f->side, OCT_BUY);
    cr_assert_eq(f->strategy, 3);
    cr_assert_eq(f->account, 4);
    cr_assert_eq(f->inst, 2);
    cr_assert_eq(f->liquidity, 'A');
    cr_assert_eq(f->broken, 0);
    rig_fill(r, id, 200, 8);
    STATE(id, FILLED);
    OPEN(id, 0);
    cr_assert_eq(told(0)->prev_state, OCT_ORD_STATE_WORKING);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 0);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_FILLS), 2);
}

Test(orders, venue_may_accept_less_and_at_a_better_price)
{
    uint64_t id = rig_buy(r, 10, 300);
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, 1);

    v.order_id = id;
    v.qty = SH(200);
    v.px = PX(9);
    rig_say(r, &v);
    STATE(id, WORKING);
    OPEN(id, 200);
    cr_assert_eq(rig_view(r, id).px.v, PX(9).v);
    cr_assert_eq(rig_view(r, id).qty.v, SH(200).v);
}

Test(orders, accepted_dead_is_cancelled)
{
    uint64_t id = rig_buy(r, 10, 300);
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, 1);

    v.qty = SH(300);
    v.px = PX(10);
    v.order_state = 'D';
    rig_say(r, &v);
    STATE(id, CANCELLED);
    OPEN(id, 0);
}

Test(orders, rejected_has_no_exposure_and_tells_the_reason)
{
    uint64_t id = rig_buy(r, 10, 300);
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, 1);

    v.reason = 0x17;
    rig_say(r, &v);
    STATE(id, REJECTED);
    OPEN(id, 0);
    cr_assert_eq(told(0)->reason, 0x17);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_REJECTED), 1);
}

Test(orders, immediate_order_ends_with_the_venues_cancel)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_SELL, 10, 300);
    i.tif = OCT_TIF_IOC;
    uint64_t id = rig_submit(r, &i);

    cr_assert_eq(rig_tx(r, 0)->tif, OCT_TIF_IOC);
    rig_accept(r, id);
    rig_fill(r, id, 100, 1);
    rig_canceled(r, id, 200, 'I');
    STATE(id, CANCELLED);
    OPEN(id, 0);
    cr_assert_eq(rig_view(r, id).filled.v, SH(100).v);
    cr_assert_eq(rig_view(r, id).qty.v, SH(100).v);
}

Test(orders, market_order_keeps_its_zero_price)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, 0, 100);
    i.ord_type = OCT_ORD_MARKET;
    uint64_t id = rig_submit(r, &i);
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, 1);

    v.qty = SH(100);
    v.px = (oct_px){INT64_C(214748364700000)};
    rig_say(r, &v);
    STATE(id, WORKING);
    cr_assert_eq(rig_view(r, id).px.v, 0);
}

/* ---- cancel, reduce -------------------------------------------------------------------------- */

Test(orders, cancel_is_pending_until_the_venue_confirms)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    rig_cancel(r, id);
    STATE(id, CANCEL_PENDING);
    OPEN(id, 300);
    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_CANCEL);
    cr_assert_eq(rig_tx(r, 0)->user_ref, 1);
    cr_assert_eq(rig_tx(r, 0)->order_id, id);
    rig_fill(r, id, 100, 1);
    STATE(id, CANCEL_PENDING);
    OPEN(id, 200);
    rig_canceled(r, id, 200, 'U');
    STATE(id, CANCELLED);
    OPEN(id, 0);
}

Test(orders, cancel_before_the_order_is_accepted)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_cancel(r, id);
    STATE(id, CANCEL_PENDING);
    rig_accept(r, id);
    STATE(id, CANCEL_PENDING);
    rig_canceled(r, id, 300, 'U');
    STATE(id, CANCELLED);
}

Test(orders, fill_may_win_the_race_against_a_cancel)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    rig_cancel(r, id);
    rig_fill(r, id, 300, 1);
    STATE(id, FILLED);
}

Test(orders, partial_cancel_leaves_the_rest_working)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    rig_fill(r, id, 50, 1);
    rig_canceled(r, id, 100, 'S');
    STATE(id, WORKING);
    OPEN(id, 150);
    cr_assert_eq(rig_view(r, id).qty.v, SH(200).v);
    cr_assert_eq(told(0)->reason, 'S');
}

Test(orders, reduce_goes_out_as_the_new_total_and_comes_back_to_working)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    rig_fill(r, id, 50, 1);
    rig_reduce(r, id, 200);
    STATE(id, CANCEL_PENDING);
    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_REDUCE);
    cr_assert_eq(rig_tx(r, 0)->qty.v, SH(200).v);
    OPEN(id, 250);
    rig_canceled(r, id, 100, 'U');
    STATE(id, WORKING);
    OPEN(id, 150);
    cr_assert_eq(rig_view(r, id).qty.v, SH(200).v);
}

Test(orders, cancel_may_follow_a_reduction_in_flight)
{
    uint64_t id = rig_buy(r, 10, 300);

    rig_accept(r, id);
    rig_reduce(r, id, 200);
    rig_cancel(r, id);
    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_CANCEL);
    rig_canceled(r, id, 100, 'U');
    STATE(id, CANCEL_PENDING);
    rig_canceled(r, id, 200, 'U');
    STATE(id, CANCELLED);
}

Test(orders, cancel_reject_puts_a_reduction_back_to_working)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    rig_reduce(r, id, 200);
    struct oct_ven v = rig_ven(r, OCT_VEN_CANCEL_REJECT, 1);

    rig_say(r, &v);
    STATE(id, WORKING);
    OPEN(id, 300);
}

Test(orders, cancel_held_back_by_the_venue_stays_pending)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    rig_cancel(r, id);
    struct oct_ven v = rig_ven(r, OCT_VEN_CANCEL_PENDING, 1);

    rig_say(r, &v);
    STATE(id, CANCEL_PENDING);
    rig_session(r, OCT_VENUE_LOST, 0);
    rig_log_in(r, 2);
    STATE(id, CANCEL_PENDING);
    rig_canceled(r, id, 300, 'U');
    STATE(id, CANCELLED);
}

Test(orders, self_match_prevention_uses_up_shares_of_the_chain)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    struct oct_ven v = rig_ven(r, OCT_VEN_AIQ_CANCELED, 1);

    v.qty = SH(100);
    v.reason = 'Q';
    rig_say(r, &v);
    STATE(id, WORKING);
    OPEN(id, 200);
    cr_assert_eq(rig_view(r, id).qty.v, SH(300).v);
    /* 400 liable in total: 100 used up, so 300 to stay open */
    uint64_t id2 = rig_replace(r, id, 10, 400);
    cr_assert_eq(rig_view(r, id).open.v + rig_view(r, id2).open.v, SH(300).v);
}

/* ---- replace --------------------------------------------------------------------------------- */

Test(orders, replacement_in_flight_counts_the_larger_of_both_sizes)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 500);

    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_REPLACE);
    cr_assert_eq(rig_tx(r, 0)->user_ref, 2);
    cr_assert_eq(rig_tx(r, 0)->orig_user_ref, 1);
    cr_assert_eq(rig_tx(r, 0)->orig_order_id, id);
    STATE(id, REPLACE_PENDING);
    STATE(id2, SENT);
    cr_assert_eq(rig_view(r, id).pending_id, id2);
    OPEN(id, 300);
    OPEN(id2, 200);
    rig_fill(r, id, 100, 1);
    OPEN(id, 200);
    OPEN(id2, 200);
    rig_replaced(r, id, id2, 400);
    STATE(id, CLOSED);
    STATE(id2, WORKING);
    OPEN(id, 0);
    OPEN(id2, 400);
    cr_assert_eq(rig_view(r, id2).filled.v, SH(100).v);
    cr_assert_eq(rig_view(r, id2).qty.v, SH(500).v);
    /* told in this order: the new one takes over before the old one lets go */
    cr_assert_eq(told(1)->order_id, id2);
    cr_assert_eq(told(0)->order_id, id);
    rig_fill(r, id2, 400, 2);
    STATE(id2, FILLED);
}

Test(orders, smaller_replacement_adds_nothing_until_it_is_answered)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 9, 100);

    OPEN(id, 300);
    OPEN(id2, 0);
    rig_replaced(r, id, id2, 100);
    OPEN(id, 0);
    OPEN(id2, 100);
}

Test(orders, rejected_replacement_gives_the_old_order_back)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 500);
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, 2);

    v.reason = 0x15;
    rig_say(r, &v);
    STATE(id2, REJECTED);
    OPEN(id2, 0);
    STATE(id, WORKING);
    OPEN(id, 300);
    cr_assert_eq(rig_view(r, id).pending_id, 0);
}

Test(orders, replacement_of_an_order_that_ends_is_closed)
{
    uint64_t a = rig_buy(r, 10, 300);
    rig_accept(r, a);
    uint64_t a2 = rig_replace(r, a, 11, 500);
    rig_fill(r, a, 300, 1);
    STATE(a, FILLED);
    STATE(a2, CLOSED);
    OPEN(a2, 0);

    uint64_t b = rig_buy(r, 10, 300);
    rig_accept(r, b);
    uint64_t b2 = rig_replace(r, b, 11, 500);
    rig_canceled(r, b, 300, 'Z'); /* invalid replacement: the venue takes the order out */
    STATE(b, CANCELLED);
    STATE(b2, CLOSED);

    uint64_t c = rig_buy(r, 10, 300);
    uint64_t c2 = rig_replace(r, c, 11, 500); /* before it is accepted */
    STATE(c, REPLACE_PENDING);
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, rig_ref(c));
    rig_say(r, &v);
    STATE(c, REJECTED);
    STATE(c2, CLOSED);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 0);
}

Test(orders, partial_cancel_during_a_replacement_moves_exposure_to_the_new_order)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 400);
    rig_canceled(r, id, 100, 'S');
    OPEN(id, 200);
    OPEN(id2, 200);
    STATE(id, REPLACE_PENDING);
}

Test(orders, replaced_dead_leaves_nothing)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 500);
    struct oct_ven v = rig_ven(r, OCT_VEN_REPLACED, 2);

    v.orig_user_ref = 1;
    v.order_id = id2;
    v.qty = SH(500);
    v.px = PX(11);
    v.order_state = 'D';
    rig_say(r, &v);
    STATE(id, CLOSED);
    STATE(id2, CANCELLED);
    OPEN(id2, 0);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 0);
}

Test(orders, late_fill_on_a_replaced_number_counts_once_and_within_the_chain)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 300);
    rig_replaced(r, id, id2, 300);
    uint64_t id3 = rig_replace(r, id2, 12, 300);
    rig_replaced(r, id2, id3, 300);
    rig_fill(r, id, 100, 1);
    cr_assert_eq(rig_last(r, OCT_FILL, 0)->fill.order_id, id);
    STATE(id, CLOSED);
    STATE(id3, WORKING);
    OPEN(id3, 200);
    cr_assert_eq(rig_view(r, id3).filled.v, SH(100).v);
    rig_fill(r, id3, 200, 2);
    STATE(id3, FILLED);
}

Test(orders, cancel_during_a_replacement_goes_out_for_both_numbers)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    uint64_t id2 = rig_replace(r, id, 11, 500);
    rig_cancel(r, id);
    cr_assert_eq(rig_tx(r, 1)->order_id, id);
    cr_assert_eq(rig_tx(r, 0)->order_id, id2);
    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_CANCEL);
    STATE(id, CANCEL_PENDING);
    STATE(id2, CANCEL_PENDING);
    rig_replaced(r, id, id2, 500);
    STATE(id, CLOSED);
    STATE(id2, CANCEL_PENDING);
    OPEN(id2, 500);
    rig_canceled(r, id2, 500, 'U');
    STATE(id2, CANCELLED);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OPEN), 0);
    /* and the same by the name of the replacement, which the venue rejects */
    uint64_t b = rig_buy(r, 10, 300);
    rig_accept(r, b);
    uint64_t b2 = rig_replace(r, b, 11, 500);
    rig_cancel(r, b2);
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, rig_ref(b2));
    rig_say(r, &v);
    STATE(b2, REJECTED);
    STATE(b, CANCEL_PENDING);
    OPEN(b, 300);
    rig_canceled(r, b, 300, 'U');
    STATE(b, CANCELLED);
}

/* ---- broken trades, changes by the venue ----------------------------------------------------- */

Test(orders, broken_trade_is_undone_once)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    rig_fill(r, id, 100, 7);
    rig_fill(r, id, 200, 8);
    struct oct_ven v = rig_ven(r, OCT_VEN_BROKEN, 1);

    v.match_id = 7;
    v.reason = 'E';
    rig_say(r, &v);
    const struct oct_fill *f = &rig_last(r, OCT_FILL, 0)->fill;
    cr_assert_eq(f->broken, 1);
    cr_assert_eq(f->match_id, 7);
    cr_assert_eq(f->qty.v, SH(100).v);
    cr_assert_eq(rig_view(r, id).filled.v, SH(200).v);
    STATE(id, FILLED);
    v = rig_ven(r, OCT_VEN_BROKEN, 1);
    v.match_id = 7;
    rig_say(r, &v);
    cr_assert_eq(rig_view(r, id).filled.v, SH(200).v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNATTRIBUTED), 1);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_BROKEN), 1);
}

Test(orders, breaking_a_forgotten_fill_is_told_as_unattributed)
{
    uint64_t id = rig_buy(r, 10, 5000);
    rig_accept(r, id);
    for (uint64_t m = 1; m <= 1025; m++)
        rig_fill(r, id, 1, m);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_FILLS_FORGOTTEN), 1);
    struct oct_ven v = rig_ven(r, OCT_VEN_BROKEN, 1);
    v.match_id = 1;
    rig_say(r, &v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNATTRIBUTED), 1);
    v = rig_ven(r, OCT_VEN_BROKEN, 1);
    v.match_id = 2;
    rig_say(r, &v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_BROKEN), 1);
    cr_assert_eq(rig_view(r, id).filled.v, SH(1024).v);
}

Test(orders, priority_modification_and_restatement_change_what_they_say)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    struct oct_ven v = rig_ven(r, OCT_VEN_PRIORITY, 1);

    v.px = PX(9);
    v.venue_ref = 77;
    rig_say(r, &v);
    cr_assert_eq(rig_view(r, id).px.v, PX(9).v);
    cr_assert_eq(told(0)->venue_ref, 77);
    v = rig_ven(r, OCT_VEN_RESTATED, 1);
    v.reason = 'R';
    rig_say(r, &v);
    cr_assert_eq(told(0)->venue_ref, 77);
    cr_assert_eq(told(0)->reason, 'R');
    v = rig_ven(r, OCT_VEN_MODIFIED, 1);
    v.qty = SH(120);
    rig_say(r, &v);
    OPEN(id, 120);
    STATE(id, WORKING);
    v = rig_ven(r, OCT_VEN_MODIFIED, 1);
    v.qty = SH(0);
    rig_say(r, &v);
    STATE(id, CANCELLED);
}

/* ---- what does not fit ----------------------------------------------------------------------- */

Test(orders, message_seen_before_changes_nothing)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    struct oct_ven v = rig_ven(r, OCT_VEN_EXECUTED, 1);
    v.qty = SH(100);
    v.px = PX(10);
    rig_say(r, &v);
    uint64_t recs = r->rec_cnt;
    rig_say(r, &v);
    cr_assert_eq(r->rec_cnt, recs);
    OPEN(id, 200);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_DUPLICATES), 1);
}

Test(orders, missing_messages_are_counted)
{
    rig_buy(r, 10, 300);
    r->seq++;
    rig_accept(r, rig_view(r, rig_tx(r, 0)->order_id).order_id);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_GAPS), 1);
}

Test(orders, execution_beyond_what_is_open_is_believed_and_counted)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    rig_fill(r, id, 400, 1);
    STATE(id, FILLED);
    cr_assert_eq(rig_view(r, id).filled.v, SH(400).v);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_OVERFILLS), 1);
    rig_fill(r, id, 100, 2);
    cr_assert_eq(rig_view(r, id).filled.v, SH(500).v);
    cr_assert_eq(rig_last(r, OCT_FILL, 0)->fill.qty.v, SH(100).v);
}

Test(orders, messages_that_do_not_fit_the_state_are_counted_and_ignored)
{
    static const enum oct_ven_event events[] = {
        OCT_VEN_ACCEPTED,     OCT_VEN_REJECTED,       OCT_VEN_CANCELED,
        OCT_VEN_AIQ_CANCELED, OCT_VEN_CANCEL_PENDING, OCT_VEN_CANCEL_REJECT,
        OCT_VEN_PRIORITY,     OCT_VEN_MODIFIED,       OCT_VEN_RESTATED};
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    rig_fill(r, id, 300, 1);
    for (size_t i = 0; i < OCT_ARRAY_CNT(events); i++) {
        struct oct_ven v = rig_ven(r, events[i], 1);
        v.order_id = id;
        v.qty = SH(10);
        uint64_t recs = r->rec_cnt;
        rig_say(r, &v);
        STATE(id, FILLED);
        OPEN(id, 0);
        cr_assert_eq(r->rec_cnt, recs, "event %u", events[i]);
    }
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNEXPECTED), OCT_ARRAY_CNT(events));
}

Test(orders, messages_of_no_order_are_counted_and_told_to_the_output_only)
{
    static const enum oct_ven_event events[] = {
        OCT_VEN_REJECTED,       OCT_VEN_CANCELED, OCT_VEN_EXECUTED, OCT_VEN_BROKEN,
        OCT_VEN_CANCEL_PENDING, OCT_VEN_PRIORITY, OCT_VEN_MODIFIED};
    uint64_t before = r->risk_cnt;

    for (size_t i = 0; i < OCT_ARRAY_CNT(events); i++) {
        struct oct_ven v = rig_ven(r, events[i], 999);
        rig_say(r, &v);
        cr_assert_eq(told(0)->user_ref, 999);
        cr_assert_eq(told(0)->state, OCT_ORD_STATE_UNKNOWN);
    }
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNATTRIBUTED), OCT_ARRAY_CNT(events));
    cr_assert_eq(r->risk_cnt, before);
}

Test(orders, order_whose_record_was_lost_is_adopted_by_its_echoed_id)
{
    uint64_t id = UINT64_C(0x0100300000000000) | UINT64_C(0x754) << 32 | 50;
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, 50);

    v.order_id = id;
    v.side = OCT_SELL;
    v.qty = SH(200);
    v.px = PX(12);
    memcpy(v.symbol.c, "EEE     ", 8);
    rig_say(r, &v);
    STATE(id, WORKING);
    OPEN(id, 200);
    cr_assert_eq(told(0)->inst, 4);
    cr_assert_eq(told(0)->strategy, 3);
    cr_assert_eq(told(0)->account, 5);
    cr_assert_eq(told(0)->side, OCT_SELL);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_ADOPTED), 1);
    rig_fill(r, id, 200, 3);
    STATE(id, FILLED);
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 51, "its number is not used again");
}

Test(orders, strangers_order_is_not_adopted)
{
    static const uint64_t ids[] = {0, UINT64_C(0x0200300000000032), UINT64_C(0x0100300000000033)};

    for (size_t i = 0; i < OCT_ARRAY_CNT(ids); i++) {
        struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, 50);
        v.order_id = ids[i]; /* none, another lane's, another number's */
        v.qty = SH(200);
        rig_say(r, &v);
    }
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_ADOPTED), 0);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNATTRIBUTED), 3);
}

/* OUCH's rejection has no symbol and no side: the order ends before anybody needs them. */
Test(orders, rejected_order_whose_record_was_lost_ends_rejected)
{
    uint64_t id = UINT64_C(0x0100300000000000) | UINT64_C(0x754) << 32 | 50;
    struct oct_ven v = rig_ven(r, OCT_VEN_REJECTED, 50);

    v.order_id = id;
    v.reason = 7;
    rig_say(r, &v);
    STATE(id, REJECTED);
    OPEN(id, 0);
    cr_assert_eq(told(0)->strategy, 3);
    cr_assert_eq(told(0)->reason, 7);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_REJECTED), 1);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_UNATTRIBUTED), 0);
    cr_assert_eq(rig_ref(rig_buy(r, 10, 100)), 51, "its number is not used again");
}

static struct oct_ven lost_order(uint32_t ref, const char *symbol)
{
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, ref);

    v.order_id = UINT64_C(0x0100300000000000) | UINT64_C(0x754) << 32 | ref;
    v.side = OCT_BUY;
    v.qty = SH(200);
    v.px = PX(12);
    memcpy(v.symbol.c, symbol, 8);
    return v;
}

Test(orders, lost_order_in_an_instrument_not_known_yet_waits_for_the_feed)
{
    struct oct_ven v = lost_order(50, "ZZZ     ");
    uint64_t before = r->risk_cnt, query = r->tx_cnt;

    rig_say(r, &v);
    cr_assert(oct_execution_holds(r->x));
    cr_assert_eq(r->risk_cnt, before, "nothing is told of it yet");
    rig_time(r, 10 * r->cfg.retry_ns);
    cr_assert(oct_execution_holds(r->x));
    rig_session(r, OCT_VENUE_LOST, 0); /* it was taken in: it will not be asked for again */
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    cr_assert(oct_execution_holds(r->x));
    memcpy(r->refs[6].symbol.c, "ZZZ     ", 8);
    rig_time(r, r->cfg.retry_ns);
    cr_assert_not(oct_execution_holds(r->x));
    STATE(v.order_id, WORKING);
    cr_assert_eq(told(0)->inst, 6);
    cr_assert_gt(r->tx_cnt, query);
    rig_fill(r, v.order_id, 200, 3);
    STATE(v.order_id, FILLED);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_HELD), 1);
    memcpy(r->refs[6].symbol.c, "GGG     ", 8);
}

Test(orders, instrument_that_nobody_brings_holds_the_session_for_a_bounded_time)
{
    struct oct_ven v = lost_order(50, "ZZZ     ");

    rig_say(r, &v);
    int64_t looks = r->cfg.hold_ns / r->cfg.retry_ns;
    for (int64_t i = 0; i < looks; i++)
        rig_time(r, r->cfg.retry_ns);
    cr_assert(oct_execution_holds(r->x));
    rig_time(r, r->cfg.retry_ns);
    cr_assert_not(oct_execution_holds(r->x));
    STATE(v.order_id, WORKING);
    cr_assert_eq(told(0)->inst, UINT32_MAX, "risk has no place for it, and halts");
}

Test(orders, time_in_which_the_process_was_down_is_not_held_against_the_feed)
{
    struct oct_ven v = lost_order(50, "ZZZ     ");

    rig_say(r, &v);
    rig_time(r, 100 * r->cfg.hold_ns); /* a crash, and a late restart */
    rig_start(r, 1001, true);
    cr_assert(oct_execution_holds(r->x));
    memcpy(r->refs[6].symbol.c, "ZZZ     ", 8);
    rig_time(r, r->cfg.retry_ns);
    cr_assert_not(oct_execution_holds(r->x));
    cr_assert_eq(told(0)->inst, 6);
    memcpy(r->refs[6].symbol.c, "GGG     ", 8);
}

Test(orders, message_after_a_held_one_finds_it_taken)
{
    struct oct_ven v = lost_order(50, "ZZZ     ");

    rig_say(r, &v);
    rig_fill(r, v.order_id, 200, 3); /* a caller that did not wait */
    cr_assert_not(oct_execution_holds(r->x));
    STATE(v.order_id, FILLED);
}

/* ---- a strategy that answers at once --------------------------------------------------------- */

static void answer_fill(struct rig *rig, const struct oct_msg_hdr *m)
{
    if (m->type != OCT_FILL || rig->self)
        return;
    rig->self = rig;
    struct oct_intent i = rig_intent(rig, OCT_ACTION_NEW, OCT_SELL, 11, 100);
    uint64_t input = rig->step.input;
    rig_submit(rig, &i);
    rig->step.input = input;
}

Test(orders, strategy_may_trade_on_its_own_fill)
{
    uint64_t id = rig_buy(r, 10, 300);
    rig_accept(r, id);
    r->on_strategy = answer_fill;
    rig_fill(r, id, 100, 1);
    cr_assert_eq(rig_tx(r, 0)->user_ref, 2);
    cr_assert_eq(rig_tx(r, 0)->side, OCT_SELL);
    STATE(id, WORKING);
    OPEN(id, 200);
    /* the fill and its update were out before the answer */
    cr_assert_eq(told(1)->order_id, id);
    cr_assert_eq(told(0)->user_ref, 2);
}
