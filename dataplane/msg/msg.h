/* msg.h - records as C structs, made from table.h.
 *
 * A record is a header and fields, 8-byte aligned, at most OCT_MSG_SZ_MAX bytes.  In a ring or a
 * link it is spread over 1 to 8 slots of 64 bytes (dataplane/shm); in memory and in the journal it
 * is contiguous.  hdr.sz counts the header and any data[] that follows the fixed fields. */
#ifndef OCT_MSG_MSG_H
#define OCT_MSG_MSG_H

#include "dataplane/base/attr.h"
#include "dataplane/base/px.h"
#include "dataplane/msg/table.h"

#define OCT_SLOT_SZ      64u
#define OCT_SLOT_DATA_SZ 56u
#define OCT_MSG_SLOT_MAX 8u
#define OCT_MSG_SZ_MAX   (OCT_MSG_SLOT_MAX * OCT_SLOT_DATA_SZ)

struct oct_msg_hdr {
    uint16_t type;  /* enum oct_msg_type */
    uint16_t sz;    /* bytes, header included, multiple of 8 */
    uint16_t lane;  /* lane that wrote it; set by the lane */
    uint16_t flags; /* zero */
    uint64_t input; /* number of the input that caused it, or is it; set by the lane */
};

/* A symbol as venues send it: eight characters, padded with spaces on the right. */
typedef struct {
    char c[8];
} oct_sym;

typedef uint8_t oct_t_u8;
typedef uint16_t oct_t_u16;
typedef uint32_t oct_t_u32;
typedef uint64_t oct_t_u64;
typedef int32_t oct_t_i32;
typedef int64_t oct_t_i64;
typedef double oct_t_f64;
typedef oct_px oct_t_px;
typedef oct_qty oct_t_qty;
typedef struct oct_money_w oct_t_money;
typedef oct_sym oct_t_sym;
typedef char oct_t_chr;

#define OCT_MSG_F(type, name, unit, doc)      oct_t_##type name;
#define OCT_MSG_A(type, cnt, name, unit, doc) oct_t_##type name[cnt];
#define OCT_MSG_STRUCT(NAME, name, num, class, FIELDS) \
    struct oct_##name {                                \
        struct oct_msg_hdr hdr;                        \
        FIELDS(OCT_MSG_F, OCT_MSG_A)                   \
    };
OCT_MSG_TABLE(OCT_MSG_STRUCT)
#undef OCT_MSG_STRUCT

/* Every input begins with the time the intake gave it. */
_Static_assert(offsetof(struct oct_in_packet, now_ns) == sizeof(struct oct_msg_hdr), "input time");
_Static_assert(offsetof(struct oct_in_cmd, now_ns) == sizeof(struct oct_msg_hdr), "input time");

/* No holes: the sum of the fields is the size. */
#define OCT_MSG_F_SZ(type, name, unit, doc)      +sizeof(oct_t_##type)
#define OCT_MSG_A_SZ(type, cnt, name, unit, doc) +sizeof(oct_t_##type) * (cnt)
#define OCT_MSG_CHECK(NAME, name, num, class, FIELDS)                                    \
    _Static_assert(sizeof(struct oct_##name) == sizeof(struct oct_msg_hdr)               \
                                                    FIELDS(OCT_MSG_F_SZ, OCT_MSG_A_SZ),  \
                   "hole in " #name);                                                    \
    _Static_assert(sizeof(struct oct_##name) % 8 == 0, #name " is not a multiple of 8"); \
    _Static_assert(sizeof(struct oct_##name) <= OCT_MSG_SZ_MAX, #name " does not fit 8 slots");
OCT_MSG_TABLE(OCT_MSG_CHECK)
#undef OCT_MSG_CHECK

enum oct_msg_type {
#define OCT_MSG_NUM(NAME, name, num, class, FIELDS) OCT_##NAME = (num),
    OCT_MSG_TABLE(OCT_MSG_NUM)
#undef OCT_MSG_NUM
};

enum oct_md_kind {
#define E(v, n, t) OCT_MD_##n = (v),
    OCT_ENUM_MD(E)
#undef E
};
enum oct_feed_event {
#define E(v, n, t) OCT_FEED_##n = (v),
    OCT_ENUM_FEED_EVENT(E)
#undef E
};
enum oct_venue_event {
#define E(v, n, t) OCT_VENUE_##n = (v),
    OCT_ENUM_VENUE_EVENT(E)
#undef E
};
enum oct_ven_event {
#define E(v, n, t) OCT_VEN_##n = (v),
    OCT_ENUM_VEN(E)
#undef E
};
enum oct_action {
#define E(v, n, t) OCT_ACTION_##n = (v),
    OCT_ENUM_ACTION(E)
#undef E
};
enum oct_ord_type {
#define E(v, n, t) OCT_ORD_##n = (v),
    OCT_ENUM_ORD_TYPE(E)
#undef E
};
enum oct_tif {
#define E(v, n, t) OCT_TIF_##n = (v),
    OCT_ENUM_TIF(E)
#undef E
};
enum oct_ord_state {
#define E(v, n, t) OCT_ORD_STATE_##n = (v),
    OCT_ENUM_ORD_STATE(E)
#undef E
};
enum oct_ladder_state {
#define E(v, n, t) OCT_LADDER_##n = (v),
    OCT_ENUM_LADDER(E)
#undef E
};
enum oct_risk_reason {
#define E(v, n, t) OCT_RISK_##n = (v),
    OCT_ENUM_RISK(E)
#undef E
};
enum oct_cmd_kind {
#define E(v, n, t) OCT_CMD_##n = (v),
    OCT_ENUM_CMD(E)
#undef E
};
enum oct_cmd_result_kind {
#define E(v, n, t) OCT_CMD_RESULT_##n = (v),
    OCT_ENUM_CMD_RESULT(E)
#undef E
};
enum oct_scope {
#define E(v, n, t) OCT_SCOPE_##n = (v),
    OCT_ENUM_SCOPE(E)
#undef E
};

enum oct_recorder_state {
#define E(v, n, t) OCT_RECORDER_##n = (v),
    OCT_ENUM_RECORDER(E)
#undef E
};

enum oct_market_what {
    OCT_MARKET_BBO = 1,
    OCT_MARKET_TRADE = 2,
    OCT_MARKET_BAR = 4,
    OCT_MARKET_STATE = 8,
};

#define OCT_STRATEGY_NONE UINT16_C(0xffff)
#define OCT_LINE_REWIND   UINT8_C(255)

/* Fills the header of a fixed-size record and nothing else:
 *     struct oct_bbo m = {OCT_MSG_HDR(BBO, bbo), .inst = 7};  */
#define OCT_MSG_HDR(NAME, name) .hdr = {.type = OCT_##NAME, .sz = sizeof(struct oct_##name)}

/* Class of a record type: 'J' journaled, 'P' published, 'L' local, 0 unknown. */
OCT_INLINE char oct_msg_class(uint16_t type)
{
    return type == 0 ? 0 : type < 32 ? 'J' : type < 48 ? 'P' : type < 64 ? 'L' : 0;
}

OCT_INLINE bool oct_msg_is_input(uint16_t type)
{
    return type >= OCT_IN_PACKET && type < 16;
}

/* The bytes that follow the fixed fields of in_packet and in_venue. */
#define OCT_MSG_DATA(m)    ((const uint8_t *)((m) + 1))
#define OCT_IN_PACKET_FRAG (OCT_MSG_SZ_MAX - sizeof(struct oct_in_packet))
#define OCT_IN_VENUE_DATA  (OCT_MSG_SZ_MAX - sizeof(struct oct_in_venue))

/* A record that came from outside: known type, size at least that of its struct (exactly, but
 * for in_packet and in_venue, whose data must lie within), multiple of 8, within avail. */
bool oct_msg_valid(const struct oct_msg_hdr *m, size_t avail);

/* Digest of the whole table: names, numbers, fields, types, units. Same table, same hash. */
uint64_t oct_msg_layout_hash(void);

#endif
