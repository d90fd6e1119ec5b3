/* venue.h - the interface of order-entry drivers: order records to bytes, bytes to events.
 *
 * Two halves, both pure.  The session half (SoupBinTCP and the like) is a state machine: it is
 * given bytes and time, and gives events and bytes to send.  The message half encodes order
 * records and decodes what the venue says.  Sockets belong to the nic. */
#ifndef OCT_PORT_VENUE_H
#define OCT_PORT_VENUE_H

#include "dataplane/base/count.h"
#include "dataplane/msg/msg.h"

#define OCT_VENUE_MSG_MAX 256u  /* bytes of one encoded order message with session framing */
#define OCT_VENUE_SESS_SZ 1024u /* bytes of session state the caller provides */

enum oct_session_state {
    OCT_SESSION_DOWN = 0,
    OCT_SESSION_LOGIN,   /* login sent */
    OCT_SESSION_UP,      /* logged in: orders may go */
    OCT_SESSION_ENDED,   /* end of session: never again */
    OCT_SESSION_REFUSED, /* login rejected */
    OCT_SESSION_HELD     /* of the lane's: down until the feed has named the symbols */
};

struct oct_session_cfg {
    char user[16];
    char password[16];    /* wiped from the configuration after init */
    char session[16];     /* blank: the current one */
    uint64_t next_seq;    /* first sequence number wanted: 1, or where recovery left off */
    int64_t heartbeat_ns; /* send when idle for this long */
    int64_t silence_ns;   /* peer silent for this long: lost */
};

/* What the session half found in the stream. */
struct oct_session_event {
    uint8_t event;  /* enum oct_venue_event */
    uint8_t reason; /* login reject code */
    uint16_t data_sz;
    uint32_t pad;
    uint64_t seq;        /* of data; for logged_in the next to come */
    const uint8_t *data; /* inside the caller's input */
};

struct oct_session_ops {
    const char *name;
    /* state is OCT_VENUE_SESS_SZ bytes, 64-aligned. */
    int (*init)(void *state, const struct oct_session_cfg *cfg);
    enum oct_session_state (*state)(const void *state);
    uint64_t (*next_seq)(const void *state);
    /* The connection is open: writes the login into out (OCT_VENUE_MSG_MAX bytes); returns its
     * size. */
    uint32_t (*connected)(void *state, int64_t now_ns, uint8_t *out);
    /* Reads at most one packet from data.  Returns the bytes used (0: incomplete) and fills *ev
     * (event 0: nothing for the lane); negative errno -EPROTO on nonsense: drop the connection. */
    int (*input)(void *state, int64_t now_ns, const uint8_t *data, uint32_t sz,
                 struct oct_session_event *ev);
    /* Time passes: writes a heartbeat when due, returns its size, 0 for none, -ETIMEDOUT when the
     * peer is silent: drop the connection. */
    int (*tick)(void *state, int64_t now_ns, uint8_t *out);
    /* The connection is gone. */
    void (*lost)(void *state);
    /* Frames one message in place: msg starts at out + headroom.  Returns the total size. */
    uint32_t headroom;
    uint32_t (*frame)(void *state, int64_t now_ns, uint8_t *out, uint32_t msg_sz);
    /* Writes a logout; returns its size. */
    uint32_t (*logout)(void *state, uint8_t *out);
};

struct oct_order_ops {
    const char *name;
    /* Encodes an order record.  Returns the size, or -ERANGE when a value does not fit the
     * venue's field, -EINVAL when the venue has no such order, -ENOTSUP. out holds
     * OCT_VENUE_MSG_MAX - headroom bytes. */
    int (*encode)(const struct oct_order *order, const char firm[4], uint8_t *out);
    /* The same question without the bytes: 0 or the error encode would give. */
    int (*check)(const struct oct_order *order);
    /* The same of an order that an intent may become, for this symbol, before it is numbered: 0, or
     * the error encode would give whatever the numbers. */
    int (*fits)(const struct oct_intent *intent, const oct_sym *symbol);
    /* Decodes one message of the venue.  0, or -EBADMSG (unknown type or wrong size), with the
     * offset and reason for people in *err_off. */
    int (*decode)(const uint8_t *msg, uint32_t sz, int64_t midnight_ns, struct oct_ven *ven,
                  uint32_t *err_off);
};

#endif
