#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dataplane/base/time.h"

Test(time, midnight_in_new_york_follows_the_summer_rule)
{
    static const struct {
        uint32_t date;
        int64_t s;
    } days[] = {
        {20120621, 1340251200},                         /* summer */
        {20191230, 1577682000},                         /* winter */
        {20190310, 1552194000},                         /* the change comes at two: still winter */
        {20190311, 1552276800}, {20191103, 1572753600}, /* still summer */
        {20191104, 1572843600}, {20240229, 1709182800},
        {20240310, 1710046800}, {20240311, 1710129600},
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(days); i++) {
        int64_t ns = 0;
        cr_assert_eq(oct_ny_midnight_ns(days[i].date, &ns), 0);
        cr_assert_eq(ns, days[i].s * OCT_NS_PER_S, "%u: %lld", days[i].date, (long long)ns);
    }
}

Test(time, midnight_agrees_with_the_zone_database)
{
    setenv("TZ", "America/New_York", 1);
    tzset();
    struct tm probe = {.tm_year = 119, .tm_mon = 6, .tm_mday = 1, .tm_isdst = -1};
    mktime(&probe);
    if (probe.tm_isdst != 1) {
        fprintf(stderr, "SKIP: the zone database (package tzdata) is not installed\n");
        cr_skip_test("the zone database (package tzdata) is not installed");
    }
    for (int year = 2007; year < 2037; year++)
        for (int day = 1; day <= 366; day++) {
            struct tm tm = {.tm_year = year - 1900, .tm_mon = 0, .tm_mday = day, .tm_isdst = -1};
            int64_t want = (int64_t)mktime(&tm) * OCT_NS_PER_S, got = 0;
            uint32_t date =
                (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
            cr_assert_eq(oct_ny_midnight_ns(date, &got), 0);
            cr_assert_eq(got, want, "%u", date);
        }
}

Test(time, impossible_dates_are_refused)
{
    static const uint32_t bad[] = {0,        20190229, 20191301, 20190001, 20190100,  20190432,
                                   20190631, 20061231, 22000101, 99999999, UINT32_MAX};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        int64_t ns = 7;
        cr_assert_eq(oct_ny_midnight_ns(bad[i], &ns), -EINVAL, "%u", bad[i]);
        cr_assert_eq(ns, 7);
    }
}

Test(time, stamps_are_rfc_3339)
{
    char buf[OCT_RFC3339_SZ];

    cr_assert_eq(oct_rfc3339_format(buf, 1577682000000000001), 30);
    cr_assert_str_eq(buf, "2019-12-30T05:00:00.000000001Z");
    oct_rfc3339_format(buf, 0);
    cr_assert_str_eq(buf, "1970-01-01T00:00:00.000000000Z");
    oct_rfc3339_format(buf, -1);
    cr_assert_str_eq(buf, "1969-12-31T23:59:59.999999999Z");
    oct_rfc3339_format(buf, 951782400000000000);
    cr_assert_str_eq(buf, "2000-02-29T00:00:00.000000000Z");
    oct_rfc3339_format(buf, INT64_MAX);
    cr_assert_str_eq(buf, "2262-04-11T23:47:16.854775807Z");
    oct_rfc3339_format(buf, INT64_MIN);
    cr_assert_str_eq(buf, "1677-09-21T00:12:43.145224192Z");
}

Test(time, counter_clock_stays_near_the_system_clock)
{
    struct oct_clock c;

    int rc = oct_clock_init(&c, 5 * OCT_NS_PER_MS);
    if (rc == -ENOTSUP) {
        fprintf(stderr, "SKIP: this processor has no invariant time-stamp counter\n");
        cr_skip_test("this processor has no invariant time-stamp counter");
    }
    cr_assert_eq(rc, 0);
    int64_t best = INT64_MAX;
    for (int i = 0; i < 200; i++) {
        int64_t a = oct_clock_now(&c), b = oct_utc_ns();
        int64_t off = a > b ? a - b : b - a;
        if (off < best)
            best = off;
        oct_clock_discipline(&c);
    }
    cr_assert_lt(best, 50 * OCT_NS_PER_US, "best offset %lld", (long long)best);
    cr_assert_lt(llabs(c.err_ns), OCT_NS_PER_S);
    uint64_t second = (uint64_t)((((unsigned __int128)OCT_NS_PER_S) << 32) / c.mult);
    cr_assert_lt(llabs(oct_clock_span_ns(&c, second) - OCT_NS_PER_S), 100);
}
