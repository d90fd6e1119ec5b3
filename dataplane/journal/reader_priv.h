/* reader_priv.h - the reader's state and the parts its files share. */
#ifndef OCT_JOURNAL_READER_PRIV_H
#define OCT_JOURNAL_READER_PRIV_H

#include "dataplane/journal/reader.h"

struct oct_journal {
    char dir[200];
    uint16_t lane;
    bool live;       /* the recorder may be writing: no search behind the end */
    bool joined;     /* the block before is known: the chain is checked */
    uint64_t *first; /* of each segment, rising */
    uint32_t seg_cnt;
    uint32_t seg; /* being read */
    int fd;       /* of it, -1: none yet */
    int broken;   /* the segment could not be entered: negative errno */
    struct oct_seg_hdr hdr;
    uint64_t off;        /* of the next block */
    uint64_t blocks;     /* read in this segment */
    uint64_t records;    /* the same */
    uint64_t chain;      /* digest of the header before */
    uint64_t last_input; /* of the last record of the last whole block */
    uint64_t last_run;   /* run and ring position of the last whole block, over all segments */
    uint64_t last_ring_end;
    bool last_rescued;
    bool have_block;
    bool ended;            /* the last whole block was final */
    uint64_t searched_seg; /* the end of this segment was searched already */
    uint64_t block_off;
    uint32_t rec_at; /* of the next record in the block */
    char path[256];
    struct oct_journal_error err;
    uint8_t *block; /* OCT_BLOCK_MAX bytes */
};

/* Lists a lane's segments, rising; *out is the caller's to free.  Count or negative errno. */
int oct_journal_list(const char *dir, uint16_t lane, uint64_t **out);

/* The number a new segment is named by: above every input and every name so far. */
OCT_INLINE uint64_t oct_journal_name(uint64_t first_input, uint64_t last_input, uint64_t last_name)
{
    uint64_t least = (last_input > last_name ? last_input : last_name) + 1;

    return first_input > least ? first_input : least;
}

/* Reads the next whole block: 1, 0 at the end, negative as oct_journal_next. */
int oct_journal_next_block(struct oct_journal *j);
/* Starts reading segment number seg at its header.  0 or negative. */
int oct_journal_enter(struct oct_journal *j, uint32_t seg);
/* Sets the error and returns err. */
int oct_journal_fail(struct oct_journal *j, int err, uint64_t off, const char *reason);

/* How a lane's journal ends. */
struct oct_journal_end {
    uint32_t segments;
    uint64_t serial; /* of the last segment */
    uint64_t first_input;
    uint64_t blocks;
    uint64_t hash;       /* digest of its last block header */
    uint64_t last_input; /* 0 for none */
    uint64_t run_id;     /* and ring position after, of the last block */
    uint64_t ring_end;
    struct oct_seg_hdr hdr;
};
/* Reads the last segment.  0 (also when there is none), or as oct_journal_next. */
int oct_journal_last(const char *dir, uint16_t lane, struct oct_journal_end *out,
                     struct oct_journal_error *err);

/* index.c: writes the index of a segment; reads where to start for an input. */
int oct_index_write(const char *dir, uint16_t lane, const struct oct_index_hdr *hdr,
                    const struct oct_index_entry *entries);
/* Offset of a block such that all records of input >= n are in it or later; 0 when there is no
 * good index. */
uint64_t oct_index_find(const char *dir, uint16_t lane, const struct oct_seg_hdr *seg, uint64_t n);
/* Whether the index of a segment is there and good. */
bool oct_index_good(const char *dir, uint16_t lane, const struct oct_seg_hdr *seg);

#endif
