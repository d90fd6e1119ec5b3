/* summary.h - what a run did, as JSON: docs/summary.schema.json describes it.
 *
 * Orders and fills are read back from the journal, so they are what recovery would see; books,
 * positions and P&L are the agents' own at the end.
 *
 * Thread:  cold, after the lane and the recorder have stopped. */
#ifndef OCT_DATAPLANE_SUMMARY_H
#define OCT_DATAPLANE_SUMMARY_H

#include "dataplane/assembly.h"
#include "dataplane/instance.h"
#include "dataplane/setup.h"

struct oct_summary_src {
    const struct oct_setup *setup;
    const struct oct_instance *instance;
    const struct oct_assembly *assembly;
    const char *journal_dir; /* NULL: no journal, orders are not listed */
    uint16_t lane;
};

/* Writes the file atomically.  0 or negative errno. */
int oct_summary_write(const struct oct_summary_src *src, const char *path);

/* One line of progress for people, from shared memory alone: messages, BBO changes, orders, fills,
 * P&L, latency.  Any thread. */
void oct_summary_progress(const struct oct_summary_src *src, oct_money pnl, char *buf, size_t sz);

#endif
