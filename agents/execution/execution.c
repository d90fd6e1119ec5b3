#include "agents/execution/execution.h"

#include <string.h>

#include "agents/execution/execution_priv.h"

#define D(c, name, help) [OCT_EXECUTION_##c] = {name, help, OCT_COUNTER_TOTAL}

const struct oct_counter_def oct_execution_counter_defs[OCT_EXECUTION_COUNTER_CNT] = {
    D(SENT, "orders_sent", "New orders and replacements handed to the session."),
    D(CANCELS_SENT, "order_cancels_sent", "Cancels and reductions handed to the session."),
    D(QUERIES_SENT, "account_queries_sent", "Account queries handed to the session."),
    D(ACKED, "orders_acked", "Orders the venue accepted."),
    D(FILLS, "order_fills", "Executions of our orders."),
    D(CANCELLED, "orders_cancelled", "Orders that ended cancelled."),
    D(REJECTED, "orders_rejected", "Orders and replacements the venue rejected."),
    D(REPLACED, "orders_replaced", "Replacements the venue made."),
    D(BROKEN, "order_fills_broken", "Executions the venue broke."),
    D(REFUSED, "execution_refused", "Approved intents that execution refused."),
    D(NO_APPROVAL, "execution_without_approval",
      "Intents handed to execution without a matching approval, refused."),
    D(NOT_SENT, "order_messages_not_sent", "Order messages whose bytes did not leave."),
    D(DUPLICATES, "venue_duplicates", "Venue messages taken in before, ignored."),
    D(GAPS, "venue_gaps", "Times venue sequence numbers were missing."),
    D(UNATTRIBUTED, "venue_unattributed", "Venue messages of no order of ours."),
    D(ADOPTED, "orders_adopted", "Orders taken up from a venue message, their record lost."),
    D(HELD, "venue_messages_held", "Venue messages held back until the feed knew the instrument."),
    D(UNEXPECTED, "venue_unexpected", "Venue messages that did not fit the state of the order."),
    D(OVERFILLS, "venue_overfills", "Executions or cancels beyond what was open."),
    D(UNKNOWN_TOTAL, "orders_became_unknown", "Orders in flight when the session was lost."),
    D(RECONCILED, "orders_reconciled", "Unknown orders that a person closed."),
    D(FILLS_FORGOTTEN, "order_fills_forgotten",
      "Fills pushed out of the table; breaking one would not be attributed."),
    [OCT_EXECUTION_OPEN] = {"orders_open", "Orders that are not terminal.", OCT_COUNTER_GAUGE},
    [OCT_EXECUTION_UNKNOWN_NOW] = {"orders_unknown", "Orders whose outcome is unknown.",
                                   OCT_COUNTER_GAUGE},
};

static uint32_t pow2_at_least(uint32_t n)
{
    uint32_t p = 64;

    while (p < n)
        p *= 2;
    return p;
}

/* Room for four times the open orders, so that ended ones stay known for a while. */
static uint32_t slot_cnt(const struct oct_execution_cfg *cfg)
{
    return pow2_at_least(4 * cfg->order_cnt_max);
}

static size_t at_orders(void)
{
    return oct_align_up(sizeof(struct oct_execution), OCT_BLOCK_SZ);
}

static size_t at_fills(const struct oct_execution_cfg *cfg)
{
    return oct_align_up(at_orders() + slot_cnt(cfg) * sizeof(struct ex_order), OCT_BLOCK_SZ);
}

static size_t at_buckets(const struct oct_execution_cfg *cfg)
{
    return oct_align_up(at_fills(cfg) + cfg->fill_cnt_max * sizeof(struct ex_fill), OCT_BLOCK_SZ);
}

size_t oct_execution_footprint(const struct oct_execution_cfg *cfg)
{
    if (cfg->order_cnt_max == 0 || cfg->order_cnt_max > UINT32_C(1) << 20 ||
        cfg->fill_cnt_max == 0 || cfg->fill_cnt_max > UINT32_C(1) << 24 || cfg->mark_block < 2 ||
        cfg->mark_block > UINT32_C(1) << 24 || cfg->first_ref == 0 || cfg->retry_ns <= 0 ||
        cfg->settle_ns <= 0 || cfg->hold_ns <= 0)
        return 0;
    return oct_align_up(at_buckets(cfg) + pow2_at_least(cfg->fill_cnt_max) * sizeof(uint32_t),
                        OCT_BLOCK_SZ);
}

struct oct_execution *oct_execution_new(void *mem, const struct oct_execution_cfg *cfg)
{
    uint8_t *base = mem;
    size_t sz = oct_execution_footprint(cfg);

    if (sz == 0 || !cfg->view || !cfg->counters || !cfg->tx.fn || !cfg->risk.fn ||
        !cfg->strategy.fn)
        return NULL;
    memset(mem, 0, sz);
    struct oct_execution *x = mem;
    x->cfg = *cfg;
    x->orders = (struct ex_order *)(base + at_orders());
    x->fills = (struct ex_fill *)(base + at_fills(cfg));
    x->buckets = (uint32_t *)(base + at_buckets(cfg));
    x->mask = slot_cnt(cfg) - 1;
    x->bucket_mask = pow2_at_least(cfg->fill_cnt_max) - 1;
    memset(x->buckets, 0xff, ((size_t)x->bucket_mask + 1) * sizeof *x->buckets);
    x->head = x->tail = EX_NIL;
    x->next_ref = x->durable = x->reserved = cfg->first_ref;
    x->day_bits = (uint64_t)cfg->lane << 56;
    oct_approver_init(&x->approver, 0);
    return x;
}

OCT_HOT void oct_execution_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct oct_execution *x = self;

    switch (m->type) {
    case OCT_VEN:
        oct_ex_on_ven(x, step, (const struct oct_ven *)m);
        break;
    case OCT_IN_VENUE:
        oct_ex_on_session(x, step, (const struct oct_in_venue *)m);
        break;
    case OCT_IN_MARK:
        if (((const struct oct_in_mark *)m)->mark > x->durable)
            x->durable = ((const struct oct_in_mark *)m)->mark;
        break;
    case OCT_IN_START:
        oct_ex_on_start(x, step, (const struct oct_in_start *)m);
        break;
    case OCT_IN_KILL:
        oct_ex_on_kill(x, step, (const struct oct_in_kill *)m);
        break;
    case OCT_IN_CMD:
        oct_ex_on_cmd(x, step, (const struct oct_in_cmd *)m);
        break;
    case OCT_LADDER:
        oct_ex_on_ladder(x, step, (const struct oct_ladder *)m);
        break;
    case OCT_TIMER:
        if (((const struct oct_timer *)m)->id == EX_TIMER_PUMP)
            oct_ex_pump(x, step);
        else if (((const struct oct_timer *)m)->id == EX_TIMER_HELD)
            oct_ex_on_held(x, step);
        else
            oct_ex_on_settled(x, step);
        break;
    default:
        break;
    }
}

static void view_of(const struct oct_execution *x, const struct ex_order *o,
                    struct oct_order_view *out)
{
    const struct ex_order *p = ex_pending(x, o);

    *out = (struct oct_order_view){
        .order_id = o->order_id,
        .pending_id = p ? p->order_id : 0,
        .px = o->px,
        .qty = o->qty,
        .filled = o->filled,
        .open = o->open,
        .inst = o->inst,
        .user_ref = o->user_ref,
        .strategy = o->strategy,
        .account = o->account,
        .state = o->state,
        .side = o->side,
        .ord_type = o->ord_type,
        .tif = o->tif,
    };
}

bool oct_execution_order(const void *self, uint64_t order_id, struct oct_order_view *out)
{
    const struct oct_execution *x = self;
    const struct ex_order *o = ex_by_id(x, order_id);

    if (!o)
        return false;
    view_of(x, o, out);
    return true;
}

void oct_execution_each(const struct oct_execution *x,
                        void (*fn)(void *arg, const struct oct_order_view *o), void *arg)
{
    struct oct_order_view v;

    for (uint32_t i = x->head; i != EX_NIL; i = x->orders[i].next) {
        view_of(x, &x->orders[i], &v);
        fn(arg, &v);
    }
}

bool oct_execution_holds(const void *self)
{
    return ((const struct oct_execution *)self)->held.seq != 0;
}

uint64_t oct_execution_mark(const struct oct_execution *x)
{
    return x->reserved;
}

uint64_t oct_execution_digest(const void *self)
{
    const struct oct_execution *x = self;
    uint64_t own[] = {
        x->approver.secret, x->approver.seq, x->next_ref, x->durable,  x->reserved, x->day_bits,
        x->last_seq,        x->answers_due,  x->asked,    x->session,  x->live_cnt, x->unknown_cnt,
        x->want_cnt,        x->fill_cnt,     x->fill_at,  x->held.seq,
    };
    uint64_t h = oct_digest64(0, own, sizeof own);

    for (uint32_t i = 0; i <= x->mask; i++)
        if (x->orders[i].order_id)
            h = oct_digest64(h, &x->orders[i], sizeof x->orders[i]);
    return oct_digest64(h, x->fills, x->fill_cnt * sizeof *x->fills);
}
