#include <string.h>

#include "agents/realtime/realtime_priv.h"
#include "dataplane/base/hash.h"

/* Instruments published in one firing of the timer. */
#define PUBLISH_MAX 64u

#define STALE_SHORT ((uint8_t)(OCT_STALE_GAP | OCT_STALE_SILENT)) /* ends by itself */

static void publish(struct oct_realtime *r, struct oct_step *step, uint32_t inst)
{
    const struct oct_inst_view *v = &r->view[inst];
    const struct oct_inst_ref *ref = &r->ref[inst];
    struct oct_instrument m = {OCT_MSG_HDR(INSTRUMENT, instrument),
                               .inst = inst,
                               .lot = ref->lot,
                               .symbol = ref->symbol,
                               .tick = ref->tick,
                               .prev_close = ref->prev_close,
                               .trading = v->trading,
                               .short_sale = v->short_sale,
                               .assumed = v->assumed,
                               .stale = v->stale != 0};
    oct_emit(step, &m.hdr);
}

/* A change of state: published and told to the strategies. */
static void changed(struct oct_realtime *r, struct oct_step *step, uint32_t inst)
{
    oct_rt_count(r, OCT_REALTIME_STATES);
    publish(r, step, inst);
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = inst, .what = OCT_MARKET_STATE};
    oct_rt_tell(r, step, &m);
}

void oct_rt_state_publish_all(struct oct_realtime *r, struct oct_step *step)
{
    r->publish_at = 0;
    oct_timer_arm(step->timers, oct_timer_id(OCT_AGENT_REALTIME, OCT_RT_TIMER_PUBLISH),
                  step->now_ns + OCT_NS_PER_MS);
}

static bool has_symbol(const struct oct_realtime *r, uint32_t inst)
{
    return r->ref[inst].symbol.c[0] != ' ';
}

void oct_rt_state_publish_some(struct oct_realtime *r, struct oct_step *step)
{
    for (uint32_t n = 0; r->publish_at < r->inst_used && n < PUBLISH_MAX; r->publish_at++) {
        if (has_symbol(r, r->publish_at)) {
            publish(r, step, r->publish_at);
            n++;
        }
    }
    if (r->publish_at < r->inst_used)
        oct_timer_arm(step->timers, oct_timer_id(OCT_AGENT_REALTIME, OCT_RT_TIMER_PUBLISH),
                      step->now_ns + OCT_NS_PER_MS);
}

/* ---- names and reference data ------------------------------------------------------------------ */

static void defaults(struct oct_realtime *r, uint32_t inst)
{
    r->ref[inst] =
        (struct oct_inst_ref){.tick = r->cfg.tick, .tick_sub = r->cfg.tick_sub, .lot = r->cfg.lot};
    memset(r->ref[inst].symbol.c, ' ', sizeof(r->ref[inst].symbol.c));
}

static void assume(struct oct_realtime *r, uint32_t inst, const struct oct_realtime_row *row)
{
    struct oct_inst_view *v = &r->view[inst];
    struct oct_inst_ref *ref = &r->ref[inst];
    if (row->tick.v > 0)
        ref->tick = row->tick;
    if (row->tick_sub.v > 0)
        ref->tick_sub = row->tick_sub;
    if (row->lot != 0 && (v->own & OCT_RT_DIRECTORY) == 0)
        ref->lot = row->lot;
    ref->prev_close = row->prev_close;
    if (!v->known) {
        v->known = 1;
        v->assumed |= OCT_RT_ASSUMED_DIRECTORY;
    }
    if (row->trading != ' ' && r->action[inst] == ' ') {
        r->action[inst] = row->trading;
        v->trading = (v->own & OCT_RT_OP_HALTED) != 0 ? 'H' : row->trading;
        v->assumed |= OCT_RT_ASSUMED_TRADING;
    }
    if (row->short_sale != ' ' && v->short_sale == ' ') {
        v->short_sale = row->short_sale;
        v->assumed |= OCT_RT_ASSUMED_SHORT;
    }
}

static void set_symbol(struct oct_realtime *r, uint32_t inst, const oct_sym *symbol)
{
    r->ref[inst].symbol = *symbol;
    if (inst >= r->inst_used)
        r->inst_used = inst + 1;
}

static bool same_symbol(const oct_sym *a, const oct_sym *b)
{
    return memcmp(a->c, b->c, sizeof(a->c)) == 0;
}

/* Where a symbol's row is or would be: linear probing in a table at most half full. */
static uint32_t *row_slot(const struct oct_realtime *r, const oct_sym *symbol)
{
    uint64_t word;
    memcpy(&word, symbol->c, sizeof(word));
    uint32_t at = (uint32_t)oct_mix64(word) & r->row_mask;
    while (r->row_at[at] != 0 && !same_symbol(&r->rows[r->row_at[at] - 1].symbol, symbol))
        at = (at + 1) & r->row_mask;
    return &r->row_at[at];
}

void oct_rt_state_init(struct oct_realtime *r)
{
    memset(r->action, ' ', r->cfg.inst_cnt);
    for (uint32_t i = 0; i < r->cfg.inst_cnt; i++) {
        r->view[i].trading = ' ';
        r->view[i].short_sale = ' ';
        defaults(r, i);
    }
    for (uint32_t i = 0; i < r->cfg.row_cnt; i++) {
        const struct oct_realtime_row *row = &r->rows[i];
        uint32_t *slot = row_slot(r, &row->symbol);
        if (*slot == 0)
            *slot = i + 1;
        if (row->inst < r->cfg.inst_cnt) {
            set_symbol(r, row->inst, &row->symbol);
            assume(r, row->inst, row);
        }
    }
}

/* The venue says which symbol this is.  When reference data said another, its row was for
 * something else and nothing of it may stay. */
static void named_by_venue(struct oct_realtime *r, uint32_t inst, const oct_sym *symbol)
{
    r->named[inst / 64] |= UINT64_C(1) << (inst % 64);
    if (same_symbol(&r->ref[inst].symbol, symbol))
        return;
    struct oct_inst_view *v = &r->view[inst];
    if (has_symbol(r, inst)) {
        oct_rt_count(r, OCT_REALTIME_SYMBOL_OTHER);
        defaults(r, inst);
        if ((v->assumed & OCT_RT_ASSUMED_TRADING) != 0)
            v->trading = r->action[inst] = ' ';
        if ((v->assumed & OCT_RT_ASSUMED_SHORT) != 0)
            v->short_sale = ' ';
        v->known = v->assumed = 0;
    }
    set_symbol(r, inst, symbol);
    uint32_t row = *row_slot(r, symbol);
    if (row != 0)
        assume(r, inst, &r->rows[row - 1]);
}

void oct_rt_state_name(struct oct_realtime *r, struct oct_step *step, uint32_t inst,
                       const oct_sym *symbol)
{
    named_by_venue(r, inst, symbol);
    changed(r, step, inst);
}

/* ---- state messages ---------------------------------------------------------------------------- */

static void on_directory(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    struct oct_inst_view *v = &r->view[md->inst];
    named_by_venue(r, md->inst, &md->symbol);
    if (md->qty2.v > 0)
        r->ref[md->inst].lot = (uint32_t)(md->qty2.v / OCT_QTY_ONE);
    v->known = 1;
    v->own |= OCT_RT_DIRECTORY;
    v->assumed &= (uint8_t)~OCT_RT_ASSUMED_DIRECTORY;
    changed(r, step, md->inst);
}

static void set_trading(struct oct_realtime *r, struct oct_step *step, uint32_t inst)
{
    struct oct_inst_view *v = &r->view[inst];
    v->trading = (v->own & OCT_RT_OP_HALTED) != 0 ? 'H' : r->action[inst];
    changed(r, step, inst);
}

static void on_trading(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    named_by_venue(r, md->inst, &md->symbol);
    r->action[md->inst] = md->code;
    r->view[md->inst].assumed &= (uint8_t)~OCT_RT_ASSUMED_TRADING;
    set_trading(r, step, md->inst);
}

/* Other market centers of the operator have other books. */
static void on_op_halt(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    struct oct_inst_view *v = &r->view[md->inst];
    if (md->code2 != 'Q') {
        oct_rt_count(r, OCT_REALTIME_NOTICES);
        return;
    }
    if (md->code == 'H')
        v->own |= OCT_RT_OP_HALTED;
    else
        v->own &= (uint8_t)~OCT_RT_OP_HALTED;
    set_trading(r, step, md->inst);
}

static void on_short_sale(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    struct oct_inst_view *v = &r->view[md->inst];
    named_by_venue(r, md->inst, &md->symbol);
    v->short_sale = md->code;
    v->assumed &= (uint8_t)~OCT_RT_ASSUMED_SHORT;
    changed(r, step, md->inst);
}

static void clear_view(struct oct_realtime *r, uint32_t inst)
{
    struct oct_inst_view *v = &r->view[inst];
    oct_book_clear(r->books, inst);
    v->stale &= STALE_SHORT;
}

static void on_clear(struct oct_realtime *r, struct oct_step *step, uint32_t inst)
{
    clear_view(r, inst);
    oct_rt_count(r, OCT_REALTIME_CLEARED);
    oct_rt_top(r, step, &(struct oct_book_touch){.inst = inst, .side = OCT_BUY});
    oct_rt_top(r, step, &(struct oct_book_touch){.inst = inst, .side = OCT_SELL});
    changed(r, step, inst);
}

/* The first message of a day: what is left of another day ends here. */
static void on_day_start(struct oct_realtime *r, struct oct_step *step)
{
    for (uint32_t i = 0; i < r->cfg.inst_cnt; i++) {
        struct oct_inst_view *v = &r->view[i];
        clear_view(r, i);
        v->bid_px.v = v->ask_px.v = v->last_px.v = 0;
        v->bid_qty.v = v->ask_qty.v = 0;
        v->locked = 0;
    }
    oct_rt_bar_reset(r);
    oct_rt_count(r, OCT_REALTIME_CLEARED);
    oct_rt_state_publish_all(r, step);
}

void oct_rt_state_md(struct oct_realtime *r, struct oct_step *step, const struct oct_md *md)
{
    switch ((enum oct_md_kind)md->kind) {
    case OCT_MD_DIRECTORY:
        on_directory(r, step, md);
        break;
    case OCT_MD_TRADING:
        on_trading(r, step, md);
        break;
    case OCT_MD_SHORT_SALE:
        on_short_sale(r, step, md);
        break;
    case OCT_MD_OP_HALT:
        on_op_halt(r, step, md);
        break;
    case OCT_MD_CLEAR:
        on_clear(r, step, md->inst);
        break;
    case OCT_MD_BROKEN:
        oct_rt_count(r, OCT_REALTIME_BROKEN);
        break;
    case OCT_MD_SYSTEM:
        if (md->code == 'O')
            on_day_start(r, step);
        else
            oct_rt_count(r, OCT_REALTIME_NOTICES);
        break;
    default: /* participants, collars, auctions to come: nobody's decision rests on them yet */
        oct_rt_count(r, OCT_REALTIME_NOTICES);
        break;
    }
}

/* ---- trust ------------------------------------------------------------------------------------- */

void oct_rt_state_stale(struct oct_realtime *r, struct oct_step *step, uint32_t inst,
                        enum oct_stale why)
{
    struct oct_inst_view *v = &r->view[inst];
    if ((v->stale & why) != 0)
        return;
    v->stale |= (uint8_t)why;
    changed(r, step, inst);
}

static void stale_all(struct oct_realtime *r, uint8_t set, uint8_t clear)
{
    for (uint32_t i = 0; i < r->cfg.inst_cnt; i++)
        r->view[i].stale = (uint8_t)((r->view[i].stale & ~clear) | set);
}

static void lost(struct oct_realtime *r, struct oct_step *step)
{
    oct_rt_count(r, OCT_REALTIME_LOSSES);
    stale_all(r, OCT_STALE_LOST, 0);
    oct_rt_state_publish_all(r, step);
}

/* Nothing below to_seq is waited for any more. */
static void gap_over(struct oct_realtime *r, uint64_t to_seq)
{
    if (to_seq < r->gap_to)
        return;
    r->gap_to = 0;
    stale_all(r, 0, OCT_STALE_GAP);
}

void oct_rt_state_feed(struct oct_realtime *r, struct oct_step *step, const struct oct_in_feed *m)
{
    switch ((enum oct_feed_event)m->event) {
    case OCT_FEED_GAP:
        oct_rt_count(r, OCT_REALTIME_GAPS);
        r->gap_to = m->to_seq > r->gap_to ? m->to_seq : r->gap_to;
        stale_all(r, OCT_STALE_GAP, 0);
        break;
    case OCT_FEED_STALE:
        if (m->to_seq == m->from_seq) {
            stale_all(r, OCT_STALE_SILENT, 0);
            break;
        }
        lost(r, step);
        gap_over(r, m->to_seq);
        break;
    case OCT_FEED_RECOVERED:
        gap_over(r, m->to_seq);
        break;
    case OCT_FEED_LIVE:
        stale_all(r, 0, OCT_STALE_SILENT);
        break;
    case OCT_FEED_BAD:
        lost(r, step);
        break;
    case OCT_FEED_END:
        break;
    }
}
