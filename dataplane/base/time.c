#include "dataplane/base/time.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

/* A pair of readings is as good as the ticks between the two reads of the counter are few. */
#define PAIR_TRIES 16

static int64_t clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * OCT_NS_PER_S + ts.tv_nsec;
}

int64_t oct_utc_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t oct_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static bool tsc_invariant(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

/* UTC and the counter at the same moment, from the tightest of a few tries. */
static void read_pair(uint64_t *tsc, int64_t *ns)
{
    uint64_t best = UINT64_MAX;

    *tsc = 0;
    *ns = 0;
    for (int i = 0; i < PAIR_TRIES; i++) {
        uint64_t before = oct_tsc();
        int64_t now = oct_utc_ns();
        uint64_t after = oct_tsc();
        if (after - before < best) {
            best = after - before;
            *tsc = before + (after - before) / 2;
            *ns = now;
        }
    }
}

static uint64_t slope(int64_t ns, uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)(uint64_t)ns << 32) / ticks);
}

int oct_clock_init(struct oct_clock *c, int64_t span_ns)
{
    uint64_t tsc;
    int64_t ns;

    if (!tsc_invariant())
        return -ENOTSUP;
    do {
        read_pair(&c->tsc0, &c->ns0);
        int64_t until = oct_mono_ns() + span_ns;
        while (oct_mono_ns() < until) {
            struct timespec nap = {0, 1000000};
            nanosleep(&nap, NULL);
        }
        read_pair(&tsc, &ns);
        /* Somebody set the clock back meanwhile: measure again. */
    } while (ns <= c->ns0 || tsc <= c->tsc0);
    c->mult = slope(ns - c->ns0, tsc - c->tsc0);
    c->tsc0 = tsc;
    c->ns0 = ns;
    c->err_ns = 0;
    return 0;
}

void oct_clock_discipline(struct oct_clock *c)
{
    uint64_t tsc;
    int64_t ns;

    read_pair(&tsc, &ns);
    c->err_ns = ns - oct_clock_at(c, tsc);
    int64_t span = ns - c->ns0;
    if (span > 100 * OCT_NS_PER_MS && tsc > c->tsc0) {
        /* The counter's rate does not change by more than 1e-4: beyond that the clock was set,
         * and the rate stays as it was.  A quarter of the difference damps measuring noise. */
        uint64_t m = slope(span, tsc - c->tsc0);
        int64_t diff = (int64_t)(m - c->mult);
        int64_t bound = (int64_t)(c->mult / 10000);
        if (diff > -bound && diff < bound)
            c->mult += (uint64_t)(diff / 4);
    }
    c->tsc0 = tsc;
    c->ns0 = ns;
}

int64_t oct_clock_told_error_ns(void)
{
    struct timex t = {0};
    int state = adjtimex(&t);

    return state < 0 || (t.status & STA_UNSYNC) ? -1 : (int64_t)t.esterror * OCT_NS_PER_US;
}

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. */
static int64_t days_from_date(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void date_from_days(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

size_t oct_rfc3339_format(char *buf, int64_t utc_ns)
{
    int64_t s = utc_ns / OCT_NS_PER_S, frac = utc_ns % OCT_NS_PER_S, y;
    unsigned m, d;

    if (frac < 0) {
        frac += OCT_NS_PER_S;
        s--;
    }
    int64_t days = s / 86400, in_day = s % 86400;
    if (in_day < 0) {
        in_day += 86400;
        days--;
    }
    date_from_days(days, &y, &m, &d);
    int n = snprintf(buf, OCT_RFC3339_SZ, "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", (int)y, m, d,
                     (int)(in_day / 3600), (int)(in_day / 60 % 60), (int)(in_day % 60), (int)frac);
    return (size_t)n;
}

/* The n-th Sunday (1-based) of a month, as days since 1970. 1970-01-01 was a Thursday. */
static int64_t nth_sunday(int64_t y, unsigned m, int64_t n)
{
    int64_t first = days_from_date(y, m, 1);
    int64_t to_sunday = (7 - (first + 4) % 7) % 7;
    return first + to_sunday + 7 * (n - 1);
}

int oct_ny_midnight_ns(uint32_t yyyymmdd, int64_t *out)
{
    int64_t y = yyyymmdd / 10000, check_y;
    unsigned m = yyyymmdd / 100 % 100, d = yyyymmdd % 100, check_m, check_d;

    if (y < 2007 || y > 2199 || m < 1 || m > 12 || d < 1 || d > 31)
        return -EINVAL;
    int64_t days = days_from_date(y, m, d);
    date_from_days(days, &check_y, &check_m, &check_d);
    if (check_m != m || check_d != d)
        return -EINVAL;
    /* The change is at two in the morning: midnight of a changing day still has the old offset. */
    bool summer = days > nth_sunday(y, 3, 2) && days <= nth_sunday(y, 11, 1);
    *out = (days * 86400 + (summer ? 4 : 5) * 3600) * OCT_NS_PER_S;
    return 0;
}
