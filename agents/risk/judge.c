/* An intent becomes a verdict: the inputs of all checks are gathered into it, the checks run over
 * it (checks_priv.h), and an approved one goes on to execution. */
#include <string.h>

#include "agents/risk/quick_priv.h"

/* The lines an intent concerns. */
struct lines {
    const struct oct_inst_view *view;
    struct inst *inst;
    struct scope *strat;
    struct scope *acct;
    const struct pos *pos;
    const struct pos *acct_pos;
    const struct order *order; /* replace, cancel, reduce; NULL when unknown */
};

static const struct oct_inst_view unknown_view = {.trading = ' ', .short_sale = ' '};
static const struct oct_inst_ref unknown_ref = {.tick = {1}, .tick_sub = {1}};

OCT_COLD static void tick_learn(struct tick *t, int64_t d)
{
    uint64_t odd, x;

    t->d = d;
    t->k = (uint32_t)__builtin_ctzll((uint64_t)d);
    odd = (uint64_t)d >> t->k;
    /* Newton: each step doubles the correct bits, from three. */
    x = odd;
    for (int i = 0; i < 5; i++)
        x *= 2 - odd * x;
    t->inverse = x;
    t->max = UINT64_MAX / (uint64_t)d;
}

OCT_INLINE bool off_tick(struct oct_risk *r, int64_t px, int64_t d)
{
    struct tick *t = &r->tick[((uint64_t)d * UINT64_C(0x9e3779b97f4a7c15)) >> 60];
    uint64_t q;

    if (oct_unlikely((t->d != d) | (d <= 0))) {
        if (d <= 0)
            return true; /* no tick known: nothing is on it */
        tick_learn(t, d);
    }
    q = (uint64_t)px * t->inverse;
    q = q >> t->k | q << (-t->k & 63);
    return q > t->max;
}

/* Last sale, mid, previous close: the first that serves. */
OCT_INLINE void reference(const struct oct_inst_view *iv, const struct oct_inst_ref *ref,
                          const struct oct_risk_limit_row *row, int64_t now_ns,
                          struct oct_verdict *v)
{
    int64_t last_age = now_ns - iv->last_ns;
    int64_t mid_age = now_ns - iv->bbo_ns;
    int64_t bid = iv->bid_px.v, ask = iv->ask_px.v;
    int64_t mid = bid + (ask - bid) / 2;
    bool last_ok = (iv->last_px.v > 0) & (last_age <= row->ref_age_ns);
    bool mid_ok = (bid > 0) & (ask >= bid) & (mid_age <= row->ref_age_ns) &
                  ((__int128)(ask - bid) * 10000 <= (__int128)mid * row->collar_bps);
    int64_t px = ref->prev_close.v;
    int64_t age = 0;
    uint8_t kind = px > 0 ? 3 : 0;

    px = mid_ok ? mid : px;
    age = mid_ok ? mid_age : age;
    kind = mid_ok ? 2 : kind;
    v->ref_px.v = last_ok ? iv->last_px.v : px;
    v->ref_age_ns = last_ok ? last_age : age;
    v->ref_kind = last_ok ? 1 : kind;
}

OCT_INLINE uint8_t inst_flags(const struct oct_inst_view *iv, const struct inst *inst)
{
    unsigned known = iv->known ? INST_KNOWN : 0;
    unsigned halted = iv->trading != 'T' ? INST_HALTED : 0;
    unsigned sho = iv->short_sale != '0' ? INST_SHORT_SALE : 0;
    unsigned restricted = inst->restricted ? INST_RESTRICTED : 0;
    unsigned stale = ((iv->stale != 0) | (iv->locked == 2)) ? INST_STALE : 0;
    return (uint8_t)(known | halted | sho | restricted | stale);
}

/* What order_ready says, as a condition. */
OCT_INLINE uint32_t ready_cond(enum oct_risk_reason why)
{
    switch (why) {
    case OCT_RISK_OK:
        return 0;
    case OCT_RISK_SESSION:
        return COND_SESSION;
    case OCT_RISK_RECORDER:
        return COND_RECORDER;
    case OCT_RISK_FULL:
        return COND_FULL;
    case OCT_RISK_ORDER_UNKNOWN:
        return COND_ORDER_UNKNOWN;
    default:
        return COND_ORDER_STATE;
    }
}

static uint64_t recent_key(const struct oct_intent *in)
{
    uint64_t who = (uint64_t)in->inst << 32 | (uint64_t)in->strategy << 8 | in->side;
    uint64_t key = oct_mix64(who * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)in->px.v) ^
                   (uint64_t)in->qty.v * UINT64_C(0xc2b2ae3d27d4eb4f);
    return oct_mix64(key);
}

/* Age of the youngest order with this key, at least 1; 0 when there is none. */
OCT_INLINE int64_t recent_age(const struct oct_risk *r, uint64_t key, int64_t now_ns)
{
    const struct recent *s = &r->recent[key & r->recent_mask];
    int64_t at = 0;

    for (unsigned i = 0; i < RECENT_WAYS; i++)
        at = ((s->key[i] == key) & (s->at_ns[i] > at)) ? s->at_ns[i] : at;
    return at == 0 ? 0 : now_ns > at ? now_ns - at : 1;
}

static void recent_add(struct oct_risk *r, uint64_t key, int64_t now_ns, int64_t window_ns)
{
    struct recent *s = &r->recent[key & r->recent_mask];
    /* As a tournament of two rounds: the compiler makes moves of it, not branches. */
    unsigned low = s->at_ns[1] < s->at_ns[0], high = 2 + (s->at_ns[3] < s->at_ns[2]);
    unsigned oldest = s->at_ns[high] < s->at_ns[low] ? high : low;

    OCT_COUNT_IF((s->at_ns[oldest] != 0) & (now_ns - s->at_ns[oldest] < window_ns),
                 &r->cfg.counters[OCT_RISK_C_DUP_FORGOTTEN]);
    s->key[oldest] = key;
    s->at_ns[oldest] = now_ns > 0 ? now_ns : 1;
}

/* Could the venue's message carry it?  The probe holds what the order record would. */
OCT_INLINE bool venue_fits(struct oct_risk *r, const struct oct_intent *in)
{
    struct oct_order *o = &r->probe;

    o->inst = in->inst;
    o->strategy = in->strategy;
    o->account = in->account;
    o->symbol = in->inst < r->cfg.inst_cnt ? r->view->ref[in->inst].symbol : o->symbol;
    o->px = in->px;
    o->qty = in->qty;
    o->min_qty = in->min_qty;
    o->action = in->action;
    o->side = in->side;
    o->ord_type = in->ord_type;
    o->tif = in->tif;
    o->post_only = in->post_only;
    o->hidden = in->hidden;
    o->short_sale = in->short_sale;
    /* Execution numbers the order later; any number that can be one will do here. */
    o->user_ref = 2;
    o->orig_user_ref = 1;
    return r->cfg.venue_check(o) == 0;
}

/* Fields whose value only an order of ours in error, or a person, could get wrong. */
OCT_INLINE bool fields_make_sense(const struct oct_intent *in)
{
    bool px_ok = in->ord_type == OCT_ORD_MARKET ? in->px.v == 0
                                                : (in->ord_type == OCT_ORD_LIMIT) & (in->px.v > 0);
    return px_ok & (in->side <= OCT_SELL) & (in->tif <= OCT_TIF_FOK) & (in->min_qty.v >= 0) &
           (in->min_qty.v <= in->qty.v) & (in->action == OCT_ACTION_NEW || in->order_id != 0);
}

/* Order concerned by a replace, cancel or reduce: known, and of the same strategy and instrument. */
static uint32_t order_cond(struct oct_risk *r, const struct oct_intent *in, struct lines *l)
{
    l->order = oct_risk_find_order(r, in->order_id);
    if (!l->order || l->order->inst != in->inst || l->order->strategy != in->strategy ||
        (in->action == OCT_ACTION_REPLACE && l->order->side != in->side)) {
        l->order = NULL;
        return COND_ORDER_UNKNOWN;
    }
    return 0;
}

OCT_INLINE int64_t added_qty(const struct oct_intent *in, const struct order *o)
{
    int64_t more;

    if (in->action == OCT_ACTION_NEW)
        return in->qty.v;
    if (in->action != OCT_ACTION_REPLACE || !o || in->qty.v <= 0)
        return 0;
    more = in->qty.v - o->filled.v - o->open.v;
    return more > 0 ? more : 0;
}

static void find_lines(struct oct_risk *r, const struct oct_intent *in, struct lines *l,
                       struct oct_verdict *v)
{
    uint32_t i = in->inst < r->cfg.inst_cnt ? in->inst : r->cfg.inst_cnt;
    uint32_t s = in->strategy < OCT_RISK_STRATEGY_MAX ? in->strategy : OCT_RISK_STRATEGY_MAX;
    uint32_t a = in->account < OCT_RISK_ACCOUNT_MAX ? in->account : OCT_RISK_ACCOUNT_MAX;
    bool mine = s < r->strategy_cnt && a == r->cfg.account_of[s];
    bool cancels = in->action == OCT_ACTION_CANCEL || in->action == OCT_ACTION_REDUCE;

    l->inst = &r->inst[i];
    l->view = i < r->cfg.inst_cnt ? &r->view->inst[i] : &unknown_view;
    l->strat = &r->strategy[s];
    l->acct = &r->account[a];
    l->pos = pos_find(r, KEY_STRATEGY(s, i));
    l->acct_pos = pos_find(r, KEY_ACCOUNT(a, i));
    l->order = NULL;
    v->cond = mine && (l->strat->on || cancels) ? 0 : COND_STRATEGY;
    if (in->action != OCT_ACTION_NEW)
        v->cond |= order_cond(r, in, l);
    v->added.v = added_qty(in, l->order);
    /* Room for two more pairs and an order, or a known pair. */
    v->cond |= ((r->pos_cnt + 2 > r->cfg.pos_cnt_max) & (l->pos->key == 0)) ? COND_FULL : 0;
    v->cond |= r->order_free == NONE && in->action != OCT_ACTION_CANCEL ? COND_FULL : 0;
}

/* Money as the records have it, low half first: as memory. */
#define PUT_MONEY(field, from) memcpy(&(field), &(from), sizeof(struct oct_money_w))
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
                   sizeof(struct oct_money_w) == sizeof(__int128),
               "money is copied as it is");

OCT_INLINE void fill_scopes(const struct oct_risk *r, const struct lines *l, struct oct_verdict *v)
{
    uint8_t ladder = r->firm.ladder;

    ladder = l->acct->ladder > ladder ? l->acct->ladder : ladder;
    v->ladder = l->strat->ladder > ladder ? l->strat->ladder : ladder;
    v->open_orders = l->strat->open_orders;
    v->acct_open_orders = l->acct->open_orders;
    v->firm_open_orders = r->firm.open_orders;
    v->inst_pos = l->inst->pos;
    v->inst_buy = l->inst->buy;
    v->inst_sell = l->inst->sell;
    v->strat_pos = l->pos->pos;
    v->strat_buy = l->pos->buy;
    v->strat_sell = l->pos->sell;
    v->acct_pos = l->acct_pos->pos;
    v->acct_buy = l->acct_pos->buy;
    v->acct_sell = l->acct_pos->sell;
    PUT_MONEY(v->inst_gross, l->inst->gross);
    PUT_MONEY(v->strat_gross, l->strat->gross);
    PUT_MONEY(v->acct_gross, l->acct->gross);
    PUT_MONEY(v->firm_gross, r->firm.gross);
    PUT_MONEY(v->strat_pnl, l->strat->pnl);
    PUT_MONEY(v->acct_pnl, l->acct->pnl);
    PUT_MONEY(v->firm_pnl, r->firm.pnl);
    PUT_MONEY(v->strat_peak, l->strat->peak);
    PUT_MONEY(v->acct_peak, l->acct->peak);
    PUT_MONEY(v->firm_peak, r->firm.peak);
}

OCT_INLINE void fill_intent(const struct oct_intent *in, struct oct_verdict *v)
{
    v->hdr = (struct oct_msg_hdr){.type = OCT_VERDICT, .sz = sizeof *v};
    v->intent_id = in->intent_id;
    v->approval_id = 0;
    v->order_id = in->order_id;
    v->inst = in->inst;
    v->strategy = in->strategy;
    v->account = in->account;
    v->action = in->action;
    v->side = in->side;
    v->px = in->px;
    v->qty = in->qty;
}

/* What passes, or not, with the lines and the time at hand. */
OCT_INLINE void fill_conditions(struct oct_risk *r, const struct oct_step *step,
                                const struct oct_intent *in, struct lines *l, uint64_t key,
                                struct oct_verdict *v)
{
    const struct oct_inst_ref *ref =
        in->inst < r->cfg.inst_cnt ? &r->view->ref[in->inst] : &unknown_ref;
    const struct oct_risk_limit_row *row = &r->limits.active.inst[l->inst->row];
    int64_t slot = step->now_ns >> RATE_SHIFT;

    window_move(&l->strat->rate, slot);
    window_move(&r->firm.rate, slot);
    v->rate_used = l->strat->rate.sum;
    v->firm_rate_used = r->firm.rate.sum;
    v->repeat_used = 0;
    if (l->pos->key != 0) {
        window_move((struct window *)&l->pos->repeat, step->now_ns >> l->strat->repeat_shift);
        v->repeat_used = l->pos->repeat.sum;
    }
    reference(l->view, ref, row, step->now_ns, v);
    v->tick = in->px.v >= OCT_PX_ONE ? ref->tick : ref->tick_sub;
    v->own_px = in->side == OCT_BUY ? l->inst->own_ask : l->inst->own_bid;
    v->dup_age_ns = recent_age(r, key, step->now_ns);
    v->assumed = l->view->assumed;
    v->inst_flags = inst_flags(l->view, l->inst);
    v->limit_version = r->limits.active.version;
    v->cond |= r->recorder_bad ? COND_RECORDER : 0;
    v->cond |= r->clock_bad ? COND_CLOCK : 0;
    v->cond |= in->short_sale ? COND_MARKED_SHORT : 0;
    v->cond |= off_tick(r, in->px.v, v->tick.v) ? COND_OFF_TICK : 0;
    v->cond |= fields_make_sense(in) ? 0 : COND_VENUE_FIELD;
    if (r->cfg.venue_check)
        v->cond |= venue_fits(r, in) ? 0 : COND_VENUE_FIELD;
    if (r->view->order_ready)
        v->cond |= ready_cond(r->view->order_ready(r->view->execution, in, &v->order_id));
}

OCT_INLINE void tell(struct oct_risk *r, struct oct_step *step, struct oct_verdict *v)
{
    r->last_reason = v->reason;
    oct_emit(step, &v->hdr);
    if (r->cfg.strategy.fn)
        oct_sink_call(&r->cfg.strategy, step, &v->hdr);
}

OCT_COLD static void refuse(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                            struct oct_verdict *v)
{
    v->order_id = in->order_id;
    v->reason = (uint16_t)__builtin_ctzll(v->failed);
    oct_count(&r->cfg.counters[OCT_RISK_C_REFUSED], 1);
    oct_count(&r->cfg.counters[OCT_RISK_C_REASON0 + v->reason], 1);
    tell(r, step, v);
}

OCT_COLD static uint64_t all_checks(chk_in in)
{
    return checks_failed(in);
}

OCT_HOT void oct_risk_judge(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in)
{
    const struct oct_risk_limits *lim = &r->limits.active;
    struct oct_verdict v;
    struct lines l;
    uint64_t key = recent_key(in);

    /* The line that is found last and known first. */
    __builtin_prefetch(&r->recent[key & r->recent_mask], 1);
    oct_count(&r->cfg.counters[OCT_RISK_C_INTENTS], 1);
    fill_intent(in, &v);
    find_lines(r, in, &l, &v);
    fill_scopes(r, &l, &v);
    fill_conditions(r, step, in, &l, key, &v);

    struct oct_risk_in checks = {
        .v = &v,
        .firm = &lim->firm,
        .acct = &lim->account[l.acct - r->account],
        .strat = &lim->strategy[l.strat - r->strategy],
        .inst = &lim->inst[l.inst->row],
    };
    v.failed = 0;
    if (!quick_pass(&checks, &r->firm, l.acct, l.strat))
        v.failed = all_checks(&checks);
    else
        OCT_DASSERT(all_checks(&checks) == 0);
    if (oct_unlikely(v.failed != 0)) {
        refuse(r, step, in, &v);
        return;
    }
    v.reason = OCT_RISK_OK;
    v.approval_id = oct_approver_next(&r->approver, in, v.order_id);
    oct_count(&r->cfg.counters[OCT_RISK_C_APPROVED], 1);
    window_count(&l.strat->rate);
    window_count(&r->firm.rate);
    if (in->action == OCT_ACTION_NEW)
        recent_add(r, key, step->now_ns, checks.strat->dup_window_ns);
    tell(r, step, &v);
    r->cfg.submit.fn(r->cfg.submit.self, step, in, &v);
}
