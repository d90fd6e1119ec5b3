/* ring.h - a lane's one output: one writer, many readers, in shared memory.
 *
 * Slots of 64 bytes, each with its own sequence number; a record takes 1 to 8 consecutive slots.
 * The writer never waits and never looks at a reader, but for one cursor, the recorder's, which the
 * lane watches by itself.  A slow reader is lapped and knows it.
 *
 * Thread:  one writer; any number of readers in any process, each with its own oct_ring_reader in
 *          its own memory (a read-only mapping is enough).
 * Memory:  oct_ring_footprint(depth) bytes, 128-aligned, owned by the caller; no pointers inside.
 * Cost:    publish is one cache-line write a slot; no system call, no lock, no read of what readers
 *          write.  Reading is one line a slot. */
#ifndef OCT_SHM_RING_H
#define OCT_SHM_RING_H

#include "dataplane/shm/slot.h"

#define OCT_RING_MARK_CNT 8u

struct oct_ring {
    uint64_t magic;
    uint32_t version;
    uint32_t depth; /* slots, power of two */
    uint64_t pad0[14];
    _Atomic uint64_t head; /* writer: position after the last published slot */
    /* writer: for each eighth of the ring, where the first record that starts in it starts.  A
     * reader that has lost its place finds one here. */
    _Atomic uint64_t start[OCT_RING_MARK_CNT];
    uint64_t pad1[7];
    _Atomic uint64_t recorded; /* recorder: position up to which records are written */
    _Atomic uint64_t durable;  /* recorder: position up to which records are on disk */
    uint64_t pad2[14];
    struct oct_slot slot[];
};
_Static_assert(offsetof(struct oct_ring, head) == 128, "writer's block");
_Static_assert(offsetof(struct oct_ring, recorded) == 256, "recorder's block");
_Static_assert(offsetof(struct oct_ring, slot) == 384, "slots");

/* Bytes needed; 0 when depth is not a power of two in [16, 2^26]. */
size_t oct_ring_footprint(uint32_t depth);
/* Formats mem (zeroed by this call).  NULL on a bad depth. */
struct oct_ring *oct_ring_new(void *mem, uint32_t depth);
/* Checks a ring that was found in shared memory of sz bytes; NULL when it is not one. */
struct oct_ring *oct_ring_join(void *mem, size_t sz);

/* Publishes one record (hdr.sz bytes, up to OCT_MSG_SZ_MAX).  Returns the position after it. */
OCT_HOT uint64_t oct_ring_publish(struct oct_ring *ring, const struct oct_msg_hdr *m);

/* The same for a record in two pieces: fixed part and data, as in_packet and in_venue have;
 * m->sz is head_sz + data_sz rounded up to 8; the padding is zeroed. */
OCT_HOT uint64_t oct_ring_publish2(struct oct_ring *ring, const struct oct_msg_hdr *m,
                                   uint32_t head_sz, const uint8_t *data, uint32_t data_sz);

/* A reader's own place. */
struct oct_ring_reader {
    const struct oct_ring *ring;
    uint64_t mask;   /* depth - 1, read once: the ring's own field is another process's */
    uint64_t pos;    /* next position to read */
    uint64_t lapped; /* slots lost so far */
};

enum oct_ring_read {
    OCT_RING_EMPTY = 0,  /* nothing new */
    OCT_RING_RECORD = 1, /* one record copied */
    OCT_RING_LAPPED = -1 /* slots were lost (counted); pos moved to a record start ahead */
};

/* from_start: at the oldest record start that is not about to be overwritten (within an eighth of
 * the ring); else at the head. */
void oct_ring_reader_init(struct oct_ring_reader *r, const struct oct_ring *ring, bool from_start);

/* Copies the next record into buf (OCT_MSG_SZ_MAX bytes, 8-aligned).  A record whose header is
 * nonsense (a hostile writer) is treated as lapped, never followed. */
OCT_HOT enum oct_ring_read oct_ring_read(struct oct_ring_reader *r, void *buf);

#endif
