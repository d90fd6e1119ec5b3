/* rig.h - a whole dataplane in one process, without a wire: for benches and whole-lane tests.
 *
 * Loopback nic, the real configuration, collector, lane, agents, journal and recorder, and a venue
 * made of the real server-side codecs that answers orders at once: limit orders rest, immediate
 * ones are cancelled or filled as told.  The caller pushes packets and turns the lane.
 *
 * Thread:  one, but for the recorder's own. */
#ifndef OCT_BENCH_RIG_H
#define OCT_BENCH_RIG_H

#include "dataplane/app.h"
#include "drivers/venue/ouch50.h"
#include "drivers/venue/soupbin_server.h"

struct oct_rig_cfg {
    const char *config;
    const char *profile;
    const char *set[32];
    size_t set_cnt;
    const char *dir; /* run and data directories go below it */
    const char
        *run_dir; /* NULL: dir/run.  On a tmpfs when time is measured, as a live one is: a ring
                            in a file of a disk is written back and faults again and again */
    uint32_t
        fill_every; /* one immediate order in so many is filled, the others cancelled; 0: none */
    uint32_t reject_every; /* one order in so many is rejected; 0: none */
    uint32_t pkt_cnt;      /* loopback queue; 0: default */
};

struct oct_rig_store {
    uint8_t *bytes;
    size_t sz, cap;
    uint64_t *off; /* [cnt + 1] */
    size_t cnt, off_cap;
};

/* What an order was sent with: a replacement does not say it again. */
struct oct_rig_order {
    uint32_t user_ref;
    char side;
    oct_sym symbol;
};

struct oct_rig {
    struct oct_app app;
    struct oct_nic *nic;
    const struct oct_rig_cfg *cfg;
    struct oct_counter nic_counters[OCT_NIC_COUNTER_CNT];
    _Atomic int stop;
    /* The venue. */
    struct oct_soupbin_server server;
    struct oct_rig_store store;   /* outlives a restart of the dataplane */
    struct oct_rig_order *orders; /* the same */
    size_t order_cnt, order_cap;
    bool connected;
    uint64_t requests; /* new orders and replacements */
    uint64_t orders_seen;
    uint64_t last_user_ref;
    uint64_t next_match;
    uint64_t answers;
    int64_t net_shares; /* bought less sold, by the venue's book */
};

/* Starts everything; the session is logged in when it returns.  The venue remembers what it had
 * from an open before: zero *r before the first.  0 or negative errno. */
int oct_rig_open(struct oct_rig *r, const struct oct_rig_cfg *cfg);
/* The venue takes what the lane sent and answers. */
void oct_rig_venue(struct oct_rig *r);
/* The connection breaks: the lane comes back after a while and logs in anew. */
void oct_rig_drop(struct oct_rig *r);
/* Turns the lane and the venue until nothing happens for a while. */
void oct_rig_settle(struct oct_rig *r);
/* Stops in order; journal ended. */
int oct_rig_close(struct oct_rig *r);
/* Stops as a crash would: nothing that is pending is written; regions and files stay. */
void oct_rig_crash(struct oct_rig *r);

#endif
