/* MoldUDP64 and ITCH 5.0 against recordings, and against a second table made from the
 * specification by other means.  The last test prints which message type rests on what. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/captures.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "dataplane/port/nic.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"
#include "tests/oracle/shared_data.h"

#define AAPL "nasdaq-itch50-aapl-20191230-0935-20k-derived/"
#define OPEN "nasdaq-itch50-20191230-0930/"
#define DAY  "nasdaq-itch50-daystart-35k/"

/* ---- recorded sessions --------------------------------------------------------------------------- */

/* Decodes one message both ways; encoding what came out gives the same bytes. */
static void check_message(const uint8_t *msg, uint32_t sz, const char *where)
{
    struct oct_itch50_msg m;
    struct oct_md md = {0};
    uint8_t again[OCT_ITCH50_SZ_MAX];
    cr_assert_eq(oct_itch50_decode(msg, sz, &m), OCT_FEED_OK, "%s: type %c", where, msg[0]);
    cr_assert_eq(oct_itch50_encode(&m, again), sz, "%s", where);
    cr_assert_arr_eq(again, msg, sz, "%s: type %c", where, msg[0]);
    cr_assert_eq(oct_itch50_md(msg, sz, 0, 0, &md), OCT_FEED_OK, "%s: type %c", where, msg[0]);
    cr_assert_eq(md.inst, m.hdr.locate);
    cr_assert_eq(md.ts_exch_ns, (int64_t)m.hdr.ts_ns);
}

/* Counts by type of a length-framed file; *left is what is behind the last whole message.
 * Returns the number of messages, -1 when the file is missing. */
static int64_t count_session(const char *path, uint64_t types[256], size_t *left)
{
    size_t sz;
    uint8_t *data = shared_load(path, &sz);
    int64_t cnt = 0;
    if (data == NULL)
        return -1;
    struct oct_feed_cursor c = {data, data + sz};
    const uint8_t *msg;
    uint32_t msg_sz;
    while (oct_moldudp64_next(&c, &msg, &msg_sz)) {
        check_message(msg, msg_sz, path);
        types[msg[0]]++;
        cnt++;
    }
    *left = (size_t)(c.end - c.p);
    free(data);
    return cnt;
}

static void session_agrees(const char *folder, const char *file, bool whole)
{
    char path[256];
    uint64_t types[256] = {0};
    size_t sz;
    size_t left;
    snprintf(path, sizeof(path), "%s%s", folder, file);
    int64_t cnt = count_session(path, types, &left);
    if (cnt < 0)
        cr_skip_test(SHARED_MISSING);
    snprintf(path, sizeof(path), "%sexpected.json", folder);
    char *json = (char *)shared_load(path, &sz);
    cr_assert_not_null(json);
    cr_assert_eq(cnt, shared_expect(json, NULL, "messages"));
    int64_t sum = 0;
    for (uint32_t t = 0; t < 256; t++) {
        char key[2] = {(char)t, 0};
        if (types[t] != 0)
            cr_assert_eq((int64_t)types[t], shared_expect(json, "by_type", key), "type %c",
                         (char)t);
        sum += (int64_t)types[t];
    }
    cr_assert_eq(sum, cnt);
    if (whole)
        cr_assert_eq(left, 0);
    else
        cr_assert_gt(left, 0, "the file ends inside a message, and that is noticed");
    free(json);
}

Test(feed_oracle, aapl_session_has_the_expected_messages)
{
    session_agrees(AAPL, "aapl_20191230_0935_first20000.itch50.xz", true);
}

Test(feed_oracle, open_session_has_the_expected_messages)
{
    session_agrees(OPEN, "12302019_SNIPPET.NASDAQ_ITCH50", true);
}

Test(feed_oracle, day_start_session_has_the_expected_messages_and_a_cut_end)
{
    session_agrees(DAY, "nasdaq_itch50_first1MiB.bin.xz", false);
}

/* ---- framing ------------------------------------------------------------------------------------- */

Test(feed_oracle, raw_mold_packets_of_another_venue_are_framed_and_the_cut_one_is_noticed)
{
    static const struct {
        uint64_t seq;
        uint16_t cnt;
    } want[] = {{1, 15}, {16, 13}, {29, 13}};
    size_t sz;
    size_t at = 0;
    uint8_t *data = shared_load("moldudp64-bistech-sample/mold.sample.dat", &sz);
    if (data == NULL)
        cr_skip_test(SHARED_MISSING);
    for (uint32_t i = 0; i < 3; i++) {
        /* The packets lie end to end: where one stops is what its blocks say. */
        struct oct_feed_cursor c = {data + at + 20, data + sz};
        const uint8_t *msg;
        uint32_t msg_sz;
        uint32_t walked = 0;
        while (walked < want[i].cnt && oct_moldudp64_next(&c, &msg, &msg_sz))
            walked++;
        struct oct_feed_pkt p;
        bool cut = i == 2;
        size_t pkt_sz = (cut ? sz : (size_t)(c.p - data)) - at;
        cr_assert_eq(oct_moldudp64_packet(data + at, (uint32_t)pkt_sz, &p),
                     cut ? OCT_FEED_E_SHORT : OCT_FEED_OK);
        cr_assert_eq(p.first_seq, want[i].seq);
        cr_assert_eq(oct_load_be16(data + at + 18), want[i].cnt);
        cr_assert_eq(p.msg_cnt, cut ? want[i].cnt - 1 : want[i].cnt);
        at += pkt_sz;
    }
    cr_assert_eq(at, sz);
    free(data);
}

static void frame_any(void *self, const char *path, const uint8_t *payload, uint32_t sz)
{
    uint32_t *heartbeats = self;
    struct oct_feed_pkt p;
    struct oct_feed_cursor c;
    const uint8_t *msg;
    uint32_t msg_sz;
    uint32_t walked = 0;
    cr_assert_eq(oct_moldudp64_packet(payload, sz, &p), OCT_FEED_OK, "%s", path);
    c = (struct oct_feed_cursor){p.blocks, p.blocks + p.blocks_sz};
    while (oct_moldudp64_next(&c, &msg, &msg_sz))
        walked++;
    cr_assert_eq(walked, p.msg_cnt, "%s", path);
    cr_assert_eq(c.p, payload + sz, "%s", path);
    *heartbeats += p.kind == OCT_FEED_PKT_HEARTBEAT;
}

Test(feed_oracle, every_captured_mold_packet_of_any_feed_is_framed_to_its_exact_end)
{
    static const char *const feeds[] = {"TotalView.Itch.v5.0",   "Nasdaq.Equities.Bbo.Itch",
                                        "NlsPlus.Itch",          "Ise.OrderComboFeed",
                                        "Ise.TopComboQuoteFeed", "Asx/Ntp.Itch",
                                        "JnxEquities.Pts.Itch"};
    uint32_t heartbeats = 0;
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(feeds); i++) {
        int cnt = captures_walk(feeds[i], CAPTURE_UDP, frame_any, &heartbeats);
        if (cnt < 0)
            cr_skip_test(SHARED_MISSING);
        cr_assert_gt(cnt, 0, "%s", feeds[i]);
    }
    cr_assert_gt(heartbeats, 0);
}

/* ---- captured ITCH packets ----------------------------------------------------------------------- */

/* What a file's name says is in it; three exchanges name the same messages in three ways. */
static const struct {
    const char *name;
    char type;
} named[] = {
    {"AddOrderNoMpid", 'A'},
    {"AddOrderNoMPID", 'A'},
    {"AddOrderMpid", 'F'},
    {"AddOrderWithMpid", 'F'},
    {"AddOrderWithMPID", 'F'},
    {"OrderExecutedWithPrice", 'C'},
    {"OrderExecuted", 'E'},
    {"OrderCancel", 'X'},
    {"OrderDelete", 'D'},
    {"OrderReplace", 'U'},
    {"SystemEvent", 'S'},
    {"StockTradingAction", 'H'},
    {"RegSho", 'Y'},
    {"RegSHO", 'Y'},
    {"MarketParticipantPosition", 'L'},
    {"NetOrderImbalance", 'I'},
    {"LULDAuctionCollar", 'J'},
    {"NonCrossTrade", 'P'},
    {"TradeMessageNon-cross", 'P'},
    {"CrossTrade", 'Q'},
    {"RetailInterest", 'N'},
};

static char type_named(const char *path)
{
    const char *file = strrchr(path, '/') + 1;
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(named); i++) {
        if (strncmp(file, named[i].name, strlen(named[i].name)) == 0)
            return named[i].type;
    }
    return 0;
}

static void check_capture(void *self, const char *path, const uint8_t *payload, uint32_t sz)
{
    uint64_t *types = self;
    struct oct_feed_pkt p;
    struct oct_feed_cursor c;
    const uint8_t *msg;
    uint32_t msg_sz;
    char type = type_named(path);
    bool seen = false;
    cr_assert(type != 0 || strstr(path, "Multiple.Packets") != NULL, "%s: what is it?", path);
    cr_assert_eq(oct_moldudp64_packet(payload, sz, &p), OCT_FEED_OK, "%s", path);
    c = (struct oct_feed_cursor){p.blocks, p.blocks + p.blocks_sz};
    while (oct_moldudp64_next(&c, &msg, &msg_sz)) {
        check_message(msg, msg_sz, path);
        types[msg[0]]++;
        seen |= (char)msg[0] == type;
    }
    cr_assert(seen || type == 0, "%s: no message of type %c", path, type);
}

Test(feed_oracle, every_captured_itch_packet_decodes_to_the_type_its_file_names)
{
    uint64_t types[256] = {0};
    int cnt = captures_walk("TotalView.Itch.v5.0", CAPTURE_UDP, check_capture, types);
    if (cnt < 0)
        cr_skip_test(SHARED_MISSING);
    cr_assert_gt(cnt, 50);
}

/* ---- the second table ------------------------------------------------------------------------------ */

#define ROW_MAX 256

/* A row of itch50_fields.txt: type, field (our name), offset, width, kind. */
struct row {
    char type;
    char name[32];
    uint32_t off;
    uint32_t width;
    char kind[16];
};

static uint32_t read_rows(struct row *rows)
{
    char line[256];
    uint32_t cnt = 0;
    FILE *f = fopen(getenv("ITCH50_FIELDS"), "r");
    cr_assert_not_null(f, "itch50_fields.txt is missing");
    while (fgets(line, sizeof(line), f) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        struct row *r = &rows[cnt++];
        cr_assert_lt(cnt, ROW_MAX);
        cr_assert_eq(
            sscanf(line, "%c %31s %u %u %15s", &r->type, r->name, &r->off, &r->width, r->kind), 5,
            "%s", line);
    }
    fclose(f);
    return cnt;
}

static const struct oct_itch50_field *field_named(const struct oct_itch50_desc *d, const char *name)
{
    for (uint32_t i = 0; i < d->field_cnt; i++) {
        if (strcmp(d->fields[i].name, name) == 0)
            return &d->fields[i];
    }
    return NULL;
}

static uint64_t be_bytes(const uint8_t *p, uint32_t width)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < width; i++)
        v = v << 8 | p[i];
    return v;
}

/* Random bytes in the whole message: what decodes is what stands at the row's place; and changing
 * that field alone, and encoding, changes those bytes alone. */
static void check_row(struct oct_rng *rng, const struct oct_itch50_desc *d, const struct row *r)
{
    const struct oct_itch50_field *f = field_named(d, r->name);
    struct oct_itch50_msg m;
    uint8_t wire[OCT_ITCH50_SZ_MAX + OCT_NIC_PAD];
    uint8_t again[OCT_ITCH50_SZ_MAX];
    cr_assert_not_null(f, "%c %s", r->type, r->name);
    for (uint32_t n = 0; n < 50; n++) {
        for (uint32_t i = 0; i < sizeof(wire); i++)
            wire[i] = (uint8_t)oct_rng_u64(rng);
        wire[0] = (uint8_t)r->type;
        cr_assert_eq(oct_itch50_decode(wire, d->sz, &m), OCT_FEED_OK);
        cr_assert_eq(oct_itch50_field_get(&m, f), be_bytes(wire + r->off, r->width), "%c %s",
                     r->type, r->name);
        uint64_t v = oct_rng_u64(rng) >> (64 - 8 * r->width);
        if (r->off == 0)
            v = (uint8_t)r->type;
        oct_itch50_field_set(&m, f, v);
        cr_assert_eq(oct_itch50_encode(&m, again), d->sz);
        cr_assert_eq(be_bytes(again + r->off, r->width), v, "%c %s", r->type, r->name);
        for (uint32_t i = 0; i < d->sz; i++)
            cr_assert(again[i] == wire[i] || (i >= r->off && i < r->off + r->width),
                      "%c %s byte %u", r->type, r->name, i);
    }
}

/* How the specification's kinds are held by us. */
static bool kind_fits(const struct row *r, uint8_t kind)
{
    if (strcmp(r->kind, "alpha") == 0)
        return kind >= OCT_ITCH50_K_chr;
    if (strcmp(r->kind, "price4") == 0)
        return kind == OCT_ITCH50_K_p4;
    if (strcmp(r->kind, "price8") == 0)
        return kind == OCT_ITCH50_K_p8;
    return strcmp(r->kind, "integer") == 0 && kind < OCT_ITCH50_K_p4;
}

static void check_type(struct oct_rng *rng, const struct row *rows, uint32_t cnt, char type)
{
    const struct oct_itch50_desc *d = oct_itch50_desc(type);
    uint32_t covered = 0;
    uint32_t fields = 0;
    cr_assert_not_null(d, "type %c", type);
    for (uint32_t i = 0; i < cnt; i++) {
        if (rows[i].type != type)
            continue;
        cr_assert_eq(rows[i].off, covered, "%c %s", type, rows[i].name);
        cr_assert(kind_fits(&rows[i], field_named(d, rows[i].name)->kind), "%c %s", type,
                  rows[i].name);
        check_row(rng, d, &rows[i]);
        covered += rows[i].width;
        fields++;
    }
    cr_assert_eq(covered, d->sz, "type %c", type);
    cr_assert_eq(fields, d->field_cnt, "type %c", type);
}

Test(feed_oracle, second_table_of_the_specification_agrees_about_every_field)
{
    struct oct_rng rng;
    static struct row rows[ROW_MAX];
    uint32_t cnt = read_rows(rows);
    oct_rng_init(&rng, 2026);
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++)
        check_type(&rng, rows, cnt, oct_itch50_desc_at(t)->type);
    for (uint32_t i = 0; i < cnt; i++)
        cr_assert_neq(oct_itch50_sz(rows[i].type), 0, "type %c", rows[i].type);
}

/* ---- what rests on what ------------------------------------------------------------------------------ */

Test(feed_oracle, evidence_for_every_type_is_printed)
{
    static struct row rows[ROW_MAX];
    uint64_t sessions[256] = {0};
    uint64_t captured[256] = {0};
    uint32_t cnt = read_rows(rows);
    size_t left;
    if (count_session(AAPL "aapl_20191230_0935_first20000.itch50.xz", sessions, &left) < 0 ||
        count_session(OPEN "12302019_SNIPPET.NASDAQ_ITCH50", sessions, &left) < 0 ||
        count_session(DAY "nasdaq_itch50_first1MiB.bin.xz", sessions, &left) < 0 ||
        captures_walk("TotalView.Itch.v5.0", CAPTURE_UDP, check_capture, captured) < 0)
        cr_skip_test(SHARED_MISSING);
    printf("type message       sessions captures second-table  (itchfeed: every type, see its "
           "test)\n");
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at(t);
        uint32_t fields = 0;
        for (uint32_t i = 0; i < cnt; i++)
            fields += rows[i].type == d->type;
        printf("%c    %-12s %9llu %8llu %5u fields  %s\n", d->type, d->name,
               (unsigned long long)sessions[(uint8_t)d->type],
               (unsigned long long)captured[(uint8_t)d->type], fields,
               sessions[(uint8_t)d->type] + captured[(uint8_t)d->type] != 0 ? "recorded"
                                                                            : "specification only");
        cr_assert_eq(fields, d->field_cnt);
    }
}
