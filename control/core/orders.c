#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/core/mirror_priv.h"

/* ---- receipts: decision records in a ring of bytes, linked from new to old by order ---------- */

struct receipt {
    uint64_t prev;
    uint64_t at; /* its own place: whether it was overwritten shows */
};

const struct oct_msg_hdr *oct_mirror_receipt(const struct oct_mirror *m, uint64_t at,
                                             uint64_t *prev)
{
    size_t cap = m->cfg.receipt_sz;
    if (at == 0 || at + cap < m->receipt_head + sizeof(struct receipt) + OCT_MSG_SZ_MAX)
        return NULL;
    const struct receipt *r = (const struct receipt *)(m->receipt + at % cap);
    if (r->at != at)
        return NULL;
    *prev = r->prev;
    return (const struct oct_msg_hdr *)(r + 1);
}

static uint64_t receipt_put(struct oct_mirror *m, const struct oct_msg_hdr *rec, uint64_t prev)
{
    size_t cap = m->cfg.receipt_sz;
    size_t need = oct_align_up(sizeof(struct receipt) + rec->sz, 16);
    size_t left = cap - m->receipt_head % cap;
    if (left < sizeof(struct receipt) + OCT_MSG_SZ_MAX)
        m->receipt_head += left; /* records lie in one piece */
    uint64_t at = m->receipt_head;
    struct receipt *r = (struct receipt *)(m->receipt + at % cap);
    *r = (struct receipt){.prev = prev, .at = at};
    memcpy(r + 1, rec, rec->sz);
    m->receipt_head = at + need;
    return at;
}

/* ---- orders ----------------------------------------------------------------------------------- */

struct oct_mirror_order *oct_mirror_order_at(const struct oct_mirror *m, uint32_t serial)
{
    OCT_ASSERT(serial < m->order_cnt);
    return &m->order_chunk[serial / OCT_MIRROR_CHUNK][serial % OCT_MIRROR_CHUNK];
}

static struct oct_mirror_order *find(const struct oct_mirror *m, uint64_t id)
{
    uint32_t serial = oct_map_get(&m->by_order, id);
    return serial < m->order_cnt ? oct_mirror_order_at(m, serial) : NULL;
}

const struct oct_mirror_order *oct_mirror_order_by_id(const struct oct_mirror *m, uint64_t id)
{
    return find(m, id);
}

static struct oct_mirror_order *order_new(struct oct_mirror *m, uint64_t id)
{
    struct oct_mirror_order *o = find(m, id);
    if (o != NULL)
        return o;
    if (m->order_cnt >= m->cfg.order_cnt_max)
        goto full;
    struct oct_mirror_order **chunk = &m->order_chunk[m->order_cnt / OCT_MIRROR_CHUNK];
    if (*chunk == NULL) {
        *chunk = calloc(OCT_MIRROR_CHUNK, sizeof(**chunk));
        if (*chunk == NULL)
            goto full;
    }
    if (oct_map_put(&m->by_order, id, m->order_cnt) != 0)
        goto full;
    o = &(*chunk)[m->order_cnt % OCT_MIRROR_CHUNK];
    *o = (struct oct_mirror_order){
        .order_id = id, .serial = m->order_cnt, .last_fill = OCT_MAP_NONE};
    m->order_cnt++;
    return o;
full:
    m->totals.forgotten++;
    return NULL;
}

static bool terminal(uint8_t state)
{
    return state == OCT_ORD_STATE_FILLED || state == OCT_ORD_STATE_CANCELLED ||
           state == OCT_ORD_STATE_REJECTED || state == OCT_ORD_STATE_CLOSED;
}

static void keep(struct oct_mirror *m, struct oct_mirror_order *o, const struct oct_msg_hdr *rec)
{
    if (o != NULL)
        o->receipt = receipt_put(m, rec, o->receipt);
}

static const struct oct_intent *intent_of(const struct oct_mirror *m, uint64_t intent_id)
{
    const struct oct_intent *in = &m->intent[intent_id % OCT_ARRAY_CNT(m->intent)];
    return in->hdr.type == OCT_INTENT && in->intent_id == intent_id ? in : NULL;
}

static void on_verdict(struct oct_mirror *m, const struct oct_verdict *v)
{
    const struct oct_intent *in = intent_of(m, v->intent_id);
    if (v->reason != OCT_RISK_OK) {
        m->totals.refused++;
        m->totals.refused_by[v->reason % OCT_MIRROR_REASON_CNT]++;
        struct oct_mirror_refusal *r = &m->refusal[m->refusal_cnt % OCT_MIRROR_REFUSAL_CNT];
        *r = (struct oct_mirror_refusal){
            .verdict = *v, .serial = m->refusal_cnt, .now_ns = m->now_ns};
        if (in != NULL)
            r->intent = *in;
        m->refusal_cnt++;
        return;
    }
    m->totals.approved++;
    struct oct_mirror_order *o = v->action == OCT_ACTION_NEW || v->action == OCT_ACTION_REPLACE
                                     ? order_new(m, v->order_id)
                                     : find(m, v->order_id);
    if (o == NULL)
        return;
    if (in != NULL) {
        keep(m, o, &in->hdr);
        o->manual = in->manual;
    }
    keep(m, o, &v->hdr);
}

static void on_order(struct oct_mirror *m, const struct oct_order *r)
{
    bool fresh = r->action == OCT_ACTION_NEW || r->action == OCT_ACTION_REPLACE;
    if (r->action == OCT_ACTION_ACCOUNT_QUERY)
        return;
    struct oct_mirror_order *o = fresh ? order_new(m, r->order_id) : find(m, r->order_id);
    if (!fresh && o == NULL)
        o = find(m, r->orig_order_id);
    if (o == NULL)
        return;
    keep(m, o, &r->hdr);
    if (!fresh) {
        o->cancel_sent = r->action == OCT_ACTION_CANCEL;
        return;
    }
    m->totals.orders_sent++;
    o->orig_order_id = r->action == OCT_ACTION_REPLACE ? r->orig_order_id : 0;
    o->intent_id = r->intent_id;
    o->feed_seq = r->feed_seq;
    o->ts_rx_ns = r->ts_rx_ns;
    o->sent_ns = r->now_ns;
    o->update_ns = r->now_ns;
    o->px = r->px;
    o->qty = r->qty;
    o->min_qty = r->min_qty;
    o->open = r->qty;
    o->user_ref = r->user_ref;
    o->inst = r->inst;
    o->strategy = r->strategy;
    o->account = r->account;
    o->side = r->side;
    o->ord_type = r->ord_type;
    o->tif = r->tif;
    o->post_only = r->post_only;
    o->hidden = r->hidden;
    o->short_sale = r->short_sale;
    o->symbol = r->symbol;
    if (o->state == OCT_ORD_STATE_NONE)
        o->state = OCT_ORD_STATE_SENT;
}

static void count_event(struct oct_mirror *m, struct oct_mirror_order *o,
                        const struct oct_order_update *r)
{
    if (r->event == OCT_VEN_ACCEPTED || r->event == OCT_VEN_REPLACED) {
        if (o->ack_ns == 0)
            m->totals.acked++;
    }
    if (r->event != 0 && o->ack_ns == 0)
        o->ack_ns = r->now_ns;
    if (!terminal(r->state) || terminal(o->state))
        return;
    o->done_ns = r->now_ns;
    m->totals.cancelled += r->state == OCT_ORD_STATE_CANCELLED;
    m->totals.rejected += r->state == OCT_ORD_STATE_REJECTED;
}

static void on_update(struct oct_mirror *m, const struct oct_order_update *r)
{
    struct oct_mirror_order *o = find(m, r->order_id);
    if (o == NULL) {
        /* Adopted from the venue's replay: its order record was lost. */
        o = order_new(m, r->order_id);
        if (o == NULL)
            return;
        o->user_ref = r->user_ref;
        o->inst = r->inst;
        o->strategy = r->strategy;
        o->account = r->account;
        o->side = r->side;
        o->sent_ns = r->now_ns;
        if (r->inst < m->cfg.inst_cnt)
            o->symbol = m->inst[r->inst].symbol;
    }
    keep(m, o, &r->hdr);
    count_event(m, o, r);
    o->state = r->state;
    o->event = r->event;
    o->reason = r->reason;
    if (o->qty.v == 0) { /* adopted: what was ordered is only known from here */
        o->px = r->px;
        o->qty = r->qty;
    }
    o->filled = r->filled;
    o->open = r->open;
    o->update_ns = r->now_ns;
    if (r->venue_ref != 0)
        o->venue_ref = r->venue_ref;
    if (m->hooks.order != NULL)
        m->hooks.order(m->hooks.self, &r->hdr, o);
}

/* ---- fills and positions ------------------------------------------------------------------------ */

static struct oct_mirror_pos *pos_of(struct oct_mirror *m, uint16_t strategy, uint16_t account,
                                     uint32_t inst)
{
    uint64_t key = (uint64_t)strategy << 48 | (uint64_t)account << 32 | inst;
    uint32_t i = oct_map_get(&m->by_pos, key);
    if (i < m->pos_cnt)
        return &m->pos[i];
    if (m->pos_cnt == m->pos_cap) {
        uint32_t cap = m->pos_cap == 0 ? 64 : m->pos_cap * 2;
        struct oct_mirror_pos *p = realloc(m->pos, cap * sizeof(*p));
        if (p == NULL)
            goto full;
        m->pos = p;
        m->pos_cap = cap;
    }
    if (oct_map_put(&m->by_pos, key, m->pos_cnt) != 0)
        goto full;
    m->pos[m->pos_cnt] =
        (struct oct_mirror_pos){.inst = inst, .strategy = strategy, .account = account};
    return &m->pos[m->pos_cnt++];
full:
    m->totals.forgotten++;
    return NULL;
}

static void fill_keep(struct oct_mirror *m, struct oct_mirror_order *o, const struct oct_fill *r)
{
    if (m->fill_cnt == m->fill_cap && m->fill_cap < m->cfg.fill_cnt_max) {
        uint32_t cap = m->fill_cap == 0 ? 1024 : m->fill_cap * 2;
        if (cap > m->cfg.fill_cnt_max)
            cap = m->cfg.fill_cnt_max;
        struct oct_mirror_fill *f = realloc(m->fill, cap * sizeof(*f));
        if (f != NULL) {
            m->fill = f;
            m->fill_cap = cap;
        }
    }
    if (m->fill_cnt == m->fill_cap) {
        m->totals.forgotten++;
        return;
    }
    m->fill[m->fill_cnt] =
        (struct oct_mirror_fill){.rec = *r, .prev = o != NULL ? o->last_fill : OCT_MAP_NONE};
    if (o != NULL)
        o->last_fill = m->fill_cnt;
    m->fill_cnt++;
}

static void on_fill(struct oct_mirror *m, const struct oct_fill *r)
{
    /* A broken match is undone: the same figures, the other way round. */
    int64_t sign = r->broken ? -1 : 1;
    oct_money notional = {oct_notional(r->px, r->qty).v * sign};
    struct oct_mirror_order *o = find(m, r->order_id);
    m->totals.fills += !r->broken;
    fill_keep(m, o, r);
    if (o != NULL) {
        keep(m, o, &r->hdr);
        o->fill_cnt++;
        o->fill_qty.v += sign * r->qty.v;
        o->notional.v += notional.v;
        if (o->fill_ns == 0)
            o->fill_ns = r->now_ns;
        if (o->ack_ns == 0)
            o->ack_ns = r->now_ns;
    }
    struct oct_mirror_pos *p = pos_of(m, r->strategy, r->account, r->inst);
    if (p != NULL && r->side == OCT_BUY) {
        p->pos.v += sign * r->qty.v;
        p->bought.v += sign * r->qty.v;
        p->cash.v -= notional.v;
    } else if (p != NULL) {
        p->pos.v -= sign * r->qty.v;
        p->sold.v += sign * r->qty.v;
        p->cash.v += notional.v;
    }
    if (m->hooks.order != NULL)
        m->hooks.order(m->hooks.self, &r->hdr, o);
}

static void on_position(struct oct_mirror *m, const struct oct_position *r)
{
    struct oct_mirror_pos *p = pos_of(m, r->strategy, r->account, r->inst);
    if (p == NULL)
        return;
    p->work_buy = r->buy;
    p->work_sell = r->sell;
    p->mark = r->mark;
}

void oct_mirror_decision(struct oct_mirror *m, const struct oct_msg_hdr *rec)
{
    switch (rec->type) {
    case OCT_INTENT: {
        const struct oct_intent *in = (const struct oct_intent *)rec;
        m->totals.intents++;
        m->intent[in->intent_id % OCT_ARRAY_CNT(m->intent)] = *in;
        break;
    }
    case OCT_VERDICT:
        on_verdict(m, (const struct oct_verdict *)rec);
        break;
    case OCT_ORDER:
        on_order(m, (const struct oct_order *)rec);
        break;
    case OCT_ORDER_UPDATE:
        on_update(m, (const struct oct_order_update *)rec);
        break;
    case OCT_FILL:
        on_fill(m, (const struct oct_fill *)rec);
        break;
    case OCT_POSITION:
        on_position(m, (const struct oct_position *)rec);
        break;
    default:
        break;
    }
}

const struct oct_mirror_refusal *oct_mirror_refusal_by_intent(const struct oct_mirror *m,
                                                              uint64_t intent_id)
{
    uint64_t n = m->refusal_cnt < OCT_MIRROR_REFUSAL_CNT ? m->refusal_cnt : OCT_MIRROR_REFUSAL_CNT;
    for (uint64_t i = 0; i < n; i++) {
        const struct oct_mirror_refusal *r =
            &m->refusal[(m->refusal_cnt - 1 - i) % OCT_MIRROR_REFUSAL_CNT];
        if (r->verdict.intent_id == intent_id)
            return r;
    }
    return NULL;
}
