/* core.h - the lane as a pure function of its numbered inputs.
 *
 * Live, replay, recovery and backtest all run this: one input record at a time goes in, timers
 * that are due fire, the hot agents run to completion by plain calls, and what they say comes out
 * through oct_out.  No clock, no I/O, no allocation; the same inputs give the same records.
 *
 * Thread:  one.
 * Memory:  the caller's struct; timers in memory the caller gives.
 * Errors:  bytes that do not decode are counted, raised as faults and, when they may have changed
 *          a book, told to realtime as a bad feed event; nothing stops. */
#ifndef OCT_LANE_CORE_H
#define OCT_LANE_CORE_H

#include "dataplane/book/book.h"
#include "dataplane/port/agent.h"
#include "dataplane/port/feed.h"
#include "dataplane/port/nic.h"
#include "dataplane/port/venue.h"
#include "dataplane/shm/fault.h"

/* Largest payload of one packet. */
#define OCT_CORE_PKT_MAX 65536u

enum oct_core_counter {
    OCT_CORE_INPUTS,
    OCT_CORE_MESSAGES,
    OCT_CORE_MD_UNKNOWN_TYPE,
    OCT_CORE_MD_BAD,
    OCT_CORE_VENUE_MESSAGES,
    OCT_CORE_VENUE_BAD,
    OCT_CORE_TIMERS,
    OCT_CORE_BAD_INPUT,
    OCT_CORE_COUNTER_CNT,
};
extern const struct oct_counter_def oct_core_counter_defs[OCT_CORE_COUNTER_CNT];

/* Hints passed on to the agents; each stage gets what the one before left. */
typedef void oct_prefetch_fn(const void *self, struct oct_book_hint *hint);

/* How far ahead of the message being decided the prefetch stages run. */
#define OCT_CORE_AHEAD1    12u
#define OCT_CORE_AHEAD2    6u
#define OCT_CORE_AHEAD3    3u
#define OCT_CORE_AHEAD4    1u
#define OCT_CORE_AHEAD_CNT 16u /* power of two */

/* A message that was decoded when it came into sight. */
struct oct_core_seen {
    struct oct_md md;    /* as decoded, when err is OCT_FEED_OK */
    const uint8_t *at;   /* where its block starts */
    const uint8_t *next; /* and where the one behind it does */
    const uint8_t *msg;
    uint32_t sz;
    int32_t err; /* enum oct_feed_error */
    struct oct_book_hint hint;
    uint32_t pkt; /* of the burst */
    uint32_t pad;
} OCT_ALIGNED(64);

/* The window of messages that are decoded before they are decided, so that what they need can be asked
 * for.  It slides over all packets of a burst, so that packets of one message have one too.  Decoding
 * is a pure function of the bytes: each message is decoded once, and what was wrong with it is told
 * when its turn comes.  One that does not come (a duplicate, a gap) leaves the window when its packet
 * is done with; one that comes from elsewhere (held back by the collector) is decoded when it comes. */
struct oct_core_ahead {
    const struct oct_nic_pkt *pkts; /* the burst; NULL: a packet on its own */
    uint32_t pkt_cnt;
    uint32_t pkt;               /* where cur is */
    struct oct_feed_cursor cur; /* next message to look at */
    uint32_t got, staged, put;  /* oldest in the window; next for stage 2; one past the newest */
    uint32_t pad;
    struct oct_core_seen ent[OCT_CORE_AHEAD_CNT];
    struct oct_core_seen other; /* one that was not in the window */
};

struct oct_core_cfg {
    const struct oct_feed_ops *feed;
    const struct oct_order_ops *orders;
    uint32_t inst_base;
    bool prefetch; /* off only in the test that shows it changes nothing */
    oct_prefetch_fn *prefetch1;
    oct_prefetch_fn *prefetch2;
    oct_prefetch_fn *prefetch3;
    oct_prefetch_fn *prefetch4;
    oct_prefetch_fn *prefetch_lone;  /* instead of the first, for one with nothing before it */
    oct_prefetch_fn *prefetch_alone; /* after it, for one that is all there is in sight */
    const void *prefetch_self;
    struct oct_agent realtime;
    struct oct_agent strategy;
    struct oct_agent risk;
    struct oct_agent execution;
    bool (*venue_holds)(const void *execution); /* NULL: never */
    struct oct_timers *timers;
    struct oct_counter *counters; /* OCT_CORE_COUNTER_CNT */
    struct oct_counter *types;    /* 256: messages by their first byte, which is their type */
    struct oct_faults *faults;
    struct oct_out out;
};

struct oct_core {
    struct oct_core_cfg cfg;
    struct oct_step step;
    int64_t midnight_ns;     /* from the last in_start */
    uint64_t feed_next;      /* sequence number after the last message decoded */
    uint64_t venue_next;     /* sequence number after the last order-session message */
    bool venue_ready;        /* the account state was answered in this run */
    uint32_t venue_user_ref; /* order that the last one spoke of, 0 for none */
    struct oct_core_ahead ahead;
    /* Reassembly of a packet from its fragments, in replay only. */
    uint64_t frag_input;
    uint32_t frag_have;
    uint8_t frag[OCT_CORE_PKT_MAX + 64];
};

void oct_core_init(struct oct_core *c, const struct oct_core_cfg *cfg);

/* The packets that come next, for looking ahead; none: the burst is over.  They stay valid until it
 * is. */
OCT_HOT void oct_core_burst(struct oct_core *c, const struct oct_nic_pkt *pkts, uint32_t cnt);
/* Packet number idx of the burst is what comes now: asks for what its first messages need, so that it
 * is on its way while the collector reads the packet. */
OCT_HOT void oct_core_burst_at(struct oct_core *c, uint32_t idx);
/* Follows up: what was asked for should be there. */
OCT_HOT void oct_core_burst_near(struct oct_core *c);

/* One whole packet: the header as its first fragment has it, and the message blocks, contiguous,
 * with 64 readable bytes after them. */
OCT_HOT void oct_core_packet(struct oct_core *c, const struct oct_in_packet *m,
                             const uint8_t *blocks);

/* Any input record; in_packet fragments are collected until the packet is whole. */
void oct_core_input(struct oct_core *c, const struct oct_msg_hdr *m);

/* Whether the next message of the order session must wait: the one before is held back. */
OCT_INLINE bool oct_core_venue_holds(const struct oct_core *c)
{
    return c->cfg.venue_holds && c->cfg.venue_holds(c->cfg.execution.self);
}

/* Digest of all agents, the timers and the core itself. */
uint64_t oct_core_digest(const struct oct_core *c);

#endif
