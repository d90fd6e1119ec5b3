/* instance.h - the shared memory of a running instance: made at start, found by everyone else.
 *
 * Before it replaces the "pub" region, a start keeps the ring of the run before it joined, so that
 * what was published and not yet written can be recovered.
 *
 * Thread:  the main thread, before the lane starts. */
#ifndef OCT_DATAPLANE_INSTANCE_H
#define OCT_DATAPLANE_INSTANCE_H

#include "dataplane/shm/pub.h"

struct oct_instance_cfg {
    const char *run_dir;
    uint32_t ring_depth;
    uint32_t link_depth;
    uint32_t inst_cnt;
    bool huge_pages;
};

struct oct_instance {
    struct oct_region pub;
    struct oct_region cmd;
    struct oct_region kill_region;
    struct oct_ring *ring;
    struct oct_counters *counters;
    struct oct_faults *faults;
    struct oct_faults *recorder_faults;
    struct oct_pulse *pulses;
    struct oct_pub_hist *hists;
    oct_sym *symbols;
    struct oct_counter *types;
    struct oct_pub_status *status;
    struct oct_link link[2];   /* polling ends: control's, octopusctl's */
    struct oct_pulse *control; /* control writes it: hostile */
    struct oct_kill *kill;
    /* The region of the run before, if it is still there. */
    struct oct_region old_pub;
    const struct oct_ring *old_ring;
    uint64_t old_run_id;
};

/* Joins what a run before left in run_dir; nothing there is fine. */
void oct_instance_find_old(struct oct_instance *in, const char *run_dir);
/* Makes run_dir and the regions, and keeps a kill word that exists.  0 or negative errno; *what
 * names what failed. */
int oct_instance_create(struct oct_instance *in, const struct oct_instance_cfg *cfg,
                        const char **what);
void oct_instance_drop_old(struct oct_instance *in);
/* Everybody may join from here on. */
void oct_instance_seal(struct oct_instance *in);
void oct_instance_close(struct oct_instance *in);

#endif
