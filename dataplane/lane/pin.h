/* pin.h - where threads run: cores by hwloc, locked memory, and the seal on system calls. */
#ifndef OCT_LANE_PIN_H
#define OCT_LANE_PIN_H

#include "dataplane/base/attr.h"

/* Binds the calling thread to one core (operating-system index).  Returns 0, -ENODEV when this
 * machine has no such core, or negative errno. */
int oct_pin_thread(int core);

/* Cores this machine lets us use. */
int oct_pin_core_cnt(void);

/* Locks present and future memory and touches nothing.  0 or negative errno; the caller goes on
 * without and says what it costs. */
int oct_pin_lock_memory(void);

/* From here on the calling thread may make only the nic driver's own system calls; any other
 * kills the process.  0 or negative errno. */
int oct_pin_seal(void);

#endif
