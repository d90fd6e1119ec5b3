/* The exact way of a verdict: the inputs of all checks are gathered into it and the checks run over it
 * (checks_priv.h).  Orders that quick.c proves to pass do not come here. */
#include "agents/risk/judge_priv.h"

static const struct oct_inst_view unknown_view = {.trading = ' ', .short_sale = ' '};
static const struct oct_inst_ref unknown_ref = {.tick = {1}, .tick_sub = {1}};

OCT_COLD void oct_risk_tick_learn(struct tick *t, int64_t d)
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

/* Last sale, mid, previous close: the first that serves. */
static void reference(const struct oct_inst_view *iv, const struct oct_inst_ref *ref,
                      const struct oct_risk_limit_row *row, int64_t now_ns, struct oct_verdict *v)
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

static uint8_t inst_flags(const struct oct_inst_view *iv, const struct inst *inst)
{
    unsigned known = iv->known ? INST_KNOWN : 0;
    unsigned halted = iv->trading != 'T' ? INST_HALTED : 0;
    unsigned sho = iv->short_sale != '0' ? INST_SHORT_SALE : 0;
    unsigned restricted = inst->restricted ? INST_RESTRICTED : 0;
    unsigned stale = ((iv->stale != 0) | (iv->locked == 2)) ? INST_STALE : 0;
    return (uint8_t)(known | halted | sho | restricted | stale);
}

/* What order_ready says, as a condition. */
static uint32_t ready_cond(enum oct_risk_reason why)
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

int64_t oct_risk_recent_age(const struct oct_risk *r, uint64_t key, int64_t now_ns)
{
    const struct recent *s = recent_set(r, key);
    int64_t at = 0;

    for (unsigned i = 0; i < RECENT_WAYS; i++)
        at = ((s->key[i] == key) & (s->at_ns[i] > at)) ? s->at_ns[i] : at;
    return at == 0 ? 0 : now_ns > at ? now_ns - at : 1;
}

/* Could the venue's message carry it? */
static bool venue_fits(const struct oct_risk *r, const struct oct_intent *in)
{
    static const oct_sym none = {"        "};

    return r->cfg.venue_check(in, in->inst < r->cfg.inst_cnt ? &r->view->ref[in->inst].symbol
                                                             : &none) == 0;
}

/* Fields whose value only an order of ours in error, or a person, could get wrong. */
static bool fields_make_sense(const struct oct_intent *in)
{
    bool px_ok = in->ord_type == OCT_ORD_MARKET ? in->px.v == 0
                                                : (in->ord_type == OCT_ORD_LIMIT) & (in->px.v > 0);
    return px_ok & (in->side <= OCT_SELL) & (in->tif <= OCT_TIF_FOK) & (in->min_qty.v >= 0) &
           (in->min_qty.v <= in->qty.v) & (in->action == OCT_ACTION_NEW || in->order_id != 0);
}

const struct order *oct_risk_concerned(struct oct_risk *r, const struct oct_intent *in)
{
    const struct order *o = oct_risk_find_order(r, in->order_id);

    if (!o || o->inst != in->inst || o->strategy != in->strategy ||
        (in->action == OCT_ACTION_REPLACE && o->side != in->side))
        return NULL;
    return o;
}

static void find_lines(struct oct_risk *r, const struct oct_intent *in, struct lines *l,
                       struct oct_verdict *v)
{
    uint32_t i = in->inst < r->cfg.inst_cnt ? in->inst : r->cfg.inst_cnt;
    uint32_t s = in->strategy < OCT_RISK_STRATEGY_MAX ? in->strategy : OCT_RISK_STRATEGY_MAX;
    uint32_t a = in->account < OCT_RISK_ACCOUNT_MAX ? in->account : OCT_RISK_ACCOUNT_MAX;
    bool mine = s < r->strategy_cnt && a == r->cfg.account_of[s];
    bool cancels = in->action == OCT_ACTION_CANCEL || in->action == OCT_ACTION_REDUCE;
    const struct order *order = NULL;

    l->inst = &r->inst[i];
    l->view = i < r->cfg.inst_cnt ? &r->view->inst[i] : &unknown_view;
    l->strat = &r->strategy[s];
    l->acct = &r->account[a];
    l->pos = pos_find(r, KEY_STRATEGY(s, i));
    l->acct_pos = pos_find(r, KEY_ACCOUNT(a, i));
    v->cond = mine && (l->strat->on || cancels) ? 0 : COND_STRATEGY;
    if (in->action != OCT_ACTION_NEW) {
        order = oct_risk_concerned(r, in);
        v->cond |= order ? 0 : COND_ORDER_UNKNOWN;
    }
    v->added.v = added_qty(in, order);
    /* Room for two more pairs and an order, or a known pair. */
    v->cond |= ((r->pos_cnt + 2 > r->cfg.pos_cnt_max) & (l->pos->key == 0)) ? COND_FULL : 0;
    v->cond |= r->order_free == NONE && in->action != OCT_ACTION_CANCEL ? COND_FULL : 0;
}

/* Money as the records have it, low half first: as memory. */
#define PUT_MONEY(field, from) memcpy(&(field), &(from), sizeof(struct oct_money_w))
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
                   sizeof(struct oct_money_w) == sizeof(__int128),
               "money is copied as it is");

static void fill_scopes(const struct oct_risk *r, const struct lines *l, struct oct_verdict *v)
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

static void fill_intent(const struct oct_intent *in, struct oct_verdict *v)
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
static void fill_conditions(struct oct_risk *r, const struct oct_step *step,
                            const struct oct_intent *in, const struct lines *l,
                            struct oct_verdict *v)
{
    const struct oct_inst_ref *ref =
        in->inst < r->cfg.inst_cnt ? &r->view->ref[in->inst] : &unknown_ref;
    const struct oct_risk_limit_row *row = &r->limits.active.inst[l->inst->row];

    rates_move(r, l->strat, step->now_ns);
    v->rate_used = l->strat->rate.sum;
    v->firm_rate_used = r->firm.rate.sum;
    v->repeat_used =
        window_sum((struct window *)&l->pos->repeat, step->now_ns >> l->strat->repeat_shift);
    reference(l->view, ref, row, step->now_ns, v);
    v->tick = in->px.v >= OCT_PX_ONE ? ref->tick : ref->tick_sub;
    v->own_px = l->inst->own[in->side == OCT_BUY];
    v->dup_age_ns = oct_risk_recent_age(r, recent_key(in), step->now_ns);
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

void oct_risk_gather(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                     struct lines *l, struct oct_verdict *v)
{
    fill_intent(in, v);
    find_lines(r, in, l, v);
    fill_scopes(r, l, v);
    fill_conditions(r, step, in, l, v);
}

uint64_t oct_risk_failed(const struct oct_risk *r, const struct lines *l,
                         const struct oct_verdict *v)
{
    const struct oct_risk_limits *lim = &r->limits.active;
    struct oct_risk_in in = {
        .v = v,
        .firm = &lim->firm,
        .acct = &lim->account[l->acct - r->account],
        .strat = &lim->strategy[l->strat - r->strategy],
        .inst = &lim->inst[l->inst->row],
    };

    return checks_failed(&in);
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

void oct_risk_judge_exactly(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in)
{
    struct oct_verdict v;
    struct lines l;

    oct_count(&r->cfg.counters[OCT_RISK_C_EXACT], 1);
    oct_risk_gather(r, step, in, &l, &v);
    v.failed = oct_risk_failed(r, &l, &v);
    if (oct_unlikely(v.failed != 0)) {
        refuse(r, step, in, &v);
        return;
    }
    approve(r, step, in, l.strat, recent_set(r, recent_key(in)), recent_key(in),
            r->limits.active.strategy[l.strat - r->strategy].dup_window_ns, &v);
}
