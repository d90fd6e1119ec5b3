/* soupbin_server.h - SoupBinTCP 3.00, the server's half: one connection of one client.
 *
 * Used by the simulated venue and by tests.  A pure state machine: the caller owns the socket and
 * the store of sequenced messages.  Bytes go in through input, and come out through output, which
 * the caller calls whenever the socket can take more: the login answer first, then sequenced
 * messages from where the client asked, then heartbeats, then end of session.
 *
 * Thread:  one.  Memory: the caller's struct.
 * Errors:  -EPROTO on nonsense and -ETIMEDOUT on silence: close the socket. */
#ifndef OCT_VENUE_SOUPBIN_SERVER_H
#define OCT_VENUE_SOUPBIN_SERVER_H

#include "dataplane/port/venue.h"

/* Longest unsequenced message a client may send; longer ones are -EPROTO. */
#define OCT_SOUPBIN_IN_MAX 1024u

struct oct_soupbin_store {
    /* Sequence number of the next message to be made; 1 when there is none yet. */
    uint64_t (*next_seq)(const void *self);
    /* The message with this number, 1 <= seq < next_seq; valid until the store changes. */
    const uint8_t *(*get)(const void *self, uint64_t seq, uint32_t *sz);
    const void *self;
};

struct oct_soupbin_server_cfg {
    char session[11]; /* text, at most 10 characters */
    /* Is this pair allowed in?  Both are text without padding; compare without regard to case. */
    bool (*login)(void *self, const char *user, const char *password);
    void *self;
    struct oct_soupbin_store store;
    int64_t heartbeat_ns; /* send when idle for this long: 1 s */
    int64_t silence_ns;   /* client silent for this long: 15 s */
    int64_t login_ns;     /* no login request for this long: 30 s */
};

enum oct_soupbin_server_state {
    OCT_SOUPBIN_WAIT_LOGIN = 0,
    OCT_SOUPBIN_UP,
    OCT_SOUPBIN_CLOSING, /* rejected, logged out or ended: close once output is empty */
};

enum oct_soupbin_event {
    OCT_SOUPBIN_EV_NONE = 0,
    OCT_SOUPBIN_EV_LOGIN,    /* accepted */
    OCT_SOUPBIN_EV_REJECTED, /* login rejected; reason in *reason */
    OCT_SOUPBIN_EV_MESSAGE,  /* an unsequenced message: data, data_sz */
    OCT_SOUPBIN_EV_LOGOUT,
};

struct oct_soupbin_in {
    uint8_t event; /* enum oct_soupbin_event */
    char reason;
    uint16_t data_sz;
    const uint8_t *data; /* inside the caller's input */
};

struct oct_soupbin_server {
    struct oct_soupbin_server_cfg cfg;
    uint64_t next_seq; /* next message to send on this connection */
    int64_t last_rx_ns;
    int64_t last_tx_ns;
    uint32_t swallow; /* bytes of a debug packet still to come */
    uint8_t state;    /* enum oct_soupbin_server_state */
    char answer;      /* login answer still to send: 'A' or 'J', 0 for none */
    char reject;      /* its code */
    uint8_t end;      /* 1: end of session asked for, 2: sent */
    char user[7];     /* who logged in */
    uint8_t pad[5];
};

/* The client has connected.  0 or -EINVAL (session name too long). */
int oct_soupbin_server_init(struct oct_soupbin_server *s, const struct oct_soupbin_server_cfg *cfg,
                            int64_t now_ns);

/* Reads at most one packet; returns the bytes used, 0 when incomplete, or -EPROTO. */
int oct_soupbin_server_input(struct oct_soupbin_server *s, int64_t now_ns, const uint8_t *data,
                             uint32_t sz, struct oct_soupbin_in *in);

/* Writes what is due into out, whole packets only, as many as fit in cap (at least
 * OCT_VENUE_MSG_MAX, which is also the limit of one framed message of the store).  Returns the
 * bytes written; call again until 0. */
uint32_t oct_soupbin_server_output(struct oct_soupbin_server *s, int64_t now_ns, uint8_t *out,
                                   uint32_t cap);

/* 0, or -ETIMEDOUT when the client did not log in or has been silent for too long. */
int oct_soupbin_server_tick(const struct oct_soupbin_server *s, int64_t now_ns);

/* No more messages will come: end of session is sent after the last one. */
void oct_soupbin_server_end(struct oct_soupbin_server *s);

/* A debug packet with this text into out; returns its size. */
uint32_t oct_soupbin_debug(const char *text, uint8_t *out, uint32_t cap);

#endif
