#include "control/web/ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "control/web/md.h"
#include "control/web/ws_priv.h"
#include "dataplane/base/hash.h"

#define AUTH_NS     (5 * OCT_NS_PER_S)
#define CLOSE_NS    (5 * OCT_NS_PER_S)
#define IN_RATE_NS  (OCT_NS_PER_S / 20) /* 20 messages a second */
#define IN_BURST    50
#define CATCH_UP_SZ (1u << 16)

bool oct_utf8_ok(const uint8_t *p, size_t n)
{
    while (n > 0) {
        unsigned len = oct_utf8_seq(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

/* ---- frames out ------------------------------------------------------------------------------- */

static void frame_head(struct oct_buf *out, uint8_t opcode, size_t sz)
{
    uint8_t h[10] = {(uint8_t)(0x80 | opcode)};
    size_t n = 2;
    if (sz < 126) {
        h[1] = (uint8_t)sz;
    } else if (sz <= 0xffff) {
        h[1] = 126;
        h[2] = (uint8_t)(sz >> 8);
        h[3] = (uint8_t)sz;
        n = 4;
    } else {
        h[1] = 127;
        for (int i = 0; i < 8; i++)
            h[2 + i] = (uint8_t)((uint64_t)sz >> (56 - 8 * i));
        n = 10;
    }
    oct_buf_add(out, h, n);
}

void oct_ws_send(struct oct_ws *ws, const void *head, size_t head_sz, const void *body,
                 size_t body_sz)
{
    if (ws->closing)
        return;
    struct oct_buf *out = oct_stream_out(ws->s);
    frame_head(out, WSLAY_TEXT_FRAME, head_sz + body_sz);
    oct_buf_add(out, head, head_sz);
    oct_buf_add(out, body, body_sz);
    ws->w->stats.ws_out++;
    ws->w->stats.ws_out_bytes += head_sz + body_sz;
    oct_stream_flush(ws->s);
}

static void control(struct oct_ws *ws, uint8_t opcode, const void *data, size_t sz)
{
    struct oct_buf *out = oct_stream_out(ws->s);
    frame_head(out, opcode, sz);
    oct_buf_add(out, data, sz);
    oct_stream_flush(ws->s);
}

void oct_ws_close(struct oct_ws *ws, enum oct_ws_close code, const char *reason)
{
    if (ws->closing)
        return;
    uint8_t data[125];
    size_t n = reason != NULL ? strnlen(reason, sizeof(data) - 2) : 0;
    data[0] = (uint8_t)(code >> 8);
    data[1] = (uint8_t)code;
    if (n > 0)
        memcpy(data + 2, reason, n);
    control(ws, WSLAY_CONNECTION_CLOSE, data, n + 2);
    ws->closing = true;
    oct_md_leave(ws);
    /* The peer answers with its own close frame; if it does not, we do not wait for ever. */
    oct_loop_alarm(ws->w->loop, &ws->alarm, oct_loop_now(ws->w->loop) + CLOSE_NS);
}

/* ---- frames in -------------------------------------------------------------------------------- */

static ssize_t wslay_recv(uint8_t *buf, size_t len, int flags, void *user_data)
{
    struct oct_ws *ws = user_data;
    size_t n = len < ws->in_sz ? len : ws->in_sz;
    (void)flags;
    if (n == 0)
        return -1; /* wants more: there is no error to tell */
    memcpy(buf, ws->in, n);
    ws->in += n;
    ws->in_sz -= n;
    return (ssize_t)n;
}

static void end(struct oct_ws *ws, enum oct_ws_close code, const char *reason)
{
    oct_ws_close(ws, code, reason);
    ws->dead = true;
    oct_stream_close(ws->s);
}

/* Whether a close code may stand in a frame: RFC 6455, 7.4. */
static bool close_code_ok(uint32_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void on_close_frame(struct oct_ws *ws)
{
    uint32_t code = ws->ctl_sz >= 2 ? (uint32_t)ws->ctl[0] << 8 | ws->ctl[1] : OCT_WS_NORMAL;
    if (ws->ctl_sz == 1 || (ws->ctl_sz >= 2 && !close_code_ok(code))) {
        end(ws, OCT_WS_PROTOCOL, "bad close frame");
    } else if (ws->ctl_sz > 2 && !oct_utf8_ok(ws->ctl + 2, ws->ctl_sz - 2)) {
        end(ws, OCT_WS_BAD_TEXT, NULL);
    } else {
        end(ws, (enum oct_ws_close)code, NULL);
    }
}

static void on_control(struct oct_ws *ws)
{
    if (ws->frame_opcode == WSLAY_PING && !ws->closing)
        control(ws, WSLAY_PONG, ws->ctl, ws->ctl_sz);
    else if (ws->frame_opcode == WSLAY_CONNECTION_CLOSE)
        on_close_frame(ws);
}

static bool within_rate(struct oct_ws *ws)
{
    int64_t now = oct_loop_now(ws->w->loop);
    if (ws->bucket_ns < now - IN_BURST * IN_RATE_NS)
        ws->bucket_ns = now - IN_BURST * IN_RATE_NS;
    ws->bucket_ns += IN_RATE_NS;
    return ws->bucket_ns <= now;
}

static void on_message(struct oct_ws *ws)
{
    ws->w->stats.ws_in++;
    if (ws->opcode != WSLAY_TEXT_FRAME)
        end(ws, OCT_WS_UNSUPPORTED, "text only");
    else if (!oct_utf8_ok(ws->msg.p, ws->msg.sz))
        end(ws, OCT_WS_BAD_TEXT, NULL);
    else if (!within_rate(ws))
        end(ws, OCT_WS_RATE, "more than 20 messages a second");
    else
        oct_md_message(ws, (const char *)ws->msg.p, ws->msg.sz);
    oct_buf_reset(&ws->msg);
    oct_buf_trim(&ws->msg, 4096);
    ws->opcode = 0;
}

/* The first part of a frame: its header is known. */
static bool frame_begin(struct oct_ws *ws, const struct wslay_frame_iocb *f)
{
    bool ctl = wslay_is_ctrl_frame(f->opcode);
    bool known = f->opcode <= WSLAY_BINARY_FRAME ||
                 (f->opcode >= WSLAY_CONNECTION_CLOSE && f->opcode <= WSLAY_PONG);
    bool order = ctl || (f->opcode == WSLAY_CONTINUATION_FRAME) == (ws->opcode != 0);
    if (!f->mask || f->rsv != WSLAY_RSV_NONE || !known || !order ||
        (ctl && (!f->fin || f->payload_length > sizeof(ws->ctl)))) {
        end(ws, OCT_WS_PROTOCOL, "bad frame");
        return false;
    }
    if (!ctl && f->payload_length + ws->msg.sz > OCT_WS_IN_MAX) {
        end(ws, OCT_WS_TOO_BIG, "message larger than 64 KiB");
        return false;
    }
    ws->frame_open = true;
    ws->frame_opcode = f->opcode;
    ws->frame_fin = f->fin;
    ws->frame_left = f->payload_length;
    ws->ctl_sz = 0;
    if (!ctl && f->opcode != WSLAY_CONTINUATION_FRAME)
        ws->opcode = f->opcode;
    return true;
}

static void frame_data(struct oct_ws *ws, const struct wslay_frame_iocb *f)
{
    if (!ws->frame_open && !frame_begin(ws, f))
        return;
    OCT_ASSERT(f->data_length <= ws->frame_left);
    ws->frame_left -= f->data_length;
    bool ctl = wslay_is_ctrl_frame(ws->frame_opcode);
    if (ctl && f->data_length > 0) {
        memcpy(ws->ctl + ws->ctl_sz, f->data, f->data_length);
        ws->ctl_sz += (uint32_t)f->data_length;
    } else if (!ctl) {
        oct_buf_add(&ws->msg, f->data, f->data_length);
        if (ws->msg.failed) {
            end(ws, OCT_WS_TRY_LATER, "out of memory");
            return;
        }
    }
    if (ws->frame_left > 0)
        return;
    ws->frame_open = false;
    if (ctl)
        on_control(ws);
    else if (ws->frame_fin)
        on_message(ws);
}

static void on_data(void *self, const uint8_t *p, size_t sz)
{
    struct oct_ws *ws = self;
    ws->heard_ns = oct_loop_now(ws->w->loop);
    ws->in = p;
    ws->in_sz = sz;
    while (!ws->dead) {
        struct wslay_frame_iocb f;
        memset(&f, 0, sizeof(f));
        ssize_t n = wslay_frame_recv(ws->frames, &f);
        if (n == WSLAY_ERR_WANT_READ)
            break;
        if (n < 0)
            end(ws, OCT_WS_PROTOCOL, "bad frame");
        else
            frame_data(ws, &f);
    }
    ws->in_sz = 0;
}

static void on_drained(void *self)
{
    struct oct_ws *ws = self;
    if (!ws->closing)
        oct_md_drained(ws);
}

static void on_closed(void *self)
{
    struct oct_ws *ws = self;
    oct_md_leave(ws);
    oct_loop_alarm_clear(ws->w->loop, &ws->alarm);
    *ws->link = ws->next;
    if (ws->next != NULL)
        ws->next->link = ws->link;
    ws->w->stats.ws_clients--;
    wslay_frame_context_free(ws->frames);
    oct_buf_fini(&ws->msg);
    free(ws);
}

static const struct oct_stream_ops ws_ops = {on_data, on_drained, on_closed};

void oct_ws_bytes(struct oct_stream *s, const uint8_t *p, size_t sz)
{
    if (sz > 0)
        on_data(oct_stream_self(s), p, sz);
}

/* ---- life ------------------------------------------------------------------------------------- */

/* Pings, and what must happen in time: the token, an answer to pings, the end of closing. */
static void on_alarm(struct oct_alarm *a)
{
    struct oct_ws *ws = (struct oct_ws *)((char *)a - offsetof(struct oct_ws, alarm));
    struct oct_web *w = ws->w;
    int64_t now = oct_loop_now(w->loop);
    if (ws->closing) {
        ws->dead = true;
        oct_stream_close(ws->s);
        return;
    }
    if (ws->md == NULL) {
        end(ws, OCT_WS_UNAUTHENTICATED, "no token within 5 s");
        return;
    }
    if (now - ws->heard_ns > w->cfg.pong_ns) {
        ws->dead = true;
        oct_md_leave(ws);
        oct_stream_abort(ws->s);
        return;
    }
    if (oct_stream_pending(ws->s) < CATCH_UP_SZ)
        control(ws, WSLAY_PING, "octopus", 7);
    oct_loop_alarm(w->loop, a, now + w->cfg.ping_ns);
}

int oct_ws_init(struct oct_ws *ws, struct oct_web *w, struct oct_stream *s)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = wslay_recv};
    if (wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0)
        return -1;
    ws->w = w;
    ws->s = s;
    ws->alarm.fn = on_alarm;
    ws->msg.max = OCT_WS_IN_MAX;
    ws->heard_ns = ws->opened_ns = oct_loop_now(w->loop);
    ws->client_id = oct_mix64(w->request_seed ^ (w->request_cnt << 1));
    return 0;
}

void oct_ws_let_in(struct oct_ws *ws)
{
    struct oct_web *w = ws->w;
    if (ws->md == NULL && oct_md_join(w->hub, ws) != 0) {
        end(ws, OCT_WS_TRY_LATER, "out of memory");
        return;
    }
    oct_loop_alarm(w->loop, &ws->alarm, oct_loop_now(w->loop) + w->cfg.ping_ns);
}

void oct_ws_start(struct oct_ws *ws, bool authed)
{
    struct oct_web *w = ws->w;
    oct_stream_own(ws->s, &ws_ops, ws);
    ws->next = w->sockets;
    ws->link = &w->sockets;
    if (ws->next != NULL)
        ws->next->link = &ws->next;
    w->sockets = ws;
    w->stats.ws_clients++;
    w->stats.ws_opened++;
    if (authed)
        oct_ws_let_in(ws);
    else
        oct_loop_alarm(w->loop, &ws->alarm, oct_loop_now(w->loop) + AUTH_NS);
}

void oct_ws_stop_all(struct oct_web *w)
{
    static const char bye[] = "{\"op\":\"shutdown\",\"retry_after_ms\":1000}";
    for (struct oct_ws *ws = w->sockets; ws != NULL; ws = ws->next) {
        oct_ws_send(ws, bye, sizeof(bye) - 1, NULL, 0);
        end(ws, OCT_WS_GOING_AWAY, "shutting down");
    }
}
