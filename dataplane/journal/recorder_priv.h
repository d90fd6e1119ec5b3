/* recorder_priv.h - the recorder's state, shared by its own files. */
#ifndef OCT_JOURNAL_RECORDER_PRIV_H
#define OCT_JOURNAL_RECORDER_PRIV_H

#include <liburing.h>
#include <pthread.h>

#include "dataplane/journal/reader_priv.h"
#include "dataplane/journal/recorder.h"

#define REC_BUF_CNT     16u
#define REC_ZERO_SZ     (256u * 1024u) /* zeros written ahead at a time */
#define REC_ZERO_FIRST  (4u << 20)     /* zeros a start waits for; later segments get them all */
#define REC_ZERO_STRICT (64u << 20)    /* in the strict mode, where each write waits for the disk */
#define REC_SEG_SLACK   (2u * OCT_BLOCK_MAX)
#define REC_INDEX_MAX   (1u << 14)
#define REC_FILL_BUDGET 4096u /* records taken in one turn */

/* A block: being filled (the one at tail), or written and not yet settled. */
struct rec_buf {
    uint8_t *p;
    uint64_t off; /* in the segment */
    uint32_t sz;
    uint32_t done; /* bytes the kernel has written */
    bool in_flight;
    bool failed; /* to be tried again */
    uint64_t ring_end;
    int64_t oldest_ns; /* when its first record was taken */
    int64_t submit_ns;
};

struct oct_recorder {
    struct oct_recorder_cfg cfg;
    char dir[200];
    char dict[OCT_DICT_REF_SZ];
    struct oct_ring_reader rd;
    struct io_uring io;
    bool io_open;
    bool fixed; /* buffers are registered */
    pthread_t thread;
    bool threaded;
    _Atomic int stop;  /* 1: finish, 2: drop everything */
    _Atomic int state; /* enum oct_rec_state */
    int err;           /* positive errno of the last failure */
    const char *what;
    bool final; /* it cannot be mended */
    int64_t retry_at_ns;
    int lock_fd;

    /* The segment being written, or the place where the next one goes. */
    int fd;                 /* -1: none open */
    struct oct_seg_hdr hdr; /* of it, or of the one before */
    uint64_t serial;        /* of the last segment, 0 for none */
    uint64_t off;           /* where the next block goes */
    uint64_t blocks;        /* sealed in this segment */
    uint64_t settled;       /* of these, complete */
    uint64_t chain;
    uint64_t last_input;
    bool ending;                   /* the final block is sealed */
    struct oct_index_entry *index; /* REC_INDEX_MAX */
    uint64_t index_cnt;

    /* The next segment's file, made ahead. */
    int spare_fd; /* -1: none */
    uint64_t spare_zeroed;
    bool spare_busy;
    bool spare_failed; /* no room now: made when it is needed */
    bool direct;
    uint8_t *zeros;

    /* Blocks head..tail-1 are sealed and not settled; tail is being filled. */
    struct rec_buf buf[REC_BUF_CNT];
    uint64_t head, tail;
    uint64_t written; /* head..written-1 are written and wait for a sync (group) */
    uint8_t *mem;
    uint32_t used, rec_cnt, flags;
    uint64_t first_input;
    uint64_t ring_pos; /* of the block being filled */
    uint64_t ring_end; /* after the last record taken */

    uint64_t pending_lost; /* slots lost while no segment was open */
    bool syncing;
    uint64_t sync_to; /* blocks (absolute, as tail counts) the sync in flight covers */
    int64_t sync_ns;

    /* A record that starts the next segment. */
    bool stashed;
    _Alignas(8) uint8_t stash[OCT_MSG_SZ_MAX];
};

enum rec_tag {
    REC_TAG_SYNC = 100,
    REC_TAG_ZERO = 101,
};

OCT_INLINE void rec_count(struct oct_recorder *r, enum oct_recorder_counter c, uint64_t n)
{
    if (r->cfg.counters)
        oct_count(&r->cfg.counters[c], n);
}

OCT_INLINE struct rec_buf *rec_buf_at(struct oct_recorder *r, uint64_t block)
{
    return &r->buf[block % REC_BUF_CNT];
}

/* Stands still with a fault row; `what` is its code. */
void rec_fail(struct oct_recorder *r, int err, const char *what, uint64_t detail, bool final);
bool rec_is_failed(const struct oct_recorder *r);

/* rec_io.c */
int rec_io_init(struct oct_recorder *r);
void rec_io_fini(struct oct_recorder *r);
void rec_write(struct oct_recorder *r, struct rec_buf *b);
void rec_reap(struct oct_recorder *r);
void rec_settle(struct oct_recorder *r, int64_t now, bool force);
void rec_retry(struct oct_recorder *r);
void rec_idle(struct oct_recorder *r, int64_t ns);

/* rec_segment.c */
int rec_segment_open(struct oct_recorder *r, uint64_t first_input);
int rec_segment_end(struct oct_recorder *r);
/* Makes or continues the next segment's file, a step at a time; `first`: at a start, enough of it
 * before returning. */
int rec_spare_work(struct oct_recorder *r, bool first);
void rec_spare_zeroed(struct oct_recorder *r, int res);
void rec_spare_drop(struct oct_recorder *r);

#endif
