/* fault.h - wraps any nic and makes it worse: seeded drop, duplicate, reorder and skew, per line.
 *
 * What happens to the n-th datagram of a line depends only on the seed, the line and n, so a run
 * can be repeated.  Datagrams are copied; those of the wrapped driver are released at once.
 * Streams and sending pass through untouched.
 *
 * Reorder holds a datagram back until 1 to reorder_span later ones of its line have passed, or
 * hold_ns have.  Skew delays a whole line: its receive stamps move by skew_ns too.
 *
 * Time is cfg.clock, or, without one, the newest receive stamp seen (deterministic; what is held
 * comes out at the end of the source or with oct_nic_fault_flush).
 *
 * Thread:  that of the wrapped driver.  Memory: sized at creation.  When hold_cnt datagrams are
 *          held, no more are taken from the wrapped driver: none is lost but by decision. */
#ifndef OCT_DRIVERS_NIC_FAULT_H
#define OCT_DRIVERS_NIC_FAULT_H

#include "dataplane/port/nic.h"

#define OCT_NIC_FAULT_LINE_CNT 8u

struct oct_nic_fault_line {
    double drop; /* probabilities, 0 to 1 */
    double dup;
    double reorder;
    int64_t skew_ns;
};

struct oct_nic_fault_cfg {
    struct oct_nic *inner; /* owned from success on: closed with this one */
    uint64_t seed;
    struct oct_nic_fault_line line[OCT_NIC_FAULT_LINE_CNT]; /* lines past these pass untouched */
    struct oct_nic_fault_line rewind;                       /* for OCT_LINE_REWIND */
    uint32_t reorder_span;                                  /* 0: 4 */
    uint32_t hold_cnt;                                      /* 0: 8192 */
    uint32_t pkt_sz_max;    /* 0: 2048; longer ones are cut and marked truncated */
    int64_t hold_ns;        /* 0: 1 ms */
    int64_t (*clock)(void); /* e.g. oct_utc_ns; NULL: the newest receive stamp */
};

struct oct_nic_fault_stats {
    uint64_t seen;
    uint64_t dropped;
    uint64_t duplicated;
    uint64_t reordered; /* held back, copies too */
    uint64_t skewed;
};

int oct_nic_fault_create(const struct oct_nic_fault_cfg *cfg, struct oct_nic **out);
const struct oct_nic_fault_stats *oct_nic_fault_stats(const struct oct_nic *nic);
/* Everything held is due now. */
void oct_nic_fault_flush(struct oct_nic *nic);

#endif
