/* ouch50.h - OUCH 5.0 (Nasdaq, April 2023): order entry messages, every type, both directions.
 *
 * Two layers.  The order interface of dataplane/port/venue.h, oct_order_ouch50, is what the lane
 * uses: order record to bytes, bytes to struct oct_ven.  Below it, codecs for every message with
 * every field and option, which the simulated venue and the tests use.  All of it is pure.
 *
 * How our orders are put into OUCH:
 *   - user_ref is UserRefNum; ClOrdID carries order_id as a number of fourteen base-32 digits (0-9
 *     and A-V), so that an order is known again from any message that echoes it.
 *   - limit: price in ten-thousandths, at most 199,999.9900.  Market: the special price
 *     2147483647, always immediate-or-cancel, because a market order must not rest.
 *   - day: time in force 0.  IOC: 3.  FOK: 3 with MinQty equal to the quantity, which the venue
 *     accepts for round lots only.
 *   - post-only, hidden (Display N), minimum quantity and short sale (side T) by their fields.
 *     SharesLocated is never sent by oct_order_ouch50: an order record carries no locate, and the
 *     venue's default is "no".
 *   - constants: principal, no intermarket sweep, continuous market, and the Firm option whenever a
 *     firm is given.
 *   - reduce is Cancel with the new intended size: the most that may execute in total, earlier
 *     fills included.  Of a replacement, too, that total counts the whole chain.  Cancel is size 0.
 *   - self-match prevention has no field in OUCH 5.0: the venue applies what was agreed for the
 *     port, between orders of the same firm (MPID) and, where used, the same GroupID.  It shows as
 *     Canceled with reason Q or as AIQ Canceled; both count as shares used up in the chain.
 * Whatever does not fit a field is refused: quantity not whole or >= 1,000,000, price off
 * 1e-4 or out of range, symbols with other characters than printable ASCII.  Nothing is rounded.
 *
 * Decoding refuses unknown types, wrong sizes, options whose length disagrees, and values that our
 * records cannot hold.  Options with unknown tags are skipped and counted. */
#ifndef OCT_VENUE_OUCH50_H
#define OCT_VENUE_OUCH50_H

#include "dataplane/port/venue.h"

extern const struct oct_order_ops oct_order_ouch50;

#define OCT_OUCH50_QTY_MAX    UINT32_C(999999)
#define OCT_OUCH50_PX_MAX     UINT64_C(1999999900) /* 199,999.9900 */
#define OCT_OUCH50_PX_MARKET  UINT64_C(2147483647) /* 214,748.3647 */
#define OCT_OUCH50_PX_MARKET2 UINT64_C(2000000000) /* 200,000.0000 is a market order, too */
#define OCT_OUCH50_CLORDID_SZ 14u
#define OCT_OUCH50_MSG_MAX    224u /* longest message with all options, either direction */

/* Options: Appendix B.  The bit of tag t in `set` is 1 << t. */
enum oct_ouch50_tag {
    OCT_OUCH50_SECONDARY_REF = 1,
    OCT_OUCH50_FIRM = 2,
    OCT_OUCH50_MIN_QTY = 3,
    OCT_OUCH50_CUSTOMER_TYPE = 4,
    OCT_OUCH50_MAX_FLOOR = 5,
    OCT_OUCH50_PRICE_TYPE = 6,
    OCT_OUCH50_PEG_OFFSET = 7,
    OCT_OUCH50_DISCRETION_PX = 9,
    OCT_OUCH50_DISCRETION_PX_TYPE = 10,
    OCT_OUCH50_DISCRETION_PEG_OFFSET = 11,
    OCT_OUCH50_POST_ONLY = 12,
    OCT_OUCH50_RANDOM_RESERVES = 13,
    OCT_OUCH50_ROUTE = 14,
    OCT_OUCH50_EXPIRE_TIME = 15,
    OCT_OUCH50_TRADE_NOW = 16,
    OCT_OUCH50_HANDLE_INST = 17,
    OCT_OUCH50_BBO_WEIGHT = 18,
    OCT_OUCH50_DISPLAY_QTY = 22,
    OCT_OUCH50_DISPLAY_PX = 23,
    OCT_OUCH50_GROUP_ID = 24,
    OCT_OUCH50_SHARES_LOCATED = 25,
    OCT_OUCH50_TAG_MAX = 25,
};
#define OCT_OUCH50_BIT(tag) (UINT32_C(1) << OCT_OUCH50_##tag)

struct oct_ouch50_opts {
    uint32_t set;         /* which of the fields below are present */
    uint32_t unknown_cnt; /* options of other tags, skipped */
    uint64_t secondary_ref;
    uint64_t discretion_px; /* ten-thousandths, as all prices here */
    uint64_t display_px;
    uint32_t min_qty;
    uint32_t max_floor;
    int32_t peg_offset;
    int32_t discretion_peg_offset;
    uint32_t random_reserves;
    uint32_t expire_s;
    uint32_t display_qty;
    uint16_t group_id;
    char firm[4];
    char route[4];
    char customer_type;
    char price_type;
    char discretion_px_type;
    char post_only;
    char trade_now;
    char handle_inst;
    char bbo_weight;
    char shares_located;
};

/* A message to the venue: O enter, U replace, X cancel, M modify, Q account query. */
struct oct_ouch50_in {
    char type;
    char side;     /* O M: B S T E */
    char tif;      /* O U: 0 3 5 6 E */
    char display;  /* O U: Y N A */
    char capacity; /* O: A P R O */
    char sweep;    /* O U: Y N */
    char cross;    /* O: N O C H S R E A */
    char pad;
    uint32_t user_ref;      /* the order; U: the replacement */
    uint32_t orig_user_ref; /* U: the order replaced */
    uint32_t qty;           /* O U X M */
    uint32_t pad2;
    uint64_t px; /* O U, ten-thousandths */
    oct_sym symbol;
    char cl_ord_id[OCT_OUCH50_CLORDID_SZ];
    char pad3[2];
    struct oct_ouch50_opts opts; /* O U */
};

/* A message from the venue: S A U C D E B J P I T M R Q. */
struct oct_ouch50_out {
    char type;
    char code;       /* S: event; E D: liquidity flag */
    char side;       /* A U M */
    char tif;        /* A U */
    char display;    /* A U T */
    char capacity;   /* A U */
    char sweep;      /* A U */
    char cross;      /* A U */
    char state;      /* A U: L live, D dead */
    char aiq;        /* D: strategy of self-match prevention */
    uint16_t reason; /* C D B R: one character; J: code of Appendix D */
    uint32_t user_ref;
    uint32_t orig_user_ref; /* U */
    uint32_t qty;           /* A U C D E M; U M: outstanding; C D E: increment */
    uint32_t prevented;     /* D: shares kept from trading */
    uint64_t ts;            /* nanoseconds since midnight */
    uint64_t px;            /* A U D E T */
    uint64_t venue_ref;     /* A U T */
    uint64_t match;         /* E B */
    uint64_t pad;
    oct_sym symbol;                        /* A U */
    char cl_ord_id[OCT_OUCH50_CLORDID_SZ]; /* A U B J */
    char pad2[2];
    struct oct_ouch50_opts opts; /* A U E R */
};

/* Reads one message; the whole of it, no byte left over.  0, or -EBADMSG with the offset of what
 * is wrong in *err_off.  Field values are taken as they come: see the check below. */
int oct_ouch50_in_decode(const uint8_t *msg, uint32_t sz, struct oct_ouch50_in *in,
                         uint32_t *err_off);
int oct_ouch50_out_decode(const uint8_t *msg, uint32_t sz, struct oct_ouch50_out *out,
                          uint32_t *err_off);

/* Writes one message into buf of OCT_OUCH50_MSG_MAX bytes.  Returns its size or -EINVAL (unknown
 * type).  Options that are set are written in order of their tags; messages without an appendage
 * ignore them. */
int oct_ouch50_in_encode(const struct oct_ouch50_in *in, uint8_t *buf);
int oct_ouch50_out_encode(const struct oct_ouch50_out *out, uint8_t *buf);

/* What a venue would say to an enter, replace or modify, from the message alone: 0, or the reject
 * reason of Appendix D (invalid side, quantity, price, display, minimum quantity ...). */
uint16_t oct_ouch50_in_check(const struct oct_ouch50_in *in);

/* Options that the specification allows on a message, as bits. */
uint32_t oct_ouch50_opts_allowed(char type, bool inbound);

/* Market order, by its price? */
OCT_INLINE bool oct_ouch50_is_market(uint64_t px)
{
    return px == OCT_OUCH50_PX_MARKET || px == OCT_OUCH50_PX_MARKET2;
}

/* ClOrdID of an order id, and back; 0 when the text is not one of ours. */
void oct_ouch50_clordid(uint64_t order_id, uint8_t out[OCT_OUCH50_CLORDID_SZ]);
uint64_t oct_ouch50_order_id(const uint8_t text[OCT_OUCH50_CLORDID_SZ]);

/* For people: reasons of Appendix C (cancel) and D (reject); NULL when unknown. */
const char *oct_ouch50_cancel_text(char reason);
const char *oct_ouch50_reject_text(uint16_t reason);

#endif
