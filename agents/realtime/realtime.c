#include "agents/realtime/realtime.h"

#include <string.h>

#include "agents/realtime/realtime_priv.h"
#include "dataplane/base/hash.h"

const struct oct_counter_def oct_realtime_counter_defs[OCT_REALTIME_COUNTER_CNT] = {
    [OCT_REALTIME_BBO] = {"realtime_bbo", "Changes of a best price or its size.",
                          OCT_COUNTER_TOTAL},
    [OCT_REALTIME_TRADES] = {"realtime_trades", "Trades of every kind.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_HIDDEN] = {"realtime_hidden", "Trades against hidden orders.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_CROSSES] = {"realtime_crosses", "Auction trades.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_BROKEN] = {"realtime_broken", "Trades broken by the venue.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_BARS] = {"realtime_bars", "Bars closed.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_STATES] = {"realtime_states", "Changes of an instrument's state.",
                             OCT_COUNTER_TOTAL},
    [OCT_REALTIME_NOTICES] = {"realtime_notices", "Messages that no state here depends on.",
                              OCT_COUNTER_TOTAL},
    [OCT_REALTIME_UNKNOWN_EXEC] = {"realtime_unknown_exec", "Executions of unknown orders.",
                                   OCT_COUNTER_TOTAL},
    [OCT_REALTIME_UNKNOWN_EXEC_PX] = {"realtime_unknown_exec_px",
                                      "Executions with a price of unknown orders.",
                                      OCT_COUNTER_TOTAL},
    [OCT_REALTIME_UNKNOWN_REDUCE] = {"realtime_unknown_reduce",
                                     "Partial cancels of unknown orders.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_UNKNOWN_DELETE] = {"realtime_unknown_delete", "Deletions of unknown orders.",
                                     OCT_COUNTER_TOTAL},
    [OCT_REALTIME_UNKNOWN_REPLACE] = {"realtime_unknown_replace", "Replacements of unknown orders.",
                                      OCT_COUNTER_TOTAL},
    [OCT_REALTIME_DUP] = {"realtime_duplicate_refs", "New references that were known already.",
                          OCT_COUNTER_TOTAL},
    [OCT_REALTIME_FULL] = {"realtime_full", "Orders refused for lack of room.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_RANGE] = {"realtime_range", "Prices or quantities that cannot be.",
                            OCT_COUNTER_TOTAL},
    [OCT_REALTIME_INST_RANGE] = {"realtime_inst_range", "Instrument numbers beyond the tables.",
                                 OCT_COUNTER_TOTAL},
    [OCT_REALTIME_INST_OTHER] = {"realtime_inst_other",
                                 "Messages whose order belongs to another instrument.",
                                 OCT_COUNTER_TOTAL},
    [OCT_REALTIME_SYMBOL_OTHER] = {"realtime_symbol_other",
                                   "Symbols that differ from the reference data.",
                                   OCT_COUNTER_TOTAL},
    [OCT_REALTIME_LOCKED] = {"realtime_locked", "Times a book became locked.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_CROSSED] = {"realtime_crossed", "Times a book became crossed.",
                              OCT_COUNTER_TOTAL},
    [OCT_REALTIME_GAPS] = {"realtime_gaps", "Gaps that made all books stale.", OCT_COUNTER_TOTAL},
    [OCT_REALTIME_LOSSES] = {"realtime_losses", "Losses that made all books stale for good.",
                             OCT_COUNTER_TOTAL},
    [OCT_REALTIME_CLEARED] = {"realtime_cleared", "Clears of one book or of all.",
                              OCT_COUNTER_TOTAL},
    [OCT_REALTIME_ORDERS] = {"realtime_orders", "Live orders, once a second.", OCT_COUNTER_GAUGE},
    [OCT_REALTIME_LEVELS] = {"realtime_levels", "Live price levels, once a second.",
                             OCT_COUNTER_GAUGE},
    [OCT_REALTIME_STASHED] = {"realtime_stashed", "Orders in the table's stash, once a second.",
                              OCT_COUNTER_GAUGE},
};

/* ---- set-up ------------------------------------------------------------------------------------ */

struct layout {
    size_t books, view, tape, ref, features, ind, named, action, rows, row_at, list, sz;
    uint32_t row_slots;
};

static size_t carve(size_t *off, size_t sz)
{
    size_t at = *off;
    *off = oct_align_up(at + sz, OCT_BLOCK_SZ);
    return at;
}

static struct oct_books_cfg books_cfg(const struct oct_realtime_cfg *cfg)
{
    return (struct oct_books_cfg){.inst_cnt = cfg->inst_cnt,
                                  .order_cnt_max = cfg->order_cnt_max,
                                  .level_cnt_max = cfg->level_cnt_max,
                                  .seed = cfg->seed};
}

static bool layout_of(const struct oct_realtime_cfg *cfg, struct layout *l)
{
    struct oct_books_cfg bc = books_cfg(cfg);
    size_t books_sz = oct_books_footprint(&bc), n = cfg->inst_cnt;
    bool interval =
        cfg->bar_interval_s == 1 || cfg->bar_interval_s == 60 || cfg->bar_interval_s == 300;
    if (books_sz == 0 || !interval || cfg->silence_ns <= 0 || cfg->tick.v <= 0 ||
        cfg->tick_sub.v <= 0 || cfg->lot == 0 || (cfg->row_cnt != 0 && cfg->rows == NULL) ||
        cfg->row_cnt > UINT32_C(1) << 24)
        return false;
    size_t off = oct_align_up(sizeof(struct oct_realtime), OCT_BLOCK_SZ);
    l->view = carve(&off, n * sizeof(struct oct_inst_view));
    l->tape = carve(&off, n * sizeof(struct oct_rt_tape));
    l->features = carve(&off, n * sizeof(struct oct_features));
    l->named = carve(&off, (n + 63) / 64 * sizeof(uint64_t));
    l->action = carve(&off, n);
    l->list = carve(&off, OCT_RT_LEVELS * n * sizeof(uint32_t));
    l->ref = carve(&off, n * sizeof(struct oct_inst_ref));
    l->ind = carve(&off, n * sizeof(struct oct_ind));
    l->rows = carve(&off, cfg->row_cnt * sizeof(struct oct_realtime_row));
    l->row_slots = 2;
    while (l->row_slots < 2 * cfg->row_cnt)
        l->row_slots *= 2;
    l->row_at = carve(&off, l->row_slots * sizeof(uint32_t));
    l->books = carve(&off, books_sz);
    l->sz = off;
    return true;
}

size_t oct_realtime_footprint(const struct oct_realtime_cfg *cfg)
{
    struct layout l;
    return layout_of(cfg, &l) ? l.sz : 0;
}

struct oct_realtime *oct_realtime_new(void *mem, const struct oct_realtime_cfg *cfg)
{
    struct layout l;
    if (!layout_of(cfg, &l))
        return NULL;
    OCT_ASSERT(((uintptr_t)mem & (OCT_BLOCK_SZ - 1)) == 0);
    OCT_ASSERT(cfg->counters != NULL && cfg->market.fn != NULL);
    memset(mem, 0, l.books);
    struct oct_realtime *r = mem;
    uint8_t *base = mem;
    struct oct_books_cfg bc = books_cfg(cfg);
    r->cfg = *cfg;
    r->view = (struct oct_inst_view *)(base + l.view);
    r->tape = (struct oct_rt_tape *)(base + l.tape);
    r->features = (struct oct_features *)(base + l.features);
    r->named = (uint64_t *)(base + l.named);
    r->action = (char *)(base + l.action);
    r->ref = (struct oct_inst_ref *)(base + l.ref);
    r->ind = (struct oct_ind *)(base + l.ind);
    r->rows = (struct oct_realtime_row *)(base + l.rows);
    r->row_at = (uint32_t *)(base + l.row_at);
    r->row_mask = l.row_slots - 1;
    if (cfg->row_cnt != 0)
        memcpy(r->rows, cfg->rows, cfg->row_cnt * sizeof(*r->rows));
    r->cfg.rows = r->rows;
    for (uint32_t i = 0; i < OCT_RT_LEVELS; i++)
        r->list[i].inst = (uint32_t *)(base + l.list) + (size_t)i * cfg->inst_cnt;
    for (uint32_t i = 0; i < cfg->inst_cnt; i++)
        oct_ind_init(&r->ind[i], &r->features[i]);
    oct_rt_state_init(r);
    r->books = oct_books_new(base + l.books, &bc);
    return r;
}

void oct_realtime_view(const struct oct_realtime *self, struct oct_view *view)
{
    view->inst = self->view;
    view->ref = self->ref;
    view->features = self->features;
    view->books = self->books;
    view->inst_cnt = self->cfg.inst_cnt;
}

OCT_INLINE void fetch_view(const struct oct_realtime *r, const struct oct_book_hint *hint)
{
    __builtin_prefetch(&r->view[hint->inst < r->cfg.inst_cnt ? hint->inst : 0], 1, 3);
}

void oct_realtime_prefetch1(const void *self, struct oct_book_hint *hint)
{
    const struct oct_realtime *r = self;
    fetch_view(r, hint);
    oct_books_prefetch1(r->books, hint);
}

void oct_realtime_prefetch_lone(const void *self, struct oct_book_hint *hint)
{
    const struct oct_realtime *r = self;
    fetch_view(r, hint);
    oct_books_prefetch_lone(r->books, hint);
}

void oct_realtime_prefetch2(const void *self, struct oct_book_hint *hint)
{
    oct_books_prefetch2(((const struct oct_realtime *)self)->books, hint);
}

void oct_realtime_prefetch3(const void *self, struct oct_book_hint *hint)
{
    oct_books_prefetch3(((const struct oct_realtime *)self)->books, hint);
}

void oct_realtime_prefetch4(const void *self, struct oct_book_hint *hint)
{
    oct_books_prefetch4(((const struct oct_realtime *)self)->books, hint);
}

uint64_t oct_realtime_digest(const void *self)
{
    const struct oct_realtime *r = self;
    size_t n = r->cfg.inst_cnt;
    uint64_t own[] = {oct_books_digest(r->books, UINT32_MAX),
                      (uint64_t)r->exch_ns,
                      (uint64_t)r->next_sec_ns,
                      (uint64_t)r->last_md_ns,
                      r->gap_to,
                      r->publish_at,
                      r->inst_used,
                      (uint64_t)r->sweeping << 1 | r->silence_armed};
    uint64_t h = oct_digest64(0, own, sizeof(own));
    h = oct_digest64(h, r->view, n * sizeof(*r->view));
    h = oct_digest64(h, r->tape, n * sizeof(*r->tape));
    h = oct_digest64(h, r->features, n * sizeof(*r->features));
    h = oct_digest64(h, r->ref, n * sizeof(*r->ref));
    h = oct_digest64(h, r->ind, n * sizeof(*r->ind));
    h = oct_digest64(h, r->action, n);
    for (uint32_t i = 0; i < OCT_RT_LEVELS; i++) {
        const struct oct_rt_list *l = &r->list[i];
        for (uint32_t k = 0; k < l->cnt; k++) {
            uint32_t at = (l->head + k) % r->cfg.inst_cnt;
            h = oct_mix64(h ^ l->inst[at]);
        }
        h = oct_mix64(h ^ ((uint64_t)l->left << 1 | l->want));
    }
    return h;
}

/* ---- orders and trades ------------------------------------------------------------------------- */

void oct_rt_top(struct oct_realtime *r, struct oct_step *step, const struct oct_book_touch *t)
{
    uint32_t inst = t->inst;
    struct oct_inst_view *v = &r->view[inst];
    *(t->side == OCT_BUY ? &v->bid_px : &v->ask_px) = t->best_px;
    *(t->side == OCT_BUY ? &v->bid_qty : &v->ask_qty) = t->best_qty;
    v->bbo_ns = step->now_ns;
    uint8_t was = v->locked;
    v->locked = 0;
    if (oct_unlikely(v->bid_px.v >= v->ask_px.v && v->bid_px.v != 0 && v->ask_px.v != 0)) {
        v->locked = v->bid_px.v > v->ask_px.v ? 2 : 1;
        if (v->locked != was)
            oct_rt_count(r, v->locked == 2 ? OCT_REALTIME_CROSSED : OCT_REALTIME_LOCKED);
    }
    struct oct_bbo m = {OCT_MSG_HDR(BBO, bbo),
                        .inst = inst,
                        .flags = (v->locked == 2) | (uint32_t)(v->locked == 1) << 1 |
                                 (uint32_t)(v->stale != 0) << 2,
                        .ts_exch_ns = step->ts_exch_ns,
                        .feed_seq = step->feed_seq,
                        .bid_px = v->bid_px,
                        .bid_qty = v->bid_qty,
                        .ask_px = v->ask_px,
                        .ask_qty = v->ask_qty};
    oct_emit(step, &m.hdr);
    oct_rt_count(r, OCT_REALTIME_BBO);
}

/* The book said no. */
static OCT_COLD void refused(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md,
                             int why)
{
    static const uint8_t unknown[] = {[OCT_MD_EXEC] = OCT_REALTIME_UNKNOWN_EXEC,
                                      [OCT_MD_EXEC_PX] = OCT_REALTIME_UNKNOWN_EXEC_PX,
                                      [OCT_MD_REDUCE] = OCT_REALTIME_UNKNOWN_REDUCE,
                                      [OCT_MD_DELETE] = OCT_REALTIME_UNKNOWN_DELETE,
                                      [OCT_MD_REPLACE] = OCT_REALTIME_UNKNOWN_REPLACE};
    switch (why) {
    case OCT_BOOK_UNKNOWN:
        oct_rt_count(r, unknown[md->kind]);
        break;
    case OCT_BOOK_FULL:
        oct_rt_count(r, OCT_REALTIME_FULL);
        oct_rt_state_stale(r, step, md->inst, OCT_STALE_ROOM);
        break;
    case OCT_BOOK_DUP:
        oct_rt_count(r, OCT_REALTIME_DUP);
        oct_rt_state_stale(r, step, md->inst, OCT_STALE_CONTRARY);
        break;
    default:
        oct_rt_count(r, OCT_REALTIME_RANGE);
        oct_rt_state_stale(r, step, md->inst, OCT_STALE_CONTRARY);
        break;
    }
}

static void trade_emit(struct oct_realtime *r, struct oct_step *step, struct oct_trade *t)
{
    t->ts_exch_ns = step->ts_exch_ns;
    t->feed_seq = step->feed_seq;
    if (t->printable) {
        struct oct_inst_view *v = &r->view[t->inst];
        v->last_px = t->px;
        v->last_ns = step->now_ns;
        oct_rt_bar_trade(r, step, t->inst, t->px.v, t->qty.v);
    }
    oct_emit(step, &t->hdr);
    oct_rt_count(r, OCT_REALTIME_TRADES);
}

static void tell_trade(struct oct_realtime *r, struct oct_step *step, const struct oct_trade *t,
                       uint32_t what)
{
    struct oct_market m = {OCT_MSG_HDR(MARKET, market),
                           .inst = t->inst,
                           .what = what | OCT_MARKET_TRADE,
                           .px = t->px,
                           .qty = t->qty,
                           .side = t->side};
    oct_rt_tell(r, step, &m);
}

static void on_exec(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    struct oct_book_touch t;
    bool priced = md->kind == OCT_MD_EXEC_PX;
    int res = oct_book_reduce(r->books, md->ref, md->qty, &t);
    if (oct_unlikely(res < 0)) {
        refused(r, step, md, res);
        /* The trade happened all the same; only its side is not known. */
        if (res != OCT_BOOK_UNKNOWN || !priced || md->px.v <= 0 || md->qty.v <= 0)
            return;
        t = (struct oct_book_touch){.inst = md->inst, .px = md->px, .qty = md->qty};
        res = OCT_BOOK_OK;
    }
    OCT_COUNT_IF(t.inst != md->inst, &r->cfg.counters[OCT_REALTIME_INST_OTHER]);
    struct oct_trade trade = {OCT_MSG_HDR(TRADE, trade),
                              .inst = t.inst,
                              .side = t.side,
                              .printable = md->printable,
                              .match_id = md->ref2,
                              .px = priced ? md->px : t.px,
                              .qty = md->qty,
                              .ref = md->ref};
    if (oct_unlikely(trade.px.v <= 0)) {
        oct_rt_count(r, OCT_REALTIME_RANGE);
        return;
    }
    trade_emit(r, step, &trade);
    if (res == OCT_BOOK_TOP)
        oct_rt_top(r, step, &t);
    tell_trade(r, step, &trade, res == OCT_BOOK_TOP ? OCT_MARKET_BBO : 0);
}

/* Hidden trades and auctions: no order of the book is concerned. */
static void on_print(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    bool cross = md->kind == OCT_MD_CROSS;
    if (cross && md->qty.v == 0) {
        oct_rt_count(r, OCT_REALTIME_NOTICES); /* an auction without a trade */
        return;
    }
    if (oct_unlikely(md->px.v <= 0 || md->qty.v <= 0)) {
        oct_rt_count(r, OCT_REALTIME_RANGE);
        return;
    }
    oct_rt_count(r, cross ? OCT_REALTIME_CROSSES : OCT_REALTIME_HIDDEN);
    struct oct_trade trade = {
        OCT_MSG_HDR(TRADE, trade), .inst = md->inst, .side = md->side,
        .hidden = !cross,          .cross = cross,   .printable = md->printable,
        .match_id = md->ref2,      .px = md->px,     .qty = md->qty};
    trade_emit(r, step, &trade);
    tell_trade(r, step, &trade, 0);
}

/* After add, reduce, delete and replace. */
static inline void after(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md,
                         int res, const struct oct_book_touch *t)
{
    if (oct_unlikely(res < 0)) {
        refused(r, step, md, res);
        return;
    }
    OCT_COUNT_IF(t->inst != md->inst, &r->cfg.counters[OCT_REALTIME_INST_OTHER]);
    if (res != OCT_BOOK_TOP)
        return;
    oct_rt_top(r, step, t);
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = t->inst, .what = OCT_MARKET_BBO};
    oct_rt_tell(r, step, &m);
}

static inline void name_once(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    if (oct_unlikely(!oct_rt_named(r, md->inst)))
        oct_rt_state_name(r, step, md->inst, &md->symbol);
}

static void dispatch(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    struct oct_book_touch t;
    int res;
    switch ((enum oct_md_kind)md->kind) {
    case OCT_MD_ADD:
        name_once(r, step, md);
        res =
            oct_book_add(r->books, md->inst, md->ref, (enum oct_side)md->side, md->px, md->qty, &t);
        after(r, step, md, res, &t);
        break;
    case OCT_MD_DELETE:
        res = oct_book_delete(r->books, md->ref, &t);
        after(r, step, md, res, &t);
        break;
    case OCT_MD_REPLACE:
        res = oct_book_replace(r->books, md->ref, md->ref2, md->px, md->qty, &t);
        after(r, step, md, res, &t);
        break;
    case OCT_MD_REDUCE:
        res = oct_book_reduce(r->books, md->ref, md->qty, &t);
        after(r, step, md, res, &t);
        break;
    case OCT_MD_EXEC:
    case OCT_MD_EXEC_PX:
        on_exec(r, step, md);
        break;
    case OCT_MD_TRADE:
    case OCT_MD_CROSS:
        name_once(r, step, md);
        on_print(r, step, md);
        break;
    default:
        oct_rt_state_md(r, step, md);
        break;
    }
}

static void on_md(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    if (oct_unlikely(md->inst >= r->cfg.inst_cnt)) {
        oct_rt_count(r, OCT_REALTIME_INST_RANGE);
        return;
    }
    r->last_md_ns = step->now_ns;
    if (oct_unlikely(md->ts_exch_ns >= r->next_sec_ns))
        oct_rt_bar_roll(r, md->ts_exch_ns);
    if (md->ts_exch_ns > r->exch_ns)
        r->exch_ns = md->ts_exch_ns;
    dispatch(r, step, md);
    if (oct_unlikely(r->sweeping))
        oct_rt_bar_sweep(r, step);
}

void oct_realtime_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct oct_realtime *r = self;
    switch (m->type) {
    case OCT_MD:
        on_md(r, step, (const struct oct_md *)m);
        break;
    case OCT_IN_FEED:
        oct_rt_state_feed(r, step, (const struct oct_in_feed *)m);
        break;
    case OCT_IN_START:
        oct_rt_state_publish_all(r, step);
        break;
    case OCT_TIMER:
        if ((((const struct oct_timer *)m)->id & 0xff) == OCT_RT_TIMER_SILENCE)
            oct_rt_bar_silence(r, step);
        else
            oct_rt_state_publish_some(r, step);
        break;
    default:
        break;
    }
}
