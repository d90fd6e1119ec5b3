/* md_text.c - what the market-data channels say, as JSON behind the head of each client. */
#include <stdio.h>

#include "control/web/md_priv.h"
#include "dataplane/base/hash.h"

const char *oct_md_channel_name(uint8_t channel)
{
    static const char *const name[OCT_MD_CH_CNT] = {
        [OCT_MD_CH_BOOK] = "book",
        [OCT_MD_CH_QUOTES] = "quotes",
        [OCT_MD_CH_TRADES] = "trades",
        [OCT_MD_CH_SIMPLE] = "simple",
    };
    OCT_ASSERT(channel < OCT_MD_CH_CNT);
    return name[channel];
}

static void put_str(struct oct_buf *b, const char *key, const char *text, size_t n)
{
    oct_buf_str(b, key);
    oct_buf_chr(b, '"');
    oct_buf_add(b, text, n);
    oct_buf_chr(b, '"');
}

static void put_i64(struct oct_buf *b, const char *key, int64_t v)
{
    oct_buf_str(b, key);
    oct_buf_chr(b, '"');
    oct_buf_i64(b, v);
    oct_buf_chr(b, '"');
}

static void put_px(struct oct_buf *b, const char *key, oct_px px)
{
    char tmp[OCT_DECIMAL_SZ];
    if (px.v == 0) {
        oct_buf_str(b, key);
        oct_buf_str(b, "null");
        return;
    }
    size_t n = oct_px_format(tmp, px);
    put_str(b, key, tmp, n);
}

static void put_qty(struct oct_buf *b, const char *key, oct_qty qty)
{
    char tmp[OCT_DECIMAL_SZ];
    size_t n = oct_qty_format(tmp, qty);
    put_str(b, key, tmp, n);
}

static void put_sym(struct oct_md_hub *h, const char *key, uint32_t inst)
{
    char tmp[9];
    size_t n = oct_mirror_sym_text(h->w->mirror->inst[inst].symbol, tmp);
    oct_buf_str(&h->body, key);
    oct_json_quote(&h->body, tmp, n);
}

/* "t":...,"sym":...,"src_seq":...,"ts_exch":...,"ts_in":...,"ts_out":... */
static void begin(struct oct_md_hub *h, const char *t, uint32_t inst)
{
    const struct oct_mirror_inst *in = &h->w->mirror->inst[inst];
    struct oct_buf *b = &h->body;
    oct_buf_reset(b);
    oct_buf_str(b, "\"t\":\"");
    oct_buf_str(b, t);
    oct_buf_chr(b, '"');
    put_sym(h, ",\"sym\":", inst);
    oct_buf_str(b, ",\"src_seq\":");
    oct_buf_u64(b, in->src_seq);
    put_i64(b, ",\"ts_exch\":", in->ts_exch_ns);
    put_i64(b, ",\"ts_in\":", in->ts_in_ns);
    put_i64(b, ",\"ts_out\":", oct_utc_ns());
}

static void put_level(struct oct_buf *b, oct_px px, oct_qty qty, uint32_t cnt, bool *comma)
{
    char tmp[OCT_DECIMAL_SZ];
    if (*comma)
        oct_buf_chr(b, ',');
    *comma = true;
    size_t n = oct_px_format(tmp, px);
    put_str(b, "[", tmp, n);
    n = oct_qty_format(tmp, qty);
    put_str(b, ",", tmp, n);
    oct_buf_chr(b, ',');
    oct_buf_u64(b, cnt);
    oct_buf_chr(b, ']');
}

static uint32_t crc_side(uint32_t crc, const struct oct_level *l, uint32_t cnt)
{
    for (uint32_t i = 0; i < cnt && i < 10; i++) {
        char tmp[2 * OCT_DECIMAL_SZ + 2];
        size_t n = oct_px_format(tmp, l[i].px);
        tmp[n++] = ':';
        n += oct_qty_format(tmp + n, l[i].qty);
        tmp[n++] = ';';
        crc = oct_crc32c(crc, tmp, n);
    }
    return crc;
}

uint32_t oct_md_checksum(const struct oct_level *bid, uint32_t bid_cnt, const struct oct_level *ask,
                         uint32_t ask_cnt)
{
    return crc_side(crc_side(0, bid, bid_cnt), ask, ask_cnt);
}

static void put_checksum(struct oct_buf *b, const struct oct_md_view *v)
{
    oct_buf_str(b, ",\"cs\":");
    oct_buf_u64(b, oct_md_checksum(v->bid, v->bid_cnt, v->ask, v->ask_cnt));
}

void oct_md_text_snapshot(struct oct_md_hub *h, struct oct_md_view *v)
{
    struct oct_buf *b = &h->body;
    bool comma = false;
    begin(h, "snapshot", v->inst);
    oct_buf_str(b, ",\"b\":[");
    for (uint32_t i = 0; i < v->bid_cnt; i++)
        put_level(b, v->bid[i].px, v->bid[i].qty, v->bid[i].order_cnt, &comma);
    oct_buf_str(b, "],\"a\":[");
    comma = false;
    for (uint32_t i = 0; i < v->ask_cnt; i++)
        put_level(b, v->ask[i].px, v->ask[i].qty, v->ask[i].order_cnt, &comma);
    oct_buf_chr(b, ']');
    put_checksum(b, v);
    oct_buf_str(b, ",\"st\":\"");
    oct_buf_str(b, oct_show_doubt(oct_mirror_book_doubt(h->w->mirror, v->inst)));
    oct_buf_str(b, "\"}");
}

/* Walks two sides, best first, and writes what differs.  sign 1: bids (high is best). */
static bool diff_side(struct oct_buf *b, const char *key, const struct oct_level *was,
                      uint32_t was_cnt, const struct oct_level *is, uint32_t is_cnt, int64_t sign)
{
    uint32_t i = 0;
    uint32_t k = 0;
    bool any = false;
    bool comma = false;
    size_t start = b->sz;
    oct_buf_str(b, key);
    while (i < was_cnt || k < is_cnt) {
        int64_t order = i == was_cnt  ? -1
                        : k == is_cnt ? 1
                                      : (is[k].px.v == was[i].px.v
                                             ? 0
                                             : ((is[k].px.v > was[i].px.v) == (sign > 0) ? -1 : 1));
        if (order < 0) {
            put_level(b, is[k].px, is[k].qty, is[k].order_cnt, &comma);
            any = true;
            k++;
        } else if (order > 0) {
            put_level(b, was[i].px, (oct_qty){0}, 0, &comma);
            any = true;
            i++;
        } else {
            if (is[k].qty.v != was[i].qty.v || is[k].order_cnt != was[i].order_cnt) {
                put_level(b, is[k].px, is[k].qty, is[k].order_cnt, &comma);
                any = true;
            }
            i++;
            k++;
        }
    }
    oct_buf_chr(b, ']');
    if (!any)
        b->sz = start;
    return any;
}

bool oct_md_text_delta(struct oct_md_hub *h, struct oct_md_view *v, uint32_t bid_cnt,
                       uint32_t ask_cnt)
{
    struct oct_buf *b = &h->body;
    begin(h, "delta", v->inst);
    bool any = diff_side(b, ",\"b\":[", v->bid, v->bid_cnt, h->level[OCT_BUY], bid_cnt, 1);
    any |= diff_side(b, ",\"a\":[", v->ask, v->ask_cnt, h->level[OCT_SELL], ask_cnt, -1);
    if (!any)
        return false;
    memcpy(v->bid, h->level[OCT_BUY], bid_cnt * sizeof(*v->bid));
    memcpy(v->ask, h->level[OCT_SELL], ask_cnt * sizeof(*v->ask));
    v->bid_cnt = bid_cnt;
    v->ask_cnt = ask_cnt;
    put_checksum(b, v);
    oct_buf_chr(b, '}');
    return true;
}

void oct_md_text_quote(struct oct_md_hub *h, const struct oct_md_view *v)
{
    const struct oct_mirror *m = h->w->mirror;
    struct oct_buf *b = &h->body;
    struct oct_level bid = {0};
    struct oct_level ask = {0};
    oct_book_best(m->books, v->inst, OCT_BUY, &bid);
    oct_book_best(m->books, v->inst, OCT_SELL, &ask);
    begin(h, "quote", v->inst);
    put_px(b, ",\"bp\":", bid.px);
    put_qty(b, ",\"bq\":", bid.qty);
    put_px(b, ",\"ap\":", ask.px);
    put_qty(b, ",\"aq\":", ask.qty);
    put_px(b, ",\"last\":", m->inst[v->inst].last);
    put_qty(b, ",\"volume\":", m->inst[v->inst].volume);
    oct_buf_str(b, ",\"st\":\"");
    oct_buf_str(b, oct_show_doubt(oct_mirror_book_doubt(m, v->inst)));
    oct_buf_str(b, "\"}");
}

void oct_md_text_simple(struct oct_md_hub *h, const struct oct_md_view *v)
{
    const struct oct_mirror *m = h->w->mirror;
    const struct oct_mirror_inst *in = &m->inst[v->inst];
    struct oct_buf *b = &h->body;
    oct_px px = in->last.v != 0 ? in->last : oct_mirror_mark(m, v->inst);
    oct_px from = in->prev_close.v != 0 ? in->prev_close : in->open;
    char tmp[OCT_DECIMAL_SZ];
    oct_buf_reset(b);
    oct_buf_str(b, "{\"type\":\"quote\"");
    put_sym(h, ",\"symbol\":", v->inst);
    put_px(b, ",\"price\":", px);
    size_t n = oct_px_format(tmp, (oct_px){px.v != 0 && from.v != 0 ? px.v - from.v : 0});
    put_str(b, ",\"change\":", tmp, n);
    put_qty(b, ",\"volume\":", in->volume);
    oct_buf_str(b, ",\"timestamp\":");
    oct_buf_i64(b, (in->ts_exch_ns != 0 ? in->ts_exch_ns : oct_utc_ns()) / OCT_NS_PER_MS);
    oct_buf_chr(b, '}');
}

void oct_md_text_trade(struct oct_md_hub *h, const struct oct_md_view *v, const struct oct_md *t)
{
    struct oct_buf *b = &h->body;
    begin(h, "trade", v->inst);
    put_px(b, ",\"px\":", t->px);
    put_qty(b, ",\"qty\":", t->qty);
    oct_buf_str(b,
                t->side == OCT_SELL ? ",\"resting_side\":\"sell\"" : ",\"resting_side\":\"buy\"");
    oct_buf_str(b, t->kind == OCT_MD_CROSS ? ",\"cross\":true" : ",\"cross\":false");
    put_i64(b, ",\"match_id\":", (int64_t)t->ref2);
    oct_buf_chr(b, '}');
}

void oct_md_text_doubt(struct oct_md_hub *h, const struct oct_md_view *v, uint32_t doubt,
                       uint64_t from_seq, uint64_t to_seq)
{
    struct oct_buf *b = &h->body;
    bool gap = doubt == OCT_DOUBT_GAP && to_seq != 0;
    begin(h, gap ? "gap" : "stale", v->inst);
    if (gap) {
        oct_buf_str(b, ",\"from\":");
        oct_buf_u64(b, from_seq);
        oct_buf_str(b, ",\"to\":");
        oct_buf_u64(b, to_seq);
    }
    oct_buf_str(b, ",\"st\":\"");
    oct_buf_str(b, oct_show_doubt(doubt));
    oct_buf_str(b, "\",\"reason\":\"");
    oct_buf_str(b, (doubt & (OCT_DOUBT_LOST | OCT_DOUBT_DETACHED | OCT_DOUBT_WARMING)) != 0
                       ? "server"
                       : "feed");
    oct_buf_str(b, "\"}");
}

void oct_md_text_skipped(struct oct_md_hub *h, const struct oct_md_view *v, uint64_t n,
                         const char *reason)
{
    struct oct_buf *b = &h->body;
    oct_buf_reset(b);
    oct_buf_str(b, "\"t\":\"skipped\"");
    put_sym(h, ",\"sym\":", v->inst);
    oct_buf_str(b, ",\"n\":");
    oct_buf_u64(b, n);
    oct_buf_str(b, ",\"reason\":\"");
    oct_buf_str(b, reason);
    oct_buf_str(b, "\"}");
}
