/* bench_priv.h - state of the harness, for its own files. */
#ifndef OCT_BENCH_BENCH_PRIV_H
#define OCT_BENCH_BENCH_PRIV_H

#include <stdio.h>

#include "bench/bench.h"

#define OCT_BENCH_RESULT_MAX 512u
#define OCT_BENCH_HIST_MAX   32u

struct oct_bench_row {
    char name[48];
    char metric[48];
    char unit[16];
    char skip[160]; /* why it was left out; empty when it was not */
    double value;
    double target;
    enum oct_bench_bound bound;
};

struct oct_bench {
    struct oct_bench_opts opts;
    uint8_t *data;
    size_t sz;
    uint64_t cnt;
    struct oct_bench_row row[OCT_BENCH_RESULT_MAX];
    uint32_t row_cnt;
    char hist_name[OCT_BENCH_HIST_MAX][48];
    struct oct_hist *hist[OCT_BENCH_HIST_MAX];
    uint32_t hist_cnt;
};

/* What was built, as git names it. */
extern const char oct_bench_commit[];

/* report.c.  0 or negative errno. */
int oct_bench_write_json(const struct oct_bench *b, const char *path);
int oct_bench_write_svg(const struct oct_bench *b, const char *path);
int oct_bench_write_hlog(const struct oct_bench *b, const char *dir);
bool oct_bench_row_met(const struct oct_bench_row *row);

#endif
