/* ws.h - WebSocket connections (RFC 6455): handshake, messages in, frames out, pings, closing.
 *
 * Receive framing is libwslay's; text is checked to be UTF-8, messages are put together from
 * fragments up to OCT_WS_IN_MAX bytes.  Frames out are made by us, in the stream's buffer, so that
 * a client gets one write a turn.
 *
 * Thread:  the loop's.
 * Memory:  about 6 KiB a connection, what it has sent of a message, what it has not read. */
#ifndef OCT_WEB_WS_H
#define OCT_WEB_WS_H

#include "control/web/web_priv.h"

#define OCT_WS_IN_MAX (64u << 10)

enum oct_ws_close {
    OCT_WS_NORMAL = 1000,
    OCT_WS_GOING_AWAY = 1001,
    OCT_WS_PROTOCOL = 1002,
    OCT_WS_UNSUPPORTED = 1003,
    OCT_WS_BAD_TEXT = 1007,
    OCT_WS_POLICY = 1008,
    OCT_WS_TOO_BIG = 1009,
    OCT_WS_RESTART = 1012,
    OCT_WS_TRY_LATER = 1013,
    OCT_WS_BAD_MESSAGE = 4400,
    OCT_WS_UNAUTHENTICATED = 4401,
    OCT_WS_SLOW = 4408,
    OCT_WS_RATE = 4429,
};

struct oct_md_client; /* md.h */

struct oct_ws {
    struct oct_web *w;
    struct oct_stream *s;
    struct oct_ws *next;
    struct oct_ws **link;
    struct oct_md_client *md; /* NULL until authenticated */
    struct wslay_frame_context *frames;
    struct oct_alarm alarm;
    const uint8_t *in; /* bytes being read */
    size_t in_sz;
    struct oct_buf msg;  /* message being put together */
    uint64_t frame_left; /* payload of the frame being read that has not come yet */
    uint8_t ctl[125];    /* payload of a control frame */
    uint32_t ctl_sz;
    uint8_t opcode; /* of the message being put together, 0 for none */
    uint8_t frame_opcode;
    bool frame_open; /* in the middle of a frame */
    bool frame_fin;
    bool closing;     /* a close frame was sent */
    bool dead;        /* read no more */
    bool octopus;     /* subprotocol octopus.v1.json was chosen */
    int64_t heard_ns; /* last frame of the peer */
    int64_t opened_ns;
    int64_t bucket_ns; /* message budget: spent up to here */
    uint64_t client_id;
};

/* Whether a request asks for a WebSocket at a path that has one. */
bool oct_ws_wanted(const struct oct_http_req *req);
/* Answers the handshake and takes over the stream; or fills in an error answer and returns
 * false. */
bool oct_ws_accept(struct oct_http_call *c, struct oct_stream *s);
/* Bytes that had arrived behind the handshake, for the stream's new owner. */
void oct_ws_bytes(struct oct_stream *s, const uint8_t *p, size_t sz);

/* One text frame: head and body one after the other. */
void oct_ws_send(struct oct_ws *ws, const void *head, size_t head_sz, const void *body,
                 size_t body_sz);
/* Sends a close frame and ends the connection. reason may be NULL. */
void oct_ws_close(struct oct_ws *ws, enum oct_ws_close code, const char *reason);
void oct_ws_stop_all(struct oct_web *w);

/* The accept value of a handshake key, 28 characters and NUL. */
void oct_ws_accept_key(struct oct_str key, char out[29]);
/* Whether bytes are UTF-8 as RFC 3629 has it. */
bool oct_utf8_ok(const uint8_t *p, size_t n);

#endif
