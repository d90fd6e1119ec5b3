/* memory: what a line costs on this machine, by how much is in use; what limits the books.
 *
 * One walk in which each line names the next, so that all of a miss is paid; and twelve such walks in
 * turn, as many as a window of look-ahead keeps in flight. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "dataplane/base/rng.h"

#define LINE    64u
#define WALKS   12u
#define STEPS   3000000u
#define MIB_MAX 256u

/* A walk over all lines in random order. */
static void link_lines(char *mem, uint32_t *order, size_t n, struct oct_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t k = oct_rng_below(rng, i + 1);
        uint32_t at = order[i];
        order[i] = order[k];
        order[k] = at;
    }
    for (size_t i = 0; i < n; i++)
        *(uint64_t *)(void *)(mem + LINE * (size_t)order[i]) = LINE * (uint64_t)order[(i + 1) % n];
}

/* ns a line, of so many walks at once. */
static double walk(const char *mem, const uint32_t *order, size_t n, uint32_t walks)
{
    uint64_t at[WALKS];
    for (uint32_t w = 0; w < walks; w++)
        at[w] = LINE * (uint64_t)order[w * n / walks];
    uint64_t t0 = oct_bench_tick();
    for (uint32_t i = 0; i < STEPS / walks; i++) {
        for (uint32_t w = 0; w < walks; w++)
            at[w] = *(const volatile uint64_t *)(const void *)(mem + at[w]);
    }
    uint64_t t1 = oct_bench_tick();
    return oct_bench_tick_ns(t1 - t0) / (STEPS / walks * walks);
}

int oct_bench_memory(struct oct_bench *b)
{
    static const uint32_t mib[] = {1, 4, 16, 64, MIB_MAX};
    uint32_t runs = oct_bench_opts(b)->runs;
    char *mem = oct_bench_alloc((size_t)MIB_MAX << 20);
    uint32_t *order = malloc(((size_t)MIB_MAX << 20) / LINE * sizeof *order);
    double one[OCT_BENCH_RUN_MAX], many[OCT_BENCH_RUN_MAX];
    struct oct_rng rng;

    if (!mem || !order)
        return -ENOMEM;
    oct_rng_init(&rng, 1);
    for (size_t i = 0; i < OCT_ARRAY_CNT(mib); i++) {
        size_t n = ((size_t)mib[i] << 20) / LINE;
        char metric[64];
        link_lines(mem, order, n, &rng);
        for (uint32_t k = 0; k < runs; k++) {
            one[k] = walk(mem, order, n, 1);
            many[k] = walk(mem, order, n, WALKS);
        }
        snprintf(metric, sizeof metric, "in %u MiB, one after the other", mib[i]);
        oct_bench_result(b, "memory", metric, oct_bench_median(one, runs), "ns/line",
                         OCT_BENCH_NONE, 0);
        snprintf(metric, sizeof metric, "in %u MiB, twelve at once", mib[i]);
        oct_bench_result(b, "memory", metric, oct_bench_median(many, runs), "ns/line",
                         OCT_BENCH_NONE, 0);
    }
    free(order);
    oct_bench_free(mem, (size_t)MIB_MAX << 20);
    return 0;
}
