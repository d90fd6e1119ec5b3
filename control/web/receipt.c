/* receipt.c - why an order was sent, what it had to pass, and what became of it. */
#include "control/web/web_priv.h"
#include "dataplane/msg/desc.h"

#define RECORD_MAX 512u

static void put_record(struct oct_json *j, const char *key, const struct oct_msg_hdr *m)
{
    char text[8192];
    size_t n = oct_msg_json(m, text, sizeof(text));
    if (n < sizeof(text))
        oct_json_raw(j, key, text, n);
}

static void put_signal(struct oct_json *j, const struct oct_intent *in)
{
    oct_json_obj(j, "signal");
    oct_json_str(j, "action", oct_enum_text("ACTION", in->action));
    oct_json_f64(j, "score", in->score, 6);
    oct_json_f64(j, "confidence", in->confidence, 6);
    oct_json_bool(j, "manual", in->manual != 0);
    oct_json_arr(j, "contributions");
    for (size_t i = 0; i < OCT_ARRAY_CNT(in->contrib); i++) {
        if (in->contrib[i] == OCT_STRATEGY_NONE)
            continue;
        oct_json_obj(j, NULL);
        oct_json_u64(j, "strategy", in->contrib[i]);
        oct_json_f64(j, "weight", in->weight[i], 6);
        oct_json_f64(j, "signal", in->signal[i], 6);
        oct_json_end(j, '}');
    }
    oct_json_end(j, ']');
    oct_json_end(j, '}');
}

static void put_tick(struct oct_json *j, const struct oct_intent *in)
{
    oct_json_obj(j, "tick");
    oct_json_id(j, "feed_seq", in->feed_seq);
    oct_json_id(j, "input", in->hdr.input);
    oct_json_ns(j, "ts_exch", in->ts_exch_ns);
    oct_json_ns(j, "ts_rx", in->ts_rx_ns);
    oct_json_end(j, '}');
}

static void put_span(struct oct_json *j, const char *key, int64_t from, int64_t to)
{
    if (from == 0 || to == 0)
        oct_json_null(j, key);
    else
        oct_json_i64(j, key, to - from);
}

static void put_verdict(struct oct_json *j, const struct oct_web *w, const struct oct_verdict *v,
                        const struct oct_order *order)
{
    put_record(j, "verdict", &v->hdr);
    if (w->cfg.host.explain != NULL)
        w->cfg.host.explain(w->cfg.host.self, j, v, order);
}

/* The newest record of a type among an order's receipts, NULL when it is not kept any more. */
static const struct oct_msg_hdr *pick(const struct oct_msg_hdr *const *rec, uint32_t n,
                                      uint16_t type)
{
    for (uint32_t i = 0; i < n; i++) {
        if (rec[i]->type == type)
            return rec[i];
    }
    return NULL;
}

/* The first of its kind: what brought the order about, not what cancelled it. */
static const struct oct_msg_hdr *first(const struct oct_msg_hdr *const *rec, uint32_t n,
                                       uint16_t type)
{
    const struct oct_msg_hdr *found = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (rec[i]->type == type)
            found = rec[i];
    }
    return found;
}

static uint32_t collect(const struct oct_mirror *m, const struct oct_mirror_order *o,
                        const struct oct_msg_hdr **rec, bool *whole)
{
    uint32_t n = 0;
    uint64_t at = o->receipt;
    *whole = true;
    while (at != 0 && n < RECORD_MAX) {
        const struct oct_msg_hdr *r = oct_mirror_receipt(m, at, &at);
        if (r == NULL) {
            *whole = false;
            break;
        }
        rec[n++] = r;
    }
    return n;
}

void oct_show_receipt(struct oct_json *j, const struct oct_web *w, const struct oct_mirror_order *o)
{
    const struct oct_msg_hdr *rec[RECORD_MAX];
    bool whole;
    uint32_t n = collect(w->mirror, o, rec, &whole);
    const struct oct_intent *in = (const struct oct_intent *)first(rec, n, OCT_INTENT);
    const struct oct_verdict *v = (const struct oct_verdict *)first(rec, n, OCT_VERDICT);
    const struct oct_order *ord = (const struct oct_order *)first(rec, n, OCT_ORDER);
    const struct oct_order_update *up =
        (const struct oct_order_update *)pick(rec, n, OCT_ORDER_UPDATE);
    oct_json_obj(j, NULL);
    oct_show_order(j, "order", w, o, true);
    if (in != NULL) {
        put_tick(j, in);
        put_signal(j, in);
    }
    if (v != NULL)
        put_verdict(j, w, v, ord);
    oct_json_obj(j, "latency_ns");
    put_span(j, "exchange_to_receive", in != NULL ? in->ts_exch_ns : 0, o->ts_rx_ns);
    put_span(j, "receive_to_send", o->ts_rx_ns, o->sent_ns);
    put_span(j, "send_to_ack", o->sent_ns, o->ack_ns);
    put_span(j, "send_to_first_fill", o->sent_ns, o->fill_ns);
    put_span(j, "send_to_done", o->sent_ns, o->done_ns);
    oct_json_end(j, '}');
    oct_json_str(j, "last_event", up != NULL ? oct_enum_text("VEN", up->event) : NULL);
    oct_json_bool(j, "complete", whole); /* false: older records are only in the journal */
    oct_json_arr(j, "records");
    for (uint32_t i = n; i > 0; i--)
        put_record(j, NULL, rec[i - 1]);
    oct_json_end(j, ']');
    oct_json_end(j, '}');
}

void oct_show_receipt_refused(struct oct_json *j, const struct oct_web *w,
                              const struct oct_mirror_refusal *r)
{
    oct_json_obj(j, NULL);
    oct_show_refusal(j, "order", w, r);
    if (r->intent.hdr.type == OCT_INTENT) {
        put_tick(j, &r->intent);
        put_signal(j, &r->intent);
    }
    put_verdict(j, w, &r->verdict, NULL);
    oct_json_arr(j, "records");
    if (r->intent.hdr.type == OCT_INTENT)
        put_record(j, NULL, &r->intent.hdr);
    put_record(j, NULL, &r->verdict.hdr);
    oct_json_end(j, ']');
    oct_json_end(j, '}');
}
