/* Orders, positions, marks: what execution and the market say, kept as sums that a check reads. */
#include "agents/risk/risk_priv.h"

void oct_risk_exposure_init(struct oct_risk *r)
{
    for (uint32_t i = 0; i <= r->bucket_mask; i++)
        r->order_bucket[i] = NONE;
    for (uint32_t i = 0; i < r->cfg.order_cnt_max; i++)
        r->order[i].hash_next = i + 1 < r->cfg.order_cnt_max ? i + 1 : NONE;
    r->order_free = 0;
    for (uint32_t i = 0; i < r->cfg.inst_cnt; i++)
        r->order_head[i] = NONE;
    for (uint32_t i = 0; i <= r->cfg.inst_cnt; i++)
        r->inst[i].head = NONE;
}

void oct_risk_window_turn(struct window *w, int64_t slot)
{
    uint64_t ahead = (uint64_t)(slot - w->slot);

    if (ahead >= 8) {
        window_clear(w, slot);
        return;
    }
    while (w->slot != slot) {
        w->slot++;
        w->sum -= w->cnt[w->slot & 7];
        w->cnt[w->slot & 7] = 0;
    }
}

/* ---- orders ----------------------------------------------------------------------------------- */

OCT_INLINE uint32_t *bucket_of(struct oct_risk *r, uint64_t order_id)
{
    return &r->order_bucket[(uint32_t)oct_mix64(order_id) & r->bucket_mask];
}

struct order *oct_risk_find_order(struct oct_risk *r, uint64_t order_id)
{
    uint32_t i = *bucket_of(r, order_id);

    while (i != NONE && r->order[i].order_id != order_id)
        i = r->order[i].hash_next;
    return i == NONE ? NULL : &r->order[i];
}

/* The price an order competes at: one at market meets everything. */
OCT_INLINE int64_t own_px(const struct order *o)
{
    return o->px.v != 0 ? o->px.v : o->side == OCT_BUY ? INT64_MAX : 1;
}

static void own_best_join(struct inst *in, const struct order *o)
{
    int64_t px = own_px(o), best = in->own[o->side].v;

    if (o->side == OCT_BUY ? px > best : (best == 0 || px < best))
        in->own[o->side].v = px;
}

/* After an order at the best left or moved: looks through our orders in the instrument. */
static void own_best_again(struct oct_risk *r, uint32_t inst, uint8_t side)
{
    struct inst *in = &r->inst[inst];

    in->own[side].v = 0;
    for (uint32_t i = r->order_head[inst]; i != NONE; i = r->order[i].inst_next) {
        if (r->order[i].side == side)
            own_best_join(in, &r->order[i]);
    }
}

static struct order *order_take(struct oct_risk *r, const struct oct_order_update *m)
{
    uint32_t i = r->order_free, *bucket = bucket_of(r, m->order_id);
    struct order *o;

    if (i == NONE)
        return NULL;
    o = &r->order[i];
    r->order_free = o->hash_next;
    r->order_cnt++;
    *o = (struct order){.order_id = m->order_id,
                        .inst = m->inst,
                        .strategy = m->strategy,
                        .account = m->account,
                        .side = m->side,
                        .px = m->px,
                        .hash_next = *bucket,
                        .inst_next = r->order_head[m->inst],
                        .inst_prev = NONE};
    *bucket = i;
    if (o->inst_next != NONE)
        r->order[o->inst_next].inst_prev = i;
    r->order_head[m->inst] = i;
    return o;
}

static void order_give(struct oct_risk *r, struct order *o)
{
    uint32_t i = (uint32_t)(o - r->order), *link = bucket_of(r, o->order_id);

    while (*link != i)
        link = &r->order[*link].hash_next;
    *link = o->hash_next;
    if (o->inst_prev != NONE)
        r->order[o->inst_prev].inst_next = o->inst_next;
    else
        r->order_head[o->inst] = o->inst_next;
    if (o->inst_next != NONE)
        r->order[o->inst_next].inst_prev = o->inst_prev;
    o->order_id = 0;
    o->hash_next = r->order_free;
    r->order_free = i;
    r->order_cnt--;
}

/* ---- positions -------------------------------------------------------------------------------- */

static int64_t mark_of(const struct oct_risk *r, uint32_t i, int64_t before)
{
    const struct oct_inst_view *iv = &r->view->inst[i];
    int64_t bid = iv->bid_px.v, ask = iv->ask_px.v;

    if ((bid > 0) & (ask >= bid) & !iv->stale)
        return bid + (ask - bid) / 2;
    if (iv->last_px.v > 0)
        return iv->last_px.v;
    return before > 0 ? before : r->view->ref[i].prev_close.v;
}

/* The pair's entry, made when there is none; NULL when the table is full. */
static struct pos *pos_get(struct oct_risk *r, uint32_t key, uint16_t id, uint16_t account,
                           uint32_t inst)
{
    uint32_t i = pos_home(r, key);

    while (r->pos[i].key != key) {
        if (r->pos[i].key == 0) {
            if (r->pos_cnt == r->cfg.pos_cnt_max)
                return NULL;
            r->pos_cnt++;
            r->pos[i] =
                (struct pos){.key = key, .id = id, .account = account, .inst = inst, .next = NONE};
            r->pos[i].mark.v = mark_of(r, inst, 0);
            if (key & KEY_IS_STRATEGY) {
                r->pos[i].next = r->inst[inst].head;
                r->inst[inst].head = i;
            }
            break;
        }
        i = (i + 1) & r->pos_mask;
    }
    return &r->pos[i];
}

/* The entries that an update or a fill concerns. */
struct held {
    struct pos *pos;
    struct pos *acct_pos;
    struct inst *inst;
    struct scope *strat;
    struct scope *acct;
};

static bool held_get(struct oct_risk *r, uint16_t strategy, uint16_t account, uint32_t inst,
                     struct held *h)
{
    if (strategy >= OCT_RISK_STRATEGY_MAX || account >= OCT_RISK_ACCOUNT_MAX ||
        inst >= r->cfg.inst_cnt)
        return false;
    h->pos = pos_get(r, KEY_STRATEGY(strategy, inst), strategy, account, inst);
    h->acct_pos = pos_get(r, KEY_ACCOUNT(account, inst), account, account, inst);
    h->inst = &r->inst[inst];
    h->strat = &r->strategy[strategy];
    h->acct = &r->account[account];
    if (!h->pos || !h->acct_pos)
        return false;
    h->pos->acct_idx = (uint32_t)(h->acct_pos - r->pos);
    return true;
}

/* What the proof adds up stays within 2^60 in each term; a quantity beyond leaves all orders of the
 * day to the exact checks. */
OCT_INLINE uint64_t qty_wide(int64_t pos, int64_t buy, int64_t sell)
{
    return ((uint64_t)(pos ^ pos >> 63) | (uint64_t)buy | (uint64_t)sell) >> QUICK_QTY_BITS;
}

OCT_INLINE void see_width(struct oct_risk *r, const struct held *h)
{
    uint64_t wide = qty_wide(h->pos->pos.v, h->pos->buy.v, h->pos->sell.v) |
                    qty_wide(h->acct_pos->pos.v, h->acct_pos->buy.v, h->acct_pos->sell.v) |
                    qty_wide(h->inst->pos.v, h->inst->buy.v, h->inst->sell.v);

    if (oct_unlikely(wide)) {
        r->wide = true;
        oct_risk_look(r, OCT_SCOPE_FIRM, 0);
    }
}

OCT_INLINE __int128 gross_of(const struct pos *p)
{
    return worst_case(p->pos.v, p->buy.v, p->sell.v) * p->mark.v;
}

OCT_INLINE void add_gross(struct oct_risk *r, struct held *h, __int128 d)
{
    h->inst->gross += d;
    h->strat->gross += d;
    h->acct->gross += d;
    r->firm.gross += d;
}

/* Profit moves first, everywhere; only then is it looked at.  An account that is long in one strategy
 * and short in another must not seem to lose, or to win, in between. */
OCT_INLINE void pnl_moved(struct oct_risk *r, uint16_t strategy, uint16_t account, __int128 d)
{
    r->strategy[strategy].pnl += d;
    r->account[account].pnl += d;
    r->firm.pnl += d;
}

OCT_INLINE void settle(struct oct_risk *r, struct oct_step *step, enum oct_scope scope, uint32_t id)
{
    struct scope *s = scope_of(r, scope, id);

    if (s->pnl > s->peak) {
        s->peak = s->pnl;
        oct_risk_refloor(r, scope, id);
    }
    if (oct_unlikely(s->pnl < s->floor))
        oct_risk_breach(r, step, scope, id);
}

static void position_record(const struct pos *p, struct oct_position *m)
{
    *m = (struct oct_position){
        OCT_MSG_HDR(POSITION, position),
        .inst = p->inst,
        .strategy = p->id,
        .account = p->account,
        .pos = p->pos,
        .buy = p->buy,
        .sell = p->sell,
        .mark = p->mark,
        .cash = oct_money_pack((oct_money){p->cash}),
        .pnl = oct_money_pack((oct_money){p->cash + (__int128)p->pos.v * p->mark.v}),
    };
}

static void publish(struct oct_step *step, struct pos *p)
{
    struct oct_position m;

    p->pub_ns = step->now_ns;
    position_record(p, &m);
    oct_emit(step, &m.hdr);
}

/* At most every so often, but for fills, which are always told. */
OCT_INLINE void publish_if_due(const struct oct_risk *r, struct oct_step *step, struct pos *p)
{
    if (step->now_ns - p->pub_ns >= r->cfg.position_pub_ns)
        publish(step, p);
}

/* Exposure that has no place is not known any more: nothing may be added to it. */
OCT_COLD static void untracked(struct oct_risk *r, struct oct_step *step)
{
    oct_count(&r->cfg.counters[OCT_RISK_C_UNTRACKED], 1);
    oct_risk_down(r, step, OCT_SCOPE_FIRM, 0, OCT_LADDER_HALTED, OCT_RISK_FULL, false);
}

/* ---- what execution says ---------------------------------------------------------------------- */

static void working_moved(struct oct_risk *r, struct held *h, uint8_t side, int64_t d)
{
    __int128 before = gross_of(h->pos);

    if (side == OCT_BUY) {
        h->pos->buy.v += d;
        h->acct_pos->buy.v += d;
        h->inst->buy.v += d;
    } else {
        h->pos->sell.v += d;
        h->acct_pos->sell.v += d;
        h->inst->sell.v += d;
    }
    add_gross(r, h, gross_of(h->pos) - before);
    see_width(r, h);
}

static void open_count_moved(struct oct_risk *r, struct held *h, uint32_t d)
{
    h->strat->open_orders += d;
    h->acct->open_orders += d;
    r->firm.open_orders += d;
}

OCT_INLINE bool is_over(uint8_t state)
{
    return state == OCT_ORD_STATE_FILLED || state == OCT_ORD_STATE_CANCELLED ||
           state == OCT_ORD_STATE_REJECTED || state == OCT_ORD_STATE_CLOSED;
}

/* A replacement in flight is an order of its own, with what it would add as its open quantity: so
 * an order may be alive, and compete at its price, with nothing open. */
void oct_risk_on_update(struct oct_risk *r, struct oct_step *step, const struct oct_order_update *m)
{
    struct order *o = oct_risk_find_order(r, m->order_id);
    bool over = is_over(m->state);
    int64_t open = over || m->open.v < 0 ? 0 : m->open.v;
    int64_t was_px, was_open;
    struct held h;

    r->last_order_id = m->order_id;
    if (!o && over)
        return;
    if (m->side > OCT_SELL || !held_get(r, m->strategy, m->account, m->inst, &h) ||
        (!o && !(o = order_take(r, m)))) {
        untracked(r, step);
        return;
    }
    was_px = own_px(o);
    was_open = o->open.v;
    o->px = m->px;
    o->qty = m->qty;
    o->filled = m->filled;
    o->open.v = open;
    if (open != was_open)
        working_moved(r, &h, o->side, open - was_open);
    open_count_moved(r, &h, (uint32_t)(open > 0) - (uint32_t)(was_open > 0));
    if (over)
        order_give(r, o);
    else
        own_best_join(h.inst, o);
    if ((over || own_px(o) != was_px) && was_px == h.inst->own[m->side].v)
        own_best_again(r, m->inst, m->side);
    publish_if_due(r, step, h.pos);
}

static void remark(struct oct_risk *r, struct pos *p, int64_t mark);

void oct_risk_on_fill(struct oct_risk *r, struct oct_step *step, const struct oct_fill *m)
{
    /* A broken fill takes back what it gave. */
    int64_t signed_qty = (m->side == OCT_BUY) != (m->broken != 0) ? m->qty.v : -m->qty.v;
    __int128 paid = (__int128)m->px.v * signed_qty;
    __int128 before;
    struct held h;

    if (!held_get(r, m->strategy, m->account, m->inst, &h)) {
        untracked(r, step);
        return;
    }
    if (h.pos->mark.v == 0)
        h.pos->mark = m->px;
    before = gross_of(h.pos);
    h.pos->pos.v += signed_qty;
    h.acct_pos->pos.v += signed_qty;
    h.inst->pos.v += signed_qty;
    h.pos->cash -= paid;
    h.acct_pos->cash -= paid;
    add_gross(r, &h, gross_of(h.pos) - before);
    see_width(r, &h);
    if (!m->broken)
        window_add(&h.pos->repeat, step->now_ns >> h.strat->repeat_shift);
    pnl_moved(r, m->strategy, m->account, (__int128)h.pos->mark.v * signed_qty - paid);
    remark(r, h.pos, mark_of(r, m->inst, h.pos->mark.v));
    settle(r, step, OCT_SCOPE_STRATEGY, m->strategy);
    settle(r, step, OCT_SCOPE_ACCOUNT, m->account);
    settle(r, step, OCT_SCOPE_FIRM, 0);
    publish(step, h.pos);
}

/* ---- what the market says --------------------------------------------------------------------- */

static void remark(struct oct_risk *r, struct pos *p, int64_t mark)
{
    __int128 move = (__int128)mark - p->mark.v;
    struct held h = {
        .inst = &r->inst[p->inst], .strat = &r->strategy[p->id], .acct = &r->account[p->account]};

    p->mark.v = mark;
    oct_count(&r->cfg.counters[OCT_RISK_C_MARKS], 1);
    add_gross(r, &h, worst_case(p->pos.v, p->buy.v, p->sell.v) * move);
    pnl_moved(r, p->id, p->account, move * p->pos.v);
}

OCT_INLINE bool is_flat(const struct pos *p)
{
    return (p->pos.v | p->buy.v | p->sell.v) == 0;
}

/* The strategies that had something in the instrument today, and there is one at least.  What is flat
 * takes the mark and moves no sum.  An order that answers this message will look at the account's
 * line and at the instrument's reference: they are asked for. */
static void remark_all(struct oct_risk *r, struct oct_step *step, uint32_t head, uint32_t inst)
{
    bool moved = false;

    __builtin_prefetch(&r->view->ref[inst]);
    for (uint32_t i = head; i != NONE; i = r->pos[i].next) {
        struct pos *p = &r->pos[i];
        int64_t mark = mark_of(r, inst, p->mark.v);
        __builtin_prefetch(&r->pos[p->acct_idx], 1);
        if (mark == p->mark.v)
            continue;
        if (is_flat(p)) {
            p->mark.v = mark;
            continue;
        }
        remark(r, p, mark);
        moved = true;
    }
    if (!moved)
        return;
    for (uint32_t i = head; i != NONE; i = r->pos[i].next) {
        if (is_flat(&r->pos[i]))
            continue;
        settle(r, step, OCT_SCOPE_STRATEGY, r->pos[i].id);
        settle(r, step, OCT_SCOPE_ACCOUNT, r->pos[i].account);
        publish_if_due(r, step, &r->pos[i]);
    }
    settle(r, step, OCT_SCOPE_FIRM, 0);
}

OCT_HOT void oct_risk_on_market(struct oct_risk *r, struct oct_step *step,
                                const struct oct_market *m)
{
    uint32_t head;

    if (oct_unlikely(m->inst >= r->cfg.inst_cnt))
        return;
    head = r->inst[m->inst].head;
    if (oct_unlikely(head != NONE))
        remark_all(r, step, head, m->inst);
}

void oct_risk_prefetch1(const struct oct_risk *r, uint32_t inst)
{
    __builtin_prefetch(&r->inst[inst < r->cfg.inst_cnt ? inst : r->cfg.inst_cnt]);
}

void oct_risk_prefetch2(const struct oct_risk *r, uint32_t inst)
{
    uint32_t head = r->inst[inst < r->cfg.inst_cnt ? inst : r->cfg.inst_cnt].head;

    __builtin_prefetch(&r->pos[head & r->pos_mask]);
}

static void fetch_pos(const struct oct_risk *r, uint32_t key)
{
    const struct pos *p = &r->pos[pos_home(r, key)];

    __builtin_prefetch(p, 1);
    __builtin_prefetch((const uint8_t *)p + 64, 1);
}

void oct_risk_order_soon(const void *self, uint16_t strategy, uint16_t account, uint32_t inst)
{
    const struct oct_risk *r = self;

    if (inst >= r->cfg.inst_cnt)
        return;
    fetch_pos(r, KEY_STRATEGY(strategy, inst));
    fetch_pos(r, KEY_ACCOUNT(account, inst));
    __builtin_prefetch(&r->view->ref[inst]);
}

/* ---- views ------------------------------------------------------------------------------------ */

struct oct_pos_view oct_risk_position(const void *self, uint16_t strategy, uint32_t inst)
{
    const struct pos *p = pos_find(self, KEY_STRATEGY(strategy, inst));
    return (struct oct_pos_view){p->pos, p->buy, p->sell};
}

void oct_risk_each(const struct oct_risk *r, void (*fn)(void *arg, const struct oct_position *p),
                   void *arg)
{
    struct oct_position m;

    for (uint32_t i = 0; i <= r->pos_mask; i++) {
        if (!(r->pos[i].key & KEY_IS_STRATEGY))
            continue;
        position_record(&r->pos[i], &m);
        fn(arg, &m);
    }
}
