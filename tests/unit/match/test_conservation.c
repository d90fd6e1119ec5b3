/* Random sessions and random orders of ours, against books kept the slow way: no recorded share
 * fills twice, fills add up on both sides of the counter, the queue ahead never grows. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/match/match.h"

#define REC_MAX  20000u
#define OWN_MAX  4000u
#define STEP_CNT 6000u
#define QTY_MAX  300u

/* A recorded order, share by share: which of them have filled us. */
struct rec {
    bool live;
    enum oct_side side;
    int64_t cents;
    uint32_t lo, hi;       /* shares still there: [lo, hi); the record executes from lo on */
    uint8_t ours[QTY_MAX]; /* 1: this share has filled us */
};

struct own {
    bool resting;
    uint32_t asked, filled, cancelled, decremented;
    int64_t limit_cents;
    enum oct_side side;
    bool market;
    int64_t ahead; /* seen last */
};

static struct world {
    struct oct_match *m;
    void *mem;
    struct oct_rng rng;
    struct rec rec[REC_MAX];
    struct own own[OWN_MAX];
    uint32_t rec_cnt, own_cnt;
    uint32_t live[REC_MAX], live_cnt;
    uint32_t
        event_used; /* shares of the running recorded event that filled us from the incoming side */
    uint32_t event_sz;
    uint64_t event_ref; /* add or replacement that is arriving, 0 for none */
    uint64_t fills, own_fills;
} w;

static uint32_t below(uint32_t n)
{
    return (uint32_t)oct_rng_below(&w.rng, n);
}

static uint32_t shares(oct_qty q)
{
    cr_assert_eq(q.v % OCT_QTY_ONE, 0);
    return (uint32_t)(q.v / OCT_QTY_ONE);
}

/* The next n shares of a recorded order that are not ours yet become ours. */
static void mark(struct rec *r, uint64_t ref, uint32_t n)
{
    for (uint32_t i = r->lo; i < r->hi && n > 0; i++)
        if (!r->ours[i]) {
            r->ours[i] = 1;
            n--;
        }
    cr_assert_eq(n, 0, "%u shares of %lu fill us that are not there or did before", n, ref);
}

static uint32_t marked(const struct rec *r)
{
    uint32_t n = 0;
    for (uint32_t i = r->lo; i < r->hi; i++)
        n += r->ours[i];
    return n;
}

static void on_fill(const struct oct_match_event *e)
{
    struct own *o = &w.own[e->id];
    uint32_t n = shares(e->qty);
    o->filled += n;
    w.fills += n;
    int64_t cents = e->px.v / (OCT_PX_ONE / 100);
    if (!o->market)
        cr_assert(o->side == OCT_BUY ? cents <= o->limit_cents : cents >= o->limit_cents,
                  "filled beyond the limit");
    if (e->other_id) {
        w.own_fills += n;
        return;
    }
    if (!e->added) { /* we took resting shares */
        struct rec *r = &w.rec[e->ref];
        cr_assert(r->live && r->side != o->side && r->cents == cents);
        mark(r, e->ref, n);
        return;
    }
    w.event_used += n;
    cr_assert_leq(w.event_used, w.event_sz, "more shares than the event has");
    if (w.event_ref) {
        struct rec *r = &w.rec[e->ref];
        cr_assert_eq(e->ref, w.event_ref);
        mark(r, e->ref, n);
    }
}

static void on_event(void *ctx, const struct oct_match_event *e)
{
    (void)ctx;
    struct own *o = &w.own[e->id];
    if (e->kind == OCT_MATCH_FILL)
        on_fill(e);
    else if (e->kind == OCT_MATCH_CANCEL)
        o->cancelled += shares(e->qty);
    else
        o->decremented += shares(e->qty);
    cr_assert_leq(o->filled + o->cancelled + o->decremented, o->asked, "order %lu", e->id);
    cr_assert_eq(o->asked - o->filled - o->cancelled - o->decremented, shares(e->left));
}

static struct oct_md md(enum oct_md_kind kind, uint64_t ref)
{
    w.event_used = w.event_sz = 0;
    w.event_ref = 0;
    return (struct oct_md){OCT_MSG_HDR(MD, md), .kind = (uint8_t)kind, .inst = 1, .ref = ref,
                           .side = OCT_BUY};
}

static int64_t price(void)
{
    return 990 + (int64_t)below(20);
}

static void rec_born(uint32_t ref, enum oct_side side, int64_t cents, uint32_t qty, uint32_t ours)
{
    w.rec[ref] = (struct rec){.live = true, .side = side, .cents = cents, .hi = qty};
    memset(w.rec[ref].ours, 1, ours);
    w.live[w.live_cnt++] = ref;
}

static void rec_add(void)
{
    if (w.rec_cnt + 2 >= REC_MAX)
        return;
    uint32_t ref = ++w.rec_cnt;
    enum oct_side side = below(2);
    /* mostly on its own side of the middle, sometimes crossing: the record may be odd */
    int64_t cents = below(10) ? (side == OCT_BUY ? 990 + below(10) : 1000 + below(10)) : price();
    uint32_t qty = 1 + below(QTY_MAX);
    rec_born(ref, side, cents, qty, 0);
    struct oct_md m = md(OCT_MD_ADD, ref);
    m.side = (uint8_t)side;
    m.px.v = cents * (OCT_PX_ONE / 100);
    m.qty = oct_qty_from_shares(qty);
    w.event_sz = qty;
    w.event_ref = ref;
    oct_match_md(w.m, &m);
}

static void rec_gone(uint32_t i)
{
    w.rec[w.live[i]].live = false;
    w.live[i] = w.live[--w.live_cnt];
}

/* The record executes, cancels, deletes or replaces one of its orders. */
static void rec_touch(void)
{
    if (w.live_cnt == 0)
        return;
    uint32_t i = below(w.live_cnt);
    uint32_t ref = w.live[i];
    struct rec *r = &w.rec[ref];
    uint32_t kind = below(10);
    uint32_t n = 1 + below(r->hi - r->lo);
    if (kind < 5) {
        struct oct_md m = md(kind == 4 ? OCT_MD_EXEC_PX : OCT_MD_EXEC, ref);
        m.qty = oct_qty_from_shares(n);
        m.px.v = (kind == 4 ? price() : r->cents) * (OCT_PX_ONE / 100);
        w.event_sz = n;
        oct_match_md(w.m, &m);
        r->lo += n;
    } else if (kind < 7) {
        struct oct_md m = md(OCT_MD_REDUCE, ref);
        m.qty = oct_qty_from_shares(n);
        oct_match_md(w.m, &m);
        r->hi -= n;
    } else if (kind < 9 || w.rec_cnt + 2 >= REC_MAX) {
        struct oct_md m = md(OCT_MD_DELETE, ref);
        oct_match_md(w.m, &m);
        r->hi = r->lo;
    } else {
        uint32_t to = ++w.rec_cnt;
        uint32_t qty = 1 + below(QTY_MAX);
        int64_t cents = price();
        uint32_t carried = marked(r) < qty ? marked(r) : qty;
        struct oct_md m = md(OCT_MD_REPLACE, ref);
        m.ref2 = to;
        m.qty = oct_qty_from_shares(qty);
        m.px.v = cents * (OCT_PX_ONE / 100);
        w.event_sz = qty;
        w.event_ref = to;
        enum oct_side side = r->side;
        rec_gone(i);
        rec_born(to, side, cents, qty, carried);
        oct_match_md(w.m, &m);
        return;
    }
    if (r->hi == r->lo)
        rec_gone(i);
}

static void rec_hidden(void)
{
    struct oct_md m = md(OCT_MD_TRADE, 0);
    uint32_t n = 1 + below(200);
    m.qty = oct_qty_from_shares(n);
    m.px.v = price() * (OCT_PX_ONE / 100);
    w.event_sz = n;
    oct_match_md(w.m, &m);
}

static void own_enter(void)
{
    if (w.own_cnt + 1 >= OWN_MAX)
        return;
    uint32_t id = ++w.own_cnt;
    struct own *o = &w.own[id];
    *o = (struct own){.asked = 1 + below(400),
                      .limit_cents = price(),
                      .side = below(2),
                      .market = below(20) == 0,
                      .ahead = INT64_MAX};
    struct oct_match_order mo = {.id = id,
                                 .inst = 1,
                                 .group = below(3),
                                 .px = {o->limit_cents * (OCT_PX_ONE / 100)},
                                 .qty = oct_qty_from_shares(o->asked),
                                 .side = (uint8_t)o->side,
                                 .market = o->market,
                                 .ioc = below(4) == 0,
                                 .post_only = below(8) == 0,
                                 .hidden = below(8) == 0};
    if (below(6) == 0)
        mo.min_qty = oct_qty_from_shares(1 + below(o->asked));
    w.event_ref = 0;
    w.event_sz = w.event_used = 0;
    cr_assert_eq(oct_match_enter(w.m, &mo), 0);
}

static void own_change(void)
{
    if (w.own_cnt == 0)
        return;
    uint32_t id = 1 + below(w.own_cnt);
    if (below(3) == 0) {
        struct oct_match_view v;
        if (oct_match_order(w.m, id, &v) && oct_match_remove(w.m, id) == 0)
            w.own[id].cancelled += shares(v.open);
        return;
    }
    oct_match_reduce(w.m, id, oct_qty_from_shares(1 + below(200)), OCT_MATCH_BY_USER);
}

/* What rests agrees with what was told, and nobody's queue has grown. */
static void check(void)
{
    uint32_t resting = 0;
    for (uint32_t id = 1; id <= w.own_cnt; id++) {
        struct own *o = &w.own[id];
        struct oct_match_view v;
        uint32_t open = o->asked - o->filled - o->cancelled - o->decremented;
        bool rests = oct_match_order(w.m, id, &v);
        cr_assert_eq(rests, open > 0, "order %u", id);
        if (!rests)
            continue;
        resting++;
        cr_assert_eq(shares(v.open), open);
        cr_assert_geq(v.ahead.v, 0);
        cr_assert_leq(v.ahead.v, o->ahead, "the queue ahead of %u grew", id);
        o->ahead = v.ahead.v;
    }
    cr_assert_eq(oct_match_order_cnt(w.m), resting);
}

static void run(uint64_t seed)
{
    memset(&w, 0, sizeof w);
    struct oct_match_cfg cfg = {
        .books = {.inst_cnt = 2, .order_cnt_max = REC_MAX, .level_cnt_max = 4096, .seed = seed},
        .order_cnt_max = OWN_MAX,
        .ledger_cnt_max = seed % 3 == 0 ? 300 : REC_MAX, /* sometimes a ledger that gets full */
        .self = (enum oct_match_self)(seed % 4),
        .first_match_id = 1};
    w.mem = aligned_alloc(128, oct_align_up(oct_match_footprint(&cfg), 128));
    w.m = oct_match_new(w.mem, &cfg, on_event, NULL);
    oct_rng_init(&w.rng, seed);
    for (uint32_t i = 0; i < STEP_CNT; i++) {
        uint32_t k = below(100);
        if (k < 40)
            rec_add();
        else if (k < 75)
            rec_touch();
        else if (k < 78)
            rec_hidden();
        else if (k < 92)
            own_enter();
        else
            own_change();
        if (i % 16 == 0)
            check();
    }
    oct_match_close(w.m, OCT_MATCH_CLOSED);
    check();
    const struct oct_match_stats *s = oct_match_stats(w.m);
    cr_assert_eq(oct_match_order_cnt(w.m), 0);
    cr_assert_eq(s->filled, w.fills * (uint64_t)OCT_QTY_ONE, "our fills are the venue's");
    cr_assert_eq(s->own_filled, w.own_fills * (uint64_t)OCT_QTY_ONE);
    cr_assert_eq(s->unknown_ref, 0);
    cr_assert_gt(w.fills, 10000, "seed %lu filled only %lu shares", seed, w.fills);
    for (uint32_t i = 0; i < w.live_cnt; i++) /* the ledger agrees, order by order */
        cr_assert_eq(shares(oct_match_taken(w.m, w.live[i])), marked(&w.rec[w.live[i]]));
    free(w.mem);
}

Test(conservation, no_recorded_share_fills_twice_and_no_queue_grows, .timeout = 120)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        run(seed);
}
