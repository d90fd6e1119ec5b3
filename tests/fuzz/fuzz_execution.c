/* Any bytes as a script: intents, venue messages, session events, commands, time.  Whatever comes in
 * whatever order, nothing trips, no open quantity is negative or beyond its order, counts agree, and
 * the same script gives the same digest. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "tests/unit/agents/execution/rig.h"

struct script {
    const uint8_t *p;
    const uint8_t *end;
};

static uint64_t take(struct script *s, uint32_t bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | (s->p < s->end ? *s->p++ : 0);
    return v;
}

/* An order id that may exist: a small number, with our bits before it. */
static uint64_t some_id(struct script *s)
{
    return UINT64_C(0x0100375400000000) | take(s, 1) % 40;
}

static void do_intent(struct rig *r, struct script *s)
{
    struct oct_intent i =
        rig_intent(r, (uint8_t)take(s, 1) % 7, (uint8_t)take(s, 1) % 2, 10, (int64_t)take(s, 1));

    i.order_id = some_id(s);
    i.tif = (uint8_t)take(s, 1) % 4;
    i.ord_type = (uint8_t)take(s, 1) % 8 == 0;
    i.inst = (uint32_t)take(s, 1) % 10;
    rig_submit(r, &i);
}

static void do_ven(struct rig *r, struct script *s)
{
    struct oct_ven v = rig_ven(r, (enum oct_ven_event)(take(s, 1) % 16), 0);
    uint8_t how = (uint8_t)take(s, 1);

    v.user_ref = (uint32_t)(how & 1 ? take(s, 1) % 40 : take(s, 4));
    v.orig_user_ref = (uint32_t)(take(s, 1) % 40);
    v.order_id = how & 2 ? UINT64_C(0x0100375400000000) | v.user_ref : take(s, 8);
    v.qty.v = (int64_t)(how & 4 ? take(s, 1) : take(s, 3) % 1000000) * OCT_QTY_ONE;
    v.px.v = (int64_t)(take(s, 4) + 1) * OCT_PX_E4;
    v.match_id = take(s, 1) % 8;
    v.reason = (uint16_t)take(s, 1);
    v.side = (uint8_t)take(s, 1) % 2;
    v.order_state = how & 8 ? 'D' : 'L';
    if (how & 16)
        v.seq = take(s, 2);
    memcpy(v.symbol.c, how & 32 ? "CCC     " : "ZVZZT   ", 8);
    rig_say(r, &v);
}

static void do_kill(struct rig *r, struct script *s)
{
    struct oct_in_kill m = {OCT_MSG_HDR(IN_KILL, in_kill), .bits = take(s, 1) << (take(s, 1) % 57),
                            .unsent_from = take(s, 1) % 3 ? some_id(s) : 0};

    rig_msg(r, &m.hdr);
}

static void do_cmd(struct rig *r, struct script *s)
{
    struct oct_in_cmd m = {OCT_MSG_HDR(IN_CMD, in_cmd),
                           .cmd = (uint16_t)(take(s, 1) % 20),
                           .scope = (uint8_t)take(s, 1) % 5,
                           .order_id = some_id(s),
                           .inst = (uint32_t)take(s, 1) % 4,
                           .strategy = 3,
                           .account = 4};

    rig_msg(r, &m.hdr);
}

struct seen {
    uint32_t cnt;
    uint32_t unknown;
};

static void look(void *arg, const struct oct_order_view *o)
{
    struct seen *n = arg;

    n->cnt++;
    n->unknown += o->state == OCT_ORD_STATE_UNKNOWN;
    FUZZ_CHECK(o->open.v >= 0 && o->filled.v >= 0);
    FUZZ_CHECK(o->open.v == 0 || o->filled.v + o->open.v <= o->qty.v);
}

static void check(struct rig *r)
{
    struct seen n = {0};

    oct_execution_each(r->x, look, &n);
    FUZZ_CHECK(n.cnt == rig_counter(r, OCT_EXECUTION_OPEN));
    FUZZ_CHECK(n.unknown == rig_counter(r, OCT_EXECUTION_UNKNOWN_NOW));
}

static uint64_t play(const uint8_t *data, size_t sz)
{
    struct script s = {data, data + sz};
    struct rig *r = rig_bare();

    r->cfg.order_cnt_max = 16;
    r->cfg.fill_cnt_max = 8;
    r->cfg.mark_block = 8;
    r->cfg.cancel_on_disconnect = take(&s, 1) & 1;
    rig_build(r);
    rig_start(r, 0, take(&s, 1) & 1);
    rig_mark(r, oct_execution_mark(r->x));
    rig_log_in(r, 1);
    for (int n = 0; n < 256 && s.p < s.end; n++) {
        switch (take(&s, 1) % 12) {
        case 0:
        case 1:
        case 2:
            do_intent(r, &s);
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            do_ven(r, &s);
            break;
        case 7:
            rig_session(r, (enum oct_venue_event)(take(&s, 1) % 10), take(&s, 2));
            break;
        case 8:
            rig_failed(r, take(&s, 1) % 4 ? some_id(&s) : 0, (uint8_t)take(&s, 1) % 7);
            break;
        case 9:
            rig_mark(r, oct_execution_mark(r->x));
            rig_time(r, (int64_t)take(&s, 3));
            break;
        case 10:
            do_kill(r, &s);
            break;
        default:
            do_cmd(r, &s);
            break;
        }
        check(r);
    }
    uint64_t digest = oct_execution_digest(r->x);
    rig_free(r);
    return digest;
}

/* Any bytes as journaled records: recovery takes what it can use and is never the worse for it. */
static void recover(const uint8_t *data, size_t sz)
{
    static const uint16_t types[] = {OCT_ORDER,    OCT_ORDER_UPDATE, OCT_FILL,    OCT_MARK,
                                     OCT_IN_VENUE, OCT_IN_START,     OCT_IN_TIME, OCT_VERDICT};
    struct rig *r = rig_bare();
    union {
        struct oct_msg_hdr hdr;
        uint8_t b[OCT_MSG_SZ_MAX];
        uint64_t align;
    } rec;

    r->cfg.order_cnt_max = 16;
    r->cfg.fill_cnt_max = 8;
    rig_build(r);
    for (size_t at = 0; at + 2 < sz; at += 40) {
        size_t n =
            sz - at - 1 < sizeof rec - sizeof rec.hdr ? sz - at - 1 : sizeof rec - sizeof rec.hdr;
        memset(&rec, 0, sizeof rec);
        memcpy(rec.b + sizeof rec.hdr, data + at + 1, n);
        rec.hdr.type = types[data[at] % 8];
        rec.hdr.sz = OCT_MSG_SZ_MAX;
        rec.hdr.input = at;
        if (rec.hdr.type == OCT_IN_VENUE &&
            ((struct oct_in_venue *)&rec)->data_sz > OCT_IN_VENUE_DATA)
            continue; /* the journal's reader refuses such a record */
        oct_execution_recover(r->x, &rec.hdr);
    }
    rig_start(r, oct_execution_mark(r->x), true);
    rig_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    size_t n = sz > 2048 ? 2048 : sz;

    FUZZ_CHECK(play(data, n) == play(data, n));
    recover(data, n);
    return 0;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    size_t n = 0;

    if (idx >= 24 || cap < 1024)
        return 0;
    /* a pseudo-random script, heavy on orders and what the venue says of them */
    uint64_t x = oct_mix64(idx + 1);
    out[n++] = (uint8_t)idx;
    out[n++] = (uint8_t)(idx >> 1);
    while (n < 40 * (idx + 1)) {
        x = oct_mix64(x + 0x9e3779b97f4a7c15u);
        out[n++] = (uint8_t)(x >> 32);
    }
    return n;
}
