/* format.h - the journal on disk: segments of blocks of records, little-endian.
 *
 * A lane's journal is the files <dir>/<lane>-<first input, 20 digits>.oj in the order of their
 * names; <lane>.spare is the next one being made ready, <lane>.lock belongs to the recorder.  A segment is one header of OCT_SEG_HDR_SZ bytes and blocks, each a multiple of
 * OCT_BLOCK_ALIGN bytes: a block header, whole records as they were in the ring (struct
 * oct_msg_hdr and what follows), zeros.  After the last block there are zeros (room written ahead)
 * or nothing.
 *
 * What holds the chain together: a block's `prev` is the digest of the block header before it (of
 * the segment header for the first), and a block header contains the CRC of the block's bytes; a
 * segment's prev_hash is the digest of the last block header of the segment before it.  So a
 * missing, changed, moved or foreign block is found, and where.
 *
 * What tells a torn tail from damage: `settled` in a block is the number of blocks of this segment
 * that were complete, in the sense of the durability mode, when it was written.  A hole at block h
 * is a torn tail unless some later block settles h, or a later segment exists: then bytes that
 * were promised are gone, and that is damage, which nothing repairs. */
#ifndef OCT_JOURNAL_FORMAT_H
#define OCT_JOURNAL_FORMAT_H

#include "dataplane/base/attr.h"
#include "dataplane/msg/msg.h"

#define OCT_SEG_MAGIC   UINT64_C(0x314e524a5443544f) /* "OCTJRN1" */
#define OCT_BLOCK_MAGIC UINT32_C(0x4b4c424a)         /* "JBLK" */
#define OCT_INDEX_MAGIC UINT64_C(0x314458495443544f) /* "OCTIXD1" */
#define OCT_SEG_VERSION 1u
#define OCT_SEG_HDR_SZ  4096u
#define OCT_BLOCK_ALIGN 4096u
#define OCT_BLOCK_MAX   (128u * 1024u) /* bytes of the largest block */
#define OCT_DICT_REF_SZ 64u
#define OCT_INDEX_STEP  (256u * 1024u) /* about one index entry in this many bytes */

enum oct_durability {
    OCT_DURABILITY_ASYNC = 0,
    OCT_DURABILITY_GROUP = 1,
    OCT_DURABILITY_STRICT = 2,
};

/* First 256 bytes of a segment; the rest of its header block is zeros and is in the CRC too. */
struct oct_seg_hdr {
    uint64_t magic;
    uint32_t version;
    uint32_t crc; /* CRC32C of the header block with this field zero */
    uint16_t lane;
    uint8_t durability; /* enum oct_durability */
    uint8_t pad0[5];
    uint64_t serial;      /* 1 for the lane's first segment, then counting */
    uint64_t first_input; /* as in the name: records of this input and later are here or later */
    uint64_t run_id;
    uint64_t build_id;
    uint64_t plugin_hash;
    uint64_t config_hash;
    uint64_t layout_hash;
    uint64_t prev_first_input; /* of the segment before, 0 for none */
    uint64_t prev_blocks;      /* how many blocks it has */
    uint64_t prev_hash;        /* digest of its last block header (or segment header), 0 for none */
    uint64_t ring_pos;         /* ring position this segment starts at */
    int64_t created_ns;
    char dict[OCT_DICT_REF_SZ]; /* instrument dictionary: file name, '@', digest; may be empty */
    uint8_t pad1[72];
};
_Static_assert(sizeof(struct oct_seg_hdr) == 256, "segment header");

enum oct_block_flags {
    OCT_BLOCK_RESCUED = 1, /* records taken from the ring after the process had died */
    OCT_BLOCK_LAPPED = 2,  /* starts with a discontinuity: the recorder was lapped */
    OCT_BLOCK_FINAL = 4,   /* the segment was ended in order; nothing follows */
};

struct oct_block_hdr {
    uint32_t magic;
    uint32_t crc;     /* CRC32C of all sz bytes, with this field zero */
    uint32_t sz;      /* bytes on disk, header and padding included */
    uint32_t used;    /* bytes of records */
    uint64_t seq;     /* 0 for the segment's first block */
    uint64_t prev;    /* digest of the header before */
    uint64_t settled; /* blocks of this segment complete when this one was written */
    uint64_t run_id;
    uint64_t first_input;
    uint64_t last_input;
    uint64_t ring_pos; /* ring positions covered: [ring_pos, ring_end) */
    uint64_t ring_end;
    int64_t sealed_ns;
    uint32_t rec_cnt;
    uint32_t flags; /* enum oct_block_flags */
};
_Static_assert(sizeof(struct oct_block_hdr) == 96, "block header");

/* Index file <segment name with .oi>: header, then entries by rising input. A convenience: made
 * when a segment ends, made again when missing or wrong. */
struct oct_index_hdr {
    uint64_t magic;
    uint32_t version;
    uint32_t crc; /* of the header with this field zero, and the entries */
    uint64_t run_id;
    uint64_t first_input; /* of the segment */
    uint64_t last_input;
    uint64_t blocks;  /* in the segment */
    uint64_t end_off; /* bytes of the segment that hold blocks */
    uint64_t entry_cnt;
};

struct oct_index_entry {
    uint64_t first_input; /* of the block; records of a lower input end before it */
    uint64_t off;         /* of the block in the segment */
};

/* dir/lane-first.oj (or .oi) into buf; returns the length, or -ENAMETOOLONG. */
int oct_journal_path(char *buf, size_t sz, const char *dir, uint16_t lane, uint64_t first_input,
                     const char *ext);
/* The parts of a segment's file name; false when it is not one. */
bool oct_journal_parse_name(const char *name, uint16_t *lane, uint64_t *first_input);

/* Digest of a header, as the chain uses it. */
uint64_t oct_seg_hdr_digest(const struct oct_seg_hdr *h);
uint64_t oct_block_hdr_digest(const struct oct_block_hdr *h);

/* NULL when a header block (OCT_SEG_HDR_SZ bytes) is good, else what is wrong with it. */
const char *oct_seg_hdr_check(const void *block);
/* Fills in the CRC of a header block. */
void oct_seg_hdr_seal(void *block);

/* NULL when the block at p, with avail bytes, is whole and says what it is: magic, size, CRC,
 * every record valid and inside, inputs rising from first_input to last_input.  Else what is
 * wrong.  Place and chain are the caller's to check. */
const char *oct_block_check(const void *p, size_t avail);
/* Fills in size and CRC of a block whose other fields and records are set, and zeroes the padding.
 */
void oct_block_seal(void *block);

#endif
