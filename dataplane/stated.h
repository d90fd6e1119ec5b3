/* stated.h - the configuration's limits as inputs of a run.
 *
 * A verdict is explained by the limits it was judged by.  Limits that people set are commands, and so
 * in the journal; those of the configuration are put there as the same commands, version 0, so that a
 * journal explains itself without the configuration, and a replay uses the limits of the time.
 *
 * Thread:  the lane's, before the seal. */
#ifndef OCT_DATAPLANE_STATED_H
#define OCT_DATAPLANE_STATED_H

#include "agents/risk/limits.h"

/* Gives begin, a row for each limit that is set, and commit to fn. */
void oct_stated_limits(const struct oct_risk_limits *l,
                       void (*fn)(void *arg, struct oct_in_cmd *cmd), void *arg);

#endif
