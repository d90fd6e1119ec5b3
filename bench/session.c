/* Machinery that benches share: memory, time stamps, the session and its bare walk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/bench_priv.h"
#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"

#define HUGE_SZ ((size_t)2 << 20)
#define PAD     64u

static size_t alloc_sz(size_t sz)
{
    return oct_align_up(sz == 0 ? 1 : sz, HUGE_SZ);
}

void *oct_bench_alloc(size_t sz)
{
    size_t whole = alloc_sz(sz) + HUGE_SZ;
    uint8_t *mem = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED) {
        fprintf(stderr, "octopus-bench: no memory for %zu bytes\n", sz);
        exit(1);
    }
    uint8_t *at = (uint8_t *)oct_align_up((size_t)mem, HUGE_SZ);
    if (at != mem)
        munmap(mem, (size_t)(at - mem));
    munmap(at + alloc_sz(sz), (size_t)(mem + whole - at) - alloc_sz(sz));
    madvise(at, alloc_sz(sz), MADV_HUGEPAGE);
    for (size_t i = 0; i < alloc_sz(sz); i += 4096)
        ((volatile uint8_t *)at)[i] = 0;
    return at;
}

void oct_bench_free(void *mem, size_t sz)
{
    if (mem != NULL)
        munmap(mem, alloc_sz(sz));
}

uint64_t oct_bench_tick_cost(void)
{
    static uint64_t least;
    if (least == 0) {
        least = UINT64_MAX;
        for (uint32_t i = 0; i < 100000; i++) {
            uint64_t a = oct_bench_tick(), b = oct_bench_tick();
            least = b - a < least ? b - a : least;
        }
    }
    return least;
}

double oct_bench_tick_ns(uint64_t ticks)
{
    static struct oct_clock clock;
    if (clock.mult == 0 && oct_clock_init(&clock, 50 * OCT_NS_PER_MS) != 0) {
        fprintf(stderr, "octopus-bench: the time-stamp counter is not invariant\n");
        exit(1);
    }
    return (double)ticks * (double)clock.mult * 0x1p-32;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double oct_bench_median(double *v, uint32_t n)
{
    OCT_ASSERT(n != 0);
    qsort(v, n, sizeof(*v), by_value);
    return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static int session_read(struct oct_bench *b, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return -errno;
    struct stat st;
    if (fstat(fileno(f), &st) != 0) {
        fclose(f);
        return -errno;
    }
    size_t sz = (size_t)st.st_size;
    b->data = oct_bench_alloc(sz + PAD);
    int err = fread(b->data, 1, sz, f) == sz ? 0 : -EIO;
    fclose(f);
    b->sz = sz;
    for (size_t at = 0; at < sz; at += 2u + oct_load_be16(b->data + at))
        b->cnt++;
    return err;
}

int oct_bench_session(struct oct_bench *b, const uint8_t **data, size_t *sz)
{
    if (b->data == NULL) {
        char path[4096];
        struct stat st;
        /* The number at the end changes with the generator. */
        if ((size_t)snprintf(path, sizeof(path), "%s/octopus-session-%lu-%lu-1.itch50", b->opts.dir,
                             b->opts.messages, b->opts.seed) >= sizeof(path))
            return -ENAMETOOLONG;
        if (stat(path, &st) != 0) {
            fprintf(stderr, "making %s\n", path);
            int err = oct_bench_gen(path, b->opts.messages, b->opts.seed);
            if (err != 0)
                return err;
        }
        int err = session_read(b, path);
        if (err != 0)
            return err;
    }
    *data = b->data;
    *sz = b->sz;
    return 0;
}

uint64_t oct_bench_session_cnt(struct oct_bench *b)
{
    return b->cnt;
}

double oct_bench_walk(struct oct_bench *b)
{
    const uint8_t *p = b->data, *end = p + b->sz;
    uint64_t sum = 0, n = 0;
    uint64_t t0 = oct_bench_tick();
    while (p < end) {
        uint32_t len = oct_load_be16(p);
        sum += p[2] + len;
        p += 2 + len;
        n++;
    }
    uint64_t t1 = oct_bench_tick();
    __asm__ volatile("" : : "r"(sum));
    return oct_bench_tick_ns(t1 - t0) / (double)n;
}
