/* bridge.h - the only code of control that touches shared memory and the journal.
 *
 * Tails the lane's records, from the journal's first to the newest in the ring, and makes the
 * mirror (control/core/mirror.h) of them: books again from the packets the lane took in, by the same
 * decoder and the same book, everything else from what the lane said.  Notices when the dataplane
 * goes, and when another one makes new regions, and goes on where the records go on.  A command goes
 * out over control's own link.
 *
 * Everything found in shared memory is treated as if it came from the wire.
 *
 * Thread:  the loop's.
 * Memory:  the mirror is the caller's; the bridge itself needs about 70 KiB and a journal reader. */
#ifndef OCT_BRIDGE_BRIDGE_H
#define OCT_BRIDGE_BRIDGE_H

#include "control/core/mirror.h"
#include "control/core/vitals.h"
#include "dataplane/port/feed.h"

struct oct_bridge; /* opaque */

struct oct_bridge_cfg {
    const char *run_dir;     /* copied */
    const char *journal_dir; /* copied; NULL: the ring only, and what it laps is lost */
    const struct oct_feed_ops *feed;
    uint32_t inst_base;
    uint16_t lane;
    struct oct_mirror *mirror;
};

/* 0 or negative errno.  Neither a dataplane nor a journal need be there yet. */
int oct_bridge_create(struct oct_bridge **out, const struct oct_bridge_cfg *cfg);
void oct_bridge_destroy(struct oct_bridge *b);

/* Takes in what is there, for at most budget_ns.  Returns how many records; fewer than there were
 * when *more is set. */
uint32_t oct_bridge_poll(struct oct_bridge *b, int64_t budget_ns, bool *more);

/* Lives as long as the bridge. */
const struct oct_vitals *oct_bridge_vitals(struct oct_bridge *b);

#endif
