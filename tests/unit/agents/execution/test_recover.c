/* Recovery: journaled records are facts, cut off wherever the journal ends. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/agents/execution/rig.h"

#define JOURNAL_MAX 65536u

static struct rig *r;
static _Alignas(8) uint8_t journal[JOURNAL_MAX];
static size_t journal_sz;

static void keep(struct rig *rig, const struct oct_msg_hdr *m)
{
    (void)rig;
    cr_assert_lt(journal_sz + m->sz, JOURNAL_MAX);
    memcpy(journal + journal_sz, m, m->sz);
    journal_sz += m->sz;
}

static void up(void)
{
    journal_sz = 0;
    r = rig_bare();
    r->on_rec = keep;
    rig_build(r);
    rig_start(r, 0, false);
    rig_mark(r, oct_execution_mark(r->x));
    rig_log_in(r, 1);
}

static void down(void)
{
    rig_free(r);
}

TestSuite(recover, .init = up, .fini = down);

/* A message of the venue, journaled as the lane does it, then taken. */
static void hear(struct oct_ven v)
{
    struct oct_in_venue m = {OCT_MSG_HDR(IN_VENUE, in_venue), .event = OCT_VENUE_DATA,
                             .seq = v.seq};

    m.hdr.input = r->input + 1;
    keep(r, &m.hdr);
    rig_say(r, &v);
}

static struct oct_ven accepted(uint64_t id)
{
    struct oct_order_view o = rig_view(r, id);
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, rig_ref(id));

    v.order_id = id;
    v.side = o.side;
    v.px = o.px;
    v.qty = o.qty;
    return v;
}

static struct oct_ven executed(uint64_t id, int64_t qty, uint64_t match)
{
    struct oct_ven v = rig_ven(r, OCT_VEN_EXECUTED, rig_ref(id));

    v.px = PX(10);
    v.qty = SH(qty);
    v.match_id = match;
    return v;
}

/* A new process on what is left of the journal: the first sz bytes. */
static void restart(size_t sz)
{
    struct rig *b = rig_bare();

    rig_build(b);
    for (size_t at = 0; at < sz;) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(journal + at);
        if (at + m->sz > sz)
            break;
        oct_execution_recover(b->x, m);
        at += m->sz;
    }
    b->seq = r->seq;
    b->input = r->input;
    rig_free(r);
    r = b;
    rig_start(r, oct_execution_mark(r->x), true);
}

/* Where the n-th newest record of a type begins. */
static size_t start_of(uint16_t type, int n)
{
    size_t found[256];
    int cnt = 0;

    for (size_t at = 0; at < journal_sz;) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(journal + at);
        if (m->type == type && cnt < 256)
            found[cnt++] = at;
        at += m->sz;
    }
    cr_assert_gt(cnt, n);
    return found[cnt - 1 - n];
}

#define STATE(id, s) \
    cr_assert_eq(rig_view(r, id).state, OCT_ORD_STATE_##s, "state %u", rig_view(r, id).state)
#define OPEN(id, n) cr_assert_eq(rig_view(r, id).open.v, SH(n).v)

Test(recover, orders_come_back_as_they_were_and_those_in_flight_are_unknown)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 200), c = rig_buy(r, 10, 300);

    hear(accepted(a));
    hear(executed(a, 40, 1));
    hear(accepted(b));
    hear(executed(b, 200, 2));
    restart(journal_sz);
    STATE(a, WORKING);
    OPEN(a, 60);
    STATE(b, FILLED);
    STATE(c, UNKNOWN);
    OPEN(c, 300);
    cr_assert_eq(r->tx_cnt, 0, "recovery sends nothing");
    cr_assert_eq(rig_last(r, OCT_ORDER_UPDATE, 0)->update.order_id, c);
    rig_log_in(r, 3);
    STATE(c, CLOSED);
    rig_mark(r, oct_execution_mark(r->x));
    cr_assert_geq(rig_ref(rig_buy(r, 10, 100)), 1001, "above the mark of the run before");
}

Test(recover, fills_come_back_so_that_a_break_is_attributed)
{
    uint64_t a = rig_buy(r, 10, 100);

    hear(accepted(a));
    hear(executed(a, 40, 7));
    hear(accepted(rig_buy(r, 10, 100)));
    restart(journal_sz);
    rig_log_in(r, 3);
    struct oct_ven v = rig_ven(r, OCT_VEN_BROKEN, 1);
    v.match_id = 7;
    rig_say(r, &v);
    cr_assert_eq(rig_last(r, OCT_FILL, 0)->fill.broken, 1);
    cr_assert_eq(rig_last(r, OCT_FILL, 0)->fill.qty.v, SH(40).v);
    cr_assert_eq(rig_view(r, a).filled.v, 0);
}

Test(recover, last_message_is_asked_for_again_and_nothing_of_it_is_decided_twice)
{
    /* The journal may end before the fill, between fill and update, or after both. */
    for (int cut = 0; cut < 3; cut++) {
        if (cut) {
            down();
            up();
        }
        uint64_t a = rig_buy(r, 10, 100);
        hear(accepted(a));
        struct oct_ven v = executed(a, 40, 7);
        hear(v);
        size_t sz = cut == 0   ? start_of(OCT_FILL, 0)
                    : cut == 1 ? start_of(OCT_ORDER_UPDATE, 0)
                               : journal_sz;
        restart(sz);
        cr_assert_eq(oct_execution_next_seq(r->x), v.seq);
        uint64_t recs = r->rec_cnt;
        rig_session(r, OCT_VENUE_LOGGED_IN, v.seq);
        rig_say(r, &v);
        OPEN(a, 60);
        cr_assert_eq(rig_view(r, a).filled.v, SH(40).v);
        uint32_t fills = 0, updates = 0;
        for (uint64_t i = recs; i < r->rec_cnt; i++) {
            fills += r->recs[i].hdr.type == OCT_FILL;
            updates += r->recs[i].hdr.type == OCT_ORDER_UPDATE;
        }
        cr_assert_eq(fills, cut == 0, "cut %d: %u fills", cut, fills);
        cr_assert_eq(updates, cut != 2, "cut %d: %u updates", cut, updates);
        rig_say(r, &v);
        cr_assert_eq(rig_counter(r, OCT_EXECUTION_DUPLICATES), 1);
    }
}

Test(recover, replacement_cut_between_its_two_updates_is_completed)
{
    uint64_t a = rig_buy(r, 10, 100);
    hear(accepted(a));
    uint64_t a2 = rig_replace(r, a, 11, 300);
    struct oct_ven v = rig_ven(r, OCT_VEN_REPLACED, rig_ref(a2));
    v.orig_user_ref = rig_ref(a);
    v.order_id = a2;
    v.qty = SH(300);
    v.px = PX(11);
    hear(v);
    restart(start_of(OCT_ORDER_UPDATE, 0)); /* the old order's update is missing */
    STATE(a2, WORKING);
    OPEN(a2, 300);
    rig_session(r, OCT_VENUE_LOGGED_IN, v.seq);
    rig_say(r, &v);
    STATE(a, CLOSED);
    STATE(a2, WORKING);
    OPEN(a2, 300);
}

Test(recover, replacement_whose_end_was_not_told_ends_with_its_order)
{
    uint64_t a = rig_buy(r, 10, 100);
    hear(accepted(a));
    uint64_t a2 = rig_replace(r, a, 11, 300);
    hear(executed(a, 100, 1));
    restart(start_of(OCT_ORDER_UPDATE, 0)); /* the replacement's */
    STATE(a, FILLED);
    STATE(a2, CLOSED);
    OPEN(a2, 0);
    cr_assert_eq(rig_last(r, OCT_ORDER_UPDATE, 0)->update.order_id, a2);
    cr_assert_eq(rig_last(r, OCT_ORDER_UPDATE, 0)->update.state, OCT_ORD_STATE_CLOSED);
}

Test(recover, order_whose_record_is_lost_comes_back_in_the_venues_replay)
{
    uint64_t a = rig_buy(r, 10, 100);
    size_t sz = start_of(OCT_ORDER, 0);
    struct oct_ven v = accepted(a);

    memcpy(v.symbol.c, "CCC     ", 8);
    restart(sz);
    rig_session(r, OCT_VENUE_LOGGED_IN, v.seq);
    rig_say(r, &v);
    STATE(a, WORKING);
    OPEN(a, 100);
    cr_assert_eq(rig_counter(r, OCT_EXECUTION_ADOPTED), 1);
    cr_assert_eq(rig_last(r, OCT_ORDER_UPDATE, 0)->update.inst, 2);
}

Test(recover, cancel_in_flight_is_repeated_after_login)
{
    uint64_t a = rig_buy(r, 10, 100);
    hear(accepted(a));
    rig_cancel(r, a);
    hear(accepted(rig_buy(r, 10, 100)));
    restart(journal_sz);
    STATE(a, CANCEL_PENDING);
    rig_log_in(r, 3);
    cr_assert_eq(rig_tx(r, 0)->action, OCT_ACTION_CANCEL);
    cr_assert_eq(rig_tx(r, 0)->order_id, a);
}

Test(recover, records_that_make_no_sense_are_ignored)
{
    struct oct_order o = {OCT_MSG_HDR(ORDER, order), .action = OCT_ACTION_NEW};
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update), .order_id = 77,
                                 .user_ref = 78, .state = OCT_ORD_STATE_WORKING};
    uint64_t digest = oct_execution_digest(r->x);

    oct_execution_recover(r->x, &o.hdr); /* no id, no number */
    o.action = OCT_ACTION_CANCEL;
    o.order_id = 12345;
    oct_execution_recover(r->x, &o.hdr);
    oct_execution_recover(r->x, &u.hdr); /* id and number disagree */
    u.order_id = 78;
    u.state = OCT_ORD_STATE_REJECTED;
    oct_execution_recover(r->x, &u.hdr); /* a refusal */
    cr_assert_eq(oct_execution_digest(r->x), digest);
}

Test(recover, quantities_that_no_order_has_are_ignored)
{
    uint64_t a = rig_buy(r, 10, 100);
    uint64_t digest = oct_execution_digest(r->x);
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update), .order_id = a,
                                 .user_ref = (uint32_t)a, .event = OCT_VEN_AIQ_CANCELED,
                                 .state = OCT_ORD_STATE_WORKING};
    struct oct_order o = {OCT_MSG_HDR(ORDER, order), .action = OCT_ACTION_NEW, .order_id = a + 1,
                          .user_ref = (uint32_t)a + 1, .qty = {INT64_MIN}};

    u.open.v = INT64_MIN; /* what the venue took off would not fit 64 bits */
    oct_execution_recover(r->x, &u.hdr);
    u.open.v = 0;
    u.filled.v = INT64_MAX;
    oct_execution_recover(r->x, &u.hdr);
    oct_execution_recover(r->x, &o.hdr);
    cr_assert_eq(oct_execution_digest(r->x), digest);
}

struct list {
    uint64_t ids[16];
    uint32_t cnt;
};

static void collect(void *arg, const struct oct_order_view *o)
{
    struct list *l = arg;

    l->ids[l->cnt++] = o->order_id;
}

Test(recover, each_visits_what_is_not_terminal)
{
    uint64_t a = rig_buy(r, 10, 100), b = rig_buy(r, 10, 100), c = rig_buy(r, 10, 100);
    struct list l = {.cnt = 0};

    hear(accepted(b));
    hear(executed(b, 100, 1));
    oct_execution_each(r->x, collect, &l);
    cr_assert_eq(l.cnt, 2);
    cr_assert_eq(l.ids[0], a);
    cr_assert_eq(l.ids[1], c);
}
