/* rig.h - a strategy agent with a scripted market and a play execution, for tests. */
#ifndef OCT_TEST_STRATEGY_RIG_H
#define OCT_TEST_STRATEGY_RIG_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agents/strategy/strategy.h"
#include "tests/unit/keep.h"

#define INST_CNT   70u
#define SHARES(n)  ((oct_qty){(int64_t)(n)*OCT_QTY_ONE})
#define PX(e4)     (oct_px_from_e4(e4))
#define SECOND     INT64_C(1000000000)
#define INTENT_MAX 64u

struct rig {
    struct oct_inst_view inst[INST_CNT];
    struct oct_inst_ref ref[INST_CNT];
    struct oct_features features[INST_CNT];
    struct oct_view view;
    struct oct_strategy_def def[OCT_STRATEGY_INSTANCE_MAX];
    struct oct_strategy_cfg cfg;
    struct oct_counter counters[OCT_STRATEGY_C_CNT];
    struct oct_strategy *a;
    struct oct_out out;
    struct oct_step step;
    struct oct_intent intent[INTENT_MAX]; /* in order */
    uint32_t intent_cnt;
    uint32_t emitted_cnt;
    struct oct_cmd_result result;
    uint32_t result_cnt;
    /* play execution */
    bool silent;     /* intents vanish */
    uint16_t refuse; /* verdicts refuse with this */
    uint64_t next_id;
};

static void rig_emit(void *self, const struct oct_msg_hdr *m)
{
    struct rig *g = self;

    if (m->type == OCT_INTENT) {
        g->emitted_cnt++;
        return;
    }
    cr_assert_eq(m->type, OCT_CMD_RESULT);
    g->result = *(const struct oct_cmd_result *)m;
    g->result_cnt++;
}

static inline void rig_update(struct rig *g, const struct oct_intent *in, uint64_t id,
                              uint8_t state, oct_qty open, oct_qty filled)
{
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = id,
                                 .inst = in->inst,
                                 .strategy = in->strategy,
                                 .account = in->account,
                                 .side = in->side,
                                 .px = in->px,
                                 .qty = in->qty,
                                 .open = open,
                                 .filled = filled,
                                 .state = state,
                                 .now_ns = g->step.now_ns};
    oct_strategy_on_msg(g->a, &g->step, &u.hdr);
}

static void rig_risk(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct rig *g = self;
    const struct oct_intent *in = (const struct oct_intent *)m;
    double sum = 0;

    cr_assert_eq(m->type, OCT_INTENT);
    cr_assert_eq(g->emitted_cnt, g->intent_cnt + 1, "the record precedes the call");
    cr_assert_lt(g->intent_cnt, INTENT_MAX);
    g->intent[g->intent_cnt++] = *in;
    for (unsigned i = 0; i < 6; i++)
        sum += in->weight[i];
    cr_assert_float_eq(sum, 1.0, 1e-12, "weights sum to 1");
    if (g->refuse) {
        struct oct_verdict v = {OCT_MSG_HDR(VERDICT, verdict), .inst = in->inst,
                                .strategy = in->strategy, .reason = g->refuse};
        oct_strategy_on_msg(g->a, step, &v.hdr);
        return;
    }
    if (g->silent)
        return;
    if (in->action == OCT_ACTION_CANCEL)
        rig_update(g, in, in->order_id, OCT_ORD_STATE_CANCELLED, SHARES(0), SHARES(0));
    else
        rig_update(g, in, ++g->next_id, OCT_ORD_STATE_SENT, in->qty, SHARES(0));
}

static inline const struct oct_intent *rig_last(const struct rig *g)
{
    cr_assert_gt(g->intent_cnt, 0);
    return &g->intent[g->intent_cnt - 1];
}

/* The market: 100.00 x 100.02 for 500 each, no indicators yet. */
static inline struct rig *rig_new(void)
{
    struct rig *g = test_keep(calloc(1, sizeof *g));

    for (uint32_t i = 0; i < INST_CNT; i++) {
        struct oct_features *f = &g->features[i];
        g->inst[i] = (struct oct_inst_view){.bid_px = PX(1000000),
                                            .ask_px = PX(1000200),
                                            .bid_qty = SHARES(500),
                                            .ask_qty = SHARES(500),
                                            .known = 1,
                                            .trading = 'T',
                                            .short_sale = '0'};
        g->ref[i] = (struct oct_inst_ref){.tick = PX(100), .tick_sub = PX(1), .lot = 100};
        f->sma_fast = f->sma_slow = f->ema_fast = f->ema_slow = f->rsi = f->macd = (double)NAN;
        f->macd_signal = f->boll_mid = f->boll_up = f->boll_low = f->atr = f->momentum =
            (double)NAN;
    }
    g->view = (struct oct_view){
        .inst = g->inst, .ref = g->ref, .features = g->features, .inst_cnt = INST_CNT};
    g->cfg = (struct oct_strategy_cfg){.view = &g->view,
                                       .risk = {rig_risk, g},
                                       .counters = g->counters,
                                       .inst_cnt = INST_CNT,
                                       .slot_cnt_max = 256,
                                       .bar_interval_s = 1,
                                       .defs = g->def};
    g->out = (struct oct_out){.emit = rig_emit, .self = g};
    g->step = (struct oct_step){.input = 5,
                                .now_ns = 100 * SECOND,
                                .ts_rx_ns = 100 * SECOND - 7,
                                .ts_exch_ns = 99 * SECOND,
                                .feed_seq = 1234,
                                .out = &g->out};
    return g;
}

static inline struct oct_strategy_params *rig_add(struct rig *g, enum oct_strategy_kind kind)
{
    struct oct_strategy_def *d = &g->def[g->cfg.def_cnt];

    strcpy(d->name, oct_strategy_kind_name(kind));
    d->kind = (uint8_t)kind;
    d->on = 1;
    d->id = (uint16_t)(10 + g->cfg.def_cnt++);
    d->account = 3;
    oct_strategy_params_init(&d->params, kind);
    return &d->params;
}

static inline void rig_start(struct rig *g)
{
    size_t sz = oct_strategy_footprint(&g->cfg);

    cr_assert(sz);
    g->a = oct_strategy_new(test_keep(aligned_alloc(128, oct_align_up(sz, 128))), &g->cfg);
    cr_assert(g->a);
}

static inline void rig_event(struct rig *g, uint32_t inst, uint32_t what)
{
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = inst, .what = what,
                           .ts_exch_ns = g->step.now_ns - SECOND,
                           .interval_s = what & OCT_MARKET_BAR ? 1 : 0};
    g->step.ts_exch_ns = g->step.now_ns - SECOND;
    m.ts_exch_ns = g->step.ts_exch_ns;
    oct_strategy_on_msg(g->a, &g->step, &m.hdr);
}

static inline void rig_bbo(struct rig *g, uint32_t inst, int64_t bid_e4, int64_t bid_sz,
                           int64_t ask_e4, int64_t ask_sz)
{
    g->inst[inst].bid_px = PX(bid_e4);
    g->inst[inst].ask_px = PX(ask_e4);
    g->inst[inst].bid_qty = SHARES(bid_sz);
    g->inst[inst].ask_qty = SHARES(ask_sz);
    rig_event(g, inst, OCT_MARKET_BBO);
}

static inline void rig_fill(struct rig *g, const struct oct_intent *in, oct_qty qty)
{
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill),
                         .inst = in->inst,
                         .strategy = in->strategy,
                         .account = in->account,
                         .side = in->side,
                         .px = in->px,
                         .qty = qty};
    oct_strategy_on_msg(g->a, &g->step, &f.hdr);
}

/* The last order fills wholly, or is answered and rests. */
static inline void rig_done(struct rig *g)
{
    struct oct_intent in = *rig_last(g);
    rig_fill(g, &in, in.qty);
    rig_update(g, &in, g->next_id, OCT_ORD_STATE_FILLED, SHARES(0), in.qty);
}

static inline void rig_works(struct rig *g, const struct oct_intent *in, uint64_t id)
{
    rig_update(g, in, id, OCT_ORD_STATE_WORKING, in->qty, SHARES(0));
}

#endif
