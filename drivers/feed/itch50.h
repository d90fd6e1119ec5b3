/* itch50.h - Nasdaq TotalView-ITCH 5.0: every message type, both ways.
 *
 * Three ways in: oct_itch50_decode gives every field of a message as the venue sent it;
 * oct_itch50_md gives the normalized record that books live on; oct_feed_itch50_mold is that plus
 * MoldUDP64 as a feed driver.  One way out: oct_itch50_encode.
 *
 * Pure functions, any thread.  A message is followed by at least OCT_NIC_PAD readable bytes: the
 * decoders load whole words and drop what is not theirs.
 *
 * Prices of order messages keep all 32 bits: the specification names 200,000.0000 as the largest,
 * but shares above that have traded, and their orders belong in the book. */
#ifndef OCT_FEED_ITCH50_H
#define OCT_FEED_ITCH50_H

#include "dataplane/port/feed.h"
#include "drivers/feed/itch50_table.h"

#define OCT_ITCH50_SZ_MAX   50u /* bytes of the longest message */
#define OCT_ITCH50_TYPE_CNT 23u

#define OCT_ITCH50_C_u16(n) uint16_t n
#define OCT_ITCH50_C_u32(n) uint32_t n
#define OCT_ITCH50_C_u48(n) uint64_t n
#define OCT_ITCH50_C_u64(n) uint64_t n
#define OCT_ITCH50_C_p4(n)  uint32_t n
#define OCT_ITCH50_C_p8(n)  uint64_t n
#define OCT_ITCH50_C_chr(n) char n
#define OCT_ITCH50_C_a2(n)  char n[2]
#define OCT_ITCH50_C_a4(n)  char n[4]
#define OCT_ITCH50_C_a8(n)  char n[8]

#define OCT_ITCH50_F(X, kind, name, off, doc) OCT_ITCH50_C_##kind(name);
#define OCT_ITCH50_Z(X, cnt, name)            uint8_t name[cnt];
#define OCT_ITCH50_STRUCT(NAME, name, type, sz, w1, w2, w3, FIELDS) \
    struct oct_itch50_##name {                                      \
        OCT_ITCH50_HDR(OCT_ITCH50_F, OCT_ITCH50_Z, name)            \
        FIELDS(OCT_ITCH50_F, OCT_ITCH50_Z, name)                    \
    };                                                              \
    _Static_assert(sizeof(struct oct_itch50_##name) == 64, "one line");
OCT_ITCH50_TABLE(OCT_ITCH50_STRUCT)
#undef OCT_ITCH50_STRUCT

/* What every message starts with. */
struct oct_itch50_hdr {
    OCT_ITCH50_HDR(OCT_ITCH50_F, OCT_ITCH50_Z, hdr)
};

/* One message with every field, in host order.  hdr.type says which member holds; what a type
 * does not have is zero. */
struct oct_itch50_msg {
    union {
        struct oct_itch50_hdr hdr;
#define OCT_ITCH50_MEMBER(NAME, name, type, sz, w1, w2, w3, FIELDS) struct oct_itch50_##name name;
        OCT_ITCH50_TABLE(OCT_ITCH50_MEMBER)
#undef OCT_ITCH50_MEMBER
        uint8_t bytes[64];
    };
};

/* Message types by name: OCT_ITCH50_ADD_TYPE is 'A'. */
enum oct_itch50_type {
#define OCT_ITCH50_ENUM(NAME, name, type, sz, w1, w2, w3, FIELDS) OCT_ITCH50_##NAME##_TYPE = (type),
    OCT_ITCH50_TABLE(OCT_ITCH50_ENUM)
#undef OCT_ITCH50_ENUM
};

/* Reads every field of one message.  OCT_FEED_E_SHORT for no bytes at all, _TYPE for an unknown
 * type, _SZ when the type's length is another; *out is untouched on an error.  Field values are
 * not judged.  No branch on the type. */
OCT_HOT enum oct_feed_error oct_itch50_decode(const uint8_t *msg, uint32_t sz,
                                              struct oct_itch50_msg *out);

/* Writes a message of hdr.type; returns its size, at most OCT_ITCH50_SZ_MAX, or 0 when the type is
 * unknown or the time stamp passes 48 bits.  Padding is not looked at. */
uint32_t oct_itch50_encode(const struct oct_itch50_msg *m, uint8_t *out);

/* Size on the wire of a type, 0 for an unknown one. */
uint32_t oct_itch50_sz(char type);

/* Normalizes one message, as oct_feed_ops.decode (dataplane/port/feed.h).  Besides the errors
 * above, OCT_FEED_E_VALUE: a side other than B and S, printable other than Y and N, or a 64-bit
 * quantity or level that does not fit our units.  Characters are blank (' ') and numbers zero where
 * a type has none.  Beyond what table.h says of md: exec, exec_px    side is OCT_BUY: the message
 * has none, the book knows it directory        qty2 round lot; code authenticity, code2 market,
 * code3 financial status trading          code state; mpid the four characters of the reason
 *   participant      code state, code2 mode, code3 primary; mpid
 *   mwcb_levels      px px2 px3 levels 1 to 3
 *   ipo              px; code qualifier; ref2 release time in seconds since midnight
 *   luld             px reference, px2 upper, px3 lower; ref2 extensions
 *   op_halt          code action, code2 market center
 *   noii             qty paired, qty2 imbalance; px reference, px2 far, px3 near; code direction,
 *                    code2 cross type, code3 variation
 *   rpi              code interest
 *   listing          px near, px2 upper, px3 lower collar; ref2 time of the near price; code status
 *   cross            code cross type; qty may be zero */
OCT_HOT enum oct_feed_error oct_itch50_md(const uint8_t *msg, uint32_t sz, int64_t midnight_ns,
                                          uint32_t inst_base, struct oct_md *md);

/* TotalView-ITCH 5.0 over MoldUDP64. */
extern const struct oct_feed_ops oct_feed_itch50_mold;

/* ---- descriptions, for printers and tests ------------------------------------------------------
 */

enum oct_itch50_kind {
    OCT_ITCH50_K_u16,
    OCT_ITCH50_K_u32,
    OCT_ITCH50_K_u48,
    OCT_ITCH50_K_u64,
    OCT_ITCH50_K_p4,
    OCT_ITCH50_K_p8,
    OCT_ITCH50_K_chr,
    OCT_ITCH50_K_a2,
    OCT_ITCH50_K_a4,
    OCT_ITCH50_K_a8,
};

struct oct_itch50_field {
    const char *name;
    const char *doc;
    uint8_t kind;     /* enum oct_itch50_kind */
    uint8_t wire_off; /* bytes from the start of the message */
    uint8_t wire_sz;
    uint8_t off; /* bytes from the start of struct oct_itch50_msg */
};

struct oct_itch50_desc {
    const char *name;
    const struct oct_itch50_field *fields; /* the header's first */
    uint8_t field_cnt;
    uint8_t sz; /* on the wire */
    char type;
};

/* Walks the types; NULL past the end. */
const struct oct_itch50_desc *oct_itch50_desc_at(uint32_t idx);
/* NULL for an unknown type. */
const struct oct_itch50_desc *oct_itch50_desc(char type);
/* A numeric field's value; characters as a big-endian number. */
uint64_t oct_itch50_field_get(const struct oct_itch50_msg *m, const struct oct_itch50_field *f);
void oct_itch50_field_set(struct oct_itch50_msg *m, const struct oct_itch50_field *f, uint64_t v);

#endif
