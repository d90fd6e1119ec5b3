/* What messages do to views, records and the strategies. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/agents/realtime/rig.h"

#define INST 3u

static struct rig *started(void)
{
    struct oct_realtime_cfg cfg = rig_cfg();
    struct rig *g = rig_new(&cfg);
    rig_at(g, SECONDS(34200));
    return g;
}

/* 100 shares at 10.00 by 10.02, what was said forgotten. */
static struct rig *quoted(void)
{
    struct rig *g = started();
    rig_add(g, INST, 1, OCT_BUY, PX(10.00), SHARES(100));
    rig_add(g, INST, 2, OCT_SELL, PX(10.02), SHARES(300));
    rig_forget(g);
    return g;
}

static const struct oct_inst_view *view(const struct rig *g)
{
    return &g->view.inst[INST];
}

Test(realtime, a_new_best_price_is_published_and_told_once)
{
    struct rig *g = quoted();
    rig_add(g, INST, 3, OCT_BUY, PX(10.01), SHARES(50));
    cr_assert_eq(g->bbo_cnt, 1);
    cr_assert_eq(g->bbo[0].inst, INST);
    cr_assert_eq(g->bbo[0].bid_px.v, PX(10.01).v);
    cr_assert_eq(g->bbo[0].bid_qty.v, SHARES(50).v);
    cr_assert_eq(g->bbo[0].ask_px.v, PX(10.02).v);
    cr_assert_eq(g->bbo[0].flags, 0);
    cr_assert_eq(g->bbo[0].feed_seq, g->step.feed_seq);
    cr_assert_eq(g->bbo[0].ts_exch_ns, SECONDS(34200));
    cr_assert_eq(g->market_cnt, 1);
    cr_assert_eq(g->market[0].what, OCT_MARKET_BBO);
    cr_assert_eq(view(g)->bid_px.v, PX(10.01).v);
    cr_assert_eq(view(g)->bbo_ns, g->step.now_ns);
}

Test(realtime, orders_away_from_the_touch_are_kept_and_not_told)
{
    struct rig *g = quoted();
    rig_add(g, INST, 3, OCT_BUY, PX(9.90), SHARES(50));
    rig_delete(g, INST, 3);
    cr_assert_eq(g->bbo_cnt + g->market_cnt + g->inst_cnt, 0);
}

Test(realtime, an_execution_is_a_trade_and_a_new_top_told_together)
{
    struct rig *g = quoted();
    rig_exec(g, INST, 2, SHARES(120));
    cr_assert_eq(g->trade_cnt, 1);
    cr_assert_eq(g->trade[0].px.v, PX(10.02).v);
    cr_assert_eq(g->trade[0].qty.v, SHARES(120).v);
    cr_assert_eq(g->trade[0].side, OCT_SELL);
    cr_assert_eq(g->trade[0].ref, 2);
    cr_assert_eq(g->trade[0].match_id, 4711);
    cr_assert_eq(g->trade[0].hidden + g->trade[0].cross, 0);
    cr_assert_eq(g->trade[0].printable, 1);
    cr_assert_eq(g->bbo_cnt, 1);
    cr_assert_eq(g->bbo[0].ask_qty.v, SHARES(180).v);
    cr_assert_eq(g->market_cnt, 1);
    cr_assert_eq(g->market[0].what, OCT_MARKET_BBO | OCT_MARKET_TRADE);
    cr_assert_eq(g->market[0].px.v, PX(10.02).v);
    cr_assert_eq(view(g)->last_px.v, PX(10.02).v);
    cr_assert_eq(view(g)->last_ns, g->step.now_ns);
    cr_assert_float_eq(g->view.features[INST].vwap, 10.02, 1e-9);
}

Test(realtime, an_execution_that_is_not_printable_counts_nowhere)
{
    struct rig *g = quoted();
    rig_md(
        g,
        (struct oct_md){
            .kind = OCT_MD_EXEC_PX, .inst = INST, .ref = 2, .px = PX(10.01), .qty = SHARES(300)});
    cr_assert_eq(g->trade_cnt, 1);
    cr_assert_eq(g->trade[0].px.v, PX(10.01).v, "its own price, not the order's");
    cr_assert_eq(g->trade[0].printable, 0);
    cr_assert_eq(view(g)->last_px.v, 0);
    cr_assert_eq(view(g)->ask_px.v, 0);
    cr_assert(isnan(g->view.features[INST].vwap));
    rig_at(g, SECONDS(34300));
    cr_assert_eq(g->bar_cnt, 0);
}

Test(realtime, a_priced_execution_of_an_unknown_order_is_a_trade_all_the_same)
{
    struct rig *g = quoted();
    rig_md(g, (struct oct_md){.kind = OCT_MD_EXEC_PX,
                              .inst = INST,
                              .ref = 999,
                              .px = PX(10.01),
                              .qty = SHARES(5),
                              .printable = 1});
    cr_assert_eq(rig_count(g, OCT_REALTIME_UNKNOWN_EXEC_PX), 1);
    cr_assert_eq(g->trade_cnt, 1);
    cr_assert_eq(view(g)->last_px.v, PX(10.01).v);
    cr_assert_eq(g->bbo_cnt, 0);
    rig_exec(g, INST, 999, SHARES(5));
    cr_assert_eq(g->trade_cnt, 1, "without a price there is no trade to show");
}

Test(realtime, hidden_trades_and_auctions_are_marked)
{
    struct rig *g = quoted();
    rig_trade(g, INST, PX(10.01), SHARES(7));
    cr_assert_eq(g->trade[0].hidden, 1);
    rig_md(g, (struct oct_md){.kind = OCT_MD_CROSS,
                              .inst = INST,
                              .px = PX(10.05),
                              .qty = SHARES(1000),
                              .printable = 1});
    cr_assert_eq(g->trade[1].cross, 1);
    cr_assert_eq(g->trade[1].hidden, 0);
    rig_md(g, (struct oct_md){.kind = OCT_MD_CROSS, .inst = INST, .printable = 1});
    cr_assert_eq(g->trade_cnt, 2, "an auction of nothing");
    rig_trade(g, INST, PX(0), SHARES(7));
    rig_trade(g, INST, PX(1), SHARES(0));
    cr_assert_eq(g->trade_cnt, 2);
    cr_assert_eq(rig_count(g, OCT_REALTIME_RANGE), 2);
    cr_assert_eq(rig_count(g, OCT_REALTIME_HIDDEN), 1);
    cr_assert_eq(rig_count(g, OCT_REALTIME_CROSSES), 1);
    cr_assert_eq(g->bbo_cnt, 0);
}

Test(realtime, locked_and_crossed_books_are_marked_while_they_are)
{
    struct rig *g = quoted();
    rig_add(g, INST, 3, OCT_BUY, PX(10.02), SHARES(1));
    cr_assert_eq(g->bbo[0].flags, 2);
    cr_assert_eq(view(g)->locked, 1);
    rig_add(g, INST, 4, OCT_BUY, PX(10.03), SHARES(1));
    cr_assert_eq(g->bbo[1].flags, 1);
    cr_assert_eq(view(g)->locked, 2);
    rig_delete(g, INST, 4);
    rig_delete(g, INST, 3);
    cr_assert_eq(g->bbo[3].flags, 0);
    cr_assert_eq(view(g)->locked, 0);
    cr_assert_eq(rig_count(g, OCT_REALTIME_LOCKED), 2);
    cr_assert_eq(rig_count(g, OCT_REALTIME_CROSSED), 1);
}

Test(realtime, unknown_references_are_counted_by_kind_and_do_not_make_a_book_stale)
{
    static const struct {
        enum oct_md_kind kind;
        enum oct_realtime_counter counter;
    } rows[] = {{OCT_MD_EXEC, OCT_REALTIME_UNKNOWN_EXEC},
                {OCT_MD_REDUCE, OCT_REALTIME_UNKNOWN_REDUCE},
                {OCT_MD_DELETE, OCT_REALTIME_UNKNOWN_DELETE},
                {OCT_MD_REPLACE, OCT_REALTIME_UNKNOWN_REPLACE}};
    struct rig *g = quoted();
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(rows); i++) {
        rig_md(g, (struct oct_md){.kind = (uint8_t)rows[i].kind,
                                  .inst = INST,
                                  .ref = 999,
                                  .ref2 = 1000,
                                  .px = PX(1),
                                  .qty = SHARES(1)});
        cr_assert_eq(rig_count(g, rows[i].counter), 1);
    }
    cr_assert_eq(view(g)->stale, 0);
    cr_assert_eq(g->bbo_cnt + g->trade_cnt + g->market_cnt, 0);
}

Test(realtime, a_feed_that_contradicts_the_book_makes_it_stale_until_a_clear)
{
    struct rig *g = quoted();
    rig_add(g, INST, 1, OCT_BUY, PX(9), SHARES(1));
    cr_assert_eq(view(g)->stale, OCT_STALE_CONTRARY);
    cr_assert_eq(g->inst_cnt, 1);
    cr_assert_eq(g->inst[0].stale, 1);
    cr_assert_eq(g->market[0].what, OCT_MARKET_STATE);
    cr_assert_eq(rig_count(g, OCT_REALTIME_DUP), 1);
    rig_exec(g, INST, 1, SHARES(101));
    cr_assert_eq(rig_count(g, OCT_REALTIME_RANGE), 1);
    cr_assert_eq(g->inst_cnt, 1, "said once");
    cr_assert_eq(g->trade_cnt, 0);
    rig_add(g, INST, 5, OCT_BUY, PX(10.01), SHARES(1));
    cr_assert_eq(g->bbo[0].flags, 4);
    rig_feed(g, OCT_FEED_LIVE, 9, 9);
    cr_assert_eq(view(g)->stale, OCT_STALE_CONTRARY);
    rig_code(g, OCT_MD_CLEAR, INST, ' ');
    cr_assert_eq(view(g)->stale, 0);
    cr_assert_eq(view(g)->bid_px.v + view(g)->ask_px.v, 0);
    cr_assert_eq(oct_books_order_cnt(g->view.books), 0);
    cr_assert_eq(g->bbo[g->bbo_cnt - 1].bid_px.v + g->bbo[g->bbo_cnt - 1].ask_px.v, 0);
}

Test(realtime, a_book_without_room_is_stale)
{
    struct oct_realtime_cfg cfg = rig_cfg();
    cfg.order_cnt_max = 3;
    struct rig *g = rig_new(&cfg);
    for (uint64_t ref = 1; ref <= 4; ref++)
        rig_add(g, INST, ref, OCT_BUY, PX(10), SHARES(1));
    cr_assert_eq(rig_count(g, OCT_REALTIME_FULL), 1);
    cr_assert_eq(view(g)->stale, OCT_STALE_ROOM);
    cr_assert_eq(g->view.inst[INST + 1].stale, 0);
}

Test(realtime, a_gap_makes_all_books_stale_until_the_last_of_it_is_recovered)
{
    struct rig *g = quoted();
    rig_feed(g, OCT_FEED_GAP, 10, 12);
    rig_feed(g, OCT_FEED_GAP, 15, 16);
    cr_assert_eq(view(g)->stale, OCT_STALE_GAP);
    cr_assert_eq(g->view.inst[RIG_INST_CNT - 1].stale, OCT_STALE_GAP);
    rig_feed(g, OCT_FEED_RECOVERED, 10, 12);
    cr_assert_eq(view(g)->stale, OCT_STALE_GAP);
    rig_add(g, INST, 7, OCT_BUY, PX(10.01), SHARES(1));
    cr_assert_eq(g->bbo[0].flags, 4);
    rig_feed(g, OCT_FEED_RECOVERED, 15, 16);
    cr_assert_eq(view(g)->stale, 0);
    cr_assert_eq(g->inst_cnt, 0, "the in_feed record says it of all at once");
    rig_add(g, INST, 8, OCT_BUY, PX(10.01), SHARES(1));
    cr_assert_eq(g->bbo[1].flags, 0);
}

Test(realtime, lost_messages_are_not_forgiven_until_a_new_day)
{
    struct rig *g = quoted();
    rig_feed(g, OCT_FEED_GAP, 10, 12);
    rig_feed(g, OCT_FEED_STALE, 10, 12);
    rig_feed(g, OCT_FEED_LIVE, 12, 12);
    cr_assert_eq(view(g)->stale, OCT_STALE_LOST);
    cr_assert_eq(g->view.inst[40].stale, OCT_STALE_LOST, "also one that was not seen yet");
    rig_feed(g, OCT_FEED_GAP, 20, 21);
    rig_feed(g, OCT_FEED_RECOVERED, 20, 21);
    cr_assert_eq(view(g)->stale, OCT_STALE_LOST);
    rig_wait(g, SECONDS(1));
    cr_assert_eq(g->inst_cnt, 1, "each named instrument is published");
    cr_assert_eq(g->inst[0].stale, 1);
    rig_code(g, OCT_MD_SYSTEM, 0, 'O');
    cr_assert_eq(view(g)->stale, 0);
    cr_assert_eq(view(g)->bid_px.v, 0);
    cr_assert_eq(oct_books_order_cnt(g->view.books), 0);
    rig_wait(g, SECONDS(1));
    cr_assert_eq(g->inst[1].stale, 0);
}

Test(realtime, silence_ends_when_the_feed_is_live)
{
    struct rig *g = quoted();
    rig_feed(g, OCT_FEED_STALE, 10, 10);
    cr_assert_eq(view(g)->stale, OCT_STALE_SILENT);
    rig_feed(g, OCT_FEED_LIVE, 10, 10);
    cr_assert_eq(view(g)->stale, 0);
    rig_feed(g, OCT_FEED_END, 10, 10);
    cr_assert_eq(view(g)->stale, 0);
    rig_feed(g, OCT_FEED_BAD, 10, 11);
    cr_assert_eq(view(g)->stale, OCT_STALE_LOST);
    cr_assert_eq(rig_count(g, OCT_REALTIME_LOSSES), 1);
}

Test(realtime, reference_data_is_assumed_until_the_venue_speaks)
{
    struct oct_realtime_row rows[] = {{.symbol = SYM("AAPL    "),
                                       .inst = UINT32_MAX,
                                       .lot = 40,
                                       .prev_close = PX(289.80),
                                       .trading = 'T',
                                       .short_sale = '0'},
                                      {.symbol = SYM("MSFT    "),
                                       .inst = 9,
                                       .tick = PX(0.05),
                                       .trading = ' ',
                                       .short_sale = ' '}};
    struct oct_realtime_cfg cfg = rig_cfg();
    cfg.rows = rows;
    cfg.row_cnt = 2;
    struct rig *g = rig_new(&cfg);
    cr_assert_eq(view(g)->known, 0);
    cr_assert_eq(g->view.inst[9].known, 1);
    cr_assert_eq(g->view.inst[9].assumed, 2);
    cr_assert_eq(g->view.inst[9].trading, ' ');
    cr_assert_eq(g->view.ref[9].tick.v, PX(0.05).v);
    cr_assert_eq(g->view.ref[9].tick_sub.v, PX(0.0001).v);

    rig_md(g, (struct oct_md){.kind = OCT_MD_ADD,
                              .inst = INST,
                              .symbol = SYM("AAPL    "),
                              .px = PX(290),
                              .qty = SHARES(1)});
    cr_assert_eq(view(g)->known, 1);
    cr_assert_eq(view(g)->assumed, 7);
    cr_assert_eq(view(g)->trading, 'T');
    cr_assert_eq(view(g)->short_sale, '0');
    cr_assert_eq(g->view.ref[INST].lot, 40);
    cr_assert_eq(g->view.ref[INST].prev_close.v, PX(289.80).v);
    cr_assert_eq(g->inst_cnt, 1);
    cr_assert_eq(g->inst[0].assumed, 7);

    struct oct_md h = {
        .kind = OCT_MD_TRADING, .inst = INST, .symbol = SYM("AAPL    "), .code = 'H'};
    rig_md(g, h);
    cr_assert_eq(view(g)->trading, 'H');
    cr_assert_eq(view(g)->assumed, 6);
    h.kind = OCT_MD_SHORT_SALE;
    h.code = '1';
    rig_md(g, h);
    cr_assert_eq(view(g)->short_sale, '1');
    cr_assert_eq(view(g)->assumed, 2);
    h.kind = OCT_MD_DIRECTORY;
    h.qty2 = SHARES(10);
    rig_md(g, h);
    cr_assert_eq(view(g)->assumed, 0);
    cr_assert_eq(g->view.ref[INST].lot, 10);
    cr_assert_eq(g->view.ref[INST].prev_close.v, PX(289.80).v, "the venue does not say it");
    cr_assert_eq(g->inst_cnt, 4);
    cr_assert_eq(rig_count(g, OCT_REALTIME_SYMBOL_OTHER), 0);
}

Test(realtime, a_row_for_another_symbol_leaves_nothing_behind)
{
    struct oct_realtime_row row = {.symbol = SYM("OLD     "),
                                   .inst = INST,
                                   .lot = 7,
                                   .tick = PX(1),
                                   .prev_close = PX(5),
                                   .trading = 'T',
                                   .short_sale = '0'};
    struct oct_realtime_cfg cfg = rig_cfg();
    cfg.rows = &row;
    cfg.row_cnt = 1;
    struct rig *g = rig_new(&cfg);
    cr_assert_eq(view(g)->trading, 'T');
    rig_md(g, (struct oct_md){.kind = OCT_MD_ADD,
                              .inst = INST,
                              .symbol = SYM("NEW     "),
                              .px = PX(290),
                              .qty = SHARES(1)});
    cr_assert_eq(rig_count(g, OCT_REALTIME_SYMBOL_OTHER), 1);
    cr_assert_eq(view(g)->known, 0);
    cr_assert_eq(view(g)->assumed, 0);
    cr_assert_eq(view(g)->trading, ' ');
    cr_assert_eq(view(g)->short_sale, ' ');
    cr_assert_eq(g->view.ref[INST].lot, 100);
    cr_assert_eq(g->view.ref[INST].prev_close.v, 0);
    cr_assert_arr_eq(g->view.ref[INST].symbol.c, "NEW     ", 8);
}

Test(realtime, an_instrument_without_directory_is_named_but_not_known)
{
    struct rig *g = quoted();
    cr_assert_eq(view(g)->known, 0);
    cr_assert_arr_eq(g->view.ref[INST].symbol.c, "AAA     ", 8);
    cr_assert_eq(view(g)->trading, ' ');
}

Test(realtime, an_operational_halt_covers_the_trading_state_and_lifts_to_it)
{
    struct rig *g = quoted();
    rig_code(g, OCT_MD_TRADING, INST, 'T');
    rig_code(g, OCT_MD_OP_HALT, INST, 'H');
    cr_assert_eq(view(g)->trading, 'H');
    rig_code(g, OCT_MD_TRADING, INST, 'Q');
    cr_assert_eq(view(g)->trading, 'H');
    rig_code(g, OCT_MD_OP_HALT, INST, 'T');
    cr_assert_eq(view(g)->trading, 'Q');
    rig_md(g, (struct oct_md){.kind = OCT_MD_OP_HALT, .inst = INST, .code = 'H', .code2 = 'B'});
    cr_assert_eq(view(g)->trading, 'Q', "another market");
    cr_assert_eq(g->market[g->market_cnt - 1].what, OCT_MARKET_STATE);
}

Test(realtime, instruments_beyond_the_tables_are_counted_and_refused)
{
    struct rig *g = quoted();
    rig_add(g, RIG_INST_CNT, 77, OCT_BUY, PX(1), SHARES(1));
    rig_add(g, UINT32_MAX, 78, OCT_BUY, PX(1), SHARES(1));
    cr_assert_eq(rig_count(g, OCT_REALTIME_INST_RANGE), 2);
    cr_assert_eq(oct_books_order_cnt(g->view.books), 2);
    rig_delete(g, INST + 1, 1);
    cr_assert_eq(rig_count(g, OCT_REALTIME_INST_OTHER), 1);
    cr_assert_eq(g->bbo[0].inst, INST, "the order's instrument, not the message's");
}

Test(realtime, the_start_of_a_run_publishes_all_named_instruments_little_by_little)
{
    struct oct_realtime_cfg cfg = rig_cfg();
    struct oct_realtime_row rows[RIG_INST_CNT];
    cfg.rows = rows;
    cfg.row_cnt = RIG_INST_CNT;
    cfg.inst_cnt = 200;
    for (uint32_t i = 0; i < RIG_INST_CNT; i++) {
        rows[i] = (struct oct_realtime_row){
            .symbol = SYM("S000000 "), .inst = 3 * i, .trading = 'T', .short_sale = ' '};
        rows[i].symbol.c[5] = (char)('0' + i / 10);
        rows[i].symbol.c[6] = (char)('0' + i % 10);
    }
    struct rig *g = rig_new(&cfg);
    struct oct_in_start start = {OCT_MSG_HDR(IN_START, in_start)};
    oct_realtime_on_msg(g->rt, &g->step, &start.hdr);
    cr_assert_eq(g->inst_cnt, 0);
    rig_wait(g, SECONDS(1));
    cr_assert_eq(g->inst_cnt, RIG_INST_CNT);
    cr_assert_eq(g->inst[5].inst, 15);
    cr_assert_eq(g->inst[5].trading, 'T');
    cr_assert_eq(oct_timers_next(g->timers), INT64_MAX);
}

Test(realtime, the_same_messages_give_the_same_digest_and_prefetch_none_of_it)
{
    struct rig *a = quoted(), *b = quoted();
    for (uint64_t i = 0; i < 100; i++) {
        rig_add(a, (uint32_t)(i % 7), 100 + i, i & 1, PX(9 + (double)(i % 3)), SHARES(1 + i));
        struct oct_book_hint hint = {.ref = 100 + i * (i & 3),
                                     .new_ref = i & 7,
                                     .px = PX(i % 11),
                                     .inst = (uint32_t)(i * i * i * i),
                                     .side = i & 3};
        oct_realtime_prefetch2(b->rt, &hint);
        oct_realtime_prefetch1(b->rt, &hint);
        oct_realtime_prefetch2(b->rt, &hint);
        oct_realtime_prefetch3(b->rt, &hint);
        oct_realtime_prefetch4(b->rt, &hint);
        oct_realtime_prefetch_lone(b->rt, &hint);
        rig_add(b, (uint32_t)(i % 7), 100 + i, i & 1, PX(9 + (double)(i % 3)), SHARES(1 + i));
    }
    cr_assert_eq(oct_realtime_digest(a->rt), oct_realtime_digest(b->rt));
    rig_delete(b, INST, 1);
    cr_assert_neq(oct_realtime_digest(a->rt), oct_realtime_digest(b->rt));
}

Test(realtime, top_of_book_functions_follow_their_formulas)
{
    struct rig *g = quoted();
    cr_assert_float_eq(oct_view_imbalance(view(g)), (100.0 - 300) / 400, 1e-12);
    cr_assert_float_eq(oct_view_microprice(view(g)), (10.00 * 300 + 10.02 * 100) / 400, 1e-9);
    rig_delete(g, INST, 2);
    cr_assert_float_eq(oct_view_imbalance(view(g)), 1, 1e-12);
    cr_assert(isnan(oct_view_microprice(view(g))));
    rig_delete(g, INST, 1);
    cr_assert_eq(oct_view_imbalance(view(g)), 0);
}

Test(realtime, impossible_configurations_have_no_footprint)
{
    struct oct_realtime_cfg ok = rig_cfg(), c;
    cr_assert_gt(oct_realtime_footprint(&ok), 0);
    c = ok;
    c.inst_cnt = 0;
    cr_assert_eq(oct_realtime_footprint(&c), 0);
    c = ok;
    c.bar_interval_s = 7;
    cr_assert_eq(oct_realtime_footprint(&c), 0);
    c = ok;
    c.silence_ns = 0;
    cr_assert_eq(oct_realtime_footprint(&c), 0);
    c = ok;
    c.tick.v = 0;
    cr_assert_eq(oct_realtime_footprint(&c), 0);
    c = ok;
    c.lot = 0;
    cr_assert_eq(oct_realtime_footprint(&c), 0);
    c = ok;
    c.row_cnt = 1;
    cr_assert_eq(oct_realtime_footprint(&c), 0);
    cr_assert_null(oct_realtime_new(NULL, &c));
}
