/* References designed to collide: bounded search, an honest refusal, and nothing lost. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dataplane/book/book_priv.h"
#include "tests/unit/keep.h"

#define PX(x)  ((oct_px){(int64_t)(x)*OCT_PX_E4})
#define QTY(x) ((oct_qty){(int64_t)(x)*OCT_QTY_ONE})
static struct oct_book_touch t;

static struct oct_books *books(uint64_t seed)
{
    struct oct_books_cfg cfg = {4, 1000, 100, 0, seed, {0}, {0}};
    return oct_books_new(test_keep(aligned_alloc(128, oct_books_footprint(&cfg))), &cfg);
}

static void expect_none_passed(const struct oct_books *b)
{
    for (uint32_t i = 0; i < b->stash; i++) {
        for (uint32_t k = 0; k < 8; k++)
            cr_assert_eq(b->line[i].passed[k], 0);
    }
}

/* The next reference at or after from whose home line is this one. */
static uint64_t colliding(const struct oct_books *b, uint64_t from, uint32_t home)
{
    while (oct_book_home(b, from) != home)
        from++;
    return from;
}

Test(book_hash, colliding_references_all_find_a_place_and_are_found_again)
{
    enum { N = 200 }; /* less than a line's counters can hold */
    struct oct_books *b = books(1);
    uint64_t ref[N], at = 0;
    uint32_t home = oct_book_home(b, 0);
    for (uint32_t i = 0; i < N; i++) {
        ref[i] = at = colliding(b, at, home);
        at++;
    }
    for (uint32_t i = 0; i < N; i++)
        cr_assert_geq(oct_book_add(b, 0, ref[i], OCT_BUY, PX(1 + i % 7), QTY(1), &t), 0, "%u", i);
    cr_assert_eq(oct_books_stash_cnt(b), 0);
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(oct_book_add(b, 0, ref[i], OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_DUP);
    /* A removal from the home line must not hide those that went past it. */
    for (uint32_t i = 0; i < N; i++)
        cr_assert_geq(oct_book_delete(b, ref[i], &t), 0, "%u", i);
    expect_none_passed(b);
}

Test(book_hash, when_all_lines_are_full_the_stash_takes_some_and_the_rest_is_refused)
{
    enum { STASH = OCT_BOOK_STASH_CNT * OCT_BOOK_ENTRY_CNT };
    struct oct_books *b = books(1);
    for (uint32_t i = 0; i < b->stash; i++) {
        for (uint32_t k = 0; k < OCT_BOOK_ENTRY_CNT; k++)
            b->line[i].entry[k] = OCT_BOOK_TAG_MASK; /* of no order */
    }
    for (uint64_t ref = 0; ref < STASH; ref++)
        cr_assert_geq(oct_book_add(b, 0, ref, OCT_BUY, PX(1), QTY(1), &t), 0);
    cr_assert_eq(oct_books_stash_cnt(b), STASH);
    uint64_t before = oct_books_digest(b, 0);
    cr_assert_eq(oct_book_add(b, 3, 5000, OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_FULL);
    cr_assert(oct_book_incomplete(b, 3));
    cr_assert_eq(oct_book_replace(b, 7, 5000, PX(1), QTY(1), &t), OCT_BOOK_FULL);
    cr_assert_eq(oct_book_delete(b, 5000, &t), OCT_BOOK_UNKNOWN);
    cr_assert(oct_book_incomplete(b, 0));
    b->more[0].incomplete = 0;
    cr_assert_eq(oct_books_digest(b, 0), before);
    for (uint64_t ref = 0; ref < STASH; ref++)
        cr_assert_geq(oct_book_delete(b, ref, &t), 0);
    cr_assert_eq(oct_books_stash_cnt(b), 0);
    cr_assert_eq(b->spare_cnt, b->slot_used);
    expect_none_passed(b);
}

Test(book_hash, references_that_collide_under_one_seed_do_not_under_another)
{
    struct oct_books *b = books(1), *other = books(2);
    uint32_t home = oct_book_home(b, 0), same = 0;
    uint64_t at = 0;
    for (uint32_t i = 0; i < 200; i++, at++) {
        at = colliding(b, at, home);
        same += oct_book_home(other, at) == oct_book_home(other, 0);
    }
    cr_assert_lt(same, 10);
}

Test(book_hash, references_in_arithmetic_progression_spread)
{
    struct oct_books_cfg cfg = {1, 100000, 10, 0, 3, {0}, {0}};
    struct oct_books *b =
        oct_books_new(test_keep(aligned_alloc(128, oct_books_footprint(&cfg))), &cfg);
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        for (uint64_t i = 0; i < 50000; i++)
            oct_book_add(b, 0, i << shift, OCT_BUY, PX(1), QTY(1), &t);
        cr_assert_leq(oct_books_stash_cnt(b), 2, "stride 2^%u", shift);
        oct_book_clear(b, 0);
        cr_assert_eq(oct_books_order_cnt(b), 0);
    }
}

Test(book_hash, prefetch_of_any_reference_and_instrument_changes_nothing)
{
    struct oct_books *b = books(1);
    oct_book_add(b, 0, 5, OCT_BUY, PX(1), QTY(1), &t);
    uint64_t before = oct_books_digest(b, UINT32_MAX);
    const uint64_t any[] = {0, 1, 5, UINT64_MAX, UINT64_C(1) << 63};
    for (uint32_t i = 0; i < 5 * 5 * 5; i++) {
        struct oct_book_hint h = {.ref = any[i % 5],
                                  .new_ref = any[i / 5 % 5],
                                  .px = {(int64_t)any[i / 25]},
                                  .inst = (uint32_t)any[i % 5],
                                  .side = (uint32_t)any[i / 5 % 5]};
        oct_books_prefetch1(b, &h);
        oct_books_prefetch2(b, &h);
        oct_books_prefetch3(b, &h);
        oct_books_prefetch4(b, &h);
        oct_books_prefetch_lone(b, &h);
    }
    cr_assert_eq(oct_books_digest(b, UINT32_MAX), before);
}

Test(book_hash, references_that_grow_by_a_stride_lie_side_by_side)
{
    struct oct_books_cfg cfg = {1, 100000, 10, 0, 3, {0}, {0}};
    struct oct_books *b =
        oct_books_new(test_keep(aligned_alloc(128, oct_books_footprint(&cfg))), &cfg);
    uint64_t ref = UINT64_C(1) << 40, near = 0;
    uint32_t was = 0;
    for (uint32_t i = 0; i < 50000; i++) {
        ref += 1 + (i * 7919u) % 1600;
        cr_assert_geq(oct_book_add(b, 0, ref, OCT_BUY, PX(1), QTY(1), &t), 0);
        uint32_t home = oct_book_home(b, ref);
        near += home - was <= 1;
        was = home;
    }
    cr_assert_gt(near, 40000);
    cr_assert_leq(oct_books_stash_cnt(b), 2);
    struct oct_book_order o;
    ref = UINT64_C(1) << 40;
    for (uint32_t i = 0; i < 50000; i++) {
        ref += 1 + (i * 7919u) % 1600;
        cr_assert(oct_book_order(b, ref, &o));
        cr_assert_eq(o.ref, ref);
    }
}

Test(book_hash, references_that_crowd_one_home_of_a_run_find_room_elsewhere)
{
    struct oct_books_cfg cfg = {1, 10000, 10, 0, 3, {0}, {0}};
    struct oct_books *b =
        oct_books_new(test_keep(aligned_alloc(128, oct_books_footprint(&cfg))), &cfg);
    uint64_t ref = 1;
    for (uint32_t i = 0; i < 2000; i++)
        cr_assert_geq(oct_book_add(b, 0, ref += 4096, OCT_BUY, PX(1), QTY(1), &t), 0);
    cr_assert_eq(b->rule[1].near_shift, 14);
    ref = (ref | 16383) + 1;
    for (uint32_t i = 0; i < 2048; i++) {
        cr_assert_eq(oct_book_home(b, ref + i), oct_book_home(b, ref));
        cr_assert_geq(oct_book_add(b, 0, ref + i, OCT_BUY, PX(1), QTY(1), &t), 0);
    }
    cr_assert_eq(oct_books_stash_cnt(b), 0);
    for (uint32_t i = 0; i < 2048; i++)
        cr_assert_geq(oct_book_delete(b, ref + i, &t), 0);
    /* The counters of that home have lost count; whoever lives there is found all the same. */
    cr_assert_eq(oct_books_order_cnt(b), 2000);
    for (uint32_t i = 0; i < 2048; i++) {
        cr_assert_eq(oct_book_delete(b, ref + i, &t), OCT_BOOK_UNKNOWN);
        cr_assert_geq(oct_book_add(b, 0, ref + i, OCT_BUY, PX(1), QTY(1), &t), 0);
        cr_assert_eq(oct_book_add(b, 0, ref + i, OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_DUP);
    }
}
