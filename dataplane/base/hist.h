/* hist.h - latency histogram with high dynamic range, three significant digits.
 *
 * Values are nanoseconds from 1 to OCT_HIST_MAX; larger ones count as the maximum.  Layout is
 * fixed, without pointers, so that a histogram may live in shared memory: one writer; readers in
 * other threads and processes take a copy with oct_hist_copy, whose words are each whole but may be
 * of different moments.  Bucketing follows HdrHistogram (unit 1, 2048 sub-buckets), so that exported logs
 * are read by its tools. */
#ifndef OCT_BASE_HIST_H
#define OCT_BASE_HIST_H

#include <stdio.h>

#include "dataplane/base/attr.h"

#define OCT_HIST_SUB_CNT    2048u
#define OCT_HIST_HALF_CNT   1024u
#define OCT_HIST_BUCKET_CNT 27u /* up to 2^37 ns: 137 s */
#define OCT_HIST_CNT        ((OCT_HIST_BUCKET_CNT + 1) * OCT_HIST_HALF_CNT)
#define OCT_HIST_MAX        ((INT64_C(1) << 37) - 1)

struct oct_hist {
    uint64_t total;
    int64_t min_ns; /* INT64_MAX when empty */
    int64_t max_ns; /* 0 when empty */
    uint64_t cnt[OCT_HIST_CNT];
};

void oct_hist_init(struct oct_hist *h);

OCT_INLINE uint32_t oct_hist_idx(int64_t ns)
{
    uint64_t v = ns < 0 ? 0 : ns > OCT_HIST_MAX ? (uint64_t)OCT_HIST_MAX : (uint64_t)ns;
    uint32_t bucket = 63u - (uint32_t)__builtin_clzll(v | (OCT_HIST_SUB_CNT - 1)) - 10u;
    uint32_t sub = (uint32_t)(v >> bucket);
    return bucket * OCT_HIST_HALF_CNT + sub;
}

/* The one writer's: plain loads and stores for the machine, each store whole for oct_hist_copy. */
OCT_INLINE void oct_hist_record(struct oct_hist *h, int64_t ns)
{
    uint64_t *cnt = &h->cnt[oct_hist_idx(ns)];
    __atomic_store_n(cnt, *cnt + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&h->total, h->total + 1, __ATOMIC_RELAXED);
    if (ns < h->min_ns)
        __atomic_store_n(&h->min_ns, ns, __ATOMIC_RELAXED);
    if (ns > h->max_ns)
        __atomic_store_n(&h->max_ns, ns, __ATOMIC_RELAXED);
}

/* Any thread's, while the writer writes. */
void oct_hist_copy(struct oct_hist *to, const struct oct_hist *from);

/* Value at quantile q in [0,1]: the highest value equivalent to the bucket; 0 when empty. */
int64_t oct_hist_quantile(const struct oct_hist *h, double q);
double oct_hist_mean(const struct oct_hist *h);
void oct_hist_add(struct oct_hist *into, const struct oct_hist *from);

/* Appends one interval line of an HdrHistogram log ("V2 compressed", base64) to f; writes the
 * header first when `first`.  start/end are UTC nanoseconds.  Returns 0 or negative errno. */
int oct_hist_hlog(const struct oct_hist *h, FILE *f, const char *tag, int64_t start_ns,
                  int64_t end_ns, bool first);

#endif
