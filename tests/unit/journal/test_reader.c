#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "dataplane/journal/reader_priv.h"
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

TestSuite(reader, .init = setup, .fini = teardown, .timeout = 240);

/* ---- files as bytes --------------------------------------------------------------------------- */

static uint8_t *slurp(const char *path, size_t *sz)
{
    uint8_t *b;
    int fd = open(path, O_RDONLY);

    *sz = kit_size(path);
    b = malloc(*sz);
    cr_assert_eq(read(fd, b, *sz), (ssize_t)*sz);
    close(fd);
    return b;
}

static void spill(const char *path, const uint8_t *b, size_t sz)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

    cr_assert_eq(write(fd, b, sz), (ssize_t)sz);
    close(fd);
}

static void poke(const char *path, uint64_t off, const void *p, size_t sz)
{
    int fd = open(path, O_WRONLY);

    cr_assert_eq(pwrite(fd, p, sz, (off_t)off), (ssize_t)sz);
    close(fd);
}

static int verify(struct oct_journal_report *r)
{
    return oct_journal_verify(dir, 0, r, NULL, NULL);
}

/* ---- torn tails ------------------------------------------------------------------------------- */

Test(reader, a_tail_torn_at_any_byte_is_cut_back_to_the_last_whole_block)
{
    struct oct_journal_report r;
    uint64_t off, sz;
    uint32_t whole = 0;
    size_t file_sz;
    char path[256];

    kit_crash(dir, 1, 13, 0, 9);
    snprintf(path, sizeof path, "%s", kit_segment(dir, 0));
    cr_assert_eq(verify(&r), 0, "%s", r.error.reason);
    cr_assert_eq(r.last_input, 13);
    uint8_t *good = slurp(path, &file_sz);
    kit_last_block(path, &off, &sz);
    uint32_t used = ((struct oct_block_hdr *)(good + off))->used;
    uint64_t need = sizeof(struct oct_block_hdr) + used; /* behind it there are zeros anyway */
    for (uint64_t k = 0; k < sz; k += k < need ? 1 : 61) {
        uint8_t zero[8192] = {0};
        /* What was not written reads as zeros. */
        poke(path, off + k, zero, sz - k);
        int got = verify(&r);
        if (k >= need) {
            cr_assert_eq(got, 0);
            cr_assert_eq(r.last_input, 13);
        } else {
            /* Nothing there is an end; the rest may have been zeros anyway. */
            cr_assert(got == -EUCLEAN || got == 0, "byte %lu: %d", k, got);
            cr_assert_eq(r.last_input, got == 0 && k > 0 ? 13 : 12, "byte %lu", k);
            whole += got == 0 && k > 0;
            if (got == -EUCLEAN) {
                cr_assert_eq(r.error.off, off);
                cr_assert_str_eq(r.error.file, path);
            }
        }
        poke(path, off + k, good + off + k, sz - k);
        /* Or the file ends there. */
        if (k % 8 == 0 || k > need) {
            cr_assert_eq(truncate(path, (off_t)(off + k)), 0);
            got = verify(&r);
            cr_assert_eq(got, k == 0 ? 0 : -EUCLEAN, "cut at %lu: %d", k, got);
            cr_assert_eq(r.last_input, 12);
            spill(path, good, file_sz);
        }
    }
    cr_assert_lt(whole, 16); /* only where the record itself ends in zeros */
    free(good);
}

Test(reader, repair_cuts_keeps_and_names_what_it_cut)
{
    struct oct_journal_repair rep;
    struct oct_journal_report r;
    uint64_t off, sz;
    char path[256];
    uint8_t junk = 0x5a;

    kit_crash(dir, 1, 12, 0, 9);
    snprintf(path, sizeof path, "%s", kit_segment(dir, 0));
    kit_last_block(path, &off, &sz);
    poke(path, off + 200, &junk, 1);
    cr_assert_eq(verify(&r), -EUCLEAN);
    cr_assert(r.torn);
    cr_assert_gt(r.tail_lost, 0);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert(rep.done);
    cr_assert_eq(rep.off, off);
    cr_assert_eq(rep.cut, r.tail_lost);
    cr_assert_eq(rep.last_input, 11);
    cr_assert_str_eq(rep.file, path);
    cr_assert_eq(kit_size(rep.saved), rep.cut);
    cr_assert_eq(kit_size(path), off);
    cr_assert_eq(verify(&r), 0);
    cr_assert_eq(r.last_input, 11);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert_not(rep.done); /* there is nothing more to do */
    kit_record(dir, 12, 30, OCT_DURABILITY_GROUP, 0, 10);
    cr_assert_eq(verify(&r), 0, "%s", r.error.reason);
    cr_assert_eq(r.last_input, 30);
}

Test(reader, a_recorder_refuses_a_torn_tail_until_it_is_repaired)
{
    struct oct_ring *ring = kit_ring(64);
    struct oct_recorder_cfg cfg = {.dir = dir, .ring = ring, .core = -1, .segment_sz = 1u << 20};
    struct oct_recorder *r = NULL;
    struct oct_journal_repair rep;
    uint64_t off, sz;
    uint8_t junk = 0x5a;

    kit_crash(dir, 1, 12, 0, 9);
    kit_last_block(kit_segment(dir, 0), &off, &sz);
    poke(kit_segment(dir, 0), off + 200, &junk, 1);
    cr_assert_eq(oct_recorder_create(&cfg, &r), -EUCLEAN);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert_eq(oct_recorder_create(&cfg, &r), 0);
    oct_recorder_destroy(r);
}

Test(reader, a_segment_without_a_block_is_removed)
{
    struct oct_journal_repair rep;
    struct oct_journal_report r;
    uint8_t zero[8192] = {0};
    char path[256];

    kit_record(dir, 1, 20, OCT_DURABILITY_ASYNC, 0, 8);
    kit_crash(dir, 21, 21, 0, 9);
    snprintf(path, sizeof path, "%s", kit_segment(dir, 1));
    poke(path, OCT_SEG_HDR_SZ, zero, sizeof zero);
    cr_assert_eq(verify(&r), 0);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert(rep.done && rep.off == 0);
    cr_assert_str_eq(rep.file, path);
    cr_assert_neq(access(path, F_OK), 0);
    /* A header that was torn itself, with nothing behind it. */
    kit_crash(dir, 21, 21, 0, 9);
    poke(path, OCT_SEG_HDR_SZ, zero, sizeof zero);
    poke(path, 100, zero, 4000);
    cr_assert_eq(verify(&r), -EUCLEAN);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert(rep.done && rep.off == 0);
    cr_assert_eq(kit_size(rep.saved), rep.cut);
    cr_assert_eq(verify(&r), 0);
    cr_assert_eq(r.last_input, 20);
    kit_record(dir, 21, 30, OCT_DURABILITY_ASYNC, 0, 10);
    cr_assert_eq(verify(&r), 0);
}

Test(reader, a_lost_only_segment_leaves_an_empty_journal)
{
    struct oct_journal_repair rep;
    uint8_t junk[64];

    memset(junk, 0x77, sizeof junk);
    kit_crash(dir, 1, 1, 0, 9);
    uint8_t zero[8192] = {0};
    poke(kit_segment(dir, 0), OCT_SEG_HDR_SZ, zero, sizeof zero);
    poke(kit_segment(dir, 0), 0, junk, sizeof junk);
    struct oct_journal_error err;
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, &err), 0, "%s", err.reason);
    cr_assert(rep.done);
    cr_assert_str_eq(kit_segment(dir, 0), "");
    kit_record(dir, 1, 5, OCT_DURABILITY_ASYNC, 0, 10);
}

/* ---- damage ----------------------------------------------------------------------------------- */

Test(reader, any_flipped_bit_is_found_and_named)
{
    struct oct_journal_report r;
    struct oct_rng rng;

    kit_crash(dir, 1, 9, 0, 8);
    struct oct_journal_repair rep;
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    kit_record(dir, 10, 20, OCT_DURABILITY_GROUP, 0, 9);
    cr_assert_eq(verify(&r), 0);
    oct_rng_init(&rng, 3);
    for (uint32_t seg = 0; seg < 2; seg++) {
        char path[256];
        size_t sz;
        uint64_t last_off, last_sz;
        snprintf(path, sizeof path, "%s", kit_segment(dir, seg));
        uint8_t *good = slurp(path, &sz);
        kit_last_block(path, &last_off, &last_sz);
        for (size_t at = 0; at < sz; at += 1 + (size_t)oct_rng_below(&rng, 11)) {
            uint8_t b = (uint8_t)(good[at] ^ (1u << oct_rng_below(&rng, 8)));
            poke(path, at, &b, 1);
            int got = verify(&r);
            if (seg == 0 || (at >= OCT_SEG_HDR_SZ && at < last_off))
                cr_assert_eq(got, -EBADMSG, "segment %u byte %zu: %d", seg, at, got);
            else
                cr_assert(got == -EUCLEAN || got == -EBADMSG, "segment %u byte %zu: %d", seg, at,
                          got);
            cr_assert_str_eq(r.error.file, path);
            cr_assert_leq(r.error.off, at);
            cr_assert_gt(strlen(r.error.reason), 5);
            poke(path, at, good + at, 1);
        }
        free(good);
    }
    cr_assert_eq(verify(&r), 0);
}

Test(reader, damage_is_never_repaired)
{
    struct oct_journal_repair rep;
    struct oct_journal_error err;
    struct oct_journal_report r;
    uint8_t junk = 0xff;
    char path[256];

    kit_crash(dir, 1, 30, 0, 8);
    snprintf(path, sizeof path, "%s", kit_segment(dir, 0));
    poke(path, OCT_SEG_HDR_SZ + 4096 * 5 + 300, &junk, 1);
    cr_assert_eq(verify(&r), -EBADMSG);
    cr_assert_eq(r.error.off, OCT_SEG_HDR_SZ + 4096 * 5);
    size_t sz = kit_size(path);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, &err), -EBADMSG);
    cr_assert_eq(err.off, OCT_SEG_HDR_SZ + 4096 * 5);
    cr_assert_str_eq(err.file, path);
    cr_assert_not(rep.done);
    cr_assert_eq(kit_size(path), sz);
}

Test(reader, a_block_that_vanished_is_damage_when_later_ones_knew_it)
{
    struct oct_journal_report r;
    uint8_t zero[4096] = {0};

    kit_crash(dir, 1, 30, 0, 8);
    poke(kit_segment(dir, 0), OCT_SEG_HDR_SZ + 4096 * 7, zero, sizeof zero);
    cr_assert_eq(verify(&r), -EBADMSG);
    cr_assert_eq(r.error.off, OCT_SEG_HDR_SZ + 4096 * 7);
    cr_assert_str_eq(r.error.reason, "a block is missing; later ones are there");
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    int got;
    cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
    while ((got = oct_journal_next(j, &m)) == 1)
        ;
    cr_assert_eq(got, -EBADMSG); /* plain reading says it too */
    oct_journal_close(j);
}

Test(reader, segments_that_are_missing_swapped_or_renamed_are_found)
{
    struct oct_journal_report r;
    char a[256], b[256], c[256], other[300];
    size_t sz;

    kit_record(dir, 1, 10, OCT_DURABILITY_ASYNC, 0, 1);
    kit_record(dir, 11, 20, OCT_DURABILITY_ASYNC, 0, 2);
    kit_record(dir, 21, 30, OCT_DURABILITY_ASYNC, 0, 3);
    cr_assert_eq(verify(&r), 0);
    snprintf(a, sizeof a, "%s", kit_segment(dir, 0));
    snprintf(b, sizeof b, "%s", kit_segment(dir, 1));
    snprintf(c, sizeof c, "%s", kit_segment(dir, 2));
    snprintf(other, sizeof other, "%s.away", b);
    cr_assert_eq(rename(b, other), 0);
    cr_assert_eq(verify(&r), -EBADMSG);
    cr_assert_str_eq(r.error.file, c);
    cr_assert_eq(rename(other, b), 0);
    /* One that is whole in itself, but not the one the next was written behind. */
    uint8_t *third = slurp(c, &sz);
    spill(b, third, sz);
    cr_assert_eq(verify(&r), -EBADMSG);
    cr_assert_str_eq(r.error.file, b);
    free(third);
}

Test(reader, bytes_behind_the_end_are_not_ignored)
{
    struct oct_journal_repair rep;
    struct oct_journal_report r;
    uint8_t junk[10] = "leftovers";
    size_t sz;

    kit_record(dir, 1, 10, OCT_DURABILITY_ASYNC, 0, 1);
    sz = kit_size(kit_segment(dir, 0));
    poke(kit_segment(dir, 0), sz + 5000, junk, sizeof junk);
    cr_assert_eq(verify(&r), -EUCLEAN);
    cr_assert_eq(r.last_input, 10);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert_eq(rep.off, sz);
    cr_assert_eq(verify(&r), 0);
}

Test(reader, a_damaged_journal_is_set_aside_and_a_new_one_begins)
{
    struct oct_journal_report r;
    struct oct_ring *ring = kit_ring(64);
    char where[256], first[256];
    uint8_t junk = 0xff;

    kit_record(dir, 1, 10, OCT_DURABILITY_ASYNC, 0, 7);
    kit_crash(dir, 11, 30, 0, 8);
    snprintf(first, sizeof first, "%s", kit_segment(dir, 0));
    poke(first, OCT_SEG_HDR_SZ + 300, &junk, 1);
    struct oct_recorder *busy = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 9);
    cr_assert_eq(oct_journal_set_aside(dir, 0, where), -EBUSY);
    oct_recorder_destroy(busy);
    size_t sz = kit_size(first);
    cr_assert_eq(oct_journal_set_aside(dir, 0, where), 0);
    cr_assert_str_eq(kit_segment(dir, 0), "");
    cr_assert_eq(kit_size(kit_segment(where, 0)), sz);
    cr_assert_neq(kit_segment(where, 1)[0], 0);
    kit_record(dir, 31, 40, OCT_DURABILITY_ASYNC, 0, 9);
    cr_assert_eq(verify(&r), 0);
    cr_assert_eq(r.first_input, 31);
    cr_assert_eq(oct_journal_verify(where, 0, &r, NULL, NULL), -EBADMSG);
    cr_assert_eq(oct_journal_set_aside("/no/such/folder", 0, where), 0);
}

static void publish_mark(struct oct_ring *ring, uint64_t input, uint64_t mark)
{
    struct oct_mark m = {OCT_MSG_HDR(MARK, mark), .mark = mark};

    m.hdr.input = input;
    oct_ring_publish(ring, &m.hdr);
}

/* Behind the damage there are numbers that were given out: they must not be given out again. */
Test(reader, a_damaged_journal_still_tells_the_highest_input_and_mark)
{
    struct oct_journal_salvage found;
    struct oct_journal_report r;
    struct oct_ring *ring = kit_ring(256);
    struct oct_recorder *rec = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, 0, 7);
    uint8_t junk = 0xff;

    cr_assert_eq(oct_journal_salvage("/no/such/folder", 0, &found), 0);
    cr_assert_eq(found.blocks, 0);
    for (uint64_t n = 1; n <= 20; n++) {
        kit_input(ring, n);
        publish_mark(ring, n, 1000 * n);
        kit_drain(rec, ring); /* a block for each */
    }
    oct_recorder_abandon(rec);
    oct_recorder_destroy(rec);
    free(ring);
    poke(kit_segment(dir, 0), OCT_SEG_HDR_SZ + 5 * OCT_BLOCK_ALIGN + 300, &junk, 1);
    cr_assert_eq(verify(&r), -EBADMSG);
    cr_assert_eq(r.last_input, 5);
    cr_assert_eq(oct_journal_salvage(dir, 0, &found), 0);
    cr_assert_eq(found.blocks, 19);
    cr_assert_eq(found.last_input, 20);
    cr_assert_eq(found.mark, 20000);
    /* The last block is the damaged one: its numbers count for nothing, the header's damage neither. */
    poke(kit_segment(dir, 0), OCT_SEG_HDR_SZ + 19 * OCT_BLOCK_ALIGN + 300, &junk, 1);
    poke(kit_segment(dir, 0), 100, &junk, 1);
    cr_assert_eq(oct_journal_salvage(dir, 0, &found), 0);
    cr_assert_eq(found.last_input, 19);
    cr_assert_eq(found.mark, 19000);
}

Test(reader, there_is_no_journal_where_there_is_none)
{
    struct oct_journal *j = NULL;
    struct oct_journal_report r;
    struct oct_journal_repair rep;

    cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), -ENOENT);
    cr_assert_eq(oct_journal_open("/no/such/folder", 0, &j, NULL), -ENOENT);
    cr_assert_eq(verify(&r), -ENOENT);
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert_eq(oct_journal_repair("/no/such/folder", 0, &rep, NULL), 0);
}

/* ---- seeking ---------------------------------------------------------------------------------- */

static void check_seeks(void)
{
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    struct oct_rng rng;

    oct_rng_init(&rng, 5);
    cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
    for (int i = 0; i < 200; i++) {
        uint64_t n = 1 + oct_rng_below(&rng, 9000);
        struct kit_check c = {0};
        cr_assert_eq(oct_journal_seek(j, n), 0, "%s", oct_journal_error(j)->reason);
        for (int k = 0; k < 20; k++) {
            int got = oct_journal_next(j, &m);
            if (got == 0)
                break;
            cr_assert_eq(got, 1, "%s", oct_journal_error(j)->reason);
            if (k == 0)
                cr_assert_eq(m->input, n);
            cr_assert_null(kit_follows(&c, m)); /* from the very first record of n */
        }
    }
    cr_assert_eq(oct_journal_seek(j, 0), 0);
    cr_assert_eq(oct_journal_next(j, &m), 1);
    cr_assert_eq(m->input, 1);
    cr_assert_eq(oct_journal_seek(j, 9001), 0);
    cr_assert_eq(oct_journal_next(j, &m), 0);
    oct_journal_close(j);
}

static uint32_t remove_indexes(void)
{
    struct dirent *e;
    uint32_t cnt = 0;
    DIR *d = opendir(dir);

    while ((e = readdir(d))) {
        if (strstr(e->d_name, ".oi")) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            cnt += unlink(path) == 0;
        }
    }
    closedir(d);
    return cnt;
}

Test(reader, seeking_finds_the_first_record_of_any_input)
{
    struct oct_journal_repair rep;

    kit_record(dir, 1, 9000, OCT_DURABILITY_ASYNC, 1u << 20, 1);
    check_seeks();
    uint32_t indexes = remove_indexes();
    cr_assert_geq(indexes, 2);
    check_seeks(); /* slower, and the same */
    cr_assert_eq(oct_journal_repair(dir, 0, &rep, NULL), 0);
    cr_assert_eq(remove_indexes(), indexes); /* they were made again */
}

Test(reader, a_wrong_index_misleads_nobody)
{
    char path[256];
    size_t sz;

    kit_record(dir, 1, 9000, OCT_DURABILITY_ASYNC, 1u << 20, 1);
    snprintf(path, sizeof path, "%s", kit_segment(dir, 0));
    path[strlen(path) - 1] = 'i';
    uint8_t *good = slurp(path, &sz);
    for (size_t at = 0; at < sz; at += 5) {
        uint8_t b = (uint8_t)(good[at] ^ 4);
        struct oct_journal *j;
        const struct oct_msg_hdr *m;
        poke(path, at, &b, 1);
        cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
        cr_assert_eq(oct_journal_seek(j, 2500), 0);
        cr_assert_eq(oct_journal_next(j, &m), 1);
        cr_assert_eq(m->input, 2500);
        oct_journal_close(j);
        poke(path, at, good + at, 1);
    }
    /* One that checks and points into the middle of a block. */
    struct oct_index_hdr h;
    memcpy(&h, good, sizeof h);
    struct oct_index_entry e[2] = {{1, OCT_SEG_HDR_SZ}, {2, OCT_SEG_HDR_SZ + 4096 * 3}};
    h.entry_cnt = 2;
    cr_assert_eq(oct_index_write(dir, 0, &h, e), 0);
    check_seeks();
    free(good);
}

/* ---- names and headers ------------------------------------------------------------------------ */

Test(reader, only_names_of_segments_are_taken_for_segments)
{
    uint16_t lane;
    uint64_t first;

    cr_assert(oct_journal_parse_name("3-00000000000000000042.oj", &lane, &first));
    cr_assert(lane == 3 && first == 42);
    cr_assert(oct_journal_parse_name("65535-18446744073709551615.oj", &lane, &first));
    cr_assert_eq(first, UINT64_MAX);
    cr_assert_not(oct_journal_parse_name("65536-00000000000000000042.oj", &lane, &first));
    cr_assert_not(oct_journal_parse_name("3-18446744073709551616.oj", &lane, &first));
    cr_assert_not(oct_journal_parse_name("3-0000000000000000042.oj", &lane, &first));
    cr_assert_not(oct_journal_parse_name("3-00000000000000000042.oj.torn-4096", &lane, &first));
    cr_assert_not(oct_journal_parse_name("-00000000000000000042.oj", &lane, &first));
    cr_assert_not(oct_journal_parse_name("3-+0000000000000000042.oj", &lane, &first));
    cr_assert_not(oct_journal_parse_name("3-00000000000000000042.oi", &lane, &first));
    cr_assert_not(oct_journal_parse_name("", &lane, &first));
}

Test(reader, a_journal_of_another_layout_is_refused_by_name)
{
    struct oct_journal_report r;
    uint8_t block[OCT_SEG_HDR_SZ];
    char path[256];
    size_t sz;

    kit_record(dir, 1, 10, OCT_DURABILITY_ASYNC, 0, 1);
    snprintf(path, sizeof path, "%s", kit_segment(dir, 0));
    uint8_t *good = slurp(path, &sz);
    memcpy(block, good, sizeof block);
    ((struct oct_seg_hdr *)block)->layout_hash++;
    ((struct oct_seg_hdr *)block)->crc = 0;
    oct_seg_hdr_seal(block);
    poke(path, 0, block, sizeof block);
    cr_assert_neq(verify(&r), 0);
    cr_assert(strstr(r.error.reason, "another layout"));
    struct oct_journal_repair rep;
    cr_assert_neq(oct_journal_repair(dir, 0, &rep, NULL), 0); /* never removed for that */
    cr_assert_eq(kit_size(path), sz);
    free(good);
}
