/* link.h - one-way queue in shared memory: one writer, one reader, for commands.
 *
 * Same slots as the ring, but the writer sees the reader's position and takes only what fits: a
 * full link says so, nothing is overwritten.  Reader and writer check everything the other wrote:
 * a dead or hostile peer makes the link useless, never the owner crash or wait.
 *
 * Thread:  exactly one publisher and one poller, in any processes that map the region.
 * Memory:  oct_link_footprint(depth) bytes, 128-aligned, owned by the caller.
 * Cost:    one cache-line write a slot; no system call, no lock, never blocks. */
#ifndef OCT_SHM_LINK_H
#define OCT_SHM_LINK_H

#include "dataplane/shm/ring.h"

/* What lies in shared memory. */
struct oct_link_shm {
    uint64_t magic;
    uint32_t version;
    uint32_t depth; /* slots, power of two */
    uint64_t pad0[14];
    _Atomic uint64_t head; /* publisher: position after the last published slot */
    uint64_t pad1[15];
    _Atomic uint64_t tail; /* poller: position of the next slot to take */
    uint64_t pad2[15];
    struct oct_slot slot[];
};
_Static_assert(offsetof(struct oct_link_shm, head) == 128, "publisher's block");
_Static_assert(offsetof(struct oct_link_shm, tail) == 256, "poller's block");
_Static_assert(offsetof(struct oct_link_shm, slot) == 384, "slots");

/* One end of a link, in its owner's own memory: what the peer may change is never the only copy
 * of what this end needs. */
struct oct_link {
    struct oct_link_shm *shm;
    uint64_t mask; /* depth - 1, as checked at new or join */
    uint64_t pos;  /* this end's position */
    uint64_t peer; /* publisher: the poller's position when last looked at */
};

/* Bytes needed; 0 when depth is not a power of two in [16, 2^20]. */
size_t oct_link_footprint(uint32_t depth);
/* Formats mem (zeroed by this call) and makes *link its polling end.  0, or -EINVAL on a bad
 * depth. */
int oct_link_new(struct oct_link *link, void *mem, uint32_t depth);

enum oct_link_end {
    OCT_LINK_POLLER,
    OCT_LINK_PUBLISHER,
};
/* Checks a link found in shared memory of sz bytes and takes one end of it, continuing where the
 * last holder of that end stopped.  0, or -EBADMSG when it is not a link. */
int oct_link_join(struct oct_link *link, void *mem, size_t sz, enum oct_link_end end);

/* Publishes one record.  Returns 0, or -ENOBUFS when the reader is behind (nothing written). */
OCT_HOT int oct_link_publish(struct oct_link *link, const struct oct_msg_hdr *m);

/* Takes one record into buf (OCT_MSG_SZ_MAX bytes, 8-aligned).  Returns 1, 0 when empty, or
 * -EBADMSG when what is there is not a record: it is skipped to the publisher's head. */
OCT_HOT int oct_link_poll(struct oct_link *link, void *buf);

#endif
