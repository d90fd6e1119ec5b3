/* The rules of dataplane/book/book.h, one by one. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dataplane/book/book.h"
#include "tests/unit/keep.h"

#define PX(x)         ((oct_px){(int64_t)(x)*OCT_PX_E4})
#define OCT_STASH_FEW 8
#define QTY(x)        ((oct_qty){(int64_t)(x)*OCT_QTY_ONE})

static struct oct_book_touch t;

static struct oct_books *books(uint32_t insts, uint32_t orders, uint32_t levels)
{
    struct oct_books_cfg cfg = {insts, orders, levels, 0, 42, {0}, {0}};
    size_t sz = oct_books_footprint(&cfg);
    cr_assert_gt(sz, 0);
    return oct_books_new(test_keep(aligned_alloc(128, sz)), &cfg);
}

static uint64_t queue_ref(struct oct_books *b, enum oct_side side, int64_t px, uint32_t idx)
{
    struct oct_book_order q[16];
    uint32_t n = oct_book_queue(b, 0, side, PX(px), q, 16);
    cr_assert_lt(idx, n);
    return q[idx].ref;
}

Test(book, orders_at_a_price_queue_in_order_of_arrival)
{
    struct oct_books *b = books(2, 100, 100);
    for (uint64_t ref = 10; ref < 15; ref++)
        cr_assert_eq(oct_book_add(b, 0, ref, OCT_BUY, PX(100), QTY(1), &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_delete(b, 12, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_delete(b, 10, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_delete(b, 14, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_add(b, 0, 99, OCT_BUY, PX(100), QTY(1), &t), OCT_BOOK_TOP);
    struct oct_book_order q[8];
    cr_assert_eq(oct_book_queue(b, 0, OCT_BUY, PX(100), q, 8), 3);
    cr_assert_eq(q[0].ref, 11);
    cr_assert_eq(q[1].ref, 13);
    cr_assert_eq(q[2].ref, 99);
    cr_assert_eq(oct_book_queue(b, 0, OCT_BUY, PX(100), q, 2), 2);
    cr_assert_eq(oct_book_queue(b, 0, OCT_BUY, PX(101), q, 8), 0);
    cr_assert_eq(oct_book_queue(b, 0, OCT_SELL, PX(100), q, 8), 0);
}

Test(book, reduce_keeps_the_place_in_the_queue)
{
    struct oct_books *b = books(1, 100, 100);
    oct_book_add(b, 0, 1, OCT_SELL, PX(100), QTY(10), &t);
    oct_book_add(b, 0, 2, OCT_SELL, PX(100), QTY(10), &t);
    cr_assert_eq(oct_book_reduce(b, 1, QTY(4), &t), OCT_BOOK_TOP);
    cr_assert_eq(t.qty.v, QTY(4).v);
    cr_assert_eq(t.left.v, QTY(6).v);
    cr_assert_eq(t.px.v, PX(100).v);
    cr_assert_eq(t.side, OCT_SELL);
    cr_assert_eq(queue_ref(b, OCT_SELL, 100, 0), 1);
    cr_assert_eq(oct_book_reduce(b, 1, QTY(6), &t), OCT_BOOK_TOP);
    cr_assert_eq(t.left.v, 0);
    cr_assert_eq(queue_ref(b, OCT_SELL, 100, 0), 2);
    cr_assert_eq(oct_books_order_cnt(b), 1);
}

Test(book, replace_loses_the_place_in_the_queue_even_at_the_same_price)
{
    struct oct_books *b = books(1, 100, 100);
    oct_book_add(b, 0, 1, OCT_BUY, PX(100), QTY(10), &t);
    oct_book_add(b, 0, 2, OCT_BUY, PX(100), QTY(10), &t);
    cr_assert_eq(oct_book_replace(b, 1, 3, PX(100), QTY(10), &t), OCT_BOOK_OK);
    cr_assert_eq(queue_ref(b, OCT_BUY, 100, 0), 2);
    cr_assert_eq(queue_ref(b, OCT_BUY, 100, 1), 3);
    cr_assert_eq(oct_book_delete(b, 1, &t), OCT_BOOK_UNKNOWN);
    cr_assert_eq(oct_book_replace(b, 2, 4, PX(101), QTY(5), &t), OCT_BOOK_TOP);
    struct oct_level l;
    cr_assert(oct_book_best(b, 0, OCT_BUY, &l));
    cr_assert_eq(l.px.v, PX(101).v);
    cr_assert_eq(l.qty.v, QTY(5).v);
    cr_assert_eq(l.order_cnt, 1);
}

Test(book, replace_of_the_only_order_moves_its_level)
{
    struct oct_books *b = books(1, 100, 100);
    oct_book_add(b, 0, 1, OCT_SELL, PX(100), QTY(10), &t);
    cr_assert_eq(oct_book_replace(b, 1, 2, PX(105), QTY(3), &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_level_cnt(b, 0, OCT_SELL), 1);
    cr_assert_eq(oct_books_level_cnt(b), 1);
    struct oct_book_order o;
    cr_assert(oct_book_order(b, 2, &o));
    cr_assert_eq(o.px.v, PX(105).v);
    cr_assert_eq(o.qty.v, QTY(3).v);
    cr_assert_eq(o.side, OCT_SELL);
}

Test(book, only_what_changes_the_best_price_or_its_size_says_top)
{
    struct oct_books *b = books(1, 100, 100);
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, PX(100), QTY(1), &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(99), QTY(1), &t), OCT_BOOK_OK);
    cr_assert_eq(oct_book_add(b, 0, 3, OCT_BUY, PX(99), QTY(1), &t), OCT_BOOK_OK);
    cr_assert_eq(oct_book_add(b, 0, 4, OCT_BUY, PX(101), QTY(1), &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_delete(b, 2, &t), OCT_BOOK_OK);
    cr_assert_eq(oct_book_delete(b, 4, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_replace(b, 3, 5, PX(98), QTY(1), &t), OCT_BOOK_OK);
    cr_assert_eq(oct_book_replace(b, 5, 6, PX(100), QTY(1), &t), OCT_BOOK_TOP);
}

Test(book, a_known_reference_is_refused_and_changes_nothing)
{
    struct oct_books *b = books(2, 100, 100);
    oct_book_add(b, 0, 7, OCT_BUY, PX(100), QTY(1), &t);
    oct_book_add(b, 1, 8, OCT_BUY, PX(100), QTY(1), &t);
    uint64_t before = oct_books_digest(b, UINT32_MAX);
    cr_assert_eq(oct_book_add(b, 1, 7, OCT_SELL, PX(50), QTY(9), &t), OCT_BOOK_DUP);
    cr_assert_eq(oct_book_replace(b, 7, 8, PX(50), QTY(9), &t), OCT_BOOK_DUP);
    cr_assert_eq(oct_book_replace(b, 7, 7, PX(50), QTY(9), &t), OCT_BOOK_DUP);
    cr_assert_eq(oct_books_digest(b, UINT32_MAX), before);
}

Test(book, unknown_references_change_nothing)
{
    struct oct_books *b = books(1, 100, 100);
    oct_book_add(b, 0, 7, OCT_BUY, PX(100), QTY(1), &t);
    uint64_t before = oct_books_digest(b, UINT32_MAX);
    cr_assert_eq(oct_book_delete(b, 8, &t), OCT_BOOK_UNKNOWN);
    cr_assert_eq(oct_book_reduce(b, 0, QTY(1), &t), OCT_BOOK_UNKNOWN);
    cr_assert_eq(oct_book_replace(b, UINT64_MAX, 1, PX(1), QTY(1), &t), OCT_BOOK_UNKNOWN);
    struct oct_book_order o;
    cr_assert_not(oct_book_order(b, 8, &o));
    cr_assert_eq(oct_books_digest(b, UINT32_MAX), before);
}

Test(book, values_out_of_range_are_refused)
{
    struct oct_books *b = books(2, 100, 100);
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, PX(100), QTY(5), &t), OCT_BOOK_TOP);
    uint64_t before = oct_books_digest(b, UINT32_MAX);
    cr_assert_eq(oct_book_add(b, 2, 2, OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, UINT32_MAX, 2, OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 2, (enum oct_side)2, PX(1), QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(0), QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(-1), QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(1), QTY(0), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_SELL, (oct_px){INT64_MIN}, QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(100), (oct_qty){INT64_MAX}, &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_reduce(b, 1, QTY(6), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_reduce(b, 1, QTY(0), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_reduce(b, 1, QTY(-1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_replace(b, 1, 2, PX(0), QTY(1), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_replace(b, 1, 2, PX(1), QTY(0), &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_replace(b, 1, 2, PX(100), (oct_qty){INT64_MAX}, &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_books_digest(b, UINT32_MAX), before);
    struct oct_level l[2];
    cr_assert_not(oct_book_best(b, 2, OCT_BUY, l));
    cr_assert_not(oct_book_best(b, 1, OCT_BUY, l));
    cr_assert_eq(oct_book_depth(b, 7, OCT_BUY, l, 2), 0);
    cr_assert_eq(oct_book_level_cnt(b, 7, OCT_BUY), 0);
    oct_book_clear(b, 7);
}

Test(book, the_largest_values_are_kept_exactly)
{
    struct oct_books *b = books(1, 10, 10);
    oct_px big = PX(INT64_C(0xfffffffe));
    int64_t shares = INT64_MAX / OCT_QTY_ONE;
    cr_assert_eq(oct_book_add(b, 0, 0, OCT_SELL, big, QTY(shares), &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_add(b, 0, UINT64_MAX, OCT_BUY, big, QTY(shares), &t), OCT_BOOK_TOP);
    struct oct_level l;
    cr_assert(oct_book_best(b, 0, OCT_SELL, &l));
    cr_assert_eq(l.px.v, big.v);
    cr_assert_eq(l.qty.v, QTY(shares).v);
    cr_assert_eq(oct_book_reduce(b, 0, QTY(shares), &t), OCT_BOOK_TOP);
    cr_assert_not(oct_book_best(b, 0, OCT_SELL, &l));
    cr_assert_eq(oct_book_delete(b, UINT64_MAX, &t), OCT_BOOK_TOP);
    big.v += OCT_PX_E4;
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_SELL, big, QTY(1), &t), OCT_BOOK_RANGE);
}

Test(book, a_level_holds_less_than_2_to_the_48_units)
{
    struct oct_books_cfg cfg = {1, 10, 10, 0, 1, {0}, {1}};
    struct oct_books *b =
        oct_books_new(test_keep(aligned_alloc(128, oct_books_footprint(&cfg))), &cfg);
    oct_qty most = {(INT64_C(1) << 48) - 1}, one = {1};
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, PX(1), (oct_qty){most.v + 1}, &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, PX(1), most, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(1), one, &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_reduce(b, 1, one, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_BUY, PX(1), one, &t), OCT_BOOK_TOP);
    cr_assert_eq(t.best_qty.v, most.v);
}

Test(book, what_is_no_multiple_of_the_unit_is_refused)
{
    struct oct_books *b = books(1, 10, 10);
    oct_px px = PX(100);
    oct_qty qty = QTY(5);
    for (int64_t off = 1; off < 64; off++) {
        cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, (oct_px){px.v + off}, qty, &t), OCT_BOOK_RANGE);
        cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, px, (oct_qty){qty.v + off}, &t),
                     OCT_BOOK_RANGE);
    }
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, px, qty, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_reduce(b, 1, (oct_qty){qty.v - 1}, &t), OCT_BOOK_RANGE);
    cr_assert_eq(oct_book_replace(b, 1, 2, (oct_px){px.v - 1}, qty, &t), OCT_BOOK_RANGE);
    struct oct_book_order q;
    cr_assert_eq(oct_book_queue(b, 0, OCT_BUY, (oct_px){px.v + 1}, &q, 1), 0);
    struct oct_books_cfg cents = {1, 10, 10, 0, 1, {OCT_PX_ONE / 4}, {OCT_QTY_ONE / 1000}};
    b = oct_books_new(test_keep(aligned_alloc(128, oct_books_footprint(&cents))), &cents);
    px.v = OCT_PX_ONE / 4 * 3;
    qty.v = OCT_QTY_ONE / 1000 * 7;
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_SELL, px, qty, &t), OCT_BOOK_TOP);
    cr_assert_eq(t.best_px.v, px.v);
    cr_assert_eq(t.best_qty.v, qty.v);
    cr_assert_eq(oct_book_add(b, 0, 2, OCT_SELL, PX(1), qty, &t), OCT_BOOK_RANGE);
}

Test(book, a_level_of_very_many_orders_is_counted_and_emptied)
{
    enum { N = 70000 };
    struct oct_books *b = books(1, N, 10);
    struct oct_level l;
    for (uint64_t i = 0; i < N; i++)
        cr_assert_eq(oct_book_add(b, 0, i, OCT_BUY, PX(5), QTY(2), &t), OCT_BOOK_TOP);
    cr_assert(oct_book_best(b, 0, OCT_BUY, &l));
    cr_assert_eq(l.order_cnt, N);
    cr_assert_eq(l.qty.v, QTY(2 * N).v);
    for (uint64_t i = 0; i < N - 1; i++)
        cr_assert_eq(oct_book_delete(b, i, &t), OCT_BOOK_TOP);
    cr_assert(oct_book_best(b, 0, OCT_BUY, &l));
    cr_assert_eq(l.order_cnt, 1);
    cr_assert_eq(oct_book_delete(b, N - 1, &t), OCT_BOOK_TOP);
    cr_assert_not(oct_book_best(b, 0, OCT_BUY, &l));
    cr_assert_eq(oct_book_add(b, 0, 1, OCT_BUY, PX(5), QTY(2), &t), OCT_BOOK_TOP);
    cr_assert(oct_book_best(b, 0, OCT_BUY, &l));
    cr_assert_eq(l.order_cnt, 1);
}

Test(book, full_order_table_refuses_marks_the_instrument_and_changes_nothing_else)
{
    struct oct_books *b = books(2, 20, 100);
    for (uint64_t ref = 0; ref < 20; ref++)
        cr_assert_geq(oct_book_add(b, 0, ref, OCT_BUY, PX(10), QTY(1), &t), 0);
    uint64_t before = oct_books_digest(b, 0);
    cr_assert_eq(oct_book_add(b, 1, 20, OCT_BUY, PX(10), QTY(1), &t), OCT_BOOK_FULL);
    cr_assert(oct_book_incomplete(b, 1));
    cr_assert_not(oct_book_incomplete(b, 0));
    cr_assert_eq(oct_books_digest(b, 0), before);
    cr_assert_eq(oct_books_order_cnt(b), 20);
    cr_assert_eq(oct_book_replace(b, 5, 25, PX(11), QTY(1), &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_delete(b, 25, &t), OCT_BOOK_TOP);
    cr_assert_eq(oct_book_add(b, 1, 20, OCT_BUY, PX(10), QTY(1), &t), OCT_BOOK_TOP);
    cr_assert(oct_book_incomplete(b, 1));
    oct_book_clear(b, 1);
    cr_assert_not(oct_book_incomplete(b, 1));
}

Test(book, full_level_table_refuses_marks_the_instrument_and_changes_nothing_else)
{
    struct oct_books *b = books(1, 100, 30);
    for (uint64_t i = 0; i < 30; i++)
        cr_assert_geq(oct_book_add(b, 0, i, OCT_BUY, PX(10 + i), QTY(1), &t), 0);
    cr_assert_eq(oct_book_add(b, 0, 100, OCT_BUY, PX(5), QTY(1), &t), OCT_BOOK_FULL);
    cr_assert_eq(oct_book_replace(b, 3, 100, PX(5), QTY(1), &t), OCT_BOOK_FULL);
    cr_assert(oct_book_incomplete(b, 0));
    cr_assert_eq(oct_books_order_cnt(b), 30);
    cr_assert_eq(oct_book_add(b, 0, 100, OCT_BUY, PX(12), QTY(1), &t), OCT_BOOK_OK);
    for (uint64_t i = 0; i < 30; i++)
        cr_assert_geq(oct_book_delete(b, i, &t), 0);
    cr_assert_geq(oct_book_delete(b, 100, &t), 0);
    cr_assert_eq(oct_books_level_cnt(b), 0);
    cr_assert_eq(oct_books_order_cnt(b), 0);
}

Test(book, depth_is_best_first_on_both_sides_however_deep)
{
    struct oct_books *b = books(1, 5000, 5000);
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t at = i * 997 % 2000;
        oct_book_add(b, 0, i, OCT_BUY, PX(10000 - at), QTY(at + 1), &t);
        oct_book_add(b, 0, 5000 + i, OCT_SELL, PX(10001 + at), QTY(at + 1), &t);
    }
    static struct oct_level l[3000];
    for (uint32_t side = 0; side < 2; side++) {
        cr_assert_eq(oct_book_depth(b, 0, (enum oct_side)side, l, 3000), 2000);
        cr_assert_eq(oct_book_level_cnt(b, 0, (enum oct_side)side), 2000);
        for (uint32_t i = 0; i < 2000; i++) {
            cr_assert_eq(l[i].px.v, side == OCT_BUY ? PX(10000 - i).v : PX(10001 + i).v);
            cr_assert_eq(l[i].qty.v, QTY(i + 1).v);
        }
    }
    cr_assert_eq(oct_book_depth(b, 0, OCT_BUY, l, 5), 5);
    cr_assert_eq(oct_book_depth(b, 0, OCT_BUY, l, 0), 0);
}

Test(book, clear_empties_one_instrument_only)
{
    struct oct_books *b = books(3, 3000, 3000);
    struct oct_books *only = books(3, 3000, 3000);
    for (uint64_t i = 0; i < 900; i++) {
        oct_book_add(b, (uint32_t)(i % 3), i, i & 1, PX(100 + i % 101), QTY(1), &t);
        if (i % 3 != 1)
            oct_book_add(only, (uint32_t)(i % 3), i, i & 1, PX(100 + i % 101), QTY(1), &t);
    }
    oct_book_clear(b, 1);
    cr_assert_eq(oct_books_digest(b, UINT32_MAX), oct_books_digest(only, UINT32_MAX));
    cr_assert_eq(oct_books_order_cnt(b), 600);
    cr_assert_eq(oct_book_delete(b, 1, &t), OCT_BOOK_UNKNOWN);
    cr_assert_eq(oct_book_add(b, 1, 1, OCT_BUY, PX(1), QTY(1), &t), OCT_BOOK_TOP);
}

Test(book, digest_depends_on_queue_order_and_not_on_history)
{
    struct oct_books *a = books(1, 100, 100), *b = books(1, 100, 100), *c = books(1, 100, 100);
    oct_book_add(a, 0, 1, OCT_BUY, PX(5), QTY(1), &t);
    oct_book_add(a, 0, 2, OCT_BUY, PX(5), QTY(1), &t);
    oct_book_add(b, 0, 9, OCT_BUY, PX(6), QTY(1), &t);
    oct_book_add(b, 0, 1, OCT_BUY, PX(5), QTY(1), &t);
    oct_book_add(b, 0, 2, OCT_BUY, PX(5), QTY(1), &t);
    oct_book_delete(b, 9, &t);
    oct_book_add(c, 0, 2, OCT_BUY, PX(5), QTY(1), &t);
    oct_book_add(c, 0, 1, OCT_BUY, PX(5), QTY(1), &t);
    cr_assert_eq(oct_books_digest(a, UINT32_MAX), oct_books_digest(b, UINT32_MAX));
    cr_assert_neq(oct_books_digest(a, UINT32_MAX), oct_books_digest(c, UINT32_MAX));
    cr_assert_eq(oct_books_digest(a, 0), oct_books_digest(b, 0));
    cr_assert_eq(oct_books_digest(a, 5), oct_books_digest(b, 7));
}

Test(book, impossible_configurations_have_no_footprint)
{
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){0, 1, 1, 0, 0, {0}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){1, 0, 1, 0, 0, {0}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){1, 1, 0, 0, 0, {0}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){UINT32_MAX, 1, 1, 0, 0, {0}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){1, UINT32_MAX, 1, 0, 0, {0}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){1, 1, UINT32_MAX, 0, 0, {0}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){1, 1, 1, 0, 0, {-1}, {0}}), 0);
    cr_assert_eq(oct_books_footprint(&(struct oct_books_cfg){1, 1, 1, 0, 0, {0}, {-1}}), 0);
    cr_assert_null(oct_books_new(NULL, &(struct oct_books_cfg){0, 1, 1, 0, 0, {0}, {0}}));
}

Test(book, eight_thousand_books_and_a_million_and_a_half_orders_fit_256_mib)
{
    struct oct_books_cfg cfg = {8192, 1500000, 500000, 0, 1, {0}, {0}};
    cr_assert_leq(oct_books_footprint(&cfg), (size_t)256 << 20);
}

Test(book, every_order_up_to_the_limit_finds_a_place)
{
    enum { N = 200000 };
    struct oct_books *b = books(1, N, 100);
    uint64_t ref = UINT64_C(1) << 33;
    for (uint32_t i = 0; i < N; i++, ref += 1 + i % 37)
        cr_assert_geq(oct_book_add(b, 0, ref, OCT_BUY, PX(10), QTY(1), &t), 0);
    cr_assert_leq(oct_books_stash_cnt(b), OCT_STASH_FEW);
    cr_assert_eq(oct_book_add(b, 0, ref, OCT_BUY, PX(10), QTY(1), &t), OCT_BOOK_FULL);
}
