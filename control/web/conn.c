/* conn.c - one HTTP connection: bytes to requests, answers in order, until either side is done. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/web/web_priv.h"
#include "control/web/ws.h"
#include "dataplane/base/hash.h"

/* Answers a client may leave unread before we stop reading its requests. */
#define BACKLOG_SZ (1u << 20)

enum phase {
    HEAD,
    LENGTH, /* body of a known length */
    CHUNKS,
    OVER, /* nothing more is read */
};

struct oct_http_client {
    struct oct_stream *s;
    struct oct_web *w;
    struct oct_http_client *next;
    struct oct_http_client **link; /* what points to us */
    struct oct_alarm alarm;
    struct oct_buf in;   /* bytes that wait: a part of a head, or requests held back */
    struct oct_buf head; /* head of a request whose body is still coming */
    struct oct_buf body;
    struct oct_http_chunks chunks;
    size_t scanned;
    int64_t deadline_ns;
    enum phase phase;
    bool held;  /* too much unread: requests wait */
    bool blank; /* an empty line before this request was forgiven */
    bool moved; /* the stream belongs to a WebSocket now */
};

static void deadline(struct oct_http_client *c, int64_t span_ns)
{
    c->deadline_ns = oct_loop_now(c->w->loop) + span_ns;
    /* The alarm is only ever moved forward when it fires: no heap work for each request. */
    if (c->alarm.place == 0 || c->alarm.due_ns > c->deadline_ns)
        oct_loop_alarm(c->w->loop, &c->alarm, c->deadline_ns);
}

static void call_init(struct oct_http_client *c, struct oct_http_call *call,
                      const struct oct_http_req *req)
{
    struct oct_web *w = c->w;
    memset(call, 0, offsetof(struct oct_http_call, params_buf));
    call->w = w;
    call->req = req;
    call->param_cnt = 0;
    call->start_ns = oct_mono_ns();
    call->tls = oct_stream_is_tls(c->s);
    call->status = 200;
    call->type = NULL;
    call->cache = NULL;
    call->out = &w->scratch;
    call->extra[0] = '\0';
    oct_buf_reset(&w->scratch);
    uint64_t id = oct_mix64(w->request_seed + ++w->request_cnt);
    for (int i = 0; i < 16; i++, id >>= 4)
        call->request_id[i] = "0123456789abcdef"[id & 15];
    call->request_id[16] = '\0';
}

/* Answers with an error and closes: what follows in the stream cannot be trusted. */
static void refuse(struct oct_http_client *c, int status, const char *why)
{
    struct oct_http_call call;
    call_init(c, &call, NULL);
    c->w->stats.bad_requests++;
    oct_http_problem(&call, status, "VAL_001", NULL, "%s", why);
    oct_http_write(&call, oct_stream_out(c->s), false);
    c->phase = OVER;
    oct_stream_close(c->s);
}

static const char *why_of(int status)
{
    switch (status) {
    case 408:
        return "the request did not arrive in time";
    case 413:
        return "the body is larger than 10 MiB";
    case 414:
        return "the request line is longer than 8192 bytes";
    case 417:
        return "the expectation cannot be met";
    case 431:
        return "the header section is larger than 16384 bytes or has more than 64 fields";
    case 501:
        return "there is no such method or transfer coding here";
    case 505:
        return "only HTTP/1.1 and HTTP/1.0 are spoken here";
    default:
        return "the request is malformed";
    }
}

static void request_id_of(struct oct_http_call *call)
{
    const struct oct_str *id = oct_http_field(call->req, "x-request-id");
    if (id == NULL || id->n == 0 || id->n >= sizeof(call->request_id))
        return;
    for (size_t i = 0; i < id->n; i++) {
        char ch = id->p[i];
        bool ok = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
                  (ch >= 'A' && ch <= 'Z') || ch == '-' || ch == '_' || ch == '.';
        if (!ok)
            return;
    }
    memcpy(call->request_id, id->p, id->n);
    call->request_id[id->n] = '\0';
}

/* Answers one whole request.  False when the connection is no longer HTTP or ends here. */
static bool serve(struct oct_http_client *c, const struct oct_http_req *req, const uint8_t *body,
                  size_t body_sz)
{
    struct oct_http_call call;
    call_init(c, &call, req);
    call.body = body;
    call.body_sz = body_sz;
    request_id_of(&call);
    struct oct_buf *out = oct_stream_out(c->s);
    if (req->upgrade && body == NULL && oct_ws_wanted(req) && oct_ws_accept(&call, c->s)) {
        c->phase = OVER;
        c->moved = true;
        return false;
    }
    if (call.status == 200)
        oct_web_route(&call);
    bool keep = req->keep_alive && !c->w->stopping;
    oct_http_write(&call, out, keep);
    deadline(c, c->w->cfg.idle_ns);
    if (keep)
        return true;
    c->phase = OVER;
    oct_stream_close(c->s);
    return false;
}

/* The parts of a connection that are not handed to a WebSocket. */
static void detach(struct oct_http_client *c)
{
    oct_loop_alarm_clear(c->w->loop, &c->alarm);
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    c->w->stats.http_clients--;
    oct_buf_fini(&c->in);
    oct_buf_fini(&c->head);
    oct_buf_fini(&c->body);
    free(c);
}

/* ---- reading -------------------------------------------------------------------------------------- */

static bool body_done(struct oct_http_client *c)
{
    struct oct_http_req req;
    int rc = oct_http_parse(c->head.p, c->head.sz, &req);
    OCT_ASSERT(rc == 0); /* it was parsed before */
    c->phase = HEAD;
    bool go_on = serve(c, &req, c->body.p, c->body.sz);
    oct_buf_reset(&c->head);
    oct_buf_reset(&c->body);
    oct_buf_trim(&c->body, 0);
    return go_on;
}

/* Bytes of a body.  How many were used, or minus a status. */
static int body_bytes(struct oct_http_client *c, const uint8_t *p, size_t sz, bool *done)
{
    size_t got = 0;
    if (c->phase == CHUNKS) {
        uint8_t *room = oct_buf_room(&c->body, sz);
        if (room == NULL)
            return -413;
        int used = oct_http_chunks(&c->chunks, p, sz, room, &got, done);
        c->body.sz += got;
        return used;
    }
    size_t left = (size_t)c->chunks.left;
    got = sz < left ? sz : left;
    oct_buf_add(&c->body, p, got);
    c->chunks.left -= got;
    *done = c->chunks.left == 0;
    return c->body.failed ? -413 : (int)got;
}

static bool head_ready(struct oct_http_client *c, const uint8_t *p, size_t head_sz, bool *go_on)
{
    struct oct_http_req req;
    int rc = oct_http_parse(p, head_sz, &req);
    *go_on = false;
    if (rc != 0) {
        refuse(c, -rc, why_of(-rc));
        return false;
    }
    if (!req.chunked && req.length == 0) {
        *go_on = serve(c, &req, NULL, 0);
        return true;
    }
    oct_buf_add(&c->head, p, head_sz);
    if (c->head.failed) {
        refuse(c, 500, "out of memory");
        return false;
    }
    if (req.expect) {
        OCT_BUF_LIT(oct_stream_out(c->s), "HTTP/1.1 100 Continue\r\n\r\n");
        oct_stream_flush(c->s);
    }
    c->chunks = (struct oct_http_chunks){.left = req.chunked ? 0 : req.length};
    c->phase = req.chunked ? CHUNKS : LENGTH;
    deadline(c, c->w->cfg.body_ns);
    *go_on = true;
    return true;
}

/* A head from p, when it is there.  How many bytes were used; 0 when it must wait. */
static size_t head_bytes(struct oct_http_client *c, const uint8_t *p, size_t sz, bool *go_on)
{
    if (!c->blank && c->scanned == 0 && p[0] == '\r' && (sz == 1 || p[1] == '\n')) {
        /* One empty line before a request is forgiven: RFC 9112, 2.2. */
        c->blank = sz >= 2;
        return sz >= 2 ? 2 : 0;
    }
    int n = oct_http_head(p, sz, &c->scanned);
    if (n < 0)
        refuse(c, -n, why_of(-n));
    if (n <= 0)
        return 0;
    c->scanned = 0;
    c->blank = false;
    return head_ready(c, p, (size_t)n, go_on) ? (size_t)n : 0;
}

/* Reads requests from p as far as it goes.  Returns the bytes used. */
static size_t consume(struct oct_http_client *c, const uint8_t *p, size_t sz)
{
    size_t at = 0;
    bool go_on = true;
    while (go_on && at < sz && c->phase != OVER) {
        bool done = false;
        if (oct_stream_pending(c->s) > BACKLOG_SZ) {
            c->held = true;
            oct_stream_pause(c->s, true);
            break;
        }
        if (c->phase == HEAD) {
            size_t n = head_bytes(c, p + at, sz - at, &go_on);
            if (n == 0)
                break;
            at += n;
            continue;
        }
        int n = body_bytes(c, p + at, sz - at, &done);
        if (n < 0) {
            refuse(c, -n, why_of(-n));
            break;
        }
        at += (size_t)n;
        if (done)
            go_on = body_done(c);
    }
    return at;
}

/* Takes what consume left over: to our buffer, or to the stream's new owner. */
static void leftover(struct oct_http_client *c, const uint8_t *p, size_t sz)
{
    struct oct_stream *s = c->s;
    if (c->moved) {
        detach(c);
        oct_ws_bytes(s, p, sz); /* frames that came with the handshake */
        return;
    }
    if (c->phase != OVER)
        oct_buf_add(&c->in, p, sz);
    if (c->in.failed)
        oct_stream_abort(s);
    else
        oct_stream_flush(s);
}

static void on_data(void *self, const uint8_t *p, size_t sz)
{
    struct oct_http_client *c = self;
    if (c->phase == OVER || sz == 0)
        return;
    if (c->in.sz == 0) {
        if (c->phase == HEAD)
            deadline(c, c->w->cfg.head_ns);
        size_t used = consume(c, p, sz);
        leftover(c, p + used, sz - used);
        return;
    }
    oct_buf_add(&c->in, p, sz);
    if (c->held || c->in.failed) {
        if (c->in.failed)
            oct_stream_abort(c->s);
        return;
    }
    struct oct_buf in = c->in;
    c->in = (struct oct_buf){0};
    size_t used = consume(c, in.p, in.sz);
    if (used == 0 && !c->moved && c->phase != OVER) {
        c->in = in; /* nothing whole yet */
        return;
    }
    leftover(c, in.p + used, in.sz - used);
    oct_buf_fini(&in);
}

static void on_drained(void *self)
{
    struct oct_http_client *c = self;
    if (!c->held)
        return;
    c->held = false;
    oct_stream_pause(c->s, false);
    struct oct_buf in = c->in;
    c->in = (struct oct_buf){0};
    size_t used = consume(c, in.p, in.sz);
    leftover(c, in.p + used, in.sz - used);
    oct_buf_fini(&in);
}

static void on_closed(void *self)
{
    detach(self);
}

static const struct oct_stream_ops http_ops = {on_data, on_drained, on_closed};

static void on_alarm(struct oct_alarm *a)
{
    struct oct_http_client *c =
        (struct oct_http_client *)((char *)a - offsetof(struct oct_http_client, alarm));
    if (oct_loop_now(c->w->loop) < c->deadline_ns) {
        oct_loop_alarm(c->w->loop, a, c->deadline_ns);
        return;
    }
    c->w->stats.timeouts++;
    if (c->phase == OVER || c->held)
        oct_stream_abort(c->s); /* it takes no answer either */
    else if (c->phase != HEAD || c->in.sz > 0)
        refuse(c, 408, why_of(408));
    else
        oct_stream_close(c->s);
    c->phase = OVER;
}

void oct_http_accept(void *web, int fd)
{
    struct oct_web *w = web;
    struct oct_http_client *c = NULL;
    if (w->stats.http_clients + w->stats.ws_clients < w->cfg.client_cnt_max && !w->stopping)
        c = calloc(1, sizeof(*c));
    if (c == NULL) {
        w->stats.refused_clients++;
        close(fd);
        return;
    }
    int one = 1;
    int sndbuf = OCT_WEB_SNDBUF;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
    c->w = w;
    c->alarm.fn = on_alarm;
    c->body.max = OCT_HTTP_BODY_MAX + OCT_HTTP_HEAD_MAX;
    c->s = oct_stream_new(w->loop, fd, w->tls, &http_ops, c);
    if (c->s == NULL) {
        free(c);
        return;
    }
    c->next = w->clients;
    c->link = &w->clients;
    if (c->next != NULL)
        c->next->link = &c->next;
    w->clients = c;
    w->stats.http_clients++;
    deadline(c, w->cfg.head_ns);
}

void oct_http_stop_all(struct oct_web *w)
{
    for (struct oct_http_client *c = w->clients; c != NULL; c = c->next) {
        c->phase = OVER;
        oct_stream_close(c->s);
    }
}
