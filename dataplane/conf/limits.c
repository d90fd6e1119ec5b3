#include <errno.h>
#include <string.h>

#include "dataplane/conf/schema_priv.h"

static const char *const scope_names[] = {"firm", "account", "strategy", "instrument", NULL};

/* A row as written: whose limits, and which. */
struct row {
    uint8_t scope;
    uint32_t id;
    char symbol[9];
    bool has_scope;
    bool has_id;
    bool has_symbol;
    const struct oct_doc_node *set;
};

static const struct oct_conf_field row_fields[] = {
    {.name = "scope",
     .kind = OCT_KIND_ENUM,
     .off = offsetof(struct row, scope),
     .arg = scope_names},
    {.name = "id", .kind = OCT_KIND_ID, .off = offsetof(struct row, id), .max = 31, .def = "0"},
    {.name = "symbol", .kind = OCT_KIND_SYMBOL, .off = offsetof(struct row, symbol), .def = ""},
    {.name = "set", .kind = OCT_KIND_GROUP, .def = NULL},
    {0},
};

/* Decimal text at any number of decimals up to 17, into 128 bits. */
static int parse_wide(const char *s, size_t len, unsigned decimals, __int128 *out)
{
    const char *dot = memchr(s, '.', len);
    size_t whole_len = dot != NULL ? (size_t)(dot - s) : len;
    int64_t whole = 0, frac = 0;

    int rc = oct_decimal_parse(s, whole_len, 0, &whole);
    if (rc != 0)
        return rc;
    if (dot != NULL) {
        size_t frac_len = len - whole_len - 1;
        if (frac_len == 0 || dot[1] == '-' || dot[1] == '+')
            return -EINVAL;
        rc = oct_decimal_parse(dot + 1, frac_len, 0, &frac);
        if (rc != 0)
            return rc;
        if (frac_len > decimals)
            return -ERANGE;
        for (size_t i = frac_len; i < decimals; i++)
            frac *= 10;
    }
    __int128 v = whole;
    for (unsigned i = 0; i < decimals; i++)
        v *= 10;
    *out = s[0] == '-' ? v - frac : v + frac;
    return 0;
}

static const struct oct_conf_limit_def *find_def(const struct oct_conf_tables *t, const char *name)
{
    for (uint32_t i = 0; i < t->limit_cnt; i++)
        if (strcmp(t->limit[i].name, name) == 0)
            return &t->limit[i];
    return NULL;
}

static void unknown_limit(struct oct_conf_reader *r, const struct oct_doc_node *n)
{
    const char *names[65] = {0};

    for (uint32_t i = 0; i < r->tables->limit_cnt && i < 64; i++)
        names[i] = r->tables->limit[i].name;
    const char *near = oct_conf_nearest(n->key, names, sizeof *names);
    oct_conf_err(r->e, &n->key_at, r->path, "unknown limit%s%s%s",
                 near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                 near != NULL ? "?" : "");
}

static bool read_limit(struct oct_conf_reader *r, const struct row *row, struct oct_conf_limit *l,
                       const struct oct_doc_node *n)
{
    const struct oct_conf_limit_def *def = NULL;
    unsigned decimals = 17;
    __int128 v = 0;

    if (r->tables != NULL) {
        def = find_def(r->tables, n->key);
        if (def == NULL) {
            unknown_limit(r, n);
            return false;
        }
        if ((def->scopes & (1u << row->scope)) == 0) {
            oct_conf_err(r->e, &n->key_at, r->path, "the scope %s has no such limit",
                         scope_names[row->scope]);
            return false;
        }
        decimals = def->decimals;
    }
    if (n->kind != OCT_DOC_SCALAR || n->len >= sizeof l->text || strlen(n->key) >= sizeof l->name) {
        oct_conf_node_err(r, n, "a number is expected here");
        return false;
    }
    int rc = parse_wide(n->text, n->len, decimals, &v);
    if (rc == -EINVAL) {
        oct_conf_node_err(r, n, "'%s' is not a decimal number", n->text);
        return false;
    }
    if (rc != 0 || v < 0) {
        oct_conf_node_err(r, n, "%s is out of range: not negative, at most %u decimals", n->text,
                          decimals);
        return false;
    }
    *l = (struct oct_conf_limit){.at = n->key_at, .scope = row->scope, .id = row->id};
    memcpy(l->symbol, row->symbol, sizeof l->symbol);
    memcpy(l->name, n->key, strlen(n->key));
    memcpy(l->text, n->text, n->len);
    if (def != NULL)
        l->value = oct_money_pack((oct_money){v});
    return true;
}

/* Whose limits: an id for accounts and strategies, a symbol for instruments, neither for the firm. */
static bool check_row(struct oct_conf_reader *r, const struct row *row,
                      const struct oct_doc_node *n)
{
    bool by_id = row->scope == OCT_CONF_ACCOUNT || row->scope == OCT_CONF_STRATEGY;
    bool by_symbol = row->scope == OCT_CONF_INSTRUMENT;

    if (!row->has_scope)
        oct_conf_node_err(r, n, "scope is missing");
    else if (row->set == NULL || row->set->kind != OCT_DOC_MAP)
        oct_conf_node_err(r, row->set != NULL ? row->set : n, "set: name: value pairs are missing");
    else if (row->has_id != by_id)
        oct_conf_node_err(r, n, by_id ? "id is missing" : "this scope takes no id");
    else if (row->has_symbol != by_symbol)
        oct_conf_node_err(r, n, by_symbol ? "symbol is missing" : "this scope takes no symbol");
    else
        return true;
    return false;
}

static void read_row(struct oct_conf_reader *r, struct oct_conf_limit *rows, uint32_t *cnt,
                     const struct oct_doc_node *n)
{
    struct row row = {0};
    uint32_t errs = r->e->cnt;
    const struct oct_conf_field *f = NULL;

    if (n->kind != OCT_DOC_MAP) {
        oct_conf_node_err(r, n, "a limit is {scope, id or symbol, set}");
        return;
    }
    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next) {
        for (f = row_fields; f->name != NULL && strcmp(f->name, k->key) != 0; f++)
            ;
        size_t len = oct_conf_path_push(r, ".%s", k->key);
        if (f->name == NULL) {
            const char *near = oct_conf_nearest(k->key, &row_fields->name, sizeof *row_fields);
            oct_conf_err(r->e, &k->key_at, r->path, "unknown key%s%s%s",
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                         near != NULL ? "?" : "");
        } else if (f->kind == OCT_KIND_GROUP) {
            row.set = k;
        } else {
            oct_conf_scalar(r, f, &row, k);
            row.has_scope |= f->kind == OCT_KIND_ENUM;
            row.has_id |= f->kind == OCT_KIND_ID;
            row.has_symbol |= f->kind == OCT_KIND_SYMBOL && k->len > 0;
        }
        oct_conf_path_pop(r, len);
    }
    if (r->e->cnt != errs || !check_row(r, &row, n))
        return;
    for (const struct oct_doc_node *k = row.set->kid; k != NULL; k = k->next) {
        size_t len = oct_conf_path_push(r, ".set.%s", k->key);
        if (*cnt == OCT_CONF_LIMIT_MAX)
            oct_conf_node_err(r, k, "more than %u limits", OCT_CONF_LIMIT_MAX);
        else if (read_limit(r, &row, &rows[*cnt], k))
            ++*cnt;
        oct_conf_path_pop(r, len);
    }
}

void oct_conf_apply_limits(struct oct_conf_reader *r, struct oct_conf_limit *rows, uint32_t *cnt,
                           const struct oct_doc_node *n)
{
    uint32_t idx = 0;

    *cnt = 0;
    if (n->kind == OCT_DOC_SCALAR && n->len == 0)
        return;
    if (n->kind != OCT_DOC_SEQ) {
        oct_conf_node_err(r, n, "a list of limits is expected here");
        return;
    }
    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next) {
        size_t len = oct_conf_path_push(r, "[%u]", idx++);
        read_row(r, rows, cnt, k);
        oct_conf_path_pop(r, len);
    }
}
