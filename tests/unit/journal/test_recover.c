#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "tests/unit/journal/kit.h"

static char *dir;

static void setup(void)
{
    dir = kit_dir();
}

static void teardown(void)
{
    kit_remove(dir);
}

TestSuite(recover, .init = setup, .fini = teardown, .timeout = 240);

/* Everything that can be recovered follows kit_input; returns the last input. */
static uint64_t recover_all(const struct oct_ring *ring, uint64_t run,
                            struct oct_recover_info *info, bool settle)
{
    struct oct_recover *r = NULL;
    struct oct_journal_error err;
    const struct oct_msg_hdr *m;
    struct kit_check c = {0};
    int got = oct_recover_open(dir, 0, ring, run, &r, &err);

    cr_assert_eq(got, 0, "%s:%lu: %s", err.file, err.off, err.reason);
    while ((got = oct_recover_next(r, &m)) == 1) {
        const char *bad = kit_follows(&c, m);
        cr_assert_null(bad, "input %lu: %s", m->input, bad);
    }
    cr_assert_eq(got, 0);
    *info = *oct_recover_info(r);
    cr_assert_eq(info->last_input, c.input);
    if (settle) {
        cr_assert_eq(oct_recover_settle(r), 0);
        cr_assert_eq(oct_recover_settle(r), 0);
    }
    oct_recover_close(r);
    return c.input;
}

Test(recover, nothing_at_all_is_an_empty_past)
{
    struct oct_recover_info info;

    cr_assert_eq(recover_all(NULL, 0, &info, true), 0);
    cr_assert_eq(recover_all(kit_ring(64), 5, &info, true), 0);
    cr_assert_eq(info.rescued, 0);
}

Test(recover, files_and_the_rest_of_the_ring_make_the_whole)
{
    struct oct_ring *ring = kit_ring(1u << 12);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_STRICT, 0, 4);
    struct oct_recover_info info;
    struct oct_journal_report rep;

    for (uint64_t n = 1; n <= 50; n++)
        kit_input(ring, n);
    kit_drain(r, ring);
    for (uint64_t n = 51; n <= 90; n++)
        kit_input(ring, n);
    oct_recorder_abandon(r);
    oct_recorder_destroy(r);
    cr_assert_eq(recover_all(ring, 4, &info, false), 90);
    cr_assert_eq(info.files_last_input, 50);
    cr_assert_gt(info.rescued, 40);
    cr_assert_eq(info.run_id, 4);
    cr_assert_eq(recover_all(NULL, 0, &info, false), 50); /* power loss: the ring is gone */
    /* Settled: then the ring adds nothing, and may go. */
    cr_assert_eq(recover_all(ring, 4, &info, true), 90);
    cr_assert_eq(recover_all(ring, 4, &info, true), 90);
    cr_assert_eq(info.rescued, 0);
    cr_assert_eq(recover_all(NULL, 0, &info, false), 90);
    cr_assert_eq(oct_journal_verify(dir, 0, &rep, NULL, NULL), 0, "%s", rep.error.reason);
    kit_record(dir, 91, 120, OCT_DURABILITY_GROUP, 0, 5);
    cr_assert_eq(recover_all(ring, 4, &info, false), 120); /* a stale ring is not believed */
    cr_assert_eq(info.rescued, 0);
}

/* Found by killing a dataplane: settling first showed the reader the segment it had just made, and
 * memory gave the same records once more. */
Test(recover, whenever_it_is_settled_everything_comes_once)
{
    for (uint64_t at = 0; at <= 150; at += 10) {
        struct oct_ring *ring = kit_ring(1u << 12);
        const struct oct_msg_hdr *m;
        struct oct_recover *r = NULL;
        struct kit_check c = {0};
        char *all = dir;

        dir = kit_dir();
        struct oct_recorder *rec = kit_recorder(dir, ring, OCT_DURABILITY_STRICT, 0, 4);
        for (uint64_t n = 1; n <= 50; n++)
            kit_input(ring, n);
        kit_drain(rec, ring);
        for (uint64_t n = 51; n <= 90; n++)
            kit_input(ring, n);
        oct_recorder_abandon(rec);
        oct_recorder_destroy(rec);
        cr_assert_eq(oct_recover_open(dir, 0, ring, 4, &r, NULL), 0);
        for (;;) {
            if (c.records == at)
                cr_assert_eq(oct_recover_settle(r), 0);
            if (oct_recover_next(r, &m) != 1)
                break;
            const char *bad = kit_follows(&c, m);
            cr_assert_null(bad, "settled at %lu, input %lu: %s", at, m->input, bad);
        }
        cr_assert_eq(c.input, 90);
        oct_recover_close(r);
        free(ring);
        kit_remove(dir);
        dir = all;
    }
}

Test(recover, a_run_that_wrote_no_block_is_rescued_whole)
{
    struct oct_ring *ring = kit_ring(1u << 12);
    struct oct_recover_info info;

    kit_record(dir, 1, 20, OCT_DURABILITY_ASYNC, 0, 1);
    for (uint64_t n = 21; n <= 60; n++)
        kit_input(ring, n);
    cr_assert_eq(recover_all(ring, 2, &info, true), 60);
    cr_assert_eq(info.files_last_input, 20);
    cr_assert_eq(recover_all(ring, 2, &info, true), 60);
    cr_assert_eq(info.rescued, 0);
}

Test(recover, a_cut_between_the_records_of_one_input_is_no_seam)
{
    /* Each position of the ring at which the recorder may have stood. */
    for (int polls = 1; polls < 12; polls++) {
        struct oct_ring *ring = kit_ring(1u << 12);
        struct oct_recover_info info;
        char *all = dir;
        dir = kit_dir();
        struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_STRICT, 0, 4);
        struct oct_verdict v = {OCT_MSG_HDR(VERDICT, verdict)};
        for (uint64_t n = 1; n <= (uint64_t)polls; n++)
            kit_input(ring, n);
        if (polls % 3 == 0) { /* the input's record is written, its verdict only in the ring */
            struct oct_ring *half = kit_ring(1u << 12);
            oct_recorder_destroy(r);
            r = kit_recorder(dir, half, OCT_DURABILITY_STRICT, 0, 4);
            for (uint64_t n = 1; n < (uint64_t)polls; n++)
                kit_input(half, n);
            struct oct_ring_reader rd;
            uint64_t buf[OCT_MSG_SZ_MAX / 8];
            struct oct_msg_hdr *m = (struct oct_msg_hdr *)buf;
            oct_ring_reader_init(&rd, ring, true);
            while (oct_ring_read(&rd, buf) == OCT_RING_RECORD) {
                if (m->input == (uint64_t)polls && m->type != OCT_VERDICT)
                    oct_ring_publish(half, m);
            }
            kit_drain(r, half);
            v.intent_id = v.hdr.input = (uint64_t)polls;
            oct_ring_publish(half, &v.hdr);
            ring = half;
        } else {
            kit_drain(r, ring);
        }
        oct_recorder_abandon(r);
        oct_recorder_destroy(r);
        cr_assert_eq(recover_all(ring, 4, &info, true), (uint64_t)polls);
        cr_assert_eq(info.rescued, polls % 3 == 0);
        cr_assert_eq(recover_all(NULL, 0, &info, false), (uint64_t)polls);
        kit_record(dir, (uint64_t)polls + 1, (uint64_t)polls + 20, OCT_DURABILITY_ASYNC, 0, 5);
        cr_assert_eq(recover_all(NULL, 0, &info, false), (uint64_t)polls + 20);
        kit_remove(dir);
        dir = all;
    }
}

Test(recover, a_ring_that_was_lapped_says_what_is_missing)
{
    struct oct_ring *ring = kit_ring(128);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_STRICT, 0, 4);
    struct oct_recover *rec;
    const struct oct_msg_hdr *m;
    bool said = false;

    for (uint64_t n = 1; n <= 10; n++)
        kit_input(ring, n);
    kit_drain(r, ring);
    for (uint64_t n = 11; n <= 200; n++)
        kit_input(ring, n);
    oct_recorder_abandon(r);
    oct_recorder_destroy(r);
    cr_assert_eq(oct_recover_open(dir, 0, ring, 4, &rec, NULL), 0);
    cr_assert_gt(oct_recover_info(rec)->lost_slots, 0);
    cr_assert_eq(oct_recover_info(rec)->last_input, 200);
    while (oct_recover_next(rec, &m) == 1)
        said = said || m->type == OCT_DISCONTINUITY;
    cr_assert(said);
    cr_assert_eq(oct_recover_settle(rec), 0);
    oct_recover_close(rec);
    struct oct_journal_report rep;
    cr_assert_eq(oct_journal_verify(dir, 0, &rep, NULL, NULL), 0, "%s", rep.error.reason);
    cr_assert_eq(rep.discontinuities, 1);
    cr_assert_eq(rep.last_input, 200);
}

Test(recover, a_torn_tail_must_be_repaired_first)
{
    struct oct_recover *r = NULL;
    uint64_t off, sz;

    kit_crash(dir, 1, 12, 0, 9);
    kit_last_block(kit_segment(dir, 0), &off, &sz);
    FILE *f = fopen(kit_segment(dir, 0), "r+");
    fseek(f, (long)off + 150, SEEK_SET);
    fputc(0x7f, f);
    fclose(f);
    struct oct_journal_error err;
    cr_assert_eq(oct_recover_open(dir, 0, NULL, 0, &r, &err), -EUCLEAN);
    cr_assert_eq(err.off, off);
}

/* The ring is in memory that outlives the process, as a region is. */
Test(recover, nothing_published_before_a_kill_is_lost)
{
    struct oct_rng rng;
    uint64_t from = 1, run = 1;
    size_t sz = oct_align_up(oct_ring_footprint(1u << 14), 4096);
    uint8_t *mem = mmap(NULL, sz + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    _Atomic uint64_t *told = (_Atomic uint64_t *)(mem + sz);

    oct_rng_init(&rng, 11);
    for (int round = 0; round < 8; round++, run++) {
        struct oct_ring *ring = oct_ring_new(mem, 1u << 14);
        struct oct_recover_info info;
        struct oct_journal_repair rep;
        struct oct_journal_error err;
        pid_t pid = fork();
        if (pid == 0) {
            struct oct_recorder_cfg cfg = {.dir = dir,
                                           .ring = ring,
                                           .core = -1,
                                           .run_id = run,
                                           .mode = (enum oct_durability)(round % 3),
                                           .segment_sz = 1u << 20};
            struct oct_recorder *r;
            if (oct_recorder_create(&cfg, &r) || oct_recorder_start(r))
                _exit(9);
            for (uint64_t n = from;; n++) {
                while (atomic_load(&ring->head) - atomic_load(&ring->recorded) > 12000)
                    usleep(20);
                kit_input(ring, n);
                atomic_store(told, n);
            }
        }
        /* A slow machine takes its time to begin; the kill comes at random after that. */
        for (int i = 0; i < 3000 && atomic_load(told) < from + 1000; i++)
            usleep(10000);
        usleep((useconds_t)oct_rng_below(&rng, 60000));
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFSIGNALED(status), "child ended: %d", WEXITSTATUS(status));
        cr_assert_eq(oct_journal_repair(dir, 0, &rep, &err), 0, "%s", err.reason);
        uint64_t last = recover_all(ring, run, &info, true);
        cr_assert_geq(last, atomic_load(told));
        cr_assert_leq(last, atomic_load(told) + 1);
        cr_assert_eq(info.lost_slots, 0);
        cr_assert_eq(recover_all(NULL, 0, &info, false), last);
        /* The last input may be in the ring in part: finish it, as recovery by replay does. */
        struct oct_recover *rec;
        const struct oct_msg_hdr *m;
        struct kit_check c = {0};
        cr_assert_eq(oct_recover_open(dir, 0, NULL, 0, &rec, NULL), 0);
        while (oct_recover_next(rec, &m) == 1)
            cr_assert_null(kit_follows(&c, m));
        oct_recover_close(rec);
        from = last + 1;
        if (c.ordinal != (c.input % 7 == 0 ? 2u : 1u) + (c.input % 3 == 0))
            break;
    }
    cr_assert_gt(from, 1000);
}
