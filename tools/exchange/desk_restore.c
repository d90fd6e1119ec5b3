/* The book of record from a user's stream of an earlier run. */
#include <errno.h>
#include <string.h>

#include "tools/exchange/desk.h"

static struct oct_exch_order *find(struct oct_exch_desk *d, uint32_t user, uint32_t user_ref)
{
    int64_t i = oct_exch_desk_find(d, user, user_ref);
    return i > 0 ? &d->order[i] : NULL;
}

/* Accepted, replaced, rejected: a new line. */
static int born(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_out *m)
{
    struct oct_ouch50_in in = {.type = m->type == 'U' ? 'U' : 'O',
                               .side = m->side,
                               .tif = m->tif,
                               .display = m->display,
                               .capacity = m->capacity,
                               .sweep = m->sweep,
                               .cross = m->cross,
                               .user_ref = m->user_ref,
                               .orig_user_ref = m->orig_user_ref,
                               .qty = m->qty,
                               .px = m->px,
                               .symbol = m->symbol,
                               .opts = m->opts};
    memcpy(in.cl_ord_id, m->cl_ord_id, sizeof in.cl_ord_id);
    struct oct_exch_order *o = oct_exch_desk_new_order(d, user, &in, 0);
    if (!o)
        return -ENOMEM;
    o->stamp_ns = m->ts;
    o->qty = m->qty;
    o->open = m->type == 'J' ? 0 : m->qty;
    o->reject = m->type == 'J' ? m->reason : 0;
    o->state = m->type == 'J' ? OCT_EXCH_REJECTED : OCT_EXCH_LIVE;
    struct oct_exch_user *u = &d->user[user];
    u->last_ref = m->user_ref > u->last_ref ? m->user_ref : u->last_ref;
    u->accepted += m->type == 'A';
    u->replaced += m->type == 'U';
    u->rejected += m->type == 'J';
    struct oct_exch_order *old = m->type == 'U' ? find(d, user, m->orig_user_ref) : NULL;
    if (old) {
        old->state = OCT_EXCH_REPLACED;
        old->next = (uint32_t)(d->order_cnt - 1);
    }
    return 0;
}

static void lose(struct oct_exch_order *o, uint32_t qty, enum oct_exch_order_state when_done)
{
    o->open -= qty < o->open ? qty : o->open;
    if (o->open == 0)
        o->state = (uint8_t)when_done;
}

static int apply(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_out *m)
{
    if (m->type == 'A' || m->type == 'U' || m->type == 'J')
        return born(d, user, m);
    struct oct_exch_order *o = strchr("CDEMB", m->type) ? find(d, user, m->user_ref) : NULL;
    if (!o)
        return 0;
    struct oct_exch_user *u = &d->user[user];
    switch (m->type) {
    case 'E':
        if (!oct_exch_desk_new_fill(d, &(struct oct_exch_fill){.match_id = m->match,
                                                               .stamp_ns = m->ts,
                                                               .px = m->px,
                                                               .order = (uint32_t)(o - d->order),
                                                               .qty = m->qty,
                                                               .liquidity = m->code}))
            return -ENOMEM;
        u->fills++;
        u->filled_shares += m->qty;
        o->filled += m->qty;
        lose(o, m->qty, OCT_EXCH_FILLED);
        break;
    case 'C':
    case 'D':
        u->cancels++;
        o->cancel = (char)m->reason;
        o->cancelled += m->type == 'C' ? m->qty : 0;
        o->decremented += m->type == 'D' ? m->qty : 0;
        lose(o, m->qty, OCT_EXCH_CANCELLED);
        break;
    case 'M':
        o->in.side = m->side;
        o->open = m->qty;
        break;
    default: /* B */
        for (uint32_t i = 0; i < d->fill_cnt; i++)
            d->fill[i].broken |= d->fill[i].match_id == m->match;
        break;
    }
    return 0;
}

int oct_exch_desk_restore(struct oct_exch_desk *d, uint32_t user)
{
    struct oct_exch_msglog *log = &d->user[user].log;
    for (uint64_t seq = 1; seq <= log->cnt; seq++) {
        struct oct_ouch50_out m;
        uint32_t sz, off;
        const uint8_t *p = oct_exch_msglog_get(log, seq, &sz);
        if (oct_ouch50_out_decode(p, sz, &m, &off) != 0)
            return -EBADMSG;
        int rc = apply(d, user, &m);
        if (rc != 0)
            return rc;
        d->stamp_ns = m.ts > d->stamp_ns ? m.ts : d->stamp_ns;
    }
    for (uint32_t i = 1; i < d->order_cnt; i++) { /* matching has forgotten them */
        struct oct_exch_order *o = &d->order[i];
        if (o->user != user || o->state != OCT_EXCH_LIVE)
            continue;
        struct oct_ouch50_out m = {
            .type = 'C', .user_ref = o->in.user_ref, .qty = o->open, .reason = 'Z'};
        o->cancelled += o->open;
        o->open = 0;
        o->cancel = 'Z';
        o->state = OCT_EXCH_CANCELLED;
        oct_exch_desk_say(d, user, &m);
    }
    return 0;
}
