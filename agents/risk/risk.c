#include "agents/risk/risk.h"

#include <string.h>

#include "agents/risk/risk_priv.h"

const struct oct_counter_def oct_risk_counter_defs[OCT_RISK_C_CNT] = {
    [OCT_RISK_C_INTENTS] = {"risk_intents", "Intents judged.", OCT_COUNTER_TOTAL},
    [OCT_RISK_C_APPROVED] = {"risk_approved", "Intents approved.", OCT_COUNTER_TOTAL},
    [OCT_RISK_C_REFUSED] = {"risk_refused", "Intents refused.", OCT_COUNTER_TOTAL},
    [OCT_RISK_C_MARKS] = {"risk_marks", "Marks that moved the value of a position or order.",
                          OCT_COUNTER_TOTAL},
    [OCT_RISK_C_LADDER_MOVES] = {"risk_ladder_moves", "Changes of a state of the ladder.",
                                 OCT_COUNTER_TOTAL},
    [OCT_RISK_C_BREACHES] = {"risk_breaches", "Losses or drawdowns found beyond their limit.",
                             OCT_COUNTER_TOTAL},
    [OCT_RISK_C_DUP_FORGOTTEN] = {"risk_recent_forgotten",
                                  "Orders pushed out of the duplicate table within their window.",
                                  OCT_COUNTER_TOTAL},
    [OCT_RISK_C_UNTRACKED] = {"risk_untracked",
                              "Order updates and fills without a place in the tables; HALTED.",
                              OCT_COUNTER_TOTAL},
    [OCT_RISK_C_CMD_REFUSED] = {"risk_commands_refused", "Commands that were not done.",
                                OCT_COUNTER_TOTAL},
    [OCT_RISK_C_EXACT] = {"risk_judged_exactly",
                          "Intents judged check by check, not by the proof that all pass.",
                          OCT_COUNTER_TOTAL},
#define E(v, n, t)                                                                        \
    [OCT_RISK_C_REASON0 + (v)] = {"risk_refused_" t, "Intents refused first for: " t ".", \
                                  OCT_COUNTER_TOTAL},
    OCT_ENUM_RISK(E)
#undef E
};

#define E(v, n, t) +1
_Static_assert(OCT_RISK_C_CNT - OCT_RISK_C_REASON0 == 0 OCT_ENUM_RISK(E), "a counter a reason");
#undef E

/* Where the tables lie in the agent's memory. */
struct layout {
    size_t inst, pos, order, bucket, head, recent, end;
    uint32_t pos_slots, buckets, recent_sets;
};

static uint32_t pow2_at_least(uint32_t n)
{
    uint32_t p = 1;

    while (p < n)
        p <<= 1;
    return p;
}

static size_t carve(size_t *at, size_t each, size_t cnt)
{
    size_t here = *at;

    *at = oct_align_up(here + each * cnt, OCT_BLOCK_SZ);
    return here;
}

static bool layout(const struct oct_risk_cfg *c, struct layout *l)
{
    const uint32_t max = 1u << 24;

    if (c->inst_cnt == 0 || c->inst_cnt > KEY_INST_MAX || c->order_cnt_max == 0 ||
        c->order_cnt_max > max || c->pos_cnt_max < 2 || c->pos_cnt_max > max ||
        c->recent_cnt == 0 || c->recent_cnt > max || c->strategy_cnt > OCT_RISK_STRATEGY_MAX ||
        c->account_cnt > OCT_RISK_ACCOUNT_MAX || c->on_clock_bad > OCT_LADDER_KILLED ||
        c->on_stale_feed > OCT_LADDER_KILLED || c->on_control_silent > OCT_LADDER_KILLED)
        return false;
    for (uint32_t i = 0; i < c->strategy_cnt; i++) {
        if (c->account_of[i] >= c->account_cnt)
            return false;
    }
    size_t at = oct_align_up(sizeof(struct oct_risk), OCT_BLOCK_SZ);
    l->pos_slots = pow2_at_least(c->pos_cnt_max * 2);
    l->buckets = pow2_at_least(c->order_cnt_max);
    l->recent_sets = pow2_at_least((c->recent_cnt + RECENT_WAYS - 1) / RECENT_WAYS);
    l->inst = carve(&at, sizeof(struct inst), c->inst_cnt + 1);
    l->pos = carve(&at, sizeof(struct pos), l->pos_slots);
    l->order = carve(&at, sizeof(struct order), c->order_cnt_max);
    l->bucket = carve(&at, sizeof(uint32_t), l->buckets);
    l->head = carve(&at, sizeof(uint32_t), c->inst_cnt);
    l->recent = carve(&at, sizeof(struct recent), l->recent_sets);
    l->end = at;
    return true;
}

size_t oct_risk_footprint(const struct oct_risk_cfg *cfg)
{
    struct layout l;

    return layout(cfg, &l) ? l.end : 0;
}

struct oct_risk *oct_risk_new(void *mem, const struct oct_risk_cfg *cfg)
{
    struct oct_risk *r = mem;
    char *base = mem;
    struct layout l;

    if (!layout(cfg, &l))
        return NULL;
    OCT_ASSERT(((uintptr_t)mem & (OCT_BLOCK_SZ - 1)) == 0);
    OCT_ASSERT(cfg->view && cfg->view->inst_cnt >= cfg->inst_cnt && cfg->submit.fn);
    memset(mem, 0, l.end);
    r->cfg = *cfg;
    r->cfg.limits = NULL;
    r->view = cfg->view;
    r->inst = (struct inst *)(base + l.inst);
    r->pos = (struct pos *)(base + l.pos);
    r->order = (struct order *)(base + l.order);
    r->order_bucket = (uint32_t *)(base + l.bucket);
    r->order_head = (uint32_t *)(base + l.head);
    r->recent = (struct recent *)(base + l.recent);
    r->pos_mask = l.pos_slots - 1;
    r->bucket_mask = l.buckets - 1;
    r->recent_mask = l.recent_sets - 1;
    r->strategy_cnt = cfg->strategy_cnt;
    r->account_cnt = cfg->account_cnt;
    for (uint32_t i = 0; i < TICK_CNT; i++)
        r->tick[i] = (struct tick){.inverse = 1}; /* of no tick: every price is off it */
    r->firm.on = 1;
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        r->account[i].on = 1;
    for (uint32_t i = 0; i < cfg->strategy_cnt; i++)
        r->strategy[i].on = 1;
    r->account[OCT_RISK_ACCOUNT_MAX].stop = 1;
    r->strategy[OCT_RISK_STRATEGY_MAX].stop = 1;
    oct_risk_exposure_init(r);
    oct_risk_limits_init(&r->limits.active);
    if (cfg->limits)
        r->limits.active = *cfg->limits;
    oct_risk_limits_changed(r);
    return r;
}

OCT_COLD static void on_start(struct oct_risk *r, const struct oct_in_start *m)
{
    struct oct_risk_ladder kept = {.firm = m->ladder};

    oct_approver_init(&r->approver, m->run_id);
    r->clock_bad = false;
    r->recorder_bad = false;
    r->control_silent = false;
    r->kill_seen = 0;
    oct_risk_ladder_restore(r, &kept);
}

OCT_COLD static void on_recorder(struct oct_risk *r, struct oct_step *step,
                                 const struct oct_in_recorder *m)
{
    r->recorder_bad = m->state != OCT_RECORDER_OK;
    oct_risk_look(r, OCT_SCOPE_FIRM, 0);
    if (m->state == OCT_RECORDER_FAILED)
        oct_risk_down(r, step, OCT_SCOPE_FIRM, 0, OCT_LADDER_HALTED, OCT_RISK_RECORDER, false);
}

OCT_COLD static void on_feed(struct oct_risk *r, struct oct_step *step, const struct oct_in_feed *m)
{
    if (m->event == OCT_FEED_STALE)
        oct_risk_down(r, step, OCT_SCOPE_FIRM, 0, (enum oct_ladder_state)r->cfg.on_stale_feed,
                      OCT_RISK_STALE, false);
}

OCT_HOT void oct_risk_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct oct_risk *r = self;

    switch (m->type) {
    case OCT_MARKET:
        oct_risk_on_market(r, step, (const struct oct_market *)m);
        break;
    case OCT_INTENT:
        oct_risk_judge(r, step, (const struct oct_intent *)m);
        break;
    case OCT_ORDER_UPDATE:
        oct_risk_on_update(r, step, (const struct oct_order_update *)m);
        break;
    case OCT_FILL:
        oct_risk_on_fill(r, step, (const struct oct_fill *)m);
        break;
    case OCT_IN_CMD:
        oct_risk_on_cmd(r, step, (const struct oct_in_cmd *)m);
        break;
    case OCT_IN_KILL:
        oct_risk_on_kill(r, step, (const struct oct_in_kill *)m);
        break;
    case OCT_IN_RECORDER:
        on_recorder(r, step, (const struct oct_in_recorder *)m);
        break;
    case OCT_IN_FEED:
        on_feed(r, step, (const struct oct_in_feed *)m);
        break;
    case OCT_IN_START:
        on_start(r, (const struct oct_in_start *)m);
        break;
    default: /* the session's state is execution's, and comes with order_ready */
        break;
    }
}

const struct oct_risk_limits *oct_risk_limits_in_force(const struct oct_risk *r)
{
    return &r->limits.active;
}

void oct_risk_totals(const struct oct_risk *r, enum oct_scope scope, uint32_t id,
                     struct oct_risk_totals *out)
{
    const struct scope *s = scope == OCT_SCOPE_FIRM      ? &r->firm
                            : scope == OCT_SCOPE_ACCOUNT ? &r->account[id]
                                                         : &r->strategy[id];

    *out = (struct oct_risk_totals){.pnl = s->pnl,
                                    .peak = s->peak,
                                    .gross = s->gross,
                                    .open_orders = s->open_orders,
                                    .ladder = s->ladder};
}

uint64_t oct_risk_digest(const void *self)
{
    const struct oct_risk *r = self;
    uint64_t own[] = {r->approver.secret, r->approver.seq, r->kill_seen,
                      r->manual_cnt,      r->clock_bad,    r->recorder_bad,
                      r->control_silent,  r->pos_cnt,      r->order_cnt,
                      r->limits.building, r->wide};
    uint64_t h = oct_digest64(0, own, sizeof own);

    h = oct_digest64(h, &r->firm, sizeof r->firm);
    h = oct_digest64(h, r->account, sizeof r->account);
    h = oct_digest64(h, r->strategy, sizeof r->strategy);
    h = oct_digest64(h, r->inst, sizeof *r->inst * (r->cfg.inst_cnt + 1));
    h = oct_digest64(h, r->pos, sizeof *r->pos * ((size_t)r->pos_mask + 1));
    h = oct_digest64(h, r->order, sizeof *r->order * r->cfg.order_cnt_max);
    h = oct_digest64(h, r->recent, sizeof *r->recent * ((size_t)r->recent_mask + 1));
    h = oct_digest64(h, &r->limits.active, sizeof r->limits.active);
    if (r->limits.building)
        h = oct_digest64(h, &r->limits.staged, sizeof r->limits.staged);
    return h;
}
