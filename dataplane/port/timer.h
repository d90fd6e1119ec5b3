/* timer.h - the lane's timers: armed by agents, fired by the lane before each step.
 *
 * A fixed table; fired by deadline, then id, so that replay fires them in the same order. */
#ifndef OCT_PORT_TIMER_H
#define OCT_PORT_TIMER_H

#include "dataplane/base/attr.h"

struct oct_timers; /* opaque: binary heap with an index by id */

size_t oct_timers_footprint(uint32_t max_cnt);
struct oct_timers *oct_timers_new(void *mem, uint32_t max_cnt);

/* Arms id, or moves it when already armed.  false when the table is full. O(log n). */
bool oct_timer_arm(struct oct_timers *t, uint64_t id, int64_t deadline_ns);
/* Disarms id if armed. */
void oct_timer_disarm(struct oct_timers *t, uint64_t id);
/* The earliest deadline, INT64_MAX when none.  O(1). */
int64_t oct_timers_next(const struct oct_timers *t);
/* Takes the first timer due at or before now_ns; false when none is. */
bool oct_timers_pop(struct oct_timers *t, int64_t now_ns, uint64_t *id, int64_t *deadline_ns);
uint64_t oct_timers_digest(const struct oct_timers *t);

#endif
