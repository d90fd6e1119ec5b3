/* Fills worked out by hand.  B and S are recorded orders (reference: shares @ price), ours have
 * numbers from 1; prices in dollars in the comments, in cents in the code. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/match/rig.h"

/* B11: 300, B12: 200 @ 10.00 are there when we bid 100 @ 10.00: ahead 500.
 * E 300 of B11: ahead 500 - 300 = 200.  E 200 of B12: ahead 0.  B13 came after us, 400.
 * E 60 of B13: those 60 would have been ours: 60.  E 100 of B13: 40 left of ours: 40. */
Test(scenario, queue_ahead_goes_first_then_we_are_filled)
{
    struct rig r = rig_new(0);
    rec_add(&r, 11, OCT_BUY, 300, 1000);
    rec_add(&r, 12, OCT_BUY, 200, 1000);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 100, .cents = 1000});
    rests(&r, 1, 100, 500);
    rec_add(&r, 13, OCT_BUY, 400, 1000);
    rests(&r, 1, 100, 500);
    rec_exec(&r, 11, 300);
    rests(&r, 1, 100, 200);
    rec_exec(&r, 12, 200);
    rests(&r, 1, 100, 0);
    nothing_more(&r);
    rec_exec(&r, 13, 60);
    filled(&r, 1, 60, 1000, true);
    rec_exec(&r, 13, 100);
    filled(&r, 1, 40, 1000, true);
    nothing_more(&r);
    gone(&r, 1);
    rig_delete(&r);
}

/* S21: 200 @ 10.05 and S22: 100 @ 10.05 ahead of our offer of 100: 300.  X 50 of S21: 250.
 * D S22: 150.  U S21 (150 left) to S23, 150 @ 10.05: it goes to the end of the queue: 0.
 * E 100 of S23, now behind us: all 100 are ours. */
Test(scenario, cancels_and_replacements_ahead_move_us_up)
{
    struct rig r = rig_new(0);
    rec_add(&r, 21, OCT_SELL, 200, 1005);
    rec_add(&r, 22, OCT_SELL, 100, 1005);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1005});
    rests(&r, 1, 100, 300);
    rec_cancel(&r, 21, 50);
    rests(&r, 1, 100, 250);
    rec_delete(&r, 22);
    rests(&r, 1, 100, 150);
    rec_replace(&r, 21, 23, 150, 1005);
    rests(&r, 1, 100, 0);
    rec_exec(&r, 23, 100);
    filled(&r, 1, 100, 1005, true);
    nothing_more(&r);
    rig_delete(&r);
}

/* B31 and B33 stand at 10.00 around us, 100 each; what happens behind us (B33) leaves ahead at 100. */
Test(scenario, what_happens_behind_us_does_not_move_us)
{
    struct rig r = rig_new(0);
    rec_add(&r, 31, OCT_BUY, 100, 1000);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 100, .cents = 1000});
    rec_add(&r, 33, OCT_BUY, 100, 1000);
    rec_cancel(&r, 33, 40);
    rec_delete(&r, 33);
    rests(&r, 1, 100, 100);
    nothing_more(&r);
    rig_delete(&r);
}

/* We bid 10.01, alone.  E 150 of B41 @ 10.00: the seller would have met us first, at our price:
 * min(150, 100) = 100 @ 10.01. */
Test(scenario, trade_at_a_worse_price_fills_us_at_ours)
{
    struct rig r = rig_new(0);
    rec_add(&r, 41, OCT_BUY, 500, 1000);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 100, .cents = 1001});
    rec_exec(&r, 41, 150);
    filled(&r, 1, 100, 1001, true);
    nothing_more(&r);
    rig_delete(&r);
}

/* Bids of ours: 1: 100 @ 10.02, 2: 100 @ 10.01, 3: 100 @ 10.01.  E 250 of B51 @ 10.00.
 * By price, then time: 100 of 1, 100 of 2, 250 - 200 = 50 of 3. */
Test(scenario, one_trade_is_shared_out_by_price_then_time)
{
    struct rig r = rig_new(0);
    rec_add(&r, 51, OCT_BUY, 1000, 1000);
    enter(&r, (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 100, .cents = 1001});
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 100, .cents = 1002});
    enter(&r, (struct rig_order){.id = 3, .side = OCT_BUY, .shares = 100, .cents = 1001});
    rec_exec(&r, 51, 250);
    filled(&r, 1, 100, 1002, true);
    filled(&r, 2, 100, 1001, true);
    filled(&r, 3, 50, 1001, true);
    nothing_more(&r);
    rests(&r, 3, 50, 0);
    rig_delete(&r);
}

/* We offer 100 @ 10.03.  A recorded buyer adds 60 @ 10.03: it would have met us: 60.  Another adds
 * 80 @ 10.04, through us: 100 - 60 = 40, at our 10.03.  The record keeps both in its book. */
Test(scenario, recorded_adds_that_cross_fill_us)
{
    struct rig r = rig_new(0);
    struct oct_level l;
    enter(&r, (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1003});
    rec_add(&r, 61, OCT_BUY, 60, 1003);
    filled(&r, 1, 60, 1003, true);
    rec_add(&r, 62, OCT_BUY, 80, 1004);
    filled(&r, 1, 40, 1003, true);
    nothing_more(&r);
    cr_assert(oct_book_best(oct_match_books(r.m), RIG_INST, OCT_BUY, &l));
    cr_expect_eq(l.qty.v, 80 * OCT_QTY_ONE, "no impact on the recorded book");
    rig_delete(&r);
}

/* S71: 100 @ 10.05.  A replacement of a recorded bid, B72, to 10.06 crosses our offer @ 10.05,
 * behind S71 in time.  Ahead is 100, so of its 150 shares 150 - 100 = 50 reach us. */
Test(scenario, crossing_replacement_meets_what_is_ahead_of_us_first)
{
    struct rig r = rig_new(0);
    rec_add(&r, 71, OCT_SELL, 100, 1005);
    rec_add(&r, 72, OCT_BUY, 150, 1000);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1005});
    rests(&r, 1, 100, 100);
    rec_replace(&r, 72, 73, 150, 1006);
    filled(&r, 1, 50, 1005, true);
    nothing_more(&r);
    rig_delete(&r);
}

/* Offers S81: 100 @ 10.01, S82: 100 @ 10.01, S83: 300 @ 10.02, S84: 500 @ 10.04.  We buy 350, limit
 * 10.03: 100 @ 10.01, 100 @ 10.01, 150 @ 10.02; 350 in all. */
Test(scenario, aggressive_order_takes_the_best_first)
{
    struct rig r = rig_new(0);
    rec_add(&r, 83, OCT_SELL, 300, 1002);
    rec_add(&r, 81, OCT_SELL, 100, 1001);
    rec_add(&r, 82, OCT_SELL, 100, 1001);
    rec_add(&r, 84, OCT_SELL, 500, 1004);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 350, .cents = 1003});
    filled(&r, 1, 100, 1001, false);
    filled(&r, 1, 100, 1001, false);
    filled(&r, 1, 150, 1002, false);
    nothing_more(&r);
    gone(&r, 1);
    cr_expect_eq(oct_match_taken(r.m, 83).v, 150 * OCT_QTY_ONE);
    rig_delete(&r);
}

/* The same offers, but we want 600 up to 10.02: 100 + 100 + 300 = 500 are had, 100 rest at 10.02.
 * There nobody is ahead of us: the recorded offers are on the other side. */
Test(scenario, rest_of_an_aggressive_order_rests_at_its_limit)
{
    struct rig r = rig_new(0);
    rec_add(&r, 81, OCT_SELL, 100, 1001);
    rec_add(&r, 82, OCT_SELL, 100, 1001);
    rec_add(&r, 83, OCT_SELL, 300, 1002);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 600, .cents = 1002});
    filled(&r, 1, 100, 1001, false);
    filled(&r, 1, 100, 1001, false);
    filled(&r, 1, 300, 1002, false);
    nothing_more(&r);
    rests(&r, 1, 100, 0);
    rig_delete(&r);
}

/* S91: 100 @ 10.01.  We take 70, then want 70 more, IOC: 100 - 70 = 30 are left, 40 are cancelled.
 * The record executes 60 of S91: its next shares, which are ours; of the 40 that remain, 70 - 60 =
 * 10 are ours, so 30 could be had - but those 30 we have too: 100 in all, taken 40.  Nothing is
 * had. */
Test(scenario, each_resting_share_fills_us_once)
{
    struct rig r = rig_new(0);
    rec_add(&r, 91, OCT_SELL, 100, 1001);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 70, .cents = 1001});
    filled(&r, 1, 70, 1001, false);
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 70, .cents = 1001, .ioc = true});
    filled(&r, 2, 30, 1001, false);
    cancelled(&r, 2, 40, OCT_MATCH_IOC);
    rec_exec(&r, 91, 60);
    cr_expect_eq(oct_match_taken(r.m, 91).v, 40 * OCT_QTY_ONE);
    enter(&r,
          (struct rig_order){.id = 3, .side = OCT_BUY, .shares = 10, .cents = 1001, .ioc = true});
    cancelled(&r, 3, 10, OCT_MATCH_IOC);
    nothing_more(&r);
    rig_delete(&r);
}

/* S95: 100 @ 10.01, 40 of them taken.  The record replaces it by S96, 80 @ 10.02: the 40 go along,
 * 80 - 40 = 40 can be had.  It replaces that by S97, 30 @ 10.02: min(40 + 40, 30) = 30 are ours. */
Test(scenario, replacement_carries_what_was_taken)
{
    struct rig r = rig_new(0);
    rec_add(&r, 95, OCT_SELL, 100, 1001);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 40, .cents = 1001});
    filled(&r, 1, 40, 1001, false);
    rec_replace(&r, 95, 96, 80, 1002);
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 100, .cents = 1002, .ioc = true});
    filled(&r, 2, 40, 1002, false);
    cancelled(&r, 2, 60, OCT_MATCH_IOC);
    rec_replace(&r, 96, 97, 30, 1002);
    enter(&r,
          (struct rig_order){.id = 3, .side = OCT_BUY, .shares = 10, .cents = 1002, .ioc = true});
    cancelled(&r, 3, 10, OCT_MATCH_IOC);
    nothing_more(&r);
    rig_delete(&r);
}

/* We offer 50 @ 10.02.  B101 adds 80 @ 10.02: 50 fill us, 30 are free.  We sell 80 IOC @ 10.02: 30.
 * B101's shares are used up. */
Test(scenario, incoming_share_fills_us_once_even_when_it_rests)
{
    struct rig r = rig_new(0);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 50, .cents = 1002});
    rec_add(&r, 101, OCT_BUY, 80, 1002);
    filled(&r, 1, 50, 1002, true);
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_SELL, .shares = 80, .cents = 1002, .ioc = true});
    filled(&r, 2, 30, 1002, false);
    cancelled(&r, 2, 50, OCT_MATCH_IOC);
    nothing_more(&r);
    rig_delete(&r);
}

/* Hidden trades: our bid 1: 100 @ 10.01, our offer 2: 100 @ 10.05.  At 10.01 and 10.05: not
 * through us, nothing.  30 @ 10.005 (below our bid): 30 at 10.01.  200 @ 10.06 (above our offer):
 * 100 at 10.05. */
Test(scenario, hidden_trades_fill_only_through_our_price)
{
    struct rig r = rig_new(0);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 100, .cents = 1001});
    enter(&r, (struct rig_order){.id = 2, .side = OCT_SELL, .shares = 100, .cents = 1005});
    rec_hidden(&r, 500, 1001);
    rec_hidden(&r, 500, 1005);
    rec_hidden(&r, 500, 1003);
    nothing_more(&r);
    rec_hidden(&r, 30, 1000);
    filled(&r, 1, 30, 1001, true);
    rec_hidden(&r, 200, 1006);
    filled(&r, 2, 100, 1005, true);
    nothing_more(&r);
    rig_delete(&r);
}

/* Fill or kill: minimum = all.  S111: 100, S112: 150 @ 10.01.  300 wanted, 250 there: nothing,
 * 300 cancelled.  250 wanted: 100 + 150. */
Test(scenario, fill_or_kill_is_all_or_nothing)
{
    struct rig r = rig_new(0);
    rec_add(&r, 111, OCT_SELL, 100, 1001);
    rec_add(&r, 112, OCT_SELL, 150, 1001);
    enter(&r, (struct rig_order){
                  .id = 1, .side = OCT_BUY, .shares = 300, .cents = 1001, .min = 300, .ioc = true});
    cancelled(&r, 1, 300, OCT_MATCH_IOC);
    enter(&r, (struct rig_order){
                  .id = 2, .side = OCT_BUY, .shares = 250, .cents = 1001, .min = 250, .ioc = true});
    filled(&r, 2, 100, 1001, false);
    filled(&r, 2, 150, 1001, false);
    nothing_more(&r);
    rig_delete(&r);
}

/* A day order of 500 with minimum 200, bid 10.00, nobody ahead.  E 150 of B121 behind us: below the
 * minimum, nothing.  E 250: 250.  250 left; E 200: 200.  50 left: now the minimum is 50; E 40:
 * nothing; E 60: 50. */
Test(scenario, minimum_quantity_holds_for_every_event)
{
    struct rig r = rig_new(0);
    enter(&r,
          (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 500, .cents = 1000, .min = 200});
    rec_add(&r, 121, OCT_BUY, 5000, 1000);
    rec_exec(&r, 121, 150);
    nothing_more(&r);
    rec_exec(&r, 121, 250);
    filled(&r, 1, 250, 1000, true);
    rec_exec(&r, 121, 200);
    filled(&r, 1, 200, 1000, true);
    rec_exec(&r, 121, 40);
    nothing_more(&r);
    rec_exec(&r, 121, 60);
    filled(&r, 1, 50, 1000, true);
    nothing_more(&r);
    rig_delete(&r);
}

/* Post only @ 10.01 against S131: 100 @ 10.01: cancelled whole.  At 10.00 it rests.  After we took
 * all of S131, its price is free of shares for us: post only @ 10.01 rests. */
Test(scenario, post_only_never_takes)
{
    struct rig r = rig_new(0);
    rec_add(&r, 131, OCT_SELL, 100, 1001);
    enter(&r, (struct rig_order){
                  .id = 1, .side = OCT_BUY, .shares = 10, .cents = 1001, .post_only = true});
    cancelled(&r, 1, 10, OCT_MATCH_POST_ONLY);
    enter(&r, (struct rig_order){
                  .id = 2, .side = OCT_BUY, .shares = 10, .cents = 1000, .post_only = true});
    rests(&r, 2, 10, 0);
    enter(&r, (struct rig_order){.id = 3, .side = OCT_BUY, .shares = 100, .cents = 1001});
    filled(&r, 3, 100, 1001, false);
    enter(&r, (struct rig_order){
                  .id = 4, .side = OCT_BUY, .shares = 10, .cents = 1001, .post_only = true});
    rests(&r, 4, 10, 0);
    nothing_more(&r);
    rig_delete(&r);
}

/* Market order for 300 against S141: 100 @ 10.01, S142: 100 @ 11.50: 200 are had, 100 cancelled. */
Test(scenario, market_order_takes_any_price_and_never_rests)
{
    struct rig r = rig_new(0);
    rec_add(&r, 141, OCT_SELL, 100, 1001);
    rec_add(&r, 142, OCT_SELL, 100, 1150);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 300});
    filled(&r, 1, 100, 1001, false);
    filled(&r, 1, 100, 1150, false);
    cancelled(&r, 1, 100, OCT_MATCH_IOC);
    nothing_more(&r);
    rig_delete(&r);
}

/* Self-match, both decremented: our offer 1: 100 @ 10.02 (group 5) behind S151: 60 @ 10.02.  We buy
 * 200 @ 10.02 (group 5): 60 from S151; then ours: 100 prevented, both lose 100; 40 are left and
 * rest at 10.02. */
Test(scenario, self_match_decrements_both)
{
    struct rig r = rig_new(OCT_MATCH_SELF_DECREMENT);
    rec_add(&r, 151, OCT_SELL, 60, 1002);
    enter(&r,
          (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1002, .group = 5});
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 200, .cents = 1002, .group = 5});
    filled(&r, 2, 60, 1002, false);
    self_matched(&r, 1, 100, 100);
    self_matched(&r, 2, 100, 100);
    nothing_more(&r);
    gone(&r, 1);
    rests(&r, 2, 40, 0);
    rig_delete(&r);
}

/* Self-match, oldest goes: our offer 1: 100 goes whole (30 prevented), the buyer of 30 rests.
 * Newest goes: what is left of the buyer goes, the offer stays. */
Test(scenario, self_match_cancels_the_oldest_or_the_newest)
{
    struct rig r = rig_new(OCT_MATCH_SELF_CANCEL_OLDEST);
    enter(&r,
          (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1002, .group = 5});
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 30, .cents = 1002, .group = 5});
    self_matched(&r, 1, 100, 30);
    nothing_more(&r);
    rests(&r, 2, 30, 0);
    rig_delete(&r);
    r = rig_new(OCT_MATCH_SELF_CANCEL_NEWEST);
    enter(&r,
          (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1002, .group = 5});
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 30, .cents = 1002, .group = 5});
    cancelled(&r, 2, 30, OCT_MATCH_SELF_MATCH);
    nothing_more(&r);
    rests(&r, 1, 100, 0);
    rig_delete(&r);
}

/* Orders of two firms: offer 1 (firm 5): 100 @ 10.02 between S161: 40 (before) and S162: 70 (after).
 * Firm 6 buys 180 @ 10.02: 40 of S161, 100 of order 1, 180 - 140 = 40 of S162. */
Test(scenario, orders_of_different_firms_trade_at_their_place_in_the_queue)
{
    struct rig r = rig_new(OCT_MATCH_SELF_DECREMENT);
    rec_add(&r, 161, OCT_SELL, 40, 1002);
    enter(&r,
          (struct rig_order){.id = 1, .side = OCT_SELL, .shares = 100, .cents = 1002, .group = 5});
    rec_add(&r, 162, OCT_SELL, 70, 1002);
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 180, .cents = 1002, .group = 6});
    filled(&r, 2, 40, 1002, false);
    filled(&r, 1, 100, 1002, true);
    filled(&r, 2, 100, 1002, false);
    filled(&r, 2, 40, 1002, false);
    nothing_more(&r);
    rig_delete(&r);
}

/* Our hidden bid of 100 @ 10.00 stands behind B171, which came later, for it is not displayed: E of
 * B171 at its price passes it by.  E 50 of B172 @ 9.99 is through it: 50 @ 10.00. */
Test(scenario, hidden_order_stands_behind_everything_displayed)
{
    struct rig r = rig_new(0);
    enter(&r, (struct rig_order){
                  .id = 1, .side = OCT_BUY, .shares = 100, .cents = 1000, .hidden = true});
    rec_add(&r, 171, OCT_BUY, 100, 1000);
    rec_add(&r, 172, OCT_BUY, 100, 999);
    rec_exec(&r, 171, 100);
    nothing_more(&r);
    rec_exec(&r, 172, 50);
    filled(&r, 1, 50, 1000, true);
    nothing_more(&r);
    rig_delete(&r);
}

/* C: B181: 100 @ 10.00 behind us is executed at 9.98: below our 10.00, so through us: 100 at ours.
 * B182 executed at 10.02, above us: the seller did not come down to us: nothing. */
Test(scenario, execution_at_another_price_counts_at_that_price)
{
    struct rig r = rig_new(0);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 300, .cents = 1000});
    rec_add(&r, 181, OCT_BUY, 100, 1000);
    rec_add(&r, 182, OCT_BUY, 100, 1000);
    rec_exec_at(&r, 182, 50, 1002);
    nothing_more(&r);
    rec_exec_at(&r, 181, 100, 998);
    filled(&r, 1, 100, 1000, true);
    nothing_more(&r);
    rests(&r, 1, 200, 0);
    rig_delete(&r);
}

/* Reducing keeps our place: 100 behind B191: 200; 40 go, 60 left with 200 ahead.  E 200, then E 100 of
 * B192 behind us: 60.  Entering anew would have stood behind B192. */
Test(scenario, reducing_keeps_priority)
{
    struct rig r = rig_new(0);
    rec_add(&r, 191, OCT_BUY, 200, 1000);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 100, .cents = 1000});
    rec_add(&r, 192, OCT_BUY, 500, 1000);
    cr_expect_eq(oct_match_reduce(r.m, 1, oct_qty_from_shares(40), OCT_MATCH_BY_USER), 0);
    cancelled(&r, 1, 40, OCT_MATCH_BY_USER);
    rests(&r, 1, 60, 200);
    rec_exec(&r, 191, 200);
    rec_exec(&r, 192, 100);
    filled(&r, 1, 60, 1000, true);
    nothing_more(&r);
    cr_expect_eq(oct_match_reduce(r.m, 1, oct_qty_from_shares(1), OCT_MATCH_BY_USER), -ENOENT);
    rig_delete(&r);
}

/* Two bids of ours @ 10.00 around B201: 100: 1 (ahead 0), B201, 2 (ahead 100).  E 130 of B202, which
 * came last: the record passed over 100 shares ahead of 2.  1 gets 80 (all), 2 gets what is beyond
 * what is ahead of it: 130 - 80 - 100 < 0, nothing. */
Test(scenario, out_of_order_execution_fills_only_beyond_what_is_ahead)
{
    struct rig r = rig_new(0);
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 80, .cents = 1000});
    rec_add(&r, 201, OCT_BUY, 100, 1000);
    enter(&r, (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 50, .cents = 1000});
    rests(&r, 2, 50, 100);
    rec_add(&r, 202, OCT_BUY, 300, 1000);
    rec_exec(&r, 202, 130);
    filled(&r, 1, 80, 1000, true);
    nothing_more(&r);
    rests(&r, 2, 50, 100);
    cr_expect_eq(oct_match_stats(r.m)->anomalies, 1);
    rig_delete(&r);
}

/* In a halt nothing is taken: our bid @ 10.05 rests over S211 @ 10.01, IOC is cancelled.  At the end
 * of the session everything that rests is cancelled. */
Test(scenario, halt_takes_nothing_and_the_close_cancels_what_is_left)
{
    struct rig r = rig_new(0);
    rec_add(&r, 211, OCT_SELL, 100, 1001);
    rec_state(&r, 'H');
    enter(&r, (struct rig_order){.id = 1, .side = OCT_BUY, .shares = 30, .cents = 1005});
    rests(&r, 1, 30, 0);
    enter(&r,
          (struct rig_order){.id = 2, .side = OCT_BUY, .shares = 30, .cents = 1005, .ioc = true});
    cancelled(&r, 2, 30, OCT_MATCH_IOC);
    enter(&r, (struct rig_order){.id = 3, .side = OCT_SELL, .shares = 70, .cents = 1009});
    oct_match_close(r.m, OCT_MATCH_CLOSED);
    cancelled(&r, 1, 30, OCT_MATCH_CLOSED);
    cancelled(&r, 3, 70, OCT_MATCH_CLOSED);
    nothing_more(&r);
    cr_expect_eq(oct_match_order_cnt(r.m), 0);
    rig_delete(&r);
}

Test(scenario, impossible_orders_are_refused)
{
    struct rig r = rig_new(0);
    cr_expect_eq(enter(&r, (struct rig_order){.id = 1, .shares = 0, .cents = 1000}), -EINVAL);
    cr_expect_eq(enter(&r, (struct rig_order){.id = 1, .shares = 10, .cents = -1}), -EINVAL);
    cr_expect_eq(enter(&r, (struct rig_order){.id = 1, .shares = 10, .cents = 1000}), 0);
    cr_expect_eq(enter(&r, (struct rig_order){.id = 1, .shares = 10, .cents = 1000}), -EINVAL,
                 "the id is in use");
    for (uint64_t id = 2; id <= 256; id++)
        cr_expect_eq(enter(&r, (struct rig_order){.id = id, .shares = 1, .cents = 900}), 0);
    cr_expect_eq(enter(&r, (struct rig_order){.id = 300, .shares = 1, .cents = 900}), -ENOSPC);
    nothing_more(&r);
    rig_delete(&r);
}

Test(scenario, unknown_and_impossible_recorded_messages_are_counted)
{
    struct rig r = rig_new(0);
    rec_exec(&r, 999, 10);
    rec_delete(&r, 998);
    rec_replace(&r, 997, 996, 10, 1000);
    rec_add(&r, 1, OCT_BUY, 10, 1000);
    rec_add(&r, 1, OCT_BUY, 10, 1000);
    rec_exec(&r, 1, 11);
    const struct oct_match_stats *s = oct_match_stats(r.m);
    cr_expect_eq(s->unknown_ref, 3);
    cr_expect_eq(s->refused, 2);
    nothing_more(&r);
    rig_delete(&r);
}
