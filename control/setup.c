#include "control/setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/strategy/params.h"

#define DEFAULT_ADDR "127.0.0.1"
#define DEFAULT_PORT 8480

/* ---- command line ----------------------------------------------------------------------------- */

void oct_control_usage(void)
{
    fputs(
        "usage: octopus-control [--config FILE] [--profile NAME] [--set KEY=VALUE]...\n"
        "                       [--run-dir DIR] [--data-dir DIR] [--listen ADDR:PORT]\n"
        "                       [--no-journal] [--help] [--version]\n\n"
        "Serves REST, WebSocket and the control socket of an instance.  It reads the dataplane's\n"
        "shared memory and journal and writes neither; it may start, stop and die at any time.\n\n"
        "  --config FILE      configuration of the instance; --profile and --set as for the\n"
        "                     dataplane\n"
        "  --run-dir DIR      where the dataplane's regions are (/dev/shm/octopus-INSTANCE)\n"
        "  --data-dir DIR     where the journal is and the token goes (data/INSTANCE)\n"
        "  --listen ADDR:PORT loopback only; port 0 picks one\n"
        "  --no-journal       the ring only: what it laps is lost\n\n"
        "examples:\n"
        "  octopus-control --config config/octopus.yaml --profile demo\n"
        "  octopus-control --run-dir /dev/shm/octopus-a --data-dir data/a --listen "
        "127.0.0.1:8480\n",
        stdout);
}

const char *oct_control_args(struct oct_control_args *a, int argc, char **argv)
{
    static char wrong[160];
    memset(a, 0, sizeof(*a));
    for (int i = 1; i < argc; i++) {
        const char *o = argv[i];
        const char **to = strcmp(o, "--run-dir") == 0    ? &a->run_dir
                          : strcmp(o, "--data-dir") == 0 ? &a->data_dir
                          : strcmp(o, "--listen") == 0   ? &a->listen
                                                         : NULL;
        if (strcmp(o, "--help") == 0 || strcmp(o, "-h") == 0) {
            a->help = true;
        } else if (strcmp(o, "--version") == 0) {
            a->version = true;
        } else if (strcmp(o, "--no-journal") == 0) {
            a->no_journal = true;
        } else if (to != NULL && i + 1 < argc) {
            *to = argv[++i];
        } else if (i + 1 < argc && oct_conf_arg(&a->conf, o, argv[i + 1])) {
            i++;
        } else {
            snprintf(wrong, sizeof(wrong), "%.100s is not understood, or lacks its value", o);
            return wrong;
        }
    }
    if ((a->conf.profile != NULL || a->conf.set_cnt > 0) && a->conf.config == NULL)
        return "--profile and --set need --config";
    if (a->conf.config == NULL && (a->run_dir == NULL || a->data_dir == NULL) && !a->help &&
        !a->version)
        return "--config, or --run-dir and --data-dir, is needed";
    return NULL;
}

/* ---- configuration ---------------------------------------------------------------------------- */

static int OCT_PRINTF(3, 4) fail(struct oct_control_setup *s, int rc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->err, sizeof(s->err), fmt, ap);
    va_end(ap);
    return rc;
}

static int load_conf(struct oct_control_setup *s, const struct oct_conf_args *args)
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
    int rc = oct_conf_load_args(args, &tables, &s->conf, s->err, sizeof(s->err));
    if (rc == 0 && s->conf->venue.reference[0] != '\0')
        rc = oct_conf_reference_load(s->conf->venue.reference, &s->reference, s->err,
                                     sizeof(s->err));
    return rc;
}

/* ---- limits and names ------------------------------------------------------------------------- */

static uint32_t inst_of(const struct oct_control_setup *s, const char *symbol)
{
    for (uint32_t i = 0; s->reference != NULL && i < s->reference->inst_cnt; i++) {
        const struct oct_conf_inst *in = &s->reference->inst[i];
        if (strcmp(in->symbol, symbol) == 0 && in->locate != OCT_CONF_ALL)
            return s->conf->feed.inst_base + in->locate;
    }
    return UINT32_MAX;
}

static void set_limit(struct oct_control_setup *s, const struct oct_conf_limit *l)
{
    static const uint32_t members[] = {
        [OCT_CONF_FIRM] = 1,
        [OCT_CONF_ACCOUNT] = OCT_RISK_ACCOUNT_MAX,
        [OCT_CONF_STRATEGY] = OCT_RISK_STRATEGY_MAX,
        [OCT_CONF_INSTRUMENT] = 1,
    };
    const struct oct_risk_limit_def *d = oct_risk_limit_by_name(l->name);
    bool all = l->scope != OCT_CONF_INSTRUMENT && l->id == OCT_CONF_ALL;
    uint32_t id = l->id;
    if (l->scope == OCT_CONF_INSTRUMENT)
        id = strcmp(l->symbol, "*") == 0 ? OCT_RISK_INST_ALL : inst_of(s, l->symbol);
    for (uint32_t k = 0; d != NULL && k < (all ? members[l->scope] : 1); k++)
        (void)oct_risk_limits_set(&s->limits, (enum oct_scope)l->scope, all ? k : id, d->key,
                                  oct_money_unpack(l->value).v);
}

static bool is_default(const struct oct_conf_limit *l)
{
    return l->scope == OCT_CONF_INSTRUMENT ? strcmp(l->symbol, "*") == 0 : l->id == OCT_CONF_ALL;
}

/* Rows for everyone first, as the dataplane does: rows of one member are changes to them. */
static void make_limits(struct oct_control_setup *s)
{
    const struct oct_conf_risk *r = &s->conf->risk;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < r->limit_cnt; i++) {
            if (is_default(&r->limit[i]) == (pass == 0))
                set_limit(s, &r->limit[i]);
        }
    }
}

static void add_name(struct oct_control_setup *s, uint8_t scope, uint32_t id, const char *text)
{
    OCT_ASSERT(s->name_cnt < OCT_ARRAY_CNT(s->names));
    struct oct_host_name *n = &s->names[s->name_cnt++];
    snprintf(n->text, sizeof(n->text), "%s", text);
    n->id = id;
    n->scope = scope;
}

static void make_names(struct oct_control_setup *s)
{
    const struct oct_conf *c = s->conf;
    for (uint32_t i = 0; i < c->risk.account_cnt; i++)
        add_name(s, OCT_SCOPE_ACCOUNT, c->risk.account[i].id, c->risk.account[i].name);
    for (uint32_t i = 0; i < c->strategy_cnt; i++)
        add_name(s, OCT_SCOPE_STRATEGY, c->strategy[i].id, c->strategy[i].name);
}

void oct_control_reference(const struct oct_control_setup *s, struct oct_mirror *m)
{
    for (uint32_t i = 0; s->reference != NULL && i < s->reference->inst_cnt; i++) {
        const struct oct_conf_inst *in = &s->reference->inst[i];
        if (in->locate == OCT_CONF_ALL)
            continue;
        struct oct_instrument rec = {OCT_MSG_HDR(INSTRUMENT, instrument),
                                     .inst = s->conf->feed.inst_base + in->locate,
                                     .lot = in->lot,
                                     .tick = in->tick,
                                     .prev_close = in->prev_close,
                                     .trading = in->trading,
                                     .short_sale = in->short_sale};
        memset(rec.symbol.c, ' ', sizeof(rec.symbol.c));
        memcpy(rec.symbol.c, in->symbol, strnlen(in->symbol, sizeof(rec.symbol.c)));
        oct_mirror_record(m, &rec.hdr);
    }
}

/* ---- paths ------------------------------------------------------------------------------------ */

static int read_listen(struct oct_control_setup *s, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    char *end;
    long port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;
    if (n == 0 || n >= sizeof(s->addr) || colon[1] < '0' || colon[1] > '9' || *end != '\0' ||
        port > 65535)
        return fail(s, -EINVAL, "--listen: %.100s is not ADDR:PORT", text);
    bool bracket = text[0] == '[' && text[n - 1] == ']';
    snprintf(s->addr, sizeof(s->addr), "%.*s", (int)(bracket ? n - 2 : n),
             bracket ? text + 1 : text);
    s->port = (uint16_t)port;
    return 0;
}

static int join(char *out, size_t sz, const char *dir, const char *name)
{
    int n = snprintf(out, sz, "%s/%s", dir, name);
    return n < 0 || (size_t)n >= sz ? -ENAMETOOLONG : 0;
}

static int make_paths(struct oct_control_setup *s, const struct oct_control_args *a)
{
    const struct oct_conf *c = s->conf;
    snprintf(s->run_dir, sizeof(s->run_dir), "%s", a->run_dir != NULL ? a->run_dir : c->run_dir);
    snprintf(s->data_dir, sizeof(s->data_dir), "%s",
             a->data_dir != NULL ? a->data_dir : c->data_dir);
    int rc = join(s->ctl_path, sizeof(s->ctl_path), s->run_dir, "ctl.sock");
    if (rc == 0 && c != NULL && c->control.token_file[0] != '\0')
        snprintf(s->token_path, sizeof(s->token_path), "%s", c->control.token_file);
    else if (rc == 0)
        rc = join(s->token_path, sizeof(s->token_path), s->data_dir, "token");
    if (rc == 0 && !a->no_journal && (c == NULL || c->journal.enabled))
        rc = join(s->journal_dir, sizeof(s->journal_dir), s->data_dir, "journal");
    if (rc != 0)
        return fail(s, rc, "%s: path too long", s->run_dir);
    snprintf(s->addr, sizeof(s->addr), DEFAULT_ADDR);
    s->port = DEFAULT_PORT;
    if (c != NULL) {
        struct in_addr in = {c->control.listen.addr_be};
        inet_ntop(AF_INET, &in, s->addr, sizeof(s->addr));
        s->port = c->control.listen.port;
    }
    return a->listen != NULL ? read_listen(s, a->listen) : 0;
}

int oct_control_load(struct oct_control_setup *s, const struct oct_control_args *a)
{
    memset(s, 0, sizeof(*s));
    oct_risk_limits_init(&s->limits);
    memset(s->firm, ' ', sizeof(s->firm));
    int rc = a->conf.config != NULL ? load_conf(s, &a->conf) : 0;
    if (rc == 0 && s->conf != NULL) {
        make_limits(s);
        make_names(s);
        memcpy(s->firm, s->conf->venue.firm, strnlen(s->conf->venue.firm, sizeof(s->firm)));
    }
    if (rc == 0)
        rc = make_paths(s, a);
    if (rc != 0 && s->err[0] == '\0')
        snprintf(s->err, sizeof(s->err), "%s: %s", a->conf.config, strerror(-rc));
    return rc;
}

void oct_control_free(struct oct_control_setup *s)
{
    oct_conf_free(s->conf);
    oct_conf_reference_free(s->reference);
}
