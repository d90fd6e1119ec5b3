/* The journal: how long a record takes from the ring to the disk in each durability mode, open loop
 * at a fixed rate from the intended time, and how many it takes a second; beside bare writes of the
 * same disk in the same run. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/bench.h"
#include "dataplane/base/time.h"
#include "dataplane/journal/reader.h"
#include "dataplane/journal/recorder.h"

#define RING_DEPTH  (1u << 18)
#define DATA_SZ     100u                 /* bytes of packet in a record */
#define RATE_GAP_NS (20 * OCT_NS_PER_US) /* 50,000 records a second */
#define RATE_CNT    100000u
#define BULK_CNT    1000000u
#define BARE_CNT    2000u

static const char *const mode_name[] = {"async", "group", "strict"};

struct run {
    struct oct_bench *b;
    char dir[256];
    struct oct_ring *ring;
    struct oct_recorder *rec;
    struct oct_counter counters[OCT_RECORDER_COUNTER_CNT];
    uint64_t input;
};

static void remove_dir(const char *dir)
{
    char cmd[300];

    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    if (system(cmd))
        fprintf(stderr, "bench journal: %s stays\n", dir);
}

static int begin(struct run *r, enum oct_durability mode)
{
    bool two_cores = sysconf(_SC_NPROCESSORS_ONLN) >= 2;
    struct oct_recorder_cfg cfg = {
        .dir = r->dir,
        .ring = r->ring,
        .counters = r->counters,
        .run_id = 1,
        .mode = mode,
        .core = two_cores ? 0 : -1,
    };

    snprintf(r->dir, sizeof r->dir, "%s/bench-journal-%d", oct_bench_opts(r->b)->dir,
             (int)getpid());
    remove_dir(r->dir);
    memset(r->counters, 0, sizeof r->counters);
    oct_ring_new(r->ring, RING_DEPTH);
    r->input = 0;
    int err = oct_recorder_create(&cfg, &r->rec);
    return err ? err : oct_recorder_start(r->rec);
}

/* Ends the segment and looks whether every record is there. */
static int end(struct run *r, uint64_t *missing)
{
    struct oct_journal_report rep;

    int err = oct_recorder_stop(r->rec);
    oct_recorder_destroy(r->rec);
    r->rec = NULL;
    if (!err)
        err = oct_journal_verify(r->dir, 0, &rep, NULL, NULL);
    *missing += r->input - rep.records;
    remove_dir(r->dir);
    return err;
}

static uint64_t append(struct run *r)
{
    static const uint8_t data[DATA_SZ];
    struct oct_in_packet m = {OCT_MSG_HDR(IN_PACKET, in_packet), .now_ns = 1, .msg_cnt = 3,
                              .pkt_sz = DATA_SZ, .frag_sz = DATA_SZ};

    m.hdr.sz = (uint16_t)oct_align_up(sizeof m + DATA_SZ, 8);
    m.hdr.input = ++r->input;
    return oct_ring_publish2(r->ring, &m.hdr, sizeof m, data, DATA_SZ);
}

static uint64_t durable(const struct run *r)
{
    return atomic_load_explicit(&r->ring->durable, memory_order_acquire);
}

/* Records at a fixed rate; each one's time until `durable` has passed it. */
static void latency(struct run *r, struct oct_hist *h, int64_t *due, uint64_t *pos)
{
    uint32_t sent = 0, done = 0;
    int64_t start = oct_mono_ns() + OCT_NS_PER_MS;

    oct_hist_init(h);
    while (done < RATE_CNT) {
        int64_t now = oct_mono_ns();
        if (sent < RATE_CNT && now >= start + sent * RATE_GAP_NS) {
            due[sent] = start + sent * RATE_GAP_NS;
            pos[sent++] = append(r);
        }
        uint64_t d = durable(r);
        for (; done < sent && pos[done] <= d; done++)
            oct_hist_record(h, oct_mono_ns() - due[done]);
    }
}

/* As fast as the recorder lets: nanoseconds a record, until the last is durable. */
static double bulk(struct run *r)
{
    int64_t start = oct_mono_ns();
    uint64_t pos = 0;

    for (uint32_t i = 0; i < BULK_CNT; i++) {
        while (i % 64 == 0 && pos - atomic_load_explicit(&r->ring->recorded, memory_order_acquire) >
                                  RING_DEPTH / 2)
            sched_yield();
        pos = append(r);
    }
    while (durable(r) < pos)
        sched_yield();
    return (double)(oct_mono_ns() - start) / BULK_CNT;
}

static int one_mode(struct run *r, enum oct_durability mode)
{
    const struct oct_bench_opts *o = oct_bench_opts(r->b);
    struct oct_hist *h = malloc(sizeof *h);
    int64_t *due = calloc(RATE_CNT, sizeof *due);
    uint64_t *pos = calloc(RATE_CNT, sizeof *pos);
    double ns[OCT_BENCH_RUN_MAX];
    uint64_t missing = 0, bytes = 0;
    char name[64];
    int err = h && due && pos ? begin(r, mode) : -ENOMEM;

    if (!err) {
        latency(r, h, due, pos);
        snprintf(name, sizeof name, "journal %s append to durable", mode_name[mode]);
        oct_bench_hist(r->b, name, h, 0, 0);
        err = end(r, &missing);
    }
    for (uint32_t i = 0; i < o->runs && !err; i++) {
        err = begin(r, mode);
        if (err)
            break;
        ns[i] = bulk(r);
        bytes = oct_count_get(&r->counters[OCT_REC_FILE_BYTES]);
        err = end(r, &missing);
    }
    if (!err) {
        double median = oct_bench_median(ns, o->runs);
        snprintf(name, sizeof name, "journal %s", mode_name[mode]);
        oct_bench_result(r->b, name, "per record, in bulk", median, "ns", OCT_BENCH_NONE, 0);
        oct_bench_result(r->b, name, "to the file", (double)bytes / BULK_CNT / median * 1e3, "MB/s",
                         OCT_BENCH_NONE, 0);
        oct_bench_result(r->b, name, "records missing", (double)missing, "records",
                         OCT_BENCH_AT_MOST, 0);
    }
    free(h);
    free(due);
    free(pos);
    return err;
}

/* What the disk itself takes for a durable write. */
static int bare(struct oct_bench *b, size_t sz)
{
    struct oct_hist *h = malloc(sizeof *h);
    char path[256], name[64];
    void *mem = aligned_alloc(4096, sz);

    snprintf(path, sizeof path, "%s/bench-bare-%d", oct_bench_opts(b)->dir, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EINVAL) {
        free(h);
        free(mem);
        oct_bench_skip(b, "journal bare write", "this file system has no O_DIRECT");
        return 0;
    }
    int err = fd < 0 ? -errno : h && mem ? 0 : -ENOMEM;
    if (!err) {
        memset(mem, 0, sz);
        oct_hist_init(h);
    }
    for (uint32_t round = 0; round < 2 && !err; round++) { /* the first round makes the room */
        for (uint32_t i = 0; i < BARE_CNT && !err; i++) {
            struct iovec v = {mem, sz};
            int64_t t = oct_mono_ns();
            ssize_t n = pwritev2(fd, &v, 1, (off_t)(i % 256 * sz), round ? RWF_DSYNC : 0);
            err = n == (ssize_t)sz ? 0 : n < 0 ? -errno : -EIO;
            if (round)
                oct_hist_record(h, oct_mono_ns() - t);
        }
    }
    if (!err) {
        snprintf(name, sizeof name, "journal bare %zu KiB durable write", sz / 1024);
        oct_bench_hist(b, name, h, 0, 0);
    }
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(h);
    free(mem);
    return err;
}

int oct_bench_journal(struct oct_bench *b)
{
    static struct run r; /* a kilobyte of counters and paths */
    size_t sz = oct_align_up(oct_ring_footprint(RING_DEPTH), 2u << 20);
    cpu_set_t set, old;
    int err = 0;

    r.b = b;
    r.ring = oct_bench_alloc(sz);
    if (!r.ring)
        return -ENOMEM;
    bool pinned = sysconf(_SC_NPROCESSORS_ONLN) >= 2 && sched_getaffinity(0, sizeof old, &old) == 0;
    if (pinned) {
        CPU_ZERO(&set);
        CPU_SET(1, &set);
        pinned = sched_setaffinity(0, sizeof set, &set) == 0;
    }
    err = bare(b, 4096);
    if (!err)
        err = bare(b, 65536);
    for (int mode = OCT_DURABILITY_ASYNC; mode <= OCT_DURABILITY_STRICT && !err; mode++)
        err = one_mode(&r, (enum oct_durability)mode);
    if (pinned)
        sched_setaffinity(0, sizeof old, &old);
    oct_bench_free(r.ring, sz);
    return err;
}
