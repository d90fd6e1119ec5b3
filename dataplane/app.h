/* app.h - the dataplane of one instance, from configuration to a lane that is ready to turn.
 *
 * The program, the benches and the whole-lane tests start the same way; the latter two bring their
 * own nic.
 *
 * Thread:  one, but for what recorder and keeper run on their own.
 * Errors:  printed for people on standard error as they happen. */
#ifndef OCT_DATAPLANE_APP_H
#define OCT_DATAPLANE_APP_H

#include "dataplane/journal/recorder.h"
#include "dataplane/keeper.h"
#include "dataplane/lane/lane.h"
#include "dataplane/recover.h"

struct oct_app {
    /* Set by the caller, zero otherwise. */
    struct oct_setup setup; /* loaded */
    const char *version;
    const char *summary;     /* file to write at the end, NULL: none */
    const _Atomic int *stop; /* ends oct_lane_run */
    struct oct_nic *nic;     /* NULL: what the configuration names; owned from start on */
    bool progress;
    bool accept_other_build;

    struct oct_instance instance;
    struct oct_assembly assembly;
    struct oct_recovery recovery;
    struct oct_state state;
    struct oct_clock clock;
    _Atomic int64_t clock_error_ns; /* written by the keeper, read by the lane */
    struct oct_recorder *recorder;
    struct oct_collector *collector;
    void *collector_mem;
    struct oct_lane *lane;
    void *lane_mem;
    struct oct_keeper keeper;
    struct oct_summary_src src;
    uint64_t run_id;
    uint64_t build_id;
    char journal_dir[512];
    _Alignas(64) uint8_t session[OCT_VENUE_SESS_SZ];
};

/* Regions, recovery, nic, recorder, first inputs: afterwards the lane may turn, on any one thread.
 * 0 or negative errno; release is due in both cases. */
int oct_app_start(struct oct_app *a);
/* After the lane's last turn: ends the journal in order and writes the summary. */
int oct_app_finish(struct oct_app *a);
/* Frees everything; the regions' files stay. */
void oct_app_release(struct oct_app *a);

#endif
