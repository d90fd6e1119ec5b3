/* sim_risk.c - the risk agent against a slow model that keeps lists and adds them up.
 *
 * Usage: sim_risk [steps [seed]]
 * Random intents, answers of a play execution, fills, breaks, quotes, states, limits, commands and
 * kills.  For every intent the model works out which checks must fail, by division and from the
 * lists of everything that happened; the verdict must say the same.  Every so often all totals are
 * compared.  A failure prints the arguments that repeat it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/risk_model.h"
#include "tests/sim/amount.h"

static uint64_t below(struct world *w, uint64_t n)
{
    return oct_rng_below(&w->rng, n);
}

static bool chance(struct world *w, unsigned percent)
{
    return below(w, 100) < percent;
}

/* ---- the play execution ----------------------------------------------------------------------- */

static void tell(struct world *w, const struct m_order *o, uint8_t state)
{
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = o->id,
                                 .inst = o->inst,
                                 .strategy = o->strat,
                                 .account = account_of[o->strat],
                                 .side = o->side,
                                 .px = {o->px},
                                 .qty = {o->qty},
                                 .filled = {o->filled},
                                 .open = {o->alive ? o->open : 0},
                                 .state = state};
    oct_risk_on_msg(w->r, &w->step, &u.hdr);
}

static struct m_order *m_new(struct world *w)
{
    for (uint32_t i = 0; i < w->order_cnt; i++) {
        if (!w->order[i].alive)
            return &w->order[i];
    }
    if (w->order_cnt == O_MAX)
        die(w, "the model is out of orders");
    return &w->order[w->order_cnt++];
}

static void note_sent(struct world *w, const struct oct_intent *in)
{
    /* Older than two seconds matters to nothing. */
    uint32_t keep = 0;

    for (uint32_t i = 0; i < w->sent_cnt && w->sent_cnt == T_MAX; i++) {
        if (w->step.now_ns - w->sent[i].at < 2 * SECOND)
            w->sent[keep++] = w->sent[i];
    }
    w->sent_cnt = w->sent_cnt == T_MAX ? keep : w->sent_cnt;
    w->sent[w->sent_cnt++] = (struct m_sent){
        w->step.now_ns, in->inst, in->strategy, in->side, in->action == OCT_ACTION_NEW,
        in->px.v,       in->qty.v};
}

static void submit(void *self, struct oct_step *step, const struct oct_intent *in,
                   const struct oct_verdict *v)
{
    struct world *w = self;
    struct m_order *o, *old;

    (void)step;
    if (v->reason != OCT_RISK_OK || v->failed != 0 || v->approval_id == 0)
        die(w, "an intent was submitted without approval");
    w->approved++;
    note_sent(w, in);
    if (in->action == OCT_ACTION_CANCEL) {
        o = m_find(w, in->order_id);
        o->canceling = true;
        tell(w, o, OCT_ORD_STATE_CANCEL_PENDING);
        return;
    }
    old = in->action == OCT_ACTION_REPLACE ? m_find(w, in->order_id) : NULL;
    o = m_new(w);
    *o = (struct m_order){.id = v->order_id,
                          .inst = in->inst,
                          .strat = in->strategy,
                          .side = in->side,
                          .alive = true,
                          .px = in->px.v,
                          .qty = in->qty.v,
                          .open = in->qty.v};
    make_line(w, in->strategy, in->inst);
    if (old) {
        o->replaces = old->id;
        o->filled = old->filled;
        o->open = (int64_t)larger(in->qty.v - old->filled - old->open, 0);
        old->replacing = true;
        tell(w, old, OCT_ORD_STATE_REPLACE_PENDING);
    }
    tell(w, o, OCT_ORD_STATE_SENT);
}

static enum oct_risk_reason ready(const void *self, const struct oct_intent *in, uint64_t *id)
{
    struct world *w = (struct world *)(uintptr_t)self;
    struct m_order *o;

    if (w->session_down)
        return OCT_RISK_SESSION;
    if (in->action == OCT_ACTION_NEW || in->action == OCT_ACTION_REPLACE)
        *id = ++w->next_id;
    if (in->action == OCT_ACTION_NEW)
        return OCT_RISK_OK;
    o = m_find(w, in->order_id);
    if (!o)
        return OCT_RISK_ORDER_UNKNOWN;
    if (in->action == OCT_ACTION_CANCEL)
        return o->canceling ? OCT_RISK_ORDER_STATE : OCT_RISK_OK;
    return o->working && !o->replacing && !o->canceling ? OCT_RISK_OK : OCT_RISK_ORDER_STATE;
}

static void emit(void *self, const struct oct_msg_hdr *m)
{
    struct world *w = self;

    if (m->type == OCT_VERDICT) {
        w->verdict = *(const struct oct_verdict *)m;
        w->verdict_cnt++;
    }
}

/* ---- what happens ----------------------------------------------------------------------------- */

static void fill(struct world *w, struct m_order *o, int64_t qty, int64_t px, bool broken)
{
    bool buys = (o->side == OCT_BUY) != broken;
    int64_t signed_qty = buys ? qty : -qty;
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill),
                         .order_id = o->id,
                         .inst = o->inst,
                         .strategy = o->strat,
                         .account = account_of[o->strat],
                         .side = o->side,
                         .px = {px},
                         .qty = {qty},
                         .broken = broken};
    int s = o->strat;

    make_line(w, s, o->inst);
    w->pos[s][o->inst] += signed_qty;
    w->cash[s][o->inst] -= (i128)px * signed_qty;
    if (w->mark[s][o->inst] == 0)
        w->mark[s][o->inst] = px;
    w->mark[s][o->inst] = mark_now(w, o->inst, w->mark[s][o->inst]);
    if (!broken) {
        if (w->exec_cnt == T_MAX)
            w->exec_cnt = 0, die(w, "the model is out of executions");
        w->exec[w->exec_cnt++] = (struct m_exec){w->step.now_ns, o->inst, o->strat};
    }
    settle_strategy(w, s);
    settle(w, OCT_SCOPE_FIRM, 0);
    oct_risk_on_msg(w->r, &w->step, &f.hdr);
}

static void end_order(struct world *w, struct m_order *o, uint8_t state)
{
    o->alive = false;
    tell(w, o, state);
}

static struct m_order *m_by_replaces(struct world *w, uint64_t id)
{
    for (uint32_t i = 0; i < w->order_cnt; i++) {
        if (w->order[i].alive && w->order[i].replaces == id)
            return &w->order[i];
    }
    return NULL;
}

static void resolve(struct world *w, struct m_order *o)
{
    struct m_order *old = m_find(w, o->replaces);

    if (!old || o->qty <= old->filled || chance(w, 30)) {
        end_order(w, o, OCT_ORD_STATE_REJECTED);
        if (old) {
            old->replacing = false;
            tell(w, old, OCT_ORD_STATE_WORKING);
        }
        return;
    }
    o->filled = old->filled;
    o->open = o->qty - o->filled;
    o->replaces = 0;
    o->working = true;
    tell(w, o, OCT_ORD_STATE_WORKING);
    end_order(w, old, OCT_ORD_STATE_CLOSED);
}

/* Some order, alive as a rule; NULL when there is none. */
static struct m_order *some_order(struct world *w)
{
    struct m_order *o = NULL;

    for (int i = 0; i < 8 && w->order_cnt && !(o && o->alive); i++)
        o = &w->order[below(w, w->order_cnt)];
    return o;
}

static void execution_event(struct world *w)
{
    struct m_order *o = some_order(w);

    if (!o || !o->alive)
        return;
    if (o->replaces) {
        resolve(w, o);
    } else if (!o->working) {
        if (chance(w, 5)) {
            end_order(w, o, OCT_ORD_STATE_REJECTED);
        } else {
            o->working = true;
            tell(w, o, OCT_ORD_STATE_WORKING);
        }
    } else if (chance(w, 45) && o->open > 0) {
        int64_t q = chance(w, 50) ? o->open : 1 + (int64_t)below(w, (uint64_t)o->open);
        int64_t px = o->px ? o->px : w->inst[o->inst].last_px.v;
        struct m_order *next = m_by_replaces(w, o->id);
        if (px == 0)
            return;
        fill(w, o, q, px, false);
        o->open -= q;
        o->filled += q;
        if (next) {
            next->filled = o->filled;
            tell(w, next, OCT_ORD_STATE_SENT);
        }
        if (o->open == 0) {
            o->replacing = false;
            end_order(w, o, OCT_ORD_STATE_FILLED);
        } else {
            tell(w, o, o->replacing ? OCT_ORD_STATE_REPLACE_PENDING : OCT_ORD_STATE_WORKING);
        }
        if (chance(w, 3))
            fill(w, o, q, px, true);
    } else if ((o->canceling || chance(w, 20)) && !o->replacing) {
        end_order(w, o, OCT_ORD_STATE_CANCELLED);
    }
}

static void market_event(struct world *w, uint32_t i)
{
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = i, .what = OCT_MARKET_BBO};
    bool moved = false;

    for (int s = 0; s < (int)S_CNT; s++) {
        if (!w->has[s][i])
            continue;
        int64_t mark = mark_now(w, i, w->mark[s][i]);
        moved |= mark != w->mark[s][i];
        w->mark[s][i] = mark;
    }
    for (int s = 0; s < (int)S_CNT && moved; s++) {
        if (w->has[s][i])
            settle_strategy(w, s);
    }
    if (moved)
        settle(w, OCT_SCOPE_FIRM, 0);
    oct_risk_on_msg(w->r, &w->step, &m.hdr);
}

static void change_market(struct world *w)
{
    uint32_t i = (uint32_t)below(w, I_CNT);
    struct oct_inst_view *v = &w->inst[i];
    int64_t base = i == 4 ? INT64_C(900000000) : INT64_C(50000000000);
    int64_t tick = i == 4 ? w->ref[i].tick_sub.v : w->ref[i].tick.v;
    int64_t mid = (base / tick + (int64_t)below(w, 41) - 20) * tick;

    switch (below(w, 20)) {
    case 0:
        v->known = !chance(w, 5);
        break;
    case 1:
        v->trading = chance(w, 5) ? 'H' : 'T';
        break;
    case 2:
        v->short_sale = chance(w, 10) ? '1' : '0';
        break;
    case 3:
        v->stale = chance(w, 5);
        break;
    case 4:
        v->bid_px.v = chance(w, 50) ? 0 : mid;
        break;
    case 5:
    case 6:
        v->last_px.v = chance(w, 10) ? 0 : mid;
        v->last_ns = w->step.now_ns;
        break;
    case 7:
        w->ref[i].prev_close.v = chance(w, 30) ? 0 : mid;
        break;
    default:
        v->bid_px.v = mid - tick * (int64_t)below(w, 3);
        v->ask_px.v = v->bid_px.v + tick * ((int64_t)below(w, 12) - 1);
        v->locked = v->bid_px.v > v->ask_px.v ? 2 : v->bid_px.v == v->ask_px.v ? 1 : 0;
        v->bbo_ns = w->step.now_ns;
        break;
    }
    market_event(w, i);
}

static void judge(struct world *w, const struct oct_intent *in)
{
    uint64_t want = expected(w, in), before = w->verdict_cnt, approved = w->approved;

    oct_risk_on_msg(w->r, &w->step, &in->hdr);
    if (w->verdict_cnt != before + 1)
        die(w, "not one verdict for one intent");
    if (w->verdict.failed != want) {
        fprintf(stderr,
                "action %u: verdict %016" PRIx64 ", model %016" PRIx64 ", differ %016" PRIx64 "\n",
                in->action, w->verdict.failed, want, w->verdict.failed ^ want);
        die(w, "the verdict is not the model's");
    }
    if (oct_risk_refailed(&w->verdict, &w->limits) != want)
        die(w, "the receipt is not the verdict");
    if (w->approved != approved + (want == 0))
        die(w, "approved is not submitted");
    for (uint64_t b = want; b; b &= b - 1)
        w->hits[__builtin_ctzll(b)]++;
}

static void order_intent(struct world *w)
{
    uint32_t i = (uint32_t)below(w, I_CNT);
    uint16_t s = (uint16_t)below(w, S_CNT);
    int64_t tick = i == 4 ? w->ref[i].tick_sub.v : w->ref[i].tick.v;
    int64_t near = w->inst[i].last_px.v ? w->inst[i].last_px.v : INT64_C(50000000000);
    struct m_order *o = some_order(w);
    struct oct_intent in = {OCT_MSG_HDR(INTENT, intent),
                            .intent_id = ++w->intent_id,
                            .inst = i,
                            .strategy = s,
                            .account = chance(w, 1) ? 2 : account_of[s],
                            .action = OCT_ACTION_NEW,
                            .side = (uint8_t)below(w, 2),
                            .short_sale = !chance(w, 20),
                            .px = {(near / tick + (int64_t)below(w, 9) - 4) * tick},
                            .qty = {(int64_t)(1 + below(w, 8)) * OCT_QTY_ONE}};

    if (chance(w, 3))
        in.px.v += 1 + (int64_t)below(w, 1000);
    if (chance(w, 2))
        in.px.v *= 2;
    if (chance(w, 3))
        in.px.v = 0;
    in.ord_type = (in.px.v == 0) != chance(w, 1) ? OCT_ORD_MARKET : OCT_ORD_LIMIT;
    if (chance(w, 3))
        in.qty.v = (int64_t)below(w, 3) - 1;
    if (chance(w, 2))
        in.qty.v *= 1000;
    /* The same again. */
    if (w->sent_cnt && chance(w, 3)) {
        const struct m_sent *m = &w->sent[w->sent_cnt - 1];
        in.inst = m->inst;
        in.strategy = m->strat;
        in.account = account_of[m->strat];
        in.side = m->side;
        in.px.v = m->px;
        in.qty.v = m->qty;
        in.ord_type = m->px ? OCT_ORD_LIMIT : OCT_ORD_MARKET;
    }
    if (o && chance(w, o->alive ? 50 : 2)) {
        in.action = chance(w, 60) ? OCT_ACTION_CANCEL : OCT_ACTION_REPLACE;
        in.order_id = chance(w, 97) ? o->id : o->id + 1000;
        in.inst = chance(w, 98) ? o->inst : i;
        in.side = o->side;
        in.strategy = chance(w, 98) ? o->strat : s;
        in.account = account_of[in.strategy];
        if (in.action == OCT_ACTION_CANCEL && in.order_id == 0)
            in.order_id = 1;
        if (in.action == OCT_ACTION_REPLACE && in.order_id == 0)
            return;
    }
    judge(w, &in);
}

static void command(struct world *w, struct oct_in_cmd c)
{
    c.hdr = (struct oct_msg_hdr){.type = OCT_IN_CMD, .sz = sizeof c};
    oct_risk_on_msg(w->r, &w->step, &c.hdr);
}

static void change_limit(struct world *w)
{
    uint32_t key = 1 + (uint32_t)below(w, OCT_RISK_LIMIT_END - 1);
    const struct oct_risk_limit_def *d = oct_risk_limit_by_key(key);
    enum oct_scope scope = (enum oct_scope)below(w, 4);
    uint32_t id = scope == OCT_SCOPE_INSTRUMENT ? (uint32_t)below(w, I_CNT)
                                                : (uint32_t)below(w, ids_of(scope));
    uint32_t version = w->limits.version + 1;
    i128 v = oct_risk_limits_get(&w->limits, scope, id, key);

    /* The width of the repeat window stays: another would forget what was counted. */
    if (!(d->scopes & (1u << scope)) || key == OCT_RISK_LIMIT_repeat_window_ns)
        return;
    v = chance(w, 3) ? 0 : v == 0 ? 1 : chance(w, 50) ? v + v / 3 + 1 : v - v / 4;
    if (v == 0 && (key == OCT_RISK_LIMIT_order_qty || chance(w, 80)))
        return;
    command(w, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_BEGIN, .version = version});
    command(w, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_ROW,
                                   .version = version,
                                   .scope = (uint8_t)scope,
                                   .account = (uint16_t)id,
                                   .strategy = (uint16_t)id,
                                   .inst = id,
                                   .key = key,
                                   .value = (int64_t)(uint64_t)v,
                                   .value_hi = (uint64_t)(v >> 64)});
    command(w, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_COMMIT, .version = version});
    oct_risk_limits_set(&w->limits, scope, id, key, v);
    w->limits.version = version;
    for (int k = 0; k < 3; k++) {
        for (uint32_t n = 0; n < ids_of((enum oct_scope)k); n++)
            settle(w, (enum oct_scope)k, n);
    }
}

static void move_ladder(struct world *w)
{
    enum oct_scope scope = (enum oct_scope)below(w, 3);
    uint32_t id = (uint32_t)below(w, ids_of(scope));
    uint8_t *l = &w->ladder[scope][id];
    uint16_t cmd = chance(w, 92) ? OCT_CMD_REARM : chance(w, 50) ? OCT_CMD_HALT : OCT_CMD_REDUCE;
    int64_t to = (int64_t)below(w, 2);
    i128 p = pnl(w, scope, id), loss = limit(w, scope, id, "loss");
    i128 drawdown = limit(w, scope, id, "drawdown");

    command(w, (struct oct_in_cmd){.cmd = cmd,
                                   .scope = (uint8_t)scope,
                                   .account = (uint16_t)id,
                                   .strategy = (uint16_t)id,
                                   .value = to});
    if (cmd != OCT_CMD_REARM) {
        uint8_t down = cmd == OCT_CMD_HALT ? OCT_LADDER_HALTED : OCT_LADDER_REDUCING;
        *l = down > *l ? down : *l;
    } else if (to < *l && !(loss > 0 && -p > loss) &&
               !(to < OCT_LADDER_REDUCING && drawdown > 0 && -p > drawdown)) {
        *l = (uint8_t)to;
        w->peak[scope][id] = larger(p, 0);
        w->killed = 0; /* the lane clears the kill word */
    }
}

static void kill_one(struct world *w)
{
    uint32_t s = (uint32_t)below(w, S_CNT);
    struct oct_in_kill k = {OCT_MSG_HDR(IN_KILL, in_kill)};

    w->killed |= UINT64_C(1) << (1 + s);
    k.bits = w->killed;
    oct_risk_on_msg(w->r, &w->step, &k.hdr);
    w->ladder[OCT_SCOPE_STRATEGY][s] = OCT_LADDER_KILLED;
}

static void operator_event(struct world *w)
{
    uint32_t i = (uint32_t)below(w, I_CNT), s = (uint32_t)below(w, S_CNT);
    bool yes = chance(w, 7);
    struct oct_in_recorder rec = {OCT_MSG_HDR(IN_RECORDER, in_recorder), .state = yes};

    switch (below(w, 12)) {
    case 0:
        w->restricted[i] = yes;
        command(w,
                (struct oct_in_cmd){.cmd = yes ? OCT_CMD_RESTRICT : OCT_CMD_UNRESTRICT, .inst = i});
        break;
    case 1:
        w->on[s] = !yes;
        command(w, (struct oct_in_cmd){.cmd = yes ? OCT_CMD_STRATEGY_OFF : OCT_CMD_STRATEGY_ON,
                                       .strategy = (uint16_t)s});
        break;
    case 2:
        w->clock_bad = yes;
        command(w, (struct oct_in_cmd){.cmd = yes ? OCT_CMD_CLOCK_BAD : OCT_CMD_CLOCK_GOOD});
        break;
    case 3:
        w->recorder_bad = yes;
        oct_risk_on_msg(w->r, &w->step, &rec.hdr);
        break;
    case 4:
        w->session_down = yes;
        break;
    case 5:
        if (chance(w, 1))
            kill_one(w);
        break;
    case 6:
    case 7:
        change_limit(w);
        break;
    default:
        move_ladder(w);
        break;
    }
}

static void compare_totals(struct world *w)
{
    for (int k = 0; k < 3; k++) {
        enum oct_scope scope = (enum oct_scope)k;
        for (uint32_t id = 0; id < ids_of(scope); id++) {
            struct oct_risk_totals t;
            oct_risk_totals(w->r, scope, id, &t);
            if (t.pnl != pnl(w, scope, id))
                die(w, "profit and loss differ");
            if (t.peak != w->peak[k][id])
                die(w, "peaks differ");
            if (t.ladder != w->ladder[k][id])
                die(w, "the ladder differs");
            if (t.open_orders != open_orders(w, scope, id))
                die(w, "open orders differ");
            if (t.gross != gross(w, scope == OCT_SCOPE_STRATEGY ? (int)id : -1,
                                 scope == OCT_SCOPE_ACCOUNT ? (int)id : -1, -1))
                die(w, "gross exposures differ");
        }
    }
    for (uint16_t s = 0; s < S_CNT; s++) {
        for (uint32_t i = 0; i < I_CNT; i++) {
            struct oct_pos_view p = oct_risk_position(w->r, s, i);
            if (p.pos.v != w->pos[s][i] || p.buy.v != working(w, s, -1, i, OCT_BUY) ||
                p.sell.v != working(w, s, -1, i, OCT_SELL))
                die(w, "positions differ");
        }
    }
}

/* ---- the run ---------------------------------------------------------------------------------- */

static void set_all(struct world *w, const char *name, i128 v)
{
    const struct oct_risk_limit_def *d = oct_risk_limit_by_name(name);

    for (int k = 0; k < 4; k++) {
        enum oct_scope scope = (enum oct_scope)k;
        if (!(d->scopes & (1u << k)))
            continue;
        for (uint32_t id = 0; id < (k == OCT_SCOPE_INSTRUMENT ? I_CNT : ids_of(scope)); id++)
            oct_risk_limits_set(&w->limits, scope, id, d->key, v);
    }
}

static void first_limits(struct world *w)
{
    const i128 usd = oct_money_from_units(1).v;

    oct_risk_limits_init(&w->limits);
    set_all(w, "order_qty", 50 * OCT_QTY_ONE);
    set_all(w, "order_notional", 2000 * usd);
    set_all(w, "collar_bps", 200);
    set_all(w, "ref_age_ns", SECOND);
    set_all(w, "position", 60 * OCT_QTY_ONE);
    set_all(w, "gross", 6000 * usd);
    set_all(w, "open_orders", 10);
    set_all(w, "msg_rate", 20);
    set_all(w, "msg_reserve", 4);
    set_all(w, "repeat_cnt", 3);
    set_all(w, "repeat_window_ns", SECOND / 2);
    set_all(w, "dup_window_ns", 100000000);
    set_all(w, "loss", 25 * usd);
    set_all(w, "drawdown", 18 * usd);
}

static void start(struct world *w)
{
    struct oct_in_start m = {OCT_MSG_HDR(IN_START, in_start), .run_id = w->seed};
    size_t sz;

    first_limits(w);
    for (uint32_t i = 0; i < I_CNT; i++) {
        w->inst[i] = (struct oct_inst_view){.known = 1, .trading = 'T', .short_sale = '0'};
        w->ref[i] =
            (struct oct_inst_ref){.tick = {i == 3 ? 50000000 : 10000000}, .tick_sub = {100000}};
    }
    w->view = (struct oct_view){
        .inst = w->inst, .ref = w->ref, .order_ready = ready, .execution = w, .inst_cnt = I_CNT};
    w->cfg = (struct oct_risk_cfg){.view = &w->view,
                                   .submit = {submit, w},
                                   .limits = &w->limits,
                                   .counters = w->counters,
                                   .position_pub_ns = SECOND,
                                   .inst_cnt = I_CNT,
                                   .order_cnt_max = O_MAX,
                                   .pos_cnt_max = 256,
                                   .recent_cnt = 1u << 16,
                                   .strategy_cnt = S_CNT,
                                   .account_cnt = A_CNT};
    memcpy(w->cfg.account_of, account_of, sizeof account_of);
    w->out = (struct oct_out){.emit = emit, .self = w};
    w->step = (struct oct_step){.input = 1, .now_ns = 1000 * SECOND, .out = &w->out};
    memset(w->on, 1, sizeof w->on);
    sz = oct_risk_footprint(&w->cfg);
    w->r = oct_risk_new(aligned_alloc(128, oct_align_up(sz, 128)), &w->cfg);
    if (!w->r)
        die(w, "no agent");
    oct_risk_on_msg(w->r, &w->step, &m.hdr);
}

/* Executions older than the longest window matter to nothing. */
static void forget(struct world *w)
{
    uint32_t keep = 0;

    for (uint32_t i = 0; i < w->exec_cnt; i++) {
        if (w->step.now_ns - w->exec[i].at < SECOND)
            w->exec[keep++] = w->exec[i];
    }
    w->exec_cnt = keep;
    keep = 0;
    for (uint32_t i = 0; i < w->sent_cnt; i++) {
        if (w->step.now_ns - w->sent[i].at < 2 * SECOND)
            w->sent[keep++] = w->sent[i];
    }
    w->sent_cnt = keep;
}

/* A new day: everything anew but the random numbers and what was counted. */
static void new_day(struct world *w)
{
    struct oct_rng rng = w->rng;
    uint64_t hits[64], approved = w->approved, verdicts = w->verdict_cnt, at = w->at;
    uint64_t seed = w->seed, steps = w->steps;

    memcpy(hits, w->hits, sizeof hits);
    free(w->r);
    memset(w, 0, sizeof *w);
    w->rng = rng;
    memcpy(w->hits, hits, sizeof hits);
    w->approved = approved;
    w->verdict_cnt = verdicts;
    w->at = at;
    w->seed = seed;
    w->steps = steps;
    start(w);
}

int main(int argc, char **argv)
{
    struct world *w = calloc(1, sizeof *w);
    uint64_t refused = 0;

    w->steps = sim_amount(argc > 1 ? strtoull(argv[1], NULL, 10) : 300000);
    w->seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    oct_rng_init(&w->rng, w->seed);
    for (w->at = 0; w->at < w->steps; w->at++) {
        if (w->at % 5000 == 0)
            new_day(w);
        w->step.input++;
        w->step.now_ns += (int64_t)below(w, chance(w, 2) ? 300000000 : 8000000);
        uint64_t what = below(w, 100);
        if (what < 40)
            order_intent(w);
        else if (what < 70)
            execution_event(w);
        else if (what < 95)
            change_market(w);
        else
            operator_event(w);
        if (w->at % 64 == 0) {
            compare_totals(w);
            forget(w);
        }
    }
    compare_totals(w);
    printf("seed %" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " verdicts, %" PRIu64 " approved\n",
           w->seed, w->steps, w->verdict_cnt, w->approved);
    for (unsigned r = 1; r <= OCT_RISK_STRATEGY; r++) {
        refused += w->hits[r] > 0;
        if (w->hits[r] == 0 && r != OCT_RISK_FULL && r != OCT_RISK_KILLED && w->steps >= 300000)
            die(w, "a reason that never held: the run shows nothing about it");
    }
    printf("%" PRIu64 " reasons held at least once\n", refused);
    free(w->r);
    free(w);
    return 0;
}
