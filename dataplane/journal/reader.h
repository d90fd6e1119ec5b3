/* reader.h - reads, checks and repairs the journal of one lane.
 *
 * Everything read is checked before it is given out: CRC, chain, order, validity of each record.
 * What does not check is an error that names file, offset and reason; it is never skipped.
 *
 * Thread:  one per reader; any number of readers, also while the recorder writes: then the end of
 *          what is written so far reads as the end, and reading on later finds more.
 * Memory:  one block and a list of segments, allocated in open. */
#ifndef OCT_JOURNAL_READER_H
#define OCT_JOURNAL_READER_H

#include "dataplane/journal/format.h"

struct oct_journal;

/* Where and what, for people. */
struct oct_journal_error {
    char file[256]; /* path of the segment, empty when it is the directory */
    uint64_t off;
    char reason[160];
};

/* Opens a lane's journal at its first record.  0; -ENOENT when dir has no segment of this lane;
 * another negative errno with *err filled (may be NULL). */
int oct_journal_open(const char *dir, uint16_t lane, struct oct_journal **out,
                     struct oct_journal_error *err);
void oct_journal_close(struct oct_journal *j);

enum oct_journal_read {
    OCT_JOURNAL_END = 0, /* nothing more for now */
    OCT_JOURNAL_RECORD = 1,
    /* negative: -EBADMSG damage, -EUCLEAN a torn tail begins here, or another errno */
};

/* The next record, valid until the next call.  See enum oct_journal_read. */
int oct_journal_next(struct oct_journal *j, const struct oct_msg_hdr **rec);

/* Goes to the first record with input >= n; at the end when there is none.  0 or negative as
 * next. */
int oct_journal_seek(struct oct_journal *j, uint64_t input);

/* Of the last failure. */
const struct oct_journal_error *oct_journal_error(const struct oct_journal *j);

/* Of the block the last record came from. */
struct oct_journal_place {
    const char *file;
    uint64_t off; /* of the block */
    uint64_t run_id;
    uint64_t ring_end;  /* ring position after the block */
    bool last_of_block; /* the last record given out ended it */
    bool rescued;
};
void oct_journal_place(const struct oct_journal *j, struct oct_journal_place *out);
/* Header of the segment being read, NULL before the first record. */
const struct oct_seg_hdr *oct_journal_segment(const struct oct_journal *j);

struct oct_segment_info {
    char file[256];
    uint64_t file_sz;
    uint64_t data_sz; /* bytes up to the end of the last whole block */
    uint64_t blocks;
    uint64_t records;
    uint64_t last_input;
    bool ended; /* ended in order */
    struct oct_seg_hdr hdr;
};
uint32_t oct_journal_segment_cnt(const struct oct_journal *j);

struct oct_journal_report {
    uint32_t segments;
    uint64_t records;
    uint64_t bytes; /* of records */
    uint64_t blocks;
    uint64_t first_input;
    uint64_t last_input;
    uint64_t inputs_missing;  /* input numbers skipped within a run */
    uint64_t discontinuities; /* records that say so */
    uint64_t last_run_id;
    uint64_t last_ring_end;         /* ring position after the last block, in that run */
    uint64_t tail_lost;             /* bytes after the last whole block that are not zero */
    bool torn;                      /* a torn tail: repair it */
    struct oct_journal_error error; /* reason empty when all is well */
};

/* Reads everything.  per_segment (may be NULL) is called once for each.  0; -ENOENT no journal;
 * -EUCLEAN torn tail; -EBADMSG damage; out is filled as far as it was good. */
int oct_journal_verify(const char *dir, uint16_t lane, struct oct_journal_report *out,
                       void (*per_segment)(void *arg, const struct oct_segment_info *info),
                       void *arg);

struct oct_journal_repair {
    bool done; /* something was cut */
    char file[256];
    char saved[256]; /* where the cut bytes were kept, empty when they were all zero */
    uint64_t off;    /* the file now ends here; 0: the file held nothing whole and was removed */
    uint64_t cut;    /* bytes cut */
    uint64_t last_input; /* last input that remains, 0 for none */
    char reason[160];
};

/* Cuts a torn tail back to the last whole block and syncs; bytes that were not zero are kept beside
 * it in <segment>.torn-<offset>.  Rebuilds missing index files.  0 (also when there was nothing to
 * do, and when there is no journal), -EBADMSG for damage, which is left alone, or another negative
 * errno; err may be NULL. */
int oct_journal_repair(const char *dir, uint16_t lane, struct oct_journal_repair *out,
                       struct oct_journal_error *err);

/* What a damaged journal still tells: numbers that must not be given out a second time. */
struct oct_journal_salvage {
    uint64_t last_input; /* highest in any block that is whole by itself, or in a segment's name */
    uint64_t mark;       /* highest order-number mark in such a block, 0 for none */
    uint64_t blocks;     /* such blocks, wherever they stand */
};

/* Looks through all of a lane's segments for whole blocks, whatever lies between them.  0 (also when
 * there is nothing) or negative errno. */
int oct_journal_salvage(const char *dir, uint16_t lane, struct oct_journal_salvage *out);

/* Moves everything of a lane's journal into a new folder dir/damaged-<now, UTC ns>, whose path comes
 * back in where (256 bytes): what is damaged is kept for people, and a recorder can begin anew.
 * Call it with what could be read already read; lane numbers go on above the last input known.
 * 0 (also when there is nothing), -EBUSY when a recorder has the journal, or negative errno. */
int oct_journal_set_aside(const char *dir, uint16_t lane, char *where);

#endif
