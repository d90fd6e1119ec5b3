/* checks_priv.h - the checks themselves, one function each, over a verdict's inputs and the limits.
 *
 * The lane keeps only `failed` of each, and the compiler drops the rest; the receipt (explain.c)
 * keeps all of it.  Adding a check is one function and one line in OCT_RISK_CHECKS.
 *
 * No branch that the compiler need not make, no division on the lane's side. */
#ifndef OCT_RISK_CHECKS_PRIV_H
#define OCT_RISK_CHECKS_PRIV_H

#include "agents/risk/explain.h"
#include "agents/risk/limits.h"

/* verdict.inst_flags */
#define INST_KNOWN      1u
#define INST_HALTED     2u
#define INST_SHORT_SALE 4u
#define INST_RESTRICTED 8u
#define INST_STALE      16u
/* verdict.cond */
#define COND_SESSION       1u
#define COND_RECORDER      2u
#define COND_CLOCK         4u
#define COND_STRATEGY      8u
#define COND_ORDER_UNKNOWN 16u
#define COND_ORDER_STATE   32u
#define COND_FULL          64u
#define COND_VENUE_FIELD   128u
#define COND_MARKED_SHORT  256u
#define COND_OFF_TICK      512u

struct oct_risk_in {
    const struct oct_verdict *v;
    const struct oct_risk_limit_row *firm;
    const struct oct_risk_limit_row *acct;
    const struct oct_risk_limit_row *strat;
    const struct oct_risk_limit_row *inst;
};

struct chk {
    __int128 value;
    __int128 limit;
    bool failed;
};

#define CHK OCT_INLINE struct chk
typedef const struct oct_risk_in *chk_in;

OCT_INLINE bool v_buys(const struct oct_verdict *v)
{
    return v->side == OCT_BUY;
}

OCT_INLINE bool v_is_market(const struct oct_verdict *v)
{
    return v->px.v == 0;
}

/* The position if all orders on our side fill and this one does: how far it is on that side. */
OCT_INLINE __int128 reach(const struct oct_verdict *v, oct_qty pos, oct_qty buy, oct_qty sell)
{
    __int128 up = (__int128)pos.v + buy.v + v->added.v;
    __int128 down = (__int128)sell.v + v->added.v - pos.v;
    return v_buys(v) ? up : down;
}

/* Does the order, with all that works on its side, at most close the strategy's position? */
OCT_INLINE bool reduces(const struct oct_verdict *v)
{
    bool against = v_buys(v) ? v->strat_pos.v < 0 : v->strat_pos.v > 0;
    return against & (reach(v, v->strat_pos, v->strat_buy, v->strat_sell) <= 0);
}

OCT_INLINE __int128 abs128(__int128 x)
{
    return x < 0 ? -x : x;
}

OCT_INLINE __int128 max128(__int128 a, __int128 b)
{
    return a > b ? a : b;
}

OCT_INLINE __int128 min128(__int128 a, __int128 b)
{
    return a < b ? a : b;
}

/* Larger of the two positions that working orders can lead to. */
OCT_INLINE __int128 worst_case(__int128 pos, __int128 buy, __int128 sell)
{
    return max128(abs128(pos + buy), abs128(pos - sell));
}

/* What the order adds to the gross exposure, at the reference price. */
OCT_INLINE __int128 gross_added(const struct oct_verdict *v)
{
    __int128 pos = v->strat_pos.v, buy = v->strat_buy.v, sell = v->strat_sell.v;
    __int128 before = worst_case(pos, buy, sell);
    __int128 after = v_buys(v) ? worst_case(pos, buy + v->added.v, sell)
                               : worst_case(pos, buy, sell + v->added.v);
    /* A difference of quantities: it fits 64 bits unless the quantity is absurd, and then the
     * quantity check refuses. */
    return (__int128)(int64_t)(after - before) * v->ref_px.v;
}

CHK chk_state(const struct oct_verdict *v, uint8_t state, bool failed)
{
    return (struct chk){v->ladder, state - 1, (v->ladder == state) & failed};
}

CHK chk_killed(chk_in in)
{
    return chk_state(in->v, OCT_LADDER_KILLED, true);
}

CHK chk_halted(chk_in in)
{
    return chk_state(in->v, OCT_LADDER_HALTED, true);
}

CHK chk_reduce_only(chk_in in)
{
    return chk_state(in->v, OCT_LADDER_REDUCING, !reduces(in->v));
}

CHK chk_flag(bool on)
{
    return (struct chk){on, 0, on};
}

CHK chk_instrument(chk_in in)
{
    return chk_flag(!(in->v->inst_flags & INST_KNOWN));
}

CHK chk_not_tradable(chk_in in)
{
    return chk_flag(in->v->inst_flags & INST_HALTED);
}

CHK chk_short_sale(chk_in in)
{
    const struct oct_verdict *v = in->v;
    bool sells = !v_buys(v), past = reach(v, v->strat_pos, v->strat_buy, v->strat_sell) > 0;
    bool may = !(v->inst_flags & INST_SHORT_SALE) & !!(v->cond & COND_MARKED_SHORT);
    return chk_flag(sells & past & !may);
}

CHK chk_restricted(chk_in in)
{
    return chk_flag(in->v->inst_flags & INST_RESTRICTED);
}

CHK chk_session(chk_in in)
{
    return chk_flag(in->v->cond & COND_SESSION);
}

CHK chk_recorder(chk_in in)
{
    return chk_flag(in->v->cond & COND_RECORDER);
}

CHK chk_clock(chk_in in)
{
    return chk_flag(in->v->cond & COND_CLOCK);
}

CHK chk_stale(chk_in in)
{
    return chk_flag(in->v->inst_flags & INST_STALE);
}

CHK chk_no_reference(chk_in in)
{
    return chk_flag(in->v->ref_px.v <= 0);
}

/* The remainder is the lane's, by a product (tick_priv.h). */
CHK chk_tick(chk_in in)
{
    const struct oct_verdict *v = in->v;
    bool off = v->cond & COND_OFF_TICK;
    return (struct chk){v->px.v, v->tick.v, off & !v_is_market(v)};
}

CHK chk_collar(chk_in in)
{
    const struct oct_verdict *v = in->v;
    int64_t ref = v->ref_px.v;
    __int128 away = abs128((__int128)v->px.v - ref);
    __int128 room = (__int128)ref * in->inst->collar_bps;
    bool failed = (in->inst->collar_bps == 0) | ((__int128)(uint64_t)away * 10000 > room);
    return (struct chk){away, room / 10000, failed & !v_is_market(v) & (ref > 0)};
}

CHK chk_qty(chk_in in)
{
    int64_t qty = in->v->qty.v;
    int64_t limit =
        in->strat->order_qty < in->inst->order_qty ? in->strat->order_qty : in->inst->order_qty;
    return (struct chk){qty, limit, (qty <= 0) | (qty > limit)};
}

CHK chk_notional(chk_in in)
{
    const struct oct_verdict *v = in->v;
    int64_t px = v_is_market(v) ? v->ref_px.v : v->px.v;
    __int128 notional = (__int128)px * v->qty.v;
    __int128 limit = min128(in->strat->order_notional, in->acct->order_notional);
    return (struct chk){notional, limit, notional > limit};
}

CHK chk_pos(__int128 value, int64_t limit)
{
    return (struct chk){max128(value, 0), limit, value > limit};
}

CHK chk_pos_instrument(chk_in in)
{
    const struct oct_verdict *v = in->v;
    return chk_pos(reach(v, v->inst_pos, v->inst_buy, v->inst_sell), in->inst->position);
}

CHK chk_pos_strategy(chk_in in)
{
    const struct oct_verdict *v = in->v;
    return chk_pos(reach(v, v->strat_pos, v->strat_buy, v->strat_sell), in->strat->position);
}

CHK chk_pos_account(chk_in in)
{
    const struct oct_verdict *v = in->v;
    return chk_pos(reach(v, v->acct_pos, v->acct_buy, v->acct_sell), in->acct->position);
}

CHK chk_pos_firm(chk_in in)
{
    const struct oct_verdict *v = in->v;
    return chk_pos(reach(v, v->inst_pos, v->inst_buy, v->inst_sell), in->firm->position);
}

/* An order that adds nothing passes, also when the limit was lowered below what there is. */
CHK chk_gross(const struct oct_verdict *v, struct oct_money_w now, __int128 limit)
{
    __int128 added = gross_added(v);
    __int128 value = oct_money_unpack(now).v + added;
    return (struct chk){value, limit, (added > 0) & (value > limit)};
}

CHK chk_gross_instrument(chk_in in)
{
    return chk_gross(in->v, in->v->inst_gross, in->inst->gross);
}

CHK chk_gross_strategy(chk_in in)
{
    return chk_gross(in->v, in->v->strat_gross, in->strat->gross);
}

CHK chk_gross_account(chk_in in)
{
    return chk_gross(in->v, in->v->acct_gross, in->acct->gross);
}

CHK chk_gross_firm(chk_in in)
{
    return chk_gross(in->v, in->v->firm_gross, in->firm->gross);
}

/* Of several scopes the row shows the first that failed, or else the first. */
CHK first_of(struct chk a, struct chk b, struct chk c)
{
    struct chk r = a.failed ? a : b.failed ? b : c.failed ? c : a;
    r.failed = a.failed | b.failed | c.failed;
    return r;
}

CHK chk_count(uint64_t value, uint64_t limit)
{
    return (struct chk){value, limit, value > limit};
}

CHK chk_open_orders(chk_in in)
{
    const struct oct_verdict *v = in->v;
    uint64_t one = v->action == OCT_ACTION_NEW;
    return first_of(chk_count(v->open_orders + one, in->strat->open_orders),
                    chk_count(v->acct_open_orders + one, in->acct->open_orders),
                    chk_count(v->firm_open_orders + one, in->firm->open_orders));
}

OCT_INLINE uint64_t rate_limit(const struct oct_risk_limit_row *row)
{
    return row->msg_rate > row->msg_reserve ? row->msg_rate - row->msg_reserve : 0;
}

CHK chk_rate(chk_in in)
{
    struct chk none = {0, 0, false};
    return first_of(chk_count((uint64_t)in->v->rate_used + 1, rate_limit(in->strat)),
                    chk_count((uint64_t)in->v->firm_rate_used + 1, rate_limit(in->firm)), none);
}

/* limit: the last count at which an order still goes. */
CHK chk_repeat(chk_in in)
{
    uint32_t used = in->v->repeat_used;
    bool failed = (in->strat->repeat_window_ns == 0) | (used >= in->strat->repeat_cnt);
    return (struct chk){used, (__int128)in->strat->repeat_cnt - 1, failed};
}

/* Here the limit is the least that passes: the age of the same order before. */
CHK chk_duplicate(chk_in in)
{
    int64_t age = in->v->dup_age_ns, window = in->strat->dup_window_ns;
    bool failed = (window == 0) | ((age > 0) & (age < window));
    return (struct chk){age, window, failed & (in->v->action == OCT_ACTION_NEW)};
}

CHK chk_self_trade(chk_in in)
{
    const struct oct_verdict *v = in->v;
    int64_t own = v->own_px.v, px = v->px.v;
    bool market = v_is_market(v), through = v_buys(v) ? px >= own : px <= own;
    return (struct chk){px, own, (own != 0) & (market | through)};
}

CHK chk_fall(__int128 fall, __int128 limit)
{
    return (struct chk){max128(fall, 0), limit, (limit == 0) | (fall > limit)};
}

/* What risk keeps itself is far from the ends of the range; a verdict made of any bytes, which can
 * be explained, too, wraps. */
OCT_INLINE __int128 fall_of(struct oct_money_w peak, struct oct_money_w pnl)
{
    return (__int128)((unsigned __int128)oct_money_unpack(peak).v -
                      (unsigned __int128)oct_money_unpack(pnl).v);
}

CHK chk_loss(chk_in in)
{
    const struct oct_money_w nought = {0};
    const struct oct_verdict *v = in->v;
    struct chk r = first_of(chk_fall(fall_of(nought, v->strat_pnl), in->strat->loss),
                            chk_fall(fall_of(nought, v->acct_pnl), in->acct->loss),
                            chk_fall(fall_of(nought, v->firm_pnl), in->firm->loss));
    r.failed &= !reduces(v);
    return r;
}

CHK chk_drawdown(chk_in in)
{
    const struct oct_verdict *v = in->v;
    struct chk r = first_of(chk_fall(fall_of(v->strat_peak, v->strat_pnl), in->strat->drawdown),
                            chk_fall(fall_of(v->acct_peak, v->acct_pnl), in->acct->drawdown),
                            chk_fall(fall_of(v->firm_peak, v->firm_pnl), in->firm->drawdown));
    r.failed &= !reduces(v);
    return r;
}

CHK chk_venue_field(chk_in in)
{
    return chk_flag(in->v->cond & COND_VENUE_FIELD);
}

CHK chk_order_unknown(chk_in in)
{
    return chk_flag(in->v->cond & COND_ORDER_UNKNOWN);
}

CHK chk_order_state(chk_in in)
{
    return chk_flag(in->v->cond & COND_ORDER_STATE);
}

CHK chk_full(chk_in in)
{
    return chk_flag(in->v->cond & COND_FULL);
}

CHK chk_strategy(chk_in in)
{
    return chk_flag(in->v->cond & COND_STRATEGY);
}

/* C(REASON, function, unit of value and limit), in the order of enum oct_risk_reason. */
#define OCT_RISK_CHECKS(C)                           \
    C(KILLED, chk_killed, STATE)                     \
    C(HALTED, chk_halted, STATE)                     \
    C(REDUCE_ONLY, chk_reduce_only, STATE)           \
    C(INSTRUMENT, chk_instrument, FLAG)              \
    C(NOT_TRADABLE, chk_not_tradable, FLAG)          \
    C(SHORT_SALE, chk_short_sale, FLAG)              \
    C(RESTRICTED, chk_restricted, FLAG)              \
    C(SESSION, chk_session, FLAG)                    \
    C(RECORDER, chk_recorder, FLAG)                  \
    C(CLOCK, chk_clock, FLAG)                        \
    C(STALE, chk_stale, FLAG)                        \
    C(NO_REFERENCE, chk_no_reference, FLAG)          \
    C(TICK, chk_tick, PX)                            \
    C(COLLAR, chk_collar, PX)                        \
    C(QTY, chk_qty, QTY)                             \
    C(NOTIONAL, chk_notional, MONEY)                 \
    C(POS_INSTRUMENT, chk_pos_instrument, QTY)       \
    C(POS_STRATEGY, chk_pos_strategy, QTY)           \
    C(POS_ACCOUNT, chk_pos_account, QTY)             \
    C(POS_FIRM, chk_pos_firm, QTY)                   \
    C(GROSS_INSTRUMENT, chk_gross_instrument, MONEY) \
    C(GROSS_STRATEGY, chk_gross_strategy, MONEY)     \
    C(GROSS_ACCOUNT, chk_gross_account, MONEY)       \
    C(GROSS_FIRM, chk_gross_firm, MONEY)             \
    C(OPEN_ORDERS, chk_open_orders, COUNT)           \
    C(RATE, chk_rate, COUNT)                         \
    C(REPEAT, chk_repeat, COUNT)                     \
    C(DUPLICATE, chk_duplicate, NS)                  \
    C(SELF_TRADE, chk_self_trade, PX)                \
    C(LOSS, chk_loss, MONEY)                         \
    C(DRAWDOWN, chk_drawdown, MONEY)                 \
    C(VENUE_FIELD, chk_venue_field, FLAG)            \
    C(ORDER_UNKNOWN, chk_order_unknown, FLAG)        \
    C(ORDER_STATE, chk_order_state, FLAG)            \
    C(FULL, chk_full, FLAG)                          \
    C(STRATEGY, chk_strategy, FLAG)

#define REASON_BIT(r) (UINT64_C(1) << OCT_RISK_##r)

/* What may refuse a cancel or a reduction. */
#define CANCEL_MASK                                                              \
    (REASON_BIT(SESSION) | REASON_BIT(ORDER_UNKNOWN) | REASON_BIT(ORDER_STATE) | \
     REASON_BIT(STRATEGY))

OCT_INLINE uint64_t action_mask(uint8_t action)
{
    return action == OCT_ACTION_CANCEL || action == OCT_ACTION_REDUCE ? CANCEL_MASK : ~UINT64_C(0);
}

/* Reasons of the mask that hold; a mask that is known when compiling leaves the others out. */
OCT_INLINE uint64_t checks_failed_of(chk_in in, uint64_t mask)
{
    uint64_t failed = 0;
#define C(REASON, fn, unit) \
    failed |= mask & REASON_BIT(REASON) ? (uint64_t)fn(in).failed << OCT_RISK_##REASON : 0;
    OCT_RISK_CHECKS(C)
#undef C
    return failed;
}

/* All reasons that hold. */
OCT_INLINE uint64_t checks_failed(chk_in in)
{
    if (action_mask(in->v->action) == CANCEL_MASK)
        return checks_failed_of(in, CANCEL_MASK);
    return checks_failed_of(in, ~UINT64_C(0));
}

#endif
