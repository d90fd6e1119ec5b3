/* kit.h - what the journal's tests share: a folder, a ring, records that can be checked. */
#ifndef OCT_TESTS_JOURNAL_KIT_H
#define OCT_TESTS_JOURNAL_KIT_H

#include "dataplane/journal/recorder.h"
#include "dataplane/journal/recover.h"
#include "dataplane/journal/tail.h"
#include "dataplane/shm/ring.h"

/* A new empty folder, removed by kit_remove. */
char *kit_dir(void);
/* The same on a disk, where kit_dir may be in memory. */
char *kit_disk_dir(void);
void kit_remove(const char *dir);
struct oct_ring *kit_ring(uint32_t depth);

/* Publishes everything that input n causes: its in_packet (two fragments each seventh), one
 * published bbo, and each third a verdict.  Returns journaled records published. */
uint32_t kit_input(struct oct_ring *ring, uint64_t n);
void kit_start(struct oct_ring *ring, uint64_t n, uint64_t run_id);

/* A checker of what kit_input made, in order. */
struct kit_check {
    uint64_t input;   /* last one seen */
    uint32_t ordinal; /* records of it seen */
    uint64_t records;
};
/* NULL when rec is the journaled record that follows, else what is wrong. */
const char *kit_follows(struct kit_check *c, const struct oct_msg_hdr *rec);

/* A recorder on its own, polled until everything in the ring is durable. */
struct oct_recorder *kit_recorder(const char *dir, struct oct_ring *ring, enum oct_durability mode,
                                  uint64_t segment_sz, uint64_t run_id);
void kit_drain(struct oct_recorder *r, struct oct_ring *ring);
/* Records inputs first..last and stops in order. */
void kit_record(const char *dir, uint64_t first, uint64_t last, enum oct_durability mode,
                uint64_t segment_sz, uint64_t run_id);

/* The same, each input in a block of its own, and no end: as after a crash. */
void kit_crash(const char *dir, uint64_t first, uint64_t last, uint64_t segment_sz,
               uint64_t run_id);

/* Path of a lane's k-th segment; empty when there is none. */
const char *kit_segment(const char *dir, uint32_t k);
size_t kit_size(const char *path);
/* The last whole block's offset, and bytes, of a segment file. */
void kit_last_block(const char *path, uint64_t *off, uint64_t *sz);

#endif
