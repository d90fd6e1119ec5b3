/* The order desk: OUCH in, OUCH out, by hand. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tools/exchange/fixture.h"
#include "tools/exchange/desk.h"

#define STAMP UINT64_C(34200000000000)

static struct oct_exch_desk d;
static uint64_t seen[OCT_EXCH_USER_MAX]; /* messages read of each user's stream */

static void market(enum oct_md_kind kind, uint64_t ref, enum oct_side side, uint32_t shares,
                   uint32_t px_e4, char code)
{
    struct oct_md m = {OCT_MSG_HDR(MD, md),
                       .kind = (uint8_t)kind,
                       .inst = 1,
                       .ref = ref,
                       .side = (uint8_t)side,
                       .qty = oct_qty_from_shares(shares),
                       .px = oct_px_from_e4(px_e4),
                       .code = code,
                       .qty2 = oct_qty_from_shares(100)};
    memcpy(m.symbol.c, "AAPL    ", 8);
    oct_exch_desk_md(&d, &m, STAMP + ref);
}

static void add(uint64_t ref, enum oct_side side, uint32_t shares, uint32_t px_e4)
{
    market(OCT_MD_ADD, ref, side, shares, px_e4, ' ');
}

static void set_up(void)
{
    struct oct_exch_desk_cfg cfg = {.rec_order_cnt_max = 4096,
                                    .rec_level_cnt_max = 1024,
                                    .order_cnt_max = 1024,
                                    .self = OCT_MATCH_SELF_DECREMENT,
                                    .first_match_id = 1};
    cr_assert_eq(oct_exch_desk_init(&d, &cfg), 0);
    cr_assert_eq(oct_exch_desk_user(&d, "OCT01", "secret", "OCTO", NULL), 0);
    cr_assert_eq(oct_exch_desk_user(&d, "OCT02", "secret", "", NULL), 1);
    market(OCT_MD_DIRECTORY, 0, OCT_BUY, 0, 0, 'P');
    add(11, OCT_BUY, 300, 1000000);
    add(12, OCT_SELL, 200, 1000500);
}

static void tear_down(void)
{
    oct_exch_desk_fini(&d);
}

TestSuite(desk, .init = set_up, .fini = tear_down);

static struct oct_ouch50_in order(uint32_t ref, char side, uint32_t qty, uint64_t px)
{
    struct oct_ouch50_in in = {.type = 'O',
                               .side = side,
                               .tif = '0',
                               .display = 'Y',
                               .capacity = 'P',
                               .sweep = 'N',
                               .cross = 'N',
                               .user_ref = ref,
                               .qty = qty,
                               .px = px};
    memcpy(in.symbol.c, "AAPL    ", 8);
    oct_ouch50_clordid(0xabc00000000u + ref, (uint8_t *)in.cl_ord_id);
    return in;
}

static void say_as(uint32_t user, const struct oct_ouch50_in *in)
{
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    int sz = oct_ouch50_in_encode(in, buf);
    cr_assert_gt(sz, 0);
    oct_exch_desk_in(&d, user, buf, (uint32_t)sz);
}

static void say(const struct oct_ouch50_in *in)
{
    say_as(0, in);
}

/* The next message to a user; it must be of this type. */
static struct oct_ouch50_out hear_as(uint32_t user, char type)
{
    struct oct_ouch50_out out;
    uint32_t sz, off;
    const uint8_t *m = oct_exch_msglog_get(&d.user[user].log, ++seen[user], &sz);
    cr_assert_not_null(m, "nothing was said, %c expected", type);
    cr_assert_eq(oct_ouch50_out_decode(m, sz, &out, &off), 0);
    cr_assert_eq(out.type, type, "%c was said, %c expected", out.type, type);
    return out;
}

static struct oct_ouch50_out hear(char type)
{
    return hear_as(0, type);
}

static void silence(void)
{
    uint32_t sz;
    for (uint32_t u = 0; u < d.user_cnt; u++) {
        const uint8_t *m = oct_exch_msglog_get(&d.user[u].log, seen[u] + 1, &sz);
        cr_expect_null(m, "user %u heard %c", u, m ? *m : ' ');
    }
}

static void expect_reject(const struct oct_ouch50_in *in, uint16_t reason)
{
    say(in);
    struct oct_ouch50_out out = hear('J');
    cr_expect_eq(out.reason, reason, "reason %u, not %u", out.reason, reason);
    cr_expect_eq(out.user_ref, in->user_ref);
    silence();
}

/* ---- enter ----------------------------------------------------------------------------------- */

Test(desk, accepted_order_is_echoed_and_rests)
{
    struct oct_ouch50_in in = order(7, 'B', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(FIRM);
    memcpy(in.opts.firm, "OCTO", 4);
    say(&in);
    struct oct_ouch50_out out = hear('A');
    cr_expect_eq(out.user_ref, 7);
    cr_expect_eq(out.qty, 100);
    cr_expect_eq(out.px, 1000000);
    cr_expect_eq(out.state, 'L');
    cr_expect_eq(out.ts, STAMP + 12, "the session's time");
    cr_expect_eq(memcmp(out.cl_ord_id, in.cl_ord_id, 14), 0);
    cr_expect_eq(memcmp(out.opts.firm, "OCTO", 4), 0);
    silence();
    cr_expect_eq(d.live, 1);
}

Test(desk, fills_are_told_with_price_liquidity_and_match)
{
    struct oct_ouch50_in in = order(1, 'B', 250, 1000500);
    say(&in);
    hear('A');
    struct oct_ouch50_out out = hear('E');
    cr_expect_eq(out.qty, 200);
    cr_expect_eq(out.px, 1000500);
    cr_expect_eq(out.code, 'R');
    cr_expect_neq(out.match, 0);
    silence();
    add(13, OCT_SELL, 500, 1000400);
    out = hear('E');
    cr_expect_eq(out.qty, 50);
    cr_expect_eq(out.px, 1000500, "resting at our price");
    cr_expect_eq(out.code, 'A');
    cr_expect_eq(d.live, 0);
    cr_expect_eq(d.order[1].state, OCT_EXCH_FILLED);
}

Test(desk, used_numbers_are_ignored)
{
    struct oct_ouch50_in in = order(5, 'B', 100, 999900);
    say(&in);
    hear('A');
    say(&in);
    in.user_ref = 4;
    say(&in);
    silence();
    cr_expect_eq(d.user[0].ignored, 2);
    struct oct_ouch50_in q = {.type = 'Q'};
    say(&q);
    cr_expect_eq(hear('Q').user_ref, 6);
}

Test(desk, rejects_have_their_codes_and_use_up_the_number)
{
    struct oct_ouch50_in in = order(1, 'X', 100, 1000000);
    expect_reject(&in, 0x0009); /* side */
    in = order(2, 'B', 0, 1000000);
    expect_reject(&in, 0x0013); /* quantity */
    in = order(3, 'B', 1000000, 1000000);
    expect_reject(&in, 0x0013);
    in = order(4, 'B', 100, 0);
    expect_reject(&in, 0x001d); /* price */
    in = order(5, 'B', 100, 1000050);
    expect_reject(&in, 0x001d); /* off the tick of one cent */
    in = order(6, 'B', 100, 1000000);
    memcpy(in.symbol.c, "NOSUCH  ", 8);
    expect_reject(&in, 0x0017); /* symbol */
    in = order(7, 'B', 100, 1000000);
    in.display = 'Q';
    expect_reject(&in, 0x0003); /* display */
    in = order(8, 'B', 100, 1000000);
    in.cross = 'O';
    expect_reject(&in, 0x0014); /* cross: not offered */
    in = order(9, 'B', 150, 1000000);
    in.opts.set = OCT_OUCH50_BIT(MIN_QTY);
    in.opts.min_qty = 150;
    expect_reject(&in, 0x000d); /* minimum: no round lot */
    in = order(10, 'B', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(PRICE_TYPE);
    in.opts.price_type = 'M';
    expect_reject(&in, 0x0011); /* pegging */
    in = order(11, 'B', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(ROUTE);
    memcpy(in.opts.route, "STGY", 4);
    expect_reject(&in, 0x0016); /* routing */
    in = order(12, 'B', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(CUSTOMER_TYPE);
    in.opts.customer_type = 'R';
    expect_reject(&in, 0x001a); /* retail */
    in = order(13, 'B', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(FIRM);
    memcpy(in.opts.firm, "ELSE", 4);
    expect_reject(&in, 0x000c); /* firm */
    in = order(14, 'B', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(MAX_FLOOR);
    in.opts.max_floor = 10;
    expect_reject(&in, 0x0004); /* reserve */
    cr_expect_eq(d.user[0].rejected, 14);
    cr_expect_eq(d.user[0].last_ref, 14);
    cr_expect_eq(d.live, 0);
}

Test(desk, halted_symbol_rejects_and_resumes)
{
    market(OCT_MD_TRADING, 20, OCT_BUY, 0, 0, 'H');
    struct oct_ouch50_in in = order(1, 'B', 100, 1000000);
    expect_reject(&in, 0x0007);
    market(OCT_MD_TRADING, 21, OCT_BUY, 0, 0, 'T');
    in.user_ref = 2;
    say(&in);
    hear('A');
}

Test(desk, short_sales_at_the_bid_are_rejected_under_the_restriction)
{
    market(OCT_MD_SHORT_SALE, 20, OCT_BUY, 0, 0, '1');
    struct oct_ouch50_in in = order(1, 'T', 100, 1000000); /* the bid */
    expect_reject(&in, 0x0023);
    in = order(2, 'T', 100, 1000100);
    say(&in);
    hear('A');
    in = order(3, 'E', 100, 1000000); /* exempt */
    say(&in);
    hear('A');
    hear('E');
    in = order(4, 'S', 100, 1000000); /* long */
    say(&in);
    hear('A');
    hear('E');
    silence();
}

Test(desk, immediate_or_cancel_and_post_only_are_cancelled_with_their_reasons)
{
    struct oct_ouch50_in in = order(1, 'B', 300, 1000500);
    in.tif = '3';
    say(&in);
    hear('A');
    cr_expect_eq(hear('E').qty, 200);
    struct oct_ouch50_out out = hear('C');
    cr_expect_eq(out.qty, 100);
    cr_expect_eq(out.reason, 'I');
    in = order(2, 'S', 100, 1000000);
    in.opts.set = OCT_OUCH50_BIT(POST_ONLY);
    in.opts.post_only = 'P';
    say(&in);
    hear('A');
    out = hear('C');
    cr_expect_eq(out.qty, 100);
    cr_expect_eq(out.reason, 'G');
    silence();
}

/* ---- cancel, replace, modify ----------------------------------------------------------------- */

Test(desk, cancel_states_the_total_that_may_execute)
{
    struct oct_ouch50_in in = order(1, 'B', 500, 1000500);
    say(&in); /* 200 are filled at once, 300 rest */
    hear('A');
    hear('E');
    struct oct_ouch50_in x = {.type = 'X', .user_ref = 1, .qty = 400};
    say(&x);
    struct oct_ouch50_out out = hear('C');
    cr_expect_eq(out.qty, 100, "400 in all, 200 of them executed: 200 of 300 stay");
    cr_expect_eq(out.reason, 'U');
    cr_expect_eq(d.order[1].open, 200);
    x.qty = 600;
    say(&x); /* more than there is: superfluous */
    silence();
    x.qty = 100; /* less than was executed: the rest goes */
    say(&x);
    cr_expect_eq(hear('C').qty, 200);
    say(&x);
    x.user_ref = 99;
    say(&x);
    silence();
    cr_expect_eq(d.live, 0);
}

Test(desk, replacement_counts_executions_of_the_whole_chain)
{
    struct oct_ouch50_in in = order(1, 'B', 500, 1000500);
    say(&in);
    hear('A');
    cr_expect_eq(hear('E').qty, 200);
    struct oct_ouch50_in u = order(2, ' ', 500, 1000200);
    u.type = 'U';
    u.orig_user_ref = 1;
    say(&u);
    struct oct_ouch50_out out = hear('U');
    cr_expect_eq(out.user_ref, 2);
    cr_expect_eq(out.orig_user_ref, 1);
    cr_expect_eq(out.qty, 300, "500 in all less 200 executed");
    cr_expect_eq(out.side, 'B');
    cr_expect_eq(out.px, 1000200);
    cr_expect_eq(memcmp(out.symbol.c, "AAPL    ", 8), 0);
    add(30, OCT_SELL, 120, 1000200);
    cr_expect_eq(hear('E').qty, 120);
    u = order(3, ' ', 400, 1000300);
    u.type = 'U';
    u.orig_user_ref = 2;
    say(&u);
    cr_expect_eq(hear('U').qty, 80, "400 in all less 200 + 120");
    struct oct_ouch50_in x = {.type = 'X', .user_ref = 3, .qty = 350};
    say(&x);
    cr_expect_eq(hear('C').qty, 50, "350 in all: 30 stay");
    silence();
    cr_expect_eq(d.order[1].state, OCT_EXCH_REPLACED);
    cr_expect_eq(d.live, 1);
}

Test(desk, replacement_of_what_is_dead_is_ignored_and_its_number_free)
{
    struct oct_ouch50_in u = order(9, ' ', 100, 1000000);
    u.type = 'U';
    u.orig_user_ref = 1;
    say(&u);
    silence();
    struct oct_ouch50_in in = order(9, 'B', 100, 999900);
    say(&in);
    hear('A');
}

Test(desk, invalid_replacement_cancels_the_order_and_leaves_its_number_free)
{
    struct oct_ouch50_in in = order(1, 'B', 100, 999900);
    say(&in);
    hear('A');
    struct oct_ouch50_in u = order(2, ' ', 1000000, 999900);
    u.type = 'U';
    u.orig_user_ref = 1;
    say(&u);
    struct oct_ouch50_out out = hear('C');
    cr_expect_eq(out.user_ref, 1);
    cr_expect_eq(out.qty, 100);
    in = order(2, 'B', 100, 999900);
    say(&in);
    hear('A');
    silence();
}

Test(desk, replacement_in_a_halt_is_rejected_and_the_order_stays)
{
    struct oct_ouch50_in in = order(1, 'B', 100, 999900);
    say(&in);
    hear('A');
    market(OCT_MD_TRADING, 20, OCT_BUY, 0, 0, 'H');
    struct oct_ouch50_in u = order(2, ' ', 100, 999800);
    u.type = 'U';
    u.orig_user_ref = 1;
    say(&u);
    struct oct_ouch50_out out = hear('J');
    cr_expect_eq(out.user_ref, 2);
    cr_expect_eq(out.reason, 0x0007);
    cr_expect_eq(d.order[1].state, OCT_EXCH_LIVE);
    silence();
}

Test(desk, modify_changes_side_mark_and_size)
{
    struct oct_ouch50_in in = order(1, 'S', 300, 1000600);
    say(&in);
    hear('A');
    struct oct_ouch50_in m = {.type = 'M', .user_ref = 1, .side = 'T', .qty = 200};
    say(&m);
    struct oct_ouch50_out out = hear('M');
    cr_expect_eq(out.side, 'T');
    cr_expect_eq(out.qty, 200);
    cr_expect_eq(d.order[1].open, 200);
    m.side = 'S'; /* not allowed from T */
    say(&m);
    silence();
    m.side = 'T';
    m.qty = 400; /* more: behind everybody */
    add(40, OCT_SELL, 500, 1000600);
    say(&m);
    cr_expect_eq(hear('M').qty, 400);
    struct oct_match_view v;
    cr_assert(oct_match_order(d.match, 1, &v));
    cr_expect_eq(v.ahead.v, 500 * OCT_QTY_ONE);
    m.qty = 0;
    say(&m);
    cr_expect_eq(hear('C').qty, 400);
    silence();
}

/* ---- the rest -------------------------------------------------------------------------------- */

Test(desk, self_match_tells_both_and_uses_up_the_chain)
{
    struct oct_ouch50_in in = order(1, 'S', 100, 1000300);
    say(&in);
    hear('A');
    in = order(2, 'B', 150, 1000300);
    say(&in);
    hear('A');
    struct oct_ouch50_out out = hear('D');
    cr_expect_eq(out.user_ref, 1);
    cr_expect_eq(out.qty, 100);
    cr_expect_eq(out.prevented, 100);
    cr_expect_eq(out.px, 1000300);
    cr_expect_eq(out.reason, 'Q');
    out = hear('D');
    cr_expect_eq(out.user_ref, 2);
    cr_expect_eq(out.qty, 100);
    silence();
    struct oct_ouch50_in u = order(3, ' ', 150, 1000200);
    u.type = 'U';
    u.orig_user_ref = 2;
    say(&u);
    cr_expect_eq(hear('U').qty, 50, "decremented shares count");
}

Test(desk, users_of_different_firms_trade_with_each_other)
{
    struct oct_ouch50_in in = order(1, 'S', 100, 1000300);
    say(&in);
    hear('A');
    in = order(1, 'B', 100, 1000300);
    say_as(1, &in);
    hear_as(1, 'A');
    struct oct_ouch50_out a = hear('E'), b = hear_as(1, 'E');
    cr_expect_eq(a.match, b.match, "both sides share the number");
    cr_expect_eq(a.code, 'A');
    cr_expect_eq(b.code, 'R');
    silence();
}

Test(desk, end_of_market_hours_cancels_day_orders_and_only_those)
{
    struct oct_ouch50_in in = order(1, 'B', 100, 999900);
    say(&in);
    hear('A');
    in = order(2, 'B', 100, 999900);
    in.tif = '5'; /* extended hours */
    say(&in);
    hear('A');
    market(OCT_MD_SYSTEM, 50, OCT_BUY, 0, 0, 'M');
    struct oct_ouch50_out out = hear('C');
    cr_expect_eq(out.user_ref, 1);
    cr_expect_eq(out.reason, 'E');
    silence();
    in = order(3, 'B', 100, 999900); /* a day order that comes too late */
    say(&in);
    hear('A');
    cr_expect_eq(hear('C').reason, 'E');
    market(OCT_MD_SYSTEM, 51, OCT_BUY, 0, 0, 'E');
    cr_expect_eq(hear('C').user_ref, 2);
    in = order(4, 'B', 100, 999900);
    expect_reject(&in, 0x0002); /* closed */
    cr_expect_eq(d.live, 0);
}

Test(desk, orders_with_an_expiry_time_out)
{
    struct oct_ouch50_in in = order(1, 'B', 100, 999900);
    in.tif = '6';
    in.opts.set = OCT_OUCH50_BIT(EXPIRE_TIME);
    in.opts.expire_s = 2;
    say(&in);
    hear('A');
    add(UINT64_C(1999999999), OCT_BUY, 100, 900000); /* the reference is the time, too */
    silence();
    add(UINT64_C(2000000012), OCT_BUY, 100, 900000);
    struct oct_ouch50_out out = hear('C');
    cr_expect_eq(out.reason, 'T');
    silence();
}

Test(desk, begin_and_end_of_the_day_are_told_and_cancel_what_rests)
{
    oct_exch_desk_begin(&d);
    cr_expect_eq(hear('S').code, 'S');
    cr_expect_eq(hear_as(1, 'S').code, 'S');
    struct oct_ouch50_in in = order(1, 'B', 100, 999900);
    say(&in);
    hear('A');
    oct_exch_desk_end(&d);
    cr_expect_eq(hear('C').reason, 'E');
    cr_expect_eq(hear('S').code, 'E');
    cr_expect_eq(hear_as(1, 'S').code, 'E');
    silence();
}

Test(desk, broken_trade_is_told_to_its_owners)
{
    struct oct_ouch50_in in = order(1, 'B', 50, 1000500);
    say(&in);
    hear('A');
    uint64_t match = hear('E').match;
    cr_expect_eq(oct_exch_desk_break(&d, match), 0);
    struct oct_ouch50_out out = hear('B');
    cr_expect_eq(out.match, match);
    cr_expect_eq(out.user_ref, 1);
    cr_expect_eq(oct_exch_desk_break(&d, match), -ENOENT, "once");
    silence();
}

Test(desk, nonsense_is_counted_and_answered_by_nothing)
{
    uint8_t junk[64];
    memset(junk, 'O', sizeof junk);
    for (uint32_t n = 0; n <= 46; n++)
        oct_exch_desk_in(&d, 0, junk, n);
    junk[0] = 'z';
    oct_exch_desk_in(&d, 0, junk, 47);
    silence();
    cr_expect_eq(d.user[0].bad, 48);
}

Test(desk, stream_on_disk_comes_back_without_its_torn_end)
{
    struct oct_exch_msglog l;
    char path[128];
    snprintf(path, sizeof path, "%s", temp_file(".seq", "", 0));
    cr_assert_eq(oct_exch_msglog_init(&l, path), 0);
    cr_expect_eq(oct_exch_msglog_append(&l, "first", 5), 1);
    cr_expect_eq(oct_exch_msglog_append(&l, "second", 6), 2);
    oct_exch_msglog_fini(&l);
    FILE *f = fopen(path, "ab");
    fwrite("\0\x20torn", 1, 6, f);
    fclose(f);
    cr_assert_eq(oct_exch_msglog_init(&l, path), 0);
    cr_expect_eq(l.cnt, 2);
    cr_expect_eq(oct_exch_msglog_append(&l, "third", 5), 3);
    uint32_t sz;
    cr_expect_eq(memcmp(oct_exch_msglog_get(&l, 2, &sz), "second", 6), 0);
    oct_exch_msglog_fini(&l);
    cr_assert_eq(oct_exch_msglog_init(&l, path), 0);
    cr_expect_eq(l.cnt, 3);
    oct_exch_msglog_fini(&l);
}

Test(desk, restarted_venue_knows_its_orders_and_cancels_what_was_live)
{
    char path[128];
    snprintf(path, sizeof path, "%s", temp_file(".seq", "", 0));
    cr_assert_eq(oct_exch_desk_user(&d, "OCT03", "x", "", path), 2);
    struct oct_ouch50_in in = order(1, 'B', 250, 1000500);
    say_as(2, &in); /* 200 filled, 50 live */
    in = order(2, 'S', 100, 1100000);
    say_as(2, &in);
    in = order(3, 'S', 100, 0);
    say_as(2, &in); /* rejected */
    oct_exch_desk_fini(&d);

    struct oct_exch_desk_cfg cfg = {.rec_order_cnt_max = 4096,
                                    .rec_level_cnt_max = 1024,
                                    .order_cnt_max = 1024,
                                    .first_match_id = 100};
    cr_assert_eq(oct_exch_desk_init(&d, &cfg), 0);
    cr_assert_eq(oct_exch_desk_user(&d, "OCT03", "x", "", path), 0);
    cr_expect_eq(d.order_cnt, 4);
    cr_expect_eq(d.fill_cnt, 1);
    cr_expect_eq(d.order[1].filled, 200);
    cr_expect_eq(d.order[1].cancelled, 50);
    cr_expect_eq(d.order[2].cancelled, 100);
    cr_expect_eq(d.order[3].state, OCT_EXCH_REJECTED);
    seen[0] = 0;
    hear('A');
    hear('E');
    hear('A');
    hear('J');
    cr_expect_eq(hear('C').reason, 'Z');
    cr_expect_eq(hear('C').qty, 100);
    silence();
    struct oct_ouch50_in q = {.type = 'Q'};
    say(&q);
    cr_expect_eq(hear('Q').user_ref, 4);
}
