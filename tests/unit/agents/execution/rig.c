#include "tests/unit/agents/execution/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/venue/ouch50.h"

static void fail(const char *what)
{
    fprintf(stderr, "rig: %s\n", what);
    abort();
}

static void on_emit(void *self, const struct oct_msg_hdr *m)
{
    struct rig *r = self;

    if (m->sz > sizeof r->recs[0])
        fail("unexpected record");
    memcpy(&r->recs[r->rec_cnt++ % RIG_RECS], m, m->sz);
    if (r->on_rec)
        r->on_rec(r, m);
}

static void on_tx(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct rig *r = self;

    (void)step;
    r->tx[r->tx_cnt++ % RIG_RECS] = *(const struct oct_order *)m;
    if (r->on_tx)
        r->on_tx(r, (const struct oct_order *)m);
}

static void on_risk(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    (void)step;
    (void)m;
    ((struct rig *)self)->risk_cnt++;
}

static void on_strategy(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct rig *r = self;

    (void)step;
    r->strategy_cnt++;
    if (r->on_strategy)
        r->on_strategy(r, m);
}

struct rig *rig_bare(void)
{
    struct rig *r = calloc(1, sizeof *r);
    static const char *const symbols[RIG_INST] = {"AAA     ", "BBB     ", "CCC     ", "DDD     ",
                                                  "EEE     ", "FFF     ", "GGG     ", "HHH     "};

    for (uint32_t i = 0; i < RIG_INST; i++)
        memcpy(r->refs[i].symbol.c, symbols[i], 8);
    r->view.ref = r->refs;
    r->view.inst_cnt = RIG_INST;
    r->cfg = (struct oct_execution_cfg){
        .order_cnt_max = 64,
        .fill_cnt_max = 1024,
        .mark_block = 1000,
        .first_ref = 1,
        .account = 5,
        .lane = 1,
        .retry_ns = 1000,
        .settle_ns = 1000000,
        .hold_ns = 100000,
        .orders = &oct_order_ouch50,
        .view = &r->view,
        .counters = r->counters,
        .tx = {on_tx, r},
        .risk = {on_risk, r},
        .strategy = {on_strategy, r},
    };
    r->out = (struct oct_out){on_emit, r, 1};
    return r;
}

void rig_build(struct rig *r)
{
    size_t sz = oct_execution_footprint(&r->cfg);

    if (sz == 0)
        fail("footprint");
    if (posix_memalign(&r->mem, 128, sz) || posix_memalign(&r->timer_mem, 128, 65536))
        fail("memory");
    if (oct_timers_footprint(64) > 65536)
        fail("timers");
    memset(r->mem, 0xa5, sz);
    r->step = (struct oct_step){.now_ns = 1000, .out = &r->out};
    r->step.timers = oct_timers_new(r->timer_mem, 64);
    r->x = oct_execution_new(r->mem, &r->cfg);
    if (!r->x)
        fail("new");
    oct_approver_init(&r->approver, 0);
}

struct rig *rig_new(void)
{
    struct rig *r = rig_bare();

    rig_build(r);
    rig_start(r, 0, false);
    rig_mark(r, oct_execution_mark(r->x));
    rig_log_in(r, 1);
    return r;
}

void rig_free(struct rig *r)
{
    free(r->mem);
    free(r->timer_mem);
    free(r);
}

void rig_msg(struct rig *r, struct oct_msg_hdr *m)
{
    uint64_t id;
    int64_t due;

    m->input = r->step.input = ++r->input;
    m->lane = 1;
    r->step.now_ns++;
    while (oct_timers_pop(r->step.timers, r->step.now_ns, &id, &due)) {
        struct oct_timer t = {OCT_MSG_HDR(TIMER, timer), .id = id, .deadline_ns = due};
        oct_execution_on_msg(r->x, &r->step, &t.hdr);
    }
    if (m->type == OCT_VEN)
        r->step.ts_exch_ns = ((struct oct_ven *)m)->ts_exch_ns;
    if (m->type != OCT_IN_TIME)
        oct_execution_on_msg(r->x, &r->step, m);
    r->step.ts_exch_ns = 0;
}

void rig_time(struct rig *r, int64_t ns)
{
    struct oct_in_time m = {OCT_MSG_HDR(IN_TIME, in_time)};

    r->step.now_ns += ns;
    m.now_ns = r->step.now_ns;
    rig_msg(r, &m.hdr);
}

void rig_start(struct rig *r, uint64_t mark, bool recovered)
{
    struct oct_in_start m = {OCT_MSG_HDR(IN_START, in_start), .run_id = 42 + r->input,
                             .midnight_ns = INT64_C(1577682000) * 1000000000, .mark = mark,
                             .recovered = recovered};

    oct_approver_init(&r->approver, m.run_id);
    rig_msg(r, &m.hdr);
}

void rig_mark(struct rig *r, uint64_t mark)
{
    struct oct_in_mark m = {OCT_MSG_HDR(IN_MARK, in_mark), .mark = mark};

    rig_msg(r, &m.hdr);
}

void rig_session(struct rig *r, enum oct_venue_event event, uint64_t seq)
{
    struct oct_in_venue m = {OCT_MSG_HDR(IN_VENUE, in_venue), .event = (uint8_t)event, .seq = seq};

    rig_msg(r, &m.hdr);
}

void rig_failed(struct rig *r, uint64_t order_id, uint8_t action)
{
    struct {
        struct oct_in_venue m;
        uint8_t data[8];
    } m = {.m = {OCT_MSG_HDR(IN_VENUE, in_venue), .event = OCT_VENUE_SEND_FAILED, .seq = order_id}};

    if (action) {
        m.m.data_sz = 1;
        m.m.hdr.sz = sizeof m;
        m.data[0] = action;
    }
    rig_msg(r, &m.m.hdr);
}

void rig_account(struct rig *r, uint32_t next_ref)
{
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCOUNT, next_ref);

    rig_say(r, &v);
}

void rig_log_in(struct rig *r, uint32_t next_ref)
{
    uint64_t asked = rig_counter(r, OCT_EXECUTION_QUERIES_SENT);

    rig_session(r, OCT_VENUE_CONNECTED, 0);
    rig_session(r, OCT_VENUE_LOGGED_IN, r->seq + 1);
    /* as many answers as there are questions */
    while (asked < rig_counter(r, OCT_EXECUTION_QUERIES_SENT)) {
        asked++;
        rig_account(r, next_ref);
    }
}

struct oct_intent rig_intent(struct rig *r, uint8_t action, uint8_t side, int64_t px, int64_t qty)
{
    return (struct oct_intent){
        OCT_MSG_HDR(INTENT, intent),
        .intent_id = ++r->intent_id,
        .feed_seq = 9,
        .ts_rx_ns = 8,
        .inst = 2,
        .strategy = 3,
        .account = 4,
        .action = action,
        .side = side,
        .px = PX(px),
        .qty = SH(qty),
    };
}

static struct oct_verdict judge(struct rig *r, const struct oct_intent *i)
{
    struct oct_verdict v = {
        OCT_MSG_HDR(VERDICT, verdict),
        .intent_id = i->intent_id,
        .inst = i->inst,
        .strategy = i->strategy,
        .account = i->account,
        .action = i->action,
        .side = i->side,
        .px = i->px,
        .qty = i->qty,
    };

    (void)oct_execution_ready(r->x, i, &v.order_id);
    v.approval_id = oct_approver_next(&r->approver, i, v.order_id);
    return v;
}

uint64_t rig_submit(struct rig *r, const struct oct_intent *i)
{
    struct oct_verdict v = judge(r, i);

    r->step.input = ++r->input;
    r->step.now_ns++;
    oct_execution_submit(r->x, &r->step, i, &v);
    return v.order_id;
}

uint64_t rig_buy(struct rig *r, int64_t px, int64_t qty)
{
    struct oct_intent i = rig_intent(r, OCT_ACTION_NEW, OCT_BUY, px, qty);

    return rig_submit(r, &i);
}

static uint64_t change(struct rig *r, uint8_t action, uint64_t order_id, int64_t px, int64_t qty)
{
    struct oct_order_view o = {.inst = 2, .strategy = 3, .account = 4};
    struct oct_intent i = rig_intent(r, action, OCT_BUY, px, qty);

    if (oct_execution_order(r->x, order_id, &o)) {
        i.side = o.side;
        i.inst = o.inst;
    }
    i.order_id = order_id;
    return rig_submit(r, &i);
}

uint64_t rig_replace(struct rig *r, uint64_t order_id, int64_t px, int64_t qty)
{
    return change(r, OCT_ACTION_REPLACE, order_id, px, qty);
}

uint64_t rig_reduce(struct rig *r, uint64_t order_id, int64_t qty)
{
    return change(r, OCT_ACTION_REDUCE, order_id, 10, qty);
}

void rig_cancel(struct rig *r, uint64_t order_id)
{
    change(r, OCT_ACTION_CANCEL, order_id, 0, 0);
}

struct oct_ven rig_ven(struct rig *r, enum oct_ven_event event, uint32_t user_ref)
{
    return (struct oct_ven){
        OCT_MSG_HDR(VEN, ven),
        .event = (uint8_t)event,
        .user_ref = user_ref,
        .seq = ++r->seq,
        .ts_exch_ns = (int64_t)r->seq * 1000,
        .order_state = 'L',
        .tif = '0',
    };
}

void rig_say(struct rig *r, const struct oct_ven *v)
{
    struct oct_ven copy = *v;

    rig_msg(r, &copy.hdr);
}

uint32_t rig_ref(uint64_t order_id)
{
    return (uint32_t)order_id;
}

void rig_accept(struct rig *r, uint64_t order_id)
{
    struct oct_order_view o = rig_view(r, order_id);
    struct oct_ven v = rig_ven(r, OCT_VEN_ACCEPTED, rig_ref(order_id));

    v.order_id = order_id;
    v.side = o.side;
    v.px = o.px;
    v.qty = o.qty;
    v.symbol = r->refs[o.inst].symbol;
    v.venue_ref = 1000 + v.user_ref;
    rig_say(r, &v);
}

void rig_fill(struct rig *r, uint64_t order_id, int64_t qty, uint64_t match)
{
    struct oct_ven v = rig_ven(r, OCT_VEN_EXECUTED, rig_ref(order_id));

    v.px = PX(10);
    v.qty = SH(qty);
    v.match_id = match;
    v.code = 'A';
    rig_say(r, &v);
}

void rig_canceled(struct rig *r, uint64_t order_id, int64_t qty, char reason)
{
    struct oct_ven v = rig_ven(r, OCT_VEN_CANCELED, rig_ref(order_id));

    v.qty = SH(qty);
    v.reason = (uint8_t)reason;
    rig_say(r, &v);
}

void rig_replaced(struct rig *r, uint64_t old_id, uint64_t new_id, int64_t outstanding)
{
    struct oct_order_view o = rig_view(r, new_id);
    struct oct_ven v = rig_ven(r, OCT_VEN_REPLACED, rig_ref(new_id));

    v.orig_user_ref = rig_ref(old_id);
    v.order_id = new_id;
    v.side = o.side;
    v.px = o.px;
    v.qty = SH(outstanding);
    v.symbol = r->refs[o.inst].symbol;
    v.venue_ref = 1000 + v.user_ref;
    rig_say(r, &v);
}

struct oct_order_view rig_view(const struct rig *r, uint64_t order_id)
{
    struct oct_order_view v;

    memset(&v, 0, sizeof v);
    if (!oct_execution_order(r->x, order_id, &v))
        fail("no such order");
    return v;
}

uint64_t rig_counter(const struct rig *r, enum oct_execution_counter c)
{
    return oct_count_get(&r->counters[c]);
}

const union rig_rec *rig_last(const struct rig *r, uint16_t type, uint32_t n)
{
    for (uint64_t i = r->rec_cnt; i-- > 0 && r->rec_cnt - i <= RIG_RECS;)
        if (r->recs[i % RIG_RECS].hdr.type == type && n-- == 0)
            return &r->recs[i % RIG_RECS];
    fail("no such record");
    return NULL;
}

const struct oct_order *rig_tx(const struct rig *r, uint32_t n)
{
    if (n >= r->tx_cnt)
        fail("nothing sent");
    return &r->tx[(r->tx_cnt - 1 - n) % RIG_RECS];
}
