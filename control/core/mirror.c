#include "control/core/mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "control/core/mirror_priv.h"

#define BOOK_SEED UINT64_C(0x6f63746f70757331)

static void defaults(struct oct_mirror_cfg *c)
{
    c->inst_cnt = c->inst_cnt != 0 ? c->inst_cnt : 16384;
    c->book_order_cnt_max = c->book_order_cnt_max != 0 ? c->book_order_cnt_max : 1u << 21;
    c->book_level_cnt_max = c->book_level_cnt_max != 0 ? c->book_level_cnt_max : 1u << 20;
    c->order_cnt_max = c->order_cnt_max != 0 ? c->order_cnt_max : 1u << 20;
    c->fill_cnt_max = c->fill_cnt_max != 0 ? c->fill_cnt_max : 1u << 21;
    c->receipt_sz = c->receipt_sz != 0 ? oct_align_up(c->receipt_sz, 4096) : 64u << 20;
}

static struct oct_books_cfg books_cfg(const struct oct_mirror *m)
{
    return (struct oct_books_cfg){
        .inst_cnt = m->cfg.inst_cnt,
        .order_cnt_max = m->cfg.book_order_cnt_max,
        .level_cnt_max = m->cfg.book_level_cnt_max,
        .seed = BOOK_SEED,
    };
}

/* Memory that costs nothing until it is touched. */
static void *lazy(size_t sz)
{
    void *p =
        mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void blank(struct oct_mirror *m)
{
    for (uint32_t i = 0; i < m->cfg.inst_cnt; i++) {
        m->inst[i] = (struct oct_mirror_inst){.trading = ' ', .short_sale = ' '};
        memset(&m->inst[i].symbol, ' ', sizeof(m->inst[i].symbol));
    }
}

int oct_mirror_init(struct oct_mirror *m, const struct oct_mirror_cfg *cfg)
{
    memset(m, 0, sizeof(*m));
    m->cfg = *cfg;
    defaults(&m->cfg);
    struct oct_books_cfg bc = books_cfg(m);
    size_t books_sz = oct_books_footprint(&bc);
    if (books_sz == 0)
        return -EINVAL;
    void *mem = lazy(books_sz);
    m->inst = calloc(m->cfg.inst_cnt, sizeof(*m->inst));
    m->watched = calloc(m->cfg.inst_cnt, 1);
    m->receipt = lazy(m->cfg.receipt_sz);
    m->refusal = calloc(OCT_MIRROR_REFUSAL_CNT, sizeof(*m->refusal));
    m->order_chunk = calloc(m->cfg.order_cnt_max / OCT_MIRROR_CHUNK + 1, sizeof(*m->order_chunk));
    if (mem != NULL)
        m->books = oct_books_new(mem, &bc);
    if (m->books == NULL || m->inst == NULL || m->watched == NULL || m->receipt == NULL ||
        m->refusal == NULL || m->order_chunk == NULL) {
        if (mem != NULL && m->books == NULL)
            munmap(mem, books_sz);
        oct_mirror_fini(m);
        return -ENOMEM;
    }
    m->receipt_head = 64; /* 0 means none */
    blank(m);
    return 0;
}

void oct_mirror_fini(struct oct_mirror *m)
{
    if (m == NULL)
        return;
    struct oct_books_cfg bc = books_cfg(m);
    if (m->books != NULL)
        munmap(m->books, oct_books_footprint(&bc));
    if (m->receipt != NULL)
        munmap(m->receipt, m->cfg.receipt_sz);
    for (uint32_t i = 0; m->order_chunk != NULL && i * OCT_MIRROR_CHUNK < m->order_cnt; i++)
        free(m->order_chunk[i]);
    free(m->order_chunk);
    free(m->inst);
    free(m->watched);
    free(m->refusal);
    free(m->fill);
    free(m->pos);
    oct_map_fini(&m->by_symbol);
    oct_map_fini(&m->by_order);
    oct_map_fini(&m->by_pos);
    memset(m, 0, sizeof(*m));
}

void oct_mirror_reset(struct oct_mirror *m)
{
    struct oct_books_cfg bc = books_cfg(m);
    size_t sz = oct_books_footprint(&bc);
    madvise(m->books, sz, MADV_DONTNEED);
    m->books = oct_books_new(m->books, &bc);
    OCT_ASSERT(m->books != NULL);
    blank(m);
    oct_map_clear(&m->by_symbol);
    oct_map_clear(&m->by_order);
    oct_map_clear(&m->by_pos);
    for (uint32_t i = 0; i * OCT_MIRROR_CHUNK < m->order_cnt; i++) {
        free(m->order_chunk[i]);
        m->order_chunk[i] = NULL;
    }
    m->order_cnt = 0;
    m->fill_cnt = 0;
    m->pos_cnt = 0;
    m->refusal_cnt = 0;
    m->ladder = 0;
    m->ladder_cause = 0;
    memset(m->ladder_strategy, 0, sizeof(m->ladder_strategy));
    memset(m->ladder_account, 0, sizeof(m->ladder_account));
    m->kill_bits = 0;
    m->gap_to = 0;
    m->doubt &= OCT_DOUBT_DETACHED | OCT_DOUBT_WARMING;
    m->receipt_head += m->cfg.receipt_sz; /* what was kept is out of date */
    memset(m->intent, 0, sizeof(m->intent));
    m->symbol_gen++;
    m->totals = (struct oct_mirror_totals){.restarts = m->totals.restarts, .lost = m->totals.lost};
    if (m->hooks.reset != NULL)
        m->hooks.reset(m->hooks.self);
}

/* ---- instruments ------------------------------------------------------------------------------ */

size_t oct_mirror_sym_text(oct_sym s, char out[9])
{
    size_t n = sizeof(s.c);
    while (n > 0 && (s.c[n - 1] == ' ' || s.c[n - 1] == '\0'))
        n--;
    memcpy(out, s.c, n);
    out[n] = '\0';
    return n;
}

static uint64_t sym_key(oct_sym s)
{
    uint64_t key;
    memcpy(&key, s.c, sizeof(key));
    return key;
}

uint32_t oct_mirror_find(const struct oct_mirror *m, const char *symbol, size_t n)
{
    oct_sym s;
    if (n == 0 || n > sizeof(s.c))
        return OCT_MAP_NONE;
    memset(s.c, ' ', sizeof(s.c));
    memcpy(s.c, symbol, n);
    uint32_t inst = oct_map_get(&m->by_symbol, sym_key(s));
    return inst < m->cfg.inst_cnt ? inst : OCT_MAP_NONE;
}

void oct_mirror_symbol(struct oct_mirror *m, uint32_t inst, oct_sym symbol)
{
    if (inst >= m->cfg.inst_cnt || symbol.c[0] == ' ' || symbol.c[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof(symbol.c); i++) {
        if (symbol.c[i] == '\0')
            symbol.c[i] = ' ';
    }
    struct oct_mirror_inst *in = &m->inst[inst];
    if (memcmp(&in->symbol, &symbol, sizeof(symbol)) == 0)
        return;
    if (oct_map_put(&m->by_symbol, sym_key(symbol), inst) != 0) {
        m->totals.forgotten++;
        return;
    }
    in->symbol = symbol;
    in->known = 1;
    m->symbol_gen++;
}

uint32_t oct_mirror_book_doubt(const struct oct_mirror *m, uint32_t inst)
{
    return m->doubt | m->inst[inst].doubt;
}

void oct_mirror_doubt(struct oct_mirror *m, uint32_t set, uint32_t clear)
{
    uint32_t doubt = (m->doubt & ~clear) | set;
    if (doubt == m->doubt)
        return;
    m->doubt = doubt;
    if (m->hooks.doubt != NULL)
        m->hooks.doubt(m->hooks.self, 0, 0);
}

oct_px oct_mirror_mark(const struct oct_mirror *m, uint32_t inst)
{
    if (inst >= m->cfg.inst_cnt)
        return (oct_px){0};
    const struct oct_mirror_inst *in = &m->inst[inst];
    struct oct_level bid;
    struct oct_level ask;
    if (oct_book_best(m->books, inst, OCT_BUY, &bid) &&
        oct_book_best(m->books, inst, OCT_SELL, &ask) && bid.px.v < ask.px.v)
        return (oct_px){bid.px.v + (ask.px.v - bid.px.v) / 2};
    return in->last.v != 0 ? in->last : in->prev_close;
}

/* ---- market data ------------------------------------------------------------------------------ */

static void tell(const struct oct_mirror *m, uint32_t inst, bool book, const struct oct_md *trade)
{
    if (oct_unlikely(m->watched[inst] != 0) && m->hooks.inst != NULL)
        m->hooks.inst(m->hooks.self, inst, book, trade);
}

static bool print_trade(struct oct_mirror_inst *in, const struct oct_md *md, oct_px px, oct_qty qty)
{
    if (px.v <= 0 || qty.v <= 0)
        return false;
    in->last = px;
    in->last_qty = qty;
    in->last_ns = md->ts_exch_ns;
    if (in->open.v == 0)
        in->open = px;
    if (px.v > in->high.v)
        in->high = px;
    if (in->low.v == 0 || px.v < in->low.v)
        in->low = px;
    in->volume.v += qty.v;
    in->turnover.v += oct_notional(px, qty).v;
    in->trade_cnt++;
    return true;
}

/* Applies an order message to the books.  The result of the book call. */
static int book_apply(struct oct_mirror *m, const struct oct_md *md, struct oct_book_touch *t)
{
    enum oct_side side = md->side == OCT_SELL ? OCT_SELL : OCT_BUY;
    switch (md->kind) {
    case OCT_MD_ADD:
        return oct_book_add(m->books, md->inst, md->ref, side, md->px, md->qty, t);
    case OCT_MD_EXEC:
    case OCT_MD_EXEC_PX:
    case OCT_MD_REDUCE:
        return oct_book_reduce(m->books, md->ref, md->qty, t);
    case OCT_MD_DELETE:
        return oct_book_delete(m->books, md->ref, t);
    case OCT_MD_REPLACE:
        return oct_book_replace(m->books, md->ref, md->ref2, md->px, md->qty, t);
    default:
        return OCT_BOOK_RANGE;
    }
}

/* The book said no. */
static void refused(struct oct_mirror *m, const struct oct_md *md, int why)
{
    if (why == OCT_BOOK_UNKNOWN) {
        m->totals.unknown_refs++;
        return;
    }
    m->inst[md->inst].doubt |= why == OCT_BOOK_FULL ? OCT_DOUBT_FULL : OCT_DOUBT_CONTRARY;
    tell(m, md->inst, false, NULL);
}

static void order_message(struct oct_mirror *m, const struct oct_md *md, uint64_t seq,
                          int64_t ts_rx_ns)
{
    struct oct_book_touch t = {0};
    bool priced = md->kind == OCT_MD_EXEC_PX;
    int rc = book_apply(m, md, &t);
    bool changed = rc >= 0;
    if (!changed) {
        refused(m, md, rc);
        /* An execution with a price happened all the same. */
        if (rc != OCT_BOOK_UNKNOWN || !priced)
            return;
        t = (struct oct_book_touch){.inst = md->inst, .px = md->px};
    }
    if (t.inst >= m->cfg.inst_cnt)
        return;
    struct oct_mirror_inst *in = &m->inst[t.inst];
    in->ts_exch_ns = md->ts_exch_ns;
    in->ts_in_ns = ts_rx_ns;
    in->src_seq = seq;
    in->changes += changed;
    struct oct_md trade;
    bool traded = false;
    if ((md->kind == OCT_MD_EXEC || priced) && md->printable) {
        trade = *md;
        trade.inst = t.inst;
        trade.side = t.side;
        trade.px = priced ? md->px : t.px;
        traded = print_trade(in, md, trade.px, md->qty);
    }
    tell(m, t.inst, changed, traded ? &trade : NULL);
}

/* The first message of a day: what is left of another day ends here. */
static void day_start(struct oct_mirror *m)
{
    for (uint32_t i = 0; i < m->cfg.inst_cnt; i++) {
        struct oct_mirror_inst *in = &m->inst[i];
        oct_book_clear(m->books, i);
        in->doubt = 0;
        in->open = in->high = in->low = in->last = (oct_px){0};
        in->last_qty = in->volume = (oct_qty){0};
        in->turnover = (oct_money){0};
        in->trade_cnt = 0;
        in->last_ns = 0;
        tell(m, i, true, NULL);
    }
}

static void other_message(struct oct_mirror *m, const struct oct_md *md, uint64_t seq,
                          int64_t ts_rx_ns)
{
    struct oct_mirror_inst *in = &m->inst[md->inst];
    const struct oct_md *trade = NULL;
    switch (md->kind) {
    case OCT_MD_DIRECTORY:
        oct_mirror_symbol(m, md->inst, md->symbol);
        in->lot = (uint32_t)(md->qty2.v / OCT_QTY_ONE);
        break;
    case OCT_MD_TRADING:
        in->trading = md->code;
        in->assumed &= (uint8_t)~1u;
        break;
    case OCT_MD_SHORT_SALE:
        in->short_sale = md->code;
        in->assumed &= (uint8_t)~4u;
        break;
    case OCT_MD_TRADE:
    case OCT_MD_CROSS:
        if (!md->printable || !print_trade(in, md, md->px, md->qty))
            return;
        in->ts_in_ns = ts_rx_ns;
        in->src_seq = seq;
        trade = md;
        break;
    case OCT_MD_CLEAR:
        oct_book_clear(m->books, md->inst);
        in->doubt = 0;
        in->changes++;
        break;
    case OCT_MD_SYSTEM:
        if (md->code == 'O')
            day_start(m);
        return;
    default:
        return;
    }
    tell(m, md->inst, md->kind == OCT_MD_CLEAR, trade);
}

void oct_mirror_md(struct oct_mirror *m, const struct oct_md *md, uint64_t seq, int64_t ts_rx_ns)
{
    m->totals.messages++;
    m->feed_next = seq + 1;
    if (md->inst >= m->cfg.inst_cnt)
        return;
    if (md->kind >= OCT_MD_ADD && md->kind <= OCT_MD_REPLACE)
        order_message(m, md, seq, ts_rx_ns);
    else
        other_message(m, md, seq, ts_rx_ns);
    /* Sessions that start mid-day have no directory: adds and trades name their symbol. */
    if ((md->kind == OCT_MD_ADD || md->kind == OCT_MD_TRADE) &&
        oct_unlikely(!m->inst[md->inst].known))
        oct_mirror_symbol(m, md->inst, md->symbol);
}

/* ---- records ---------------------------------------------------------------------------------- */

static void tell_doubt(const struct oct_mirror *m, uint64_t from_seq, uint64_t to_seq)
{
    if (m->hooks.doubt != NULL)
        m->hooks.doubt(m->hooks.self, from_seq, to_seq);
}

static void stale_all(struct oct_mirror *m)
{
    for (uint32_t i = 0; i < m->cfg.inst_cnt; i++)
        m->inst[i].doubt |= OCT_DOUBT_STALE;
}

static void gap_over(struct oct_mirror *m, uint64_t to_seq)
{
    if (to_seq < m->gap_to)
        return;
    m->gap_to = 0;
    m->doubt &= ~(uint32_t)OCT_DOUBT_GAP;
}

void oct_mirror_bad(struct oct_mirror *m, uint64_t seq)
{
    m->totals.bad_messages++;
    stale_all(m);
    tell_doubt(m, seq, seq + 1);
}

static void on_feed(struct oct_mirror *m, const struct oct_in_feed *r)
{
    switch ((enum oct_feed_event)r->event) {
    case OCT_FEED_GAP:
        m->gap_to = r->to_seq > m->gap_to ? r->to_seq : m->gap_to;
        m->doubt |= OCT_DOUBT_GAP;
        break;
    case OCT_FEED_RECOVERED:
        gap_over(m, r->to_seq);
        break;
    case OCT_FEED_STALE:
        if (r->to_seq == r->from_seq) {
            m->doubt |= OCT_DOUBT_SILENT;
        } else {
            stale_all(m);
            gap_over(m, r->to_seq);
        }
        break;
    case OCT_FEED_LIVE:
        m->doubt &= ~(uint32_t)OCT_DOUBT_SILENT;
        break;
    case OCT_FEED_BAD:
        stale_all(m);
        break;
    case OCT_FEED_END:
        break;
    }
    tell_doubt(m, r->from_seq, r->to_seq);
}

static void on_start(struct oct_mirror *m, const struct oct_in_start *r)
{
    if (m->run_id != 0)
        m->totals.restarts++;
    /* A run that recovered continues from the same records as we did; another starts empty. */
    if (m->run_id != 0 && !r->recovered)
        oct_mirror_reset(m);
    m->run_id = r->run_id;
    m->start_ns = r->now_ns;
    m->midnight_ns = r->midnight_ns;
    m->ladder = r->ladder;
}

static void on_ladder(struct oct_mirror *m, const struct oct_ladder *r)
{
    if (r->scope == OCT_SCOPE_FIRM) {
        m->ladder = r->state;
        m->ladder_cause = r->cause;
    } else if (r->scope == OCT_SCOPE_ACCOUNT && r->account < sizeof(m->ladder_account)) {
        m->ladder_account[r->account] = r->state;
    } else if (r->scope == OCT_SCOPE_STRATEGY && r->strategy < sizeof(m->ladder_strategy)) {
        m->ladder_strategy[r->strategy] = r->state;
    }
}

static void on_instrument(struct oct_mirror *m, const struct oct_instrument *r)
{
    if (r->inst >= m->cfg.inst_cnt)
        return;
    struct oct_mirror_inst *in = &m->inst[r->inst];
    oct_mirror_symbol(m, r->inst, r->symbol);
    in->lot = r->lot;
    in->tick = r->tick;
    in->prev_close = r->prev_close;
    in->trading = r->trading != '\0' ? r->trading : ' ';
    in->short_sale = r->short_sale != '\0' ? r->short_sale : ' ';
    in->assumed = r->assumed;
    tell(m, r->inst, false, NULL);
}

void oct_mirror_record(struct oct_mirror *m, const struct oct_msg_hdr *rec)
{
    m->totals.records++;
    if (rec->input > m->input)
        m->input = rec->input;
    if (oct_msg_is_input(rec->type)) {
        int64_t now_ns = ((const struct oct_in_time *)rec)->now_ns; /* first field of all inputs */
        if (now_ns > m->now_ns)
            m->now_ns = now_ns;
    }
    switch (rec->type) {
    case OCT_IN_FEED:
        on_feed(m, (const struct oct_in_feed *)rec);
        break;
    case OCT_IN_START:
        on_start(m, (const struct oct_in_start *)rec);
        if (m->hooks.record != NULL)
            m->hooks.record(m->hooks.record_self, rec);
        break;
    case OCT_IN_CMD:
        if (m->hooks.record != NULL)
            m->hooks.record(m->hooks.record_self, rec);
        break;
    case OCT_IN_KILL:
        m->kill_bits = ((const struct oct_in_kill *)rec)->bits;
        break;
    case OCT_LADDER:
        on_ladder(m, (const struct oct_ladder *)rec);
        break;
    case OCT_INSTRUMENT:
        on_instrument(m, (const struct oct_instrument *)rec);
        break;
    case OCT_CMD_RESULT:
        if (m->hooks.cmd_result != NULL)
            m->hooks.cmd_result(m->hooks.self, (const struct oct_cmd_result *)rec);
        break;
    default:
        oct_mirror_decision(m, rec);
        break;
    }
}
