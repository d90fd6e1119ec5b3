#include "dataplane/setup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents/strategy/load.h"
#include "dataplane/base/hash.h"
#include "dataplane/base/time.h"
#include "drivers/feed/itch50.h"
#include "drivers/nic/fault/fault.h"
#include "drivers/nic/uring/uring.h"
#include "drivers/venue/ouch50.h"

/* Orders and positions remembered per strategy and instrument, beyond what the file sets. */
#define FILL_CNT_MAX (1u << 16)

static int OCT_PRINTF(3, 4) fail(struct oct_setup *s, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(s->err, sizeof s->err, fmt, ap);
    va_end(ap);
    return err;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int load_conf(struct oct_setup *s, const struct oct_conf_args *args)
{
    struct oct_conf_limit_def limits[OCT_RISK_LIMIT_END - 1];
    struct oct_conf_param_def params[OCT_STRATEGY_PARAM_END - 1];

    for (size_t i = 0; i < OCT_ARRAY_CNT(limits); i++) {
        const struct oct_risk_limit_def *d = &oct_risk_limit_defs[i];
        limits[i] = (struct oct_conf_limit_def){
            d->name, (uint8_t)oct_risk_unit_decimals((enum oct_risk_unit)d->unit), d->scopes};
    }
    for (size_t i = 0; i < OCT_ARRAY_CNT(params); i++) {
        const struct oct_strategy_param_def *d = &oct_strategy_param_defs[i];
        params[i] = (struct oct_conf_param_def){
            d->name, (uint8_t)oct_strategy_unit_decimals((enum oct_strategy_unit)d->unit), d->least,
            d->most};
    }
    const struct oct_conf_tables tables = {limits, OCT_ARRAY_CNT(limits), OCT_ARRAY_CNT(params),
                                           params};
    return oct_conf_load_args(args, &tables, &s->conf, s->err, sizeof s->err);
}

static int load_reference(struct oct_setup *s)
{
    if (!s->conf->venue.reference[0])
        return 0;
    return oct_conf_reference_load(s->conf->venue.reference, &s->reference, s->err, sizeof s->err);
}

static uint32_t today_ny(void)
{
    int64_t now = oct_utc_ns(), midnight = 0;
    time_t t = (time_t)(now / OCT_NS_PER_S);
    struct tm tm;
    uint32_t date = 0;

    /* The New York day is that of UTC or the one before it. */
    for (int back = 0; back < 2; back++, t -= 86400) {
        gmtime_r(&t, &tm);
        date = (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
        if (oct_ny_midnight_ns(date, &midnight) == 0 && midnight <= now)
            break;
    }
    return date;
}

static int session_day(struct oct_setup *s)
{
    uint32_t date = s->conf->feed.session_date;

    if (!date && s->reference)
        date = s->reference->session_date;
    if (!date)
        date = today_ny();
    if (oct_ny_midnight_ns(date, &s->midnight_ns))
        return fail(s, -EINVAL, "feed.session_date: %u is not a date", date);
    return 0;
}

/* ---- instruments ----------------------------------------------------------------------------- */

static oct_sym sym_of(const char *name)
{
    oct_sym sym;

    memset(sym.c, ' ', sizeof sym.c);
    memcpy(sym.c, name, strnlen(name, sizeof sym.c));
    return sym;
}

static int make_rows(struct oct_setup *s)
{
    struct oct_realtime_cfg *rt = &s->assembly.realtime;
    uint32_t n = s->reference ? s->reference->inst_cnt : 0;

    s->rows = calloc(n ? n : 1, sizeof s->rows[0]);
    if (!s->rows)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        const struct oct_conf_inst *in = &s->reference->inst[i];
        s->rows[i] = (struct oct_realtime_row){
            .symbol = sym_of(in->symbol),
            .inst = in->locate == OCT_CONF_ALL ? UINT32_MAX : s->conf->feed.inst_base + in->locate,
            .lot = in->lot,
            .tick = in->tick,
            .tick_sub = in->tick_sub,
            .prev_close = in->prev_close,
            .trading = in->trading,
            .short_sale = in->short_sale,
        };
    }
    rt->rows = s->rows;
    rt->row_cnt = n;
    return 0;
}

/* Instrument of a symbol as far as reference data knows it; UINT32_MAX when it does not. */
static uint32_t inst_of(const struct oct_setup *s, const char *symbol)
{
    for (uint32_t i = 0; s->reference && i < s->reference->inst_cnt; i++)
        if (strcmp(s->reference->inst[i].symbol, symbol) == 0 &&
            s->reference->inst[i].locate != OCT_CONF_ALL)
            return s->conf->feed.inst_base + s->reference->inst[i].locate;
    return UINT32_MAX;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* One row of the file, for one member of its scope or for all of them. */
static int set_limit(struct oct_setup *s, const struct oct_conf_limit *l)
{
    static const uint32_t members[] = {
        [OCT_CONF_FIRM] = 1,
        [OCT_CONF_ACCOUNT] = OCT_RISK_ACCOUNT_MAX,
        [OCT_CONF_STRATEGY] = OCT_RISK_STRATEGY_MAX,
        [OCT_CONF_INSTRUMENT] = 0,
    };
    const struct oct_risk_limit_def *d = oct_risk_limit_by_name(l->name);
    bool all = l->scope != OCT_CONF_INSTRUMENT && l->id == OCT_CONF_ALL;
    uint32_t id = l->id;

    if (l->scope == OCT_CONF_INSTRUMENT) {
        id = strcmp(l->symbol, "*") == 0 ? OCT_RISK_INST_ALL : inst_of(s, l->symbol);
        if (id == UINT32_MAX && strcmp(l->symbol, "*") != 0)
            return fail(s, -EINVAL,
                        "%s:%u:%u: %s: no reference data with a locate for this symbol "
                        "(venue.reference)",
                        l->at.file, l->at.line, l->at.col, l->symbol);
    }
    for (uint32_t k = 0; k < (all ? members[l->scope] : 1); k++)
        if (!d || oct_risk_limits_set(s->limits, (enum oct_scope)l->scope, all ? k : id, d->key,
                                      oct_money_unpack(l->value).v) != OCT_CMD_RESULT_DONE)
            return fail(s, -EINVAL, "%s:%u:%u: %s: %s: cannot be set", l->at.file, l->at.line,
                        l->at.col, l->name, l->text);
    return 0;
}

static bool is_default_row(const struct oct_conf_limit *l)
{
    return l->scope == OCT_CONF_INSTRUMENT ? strcmp(l->symbol, "*") == 0 : l->id == OCT_CONF_ALL;
}

/* Rows for everyone come first: rows of one member are changes to them. */
static int make_limits(struct oct_setup *s)
{
    const struct oct_conf_risk *r = &s->conf->risk;

    s->limits = calloc(1, sizeof *s->limits);
    if (!s->limits)
        return -ENOMEM;
    oct_risk_limits_init(s->limits);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < r->limit_cnt; i++) {
            int err = is_default_row(&r->limit[i]) == (pass == 0) ? set_limit(s, &r->limit[i]) : 0;
            if (err)
                return err;
        }
    }
    return 0;
}

/* ---- strategies ------------------------------------------------------------------------------ */

static enum oct_strategy_kind kind_of(uint8_t conf_kind)
{
    static const enum oct_strategy_kind kinds[] = {
        [OCT_CONF_MOMENTUM] = OCT_STRATEGY_MOMENTUM,
        [OCT_CONF_MEAN_REVERSION] = OCT_STRATEGY_MEAN_REVERSION,
        [OCT_CONF_TECHNICAL] = OCT_STRATEGY_TECHNICAL,
        [OCT_CONF_MARKET_MAKING] = OCT_STRATEGY_MARKET_MAKING,
        [OCT_CONF_IMBALANCE] = OCT_STRATEGY_IMBALANCE,
        [OCT_CONF_PLUGIN] = OCT_STRATEGY_PLUGIN,
    };
    return kinds[conf_kind];
}

static int set_param(struct oct_setup *s, struct oct_strategy_def *def,
                     const struct oct_conf_strategy *c, const struct oct_conf_param *p)
{
    const struct oct_strategy_param_def *d = oct_strategy_param_by_name(p->name);
    int own = c->kind == OCT_CONF_PLUGIN ? oct_conf_plugin_param(p->name) : -1;
    int64_t old;

    if (own >= 0) {
        OCT_ASSERT(own < (int)OCT_PLUGIN_PARAM_CNT);
        def->plugin_param[own] = p->value;
        return 0;
    }
    /* The loader has checked name and range against the same table. */
    if (!d || oct_strategy_param_set(&def->params, d->key, p->value, &old) != OCT_CMD_RESULT_DONE)
        return fail(s, -EINVAL, "%s:%u:%u: strategy %s: parameter %s cannot be set", c->at.file,
                    c->at.line, c->at.col, c->name, p->name);
    return 0;
}

static int set_symbols(struct oct_setup *s, struct oct_strategy_def *def,
                       const struct oct_conf_strategy *c, uint64_t *bits)
{
    if (c->symbols.all)
        return 0;
    for (uint32_t i = 0; i < c->symbols.cnt; i++) {
        uint32_t inst = inst_of(s, c->symbols.name[i]);
        if (inst >= s->conf->lane.inst_cnt)
            return fail(
                s, -EINVAL,
                "%s:%u:%u: strategy %s: %s: no reference data with a locate for this symbol "
                "(venue.reference)",
                c->at.file, c->at.line, c->at.col, c->name, c->symbols.name[i]);
        bits[inst / 64] |= UINT64_C(1) << (inst % 64);
    }
    def->insts = bits;
    return 0;
}

static int make_strategy(struct oct_setup *s, uint32_t i, uint64_t *bits)
{
    const struct oct_conf_strategy *c = &s->conf->strategy[i];
    struct oct_strategy_def *def = &s->defs[i];
    int err = 0;

    snprintf(def->name, sizeof def->name, "%.15s", c->name);
    def->kind = (uint8_t)kind_of(c->kind);
    def->on = c->enabled;
    def->id = (uint16_t)c->id;
    def->account = (uint16_t)c->account;
    oct_strategy_params_init(&def->params, (enum oct_strategy_kind)def->kind);
    def->params.weight = c->weight;
    s->assembly.risk.account_of[c->id] = def->account;
    if (c->kind == OCT_CONF_PLUGIN) {
        struct oct_plugin_loaded loaded;
        char why[OCT_PLUGIN_ERR_SZ];
        err = oct_strategy_load(c->path, &loaded, why, sizeof why);
        if (err)
            return fail(s, err, "%s:%u:%u: strategy %s: %s", c->at.file, c->at.line, c->at.col,
                        c->name, why);
        def->plugin = loaded.plugin;
        s->plugin_hash = oct_digest64(s->plugin_hash, &loaded.build_id, sizeof loaded.build_id);
    }
    for (uint32_t k = 0; k < c->param_cnt && !err; k++)
        err = set_param(s, def, c, &c->param[k]);
    return err ? err : set_symbols(s, def, c, bits);
}

static int make_strategies(struct oct_setup *s)
{
    uint32_t words = (s->conf->lane.inst_cnt + 63) / 64;
    uint32_t n = s->conf->strategy_cnt;

    if (n > OCT_STRATEGY_INSTANCE_MAX)
        return fail(s, -EINVAL, "strategies: at most %u", OCT_STRATEGY_INSTANCE_MAX);
    s->defs = calloc(n ? n : 1, sizeof s->defs[0]);
    s->inst_bits = calloc((size_t)words * (n ? n : 1), sizeof s->inst_bits[0]);
    if (!s->defs || !s->inst_bits)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        int err = make_strategy(s, i, s->inst_bits + (size_t)i * words);
        if (err)
            return err;
    }
    s->assembly.strategy.defs = s->defs;
    s->assembly.strategy.def_cnt = n;
    return 0;
}

/* ---- everything ------------------------------------------------------------------------------ */

static uint8_t ladder_of(uint8_t move)
{
    return move == OCT_CONF_MOVE_HALT     ? OCT_LADDER_HALTED
           : move == OCT_CONF_MOVE_REDUCE ? OCT_LADDER_REDUCING
                                          : OCT_LADDER_ACTIVE;
}

static void make_sizes(struct oct_setup *s)
{
    const struct oct_conf *c = s->conf;
    struct oct_assembly_cfg *a = &s->assembly;

    a->realtime.inst_cnt = c->lane.inst_cnt;
    a->realtime.order_cnt_max = c->lane.order_cnt_max;
    a->realtime.level_cnt_max = c->lane.level_cnt_max;
    a->realtime.bar_interval_s = c->realtime.bar_interval_s;
    /* Part of the configuration, so that a replay builds the same table; secrecy is not needed
     * against a feed that cannot see our timing. */
    a->realtime.seed = s->config_hash;
    a->realtime.silence_ns = (int64_t)c->realtime.silence_ms * OCT_NS_PER_MS;
    a->realtime.tick = c->realtime.tick;
    a->realtime.tick_sub = c->realtime.tick_sub;
    a->realtime.lot = c->realtime.lot;

    a->strategy.inst_cnt = c->lane.inst_cnt;
    a->strategy.slot_cnt_max = c->lane.position_cnt_max < OCT_STRATEGY_SLOT_MAX
                                   ? c->lane.position_cnt_max
                                   : OCT_STRATEGY_SLOT_MAX;
    a->strategy.bar_interval_s = c->realtime.bar_interval_s;
    a->strategy.seed = s->config_hash;

    a->risk.limits = s->limits;
    a->risk.position_pub_ns = (int64_t)c->risk.position_publish_ms * OCT_NS_PER_MS;
    a->risk.inst_cnt = c->lane.inst_cnt;
    a->risk.order_cnt_max = c->lane.own_order_cnt_max;
    a->risk.pos_cnt_max = c->lane.position_cnt_max;
    a->risk.recent_cnt = c->lane.recent_order_cnt;
    a->risk.strategy_cnt = OCT_RISK_STRATEGY_MAX;
    a->risk.account_cnt = OCT_RISK_ACCOUNT_MAX;
    a->risk.manual = (uint16_t)c->risk.manual_strategy;
    a->risk.on_clock_bad = ladder_of(c->risk.on_clock_bad);
    a->risk.on_stale_feed = ladder_of(c->risk.on_stale_feed);
    a->risk.on_control_silent = ladder_of(c->risk.on_control_silent);

    a->execution.order_cnt_max = c->lane.own_order_cnt_max;
    a->execution.fill_cnt_max = FILL_CNT_MAX;
    a->execution.mark_block = c->risk.order_mark_block;
    a->execution.first_ref = 1;
    a->execution.cancel_on_disconnect = c->venue.cancel_on_disconnect;
    a->execution.cancel_on_halt = true;
    a->execution.retry_ns = 10 * OCT_NS_PER_MS;
    a->execution.settle_ns = OCT_NS_PER_S;
    a->execution.hold_ns = 10 * OCT_NS_PER_S;

    a->feed = &oct_feed_itch50_mold;
    a->orders = &oct_order_ouch50;
    a->inst_base = c->feed.inst_base;
    a->timer_cnt = c->lane.timer_cnt;
    a->huge_pages = c->lane.huge_pages;
}

int oct_setup_load(struct oct_setup *s, const struct oct_conf_args *args)
{
    memset(s, 0, sizeof *s);
    int err = load_conf(s, args);
    if (!err)
        err = load_reference(s);
    if (!err)
        err = session_day(s);
    if (!err) {
        s->config_hash = oct_conf_digest(s->conf);
        err = make_rows(s);
    }
    if (!err)
        err = make_limits(s);
    if (!err)
        err = make_strategies(s);
    if (!err)
        make_sizes(s);
    if (err && !s->err[0])
        snprintf(s->err, sizeof s->err, "%s: %s", args->config, strerror(-err));
    return err;
}

void oct_setup_free(struct oct_setup *s)
{
    oct_conf_free(s->conf);
    oct_conf_reference_free(s->reference);
    free(s->rows);
    free(s->limits);
    free(s->defs);
    free(s->inst_bits);
    memset(s, 0, sizeof *s);
}

void oct_setup_collector(const struct oct_setup *s, struct oct_collector_cfg *cfg)
{
    const struct oct_conf_feed *f = &s->conf->feed;

    oct_collector_cfg_default(cfg);
    cfg->ops = s->assembly.feed;
    memcpy(cfg->session, f->session, strnlen(f->session, 10));
    cfg->first_seq = f->first_seq;
    cfg->start =
        f->join == OCT_CONF_JOIN_ACCEPT ? OCT_COLLECTOR_START_ACCEPT : OCT_COLLECTOR_START_REQUEST;
    cfg->line_cnt = (uint8_t)f->line_cnt;
    cfg->rewind_cnt = (uint8_t)f->rewind_cnt;
    cfg->retry_max = (uint8_t)(f->retry_max < 255 ? f->retry_max : 255);
    cfg->window_pkts = f->reorder_window;
    cfg->pkt_sz_max = s->conf->nic.rx_sz_max ? s->conf->nic.rx_sz_max : cfg->pkt_sz_max;
    cfg->reorder_ns = (int64_t)f->reorder_wait_us * OCT_NS_PER_US;
    cfg->retry_ns = (int64_t)f->retry_wait_ms * OCT_NS_PER_MS;
    cfg->gap_timeout_ns = (int64_t)f->gap_timeout_ms * OCT_NS_PER_MS;
    cfg->silence_ns = (int64_t)f->stale_after_ms * OCT_NS_PER_MS;
}

static int wrap_faults(struct oct_setup *s, struct oct_nic **nic)
{
    const struct oct_conf_fault *f = &s->conf->nic.fault;

    if (!f->drop && !f->dup && !f->reorder && !f->skew_ns)
        return 0;
    struct oct_nic_fault_cfg cfg = {.inner = *nic, .seed = f->seed, .clock = oct_utc_ns};
    for (uint32_t i = 0; i < 2; i++) {
        cfg.line[i].drop = (double)f->drop * 1e-9;
        cfg.line[i].dup = (double)f->dup * 1e-9;
        cfg.line[i].reorder = (double)f->reorder * 1e-9;
        cfg.line[i].skew_ns = i ? f->skew_ns : 0;
    }
    int err = oct_nic_fault_create(&cfg, nic);
    return err ? fail(s, err, "nic.fault: %s", strerror(-err)) : 0;
}

int oct_setup_nic(struct oct_setup *s, struct oct_counter *counters, struct oct_nic **out)
{
    const struct oct_conf *c = s->conf;

    if (c->nic.driver != OCT_CONF_NIC_URING)
        return fail(s, -ENOTSUP,
                    "nic.driver: the dataplane runs on uring; octopus-replay reads files");
    struct oct_nic_uring_cfg cfg = {
        .counters = counters,
        .rx_buf_cnt = c->nic.rx_buf_cnt,
        .rx_sz_max = c->nic.rx_sz_max,
        .rcvbuf_sz = c->nic.rcvbuf_kb * 1024u,
        .busy = c->lane.poll == OCT_CONF_POLL_BUSY,
    };
    int err = oct_nic_uring_create(&cfg, out);
    if (err)
        return fail(s, err, "nic uring: %s", strerror(-err));
    for (uint32_t i = 0; i < c->feed.line_cnt; i++) {
        const struct oct_conf_line *l = &c->feed.line[i];
        struct oct_nic_group g = {l->group.addr_be, l->iface_be, l->group.port, (uint8_t)i, 0};
        err = (*out)->ops->join(*out, &g);
        if (err) {
            (*out)->ops->close(*out);
            return fail(s, err, "feed.lines[%u]: cannot join: %s", i, strerror(-err));
        }
    }
    return wrap_faults(s, out);
}
