/* collector_priv.h - the collector's own state, shared by its three files:
 * collector.c (packets in), window.c (packets held), gap.c (what is missing, and asking for it). */
#ifndef OCT_COLLECTOR_COLLECTOR_PRIV_H
#define OCT_COLLECTOR_COLLECTOR_PRIV_H

#include "agents/collector/collector.h"

#define OCT_COLLECTOR_RECENT_CNT 1024u /* packets remembered to tell copies and skew */
#define OCT_COLLECTOR_CONFIRM    3u    /* packets that must agree on a far jump */
#define OCT_COLLECTOR_DOWN       3u    /* gaps given up in a row: the servers are down */

/* A packet in the window; its blocks are in buf at its slot. */
struct oct_held {
    uint64_t first;
    uint64_t end;
    int64_t ts_rx_ns;
    int64_t since_ns;
    uint32_t sz;
    uint16_t msg_cnt;
    uint8_t line;
    uint8_t pad;
};

/* A packet seen lately, to tell a second copy on the same line from one on another. */
struct oct_recent {
    uint64_t first;
    int64_t ts_rx_ns;
    uint32_t lines; /* bit per line that brought it; 0: empty */
    uint32_t pad;
};

struct oct_line {
    uint64_t next; /* newest end on this line; 0 before the first packet */
    uint64_t missing;
    uint32_t back_run; /* packets in a row far below next */
    uint32_t pad;
    int64_t skew_max;
};

enum oct_hole_state {
    OCT_HOLE_NONE = 0,
    OCT_HOLE_WAIT, /* for a straggler */
    OCT_HOLE_OPEN, /* declared */
};

struct oct_collector {
    struct oct_collector_cfg cfg;
    struct oct_collector_out out;

    /* The stream. */
    uint64_t next;  /* next message to hand on */
    uint64_t known; /* one past the highest known to exist; >= next */
    int64_t known_ns;
    uint64_t end_seq; /* of the session, valid when end_known */
    uint8_t session[16];
    bool have_session;
    bool end_known;
    bool ended;
    bool live;
    bool silent;
    bool started;       /* a packet of the session came */
    bool answered;      /* a rewind packet came since the last request */
    int64_t last_rx_ns; /* lane time of the newest packet of any line */

    /* What is missing right now: [next, hole_to). */
    enum oct_hole_state hole;
    uint32_t tries;
    uint32_t server;
    uint32_t strikes;   /* gaps given up in a row without an answer */
    uint32_t fit;       /* messages to ask for, from what came back */
    uint32_t requests;  /* in this gap */
    uint64_t hole_from; /* as declared */
    uint64_t hole_to;
    int64_t hole_since_ns;
    int64_t deadline_ns; /* INT64_MAX when nothing is due */
    uint64_t req_from;
    uint64_t req_to;

    /* A far jump that waits for confirmation. */
    uint64_t jump_first;
    uint64_t jump_next;
    uint32_t jump_cnt;

    /* The window: order[] is a ring of slot numbers sorted by first. */
    uint32_t held_cnt;
    uint32_t head;
    uint32_t free_cnt;
    uint32_t slot_sz;
    uint32_t *order;
    uint32_t *free;
    struct oct_held *held;
    uint8_t *buf;

    struct oct_line lines[OCT_COLLECTOR_LINE_MAX + 1];
    struct oct_recent recent[OCT_COLLECTOR_RECENT_CNT];
};

OCT_INLINE struct oct_counter *oct_collector_ctr(struct oct_collector *c,
                                                 enum oct_collector_counter i)
{
    return &c->cfg.counters[i];
}

OCT_INLINE struct oct_counter *oct_collector_line_ctr(struct oct_collector *c, uint32_t line,
                                                      enum oct_collector_line_counter i)
{
    return &c->cfg.line_counters[line][i];
}

OCT_COLD void oct_collector_fault(struct oct_collector *c, const char *code, int64_t now_ns,
                                  uint64_t d0, uint64_t d1, uint64_t d2);

/* Hands on the part of a packet from c->next on; the packet must reach past it.  Closes the hole
 * when that fills it. */
void oct_collector_deliver(struct oct_collector *c, uint8_t line, int64_t ts_rx_ns, uint64_t first,
                           uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz);

/* window.c */

/* Line number as the caller of the collector knows it. */
uint8_t oct_collector_line_out(const struct oct_collector *c, uint32_t line);
/* Copies a packet that is ahead into the window; when full, what is farthest ahead goes. */
void oct_collector_hold(struct oct_collector *c, const struct oct_feed_pkt *p, uint32_t line,
                        int64_t ts_rx_ns, int64_t now_ns);
/* Hands on what has become next. */
void oct_collector_drain(struct oct_collector *c);
/* First packet of the window; NULL when it is empty. */
const struct oct_held *oct_collector_head(const struct oct_collector *c);

/* gap.c */

/* After anything changed: opens a hole, declares it, says LIVE and END. */
void oct_collector_advance(struct oct_collector *c, int64_t now_ns);
/* The hole is filled. */
OCT_COLD void oct_collector_close_hole(struct oct_collector *c);
/* A rewind server's packet came, with messages up to end. */
void oct_collector_answer(struct oct_collector *c, uint16_t msg_cnt, uint64_t end);
/* Nothing is missing: says LIVE and END when that is news. */
void oct_collector_current(struct oct_collector *c);
/* The hole's deadline has passed. */
void oct_collector_overdue(struct oct_collector *c, int64_t now_ns);
/* [next, to) is lost. */
OCT_COLD void oct_collector_stale(struct oct_collector *c, uint64_t to, int64_t now_ns);

#endif
