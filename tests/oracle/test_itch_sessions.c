/* Recorded ITCH sessions from file to realtime: counts and final books made by other decoders. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "agents/realtime/realtime.h"
#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"
#include "tests/oracle/shared_data.h"

#define AAPL "nasdaq-itch50-aapl-20191230-0935-20k-derived/"
#define OPEN "nasdaq-itch50-20191230-0930/"
#define DAY  "nasdaq-itch50-daystart-35k/"

static struct oct_counter counters[OCT_REALTIME_COUNTER_CNT];
static uint64_t types[256];
static uint64_t told, trades, executed, hidden;
static uint32_t exec_at_best, exec_elsewhere;
static struct oct_view view;
static uint32_t messages, cut_short;

static void on_market(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    (void)self;
    (void)step;
    cr_assert_eq(m->type, OCT_MARKET);
    told++;
}

static void on_out(void *self, const struct oct_msg_hdr *m)
{
    (void)self;
    if (m->type != OCT_TRADE)
        return;
    const struct oct_trade *t = (const struct oct_trade *)m;
    trades++;
    *(t->hidden ? &hidden : &executed) += (uint64_t)(t->qty.v / OCT_QTY_ONE);
}

/* Is the order that is about to be executed at its side's best price?  Asked before it happens. */
static void look_at_exec(const struct oct_md *md)
{
    struct oct_book_order o;
    struct oct_level best;
    if ((md->kind != OCT_MD_EXEC && md->kind != OCT_MD_EXEC_PX) ||
        !oct_book_order(view.books, md->ref, &o))
        return;
    cr_assert(oct_book_best(view.books, o.inst, (enum oct_side)o.side, &best));
    if (best.px.v == o.px.v)
        exec_at_best++;
    else
        exec_elsewhere++;
}

/* Runs a length-framed file; false when it is missing. */
static struct oct_realtime *run(const char *path)
{
    size_t sz;
    uint8_t *data = shared_load(path, &sz);
    if (data == NULL)
        return NULL;
    struct oct_realtime_cfg cfg = {.inst_cnt = 16384,
                                   .order_cnt_max = 50000,
                                   .level_cnt_max = 50000,
                                   .bar_interval_s = 1,
                                   .silence_ns = OCT_NS_PER_S,
                                   .tick = {OCT_PX_ONE / 100},
                                   .tick_sub = {OCT_PX_ONE / 10000},
                                   .lot = 100,
                                   .counters = counters,
                                   .market = {.fn = on_market}};
    struct oct_realtime *r =
        oct_realtime_new(aligned_alloc(128, oct_realtime_footprint(&cfg)), &cfg);
    struct oct_out out = {.emit = on_out};
    struct oct_step step = {
        .out = &out, .timers = oct_timers_new(aligned_alloc(128, oct_timers_footprint(64)), 64)};
    oct_realtime_view(r, &view);
    struct oct_md md = {OCT_MSG_HDR(MD, md)};
    size_t at = 0;
    while (at + 2 <= sz) {
        uint32_t len = oct_load_be16(data + at);
        if (len == 0 || at + 2 + len > sz) {
            cut_short++;
            break;
        }
        const uint8_t *msg = data + at + 2;
        cr_assert_eq(oct_itch50_md(msg, len, 0, 0, &md), OCT_FEED_OK, "message %u", messages);
        types[msg[0]]++;
        messages++;
        look_at_exec(&md);
        step.feed_seq = messages;
        step.now_ns = step.ts_exch_ns = md.ts_exch_ns;
        oct_realtime_on_msg(r, &step, &md.hdr);
        at += 2 + len;
    }
    free(data);
    return r;
}

static uint64_t count_of(enum oct_realtime_counter c)
{
    return oct_count_get(&counters[c]);
}

static json_t *expected(const char *folder)
{
    char path[256];
    size_t sz;
    snprintf(path, sizeof(path), "%sexpected.json", folder);
    char *text = (char *)shared_load(path, &sz);
    json_t *j = json_loads(text, 0, NULL);
    cr_assert_not_null(j);
    free(text);
    return j;
}

/* A count of the expectation, which names no type without one: absent is none. */
static uint64_t count_in(const json_t *n)
{
    json_int_t v = json_integer_value(n);
    cr_assert((n == NULL || json_is_integer(n)) && v >= 0);
    return (uint64_t)v;
}

static void check_types(json_t *want)
{
    const char *type;
    json_t *n;
    json_object_foreach(json_object_get(want, "by_type"), type, n)
        cr_assert_eq(types[(uint8_t)type[0]], count_in(n), "%s", type);
}

static void check_unknown(json_t *want)
{
    static const struct {
        const char *type;
        enum oct_realtime_counter counter;
    } rows[] = {{"E", OCT_REALTIME_UNKNOWN_EXEC},
                {"C", OCT_REALTIME_UNKNOWN_EXEC_PX},
                {"X", OCT_REALTIME_UNKNOWN_REDUCE},
                {"D", OCT_REALTIME_UNKNOWN_DELETE},
                {"U", OCT_REALTIME_UNKNOWN_REPLACE}};
    json_t *unknown = json_object_get(want, "unknown_ref");
    for (size_t i = 0; i < OCT_ARRAY_CNT(rows); i++)
        cr_assert_eq(count_of(rows[i].counter), count_in(json_object_get(unknown, rows[i].type)),
                     "%s", rows[i].type);
}

static void check_top(json_t *want, enum oct_side side, const char *key)
{
    struct oct_level l[5];
    json_t *rows = json_object_get(want, key);
    uint32_t inst = 0;
    while (oct_book_level_cnt(view.books, inst, OCT_BUY) == 0)
        inst++;
    cr_assert_eq(oct_book_depth(view.books, inst, side, l, 5), json_array_size(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        cr_assert_eq(l[i].px.v, json_integer_value(json_array_get(row, 0)) * OCT_PX_E4);
        cr_assert_eq(l[i].qty.v, json_integer_value(json_array_get(row, 1)) * OCT_QTY_ONE);
    }
    const char *cnt = side == OCT_BUY ? "bid_levels" : "ask_levels";
    cr_assert_eq(oct_book_level_cnt(view.books, inst, side), count_in(json_object_get(want, cnt)));
    oct_px top = side == OCT_BUY ? view.inst[inst].bid_px : view.inst[inst].ask_px;
    cr_assert_eq(top.v, l[0].px.v);
}

Test(itch_session, aapl_20k_ends_in_the_expected_books_and_unknown_references)
{
    struct oct_realtime *r = run(AAPL "aapl_20191230_0935_first20000.itch50.xz");
    if (r == NULL)
        cr_skip_test(SHARED_MISSING);
    json_t *want = expected(AAPL);
    cr_assert_eq(messages, count_in(json_object_get(want, "messages")));
    check_types(want);
    check_top(want, OCT_BUY, "bid_top5");
    check_top(want, OCT_SELL, "ask_top5");
    check_unknown(want);
    cr_assert_eq(oct_books_order_cnt(view.books), count_in(json_object_get(want, "open_orders")));
    cr_assert_eq(executed, count_in(json_object_get(want, "executed_shares_known_refs")));
    cr_assert_eq(hidden, count_in(json_object_get(want, "hidden_trade_shares_P")));
    json_t *at_best = json_object_get(want, "exec_at_best_of_known_orders");
    cr_assert_eq(exec_at_best, count_in(json_object_get(at_best, "True")));
    cr_assert_eq(exec_elsewhere, 0);
    cr_assert_eq(count_of(OCT_REALTIME_RANGE), count_in(json_object_get(want, "overfills")));
    cr_assert_eq(count_of(OCT_REALTIME_DUP), 0);
    cr_assert_eq(count_of(OCT_REALTIME_TRADES), trades);
    cr_assert_gt(told, 0);
}

Test(itch_session, a_thousand_messages_at_the_open_have_the_expected_unknown_references)
{
    struct oct_realtime *r = run(OPEN "12302019_SNIPPET.NASDAQ_ITCH50");
    if (r == NULL)
        cr_skip_test(SHARED_MISSING);
    json_t *want = expected(OPEN);
    cr_assert_eq(messages, count_in(json_object_get(want, "messages")));
    check_types(want);
    check_unknown(want);
    cr_assert_eq(oct_books_order_cnt(view.books), count_in(json_object_get(want, "open_orders")));
    cr_assert_eq(hidden, count_in(json_object_get(want, "hidden_trade_shares_P")));
    cr_assert_eq(count_of(OCT_REALTIME_CROSSES) + count_of(OCT_REALTIME_NOTICES), 4 + 4 + 1,
                 "auctions, imbalances, system events");
    cr_assert_eq(count_of(OCT_REALTIME_HIDDEN), types['P']);
    cr_assert_eq(count_of(OCT_REALTIME_DUP) + count_of(OCT_REALTIME_RANGE), 0);
}

Test(itch_session, the_start_of_a_day_names_every_stock_and_its_states)
{
    struct oct_realtime *r = run(DAY "nasdaq_itch50_first1MiB.bin.xz");
    if (r == NULL)
        cr_skip_test(SHARED_MISSING);
    cr_assert_eq(messages, 35581);
    cr_assert_eq(cut_short, 1);
    uint32_t known = 0, trading = 0, rule = 0, assumed = 0;
    for (uint32_t i = 0; i < view.inst_cnt; i++) {
        known += view.inst[i].known;
        trading += view.inst[i].trading != ' ';
        rule += view.inst[i].short_sale != ' ';
        assumed += view.inst[i].assumed;
        if (view.inst[i].known) {
            cr_assert_neq(view.ref[i].symbol.c[0], ' ');
            cr_assert_gt(view.ref[i].lot, 0);
        }
    }
    cr_assert_eq(known, types['R']);
    cr_assert_eq(trading, types['H']);
    cr_assert_eq(rule, types['Y']);
    cr_assert_eq(assumed, 0);
    cr_assert_eq(count_of(OCT_REALTIME_STATES), types['R'] + types['H'] + types['Y']);
}
