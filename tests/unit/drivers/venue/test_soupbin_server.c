/* The server's half of SoupBinTCP: by hand, and against our own client through a split stream. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "drivers/venue/soupbin_server.h"
#include "drivers/venue/soupbintcp.h"

#define MS INT64_C(1000000)

static uint64_t store_cnt;
static uint8_t store_msg[40];

static uint64_t store_next(const void *self)
{
    (void)self;
    return store_cnt + 1;
}

/* Message n is n % 32 + 1 bytes, the first eight of them its number. */
static const uint8_t *store_get(const void *self, uint64_t seq, uint32_t *sz)
{
    (void)self;
    memset(store_msg, (int)(seq & 0xff), sizeof store_msg);
    oct_store_be64(store_msg, seq);
    *sz = 8 + (uint32_t)(seq % 32);
    return store_msg;
}

static bool check_login(void *self, const char *user, const char *password)
{
    (void)self;
    return strcmp(user, "OCTO") == 0 && strcmp(password, "secret") == 0;
}

static struct oct_soupbin_server srv;
static struct oct_soupbin_in in;
static uint8_t out[65536];

static void start(void)
{
    struct oct_soupbin_server_cfg cfg = {
        .session = "042",
        .login = check_login,
        .store = {store_next, store_get, NULL},
        .heartbeat_ns = 1000 * MS,
        .silence_ns = 15000 * MS,
        .login_ns = 30000 * MS,
    };
    cr_assert_eq(oct_soupbin_server_init(&srv, &cfg, 0), 0);
}

static int login(const char *user, const char *password, const char *session, const char *seq)
{
    uint8_t p[49];
    char text[48];

    snprintf(text, sizeof text, "%-6s%-10s%10s%20s", user, password, session, seq);
    oct_store_be16(p, 47);
    p[2] = 'L';
    memcpy(p + 3, text, 46);
    return oct_soupbin_server_input(&srv, 0, p, sizeof p, &in);
}

static uint32_t pull(int64_t now, uint32_t cap)
{
    return oct_soupbin_server_output(&srv, now, out, cap);
}

Test(soupbin_server, accepted_login_is_answered_with_session_and_number)
{
    start();
    store_cnt = 9;
    cr_assert_eq(login("OCTO", "secret", "", "10"), 49);
    cr_assert_eq(in.event, OCT_SOUPBIN_EV_LOGIN);
    cr_assert_eq(pull(0, 300), 33);
    cr_assert_eq(memcmp(out,
                        "\x00\x1f"
                        "A       042                  10",
                        33),
                 0);
    cr_assert_str_eq(srv.user, "OCTO");
    cr_assert_eq(pull(0, 300), 0);
}

Test(soupbin_server, resume_sends_from_the_number_asked_for)
{
    start();
    store_cnt = 5;
    cr_assert_eq(login("OCTO", "secret", "042", "4"), 49);
    uint32_t n = pull(0, sizeof out);
    cr_assert_eq(n, 33 + (3 + 12) + (3 + 13));
    cr_assert_eq(memcmp(out + 13, "                   4", 20), 0);
    cr_assert_eq(out[35], 'S');
    cr_assert_eq(oct_load_be64(out + 36), 4);
    cr_assert_eq(oct_load_be64(out + 36 + 12 + 3), 5);
}

Test(soupbin_server, zero_means_the_newest_and_beyond_the_end_means_the_next)
{
    static const struct {
        const char *want;
        uint64_t cnt, next;
    } t[] = {{"0", 7, 7}, {"0", 0, 1}, {"100", 7, 8}, {"1", 0, 1}, {"8", 7, 8}};

    for (size_t i = 0; i < OCT_ARRAY_CNT(t); i++) {
        start();
        store_cnt = t[i].cnt;
        cr_assert_eq(login("OCTO", "secret", "", t[i].want), 49);
        cr_assert_eq(srv.next_seq, t[i].next, "case %zu", i);
    }
}

Test(soupbin_server, wrong_password_and_wrong_session_are_rejected_and_closed)
{
    start();
    cr_assert_eq(login("OCTO", "wrong", "", "1"), 49);
    cr_assert_eq(in.event, OCT_SOUPBIN_EV_REJECTED);
    cr_assert_eq(pull(0, 300), 4);
    cr_assert_eq(memcmp(out, "\x00\x02JA", 4), 0);
    cr_assert_eq(srv.state, OCT_SOUPBIN_CLOSING);
    start();
    cr_assert_eq(login("OCTO", "secret", "041", "1"), 49);
    cr_assert_eq(pull(0, 300), 4);
    cr_assert_eq(memcmp(out, "\x00\x02JS", 4), 0);
}

Test(soupbin_server, nonsense_is_a_protocol_error)
{
    start();
    cr_assert_eq(oct_soupbin_server_input(&srv, 0, (const uint8_t *)"\x00\x01R", 3, &in), -EPROTO,
                 "heartbeat before login");
    cr_assert_eq(login("OCTO", "secret", "", "one"), -EPROTO);
    cr_assert_eq(login("OCTO", "secret", "", "1"), 49);
    static const struct {
        const char *bytes;
        uint32_t sz;
    } bad[] = {{"\x00\x00", 2},   {"\x00\x01H", 3}, {"\x00\x02R ", 4},
               {"\x00\x02O ", 4}, {"\x04\x02U", 3}, {"\x00\x01?", 3}};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++)
        cr_assert_eq(
            oct_soupbin_server_input(&srv, 0, (const uint8_t *)bad[i].bytes, bad[i].sz, &in),
            -EPROTO, "case %zu", i);
}

Test(soupbin_server, unsequenced_heartbeat_debug_and_logout_are_told_apart)
{
    static const uint8_t p[] = "\x00\x03Uhi\x00\x01R\x00\x04+dbg\x00\x01O";
    uint32_t at = 0;

    start();
    cr_assert_eq(login("OCTO", "secret", "", "1"), 49);
    at += (uint32_t)oct_soupbin_server_input(&srv, 0, p + at, 17 - at, &in);
    cr_assert_eq(in.event, OCT_SOUPBIN_EV_MESSAGE);
    cr_assert_eq(in.data_sz, 2);
    cr_assert_eq(memcmp(in.data, "hi", 2), 0);
    at += (uint32_t)oct_soupbin_server_input(&srv, 0, p + at, 17 - at, &in);
    cr_assert_eq(in.event, OCT_SOUPBIN_EV_NONE);
    at += (uint32_t)oct_soupbin_server_input(&srv, 0, p + at, 17 - at, &in);
    cr_assert_eq(in.event, OCT_SOUPBIN_EV_NONE);
    at += (uint32_t)oct_soupbin_server_input(&srv, 0, p + at, 17 - at, &in);
    cr_assert_eq(in.event, OCT_SOUPBIN_EV_LOGOUT);
    cr_assert_eq(at, 17);
    cr_assert_eq(srv.state, OCT_SOUPBIN_CLOSING);
}

Test(soupbin_server, heartbeat_only_when_nothing_else_was_sent_for_a_second)
{
    start();
    store_cnt = 0;
    login("OCTO", "secret", "", "1");
    cr_assert_eq(pull(0, 300), 33);
    cr_assert_eq(pull(999 * MS, 300), 0);
    cr_assert_eq(pull(1000 * MS, 300), 3);
    cr_assert_eq(memcmp(out, "\x00\x01H", 3), 0);
    store_cnt = 1;
    cr_assert_eq(pull(1500 * MS, 300), 3 + 9);
    cr_assert_eq(pull(2400 * MS, 300), 0);
    cr_assert_eq(pull(2500 * MS, 300), 3);
}

Test(soupbin_server, silence_and_a_missing_login_time_out)
{
    start();
    cr_assert_eq(oct_soupbin_server_tick(&srv, 29999 * MS), 0);
    /* a byte that is no login buys no time */
    cr_assert_eq(oct_soupbin_server_input(&srv, 29000 * MS, (const uint8_t *)"\x00", 1, &in), 0);
    cr_assert_eq(oct_soupbin_server_tick(&srv, 30000 * MS), -ETIMEDOUT);
    start();
    login("OCTO", "secret", "", "1");
    cr_assert_eq(oct_soupbin_server_input(&srv, 5000 * MS, (const uint8_t *)"\x00\x01R", 3, &in),
                 3);
    cr_assert_eq(oct_soupbin_server_tick(&srv, 19999 * MS), 0);
    cr_assert_eq(oct_soupbin_server_tick(&srv, 20000 * MS), -ETIMEDOUT);
}

Test(soupbin_server, end_of_session_follows_the_last_message)
{
    start();
    store_cnt = 3;
    login("OCTO", "secret", "", "1");
    oct_soupbin_server_end(&srv);
    uint32_t n = 0, got;
    while ((got = pull(0, OCT_VENUE_MSG_MAX)) != 0)
        n += got;
    cr_assert_eq(n, 33 + 3 * 3 + (9 + 10 + 11) + 3);
    cr_assert_eq(srv.state, OCT_SOUPBIN_CLOSING);
    cr_assert_eq(pull(99000 * MS, 300), 0, "no heartbeat after the end");
}

Test(soupbin_server, our_client_gets_every_message_once_whatever_the_pieces)
{
    const struct oct_session_ops *c = &oct_session_soupbintcp;
    static _Alignas(64) uint8_t state[OCT_VENUE_SESS_SZ];
    static uint8_t pipe[200000];
    struct oct_session_cfg cfg = {.user = "OCTO",
                                  .password = "secret",
                                  .next_seq = 1,
                                  .heartbeat_ns = 1000 * MS,
                                  .silence_ns = 15000 * MS};
    struct oct_session_event ev;
    uint8_t buf[OCT_VENUE_MSG_MAX];
    struct oct_rng rng;
    uint64_t expect = 1;

    oct_rng_init(&rng, 1);
    store_cnt = 2000;
    cr_assert_eq(c->init(state, &cfg), 0);
    for (int conn = 0; conn < 20 && expect <= store_cnt; conn++) {
        start();
        uint32_t sz = c->connected(state, 0, buf);
        cr_assert_eq(oct_soupbin_server_input(&srv, 0, buf, sz, &in), (int)sz);
        cr_assert_eq(in.event, OCT_SOUPBIN_EV_LOGIN);
        uint32_t have = 0, at = 0;
        for (uint32_t got; have < 8000 && (got = pull(0, OCT_VENUE_MSG_MAX)) != 0; have += got)
            memcpy(pipe + have, out, got);
        /* the connection breaks at a random byte */
        uint32_t cut = 40 + (uint32_t)oct_rng_below(&rng, have - 39);
        uint32_t seen = 0;
        while (at < cut) {
            if (seen <= at)
                seen = at + 1;
            seen += (uint32_t)oct_rng_below(&rng, 50);
            seen = seen < cut ? seen : cut;
            int used = c->input(state, 1, pipe + at, seen - at, &ev);
            cr_assert_geq(used, 0);
            if (used == 0 && seen == cut)
                break;
            at += (uint32_t)used;
            if (ev.event != OCT_VENUE_DATA)
                continue;
            cr_assert_eq(ev.seq, expect);
            cr_assert_eq(oct_load_be64(ev.data), expect);
            cr_assert_eq(ev.data_sz, 8 + expect % 32);
            expect++;
        }
        c->lost(state);
    }
    cr_assert_gt(expect, 100);
}
