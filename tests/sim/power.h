/* power.h - does to a dead dataplane's journal what a loss of power does: bytes that were not durable
 * are gone.
 *
 * What is durable the ring says, in shared memory, which the caller removes afterwards.  Two times
 * in three the journal ends at the last durable byte, else some of what was still on its way to the
 * disk has arrived, cut anywhere; the room behind reads as zeros or is not there.  Without a ring of
 * the run that wrote the last segment nothing is cut: a start syncs what it found before it goes on.
 *
 * Thread:  one, with the dataplane's process gone or its recorder abandoned. */
#ifndef OCT_TESTS_SIM_POWER_H
#define OCT_TESTS_SIM_POWER_H

#include "dataplane/base/rng.h"

/* Says on standard output what it did.  0 or negative errno. */
int oct_power_loss(const char *run_dir, const char *journal_dir, struct oct_rng *rng);

#endif
