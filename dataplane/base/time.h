/* time.h - nanoseconds UTC since 1970, disciplined from the time-stamp counter.
 *
 * Only the lane loop, the recorder and cold code read a clock; agents get time as an argument. */
#ifndef OCT_BASE_TIME_H
#define OCT_BASE_TIME_H

#include <x86intrin.h>

#include "dataplane/base/attr.h"

#define OCT_NS_PER_S  INT64_C(1000000000)
#define OCT_NS_PER_MS INT64_C(1000000)
#define OCT_NS_PER_US INT64_C(1000)

/* Converts ticks of the time-stamp counter to UTC.  One writer (the owning thread). */
struct oct_clock {
    uint64_t tsc0;  /* ticks at the last discipline */
    int64_t ns0;    /* UTC at tsc0 */
    uint64_t mult;  /* ns per tick, times 2^32 */
    int64_t err_ns; /* how far off the last discipline found us */
};

OCT_INLINE uint64_t oct_tsc(void)
{
    return __rdtsc();
}

OCT_INLINE int64_t oct_clock_at(const struct oct_clock *c, uint64_t tsc)
{
    return c->ns0 + (int64_t)(((unsigned __int128)(tsc - c->tsc0) * c->mult) >> 32);
}

OCT_INLINE int64_t oct_clock_now(const struct oct_clock *c)
{
    return oct_clock_at(c, oct_tsc());
}

/* Ticks as nanoseconds. */
OCT_INLINE int64_t oct_clock_span_ns(const struct oct_clock *c, uint64_t ticks)
{
    return (int64_t)(((unsigned __int128)ticks * c->mult) >> 32);
}

/* Calibrates against CLOCK_REALTIME, blocking for about span_ns (20 ms is plenty).  Returns 0
 * or -ENOTSUP when the counter is not invariant. */
int oct_clock_init(struct oct_clock *c, int64_t span_ns);

/* Pulls the conversion towards CLOCK_REALTIME; call about once a second.  Never makes
 * oct_clock_now step back by more than the error it corrects; callers clamp. */
void oct_clock_discipline(struct oct_clock *c);

/* What the kernel estimates the system clock's error to be, in nanoseconds; -1 when no time daemon
 * disciplines it, so that nobody knows.  A system call: cold code only. */
int64_t oct_clock_told_error_ns(void);

/* CLOCK_REALTIME / CLOCK_MONOTONIC in nanoseconds, for cold code. */
int64_t oct_utc_ns(void);
int64_t oct_mono_ns(void);

/* RFC 3339 with nine fraction digits and Z; buf holds OCT_RFC3339_SZ bytes.  Returns the length. */
#define OCT_RFC3339_SZ 40
size_t oct_rfc3339_format(char *buf, int64_t utc_ns);

/* Midnight of the day yyyymmdd in New York, as UTC nanoseconds (US rules since 2007), for
 * venue time stamps that count from midnight.  Returns -EINVAL for an impossible date and for
 * years outside 2007 to 2199. */
int oct_ny_midnight_ns(uint32_t yyyymmdd, int64_t *out);

#endif
