#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dataplane/conf/schema_priv.h"

/* An error about a field, at the place where it was said; dst is its address. */
static void field_err(struct oct_conf_reader *r, const void *dst, const char *key,
                      const char *reason)
{
    for (size_t i = 0; i < r->said_cnt; i++)
        if (r->said[i].dst == dst) {
            oct_conf_err(r->e, &r->said[i].at, key, "%s", reason);
            return;
        }
    oct_conf_err(r->e, NULL, key, "%s (by default)", reason);
}

static void check_feed(struct oct_conf_reader *r, const struct oct_conf *c)
{
    const struct oct_conf_feed *f = &c->feed;

    if (f->line_cnt == 0 && c->nic.driver == OCT_CONF_NIC_URING)
        field_err(r, f->line, "feed.lines", "at least one line is needed");
    for (uint32_t i = 0; i < f->line_cnt; i++)
        if (f->line[i].group.addr_be == 0)
            field_err(r, &f->line[i].group.addr_be, "feed.lines.group", "must not be blank");
    if (f->position_report && f->rewind_cnt == 0)
        field_err(r, &f->position_report, "feed.position_report",
                  "needs a rewind server to report to");
    if (f->inst_base >= c->lane.inst_cnt)
        field_err(r, &f->inst_base, "feed.inst_base", "must be below lane.inst_cnt");
    if (f->gap_timeout_ms * UINT64_C(1000) < f->reorder_wait_us)
        field_err(r, &f->gap_timeout_ms, "feed.gap_timeout_ms",
                  "must not be shorter than feed.reorder_wait_us");
}

static void check_venue(struct oct_conf_reader *r, const struct oct_conf *c)
{
    const struct oct_conf_venue *v = &c->venue;

    if (v->server.port == 0)
        return;
    if (v->server.addr_be == 0)
        field_err(r, &v->server.addr_be, "venue.addr", "must not be blank");
    if (v->user[0] == '\0')
        field_err(r, v->user, "venue.user", "must not be blank when there is a port");
    if (v->silence_ms < 2 * v->heartbeat_ms)
        field_err(r, &v->silence_ms, "venue.silence_ms",
                  "must be at least twice venue.heartbeat_ms");
}

static void check_machine(struct oct_conf_reader *r, const struct oct_conf *c)
{
    uint32_t bar = c->realtime.bar_interval_s;

    if (c->nic.driver == OCT_CONF_NIC_PCAP && c->nic.file[0] == '\0')
        field_err(r, &c->nic.driver, "nic.driver", "pcap needs nic.file");
    if (bar != 1 && bar != 60 && bar != 300)
        field_err(r, &c->realtime.bar_interval_s, "realtime.bar_interval_s",
                  "must be 1, 60 or 300");
    if (c->lane.core >= 0 && c->lane.core == c->journal.core && c->lane.poll == OCT_CONF_POLL_BUSY)
        field_err(r, &c->journal.core, "journal.core", "is the core of a busy lane");
}

static bool loopback(uint32_t addr_be)
{
    return (ntohl(addr_be) >> 24) == 127;
}

static void check_control(struct oct_conf_reader *r, const struct oct_conf *c)
{
    const struct oct_conf_control *k = &c->control;

    if ((k->tls_cert[0] == '\0') != (k->tls_key[0] == '\0'))
        field_err(r, k->tls_cert[0] != '\0' ? k->tls_cert : k->tls_key, "control.tls_cert",
                  "certificate and key go together");
    if (k->listen.port != 0 && !loopback(k->listen.addr_be))
        field_err(r, &k->listen.addr_be, "control.addr",
                  "only loopback (127.0.0.0/8) while there are no accounts");
    if (k->ws_silence_s <= k->ws_ping_s)
        field_err(r, &k->ws_silence_s, "control.ws_silence_s", "must be above control.ws_ping_s");
}

static bool has_account(const struct oct_conf *c, uint32_t id)
{
    for (uint32_t i = 0; i < c->risk.account_cnt; i++)
        if (c->risk.account[i].id == id)
            return true;
    return false;
}

static bool has_strategy(const struct oct_conf *c, uint32_t id)
{
    for (uint32_t i = 0; i < c->strategy_cnt; i++)
        if (c->strategy[i].id == id)
            return true;
    return id == c->risk.manual_strategy;
}

static void check_accounts(struct oct_conf_reader *r, const struct oct_conf *c)
{
    for (uint32_t i = 0; i < c->risk.account_cnt; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct oct_conf_account *a = &c->risk.account[i], *b = &c->risk.account[k];
            if (a->id == b->id)
                oct_conf_err(r->e, &a->at, "risk.accounts", "id %u was given to %s already", a->id,
                             b->name);
            if (strcmp(a->name, b->name) == 0)
                oct_conf_err(r->e, &a->at, "risk.accounts", "the name %s is there twice", a->name);
        }
}

static void check_strategy(struct oct_conf_reader *r, const struct oct_conf *c,
                           const struct oct_conf_strategy *s)
{
    for (const struct oct_conf_strategy *b = c->strategy; b < s; b++) {
        if (s->id == b->id)
            oct_conf_err(r->e, &s->at, "strategies", "id %u was given to %s already", s->id,
                         b->name);
        if (strcmp(s->name, b->name) == 0)
            oct_conf_err(r->e, &s->at, "strategies", "the name %s is there twice", s->name);
    }
    if (s->id == c->risk.manual_strategy)
        oct_conf_err(r->e, &s->at, "strategies", "id %u is risk.manual_strategy", s->id);
    if ((s->kind == OCT_CONF_PLUGIN) != (s->path[0] != '\0'))
        oct_conf_err(r->e, &s->at, "strategies.path",
                     s->kind == OCT_CONF_PLUGIN ? "a plugin needs the path of its shared object"
                                                : "only the kind plugin has a path");
    if (!has_account(c, s->account))
        oct_conf_err(r->e, &s->at, "strategies.account", "risk.accounts has no id %u", s->account);
    if (s->enabled && !s->symbols.all && s->symbols.cnt == 0)
        oct_conf_err(r->e, &s->at, "strategies.symbols",
                     "an enabled strategy needs symbols, or \"*\"");
}

static void check_limits(struct oct_conf_reader *r, const struct oct_conf *c)
{
    for (uint32_t i = 0; i < c->risk.limit_cnt; i++) {
        const struct oct_conf_limit *l = &c->risk.limit[i];
        if (l->id == OCT_CONF_ALL)
            continue;
        if (l->scope == OCT_CONF_ACCOUNT && !has_account(c, l->id))
            oct_conf_err(r->e, &l->at, "risk.limits.id", "risk.accounts has no id %u", l->id);
        if (l->scope == OCT_CONF_STRATEGY && !has_strategy(c, l->id))
            oct_conf_err(r->e, &l->at, "risk.limits.id", "strategies has no id %u", l->id);
    }
}

int oct_conf_plugin_param(const char *name)
{
    static const char prefix[] = "param";
    const char *d = name + sizeof prefix - 1;

    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || d[0] < '0' || d[0] > '9')
        return -1;
    if (d[1] == '\0')
        return d[0] - '0';
    return d[0] == '1' && d[1] >= '0' && d[1] <= '5' && d[2] == '\0' ? 10 + d[1] - '0' : -1;
}

static void check_param(struct oct_conf_reader *r, bool plugin, struct oct_conf_param *p)
{
    const char *names[65] = {0};
    struct oct_conf_param_def def = {.decimals = 9, .min = INT64_MIN, .max = INT64_MAX};
    bool known = r->tables == NULL || r->tables->param_cnt == 0;
    char key[64 + OCT_CONF_NAME_SZ], lo[OCT_DECIMAL_SZ], hi[OCT_DECIMAL_SZ];

    snprintf(key, sizeof key, "strategies.params.%s", p->name);
    for (uint32_t i = 0; !known && i < r->tables->param_cnt; i++) {
        names[i < 64 ? i : 63] = r->tables->param[i].name;
        if (strcmp(r->tables->param[i].name, p->name) == 0) {
            def = r->tables->param[i];
            known = true;
        }
    }
    if (!known && plugin && oct_conf_plugin_param(p->name) >= 0) {
        def.decimals = 0;
        known = true;
    }
    if (!known) {
        const char *near = oct_conf_nearest(p->name, names, sizeof *names);
        oct_conf_err(r->e, &p->at, key, "unknown parameter%s%s%s",
                     near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                     near != NULL ? "?" : "");
        return;
    }
    int rc = oct_decimal_parse(p->text, strlen(p->text), def.decimals, &p->value);
    if (rc == -EINVAL) {
        oct_conf_err(r->e, &p->at, key, "'%s' is not a decimal number", p->text);
    } else if (rc != 0 || p->value < def.min || p->value > def.max) {
        oct_decimal_format(lo, def.min, def.decimals, 0);
        oct_decimal_format(hi, def.max, def.decimals, 0);
        oct_conf_err(r->e, &p->at, key, "%s is out of range: from %s to %s, at most %u decimals",
                     p->text, lo, hi, def.decimals);
    }
}

static void check_params(struct oct_conf_reader *r, struct oct_conf *c)
{
    for (uint32_t i = 0; i < c->strategy_cnt; i++)
        for (uint32_t k = 0; k < c->strategy[i].param_cnt; k++)
            check_param(r, c->strategy[i].kind == OCT_CONF_PLUGIN, &c->strategy[i].param[k]);
}

void oct_conf_check(struct oct_conf_reader *r, struct oct_conf *c)
{
    check_feed(r, c);
    check_venue(r, c);
    check_machine(r, c);
    check_control(r, c);
    check_accounts(r, c);
    for (uint32_t i = 0; i < c->strategy_cnt; i++)
        check_strategy(r, c, &c->strategy[i]);
    check_limits(r, c);
    check_params(r, c);
    if (c->risk.account_cnt > 0 && !has_account(c, c->risk.manual_account))
        field_err(r, &c->risk.manual_account, "risk.manual_account",
                  "is not the id of one of risk.accounts");
}
