/* Any bytes as an HTTP connection: heads, bodies and what follows, as control/web/conn.c walks them.
 * However the bytes are cut, the same requests come out and the same end; what is accepted obeys the
 * rules that smuggling breaks; nothing is read beyond the bytes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "control/web/http_parse.h"
#include "dataplane/base/hash.h"

struct end {
    uint64_t digest;
    uint32_t requests;
    int result; /* 0, or minus the status that ended it */
};

static uint64_t note_str(uint64_t h, struct oct_str s)
{
    return oct_digest64(h, s.p, s.n);
}

static void note(struct end *e, const struct oct_http_req *r)
{
    uint64_t w[] = {r->method,  r->minor,      r->keep_alive, r->upgrade,
                    r->chunked, r->has_length, r->expect,     r->length};
    e->digest = oct_digest64(e->digest, w, sizeof(w));
    e->digest = note_str(note_str(note_str(e->digest, r->path), r->query), r->host);
    for (uint32_t i = 0; i < r->field_cnt; i++)
        e->digest = note_str(note_str(e->digest, r->field[i].name), r->field[i].value);
    e->requests++;
}

static uint32_t count(const struct oct_http_req *r, const char *name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->field_cnt; i++)
        n += oct_str_ieq(r->field[i].name, name);
    return n;
}

/* What an accepted request may never have. */
static void holds(const uint8_t *head, size_t sz, const struct oct_http_req *r)
{
    for (size_t i = 0; i < sz; i++) {
        FUZZ_CHECK(head[i] != '\0');
        FUZZ_CHECK(head[i] != '\n' || (i > 0 && head[i - 1] == '\r'));
        FUZZ_CHECK(head[i] != '\r' || (i + 1 < sz && head[i + 1] == '\n'));
    }
    uint32_t lengths = count(r, "content-length");
    uint32_t codings = count(r, "transfer-encoding");
    FUZZ_CHECK(lengths <= 1 && codings <= 1 && lengths + codings <= 1);
    FUZZ_CHECK(count(r, "host") <= 1 && (r->minor == 0 || count(r, "host") == 1));
    FUZZ_CHECK(r->has_length == (lengths == 1) && r->chunked == (codings == 1));
    FUZZ_CHECK(r->length <= OCT_HTTP_BODY_MAX);
    FUZZ_CHECK(r->path.n > 0 && (r->path.p[0] == '/' || oct_str_eq(r->path, "*")));
    for (uint32_t i = 0; i < r->field_cnt; i++) {
        struct oct_str n = r->field[i].name;
        FUZZ_CHECK(n.n > 0 && memchr(n.p, ' ', n.n) == NULL && memchr(n.p, '\t', n.n) == NULL);
        FUZZ_CHECK(memchr(r->field[i].value.p, '\n', r->field[i].value.n) == NULL);
    }
}

static void targets(const struct oct_http_req *r)
{
    static char path[OCT_HTTP_LINE_MAX + 1];
    static char buf[2 * OCT_HTTP_LINE_MAX];
    struct oct_http_param param[OCT_HTTP_PARAM_MAX];
    int n = oct_http_decode(r->path, path);
    FUZZ_CHECK(n < 0 || strlen(path) == (size_t)n);
    n = oct_http_params(r->query, buf, param);
    FUZZ_CHECK(n <= (int)OCT_HTTP_PARAM_MAX);
    for (int i = 0; i < n; i++)
        FUZZ_CHECK(strlen(param[i].key) > 0 && param[i].value != NULL);
}

/* A body from p in steps; the bytes used when it ended, -1 while more must come. */
static long body(const struct oct_http_req *r, const uint8_t *p, size_t sz, size_t step,
                 struct end *e)
{
    static uint8_t out[65536];
    struct oct_http_chunks c = {0};
    if (!r->chunked)
        return r->length <= sz ? (long)r->length : -1;
    for (size_t at = 0; at < sz;) {
        size_t n = sz - at < step ? sz - at : step;
        size_t got;
        bool done;
        int used = oct_http_chunks(&c, p + at, n, out, &got, &done);
        for (size_t i = 0; i < got; i++) /* byte by byte: cuts must not matter */
            e->digest = oct_mix64(e->digest ^ out[i]);
        if (used < 0) {
            e->result = used;
            return -1;
        }
        FUZZ_CHECK((size_t)used <= n && got <= n && (done || (size_t)used == n));
        at += (size_t)used;
        if (done)
            return (long)at;
    }
    return -1;
}

static struct end walk(const uint8_t *data, size_t sz, size_t step)
{
    static struct oct_http_req r;
    struct end e = {0};
    size_t at = 0;
    while (at < sz && e.result == 0) {
        size_t scanned = 0;
        int n = 0;
        for (size_t have = step; n == 0; have += step) {
            size_t view = have < sz - at ? have : sz - at;
            n = oct_http_head(data + at, view, &scanned);
            FUZZ_CHECK(n <= (int)view);
            if (view == sz - at)
                break;
        }
        if (n <= 0) {
            e.result = n;
            break;
        }
        int rc = oct_http_parse(data + at, (size_t)n, &r);
        if (rc != 0) {
            e.result = rc;
            break;
        }
        holds(data + at, (size_t)n, &r);
        targets(&r);
        note(&e, &r);
        at += (size_t)n;
        long used = body(&r, data + at, sz - at, step, &e);
        if (used < 0)
            break;
        at += (size_t)used;
    }
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    if (sz > OCT_HTTP_HEAD_MAX)
        sz = OCT_HTTP_HEAD_MAX; /* beyond it, a cut decides whether 431 or 400 comes first */
    struct end whole = walk(data, sz, sz + 1);
    struct end pieces = walk(data, sz, 1 + sz % 7);
    FUZZ_CHECK(whole.requests == pieces.requests && whole.digest == pieces.digest);
    FUZZ_CHECK(whole.result == pieces.result);
    return 0;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    static const char *const seeds[] = {
        "GET /api/market/quote/AAPL?depth=5 HTTP/1.1\r\nHost: localhost:8000\r\n"
        "Authorization: Bearer abc\r\nAccept: */*\r\n\r\n",
        "POST /api/orders/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n"
        "Host: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5;a=b\r\n"
        "pedia\r\n0\r\nX: y\r\n\r\nHEAD /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /ws/market-data HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\n\r\n",
        "GET http://x/a%20b HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    if (idx >= OCT_ARRAY_CNT(seeds))
        return 0;
    size_t n = strlen(seeds[idx]);
    FUZZ_CHECK(n <= cap);
    memcpy(out, seeds[idx], n);
    return n;
}
