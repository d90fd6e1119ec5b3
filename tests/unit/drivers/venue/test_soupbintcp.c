/* The client's half of SoupBinTCP, against bytes written by hand. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "dataplane/base/wire.h"
#include "drivers/venue/soupbintcp.h"

#define MS INT64_C(1000000)

static const struct oct_session_ops *const s = &oct_session_soupbintcp;
static _Alignas(64) uint8_t state[OCT_VENUE_SESS_SZ];
static uint8_t out[OCT_VENUE_MSG_MAX];
static struct oct_session_event ev;

static int start_at(uint64_t next_seq, const char *session)
{
    struct oct_session_cfg cfg = {
        .user = "OCTO",
        .password = "secret",
        .next_seq = next_seq,
        .heartbeat_ns = 1000 * MS,
        .silence_ns = 15000 * MS,
    };
    strncpy(cfg.session, session, sizeof cfg.session - 1);
    return s->init(state, &cfg);
}

static int feed(int64_t now, const void *data, uint32_t sz)
{
    return s->input(state, now, data, sz, &ev);
}

/* "A" + ten characters of session + twenty of sequence number */
static void accept_text(uint8_t p[33], const char *session, const char *seq)
{
    oct_store_be16(p, 31);
    p[2] = 'A';
    memcpy(p + 3, session, 10);
    memcpy(p + 13, seq, 20);
}

static void log_in(uint64_t next_seq)
{
    uint8_t p[33];
    char seq[32];

    cr_assert_eq(start_at(next_seq, ""), 0);
    cr_assert_eq(s->connected(state, 0, out), 49);
    snprintf(seq, sizeof seq, "%20llu", (unsigned long long)next_seq);
    accept_text(p, "       042", seq);
    cr_assert_eq(feed(0, p, sizeof p), 33);
    cr_assert_eq(ev.event, OCT_VENUE_LOGGED_IN);
    cr_assert_eq(s->state(state), OCT_SESSION_UP);
}

Test(soupbintcp, login_request_has_the_fields_of_the_specification)
{
    cr_assert_eq(start_at(57, "ABC"), 0);
    cr_assert_eq(s->state(state), OCT_SESSION_DOWN);
    cr_assert_eq(s->connected(state, 0, out), 49);
    cr_assert_eq(memcmp(out,
                        "\x00\x2f"
                        "LOCTO  secret           ABC                  57",
                        49),
                 0);
    cr_assert_eq(s->state(state), OCT_SESSION_LOGIN);
}

Test(soupbintcp, names_that_do_not_fit_are_refused)
{
    struct oct_session_cfg cfg = {.user = "SEVEN77", .heartbeat_ns = 1, .silence_ns = 1};

    cr_assert_eq(s->init(state, &cfg), -EINVAL);
    strcpy(cfg.user, "OK");
    strcpy(cfg.password, "elevenchars");
    cr_assert_eq(s->init(state, &cfg), -EINVAL);
    strcpy(cfg.password, "tenchars10");
    strcpy(cfg.session, "with space");
    cr_assert_eq(s->init(state, &cfg), -EINVAL);
    strcpy(cfg.session, "");
    cr_assert_eq(s->init(state, &cfg), 0);
    cfg.silence_ns = 0;
    cr_assert_eq(s->init(state, &cfg), -EINVAL);
}

Test(soupbintcp, sequenced_messages_are_numbered_from_where_we_asked)
{
    log_in(57);
    cr_assert_eq(ev.seq, 57);
    cr_assert_eq(feed(1, "\x00\x04Sabc\x00\x01H", 9), 6);
    cr_assert_eq(ev.event, OCT_VENUE_DATA);
    cr_assert_eq(ev.seq, 57);
    cr_assert_eq(ev.data_sz, 3);
    cr_assert_eq(memcmp(ev.data, "abc", 3), 0);
    cr_assert_eq(feed(1, "\x00\x01H", 3), 3);
    cr_assert_eq(ev.event, 0);
    cr_assert_eq(feed(1, "\x00\x02Sx", 4), 4);
    cr_assert_eq(ev.seq, 58);
    cr_assert_eq(s->next_seq(state), 59);
}

Test(soupbintcp, a_packet_in_pieces_is_incomplete_until_its_last_byte)
{
    static const uint8_t p[] = "\x00\x04Sabc";

    log_in(1);
    for (uint32_t n = 0; n < 6; n++) {
        cr_assert_eq(feed(1, p, n), 0, "%u bytes", n);
        cr_assert_eq(ev.event, 0);
    }
    cr_assert_eq(feed(1, p, 6), 6);
    cr_assert_eq(ev.event, OCT_VENUE_DATA);
}

Test(soupbintcp, next_login_asks_for_the_session_and_the_message_that_is_missing)
{
    log_in(1);
    cr_assert_eq(feed(1, "\x00\x02Sx", 4), 4);
    s->lost(state);
    cr_assert_eq(s->state(state), OCT_SESSION_DOWN);
    cr_assert_eq(s->connected(state, 5, out), 49);
    cr_assert_eq(memcmp(out + 19, "       042", 10), 0);
    cr_assert_eq(memcmp(out + 29, "                   2", 20), 0);
}

Test(soupbintcp, rejected_login_is_told_and_final)
{
    cr_assert_eq(start_at(1, ""), 0);
    s->connected(state, 0, out);
    cr_assert_eq(feed(0, "\x00\x02JS", 4), 4);
    cr_assert_eq(ev.event, OCT_VENUE_LOGIN_REJECTED);
    cr_assert_eq(ev.reason, 'S');
    cr_assert_eq(s->state(state), OCT_SESSION_REFUSED);
    s->lost(state);
    cr_assert_eq(s->state(state), OCT_SESSION_REFUSED);
    cr_assert_eq(s->connected(state, 1, out), 0);
}

Test(soupbintcp, login_at_another_number_is_refused)
{
    static const char *const seqs[] = {"                  56", "                  58"};

    for (int i = 0; i < 2; i++) {
        uint8_t p[33];
        cr_assert_eq(start_at(57, ""), 0);
        s->connected(state, 0, out);
        accept_text(p, "       042", seqs[i]);
        cr_assert_eq(feed(0, p, sizeof p), 33);
        cr_assert_eq(ev.event, OCT_VENUE_LOGIN_REJECTED);
        cr_assert_eq(ev.reason, OCT_SOUPBIN_OTHER_SEQUENCE);
        cr_assert_eq(s->state(state), OCT_SESSION_REFUSED);
    }
}

Test(soupbintcp, login_to_another_session_is_refused)
{
    uint8_t p[33];

    cr_assert_eq(start_at(1, "041"), 0);
    s->connected(state, 0, out);
    accept_text(p, "       042", "                   1");
    cr_assert_eq(feed(0, p, sizeof p), 33);
    cr_assert_eq(ev.event, OCT_VENUE_LOGIN_REJECTED);
    cr_assert_eq(ev.reason, OCT_SOUPBIN_OTHER_SESSION);
}

Test(soupbintcp, zero_asks_for_the_newest_message_whatever_its_number)
{
    uint8_t p[33];

    cr_assert_eq(start_at(0, ""), 0);
    s->connected(state, 0, out);
    accept_text(p, "       042", "                 900");
    cr_assert_eq(feed(0, p, sizeof p), 33);
    cr_assert_eq(ev.event, OCT_VENUE_LOGGED_IN);
    cr_assert_eq(ev.seq, 900);
}

Test(soupbintcp, nonsense_is_a_protocol_error)
{
    static const struct {
        const char *bytes;
        uint32_t sz;
    } bad[] = {
        {"\x00\x00", 2},   /* no type */
        {"\x00\x01Q", 3},  /* unknown type */
        {"\x00\x01U", 3},  /* a client's packet */
        {"\x00\x02H ", 4}, /* heartbeat with a payload */
        {"\x00\x02Z ", 4}, /* end with a payload */
        {"\x00\x02JA", 4}, /* login answered twice */
        {"\x01\x92S", 3},  /* longer than a record holds */
        {"\xff\xffS", 3},  /* as long as can be */
    };

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        log_in(1);
        cr_assert_eq(feed(1, bad[i].bytes, bad[i].sz), -EPROTO, "case %zu", i);
        cr_assert_eq(ev.event, 0);
    }
}

Test(soupbintcp, longest_message_that_fits_a_record_is_taken)
{
    uint8_t p[3 + OCT_IN_VENUE_DATA] = {0};

    log_in(1);
    oct_store_be16(p, OCT_IN_VENUE_DATA + 1);
    p[2] = 'S';
    cr_assert_eq(feed(1, p, sizeof p), (int)sizeof p);
    cr_assert_eq(ev.data_sz, OCT_IN_VENUE_DATA);
}

Test(soupbintcp, nothing_but_an_answer_may_come_before_login)
{
    static const char *const early[] = {"\x00\x02Sx", "\x00\x01H_", "\x00\x01Z_"};

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(start_at(1, ""), 0);
        s->connected(state, 0, out);
        cr_assert_eq(feed(0, early[i], 4), -EPROTO);
    }
    /* an answer of the wrong size, or with a number that is none */
    uint8_t p[33];
    cr_assert_eq(start_at(1, ""), 0);
    s->connected(state, 0, out);
    accept_text(p, "       042", "                   1");
    oct_store_be16(p, 30);
    cr_assert_eq(feed(0, p, 32), -EPROTO);
    accept_text(p, "       042", "                  1x");
    cr_assert_eq(feed(0, p, 33), -EPROTO);
    accept_text(p, "       042", "                    ");
    cr_assert_eq(feed(0, p, 33), -EPROTO);
    accept_text(p, "       042", "99999999999999999999");
    cr_assert_eq(feed(0, p, 33), -EPROTO);
    accept_text(p, "       042", "                   0");
    cr_assert_eq(feed(0, p, 33), -EPROTO);
}

Test(soupbintcp, bytes_without_a_connection_are_a_protocol_error)
{
    cr_assert_eq(start_at(1, ""), 0);
    cr_assert_eq(feed(0, "\x00\x01H", 3), -EPROTO);
}

Test(soupbintcp, debug_packets_of_any_length_are_swallowed_at_any_time)
{
    static uint8_t big[70000];

    cr_assert_eq(start_at(1, ""), 0);
    s->connected(state, 0, out);
    cr_assert_eq(feed(0, "\x00\x06+hello", 8), 8);
    cr_assert_eq(ev.event, 0);
    log_in(1);
    oct_store_be16(big, 65535);
    big[2] = '+';
    memcpy(big + 65537, "\x00\x02Sx", 4);
    uint32_t used = 0;
    while (used < 65537) { /* in pieces of up to 1,000 bytes */
        uint32_t n = sizeof big - used < 1000 ? (uint32_t)sizeof big - used : 1000;
        int got = feed(1, big + used, n);
        cr_assert_gt(got, 0);
        cr_assert_eq(ev.event, 0);
        used += (uint32_t)got;
    }
    cr_assert_eq(used, 65537);
    cr_assert_eq(feed(1, big + used, 4), 4);
    cr_assert_eq(ev.event, OCT_VENUE_DATA);
    cr_assert_eq(ev.seq, 1);
}

Test(soupbintcp, heartbeat_goes_out_after_a_second_of_our_own_silence)
{
    log_in(1);
    cr_assert_eq(s->tick(state, 999 * MS, out), 0);
    cr_assert_eq(s->tick(state, 1000 * MS, out), 3);
    cr_assert_eq(memcmp(out, "\x00\x01R", 3), 0);
    cr_assert_eq(s->tick(state, 1500 * MS, out), 0);
    /* an order counts as a sign of life */
    cr_assert_eq(s->frame(state, 1900 * MS, out, 9), 12);
    cr_assert_eq(memcmp(out, "\x00\x0aU", 3), 0);
    cr_assert_eq(s->tick(state, 2500 * MS, out), 0);
    cr_assert_eq(s->tick(state, 2900 * MS, out), 3);
}

Test(soupbintcp, silent_peer_times_out_also_before_login)
{
    log_in(1);
    cr_assert_eq(feed(10000 * MS, "\x00\x01H", 3), 3);
    cr_assert_geq(s->tick(state, 24999 * MS, out), 0);
    cr_assert_eq(s->tick(state, 25000 * MS, out), -ETIMEDOUT);
    s->lost(state);
    cr_assert_eq(s->tick(state, 99000 * MS, out), 0);
    s->connected(state, 100000 * MS, out);
    cr_assert_eq(s->tick(state, 101000 * MS, out), 0, "no heartbeat before login");
    cr_assert_eq(s->tick(state, 115000 * MS, out), -ETIMEDOUT);
}

Test(soupbintcp, end_of_session_is_told_once_and_final)
{
    log_in(1);
    cr_assert_eq(feed(1, "\x00\x01Zrest", 7), 3);
    cr_assert_eq(ev.event, OCT_VENUE_ENDED);
    cr_assert_eq(s->state(state), OCT_SESSION_ENDED);
    cr_assert_eq(feed(1, "rest", 4), 4);
    cr_assert_eq(ev.event, 0);
    s->lost(state);
    cr_assert_eq(s->state(state), OCT_SESSION_ENDED);
    cr_assert_eq(s->connected(state, 2, out), 0);
}

Test(soupbintcp, logout_is_one_packet_and_only_when_connected)
{
    log_in(1);
    cr_assert_eq(s->logout(state, out), 3);
    cr_assert_eq(memcmp(out, "\x00\x01O", 3), 0);
    s->lost(state);
    cr_assert_eq(s->logout(state, out), 0);
}

Test(soupbintcp, numbers_fill_their_field_from_the_right)
{
    uint8_t f[20];
    uint64_t v;

    oct_soupbin_put_number(f, 20, UINT64_MAX);
    cr_assert_eq(memcmp(f, "18446744073709551615", 20), 0);
    cr_assert_eq(oct_soupbin_get_number(f, 20, &v), 0);
    cr_assert_eq(v, UINT64_MAX);
    oct_soupbin_put_number(f, 20, 0);
    cr_assert_eq(memcmp(f, "                   0", 20), 0);
    cr_assert_eq(oct_soupbin_get_number((const uint8_t *)"18446744073709551616", 20, &v), -EPROTO);
    cr_assert_eq(oct_soupbin_get_number((const uint8_t *)"00000000000000000042", 20, &v), 0);
    cr_assert_eq(v, 42);
    cr_assert_eq(oct_soupbin_get_number((const uint8_t *)"42                  ", 20, &v), 0);
    cr_assert_eq(oct_soupbin_get_number((const uint8_t *)"4 2                 ", 20, &v), -EPROTO);
    cr_assert_eq(oct_soupbin_get_number((const uint8_t *)"-1                  ", 20, &v), -EPROTO);
}
