#include "tools/exchange/desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"

#define LEDGER_CNT (1u << 20)

void oct_exch_desk_say(struct oct_exch_desk *d, uint32_t user, struct oct_ouch50_out *out)
{
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    out->ts = d->stamp_ns;
    int sz = oct_ouch50_out_encode(out, buf);
    OCT_ASSERT(sz > 0);
    if (oct_exch_msglog_append(&d->user[user].log, buf, (uint32_t)sz) == 0)
        d->failed = true;
}

/* ---- what matching says ---------------------------------------------------------------------- */

static uint32_t shares(oct_qty q)
{
    OCT_ASSERT(q.v >= 0 && q.v % OCT_QTY_ONE == 0);
    return (uint32_t)(q.v / OCT_QTY_ONE);
}

static char liquidity(const struct oct_match_event *ev)
{
    return !ev->added ? 'R' : ev->hidden ? 'J' : 'A';
}

static void done(struct oct_exch_desk *d, struct oct_exch_order *o, enum oct_exch_order_state s)
{
    o->state = (uint8_t)s;
    d->live--;
    if (o->expire_ns != INT64_MAX)
        d->expiring--;
}

bool oct_exch_desk_new_fill(struct oct_exch_desk *d, const struct oct_exch_fill *fill)
{
    if (d->fill_cnt == d->fill_cap) {
        uint32_t cap = d->fill_cap ? d->fill_cap * 2 : 1024;
        struct oct_exch_fill *f = realloc(d->fill, cap * sizeof *f);
        if (!f) {
            d->failed = true;
            return false;
        }
        d->fill = f;
        d->fill_cap = cap;
    }
    d->fill[d->fill_cnt++] = *fill;
    return true;
}

static void on_fill(struct oct_exch_desk *d, struct oct_exch_order *o,
                    const struct oct_match_event *ev)
{
    uint32_t qty = shares(ev->qty);
    uint64_t px = (uint64_t)(ev->px.v / OCT_PX_E4);
    oct_exch_desk_new_fill(d, &(struct oct_exch_fill){.match_id = ev->match_id,
                                                      .ref = ev->ref,
                                                      .stamp_ns = d->stamp_ns,
                                                      .px = px,
                                                      .order = (uint32_t)(o - d->order),
                                                      .qty = qty,
                                                      .liquidity = liquidity(ev)});
    o->open -= qty;
    o->filled += qty;
    struct oct_exch_user *u = &d->user[o->user];
    u->fills++;
    u->filled_shares += qty;
    if (o->open == 0)
        done(d, o, OCT_EXCH_FILLED);
    struct oct_ouch50_out m = {.type = 'E',
                               .user_ref = o->in.user_ref,
                               .qty = qty,
                               .px = px,
                               .code = liquidity(ev),
                               .match = ev->match_id};
    oct_exch_desk_say(d, o->user, &m);
}

static char cancel_reason(enum oct_match_reason r)
{
    switch (r) {
    case OCT_MATCH_BY_USER:
        return 'U';
    case OCT_MATCH_IOC:
        return 'I';
    case OCT_MATCH_POST_ONLY:
        return 'G';
    case OCT_MATCH_SELF_MATCH:
        return 'Q';
    case OCT_MATCH_CLOSED:
        return 'E';
    case OCT_MATCH_EXPIRED:
        return 'T';
    case OCT_MATCH_NO_ROOM:
    case OCT_MATCH_BY_SYSTEM:
        break;
    }
    return 'Z';
}

static void on_cancel(struct oct_exch_desk *d, struct oct_exch_order *o,
                      const struct oct_match_event *ev)
{
    uint32_t qty = shares(ev->qty);
    o->open -= qty;
    o->cancelled += qty;
    if (o->open == 0)
        done(d, o, OCT_EXCH_CANCELLED);
    if (d->quiet)
        return;
    o->cancel = cancel_reason(ev->reason);
    d->user[o->user].cancels++;
    struct oct_ouch50_out m = {
        .type = 'C', .user_ref = o->in.user_ref, .qty = qty, .reason = (uint8_t)o->cancel};
    oct_exch_desk_say(d, o->user, &m);
}

static void on_self(struct oct_exch_desk *d, struct oct_exch_order *o,
                    const struct oct_match_event *ev)
{
    uint32_t qty = shares(ev->qty);
    o->open -= qty;
    o->decremented += qty;
    o->cancel = 'Q';
    if (o->open == 0)
        done(d, o, OCT_EXCH_CANCELLED);
    d->user[o->user].cancels++;
    struct oct_ouch50_out m = {.type = 'D',
                               .user_ref = o->in.user_ref,
                               .qty = qty,
                               .reason = 'Q',
                               .prevented = shares(ev->prevented),
                               .px = (uint64_t)(ev->px.v / OCT_PX_E4),
                               .code = liquidity(ev),
                               .aiq = qty == shares(ev->prevented) ? 'D' : 'O'};
    oct_exch_desk_say(d, o->user, &m);
}

static void on_match(void *ctx, const struct oct_match_event *ev)
{
    struct oct_exch_desk *d = ctx;
    OCT_ASSERT(ev->id > 0 && ev->id < d->order_cnt);
    struct oct_exch_order *o = &d->order[ev->id];
    OCT_ASSERT(o->state == OCT_EXCH_LIVE);
    switch (ev->kind) {
    case OCT_MATCH_FILL:
        on_fill(d, o, ev);
        break;
    case OCT_MATCH_CANCEL:
        on_cancel(d, o, ev);
        break;
    case OCT_MATCH_SELF:
        on_self(d, o, ev);
        break;
    default:
        OCT_ASSERT(false);
    }
}

/* ---- the session advances -------------------------------------------------------------------- */

static void cancel_where(struct oct_exch_desk *d,
                         bool (*which)(const struct oct_exch_desk *d,
                                       const struct oct_exch_order *o),
                         enum oct_match_reason why)
{
    for (uint32_t i = 1; i < d->order_cnt && d->live > 0; i++) {
        const struct oct_exch_order *o = &d->order[i];
        if (o->state == OCT_EXCH_LIVE && which(d, o))
            oct_match_reduce(d->match, i, (oct_qty){INT64_MAX}, why);
    }
}

static bool is_day(const struct oct_exch_desk *d, const struct oct_exch_order *o)
{
    (void)d;
    return o->in.tif == '0';
}

static bool is_due(const struct oct_exch_desk *d, const struct oct_exch_order *o)
{
    return o->expire_ns <= (int64_t)d->stamp_ns;
}

static void on_system(struct oct_exch_desk *d, char event)
{
    switch (event) {
    case 'O':
    case 'S':
    case 'Q':
        d->closed = d->market_over = false;
        break;
    case 'M':
        d->market_over = true;
        cancel_where(d, is_day, OCT_MATCH_CLOSED);
        break;
    case 'E':
        d->closed = true;
        oct_match_close(d->match, OCT_MATCH_CLOSED);
        break;
    default:
        break;
    }
}

void oct_exch_desk_md(struct oct_exch_desk *d, const struct oct_md *md, uint64_t stamp_ns)
{
    d->stamp_ns = stamp_ns;
    if (d->expiring > 0)
        cancel_where(d, is_due, OCT_MATCH_EXPIRED);
    if (md->kind == OCT_MD_DIRECTORY)
        oct_exch_symbols_learn(d->symbols, md->inst, md->symbol,
                               (uint32_t)(md->qty2.v / OCT_QTY_ONE));
    else if (md->kind == OCT_MD_ADD || md->kind == OCT_MD_TRADE || md->kind == OCT_MD_TRADING)
        oct_exch_symbols_learn(d->symbols, md->inst, md->symbol, 0);
    oct_match_md(d->match, md);
    if (md->kind == OCT_MD_SYSTEM)
        on_system(d, md->code);
}

static void system_event(struct oct_exch_desk *d, char code)
{
    for (uint32_t u = 0; u < d->user_cnt; u++) {
        struct oct_ouch50_out m = {.type = 'S', .code = code};
        oct_exch_desk_say(d, u, &m);
    }
}

void oct_exch_desk_begin(struct oct_exch_desk *d)
{
    system_event(d, 'S');
}

void oct_exch_desk_end(struct oct_exch_desk *d)
{
    d->closed = true;
    oct_match_close(d->match, OCT_MATCH_CLOSED);
    system_event(d, 'E');
}

void oct_exch_desk_cancel_all(struct oct_exch_desk *d, uint32_t user)
{
    for (uint32_t i = 1; i < d->order_cnt && d->live > 0; i++)
        if (d->order[i].state == OCT_EXCH_LIVE && d->order[i].user == user)
            oct_match_reduce(d->match, i, (oct_qty){INT64_MAX}, OCT_MATCH_BY_SYSTEM);
}

int oct_exch_desk_break(struct oct_exch_desk *d, uint64_t match_id)
{
    int rc = -ENOENT;
    for (uint32_t i = 0; i < d->fill_cnt; i++) {
        struct oct_exch_fill *f = &d->fill[i];
        if (f->match_id != match_id || f->broken)
            continue;
        f->broken = true;
        rc = 0;
        const struct oct_exch_order *o = &d->order[f->order];
        struct oct_ouch50_out m = {
            .type = 'B', .user_ref = o->in.user_ref, .match = match_id, .reason = 'S'};
        memcpy(m.cl_ord_id, o->in.cl_ord_id, sizeof m.cl_ord_id);
        oct_exch_desk_say(d, o->user, &m);
    }
    return rc;
}

/* ---- set up ---------------------------------------------------------------------------------- */

int oct_exch_desk_init(struct oct_exch_desk *d, const struct oct_exch_desk_cfg *cfg)
{
    *d = (struct oct_exch_desk){.order_cnt = 1};
    struct oct_match_cfg mc = {.books = {.inst_cnt = OCT_EXCH_LOCATE_CNT,
                                         .order_cnt_max = cfg->rec_order_cnt_max,
                                         .level_cnt_max = cfg->rec_level_cnt_max,
                                         .seed = UINT64_C(0x0c70905)},
                               .order_cnt_max = cfg->order_cnt_max,
                               .ledger_cnt_max = LEDGER_CNT,
                               .self = cfg->self,
                               .first_match_id = cfg->first_match_id};
    size_t sz = oct_match_footprint(&mc);
    if (sz == 0)
        return -EINVAL;
    d->match_mem = aligned_alloc(OCT_BLOCK_SZ, oct_align_up(sz, OCT_BLOCK_SZ));
    d->symbols = calloc(1, sizeof *d->symbols);
    if (!d->match_mem || !d->symbols) {
        oct_exch_desk_fini(d);
        return -ENOMEM;
    }
    d->match = oct_match_new(d->match_mem, &mc, on_match, d);
    OCT_ASSERT(d->match != NULL);
    return 0;
}

void oct_exch_desk_fini(struct oct_exch_desk *d)
{
    for (uint32_t u = 0; u < d->user_cnt; u++)
        oct_exch_msglog_fini(&d->user[u].log);
    free(d->match_mem);
    free(d->symbols);
    free(d->order);
    free(d->fill);
    *d = (struct oct_exch_desk){0};
}

int oct_exch_desk_user(struct oct_exch_desk *d, const char *name, const char *password,
                       const char *firm, const char *store_path)
{
    if (d->user_cnt == OCT_EXCH_USER_MAX)
        return -ENOSPC;
    if (strlen(name) < 1 || strlen(name) > 6 || strlen(password) > 10 || strlen(firm) > 4)
        return -EINVAL;
    struct oct_exch_user *u = &d->user[d->user_cnt];
    snprintf(u->name, sizeof u->name, "%s", name);
    snprintf(u->password, sizeof u->password, "%s", password);
    snprintf(u->firm, sizeof u->firm, "%-4s", firm);
    u->group = d->user_cnt + 1;
    for (uint32_t i = 0; i < d->user_cnt; i++)
        if (firm[0] && memcmp(d->user[i].firm, u->firm, 4) == 0)
            u->group = d->user[i].group;
    int rc = oct_exch_msglog_init(&u->log, store_path);
    if (rc != 0)
        return rc;
    uint32_t idx = d->user_cnt++;
    rc = oct_exch_desk_restore(d, idx);
    return rc != 0 ? rc : (int)idx;
}
