/* kind.h - one kind of queue between two cores, as the bench drives it.
 *
 * A message is 64 bytes in the queue, the size of one slot.  Each kind is a file that says how to
 * put and take one message and includes loops.h, so that its loops are compiled with its
 * own code inlined, as its users would have it. */
#ifndef OCT_BENCH_QUEUE_KIND_H
#define OCT_BENCH_QUEUE_KIND_H

#include "dataplane/base/attr.h"

/* Messages before the clock starts, one way. */
#define OCT_QUEUE_WARM 65536u

struct oct_queue_kind {
    const char *name;
    size_t (*footprint)(uint32_t depth);
    /* mem is zeroed and 128-aligned.  0 or negative errno. */
    int (*init)(void *mem, uint32_t depth);
    /* n messages there and back; ticks[i] of each round trip. */
    void (*ping)(void *there, void *back, uint64_t n, uint64_t *ticks);
    void (*pong)(void *there, void *back, uint64_t n);
    /* n messages one way, none lost.  take returns the ticks that all but the first OCT_QUEUE_WARM of
     * them took; *bad is 0 when all came, in order, with the right contents. */
    void (*give)(void *q, uint64_t n);
    uint64_t (*take)(void *q, uint64_t n, uint64_t *bad);
};

/* What the words of message n hold. */
OCT_INLINE uint64_t oct_queue_word(uint64_t n, uint32_t i)
{
    return n + i;
}

extern const struct oct_queue_kind oct_queue_ring;      /* the lane's ring, inlined */
extern const struct oct_queue_kind oct_queue_ring_call; /* the same through its functions */
extern const struct oct_queue_kind oct_queue_link;      /* the command link */
extern const struct oct_queue_kind oct_queue_headtail;  /* plain head/tail ring, inlined */
extern const struct oct_queue_kind oct_queue_headtail_kept;
/* NULL when this was built without DPDK's ring. */
const struct oct_queue_kind *oct_queue_rte(void);

#endif
