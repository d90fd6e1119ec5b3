#include <stdarg.h>
#include <string.h>

#include "dataplane/conf/schema_priv.h"

size_t oct_conf_path_push(struct oct_conf_reader *r, const char *fmt, ...)
{
    size_t before = r->path_len, room = sizeof r->path - r->path_len;
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(r->path + r->path_len, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        r->path_len += (size_t)n < room ? (size_t)n : room - 1;
    return before;
}

void oct_conf_path_pop(struct oct_conf_reader *r, size_t len)
{
    r->path_len = len;
    r->path[len] = '\0';
}

void oct_conf_node_err(struct oct_conf_reader *r, const struct oct_doc_node *n, const char *fmt,
                       ...)
{
    char reason[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    oct_conf_err(r->e, &n->at, r->path, "%s", reason);
}

/* ---- suggestions ---- */

/* Edits (insert, delete, replace) between two short words, in one row. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[40];
    size_t la = strlen(a), lb = strlen(b);

    if (la >= OCT_ARRAY_CNT(row) || lb >= OCT_ARRAY_CNT(row))
        return UINT32_MAX;
    for (unsigned k = 0; k <= lb; k++)
        row[k] = k;
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= lb; k++) {
            unsigned above = row[k], cost = diagonal + (a[i - 1] != b[k - 1]);
            if (above + 1 < cost)
                cost = above + 1;
            if (row[k - 1] + 1 < cost)
                cost = row[k - 1] + 1;
            diagonal = above;
            row[k] = cost;
        }
    }
    return row[lb];
}

const char *oct_conf_nearest(const char *s, const char *const *names, size_t stride)
{
    const char *best = NULL;
    unsigned least = (unsigned)strlen(s) / 3 + 1;

    if (least > 3)
        least = 3;
    for (const char *const *p = names; *p != NULL;
         p = (const char *const *)(const void *)((const uint8_t *)p + stride)) {
        unsigned d = distance(s, *p);
        /* The rest of a longer word: "window" for "reorder_window". */
        if (strlen(s) >= 4 && strstr(*p, s) != NULL && d > 1)
            d = 1;
        if (d <= least && (best == NULL || d < least)) {
            least = d;
            best = *p;
        }
    }
    return best;
}

/* ---- mappings ---- */

static const struct oct_conf_field *find_field(const struct oct_conf_field *fields,
                                               const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static bool is_empty(const struct oct_doc_node *n)
{
    return n->kind == OCT_DOC_SCALAR && !n->quoted && n->len == 0;
}

void oct_conf_apply(struct oct_conf_reader *r, const struct oct_conf_field *fields, void *base,
                    const struct oct_doc_node *map, bool whole)
{
    const char *dot = r->path_len > 0 ? "." : "";

    if (map->kind != OCT_DOC_MAP && !is_empty(map)) {
        oct_conf_node_err(r, map, "key: value pairs are expected here");
        return;
    }
    for (const struct oct_doc_node *n = map->kid; n != NULL; n = n->next) {
        size_t len = oct_conf_path_push(r, "%s%s", dot, n->key);
        const struct oct_conf_field *f = find_field(fields, n->key);
        if (f != NULL) {
            oct_conf_apply_value(r, f, base, n);
        } else {
            const char *near = oct_conf_nearest(n->key, &fields->name, sizeof *fields);
            oct_conf_err(r->e, &n->key_at, r->path, "unknown key%s%s%s",
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                         near != NULL ? "?" : "");
        }
        oct_conf_path_pop(r, len);
    }
    for (const struct oct_conf_field *f = fields; whole && f->name != NULL; f++) {
        const struct oct_doc_node *n = map->kid;
        while (n != NULL && strcmp(n->key, f->name) != 0)
            n = n->next;
        if (f->def == NULL && n == NULL) {
            size_t len = oct_conf_path_push(r, "%s%s", dot, f->name);
            oct_conf_node_err(r, map, "missing");
            oct_conf_path_pop(r, len);
        }
    }
}

void oct_conf_defaults(const struct oct_conf_field *fields, void *base)
{
    char buf[512];
    struct oct_conf_errs e;
    struct oct_conf_reader r = {.e = &e, .from_setting = true};

    oct_conf_errs_init(&e, buf, sizeof buf);
    for (const struct oct_conf_field *f = fields; f->name != NULL; f++) {
        if (f->kind == OCT_KIND_GROUP) {
            oct_conf_defaults(f->arg, (uint8_t *)base + f->off);
        } else if (f->kind == OCT_KIND_SYMBOLS && f->def != NULL) {
            ((struct oct_conf_symbols *)(void *)((uint8_t *)base + f->off))->all =
                strcmp(f->def, "*") == 0;
        } else if (f->def != NULL && f->def[0] != '[' && f->def[0] != '{') {
            char text[OCT_CONF_PATH_SZ];
            size_t len = strlen(f->def);
            memcpy(text, f->def, len + 1);
            struct oct_doc_node n = {
                .at.file = "default", .quoted = true, .text = text, .len = len};
            oct_conf_scalar(&r, f, base, &n);
        }
    }
    OCT_ASSERT(e.rc == 0); /* the tables are our own */
}

/* ---- lists ---- */

static uint32_t *count_of(const struct oct_conf_field *f, void *base)
{
    return (uint32_t *)(void *)((uint8_t *)base + f->cnt_off);
}

static void apply_elem(struct oct_conf_reader *r, const struct oct_conf_list *l, uint8_t *elem,
                       const struct oct_doc_node *n, bool whole)
{
    if (whole) {
        memset(elem, 0, l->elem_sz);
        oct_conf_defaults(l->fields, elem);
    }
    if (l->at_off != UINT32_MAX && whole)
        *(struct oct_conf_at *)(void *)(elem + l->at_off) = n->at;
    oct_conf_apply(r, l->fields, elem, n, whole);
}

/* The element that a key of a mapping names: by index or, where elements have names, by name. */
static uint8_t *find_elem(const struct oct_conf_list *l, uint8_t *elems, uint32_t cnt,
                          const char *key)
{
    int64_t idx = -1;

    if (oct_decimal_parse(key, strlen(key), 0, &idx) == 0)
        return idx >= 0 && idx < cnt ? elems + (size_t)idx * l->elem_sz : NULL;
    for (uint32_t i = 0; l->name_off != UINT32_MAX && i < cnt; i++) {
        uint8_t *elem = elems + (size_t)i * l->elem_sz;
        if (strcmp((const char *)elem + l->name_off, key) == 0)
            return elem;
    }
    return NULL;
}

void oct_conf_apply_list(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                         const struct oct_doc_node *n)
{
    const struct oct_conf_list *l = f->arg;
    uint8_t *elems = (uint8_t *)base + f->off;
    uint32_t *cnt = count_of(f, base);

    if (n->kind == OCT_DOC_SCALAR) {
        if (is_empty(n))
            *cnt = 0;
        else
            oct_conf_node_err(r, n, "a list is expected here");
        return;
    }
    if (n->kind == OCT_DOC_SEQ)
        *cnt = 0;
    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next) {
        if (n->kind == OCT_DOC_SEQ) {
            if (*cnt == l->cnt_max) {
                oct_conf_node_err(r, k, "more than %u elements", l->cnt_max);
                return;
            }
            size_t len = oct_conf_path_push(r, "[%u]", *cnt);
            apply_elem(r, l, elems + (size_t)*cnt * l->elem_sz, k, true);
            oct_conf_path_pop(r, len);
            ++*cnt;
            continue;
        }
        size_t len = oct_conf_path_push(r, ".%s", k->key);
        uint8_t *elem = find_elem(l, elems, *cnt, k->key);
        if (elem != NULL)
            apply_elem(r, l, elem, k, false);
        else
            oct_conf_err(r->e, &k->key_at, r->path, "no such element; there are %u so far", *cnt);
        oct_conf_path_pop(r, len);
    }
}

static void add_symbol(struct oct_conf_reader *r, struct oct_conf_symbols *s,
                       const struct oct_doc_node *n)
{
    if (n->kind != OCT_DOC_SCALAR || !oct_conf_symbol_ok(n->text, n->len)) {
        oct_conf_node_err(r, n, "not a symbol: 1 to 8 printable characters");
        return;
    }
    for (uint32_t i = 0; i < s->cnt; i++)
        if (strcmp(s->name[i], n->text) == 0)
            return;
    if (s->cnt == OCT_CONF_SYMBOL_MAX) {
        oct_conf_node_err(r, n, "more than %u symbols", OCT_CONF_SYMBOL_MAX);
        return;
    }
    memcpy(s->name[s->cnt++], n->text, n->len + 1);
}

static void apply_symbols(struct oct_conf_reader *r, struct oct_conf_symbols *s,
                          const struct oct_doc_node *n)
{
    memset(s, 0, sizeof *s);
    if (n->kind == OCT_DOC_MAP) {
        oct_conf_node_err(r, n, "a list of symbols is expected here");
    } else if (n->kind == OCT_DOC_SCALAR) {
        if (strcmp(n->text, "*") == 0)
            s->all = true;
        else if (n->len > 0)
            add_symbol(r, s, n);
    } else {
        for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next)
            add_symbol(r, s, k);
    }
}

static void apply_params(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                         const struct oct_doc_node *n)
{
    struct oct_conf_param *p = (struct oct_conf_param *)(void *)((uint8_t *)base + f->off);
    uint32_t *cnt = count_of(f, base);

    if (n->kind != OCT_DOC_MAP) {
        if (!is_empty(n))
            oct_conf_node_err(r, n, "name: number pairs are expected here");
        return;
    }
    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next) {
        uint32_t i = 0;
        size_t len = oct_conf_path_push(r, ".%s", k->key);
        while (i < *cnt && strcmp(p[i].name, k->key) != 0)
            i++;
        if (strlen(k->key) == 0 || strlen(k->key) >= sizeof p->name)
            oct_conf_node_err(r, k, "a name has 1 to %zu characters", sizeof p->name - 1);
        else if (i == OCT_CONF_PARAM_MAX)
            oct_conf_node_err(r, k, "more than %u parameters", OCT_CONF_PARAM_MAX);
        else if (k->kind != OCT_DOC_SCALAR || k->len == 0 || k->len >= sizeof p->text)
            oct_conf_node_err(r, k, "a number is expected here");
        else {
            p[i] = (struct oct_conf_param){.at = k->key_at};
            memcpy(p[i].name, k->key, strlen(k->key));
            memcpy(p[i].text, k->text, k->len);
            *cnt += i == *cnt;
        }
        oct_conf_path_pop(r, len);
    }
}

static void apply_strs(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                       const struct oct_doc_node *n)
{
    uint32_t *cnt = count_of(f, base);

    if (n->kind != OCT_DOC_SEQ && !is_empty(n)) {
        oct_conf_node_err(r, n, "a list is expected here");
        return;
    }
    *cnt = 0;
    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next) {
        struct oct_conf_field one = {.kind = OCT_KIND_STR, .sz = f->sz, .min = 1};
        if (*cnt == f->max) {
            oct_conf_node_err(r, k, "more than %lld elements", (long long)f->max);
            return;
        }
        if (oct_conf_scalar(r, &one, (uint8_t *)base + f->off + (size_t)*cnt * f->sz, k))
            ++*cnt;
    }
}

void oct_conf_apply_value(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                          const struct oct_doc_node *n)
{
    uint8_t *dst = (uint8_t *)base + f->off;

    switch (f->kind) {
    case OCT_KIND_GROUP:
        oct_conf_apply(r, f->arg, dst, n, false);
        break;
    case OCT_KIND_LIST:
        oct_conf_apply_list(r, f, base, n);
        break;
    case OCT_KIND_SYMBOLS:
        apply_symbols(r, (struct oct_conf_symbols *)(void *)dst, n);
        break;
    case OCT_KIND_PARAMS:
        apply_params(r, f, base, n);
        break;
    case OCT_KIND_STRS:
        apply_strs(r, f, base, n);
        break;
    case OCT_KIND_LIMITS:
        oct_conf_apply_limits(r, (struct oct_conf_limit *)(void *)dst, count_of(f, base), n);
        break;
    default:
        oct_conf_scalar(r, f, base, n);
        break;
    }
}
