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

/* From risk to execution: an intent and the verdict that approves it. */
struct oct_submit_sink {
    void (*fn)(void *self, struct oct_step *step, const struct oct_intent *intent,
               const struct oct_verdict *verdict);
    void *self;
};

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
