/* show.c - the JSON objects of quotes, books, orders and positions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/web/web_priv.h"
#include "dataplane/msg/desc.h"

const char *oct_show_doubt(uint32_t doubt)
{
    static const struct {
        uint32_t bits;
        const char *text;
    } names[] = {{OCT_DOUBT_LOST, "lost"},       {OCT_DOUBT_DETACHED, "detached"},
                 {OCT_DOUBT_STALE, "stale"},     {OCT_DOUBT_CONTRARY, "contrary"},
                 {OCT_DOUBT_WARMING, "warming"}, {OCT_DOUBT_FULL, "incomplete"},
                 {OCT_DOUBT_SILENT, "silent"},   {OCT_DOUBT_GAP, "gap"}};
    for (size_t i = 0; i < OCT_ARRAY_CNT(names); i++) {
        if ((doubt & names[i].bits) != 0)
            return names[i].text;
    }
    return "in_sync";
}

const char *oct_show_status(const struct oct_mirror_order *o)
{
    switch ((enum oct_ord_state)o->state) {
    case OCT_ORD_STATE_WORKING:
    case OCT_ORD_STATE_REPLACE_PENDING:
    case OCT_ORD_STATE_CANCEL_PENDING:
        return o->filled.v > 0 ? "partially_filled" : "submitted";
    case OCT_ORD_STATE_FILLED:
        return "filled";
    case OCT_ORD_STATE_CANCELLED:
        return "cancelled";
    case OCT_ORD_STATE_REJECTED:
        return "rejected";
    case OCT_ORD_STATE_UNKNOWN:
        return "unknown";
    case OCT_ORD_STATE_CLOSED:
        return "closed";
    case OCT_ORD_STATE_NONE:
    case OCT_ORD_STATE_SENT:
        break;
    }
    return "pending";
}

static void put_sym(struct oct_json *j, const char *key, oct_sym s)
{
    char text[9];
    size_t n = oct_mirror_sym_text(s, text);
    if (n == 0)
        oct_json_null(j, key);
    else
        oct_json_strn(j, key, text, n);
}

static void put_chr(struct oct_json *j, const char *key, char c)
{
    if (c == ' ' || c == '\0')
        oct_json_null(j, key);
    else
        oct_json_strn(j, key, &c, 1);
}

/* ---- market ----------------------------------------------------------------------------------- */

static void put_change(struct oct_json *j, oct_px px, oct_px from)
{
    if (px.v == 0 || from.v == 0) {
        oct_json_null(j, "change");
        oct_json_null(j, "change_percent");
        return;
    }
    char text[OCT_DECIMAL_SZ];
    oct_json_px(j, "change", (oct_px){px.v - from.v});
    __int128 percent_e4 = (__int128)(px.v - from.v) * 1000000 / from.v;
    size_t n = oct_decimal_format(text, percent_e4, 4, 2);
    oct_json_strn(j, "change_percent", text, n);
}

void oct_show_quote(struct oct_json *j, const struct oct_web *w, uint32_t inst)
{
    const struct oct_mirror *m = w->mirror;
    const struct oct_mirror_inst *in = &m->inst[inst];
    struct oct_level bid = {0};
    struct oct_level ask = {0};
    oct_px px = in->last.v != 0 ? in->last : oct_mirror_mark(m, inst);
    oct_book_best(m->books, inst, OCT_BUY, &bid);
    oct_book_best(m->books, inst, OCT_SELL, &ask);
    oct_json_obj(j, NULL);
    put_sym(j, "symbol", in->symbol);
    oct_json_px_or_null(j, "price", px);
    put_change(j, px, in->prev_close.v != 0 ? in->prev_close : in->open);
    oct_json_qty(j, "volume", in->volume);
    oct_json_null(j, "market_cap");
    oct_json_null(j, "pe_ratio");
    oct_json_px_or_null(j, "high", in->high);
    oct_json_px_or_null(j, "low", in->low);
    oct_json_px_or_null(j, "open", in->open);
    oct_json_px_or_null(j, "previous_close", in->prev_close);
    oct_json_px_or_null(j, "bid", bid.px);
    oct_json_qty(j, "bid_size", bid.qty);
    oct_json_px_or_null(j, "ask", ask.px);
    oct_json_qty(j, "ask_size", ask.qty);
    oct_json_px_or_null(j, "last", in->last);
    oct_json_qty(j, "last_size", in->last_qty);
    oct_json_px_or_null(j, "vwap",
                        (oct_px){in->volume.v > 0 ? (int64_t)(in->turnover.v / in->volume.v) : 0});
    oct_json_u64(j, "trades", in->trade_cnt);
    put_chr(j, "trading_state", in->trading);
    oct_json_str(j, "book_state", oct_show_doubt(oct_mirror_book_doubt(m, inst)));
    oct_json_u64(j, "src_seq", in->src_seq);
    oct_json_time(j, "timestamp", in->ts_exch_ns != 0 ? in->ts_exch_ns : in->last_ns);
    oct_json_ns(j, "ts_exch", in->ts_exch_ns);
    oct_json_ns(j, "ts_in", in->ts_in_ns);
    oct_json_end(j, '}');
}

static void put_side(struct oct_json *j, const char *key, const struct oct_web *w, uint32_t inst,
                     enum oct_side side, uint32_t depth)
{
    struct oct_level level[200];
    OCT_ASSERT(depth <= OCT_ARRAY_CNT(level));
    uint32_t n = oct_book_depth(w->mirror->books, inst, side, level, depth);
    oct_json_arr(j, key);
    for (uint32_t i = 0; i < n; i++) {
        oct_json_arr(j, NULL);
        oct_json_px(j, NULL, level[i].px);
        oct_json_qty(j, NULL, level[i].qty);
        oct_json_u64(j, NULL, level[i].order_cnt);
        oct_json_end(j, ']');
    }
    oct_json_end(j, ']');
}

void oct_show_book(struct oct_json *j, const struct oct_web *w, uint32_t inst, uint32_t depth)
{
    const struct oct_mirror *m = w->mirror;
    const struct oct_mirror_inst *in = &m->inst[inst];
    oct_json_obj(j, NULL);
    put_sym(j, "symbol", in->symbol);
    put_side(j, "bids", w, inst, OCT_BUY, depth);
    put_side(j, "asks", w, inst, OCT_SELL, depth);
    oct_json_u64(j, "bid_levels", oct_book_level_cnt(m->books, inst, OCT_BUY));
    oct_json_u64(j, "ask_levels", oct_book_level_cnt(m->books, inst, OCT_SELL));
    oct_json_str(j, "book_state", oct_show_doubt(oct_mirror_book_doubt(m, inst)));
    oct_json_u64(j, "src_seq", in->src_seq);
    oct_json_u64(j, "feed_next", m->feed_next);
    oct_json_time(j, "timestamp", in->ts_exch_ns);
    oct_json_ns(j, "ts_exch", in->ts_exch_ns);
    oct_json_ns(j, "ts_in", in->ts_in_ns);
    oct_json_end(j, '}');
}

/* ---- orders ----------------------------------------------------------------------------------- */

static void put_avg(struct oct_json *j, const struct oct_mirror_order *o)
{
    if (o->fill_qty.v > 0)
        oct_json_px(j, "average_price", (oct_px){(int64_t)(o->notional.v / o->fill_qty.v)});
    else
        oct_json_null(j, "average_price");
}

static void put_reason(struct oct_json *j, const struct oct_mirror_order *o)
{
    if (o->reason == 0) {
        oct_json_null(j, "reason");
    } else if (o->event == 0) {
        oct_json_str(j, "reason", oct_enum_text("RISK", o->reason));
    } else {
        char text[24];
        bool letter = o->reason > ' ' && o->reason < 0x7f && o->event != OCT_VEN_REJECTED;
        snprintf(text, sizeof(text), letter ? "venue:%c" : "venue:%u", o->reason);
        oct_json_str(j, "reason", text);
    }
}

static void put_fills(struct oct_json *j, const struct oct_mirror *m,
                      const struct oct_mirror_order *o)
{
    oct_json_arr(j, "fills"); /* newest first */
    for (uint32_t i = o->last_fill; i < m->fill_cnt; i = m->fill[i].prev) {
        const struct oct_fill *f = &m->fill[i].rec;
        oct_json_obj(j, NULL);
        oct_json_id(j, "match_id", f->match_id);
        oct_json_px(j, "price", f->px);
        oct_json_qty(j, "quantity", f->qty);
        put_chr(j, "liquidity", f->liquidity);
        oct_json_bool(j, "broken", f->broken != 0);
        oct_json_time(j, "timestamp", f->ts_exch_ns);
        oct_json_ns(j, "ts_exch", f->ts_exch_ns);
        oct_json_ns(j, "ts_lane", f->now_ns);
        oct_json_end(j, '}');
    }
    oct_json_end(j, ']');
}

static void put_order_times(struct oct_json *j, const struct oct_mirror_order *o)
{
    oct_json_ns(j, "ts_tick", o->ts_rx_ns);
    oct_json_ns(j, "ts_sent", o->sent_ns);
    oct_json_ns(j, "ts_ack", o->ack_ns);
    oct_json_ns(j, "ts_first_fill", o->fill_ns);
    oct_json_ns(j, "ts_done", o->done_ns);
}

void oct_show_order(struct oct_json *j, const char *key, const struct oct_web *w,
                    const struct oct_mirror_order *o, bool detail)
{
    char account[8];
    snprintf(account, sizeof(account), "%u", o->account);
    oct_json_obj(j, key);
    oct_json_id(j, "id", o->order_id);
    oct_json_str(j, "portfolio_id", account);
    put_sym(j, "symbol", o->symbol);
    oct_json_str(j, "side", oct_enum_text("SIDE", o->side));
    oct_json_str(j, "order_type", oct_enum_text("ORD_TYPE", o->ord_type));
    oct_json_str(j, "time_in_force", oct_enum_text("TIF", o->tif));
    oct_json_qty(j, "quantity", o->qty);
    oct_json_px_or_null(j, "price", o->px);
    oct_json_str(j, "status", oct_show_status(o));
    oct_json_str(j, "state", oct_enum_text("ORD_STATE", o->state));
    oct_json_qty(j, "filled_quantity", o->filled);
    oct_json_qty(j, "open_quantity", o->open);
    put_avg(j, o);
    put_reason(j, o);
    oct_json_u64(j, "strategy", o->strategy);
    oct_json_u64(j, "account", o->account);
    oct_json_id(j, "client_ref", o->user_ref);
    if (o->orig_order_id != 0)
        oct_json_id(j, "replaces", o->orig_order_id);
    else
        oct_json_null(j, "replaces");
    oct_json_time(j, "created_at", o->sent_ns);
    oct_json_time(j, "updated_at", o->update_ns);
    if (detail) {
        oct_json_id(j, "venue_ref", o->venue_ref);
        oct_json_id(j, "intent_id", o->intent_id);
        oct_json_id(j, "feed_seq", o->feed_seq);
        oct_json_bool(j, "post_only", o->post_only != 0);
        oct_json_bool(j, "hidden", o->hidden != 0);
        oct_json_bool(j, "short_sale", o->short_sale != 0);
        oct_json_bool(j, "manual", o->manual != 0);
        put_order_times(j, o);
        put_fills(j, w->mirror, o);
    }
    oct_json_end(j, '}');
}

void oct_show_refusal(struct oct_json *j, const char *key, const struct oct_web *w,
                      const struct oct_mirror_refusal *r)
{
    const struct oct_verdict *v = &r->verdict;
    const struct oct_mirror *m = w->mirror;
    char id[24];
    snprintf(id, sizeof(id), "i%lu", (unsigned long)v->intent_id);
    oct_json_obj(j, key);
    oct_json_str(j, "id", id);
    if (v->inst < m->cfg.inst_cnt)
        put_sym(j, "symbol", m->inst[v->inst].symbol);
    oct_json_str(j, "side", oct_enum_text("SIDE", v->side));
    oct_json_str(j, "action", oct_enum_text("ACTION", v->action));
    oct_json_qty(j, "quantity", v->qty);
    oct_json_px_or_null(j, "price", v->px);
    oct_json_str(j, "status", "refused");
    oct_json_str(j, "reason", oct_enum_text("RISK", v->reason));
    oct_json_arr(j, "reasons");
    for (uint64_t bit = 1; bit < 64; bit++) {
        if ((v->failed >> bit & 1) != 0 && oct_enum_text("RISK", bit) != NULL)
            oct_json_str(j, NULL, oct_enum_text("RISK", bit));
    }
    oct_json_end(j, ']');
    oct_json_u64(j, "strategy", v->strategy);
    oct_json_u64(j, "account", v->account);
    oct_json_time(j, "created_at", r->now_ns);
    oct_json_end(j, '}');
}

void oct_show_positions(struct oct_json *j, const struct oct_web *w)
{
    const struct oct_mirror *m = w->mirror;
    oct_json_obj(j, NULL);
    oct_json_arr(j, "positions");
    for (uint32_t i = 0; i < m->pos_cnt; i++) {
        const struct oct_mirror_pos *p = &m->pos[i];
        oct_px mark = oct_mirror_mark(m, p->inst);
        if (mark.v == 0)
            mark = p->mark;
        oct_json_obj(j, NULL);
        if (p->inst < m->cfg.inst_cnt)
            put_sym(j, "symbol", m->inst[p->inst].symbol);
        oct_json_u64(j, "strategy", p->strategy);
        oct_json_u64(j, "account", p->account);
        oct_json_qty(j, "quantity", p->pos);
        oct_json_qty(j, "bought", p->bought);
        oct_json_qty(j, "sold", p->sold);
        oct_json_px_or_null(j, "current_price", mark);
        oct_json_money(j, "market_value", (oct_money){(__int128)mark.v * p->pos.v});
        oct_json_money(j, "cash", p->cash);
        oct_json_money(j, "pnl", (oct_money){p->cash.v + (__int128)mark.v * p->pos.v});
        oct_json_end(j, '}');
    }
    oct_json_end(j, ']');
    oct_json_end(j, '}');
}
