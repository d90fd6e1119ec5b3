#include "tests/sim/risk_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const uint16_t account_of[S_CNT] = {0, 0, 0, 1, 1, 2};

_Noreturn void die(const struct world *w, const char *what)
{
    fprintf(stderr,
            "sim_risk: %s at step %" PRIu64 "; repeat with: sim_risk %" PRIu64 " %" PRIu64 "\n",
            what, w->at, w->steps, w->seed);
    exit(1);
}

i128 larger(i128 a, i128 b)
{
    return a > b ? a : b;
}

static i128 magnitude(i128 a)
{
    return a < 0 ? -a : a;
}

int64_t working(const struct world *w, int strat, int acct, uint32_t inst, uint8_t side)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < w->order_cnt; i++) {
        const struct m_order *o = &w->order[i];
        if (o->alive && o->inst == inst && o->side == side && (strat < 0 || o->strat == strat) &&
            (acct < 0 || account_of[o->strat] == acct))
            sum += o->open;
    }
    return sum;
}

static int64_t held(const struct world *w, int strat, int acct, uint32_t inst)
{
    int64_t sum = 0;

    for (int s = 0; s < (int)S_CNT; s++) {
        if ((strat < 0 || s == strat) && (acct < 0 || account_of[s] == acct))
            sum += w->pos[s][inst];
    }
    return sum;
}

static i128 worst(i128 pos, i128 buy, i128 sell)
{
    return larger(magnitude(pos + buy), magnitude(pos - sell));
}

i128 gross(const struct world *w, int strat, int acct, int inst)
{
    i128 sum = 0;

    for (int s = 0; s < (int)S_CNT; s++) {
        for (uint32_t i = 0; i < I_CNT; i++) {
            if ((strat >= 0 && s != strat) || (acct >= 0 && account_of[s] != acct) ||
                (inst >= 0 && (int)i != inst))
                continue;
            sum +=
                worst(w->pos[s][i], working(w, s, -1, i, OCT_BUY), working(w, s, -1, i, OCT_SELL)) *
                w->mark[s][i];
        }
    }
    return sum;
}

static bool in_scope(enum oct_scope scope, uint32_t id, int s)
{
    return scope == OCT_SCOPE_FIRM || (scope == OCT_SCOPE_ACCOUNT && account_of[s] == id) ||
           (scope == OCT_SCOPE_STRATEGY && s == (int)id);
}

i128 pnl(const struct world *w, enum oct_scope scope, uint32_t id)
{
    i128 sum = 0;

    for (int s = 0; s < (int)S_CNT; s++) {
        for (uint32_t i = 0; i < I_CNT && in_scope(scope, id, s); i++)
            sum += w->cash[s][i] + (i128)w->pos[s][i] * w->mark[s][i];
    }
    return sum;
}

uint32_t open_orders(const struct world *w, enum oct_scope scope, uint32_t id)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->order_cnt; i++)
        n += w->order[i].alive && w->order[i].open > 0 && in_scope(scope, id, w->order[i].strat);
    return n;
}

i128 limit(const struct world *w, enum oct_scope scope, uint32_t id, const char *name)
{
    return oct_risk_limits_get(&w->limits, scope, id, oct_risk_limit_by_name(name)->key);
}

uint32_t ids_of(enum oct_scope scope)
{
    return scope == OCT_SCOPE_FIRM ? 1 : scope == OCT_SCOPE_ACCOUNT ? A_CNT : S_CNT;
}

/* After profit moved in a scope. */
void settle(struct world *w, enum oct_scope scope, uint32_t id)
{
    i128 p = pnl(w, scope, id), loss = limit(w, scope, id, "loss");
    i128 drawdown = limit(w, scope, id, "drawdown");
    uint8_t *l = &w->ladder[scope][id];

    w->peak[scope][id] = larger(w->peak[scope][id], p);
    if (loss > 0 && -p > loss && *l < OCT_LADDER_HALTED)
        *l = OCT_LADDER_HALTED;
    else if (drawdown > 0 && w->peak[scope][id] - p > drawdown && *l < OCT_LADDER_REDUCING)
        *l = OCT_LADDER_REDUCING;
}

void settle_strategy(struct world *w, int s)
{
    settle(w, OCT_SCOPE_STRATEGY, (uint32_t)s);
    settle(w, OCT_SCOPE_ACCOUNT, account_of[s]);
}

int64_t mark_now(const struct world *w, uint32_t i, int64_t before)
{
    const struct oct_inst_view *v = &w->inst[i];

    if (!v->stale && v->bid_px.v > 0 && v->ask_px.v >= v->bid_px.v)
        return (v->bid_px.v + v->ask_px.v) / 2;
    if (v->last_px.v)
        return v->last_px.v;
    return before ? before : w->ref[i].prev_close.v;
}

void make_line(struct world *w, int s, uint32_t i)
{
    if (!w->has[s][i]) {
        w->has[s][i] = true;
        w->mark[s][i] = mark_now(w, i, 0);
    }
}

struct m_order *m_find(struct world *w, uint64_t id)
{
    for (uint32_t i = 0; i < w->order_cnt; i++) {
        if (w->order[i].id == id && w->order[i].alive)
            return &w->order[i];
    }
    return NULL;
}

static int64_t slots_of(int64_t window_ns)
{
    int64_t width = 1;

    while (width < (window_ns + 7) / 8 && width * 8 < window_ns)
        width *= 2;
    return width;
}

/* How many of the strategy's (or all, for -1) messages lie in the eight newest slots. */
static uint32_t rate(const struct world *w, int strat)
{
    int64_t now = w->step.now_ns / (INT64_C(1) << 27);
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->sent_cnt; i++)
        n += (strat < 0 || w->sent[i].strat == strat) &&
             now - w->sent[i].at / (INT64_C(1) << 27) < 8;
    return n;
}

static uint32_t repeats(const struct world *w, int strat, uint32_t inst, int64_t window_ns)
{
    int64_t width = slots_of(window_ns), now = w->step.now_ns / width;
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->exec_cnt; i++)
        n +=
            w->exec[i].strat == strat && w->exec[i].inst == inst && now - w->exec[i].at / width < 8;
    return n;
}

static bool same_before(const struct world *w, const struct oct_intent *in, i128 window_ns)
{
    for (uint32_t i = 0; i < w->sent_cnt; i++) {
        const struct m_sent *s = &w->sent[i];
        int64_t age = w->step.now_ns - s->at;
        if (s->is_new && s->inst == in->inst && s->strat == in->strategy && s->side == in->side &&
            s->px == in->px.v && s->qty == in->qty.v && larger(age, 1) < window_ns)
            return true;
    }
    return false;
}

static int64_t reference(const struct world *w, uint32_t i)
{
    const struct oct_inst_view *v = &w->inst[i];
    i128 age = limit(w, OCT_SCOPE_INSTRUMENT, i, "ref_age_ns");
    i128 bps = limit(w, OCT_SCOPE_INSTRUMENT, i, "collar_bps");
    int64_t mid = (v->bid_px.v + v->ask_px.v) / 2;

    if (v->last_px.v && w->step.now_ns - v->last_ns <= age)
        return v->last_px.v;
    if (v->bid_px.v && v->ask_px.v >= v->bid_px.v && w->step.now_ns - v->bbo_ns <= age &&
        (i128)(v->ask_px.v - v->bid_px.v) * 10000 <= mid * bps)
        return mid;
    return w->ref[i].prev_close.v;
}

static bool self_trade(const struct world *w, const struct oct_intent *in)
{
    for (uint32_t i = 0; i < w->order_cnt; i++) {
        const struct m_order *o = &w->order[i];
        if (!o->alive || o->inst != in->inst || o->side == in->side)
            continue;
        if (in->px.v == 0 || o->px == 0 ||
            (in->side == OCT_BUY ? in->px.v >= o->px : in->px.v <= o->px))
            return true;
    }
    return false;
}

struct expect {
    uint64_t bits;
};

static void when(struct expect *e, bool cond, enum oct_risk_reason reason)
{
    e->bits |= cond ? UINT64_C(1) << reason : 0;
}

/* Session, order and strategy: all that can refuse a cancel. */
static void expect_order(struct world *w, const struct oct_intent *in, struct expect *e)
{
    struct m_order *o = in->action == OCT_ACTION_NEW ? NULL : m_find(w, in->order_id);
    bool mine = o && o->inst == in->inst && o->strat == in->strategy &&
                (in->action != OCT_ACTION_REPLACE || o->side == in->side);

    when(e,
         in->account != account_of[in->strategy] ||
             (in->action != OCT_ACTION_CANCEL && !w->on[in->strategy]),
         OCT_RISK_STRATEGY);
    if (w->session_down) {
        when(e, true, OCT_RISK_SESSION);
        when(e, in->action != OCT_ACTION_NEW && !mine, OCT_RISK_ORDER_UNKNOWN);
        return;
    }
    if (in->action == OCT_ACTION_NEW)
        return;
    when(e, !mine, OCT_RISK_ORDER_UNKNOWN);
    when(e,
         o && (in->action == OCT_ACTION_CANCEL ? o->canceling
                                               : !o->working || o->replacing || o->canceling),
         OCT_RISK_ORDER_STATE);
}

static void expect_position(struct world *w, const struct oct_intent *in, int64_t added,
                            int64_t ref, struct expect *e)
{
    int s = in->strategy, a = in->account;
    uint32_t i = in->inst;
    uint8_t side = in->side;
    int64_t sign = side == OCT_BUY ? 1 : -1;
    i128 all = sign * held(w, -1, -1, i) + working(w, -1, -1, i, side) + added;
    i128 mine = sign * held(w, s, -1, i) + working(w, s, -1, i, side) + added;
    i128 acct = sign * held(w, -1, a, i) + working(w, -1, a, i, side) + added;
    i128 buy = working(w, s, -1, i, OCT_BUY), sell = working(w, s, -1, i, OCT_SELL);
    i128 was = worst(w->pos[s][i], buy, sell);
    i128 will = worst(w->pos[s][i], buy + (side == OCT_BUY ? added : 0),
                      sell + (side == OCT_SELL ? added : 0));
    i128 more = (will - was) * ref;

    when(e, all > limit(w, OCT_SCOPE_INSTRUMENT, i, "position"), OCT_RISK_POS_INSTRUMENT);
    when(e, mine > limit(w, OCT_SCOPE_STRATEGY, (uint32_t)s, "position"), OCT_RISK_POS_STRATEGY);
    when(e, acct > limit(w, OCT_SCOPE_ACCOUNT, (uint32_t)a, "position"), OCT_RISK_POS_ACCOUNT);
    when(e, all > limit(w, OCT_SCOPE_FIRM, 0, "position"), OCT_RISK_POS_FIRM);
    if (more <= 0)
        return;
    when(e, gross(w, -1, -1, (int)i) + more > limit(w, OCT_SCOPE_INSTRUMENT, i, "gross"),
         OCT_RISK_GROSS_INSTRUMENT);
    when(e, gross(w, s, -1, -1) + more > limit(w, OCT_SCOPE_STRATEGY, (uint32_t)s, "gross"),
         OCT_RISK_GROSS_STRATEGY);
    when(e, gross(w, -1, a, -1) + more > limit(w, OCT_SCOPE_ACCOUNT, (uint32_t)a, "gross"),
         OCT_RISK_GROSS_ACCOUNT);
    when(e, gross(w, -1, -1, -1) + more > limit(w, OCT_SCOPE_FIRM, 0, "gross"),
         OCT_RISK_GROSS_FIRM);
}

static void expect_scopes(struct world *w, const struct oct_intent *in, bool reduces,
                          struct expect *e)
{
    uint32_t id[3] = {0, in->account, in->strategy};

    for (int k = 0; k < 3; k++) {
        enum oct_scope scope = (enum oct_scope)k;
        i128 p = pnl(w, scope, id[k]), loss = limit(w, scope, id[k], "loss");
        i128 down = limit(w, scope, id[k], "drawdown");
        when(e,
             open_orders(w, scope, id[k]) + (in->action == OCT_ACTION_NEW) >
                 limit(w, scope, id[k], "open_orders"),
             OCT_RISK_OPEN_ORDERS);
        when(e, !reduces && (loss == 0 || -p > loss), OCT_RISK_LOSS);
        when(e, !reduces && (down == 0 || w->peak[k][id[k]] - p > down), OCT_RISK_DRAWDOWN);
    }
}

static void expect_rest(struct world *w, const struct oct_intent *in, int64_t ref, bool reduces,
                        bool is_short, struct expect *e)
{
    const struct oct_inst_view *v = &w->inst[in->inst];
    uint32_t s = in->strategy, i = in->inst;
    int64_t tick = in->px.v >= OCT_PX_ONE ? w->ref[i].tick.v : w->ref[i].tick_sub.v;
    i128 bps = limit(w, OCT_SCOPE_INSTRUMENT, i, "collar_bps");
    uint8_t l = w->ladder[0][0];

    l = w->ladder[1][in->account] > l ? w->ladder[1][in->account] : l;
    l = w->ladder[2][s] > l ? w->ladder[2][s] : l;
    when(e, l == OCT_LADDER_KILLED, OCT_RISK_KILLED);
    when(e, l == OCT_LADDER_HALTED, OCT_RISK_HALTED);
    when(e, l == OCT_LADDER_REDUCING && !reduces, OCT_RISK_REDUCE_ONLY);
    when(e, !v->known, OCT_RISK_INSTRUMENT);
    when(e, v->trading != 'T', OCT_RISK_NOT_TRADABLE);
    when(e, is_short && (!in->short_sale || v->short_sale != '0'), OCT_RISK_SHORT_SALE);
    when(e, w->restricted[i], OCT_RISK_RESTRICTED);
    when(e, w->recorder_bad, OCT_RISK_RECORDER);
    when(e, w->clock_bad, OCT_RISK_CLOCK);
    when(e, v->stale || v->locked == 2, OCT_RISK_STALE);
    when(e, ref == 0, OCT_RISK_NO_REFERENCE);
    when(e, in->px.v && in->px.v % tick, OCT_RISK_TICK);
    when(e, in->px.v && ref && (!bps || magnitude((i128)in->px.v - ref) * 10000 > ref * bps),
         OCT_RISK_COLLAR);
    when(e,
         in->qty.v <= 0 || in->qty.v > limit(w, OCT_SCOPE_STRATEGY, s, "order_qty") ||
             in->qty.v > limit(w, OCT_SCOPE_INSTRUMENT, i, "order_qty"),
         OCT_RISK_QTY);
    i128 notional = (i128)(in->px.v ? in->px.v : ref) * in->qty.v;
    when(e,
         notional > limit(w, OCT_SCOPE_STRATEGY, s, "order_notional") ||
             notional > limit(w, OCT_SCOPE_ACCOUNT, in->account, "order_notional"),
         OCT_RISK_NOTIONAL);
    i128 of_s = limit(w, OCT_SCOPE_STRATEGY, s, "msg_rate") -
                limit(w, OCT_SCOPE_STRATEGY, s, "msg_reserve");
    i128 of_f =
        limit(w, OCT_SCOPE_FIRM, 0, "msg_rate") - limit(w, OCT_SCOPE_FIRM, 0, "msg_reserve");
    when(e, rate(w, (int)s) + 1 > larger(of_s, 0) || rate(w, -1) + 1 > larger(of_f, 0),
         OCT_RISK_RATE);
    i128 win = limit(w, OCT_SCOPE_STRATEGY, s, "repeat_window_ns");
    when(e,
         !win ||
             repeats(w, (int)s, i, (int64_t)win) >= limit(w, OCT_SCOPE_STRATEGY, s, "repeat_cnt"),
         OCT_RISK_REPEAT);
    i128 dup = limit(w, OCT_SCOPE_STRATEGY, s, "dup_window_ns");
    when(e, in->action == OCT_ACTION_NEW && (!dup || same_before(w, in, dup)), OCT_RISK_DUPLICATE);
    when(e, self_trade(w, in), OCT_RISK_SELF_TRADE);
    /* A minimum quantity of zero is more than a negative quantity. */
    when(e, (in->ord_type == OCT_ORD_MARKET) != (in->px.v == 0) || in->qty.v < 0,
         OCT_RISK_VENUE_FIELD);
}

uint64_t expected(struct world *w, const struct oct_intent *in)
{
    struct m_order *o = in->action == OCT_ACTION_NEW ? NULL : m_find(w, in->order_id);
    int64_t added = in->qty.v, ref = reference(w, in->inst);
    int s = in->strategy;
    int64_t p = w->pos[s][in->inst];
    struct expect e = {0};
    bool mine = o && o->inst == in->inst && o->strat == in->strategy && o->side == in->side;

    expect_order(w, in, &e);
    if (in->action == OCT_ACTION_CANCEL)
        return e.bits;
    if (in->action == OCT_ACTION_REPLACE)
        added = mine ? (int64_t)larger(in->qty.v - o->filled - o->open, 0) : 0;
    i128 out = in->side == OCT_BUY ? -(i128)p : (i128)p; /* what closes the position */
    i128 going = (i128)working(w, s, -1, in->inst, in->side) + added;
    bool reduces = out > 0 && going <= out;
    bool is_short = in->side == OCT_SELL && going > p;
    expect_position(w, in, added, ref, &e);
    expect_scopes(w, in, reduces, &e);
    expect_rest(w, in, ref, reduces, is_short, &e);
    return e.bits;
}
