/* venue_dump.c - our SoupBinTCP halves as text, for scripts that hold them against others.
 *
 * usage: venue_dump talk SEED      a conversation of our client and our server: for each packet its
 *                                  direction (c, s), its size (32 bits, big-endian) and its bytes
 *        venue_dump read c|s [mid] reads what one side sent from standard input and prints a line a
 *                                  packet: bytes, event, number; mid: it begins after the login */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "drivers/venue/ouch50.h"
#include "drivers/venue/soupbin_server.h"
#include "drivers/venue/soupbintcp.h"

#define MESSAGES 300u

static const struct oct_session_ops *const ops = &oct_session_soupbintcp;
static _Alignas(64) uint8_t state[OCT_VENUE_SESS_SZ];
static uint8_t messages[MESSAGES][OCT_VENUE_MSG_MAX];
static uint32_t sizes[MESSAGES];
static uint32_t made;

static uint64_t store_next(const void *self)
{
    (void)self;
    return made + 1;
}

static const uint8_t *store_get(const void *self, uint64_t seq, uint32_t *sz)
{
    (void)self;
    *sz = sizes[seq - 1];
    return messages[seq - 1];
}

static bool let_in(void *self, const char *user, const char *password)
{
    (void)self;
    return user[0] && strcmp(password, "wrong") != 0;
}

static struct oct_soupbin_server_cfg server_cfg(void)
{
    return (struct oct_soupbin_server_cfg){
        .session = "DAY042",
        .login = let_in,
        .store = {store_next, store_get, NULL},
        .heartbeat_ns = 1000,
        .silence_ns = 1000000,
        .login_ns = 1000000,
    };
}

static struct oct_session_cfg client_cfg(uint64_t next_seq)
{
    return (struct oct_session_cfg){.user = "OCT001",
                                    .password = "secret",
                                    .next_seq = next_seq,
                                    .heartbeat_ns = 1000,
                                    .silence_ns = 1000000};
}

static void put(char dir, const uint8_t *p, uint32_t sz)
{
    uint8_t head[5] = {(uint8_t)dir};

    oct_store_be32(head + 1, sz);
    fwrite(head, 1, sizeof head, stdout);
    fwrite(p, 1, sz, stdout);
}

/* Whole packets one by one. */
static void put_packets(char dir, const uint8_t *p, uint32_t sz)
{
    while (sz > 0) {
        uint32_t n = 2u + oct_load_be16(p);
        put(dir, p, n);
        p += n;
        sz -= n;
    }
}

static void must(bool ok)
{
    if (!ok) {
        fprintf(stderr, "venue_dump: our own packets are not read\n");
        exit(1);
    }
}

static int talk(uint64_t seed)
{
    struct oct_soupbin_server_cfg cfg = server_cfg();
    struct oct_session_cfg login = client_cfg(3);
    struct oct_soupbin_server s;
    struct oct_soupbin_in in;
    struct oct_rng rng;
    uint8_t out[4096];
    int64_t now = 0;

    oct_rng_init(&rng, seed);
    must(ops->init(state, &login) == 0 && oct_soupbin_server_init(&s, &cfg, 0) == 0);
    for (; made < 10; made++)
        sizes[made] = 1 + (uint32_t)oct_rng_below(&rng, 200);
    uint32_t n = ops->connected(state, now, out);
    must(oct_soupbin_server_input(&s, now, out, n, &in) == (int)n);
    put('c', out, n);
    while (made < MESSAGES) {
        switch (oct_rng_below(&rng, 5)) {
        case 0: {
            struct oct_order o = {OCT_MSG_HDR(ORDER, order), .user_ref = made + 1,
                                  .action = OCT_ACTION_CANCEL};
            int sz = oct_order_ouch50.encode(&o, "    ", out + ops->headroom);
            n = ops->frame(state, now, out, (uint32_t)sz);
            must(oct_soupbin_server_input(&s, now, out, n, &in) == (int)n && in.data_sz == 9);
            put('c', out, n);
            break;
        }
        case 1:
            now += 1000;
            n = (uint32_t)ops->tick(state, now, out);
            put_packets('c', out, n);
            break;
        case 2:
            n = oct_soupbin_debug("debugging", out, sizeof out);
            put_packets('s', out, n);
            break;
        default:
            sizes[made] = (uint32_t)oct_rng_below(&rng, 200) + 1;
            for (uint32_t i = 0; i < sizes[made]; i++)
                messages[made][i] = (uint8_t)oct_rng_u64(&rng);
            made++;
            break;
        }
        if (s.state != OCT_SOUPBIN_WAIT_LOGIN)
            put_packets('s', out, oct_soupbin_server_output(&s, now, out, sizeof out));
    }
    n = ops->logout(state, out);
    put('c', out, n);
    oct_soupbin_server_end(&s);
    while ((n = oct_soupbin_server_output(&s, now, out, sizeof out)) != 0)
        put_packets('s', out, n);
    return 0;
}

static uint32_t input_of(uint8_t *buf, uint32_t cap)
{
    return (uint32_t)fread(buf, 1, cap, stdin);
}

static int read_server_side(const uint8_t *p, uint32_t sz, bool mid)
{
    char accepted[40];
    struct oct_session_cfg cfg = client_cfg(mid ? 1 : 0);
    struct oct_session_event ev;
    uint8_t out[OCT_VENUE_MSG_MAX];

    must(ops->init(state, &cfg) == 0);
    ops->connected(state, 0, out);
    snprintf(accepted, sizeof accepted, "..A%-10s%20s", "MID", "1");
    oct_store_be16(accepted, 31);
    if (mid)
        must(ops->input(state, 0, (uint8_t *)accepted, 33, &ev) == 33 &&
             ev.event == OCT_VENUE_LOGGED_IN);
    while (sz > 0) {
        int got = ops->input(state, 0, p, sz, &ev);
        if (got <= 0) {
            printf("%d left\n", got < 0 ? got : (int)sz);
            return 0;
        }
        printf("%d %u %llu\n", got, ev.event, (unsigned long long)ev.seq);
        p += got;
        sz -= (uint32_t)got;
    }
    return 0;
}

static int read_client_side(const uint8_t *p, uint32_t sz, bool mid)
{
    char login[64];
    struct oct_soupbin_server_cfg cfg = server_cfg();
    struct oct_soupbin_server s;
    struct oct_soupbin_in in;

    must(oct_soupbin_server_init(&s, &cfg, 0) == 0);
    snprintf(login, sizeof login, "..L%-6s%-10s%10s%20s", "MID", "", "", "1");
    oct_store_be16(login, 47);
    if (mid)
        must(oct_soupbin_server_input(&s, 0, (uint8_t *)login, 49, &in) == 49 && in.event);
    while (sz > 0) {
        int got = oct_soupbin_server_input(&s, 0, p, sz, &in);
        if (got <= 0) {
            printf("%d left\n", got < 0 ? got : (int)sz);
            return 0;
        }
        printf("%d %u %u\n", got, in.event, in.data_sz);
        p += got;
        sz -= (uint32_t)got;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t buf[1 << 20];

    if (argc == 3 && strcmp(argv[1], "talk") == 0)
        return talk(strtoull(argv[2], NULL, 10));
    if (argc >= 3 && strcmp(argv[1], "read") == 0) {
        uint32_t sz = input_of(buf, sizeof buf);
        return argv[2][0] == 's' ? read_server_side(buf, sz, argc == 4)
                                 : read_client_side(buf, sz, argc == 4);
    }
    fprintf(stderr, "usage: venue_dump talk SEED | read c|s [mid]\n");
    return 2;
}
