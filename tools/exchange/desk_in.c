/* What a user says. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "tools/exchange/desk.h"

/* Appendix D, as far as it is used here. */
enum {
    REJECT_CLOSED = 0x0002,
    REJECT_MAX_FLOOR = 0x0004,
    REJECT_HALTED = 0x0007,
    REJECT_ERROR = 0x000a,
    REJECT_FIRM = 0x000c,
    REJECT_MIN_QTY = 0x000d,
    REJECT_OTHER = 0x000f,
    REJECT_PEGGING = 0x0011,
    REJECT_CROSS = 0x0014,
    REJECT_ROUTING = 0x0016,
    REJECT_SYMBOL = 0x0017,
    REJECT_RETAIL = 0x001a,
    REJECT_PRICE = 0x001d,
    REJECT_SHORT = 0x0023,
};

#define LOT_USUAL 100u

static bool is_set(const struct oct_ouch50_in *in, uint32_t bit)
{
    return (in->opts.set & bit) != 0;
}

/* Index of an order by its number, from the newest back; 0 when there is none. */
int64_t oct_exch_desk_find(const struct oct_exch_desk *d, uint32_t user, uint32_t user_ref)
{
    for (uint32_t i = d->order_cnt - 1; i > 0; i--) {
        const struct oct_exch_order *o = &d->order[i];
        if (o->user != user)
            continue;
        if (o->in.user_ref == user_ref)
            return i;
        if (o->in.user_ref < user_ref)
            return 0; /* numbers only grow */
    }
    return 0;
}

static struct oct_exch_order *find_live(struct oct_exch_desk *d, uint32_t user, uint32_t user_ref)
{
    int64_t i = oct_exch_desk_find(d, user, user_ref);
    return i > 0 && d->order[i].state == OCT_EXCH_LIVE ? &d->order[i] : NULL;
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* What OUCH has and this venue has not. */
static uint16_t check_offered(const struct oct_ouch50_in *in)
{
    if (in->type == 'O' && in->cross != 'N')
        return REJECT_CROSS;
    if (is_set(in, OCT_OUCH50_BIT(PRICE_TYPE)) && in->opts.price_type != 'L')
        return REJECT_PEGGING;
    if (is_set(in, OCT_OUCH50_BIT(PEG_OFFSET)) || is_set(in, OCT_OUCH50_BIT(DISCRETION_PEG_OFFSET)))
        return REJECT_PEGGING;
    if (is_set(in, OCT_OUCH50_BIT(DISCRETION_PX)) || is_set(in, OCT_OUCH50_BIT(DISCRETION_PX_TYPE)))
        return REJECT_OTHER;
    if (is_set(in, OCT_OUCH50_BIT(ROUTE)) && memcmp(in->opts.route, "    ", 4) != 0)
        return REJECT_ROUTING;
    if (is_set(in, OCT_OUCH50_BIT(CUSTOMER_TYPE)) && in->opts.customer_type == 'R')
        return REJECT_RETAIL;
    if ((is_set(in, OCT_OUCH50_BIT(MAX_FLOOR)) && in->opts.max_floor != 0) ||
        (is_set(in, OCT_OUCH50_BIT(RANDOM_RESERVES)) && in->opts.random_reserves != 0))
        return REJECT_MAX_FLOOR;
    return 0;
}

/* One cent at and above a dollar, a hundredth of a cent below. */
static bool on_tick(uint64_t px)
{
    return oct_ouch50_is_market(px) || px < 10000 || px % 100 == 0;
}

static uint16_t check_values(const struct oct_exch_desk *d, const struct oct_exch_user *u,
                             const struct oct_ouch50_in *in, uint32_t inst)
{
    uint16_t reason = oct_ouch50_in_check(in);
    if (reason == 0)
        reason = check_offered(in);
    if (reason != 0)
        return reason;
    if (!on_tick(in->px))
        return REJECT_PRICE;
    uint32_t lot = d->symbols->lot[inst] ? d->symbols->lot[inst] : LOT_USUAL;
    if (is_set(in, OCT_OUCH50_BIT(MIN_QTY)) && in->opts.min_qty % lot != 0)
        return REJECT_MIN_QTY;
    if (is_set(in, OCT_OUCH50_BIT(FIRM)) && memcmp(in->opts.firm, "    ", 4) != 0 &&
        u->firm[0] != ' ' && memcmp(in->opts.firm, u->firm, 4) != 0)
        return REJECT_FIRM;
    return 0;
}

/* A short sale at or below the best bid is not allowed while the restriction is in effect. */
static bool short_restricted(const struct oct_exch_desk *d, char side, uint64_t px, uint32_t inst)
{
    char s = oct_match_short_sale(d->match, inst);
    struct oct_level bid;
    if (side != 'T' || (s != '1' && s != '2'))
        return false;
    if (!oct_book_best(oct_match_books(d->match), inst, OCT_BUY, &bid))
        return false;
    return oct_ouch50_is_market(px) || (int64_t)px * OCT_PX_E4 <= bid.px.v;
}

static uint16_t check_state(const struct oct_exch_desk *d, const struct oct_ouch50_in *in,
                            char side, uint32_t inst)
{
    if (d->closed)
        return REJECT_CLOSED;
    char t = oct_match_trading(d->match, inst);
    if (t == 'H' || t == 'P' || t == 'Q')
        return REJECT_HALTED;
    if (short_restricted(d, side, in->px, inst))
        return REJECT_SHORT;
    return d->failed ? REJECT_ERROR : 0;
}

/* ---- orders ---------------------------------------------------------------------------------- */

/* A new line of the book of record; NULL when there is no memory. */
struct oct_exch_order *oct_exch_desk_new_order(struct oct_exch_desk *d, uint32_t user,
                                               const struct oct_ouch50_in *in, uint32_t inst)
{
    if (d->order_cnt >= d->order_cap) {
        uint32_t cap = d->order_cap ? d->order_cap * 2 : 4096;
        struct oct_exch_order *p = realloc(d->order, cap * sizeof *p);
        if (!p) {
            d->failed = true;
            return NULL;
        }
        if (d->order_cap == 0)
            p[0] = (struct oct_exch_order){0};
        d->order = p;
        d->order_cap = cap;
    }
    struct oct_exch_order *o = &d->order[d->order_cnt];
    *o = (struct oct_exch_order){.in = *in,
                                 .venue_ref = d->order_cnt,
                                 .stamp_ns = d->stamp_ns,
                                 .user = user,
                                 .inst = inst,
                                 .expire_ns = INT64_MAX};
    d->order_cnt++;
    return o;
}

static void reject(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_in *in,
                   uint32_t inst, uint16_t reason)
{
    struct oct_exch_order *o = oct_exch_desk_new_order(d, user, in, inst);
    if (o) {
        o->state = OCT_EXCH_REJECTED;
        o->reject = reason;
        o->qty = in->qty;
    }
    d->user[user].last_ref = in->user_ref;
    d->user[user].rejected++;
    struct oct_ouch50_out m = {.type = 'J', .user_ref = in->user_ref, .reason = reason};
    memcpy(m.cl_ord_id, in->cl_ord_id, sizeof m.cl_ord_id);
    oct_exch_desk_say(d, user, &m);
}

/* The order goes to work: what follows comes from matching. */
static void work(struct oct_exch_desk *d, uint32_t idx)
{
    const struct oct_exch_order *o = &d->order[idx];
    struct oct_match_order mo = {
        .id = idx,
        .inst = o->inst,
        .group = d->user[o->user].group,
        .px = oct_px_from_e4((int64_t)o->in.px),
        .qty = oct_qty_from_shares(o->open),
        .side = o->in.side == 'B' ? OCT_BUY : OCT_SELL,
        .market = oct_ouch50_is_market(o->in.px),
        .ioc = o->in.tif == '3',
        .post_only = is_set(&o->in, OCT_OUCH50_BIT(POST_ONLY)) && o->in.opts.post_only == 'P',
        .hidden = o->in.display == 'N',
    };
    if (is_set(&o->in, OCT_OUCH50_BIT(MIN_QTY)))
        mo.min_qty =
            oct_qty_from_shares(o->in.opts.min_qty < o->open ? o->in.opts.min_qty : o->open);
    bool over = (d->market_over && o->in.tif == '0') || oct_match_enter(d->match, &mo) != 0;
    if (!over)
        return;
    /* it never came to matching: the venue takes it back */
    struct oct_exch_order *w = &d->order[idx];
    w->cancelled = w->open;
    w->cancel = d->market_over && w->in.tif == '0' ? 'E' : 'Z';
    w->open = 0;
    w->state = OCT_EXCH_CANCELLED;
    d->live--;
    if (w->expire_ns != INT64_MAX)
        d->expiring--;
    d->user[w->user].cancels++;
    struct oct_ouch50_out m = {
        .type = 'C', .user_ref = w->in.user_ref, .qty = w->cancelled, .reason = (uint8_t)w->cancel};
    oct_exch_desk_say(d, w->user, &m);
}

/* Accepted or replaced, with what it works for. */
static void acknowledge(struct oct_exch_desk *d, uint32_t idx, char type, uint32_t orig_ref)
{
    struct oct_exch_order *o = &d->order[idx];
    d->live++;
    if (is_set(&o->in, OCT_OUCH50_BIT(EXPIRE_TIME))) {
        o->expire_ns = (int64_t)d->stamp_ns + (int64_t)o->in.opts.expire_s * OCT_NS_PER_S;
        d->expiring++;
    }
    struct oct_ouch50_out m = {.type = type,
                               .side = o->in.side,
                               .tif = o->in.tif,
                               .display = o->in.display,
                               .capacity = o->in.capacity,
                               .sweep = o->in.sweep,
                               .cross = o->in.cross,
                               .state = 'L',
                               .user_ref = o->in.user_ref,
                               .orig_user_ref = orig_ref,
                               .qty = o->open,
                               .px = o->in.px,
                               .venue_ref = o->venue_ref,
                               .symbol = o->in.symbol,
                               .opts = o->in.opts};
    memcpy(m.cl_ord_id, o->in.cl_ord_id, sizeof m.cl_ord_id);
    m.opts.set &= oct_ouch50_opts_allowed(type, false);
    oct_exch_desk_say(d, o->user, &m);
}

static void on_enter(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_in *in)
{
    struct oct_exch_user *u = &d->user[user];
    if (in->user_ref <= u->last_ref) {
        u->ignored++;
        return;
    }
    uint32_t inst = oct_exch_symbols_find(d->symbols, in->symbol);
    uint16_t reason = check_values(d, u, in, inst);
    if (reason == 0 && inst == 0)
        reason = REJECT_SYMBOL;
    if (reason == 0)
        reason = check_state(d, in, in->side, inst);
    struct oct_exch_order *o = reason == 0 ? oct_exch_desk_new_order(d, user, in, inst) : NULL;
    if (!o) {
        reject(d, user, in, inst, reason ? reason : REJECT_ERROR);
        return;
    }
    uint32_t idx = (uint32_t)(o - d->order);
    u->last_ref = in->user_ref;
    u->accepted++;
    o->qty = o->open = in->qty;
    acknowledge(d, idx, 'A', 0);
    work(d, idx);
}

/* Executed and decremented so far in the chain that ends with this order. */
static uint32_t used(const struct oct_exch_order *o)
{
    return o->used_before + o->filled + o->decremented;
}

static void on_replace(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_in *msg)
{
    struct oct_exch_user *u = &d->user[user];
    struct oct_exch_order *old = find_live(d, user, msg->orig_user_ref);
    if (!old || msg->user_ref <= u->last_ref) {
        u->ignored++;
        return;
    }
    uint32_t old_idx = (uint32_t)(old - d->order);
    struct oct_ouch50_in in = *msg; /* what a replacement cannot change comes from the original */
    in.side = old->in.side;
    in.symbol = old->in.symbol;
    in.capacity = old->in.capacity;
    in.cross = old->in.cross;
    in.opts.set |= old->in.opts.set & OCT_OUCH50_BIT(FIRM);
    memcpy(in.opts.firm, old->in.opts.firm, sizeof in.opts.firm);
    struct oct_ouch50_in checked = *msg;
    if (check_values(d, u, &checked, old->inst) != 0 || in.qty <= used(old)) {
        oct_match_reduce(d->match, old_idx, (oct_qty){INT64_MAX}, OCT_MATCH_BY_USER);
        return; /* its number is not used up */
    }
    uint16_t reason = check_state(d, &in, in.side, old->inst);
    struct oct_exch_order *o =
        reason == 0 ? oct_exch_desk_new_order(d, user, &in, old->inst) : NULL;
    if (!o) {
        reject(d, user, &in, d->order[old_idx].inst, reason ? reason : REJECT_ERROR);
        return;
    }
    old = &d->order[old_idx]; /* the table may have moved */
    uint32_t idx = (uint32_t)(o - d->order);
    int rc = oct_match_remove(d->match, old_idx);
    OCT_ASSERT(rc == 0);
    o->used_before = used(old);
    o->qty = o->open = in.qty - o->used_before;
    old->state = OCT_EXCH_REPLACED;
    old->next = idx;
    d->live--;
    if (old->expire_ns != INT64_MAX)
        d->expiring--;
    u->last_ref = in.user_ref;
    u->replaced++;
    acknowledge(d, idx, 'U', in.orig_user_ref);
    work(d, idx);
}

static void on_cancel(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_in *in)
{
    struct oct_exch_order *o = find_live(d, user, in->user_ref);
    uint32_t keep = o && in->qty > used(o) ? in->qty - used(o) : 0;
    if (!o || keep >= o->open) {
        d->user[user].ignored++;
        return;
    }
    oct_match_reduce(d->match, (uint64_t)(o - d->order), oct_qty_from_shares(o->open - keep),
                     OCT_MATCH_BY_USER);
}

static bool may_become(char from, char to)
{
    return from == to || (from == 'S' && (to == 'E' || to == 'T')) || (from == 'E' && to == 'T');
}

static void on_modify(struct oct_exch_desk *d, uint32_t user, const struct oct_ouch50_in *in)
{
    struct oct_exch_order *o = find_live(d, user, in->user_ref);
    if (!o || oct_ouch50_in_check(in) != 0 || !may_become(o->in.side, in->side) ||
        short_restricted(d, in->side, o->in.px, o->inst)) {
        d->user[user].ignored++;
        return;
    }
    uint32_t idx = (uint32_t)(o - d->order);
    uint32_t keep = in->qty > used(o) ? in->qty - used(o) : 0;
    if (keep == 0) {
        oct_match_reduce(d->match, idx, (oct_qty){INT64_MAX}, OCT_MATCH_BY_USER);
        return;
    }
    bool more = keep > o->open;
    if (more) {
        oct_match_remove(d->match, idx);
        o->qty += keep - o->open;
        o->open = keep;
    } else if (keep < o->open) {
        d->quiet = true;
        oct_match_reduce(d->match, idx, oct_qty_from_shares(o->open - keep), OCT_MATCH_BY_USER);
        d->quiet = false;
    }
    o->in.side = in->side;
    struct oct_ouch50_out m = {
        .type = 'M', .user_ref = o->in.user_ref, .side = in->side, .qty = keep};
    oct_exch_desk_say(d, user, &m);
    if (more)
        work(d, idx); /* at the end of the queue */
}

void oct_exch_desk_in(struct oct_exch_desk *d, uint32_t user, const uint8_t *msg, uint32_t sz)
{
    struct oct_ouch50_in in;
    uint32_t off;
    struct oct_exch_user *u = &d->user[user];
    u->in_msgs++;
    if (oct_ouch50_in_decode(msg, sz, &in, &off) != 0) {
        u->bad++; /* there is no number to reject */
        return;
    }
    switch (in.type) {
    case 'O':
        on_enter(d, user, &in);
        break;
    case 'U':
        on_replace(d, user, &in);
        break;
    case 'X':
        on_cancel(d, user, &in);
        break;
    case 'M':
        on_modify(d, user, &in);
        break;
    case 'Q': {
        struct oct_ouch50_out m = {.type = 'Q', .user_ref = u->last_ref + 1};
        oct_exch_desk_say(d, user, &m);
        break;
    }
    default:
        OCT_ASSERT(false); /* the decoder knows no other */
    }
}
