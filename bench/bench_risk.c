/* risk: every check in front of an order and its OUCH message, one order at a time, serialised.
 *
 * The agent is the lane's, with its own tables; orders of five strategies in 1,500 instruments, busy
 * ones more often, quotes that move, fills, cancels and replacements in between.  Timed: from the
 * intent to the bytes: the checks, the verdict's record, the order's record, the encoding.  Not
 * timed: the answers, and the market's message that comes before the intent in the lane too. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agents/execution/record.h"
#include "agents/risk/risk.h"
#include "bench/bench.h"
#include "dataplane/base/rng.h"
#include "dataplane/shm/ring.h"
#include "drivers/venue/ouch50.h"

#define INST_CNT    16384u
#define TRADED_CNT  1500u
#define STRAT_CNT   5u
#define ACCT_CNT    2u
#define OPEN_CNT    4096u
#define ORDER_CNT   300000u
#define WARM_CNT    50000u
#define ZIPF        0.95
#define RING_DEPTH  65536u
#define REPLACE_PCT 10u
#define FILL_PCT    30u

struct open_order {
    uint64_t id;
    struct oct_intent in;
};

struct bench {
    struct oct_inst_view *inst;
    struct oct_inst_ref *ref;
    struct oct_view view;
    struct oct_risk_limits limits;
    struct oct_risk_cfg cfg;
    struct oct_counter counters[OCT_RISK_C_CNT];
    struct oct_risk *risk;
    struct oct_out out;
    struct oct_step step;
    struct oct_rng rng;
    double *share; /* [TRADED_CNT] running sum */
    struct open_order open[OPEN_CNT];
    uint64_t open_cnt; /* ever: the oldest is overwritten after it ended */
    uint64_t next_id;
    uint64_t intent_id;
    uint64_t submit_cnt;
    struct oct_ring *ring; /* NULL: records go nowhere */
    struct oct_order rec;
    uint8_t wire[OCT_VENUE_MSG_MAX];
    int wire_sz;
};

static uint64_t below(struct bench *g, uint64_t n)
{
    return oct_rng_below(&g->rng, n);
}

static void emit(void *self, const struct oct_msg_hdr *m)
{
    struct bench *g = self;

    if (g->ring)
        oct_ring_publish(g->ring, m);
}

/* Execution's part that the encoder needs: the order's record. */
static void submit(void *self, struct oct_step *step, const struct oct_intent *i,
                   const struct oct_verdict *v)
{
    struct bench *g = self;

    oct_execution_record(&g->rec, i, v, g->ref[i->inst].symbol, step->now_ns, 0);
    g->submit_cnt++;
    g->wire_sz = oct_order_ouch50.encode(&g->rec, "OCTO", g->wire);
}

static enum oct_risk_reason ready(const void *self, const struct oct_intent *in, uint64_t *id)
{
    const struct bench *g = self;

    *id = (uint64_t)in->strategy << 44 | g->next_id;
    return OCT_RISK_OK;
}

/* ---- the world -------------------------------------------------------------------------------- */

static void set_limits(struct bench *g)
{
    oct_risk_limits_init(&g->limits);
    for (uint32_t key = 1; key < OCT_RISK_LIMIT_END; key++) {
        const struct oct_risk_limit_def *d = oct_risk_limit_by_key(key);
        __int128 v = d->unit == OCT_RISK_UNIT_QTY     ? (__int128)100000000 * OCT_QTY_ONE
                     : d->unit == OCT_RISK_UNIT_MONEY ? oct_money_from_units(INT64_C(1) << 44).v
                     : d->unit == OCT_RISK_UNIT_NS    ? INT64_C(3600000000000)
                     : d->unit == OCT_RISK_UNIT_BPS   ? 1000
                                                      : 1000000000;
        if (key == OCT_RISK_LIMIT_msg_reserve)
            v = 0;
        if (key == OCT_RISK_LIMIT_dup_window_ns)
            v = 1; /* looked up, and never the reason */
        if (d->scopes & OCT_RISK_ON_FIRM)
            oct_risk_limits_set(&g->limits, OCT_SCOPE_FIRM, 0, key, v);
        for (uint32_t id = 0; d->scopes & OCT_RISK_ON_ACCOUNT && id < ACCT_CNT; id++)
            oct_risk_limits_set(&g->limits, OCT_SCOPE_ACCOUNT, id, key, v);
        for (uint32_t id = 0; d->scopes & OCT_RISK_ON_STRATEGY && id < STRAT_CNT; id++)
            oct_risk_limits_set(&g->limits, OCT_SCOPE_STRATEGY, id, key, v);
        if (d->scopes & OCT_RISK_ON_INST)
            oct_risk_limits_set(&g->limits, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, key, v);
    }
}

static void make_instruments(struct bench *g)
{
    for (uint32_t i = 0; i < INST_CNT; i++) {
        int64_t mid = (int64_t)(5 + below(g, 400)) * OCT_PX_ONE;
        char text[9];

        snprintf(text, sizeof text, "S%-7u", i);
        memcpy(g->ref[i].symbol.c, text, 8);
        g->ref[i].tick = oct_px_from_e4(100);
        g->ref[i].tick_sub = oct_px_from_e4(1);
        g->ref[i].prev_close.v = mid;
        g->inst[i] = (struct oct_inst_view){.bid_px.v = mid - OCT_PX_ONE / 100,
                                            .ask_px.v = mid + OCT_PX_ONE / 100,
                                            .last_px.v = mid,
                                            .known = 1,
                                            .trading = 'T',
                                            .short_sale = '0'};
    }
    double sum = 0;
    for (uint32_t i = 0; i < TRADED_CNT; i++)
        sum += pow(i + 1, -ZIPF);
    double at = 0;
    for (uint32_t i = 0; i < TRADED_CNT; i++)
        g->share[i] = at += pow(i + 1, -ZIPF) / sum;
}

/* Instruments by activity, spread over the table. */
static uint32_t some_instrument(struct bench *g)
{
    double x = oct_rng_f64(&g->rng);
    uint32_t lo = 0, hi = TRADED_CNT - 1;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (g->share[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo * 7919u % INST_CNT;
}

static int make_world(struct bench *g, uint64_t seed, void **mem, size_t *mem_sz)
{
    struct oct_in_start start = {OCT_MSG_HDR(IN_START, in_start), .run_id = 7};

    oct_rng_init(&g->rng, seed);
    g->inst = oct_bench_alloc(INST_CNT * sizeof *g->inst);
    g->ref = oct_bench_alloc(INST_CNT * sizeof *g->ref);
    g->share = calloc(TRADED_CNT, sizeof *g->share);
    if (!g->inst || !g->ref || !g->share)
        return -ENOMEM;
    make_instruments(g);
    set_limits(g);
    g->view = (struct oct_view){
        .inst = g->inst, .ref = g->ref, .order_ready = ready, .execution = g, .inst_cnt = INST_CNT};
    g->cfg = (struct oct_risk_cfg){.view = &g->view,
                                   .submit = {submit, g},
                                   .venue_check = oct_order_ouch50.fits,
                                   .limits = &g->limits,
                                   .counters = g->counters,
                                   .position_pub_ns = 100000000,
                                   .inst_cnt = INST_CNT,
                                   .order_cnt_max = 16384,
                                   .pos_cnt_max = 16384,
                                   .recent_cnt = 4096,
                                   .strategy_cnt = STRAT_CNT,
                                   .account_cnt = ACCT_CNT};
    for (uint32_t i = 0; i < STRAT_CNT; i++)
        g->cfg.account_of[i] = (uint16_t)(i % ACCT_CNT);
    *mem_sz = oct_risk_footprint(&g->cfg);
    *mem = *mem_sz ? oct_bench_alloc(*mem_sz) : NULL;
    if (!*mem)
        return -ENOMEM;
    g->risk = oct_risk_new(*mem, &g->cfg);
    g->out = (struct oct_out){.emit = emit, .self = g};
    g->step = (struct oct_step){.input = 1, .now_ns = INT64_C(1000000000000), .out = &g->out};
    g->next_id = 2;
    oct_risk_on_msg(g->risk, &g->step, &start.hdr);
    return 0;
}

/* ---- what happens ----------------------------------------------------------------------------- */

static void update(struct bench *g, const struct oct_intent *in, uint64_t id, uint8_t state)
{
    bool alive = state == OCT_ORD_STATE_SENT || state == OCT_ORD_STATE_WORKING;
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = id,
                                 .inst = in->inst,
                                 .strategy = in->strategy,
                                 .account = in->account,
                                 .side = in->side,
                                 .px = in->px,
                                 .qty = in->qty,
                                 .open.v = alive ? in->qty.v : 0,
                                 .state = state};
    oct_risk_on_msg(g->risk, &g->step, &u.hdr);
}

/* The oldest order ends. */
static void end_oldest(struct bench *g, struct open_order *o)
{
    bool filled = below(g, 100) < FILL_PCT;

    if (filled) {
        struct oct_fill f = {OCT_MSG_HDR(FILL, fill),  .order_id = o->id,
                             .inst = o->in.inst,       .strategy = o->in.strategy,
                             .account = o->in.account, .side = o->in.side,
                             .px = o->in.px,           .qty = o->in.qty};
        oct_risk_on_msg(g->risk, &g->step, &f.hdr);
    }
    update(g, &o->in, o->id, filled ? OCT_ORD_STATE_FILLED : OCT_ORD_STATE_CANCELLED);
    o->id = 0;
}

/* A quote in the instrument moves: what comes before an intent. */
static void quote(struct bench *g, uint32_t inst)
{
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = inst, .what = OCT_MARKET_BBO};
    struct oct_inst_view *v = &g->inst[inst];
    int64_t tick = OCT_PX_ONE / 100;
    int64_t move = ((int64_t)below(g, 3) - 1) * tick;

    /* Within 20 ticks of where it began, so that our orders of both sides never meet. */
    int64_t from = v->bid_px.v + move + tick - g->ref[inst].prev_close.v;
    if (from <= 20 * tick && from >= -20 * tick) {
        v->bid_px.v += move;
        v->ask_px.v += move;
    }
    v->last_px.v = v->ask_px.v - tick;
    v->last_ns = v->bbo_ns = g->step.now_ns;
    oct_risk_on_msg(g->risk, &g->step, &m.hdr);
}

static void make_intent(struct bench *g, struct oct_intent *in, uint32_t inst)
{
    const struct oct_inst_view *v = &g->inst[inst];
    uint16_t strategy = (uint16_t)below(g, STRAT_CNT);
    struct oct_pos_view pos = oct_risk_position(g->risk, strategy, inst);
    uint8_t side = below(g, 2) ? OCT_BUY : OCT_SELL;

    *in = (struct oct_intent){OCT_MSG_HDR(INTENT, intent),
                              .intent_id = ++g->intent_id,
                              .feed_seq = g->step.input,
                              .inst = inst,
                              .strategy = strategy,
                              .account = g->cfg.account_of[strategy],
                              .action = OCT_ACTION_NEW,
                              .side = side,
                              .ord_type = OCT_ORD_LIMIT,
                              .tif = below(g, 2) ? OCT_TIF_DAY : OCT_TIF_IOC,
                              .qty = oct_qty_from_shares((uint32_t)(1 + below(g, 10)) * 100),
                              .contrib = {strategy},
                              .weight = {1.0}};
    in->px.v =
        side == OCT_BUY ? v->bid_px.v - 21 * OCT_PX_ONE / 100 : v->ask_px.v + 21 * OCT_PX_ONE / 100;
    in->short_sale = side == OCT_SELL && pos.pos.v - pos.sell.v - in->qty.v < 0;
}

/* One order of those that live is replaced instead, at its price, for more. */
static bool make_replace(struct bench *g, struct oct_intent *in)
{
    struct open_order *o = &g->open[below(g, OPEN_CNT)];

    if (o->id == 0)
        return false;
    *in = o->in;
    in->intent_id = ++g->intent_id;
    in->order_id = o->id;
    in->action = OCT_ACTION_REPLACE;
    in->tif = OCT_TIF_DAY;
    in->qty.v += 100 * OCT_QTY_ONE;
    in->short_sale |= in->side == OCT_SELL;
    o->id = 0;
    return true;
}

static void settle_order(struct bench *g, const struct oct_intent *in, uint64_t id)
{
    struct open_order *slot = &g->open[g->open_cnt++ % OPEN_CNT];

    if (in->order_id != 0)
        update(g, in, in->order_id, OCT_ORD_STATE_CANCELLED);
    if (slot->id != 0)
        end_oldest(g, slot);
    slot->id = id;
    slot->in = *in;
    update(g, in, id, OCT_ORD_STATE_SENT);
    update(g, in, id, OCT_ORD_STATE_WORKING);
}

/* Runs orders and records those after the warm-up that passed.  Returns how many did not. */
static uint64_t run_orders(struct bench *g, uint32_t cnt, struct oct_hist *orders,
                           struct oct_hist *marks)
{
    uint64_t cost = oct_bench_tick_cost(), refused = 0;

    for (uint32_t i = 0; i < cnt; i++) {
        struct oct_intent in;

        g->step.input++;
        g->step.now_ns += (int64_t)below(g, 20000);
        if (below(g, 100) >= REPLACE_PCT || !make_replace(g, &in))
            make_intent(g, &in, some_instrument(g));
        uint64_t m0 = oct_bench_tick();
        quote(g, in.inst);
        uint64_t m1 = oct_bench_tick();
        uint64_t before = g->submit_cnt;
        uint64_t t0 = oct_bench_tick();
        oct_risk_on_msg(g->risk, &g->step, &in.hdr);
        uint64_t t1 = oct_bench_tick();
        g->next_id++;
        if (g->submit_cnt == before || g->wire_sz <= 0) {
            refused++;
            continue;
        }
        uint64_t id = g->rec.order_id;
        settle_order(g, &in, id);
        if (i < WARM_CNT)
            continue;
        oct_hist_record(orders, (int64_t)(oct_bench_tick_ns(t1 - t0 > cost ? t1 - t0 - cost : 0)));
        oct_hist_record(marks, (int64_t)(oct_bench_tick_ns(m1 - m0 > cost ? m1 - m0 - cost : 0)));
    }
    return refused;
}

static void world_free(struct bench *g, void *mem, size_t mem_sz)
{
    if (g->inst)
        oct_bench_free(g->inst, INST_CNT * sizeof *g->inst);
    if (g->ref)
        oct_bench_free(g->ref, INST_CNT * sizeof *g->ref);
    if (mem)
        oct_bench_free(mem, mem_sz);
    free(g->share);
}

static int one_run(struct oct_bench *b, struct oct_ring *ring, struct oct_hist *orders,
                   struct oct_hist *marks, uint64_t *refused)
{
    struct bench *g = calloc(1, sizeof *g);
    void *mem = NULL;
    size_t mem_sz = 0;
    int err = g ? make_world(g, oct_bench_opts(b)->seed, &mem, &mem_sz) : -ENOMEM;

    if (!err) {
        g->ring = ring;
        *refused += run_orders(g, ORDER_CNT, orders, marks);
    }
    if (g)
        world_free(g, mem, mem_sz);
    free(g);
    return err;
}

int oct_bench_risk(struct oct_bench *b)
{
    struct oct_hist *h = calloc(3, sizeof *h);
    size_t ring_sz = oct_align_up(oct_ring_footprint(RING_DEPTH), 4096);
    void *ring_mem = oct_bench_alloc(ring_sz);
    double p50[OCT_BENCH_RUN_MAX], p99[OCT_BENCH_RUN_MAX];
    uint32_t runs = oct_bench_opts(b)->runs;
    uint64_t refused = 0;
    int err = h && ring_mem ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < runs && !err; i++) {
        oct_hist_init(&h[0]);
        oct_hist_init(&h[1]);
        err = one_run(b, NULL, &h[0], &h[1], &refused);
        p50[i] = (double)oct_hist_quantile(&h[0], 0.5);
        p99[i] = (double)oct_hist_quantile(&h[0], 0.99);
    }
    oct_hist_init(&h[2]);
    if (!err) {
        struct oct_hist *rest = malloc(sizeof *rest);
        err = rest ? 0 : -ENOMEM;
        if (!err) {
            oct_hist_init(rest);
            err = one_run(b, oct_ring_new(ring_mem, RING_DEPTH), &h[2], rest, &refused);
        }
        free(rest);
    }
    if (!err) {
        oct_bench_result(b, "risk", "checks and OUCH, p50, median of runs",
                         oct_bench_median(p50, runs), "ns", OCT_BENCH_AT_MOST, 48);
        oct_bench_result(b, "risk", "checks and OUCH, p99, median of runs",
                         oct_bench_median(p99, runs), "ns", OCT_BENCH_NONE, 0);
        oct_bench_result(b, "risk", "orders refused", (double)refused, "", OCT_BENCH_AT_MOST, 0);
        oct_bench_hist(b, "risk, checks and OUCH", &h[0], 0, 0);
        oct_bench_hist(b, "risk, with the ring", &h[2], 0, 0);
        oct_bench_hist(b, "risk, mark", &h[1], 0, 0);
    }
    if (ring_mem)
        oct_bench_free(ring_mem, ring_sz);
    free(h);
    return err;
}
