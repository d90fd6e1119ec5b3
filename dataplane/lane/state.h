/* state.h - the state ladder on disk: latched, kept over a restart and over a power failure.
 *
 * A small file mapped into memory with two copies, each with a generation and a CRC.  The lane
 * writes the older copy (no system call); the keeper thread syncs it and only then publishes what
 * others are told.  A file that cannot be read makes the lane start HALTED.
 *
 * Thread:  set on the lane's thread; sync on the keeper's. */
#ifndef OCT_LANE_STATE_H
#define OCT_LANE_STATE_H

#include <stdatomic.h>

#include "dataplane/msg/msg.h"

#define OCT_STATE_ID_CNT 64u

struct oct_state_copy {
    uint64_t magic;
    uint64_t gen;
    uint8_t firm; /* enum oct_ladder_state */
    uint8_t pad[7];
    uint8_t strategy[OCT_STATE_ID_CNT];
    uint8_t account[OCT_STATE_ID_CNT];
    uint32_t pad1;
    uint32_t crc; /* of everything before it */
};

struct oct_state {
    struct oct_state_copy *copy; /* two, 512 bytes apart */
    struct oct_state_copy now;
    _Atomic uint64_t written; /* lane: generation in the mapping */
    uint64_t synced;          /* keeper: generation on disk */
    int fd;
};

/* Opens or makes dir/ladder.state.  Returns 0; -ENOENT when it was just made (a first start);
 * -EBADMSG when it exists and neither copy is whole: *s is then HALTED for the firm; or another
 * negative errno. */
int oct_state_open(struct oct_state *s, const char *dir);
/* Takes over a ladder record. */
void oct_state_set(struct oct_state *s, const struct oct_ladder *m);
/* Syncs when there is something to; returns 1 when it did, 0 when there was nothing, or a negative
 * errno: nothing may be reported then. */
int oct_state_sync(struct oct_state *s);
void oct_state_close(struct oct_state *s);

#endif
