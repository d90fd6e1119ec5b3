/* rig.h - a risk agent with a little market and a play execution, for tests. */
#ifndef OCT_TEST_RISK_RIG_H
#define OCT_TEST_RISK_RIG_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "agents/risk/risk.h"
#include "tests/unit/keep.h"

#define INST_CNT  8u
#define SHARES(n) ((oct_qty){(int64_t)(n)*OCT_QTY_ONE})
#define USD(n)    (oct_money_from_units(n).v)
#define PX(e4)    (oct_px_from_e4(e4))
#define BIT(r)    (UINT64_C(1) << OCT_RISK_##r)
#define SECOND    OCT_NS_S
#define OCT_NS_S  INT64_C(1000000000)

struct rig {
    struct oct_inst_view inst[INST_CNT];
    struct oct_inst_ref ref[INST_CNT];
    struct oct_view view;
    struct oct_risk_limits limits;
    struct oct_risk_cfg cfg;
    struct oct_counter counters[OCT_RISK_C_CNT];
    struct oct_risk *r;
    struct oct_out out;
    struct oct_step step;
    /* what came out */
    struct oct_verdict verdict; /* the last */
    uint32_t verdict_cnt;
    struct oct_ladder ladder;
    uint32_t ladder_cnt;
    struct oct_ladder persisted;
    uint32_t persisted_cnt;
    struct oct_cmd_result result;
    uint32_t result_cnt;
    struct oct_position position;
    uint32_t position_cnt;
    struct oct_intent intent; /* manual ones */
    uint32_t intent_cnt;
    /* play execution */
    struct oct_intent submitted;
    uint32_t submit_cnt;
    bool silent; /* no order_update on submission */
    enum oct_risk_reason ready;
    uint64_t next_id;
    uint64_t intent_id;
};

static void rig_emit(void *self, const struct oct_msg_hdr *m)
{
    struct rig *g = self;

    switch (m->type) {
    case OCT_VERDICT:
        g->verdict = *(const struct oct_verdict *)m;
        g->verdict_cnt++;
        break;
    case OCT_LADDER:
        g->ladder = *(const struct oct_ladder *)m;
        g->ladder_cnt++;
        /* On disk before it is reported. */
        if (g->cfg.persist.fn)
            cr_assert_eq(g->persisted_cnt, g->ladder_cnt);
        break;
    case OCT_CMD_RESULT:
        g->result = *(const struct oct_cmd_result *)m;
        g->result_cnt++;
        break;
    case OCT_POSITION:
        g->position = *(const struct oct_position *)m;
        g->position_cnt++;
        break;
    case OCT_INTENT:
        g->intent = *(const struct oct_intent *)m;
        g->intent_cnt++;
        break;
    default:
        cr_assert_fail("unexpected record %u", m->type);
    }
    cr_assert_eq(m->input, g->step.input);
}

static inline void rig_persist(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct rig *g = self;

    (void)step;
    g->persisted = *(const struct oct_ladder *)m;
    g->persisted_cnt++;
}

static inline void rig_update(struct rig *g, uint64_t id, uint32_t inst, uint16_t strategy,
                              uint8_t side, oct_px px, oct_qty qty, oct_qty open, uint8_t state)
{
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = id,
                                 .inst = inst,
                                 .strategy = strategy,
                                 .account = g->cfg.account_of[strategy],
                                 .side = side,
                                 .px = px,
                                 .qty = qty,
                                 .open = open,
                                 .filled = {qty.v > open.v ? qty.v - open.v : 0},
                                 .state = state,
                                 .now_ns = g->step.now_ns};
    oct_risk_on_msg(g->r, &g->step, &u.hdr);
}

static void rig_submit(void *self, struct oct_step *step, const struct oct_intent *in,
                       const struct oct_verdict *v)
{
    struct rig *g = self;

    cr_assert_eq(v->reason, OCT_RISK_OK);
    cr_assert_neq(v->approval_id, 0);
    cr_assert_eq(v->intent_id, in->intent_id);
    cr_assert_eq(g->verdict.approval_id, v->approval_id, "the verdict precedes the submission");
    g->submitted = *in;
    g->submit_cnt++;
    (void)step;
    if (!g->silent && in->action == OCT_ACTION_NEW)
        rig_update(g, v->order_id, in->inst, in->strategy, in->side, in->px, in->qty, in->qty,
                   OCT_ORD_STATE_SENT);
}

static enum oct_risk_reason rig_ready(const void *self, const struct oct_intent *in, uint64_t *id)
{
    struct rig *g = (struct rig *)(uintptr_t)self;

    if (g->ready == OCT_RISK_OK &&
        (in->action == OCT_ACTION_NEW || in->action == OCT_ACTION_REPLACE))
        *id = ++g->next_id;
    return g->ready;
}

static inline void rig_set(struct rig *g, enum oct_scope scope, uint32_t id, const char *name,
                           __int128 value)
{
    const struct oct_risk_limit_def *d = oct_risk_limit_by_name(name);

    cr_assert(d, "%s", name);
    cr_assert_eq(oct_risk_limits_set(&g->limits, scope, id, d->key, value), OCT_CMD_RESULT_DONE,
                 "%s", name);
}

/* Every limit where it applies, wide. */
static inline void rig_wide_limits(struct rig *g)
{
    oct_risk_limits_init(&g->limits);
    for (unsigned i = 0; i < OCT_ARRAY_CNT(oct_risk_limit_defs); i++) {
        const struct oct_risk_limit_def *d = &oct_risk_limit_defs[i];
        __int128 v = d->unit == OCT_RISK_UNIT_QTY     ? SHARES(1000000).v
                     : d->unit == OCT_RISK_UNIT_MONEY ? USD(1000000000)
                     : d->unit == OCT_RISK_UNIT_NS    ? SECOND
                     : d->unit == OCT_RISK_UNIT_BPS   ? 500
                                                      : 1000;
        if (strcmp(d->name, "msg_reserve") == 0)
            v = 0;
        if (strcmp(d->name, "dup_window_ns") == 0)
            v = 1;
        if (d->scopes & OCT_RISK_ON_FIRM)
            rig_set(g, OCT_SCOPE_FIRM, 0, d->name, v);
        for (uint32_t id = 0; id < 3; id++) {
            if ((d->scopes & OCT_RISK_ON_ACCOUNT) && id < 2)
                rig_set(g, OCT_SCOPE_ACCOUNT, id, d->name, v);
            if (d->scopes & OCT_RISK_ON_STRATEGY)
                rig_set(g, OCT_SCOPE_STRATEGY, id, d->name, v);
        }
        if (d->scopes & OCT_RISK_ON_INST)
            rig_set(g, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL, d->name, v);
    }
}

/* Instruments trade at 100.00 x 100.02, last sale 100.01; strategies 0 and 1 are of account 0,
 * strategy 2 of account 1. */
static inline struct rig *rig_new(void)
{
    struct rig *g = test_keep(calloc(1, sizeof *g));

    for (uint32_t i = 0; i < INST_CNT; i++) {
        g->inst[i] = (struct oct_inst_view){.bid_px = PX(1000000),
                                            .ask_px = PX(1000200),
                                            .bid_qty = SHARES(500),
                                            .ask_qty = SHARES(500),
                                            .last_px = PX(1000100),
                                            .last_ns = 100 * SECOND,
                                            .bbo_ns = 100 * SECOND,
                                            .known = 1,
                                            .trading = 'T',
                                            .short_sale = '0'};
        g->ref[i] =
            (struct oct_inst_ref){.tick = PX(100), .tick_sub = PX(1), .prev_close = PX(990000)};
        memcpy(g->ref[i].symbol.c, "TEST    ", 8);
    }
    g->view = (struct oct_view){.inst = g->inst,
                                .ref = g->ref,
                                .order_ready = rig_ready,
                                .execution = g,
                                .inst_cnt = INST_CNT};
    rig_wide_limits(g);
    g->cfg = (struct oct_risk_cfg){.view = &g->view,
                                   .submit = {rig_submit, g},
                                   .persist = {rig_persist, g},
                                   .counters = g->counters,
                                   .inst_cnt = INST_CNT,
                                   .order_cnt_max = 64,
                                   .pos_cnt_max = 64,
                                   .recent_cnt = 256,
                                   .strategy_cnt = 3,
                                   .account_cnt = 2,
                                   .manual = 1,
                                   .on_clock_bad = OCT_LADDER_REDUCING,
                                   .on_stale_feed = OCT_LADDER_REDUCING,
                                   .account_of = {0, 0, 1}};
    g->out = (struct oct_out){.emit = rig_emit, .self = g};
    g->step = (struct oct_step){.input = 1, .now_ns = 100 * SECOND, .out = &g->out};
    return g;
}

/* After limits and cfg are as wanted. */
static inline void rig_start(struct rig *g)
{
    struct oct_in_start m = {OCT_MSG_HDR(IN_START, in_start), .run_id = 7};
    size_t sz;

    g->cfg.limits = &g->limits;
    sz = oct_risk_footprint(&g->cfg);
    cr_assert(sz);
    g->r = oct_risk_new(test_keep(aligned_alloc(128, oct_align_up(sz, 128))), &g->cfg);
    cr_assert(g->r);
    oct_risk_on_msg(g->r, &g->step, &m.hdr);
}

static inline struct oct_intent rig_intent(struct rig *g, uint32_t inst, uint16_t strategy,
                                           uint8_t side, oct_px px, oct_qty qty)
{
    return (struct oct_intent){OCT_MSG_HDR(INTENT, intent),
                               .intent_id = ++g->intent_id,
                               .inst = inst,
                               .strategy = strategy,
                               .account = g->cfg.account_of[strategy],
                               .action = OCT_ACTION_NEW,
                               .side = side,
                               .short_sale = side == OCT_SELL,
                               .ord_type = px.v ? OCT_ORD_LIMIT : OCT_ORD_MARKET,
                               .px = px,
                               .qty = qty};
}

static inline const struct oct_verdict *rig_judge(struct rig *g, const struct oct_intent *in)
{
    uint32_t before = g->verdict_cnt, submits = g->submit_cnt;

    g->step.input++;
    oct_risk_on_msg(g->r, &g->step, &in->hdr);
    cr_assert_eq(g->verdict_cnt, before + 1, "one verdict for one intent");
    cr_assert_eq(g->submit_cnt, submits + (g->verdict.reason == OCT_RISK_OK));
    /* The receipt agrees, always. */
    cr_assert_eq(oct_risk_refailed(&g->verdict, oct_risk_limits_in_force(g->r)), g->verdict.failed);
    cr_assert_eq(g->verdict.failed == 0, g->verdict.reason == OCT_RISK_OK);
    cr_assert_eq(g->verdict.failed == 0, g->verdict.approval_id != 0);
    if (g->verdict.failed)
        cr_assert_eq(g->verdict.reason, __builtin_ctzll(g->verdict.failed));
    return &g->verdict;
}

static inline const struct oct_verdict *
rig_new_order(struct rig *g, uint32_t inst, uint16_t strategy, uint8_t side, oct_px px, oct_qty qty)
{
    struct oct_intent in = rig_intent(g, inst, strategy, side, px, qty);
    return rig_judge(g, &in);
}

static inline void rig_fill(struct rig *g, uint32_t inst, uint16_t strategy, uint8_t side,
                            oct_px px, oct_qty qty)
{
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill),
                         .inst = inst,
                         .strategy = strategy,
                         .account = g->cfg.account_of[strategy],
                         .side = side,
                         .px = px,
                         .qty = qty,
                         .now_ns = g->step.now_ns};
    oct_risk_on_msg(g->r, &g->step, &f.hdr);
}

static inline void rig_quote(struct rig *g, uint32_t inst, int64_t bid_e4, int64_t ask_e4)
{
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = inst, .what = OCT_MARKET_BBO};

    g->inst[inst].bid_px = PX(bid_e4);
    g->inst[inst].ask_px = PX(ask_e4);
    g->inst[inst].bbo_ns = g->step.now_ns;
    oct_risk_on_msg(g->r, &g->step, &m.hdr);
}

static inline const struct oct_cmd_result *rig_cmd(struct rig *g, struct oct_in_cmd m)
{
    uint32_t before = g->result_cnt;

    m.hdr = (struct oct_msg_hdr){.type = OCT_IN_CMD, .sz = sizeof m};
    m.cmd_id = 1000 + before;
    oct_risk_on_msg(g->r, &g->step, &m.hdr);
    cr_assert_eq(g->result_cnt, before + 1, "one answer to one command");
    cr_assert_eq(g->result.cmd_id, m.cmd_id);
    return &g->result;
}

#endif
