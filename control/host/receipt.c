#include "control/host/receipt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/msg/desc.h"

#define BYTES_MAX OCT_VENUE_MSG_MAX

static const char *unit_name(uint8_t unit)
{
    static const char *const name[] = {
        [OCT_RISK_UNIT_QTY] = "qty",   [OCT_RISK_UNIT_MONEY] = "money",
        [OCT_RISK_UNIT_PX] = "px",     [OCT_RISK_UNIT_NS] = "ns",
        [OCT_RISK_UNIT_BPS] = "bps",   [OCT_RISK_UNIT_COUNT] = "count",
        [OCT_RISK_UNIT_FLAG] = "flag", [OCT_RISK_UNIT_STATE] = "state",
    };
    return unit < OCT_ARRAY_CNT(name) ? name[unit] : "count";
}

/* ---- versions --------------------------------------------------------------------------------- */

static void keep(struct oct_host *h)
{
    const struct oct_risk_limits *l = &h->stage.active;
    struct oct_risk_limits **slot = &h->kept[l->version % OCT_HOST_VERSION_CNT];
    if (*slot == NULL)
        *slot = malloc(sizeof(**slot));
    if (*slot != NULL)
        **slot = *l;
}

static void restart(struct oct_host *h)
{
    for (size_t i = 0; i < OCT_HOST_VERSION_CNT; i++) {
        free(h->kept[i]);
        h->kept[i] = NULL;
    }
    h->stage.active = h->initial;
    h->stage.building = false;
    keep(h);
}

int oct_host_init(struct oct_host *h, const struct oct_mirror *m,
                  const struct oct_risk_limits *initial, const struct oct_order_ops *orders,
                  const char firm[4])
{
    memset(h, 0, sizeof(*h));
    h->mirror = m;
    h->orders = orders;
    memcpy(h->firm, firm, sizeof(h->firm));
    if (initial != NULL)
        h->initial = *initial;
    else
        oct_risk_limits_init(&h->initial);
    restart(h);
    return h->kept[h->initial.version % OCT_HOST_VERSION_CNT] != NULL ? 0 : -ENOMEM;
}

void oct_host_fini(struct oct_host *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < OCT_HOST_VERSION_CNT; i++)
        free(h->kept[i]);
    memset(h, 0, sizeof(*h));
}

void oct_host_record(void *host, const struct oct_msg_hdr *rec)
{
    struct oct_host *h = host;
    if (rec->type == OCT_IN_START && !((const struct oct_in_start *)rec)->recovered) {
        restart(h);
    } else if (rec->type == OCT_IN_CMD) {
        const struct oct_in_cmd *cmd = (const struct oct_in_cmd *)rec;
        enum oct_cmd_result_kind kind = oct_risk_limits_cmd(&h->stage, cmd);
        if (cmd->cmd == OCT_CMD_LIMIT_COMMIT && kind == OCT_CMD_RESULT_DONE)
            keep(h);
    }
}

static const struct oct_risk_limits *table_of(const struct oct_host *h, uint32_t version)
{
    const struct oct_risk_limits *l = h->kept[version % OCT_HOST_VERSION_CNT];
    return l != NULL && l->version == version ? l : NULL;
}

uint32_t oct_host_limit_version(void *host)
{
    return ((const struct oct_host *)host)->stage.active.version;
}

/* ---- receipts --------------------------------------------------------------------------------- */

static void put_amount(struct oct_json *j, const char *key, uint8_t unit, __int128 v)
{
    char text[OCT_DECIMAL_SZ];
    oct_json_strn(j, key, text, oct_risk_format(text, (enum oct_risk_unit)unit, v));
}

static void put_bytes(struct oct_json *j, const struct oct_host *h, const struct oct_order *order)
{
    uint8_t out[BYTES_MAX];
    char text[2 * BYTES_MAX];
    int n = h->orders->encode(order, h->firm, out);
    if (n < 0) {
        oct_json_null(j, "bytes");
        return;
    }
    for (int i = 0; i < n; i++) {
        text[2 * i] = "0123456789abcdef"[out[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[out[i] & 15];
    }
    oct_json_str(j, "protocol", h->orders->name);
    oct_json_strn(j, "bytes", text, 2 * (size_t)n);
}

void oct_host_explain(void *host, struct oct_json *j, const struct oct_verdict *v,
                      const struct oct_order *order)
{
    const struct oct_host *h = host;
    const struct oct_risk_limits *l = table_of(h, v->limit_version);
    struct oct_risk_row row[OCT_RISK_ROW_MAX];
    uint32_t n = oct_risk_explain(v, l != NULL ? l : &h->stage.active, row);
    oct_json_obj(j, "explained");
    oct_json_u64(j, "limit_version", v->limit_version);
    oct_json_bool(j, "limits_known", l != NULL); /* false: judged by a table we no longer have */
    oct_json_bool(j, "agrees", l != NULL && oct_risk_refailed(v, l) == v->failed);
    oct_json_end(j, '}');
    oct_json_arr(j, "checks");
    for (uint32_t i = 0; i < n; i++) {
        oct_json_obj(j, NULL);
        oct_json_str(j, "check", row[i].name);
        oct_json_str(j, "result",
                     !row[i].applies ? "not_applicable"
                     : row[i].failed ? "failed"
                                     : "passed");
        put_amount(j, "value", row[i].unit, row[i].value);
        put_amount(j, "limit", row[i].unit, row[i].limit);
        oct_json_str(j, "unit", unit_name(row[i].unit));
        oct_json_end(j, '}');
    }
    oct_json_end(j, ']');
    if (order != NULL && h->orders != NULL)
        put_bytes(j, h, order);
}

/* ---- limits in force -------------------------------------------------------------------------- */

static void put_who(struct oct_json *j, const struct oct_host *h, enum oct_scope scope, uint32_t id)
{
    char text[16];
    if (scope == OCT_SCOPE_FIRM) {
        oct_json_null(j, "who");
    } else if (scope == OCT_SCOPE_INSTRUMENT && id == OCT_RISK_INST_ALL) {
        oct_json_str(j, "who", "*");
    } else if (scope == OCT_SCOPE_INSTRUMENT && id < h->mirror->cfg.inst_cnt &&
               h->mirror->inst[id].known) {
        oct_mirror_sym_text(h->mirror->inst[id].symbol, text);
        oct_json_str(j, "who", text);
    } else {
        size_t n = oct_decimal_format(text, id, 0, 0);
        oct_json_strn(j, "who", text, n);
    }
}

static void put_row(struct oct_json *j, const struct oct_host *h, enum oct_scope scope, uint32_t id)
{
    for (size_t i = 0; i < OCT_ARRAY_CNT(oct_risk_limit_defs); i++) {
        const struct oct_risk_limit_def *d = &oct_risk_limit_defs[i];
        __int128 v = oct_risk_limits_get(&h->stage.active, scope, id, d->key);
        if ((d->scopes >> scope & 1) == 0 || v <= 0)
            continue; /* zero refuses, and is what was never set */
        oct_json_obj(j, NULL);
        oct_json_str(j, "scope", oct_enum_text("SCOPE", scope));
        put_who(j, h, scope, id);
        oct_json_str(j, "name", d->name);
        put_amount(j, "value", d->unit, v);
        oct_json_str(j, "unit", unit_name(d->unit));
        oct_json_end(j, '}');
    }
}

void oct_host_limits(void *host, struct oct_json *j)
{
    const struct oct_host *h = host;
    oct_json_u64(j, "version", h->stage.active.version);
    oct_json_arr(j, "limits");
    put_row(j, h, OCT_SCOPE_FIRM, 0);
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        put_row(j, h, OCT_SCOPE_ACCOUNT, i);
    for (uint32_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++)
        put_row(j, h, OCT_SCOPE_STRATEGY, i);
    for (uint32_t i = 0; i < h->stage.active.inst_row_cnt && i <= OCT_RISK_INST_ROW_MAX; i++)
        put_row(j, h, OCT_SCOPE_INSTRUMENT,
                i == 0 ? OCT_RISK_INST_ALL : h->stage.active.inst_of_row[i]);
    oct_json_end(j, ']');
}

/* ---- limits as people write them -------------------------------------------------------------- */

static bool number(const char *text, uint32_t max, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && v < max;
}

static const char *member(const struct oct_host *h, uint8_t scope, const char *who, uint32_t *id)
{
    *id = 0;
    if (scope == OCT_SCOPE_FIRM)
        return who == NULL || who[0] == '\0' ? NULL : "the firm has no members";
    if (who == NULL || who[0] == '\0')
        return "which account, strategy or instrument is missing";
    if (scope == OCT_SCOPE_INSTRUMENT) {
        *id = strcmp(who, "*") == 0 ? OCT_RISK_INST_ALL
                                    : oct_mirror_find(h->mirror, who, strlen(who));
        return *id == OCT_MAP_NONE && strcmp(who, "*") != 0 ? "no such symbol in this session"
                                                            : NULL;
    }
    for (uint32_t i = 0; i < h->name_cnt; i++) {
        if (h->names[i].scope == scope && strcmp(h->names[i].text, who) == 0) {
            *id = h->names[i].id;
            return NULL;
        }
    }
    return number(who, scope == OCT_SCOPE_ACCOUNT ? OCT_RISK_ACCOUNT_MAX : OCT_RISK_STRATEGY_MAX,
                  id)
               ? NULL
               : "no such account or strategy";
}

/* A value in the limit's unit; times may have a unit of their own. */
static bool amount(const char *text, uint8_t unit, __int128 *out)
{
    static const struct {
        const char *suffix;
        int64_t ns;
    } times[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    size_t n = strlen(text);
    int64_t v;
    if (unit == OCT_RISK_UNIT_MONEY) {
        /* Eight fraction digits are as many as 64 bits hold beside whole units. */
        bool ok = oct_decimal_parse(text, n, 8, &v) == 0;
        *out = ok ? (__int128)v * OCT_PX_ONE : 0;
        return ok;
    }
    for (size_t i = 0; unit == OCT_RISK_UNIT_NS && i < OCT_ARRAY_CNT(times); i++) {
        size_t sn = strlen(times[i].suffix);
        if (n > sn && strcmp(text + n - sn, times[i].suffix) == 0 &&
            oct_decimal_parse(text, n - sn, 0, &v) == 0) {
            *out = (__int128)v * times[i].ns;
            return true;
        }
    }
    unsigned decimals = unit == OCT_RISK_UNIT_QTY ? 8 : unit == OCT_RISK_UNIT_PX ? 9 : 0;
    bool ok = oct_decimal_parse(text, n, decimals, &v) == 0;
    *out = ok ? v : 0;
    return ok;
}

const char *oct_host_limit_row(void *host, const char *scope, const char *who, const char *name,
                               const char *value, struct oct_in_cmd *row)
{
    const struct oct_host *h = host;
    const struct oct_risk_limit_def *d = oct_risk_limit_by_name(name);
    int sc = oct_enum_value("SCOPE", scope);
    uint32_t id;
    __int128 v;
    if (sc < 0)
        return "scope is firm, account, strategy or instrument";
    if (d == NULL)
        return "no such limit";
    const char *wrong = member(h, (uint8_t)sc, who, &id);
    if (wrong != NULL)
        return wrong;
    if (!amount(value, d->unit, &v))
        return "the value is not a number of the limit's unit";
    /* Tried on a copy: what the lane would refuse is refused here, before anything goes out. */
    struct oct_risk_limits *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return "out of memory";
    *copy = h->stage.active;
    enum oct_cmd_result_kind kind = oct_risk_limits_set(copy, (enum oct_scope)sc, id, d->key, v);
    free(copy);
    if (kind != OCT_CMD_RESULT_DONE)
        return kind == OCT_CMD_RESULT_NOT_FOUND   ? "this limit does not exist for this scope"
               : kind == OCT_CMD_RESULT_BAD_VALUE ? "the value is out of range"
                                                  : "too many instruments have limits of their own";
    row->scope = (uint8_t)sc;
    row->account = sc == OCT_SCOPE_ACCOUNT ? (uint16_t)id : 0;
    row->strategy = sc == OCT_SCOPE_STRATEGY ? (uint16_t)id : 0;
    row->inst = sc == OCT_SCOPE_INSTRUMENT ? id : 0;
    row->key = d->key;
    row->value = (int64_t)v;
    row->value_hi = (uint64_t)((unsigned __int128)v >> 64);
    return NULL;
}
