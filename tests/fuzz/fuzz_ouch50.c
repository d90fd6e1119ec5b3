/* Any bytes as a message of the venue, as a message to it, and as an order record.
 *   What decodes, encodes to what decodes to the same; the lane's decoder agrees with the full one
 *   field by field and refuses whatever it refuses; an error leaves the output alone and points inside.
 *   An order that passes the check encodes to a message that a venue accepts and that says the same;
 *   one that does not pass does not encode. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "dataplane/base/wire.h"
#include "drivers/venue/ouch50.h"

static const struct oct_order_ops *const ops = &oct_order_ouch50;

/* What the lane's decoder refuses beyond what the full one does. */
static bool holdable(const struct oct_ouch50_out *m)
{
    bool live = m->type == 'A' || m->type == 'U';
    bool sided = live || m->type == 'M';
    bool priced = live || m->type == 'D' || m->type == 'E' || m->type == 'T';

    return m->ts < UINT64_C(90000) * 1000000000 && m->qty <= OCT_OUCH50_QTY_MAX &&
           (!sided || (m->side && strchr("BSTE", m->side))) &&
           (!live || m->state == 'L' || m->state == 'D') &&
           (!priced || m->px <= (uint64_t)(INT64_MAX / OCT_PX_E4));
}

static void compare(const struct oct_ouch50_out *m, const struct oct_ven *v)
{
    FUZZ_CHECK(v->ts_exch_ns == 1000 + (int64_t)m->ts);
    FUZZ_CHECK(v->user_ref == (m->type == 'S' ? 0 : m->user_ref));
    FUZZ_CHECK(v->orig_user_ref == m->orig_user_ref);
    FUZZ_CHECK(v->qty.v == (int64_t)m->qty * OCT_QTY_ONE);
    FUZZ_CHECK(v->px.v == (int64_t)m->px * OCT_PX_E4);
    FUZZ_CHECK(v->match_id == m->match);
    FUZZ_CHECK(v->reason == m->reason);
    if (m->type == 'A' || m->type == 'U' || m->type == 'M')
        FUZZ_CHECK(v->side == (m->side == 'B' ? OCT_BUY : OCT_SELL));
    if (m->type == 'A' || m->type == 'U') {
        FUZZ_CHECK(memcmp(v->symbol.c, m->symbol.c, 8) == 0);
        FUZZ_CHECK(v->tif == m->tif && v->order_state == m->state);
    }
    if (m->type == 'R')
        FUZZ_CHECK(v->venue_ref == m->opts.secondary_ref);
    else
        FUZZ_CHECK(v->venue_ref == m->venue_ref);
    if (m->cl_ord_id[0])
        FUZZ_CHECK(v->order_id == oct_ouch50_order_id((const uint8_t *)m->cl_ord_id));
    if (m->type == 'E' || m->type == 'D' || m->type == 'S')
        FUZZ_CHECK(v->code == m->code);
}

static void as_outbound(const uint8_t *data, uint32_t sz)
{
    struct oct_ouch50_out m, again;
    struct oct_ven v, untouched;
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    uint32_t off, fast_off;
    int err = oct_ouch50_out_decode(data, sz, &m, &off);

    memset(&untouched, 0xa5, sizeof untouched);
    v = untouched;
    int fast = ops->decode(data, sz, 1000, &v, &fast_off);
    FUZZ_CHECK(fast == 0 || memcmp(&v, &untouched, sizeof v) == 0);
    FUZZ_CHECK(fast_off <= sz && off <= sz);
    FUZZ_CHECK((fast == 0) == (err == 0 && holdable(&m)));
    if (err)
        return;
    if (fast == 0)
        compare(&m, &v);
    int n = oct_ouch50_out_encode(&m, buf);
    FUZZ_CHECK(n > 0 && (uint32_t)n <= sz && (size_t)n <= sizeof buf);
    m.opts.unknown_cnt = 0;
    FUZZ_CHECK(oct_ouch50_out_decode(buf, (uint32_t)n, &again, &off) == 0);
    FUZZ_CHECK(memcmp(&m, &again, sizeof m) == 0);
}

static void as_inbound(const uint8_t *data, uint32_t sz)
{
    struct oct_ouch50_in m, again;
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    uint32_t off;

    if (oct_ouch50_in_decode(data, sz, &m, &off)) {
        FUZZ_CHECK(off <= sz);
        return;
    }
    uint16_t reason = oct_ouch50_in_check(&m);
    FUZZ_CHECK(reason == 0 || oct_ouch50_reject_text(reason));
    int n = oct_ouch50_in_encode(&m, buf);
    FUZZ_CHECK(n > 0 && (uint32_t)n <= sz && (size_t)n <= sizeof buf);
    m.opts.unknown_cnt = 0;
    FUZZ_CHECK(oct_ouch50_in_decode(buf, (uint32_t)n, &again, &off) == 0);
    FUZZ_CHECK(memcmp(&m, &again, sizeof m) == 0);
}

static void says_the_same(const struct oct_order *o, const struct oct_ouch50_in *m)
{
    FUZZ_CHECK(o->action == OCT_ACTION_ACCOUNT_QUERY || m->user_ref == o->user_ref);
    if (o->action == OCT_ACTION_REDUCE)
        FUZZ_CHECK((int64_t)m->qty * OCT_QTY_ONE == o->qty.v);
    if (o->action != OCT_ACTION_NEW && o->action != OCT_ACTION_REPLACE)
        return;
    FUZZ_CHECK(oct_ouch50_in_check(m) == 0);
    FUZZ_CHECK((int64_t)m->qty * OCT_QTY_ONE == o->qty.v);
    FUZZ_CHECK(o->ord_type == OCT_ORD_MARKET ? oct_ouch50_is_market(m->px)
                                             : (int64_t)m->px * OCT_PX_E4 == o->px.v);
    FUZZ_CHECK(oct_ouch50_order_id((const uint8_t *)m->cl_ord_id) == o->order_id);
    FUZZ_CHECK((m->opts.post_only == 'P') == (o->post_only != 0));
    FUZZ_CHECK((int64_t)m->opts.min_qty * OCT_QTY_ONE ==
               (o->tif == OCT_TIF_FOK ? o->qty.v : o->min_qty.v));
    if (o->action == OCT_ACTION_NEW)
        FUZZ_CHECK((m->side == 'B') == (o->side == OCT_BUY) &&
                   memcmp(m->symbol.c, o->symbol.c, 8) == 0);
    else
        FUZZ_CHECK(m->orig_user_ref == o->orig_user_ref);
}

static void as_order(const uint8_t *data, uint32_t sz)
{
    struct oct_order o = {OCT_MSG_HDR(ORDER, order)};
    uint8_t buf[OCT_VENUE_MSG_MAX];
    struct oct_ouch50_in m;
    uint32_t off;

    uint32_t n = sz < sizeof o - sizeof o.hdr ? sz : (uint32_t)(sizeof o - sizeof o.hdr);
    memcpy((uint8_t *)&o + sizeof o.hdr, data, n);
    int got = ops->encode(&o, "FUZZ", buf);
    FUZZ_CHECK(ops->check(&o) == (got < 0 ? got : 0));
    if (got < 0)
        return;
    FUZZ_CHECK(got > 0 && got <= (int)(OCT_VENUE_MSG_MAX - 3));
    FUZZ_CHECK(oct_ouch50_in_decode(buf, (uint32_t)got, &m, &off) == 0);
    says_the_same(&o, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    uint32_t n = sz > 1024 ? 1024 : (uint32_t)sz;

    as_outbound(data, n);
    as_inbound(data, n);
    as_order(data, n);
    return 0;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    static const char outs[] = "SAUCDEBJPITMRQ", ins[] = "OUXMQ";
    struct oct_ouch50_opts opts = {.set = 0x3c0fffe & ~(1u << 8), .min_qty = 100, .post_only = 'P'};

    if (cap < OCT_OUCH50_MSG_MAX)
        return 0;
    if (idx < sizeof outs - 1) {
        struct oct_ouch50_out m = {.type = outs[idx],
                                   .side = 'B',
                                   .state = 'L',
                                   .qty = 100,
                                   .px = 1000000,
                                   .user_ref = 7,
                                   .opts = opts};
        memcpy(m.symbol.c, "AAPL    ", 8);
        oct_ouch50_clordid(77, (uint8_t *)m.cl_ord_id);
        return (size_t)oct_ouch50_out_encode(&m, out);
    }
    idx -= sizeof outs - 1;
    if (idx < sizeof ins - 1) {
        struct oct_ouch50_in m = {.type = ins[idx],
                                  .side = 'B',
                                  .tif = '0',
                                  .display = 'Y',
                                  .capacity = 'P',
                                  .sweep = 'N',
                                  .cross = 'N',
                                  .qty = 100,
                                  .px = 1000000,
                                  .user_ref = 7,
                                  .opts = opts};
        memcpy(m.symbol.c, "AAPL    ", 8);
        oct_ouch50_clordid(77, (uint8_t *)m.cl_ord_id);
        return (size_t)oct_ouch50_in_encode(&m, out);
    }
    idx -= sizeof ins - 1;
    if (idx >= 5)
        return 0;
    struct oct_order o = {OCT_MSG_HDR(ORDER, order),
                          .order_id = 77,
                          .user_ref = 7,
                          .orig_user_ref = 6,
                          .px = {OCT_PX_ONE},
                          .qty = {100 * OCT_QTY_ONE},
                          .action = (uint8_t)(OCT_ACTION_NEW + idx)};
    memcpy(o.symbol.c, "AAPL    ", 8);
    memcpy(out, (const uint8_t *)&o + sizeof o.hdr, sizeof o - sizeof o.hdr);
    return sizeof o - sizeof o.hdr;
}
