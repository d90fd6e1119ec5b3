/* Any bytes as what a WebSocket client sends, over a real socket pair through the loop: the server
 * answers with whole, unmasked frames of known kinds, closes when it must, and never crashes.  The
 * first byte chooses how the rest is cut. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/web/md.h"
#include "control/web/ws_priv.h"
#include "dataplane/base/time.h"

static struct oct_loop *loop;
static struct oct_mirror mirror;
static struct oct_vitals vitals;
static struct oct_web *web;
static struct oct_token token;

static bool no(void *self)
{
    (void)self;
    return false;
}

static void start(void)
{
    struct oct_mirror_cfg mc = {.inst_cnt = 8,
                                .book_order_cnt_max = 64,
                                .book_level_cnt_max = 64,
                                .order_cnt_max = 64,
                                .receipt_sz = 65536};
    struct oct_web_cfg wc = {.version = "fuzz"};
    memset(token.text, 'T', OCT_TOKEN_SZ);
    vitals.attached = no;
    FUZZ_CHECK(oct_loop_create(&loop) == 0);
    FUZZ_CHECK(oct_mirror_init(&mirror, &mc) == 0);
    FUZZ_CHECK(oct_web_create(&web, &wc, loop, &mirror, &vitals, &token, NULL) == 0);
    for (uint64_t ref = 1; ref <= 8; ref++) {
        struct oct_md m = {OCT_MSG_HDR(MD, md),
                           .kind = OCT_MD_ADD,
                           .side = ref & 1,
                           .inst = (uint32_t)(ref & 3),
                           .ref = ref,
                           .px = oct_px_from_e4(10000 + (int64_t)ref * 100),
                           .qty = oct_qty_from_shares(10)};
        memcpy(m.symbol.c, ref & 1 ? "AAPL    " : "MSFT    ", 8);
        oct_mirror_md(&mirror, &m, ref, 1);
    }
}

/* Everything the server said so far must be whole frames, but for the last. */
static size_t frames(const uint8_t *p, size_t sz)
{
    size_t at = 0;
    while (sz - at >= 2) {
        size_t n = p[at + 1] & 0x7f;
        size_t head = n == 126 ? 4 : n == 127 ? 10 : 2;
        uint8_t op = p[at] & 15;
        FUZZ_CHECK((p[at] & 0x70) == 0 && (p[at + 1] & 0x80) == 0 && (p[at] & 0x80) != 0);
        FUZZ_CHECK(op == 1 || op == 8 || op == 9 || op == 10);
        if (sz - at < head)
            break;
        if (head > 2) {
            n = 0;
            for (size_t i = 2; i < head; i++)
                n = n << 8 | p[at + i];
        }
        FUZZ_CHECK(op < 8 || n <= 125);
        if (sz - at < head + n)
            break;
        FUZZ_CHECK(op != 1 || oct_utf8_ok(p + at + head, n));
        at += head + n;
    }
    return at;
}

static void drain(int fd, struct oct_buf *said)
{
    uint8_t tmp[16384];
    ssize_t n;
    while ((n = recv(fd, tmp, sizeof(tmp), MSG_DONTWAIT)) > 0)
        oct_buf_add(said, tmp, (size_t)n);
    oct_buf_eat(said, frames(said->p, said->sz));
}

static struct oct_ws *open_ws(int fd)
{
    static const struct oct_stream_ops none = {0};
    struct oct_ws *ws = calloc(1, sizeof(*ws));
    struct oct_stream *s = oct_stream_new(loop, fd, NULL, &none, NULL);
    FUZZ_CHECK(ws != NULL && s != NULL && oct_ws_init(ws, web, s) == 0);
    return ws;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    struct oct_buf said = {0};
    int fd[2];
    if (loop == NULL)
        start();
    if (sz < 1)
        return 0;
    size_t step = 1 + data[0] % 64;
    bool authed = (data[0] & 0x80) == 0;
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    struct oct_ws *ws = open_ws(fd[0]);
    oct_ws_start(ws, authed);
    for (size_t at = 1; at < sz; at += step) {
        size_t n = sz - at < step ? sz - at : step;
        if (send(fd[1], data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        if (at % 5 == 0) {
            oct_loop_turn(loop, 0);
            oct_web_publish(web);
            drain(fd[1], &said);
        }
    }
    oct_loop_turn(loop, 0);
    oct_web_publish(web);
    drain(fd[1], &said);
    close(fd[1]);
    for (int i = 0; i < 100 && oct_web_client_cnt(web) > 0; i++)
        oct_loop_turn(loop, OCT_NS_PER_MS);
    FUZZ_CHECK(oct_web_client_cnt(web) == 0);
    oct_buf_fini(&said);
    return 0;
}

static size_t masked(uint8_t *out, uint8_t first, const char *text)
{
    size_t n = strlen(text);
    size_t at = 0;
    out[at++] = first;
    if (n < 126) {
        out[at++] = (uint8_t)(0x80 | n);
    } else {
        out[at++] = 0x80 | 126;
        out[at++] = (uint8_t)(n >> 8);
        out[at++] = (uint8_t)n;
    }
    memset(out + at, 0, 4); /* a mask of zeros: mutations change readable text */
    at += 4;
    memcpy(out + at, text, n);
    return at + n;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    static const char *const texts[] = {
        ("{\"op\":\"subscribe\",\"id\":\"7\",\"channel\":\"book\",\"symbols\":[\"AAPL\",\"MSFT\"],"
         "\"depth\":10,\"mode\":\"conflate\",\"interval_ms\":50}"),
        "{\"op\":\"subscribe\",\"channel\":\"bbo\",\"symbols\":[\"AAPL\"],\"mode\":\"raw\"}",
        "{\"op\":\"unsubscribe\",\"sid\":1,\"symbols\":[\"AAPL\"]}",
        "{\"op\":\"heartbeat\",\"on\":true}",
        "{\"type\":\"subscribe\",\"symbols\":[\"AAPL\"]}",
        "{\"type\":\"subscribe\",\"channel\":\"prices:MSFT\"}",
        "{\"type\":\"get_subscriptions\"}",
        "{\"op\":\"auth\",\"token\":\"TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT\"}",
    };
    FUZZ_CHECK(cap >= 2048);
    if (idx < OCT_ARRAY_CNT(texts)) {
        out[0] = idx == 7 ? 0x80 : (uint8_t)(idx * 9);
        return 1 + masked(out + 1, 0x81, texts[idx]);
    }
    if (idx > OCT_ARRAY_CNT(texts))
        return 0;
    /* Fragments, a ping between them, and a close. */
    size_t n = 0;
    out[n++] = 3;
    n += masked(out + n, 0x01, "{\"op\":");
    n += masked(out + n, 0x89, "hi");
    n += masked(out + n, 0x80, "\"ping\"}");
    n += masked(out + n, 0x88, "\x03\xe8");
    return n;
}
