/* agent.h - how hot agents plug together: messages in, messages out; no I/O, no clock, no globals.
 *
 * Every agent takes any record through one function.  What it says goes two ways: to the lane's
 * output with oct_emit (journaled or published), and to the agents wired behind it, as plain calls
 * through oct_sink, on the same core, before the call returns.
 *
 *   md, in_feed -> realtime -> market -> strategy -> intent -> risk -> verdict -> execution ->
 * order ven, in_venue ----------------------------------------------------> execution execution ->
 * order_update, fill -> risk, strategy          in_cmd, in_kill, timer -> by address
 *
 * Memory comes from the caller, once, before the seal: footprint(cfg) bytes, 128-aligned, then
 * new(mem, cfg).  State holds pointers (it is private to the process). */
#ifndef OCT_PORT_AGENT_H
#define OCT_PORT_AGENT_H

#include "dataplane/base/count.h"
#include "dataplane/base/hash.h"
#include "dataplane/msg/msg.h"
#include "dataplane/port/timer.h"

/* The lane's output. */
struct oct_out {
    void (*emit)(void *self, const struct oct_msg_hdr *m);
    void *self;
    uint16_t lane;
};

/* One step: what an agent may know about now. */
struct oct_step {
    uint64_t input;      /* number of the input being processed */
    int64_t now_ns;      /* lane time */
    int64_t ts_rx_ns;    /* receive stamp of the packet, 0 when there is none */
    int64_t ts_exch_ns;  /* exchange time of the message, 0 when there is none */
    uint64_t feed_seq;   /* its sequence number */
    struct oct_out *out; /* the lane's output */
    struct oct_timers *timers;
};

/* Numbers the record and gives it to the lane's output. */
OCT_INLINE void oct_emit(const struct oct_step *step, struct oct_msg_hdr *m)
{
    m->input = step->input;
    m->lane = step->out->lane;
    step->out->emit(step->out->self, m);
}

typedef void oct_agent_fn(void *self, struct oct_step *step, const struct oct_msg_hdr *m);

/* Where an agent's messages go next. */
struct oct_sink {
    oct_agent_fn *fn;
    void *self;
};

OCT_INLINE void oct_sink_call(const struct oct_sink *s, struct oct_step *step,
                              const struct oct_msg_hdr *m)
{
    s->fn(s->self, step, m);
}

/* Commands reach every agent; exactly one answers with a cmd_result.  Execution answers cancel,
 * cancel_all and reconcile: they only take exposure away, and must pass whatever risk says. */

/* The way from risk to execution, and the only one.  Risk emits the verdict first, then hands the
 * intent and the verdict over; execution recomputes the approval and refuses what does not match.
 * verdict.order_id: for new and replace the id that view.order_ready gave, otherwise the order
 * concerned (intent.order_id).  What execution refuses comes back as an order_update `rejected`
 * whose event is 0 and whose reason is an enum oct_risk_reason, before the call returns. */
struct oct_submit_sink {
    void (*fn)(void *self, struct oct_step *step, const struct oct_intent *intent,
               const struct oct_verdict *verdict);
    void *self;
};

OCT_INLINE void oct_submit_call(const struct oct_submit_sink *s, struct oct_step *step,
                                const struct oct_intent *intent, const struct oct_verdict *verdict)
{
    s->fn(s->self, step, intent, verdict);
}

/* Approvals are one-time tokens.  Risk holds one of these to issue them, execution holds another
 * to check them; both start it anew at in_start with its run_id, and both step it once for each
 * approved intent.  An approval that is issued must therefore be handed over, at once.  The token
 * covers every field of the intent that becomes part of an order.  It catches mistakes of our own
 * (an order without a verdict, a changed field, an approval used twice); it is no secret. */
struct oct_approver {
    uint64_t secret;
    uint64_t seq;
};

OCT_INLINE void oct_approver_init(struct oct_approver *a, uint64_t run_id)
{
    a->secret = oct_mix64(run_id + UINT64_C(0x6f63746f707573));
    a->seq = 0;
}

/* Eight bytes of an intent from a field on. */
OCT_INLINE uint64_t oct_intent_word(const struct oct_intent *i, size_t off)
{
    uint64_t w;

    __builtin_memcpy(&w, (const char *)i + off, sizeof w);
    return w;
}

/* The token that the next approval must carry, for this intent and this order id; never 0.  Two
 * chains of CRC32C, begun with what only this approval has, over the words of the intent. */
OCT_INLINE uint64_t oct_approver_peek(const struct oct_approver *a, const struct oct_intent *i,
                                      uint64_t order_id)
{
    _Static_assert(offsetof(struct oct_intent, account) == offsetof(struct oct_intent, inst) + 6 &&
                       offsetof(struct oct_intent, manual) ==
                           offsetof(struct oct_intent, action) + 7,
                   "words of the intent");
    uint64_t start = a->secret + a->seq * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t x = oct_crc32c_word((uint32_t)start, i->intent_id);
    uint32_t y = oct_crc32c_word((uint32_t)(start >> 32), i->order_id);

    x = oct_crc32c_word(x, order_id);
    y = oct_crc32c_word(y, (uint64_t)i->px.v);
    x = oct_crc32c_word(x, oct_intent_word(i, offsetof(struct oct_intent, inst)));
    y = oct_crc32c_word(y, (uint64_t)i->qty.v);
    x = oct_crc32c_word(x, oct_intent_word(i, offsetof(struct oct_intent, action)));
    y = oct_crc32c_word(y, (uint64_t)i->min_qty.v);
    return (uint64_t)x << 32 | y | 1;
}

/* Issues the token for an approved intent. */
OCT_INLINE uint64_t oct_approver_next(struct oct_approver *a, const struct oct_intent *i,
                                      uint64_t order_id)
{
    uint64_t token = oct_approver_peek(a, i, order_id);
    a->seq++;
    return token;
}

/* What the lane holds of an agent. */
struct oct_agent {
    const char *name;
    oct_agent_fn *on_msg;
    /* Digest of everything that decides; the same after a replay of the same inputs. */
    uint64_t (*digest)(const void *self);
    void *self;
};

/* Timer ids: the agent's number in the top byte, so that the lane can address a timer. */
enum oct_agent_id {
    OCT_AGENT_REALTIME = 3,
    OCT_AGENT_STRATEGY = 4,
    OCT_AGENT_RISK = 6,
    OCT_AGENT_EXECUTION = 7,
};

OCT_INLINE uint64_t oct_timer_id(enum oct_agent_id agent, uint64_t n)
{
    return (uint64_t)agent << 56 | n;
}

#endif
