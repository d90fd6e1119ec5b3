/* OUCH 5.0: how our orders go onto the wire and what is refused; what the venue says, back. */
#include <criterion/criterion.h>
#include <errno.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "drivers/venue/ouch50.h"

static const struct oct_order_ops *const ops = &oct_order_ouch50;
static const char no_firm[4] = {' ', ' ', ' ', ' '};
static uint8_t out[OCT_VENUE_MSG_MAX];

static struct oct_order order(void)
{
    struct oct_order o = {
        OCT_MSG_HDR(ORDER, order),
        .order_id = UINT64_C(0x0100312a00000007),
        .user_ref = 7,
        .px = {INT64_C(123450000000)}, /* 123.45 */
        .qty = {100 * OCT_QTY_ONE},
        .action = OCT_ACTION_NEW,
    };
    memcpy(o.symbol.c, "AAPL    ", 8);
    return o;
}

static int encode(const struct oct_order *o, const char firm[4])
{
    memset(out, 0xee, sizeof out);
    int n = ops->encode(o, firm, out);
    int c = ops->check(o);
    cr_assert_eq(c < 0 ? c : 0, n < 0 ? n : 0, "check says what encode says");
    return n;
}

Test(ouch50, enter_order_has_every_field_where_the_specification_puts_it)
{
    struct oct_order o = order();
    uint8_t want[47] = {'O', 0, 0, 0, 7, 'B', 0, 0, 0, 100};

    memcpy(want + 10, "AAPL    ", 8);
    oct_store_be64(want + 18, 1234500);
    memcpy(want + 26, "0YPNN", 5);
    cr_assert_eq(encode(&o, no_firm), 47);
    memcpy(want + 31, out + 31, 14); /* checked below */
    cr_assert_eq(memcmp(out, want, 47), 0);
    cr_assert_eq(oct_ouch50_order_id(out + 31), o.order_id);
}

Test(ouch50, firm_minimum_quantity_and_post_only_go_into_the_appendage)
{
    struct oct_order o = order();

    o.min_qty.v = 100 * OCT_QTY_ONE;
    o.post_only = 1;
    cr_assert_eq(encode(&o, "OCTO"), 47 + 6 + 6 + 3);
    cr_assert_eq(memcmp(out + 45, "\x00\x0f\x05\x02OCTO\x05\x03\x00\x00\x00\x64\x02\x0cP", 17), 0);
    cr_assert_eq(encode(&o, "\0\0\0\0"), 47 + 6 + 3);
}

Test(ouch50, sides_display_and_time_in_force)
{
    struct oct_order o = order();

    o.side = OCT_SELL;
    o.hidden = 1;
    o.tif = OCT_TIF_IOC;
    cr_assert_eq(encode(&o, no_firm), 47);
    cr_assert_eq(out[5], 'S');
    cr_assert_eq(out[26], '3');
    cr_assert_eq(out[27], 'N');
    o.short_sale = 1;
    cr_assert_eq(encode(&o, no_firm), 47);
    cr_assert_eq(out[5], 'T');
}

Test(ouch50, fill_or_kill_is_immediate_with_the_whole_quantity_as_minimum)
{
    struct oct_order o = order();

    o.tif = OCT_TIF_FOK;
    o.qty.v = 300 * OCT_QTY_ONE;
    cr_assert_eq(encode(&o, no_firm), 53);
    cr_assert_eq(out[26], '3');
    cr_assert_eq(memcmp(out + 45, "\x00\x06\x05\x03\x00\x00\x01\x2c", 8), 0);
}

Test(ouch50, market_order_has_the_special_price_and_never_rests)
{
    struct oct_order o = order();

    o.ord_type = OCT_ORD_MARKET;
    o.px.v = 0;
    cr_assert_eq(encode(&o, no_firm), 47);
    cr_assert_eq(oct_load_be64(out + 18), 0x7fffffff);
    cr_assert_eq(out[26], '3');
    cr_assert(oct_ouch50_is_market(oct_load_be64(out + 18)));
    o.px.v = OCT_PX_ONE;
    cr_assert_eq(encode(&o, no_firm), -EINVAL, "a market order has no price");
    o.px.v = 0;
    o.post_only = 1;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
}

Test(ouch50, replace_carries_both_numbers)
{
    struct oct_order o = order();

    o.action = OCT_ACTION_REPLACE;
    o.orig_user_ref = 3;
    cr_assert_eq(encode(&o, "OCTO"), 40, "a replacement has no firm");
    cr_assert_eq(out[0], 'U');
    cr_assert_eq(oct_load_be32(out + 1), 3);
    cr_assert_eq(oct_load_be32(out + 5), 7);
    cr_assert_eq(oct_load_be32(out + 9), 100);
    cr_assert_eq(oct_load_be64(out + 13), 1234500);
    cr_assert_eq(memcmp(out + 21, "0YN", 3), 0);
    cr_assert_eq(oct_ouch50_order_id(out + 24), o.order_id);
    o.orig_user_ref = 0;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
    o.orig_user_ref = 7;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
    o.orig_user_ref = 3;
    o.tif = OCT_TIF_FOK;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
}

Test(ouch50, cancel_reduce_and_account_query)
{
    struct oct_order o = order();

    o.action = OCT_ACTION_CANCEL;
    cr_assert_eq(encode(&o, no_firm), 9);
    cr_assert_eq(memcmp(out, "X\x00\x00\x00\x07\x00\x00\x00\x00", 9), 0);
    o.action = OCT_ACTION_REDUCE;
    cr_assert_eq(encode(&o, no_firm), 9);
    cr_assert_eq(memcmp(out, "X\x00\x00\x00\x07\x00\x00\x00\x64", 9), 0);
    o.qty.v = 0;
    cr_assert_eq(encode(&o, no_firm), -ERANGE, "to nothing is a cancel");
    o.action = OCT_ACTION_ACCOUNT_QUERY;
    cr_assert_eq(encode(&o, no_firm), 1);
    cr_assert_eq(out[0], 'Q');
    o.action = 77;
    cr_assert_eq(encode(&o, no_firm), -ENOTSUP);
    o.action = OCT_ACTION_CANCEL;
    o.user_ref = 0;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
}

Test(ouch50, quantities_that_do_not_fit_are_refused)
{
    static const int64_t bad[] = {0,
                                  -1,
                                  -100 * OCT_QTY_ONE,
                                  OCT_QTY_ONE / 2,
                                  OCT_QTY_ONE + 1,
                                  1000000 * OCT_QTY_ONE,
                                  INT64_MAX,
                                  INT64_MIN,
                                  (INT64_C(1) << 32) * OCT_QTY_ONE + 100 * OCT_QTY_ONE};
    struct oct_order o = order();

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        o.qty.v = bad[i];
        cr_assert_eq(encode(&o, no_firm), -ERANGE, "quantity %ld", (long)bad[i]);
        o.action = OCT_ACTION_REDUCE;
        cr_assert_eq(encode(&o, no_firm), -ERANGE, "reduce to %ld", (long)bad[i]);
        o.action = OCT_ACTION_NEW;
    }
    o.qty.v = 999999 * OCT_QTY_ONE;
    cr_assert_eq(encode(&o, no_firm), 47);
    o.min_qty.v = OCT_QTY_ONE / 2;
    cr_assert_eq(encode(&o, no_firm), -ERANGE);
    o.min_qty.v = -1;
    cr_assert_eq(encode(&o, no_firm), -ERANGE);
    o.qty.v = 100 * OCT_QTY_ONE;
    o.min_qty.v = 101 * OCT_QTY_ONE;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
}

Test(ouch50, prices_that_do_not_fit_are_refused)
{
    static const int64_t bad[] = {0,
                                  -1,
                                  -OCT_PX_E4,
                                  1,
                                  OCT_PX_E4 - 1,
                                  OCT_PX_E4 + 1,
                                  INT64_C(199999990000000) + OCT_PX_E4,
                                  200000 * OCT_PX_ONE,
                                  INT64_C(2147483647) * OCT_PX_E4,
                                  INT64_MAX,
                                  INT64_MIN};
    struct oct_order o = order();

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        o.px.v = bad[i];
        cr_assert_eq(encode(&o, no_firm), -ERANGE, "price %ld", (long)bad[i]);
    }
    o.px.v = OCT_PX_E4;
    cr_assert_eq(encode(&o, no_firm), 47);
    o.px.v = INT64_C(199999990000000); /* 199,999.9900 */
    cr_assert_eq(encode(&o, no_firm), 47);
    cr_assert_eq(oct_load_be64(out + 18), 1999999900);
}

Test(ouch50, odd_symbols_are_refused)
{
    static const char *const bad[] = {"        ",    " AAPL   ",     "AA PL   ",
                                      "AAPL   X",    "AAPL\0\0\0\0", "AAP\xffL   ",
                                      "AAPL\x7f   ", "AAP\x1f    ",  "\tAPL    "};
    static const char *const good[] = {"A       ", "BRK.B   ", "ABCDEFGH",
                                       "AAPL+   ", "ZVZZT   ", "abc~    "};
    struct oct_order o = order();

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        memcpy(o.symbol.c, bad[i], 8);
        cr_assert_eq(encode(&o, no_firm), -EINVAL, "case %zu", i);
    }
    for (size_t i = 0; i < OCT_ARRAY_CNT(good); i++) {
        memcpy(o.symbol.c, good[i], 8);
        cr_assert_eq(encode(&o, no_firm), 47, "case %zu", i);
    }
}

Test(ouch50, contradictions_are_refused)
{
    struct oct_order o = order();

    o.post_only = 1;
    o.tif = OCT_TIF_IOC;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
    o = order();
    o.tif = 9;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
    o = order();
    o.side = 2;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
    o = order();
    o.ord_type = 2;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
    o = order();
    o.user_ref = 0;
    cr_assert_eq(encode(&o, no_firm), -EINVAL);
}

Test(ouch50, client_order_id_is_a_number_of_fourteen_digits)
{
    uint8_t t[14];
    struct oct_rng rng;

    oct_ouch50_clordid(0, t);
    cr_assert_eq(memcmp(t, "00000000000000", 14), 0);
    oct_ouch50_clordid(UINT64_MAX, t);
    cr_assert_eq(memcmp(t, "0FVVVVVVVVVVVV", 14), 0);
    oct_ouch50_clordid(UINT64_C(35) << 40 | 36, t);
    cr_assert_eq(memcmp(t, "00001300000014", 14), 0);
    oct_rng_init(&rng, 3);
    for (int i = 0; i < 100000; i++) {
        uint64_t id = oct_rng_u64(&rng);
        oct_ouch50_clordid(id, t);
        cr_assert_eq(oct_ouch50_order_id(t), id);
    }
}

Test(ouch50, client_order_id_of_others_is_none)
{
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"              "), 0);
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"H8FUB8IV      "), 0);
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"0000001000000a"), 0);
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"0000001000000W"), 0);
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"00000010000-01"), 0);
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"0G000000000000"), 0, "beyond 64 bits");
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"10000000000000"), 0, "beyond 64 bits");
    cr_assert_eq(oct_ouch50_order_id((const uint8_t *)"ZZZZZZZZZZZZZZ"), 0);
}

/* Eight characters in one go: each place, each character. */
Test(ouch50, a_symbol_is_printable_with_spaces_only_at_its_end)
{
    for (int at = 0; at < 8; at++) {
        for (int c = 0; c < 256; c++) {
            struct oct_order o = order();
            memcpy(o.symbol.c, "ABCDEFGH", 8);
            o.symbol.c[at] = (char)c;
            bool ok = (c > ' ' && c < 0x7f) || (c == ' ' && at == 7);
            cr_assert_eq(encode(&o, no_firm), ok ? 47 : -EINVAL, "%d at %d", c, at);
        }
    }
    for (int len = 0; len <= 8; len++) {
        struct oct_order o = order();
        memset(o.symbol.c, ' ', 8);
        memset(o.symbol.c, 'Z', (size_t)len);
        cr_assert_eq(encode(&o, no_firm), len ? 47 : -EINVAL, "%d", len);
    }
}

/* One product says both that there is no remainder and that the quotient fits. */
Test(ouch50, what_is_not_whole_or_too_large_is_refused_at_every_edge)
{
    struct oct_rng rng;

    oct_rng_init(&rng, 9);
    for (int i = 0; i < 200000; i++) {
        struct oct_order o = order();
        uint64_t q = oct_rng_u64(&rng) >> oct_rng_below(&rng, 64);
        uint64_t p = oct_rng_u64(&rng) >> oct_rng_below(&rng, 64);
        if (oct_rng_below(&rng, 2))
            q = oct_rng_below(&rng, 1000002) * OCT_QTY_ONE + oct_rng_below(&rng, 2);
        if (oct_rng_below(&rng, 2))
            p = (oct_rng_below(&rng, 2) ? 1999999890 : 0) * (uint64_t)OCT_PX_E4 +
                oct_rng_below(&rng, 20) * (uint64_t)OCT_PX_E4 + oct_rng_below(&rng, 2);
        o.qty.v = (int64_t)q;
        o.px.v = (int64_t)p;
        bool qty_ok = q % OCT_QTY_ONE == 0 && q > 0 && q / OCT_QTY_ONE <= OCT_OUCH50_QTY_MAX;
        bool px_ok = p % OCT_PX_E4 == 0 && p > 0 && p / OCT_PX_E4 <= OCT_OUCH50_PX_MAX;
        cr_assert_eq(encode(&o, no_firm), qty_ok && px_ok ? 47 : -ERANGE, "%lu %lu", q, p);
    }
}

/* An intent is asked about before it is an order, and by the same rules. */
Test(ouch50, an_intent_fits_exactly_when_its_order_does)
{
    struct oct_rng rng;
    uint32_t fit = 0;

    oct_rng_init(&rng, 11);
    for (int i = 0; i < 200000; i++) {
        struct oct_order o = order();
        struct oct_intent in = {.hdr = {.type = OCT_INTENT}};
        in.action = o.action = (uint8_t)(1 + oct_rng_below(&rng, 6));
        if (oct_rng_below(&rng, 2))
            in.action = o.action = OCT_ACTION_NEW;
        in.side = o.side = (uint8_t)oct_rng_below(&rng, 3);
        in.ord_type = o.ord_type = (uint8_t)(oct_rng_below(&rng, 4) == 0);
        in.tif = o.tif = (uint8_t)oct_rng_below(&rng, 4);
        in.post_only = o.post_only = (uint8_t)(oct_rng_below(&rng, 4) == 0);
        in.hidden = o.hidden = (uint8_t)oct_rng_below(&rng, 2);
        in.short_sale = o.short_sale = (uint8_t)oct_rng_below(&rng, 2);
        in.qty.v = o.qty.v = (int64_t)oct_rng_below(&rng, 4) * OCT_QTY_ONE;
        in.min_qty.v = o.min_qty.v = (int64_t)oct_rng_below(&rng, 3) * OCT_QTY_ONE;
        in.px.v = o.px.v = (int64_t)oct_rng_below(&rng, 3) * OCT_PX_E4;
        o.user_ref = 2;
        o.orig_user_ref = 1;
        if (oct_rng_below(&rng, 8) == 0)
            o.symbol.c[0] = ' ';
        int got = oct_order_ouch50.fits(&in, &o.symbol);
        int err = oct_order_ouch50.check(&o);
        cr_assert_eq(got, err, "action %u: %d, %d", o.action, got, err);
        fit += err == 0;
    }
    cr_expect_gt(fit, 10000);
}

/* ---- decode ---------------------------------------------------------------------------------- */

static struct oct_ouch50_out venue_msg(char type)
{
    struct oct_ouch50_out m = {
        .type = type,
        .code = 'R',
        .side = 'S',
        .tif = '0',
        .display = 'Y',
        .capacity = 'P',
        .sweep = 'N',
        .cross = 'N',
        .state = 'L',
        .aiq = 'D',
        .reason = 'U',
        .user_ref = 7,
        .orig_user_ref = 3,
        .qty = 40,
        .prevented = 60,
        .ts = UINT64_C(34200000000001),
        .px = 1234500,
        .venue_ref = 99,
        .match = 555,
    };
    memcpy(m.symbol.c, "AAPL    ", 8);
    oct_ouch50_clordid(UINT64_C(0x0100312a00000007), (uint8_t *)m.cl_ord_id);
    return m;
}

static int decode(const uint8_t *msg, int sz, struct oct_ven *v, uint32_t *off)
{
    memset(v, 0, sizeof *v);
    v->hdr.input = 77;
    return ops->decode(msg, (uint32_t)sz, 1000, v, off);
}

static struct oct_ven told(const struct oct_ouch50_out *m)
{
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    struct oct_ven v;
    uint32_t off;
    int n = oct_ouch50_out_encode(m, buf);

    cr_assert_gt(n, 0);
    cr_assert_eq(decode(buf, n, &v, &off), 0, "type %c, offset %u", m->type, off);
    cr_assert_eq(v.hdr.type, OCT_VEN);
    cr_assert_eq(v.hdr.sz, sizeof v);
    cr_assert_eq(v.hdr.input, 77);
    cr_assert_eq(v.ts_exch_ns, INT64_C(34200000001001));
    return v;
}

Test(ouch50, accepted_and_replaced_are_told_with_all_they_carry)
{
    struct oct_ouch50_out m = venue_msg('A');
    struct oct_ven v = told(&m);

    cr_assert_eq(v.event, OCT_VEN_ACCEPTED);
    cr_assert_eq(v.user_ref, 7);
    cr_assert_eq(v.side, OCT_SELL);
    cr_assert_eq(v.qty.v, 40 * OCT_QTY_ONE);
    cr_assert_eq(v.px.v, INT64_C(123450000000));
    cr_assert_eq(memcmp(v.symbol.c, "AAPL    ", 8), 0);
    cr_assert_eq(v.venue_ref, 99);
    cr_assert_eq(v.order_state, 'L');
    cr_assert_eq(v.tif, '0');
    cr_assert_eq(v.order_id, UINT64_C(0x0100312a00000007));
    m.type = 'U';
    m.state = 'D';
    m.side = 'B';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_REPLACED);
    cr_assert_eq(v.user_ref, 7);
    cr_assert_eq(v.orig_user_ref, 3);
    cr_assert_eq(v.side, OCT_BUY);
    cr_assert_eq(v.qty.v, 40 * OCT_QTY_ONE);
    cr_assert_eq(v.px.v, INT64_C(123450000000));
    cr_assert_eq(v.order_state, 'D');
    cr_assert_eq(v.order_id, UINT64_C(0x0100312a00000007));
}

Test(ouch50, executions_cancels_and_breaks_are_told_with_all_they_carry)
{
    struct oct_ouch50_out m = venue_msg('E');
    struct oct_ven v = told(&m);

    cr_assert_eq(v.event, OCT_VEN_EXECUTED);
    cr_assert_eq(v.qty.v, 40 * OCT_QTY_ONE);
    cr_assert_eq(v.px.v, INT64_C(123450000000));
    cr_assert_eq(v.match_id, 555);
    cr_assert_eq(v.code, 'R');
    m.type = 'C';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_CANCELED);
    cr_assert_eq(v.qty.v, 40 * OCT_QTY_ONE);
    cr_assert_eq(v.reason, 'U');
    m.type = 'D';
    m.reason = 'Q';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_AIQ_CANCELED);
    cr_assert_eq(v.qty.v, 40 * OCT_QTY_ONE);
    cr_assert_eq(v.reason, 'Q');
    cr_assert_eq(v.px.v, INT64_C(123450000000));
    cr_assert_eq(v.code, 'R');
    m.type = 'B';
    m.reason = 'E';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_BROKEN);
    cr_assert_eq(v.match_id, 555);
    cr_assert_eq(v.reason, 'E');
    cr_assert_eq(v.order_id, UINT64_C(0x0100312a00000007));
}

Test(ouch50, the_other_messages_are_told_with_all_they_carry)
{
    struct oct_ouch50_out m = venue_msg('J');
    m.reason = 0x0017;
    struct oct_ven v = told(&m);

    cr_assert_eq(v.event, OCT_VEN_REJECTED);
    cr_assert_eq(v.reason, 0x17);
    cr_assert_eq(v.order_id, UINT64_C(0x0100312a00000007));
    m.type = 'P';
    cr_assert_eq(told(&m).event, OCT_VEN_CANCEL_PENDING);
    m.type = 'I';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_CANCEL_REJECT);
    cr_assert_eq(v.user_ref, 7);
    m.type = 'T';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_PRIORITY);
    cr_assert_eq(v.venue_ref, 99);
    cr_assert_eq(v.code, 'Y');
    cr_assert_eq(v.px.v, INT64_C(123450000000));
    m.type = 'M';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_MODIFIED);
    cr_assert_eq(v.qty.v, 40 * OCT_QTY_ONE);
    cr_assert_eq(v.side, OCT_SELL);
    m.type = 'R';
    m.reason = 'R';
    m.opts.set = OCT_OUCH50_BIT(DISPLAY_QTY) | OCT_OUCH50_BIT(SECONDARY_REF);
    m.opts.secondary_ref = 1234;
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_RESTATED);
    cr_assert_eq(v.reason, 'R');
    cr_assert_eq(v.venue_ref, 1234);
    m.type = 'S';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_SYSTEM);
    cr_assert_eq(v.code, 'R');
    cr_assert_eq(v.user_ref, 0);
    m.type = 'Q';
    v = told(&m);
    cr_assert_eq(v.event, OCT_VEN_ACCOUNT);
    cr_assert_eq(v.user_ref, 7);
}

Test(ouch50, every_other_size_of_every_message_is_refused)
{
    static const char types[] = "SAUCDEBJPITMRQ";
    uint8_t buf[OCT_OUCH50_MSG_MAX + 1];
    struct oct_ouch50_out full;
    struct oct_ven v;
    uint32_t off;

    for (const char *t = types; *t; t++) {
        struct oct_ouch50_out m = venue_msg(*t);
        m.opts.set = OCT_OUCH50_BIT(FIRM) | OCT_OUCH50_BIT(DISPLAY_PX);
        memset(buf, 0, sizeof buf);
        int n = oct_ouch50_out_encode(&m, buf);
        for (int sz = 0; sz <= n + 1; sz++) {
            int want = sz == n ? 0 : -EBADMSG;
            cr_assert_eq(decode(buf, sz, &v, &off), want, "%c with %d of %d", *t, sz, n);
            cr_assert_leq(off, (uint32_t)sz);
            cr_assert_eq(oct_ouch50_out_decode(buf, (uint32_t)sz, &full, &off), want);
        }
    }
    memset(buf, 0, sizeof buf);
    for (int c = 0; c < 256; c++) {
        buf[0] = (uint8_t)c;
        if (c && strchr(types, c))
            continue;
        for (int sz = 0; sz < 80; sz++) {
            cr_assert_eq(decode(buf, sz, &v, &off), -EBADMSG);
            cr_assert_eq(oct_ouch50_out_decode(buf, (uint32_t)sz, &full, &off), -EBADMSG);
        }
    }
}

Test(ouch50, values_our_records_cannot_hold_are_refused_with_their_offset)
{
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    struct oct_ouch50_out m = venue_msg('A');
    struct oct_ven v;
    uint32_t off;

    m.px = UINT64_MAX / 2;
    int n = oct_ouch50_out_encode(&m, buf);
    cr_assert_eq(decode(buf, n, &v, &off), -EBADMSG);
    cr_assert_eq(off, 26);
    m = venue_msg('A');
    m.side = 'Z';
    n = oct_ouch50_out_encode(&m, buf);
    cr_assert_eq(decode(buf, n, &v, &off), -EBADMSG);
    cr_assert_eq(off, 13);
    m = venue_msg('U');
    m.state = 'X';
    n = oct_ouch50_out_encode(&m, buf);
    cr_assert_eq(decode(buf, n, &v, &off), -EBADMSG);
    cr_assert_eq(off, 51);
    static const struct {
        char type;
        uint32_t at;
    } qty_at[] = {{'A', 14}, {'U', 18}, {'C', 13}, {'D', 13}, {'E', 13}, {'M', 14}};
    for (size_t i = 0; i < OCT_ARRAY_CNT(qty_at); i++) {
        m = venue_msg(qty_at[i].type);
        m.qty = 1000000;
        n = oct_ouch50_out_encode(&m, buf);
        cr_assert_eq(decode(buf, n, &v, &off), -EBADMSG);
        cr_assert_eq(off, qty_at[i].at);
    }
    m = venue_msg('C');
    m.ts = UINT64_C(90000) * 1000000000;
    n = oct_ouch50_out_encode(&m, buf);
    cr_assert_eq(decode(buf, n, &v, &off), -EBADMSG);
    cr_assert_eq(off, 1);
}

Test(ouch50, options_must_add_up_and_unknown_ones_are_skipped)
{
    struct oct_ouch50_out m = venue_msg('A'), got;
    uint8_t buf[300];
    struct oct_ven v;
    uint32_t off;

    /* tag 200, three bytes; then BBO weight */
    int n = oct_ouch50_out_encode(&m, buf);
    memcpy(buf + n, "\x04\xc8xyz\x02\x12\x30", 8);
    oct_store_be16(buf + 62, 8);
    cr_assert_eq(oct_ouch50_out_decode(buf, (uint32_t)n + 8, &got, &off), 0);
    cr_assert_eq(got.opts.unknown_cnt, 1);
    cr_assert_eq(got.opts.set, OCT_OUCH50_BIT(BBO_WEIGHT));
    cr_assert_eq(got.opts.bbo_weight, '0');
    cr_assert_eq(decode(buf, n + 8, &v, &off), 0);
    static const char *const bad[] = {"\x00\x12\x30zzzzz", /* no room for the tag */
                                      "\x08\x12\x30zzzzz", /* beyond the end */
                                      "\x02\x12\x30\x02\x12\x30z\x01" /* twice, then too short */};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        memcpy(buf + n, bad[i], 8);
        cr_assert_eq(oct_ouch50_out_decode(buf, (uint32_t)n + 8, &got, &off), -EBADMSG);
        cr_assert_eq(decode(buf, n + 8, &v, &off), -EBADMSG);
        cr_assert_geq(off, (uint32_t)n);
    }
    /* a known option of another size */
    memcpy(buf + n, "\x03\x12\x30\x30", 4);
    oct_store_be16(buf + 62, 4);
    cr_assert_eq(oct_ouch50_out_decode(buf, (uint32_t)n + 4, &got, &off), -EBADMSG);
}

/* ---- the venue's side ------------------------------------------------------------------------ */

Test(ouch50, what_we_send_reads_back_as_we_meant_it)
{
    struct oct_order o = order();
    struct oct_ouch50_in in;
    uint32_t off;

    o.post_only = 1;
    o.min_qty.v = 100 * OCT_QTY_ONE;
    int n = encode(&o, "OCTO");
    cr_assert_eq(oct_ouch50_in_decode(out, (uint32_t)n, &in, &off), 0);
    cr_assert_eq(in.type, 'O');
    cr_assert_eq(in.user_ref, 7);
    cr_assert_eq(in.qty, 100);
    cr_assert_eq(in.px, 1234500);
    cr_assert_eq(in.opts.set,
                 OCT_OUCH50_BIT(FIRM) | OCT_OUCH50_BIT(MIN_QTY) | OCT_OUCH50_BIT(POST_ONLY));
    cr_assert_eq(memcmp(in.opts.firm, "OCTO", 4), 0);
    cr_assert_eq(in.opts.min_qty, 100);
    cr_assert_eq(in.opts.post_only, 'P');
    cr_assert_eq(oct_ouch50_in_check(&in), 0);
}

Test(ouch50, the_venue_names_what_is_wrong_with_an_order)
{
    struct oct_order o = order();
    struct oct_ouch50_in good, in;
    uint32_t off;

    cr_assert_eq(oct_ouch50_in_decode(out, (uint32_t)encode(&o, no_firm), &good, &off), 0);
    in = good, in.side = 'X';
    cr_assert_eq(oct_ouch50_in_check(&in), 0x09);
    in = good, in.qty = 0;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x13);
    in = good, in.qty = 1000000;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x13);
    in = good, in.px = 0;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x1d);
    in = good, in.px = OCT_OUCH50_PX_MAX + 1;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x1d);
    in = good, in.px = OCT_OUCH50_PX_MARKET2;
    cr_assert_eq(oct_ouch50_in_check(&in), 0);
    in = good, in.symbol.c[0] = ' ';
    cr_assert_eq(oct_ouch50_in_check(&in), 0x17);
    in = good, in.display = 'Q';
    cr_assert_eq(oct_ouch50_in_check(&in), 0x03);
    in = good, in.cross = 'x';
    cr_assert_eq(oct_ouch50_in_check(&in), 0x14);
    in = good, in.opts.set = OCT_OUCH50_BIT(MIN_QTY), in.opts.min_qty = 101;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x0d);
    in = good, in.opts.set = OCT_OUCH50_BIT(MAX_FLOOR), in.opts.max_floor = 101;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x04);
    in = good, in.tif = '6';
    cr_assert_eq(oct_ouch50_in_check(&in), 0x0f, "a time to live is missing");
    in.opts.set = OCT_OUCH50_BIT(EXPIRE_TIME), in.opts.expire_s = 86399;
    cr_assert_eq(oct_ouch50_in_check(&in), 0);
    in.opts.expire_s = 86400;
    cr_assert_eq(oct_ouch50_in_check(&in), 0x0f);
    in = good, in.opts.set = OCT_OUCH50_BIT(DISPLAY_PX);
    cr_assert_eq(oct_ouch50_in_check(&in), 0x0f, "an option of another message");
    in = good, in.type = 'M', in.qty = 0;
    cr_assert_eq(oct_ouch50_in_check(&in), 0);
}

Test(ouch50, reasons_have_texts)
{
    for (const char *c = "DEFGHIKQSTUXZe"; *c; c++)
        cr_assert_not_null(oct_ouch50_cancel_text(*c));
    cr_assert_null(oct_ouch50_cancel_text('A'));
    for (uint16_t r = 1; r <= 0x2a; r++)
        cr_assert_not_null(oct_ouch50_reject_text(r));
    cr_assert_str_eq(oct_ouch50_reject_text(0x17), "invalid symbol");
    cr_assert_str_eq(oct_ouch50_reject_text(0x2a), "risk: duplicate message rate");
    cr_assert_null(oct_ouch50_reject_text(0));
    cr_assert_null(oct_ouch50_reject_text(0x2b));
}
