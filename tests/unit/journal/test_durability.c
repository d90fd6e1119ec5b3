/* What a power failure may take in each durability mode, and what it may not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/time.h"
#include "dataplane/journal/reader.h"
#include "tests/unit/journal/kit.h"

#define INPUT_CNT 6000u

static char *dir;

static void before(void)
{
    dir = kit_dir();
}

static void after(void)
{
    kit_remove(dir);
    free(dir);
}

TestSuite(durability, .init = before, .fini = after);

/* A run that the power failure ends: what `durable` had passed, and the inputs that it covers. */
struct run {
    uint64_t pos[INPUT_CNT + 1]; /* ring position after input n */
    uint64_t sent;
    uint64_t durable;
};

static void play(struct run *x, struct oct_rng *rng, enum oct_durability mode)
{
    struct oct_ring *ring = kit_ring(1u << 14);
    struct oct_recorder *r = kit_recorder(dir, ring, mode, 0, 1);

    x->sent = INPUT_CNT / 2 + oct_rng_below(rng, INPUT_CNT / 2);
    for (uint64_t n = 1; n <= x->sent; n++) {
        kit_input(ring, n);
        x->pos[n] = atomic_load(&ring->head);
        while (atomic_load(&ring->head) - atomic_load(&ring->recorded) > 8000)
            oct_recorder_poll(r);
        if (oct_rng_below(rng, 8) == 0)
            oct_recorder_poll(r);
    }
    x->durable = atomic_load(&ring->durable);
    oct_recorder_abandon(r);
    oct_recorder_destroy(r); /* what was in flight arrives or not: the disk decides below */
    free(ring);
}

static uint64_t inputs_below(const struct run *x, uint64_t pos)
{
    uint64_t n = 0;

    while (n < x->sent && x->pos[n + 1] <= pos)
        n++;
    return n;
}

static const char *last_segment(void)
{
    uint32_t k = 0;

    while (kit_segment(dir, k + 1)[0])
        k++;
    return kit_segment(dir, k);
}

/* Of the last segment, blocks that end beyond pos never arrived: all of them, or any. */
static void lose(uint64_t pos, struct oct_rng *rng, bool all)
{
    static const uint8_t zeros[OCT_BLOCK_MAX];
    struct oct_block_hdr h;
    off_t at = OCT_SEG_HDR_SZ;
    int fd = open(last_segment(), O_RDWR);

    cr_assert_geq(fd, 0);
    while (pread(fd, &h, sizeof h, at) == (ssize_t)sizeof h && h.magic == OCT_BLOCK_MAGIC) {
        if (h.ring_end > pos && (all || oct_rng_below(rng, 2)))
            cr_assert_eq(pwrite(fd, zeros, h.sz, at), (ssize_t)h.sz);
        at += h.sz;
    }
    close(fd);
}

/* The inputs that a start finds, from the first on and without a hole. */
static uint64_t recovered(void)
{
    struct oct_journal_error err;
    struct oct_journal_repair rep;
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    struct kit_check c = {0};
    int got = oct_journal_repair(dir, 0, &rep, &err);

    cr_assert_eq(got, 0, "%s: offset %lu: %s", err.file, err.off, err.reason);
    cr_assert_eq(oct_journal_open(dir, 0, &j, &err), 0, "%s", err.reason);
    while ((got = oct_journal_next(j, &m)) == 1) {
        const char *wrong = kit_follows(&c, m);
        cr_assert_null(wrong, "after input %lu: %s", c.input, wrong);
    }
    cr_assert_eq(got, 0);
    oct_journal_close(j);
    return c.input;
}

static void keeps_what_is_durable(enum oct_durability mode, uint64_t seed)
{
    static struct run x;
    struct oct_rng rng;

    oct_rng_init(&rng, seed);
    for (int round = 0; round < 8; round++) {
        play(&x, &rng, mode);
        lose(x.durable, &rng, round % 2 == 0);
        uint64_t least = inputs_below(&x, x.durable), have = recovered();
        cr_assert_geq(have, least, "seed %lu round %d: %lu durable, %lu recovered of %lu", seed,
                      round, least, have, x.sent);
        kit_remove(dir);
        free(dir);
        dir = kit_dir();
    }
}

Test(durability, strict_keeps_everything_that_durable_has_passed)
{
    keeps_what_is_durable(OCT_DURABILITY_STRICT, 1);
}

Test(durability, group_keeps_everything_that_durable_has_passed)
{
    keeps_what_is_durable(OCT_DURABILITY_GROUP, 2);
}

/* A record waits group_ns, one write and one fdatasync, so a quiet recorder owes nothing. */
Test(durability, group_and_strict_owe_nothing_after_a_pause)
{
    for (int mode = OCT_DURABILITY_GROUP; mode <= OCT_DURABILITY_STRICT; mode++) {
        struct oct_ring *ring = kit_ring(1u << 12);
        struct oct_recorder *r =
            kit_recorder(dir, ring, (enum oct_durability)mode, 0, 1 + (uint64_t)mode);
        for (uint64_t n = 1; n <= 50; n++)
            kit_input(ring, n + 50 * (uint64_t)(mode - 1));
        int64_t until = oct_mono_ns() + 20 * OCT_NS_PER_S;
        while (atomic_load(&ring->durable) < atomic_load(&ring->head) && oct_mono_ns() < until)
            oct_recorder_poll(r);
        cr_assert_eq(atomic_load(&ring->durable), atomic_load(&ring->head));
        cr_assert_eq(oct_recorder_stop(r), 0);
        oct_recorder_destroy(r);
        free(ring);
    }
}

/* Nothing of the last segment was synced: at most that segment is gone, everything before it is
 * there, and what came back of it is whole from its beginning. */
Test(durability, async_loses_at_most_the_last_segment)
{
    static struct run x;
    struct oct_rng rng;

    oct_rng_init(&rng, 3);
    for (int round = 0; round < 6; round++) {
        play(&x, &rng, OCT_DURABILITY_ASYNC);
        char path[256];
        snprintf(path, sizeof path, "%s", last_segment());
        uint64_t first = strtoull(strrchr(path, '-') + 1, NULL, 10);
        cr_assert_gt(first, 1, "more than one segment");
        uint64_t keep = round % 2 ? OCT_SEG_HDR_SZ + OCT_BLOCK_ALIGN * oct_rng_below(&rng, 60) : 0;
        cr_assert_eq(truncate(path, (off_t)keep), 0);
        cr_assert_geq(recovered(), first - 1);
        kit_remove(dir);
        free(dir);
        dir = kit_dir();
    }
}

/* The disk kept later blocks of it and lost earlier ones that were written: that cannot be told from a
 * disk that loses what it promised, so it is damage, and the start is HALTED. */
Test(durability, a_hole_in_async_is_called_damage)
{
    static const uint8_t zeros[OCT_BLOCK_ALIGN];
    struct oct_journal_repair rep;
    struct oct_journal_error err;
    static struct run x;
    struct oct_rng rng;

    oct_rng_init(&rng, 4);
    play(&x, &rng, OCT_DURABILITY_ASYNC);
    int fd = open(last_segment(), O_RDWR);
    cr_assert_eq(pwrite(fd, zeros, sizeof zeros, OCT_SEG_HDR_SZ), (ssize_t)sizeof zeros);
    close(fd);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, &err), -EBADMSG);
    cr_assert_eq(err.off, OCT_SEG_HDR_SZ);
}
