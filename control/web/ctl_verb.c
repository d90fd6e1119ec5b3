/* ctl_verb.c - what the control socket can be asked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/ctl_priv.h"
#include "dataplane/msg/desc.h"

#define LIMIT_ROW_MAX 256u

static const char *text_arg(struct oct_ctl_req *r, const char *key)
{
    r->field = key;
    return json_string_value(json_object_get(r->args, key));
}

/* A whole number, given as a number or as decimal text.  False when it is neither, or too large. */
static bool number_arg(struct oct_ctl_req *r, const char *key, uint64_t max, uint64_t dflt,
                       uint64_t *out)
{
    const json_t *v = json_object_get(r->args, key);
    r->field = key;
    *out = dflt;
    if (v == NULL || json_is_null(v))
        return true;
    if (json_is_integer(v)) {
        *out = (uint64_t)json_integer_value(v);
        return json_integer_value(v) >= 0 && *out <= max;
    }
    const char *s = json_string_value(v);
    char *end;
    if (s == NULL || s[0] < '0' || s[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(s, &end, 10);
    return errno == 0 && *end == '\0' && *out <= max;
}

static uint32_t symbol_arg(struct oct_ctl_req *r)
{
    const char *s = text_arg(r, "symbol");
    uint32_t inst = s != NULL ? oct_mirror_find(r->w->mirror, s, strlen(s)) : OCT_MAP_NONE;
    if (inst == OCT_MAP_NONE)
        oct_ctl_fail(r, s != NULL ? 404 : 400, s != NULL ? "TRADE_002" : "VAL_002",
                     s != NULL ? "no such symbol in this session" : "symbol is missing");
    return inst;
}

static void verb_status(struct oct_ctl_req *r)
{
    bool ready;
    oct_show_health(&r->j, r->w, &ready);
}

static void verb_book(struct oct_ctl_req *r)
{
    uint64_t depth;
    uint32_t inst = symbol_arg(r);
    if (inst == OCT_MAP_NONE)
        return;
    if (!number_arg(r, "depth", 200, 10, &depth) || depth == 0)
        oct_ctl_fail(r, 422, "VAL_002", "depth is a whole number from 1 to 200");
    else
        oct_show_book(&r->j, r->w, inst, (uint32_t)depth);
}

static void verb_quote(struct oct_ctl_req *r)
{
    uint32_t inst = symbol_arg(r);
    if (inst != OCT_MAP_NONE)
        oct_show_quote(&r->j, r->w, inst);
}

static void verb_orders(struct oct_ctl_req *r)
{
    char next[32];
    char prev[32];
    uint64_t limit;
    struct oct_show_page page = {
        .status = text_arg(r, "status"),
        .cursor = text_arg(r, "cursor"),
        .symbol = text_arg(r, "symbol"),
    };
    if (!number_arg(r, "limit", 200, 50, &limit) || limit == 0) {
        oct_ctl_fail(r, 422, "VAL_002", "limit is a whole number from 1 to 200");
        return;
    }
    page.limit = (uint32_t)limit;
    int rc = oct_show_orders(&r->j, r->w, &page, next, prev);
    r->field = rc == -ENOENT ? "status" : "cursor";
    if (rc != 0)
        oct_ctl_fail(r, 422, "VAL_002",
                     rc == -ENOENT ? "no such order status" : "this is not one of our cursors");
}

static void one_order(struct oct_ctl_req *r, bool trace)
{
    const char *text = text_arg(r, "id");
    bool refused = text != NULL && text[0] == 'i';
    char *end = NULL;
    errno = 0;
    uint64_t id = text != NULL ? strtoull(text + refused, &end, 10) : 0;
    if (text == NULL || text[refused] < '0' || text[refused] > '9' || *end != '\0' || errno != 0) {
        oct_ctl_fail(r, 422, "VAL_002", "id is an order number, or i and the number of an intent");
        return;
    }
    const struct oct_mirror *m = r->w->mirror;
    const struct oct_mirror_order *o = refused ? NULL : oct_mirror_order_by_id(m, id);
    const struct oct_mirror_refusal *f = refused ? oct_mirror_refusal_by_intent(m, id) : NULL;
    if (o != NULL && trace)
        oct_show_receipt(&r->j, r->w, o);
    else if (o != NULL)
        oct_show_order(&r->j, NULL, r->w, o, true);
    else if (f != NULL && trace)
        oct_show_receipt_refused(&r->j, r->w, f);
    else if (f != NULL)
        oct_show_refusal(&r->j, NULL, r->w, f);
    else
        oct_ctl_fail(r, 404, "TRADE_004", "there is no such order");
}

static void verb_order(struct oct_ctl_req *r)
{
    one_order(r, false);
}

static void verb_trace(struct oct_ctl_req *r)
{
    one_order(r, true);
}

static void verb_positions(struct oct_ctl_req *r)
{
    oct_show_positions(&r->j, r->w);
}

static void put_ladders(struct oct_json *j, const char *key, const uint8_t *state, uint32_t cnt)
{
    oct_json_arr(j, key);
    for (uint32_t i = 0; i < cnt; i++) {
        if (state[i] == OCT_LADDER_ACTIVE)
            continue;
        oct_json_obj(j, NULL);
        oct_json_u64(j, "id", i);
        oct_json_str(j, "state", oct_enum_text("LADDER", state[i]));
        oct_json_end(j, '}');
    }
    oct_json_end(j, ']');
}

static void verb_risk(struct oct_ctl_req *r)
{
    const struct oct_mirror *m = r->w->mirror;
    struct oct_json *j = &r->j;
    oct_json_obj(j, NULL);
    oct_json_str(j, "state", oct_enum_text("LADDER", m->ladder));
    oct_json_str(j, "cause", m->ladder_cause != 0 ? oct_enum_text("RISK", m->ladder_cause) : NULL);
    put_ladders(j, "accounts", m->ladder_account, sizeof(m->ladder_account));
    put_ladders(j, "strategies", m->ladder_strategy, sizeof(m->ladder_strategy));
    oct_json_id(j, "kill_bits", m->kill_bits);
    oct_json_u64(j, "approved", m->totals.approved);
    oct_json_u64(j, "refused", m->totals.refused);
    oct_json_obj(j, "refused_by");
    for (uint32_t i = 1; i < OCT_MIRROR_REASON_CNT; i++) {
        if (m->totals.refused_by[i] != 0 && oct_enum_text("RISK", i) != NULL)
            oct_json_u64(j, oct_enum_text("RISK", i), m->totals.refused_by[i]);
    }
    oct_json_end(j, '}');
    if (r->w->cfg.host.limits != NULL)
        r->w->cfg.host.limits(r->w->cfg.host.self, j);
    oct_json_end(j, '}');
}

static void user_of(struct oct_ctl_req *r, struct oct_in_cmd *cmd)
{
    const char *user = text_arg(r, "user");
    memset(cmd->user.c, ' ', sizeof(cmd->user.c));
    for (size_t i = 0; user != NULL && user[i] > ' ' && user[i] <= '~' && i < sizeof(cmd->user.c);
         i++)
        cmd->user.c[i] = user[i];
}

/* One row of limits, from {"scope","who","name","value"}. */
static bool limit_row(struct oct_ctl_req *r, const json_t *row, struct oct_in_cmd *cmd)
{
    const struct oct_web_host *host = &r->w->cfg.host;
    const char *scope = json_string_value(json_object_get(row, "scope"));
    const char *who = json_string_value(json_object_get(row, "who"));
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *value = json_string_value(json_object_get(row, "value"));
    if (scope == NULL || name == NULL || value == NULL) {
        r->field = "limits";
        oct_ctl_fail(r, 422, "VAL_002", "a limit has scope, who, name and value, all as text");
        return false;
    }
    const char *wrong = host->limit_row(host->self, scope, who, name, value, cmd);
    r->field = name;
    if (wrong != NULL)
        oct_ctl_fail(r, 422, "VAL_002", wrong);
    return wrong == NULL;
}

/* With "check", the rows are looked at and nothing is sent. */
static void verb_risk_set(struct oct_ctl_req *r)
{
    const struct oct_web_host *host = &r->w->cfg.host;
    const json_t *rows = json_object_get(r->args, "limits");
    size_t n = json_array_size(rows);
    r->field = "limits";
    if (host->limit_row == NULL) {
        oct_ctl_fail(r, 503, "NOT_CONFIGURED", "control was started without a configuration");
        return;
    }
    if (n == 0 || n > LIMIT_ROW_MAX) {
        oct_ctl_fail(r, 422, "VAL_002", "limits is a list of 1 to 256 rows");
        return;
    }
    struct oct_in_cmd *cmd = calloc(n + 2, sizeof(*cmd));
    bool ok = cmd != NULL;
    uint32_t version = host->limit_version(host->self) + 1;
    for (size_t i = 0; ok && i < n + 2; i++) {
        cmd[i] = (struct oct_in_cmd){OCT_MSG_HDR(IN_CMD, in_cmd)};
        if (i > 0 && i <= n)
            ok = limit_row(r, json_array_get(rows, i - 1), &cmd[i]);
        cmd[i].cmd = i == 0       ? OCT_CMD_LIMIT_BEGIN
                     : i == n + 1 ? OCT_CMD_LIMIT_COMMIT
                                  : OCT_CMD_LIMIT_ROW;
        cmd[i].version = version;
        user_of(r, &cmd[i]);
    }
    if (ok && json_is_true(json_object_get(r->args, "check"))) {
        oct_json_obj(&r->j, NULL);
        oct_json_u64(&r->j, "checked", n);
        oct_json_end(&r->j, '}');
    } else if (ok) {
        oct_ctl_commands(r, cmd, n + 2);
    } else if (cmd == NULL)
        oct_ctl_fail(r, 503, "SYS_001", "out of memory");
    free(cmd);
}

/* Commands that are one record; limits have a verb of their own. */
static void verb_command(struct oct_ctl_req *r)
{
    static const uint16_t allowed[] = {
        OCT_CMD_HALT,       OCT_CMD_REDUCE,      OCT_CMD_REARM,        OCT_CMD_CANCEL,
        OCT_CMD_CANCEL_ALL, OCT_CMD_STRATEGY_ON, OCT_CMD_STRATEGY_OFF, OCT_CMD_RESTRICT,
        OCT_CMD_UNRESTRICT, OCT_CMD_RECONCILE};
    struct oct_in_cmd cmd = {OCT_MSG_HDR(IN_CMD, in_cmd)};
    const char *name = text_arg(r, "cmd");
    int kind = name != NULL ? oct_enum_value("CMD", name) : -1;
    size_t i = 0;
    while (i < OCT_ARRAY_CNT(allowed) && allowed[i] != kind)
        i++;
    if (i == OCT_ARRAY_CNT(allowed)) {
        oct_ctl_fail(r, 422, "VAL_002", "no such command");
        return;
    }
    const char *scope = text_arg(r, "scope");
    int sc = scope != NULL ? oct_enum_value("SCOPE", scope) : OCT_SCOPE_FIRM;
    uint64_t account = 0;
    uint64_t strategy = 0;
    if (sc < 0 || !number_arg(r, "account", UINT16_MAX, 0, &account) ||
        !number_arg(r, "strategy", UINT16_MAX, 0, &strategy) ||
        !number_arg(r, "order_id", UINT64_MAX, 0, &cmd.order_id)) {
        oct_ctl_fail(r, 422, "VAL_002", "scope, account, strategy or order_id is not right");
        return;
    }
    cmd.cmd = (uint16_t)kind;
    cmd.scope = (uint8_t)sc;
    cmd.account = (uint16_t)account;
    cmd.strategy = (uint16_t)strategy;
    if (json_object_get(r->args, "symbol") != NULL) {
        cmd.inst = symbol_arg(r);
        if (cmd.inst == OCT_MAP_NONE)
            return;
    }
    user_of(r, &cmd);
    oct_ctl_commands(r, &cmd, 1);
}

void oct_ctl_show_result(struct oct_buf *b, const struct oct_cmd_result *res)
{
    struct oct_json j = {.b = b};
    oct_json_obj(&j, NULL);
    oct_json_id(&j, "cmd_id", res->cmd_id);
    oct_json_str(&j, "cmd", oct_enum_text("CMD", res->cmd));
    oct_json_str(&j, "result", oct_enum_text("CMD_RESULT", res->result));
    oct_json_u64(&j, "version", res->version);
    oct_json_id(&j, "value", res->value);
    oct_json_time(&j, "timestamp", res->now_ns);
    oct_json_end(&j, '}');
}

void oct_ctl_verb(struct oct_ctl_req *r, const char *verb)
{
    static const struct {
        const char *name;
        void (*fn)(struct oct_ctl_req *r);
    } verbs[] = {
        {"book.show", verb_book},   {"command", verb_command},   {"order.list", verb_orders},
        {"order.show", verb_order}, {"order.trace", verb_trace}, {"position.list", verb_positions},
        {"quote.show", verb_quote}, {"risk.set", verb_risk_set}, {"risk.show", verb_risk},
        {"status", verb_status},
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(verbs); i++) {
        if (strcmp(verbs[i].name, verb) == 0) {
            verbs[i].fn(r);
            return;
        }
    }
    r->field = "verb";
    oct_ctl_fail(r, 404, "VAL_003", "no such verb");
}
