/* The rings that ours is held against: two indices on lines of their own, every message published by
 * itself.  The plain one looks at the other end's index for every message, as rte_ring does; the other
 * keeps it, which makes bursts of what piles up. */
#include <stdatomic.h>

#include "bench/queue/kind.h"

#define KEEP 0
#define Q(x) plain_##x
#include "bench/queue/headtail_ends.h"
#include "bench/queue/loops.h"
const struct oct_queue_kind oct_queue_headtail = {"head/tail ring", plain_footprint, plain_init,
                                                  plain_ping,       plain_pong,      plain_give,
                                                  plain_collect};
#undef KEEP
#undef Q

#define KEEP 1
#define Q(x) keep_##x
#include "bench/queue/headtail_ends.h"
#include "bench/queue/loops.h"
const struct oct_queue_kind oct_queue_headtail_kept = {
    "head/tail, kept", keep_footprint, keep_init, keep_ping, keep_pong, keep_give, keep_collect};
#undef KEEP
#undef Q
