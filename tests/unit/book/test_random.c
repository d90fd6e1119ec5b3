/* Random messages, held message by message against the slow book. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dataplane/base/rng.h"
#include "dataplane/book/book_priv.h"
#include "tests/unit/book/slow_book.h"

struct run {
    struct oct_books *b;
    struct slow_book slow;
    struct oct_rng rng;
    uint32_t insts;
    uint32_t live_aim;
    uint32_t px_span;
    uint64_t refs[8192]; /* recent references, live or not */
    uint32_t ref_cnt;
    uint32_t by_result[8];
};

static void run_init(struct run *r, struct oct_books_cfg cfg, uint64_t seed)
{
    *r = (struct run){.insts = cfg.inst_cnt};
    r->b = oct_books_new(aligned_alloc(128, oct_books_footprint(&cfg)), &cfg);
    cr_assert_not_null(r->b);
    oct_rng_init(&r->rng, seed);
}

static uint64_t any_ref(struct run *r)
{
    uint64_t roll = oct_rng_below(&r->rng, 64);
    if (roll == 0 || r->ref_cnt == 0)
        return oct_rng_u64(&r->rng);
    if (roll == 1)
        return 0;
    if (roll == 2)
        return UINT64_MAX;
    if (roll < 40 && r->slow.order_cnt != 0) {
        const struct slow_order *o = r->slow.head;
        for (uint64_t n = oct_rng_below(&r->rng, r->slow.order_cnt); n > 0; n--)
            o = o->next;
        return o->ref;
    }
    uint32_t span = r->ref_cnt < OCT_ARRAY_CNT(r->refs) ? r->ref_cnt : OCT_ARRAY_CNT(r->refs);
    return r->refs[(r->ref_cnt - 1 - oct_rng_below(&r->rng, span)) % OCT_ARRAY_CNT(r->refs)];
}

static uint64_t new_ref(struct run *r)
{
    if (oct_rng_below(&r->rng, 32) == 0)
        return any_ref(r);
    uint64_t ref = oct_rng_u64(&r->rng) >> oct_rng_below(&r->rng, 40);
    r->refs[r->ref_cnt++ % OCT_ARRAY_CNT(r->refs)] = ref;
    return ref;
}

/* Prices crowd near the touch and now and then lie far away; books may cross. */
static int64_t any_px(struct run *r, uint32_t side)
{
    uint64_t roll = oct_rng_below(&r->rng, 100);
    if (roll == 0)
        return 0;
    int64_t off = (int64_t)oct_rng_below(&r->rng, roll < 60 ? 12 : r->px_span);
    int64_t mid = 1000000;
    return (side == OCT_BUY ? mid - off : mid + off) + (roll == 1 ? 3 : 0);
}

static void check_touch(const struct run *r, const struct oct_book_touch *t, uint64_t ref)
{
    struct oct_book_order o;
    bool live = oct_book_order(r->b, ref, &o);
    cr_assert_eq(live, t->left.v > 0);
    if (live) {
        cr_assert_eq(o.qty.v, t->left.v);
        cr_assert_eq(o.px.v, t->px.v);
        cr_assert_eq(o.inst, t->inst);
        cr_assert_eq(o.side, t->side);
    }
}

static void step(struct run *r)
{
    struct oct_book_touch t;
    uint64_t roll = oct_rng_below(&r->rng, 100);
    bool grow = r->slow.order_cnt < r->live_aim;
    int fast, slow;
    uint64_t ref;
    if (roll < (grow ? 60 : 40)) {
        uint32_t inst = (uint32_t)oct_rng_below(&r->rng, r->insts);
        uint32_t side = (uint32_t)oct_rng_below(&r->rng, 2);
        int64_t px = any_px(r, side), qty = (int64_t)oct_rng_below(&r->rng, 1000);
        ref = new_ref(r);
        fast = oct_book_add(r->b, inst, ref, (enum oct_side)side, (oct_px){px}, (oct_qty){qty}, &t);
        slow = fast == OCT_BOOK_FULL ? fast : slow_add(&r->slow, inst, ref, side, px, qty);
    } else if (roll < 70) {
        ref = any_ref(r);
        fast = oct_book_delete(r->b, ref, &t);
        slow = slow_delete(&r->slow, ref);
    } else if (roll < 85) {
        ref = any_ref(r);
        int64_t qty = (int64_t)oct_rng_below(&r->rng, 800);
        fast = oct_book_reduce(r->b, ref, (oct_qty){qty}, &t);
        slow = slow_reduce(&r->slow, ref, qty);
    } else {
        uint64_t old = any_ref(r);
        int64_t px = any_px(r, roll & 1), qty = (int64_t)oct_rng_below(&r->rng, 1000);
        ref = new_ref(r);
        fast = oct_book_replace(r->b, old, ref, (oct_px){px}, (oct_qty){qty}, &t);
        slow = fast == OCT_BOOK_FULL ? fast : slow_replace(&r->slow, old, ref, px, qty);
    }
    cr_assert_eq(fast, slow, "fast %d slow %d at roll %lu", fast, slow, roll);
    cr_assert_eq(oct_books_order_cnt(r->b), r->slow.order_cnt);
    r->by_result[fast < 0 ? 2 - fast : fast]++;
    if (fast >= 0)
        check_touch(r, &t, ref);
    if (fast == OCT_BOOK_TOP) {
        struct oct_level best = {.px = {0}};
        oct_book_best(r->b, t.inst, (enum oct_side)t.side, &best);
        cr_assert_eq(best.px.v, t.best_px.v);
        cr_assert_eq(best.qty.v, t.best_qty.v);
    }
}

static void check_queue(const struct run *r, uint32_t inst, uint32_t side,
                        const struct oct_level *l)
{
    static struct oct_book_order q[4096];
    static uint64_t refs[4096];
    uint32_t n = oct_book_queue(r->b, inst, (enum oct_side)side, l->px, q, 4096);
    cr_assert_eq(n, slow_queue(&r->slow, inst, side, l->px.v, refs, 4096));
    cr_assert_eq(n, l->order_cnt);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(q[i].ref, refs[i]);
}

static void check_all(const struct run *r)
{
    static struct oct_level a[8192], c[8192];
    for (uint32_t i = 0; i < 2 * r->insts; i++) {
        uint32_t n = oct_book_depth(r->b, i / 2, (enum oct_side)(i % 2), a, 8192);
        cr_assert_eq(n, slow_depth(&r->slow, i / 2, i % 2, c, 8192));
        cr_assert_eq(n, oct_book_level_cnt(r->b, i / 2, (enum oct_side)(i % 2)));
        for (uint32_t k = 0; k < n; k++) {
            cr_assert_eq(a[k].px.v, c[k].px.v, "level %u of %u: %ld, not %ld", k, n, a[k].px.v,
                         c[k].px.v);
            cr_assert_eq(a[k].qty.v, c[k].qty.v);
            check_queue(r, i / 2, i % 2, &a[k]);
        }
    }
}

static void empty_out(struct run *r)
{
    check_all(r);
    for (uint32_t i = 0; i < r->insts; i++) {
        oct_book_clear(r->b, i);
        slow_clear(&r->slow, i);
    }
    cr_assert_eq(oct_books_order_cnt(r->b), 0);
    cr_assert_eq(oct_books_level_cnt(r->b), 0);
    cr_assert_eq(r->b->node_cnt, 0);
    cr_assert_eq(r->b->spare_cnt, r->b->slot_used);
    for (uint32_t i = 0; i < r->b->stash; i++) {
        for (uint32_t k = 0; k < 8; k++)
            cr_assert_eq(r->b->line[i].passed[k], 0);
    }
}

static struct run run;

Test(book_random, a_million_messages_agree_with_the_slow_book)
{
    run_init(&run, (struct oct_books_cfg){3, 400, 300, 0, 11, {1}, {1}}, 2024);
    run.live_aim = 60;
    run.px_span = 60;
    for (uint32_t i = 0; i < 1000000; i++) {
        step(&run);
        if (i % 257 == 0)
            check_all(&run);
    }
    for (uint32_t i = 0; i < 7; i++)
        cr_assert(i == 2 || i == 5 || run.by_result[i] > 100, "result %u seen %u times", i,
                  run.by_result[i]);
    empty_out(&run);
}

Test(book_random, deep_books_agree_with_the_slow_book)
{
    run_init(&run, (struct oct_books_cfg){1, 8000, 8000, 0, 12, {1}, {1}}, 2025);
    run.live_aim = 2500;
    run.px_span = 100000;
    for (uint32_t i = 0; i < 30000; i++) {
        step(&run);
        if (i % 1000 == 0)
            check_all(&run);
    }
    run.live_aim = 20;
    for (uint32_t i = 0; i < 20000; i++)
        step(&run);
    empty_out(&run);
}

Test(book_random, tables_that_run_full_agree_with_the_slow_book)
{
    run_init(&run, (struct oct_books_cfg){3, 60, 25, 0, 13, {1}, {1}}, 2026);
    run.live_aim = 200;
    run.px_span = 40;
    for (uint32_t i = 0; i < 200000; i++) {
        step(&run);
        if (i % 97 == 0)
            check_all(&run);
    }
    cr_assert_gt(run.by_result[5], 1000);
    empty_out(&run);
}
