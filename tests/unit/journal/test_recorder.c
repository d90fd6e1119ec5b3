#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "tests/unit/journal/kit.h"
#include "tests/unit/keep.h"

static char *dir;

static void setup(void)
{
    dir = kit_disk_dir();
}

static void teardown(void)
{
    kit_remove(dir);
}

TestSuite(recorder, .init = setup, .fini = teardown);

/* Everything in the journal of dir is what kit_input made, from first to last. */
static void expect(uint64_t first, uint64_t last)
{
    struct oct_journal *j = NULL;
    struct oct_journal_error err;
    const struct oct_msg_hdr *m;
    struct kit_check c = {0};
    int got = oct_journal_open(dir, 0, &j, &err);

    cr_assert_eq(got, 0, "%s:%lu: %s", err.file, err.off, err.reason);
    while ((got = oct_journal_next(j, &m)) == 1) {
        const char *bad = kit_follows(&c, m);
        cr_assert_null(bad, "input %lu: %s", m->input, bad);
        if (c.records == 1)
            cr_assert_eq(m->input, first);
    }
    cr_assert_eq(got, 0, "%s", oct_journal_error(j)->reason);
    cr_assert_eq(c.input, last);
    oct_journal_close(j);
}

Test(recorder, every_mode_writes_every_journaled_record_once)
{
    for (int mode = OCT_DURABILITY_ASYNC; mode <= OCT_DURABILITY_STRICT; mode++) {
        uint64_t first = 1 + 3000 * (uint64_t)mode;
        kit_record(dir, first, first + 2999, (enum oct_durability)mode, 0, 10 + (uint64_t)mode);
    }
    expect(1, 9000);
    struct oct_journal_report r;
    cr_assert_eq(oct_journal_verify(dir, 0, &r, NULL, NULL), 0, "%s", r.error.reason);
    cr_assert_eq(r.first_input, 1);
    cr_assert_eq(r.last_input, 9000);
    cr_assert_eq(r.inputs_missing + r.discontinuities + r.tail_lost, 0);
    cr_assert_geq(r.segments, 3);
}

Test(recorder, segments_change_only_before_a_new_input)
{
    struct oct_journal *j = NULL;
    const struct oct_msg_hdr *m;
    const struct oct_seg_hdr *seg;
    uint64_t serial = 0, last = 0;

    kit_record(dir, 1, 12000, OCT_DURABILITY_ASYNC, 1u << 20, 5);
    expect(1, 12000);
    cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
    cr_assert_geq(oct_journal_segment_cnt(j), 2);
    while (oct_journal_next(j, &m) == 1) {
        seg = oct_journal_segment(j);
        if (seg->serial != serial) {
            cr_assert_eq(seg->serial, serial + 1);
            cr_assert_eq(seg->first_input, last + 1);
            cr_assert_eq(m->input, last + 1);
            cr_assert(oct_msg_is_input(m->type));
            cr_assert_eq(seg->build_id, 77);
            cr_assert_eq(seg->layout_hash, oct_msg_layout_hash());
            serial = seg->serial;
        }
        last = m->input;
    }
    oct_journal_close(j);
}

Test(recorder, a_thread_keeps_up_and_both_cursors_reach_the_head)
{
    struct oct_ring *ring = kit_ring(1u << 12);
    struct oct_counter counters[OCT_RECORDER_COUNTER_CNT] = {0};
    struct oct_pulse pulse = {0};
    struct oct_recorder_cfg cfg = {.dir = dir,
                                   .ring = ring,
                                   .mode = OCT_DURABILITY_GROUP,
                                   .counters = counters,
                                   .pulse = &pulse,
                                   .core = -1,
                                   .run_id = 1};
    struct oct_recorder *r;
    uint64_t records = 0;

    cr_assert_eq(oct_recorder_create(&cfg, &r), 0);
    cr_assert_eq(oct_recorder_start(r), 0);
    for (uint64_t n = 1; n <= 20000; n++) {
        while (atomic_load(&ring->head) - atomic_load(&ring->recorded) > 3000)
            usleep(50);
        records += kit_input(ring, n);
    }
    int64_t until = oct_mono_ns() + 60 * OCT_NS_PER_S;
    while (atomic_load(&ring->durable) < atomic_load(&ring->head) && oct_mono_ns() < until)
        usleep(100);
    cr_assert_eq(atomic_load(&ring->durable), atomic_load(&ring->head));
    cr_assert_eq(atomic_load(&ring->recorded), atomic_load(&ring->head));
    cr_assert_eq(oct_recorder_state(r), OCT_REC_RUNNING);
    cr_assert_gt(atomic_load(&pulse.beat_ns), 0);
    cr_assert_eq(oct_recorder_stop(r), 0);
    cr_assert_eq(oct_recorder_state(r), OCT_REC_STOPPED);
    cr_assert_eq(oct_count_get(&counters[OCT_REC_RECORDS]), records);
    cr_assert_gt(oct_count_get(&counters[OCT_REC_SYNCS]), 0);
    oct_recorder_destroy(r);
    expect(1, 20000);
}

Test(recorder, durable_never_passes_what_is_in_the_files)
{
    struct oct_ring *ring = kit_ring(1u << 12);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_STRICT, 0, 1);
    struct oct_journal *j = NULL;
    const struct oct_msg_hdr *m;

    for (uint64_t n = 1; n <= 300; n++) {
        kit_input(ring, n);
        uint64_t head = atomic_load(&ring->head);
        kit_drain(r, ring);
        cr_assert_eq(atomic_load(&ring->durable), head);
        if (!j)
            cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
        uint64_t last = 0;
        int got;
        while ((got = oct_journal_next(j, &m)) == 1)
            last = m->input;
        cr_assert_eq(got, 0);
        cr_assert_eq(last, n);
    }
    oct_journal_close(j);
    oct_recorder_stop(r);
    oct_recorder_destroy(r);
}

Test(recorder, only_published_records_pass_without_a_file)
{
    struct oct_ring *ring = kit_ring(64);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_GROUP, 0, 1);
    struct oct_bbo bbo = {OCT_MSG_HDR(BBO, bbo)};

    for (int i = 0; i < 10; i++)
        oct_ring_publish(ring, &bbo.hdr);
    kit_drain(r, ring);
    cr_assert_eq(oct_recorder_stop(r), 0);
    cr_assert_str_eq(kit_segment(dir, 0), "");
    oct_recorder_destroy(r);
}

Test(recorder, a_lapped_recorder_says_what_it_lost)
{
    struct oct_ring *ring = kit_ring(1024);
    struct oct_faults *faults =
        oct_faults_new(test_keep(aligned_alloc(128, oct_align_up(oct_faults_footprint(), 128))));
    struct oct_recorder_cfg cfg = {
        .dir = dir, .ring = ring, .core = -1, .faults = faults, .run_id = 1, .flush_ns = 1};
    struct oct_recorder *r;
    struct oct_journal_report rep;
    struct oct_fault_row row;

    cr_assert_eq(oct_recorder_create(&cfg, &r), 0);
    for (uint64_t n = 1; n <= 10; n++)
        kit_input(ring, n);
    kit_drain(r, ring);
    for (uint64_t n = 11; n <= 1000; n++)
        kit_input(ring, n);
    kit_drain(r, ring);
    cr_assert_eq(oct_recorder_stop(r), 0);
    oct_recorder_destroy(r);
    cr_assert_eq(oct_journal_verify(dir, 0, &rep, NULL, NULL), 0, "%s", rep.error.reason);
    cr_assert_eq(rep.discontinuities, 1);
    cr_assert_eq(rep.last_input, 1000);
    cr_assert(oct_faults_get(faults, 0, &row));
    cr_assert_str_eq(row.code, "journal.lapped");
}

Test(recorder, two_recorders_never_share_a_lane)
{
    struct oct_ring *ring = kit_ring(64);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 1), *second = NULL;
    struct oct_recorder_cfg cfg = {.dir = dir, .ring = ring, .core = -1};
    struct oct_journal_repair rep;

    cr_assert_eq(oct_recorder_create(&cfg, &second), -EBUSY);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), -EBUSY);
    cfg.lane = 1;
    cr_assert_eq(oct_recorder_create(&cfg, &second), 0);
    oct_recorder_destroy(second);
    oct_recorder_destroy(r);
}

Test(recorder, impossible_settings_are_refused)
{
    struct oct_ring *ring = kit_ring(64);
    struct oct_recorder *r = NULL;

    cr_assert_eq(oct_recorder_create(&(struct oct_recorder_cfg){.dir = dir}, &r), -EINVAL);
    cr_assert_eq(oct_recorder_create(&(struct oct_recorder_cfg){.ring = ring}, &r), -EINVAL);
    cr_assert_eq(oct_recorder_create(
                     &(struct oct_recorder_cfg){.dir = dir, .ring = ring, .segment_sz = 4096}, &r),
                 -EINVAL);
    cr_assert_eq(
        oct_recorder_create(&(struct oct_recorder_cfg){.dir = dir, .ring = ring, .mode = 9}, &r),
        -EINVAL);
    cr_assert_eq(
        oct_recorder_create(&(struct oct_recorder_cfg){.dir = "/proc/no/such", .ring = ring}, &r),
        -ENOENT);
}

Test(recorder, a_record_out_of_order_stops_it)
{
    struct oct_ring *ring = kit_ring(64);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 1);
    const char *what;

    kit_input(ring, 9);
    kit_drain(r, ring);
    kit_input(ring, 4);
    for (int i = 0; i < 10; i++)
        oct_recorder_poll(r);
    cr_assert_eq(oct_recorder_state(r), OCT_REC_FAILED);
    cr_assert_eq(oct_recorder_error(r, &what), EBADMSG);
    cr_assert_str_eq(what, "journal.bad_record");
    cr_assert_eq(oct_recorder_stop(r), -EBADMSG);
    oct_recorder_destroy(r);
}

/* ---- disks that fail ------------------------------------------------------------------------- */

/* Blocks that stand before the one that failed may still be on their way when it fails, and move
 * the cursors when they arrive.  Polls until nothing has moved for a while; returns where. */
static uint64_t come_home(struct oct_recorder *r, const struct oct_ring *ring)
{
    uint64_t at = atomic_load(&ring->recorded);

    for (int quiet = 0; quiet < 50; quiet++) {
        usleep(1000);
        oct_recorder_poll(r);
        if (atomic_load(&ring->recorded) != at)
            quiet = 0;
        at = atomic_load(&ring->recorded);
    }
    cr_assert_eq(oct_recorder_state(r), OCT_REC_FAILED);
    return at;
}

Test(recorder, a_file_size_limit_stops_it_and_its_end_lets_it_go_on)
{
    struct oct_ring *ring = kit_ring(1u << 13);
    struct oct_recorder *r;
    struct rlimit lim;
    uint64_t n = 1;

    signal(SIGXFSZ, SIG_IGN);
    r = kit_recorder(dir, ring, OCT_DURABILITY_STRICT, 1u << 20, 1);
    for (; n <= 10; n++)
        kit_input(ring, n);
    kit_drain(r, ring);
    getrlimit(RLIMIT_FSIZE, &lim);
    rlim_t old = lim.rlim_cur;
    lim.rlim_cur = 256u << 10; /* in the middle of the segment */
    setrlimit(RLIMIT_FSIZE, &lim);
    int64_t until = oct_mono_ns() + 60 * OCT_NS_PER_S;
    while (oct_recorder_state(r) != OCT_REC_FAILED && oct_mono_ns() < until) {
        if (atomic_load(&ring->head) - atomic_load(&ring->recorded) < 2000)
            kit_input(ring, n++);
        oct_recorder_poll(r);
    }
    cr_assert_eq(oct_recorder_state(r), OCT_REC_FAILED);
    cr_assert_eq(oct_recorder_error(r, NULL), EFBIG);
    uint64_t recorded = come_home(r, ring);
    for (int i = 0; i < 20; i++, n++) {
        kit_input(ring, n);
        usleep(2000);
        oct_recorder_poll(r);
    }
    cr_assert_eq(atomic_load(&ring->recorded), recorded); /* stands still */
    cr_assert_eq(atomic_load(&ring->durable), recorded);  /* strict: written is durable */
    cr_assert_lt(recorded, atomic_load(&ring->head));
    lim.rlim_cur = old;
    setrlimit(RLIMIT_FSIZE, &lim);
    kit_drain(r, ring); /* and goes on where it stood */
    cr_assert_eq(oct_recorder_state(r), OCT_REC_RUNNING);
    cr_assert_eq(oct_recorder_stop(r), 0);
    oct_recorder_destroy(r);
    expect(1, n - 1);
}

Test(recorder, a_full_disk_is_said_and_nothing_is_skipped)
{
    struct oct_ring *ring = kit_ring(1u << 13);
    struct oct_faults *faults =
        oct_faults_new(test_keep(aligned_alloc(128, oct_align_up(oct_faults_footprint(), 128))));
    struct oct_fault_row row;
    struct oct_recorder *r;
    char mnt[300];
    uint64_t n = 1;

    snprintf(mnt, sizeof mnt, "%s/small", dir);
    mkdir(mnt, 0700);
    if (mount("tmpfs", mnt, "tmpfs", 0, "size=5m")) {
        printf("SKIP: cannot mount a small file system: %s\n", strerror(errno));
        cr_skip_test("cannot mount a small file system");
    }
    struct oct_recorder_cfg cfg = {.dir = mnt,
                                   .ring = ring,
                                   .core = -1,
                                   .faults = faults,
                                   .run_id = 1,
                                   .flush_ns = 1,
                                   .segment_sz = 1u << 20,
                                   .retry_ns = 5 * OCT_NS_PER_MS};
    cr_assert_eq(oct_recorder_create(&cfg, &r), 0);
    int64_t until = oct_mono_ns() + 60 * OCT_NS_PER_S;
    while (oct_recorder_state(r) != OCT_REC_FAILED && oct_mono_ns() < until) {
        if (atomic_load(&ring->head) - atomic_load(&ring->recorded) < 2000)
            kit_input(ring, n++);
        oct_recorder_poll(r);
    }
    cr_assert_eq(oct_recorder_state(r), OCT_REC_FAILED);
    cr_assert_eq(oct_recorder_error(r, NULL), ENOSPC);
    cr_assert(oct_faults_get(faults, 0, &row));
    cr_assert_eq(row.detail[0], ENOSPC);
    cr_assert_eq(oct_recorder_stop(r), -ENOSPC);
    oct_recorder_destroy(r);
    /* What is on the disk is whole as far as it goes. */
    char *whole = dir;
    struct oct_journal_repair rep;
    struct oct_journal_error err;
    cr_assert_eq(oct_journal_repair(mnt, 0, &rep, &err), 0, "%s", err.reason);
    dir = mnt;
    struct oct_journal_report ver;
    cr_assert_eq(oct_journal_verify(mnt, 0, &ver, NULL, NULL), 0);
    expect(1, ver.last_input);
    cr_assert_lt(ver.last_input, n);
    dir = whole;
    umount(mnt);
}

/* ---- kill -9 --------------------------------------------------------------------------------- */

Test(recorder, a_killed_writer_leaves_a_journal_that_repair_makes_whole)
{
    uint64_t from = 1;
    _Atomic uint64_t *made =
        mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(made, MAP_FAILED);
    srand(7);
    for (int round = 0; round < 6; round++) {
        atomic_store(made, 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct oct_ring *ring = kit_ring(1u << 14);
            struct oct_recorder_cfg cfg = {.dir = dir,
                                           .ring = ring,
                                           .core = -1,
                                           .run_id = 100 + (uint64_t)round,
                                           .mode = (enum oct_durability)(round % 3),
                                           .segment_sz = 1u << 20};
            struct oct_recorder *r;
            if (oct_recorder_create(&cfg, &r) || oct_recorder_start(r))
                _exit(9);
            for (uint64_t n = from;; n++) {
                while (atomic_load(&ring->head) - atomic_load(&ring->recorded) > 12000)
                    usleep(20);
                kit_input(ring, n);
                atomic_store(made, n - from);
            }
        }
        /* A slow machine takes its time to begin; the kill comes at random after that. */
        for (int i = 0; i < 3000 && atomic_load(made) < 6000; i++)
            usleep(10000);
        usleep((useconds_t)(rand() % 60000));
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFSIGNALED(status), "child ended: %d", WEXITSTATUS(status));
        struct oct_journal_repair rep;
        struct oct_journal_report ver;
        struct oct_journal_error err;
        int got = oct_journal_repair(dir, 0, &rep, &err);
        cr_assert_eq(got, 0, "%d %s:%lu: %s", got, err.file, err.off, err.reason);
        got = oct_journal_verify(dir, 0, &ver, NULL, NULL);
        cr_assert(got == 0 || got == -ENOENT, "%s", ver.error.reason);
        if (got == 0) {
            expect(1, ver.last_input);
            /* A block may end between the records of one input. */
            struct oct_journal *j;
            const struct oct_msg_hdr *m;
            struct kit_check c = {0};
            cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
            while (oct_journal_next(j, &m) == 1)
                cr_assert_null(kit_follows(&c, m));
            oct_journal_close(j);
            from = ver.last_input + 1;
            if (c.ordinal != (c.input % 7 == 0 ? 2u : 1u) + (c.input % 3 == 0))
                break; /* the next run would not continue what kit_follows checks */
        }
    }
    cr_assert_gt(from, 1000);
}
