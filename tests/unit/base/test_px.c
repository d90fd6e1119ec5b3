#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "dataplane/base/px.h"
#include "dataplane/base/rng.h"

static int parse(const char *s, unsigned decimals, int64_t *v)
{
    return oct_decimal_parse(s, strlen(s), decimals, v);
}

Test(px, decimal_text_becomes_an_exact_count)
{
    static const struct {
        const char *s;
        unsigned decimals;
        int64_t v;
    } ok[] = {
        {"0", 9, 0},
        {"289.80", 9, 289800000000},
        {"-0.000000001", 9, -1},
        {"+12", 0, 12},
        {"007.5", 1, 75},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036.854775807", 9, INT64_MAX},
        {"-9.223372036854775808", 18, INT64_MIN},
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(ok); i++) {
        int64_t v = -77;
        cr_assert_eq(parse(ok[i].s, ok[i].decimals, &v), 0, "%s", ok[i].s);
        cr_assert_eq(v, ok[i].v, "%s gave %lld", ok[i].s, (long long)v);
    }
}

Test(px, text_that_is_no_number_is_refused)
{
    static const char *const bad[] = {
        "",   " ",  "-",   "+",     ".",   ".5",   "5.",  "1e3", "0x1",          "1,0",
        "1 ", " 1", "--1", "1.2.3", "-.5", "1.-2", "nan", "inf", "1.2345678901x"};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        int64_t v = -77;
        cr_assert_eq(parse(bad[i], 9, &v), -EINVAL, "%s", bad[i]);
        cr_assert_eq(v, -77, "%s touched the result", bad[i]);
    }
    int64_t v = -77;
    cr_assert_eq(oct_decimal_parse("1\0002", 3, 9, &v), -EINVAL);
}

Test(px, numbers_that_do_not_fit_are_refused)
{
    static const struct {
        const char *s;
        unsigned decimals;
    } bad[] = {{"9223372036854775808", 0},
               {"-9223372036854775809", 0},
               {"9223372036.854775808", 9},
               {"99999999999999999999999", 0},
               {"0.0000000001", 9},
               {"0.10", 1},
               {"1.0", 0},
               {"10", 18}};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        int64_t v = -77;
        cr_assert_eq(parse(bad[i].s, bad[i].decimals, &v), -ERANGE, "%s", bad[i].s);
        cr_assert_eq(v, -77, "%s touched the result", bad[i].s);
    }
}

Test(px, formatted_numbers_parse_back_to_themselves)
{
    struct oct_rng r;
    char buf[OCT_DECIMAL_SZ];

    oct_rng_init(&r, 1);
    for (int i = 0; i < 20000; i++) {
        int64_t v = (int64_t)oct_rng_u64(&r) >> oct_rng_below(&r, 63), back = 0;
        unsigned decimals = (unsigned)oct_rng_below(&r, 19);
        unsigned min_frac = (unsigned)oct_rng_below(&r, decimals + 1);
        size_t n = oct_decimal_format(buf, v, decimals, min_frac);
        cr_assert_eq(n, strlen(buf));
        cr_assert_eq(oct_decimal_parse(buf, n, decimals, &back), 0, "%s", buf);
        cr_assert_eq(back, v, "%s", buf);
    }
}

Test(px, formats_keep_the_customary_digits)
{
    char buf[OCT_DECIMAL_SZ];

    oct_px_format(buf, (oct_px){289800000000});
    cr_assert_str_eq(buf, "289.8000");
    oct_px_format(buf, (oct_px){-1});
    cr_assert_str_eq(buf, "-0.000000001");
    oct_qty_format(buf, oct_qty_from_shares(100));
    cr_assert_str_eq(buf, "100");
    oct_qty_format(buf, (oct_qty){OCT_QTY_ONE / 2});
    cr_assert_str_eq(buf, "0.5");
    oct_money_format(buf, oct_money_from_units(-25));
    cr_assert_str_eq(buf, "-25.00");
    oct_money_format(buf, (oct_money){((__int128)INT64_MIN) * INT64_MAX});
    cr_assert_str_eq(buf, "-850705917302346158566.20279821087277056");
    size_t n = oct_decimal_format(buf, (__int128)((unsigned __int128)1 << 127), 38, 38);
    cr_assert_lt(n, OCT_DECIMAL_SZ);
    cr_assert_str_eq(buf, "-1.70141183460469231731687303715884105728");
}

Test(px, money_survives_being_packed)
{
    __int128 v[] = {0, -1, 1, (__int128)INT64_MIN * 7, (__int128)1 << 126, -((__int128)1 << 126)};

    for (size_t i = 0; i < OCT_ARRAY_CNT(v); i++)
        cr_assert(oct_money_unpack(oct_money_pack((oct_money){v[i]})).v == v[i]);
}

Test(px, doubles_round_to_the_passive_side)
{
    oct_px tick = {10000000}, out = {-5}; /* one cent */

    cr_assert(oct_px_from_double(289.806, tick, OCT_BUY, &out));
    cr_assert_eq(out.v, 289800000000);
    cr_assert(oct_px_from_double(289.801, tick, OCT_SELL, &out));
    cr_assert_eq(out.v, 289810000000);
    for (int64_t cents = 1; cents < 200000; cents += 7) {
        cr_assert(oct_px_from_double((double)cents / 100.0, tick, OCT_BUY, &out));
        cr_assert_eq(out.v, cents * tick.v, "buy %lld", (long long)cents);
        cr_assert(oct_px_from_double((double)cents / 100.0, tick, OCT_SELL, &out));
        cr_assert_eq(out.v, cents * tick.v, "sell %lld", (long long)cents);
    }
}

Test(px, doubles_that_are_no_price_are_refused)
{
    oct_px tick = {10000000}, out = {-5};
    double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 0.0, -0.0, -1.0, 9.3e9, 1e300,
                    1e-12};

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        cr_assert_not(oct_px_from_double(bad[i], tick, OCT_BUY, &out), "%g", bad[i]);
        cr_assert_eq(out.v, -5);
    }
    cr_assert_not(oct_px_from_double(0.004, tick, OCT_BUY, &out), "a buy below one tick");
    cr_assert_not(oct_px_from_double(9.1e9, (oct_px){INT64_MAX}, OCT_BUY, &out));
    cr_assert(oct_px_from_double(9.1e9, (oct_px){INT64_MAX}, OCT_SELL, &out));
    cr_assert_eq(out.v, INT64_MAX);
    cr_assert_not(oct_px_from_double(9.1e9, (oct_px){INT64_MAX / 2 + 50}, OCT_SELL, &out) &&
                  out.v < 0);
}
