/* The lane's ring, as the recorder follows it: the writer watches the one cursor that must not be
 * lapped, so that nothing is lost; the reader moves it now and then.  The message is the largest
 * record that fits one slot. */
#include "bench/queue/kind.h"
#include "dataplane/shm/ring_inl.h"

/* The reader tells how far it is once every so many slots. */
#define TELL 256u

static int ring_init(void *mem, uint32_t depth)
{
    return oct_ring_new(mem, depth) != NULL ? 0 : -1;
}

#define PUBLISH(ring, hdr) oct_ring_put((ring), (const uint64_t *)(hdr), REC_SZ / 8)
#define READ               oct_ring_take

#define Q(x) inl_##x
#include "bench/queue/ring_ends.h"
#include "bench/queue/loops.h"
const struct oct_queue_kind oct_queue_ring = {"ring",   oct_ring_footprint, ring_init,  inl_ping,
                                              inl_pong, inl_give,           inl_collect};
#undef Q

#undef PUBLISH
#undef READ
#define PUBLISH oct_ring_publish
#define READ    oct_ring_read

#define Q(x) call_##x
#include "bench/queue/ring_ends.h"
#include "bench/queue/loops.h"
const struct oct_queue_kind oct_queue_ring_call = {
    "ring, by call", oct_ring_footprint, ring_init, call_ping, call_pong, call_give, call_collect};
#undef Q
