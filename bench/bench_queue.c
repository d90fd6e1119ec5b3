/* queue: the lane's ring between two cores, in the same run against a plain head/tail ring and
 * DPDK's rte_ring: round trip of one message there and back, and messages one way without loss. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/queue/kind.h"

#define DEPTH    4096u
#define TRIPS    100000u
#define WARM     20000u
#define GIVEN    1000000u
#define REPEAT   5u /* of the one-way measurement, in a run */
#define KIND_MAX 6u

struct job {
    const struct oct_queue_kind *kind;
    void *there;
    void *back;
    uint64_t cnt;
    uint64_t *ticks;
    bool one_way;
    uint64_t taken; /* ticks */
    uint64_t bad;
    int cpu;
    pthread_barrier_t *start;
};

/* What was measured of one kind, once for each run. */
struct kind_runs {
    const struct oct_queue_kind *kind;
    double trip_ns[OCT_BENCH_RUN_MAX]; /* p50 of a run */
    double rate[OCT_BENCH_RUN_MAX];    /* million messages a second */
    struct oct_hist *hist;             /* round trips of all runs */
};

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    /* Unpinned is a worse measurement, not a wrong one. */
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
        sched_yield();
}

static void *other_end(void *arg)
{
    struct job *j = arg;

    pin(j->cpu);
    pthread_barrier_wait(j->start);
    if (!j->one_way)
        j->kind->pong(j->there, j->back, j->cnt);
    else
        j->taken = j->kind->take(j->there, j->cnt, &j->bad);
    return NULL;
}

/* Runs both ends to their end. */
static int run_pair(struct job *j, int cpu)
{
    pthread_barrier_t start;
    pthread_t t;

    pthread_barrier_init(&start, NULL, 2);
    j->start = &start;
    pin(cpu);
    int rc = -pthread_create(&t, NULL, other_end, j);
    if (rc == 0) {
        pthread_barrier_wait(&start);
        if (!j->one_way)
            j->kind->ping(j->there, j->back, j->cnt, j->ticks);
        else
            j->kind->give(j->there, j->cnt);
        pthread_join(t, NULL);
    }
    pthread_barrier_destroy(&start);
    return rc;
}

static int cmp_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Round trips: the median, and all of them into the histogram. */
static int measure_trips(struct kind_runs *k, uint32_t run, const int cpu[2], struct job *j)
{
    j->cnt = WARM + TRIPS;
    j->one_way = false;
    int rc = run_pair(j, cpu[0]);
    if (rc != 0)
        return rc;
    uint64_t *t = j->ticks + WARM;
    qsort(t, TRIPS, sizeof *t, cmp_u64);
    k->trip_ns[run] = oct_bench_tick_ns(t[TRIPS / 2]);
    for (uint32_t i = 0; i < TRIPS; i++)
        oct_hist_record(k->hist, (int64_t)oct_bench_tick_ns(t[i]));
    return 0;
}

/* One way, all messages over all of their time, in millions a second. */
static int measure_rate(double *rate, const int cpu[2], struct job *j)
{
    j->cnt = OCT_QUEUE_WARM + GIVEN;
    j->one_way = true;
    int rc = run_pair(j, cpu[0]);
    if (rc != 0)
        return rc;
    if (j->bad != 0)
        return -EBADMSG;
    *rate = GIVEN * 1e3 / oct_bench_tick_ns(j->taken);
    return 0;
}

static int measure(struct kind_runs *k, uint32_t run, const int cpu[2])
{
    size_t sz = oct_align_up(k->kind->footprint(DEPTH), 4096);
    uint64_t *ticks = malloc((WARM + TRIPS) * sizeof *ticks);
    uint8_t *mem = oct_bench_alloc(2 * sz);
    struct job j = {.kind = k->kind, .there = mem, .back = mem + sz, .ticks = ticks, .cpu = cpu[1]};
    double rate[REPEAT];
    int rc = -ENOMEM;

    if (ticks == NULL || mem == NULL)
        goto out;
    rc = k->kind->init(j.there, DEPTH) | k->kind->init(j.back, DEPTH);
    if (rc == 0)
        rc = measure_trips(k, run, cpu, &j);
    for (uint32_t i = 0; rc == 0 && i < REPEAT; i++) {
        memset(j.there, 0, sz);
        rc = k->kind->init(j.there, DEPTH);
        if (rc == 0)
            rc = measure_rate(&rate[i], cpu, &j);
    }
    if (rc == 0)
        k->rate[run] = oct_bench_median(rate, REPEAT);

out:
    if (mem != NULL)
        oct_bench_free(mem, 2 * sz);
    free(ticks);
    return rc;
}

/* Two cores we may run on; false when there is one. */
static bool two_cpus(int cpu[2])
{
    cpu_set_t set;
    int n = 0;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return false;
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET(i, &set))
            cpu[n++] = i;
    return n == 2;
}

/* The ratio of every run, so that what the machine does to both cancels out. */
static double ratio(const double *a, const double *b, uint32_t runs)
{
    double r[OCT_BENCH_RUN_MAX];

    for (uint32_t i = 0; i < runs; i++)
        r[i] = b[i] > 0.0 ? a[i] / b[i] : 0.0;
    return oct_bench_median(r, runs);
}

static void against(struct oct_bench *b, const struct kind_runs *ours, const struct kind_runs *peer,
                    uint32_t runs, bool bound)
{
    char metric[96];

    snprintf(metric, sizeof metric, "round trip / %s", peer->kind->name);
    oct_bench_result(b, ours->kind->name, metric, ratio(ours->trip_ns, peer->trip_ns, runs), "x",
                     bound ? OCT_BENCH_AT_MOST : OCT_BENCH_NONE, 0.8);
    snprintf(metric, sizeof metric, "throughput / %s", peer->kind->name);
    oct_bench_result(b, ours->kind->name, metric, ratio(ours->rate, peer->rate, runs), "x",
                     bound ? OCT_BENCH_AT_LEAST : OCT_BENCH_NONE, 1.5);
}

static void report(struct oct_bench *b, struct kind_runs *k, uint32_t cnt, uint32_t runs)
{
    double v[OCT_BENCH_RUN_MAX];

    /* The ring against the plain one is the target: both move one line of message, both inlined. */
    for (uint32_t i = 1; i < cnt; i++)
        against(b, &k[0], &k[i], runs, i == 1);
    for (uint32_t i = 0; i < cnt; i++) {
        oct_bench_hist(b, k[i].kind->name, k[i].hist, 0, 0);
        memcpy(v, k[i].trip_ns, runs * sizeof *v);
        oct_bench_result(b, k[i].kind->name, "round trip p50, median of runs",
                         oct_bench_median(v, runs), "ns", OCT_BENCH_NONE, 0);
        memcpy(v, k[i].rate, runs * sizeof *v);
        oct_bench_result(b, k[i].kind->name, "throughput, median of runs",
                         oct_bench_median(v, runs), "M/s", OCT_BENCH_NONE, 0);
    }
}

int oct_bench_queue(struct oct_bench *b)
{
    struct kind_runs *k = calloc(KIND_MAX, sizeof *k);
    const struct oct_queue_kind *kinds[KIND_MAX] = {&oct_queue_ring,          &oct_queue_headtail,
                                                    &oct_queue_headtail_kept, &oct_queue_ring_call,
                                                    &oct_queue_link,          oct_queue_rte()};
    uint32_t cnt = kinds[KIND_MAX - 1] != NULL ? KIND_MAX : KIND_MAX - 1;
    uint32_t runs = oct_bench_opts(b)->runs;
    int rc = k != NULL ? 0 : -ENOMEM, cpu[2];
    cpu_set_t before;

    if (runs > OCT_BENCH_RUN_MAX)
        runs = OCT_BENCH_RUN_MAX;
    if (!two_cpus(cpu)) {
        oct_bench_skip(b, "queue", "needs two cores");
        goto out;
    }
    if (cnt < KIND_MAX)
        oct_bench_skip(b, "rte_ring", "built without DPDK's ring");
    sched_getaffinity(0, sizeof before, &before);
    for (uint32_t i = 0; rc == 0 && i < cnt; i++) {
        k[i].kind = kinds[i];
        k[i].hist = malloc(sizeof *k[i].hist);
        if (k[i].hist == NULL)
            rc = -ENOMEM;
        else
            oct_hist_init(k[i].hist);
    }
    for (uint32_t run = 0; rc == 0 && run < runs; run++)
        for (uint32_t i = 0; rc == 0 && i < cnt; i++)
            rc = measure(&k[i], run, cpu);
    sched_setaffinity(0, sizeof before, &before);
    if (rc == 0)
        report(b, k, cnt, runs);

out:
    for (uint32_t i = 0; k != NULL && i < cnt; i++)
        free(k[i].hist);
    free(k);
    return rc;
}
