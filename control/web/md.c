#include "control/web/md.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/md_priv.h"

/* Unsent bytes at which a conflating client is left alone until it has read. */
#define SOFT_SZ  (64u << 10)
#define HEAD_SZ  128u /* frame header and the client's own head, at most; and a warning */
#define VIEW_MAX 262144u

/* ---- sending ---------------------------------------------------------------------------------- */

/* The head that is the client's own, then what all share. */
static void send_entry(struct oct_md_entry *e, const struct oct_buf *body)
{
    struct oct_md_sub *sub = e->sub;
    if (sub->channel == OCT_MD_CH_SIMPLE) {
        oct_ws_send(sub->ws, body->p, body->sz, NULL, 0);
        return;
    }
    uint8_t mem[HEAD_SZ];
    struct oct_buf head = {.p = mem, .cap = sizeof(mem), .max = sizeof(mem)};
    oct_buf_str(&head, "{\"ch\":\"");
    oct_buf_str(&head, oct_md_channel_name(sub->channel));
    oct_buf_str(&head, "\",\"sid\":");
    oct_buf_u64(&head, sub->sid);
    oct_buf_str(&head, ",\"seq\":");
    oct_buf_u64(&head, ++sub->seq);
    oct_buf_chr(&head, ',');
    oct_ws_send(sub->ws, head.p, head.sz, body->p, body->sz);
}

static void fall_behind(struct oct_md_entry *e)
{
    e->behind = true;
    e->sub->ws->md->behind++;
    e->skipped = 1;
}

static void warn_half(struct oct_md_client *c, size_t pending)
{
    char text[160];
    if (c->warned || pending < c->hub->w->cfg.client_max / 2)
        return;
    c->warned = true;
    int n = snprintf(text, sizeof(text),
                     "{\"ch\":\"system\",\"t\":\"warning\",\"reason\":\"slow_consumer\","
                     "\"queued\":%zu,\"limit\":%zu}",
                     pending, c->hub->w->cfg.client_max);
    oct_ws_send(c->ws, text, (size_t)n, NULL, 0);
}

/* One message for one who is in step; or it falls behind. */
static void deliver(struct oct_md_entry *e, const struct oct_buf *body)
{
    struct oct_md_sub *sub = e->sub;
    struct oct_web *w = sub->ws->w;
    if (e->behind) {
        e->skipped++;
        return;
    }
    size_t pending = oct_stream_pending(sub->ws->s);
    if (sub->mode == OCT_MD_CONFLATE && pending > SOFT_SZ) {
        w->stats.ws_conflated++;
        fall_behind(e);
        return;
    }
    if (sub->mode != OCT_MD_CONFLATE && pending + body->sz + HEAD_SZ > w->cfg.client_max) {
        w->stats.ws_skipped++;
        fall_behind(e);
        if (sub->mode == OCT_MD_DROP)
            sub->ws->md->drop = true; /* not now: we are walking its entries */
        return;
    }
    if (sub->mode != OCT_MD_CONFLATE)
        warn_half(sub->ws->md, pending);
    send_entry(e, body);
}

static void deliver_all(struct oct_md_hub *h, struct oct_md_view *v)
{
    for (struct oct_md_entry *e = v->entries; e != NULL; e = e->next)
        deliver(e, &h->body);
}

static void read_book(struct oct_md_hub *h, const struct oct_md_view *v, uint32_t *bid_cnt,
                      uint32_t *ask_cnt)
{
    const struct oct_books *b = h->w->mirror->books;
    *bid_cnt = oct_book_depth(b, v->inst, OCT_BUY, h->level[OCT_BUY], v->depth);
    *ask_cnt = oct_book_depth(b, v->inst, OCT_SELL, h->level[OCT_SELL], v->depth);
}

/* Says what changed since the view was last looked at. */
static void emit(struct oct_md_hub *h, struct oct_md_view *v)
{
    uint32_t bid_cnt;
    uint32_t ask_cnt;
    switch ((enum oct_md_channel)v->channel) {
    case OCT_MD_CH_BOOK:
        read_book(h, v, &bid_cnt, &ask_cnt);
        if (oct_md_text_delta(h, v, bid_cnt, ask_cnt))
            deliver_all(h, v);
        break;
    case OCT_MD_CH_QUOTES:
        oct_md_text_quote(h, v);
        deliver_all(h, v);
        break;
    case OCT_MD_CH_SIMPLE:
        oct_md_text_simple(h, v);
        deliver_all(h, v);
        break;
    case OCT_MD_CH_TRADES: /* said at once, never conflated */
    case OCT_MD_CH_CNT:
        break;
    }
}

/* ---- catching up ------------------------------------------------------------------------------ */

static void catch_up_entry(struct oct_md_hub *h, struct oct_md_entry *e)
{
    struct oct_md_view *v = e->view;
    if (v->dirty)
        emit(h, v); /* those in step first, so that all stand at the same state */
    if (e->sub->mode == OCT_MD_RAW && e->skipped > 0 && e->joined) {
        oct_md_text_skipped(h, v, e->skipped, "slow_consumer");
        h->w->stats.ws_skipped += e->skipped;
        send_entry(e, &h->body);
    }
    switch ((enum oct_md_channel)v->channel) {
    case OCT_MD_CH_BOOK:
        oct_md_text_snapshot(h, v);
        send_entry(e, &h->body);
        break;
    case OCT_MD_CH_QUOTES:
        oct_md_text_quote(h, v);
        send_entry(e, &h->body);
        break;
    case OCT_MD_CH_SIMPLE:
        oct_md_text_simple(h, v);
        send_entry(e, &h->body);
        break;
    case OCT_MD_CH_TRADES:
    case OCT_MD_CH_CNT:
        break;
    }
    e->joined = true;
    e->behind = false;
    e->skipped = 0;
    e->sub->ws->md->behind--;
}

void oct_md_catch_up(struct oct_md_client *c)
{
    for (uint32_t i = 0; i < OCT_MD_SID_MAX && c->behind > 0; i++) {
        struct oct_md_sub *sub = c->sub[i];
        for (struct oct_md_entry *e = sub != NULL ? sub->entries : NULL; e != NULL;
             e = e->sub_next) {
            if (oct_stream_pending(c->ws->s) > SOFT_SZ)
                return;
            if (e->behind)
                catch_up_entry(c->hub, e);
        }
    }
    if (c->behind == 0)
        c->warned = false;
}

void oct_md_drained(struct oct_ws *ws)
{
    if (ws->md != NULL && ws->md->behind > 0)
        oct_md_catch_up(ws->md);
}

/* ---- views ------------------------------------------------------------------------------------ */

static struct oct_md_view *view_get(struct oct_md_hub *h, const struct oct_md_sub *sub,
                                    uint32_t inst)
{
    bool raw = sub->mode != OCT_MD_CONFLATE;
    int64_t interval_ns = raw ? 0 : (int64_t)sub->interval_ms * OCT_NS_PER_MS;
    struct oct_md_view *v;
    for (v = h->of_inst[inst]; v != NULL; v = v->next) {
        if (v->channel == sub->channel && v->depth == sub->depth && v->raw == raw &&
            v->interval_ns == interval_ns)
            return v;
    }
    if (h->view_cnt >= VIEW_MAX)
        return NULL;
    v = calloc(1, sizeof(*v));
    struct oct_level *levels = calloc(2 * (size_t)sub->depth + 1, sizeof(*levels));
    if (v == NULL || levels == NULL) {
        free(v);
        free(levels);
        return NULL;
    }
    v->bid = levels;
    v->ask = levels + sub->depth;
    v->inst = inst;
    v->depth = sub->depth;
    v->channel = sub->channel;
    v->raw = raw;
    v->interval_ns = interval_ns;
    v->doubt = oct_mirror_book_doubt(h->w->mirror, inst);
    if (v->channel == OCT_MD_CH_BOOK) {
        uint32_t bid_cnt;
        uint32_t ask_cnt;
        read_book(h, v, &bid_cnt, &ask_cnt);
        (void)oct_md_text_delta(h, v, bid_cnt, ask_cnt); /* nobody listens yet: only the state */
    }
    v->next = h->of_inst[inst];
    h->of_inst[inst] = v;
    h->view_cnt++;
    h->w->mirror->watched[inst] = 1;
    return v;
}

static void view_put(struct oct_md_hub *h, struct oct_md_view *v)
{
    if (v->entries != NULL)
        return;
    struct oct_md_view **at = &h->of_inst[v->inst];
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    for (uint32_t i = 0; v->dirty && i < h->dirty_cnt; i++) {
        if (h->dirty[i] == v) {
            h->dirty[i] = h->dirty[--h->dirty_cnt];
            break;
        }
    }
    h->w->mirror->watched[v->inst] = h->of_inst[v->inst] != NULL;
    h->view_cnt--;
    free(v->bid);
    free(v);
}

static void mark_dirty(struct oct_md_hub *h, struct oct_md_view *v)
{
    if (v->dirty)
        return;
    if (h->dirty_cnt == h->dirty_cap) {
        uint32_t cap = h->dirty_cap == 0 ? 256 : h->dirty_cap * 2;
        struct oct_md_view **d = realloc(h->dirty, cap * sizeof(struct oct_md_view *));
        if (d == NULL) {
            emit(h, v); /* no room to remember it: say it now */
            return;
        }
        h->dirty = d;
        h->dirty_cap = cap;
    }
    v->dirty = true;
    h->dirty[h->dirty_cnt++] = v;
}

/* ---- subscriptions ---------------------------------------------------------------------------- */

int oct_md_watch(struct oct_md_hub *h, struct oct_md_sub *sub, uint32_t inst)
{
    for (struct oct_md_entry *e = sub->entries; e != NULL; e = e->sub_next) {
        if (e->view->inst == inst)
            return -EEXIST;
    }
    struct oct_md_entry *e = calloc(1, sizeof(*e));
    struct oct_md_view *v = e != NULL ? view_get(h, sub, inst) : NULL;
    if (v == NULL) {
        free(e);
        return -ENOMEM;
    }
    e->sub = sub;
    e->view = v;
    e->next = v->entries;
    e->link = &v->entries;
    if (e->next != NULL)
        e->next->link = &e->next;
    v->entries = e;
    e->sub_next = sub->entries;
    sub->entries = e;
    sub->entry_cnt++;
    e->behind = true;
    sub->ws->md->behind++;
    return 0;
}

static void entry_free(struct oct_md_hub *h, struct oct_md_entry *e)
{
    *e->link = e->next;
    if (e->next != NULL)
        e->next->link = e->link;
    if (e->behind)
        e->sub->ws->md->behind--;
    view_put(h, e->view);
    free(e);
}

void oct_md_unwatch(struct oct_md_hub *h, struct oct_md_sub *sub, uint32_t inst)
{
    struct oct_md_entry **at = &sub->entries;
    while (*at != NULL && (*at)->view->inst != inst)
        at = &(*at)->sub_next;
    struct oct_md_entry *e = *at;
    if (e == NULL)
        return;
    *at = e->sub_next;
    sub->entry_cnt--;
    entry_free(h, e);
}

void oct_md_sub_free(struct oct_md_hub *h, struct oct_md_sub *sub)
{
    while (sub->entries != NULL) {
        struct oct_md_entry *e = sub->entries;
        sub->entries = e->sub_next;
        entry_free(h, e);
    }
    free(sub);
}

static void on_beat(struct oct_alarm *a)
{
    struct oct_md_client *c =
        (struct oct_md_client *)((char *)a - offsetof(struct oct_md_client, beat));
    struct oct_loop *l = c->hub->w->loop;
    size_t pending = oct_stream_pending(c->ws->s);
    char text[192];
    int64_t late_ns = oct_loop_now(l) - a->due_ns;
    int n = snprintf(text, sizeof(text),
                     "{\"op\":\"heartbeat\",\"n\":%lu,\"ts\":\"%ld\",\"lag_ms\":%ld,"
                     "\"queued\":%zu}",
                     (unsigned long)++c->beat_cnt, (long)oct_loop_utc(l),
                     (long)(late_ns / OCT_NS_PER_MS), pending);
    if (pending < SOFT_SZ)
        oct_ws_send(c->ws, text, (size_t)n, NULL, 0);
    oct_loop_alarm(l, a, oct_loop_now(l) + OCT_NS_PER_S);
}

int oct_md_join(struct oct_md_hub *h, struct oct_ws *ws)
{
    struct oct_md_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return -ENOMEM;
    c->hub = h;
    c->ws = ws;
    c->beat.fn = on_beat;
    c->next = h->clients;
    c->link = &h->clients;
    if (c->next != NULL)
        c->next->link = &c->next;
    h->clients = c;
    ws->md = c;
    if (!ws->octopus) {
        char text[160];
        int n = snprintf(text, sizeof(text),
                         "{\"type\":\"connection_established\",\"client_id\":\"%016lx\","
                         "\"channels_available\":[\"book\",\"quotes\",\"trades\"],"
                         "\"timestamp\":%ld}",
                         (unsigned long)ws->client_id,
                         (long)(oct_loop_utc(h->w->loop) / OCT_NS_PER_MS));
        oct_ws_send(ws, text, (size_t)n, NULL, 0);
    }
    return 0;
}

void oct_md_leave(struct oct_ws *ws)
{
    struct oct_md_client *c = ws->md;
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < OCT_MD_SID_MAX; i++) {
        if (c->sub[i] != NULL)
            oct_md_sub_free(c->hub, c->sub[i]);
    }
    oct_loop_alarm_clear(c->hub->w->loop, &c->beat);
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    ws->md = NULL;
    free(c);
}

/* ---- the mirror's hooks ----------------------------------------------------------------------- */

/* Says that a book became doubtful, or right again: then with a snapshot. */
static void check_doubt(struct oct_md_hub *h, struct oct_md_view *v, uint64_t from_seq,
                        uint64_t to_seq)
{
    uint32_t doubt = oct_mirror_book_doubt(h->w->mirror, v->inst);
    if (v->channel != OCT_MD_CH_BOOK || v->doubt == doubt)
        return;
    v->doubt = doubt;
    emit(h, v);
    if (doubt == 0)
        oct_md_text_snapshot(h, v);
    else
        oct_md_text_doubt(h, v, doubt, from_seq, to_seq);
    deliver_all(h, v);
}

void oct_md_on_inst(struct oct_md_hub *h, uint32_t inst, bool book, const struct oct_md *trade)
{
    for (struct oct_md_view *v = h->of_inst[inst]; v != NULL; v = v->next) {
        check_doubt(h, v, 0, 0);
        if (v->channel == OCT_MD_CH_TRADES) {
            if (trade != NULL) {
                oct_md_text_trade(h, v, trade);
                deliver_all(h, v);
            }
        } else if (v->channel == OCT_MD_CH_BOOK && !book) {
            continue;
        } else if (v->raw) {
            emit(h, v);
        } else {
            mark_dirty(h, v);
        }
    }
}

void oct_md_on_doubt(struct oct_md_hub *h, uint64_t from_seq, uint64_t to_seq)
{
    for (uint32_t i = 0; h->view_cnt > 0 && i < h->w->mirror->cfg.inst_cnt; i++) {
        for (struct oct_md_view *v = h->of_inst[i]; v != NULL; v = v->next)
            check_doubt(h, v, from_seq, to_seq);
    }
}

/* A run that does not continue the old one: numbers of instruments may mean others now. */
void oct_md_on_reset(struct oct_md_hub *h)
{
    while (h->clients != NULL)
        oct_ws_close(h->clients->ws, OCT_WS_RESTART, "the dataplane started a new run");
}

void oct_md_publish(struct oct_md_hub *h)
{
    int64_t now = oct_loop_now(h->w->loop);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < h->dirty_cnt; i++) {
        struct oct_md_view *v = h->dirty[i];
        if (now < v->due_ns) {
            h->dirty[kept++] = v;
            continue;
        }
        v->dirty = false;
        v->due_ns = now + v->interval_ns;
        emit(h, v);
    }
    h->dirty_cnt = kept;
    for (struct oct_md_client *c = h->clients, *next; c != NULL; c = next) {
        next = c->next;
        if (!c->drop)
            continue;
        h->w->stats.ws_slow_closed++;
        oct_ws_close(c->ws, OCT_WS_SLOW, "slow consumer");
    }
}

uint64_t oct_md_queue_bytes(const struct oct_web *w)
{
    uint64_t sum = 0;
    for (const struct oct_ws *ws = w->sockets; ws != NULL; ws = ws->next)
        sum += oct_stream_pending(ws->s);
    return sum;
}

int oct_md_create(struct oct_md_hub **out, struct oct_web *w)
{
    struct oct_md_hub *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return -ENOMEM;
    h->w = w;
    h->of_inst = calloc(w->mirror->cfg.inst_cnt, sizeof(struct oct_md_view *));
    if (h->of_inst == NULL) {
        free(h);
        return -ENOMEM;
    }
    *out = h;
    return 0;
}

void oct_md_destroy(struct oct_md_hub *h)
{
    if (h == NULL)
        return;
    OCT_ASSERT(h->clients == NULL && h->view_cnt == 0);
    oct_buf_fini(&h->body);
    free(h->of_inst);
    free(h->dirty);
    free(h);
}
