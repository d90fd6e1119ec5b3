/* collector.h - agent M1: turns the packets of two lines into one stream without gaps, or says
 * that it cannot.
 *
 * It looks at packets before anything is decoded: session, sequence number, count.  The first copy
 * of a message to arrive on any line wins.  A packet that is ahead is copied into the window and
 * waits; a packet in order goes straight through.  What is missing is waited for (reorder_ns),
 * then declared a gap and asked for at the rewind servers, and in the end delivered or declared
 * stale; then the stream goes on behind it.  Every message is handed on at most once, in order.
 *
 * Events (enum oct_feed_event), from and to being sequence numbers, `to` one past the last:
 *   LIVE       [n,n)  delivery is current: after the first packet, after STALE, after silence
 *   GAP        [a,b)  these are missing and being waited or asked for
 *   RECOVERED  [a,b)  that gap is filled; every message of it was handed on
 *   STALE      [a,b)  these are lost; delivery goes on at b.  [n,n): all lines are silent
 *   END        [n,n)  the session is over and complete, or its losses were declared
 *   BAD        [a,n)  a line sends numbers far below n again and again: the venue started over
 *
 * Thread:  one, the lane's.  Time is an argument and never goes back.
 * Memory:  oct_collector_footprint(cfg) bytes at 128, owned by the caller, fixed for ever.
 * Cost:    a packet in order: one walk over its block lengths and about 30 ns.  At most window_pkts
 *          packets are held; a packet beyond that is dropped, counted, and asked for later.
 * Errors:  whatever is wrong with a packet is a counter of its line and a fault; nothing crashes,
 *          nothing is dropped without a count. */
#ifndef OCT_COLLECTOR_COLLECTOR_H
#define OCT_COLLECTOR_COLLECTOR_H

#include "dataplane/base/count.h"
#include "dataplane/port/feed.h"
#include "dataplane/port/nic.h"

#define OCT_COLLECTOR_LINE_MAX   8u
#define OCT_COLLECTOR_REWIND_MAX 8u
#define OCT_COLLECTOR_WINDOW_MAX 65536u

/* Counters of one line; the rewind servers together are one line more. */
enum oct_collector_line_counter {
    OCT_LINE_PKTS,
    OCT_LINE_BYTES,
    OCT_LINE_MSGS,
    OCT_LINE_WON,
    OCT_LINE_DUPLICATE,
    OCT_LINE_REPEATED,
    OCT_LINE_LATE,
    OCT_LINE_MISSING,
    OCT_LINE_HELD,
    OCT_LINE_WINDOW_FULL,
    OCT_LINE_HEARTBEAT,
    OCT_LINE_END,
    OCT_LINE_AFTER_END,
    OCT_LINE_MALFORMED,
    OCT_LINE_TRUNCATED,
    OCT_LINE_OVERSIZE,
    OCT_LINE_WRONG_SESSION,
    OCT_LINE_BACKWARD,
    OCT_LINE_JUMP,
    OCT_LINE_NEXT_SEQ,
    OCT_LINE_LAST_RX_NS,
    OCT_LINE_SKEW_SAMPLES,
    OCT_LINE_SKEW_NS,
    OCT_LINE_SKEW_NS_MAX,
    OCT_LINE_COUNTER_CNT,
};
extern const struct oct_counter_def oct_collector_line_counter_defs[OCT_LINE_COUNTER_CNT];

/* Counters of the feed. */
enum oct_collector_counter {
    OCT_COLLECTOR_PKTS,
    OCT_COLLECTOR_MSGS,
    OCT_COLLECTOR_OVERLAPS,
    OCT_COLLECTOR_REORDERED,
    OCT_COLLECTOR_GAPS,
    OCT_COLLECTOR_GAPS_RECOVERED,
    OCT_COLLECTOR_GAPS_STALE,
    OCT_COLLECTOR_MSGS_RECOVERED,
    OCT_COLLECTOR_MSGS_LOST,
    OCT_COLLECTOR_REQUESTS,
    OCT_COLLECTOR_RETRIES,
    OCT_COLLECTOR_REQUEST_ERRORS,
    OCT_COLLECTOR_HELD,
    OCT_COLLECTOR_HELD_MAX,
    OCT_COLLECTOR_UNKNOWN_LINE,
    OCT_COLLECTOR_SILENCES,
    OCT_COLLECTOR_NEXT_SEQ,
    OCT_COLLECTOR_COUNTER_CNT,
};
extern const struct oct_counter_def oct_collector_counter_defs[OCT_COLLECTOR_COUNTER_CNT];

/* What to do when the first packet is not the first wanted. */
enum oct_collector_start {
    OCT_COLLECTOR_START_REQUEST = 0, /* treat what came before as a gap */
    OCT_COLLECTOR_START_ACCEPT = 1,  /* declare it stale at once and begin there */
};

struct oct_collector_cfg {
    const struct oct_feed_ops *ops;
    uint8_t session[16];  /* as on the wire, zero padded; all zero: that of the first packet */
    uint64_t first_seq;   /* next message wanted: 1, or where recovery left off */
    uint8_t start;        /* enum oct_collector_start */
    uint8_t line_cnt;     /* lines 0 to line_cnt - 1; 1 to OCT_COLLECTOR_LINE_MAX */
    uint8_t rewind_cnt;   /* servers that `request` can reach; 0: nobody to ask */
    uint8_t retry_max;    /* requests without any progress after the first, before giving up */
    uint16_t request_max; /* messages in one request, 1 to 65534 */
    uint16_t pad;
    uint32_t window_pkts;   /* packets held at most, 1 to OCT_COLLECTOR_WINDOW_MAX */
    uint32_t pkt_sz_max;    /* larger packets cannot be held and are refused; 20 to 65535 */
    uint64_t jump_max;      /* further ahead than this is believed when three packets agree */
    uint64_t back_max;      /* further back on its own line than this is a fault */
    int64_t reorder_ns;     /* wait for a straggler before declaring a gap */
    int64_t retry_ns;       /* wait for an answer before asking again */
    int64_t gap_timeout_ns; /* age at which a gap nobody answers for is stale */
    int64_t silence_ns;     /* no packet on any line for this long is STALE; 0: never */
    struct oct_counter *line_counters[OCT_COLLECTOR_LINE_MAX + 1]; /* [line_cnt]: rewind */
    struct oct_counter *counters;
};

/* Fills everything but ops, lines, servers and counters: first_seq 1, request_max 65534,
 * window 4096 packets of 1,500 bytes, reorder 200 us, retry 10 ms five times, gap timeout 250 ms,
 * jump 2^20, back 2^16, no silence timeout. */
void oct_collector_cfg_default(struct oct_collector_cfg *cfg);

/* Where everything goes.  None of these may call the collector. */
struct oct_collector_out {
    /* Messages first_seq to first_seq + msg_cnt - 1, sz bytes of blocks followed by OCT_NIC_PAD
     * readable bytes, valid during the call. */
    void (*on_payload)(void *self, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                       uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz);
    void (*on_event)(void *self, enum oct_feed_event event, uint64_t from, uint64_t to);
    /* Sends a request packet to a rewind server, 0 to rewind_cnt - 1; its answer comes back as a
     * packet of line OCT_LINE_REWIND.  0 or negative errno.  NULL when rewind_cnt is 0. */
    int (*request)(void *self, uint32_t server, const uint8_t *data, uint32_t sz);
    /* A distinct thing that went wrong, code being a string literal; NULL: only counted. */
    void (*fault)(void *self, const char *code, int64_t now_ns, uint64_t d0, uint64_t d1,
                  uint64_t d2);
    void *self;
};

struct oct_collector; /* opaque */

/* 0 when a value of the configuration is outside what its comment allows. */
size_t oct_collector_footprint(const struct oct_collector_cfg *cfg);
/* NULL like footprint's 0. */
struct oct_collector *oct_collector_new(void *mem, const struct oct_collector_cfg *cfg,
                                        const struct oct_collector_out *out);

/* Before the first packet: the next message wanted is next_seq, because everything below it was
 * recovered from the journal.  -EBUSY later. */
int oct_collector_resume(struct oct_collector *c, uint64_t next_seq);

/* Takes one datagram.  Any line number is safe. */
OCT_HOT void oct_collector_packet(struct oct_collector *c, const struct oct_nic_pkt *pkt,
                                  int64_t now_ns);
/* Time passes: declares, asks again, gives up.  Cheap when nothing is due. */
OCT_HOT void oct_collector_tick(struct oct_collector *c, int64_t now_ns);
/* When tick has something to do, INT64_MAX for never. */
int64_t oct_collector_deadline(const struct oct_collector *c);

/* The next message to be handed on. */
uint64_t oct_collector_next_seq(const struct oct_collector *c);

enum oct_collector_state {
    OCT_COLLECTOR_WAITING = 0, /* no session yet */
    OCT_COLLECTOR_LIVE,
    OCT_COLLECTOR_REORDERING, /* something is missing, not yet declared */
    OCT_COLLECTOR_RECOVERING, /* a gap is declared */
    OCT_COLLECTOR_ENDED,
};

/* What people look at; line counters are in the counters. */
struct oct_collector_snapshot {
    uint8_t session[16];
    uint64_t next_seq;
    uint64_t known_seq; /* one past the highest message known to exist */
    uint64_t gap_from;  /* while recovering */
    uint64_t gap_to;
    uint32_t held_pkts;
    uint32_t tries;       /* requests without progress in the current gap */
    uint8_t state;        /* enum oct_collector_state */
    uint8_t silent;       /* 1: no packets for silence_ns */
    uint8_t servers_down; /* 1: rewind servers left three gaps in a row unanswered */
    uint8_t pad[5];
};
void oct_collector_snapshot(const struct oct_collector *c, struct oct_collector_snapshot *out);

#endif
