/* Any bytes as what a peer sends, to our client and to our server.  The stream cut into other pieces
 * gives the same events and the same end; numbers only grow; nothing is read beyond the bytes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/wire.h"
#include "drivers/venue/soupbin_server.h"
#include "drivers/venue/soupbintcp.h"

static const struct oct_session_ops *const ops = &oct_session_soupbintcp;

struct end {
    uint64_t digest; /* of all events */
    uint32_t used;
    int result; /* 0, or the error that ended it */
    uint32_t state;
};

static void note(struct end *e, uint64_t a, uint64_t b, const uint8_t *data, uint32_t sz)
{
    uint64_t w[2] = {a, b};

    e->digest = oct_digest64(oct_digest64(e->digest, w, sizeof w), data, sz);
}

/* The next piece: everything that has arrived so far, at least one byte more than was used. */
static uint32_t arrived(uint32_t have, uint32_t sz, uint32_t step)
{
    return sz - have > step ? have + step : sz;
}

/* A copy of exactly these bytes, so that a sanitizer sees one too many. */
static uint8_t *exact(const uint8_t *data, uint32_t sz)
{
    uint8_t *p = malloc(sz ? sz : 1);

    FUZZ_CHECK(p != NULL);
    memcpy(p, data, sz);
    return p;
}

static struct end run_client(const uint8_t *data, uint32_t sz, uint32_t step)
{
    static _Alignas(64) uint8_t state[OCT_VENUE_SESS_SZ];
    struct oct_session_cfg cfg = {.user = "FUZZ",
                                  .password = "PASS",
                                  .next_seq = 1,
                                  .heartbeat_ns = 1000,
                                  .silence_ns = 15000};
    uint8_t out[OCT_VENUE_MSG_MAX];
    struct end e = {0};
    uint32_t have = 0;

    FUZZ_CHECK(ops->init(state, &cfg) == 0);
    FUZZ_CHECK(ops->connected(state, 0, out) == OCT_SOUPBIN_LOGIN_SZ);
    while (have < sz) {
        have = arrived(have, sz, step);
        while (e.used < have) {
            struct oct_session_event ev;
            uint64_t before = ops->next_seq(state);
            uint8_t *p = exact(data + e.used, have - e.used);
            int got = ops->input(state, 1, p, have - e.used, &ev);
            FUZZ_CHECK(got <= (int)(have - e.used));
            FUZZ_CHECK(ops->next_seq(state) - before == (ev.event == OCT_VENUE_DATA));
            if (got < 0)
                e.result = got;
            if (got > 0 && ev.event)
                note(&e, ev.event | (uint64_t)ev.reason << 8, ev.seq, ev.data, ev.data_sz);
            free(p);
            if (got < 0) {
                e.state = ops->state(state);
                return e;
            }
            if (got == 0)
                break;
            e.used += (uint32_t)got;
        }
    }
    e.state = ops->state(state);
    int n = ops->tick(state, 2000, out);
    FUZZ_CHECK(n == 0 || n == 3);
    return e;
}

static uint64_t store_next(const void *self)
{
    (void)self;
    return 4;
}

static const uint8_t *store_get(const void *self, uint64_t seq, uint32_t *sz)
{
    static const uint8_t msg[4] = "msg";

    (void)self;
    *sz = (uint32_t)seq;
    return msg;
}

static bool let_in(void *self, const char *user, const char *password)
{
    (void)self;
    FUZZ_CHECK(strlen(user) <= 6 && strlen(password) <= 10);
    return user[0] != 'X';
}

static struct end run_server(const uint8_t *data, uint32_t sz, uint32_t step)
{
    struct oct_soupbin_server_cfg cfg = {.session = "FUZZ",
                                         .login = let_in,
                                         .store = {store_next, store_get, NULL},
                                         .heartbeat_ns = 1000,
                                         .silence_ns = 15000,
                                         .login_ns = 30000};
    struct oct_soupbin_server s;
    uint8_t out[OCT_VENUE_MSG_MAX];
    struct end e = {0};
    uint32_t have = 0;

    FUZZ_CHECK(oct_soupbin_server_init(&s, &cfg, 0) == 0);
    while (have < sz) {
        have = arrived(have, sz, step);
        while (e.used < have) {
            struct oct_soupbin_in in;
            uint8_t *p = exact(data + e.used, have - e.used);
            int got = oct_soupbin_server_input(&s, 1, p, have - e.used, &in);
            FUZZ_CHECK(got <= (int)(have - e.used));
            if (got > 0 && in.event)
                note(&e, in.event, (uint8_t)in.reason, in.data, in.data_sz);
            free(p);
            if (got < 0) {
                e.result = got;
                e.state = s.state;
                return e;
            }
            if (got == 0)
                break;
            e.used += (uint32_t)got;
        }
    }
    e.state = s.state;
    while (oct_soupbin_server_output(&s, 1, out, sizeof out) != 0)
        ;
    FUZZ_CHECK(s.next_seq <= 4);
    return e;
}

static void same(const struct end *a, const struct end *b)
{
    FUZZ_CHECK(a->digest == b->digest && a->result == b->result && a->state == b->state);
    /* in pieces, a debug packet may be swallowed further */
    FUZZ_CHECK(b->used >= a->used || a->result != 0 || a->state > OCT_SESSION_UP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    uint32_t n = sz > 4096 ? 4096 : (uint32_t)sz;
    static const uint32_t steps[] = {1, 2, 7, 64};
    struct end client = run_client(data, n, n ? n : 1);
    struct end server = run_server(data, n, n ? n : 1);

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct end c = run_client(data, n, steps[i]);
        struct end s = run_server(data, n, steps[i]);
        same(&client, &c);
        same(&server, &s);
    }
    return 0;
}

static size_t put(uint8_t *out, size_t at, char type, const char *payload, size_t sz)
{
    oct_store_be16(out + at, (uint16_t)(sz + 1));
    out[at + 2] = (uint8_t)type;
    memcpy(out + at + 3, payload, sz);
    return at + 3 + sz;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    size_t n = 0;

    if (cap < 512)
        return 0;
    switch (idx) {
    case 0: /* a server's side */
        n = put(out, n, '+', "hello", 5);
        n = put(out, n, 'A', "      FUZZ                   1", 30);
        n = put(out, n, 'S', "message one", 11);
        n = put(out, n, 'H', "", 0);
        n = put(out, n, 'S', "", 0);
        return put(out, n, 'Z', "", 0);
    case 1:
        return put(out, n, 'J', "A", 1);
    case 2: /* a client's side */
        n = put(out, n, 'L', "FUZZ  PASS                               2", 46 - 4);
        return n;
    case 3:
        n = put(out, n, 'L', "FUZZ  PASS                                   2", 46);
        n = put(out, n, 'U', "order", 5);
        n = put(out, n, 'R', "", 0);
        n = put(out, n, '+', "bye", 3);
        return put(out, n, 'O', "", 0);
    case 4:
        return put(out, n, 'L', "X     PASS            FUZZ                   0", 46);
    default:
        return 0;
    }
}
