/* judge_priv.h - what the proof (quick.c) and the exact checks (judge.c) both do with an intent. */
#ifndef OCT_RISK_JUDGE_PRIV_H
#define OCT_RISK_JUDGE_PRIV_H

#include <immintrin.h>
#include <string.h>

#include "agents/risk/risk_priv.h"

/* The lines an intent concerns. */
struct lines {
    const struct oct_inst_view *view;
    struct inst *inst;
    struct scope *strat;
    struct scope *acct;
    const struct pos *pos;
    const struct pos *acct_pos;
};

/* judge.c */
/* Finds the lines and fills the verdict in, but for `failed` and `reason`. */
void oct_risk_gather(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                     struct lines *l, struct oct_verdict *v);
/* All checks over a verdict: the reasons that hold. */
uint64_t oct_risk_failed(const struct oct_risk *r, const struct lines *l,
                         const struct oct_verdict *v);
void oct_risk_tick_learn(struct tick *t, int64_t d);
/* Age of the youngest order with this key, at least 1; 0 when there is none. */
int64_t oct_risk_recent_age(const struct oct_risk *r, uint64_t key, int64_t now_ns);
/* The order that a replace, cancel or reduce concerns: known, of the same strategy, instrument and,
 * when replaced, side; or NULL. */
const struct order *oct_risk_concerned(struct oct_risk *r, const struct oct_intent *in);

OCT_INLINE bool off_tick(struct oct_risk *r, int64_t px, int64_t d)
{
    struct tick *t = &r->tick[((uint64_t)d * UINT64_C(0x9e3779b97f4a7c15)) >> 60];
    uint64_t q;

    if (oct_unlikely(t->d != d)) {
        if (d <= 0)
            return true; /* no tick known: nothing is on it */
        oct_risk_tick_learn(t, d);
    }
    q = (uint64_t)px * t->inverse;
    q = q >> t->k | q << (-t->k & 63);
    return q > t->max;
}

/* Who, where, which side, price and quantity: two orders alike have one key. */
OCT_INLINE uint64_t recent_key(const struct oct_intent *in)
{
    uint64_t who = (uint64_t)in->inst << 32 | (uint64_t)in->strategy << 8 | in->side;
    return who * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)in->px.v * UINT64_C(0xc2b2ae3d27d4eb4f) +
           (uint64_t)in->qty.v * UINT64_C(0xd6e8feb86659fd93);
}

/* The set of a key: by its upper half, which every bit of the fields reaches. */
OCT_INLINE struct recent *recent_set(const struct oct_risk *r, uint64_t key)
{
    return &r->recent[key >> 40 & r->recent_mask];
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

/* The youngest comes first and the oldest falls out. */
OCT_INLINE void recent_add(struct oct_risk *r, struct recent *s, uint64_t key, int64_t now_ns,
                           int64_t window_ns)
{
    int64_t out = s->at_ns[RECENT_WAYS - 1], at = now_ns > 0 ? now_ns : 1;
    __m256i keys = _mm256_load_si256((const __m256i *)s->key);
    __m256i ats = _mm256_load_si256((const __m256i *)s->at_ns);

    OCT_COUNT_IF((out != 0) & (now_ns - out < window_ns),
                 &r->cfg.counters[OCT_RISK_C_DUP_FORGOTTEN]);
    _mm256_store_si256((__m256i *)s->key, _mm256_permute4x64_epi64(keys, 0x90));
    _mm256_store_si256((__m256i *)s->at_ns, _mm256_permute4x64_epi64(ats, 0x90));
    s->key[0] = key;
    s->at_ns[0] = at;
}

/* The rate windows as they are now. */
OCT_INLINE void rates_move(struct oct_risk *r, struct scope *strat, int64_t now_ns)
{
    window_move(&strat->rate, now_ns >> RATE_SHIFT);
    window_move(&r->firm.rate, now_ns >> RATE_SHIFT);
}

OCT_INLINE void tell(struct oct_risk *r, struct oct_step *step, struct oct_verdict *v)
{
    r->last_reason = v->reason;
    oct_emit(step, &v->hdr);
    if (r->cfg.strategy.fn)
        oct_sink_call(&r->cfg.strategy, step, &v->hdr);
}

/* All checks passed: the approval, the memory of it, and on to execution. */
OCT_INLINE void approve(struct oct_risk *r, struct oct_step *step, const struct oct_intent *in,
                        struct scope *strat, struct recent *set, uint64_t key, int64_t window_ns,
                        struct oct_verdict *v)
{
    v->failed = 0;
    v->reason = OCT_RISK_OK;
    v->approval_id = oct_approver_next(&r->approver, in, v->order_id);
    oct_count(&r->cfg.counters[OCT_RISK_C_APPROVED], 1);
    window_count(&strat->rate);
    window_count(&r->firm.rate);
    if (in->action == OCT_ACTION_NEW)
        recent_add(r, set, key, step->now_ns, window_ns);
    tell(r, step, v);
    r->cfg.submit.fn(r->cfg.submit.self, step, in, v);
}

#endif
