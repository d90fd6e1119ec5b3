/* quick_priv.h - a proof in 64 bits that every check passes, for the order that nobody has anything
 * against.
 *
 * The checks themselves (checks_priv.h) are exact for any figures, in 128 bits, and give a reason.
 * Here all conditions are OR-ed without a branch, but for figures too large to compute with; these,
 * orders at market, cancels, and a ladder below ACTIVE are left to the checks.  So `true` means that
 * checks_failed would be 0, and `false` means nothing but: look closer.  The lane asserts this in
 * debug builds, and sim_risk always. */
#ifndef OCT_RISK_QUICK_PRIV_H
#define OCT_RISK_QUICK_PRIV_H

#include "agents/risk/risk_priv.h"

/* Prices below 2^47 (about 140,000) and a collar below 2^16 multiply within 63 bits, quantities below
 * 2^60 add up within them. */
#define QUICK_PX_BITS    47
#define QUICK_QTY_BITS   60
#define QUICK_COLLAR_MAX 65535u

OCT_INLINE int64_t abs64(int64_t x)
{
    return x < 0 ? -x : x;
}

OCT_INLINE int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

OCT_INLINE uint64_t qty_wide(int64_t pos, int64_t buy, int64_t sell)
{
    return (uint64_t)(pos ^ pos >> 63) | (uint64_t)buy | (uint64_t)sell;
}

/* Beyond the limit? */
OCT_INLINE uint64_t gross_over(struct oct_money_w now, __int128 added, __int128 limit)
{
    return oct_money_unpack(now).v + added > limit;
}

OCT_INLINE uint64_t below_floor(const struct scope *s)
{
    return (s->pnl < s->floor) | s->unset;
}

/* Position and gross exposure in the four scopes. */
OCT_INLINE uint64_t quick_exposure(chk_in in)
{
    const struct oct_verdict *v = in->v;
    bool up_side = v_buys(v);
    uint64_t wide = qty_wide(v->inst_pos.v, v->inst_buy.v, v->inst_sell.v) |
                    qty_wide(v->strat_pos.v, v->strat_buy.v, v->strat_sell.v) |
                    qty_wide(v->acct_pos.v, v->acct_buy.v, v->acct_sell.v) | (uint64_t)v->added.v;
    if (oct_unlikely(wide >> QUICK_QTY_BITS))
        return wide; /* sums would not fit */
    int64_t buys = v_buys(v) ? v->added.v : 0, sells = v->added.v - buys;
    int64_t pos = v->strat_pos.v, buy = v->strat_buy.v, sell = v->strat_sell.v;
    int64_t up = pos + buy, down = pos - sell;
    int64_t before = max64(abs64(up), abs64(down));
    int64_t added = max64(abs64(up + buys), abs64(down - sells)) - before;
    __int128 gross = (__int128)added * v->ref_px.v;
    int64_t inst = up_side ? v->inst_pos.v + v->inst_buy.v : v->inst_sell.v - v->inst_pos.v;
    int64_t acct = up_side ? v->acct_pos.v + v->acct_buy.v : v->acct_sell.v - v->acct_pos.v;
    int64_t strat = up_side ? up : -down;
    uint64_t bad = 0;

    bad |= inst + v->added.v > in->inst->position;
    bad |= inst + v->added.v > in->firm->position;
    bad |= acct + v->added.v > in->acct->position;
    bad |= strat + v->added.v > in->strat->position;
    /* A sale that is short is marked. */
    bad |= (v->side == OCT_SELL) & !(v->cond & COND_MARKED_SHORT) & (strat + v->added.v > 0);
    bad |= (added > 0) & (gross_over(v->inst_gross, gross, in->inst->gross) |
                          gross_over(v->strat_gross, gross, in->strat->gross) |
                          gross_over(v->acct_gross, gross, in->acct->gross) |
                          gross_over(v->firm_gross, gross, in->firm->gross));
    return bad;
}

/* Price and quantity of the order itself. */
OCT_INLINE uint64_t quick_order(chk_in in)
{
    const struct oct_verdict *v = in->v;
    int64_t px = v->px.v, ref = v->ref_px.v, qty = v->qty.v, own = v->own_px.v;
    __int128 notional = (__int128)px * qty;
    uint64_t bad = 0;

    if (oct_unlikely(((uint64_t)px | (uint64_t)ref) >> QUICK_PX_BITS))
        return 1; /* products would not fit */
    bad |= (px <= 0) | (ref <= 0) | (in->inst->collar_bps - 1 >= QUICK_COLLAR_MAX);
    bad |= abs64(px - ref) * 10000 > ref * (int64_t)(in->inst->collar_bps & QUICK_COLLAR_MAX);
    bad |= (qty <= 0) | (qty > in->strat->order_qty) | (qty > in->inst->order_qty);
    bad |= (notional > in->strat->order_notional) | (notional > in->acct->order_notional);
    bad |= (own != 0) & (v_buys(v) ? px >= own : px <= own);
    return bad;
}

/* Orders open, messages, executions, the same order again. */
OCT_INLINE uint64_t quick_counts(chk_in in)
{
    const struct oct_verdict *v = in->v;
    int64_t age = v->dup_age_ns, window = in->strat->dup_window_ns;
    uint64_t one = v->action == OCT_ACTION_NEW, bad = 0;

    bad |= v->open_orders + one > in->strat->open_orders;
    bad |= v->acct_open_orders + one > in->acct->open_orders;
    bad |= v->firm_open_orders + one > in->firm->open_orders;
    bad |= (uint64_t)v->rate_used + in->strat->msg_reserve + 1 > in->strat->msg_rate;
    bad |= (uint64_t)v->firm_rate_used + in->firm->msg_reserve + 1 > in->firm->msg_rate;
    bad |= (in->strat->repeat_window_ns == 0) | (v->repeat_used >= in->strat->repeat_cnt);
    bad |= (window == 0) | ((age > 0) & (age < window));
    return bad;
}

OCT_INLINE bool quick_pass(chk_in in, const struct scope *firm, const struct scope *acct,
                           const struct scope *strat)
{
    const struct oct_verdict *v = in->v;
    uint64_t bad = (uint64_t)(v->ladder ^ OCT_LADDER_ACTIVE) | (v->inst_flags ^ INST_KNOWN) |
                   (v->cond & ~COND_MARKED_SHORT);

    bad |= (v->action != OCT_ACTION_NEW) & (v->action != OCT_ACTION_REPLACE);
    bad |= below_floor(firm) | below_floor(acct) | below_floor(strat);
    bad |= quick_order(in) | quick_counts(in) | quick_exposure(in);
    return oct_likely(bad == 0);
}

#endif
