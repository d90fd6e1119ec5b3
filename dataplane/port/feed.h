/* feed.h - the interface of feed decoders: bytes in, messages out, no market knowledge.
 *
 * Two halves.  The transport half reads a packet's header before anything is decoded, which is
 * what arbitration needs, and makes request packets.  The message half walks the message blocks of
 * an in-sequence payload and normalizes them one by one. */
#ifndef OCT_PORT_FEED_H
#define OCT_PORT_FEED_H

#include "dataplane/base/count.h"
#include "dataplane/msg/msg.h"

enum oct_feed_pkt_kind {
    OCT_FEED_PKT_DATA,
    OCT_FEED_PKT_HEARTBEAT, /* first_seq is the next expected */
    OCT_FEED_PKT_END,       /* end of session; first_seq is the next expected */
};

struct oct_feed_pkt {
    uint8_t session[16]; /* as on the wire, zero padded */
    uint64_t first_seq;
    const uint8_t *blocks; /* message blocks */
    uint32_t blocks_sz;
    uint16_t msg_cnt;
    uint8_t kind; /* enum oct_feed_pkt_kind */
    uint8_t pad;
};

enum oct_feed_error {
    OCT_FEED_OK = 0,
    OCT_FEED_E_SHORT = -1, /* shorter than its header or its counts say */
    OCT_FEED_E_LONG = -2,  /* bytes left over after the last message */
    OCT_FEED_E_TYPE = -3,  /* unknown message type */
    OCT_FEED_E_SZ = -4,    /* known type, wrong length */
    OCT_FEED_E_VALUE = -5, /* a field outside what the specification allows */
};

/* A block walker's place in a payload. */
struct oct_feed_cursor {
    const uint8_t *p;
    const uint8_t *end;
};

struct oct_feed_ops {
    const char *name;
    uint32_t pkt_sz_max; /* largest packet that is ours */
    uint32_t hdr_sz;     /* bytes of a packet before its first block, for looking ahead only */

    /* Reads and checks a packet header and that msg_cnt blocks fit exactly.  OCT_FEED_OK or an
     * error; *out is filled as far as it was read. */
    enum oct_feed_error (*packet)(const uint8_t *data, uint32_t sz, struct oct_feed_pkt *out);
    /* Writes a request for cnt messages from first_seq; returns its bytes (<= 64). */
    uint32_t (*request)(const struct oct_feed_pkt *like, uint64_t first_seq, uint16_t cnt,
                        uint8_t *buf);

    /* Next block: message bytes and size; false at the end. */
    bool (*next)(struct oct_feed_cursor *c, const uint8_t **msg, uint32_t *sz);
    /* Normalizes one message: a pure function of its bytes, which may be called before anybody
     * knows whether they will be taken, and reads only inside the padded buffer.  OCT_FEED_OK
     * fills *md (but the header's lane and input); on an error *md is untouched.  midnight_ns is
     * added to stamps that count from midnight, inst_base to the venue's instrument number. */
    enum oct_feed_error (*decode)(const uint8_t *msg, uint32_t sz, int64_t midnight_ns,
                                  uint32_t inst_base, struct oct_md *md);
};

#endif
