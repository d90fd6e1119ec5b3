/* moldudp64.h - MoldUDP64 1.0: packets of numbered messages over UDP, and requests for old ones.
 *
 * A downstream packet is a session name, the number of its first message, a count, and that many
 * blocks of two length bytes and a message.  Count 0 is a heartbeat, count 65535 the end of the
 * session; both carry the next number to come.  A request names session, first number and count;
 * its answer is one downstream packet with as many messages as fit.
 *
 * Both ends are here: reading and requesting for a receiver, building and answering for a server.
 * Pure functions, any thread, no memory of their own. */
#ifndef OCT_FEED_MOLDUDP64_H
#define OCT_FEED_MOLDUDP64_H

#include "dataplane/port/feed.h"

#define OCT_MOLDUDP64_HDR_SZ     20u
#define OCT_MOLDUDP64_SESSION_SZ 10u
#define OCT_MOLDUDP64_BLOCK_SZ   2u      /* length bytes in front of each message */
#define OCT_MOLDUDP64_CNT_MAX    0xfffeu /* messages in one packet or one request */
#define OCT_MOLDUDP64_CNT_END    0xffffu
#define OCT_MOLDUDP64_PKT_SZ_MAX 8972u /* a UDP payload on a 9,000-byte network */

/* Reads a downstream packet and checks that it holds exactly msg_cnt blocks.
 *   OCT_FEED_E_SHORT  shorter than the header, or a block reaches past the end
 *   OCT_FEED_E_LONG   bytes after the last block, or after the header of a heartbeat or end
 *   OCT_FEED_E_VALUE  the last message's number would pass 2^64
 * On SHORT *out has what the header says when there was a header; blocks_sz then counts the bytes
 * of the blocks that are whole, and msg_cnt how many they are. O(messages). */
OCT_HOT enum oct_feed_error oct_moldudp64_packet(const uint8_t *data, uint32_t sz,
                                                 struct oct_feed_pkt *out);

/* Next message of a payload; false at the end or when what is left is not a whole block. */
OCT_INLINE bool oct_moldudp64_next(struct oct_feed_cursor *c, const uint8_t **msg, uint32_t *sz);

/* Writes a request for cnt messages (1 to OCT_MOLDUDP64_CNT_MAX) from first_seq in the session of
 * `like`; returns its size, OCT_MOLDUDP64_HDR_SZ. */
uint32_t oct_moldudp64_request(const struct oct_feed_pkt *like, uint64_t first_seq, uint16_t cnt,
                               uint8_t *buf);

/* ---- the server's side ------------------------------------------------------------------------
 */

struct oct_moldudp64_request {
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];
    uint16_t cnt; /* 1 to 65535 */
    uint32_t pad;
    uint64_t first_seq;
};

/* Reads a request packet.  OCT_FEED_E_SHORT or _LONG when it is not exactly one header long,
 * OCT_FEED_E_VALUE when it asks for no message or past 2^64.  *out is untouched on an error. */
enum oct_feed_error oct_moldudp64_request_read(const uint8_t *data, uint32_t sz,
                                               struct oct_moldudp64_request *out);

/* A packet being built in the caller's buffer. */
struct oct_moldudp64_builder {
    uint8_t *buf;
    uint32_t cap; /* bytes the packet may have */
    uint32_t sz;  /* bytes so far, the header included */
    uint32_t msg_cnt;
    uint32_t pad;
};

/* Starts a packet whose first message will be first_seq.  cap is at least the header's size. */
void oct_moldudp64_begin(struct oct_moldudp64_builder *b, uint8_t *buf, uint32_t cap,
                         const uint8_t session[OCT_MOLDUDP64_SESSION_SZ], uint64_t first_seq);
/* Appends one message (0 to 65535 bytes).  False, and nothing changed, when it does not fit or the
 * packet is full; a message that does not fit an empty packet never will. */
bool oct_moldudp64_append(struct oct_moldudp64_builder *b, const void *msg, uint32_t sz);
/* Completes the header; returns the packet's size.  Without a message it is a heartbeat. */
uint32_t oct_moldudp64_finish(struct oct_moldudp64_builder *b);

/* Whole packets without messages; next_seq is the number of the next message to come.  They return
 * OCT_MOLDUDP64_HDR_SZ. */
uint32_t oct_moldudp64_heartbeat(uint8_t *buf, const uint8_t session[OCT_MOLDUDP64_SESSION_SZ],
                                 uint64_t next_seq);
uint32_t oct_moldudp64_end(uint8_t *buf, const uint8_t session[OCT_MOLDUDP64_SESSION_SZ],
                           uint64_t next_seq);

/* Fills a session field from text: left-aligned, padded with spaces, cut at ten characters. */
void oct_moldudp64_session(uint8_t session[OCT_MOLDUDP64_SESSION_SZ], const char *text);

OCT_INLINE bool oct_moldudp64_next(struct oct_feed_cursor *c, const uint8_t **msg, uint32_t *sz)
{
    if (c->end - c->p < (ptrdiff_t)OCT_MOLDUDP64_BLOCK_SZ)
        return false;
    uint32_t n = (uint32_t)c->p[0] << 8 | c->p[1];
    const uint8_t *m = c->p + OCT_MOLDUDP64_BLOCK_SZ;
    if (oct_unlikely(c->end - m < (ptrdiff_t)n))
        return false;
    *msg = m;
    *sz = n;
    c->p = m + n;
    return true;
}

#endif
