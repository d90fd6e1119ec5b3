/* The throughput input: a seeded session of length-framed ITCH 5.0 with the statistics of a busy
 * day.  8,000 symbols with Zipf-like activity; 38 % of the messages stay with the symbol of the one
 * before; 5 % of the messages are orders filled in before the open; cancels and replacements go to
 * the youngest order of their symbol in 80 % of the cases; executions hit the head of the best
 * queue; adds lie near the touch with a long tail; books never cross; references grow by random
 * strides. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "dataplane/book/book.h"
#include "drivers/feed/itch50.h"

#define SYMBOL_CNT   8000u
#define ZIPF         0.95
#define BURST_PCT    38u
#define YOUNGEST_PCT 80u
#define PREFILL_PART 20u   /* one message in so many */
#define STRIDE_MAX   1600u /* of references: beyond 2^33 after some 11 million orders */
#define TICK         100   /* a cent, in 1/10000 */
#define TS_START     (INT64_C(14400) * OCT_NS_PER_S)
#define TS_OPEN      (INT64_C(34200) * OCT_NS_PER_S)
#define TS_CLOSE     (INT64_C(57600) * OCT_NS_PER_S)

/* Orders of a symbol by age, youngest last; some of them may be dead. */
struct symbol {
    uint64_t *ref;
    uint32_t cnt;
    uint32_t cap;
    uint32_t live;
    int32_t fair; /* ticks */
    char stock[8];
};

struct gen {
    FILE *f;
    struct oct_books *books;
    struct symbol *sym; /* [SYMBOL_CNT + 1], by locate */
    double *zipf;       /* cumulative */
    uint32_t *by_rank;
    struct oct_rng rng;
    uint64_t written;
    uint64_t next_ref;
    uint64_t next_match;
    int64_t ts;
    uint64_t type_cnt[256];
    uint64_t same_symbol;
    uint32_t last;
};

static uint32_t below(struct gen *g, uint32_t n)
{
    return (uint32_t)oct_rng_below(&g->rng, n);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void put(struct gen *g, struct oct_itch50_msg *m, char type, uint32_t locate)
{
    uint8_t buf[2 + OCT_ITCH50_SZ_MAX];
    m->hdr.type = type;
    m->hdr.locate = (uint16_t)locate;
    m->hdr.ts_ns = (uint64_t)g->ts;
    uint32_t sz = oct_itch50_encode(m, buf + 2);
    OCT_ASSERT(sz != 0);
    oct_store_be16(buf, (uint16_t)sz);
    fwrite(buf, 1, 2 + sz, g->f);
    g->written++;
    g->type_cnt[(uint8_t)type]++;
    g->same_symbol += locate == g->last;
    g->last = locate;
}

static void put_system(struct gen *g, char event)
{
    struct oct_itch50_msg m = {0};
    m.system.event = event;
    put(g, &m, 'S', 0);
}

static void put_states(struct gen *g)
{
    for (uint32_t i = 1; i <= SYMBOL_CNT; i++) {
        struct oct_itch50_msg r = {0}, h = {0}, y = {0}, l = {0};
        memcpy(r.directory.stock, g->sym[i].stock, 8);
        r.directory.market = 'Q';
        r.directory.financial = 'N';
        r.directory.round_lot = 100;
        r.directory.authenticity = 'P';
        put(g, &r, 'R', i);
        memcpy(h.trading.stock, g->sym[i].stock, 8);
        h.trading.state = 'T';
        memcpy(h.trading.reason, "    ", 4);
        put(g, &h, 'H', i);
        memcpy(y.short_sale.stock, g->sym[i].stock, 8);
        y.short_sale.action = '0';
        put(g, &y, 'Y', i);
        memcpy(l.participant.stock, g->sym[i].stock, 8);
        memcpy(l.participant.mpid, "MMKR", 4);
        l.participant.primary = 'Y';
        l.participant.mode = 'N';
        l.participant.state = 'A';
        put(g, &l, 'L', i);
    }
}

/* ---- prices ------------------------------------------------------------------------------------ */

static int64_t best_tick(struct gen *g, uint32_t locate, enum oct_side side)
{
    struct oct_level l;
    return oct_book_best(g->books, locate, side, &l) ? l.px.v / (OCT_PX_E4 * TICK) : 0;
}

/* How far behind the touch: mostly a few ticks, now and then a few dozen, rarely far. */
static int64_t depth_of(struct gen *g)
{
    double u = oct_rng_f64(&g->rng), e = -log(1 - oct_rng_f64(&g->rng));
    return (int64_t)(u < 0.70 ? e * 2.2 : u < 0.985 ? e * 6.5 : e * 25);
}

static int64_t pick_tick(struct gen *g, uint32_t locate, enum oct_side side)
{
    struct symbol *s = &g->sym[locate];
    int64_t other = best_tick(g, locate, side == OCT_BUY ? OCT_SELL : OCT_BUY);
    if (below(g, 64) == 0)
        s->fair += (int32_t)below(g, 3) - 1;
    if (s->fair < 200)
        s->fair = 200;
    int64_t away = depth_of(g), tick;
    if (side == OCT_BUY) {
        tick = s->fair - away;
        tick = other != 0 && tick >= other ? other - 1 : tick;
    } else {
        tick = s->fair + 1 + away;
        tick = other != 0 && tick <= other ? other + 1 : tick;
    }
    return tick < 1 ? 1 : tick;
}

static uint32_t pick_qty(struct gen *g)
{
    uint32_t u = below(g, 100);
    return u < 60 ? 100 : u < 80 ? 100 * (1 + below(g, 9)) : 1 + below(g, 999);
}

/* ---- orders ------------------------------------------------------------------------------------ */

static uint64_t take_ref(struct gen *g)
{
    g->next_ref += 1 + below(g, STRIDE_MAX);
    return g->next_ref;
}

static void remember(struct gen *g, struct symbol *s, uint64_t ref)
{
    if (s->cnt == s->cap && s->cnt > 2 * s->live + 64) {
        uint32_t kept = 0;
        struct oct_book_order o;
        for (uint32_t i = 0; i < s->cnt; i++) {
            if (oct_book_order(g->books, s->ref[i], &o))
                s->ref[kept++] = s->ref[i];
        }
        s->cnt = kept;
    }
    if (s->cnt == s->cap) {
        s->cap = s->cap * 2 + 32;
        s->ref = realloc(s->ref, s->cap * sizeof(*s->ref));
        OCT_ASSERT(s->ref != NULL);
    }
    s->ref[s->cnt++] = ref;
    s->live++;
}

/* An order to cancel; false when the symbol has none. */
static bool pick_order(struct gen *g, uint32_t locate, struct oct_book_order *o)
{
    struct symbol *s = &g->sym[locate];
    if (below(g, 100) >= YOUNGEST_PCT) {
        for (uint32_t tries = 0; tries < 8 && s->cnt != 0; tries++) {
            if (oct_book_order(g->books, s->ref[below(g, s->cnt)], o))
                return true;
        }
    }
    while (s->cnt != 0) {
        if (oct_book_order(g->books, s->ref[s->cnt - 1], o))
            return true;
        s->cnt--;
    }
    return false;
}

static void add(struct gen *g, uint32_t locate, char type)
{
    struct symbol *s = &g->sym[locate];
    struct oct_itch50_msg m = {0};
    struct oct_book_touch t;
    enum oct_side side = below(g, 2) ? OCT_SELL : OCT_BUY;
    uint64_t ref = take_ref(g);
    uint32_t qty = pick_qty(g), px = (uint32_t)(pick_tick(g, locate, side) * TICK);
    m.add_mpid.ref = ref;
    m.add_mpid.side = side == OCT_BUY ? 'B' : 'S';
    m.add_mpid.shares = qty;
    m.add_mpid.px = px;
    memcpy(m.add_mpid.stock, s->stock, 8);
    memcpy(m.add_mpid.mpid, "MMKR", 4);
    put(g, &m, type, locate);
    int res =
        oct_book_add(g->books, locate, ref, side, oct_px_from_e4(px), oct_qty_from_shares(qty), &t);
    OCT_ASSERT(res >= 0);
    remember(g, s, ref);
}

static bool cancel(struct gen *g, uint32_t locate)
{
    struct oct_itch50_msg m = {0};
    struct oct_book_order o;
    struct oct_book_touch t;
    if (!pick_order(g, locate, &o))
        return false;
    m.delete.ref = o.ref;
    put(g, &m, 'D', locate);
    oct_book_delete(g->books, o.ref, &t);
    g->sym[locate].live--;
    return true;
}

static bool reduce(struct gen *g, uint32_t locate)
{
    struct oct_itch50_msg m = {0};
    struct oct_book_order o;
    struct oct_book_touch t;
    if (!pick_order(g, locate, &o) || o.qty.v == OCT_QTY_ONE)
        return false;
    uint32_t open = (uint32_t)(o.qty.v / OCT_QTY_ONE), qty = 1 + below(g, open - 1);
    m.cancel.ref = o.ref;
    m.cancel.shares = qty;
    put(g, &m, 'X', locate);
    oct_book_reduce(g->books, o.ref, oct_qty_from_shares(qty), &t);
    return true;
}

static bool replace(struct gen *g, uint32_t locate)
{
    struct oct_itch50_msg m = {0};
    struct oct_book_order o;
    struct oct_book_touch t;
    if (!pick_order(g, locate, &o))
        return false;
    uint64_t ref = take_ref(g);
    uint32_t px = (uint32_t)(pick_tick(g, locate, (enum oct_side)o.side) * TICK);
    uint32_t qty = pick_qty(g);
    m.replace.ref = o.ref;
    m.replace.new_ref = ref;
    m.replace.shares = qty;
    m.replace.px = px;
    put(g, &m, 'U', locate);
    int res =
        oct_book_replace(g->books, o.ref, ref, oct_px_from_e4(px), oct_qty_from_shares(qty), &t);
    OCT_ASSERT(res >= 0);
    g->sym[locate].live--;
    remember(g, &g->sym[locate], ref);
    return true;
}

static bool execute(struct gen *g, uint32_t locate, char type)
{
    struct oct_itch50_msg m = {0};
    struct oct_book_order o;
    struct oct_book_touch t;
    struct oct_level l;
    enum oct_side side = below(g, 2) ? OCT_SELL : OCT_BUY;
    if (!oct_book_best(g->books, locate, side, &l) ||
        oct_book_queue(g->books, locate, side, l.px, &o, 1) == 0)
        return false;
    uint32_t open = (uint32_t)(o.qty.v / OCT_QTY_ONE);
    uint32_t qty = below(g, 2) ? open : 1 + below(g, open);
    m.exec_px.ref = o.ref;
    m.exec_px.shares = qty;
    m.exec_px.match = ++g->next_match;
    if (type == 'C') {
        m.exec_px.printable = 'Y';
        m.exec_px.px = (uint32_t)(o.px.v / OCT_PX_E4);
    }
    put(g, &m, type, locate);
    oct_book_reduce(g->books, o.ref, oct_qty_from_shares(qty), &t);
    g->sym[locate].live -= qty == open;
    return true;
}

static void hidden(struct gen *g, uint32_t locate)
{
    struct oct_itch50_msg m = {0};
    m.trade.side = 'B';
    m.trade.shares = pick_qty(g);
    memcpy(m.trade.stock, g->sym[locate].stock, 8);
    m.trade.px = (uint32_t)g->sym[locate].fair * TICK;
    m.trade.match = ++g->next_match;
    put(g, &m, 'P', locate);
}

static void imbalance(struct gen *g, uint32_t locate)
{
    struct oct_itch50_msg m = {0};
    uint32_t px = (uint32_t)g->sym[locate].fair * TICK;
    m.noii.paired = pick_qty(g);
    m.noii.imbalance = pick_qty(g);
    m.noii.direction = below(g, 2) ? 'B' : 'S';
    memcpy(m.noii.stock, g->sym[locate].stock, 8);
    m.noii.far_px = m.noii.near_px = m.noii.ref_px = px;
    m.noii.cross = 'O';
    m.noii.variation = 'L';
    put(g, &m, 'I', locate);
}

/* ---- the session ------------------------------------------------------------------------------- */

static uint32_t pick_symbol(struct gen *g)
{
    double u = oct_rng_f64(&g->rng) * g->zipf[SYMBOL_CNT - 1];
    uint32_t lo = 0, hi = SYMBOL_CNT - 1;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (g->zipf[mid] < u)
            lo = mid + 1;
        else
            hi = mid;
    }
    return g->by_rank[lo];
}

static void advance(struct gen *g, int64_t mean_ns)
{
    g->ts += (int64_t)(-log(1 - oct_rng_f64(&g->rng)) * (double)mean_ns);
}

/* Chances of each type after the fill-in, in 1/10000, so that the whole has the mix asked for. */
static void one_message(struct gen *g, uint32_t locate)
{
    uint32_t u = below(g, 10000);
    bool done = true;
    if (u < 4211)
        done = cancel(g, locate);
    else if (u < 4211 + 866)
        done = replace(g, locate);
    else if (u < 4211 + 866 + 253)
        done = execute(g, locate, 'E');
    else if (u < 4211 + 866 + 253 + 11)
        done = execute(g, locate, 'C');
    else if (u < 4211 + 866 + 253 + 11 + 127)
        imbalance(g, locate);
    else if (u < 4211 + 866 + 253 + 11 + 127 + 116)
        done = reduce(g, locate);
    else if (u < 4211 + 866 + 253 + 11 + 127 + 116 + 53)
        hidden(g, locate);
    else
        add(g, locate, u >= 10000 - 53 ? 'F' : 'A');
    if (!done)
        add(g, locate, 'A');
}

static int gen_init(struct gen *g, uint64_t messages, uint64_t seed)
{
    uint64_t orders = messages / 8 + 100000;
    struct oct_books_cfg cfg = {
        SYMBOL_CNT + 1, (uint32_t)orders, (uint32_t)orders, 0, seed, {0}, {0}};
    oct_rng_init(&g->rng, seed);
    g->sym = calloc(SYMBOL_CNT + 1, sizeof(*g->sym));
    g->zipf = calloc(SYMBOL_CNT, sizeof(*g->zipf));
    g->by_rank = calloc(SYMBOL_CNT, sizeof(*g->by_rank));
    void *mem = aligned_alloc(128, oct_books_footprint(&cfg));
    if (g->sym == NULL || g->zipf == NULL || g->by_rank == NULL || mem == NULL)
        return -ENOMEM;
    g->books = oct_books_new(mem, &cfg);
    double sum = 0;
    for (uint32_t i = 0; i < SYMBOL_CNT; i++) {
        g->zipf[i] = sum += pow(i + 1, -ZIPF);
        uint32_t at = below(g, i + 1);
        g->by_rank[i] = g->by_rank[at];
        g->by_rank[at] = i + 1;
    }
    for (uint32_t i = 1; i <= SYMBOL_CNT; i++) {
        char text[9];
        snprintf(text, sizeof(text), "S%04u   ", i);
        memcpy(g->sym[i].stock, text, 8);
        g->sym[i].fair = 500 + (int32_t)below(g, 30000);
    }
    return 0;
}

static void gen_session(struct gen *g, uint64_t messages)
{
    uint64_t prefill = messages / PREFILL_PART;
    g->ts = TS_START;
    put_system(g, 'O');
    put_states(g);
    put_system(g, 'S');
    for (uint64_t i = 0; i < prefill; i++) {
        advance(g, (TS_OPEN - TS_START) / (int64_t)(prefill + 1));
        add(g, below(g, 2) ? pick_symbol(g) : 1 + below(g, SYMBOL_CNT), 'A');
    }
    if (g->ts < TS_OPEN)
        g->ts = TS_OPEN;
    put_system(g, 'Q');
    int64_t mean_ns = (TS_CLOSE - TS_OPEN) / (int64_t)(messages - g->written + 1);
    uint32_t locate = pick_symbol(g);
    while (g->written + 3 < messages) {
        if (below(g, 100) >= BURST_PCT)
            locate = pick_symbol(g);
        advance(g, mean_ns);
        one_message(g, locate);
    }
    put_system(g, 'M');
    put_system(g, 'E');
    put_system(g, 'C');
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print_mix(const struct gen *g)
{
    static const char types[] = "ADUEIXFPCRHYLS";
    fprintf(stderr, "session: %lu messages:", g->written);
    for (const char *t = types; *t != 0; t++)
        fprintf(stderr, " %c %.2f%%", *t,
                100.0 * (double)g->type_cnt[(uint8_t)*t] / (double)g->written);
    uint32_t *levels = calloc(2 * SYMBOL_CNT, sizeof(*levels));
    for (uint32_t i = 0; i < 2 * SYMBOL_CNT; i++)
        levels[i] = oct_book_level_cnt(g->books, 1 + i / 2, (enum oct_side)(i % 2));
    qsort(levels, 2 * SYMBOL_CNT, sizeof(*levels), by_size);
    fprintf(stderr,
            "; same symbol %.1f%%; live orders %u; levels a side p50 %u p90 %u p99 %u max %u"
            "; last reference 2^%.2f\n",
            100.0 * (double)g->same_symbol / (double)g->written, oct_books_order_cnt(g->books),
            levels[SYMBOL_CNT], levels[SYMBOL_CNT * 9 / 5], levels[2 * SYMBOL_CNT * 99 / 100],
            levels[2 * SYMBOL_CNT - 1], log2((double)g->next_ref));
    free(levels);
}

int oct_bench_gen(const char *path, uint64_t messages, uint64_t seed)
{
    struct gen g = {.last = UINT32_MAX};
    char tmp[4096];
    if (messages < 100000)
        return -EINVAL;
    if ((size_t)snprintf(tmp, sizeof(tmp), "%s.part", path) >= sizeof(tmp))
        return -ENAMETOOLONG;
    int err = gen_init(&g, messages, seed);
    if (err != 0)
        return err;
    g.f = fopen(tmp, "wb");
    if (g.f == NULL)
        return -errno;
    setvbuf(g.f, NULL, _IOFBF, 1 << 20);
    gen_session(&g, messages);
    print_mix(&g);
    bool bad = ferror(g.f) != 0;
    if (fclose(g.f) != 0 || bad || rename(tmp, path) != 0)
        err = errno != 0 ? -errno : -EIO;
    for (uint32_t i = 1; i <= SYMBOL_CNT; i++)
        free(g.sym[i].ref);
    free(g.sym);
    free(g.zipf);
    free(g.by_rank);
    free(g.books);
    return err;
}
