#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/web/md_priv.h"
#include "control/web/ws.h"
#include "dataplane/base/time.h"
#include "tests/unit/control/rig.h"

static struct rig r;
static struct oct_buf in;
static char out[1 << 20];

static void up(void)
{
    rig_start(&r, NULL);
    rig_add(&r, 3, "AAPL", 1, OCT_BUY, 1872400, 300);
    rig_add(&r, 3, "AAPL", 2, OCT_BUY, 1872300, 100);
    rig_add(&r, 3, "AAPL", 3, OCT_SELL, 1872600, 200);
    rig_add(&r, 4, "MSFT", 4, OCT_SELL, 1500000, 10);
}

static void down(void)
{
    rig_stop(&r);
    oct_buf_fini(&in);
}

TestSuite(ws, .init = up, .fini = down, .timeout = 60);

static int open_ws(const char *more)
{
    char extra[512];
    snprintf(extra, sizeof(extra), "Authorization: Bearer %s\r\n%s", r.token.text, more);
    int fd = rig_ws(&r, "/ws/market-data", extra, &in);
    cr_assert_geq(fd, 0, "%.*s", (int)in.sz, in.p);
    return fd;
}

static int open_octopus(void)
{
    return open_ws("Sec-WebSocket-Protocol: octopus.v1.json\r\n");
}

Test(ws, accept_key_is_the_one_of_the_rfc)
{
    char key[29];
    oct_ws_accept_key((struct oct_str){"dGhlIHNhbXBsZSBub25jZQ==", 24}, key);
    cr_expect_str_eq(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

Test(ws, bad_handshakes_are_refused)
{
    static const struct {
        const char *lines;
        int status;
    } bad[] = {
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: short\r\n",
         400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         426},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         426},
        {"Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://evil.example\r\n",
         403},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer nonsense\r\n",
         401},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Protocol: octopus.v1.json, bearer.nonsense\r\n",
         401},
    };
    char req[1024];
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        snprintf(req, sizeof(req), "GET /ws/market-data HTTP/1.1\r\nHost: a\r\n%s\r\n",
                 bad[i].lines);
        cr_expect_eq(rig_status(rig_get(&r, req)), bad[i].status, "%s", bad[i].lines);
    }
}

Test(ws, token_comes_in_header_subprotocol_or_first_message)
{
    char extra[256];
    close(open_octopus());
    oct_buf_reset(&in);
    snprintf(extra, sizeof(extra), "Sec-WebSocket-Protocol: octopus.v1.json, bearer.%s\r\n",
             r.token.text);
    int fd = rig_ws(&r, "/ws/market-data", extra, &in);
    cr_assert_geq(fd, 0);
    rig_ws_text(&r, fd, "{\"op\":\"ping\",\"id\":\"1\"}");
    cr_expect(rig_ws_find(&r, fd, &in, "\"op\":\"pong\",\"id\":\"1\"", out, sizeof(out)));
    close(fd);
    oct_buf_reset(&in);
    fd = rig_ws(&r, "/ws/market-data", "", &in);
    cr_assert_geq(fd, 0);
    snprintf(extra, sizeof(extra), "{\"op\":\"auth\",\"id\":\"1\",\"token\":\"%s\"}", r.token.text);
    rig_ws_text(&r, fd, extra);
    cr_expect(
        rig_ws_find(&r, fd, &in, "\"op\":\"ack\",\"id\":\"1\",\"ok\":true", out, sizeof(out)));
    close(fd);
    oct_buf_reset(&in);
    fd = rig_ws(&r, "/ws/market-data", "", &in);
    rig_ws_text(&r, fd, "{\"op\":\"auth\",\"token\":\"wrong\"}");
    cr_expect_eq(rig_ws_close_code(&r, fd, &in), 4401);
    close(fd);
    oct_buf_reset(&in);
    fd = rig_ws(&r, "/ws/market-data", "", &in);
    rig_ws_text(&r, fd, "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"]}");
    cr_expect_eq(rig_ws_close_code(&r, fd, &in), 4401, "nothing is said before the token");
    close(fd);
}

Test(ws, unmasked_reserved_and_disordered_frames_end_the_connection)
{
    static const struct {
        const char *bytes;
        size_t sz;
        int code;
        const char *why;
    } bad[] = {
        {"\x81\x02hi", 4, 1002, "not masked"},
        {"\xc1\x80\0\0\0\0", 6, 1002, "reserved bit"},
        {"\x83\x80\0\0\0\0", 6, 1002, "reserved opcode"},
        {"\x80\x80\0\0\0\0", 6, 1002, "continuation of nothing"},
        {"\x09\x80\0\0\0\0", 6, 1002, "fragmented ping"},
        {"\x89\xfe\x00\x7e\0\0\0\0", 8, 1002, "long ping"},
        {"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b", 14, 1002, "message within a message"},
        {"\x88\x81\0\0\0\0a", 7, 1002, "close with one byte"},
        {"\x88\x82\0\0\0\0\x03\xed", 8, 1002, "close with 1005"},
        {"\x81\x81\0\0\0\0\xff", 7, 1007, "not UTF-8"},
        {"\x81\x83\0\0\0\0\xed\xa0\x80", 9, 1007, "surrogate"},
        {"\x82\x81\0\0\0\0a", 7, 1003, "binary"},
        {"\x81\xff\0\0\0\0\0\x01\0\x01\0\0\0\0a", 15, 1009, "64 KiB and one"},
        {"\x81\x82\0\0\0\0[]", 8, 4400, "not an object"},
        {"\x81\x81\0\0\0\0{", 7, 4400, "not JSON"},
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        int fd = open_octopus();
        rig_send(&r, fd, bad[i].bytes, bad[i].sz);
        cr_expect_eq(rig_ws_close_code(&r, fd, &in), bad[i].code, "%s", bad[i].why);
        close(fd);
        oct_buf_reset(&in);
        rig_turn(&r, 2);
    }
}

Test(ws, fragments_pings_and_closes_are_answered_as_the_rfc_says)
{
    int fd = open_octopus();
    /* A message in three frames with a ping between, and every byte on its own. */
    struct oct_buf all = {0};
    const uint8_t frames[] = {0x01, 0x85, 0,    0, 0,   0,   '{', '"', 'o',  'p',
                              '"',  0x89, 0x82, 0, 0,   0,   0,   'h', 'i',  0x00,
                              0x83, 0,    0,    0, 0,   ':', '"', 'p', 0x80, 0x85,
                              0,    0,    0,    0, 'i', 'n', 'g', '"', '}'};
    for (size_t i = 0; i < sizeof(frames); i++) {
        rig_send(&r, fd, &frames[i], 1);
        rig_turn(&r, 0);
    }
    cr_expect_eq(rig_ws_next(&r, fd, &in, out, sizeof(out)), 10);
    cr_expect_str_eq(out, "hi");
    cr_expect_eq(rig_ws_next(&r, fd, &in, out, sizeof(out)), 1);
    cr_expect_not_null(strstr(out, "\"op\":\"pong\""));
    rig_ws_frame(&r, fd, 0x88,
                 "\x03\xe8"
                 "bye",
                 5);
    cr_expect_eq(rig_ws_close_code(&r, fd, &in), 1000);
    cr_expect(rig_wait_closed(&r, fd, &in, 3000));
    close(fd);
    oct_buf_fini(&all);
}

Test(ws, too_many_messages_are_too_many)
{
    int fd = open_octopus();
    for (int i = 0; i < 60; i++)
        rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    cr_expect_eq(rig_ws_close_code(&r, fd, &in), 4429);
    close(fd);
}

/* ---- market data ------------------------------------------------------------------------------ */

/* A client's own book, rebuilt from what it was told. */
struct view {
    struct oct_level side[2][64];
    uint32_t cnt[2];
    uint64_t seq;
    bool have;
    int snapshots;
    int deltas;
    int skipped;
};

static void set_level(struct view *v, int side, int64_t px, int64_t qty)
{
    struct oct_level *l = v->side[side];
    uint32_t i = 0;
    while (i < v->cnt[side] && (side == 0 ? l[i].px.v > px : l[i].px.v < px))
        i++;
    bool there = i < v->cnt[side] && l[i].px.v == px;
    if (qty == 0) {
        cr_assert(there, "a level that is not there is deleted");
        memmove(&l[i], &l[i + 1], (v->cnt[side] - i - 1) * sizeof(*l));
        v->cnt[side]--;
        return;
    }
    if (!there) {
        memmove(&l[i + 1], &l[i], (v->cnt[side] - i) * sizeof(*l));
        v->cnt[side]++;
        l[i].px.v = px;
    }
    l[i].qty.v = qty;
}

static void take_side(struct view *v, int side, const json_t *list)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        oct_px px;
        oct_qty qty;
        cr_assert_eq(oct_px_parse(json_string_value(json_array_get(row, 0)), &px), 0);
        cr_assert_eq(oct_qty_parse(json_string_value(json_array_get(row, 1)), &qty), 0);
        set_level(v, side, px.v, qty.v);
    }
}

static void take(struct view *v, const char *text)
{
    json_t *m = json_loads(text, 0, NULL);
    const char *t = json_string_value(json_object_get(m, "t"));
    cr_assert_not_null(t, "%s", text);
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(m, "seq"));
    cr_assert_eq(seq, v->seq + 1, "seq %lu after %lu: %s", (unsigned long)seq,
                 (unsigned long)v->seq, text);
    v->seq = seq;
    if (strcmp(t, "snapshot") == 0) {
        v->cnt[0] = v->cnt[1] = 0;
        v->have = true;
        v->snapshots++;
    } else if (strcmp(t, "delta") == 0) {
        cr_assert(v->have, "a delta before any snapshot");
        v->deltas++;
    } else {
        v->skipped += strcmp(t, "skipped") == 0;
        json_decref(m);
        return;
    }
    take_side(v, 0, json_object_get(m, "b"));
    take_side(v, 1, json_object_get(m, "a"));
    uint32_t cs = (uint32_t)json_integer_value(json_object_get(m, "cs"));
    cr_assert_eq(cs, oct_md_checksum(v->side[0], v->cnt[0], v->side[1], v->cnt[1]), "%s", text);
    json_decref(m);
}

static void same_as_book(const struct view *v, uint32_t inst, uint32_t depth)
{
    for (int side = 0; side < 2; side++) {
        struct oct_level l[64];
        uint32_t n = oct_book_depth(r.mirror.books, inst, (enum oct_side)side, l, depth);
        cr_assert_eq(v->cnt[side], n);
        for (uint32_t i = 0; i < n; i++) {
            cr_expect_eq(v->side[side][i].px.v, l[i].px.v);
            cr_expect_eq(v->side[side][i].qty.v, l[i].qty.v);
        }
    }
}

static void churn(int n)
{
    static uint64_t ref = 1000;
    static uint64_t live[64];
    for (int i = 0; i < n; i++) {
        uint64_t slot = (ref * 7919) % 64;
        if (live[slot] != 0)
            rig_delete(&r, 3, live[slot]);
        live[slot] = ref;
        bool buy = slot % 2 == 0;
        rig_add(&r, 3, "AAPL", ref, buy ? OCT_BUY : OCT_SELL,
                buy ? 1872000 - (int64_t)slot * 100 : 1873000 + (int64_t)slot * 100,
                100 + (uint32_t)(ref % 9));
        ref++;
    }
}

Test(ws, snapshot_and_deltas_rebuild_the_book_without_a_gap)
{
    int fd = open_octopus();
    struct view v = {0};
    rig_ws_text(&r, fd,
                "{\"op\":\"subscribe\",\"id\":\"7\",\"channel\":\"book\","
                "\"symbols\":[\"AAPL\",\"NONE\"],\"depth\":5,\"mode\":\"conflate\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "\"op\":\"ack\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"id\":\"7\",\"ok\":true,\"sid\":1"), "%s", out);
    cr_expect_not_null(strstr(out, "\"accepted\":[\"AAPL\"],\"rejected\":[{\"symbol\":\"NONE\","
                                   "\"code\":\"unknown_symbol\"}]"),
                       "%s", out);
    cr_assert_eq(rig_ws_next(&r, fd, &in, out, sizeof(out)), 1);
    take(&v, out);
    cr_expect_eq(v.snapshots, 1);
    for (int i = 0; i < 200; i++) {
        churn(1 + i % 5);
        rig_turn(&r, 0);
    }
    rig_turn(&r, 5);
    rig_ws_text(&r, fd, "{\"op\":\"ping\",\"id\":\"end\"}");
    while (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "\"pong\"") == NULL)
        take(&v, out);
    cr_expect_gt(v.deltas, 50);
    cr_expect_eq(v.snapshots, 1);
    same_as_book(&v, 3, 5);
    close(fd);
}

Test(ws, raw_mode_tells_every_change)
{
    int fd = open_octopus();
    struct view v = {0};
    rig_ws_text(&r, fd,
                "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],"
                "\"mode\":\"raw\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "snapshot", out, sizeof(out)));
    take(&v, out);
    for (uint32_t i = 0; i < 100; i++)
        rig_exec(&r, 3, 1, 1);
    rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    while (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "pong") == NULL)
        take(&v, out);
    cr_expect_eq(v.deltas, 100);
    same_as_book(&v, 3, 10);
    close(fd);
}

Test(ws, intervals_are_kept)
{
    int fd = open_octopus();
    struct view v = {0};
    rig_ws_text(&r, fd,
                "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],"
                "\"interval_ms\":100}");
    cr_assert(rig_ws_find(&r, fd, &in, "snapshot", out, sizeof(out)));
    take(&v, out);
    int64_t end = oct_mono_ns() + 450 * OCT_NS_PER_MS;
    while (oct_mono_ns() < end) {
        churn(1);
        rig_turn(&r, 1);
    }
    rig_turn(&r, 120);
    rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    while (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "pong") == NULL)
        take(&v, out);
    cr_expect(v.deltas >= 3 && v.deltas <= 7, "%d deltas in 570 ms", v.deltas);
    same_as_book(&v, 3, 10);
    close(fd);
}

Test(ws, doubt_is_told_and_ended_by_a_snapshot)
{
    int fd = open_octopus();
    struct oct_in_feed f = {OCT_MSG_HDR(IN_FEED, in_feed), .from_seq = 981, .to_seq = 1004,
                            .event = OCT_FEED_GAP};
    rig_ws_text(&r, fd, "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"]}");
    cr_assert(rig_ws_find(&r, fd, &in, "snapshot", out, sizeof(out)));
    oct_mirror_record(&r.mirror, &f.hdr);
    cr_assert(rig_ws_find(&r, fd, &in, "\"t\":\"gap\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"from\":981,\"to\":1004"));
    f.event = OCT_FEED_RECOVERED;
    oct_mirror_record(&r.mirror, &f.hdr);
    cr_assert(rig_ws_find(&r, fd, &in, "\"t\":\"snapshot\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"st\":\"in_sync\""));
    f.event = OCT_FEED_STALE;
    oct_mirror_record(&r.mirror, &f.hdr);
    cr_assert(rig_ws_find(&r, fd, &in, "\"t\":\"stale\"", out, sizeof(out)));
    struct oct_md clear = {OCT_MSG_HDR(MD, md), .kind = OCT_MD_CLEAR, .inst = 3};
    oct_mirror_md(&r.mirror, &clear, 2000, 1);
    cr_assert(rig_ws_find(&r, fd, &in, "\"t\":\"snapshot\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"b\":[],\"a\":[]"));
    close(fd);
}

Test(ws, quotes_and_trades_are_told)
{
    int fd = open_octopus();
    rig_ws_text(&r, fd, "{\"op\":\"subscribe\",\"channel\":\"bbo\",\"symbols\":[\"AAPL\"]}");
    rig_ws_text(&r, fd, "{\"op\":\"subscribe\",\"channel\":\"trades\",\"symbols\":[\"AAPL\"]}");
    cr_assert(rig_ws_find(&r, fd, &in, "\"ch\":\"quotes\",\"sid\":1,\"seq\":1", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"bp\":\"187.2400\",\"bq\":\"300\",\"ap\":\"187.2600\""));
    cr_assert(rig_ws_find(&r, fd, &in, "\"channel\":\"trades\"", out, sizeof(out)));
    rig_exec(&r, 3, 3, 20);
    cr_assert(rig_ws_find(&r, fd, &in, "\"t\":\"trade\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"sid\":2,\"seq\":1"), "%s", out);
    cr_expect_not_null(strstr(out, "\"px\":\"187.2600\",\"qty\":\"20\",\"resting_side\":\"sell\""));
    cr_assert(rig_ws_find(&r, fd, &in, "\"ch\":\"quotes\",\"sid\":1,\"seq\":2", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"aq\":\"180\""));
    rig_ws_text(&r, fd, "{\"op\":\"unsubscribe\",\"id\":\"u\",\"sid\":1}");
    cr_expect(rig_ws_find(&r, fd, &in, "\"id\":\"u\",\"ok\":true", out, sizeof(out)));
    rig_ws_text(&r, fd, "{\"op\":\"unsubscribe\",\"id\":\"v\",\"sid\":1}");
    cr_expect(rig_ws_find(&r, fd, &in, "\"id\":\"v\",\"ok\":false", out, sizeof(out)));
    close(fd);
}

Test(ws, wrong_requests_are_answered_and_the_connection_lives)
{
    static const struct {
        const char *text;
        const char *code;
    } bad[] = {
        {"{\"op\":\"subscribe\",\"channel\":\"none\",\"symbols\":[\"AAPL\"]}", "unknown_channel"},
        {"{\"op\":\"subscribe\",\"symbols\":[\"AAPL\"]}", "unknown_channel"},
        {"{\"op\":\"subscribe\",\"channel\":\"book\"}", "bad_message"},
        {"{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[]}", "bad_message"},
        {"{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],\"depth\":51}",
         "bad_message"},
        {"{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],\"mode\":\"x\"}",
         "bad_message"},
        {"{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],\"mode\":7}",
         "bad_message"},
        {"{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"NONE\",5]}", "no_symbol"},
        {"{\"op\":\"dance\"}", "unknown_op"},
        {"{\"op\":\"unsubscribe\",\"sid\":99}", "unknown_sid"},
    };
    int fd = open_octopus();
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        rig_ws_text(&r, fd, bad[i].text);
        cr_expect(rig_ws_find(&r, fd, &in, bad[i].code, out, sizeof(out)), "%s", bad[i].text);
        cr_expect_not_null(strstr(out, "\"ok\":false"));
    }
    close(fd);
}

Test(ws, simple_dialect_speaks_quotes)
{
    int fd = open_ws("");
    cr_assert(rig_ws_find(&r, fd, &in, "connection_established", out, sizeof(out)));
    rig_ws_text(&r, fd, "{\"type\":\"subscribe\",\"symbols\":[\"AAPL\",\"ZZZ\"]}");
    cr_assert(rig_ws_find(&r, fd, &in, "subscription_confirmed", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"accepted\":[\"AAPL\"]"));
    cr_assert(rig_ws_find(&r, fd, &in, "\"type\":\"quote\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"symbol\":\"AAPL\",\"price\":\"187.2500\""), "%s", out);
    rig_exec(&r, 3, 3, 20);
    cr_assert(rig_ws_find(&r, fd, &in, "\"price\":\"187.2600\"", out, sizeof(out)));
    cr_expect_not_null(strstr(out, "\"volume\":\"20\""));
    rig_ws_text(&r, fd, "{\"type\":\"subscribe\",\"channel\":\"prices:MSFT\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "\"symbol\":\"MSFT\"", out, sizeof(out)));
    rig_ws_text(&r, fd, "{\"type\":\"get_subscriptions\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "\"subscriptions\":[\"MSFT\",\"AAPL\"]", out, sizeof(out)));
    rig_ws_text(&r, fd, "{\"type\":\"unsubscribe\",\"symbols\":[\"AAPL\"]}");
    cr_assert(rig_ws_find(&r, fd, &in, "unsubscription_confirmed", out, sizeof(out)));
    rig_ws_text(&r, fd, "{\"type\":\"ping\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "\"type\":\"pong\"", out, sizeof(out)));
    rig_ws_text(&r, fd, "{\"type\":\"dance\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "\"type\":\"error\"", out, sizeof(out)));
    close(fd);
}

/* ---- slow clients ----------------------------------------------------------------------------- */

static void restart(size_t client_max)
{
    rig_stop(&r);
    struct oct_web_cfg cfg = {.client_max = client_max, .version = "t"};
    rig_start(&r, &cfg);
    rig_add(&r, 3, "AAPL", 1, OCT_BUY, 1872400, 30000);
}

static uint64_t metric(const char *name)
{
    const char *a = rig_fetch(&r, "/metrics");
    char key[128];
    snprintf(key, sizeof(key), "\n%s ", name);
    const char *p = strstr(a, key);
    cr_assert_not_null(p, "%s", name);
    return strtoull(p + strlen(key), NULL, 10);
}

Test(ws, slow_conflating_client_is_bounded_and_ends_at_the_newest_state)
{
    restart(1u << 20);
    int fd = open_octopus();
    struct view v = {0};
    rig_ws_text(&r, fd,
                "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],"
                "\"depth\":50}");
    rig_turn(&r, 20);
    for (int i = 0; i < 4000; i++) {
        churn(20);
        rig_turn(&r, 0);
    }
    cr_expect_lt(metric("octopus_ws_queue_bytes"), 128u << 10);
    cr_expect_gt(metric("octopus_ws_conflated_messages_total"), 0);
    cr_assert(rig_ws_find(&r, fd, &in, "snapshot", out, sizeof(out)));
    take(&v, out);
    /* Whatever it was spared, it ends where the book is. */
    rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    while (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "pong") == NULL)
        take(&v, out);
    rig_turn(&r, 20);
    rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    while (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "pong") == NULL)
        take(&v, out);
    cr_expect_geq(v.snapshots, 2);
    same_as_book(&v, 3, 50);
    close(fd);
}

Test(ws, slow_raw_client_is_told_what_it_skipped)
{
    restart(1u << 20);
    int fd = open_octopus();
    struct view v = {0};
    rig_ws_text(&r, fd,
                "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],"
                "\"mode\":\"raw\",\"depth\":50}");
    rig_turn(&r, 20);
    for (int i = 0; i < 3000; i++) {
        churn(10);
        rig_turn(&r, 0);
    }
    cr_expect_leq(metric("octopus_ws_queue_bytes"), 1u << 20, "%g bytes",
                  (double)metric("octopus_ws_queue_bytes"));
    int64_t end = oct_mono_ns() + 20 * OCT_NS_PER_S;
    while (v.skipped == 0 && oct_mono_ns() < end) {
        if (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "\"ack\"") == NULL &&
            strstr(out, "system") == NULL)
            take(&v, out);
    }
    cr_expect_eq(v.skipped, 1);
    rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    while (rig_ws_next(&r, fd, &in, out, sizeof(out)) == 1 && strstr(out, "pong") == NULL)
        take(&v, out);
    cr_expect_eq(v.snapshots, 2);
    same_as_book(&v, 3, 50);
    close(fd);
}

Test(ws, client_that_asked_for_it_is_disconnected_when_slow_and_others_are_not)
{
    restart(256u << 10);
    int slow = open_octopus();
    struct oct_buf in2 = {0};
    char extra[512];
    snprintf(extra, sizeof(extra),
             "Authorization: Bearer %s\r\nSec-WebSocket-Protocol: octopus.v1.json\r\n",
             r.token.text);
    int good = rig_ws(&r, "/ws/market-data", extra, &in2);
    struct view v = {0};
    const char *sub = "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"],"
                      "\"mode\":\"disconnect\",\"depth\":50}";
    rig_ws_text(&r, slow, sub);
    rig_ws_text(&r, good, sub);
    for (int i = 0; i < 3000 && metric("octopus_ws_slow_closed_total") == 0; i++) {
        churn(20);
        rig_turn(&r, 0);
        while (recv(good, out, 1, MSG_PEEK) == 1) {
            if (rig_ws_next(&r, good, &in2, out, sizeof(out)) == 1 && strstr(out, "ack") == NULL)
                take(&v, out);
        }
    }
    cr_expect_eq(metric("octopus_ws_slow_closed_total"), 1);
    cr_expect_eq(rig_ws_close_code(&r, slow, &in), 4408);
    rig_ws_text(&r, good, "{\"op\":\"ping\"}");
    while (rig_ws_next(&r, good, &in2, out, sizeof(out)) == 1 && strstr(out, "pong") == NULL)
        take(&v, out);
    same_as_book(&v, 3, 50);
    close(slow);
    close(good);
    oct_buf_fini(&in2);
}

Test(ws, new_run_that_does_not_continue_the_old_disconnects_with_restart)
{
    struct oct_in_start s = {OCT_MSG_HDR(IN_START, in_start), .run_id = 1};
    oct_mirror_record(&r.mirror, &s.hdr);
    int fd = open_octopus();
    rig_ws_text(&r, fd, "{\"op\":\"subscribe\",\"channel\":\"book\",\"symbols\":[\"AAPL\"]}");
    cr_assert(rig_ws_find(&r, fd, &in, "snapshot", out, sizeof(out)));
    s.run_id = 2;
    s.recovered = 1;
    oct_mirror_record(&r.mirror, &s.hdr);
    rig_ws_text(&r, fd, "{\"op\":\"ping\"}");
    cr_assert(rig_ws_find(&r, fd, &in, "pong", out, sizeof(out)), "a recovered run goes on");
    s.run_id = 3;
    s.recovered = 0;
    oct_mirror_record(&r.mirror, &s.hdr);
    cr_expect_eq(rig_ws_close_code(&r, fd, &in), 1012);
    cr_expect_eq(oct_mirror_find(&r.mirror, "AAPL", 4), OCT_MAP_NONE);
    close(fd);
}
