/* recorder.h - writes a lane's journaled records from its ring to segment files, on its own thread.
 *
 * It reads the ring as any reader, copies records of class J into blocks, and writes blocks with
 * io_uring: registered buffers, O_DIRECT where the file system has it, into files with room
 * allocated (and, in the group and strict modes, zeroed) ahead.  It tells the lane through the
 * ring's two cursors, of which it is the one writer: `recorded`, how far records are written, so
 * that they outlive the process, and `durable`, how far they are on disk in the sense of the mode:
 *
 *   mode    durable means                          lost by kill -9     lost by power failure, at
 * most async   the write has completed                what is in the ring  what was written since
 * the survives there, so   last segment ended (every nothing              segment_sz bytes and at
 * stop) group   and an fdatasync after it, every       the same             group_ns plus the time
 * of group_ns or group_bytes                                     one write and one fdatasync strict
 * the write itself was durable (DSYNC)   the same             what is not yet durable: the blocks
 * being written
 *
 * In every mode a cursor never passes bytes that are not settled in this sense, so an order number
 * below a mark that `durable` has passed keeps the mode's promise.
 *
 * At a change of segment the recorder waits until the old one and the new one's name are synced;
 * on a file system that others write to as well this can take seconds (ext4 commits their data with
 * ours).  The ring must cover it, or the journal have a file system of its own.
 *
 * Failure: a full disk, a write error or an error of fdatasync puts a row into the fault table, the
 * state to OCT_REC_FAILED, and both cursors stop; the lane sees the ring filling and halts new
 * orders.  Lack of room (ENOSPC, EDQUOT, EFBIG) is tried again every retry_ns with the same bytes
 * at the same place; anything else is final.  Nothing is skipped: when the ring laps a recorder
 * that stood still, it writes a discontinuity record with the number of slots lost, once it can.
 *
 * Thread:  create, start, stop, destroy by one owner; the cursors and counters by anybody.
 * Memory:  about 2 MiB of buffers, allocated in create. */
#ifndef OCT_JOURNAL_RECORDER_H
#define OCT_JOURNAL_RECORDER_H

#include "dataplane/base/count.h"
#include "dataplane/journal/format.h"
#include "dataplane/shm/fault.h"
#include "dataplane/shm/pulse.h"
#include "dataplane/shm/ring.h"

enum oct_recorder_counter {
    OCT_REC_RECORDS,
    OCT_REC_BYTES,      /* of records */
    OCT_REC_FILE_BYTES, /* written to files, padding included */
    OCT_REC_BLOCKS,
    OCT_REC_SYNCS,
    OCT_REC_SEGMENTS,
    OCT_REC_LAPPED_SLOTS,
    OCT_REC_WRITE_ERRORS,
    OCT_REC_RETRIES,
    OCT_REC_LAG_SLOTS,   /* gauge */
    OCT_REC_SYNC_NS_MAX, /* gauge: longest write or fdatasync, ns */
    OCT_RECORDER_COUNTER_CNT,
};
extern const struct oct_counter_def oct_recorder_counter_defs[OCT_RECORDER_COUNTER_CNT];

enum oct_rec_state {
    OCT_REC_IDLE = 0, /* not started */
    OCT_REC_RUNNING = 1,
    OCT_REC_FAILED = 2, /* standing still; see oct_recorder_error */
    OCT_REC_STOPPED = 3,
};

struct oct_recorder_cfg {
    const char *dir; /* exists or can be made; copied */
    struct oct_ring *ring;
    struct oct_faults *faults;    /* a table of the recorder's own; NULL: none */
    struct oct_counter *counters; /* [OCT_RECORDER_COUNTER_CNT]; NULL: none */
    struct oct_pulse *pulse;      /* beats every turn, state is enum oct_rec_state; NULL: none */
    uint64_t run_id;
    uint64_t build_id;
    uint64_t plugin_hash;
    uint64_t config_hash;
    uint64_t layout_hash; /* 0: oct_msg_layout_hash() */
    const char *dict;     /* instrument dictionary reference, NULL: none */
    int64_t group_ns;     /* 0: 2 ms */
    uint64_t group_bytes; /* 0: 1 MiB */
    int64_t flush_ns;     /* async: oldest record waits at most this long; 0: 2 ms */
    int64_t retry_ns;     /* 0: 1 s */
    uint64_t segment_sz;  /* bytes after which a new segment starts; 0: 64 MiB; at least 1 MiB */
    enum oct_durability mode;
    int core; /* to pin to, -1: none */
    uint16_t lane;
    bool busy;      /* poll the ring without sleeping */
    bool no_direct; /* do not try O_DIRECT */
};

struct oct_recorder;

/* Checks the last segment in dir, prepares buffers, the continuation of the chain and room for the
 * first segment, whose file is made with the first record.  0; -EUCLEAN when the journal ends in a
 * torn tail (repair it first, reader.h); -EBADMSG when it is damaged; -EBUSY when another recorder
 * has it; -EINVAL bad configuration; or another negative errno. */
int oct_recorder_create(const struct oct_recorder_cfg *cfg, struct oct_recorder **out);

/* Starts the thread.  0 or negative errno. */
int oct_recorder_start(struct oct_recorder *r);
/* Without a thread: one turn, on the caller's.  Returns records taken. */
uint32_t oct_recorder_poll(struct oct_recorder *r);

/* Takes what is in the ring, writes and settles it, ends the segment and stops the thread.  The
 * ring's writer has stopped before.  0, or the error that stood in the way. */
int oct_recorder_stop(struct oct_recorder *r);
/* Stops without writing what is pending, as a crash would. */
void oct_recorder_abandon(struct oct_recorder *r);
/* NULL is fine. */
void oct_recorder_destroy(struct oct_recorder *r);

enum oct_rec_state oct_recorder_state(const struct oct_recorder *r);
/* The errno, positive, and what was being done when it failed; 0 when it did not. */
int oct_recorder_error(const struct oct_recorder *r, const char **what);

#endif
