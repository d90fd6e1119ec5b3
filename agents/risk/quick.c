/* The way of most orders: a proof that every check passes, for the order that nobody has anything
 * against.
 *
 * The checks themselves (checks_priv.h) are exact for any figures, in 128 bits, and give a reason.
 * Here figures of several limits are compared at once, some of them too strictly, and on the first
 * doubt the intent goes the exact way (judge.c): so the proof may fail for an order that passes, and
 * never holds for one that does not.  What it leaves to the exact way: cancels and reductions, orders
 * at market, the first order of a strategy in an instrument, a reference price that is not the last
 * sale, any state but ACTIVE, any condition that refuses, exposure or loss within an order or a few
 * hundred currency units of its limit, and figures too large to compute with in 64 bits.
 *
 * Debug builds judge each order exactly, too, and compare the verdicts; sim_risk is one. */
#include "agents/risk/judge_priv.h"
#include "dataplane/base/wide.h"

/* ---- bounds ----------------------------------------------------------------------------------- */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint32_t rate_bound(const struct oct_risk_limit_row *row)
{
    return (uint32_t)rate_limit(row);
}

static void strategy_bound(struct oct_risk *r, uint32_t s)
{
    const struct oct_risk_limits *l = &r->limits.active;
    const struct oct_risk_limit_row *strat = &l->strategy[s];
    uint16_t account = s < r->strategy_cnt ? r->cfg.account_of[s] : OCT_RISK_ACCOUNT_MAX;
    const struct oct_risk_limit_row *acct = &l->account[account];
    bool repeats = strat->repeat_window_ns != 0 && strat->dup_window_ns != 0;

    r->bound[s] = (struct bound){
        .notional = min128(strat->order_notional, acct->order_notional),
        .gross = strat->gross,
        .acct_gross = acct->gross,
        .firm_gross = l->firm.gross,
        .order_qty = min64(strat->order_qty, (INT64_C(1) << QUICK_QTY_BITS) - 1),
        .position = strat->position,
        .acct_position = acct->position,
        .dup_window_ns = strat->dup_window_ns,
        .open_orders = strat->open_orders,
        .acct_open_orders = acct->open_orders,
        .firm_open_orders = l->firm.open_orders,
        .rate = rate_bound(strat),
        .firm_rate = rate_bound(&l->firm),
        .repeat_cnt = repeats ? strat->repeat_cnt : 0,
        .key = KEY_STRATEGY(s, 0),
        .acct_key = KEY_ACCOUNT(account, 0),
    };
}

void oct_risk_bounds(struct oct_risk *r)
{
    const struct oct_risk_limits *l = &r->limits.active;

    for (uint32_t s = 0; s < OCT_RISK_STRATEGY_MAX; s++)
        strategy_bound(r, s);
    for (uint32_t i = 0; i < l->inst_row_cnt; i++) {
        const struct oct_risk_limit_row *row = &l->inst[i];
        bool collar = row->collar_bps != 0 && row->collar_bps <= QUICK_COLLAR_MAX;
        r->inst_bound[i] = (struct inst_bound){
            .gross = row->gross,
            .order_qty = collar ? row->order_qty : 0,
            .position = min64(row->position, l->firm.position),
            .ref_age_ns = row->ref_age_ns,
            .collar_bps = row->collar_bps,
        };
    }
}

/* ---- the verdict ------------------------------------------------------------------------------ */

/* The verdict is written while the proof goes on, a block for each line it looks at; words of a block
 * that come from elsewhere are written after it. */
#define SAME_BLOCK(to, last, from, first, of)                                               \
    _Static_assert(offsetof(struct oct_verdict, last) - offsetof(struct oct_verdict, to) == \
                       offsetof(struct from, of) - offsetof(struct from, first),            \
                   "a block of the verdict is one of " #from)
SAME_BLOCK(inst, px, oct_intent, inst, px);
SAME_BLOCK(inst, qty, oct_intent, inst, qty);
SAME_BLOCK(inst, side, oct_intent, inst, side);
SAME_BLOCK(inst_pos, inst_sell, inst, pos, sell);
SAME_BLOCK(strat_pos, strat_sell, pos, pos, sell);
SAME_BLOCK(acct_pos, acct_sell, pos, pos, sell);
SAME_BLOCK(strat_pnl, strat_peak, scope, pnl, peak);
SAME_BLOCK(strat_pnl, strat_gross, scope, pnl, gross);
SAME_BLOCK(acct_pnl, acct_peak, scope, pnl, peak);
SAME_BLOCK(acct_pnl, acct_gross, scope, pnl, gross);
SAME_BLOCK(firm_pnl, firm_peak, scope, pnl, peak);
SAME_BLOCK(firm_pnl, firm_gross, scope, pnl, gross);

OCT_INLINE void write_head(const struct oct_risk *r, const struct oct_intent *in,
                           struct oct_verdict *v)
{
    v->hdr = (struct oct_msg_hdr){.type = OCT_VERDICT, .sz = sizeof *v};
    v->intent_id = in->intent_id;
    oct_copy32(&v->inst, &in->inst);
    v->reason = OCT_RISK_OK;
    v->limit_version = r->limits.active.version;
    v->cond = (uint32_t)(in->short_sale != 0) * COND_MARKED_SHORT;
}

/* ---- the proof -------------------------------------------------------------------------------- */

/* What of the order the lines are compared with. */
struct asked {
    int64_t px;
    int64_t qty;
    int64_t added;
    int64_t sells; /* all bits of a sale, none of a buy: turns signs and orders round */
    int64_t gross; /* most it adds, in steps, rounded up */
    uint8_t side;
};

/* The compiler forgets how it came by the pointer, and keeps it instead of working it out again for
 * each field: a tenth of all instructions. */
#define KEPT(p) __asm__("" : "+r"(p))

/* A limit order whose fields make sense by themselves. */
OCT_INLINE bool is_plain(const struct oct_intent *in)
{
    return in->ord_type == OCT_ORD_LIMIT && in->side <= OCT_SELL && in->tif <= OCT_TIF_FOK &&
           (uint64_t)in->min_qty.v <= (uint64_t)in->qty.v;
}

/* What a replacement adds; false when it replaces nothing that it may, or is none. */
static bool replaces(struct oct_risk *r, const struct oct_intent *in, int64_t *added)
{
    const struct order *o =
        in->action == OCT_ACTION_REPLACE && in->order_id != 0 ? oct_risk_concerned(r, in) : NULL;

    *added = added_qty(in, o);
    return o != NULL;
}

/* Eight fields of the view as one word: known, in sync, trading, not restricted, not crossed. */
OCT_INLINE bool is_tradable(const struct oct_inst_view *view)
{
    _Static_assert(offsetof(struct oct_inst_view, known) == 56 &&
                       offsetof(struct oct_inst_view, stale) == 57 &&
                       offsetof(struct oct_inst_view, trading) == 58 &&
                       offsetof(struct oct_inst_view, short_sale) == 59 &&
                       offsetof(struct oct_inst_view, locked) == 61,
                   "bytes of the word");
    const uint64_t of = UINT64_C(0x0000fe00ffffffff);
    uint64_t word;

    memcpy(&word, (const char *)view + 56, 8);
    return (word & of) == (1 | (uint64_t)'T' << 16 | (uint64_t)'0' << 24);
}

/* The high half of money, in steps of 184 currency units: a sum is less than two steps above the sum
 * of the high halves. */
OCT_INLINE int64_t steps(__int128 money)
{
    return (int64_t)(money >> 64);
}

/* The state of the market, and the price in it. */
OCT_INLINE bool market_passes(const struct oct_inst_view *view, const struct inst_bound *b,
                              int64_t now_ns, struct asked *a, struct oct_verdict *v)
{
    int64_t ref = view->last_px.v, age = now_ns - view->last_ns;

    v->ref_kind = 1;
    v->ladder = OCT_LADDER_ACTIVE;
    v->assumed = view->assumed;
    v->inst_flags = INST_KNOWN;
    v->ref_px.v = ref;
    v->ref_age_ns = age;
    /* 0 is none, and of large figures products would not fit. */
    if (oct_unlikely(!is_tradable(view) ||
                     (((uint64_t)a->px - 1) | ((uint64_t)ref - 1)) >> QUICK_PX_BITS))
        return false;
    int64_t away = a->px > ref ? a->px - ref : ref - a->px;
    a->gross = steps((__int128)a->added * ref) + 1;
    return oct_likely(age <= b->ref_age_ns && away * 10000 <= ref * b->collar_bps);
}

OCT_INLINE bool tick_passes(struct oct_risk *r, const struct oct_inst_ref *ref,
                            const struct asked *a, struct oct_verdict *v)
{
    v->tick = a->px >= OCT_PX_ONE ? ref->tick : ref->tick_sub;
    return oct_likely(!off_tick(r, a->px, v->tick.v));
}

/* How far the position goes on the order's side when all that works there fills. */
OCT_INLINE int64_t reaches(int64_t pos, int64_t working, const struct asked *a)
{
    return ((pos ^ a->sells) - a->sells) + working + a->added;
}

/* The firm in the instrument, and our own orders there. */
OCT_INLINE bool inst_passes(const struct inst *inst, const struct inst_bound *b,
                            const struct asked *a, struct oct_verdict *v)
{
    int64_t own = inst->own[a->side ^ 1].v;

    oct_copy32(&v->inst_pos, &inst->pos);
    v->own_px.v = own;
    oct_copy16(&v->inst_gross, &inst->gross);
    return oct_likely(!inst->restricted && a->qty <= b->order_qty &&
                      reaches(inst->pos.v, inst->working[a->side].v, a) <= b->position &&
                      steps(inst->gross) + a->gross < steps(b->gross) &&
                      !((own != 0) & ((a->px ^ a->sells) >= (own ^ a->sells))));
}

/* The strategy in the instrument. */
OCT_INLINE bool pos_passes(struct pos *p, const struct bound *b, const struct oct_intent *in,
                           int64_t repeat_slot, const struct asked *a, struct oct_verdict *v)
{
    int64_t reached = reaches(p->pos.v, p->working[a->side].v, a);
    int64_t unmarked = in->short_sale ? 0 : a->sells;

    oct_copy32(&v->strat_pos, &p->pos); /* the last word is dup_age_ns */
    v->repeat_used = window_sum(&p->repeat, repeat_slot);
    /* A sale that is short is marked. */
    return oct_likely(reached <= b->position && (reached & unmarked) <= 0 &&
                      v->repeat_used < b->repeat_cnt);
}

/* Firm, account or strategy: state, orders open, loss, gross exposure. */
OCT_INLINE bool scope_passes(const struct scope *s, uint32_t open_orders, const __int128 *gross,
                             const struct asked *a, uint32_t *open_to, struct oct_money_w *block)
{
    oct_copy48(block, &s->pnl);
    *open_to = s->open_orders;
    return oct_likely(s->stop == 0 && s->open_orders < open_orders &&
                      steps(s->pnl) > steps(s->floor) &&
                      steps(s->gross) + a->gross < steps(*gross));
}

OCT_INLINE bool rates_pass(struct oct_risk *r, struct scope *strat, const struct bound *b,
                           int64_t now_ns, struct oct_verdict *v)
{
    rates_move(r, strat, now_ns);
    v->rate_used = strat->rate.sum;
    v->firm_rate_used = r->firm.rate.sum;
    return oct_likely(v->rate_used < b->rate && v->firm_rate_used < b->firm_rate);
}

/* The same order again. */
OCT_INLINE bool is_fresh(const struct oct_risk *r, const struct oct_step *step,
                         const struct bound *b, const struct recent *set, uint64_t key,
                         struct oct_verdict *v)
{
    __m256i same = _mm256_cmpeq_epi64(_mm256_load_si256((const __m256i *)set->key),
                                      _mm256_set1_epi64x((int64_t)key));

    v->dup_age_ns = 0;
    if (oct_likely(_mm256_testz_si256(same, same)))
        return true;
    v->dup_age_ns = oct_risk_recent_age(r, key, step->now_ns);
    return !((v->dup_age_ns > 0) & (v->dup_age_ns < b->dup_window_ns));
}

/* What others say: the venue's fields, execution. */
OCT_INLINE bool others_pass(const struct oct_risk *r, const struct oct_intent *in,
                            const struct oct_inst_ref *ref, struct oct_verdict *v)
{
    const struct oct_view *view = r->view;

    if (r->cfg.venue_check && oct_unlikely(r->cfg.venue_check(in, &ref->symbol) != 0))
        return false;
    v->order_id = in->order_id;
    return !view->order_ready ||
           view->order_ready(view->execution, in, &v->order_id) == OCT_RISK_OK;
}

/* The entry of a key that is nobody's but zero's, or NULL. */
OCT_INLINE struct pos *entry(const struct oct_risk *r, uint32_t key)
{
    struct pos *p = &r->pos[pos_home(r, key)];

    if (oct_unlikely(p->key != key))
        p = (struct pos *)pos_find(r, key);
    return p;
}

/* Does everything pass?  Writes the verdict of an order that does. */
OCT_INLINE bool proves(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                       const struct recent *set, uint64_t key, struct oct_verdict *v)
{
    uint32_t i = in->inst, s = in->strategy, account = in->account;
    struct asked a = {.px = in->px.v,
                      .qty = in->qty.v,
                      .added = in->qty.v,
                      .side = in->side,
                      .sells = -(int64_t)in->side};

    if (oct_unlikely(i >= r->cfg.inst_cnt || s >= r->strategy_cnt ||
                     account != r->cfg.account_of[s] || !is_plain(in)))
        return false;
    /* Before anything is added to it. */
    if (oct_unlikely(a.qty <= 0 || a.qty > r->bound[s].order_qty))
        return false;
    if (oct_unlikely(in->action != OCT_ACTION_NEW) && !replaces(r, in, &a.added))
        return false;
    const struct inst *inst = &r->inst[i];
    const struct inst_bound *ibound = &r->inst_bound[inst->row];
    const struct oct_inst_ref *ref = &r->view->ref[i];
    struct scope *strat = &r->strategy[s];
    const struct bound *b = &r->bound[s];
    KEPT(ibound);
    KEPT(strat);
    KEPT(b);
    write_head(r, in, v);
    v->added.v = a.added;
    if (!market_passes(&r->view->inst[i], ibound, step->now_ns, &a, v) ||
        !tick_passes(r, ref, &a, v) || !inst_passes(inst, ibound, &a, v))
        return false;
    if (oct_unlikely((__int128)a.px * a.qty > b->notional || r->order_free == NONE))
        return false;
    struct pos *pos = entry(r, b->key | i);
    KEPT(pos);
    if (!pos_passes(pos, b, in, step->now_ns >> strat->repeat_shift, &a, v))
        return false;
    /* Another account's, or none: an update can have named another. */
    const struct pos *acct_pos = &r->pos[pos->acct_idx & r->pos_mask];
    KEPT(acct_pos);
    if (oct_unlikely(acct_pos->key != (b->acct_key | i) || pos->key == 0 ||
                     reaches(acct_pos->pos.v, acct_pos->working[a.side].v, &a) > b->acct_position))
        return false;
    oct_copy32(&v->acct_pos, &acct_pos->pos); /* the last word is the next block's */
    const struct scope *acct = &r->account[account];
    KEPT(acct);
    return scope_passes(strat, b->open_orders, &b->gross, &a, &v->open_orders, &v->strat_pnl) &&
           scope_passes(acct, b->acct_open_orders, &b->acct_gross, &a, &v->acct_open_orders,
                        &v->acct_pnl) &&
           scope_passes(&r->firm, b->firm_open_orders, &b->firm_gross, &a, &v->firm_open_orders,
                        &v->firm_pnl) &&
           rates_pass(r, strat, b, step->now_ns, v) && is_fresh(r, step, b, set, key, v) &&
           others_pass(r, in, ref, v);
}

#ifdef OCT_DEBUG
/* The verdict is the one that the exact way would have given. */
static void compare(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                    const struct oct_verdict *v)
{
    const size_t from = offsetof(struct oct_verdict, inst);
    const struct oct_view *view = r->view;
    struct oct_view asked = *view;
    struct oct_verdict w;
    struct lines l;

    asked.order_ready = NULL; /* it said yes, and may count the questions */
    r->view = &asked;
    oct_risk_gather(r, step, in, &l, &w);
    r->view = view;
    w.reason = OCT_RISK_OK;
    OCT_ASSERT(oct_risk_failed(r, &l, &w) == 0);
    OCT_ASSERT(w.intent_id == v->intent_id);
    OCT_ASSERT(memcmp((const char *)v + from, (const char *)&w + from, sizeof w - from) == 0);
}
#else
OCT_INLINE void compare(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                        const struct oct_verdict *v)
{
    (void)r, (void)step, (void)in, (void)v;
}
#endif

OCT_HOT void oct_risk_judge(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in)
{
    uint64_t key = recent_key(in);
    struct recent *set = recent_set(r, key);
    struct oct_verdict v;

    /* The line that is needed last and known first. */
    __builtin_prefetch(set, 1);
    oct_count(&r->cfg.counters[OCT_RISK_C_INTENTS], 1);
    if (oct_unlikely(!proves(r, step, in, set, key, &v))) {
        oct_risk_judge_exactly(r, step, in);
        return;
    }
    compare(r, step, in, &v);
    approve(r, step, in, &r->strategy[in->strategy], set, key, r->bound[in->strategy].dup_window_ns,
            &v);
}
