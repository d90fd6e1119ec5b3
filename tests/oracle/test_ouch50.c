/* OUCH 5.0 and SoupBinTCP against what others made: captured packets, and a second table of fields
 * taken from the specification. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/captures.h"
#include "tests/oracle/shared_data.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "drivers/venue/ouch50.h"
#include "drivers/venue/soupbin_server.h"
#include "drivers/venue/soupbintcp.h"

/* ---- the second table ------------------------------------------------------------------------ */

struct place {
    const char *name;
    uint32_t off;
    uint32_t sz;
};

#define IN(f)                                                                         \
    {                                                                                 \
#f, offsetof(struct oct_ouch50_in, f), sizeof(((struct oct_ouch50_in *)0)->f) \
    }
#define OUT(f)                                                                          \
    {                                                                                   \
#f, offsetof(struct oct_ouch50_out, f), sizeof(((struct oct_ouch50_out *)0)->f) \
    }
#define OPT(f)                                                                            \
    {                                                                                     \
#f, offsetof(struct oct_ouch50_opts, f), sizeof(((struct oct_ouch50_opts *)0)->f) \
    }

static const struct place in_places[] = {
    IN(type),     IN(side),          IN(tif), IN(display), IN(capacity), IN(sweep),     IN(cross),
    IN(user_ref), IN(orig_user_ref), IN(qty), IN(px),      IN(symbol),   IN(cl_ord_id),
};
static const struct place out_places[] = {
    OUT(type),          OUT(code),   OUT(side),      OUT(tif), OUT(display), OUT(capacity),
    OUT(sweep),         OUT(cross),  OUT(state),     OUT(aiq), OUT(reason),  OUT(user_ref),
    OUT(orig_user_ref), OUT(qty),    OUT(prevented), OUT(ts),  OUT(px),      OUT(venue_ref),
    OUT(match),         OUT(symbol), OUT(cl_ord_id),
};
static const struct place opt_places[] = {
    OPT(secondary_ref),
    OPT(firm),
    OPT(min_qty),
    OPT(customer_type),
    OPT(max_floor),
    OPT(price_type),
    OPT(peg_offset),
    OPT(discretion_px),
    OPT(discretion_px_type),
    OPT(discretion_peg_offset),
    OPT(post_only),
    OPT(random_reserves),
    OPT(route),
    OPT(expire_s),
    OPT(trade_now),
    OPT(handle_inst),
    OPT(bbo_weight),
    OPT(display_qty),
    OPT(display_px),
    OPT(group_id),
    OPT(shares_located),
};

static const struct place *find(const struct place *p, size_t cnt, const char *name)
{
    for (size_t i = 0; i < cnt; i++)
        if (strcmp(p[i].name, name) == 0)
            return &p[i];
    cr_assert_fail("no field %s", name);
    abort();
}

struct row {
    bool in;
    char type;
    char name[24];
    uint32_t at, width;
};

static struct row rows[256];
static uint32_t row_cnt;
static struct {
    uint32_t tag, sz;
    char name[24];
} options[64];
static uint32_t option_cnt;

static bool load(void)
{
    const char *path = getenv("OUCH50_FIELDS");
    FILE *f = path ? fopen(path, "r") : NULL;
    char line[160], dir[8];

    if (!f)
        return false;
    while (fgets(line, sizeof line, f)) {
        struct row *r = &rows[row_cnt];
        if (sscanf(line, "option %u %23s %u", &options[option_cnt].tag, options[option_cnt].name,
                   &options[option_cnt].sz) == 3)
            option_cnt++;
        else if (line[0] != '#' && sscanf(line, "%7s %c %23s %u %u", dir, &r->type, r->name, &r->at,
                                          &r->width) == 5) {
            r->in = strcmp(dir, "in") == 0;
            row_cnt++;
        }
    }
    fclose(f);
    return true;
}

/* Fixed size of a type by the table: where its last field ends. */
static uint32_t size_of(bool in, char type)
{
    uint32_t sz = 0;

    for (uint32_t i = 0; i < row_cnt; i++)
        if (rows[i].in == in && rows[i].type == type && rows[i].at + rows[i].width > sz)
            sz = rows[i].at + rows[i].width;
    return sz;
}

/* The value as the struct holds it and as the wire must: random bytes, big-endian for numbers. */
static void random_value(struct oct_rng *rng, const struct place *p, uint32_t width, uint8_t *mem,
                         uint8_t *wire)
{
    bool text = strcmp(p->name, "symbol") == 0 || strcmp(p->name, "cl_ord_id") == 0 ||
                strcmp(p->name, "firm") == 0 || strcmp(p->name, "route") == 0;

    memset(mem, 0, p->sz);
    for (uint32_t i = 0; i < width; i++)
        wire[i] = (uint8_t)(1 + oct_rng_below(rng, 255));
    for (uint32_t i = 0; i < width; i++)
        mem[text ? i : width - 1 - i] = wire[i]; /* this machine is little-endian */
}

static int encode(bool in, const void *m, uint8_t *buf)
{
    return in ? oct_ouch50_in_encode(m, buf) : oct_ouch50_out_encode(m, buf);
}

static int decode(bool in, const uint8_t *buf, uint32_t sz, void *m, uint32_t *off)
{
    return in ? oct_ouch50_in_decode(buf, sz, m, off) : oct_ouch50_out_decode(buf, sz, m, off);
}

union msg {
    struct oct_ouch50_in in;
    struct oct_ouch50_out out;
};

/* One field set to a random value, everything else zero: the bytes are where the table says and
 * nowhere else, and come back. */
static void check_row(struct oct_rng *rng, const struct row *r)
{
    union msg m, back;
    uint8_t buf[OCT_OUCH50_MSG_MAX], bare[OCT_OUCH50_MSG_MAX], wire[16];
    const struct place *p = r->in ? find(in_places, OCT_ARRAY_CNT(in_places), r->name)
                                  : find(out_places, OCT_ARRAY_CNT(out_places), r->name);
    uint32_t sz = size_of(r->in, r->type), off;

    memset(&m, 0, sizeof m);
    m.in.type = r->type; /* first in both */
    memset(bare, 0xee, sizeof bare);
    memset(buf, 0xee, sizeof buf);
    cr_assert_eq(encode(r->in, &m, bare), (int)sz, "%c has %u bytes", r->type, sz);
    if (strcmp(r->name, "type") == 0) {
        cr_assert_eq(bare[0], (uint8_t)r->type);
        return;
    }
    random_value(rng, p, r->width, (uint8_t *)&m + p->off, wire);
    cr_assert_eq(encode(r->in, &m, buf), (int)sz);
    cr_assert_eq(memcmp(buf + r->at, wire, r->width), 0, "%c %s", r->type, r->name);
    memcpy(bare + r->at, wire, r->width);
    cr_assert_eq(memcmp(buf, bare, sz), 0, "%c %s touches other bytes", r->type, r->name);
    cr_assert_eq(decode(r->in, buf, sz, &back, &off), 0);
    size_t whole = r->in ? sizeof back.in : sizeof back.out;
    cr_assert_eq(memcmp(&m, &back, whole), 0, "%c %s does not come back", r->type, r->name);
}

Test(ouch50_table, every_field_of_every_message_is_where_the_specification_has_it)
{
    struct oct_rng rng;

    cr_assert(load(), "OUCH50_FIELDS names no table that can be read");
    cr_assert_eq(row_cnt, 125);
    oct_rng_init(&rng, 5);
    for (int n = 0; n < 20; n++)
        for (uint32_t i = 0; i < row_cnt; i++)
            if (strcmp(rows[i].name, "appendage") != 0)
                check_row(&rng, &rows[i]);
}

/* No byte of a message is without a field. */
Test(ouch50_table, fields_leave_no_byte_out_and_share_none)
{
    cr_assert(load(), "OUCH50_FIELDS names no table that can be read");
    for (uint32_t i = 0; i < row_cnt; i++) {
        uint8_t used[80] = {0};
        for (uint32_t j = 0; j < row_cnt; j++)
            if (rows[j].in == rows[i].in && rows[j].type == rows[i].type)
                for (uint32_t b = 0; b < rows[j].width; b++)
                    used[rows[j].at + b]++;
        for (uint32_t b = 0; b < size_of(rows[i].in, rows[i].type); b++)
            cr_assert_eq(used[b], 1, "%c byte %u", rows[i].type, b);
    }
}

Test(ouch50_table, every_option_has_its_tag_and_size)
{
    struct oct_rng rng;

    cr_assert(load(), "OUCH50_FIELDS names no table that can be read");
    cr_assert_eq(option_cnt, OCT_ARRAY_CNT(opt_places));
    oct_rng_init(&rng, 6);
    for (uint32_t i = 0; i < option_cnt; i++) {
        const struct place *p = find(opt_places, OCT_ARRAY_CNT(opt_places), options[i].name);
        struct oct_ouch50_in m = {.type = 'O'}, back;
        uint8_t buf[OCT_OUCH50_MSG_MAX], wire[8];
        uint32_t off, sz = options[i].sz;
        m.opts.set = UINT32_C(1) << options[i].tag;
        random_value(&rng, p, sz, (uint8_t *)&m.opts + p->off, wire);
        cr_assert_eq(oct_ouch50_in_encode(&m, buf), (int)(47 + 2 + sz), "%s", p->name);
        cr_assert_eq(oct_load_be16(buf + 45), 2 + sz);
        cr_assert_eq(buf[47], 1 + sz);
        cr_assert_eq(buf[48], options[i].tag);
        cr_assert_eq(memcmp(buf + 49, wire, sz), 0, "%s", p->name);
        cr_assert_eq(oct_ouch50_in_decode(buf, 49 + sz, &back, &off), 0);
        cr_assert_eq(memcmp(&m, &back, sizeof m), 0, "%s", p->name);
    }
}

/* ---- captured packets ------------------------------------------------------------------------ */

struct seen {
    uint32_t cnt;
    char types[16]; /* soup type, ouch type */
};

static void expect(bool ok, const char *path, const char *what)
{
    cr_assert(ok, "%s: %s", path, what);
}

static void from_server(const char *path, const uint8_t *p, uint32_t sz, struct seen *s)
{
    static _Alignas(64) uint8_t state[OCT_VENUE_SESS_SZ];
    const struct oct_session_ops *c = &oct_session_soupbintcp;
    struct oct_session_cfg cfg = {.user = "X", .next_seq = 1, .heartbeat_ns = 1, .silence_ns = 1};
    struct oct_session_event ev;
    uint8_t out[OCT_VENUE_MSG_MAX];
    struct oct_ouch50_out m;
    struct oct_ven v = {OCT_MSG_HDR(VEN, ven)};
    uint32_t off;

    cr_assert_eq(c->init(state, &cfg), 0);
    c->connected(state, 0, out);
    cr_assert_eq(c->input(state, 0,
                          (const uint8_t *)"\x00\x1f"
                                           "A         1                   1",
                          33, &ev),
                 33);
    expect(c->input(state, 1, p, sz, &ev) == (int)sz, path, "not framed to its exact end");
    if (!ev.event)
        return;
    s->types[strlen(s->types)] = (char)ev.data[0];
    expect(oct_ouch50_out_decode(ev.data, ev.data_sz, &m, &off) == 0, path, "not decoded");
    expect(oct_order_ouch50.decode(ev.data, ev.data_sz, 0, &v, &off) == 0, path, "not taken in");
    int n = oct_ouch50_out_encode(&m, out);
    expect(n == (int)ev.data_sz && memcmp(out, ev.data, ev.data_sz) == 0, path,
           "does not encode to the same bytes");
    if (m.type == 'A') {
        cr_assert_eq(memcmp(m.symbol.c, "ADBE    ", 8), 0);
        cr_assert_eq(m.qty, 40);
        cr_assert_eq(m.px, 4777800);
        cr_assert_eq(m.side, 'B');
        cr_assert_eq(memcmp(m.opts.firm, "MLRO", 4), 0);
        cr_assert_eq(m.opts.bbo_weight, '0');
        cr_assert_eq(v.px.v, INT64_C(477780000000));
        cr_assert_eq(v.order_id, 0, "another firm's client order id");
    }
}

static bool let_in(void *self, const char *user, const char *password)
{
    (void)self;
    (void)user;
    (void)password;
    return true;
}

static uint64_t no_messages(const void *self)
{
    (void)self;
    return 1;
}

static void from_client(const char *path, const uint8_t *p, uint32_t sz, struct seen *s)
{
    struct oct_soupbin_server_cfg cfg = {
        .session = "1", .login = let_in, .store = {.next_seq = no_messages}};
    struct oct_soupbin_server srv;
    struct oct_soupbin_in in;
    struct oct_ouch50_in m;
    uint8_t out[OCT_OUCH50_MSG_MAX];
    uint32_t off;

    cr_assert_eq(oct_soupbin_server_init(&srv, &cfg, 0), 0);
    cr_assert_eq(oct_soupbin_server_input(
                     &srv, 0,
                     (const uint8_t *)"\x00\x2fLX     X                                      1", 49,
                     &in),
                 49);
    expect(oct_soupbin_server_input(&srv, 1, p, sz, &in) == (int)sz, path,
           "not framed to its exact end");
    if (in.event != OCT_SOUPBIN_EV_MESSAGE)
        return;
    s->types[strlen(s->types)] = (char)in.data[0];
    expect(oct_ouch50_in_decode(in.data, in.data_sz, &m, &off) == 0, path, "not decoded");
    expect(oct_ouch50_in_check(&m) == 0, path, "a venue accepted it, we would not");
    int n = oct_ouch50_in_encode(&m, out);
    expect(n == (int)in.data_sz && memcmp(out, in.data, in.data_sz) == 0, path,
           "does not encode to the same bytes");
}

static void each(void *self, const char *path, const uint8_t *payload, uint32_t sz)
{
    struct seen *s = self;
    bool client = strstr(path, "EnterOrder") || strstr(path, "CancelOrder") ||
                  strstr(path, "ClientHeartbeat");

    s->cnt++;
    if (client)
        from_client(path, payload, sz, s);
    else
        from_server(path, payload, sz, s);
}

Test(ouch50_captures, every_captured_packet_decodes_to_its_exact_end)
{
    struct seen s = {0};
    int n = captures_walk("Nsm.Ouch.v5.0", CAPTURE_TCP, each, &s);

    if (n < 0)
        cr_skip_test(SHARED_MISSING);
    cr_assert_eq(s.cnt, 6);
    cr_assert_eq(strlen(s.types), 4, "%s", s.types);
    for (const char *t = "XCOA"; *t; t++)
        cr_assert_not_null(strchr(s.types, *t), "%c", *t);
    printf("OUCH 5.0 evidence: in O X, out A C: captures and the second table; "
           "in U M Q, out S U D E B J P I T M R Q: the second table\n");
}
