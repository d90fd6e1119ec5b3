#include "tests/unit/match/rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define CENT (OCT_PX_ONE / 100)

static void listen_to(void *ctx, const struct oct_match_event *ev)
{
    struct rig *r = ctx;
    cr_assert_lt(r->ev_cnt, RIG_EVENT_MAX);
    r->ev[r->ev_cnt++] = *ev;
}

static struct rig *current; /* the sink's context must not move: see rig_new */

static void relay(void *ctx, const struct oct_match_event *ev)
{
    (void)ctx;
    listen_to(current, ev);
}

struct rig rig_new(enum oct_match_self self)
{
    struct oct_match_cfg cfg = {
        .books = {.inst_cnt = 16, .order_cnt_max = 4096, .level_cnt_max = 4096, .seed = 11},
        .order_cnt_max = 256,
        .ledger_cnt_max = 4096,
        .self = self,
        .first_match_id = 1};
    struct rig r = {0};
    size_t sz = oct_match_footprint(&cfg);
    cr_assert_gt(sz, 0);
    r.mem = aligned_alloc(128, oct_align_up(sz, 128));
    r.m = oct_match_new(r.mem, &cfg, relay, NULL);
    cr_assert_not_null(r.m);
    return r;
}

void rig_delete(struct rig *r)
{
    free(r->mem);
}

static struct oct_md md(enum oct_md_kind kind)
{
    return (struct oct_md){OCT_MSG_HDR(MD, md), .kind = (uint8_t)kind, .inst = RIG_INST};
}

static void play(struct rig *r, const struct oct_md *m)
{
    current = r;
    oct_match_md(r->m, m);
}

void rec_add(struct rig *r, uint64_t ref, enum oct_side side, uint32_t shares, int64_t cents)
{
    struct oct_md m = md(OCT_MD_ADD);
    m.ref = ref;
    m.side = (uint8_t)side;
    m.qty = oct_qty_from_shares(shares);
    m.px.v = cents * CENT;
    play(r, &m);
}

void rec_exec(struct rig *r, uint64_t ref, uint32_t shares)
{
    struct oct_md m = md(OCT_MD_EXEC);
    m.ref = ref;
    m.qty = oct_qty_from_shares(shares);
    play(r, &m);
}

void rec_exec_at(struct rig *r, uint64_t ref, uint32_t shares, int64_t cents)
{
    struct oct_md m = md(OCT_MD_EXEC_PX);
    m.ref = ref;
    m.qty = oct_qty_from_shares(shares);
    m.px.v = cents * CENT;
    play(r, &m);
}

void rec_cancel(struct rig *r, uint64_t ref, uint32_t shares)
{
    struct oct_md m = md(OCT_MD_REDUCE);
    m.ref = ref;
    m.qty = oct_qty_from_shares(shares);
    play(r, &m);
}

void rec_delete(struct rig *r, uint64_t ref)
{
    struct oct_md m = md(OCT_MD_DELETE);
    m.ref = ref;
    play(r, &m);
}

void rec_replace(struct rig *r, uint64_t ref, uint64_t new_ref, uint32_t shares, int64_t cents)
{
    struct oct_md m = md(OCT_MD_REPLACE);
    m.ref = ref;
    m.ref2 = new_ref;
    m.qty = oct_qty_from_shares(shares);
    m.px.v = cents * CENT;
    play(r, &m);
}

void rec_hidden(struct rig *r, uint32_t shares, int64_t cents)
{
    struct oct_md m = md(OCT_MD_TRADE);
    m.qty = oct_qty_from_shares(shares);
    m.px.v = cents * CENT;
    play(r, &m);
}

void rec_state(struct rig *r, char state)
{
    struct oct_md m = md(OCT_MD_TRADING);
    m.code = state;
    play(r, &m);
}

int enter(struct rig *r, struct rig_order o)
{
    struct oct_match_order mo = {.id = o.id,
                                 .inst = RIG_INST,
                                 .group = o.group,
                                 .px = {o.cents * CENT},
                                 .qty = oct_qty_from_shares(o.shares),
                                 .min_qty = oct_qty_from_shares(o.min),
                                 .side = (uint8_t)o.side,
                                 .market = o.cents == 0,
                                 .ioc = o.ioc,
                                 .post_only = o.post_only,
                                 .hidden = o.hidden};
    current = r;
    return oct_match_enter(r->m, &mo);
}

static const struct oct_match_event *next(struct rig *r)
{
    cr_assert_lt(r->read, r->ev_cnt, "nothing happened");
    return &r->ev[r->read++];
}

void filled(struct rig *r, uint64_t id, uint32_t shares, int64_t cents, bool added)
{
    const struct oct_match_event *e = next(r);
    cr_assert_eq(e->kind, OCT_MATCH_FILL, "event %u is no fill but %u", r->read, e->kind);
    cr_expect_eq(e->id, id, "fill of %lu, not %lu", e->id, id);
    cr_expect_eq(e->qty.v, shares * OCT_QTY_ONE, "order %lu filled %ld, not %u", id,
                 e->qty.v / OCT_QTY_ONE, shares);
    cr_expect_eq(e->px.v, cents * CENT, "order %lu filled at %ld, not %ld", id, e->px.v / CENT,
                 cents);
    cr_expect_eq(e->added, added);
}

void cancelled(struct rig *r, uint64_t id, uint32_t shares, enum oct_match_reason why)
{
    const struct oct_match_event *e = next(r);
    cr_assert_eq(e->kind, OCT_MATCH_CANCEL, "event %u is no cancel but %u", r->read, e->kind);
    cr_expect_eq(e->id, id);
    cr_expect_eq(e->qty.v, shares * OCT_QTY_ONE, "%ld cancelled, not %u", e->qty.v / OCT_QTY_ONE,
                 shares);
    cr_expect_eq(e->reason, why, "reason %u, not %u", e->reason, why);
}

void self_matched(struct rig *r, uint64_t id, uint32_t shares, uint32_t prevented)
{
    const struct oct_match_event *e = next(r);
    cr_assert_eq(e->kind, OCT_MATCH_SELF);
    cr_expect_eq(e->id, id);
    cr_expect_eq(e->qty.v, shares * OCT_QTY_ONE);
    cr_expect_eq(e->prevented.v, prevented * OCT_QTY_ONE);
}

void nothing_more(struct rig *r)
{
    cr_expect_eq(r->read, r->ev_cnt, "%u more events, the next of kind %u", r->ev_cnt - r->read,
                 r->read < r->ev_cnt ? r->ev[r->read].kind : 0);
}

void rests(struct rig *r, uint64_t id, uint32_t open, uint32_t ahead)
{
    struct oct_match_view v;
    cr_assert(oct_match_order(r->m, id, &v), "order %lu does not rest", id);
    cr_expect_eq(v.open.v, open * OCT_QTY_ONE, "open %ld, not %u", v.open.v / OCT_QTY_ONE, open);
    cr_expect_eq(v.ahead.v, ahead * OCT_QTY_ONE, "ahead %ld, not %u", v.ahead.v / OCT_QTY_ONE,
                 ahead);
}

void gone(struct rig *r, uint64_t id)
{
    struct oct_match_view v;
    cr_expect_not(oct_match_order(r->m, id, &v), "order %lu still rests", id);
}
