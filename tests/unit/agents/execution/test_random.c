/* Random venues, losses and crashes: exposure is never below the truth, and in the end both sides
 * agree to the share.  A failure names its seed. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/agents/execution/rig.h"
#include "tests/unit/agents/execution/venue_model.h"

#define JOURNAL_MAX (1u << 22)

struct world {
    struct rig *r;
    struct vm venue;
    struct oct_rng rng;
    uint64_t seed;
    bool connected;
    uint32_t delivered; /* sequenced messages that reached us on this connection */
    struct {
        uint64_t order_id;
        uint8_t action;
    } failed[256];
    uint32_t failed_cnt;
    uint32_t chain_of[VM_ORDERS]; /* by ref: ref of the first of the chain */
    /* The journal: records back to back. */
    uint8_t *journal;
    size_t journal_sz;
    size_t durable_sz; /* what is on disk for sure */
    size_t mark_at;    /* end of the newest mark record, 0 when durable */
    uint64_t mark;
    uint32_t crashes;
    uint32_t tail_questions; /* not on disk yet */
};

static void write_journal(struct world *w, const struct oct_msg_hdr *m)
{
    if (w->journal_sz + m->sz > JOURNAL_MAX)
        abort();
    memcpy(w->journal + w->journal_sz, m, m->sz);
    w->journal_sz += m->sz;
}

static void on_rec(struct rig *r, const struct oct_msg_hdr *m)
{
    struct world *w = r->self;

    write_journal(w, m);
    if (m->type == OCT_ORDER && ((const struct oct_order *)m)->action == OCT_ACTION_ACCOUNT_QUERY &&
        ++w->tail_questions == 4)
        w->durable_sz = w->journal_sz, w->tail_questions = 0;
    if (m->type == OCT_MARK) {
        w->mark_at = w->journal_sz;
        w->mark = ((const struct oct_mark *)m)->mark;
    }
}

static void on_tx(struct rig *r, const struct oct_order *o)
{
    struct world *w = r->self;

    if (o->action == OCT_ACTION_NEW)
        w->chain_of[o->user_ref] = o->user_ref;
    else if (o->action == OCT_ACTION_REPLACE)
        w->chain_of[o->user_ref] = w->chain_of[o->orig_user_ref];
    if (!w->connected || oct_rng_below(&w->rng, 100) < 3) {
        w->failed[w->failed_cnt].order_id = o->order_id;
        w->failed[w->failed_cnt++].action = oct_rng_below(&w->rng, 2) ? o->action : 0;
        return;
    }
    vm_send(&w->venue, o);
}

/* Any input: journaled before it is taken. */
static void input(struct world *w, struct oct_msg_hdr *m)
{
    m->input = w->r->input + 1;
    write_journal(w, m);
    rig_msg(w->r, m);
}

static void failures(struct world *w)
{
    while (w->failed_cnt) {
        struct {
            struct oct_in_venue m;
            uint8_t data[8];
        } m = {.m = {OCT_MSG_HDR(IN_VENUE, in_venue), .event = OCT_VENUE_SEND_FAILED}};
        m.m.seq = w->failed[0].order_id;
        m.data[0] = w->failed[0].action;
        m.m.data_sz = m.data[0] != 0;
        m.m.hdr.sz = sizeof m;
        memmove(w->failed, w->failed + 1, sizeof w->failed[0] * --w->failed_cnt);
        input(w, &m.m.hdr);
    }
}

static void session(struct world *w, enum oct_venue_event event, uint64_t seq)
{
    struct oct_in_venue m = {OCT_MSG_HDR(IN_VENUE, in_venue), .event = (uint8_t)event, .seq = seq};

    input(w, &m.hdr);
}

static void lose(struct world *w)
{
    if (!w->connected)
        return;
    w->connected = false;
    vm_drop_wire(&w->venue);
    session(w, OCT_VENUE_LOST, 0);
}

static void log_in(struct world *w, uint64_t next_seq)
{
    if (w->connected)
        return;
    w->connected = true;
    w->delivered = (uint32_t)(next_seq - 1);
    session(w, OCT_VENUE_LOGGED_IN, next_seq);
}

static bool deliver(struct world *w)
{
    if (!w->connected || w->delivered == w->venue.out_cnt)
        return false;
    struct oct_ven v = w->venue.out[w->delivered++];
    /* The journal has the message; only an account answer must be readable in it. */
    struct {
        struct oct_in_venue m;
        uint8_t data[16];
    } rec = {.m = {OCT_MSG_HDR(IN_VENUE, in_venue), .event = OCT_VENUE_DATA, .seq = v.seq,
                   .data_sz = 13}};
    rec.m.hdr.sz = sizeof rec;
    rec.m.hdr.input = w->r->input + 1;
    rec.data[0] = v.event == OCT_VEN_ACCOUNT ? 'Q' : 'P';
    write_journal(w, &rec.m.hdr);
    rig_say(w->r, &v);
    return true;
}

static void flush_mark(struct world *w)
{
    w->durable_sz = w->journal_sz;
    w->tail_questions = 0;
    if (!w->mark_at)
        return;
    w->mark_at = 0;
    struct oct_in_mark m = {OCT_MSG_HDR(IN_MARK, in_mark), .mark = w->mark};
    input(w, &m.hdr);
}

static void build(struct world *w)
{
    struct rig *r = rig_bare();

    r->cfg.order_cnt_max = 40;
    r->cfg.fill_cnt_max = 8192;
    r->cfg.mark_block = 16;
    r->cfg.cancel_on_disconnect = w->seed % 4 == 3;
    r->self = w;
    r->on_rec = on_rec;
    r->on_tx = on_tx;
    rig_build(r);
    if (w->r) {
        r->input = w->r->input;
        r->intent_id = w->r->intent_id;
        r->step.now_ns = w->r->step.now_ns;
        rig_free(w->r);
    }
    w->r = r;
}

static void start(struct world *w, bool recovered)
{
    struct oct_in_start m = {OCT_MSG_HDR(IN_START, in_start), .run_id = 42 + w->crashes,
                             .midnight_ns = INT64_C(1577682000) * 1000000000,
                             .mark = oct_execution_mark(w->r->x), .recovered = recovered};

    oct_approver_init(&w->r->approver, m.run_id);
    input(w, &m.hdr);
}

/* The process dies; of the journal, anything after what is surely on disk may be gone. */
static void crash(struct world *w)
{
    size_t at = 0, cut = w->durable_sz + oct_rng_below(&w->rng, w->journal_sz - w->durable_sz + 1);
    uint64_t inputs = 0;

    w->connected = false;
    vm_drop_wire(&w->venue);
    w->failed_cnt = 0;
    w->crashes++;
    build(w);
    while (at < w->journal_sz) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(w->journal + at);
        if (at + m->sz > cut)
            break;
        at += m->sz;
        oct_execution_recover(w->r->x, m);
        inputs = m->input > inputs ? m->input : inputs;
    }
    w->journal_sz = at;
    w->durable_sz = at;
    w->tail_questions = 0;
    w->mark_at = 0;
    w->r->input = inputs; /* numbers go on after the last that is known */
    start(w, true);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static void check_one(void *arg, const struct oct_order_view *o)
{
    struct world *w = arg;

    cr_assert(o->open.v >= 0 && o->filled.v >= 0, "seed %lu", w->seed);
    if (o->open.v == 0)
        return; /* a replacement in flight may ask for less than has been filled since */
    cr_assert_leq(o->filled.v + o->open.v, o->qty.v,
                  "seed %lu: order %u: %ld + %ld of %ld, state %u", w->seed, o->user_ref,
                  (long)o->filled.v, (long)o->open.v, (long)o->qty.v, o->state);
}

static bool ready(struct world *w)
{
    struct oct_intent i = rig_intent(w->r, OCT_ACTION_NEW, OCT_BUY, 10, 100);
    uint64_t id;

    return oct_execution_ready(w->r->x, &i, &id) != OCT_RISK_SESSION;
}

struct sums {
    struct world *w;
    int64_t open[VM_ORDERS];   /* by chain */
    int64_t filled[VM_ORDERS]; /* by chain: the most any of its orders says */
    bool known[VM_ORDERS];     /* by ref */
};

static void sum_up(struct world *w, struct sums *s)
{
    memset(s, 0, sizeof *s);
    for (uint32_t ref = 1; ref < VM_ORDERS; ref++) {
        const struct vm_order *v = &w->venue.orders[ref];
        struct oct_order_view o;
        uint32_t c = w->chain_of[ref];
        if (!v->order_id || !oct_execution_order(w->r->x, v->order_id, &o))
            continue;
        s->known[ref] = true;
        s->open[c] += o.open.v / OCT_QTY_ONE;
        if (o.filled.v / OCT_QTY_ONE > s->filled[c])
            s->filled[c] = o.filled.v / OCT_QTY_ONE;
    }
}

/* What a chain may still come to, as we see it, is at least what it may come to at the venue. */
static void check(struct world *w)
{
    static struct sums s;

    oct_execution_each(w->r->x, check_one, w);
    sum_up(w, &s);
    for (uint32_t ref = 1; ref <= w->venue.max_ref; ref++) {
        const struct vm_order *v = &w->venue.orders[ref];
        uint32_t c = v->chain;
        if (!v->live)
            continue;
        if (!s.known[ref]) {
            /* its record was lost in a crash: it must be back once the session is ready */
            cr_assert(!ready(w), "seed %lu: order %u is live and unknown", w->seed, ref);
            continue;
        }
        cr_assert_geq(s.filled[c] + s.open[c], vm_executed(&w->venue, c) + v->open,
                      "seed %lu: order %u", w->seed, ref);
    }
}

/* Net fills in the journal, by order. */
static void check_journal(struct world *w)
{
    static int64_t net[VM_ORDERS], truth[VM_ORDERS];

    memset(net, 0, sizeof net);
    memset(truth, 0, sizeof truth);
    for (size_t at = 0; at < w->journal_sz;) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(w->journal + at);
        at += m->sz;
        if (m->type != OCT_FILL)
            continue;
        const struct oct_fill *f = (const struct oct_fill *)m;
        net[f->user_ref] += f->broken ? -f->qty.v : f->qty.v;
    }
    for (uint32_t i = 0; i < w->venue.exec_cnt; i++)
        if (!w->venue.execs[i].broken)
            truth[w->venue.execs[i].ref] += w->venue.execs[i].qty * OCT_QTY_ONE;
    for (uint32_t ref = 1; ref < VM_ORDERS; ref++)
        cr_assert_eq(net[ref], truth[ref], "seed %lu: fills of order %u: %ld, truly %ld", w->seed,
                     ref, (long)(net[ref] / OCT_QTY_ONE), (long)(truth[ref] / OCT_QTY_ONE));
}

/* An order that was never sent, whose failure was cut off the journal, while later numbers were
 * used: nobody but the venue can tell.  A person asks, and closes it. */
static void reconcile(struct world *w)
{
    cr_assert(w->crashes > 0 || rig_counter(w->r, OCT_EXECUTION_UNKNOWN_NOW) == 0, "seed %lu",
              w->seed);
    for (uint32_t ref = 1; ref < VM_ORDERS; ref++) {
        struct oct_order_view o;
        uint64_t id = UINT64_C(0x0100375400000000) | ref;
        if (!oct_execution_order(w->r->x, id, &o) || o.state != OCT_ORD_STATE_UNKNOWN)
            continue;
        cr_assert_eq(w->venue.orders[ref].order_id, 0, "seed %lu: the venue answered %u", w->seed,
                     ref);
        struct oct_in_cmd m = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = OCT_CMD_RECONCILE,
                               .order_id = id};
        input(w, &m.hdr);
    }
}

static void check_end(struct world *w)
{
    static struct sums s;

    cr_assert_eq(w->venue.reused, 0, "seed %lu: a number was used twice", w->seed);
    cr_assert_eq(rig_counter(w->r, OCT_EXECUTION_UNKNOWN_NOW), 0, "seed %lu", w->seed);
    cr_assert_eq(rig_counter(w->r, OCT_EXECUTION_GAPS), 0, "seed %lu", w->seed);
    cr_assert_eq(rig_counter(w->r, OCT_EXECUTION_OVERFILLS), 0, "seed %lu", w->seed);
    sum_up(w, &s);
    for (uint32_t c = 1; c <= w->venue.max_ref; c++)
        if (w->chain_of[c] == c)
            cr_assert_eq(s.open[c], vm_open(&w->venue, c), "seed %lu: chain %u: %ld, truly %ld",
                         w->seed, c, (long)s.open[c], (long)vm_open(&w->venue, c));
    check_journal(w);
}

/* ---- doing things ---------------------------------------------------------------------------- */

static uint64_t any_order(struct world *w)
{
    struct vm_order *v = &w->venue.orders[1 + oct_rng_below(&w->rng, w->venue.max_ref + 1)];
    struct oct_order_view o;

    return v->order_id && oct_execution_order(w->r->x, v->order_id, &o) ? v->order_id : 0;
}

static void submit(struct world *w)
{
    uint64_t pick = oct_rng_below(&w->rng, 10), id = any_order(w);
    int64_t qty = 1 + (int64_t)oct_rng_below(&w->rng, 500);

    if (w->venue.max_ref > VM_ORDERS - 200)
        return;
    if (pick < 4 || id == 0)
        rig_buy(w->r, 10, qty);
    else if (pick < 7)
        rig_replace(w->r, id, 11, qty);
    else if (pick < 8)
        rig_reduce(w->r, id, qty);
    else
        rig_cancel(w->r, id);
}

static void act(struct world *w)
{
    uint64_t pick = oct_rng_below(&w->rng, 1000);

    if (pick < 250)
        submit(w);
    else if (pick < 500)
        vm_process(&w->venue);
    else if (pick < 600)
        vm_event(&w->venue);
    else if (pick < 900)
        deliver(w);
    else if (pick < 960)
        flush_mark(w);
    else if (pick < 970)
        rig_time(w->r, 500);
    else if (pick < 975)
        lose(w);
    else if (pick < 995)
        log_in(w, oct_execution_next_seq(w->r->x));
    else if (w->seed % 2)
        crash(w);
    failures(w);
}

/* Lets everything in flight arrive. */
static void finish(struct world *w)
{
    log_in(w, oct_execution_next_seq(w->r->x));
    for (int i = 0; i < 5000; i++) {
        bool any = vm_process(&w->venue);
        any |= deliver(w);
        flush_mark(w);
        failures(w);
        rig_time(w->r, 2000);
        if (!any && w->failed_cnt == 0 && i > 20)
            break;
    }
    cr_assert(ready(w), "seed %lu: not ready in the end", w->seed);
}

static void play(uint64_t seed, int steps)
{
    struct world *w = calloc(1, sizeof *w);

    w->seed = seed;
    w->journal = malloc(JOURNAL_MAX);
    oct_rng_init(&w->rng, seed ^ 0x5eed);
    vm_init(&w->venue, seed);
    build(w);
    start(w, false);
    flush_mark(w);
    log_in(w, 1);
    for (int i = 0; i < steps; i++) {
        act(w);
        check(w);
    }
    finish(w);
    reconcile(w);
    check(w);
    check_end(w);
    rig_free(w->r);
    free(w->journal);
    free(w);
}

Test(random, exposure_is_never_below_the_truth_and_both_sides_agree_in_the_end)
{
    const char *only = getenv("OCT_SEED");

    if (only) {
        play(strtoull(only, NULL, 10), 1500);
        return;
    }
    const char *more = getenv("OCT_SEEDS");
    uint64_t cnt = more ? strtoull(more, NULL, 10) : 60;
    for (uint64_t seed = 1; seed <= cnt; seed++)
        play(seed, 1500);
}
