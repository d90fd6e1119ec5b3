/* ws_accept.c - the opening handshake: RFC 6455, section 4.2. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "control/web/md.h"
#include "control/web/ws.h"
#include "control/web/ws_priv.h"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void oct_ws_accept_key(struct oct_str key, char out[29])
{
    uint8_t text[24 + sizeof(guid) - 1];
    uint8_t digest[SHA_DIGEST_LENGTH];
    OCT_ASSERT(key.n == 24);
    memcpy(text, key.p, 24);
    memcpy(text + 24, guid, sizeof(guid) - 1);
    SHA1(text, sizeof(text), digest);
    EVP_EncodeBlock((uint8_t *)out, digest, sizeof(digest));
}

bool oct_ws_wanted(const struct oct_http_req *req)
{
    return oct_str_eq(req->path, "/ws/market-data") || oct_str_eq(req->path, "/ws");
}

/* 16 bytes in base64: 22 characters and two signs of equality. */
static bool key_ok(const struct oct_str *key)
{
    if (key == NULL || key->n != 24 || memcmp(key->p + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++) {
        char ch = key->p[i];
        if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
              ch == '+' || ch == '/'))
            return false;
    }
    return true;
}

/* A token offered as the subprotocol bearer.<token>: all that a browser can send. */
static bool bearer_protocol(const struct oct_web *w, const struct oct_http_req *req, bool *given)
{
    static const char prefix[] = "bearer.";
    *given = false;
    for (uint32_t i = 0; i < req->field_cnt; i++) {
        if (!oct_str_ieq(req->field[i].name, "sec-websocket-protocol"))
            continue;
        struct oct_str v = req->field[i].value;
        while (v.n > 0) {
            const char *comma = memchr(v.p, ',', v.n);
            size_t n = comma == NULL ? v.n : (size_t)(comma - v.p);
            size_t skip = n + (comma != NULL);
            const char *p = v.p;
            for (; n > 0 && *p == ' '; p++)
                n--;
            while (n > 0 && p[n - 1] == ' ')
                n--;
            if (n >= sizeof(prefix) - 1 && memcmp(p, prefix, sizeof(prefix) - 1) == 0) {
                *given = true;
                if (oct_token_equal(&w->token, p + sizeof(prefix) - 1, n - (sizeof(prefix) - 1)))
                    return true;
            }
            v.p += skip;
            v.n -= skip;
        }
    }
    return false;
}

/* 0, or the answer is an error. */
static int check(struct oct_http_call *c, bool *authed)
{
    const struct oct_http_req *req = c->req;
    const struct oct_str *upgrade = oct_http_field(req, "upgrade");
    const struct oct_str *version = oct_http_field(req, "sec-websocket-version");
    bool offered = false;
    *authed = oct_web_authorized(c->w, req) || bearer_protocol(c->w, req, &offered);
    if (req->method != OCT_HTTP_GET || req->minor != 1 || upgrade == NULL ||
        !oct_http_list_has(*upgrade, "websocket") ||
        !key_ok(oct_http_field(req, "sec-websocket-key"))) {
        oct_http_problem(c, 400, "WS_001", NULL, "the WebSocket handshake is malformed");
    } else if (version == NULL || !oct_str_eq(*version, "13")) {
        oct_http_problem(c, 426, "WS_001", "Sec-WebSocket-Version", "only version 13 is spoken");
        oct_http_extra(c, "Sec-WebSocket-Version: 13\r\n");
    } else if (!oct_web_origin_ok(c->w, req)) {
        oct_http_problem(c, 403, "AUTH_004", "Origin", "this origin is not on the allow-list");
    } else if (!*authed && (offered || oct_http_field(req, "authorization") != NULL)) {
        c->w->stats.auth_failures++;
        oct_http_problem(c, 401, "AUTH_003", NULL, "the token is not valid");
        oct_http_extra(c,
                       "WWW-Authenticate: Bearer realm=\"octopus\", error=\"invalid_token\"\r\n");
    }
    return c->status == 200 ? 0 : -1;
}

bool oct_ws_accept(struct oct_http_call *c, struct oct_stream *s)
{
    struct oct_web *w = c->w;
    bool authed;
    if (check(c, &authed) != 0)
        return false;
    struct oct_ws *ws = calloc(1, sizeof(*ws));
    if (ws != NULL && oct_ws_init(ws, w, s) != 0) {
        free(ws);
        ws = NULL;
    }
    if (ws == NULL) {
        oct_http_problem(c, 503, "SYS_001", NULL, "no memory for another WebSocket");
        return false;
    }
    bool octopus = false;
    for (uint32_t i = 0; i < c->req->field_cnt; i++)
        octopus |= oct_str_ieq(c->req->field[i].name, "sec-websocket-protocol") &&
                   oct_http_list_has(c->req->field[i].value, "octopus.v1.json");
    ws->octopus = octopus;
    char accept[29];
    oct_ws_accept_key(*oct_http_field(c->req, "sec-websocket-key"), accept);
    struct oct_buf *out = oct_stream_out(s);
    oct_buf_printf(out,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%sX-Request-ID: %s\r\n\r\n",
                   accept, octopus ? "Sec-WebSocket-Protocol: octopus.v1.json\r\n" : "",
                   c->request_id);
    w->stats.requests[1]++;
    oct_ws_start(ws, authed);
    oct_stream_flush(s);
    return true;
}
