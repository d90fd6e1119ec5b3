/* References designed to collide: bounded search, an honest refusal, and nothing lost. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dataplane/book/book_priv.h"

#define PX(x)  ((oct_px){(int64_t)(x)*OCT_PX_E4})
#define QTY(x) ((oct_qty){(int64_t)(x)*OCT_QTY_ONE})
#define HOLD   (2 * OCT_BOOK_LINE_MAX + OCT_BOOK_STASH_CNT)

static struct oct_book_touch t;

static struct oct_books *books(uint64_t seed)
{
    struct oct_books_cfg cfg = {4, 1000, 100, 0, seed};
    return oct_books_new(aligned_alloc(128, oct_books_footprint(&cfg)), &cfg);
}

/* The next reference at or after from whose home line is this one. */
static uint64_t colliding(const struct oct_books *b, uint64_t from, uint32_t home)
{
    while (oct_book_home(b, from) != home)
        from++;
    return from;
}

Test(book_hash, colliding_references_fill_the_lines_then_the_stash_then_are_refused)
{
    struct oct_books *b = books(1);
    uint64_t ref[HOLD + 1], at = 0;
    uint32_t home = oct_book_home(b, 0);
    for (uint32_t i = 0; i < HOLD + 1; i++) {
        ref[i] = at = colliding(b, at, home);
        at++;
    }
    for (uint32_t i = 0; i < HOLD; i++)
        cr_assert_geq(oct_book_add(b, 0, ref[i], OCT_BUY, PX(1 + i % 7), QTY(1), &t), 0, "%u", i);
    cr_assert_eq(oct_books_stash_cnt(b), OCT_BOOK_STASH_CNT);
    uint64_t before = oct_books_digest(b, 0);
    cr_assert_eq(oct_book_add(b, 3, ref[HOLD], OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_FULL);
    cr_assert(oct_book_incomplete(b, 3));
    cr_assert_eq(oct_books_digest(b, 0), before);
    cr_assert_eq(oct_book_delete(b, ref[HOLD], &t), OCT_BOOK_UNKNOWN);
    for (uint32_t i = 0; i < HOLD; i++)
        cr_assert_eq(oct_book_add(b, 0, ref[i], OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_DUP);

    /* A removal from the home line must not hide those that went past it. */
    cr_assert_geq(oct_book_delete(b, ref[0], &t), 0);
    cr_assert_geq(oct_book_replace(b, ref[HOLD - 1], ref[HOLD], PX(9), QTY(1), &t), 0);
    for (uint32_t i = 1; i < HOLD - 1; i++)
        cr_assert_geq(oct_book_delete(b, ref[i], &t), 0, "%u", i);
    cr_assert_geq(oct_book_delete(b, ref[HOLD], &t), 0);
    cr_assert_eq(oct_books_stash_cnt(b), 0);
    for (uint32_t i = 0; i < b->stash; i++)
        cr_assert_eq(b->slot[i].passed, 0);
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
    struct oct_books_cfg cfg = {1, 100000, 10, 0, 3};
    struct oct_books *b = oct_books_new(aligned_alloc(128, oct_books_footprint(&cfg)), &cfg);
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
    const uint64_t refs[] = {0, 1, 5, UINT64_MAX, UINT64_C(1) << 63};
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(refs); i++) {
        oct_books_prefetch1(b, refs[i]);
        oct_books_prefetch2(b, refs[i]);
        oct_books_prefetch_inst(b, (uint32_t)refs[i]);
    }
    cr_assert_eq(oct_books_digest(b, UINT32_MAX), before);
}
