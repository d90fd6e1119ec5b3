/* octopus-bench - the latency benchmarking harness. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/bench_priv.h"

static const struct {
    const char *name;
    const char *what;
    int (*fn)(struct oct_bench *b);
} benches[] = {
#define OCT_BENCH_ROW(name, what) {#name, what, oct_bench_##name},
    OCT_BENCH_LIST(OCT_BENCH_ROW)
#undef OCT_BENCH_ROW
};

const struct oct_bench_opts *oct_bench_opts(const struct oct_bench *b)
{
    return &b->opts;
}

static struct oct_bench_row *row_new(struct oct_bench *b, const char *name, const char *metric)
{
    OCT_ASSERT(b->row_cnt < OCT_BENCH_RESULT_MAX);
    struct oct_bench_row *r = &b->row[b->row_cnt++];
    snprintf(r->name, sizeof(r->name), "%s", name);
    snprintf(r->metric, sizeof(r->metric), "%s", metric);
    return r;
}

void oct_bench_result(struct oct_bench *b, const char *name, const char *metric, double value,
                      const char *unit, enum oct_bench_bound bound, double target)
{
    struct oct_bench_row *r = row_new(b, name, metric);
    snprintf(r->unit, sizeof(r->unit), "%s", unit);
    r->value = value;
    r->bound = bound;
    r->target = target;
    printf("%-16s %-36s %12.2f %-8s", name, metric, value, unit);
    if (bound != OCT_BENCH_NONE)
        printf(" %s %.4g: %s", bound == OCT_BENCH_AT_MOST ? "at most" : "at least", target,
               oct_bench_row_met(r) ? "met" : "MISSED");
    printf("\n");
    fflush(stdout);
}

void oct_bench_skip(struct oct_bench *b, const char *name, const char *why)
{
    struct oct_bench_row *r = row_new(b, name, "skipped");
    snprintf(r->skip, sizeof(r->skip), "%s", why);
    printf("%-16s skipped: %s\n", name, why);
}

static void quantile(struct oct_bench *b, const char *name, const struct oct_hist *h,
                     const char *metric, double q, double target)
{
    oct_bench_result(b, name, metric, (double)oct_hist_quantile(h, q), "ns",
                     target > 0 ? OCT_BENCH_AT_MOST : OCT_BENCH_NONE, target);
}

void oct_bench_hist(struct oct_bench *b, const char *name, const struct oct_hist *h, double p50,
                    double p99)
{
    quantile(b, name, h, "p50", 0.5, p50);
    quantile(b, name, h, "p90", 0.9, 0);
    quantile(b, name, h, "p99", 0.99, p99);
    quantile(b, name, h, "p99.9", 0.999, 0);
    quantile(b, name, h, "p99.99", 0.9999, 0);
    oct_bench_result(b, name, "max", (double)h->max_ns, "ns", OCT_BENCH_NONE, 0);
    oct_bench_result(b, name, "count", (double)h->total, "", OCT_BENCH_NONE, 0);
    if (b->hist_cnt == OCT_BENCH_HIST_MAX)
        return;
    struct oct_hist *copy = malloc(sizeof(*copy));
    OCT_ASSERT(copy != NULL);
    *copy = *h;
    snprintf(b->hist_name[b->hist_cnt], sizeof(b->hist_name[0]), "%s", name);
    b->hist[b->hist_cnt++] = copy;
}

static void usage(FILE *f)
{
    fprintf(f, "usage: octopus-bench [NAME ... | all] [options]\n"
               "  --json F       write results and environment to F\n"
               "  --messages N   messages of the generated session (default 20000000)\n"
               "  --seed S       of the generated session (default 1)\n"
               "  --runs N       repetitions of each measurement (default 5)\n"
               "  --dir D        where sessions and journals are kept (default .); made if absent\n"
               "  --hlog-dir D   write a histogram log for each distribution\n"
               "  --svg F        write a percentile plot\n"
               "exit status: 0 all targets met, 1 some missed, 2 wrong usage, 3 a bench failed\n"
               "benches:\n");
    for (size_t i = 0; i < OCT_ARRAY_CNT(benches); i++)
        fprintf(f, "  %-14s %s\n", benches[i].name, benches[i].what);
}

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    *out = v;
    return errno == 0 && *text != 0 && *text != '-' && *end == 0 && v >= least && v <= most;
}

static bool options(struct oct_bench *b, int argc, char **argv)
{
    static const struct option longs[] = {{"json", required_argument, NULL, 'j'},
                                          {"messages", required_argument, NULL, 'm'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"hlog-dir", required_argument, NULL, 'l'},
                                          {"svg", required_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    uint64_t runs = 5;
    bool ok = true;
    b->opts = (struct oct_bench_opts){.messages = 20000000, .seed = 1, .dir = "."};
    for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        switch (c) {
        case 'j':
            b->opts.json = optarg;
            break;
        case 'm':
            ok &= number(optarg, 100000, 400000000, &b->opts.messages);
            break;
        case 's':
            ok &= number(optarg, 0, UINT64_MAX, &b->opts.seed);
            break;
        case 'r':
            ok &= number(optarg, 1, OCT_BENCH_RUN_MAX, &runs);
            break;
        case 'd':
            b->opts.dir = optarg;
            break;
        case 'l':
            b->opts.hlog_dir = optarg;
            break;
        case 'v':
            b->opts.svg = optarg;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            ok = false;
        }
    }
    b->opts.runs = (uint32_t)runs;
    return ok;
}

/* A name as typed, with - where the table has _. */
static bool same_name(const char *typed, const char *name)
{
    for (; *typed != 0 && (*typed == *name || (*typed == '-' && *name == '_')); typed++)
        name++;
    return *typed == 0 && *name == 0;
}

static bool selected(const char *name, int argc, char **argv)
{
    bool all = optind == argc;
    for (int i = optind; i < argc; i++)
        all |= strcmp(argv[i], "all") == 0 || same_name(argv[i], name);
    return all;
}

static bool names_known(int argc, char **argv)
{
    for (int i = optind; i < argc; i++) {
        bool known = strcmp(argv[i], "all") == 0;
        for (size_t k = 0; k < OCT_ARRAY_CNT(benches); k++)
            known |= same_name(argv[i], benches[k].name);
        if (!known) {
            fprintf(stderr, "octopus-bench: no bench named %s\n", argv[i]);
            return false;
        }
    }
    return true;
}

/* Makes the folder for sessions and journals, its parents included; what exists is fine. */
static int make_dir(const char *path)
{
    char at[4096];
    size_t len = strlen(path);
    struct stat st;

    if (len >= sizeof at)
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(at, path, i);
        at[i] = 0;
        if (mkdir(at, 0777) != 0 && errno != EEXIST)
            return -errno;
    }
    if (stat(path, &st) != 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int written(int err, const char *path)
{
    if (err != 0)
        fprintf(stderr, "octopus-bench: %s: %s\n", path, strerror(-err));
    return err;
}

int main(int argc, char **argv)
{
    static struct oct_bench b;
    cpu_set_t cores;
    int status = 0;
    if (!options(&b, argc, argv) || !names_known(argc, argv)) {
        usage(stderr);
        return 2;
    }
    if (written(make_dir(b.opts.dir), b.opts.dir) != 0)
        return 3;
    int pinned = sched_getaffinity(0, sizeof cores, &cores);
    for (size_t i = 0; i < OCT_ARRAY_CNT(benches); i++) {
        if (!selected(benches[i].name, argc, argv))
            continue;
        /* A bench may pin this thread; the next one has all cores again. */
        if (pinned == 0)
            sched_setaffinity(0, sizeof cores, &cores);
        int err = benches[i].fn(&b);
        if (err != 0) {
            fprintf(stderr, "octopus-bench: %s: %s\n", benches[i].name, strerror(-err));
            status = 3;
        }
    }
    for (uint32_t i = 0; i < b.row_cnt && status == 0; i++)
        status = b.row[i].skip[0] == 0 && !oct_bench_row_met(&b.row[i]);
    if ((b.opts.json != NULL && written(oct_bench_write_json(&b, b.opts.json), b.opts.json)) ||
        (b.opts.svg != NULL && written(oct_bench_write_svg(&b, b.opts.svg), b.opts.svg)) ||
        (b.opts.hlog_dir != NULL &&
         written(oct_bench_write_hlog(&b, b.opts.hlog_dir), b.opts.hlog_dir)))
        status = 3;
    oct_bench_free(b.data, b.sz + 64);
    return status;
}
