/* LOBSTER AMZN: the best bid and offer after each of the 57,515 messages, against the books alone.
 *
 * A level-1 recording has only the messages that concern a best price: orders that were there
 * before, or that came and went while they were not best, are seen by nobody.  So when the best
 * level of a side is emptied, the next one is not determined by what was recorded; the book is then
 * given what the oracle shows, as one order of unknown name, and messages about unknown references
 * act on that.  Everything else must be equal, and how often it was not determined must be exactly
 * what independent rules over the oracle's own rows say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/book/book.h"
#include "tests/oracle/shared_data.h"

#define MSGS "lobster-amzn-20120621-L1/AMZN_2012-06-21_34200000_57600000_message_1.csv.xz"
#define BOOK "lobster-amzn-20120621-L1/AMZN_2012-06-21_34200000_57600000_orderbook_1.csv.xz"

/* Names for orders without one, by side and price. */
#define UNNAMED(side, px) (UINT64_C(1) << 63 | (uint64_t)(side) << 62 | (uint64_t)(px))

struct top {
    int64_t px[2];
    int64_t qty[2];
};

struct row {
    int64_t type, ref, qty, px, dir;
};

static int64_t number(const char **at)
{
    char *end;
    int64_t v = strtoll(*at, &end, 10);
    *at = end + 1;
    return v;
}

static struct row next_row(const char **at)
{
    struct row r;
    while (**at != ',')
        (*at)++; /* seconds after midnight */
    (*at)++;
    r.type = number(at);
    r.ref = number(at);
    r.qty = number(at);
    r.px = number(at);
    r.dir = number(at);
    return r;
}

static struct top next_top(const char **at)
{
    struct top t;
    t.px[OCT_SELL] = number(at);
    t.qty[OCT_SELL] = number(at);
    t.px[OCT_BUY] = number(at);
    t.qty[OCT_BUY] = number(at);
    return t;
}

static struct oct_books *books;

static int64_t shares(oct_qty q)
{
    return q.v / OCT_QTY_ONE;
}

static struct oct_level best(enum oct_side side)
{
    struct oct_level l = {.px = {0}};
    oct_book_best(books, 0, side, &l);
    return l;
}

/* The message itself; takes from the order without a name when the reference is unknown. */
static void apply(const struct row *r)
{
    struct oct_book_touch t;
    enum oct_side side = r->dir == 1 ? OCT_BUY : OCT_SELL;
    oct_qty qty = oct_qty_from_shares((uint32_t)r->qty);
    uint64_t ref = (uint64_t)r->ref;
    int res;
    if (r->type == 5)
        return;
    if (r->type == 1) {
        cr_assert_geq(oct_book_add(books, 0, ref, side, oct_px_from_e4(r->px), qty, &t), 0);
        return;
    }
    res = r->type == 3 ? oct_book_delete(books, ref, &t) : oct_book_reduce(books, ref, qty, &t);
    if (res == OCT_BOOK_UNKNOWN)
        res = oct_book_reduce(books, UNNAMED(side, r->px), qty, &t);
    else
        cr_assert_eq(t.qty.v, qty.v, "%ld: %ld shares, the book had %ld", r->ref, r->qty,
                     shares(t.qty));
    cr_assert_geq(res, 0, "%ld: %d", r->ref, res);
}

static bool equals(enum oct_side side, const struct top *t)
{
    struct oct_level l = best(side);
    return l.px.v == oct_px_from_e4(t->px[side]).v && shares(l.qty) == t->qty[side];
}

/* Takes over the oracle's best level: what we have in front of it or at its price went unseen. */
static void reveal(enum oct_side side, const struct top *t)
{
    struct oct_book_touch touch;
    struct oct_book_order q[1];
    int64_t px = oct_px_from_e4(t->px[side]).v;
    for (struct oct_level l = best(side); l.px.v != 0; l = best(side)) {
        if (side == OCT_BUY ? l.px.v < px : l.px.v > px)
            break;
        cr_assert_eq(oct_book_queue(books, 0, side, l.px, q, 1), 1);
        cr_assert_eq(oct_book_delete(books, q[0].ref, &touch), OCT_BOOK_TOP);
    }
    oct_qty qty = oct_qty_from_shares((uint32_t)t->qty[side]);
    cr_assert_eq(
        oct_book_add(books, 0, UNNAMED(side, t->px[side]), side, (oct_px){px}, qty, &touch),
        OCT_BOOK_TOP);
}

/* The message empties the best level of this side. */
static bool empties(enum oct_side side, const struct row *r, const struct top *was)
{
    bool takes = r->type >= 2 && r->type <= 4;
    bool mine = r->dir == (side == OCT_BUY ? 1 : -1);
    return takes && mine && r->px == was->px[side] && r->qty == was->qty[side];
}

Test(lobster, best_bid_and_offer_equal_the_oracle_after_every_message)
{
    size_t sz;
    char *msgs = (char *)shared_load(MSGS, &sz), *tops = (char *)shared_load(BOOK, &sz);
    char *want = (char *)shared_load("lobster-amzn-20120621-L1/expected.json", &sz);
    if (msgs == NULL || tops == NULL || want == NULL)
        cr_skip_test(SHARED_MISSING);
    struct oct_books_cfg cfg = {1, 20000, 5000, 0, 1, {0}, {0}};
    books = oct_books_new(aligned_alloc(128, oct_books_footprint(&cfg)), &cfg);
    const char *m = msgs, *o = tops;
    struct row r = next_row(&m);
    struct top was = next_top(&o);
    reveal(OCT_BUY, &was);
    reveal(OCT_SELL, &was);
    uint32_t rows = 1, predicted = 0, revealed = 0, mismatch = 0;
    while (*m != 0) {
        r = next_row(&m);
        struct top t = next_top(&o);
        apply(&r);
        rows++;
        bool open = false;
        for (uint32_t side = 0; side < 2; side++) {
            if (empties((enum oct_side)side, &r, &was)) {
                open = true;
                int64_t worse =
                    side == OCT_BUY ? was.px[side] - t.px[side] : t.px[side] - was.px[side];
                mismatch += worse <= 0;
                reveal((enum oct_side)side, &t);
            } else {
                mismatch += !equals((enum oct_side)side, &t);
            }
        }
        revealed += open;
        predicted += !open;
        was = t;
    }
    printf("lobster: %u rows: %u predicted, %u with a level that was not recorded, %u wrong\n",
           rows, predicted, revealed, mismatch);
    cr_assert_eq(mismatch, 0);
    cr_assert_eq(rows, shared_expect(want, NULL, "rows"));
    cr_assert_eq(predicted, shared_expect(want, NULL, "exactly_predicted_by_L1_rules"));
    cr_assert_eq(revealed,
                 shared_expect(want, NULL, "new_best_revealed_from_deeper_level(consistent)"));
    free(msgs);
    free(tops);
    free(want);
}
