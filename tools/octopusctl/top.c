#include "tools/octopusctl/top.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/base/time.h"

#define READ_NS (20 * OCT_NS_PER_MS)

/* ---- the ring --------------------------------------------------------------------------------- */

static struct oct_top_inst *inst_of(struct oct_top *t, uint32_t inst)
{
    return inst < t->inst_cnt ? &t->inst[inst] : NULL;
}

static struct oct_top_order *order_of(struct oct_top *t, uint64_t id)
{
    uint64_t n = t->order_cnt < OCT_TOP_ORDER_MAX ? t->order_cnt : OCT_TOP_ORDER_MAX;
    for (uint64_t i = 1; i <= n; i++) {
        struct oct_top_order *o = &t->order[(t->order_cnt - i) % OCT_TOP_ORDER_MAX];
        if (o->order.order_id == id)
            return o;
    }
    return NULL;
}

static void on_order(struct oct_top *t, const struct oct_order *o)
{
    if (o->action != OCT_ACTION_NEW && o->action != OCT_ACTION_REPLACE)
        return;
    struct oct_top_order *slot = &t->order[t->order_cnt++ % OCT_TOP_ORDER_MAX];
    *slot = (struct oct_top_order){.order = *o};
}

static void on_position(struct oct_top *t, const struct oct_position *p)
{
    uint32_t i = 0;
    while (i < t->pos_cnt && (t->pos[i].inst != p->inst || t->pos[i].strategy != p->strategy ||
                              t->pos[i].account != p->account))
        i++;
    if (i == OCT_TOP_POS_MAX)
        return; /* more than a screen holds */
    t->pos_cnt += i == t->pos_cnt;
    t->pos[i] = *p;
}

static void on_record(struct oct_top *t, const struct oct_msg_hdr *m)
{
    if (m->type == OCT_BBO) {
        const struct oct_bbo *b = (const struct oct_bbo *)m;
        struct oct_top_inst *in = inst_of(t, b->inst);
        if (in == NULL)
            return;
        in->bid = b->bid_px;
        in->ask = b->ask_px;
        in->bid_qty = b->bid_qty;
        in->ask_qty = b->ask_qty;
        in->changes++;
    } else if (m->type == OCT_TRADE) {
        const struct oct_trade *tr = (const struct oct_trade *)m;
        struct oct_top_inst *in = inst_of(t, tr->inst);
        if (in != NULL && tr->printable) {
            in->last = tr->px;
            in->trades++;
        }
    } else if (m->type == OCT_ORDER) {
        on_order(t, (const struct oct_order *)m);
    } else if (m->type == OCT_ORDER_UPDATE) {
        const struct oct_order_update *u = (const struct oct_order_update *)m;
        struct oct_top_order *o = order_of(t, u->order_id);
        if (o != NULL)
            o->update = *u;
    } else if (m->type == OCT_POSITION) {
        on_position(t, (const struct oct_position *)m);
    }
}

static void read_ring(struct oct_top *t)
{
    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
    int64_t end = oct_mono_ns() + READ_NS;
    for (uint32_t n = 0;; n++) {
        enum oct_ring_read got = oct_ring_read(&t->reader, buf);
        if (got == OCT_RING_RECORD)
            on_record(t, (const struct oct_msg_hdr *)buf);
        else if (got == OCT_RING_EMPTY)
            return;
        if (n % 256 == 255 && oct_mono_ns() > end) {
            /* Too much for a screen: go on with the newest. */
            uint64_t lapped = t->reader.lapped;
            oct_ring_reader_init(&t->reader, t->shm.ring, false);
            t->reader.lapped = lapped + 1;
            return;
        }
    }
}

/* ---- joining ---------------------------------------------------------------------------------- */

static void leave(struct oct_top *t)
{
    if (t->joined)
        oct_pub_leave(&t->shm);
    t->joined = false;
    free(t->inst);
    t->inst = NULL;
    t->inst_cnt = 0;
}

static int join(struct oct_top *t, bool quiet)
{
    int rc = oct_cli_shm_join(t->c, &t->shm, quiet);
    if (rc != OCT_CLI_OK)
        return rc;
    t->joined = true;
    t->inst_cnt = t->shm.symbol_cnt;
    t->inst = calloc(t->inst_cnt + 1, sizeof(*t->inst));
    if (t->inst == NULL) {
        leave(t);
        return OCT_CLI_NEGATIVE;
    }
    t->run_id = t->shm.status->run_id;
    t->order_cnt = 0;
    t->pos_cnt = 0;
    t->looked_ns = 0;
    /* What the ring still holds is worth a look: the last seconds. */
    oct_ring_reader_init(&t->reader, t->shm.ring, true);
    return OCT_CLI_OK;
}

int oct_top_init(struct oct_top *t, struct oct_cli *c)
{
    memset(t, 0, sizeof(*t));
    t->c = c;
    t->pane = OCT_TOP_FEEDS;
    int rc = join(t, false);
    if (rc == OCT_CLI_OK)
        oct_top_look(t, 0, true);
    t->reader.lapped = 0; /* what was overwritten before anybody looked was not missed */
    return rc;
}

void oct_top_fini(struct oct_top *t)
{
    leave(t);
}

void oct_top_look(struct oct_top *t, double span_s, bool force)
{
    if (t->joined && !oct_region_current(&t->shm.region))
        leave(t);
    if (!t->joined && join(t, true) != OCT_CLI_OK)
        return;
    read_ring(t);
    int64_t now = oct_mono_ns();
    if (!force && (double)(now - t->looked_ns) < span_s * 1e9)
        return;
    struct oct_counter_row row;
    memcpy(t->then, t->value, sizeof(t->then));
    for (uint32_t i = 0; i < OCT_TOP_COUNTER_MAX; i++) {
        if (!oct_counters_get(t->shm.counters, i, &row, &t->value[i]))
            break;
    }
    for (uint32_t i = 0; i < t->inst_cnt; i++)
        t->inst[i].changes_then = t->inst[i].changes;
    t->span_s = t->looked_ns != 0 ? (double)(now - t->looked_ns) / 1e9 : 0;
    t->looked_ns = now;
}

/* ---- the verb --------------------------------------------------------------------------------- */

static int batch(struct oct_top *t, long count, double delay_s)
{
    struct timespec nap = {(time_t)delay_s, (long)((delay_s - (double)(time_t)delay_s) * 1e9)};
    static const enum oct_top_pane panes[] = {OCT_TOP_FEEDS, OCT_TOP_BOOKS,    OCT_TOP_ORDERS,
                                              OCT_TOP_RISK,  OCT_TOP_SESSIONS, OCT_TOP_LATENCY};
    for (long n = 0; count == 0 || n < count; n++) {
        nanosleep(&nap, NULL);
        oct_top_look(t, 0, true);
        for (size_t i = 0; i < OCT_ARRAY_CNT(panes); i++) {
            t->pane = panes[i];
            oct_top_page(t);
            /* The head line once, then each pane. */
            for (uint32_t k = i == 0 ? 0 : 2; k < t->line_cnt; k++)
                puts(t->line[k]);
            putchar('\n');
        }
        fflush(stdout);
    }
    return OCT_CLI_OK;
}

int oct_cli_top(struct oct_cli *c)
{
    bool is_batch = oct_cli_take_flag(c, "--batch");
    is_batch |= oct_cli_take_flag(c, "-b");
    const char *count = oct_cli_take(c, "-n");
    const char *delay = oct_cli_take(c, "-d");
    long n = 0;
    char *end = NULL;
    double delay_s = delay != NULL ? strtod(delay, &end) : 1.0;
    if (count != NULL && !oct_cli_number(c, "-n", count, 1, 1000000, &n))
        return OCT_CLI_USAGE;
    if (delay_s < 0.05 || delay_s > 3600 || (end != NULL && *end != '\0'))
        return oct_cli_usage(c, "-d is seconds, from 0.05 to 3600");
    int rc = oct_cli_done(c);
    struct oct_top *t = rc == OCT_CLI_OK ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL)
        return rc != OCT_CLI_OK ? rc : OCT_CLI_NEGATIVE;
    rc = oct_top_init(t, c);
    if (rc == OCT_CLI_OK)
        rc = is_batch ? batch(t, n, delay_s) : oct_top_screen(t, delay_s);
    oct_top_fini(t);
    free(t);
    return rc;
}
