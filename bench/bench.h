/* bench.h - the benchmark harness: what a bench is given and how it reports.
 *
 * A bench is one file bench_<name>.c with one function, listed in list.h.  It runs its work several
 * times, interleaved with its reference (the bare frame walk of the generated session, or what it
 * compares itself with), and reports medians; distributions go through histograms.  One thread calls
 * all of this; a bench may start threads of its own. */
#ifndef OCT_BENCH_BENCH_H
#define OCT_BENCH_BENCH_H

#include "dataplane/base/hist.h"

#define OCT_BENCH_RUN_MAX 64u

struct oct_bench; /* opaque */

struct oct_bench_opts {
    uint64_t messages; /* in the generated session */
    uint64_t seed;
    uint32_t runs;        /* repetitions of each measurement; medians are taken */
    const char *dir;      /* generated sessions and journals go here */
    const char *json;     /* results file, NULL for none */
    const char *hlog_dir; /* histogram logs, NULL for none */
    const char *svg;      /* percentile plot, NULL for none */
};

enum oct_bench_bound {
    OCT_BENCH_NONE,     /* for information */
    OCT_BENCH_AT_MOST,  /* met when value <= target */
    OCT_BENCH_AT_LEAST, /* met when value >= target */
};

const struct oct_bench_opts *oct_bench_opts(const struct oct_bench *b);

/* One row of the results, printed at once.  name is the bench's, metric says what, unit "ns" and
 * the like. */
void oct_bench_result(struct oct_bench *b, const char *name, const char *metric, double value,
                      const char *unit, enum oct_bench_bound bound, double target);
/* A distribution in nanoseconds: rows p50 p90 p99 p99.9 p99.99 max count, a line in the hlog and a
 * curve in the plot.  Targets for p50 and p99, 0 for none.  The histogram is copied. */
void oct_bench_hist(struct oct_bench *b, const char *name, const struct oct_hist *h, double p50,
                    double p99);
/* Says in the results that something was left out, and why. */
void oct_bench_skip(struct oct_bench *b, const char *name, const char *why);

/* The generated session (gen.c), length-framed ITCH 5.0, in memory on huge pages with 64 readable
 * bytes after its end; made on first use.  Returns 0 or negative errno. */
int oct_bench_session(struct oct_bench *b, const uint8_t **data, size_t *sz);
/* Messages in it. */
uint64_t oct_bench_session_cnt(struct oct_bench *b);
/* Walks its frames once, touching type and length; returns ns a message. */
double oct_bench_walk(struct oct_bench *b);

/* Median of n values; sorts them. */
double oct_bench_median(double *v, uint32_t n);
/* Zeroed memory on huge pages where there are any, 2 MiB-aligned, every page touched. */
void *oct_bench_alloc(size_t sz);
void oct_bench_free(void *mem, size_t sz);

/* Serialised time stamps: everything before has finished, nothing after has begun. */
OCT_INLINE uint64_t oct_bench_tick(void)
{
    uint32_t aux;
    __builtin_ia32_lfence();
    uint64_t t = __builtin_ia32_rdtscp(&aux);
    __builtin_ia32_lfence();
    return t;
}
/* Ticks of an empty pair (the least of many), and nanoseconds of a number of ticks. */
uint64_t oct_bench_tick_cost(void);
double oct_bench_tick_ns(uint64_t ticks);

/* Makes the session file of `messages` messages at path; prints its measured mix.  0 or negative
 * errno. */
int oct_bench_gen(const char *path, uint64_t messages, uint64_t seed);

#define OCT_BENCH_DECLARE(name, what) int oct_bench_##name(struct oct_bench *b);
#include "bench/list.h"
OCT_BENCH_LIST(OCT_BENCH_DECLARE)
#undef OCT_BENCH_DECLARE

#endif
