/* line.h - one multicast line, and what may happen to packets on it.
 *
 * A line sends datagrams to its group.  On request it loses, doubles, holds back (so that later
 * packets overtake) and delays them, by a seeded generator: same seed, same packets, same fate.
 * Thread: one.  Memory: fixed, allocated at open. */
#ifndef OCT_TOOLS_EXCHANGE_LINE_H
#define OCT_TOOLS_EXCHANGE_LINE_H

#include <netinet/in.h>

#include "dataplane/base/rng.h"

#define OCT_EXCH_PKT_MAX 1472u /* bytes of one datagram */

struct oct_exch_faults {
    double drop;     /* share of packets lost */
    double dup;      /* sent twice */
    double reorder;  /* held back until 1 to 4 later ones have gone, or 5 ms */
    int64_t skew_ns; /* line B is this late */
    uint8_t lines;   /* bit 0: line A, bit 1: line B have faults */
    bool same;       /* the same packets are lost on both lines */
    bool rewind_off; /* no rewind server */
};

/* Reads "drop=0.01,dup=0.01,reorder=0.02,skew=5ms,lines=ab,same=on,rewind=off".  0 or -EINVAL with
 * a sentence in err. */
int oct_exch_faults_parse(struct oct_exch_faults *f, const char *text, char *err, size_t err_sz);

struct oct_exch_line_stats {
    uint64_t packets; /* that went out, doubles included */
    uint64_t bytes;
    uint64_t dropped;
    uint64_t doubled;
    uint64_t reordered;
    uint64_t delayed;
    uint64_t send_errors;
};

struct line_held;

struct oct_exch_line {
    int fd;
    struct sockaddr_in to;
    struct oct_exch_faults faults;
    struct oct_rng drop_rng;
    struct oct_rng rng; /* of everything else */
    int64_t skew_ns;
    struct line_held *late; /* ring of delayed packets, by time */
    uint32_t late_head;
    uint32_t late_cnt;
    struct line_held *held; /* held back for reordering */
    uint32_t held_cnt;
    struct oct_exch_line_stats stats;
};

/* idx 0 is A, 1 is B.  iface_be is the interface's address; ttl 0 stays on this machine.  0 or
 * negative errno. */
int oct_exch_line_open(struct oct_exch_line *l, uint32_t idx, const struct sockaddr_in *to,
                       uint32_t iface_be, uint8_t ttl, const struct oct_exch_faults *f,
                       uint64_t seed);
/* A packet leaves the publisher.  sure: nothing happens to it (end of session). */
void oct_exch_line_send(struct oct_exch_line *l, int64_t now_ns, const uint8_t *pkt, uint32_t sz,
                        bool sure);
/* Sends what is due; returns when the next is, INT64_MAX for none. */
int64_t oct_exch_line_tick(struct oct_exch_line *l, int64_t now_ns);
/* Sends whatever is held or late now. */
void oct_exch_line_flush(struct oct_exch_line *l);
void oct_exch_line_close(struct oct_exch_line *l);

#endif
