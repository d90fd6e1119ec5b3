/* tail.h - reads a lane's records from any input number: from the files, then live from the ring.
 *
 * From the files come records of class J; from the ring J and P.  When the ring laps a tail it
 * goes back to the files, so no journaled record is lost or given twice; published ones that were
 * overwritten are lost and counted, and the caller asks for a fresh snapshot.
 *
 * Thread:  one per tail.  Memory: a reader's. */
#ifndef OCT_JOURNAL_TAIL_H
#define OCT_JOURNAL_TAIL_H

#include "dataplane/journal/reader.h"
#include "dataplane/shm/ring.h"

struct oct_tail;

#define OCT_TAIL_LIVE UINT64_MAX

struct oct_tail_cfg {
    const char *dir; /* NULL: ring only */
    uint16_t lane;
    uint64_t from_input; /* first input wanted; OCT_TAIL_LIVE: only what comes from now on */
    const struct oct_ring *ring; /* NULL: files only, for now */
    uint64_t run_id;             /* of the ring */
};

enum oct_tail_read {
    OCT_TAIL_EMPTY = 0,
    OCT_TAIL_RECORD = 1,
    OCT_TAIL_LOST = 2, /* published records were lost (or, without dir, any); then it goes on */
    /* negative errno: damage in the files, see oct_tail_error */
};

/* 0 or negative errno.  A directory without segments yet is fine. */
int oct_tail_open(const struct oct_tail_cfg *cfg, struct oct_tail **out);
void oct_tail_close(struct oct_tail *t);

/* The next record, valid until the next call. */
int oct_tail_next(struct oct_tail *t, const struct oct_msg_hdr **rec);

/* The dataplane is gone: continue on the files only.  Or it is back, with a new ring and run. */
void oct_tail_detach(struct oct_tail *t);
void oct_tail_attach(struct oct_tail *t, const struct oct_ring *ring, uint64_t run_id);

bool oct_tail_is_live(const struct oct_tail *t);  /* reading the ring */
uint64_t oct_tail_lost(const struct oct_tail *t); /* slots lost so far */
/* A cursor to keep: input of the last journaled record given out and how many records of that
 * input were; opening with from_input = input and skipping that many continues exactly. */
void oct_tail_cursor(const struct oct_tail *t, uint64_t *input, uint32_t *records);
const struct oct_journal_error *oct_tail_error(const struct oct_tail *t);

#endif
