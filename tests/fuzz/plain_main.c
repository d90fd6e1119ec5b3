/* plain_main.c - drives a fuzz target without libFuzzer: any compiler, any sanitizer.
 *
 * usage: fuzz_<x> [-n mutations] [-t seconds] [-s seed] [-w dir] [file | dir ...]
 *   Runs the target's own seeds and every file (a directory stands for those in it), then mutations
 *   of them: -n of them (default 20000), or as many as fit -t seconds.  -w writes the seeds into a directory, for libFuzzer.  On a crash
 *   the input is left in crash-<target>, and the run that made it is printed. */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX  ((size_t)65536)
#define CORPUS_MAX 4096u

struct input {
    uint8_t *data;
    size_t sz;
};

static struct input corpus[CORPUS_MAX];
static uint32_t corpus_cnt;
static const char *name = "target";
static uint64_t seed = 1;
static uint64_t run_no;
static const uint8_t *running;
static size_t running_sz;

static void on_abort(int sig)
{
    char path[256];
    snprintf(path, sizeof(path), "crash-%s", name);
    FILE *f = fopen(path, "wb");
    if (f != NULL) {
        fwrite(running, 1, running_sz, f);
        fclose(f);
    }
    fprintf(stderr, "%s: seed %llu, run %llu, input in %s\n", name, (unsigned long long)seed,
            (unsigned long long)run_no, path);
    signal(sig, SIG_DFL);
    raise(sig);
}

/* The target sees a buffer of exactly sz bytes, so that a sanitizer sees one byte too many. */
static void run(const uint8_t *data, size_t sz)
{
    uint8_t *exact = malloc(sz != 0 ? sz : 1);
    if (exact == NULL)
        exit(1);
    memcpy(exact, data, sz);
    running = exact;
    running_sz = sz;
    run_no++;
    LLVMFuzzerTestOneInput(exact, sz);
    free(exact);
}

static void keep(const uint8_t *data, size_t sz)
{
    if (corpus_cnt == CORPUS_MAX || sz > INPUT_MAX)
        return;
    uint8_t *copy = malloc(sz != 0 ? sz : 1);
    if (copy == NULL)
        exit(1);
    memcpy(copy, data, sz);
    corpus[corpus_cnt++] = (struct input){copy, sz};
}

static int keep_file(const char *path)
{
    static uint8_t buf[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: cannot read %s\n", name, path);
        return 1;
    }
    keep(buf, fread(buf, 1, sizeof(buf), f));
    fclose(f);
    return 0;
}

static int keep_path(const char *path)
{
    char file[4096];
    const struct dirent *e;
    int bad = 0;
    DIR *d = opendir(path);
    if (d == NULL)
        return keep_file(path);
    while ((e = readdir(d)) != NULL && !bad) {
        snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        bad = e->d_name[0] != '.' && keep_file(file);
    }
    closedir(d);
    return bad;
}

/* One change: a bit, a byte, a number at the edge of its range, a piece gone, doubled or taken from
 * another input, a new end. */
static size_t mutate(struct oct_rng *rng, uint8_t *buf, size_t sz)
{
    static const uint64_t edges[] = {0,      1,      0x7f,       0x80,      0xff,
                                     0x7fff, 0xffff, UINT32_MAX, UINT64_MAX};
    size_t at = sz != 0 ? oct_rng_below(rng, sz) : 0;
    size_t n = 1 + oct_rng_below(rng, 16);
    const struct input *other = &corpus[oct_rng_below(rng, corpus_cnt)];
    switch (oct_rng_below(rng, 8)) {
    case 0:
        if (sz != 0)
            buf[at] ^= (uint8_t)(1u << oct_rng_below(rng, 8));
        return sz;
    case 1:
        if (sz != 0)
            buf[at] = (uint8_t)oct_rng_u64(rng);
        return sz;
    case 2: {
        uint64_t v = edges[oct_rng_below(rng, OCT_ARRAY_CNT(edges))];
        for (size_t i = 0; i < 8 && i < n && at + i < sz; i++)
            buf[at + i] = (uint8_t)(v >> (8 * i));
        return sz;
    }
    case 3:
        n = n < sz - at ? n : sz - at;
        memmove(buf + at, buf + at + n, sz - at - n);
        return sz - n;
    case 4:
        n = n < sz - at ? n : sz - at;
        if (sz + n > INPUT_MAX)
            return sz;
        memmove(buf + at + n, buf + at, sz - at);
        return sz + n;
    case 5: {
        size_t from = other->sz != 0 ? oct_rng_below(rng, other->sz) : 0;
        n = oct_rng_below(rng, other->sz - from + 1);
        n = n < INPUT_MAX - at ? n : INPUT_MAX - at;
        memcpy(buf + at, other->data + from, n);
        return at + n > sz ? at + n : sz;
    }
    case 6:
        return at;
    default:
        for (size_t i = 0; i < n && sz < INPUT_MAX; i++)
            buf[sz++] = (uint8_t)oct_rng_u64(rng);
        return sz;
    }
}

static void run_mutations(uint64_t cnt, double seconds)
{
    static uint8_t buf[INPUT_MAX];
    struct oct_rng rng;
    struct timespec t0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    oct_rng_init(&rng, seed);
    for (uint64_t i = 0; seconds > 0 || i < cnt; i++) {
        const struct input *in = &corpus[oct_rng_below(&rng, corpus_cnt)];
        size_t sz = in->sz;
        memcpy(buf, in->data, sz);
        for (uint64_t k = 1 + oct_rng_below(&rng, 6); k > 0; k--)
            sz = mutate(&rng, buf, sz);
        run(buf, sz);
        if (seconds > 0 && i % 256 == 0) {
            clock_gettime(CLOCK_MONOTONIC, &t);
            if ((double)(t.tv_sec - t0.tv_sec) + (double)(t.tv_nsec - t0.tv_nsec) * 1e-9 >= seconds)
                break;
        }
    }
}

static int write_corpus(const char *dir)
{
    for (uint32_t i = 0; i < corpus_cnt; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/seed-%u", dir, i);
        FILE *f = fopen(path, "wb");
        if (f == NULL || fwrite(corpus[i].data, 1, corpus[i].sz, f) != corpus[i].sz ||
            fclose(f) != 0) {
            fprintf(stderr, "%s: cannot write %s\n", name, path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t buf[INPUT_MAX];
    uint64_t cnt = 20000;
    double seconds = 0;
    const char *dir = NULL;
    int opt;
    name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
    while ((opt = getopt(argc, argv, "n:t:s:w:")) != -1) {
        if (opt == 'n')
            cnt = strtoull(optarg, NULL, 10);
        else if (opt == 't')
            seconds = strtod(optarg, NULL);
        else if (opt == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (opt == 'w')
            dir = optarg;
        else
            return 2;
    }
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    for (size_t i = 0, sz; (sz = oct_fuzz_seed(i, buf, sizeof(buf))) != 0; i++)
        keep(buf, sz);
    for (int i = optind; i < argc; i++) {
        if (keep_path(argv[i]) != 0)
            return 1;
    }
    if (corpus_cnt == 0) {
        fprintf(stderr, "%s: nothing to start from\n", name);
        return 1;
    }
    if (dir != NULL)
        return write_corpus(dir);
    for (uint32_t i = 0; i < corpus_cnt; i++)
        run(corpus[i].data, corpus[i].sz);
    run_mutations(cnt, seconds);
    printf("%s: %u inputs and their mutations, %llu runs, seed %llu\n", name, corpus_cnt,
           (unsigned long long)run_no, (unsigned long long)seed);
    for (uint32_t i = 0; i < corpus_cnt; i++)
        free(corpus[i].data);
    return 0;
}
