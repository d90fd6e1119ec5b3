#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/time.h"
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

TestSuite(tail, .init = setup, .fini = teardown, .timeout = 240);

struct seen {
    struct kit_check j;
    uint64_t published;
    uint64_t lost; /* times LOST was said */
};

/* Reads up to max records, checking each journaled one.  Returns how many there were. */
static uint32_t read_some(struct oct_tail *t, struct seen *s, uint32_t max)
{
    const struct oct_msg_hdr *m;
    uint32_t n = 0;

    while (n < max) {
        int got = oct_tail_next(t, &m);
        cr_assert_geq(got, 0, "%s", oct_tail_error(t)->reason);
        if (got == OCT_TAIL_EMPTY)
            break;
        if (got == OCT_TAIL_LOST) {
            s->lost++;
            continue;
        }
        n++;
        if (oct_msg_class(m->type) == 'P') {
            s->published++;
            continue;
        }
        const char *bad = kit_follows(&s->j, m);
        cr_assert_null(bad, "input %lu: %s", m->input, bad);
    }
    return n;
}

static struct oct_tail *open_tail(uint64_t from, const struct oct_ring *ring, uint64_t run)
{
    struct oct_tail_cfg cfg = {.dir = dir, .from_input = from, .ring = ring, .run_id = run};
    struct oct_tail *t = NULL;

    cr_assert_eq(oct_tail_open(&cfg, &t), 0);
    return t;
}

Test(tail, it_goes_from_the_files_to_the_ring_without_a_seam)
{
    struct oct_ring *ring = kit_ring(1u << 12);
    struct oct_recorder *r;
    struct seen s = {0};
    uint64_t n = 1;

    kit_record(dir, 1, 100, OCT_DURABILITY_ASYNC, 0, 1);
    r = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 2);
    struct oct_tail *t = open_tail(1, ring, 2);
    for (n = 101; n <= 200; n++)
        kit_input(ring, n);
    kit_drain(r, ring); /* these are in both */
    for (; n <= 300; n++)
        kit_input(ring, n); /* these only in the ring */
    while (read_some(t, &s, 100))
        ;
    cr_assert_eq(s.j.input, 300);
    cr_assert_eq(s.published, 100); /* those of the ring part */
    cr_assert(oct_tail_is_live(t));
    kit_input(ring, 301);
    cr_assert_eq(read_some(t, &s, 100), 3); /* fragments at multiples of 7: 301 has two */
    cr_assert_eq(s.j.input, 301);
    oct_tail_close(t);
    oct_recorder_abandon(r);
    oct_recorder_destroy(r);
}

Test(tail, it_starts_at_the_first_record_of_any_input)
{
    kit_record(dir, 1, 3000, OCT_DURABILITY_ASYNC, 0, 1);
    for (uint64_t from = 1; from <= 3000; from += 271) {
        struct oct_tail *t = open_tail(from, NULL, 0);
        struct seen s = {0};
        const struct oct_msg_hdr *m;
        cr_assert_eq(oct_tail_next(t, &m), OCT_TAIL_RECORD);
        cr_assert_eq(m->input, from);
        cr_assert_null(kit_follows(&s.j, m));
        while (read_some(t, &s, 1000))
            ;
        cr_assert_eq(s.j.input, 3000);
        oct_tail_close(t);
    }
}

Test(tail, a_lapped_tail_gets_every_journaled_record_from_the_files)
{
    struct oct_ring *ring = kit_ring(256);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 1);
    struct oct_tail *t = open_tail(1, ring, 1);
    struct seen s = {0};

    for (uint64_t n = 1; n <= 5000; n++) {
        kit_input(ring, n);
        if (n % 16 == 0)
            kit_drain(r, ring);
        if (n < 100 || n % 1000 < 100)
            read_some(t, &s, 5000); /* catches up, and then falls behind */
    }
    kit_drain(r, ring);
    while (read_some(t, &s, 1000))
        ;
    cr_assert_eq(s.j.input, 5000);
    cr_assert_gt(s.lost, 0);
    cr_assert_gt(oct_tail_lost(t), 0);
    cr_assert_lt(s.published, 5000);
    oct_tail_close(t);
    cr_assert_eq(oct_recorder_stop(r), 0);
    oct_recorder_destroy(r);
}

Test(tail, any_interleaving_gives_each_journaled_record_once_and_in_order)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct oct_ring *ring = kit_ring(256);
        struct oct_rng rng;
        struct seen s = {0};
        char *all = dir;
        uint64_t n = 1, run = 1;

        dir = kit_dir();
        oct_rng_init(&rng, seed);
        struct oct_recorder *r =
            kit_recorder(dir, ring, (enum oct_durability)(seed % 3), 1u << 20, run);
        struct oct_tail *t = open_tail(1, ring, run);
        for (int step = 0; step < 3000; step++) {
            uint64_t what = oct_rng_below(&rng, 1000);
            if (what < 500) {
                while (atomic_load(&ring->head) - atomic_load(&ring->recorded) > 200)
                    oct_recorder_poll(r);
                kit_input(ring, n++);
            } else if (what < 700) {
                oct_recorder_poll(r);
            } else if (what < 997) {
                read_some(t, &s, (uint32_t)oct_rng_below(&rng, 12));
            } else { /* the dataplane dies and comes back */
                struct oct_journal_repair rep;
                struct oct_recover *rec;
                struct oct_journal_error err;
                oct_recorder_abandon(r);
                oct_recorder_destroy(r);
                cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
                if (oct_rng_below(&rng, 2))
                    oct_tail_detach(t);
                cr_assert_eq(oct_recover_open(dir, 0, ring, run, &rec, &err), 0, "%s", err.reason);
                cr_assert_eq(oct_recover_info(rec)->lost_slots, 0);
                cr_assert_eq(oct_recover_settle(rec), 0);
                oct_recover_close(rec);
                oct_tail_detach(t);
                free(ring);
                ring = kit_ring(256);
                run++;
                r = kit_recorder(dir, ring, (enum oct_durability)(run % 3), 1u << 20, run);
                oct_tail_attach(t, ring, run);
            }
        }
        kit_drain(r, ring);
        while (read_some(t, &s, 1000))
            ;
        cr_assert_eq(s.j.input, n - 1, "seed %lu: %lu of %lu", seed, s.j.input, n - 1);
        oct_tail_close(t);
        cr_assert_eq(oct_recorder_stop(r), 0);
        oct_recorder_destroy(r);
        free(ring);
        kit_remove(dir);
        dir = all;
    }
}

Test(tail, a_live_start_begins_with_a_whole_input)
{
    struct oct_ring *ring = kit_ring(1024);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 1);
    struct seen s = {0};

    for (uint64_t n = 1; n <= 20; n++)
        kit_input(ring, n);
    kit_drain(r, ring);
    struct oct_tail *t = open_tail(OCT_TAIL_LIVE, ring, 1);
    cr_assert_eq(read_some(t, &s, 10), 0);
    /* Something that still belongs to input 20 comes first. */
    struct oct_verdict v = {OCT_MSG_HDR(VERDICT, verdict), .intent_id = 20};
    v.hdr.input = 20;
    oct_ring_publish(ring, &v.hdr);
    cr_assert_eq(read_some(t, &s, 10), 0);
    kit_input(ring, 21);
    cr_assert_gt(read_some(t, &s, 10), 1);
    cr_assert_eq(s.j.input, 21);
    oct_tail_close(t);
    oct_recorder_abandon(r);
    oct_recorder_destroy(r);
}

Test(tail, a_cursor_continues_where_it_was_kept)
{
    uint64_t input;
    uint32_t records;
    struct seen s = {0};
    const struct oct_msg_hdr *m;

    kit_record(dir, 1, 50, OCT_DURABILITY_ASYNC, 0, 1);
    struct oct_tail *t = open_tail(1, NULL, 0);
    for (int cut = 1; cut < 60; cut++) {
        cr_assert_eq(read_some(t, &s, 1), 1);
        oct_tail_cursor(t, &input, &records);
        oct_tail_close(t);
        t = open_tail(input, NULL, 0);
        for (uint32_t i = 0; i < records; i++) {
            cr_assert_eq(oct_tail_next(t, &m), OCT_TAIL_RECORD);
            cr_assert_eq(m->input, input);
        }
    }
    oct_tail_close(t);
}

Test(tail, without_files_it_reads_the_ring_alone)
{
    struct oct_ring *ring = kit_ring(256);
    struct oct_tail_cfg cfg = {.ring = ring, .run_id = 1};
    struct oct_tail *t = NULL;
    struct seen s = {0};

    cr_assert_eq(oct_tail_open(&(struct oct_tail_cfg){0}, &t), -EINVAL);
    cr_assert_eq(oct_tail_open(&cfg, &t), 0);
    for (uint64_t n = 1; n <= 10; n++)
        kit_input(ring, n);
    read_some(t, &s, 1000);
    cr_assert_eq(s.j.input, 10);
    cr_assert_eq(s.published, 10);
    for (uint64_t n = 11; n <= 500; n++)
        kit_input(ring, n);
    s.j = (struct kit_check){0};
    read_some(t, &s, 1000);
    cr_assert_eq(s.lost, 1);
    cr_assert_eq(s.j.input, 500);
    oct_tail_close(t);
}

Test(tail, damage_is_told_and_not_passed)
{
    struct oct_tail *t;
    const struct oct_msg_hdr *m;
    int got;

    kit_crash(dir, 1, 30, 0, 1);
    FILE *f = fopen(kit_segment(dir, 0), "r+");
    fseek(f, OCT_SEG_HDR_SZ + 4096 * 9 + 200, SEEK_SET);
    fputc(0x7f, f);
    fclose(f);
    t = open_tail(1, NULL, 0);
    while ((got = oct_tail_next(t, &m)) == OCT_TAIL_RECORD)
        cr_assert_leq(m->input, 9);
    cr_assert_lt(got, 0);
    cr_assert_eq(oct_tail_error(t)->off, OCT_SEG_HDR_SZ + 4096 * 9);
    oct_tail_close(t);
}

/* ---- while everything runs ------------------------------------------------------------------- */

struct writer {
    struct oct_ring *ring;
    uint64_t last;
};

static void *write_inputs(void *arg)
{
    struct writer *w = arg;

    for (uint64_t n = 1; n <= w->last; n++) {
        while (atomic_load(&w->ring->head) - atomic_load(&w->ring->recorded) > 900)
            usleep(20);
        kit_input(w->ring, n);
    }
    return NULL;
}

Test(tail, writer_recorder_and_two_tails_at_once)
{
    struct oct_ring *ring = kit_ring(1024);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_GROUP, 1u << 20, 1);
    struct writer w = {ring, 20000};
    struct oct_tail *fast = open_tail(1, ring, 1), *slow = open_tail(1, ring, 1);
    struct seen a = {0}, b = {0};
    pthread_t th;

    cr_assert_eq(oct_recorder_start(r), 0);
    cr_assert_eq(pthread_create(&th, NULL, write_inputs, &w), 0);
    int64_t until = oct_mono_ns() + 120 * OCT_NS_PER_S;
    while ((a.j.input < w.last || b.j.input < w.last) && oct_mono_ns() < until) {
        read_some(fast, &a, 10000);
        if (a.j.input % 3 == 0 || a.j.input == w.last)
            read_some(slow, &b, 700);
    }
    pthread_join(th, NULL);
    read_some(fast, &a, 1000);
    read_some(slow, &b, 1000);
    cr_assert_eq(a.j.input, w.last);
    cr_assert_eq(b.j.input, w.last);
    cr_assert_eq(a.j.records, b.j.records, "%lu and %lu, lost %lu and %lu", a.j.records,
                 b.j.records, a.lost, b.lost);
    oct_tail_close(fast);
    oct_tail_close(slow);
    cr_assert_eq(oct_recorder_stop(r), 0);
    oct_recorder_destroy(r);
}
