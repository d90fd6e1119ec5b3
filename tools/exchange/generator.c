/* When things happen, and the frame of the day around the flow. */
#include "tools/exchange/generator.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "tools/exchange/generator_priv.h"

/* Each event sets off others: within microseconds, milliseconds and a second, on average so many of
 * each.  Their sum is below one, or the day would explode; the background's rate follows from it. */
static const struct {
    double cnt;
    double mean_ns;
} kernel[] = {{.56, 45e3}, {.30, 8e6}, {.06, .5e9}};
#define BURST_CNT_MAX 24u /* children of one event */

static const struct {
    const char *name;
    uint32_t px_e4;
    double activity;
    uint32_t spread;
} listing[] = {
    {"AAPL", 2877000, 1.00, 3}, {"MSFT", 1585900, 0.70, 2}, {"AMZN", 18466000, 0.50, 24},
    {"NVDA", 2352500, 0.42, 4}, {"FB", 2052500, 0.36, 3},   {"GOOG", 13400000, 0.30, 20},
    {"INTC", 598000, 0.26, 1},  {"CSCO", 479000, 0.22, 1},
};

enum phase {
    PHASE_START,
    PHASE_DIRECTORY,
    PHASE_STATE,
    PHASE_PARTICIPANT,
    PHASE_SYSTEM,
    PHASE_BOOK,
    PHASE_OPEN,
    PHASE_CROSS,
    PHASE_FLOW,
    PHASE_CLOSE,
    PHASE_END,
};

const char *oct_gen_symbol(uint32_t i, uint32_t *px_e4, double *activity)
{
    static char made[OCT_GEN_SYMBOL_MAX][8];
    OCT_ASSERT(i < OCT_GEN_SYMBOL_MAX);
    if (i < OCT_ARRAY_CNT(listing)) {
        *px_e4 = listing[i].px_e4;
        *activity = listing[i].activity;
        return listing[i].name;
    }
    *px_e4 = 500000 + (i * 7919u % 1500u) * 1000u;
    *activity = 2.0 / (double)(i + 2);
    memcpy(made[i], "ZAA", 4);
    made[i][1] = (char)('A' + i / 26);
    made[i][2] = (char)('A' + i % 26);
    return made[i];
}

double gen_exp(struct oct_rng *r, double mean)
{
    return -mean * log(1 - oct_rng_f64(r));
}

double gen_normal(struct oct_rng *r)
{
    double x = -6; /* twelve uniforms: near enough, and the same everywhere */
    for (int i = 0; i < 12; i++)
        x += oct_rng_f64(r);
    return x;
}

void gen_begin(struct oct_gen *g, struct oct_itch50_msg *m, char type, const struct gen_symbol *s)
{
    memset(m, 0, sizeof *m);
    m->hdr.type = type;
    m->hdr.locate = s ? s->locate : 0;
    m->hdr.ts_ns = (uint64_t)g->now_ns;
}

bool gen_put(struct oct_gen *g, const struct oct_itch50_msg *m)
{
    if (g->out_cnt == GEN_OUT_MAX)
        return false;
    g->out_sz[g->out_cnt] = (uint8_t)oct_itch50_encode(m, g->out[g->out_cnt]);
    OCT_ASSERT(g->out_sz[g->out_cnt] > 0);
    g->out_cnt++;
    return true;
}

/* ---- events in time -------------------------------------------------------------------------- */

static bool push(struct oct_gen *g, int64_t ns, uint32_t symbol, bool immigrant)
{
    if (g->heap_cnt == g->heap_cap) {
        uint32_t cap = g->heap_cap ? g->heap_cap * 2 : 1024;
        struct gen_event *h = realloc(g->heap, cap * sizeof *h);
        if (!h)
            return false;
        g->heap = h;
        g->heap_cap = cap;
    }
    uint32_t i = g->heap_cnt++;
    while (i > 0 && g->heap[(i - 1) / 2].ns > ns) {
        g->heap[i] = g->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    g->heap[i] = (struct gen_event){ns, symbol, immigrant};
    return true;
}

static struct gen_event pop(struct oct_gen *g)
{
    struct gen_event top = g->heap[0];
    struct gen_event last = g->heap[--g->heap_cnt];
    uint32_t i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= g->heap_cnt)
            break;
        if (c + 1 < g->heap_cnt && g->heap[c + 1].ns < g->heap[c].ns)
            c++;
        if (g->heap[c].ns >= last.ns)
            break;
        g->heap[i] = g->heap[c];
        i = c;
    }
    g->heap[i] = last;
    return top;
}

/* Poisson with a mean well below one: geometric-like by repeated halving of nothing; inversion. */
static uint32_t poisson(struct oct_rng *r, double mean)
{
    double p = exp(-mean);
    double u = oct_rng_f64(r);
    uint32_t n = 0;
    while (u > p && n < BURST_CNT_MAX) {
        u -= p;
        n++;
        p *= mean / n;
    }
    return n;
}

static double branching(void)
{
    double sum = 0;
    for (uint32_t k = 0; k < OCT_ARRAY_CNT(kernel); k++)
        sum += kernel[k].cnt;
    return sum;
}

static void spawn(struct oct_gen *g, const struct gen_event *e)
{
    struct oct_rng *r = &g->rng;
    const struct gen_symbol *s = &g->symbol[e->symbol];
    if (e->immigrant)
        push(g, e->ns + (int64_t)gen_exp(r, 1e9 / (s->rate * (1 - branching()))), e->symbol, true);
    for (uint32_t k = 0; k < OCT_ARRAY_CNT(kernel); k++)
        for (uint32_t n = poisson(r, kernel[k].cnt); n > 0; n--)
            push(g, e->ns + (int64_t)gen_exp(r, kernel[k].mean_ns), e->symbol, false);
}

/* ---- the day --------------------------------------------------------------------------------- */

static void put_system(struct oct_gen *g, char event)
{
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_SYSTEM_TYPE, NULL);
    m.system.event = event;
    gen_put(g, &m);
}

static void put_trading(struct oct_gen *g, const struct gen_symbol *s, char state,
                        const char reason[4])
{
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_TRADING_TYPE, s);
    memcpy(m.trading.stock, s->name, 8);
    m.trading.state = state;
    m.trading.reserved = ' ';
    memcpy(m.trading.reason, reason, 4);
    gen_put(g, &m);
}

static void put_short_sale(struct oct_gen *g, const struct gen_symbol *s, char action)
{
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_SHORT_SALE_TYPE, s);
    memcpy(m.short_sale.stock, s->name, 8);
    m.short_sale.action = action;
    gen_put(g, &m);
}

static void put_directory(struct oct_gen *g, const struct gen_symbol *s)
{
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_DIRECTORY_TYPE, s);
    memcpy(m.directory.stock, s->name, 8);
    m.directory.market = 'Q';
    m.directory.financial = 'N';
    m.directory.round_lot = 100;
    m.directory.lots_only = 'N';
    m.directory.class = 'C';
    memcpy(m.directory.sub_type, "Z ", 2);
    m.directory.authenticity = 'P';
    m.directory.threshold = 'N';
    m.directory.ipo = 'N';
    m.directory.luld_tier = '1';
    m.directory.etp = 'N';
    m.directory.inverse = 'N';
    gen_put(g, &m);
}

static void put_participant(struct oct_gen *g, const struct gen_symbol *s)
{
    static const char mpid[4] = {'M', 'K', 'R', 'A'};
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_PARTICIPANT_TYPE, s);
    memcpy(m.participant.stock, s->name, 8);
    memcpy(m.participant.mpid, mpid, 4);
    m.participant.primary = 'Y';
    m.participant.mode = 'N';
    m.participant.state = 'A';
    gen_put(g, &m);
}

static void put_cross(struct oct_gen *g, const struct gen_symbol *s)
{
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_NOII_TYPE, s);
    memcpy(m.noii.stock, s->name, 8);
    uint64_t shares = 1000 * (5 + oct_rng_below(&g->rng, 40));
    uint32_t px = gen_px(s, (uint32_t)s->value);
    m.noii.paired = shares;
    m.noii.direction = 'N';
    m.noii.far_px = m.noii.near_px = m.noii.ref_px = px;
    m.noii.cross = 'O';
    m.noii.variation = 'L';
    gen_put(g, &m);
    gen_begin(g, &m, OCT_ITCH50_CROSS_TYPE, s);
    memcpy(m.cross.stock, s->name, 8);
    m.cross.shares = shares;
    m.cross.px = px;
    m.cross.match = g->next_match++;
    m.cross.cross = 'O';
    gen_put(g, &m);
}

/* What is planned for the day besides the flow. */
static void put_planned(struct oct_gen *g)
{
    struct gen_symbol *last = &g->symbol[g->cfg.symbol_cnt - 1];
    if (g->now_ns >= g->halt_ns) {
        last->halted = true;
        put_trading(g, last, 'H', "T1  ");
        g->halt_ns = INT64_MAX;
    }
    if (g->now_ns >= g->resume_ns) {
        last->halted = false;
        put_trading(g, last, 'T', "    ");
        g->resume_ns = INT64_MAX;
    }
    if (g->now_ns >= g->restrict_ns) {
        put_short_sale(g, &g->symbol[g->cfg.symbol_cnt - 1], '1');
        g->restrict_ns = INT64_MAX;
    }
}

static void flow(struct oct_gen *g)
{
    if (g->heap_cnt == 0 || g->heap[0].ns >= g->close_ns) {
        g->phase++;
        g->now_ns = g->close_ns;
        return;
    }
    struct gen_event e = pop(g);
    g->now_ns = e.ns;
    put_planned(g);
    spawn(g, &e);
    if (!g->symbol[e.symbol].halted)
        gen_flow(g, &g->symbol[e.symbol]);
}

/* Runs fn for the next symbol; true after the last one. */
static bool each_symbol(struct oct_gen *g,
                        void (*fn)(struct oct_gen *g, const struct gen_symbol *s))
{
    fn(g, &g->symbol[g->phase_idx]);
    if (++g->phase_idx < g->cfg.symbol_cnt)
        return false;
    g->phase_idx = 0;
    return true;
}

static void put_states(struct oct_gen *g, const struct gen_symbol *s)
{
    put_trading(g, s, 'T', "    ");
    put_short_sale(g, s, '0');
}

static void book_before_open(struct oct_gen *g)
{
    struct gen_symbol *s = &g->symbol[g->phase_idx];
    g->now_ns += (int64_t)oct_rng_below(&g->rng, 40000);
    gen_seed_order(g, s);
    if (s->live < s->live_target)
        return;
    if (++g->phase_idx == g->cfg.symbol_cnt) {
        g->phase++;
        g->phase_idx = 0;
    }
}

static void advance(struct oct_gen *g)
{
    switch ((enum phase)g->phase) {
    case PHASE_START:
        put_system(g, 'O');
        g->phase++;
        break;
    case PHASE_DIRECTORY:
        g->phase += each_symbol(g, put_directory);
        break;
    case PHASE_STATE:
        g->phase += each_symbol(g, put_states);
        break;
    case PHASE_PARTICIPANT:
        g->phase += each_symbol(g, put_participant);
        break;
    case PHASE_SYSTEM:
        g->now_ns += OCT_NS_PER_MS;
        put_system(g, 'S');
        g->phase++;
        break;
    case PHASE_BOOK:
        book_before_open(g);
        break;
    case PHASE_OPEN:
        OCT_ASSERT(g->now_ns < g->open_ns);
        g->now_ns = g->open_ns;
        put_system(g, 'Q');
        g->phase++;
        break;
    case PHASE_CROSS:
        g->phase += each_symbol(g, put_cross);
        break;
    case PHASE_FLOW:
        flow(g);
        break;
    case PHASE_CLOSE:
        put_system(g, 'M');
        put_system(g, 'E');
        put_system(g, 'C');
        g->phase++;
        break;
    case PHASE_END:
        break;
    }
    g->now_ns += g->phase < PHASE_SYSTEM ? 1000 : 0;
}

bool oct_gen_next(struct oct_gen *g, const uint8_t **msg, uint32_t *sz)
{
    if (g->out_idx == g->out_cnt) {
        g->out_idx = g->out_cnt = 0;
        while (g->out_cnt == 0 && g->phase != PHASE_END)
            advance(g);
    }
    if (g->out_idx == g->out_cnt)
        return false;
    *msg = g->out[g->out_idx];
    *sz = g->out_sz[g->out_idx++];
    return true;
}

static void plan_symbol(struct oct_gen *g, uint32_t i)
{
    struct gen_symbol *s = &g->symbol[i];
    uint32_t px_e4;
    double activity;
    const char *name = oct_gen_symbol(i, &px_e4, &activity);
    memset(s->name, ' ', sizeof s->name);
    memcpy(s->name, name, strnlen(name, sizeof s->name));
    s->locate = (uint16_t)(i + 1);
    gen_symbol_init(s);
    s->rate = activity * g->cfg.rate;
    s->spread_usual = i < OCT_ARRAY_CNT(listing) ? listing[i].spread : 2;
    uint32_t tick = px_e4 / 100;
    s->base_tick = tick > GEN_MIDDLE ? tick - GEN_MIDDLE : 0;
    s->value = (double)(tick - s->base_tick);
    s->live_target = 250;
    /* 1.5 % a day, in ticks per event */
    s->value_step = (double)tick * .015 / sqrt(23400. * s->rate);
    s->last_ns = g->open_ns;
    push(g, g->open_ns + (int64_t)gen_exp(&g->rng, 1e9 / s->rate), i, true);
}

int oct_gen_create(struct oct_gen **out, const struct oct_gen_cfg *cfg)
{
    *out = NULL;
    struct oct_gen_cfg c = *cfg;
    c.symbol_cnt = c.symbol_cnt ? c.symbol_cnt : (uint32_t)OCT_ARRAY_CNT(listing);
    c.duration_s = c.duration_s ? c.duration_s : 120;
    c.rate = c.rate ? c.rate : 158;
    if (c.symbol_cnt > OCT_GEN_SYMBOL_MAX || c.duration_s > 23400 || c.rate > 1000000)
        return -EINVAL;
    struct oct_gen *g = calloc(1, sizeof *g);
    if (!g)
        return -ENOMEM;
    g->cfg = c;
    g->symbol = calloc(c.symbol_cnt, sizeof *g->symbol);
    if (!g->symbol) {
        oct_gen_destroy(g);
        return -ENOMEM;
    }
    oct_rng_init(&g->rng, c.seed);
    g->next_ref = 1 + oct_rng_below(&g->rng, UINT64_C(1) << 33);
    g->next_match = 1;
    g->open_ns = (9 * 3600 + 30 * 60) * OCT_NS_PER_S;
    g->close_ns = g->open_ns + c.duration_s * OCT_NS_PER_S;
    g->now_ns = g->open_ns - OCT_NS_PER_S;
    g->halt_ns = g->resume_ns = g->restrict_ns = INT64_MAX;
    if (!c.no_halt && c.symbol_cnt > 1) {
        g->halt_ns = g->open_ns + c.duration_s * (OCT_NS_PER_S / 10) * 6;
        g->resume_ns = g->open_ns + c.duration_s * (OCT_NS_PER_S / 10) * 7;
        g->restrict_ns = g->open_ns + c.duration_s * (OCT_NS_PER_S / 10) * 8;
    }
    for (uint32_t i = 0; i < c.symbol_cnt; i++)
        plan_symbol(g, i);
    if (g->heap_cnt < c.symbol_cnt) {
        oct_gen_destroy(g);
        return -ENOMEM;
    }
    *out = g;
    return 0;
}

void oct_gen_destroy(struct oct_gen *g)
{
    if (!g)
        return;
    free(g->symbol);
    free(g->heap);
    free(g);
}
