#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "dataplane/conf/schema_priv.h"

static void remember(struct oct_conf_reader *r, const void *dst, const struct oct_conf_at *at)
{
    if (!r->remember)
        return;
    for (size_t i = 0; i < r->said_cnt; i++)
        if (r->said[i].dst == dst) {
            r->said[i].at = *at;
            return;
        }
    if (r->said_cnt == r->said_max) {
        size_t max = r->said_max > 0 ? 2 * r->said_max : 256;
        struct oct_conf_said *grown = realloc(r->said, max * sizeof *grown);
        if (grown == NULL)
            return; /* an error message will lack its line */
        r->said = grown;
        r->said_max = max;
    }
    r->said[r->said_cnt++] = (struct oct_conf_said){dst, *at};
}

static bool is_null(const struct oct_doc_node *n)
{
    return !n->quoted && (n->len == 0 || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

static bool read_count(struct oct_conf_reader *r, const struct oct_conf_field *f,
                       const struct oct_doc_node *n, int64_t *v)
{
    if (is_null(n)) {
        oct_conf_node_err(r, n, "a value is missing");
        return false;
    }
    int rc = oct_decimal_parse(n->text, n->len, 0, v);
    if (rc == -EINVAL || memchr(n->text, '.', n->len) != NULL) {
        oct_conf_node_err(r, n, "'%s' is not a whole number", n->text);
        return false;
    }
    if (rc != 0 || *v < f->min || *v > f->max) {
        oct_conf_node_err(r, n, "%s is out of range: from %lld to %lld", n->text, (long long)f->min,
                          (long long)f->max);
        return false;
    }
    if (f->kind == OCT_KIND_POW2 && !oct_is_pow2((uint64_t)*v)) {
        oct_conf_node_err(r, n, "%s is not a power of two", n->text);
        return false;
    }
    return true;
}

static bool read_decimal(struct oct_conf_reader *r, const struct oct_conf_field *f,
                         const struct oct_doc_node *n, int64_t *v)
{
    char lo[OCT_DECIMAL_SZ], hi[OCT_DECIMAL_SZ];

    int rc = oct_decimal_parse(n->text, n->len, 9, v);
    if (rc == -EINVAL) {
        oct_conf_node_err(r, n, "'%s' is not a decimal number", n->text);
        return false;
    }
    if (rc != 0 || *v < f->min || *v > f->max) {
        oct_decimal_format(lo, f->min, 9, 0);
        oct_decimal_format(hi, f->max, 9, 0);
        oct_conf_node_err(r, n, "%s is out of range: from %s to %s, at most 9 decimals", n->text,
                          lo, hi);
        return false;
    }
    return true;
}

static bool put_text(struct oct_conf_reader *r, const struct oct_conf_field *f, char *dst,
                     const struct oct_doc_node *n, const char *s, size_t len)
{
    if (len >= f->sz) {
        oct_conf_node_err(r, n, "longer than %u characters", f->sz - 1);
        return false;
    }
    memset(dst, 0, f->sz);
    memcpy(dst, s, len);
    return true;
}

static bool read_text(struct oct_conf_reader *r, const struct oct_conf_field *f, char *dst,
                      const struct oct_doc_node *n)
{
    size_t len = is_null(n) ? 0 : n->len;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)n->text[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (c < 0x20 || c == 0x7f || (f->kind == OCT_KIND_NAME && !word)) {
            oct_conf_node_err(r, n,
                              f->kind == OCT_KIND_NAME ? "letters, digits, _ and - only"
                                                       : "control characters are not allowed");
            return false;
        }
    }
    if ((int64_t)len < f->min) {
        oct_conf_node_err(r, n, len == 0 ? "must not be blank" : "shorter than %lld characters",
                          (long long)f->min);
        return false;
    }
    return put_text(r, f, dst, n, n->text, len);
}

/* Takes out "a/..", so that the same file has one name however it was reached. */
static void tidy_path(char *path)
{
    char *up = NULL;

    while ((up = strstr(path, "/../")) != NULL) {
        char *from = up;
        while (from > path && from[-1] != '/')
            from--;
        if (from == up || (up - from == 2 && from[0] == '.' && from[1] == '.') ||
            (up - from == 1 && from[0] == '.'))
            return; /* what is in front is not a plain name */
        memmove(from, up + 4, strlen(up + 4) + 1);
    }
}

/* Paths are relative to the file that names them. */
static bool read_path(struct oct_conf_reader *r, const struct oct_conf_field *f, char *dst,
                      const struct oct_doc_node *n, const char *prefix, const char *path)
{
    char full[4 * OCT_CONF_PATH_SZ];
    const char *slash = strrchr(n->at.file, '/');
    size_t head = strlen(prefix);
    int dir_len = 0;

    if (path[0] != '/' && path[0] != '\0' && !r->from_setting && slash != NULL)
        dir_len = (int)(slash + 1 - n->at.file);
    int len = snprintf(full, sizeof full, "%s%.*s%s", prefix, dir_len, n->at.file, path);
    if (len < 0 || (size_t)len >= sizeof full) {
        oct_conf_node_err(r, n, "longer than %u characters", f->sz - 1);
        return false;
    }
    tidy_path(full + head);
    return put_text(r, f, dst, n, full, strlen(full));
}

static bool read_secret(struct oct_conf_reader *r, const struct oct_conf_field *f, char *dst,
                        const struct oct_doc_node *n)
{
    if (is_null(n) || n->len == 0)
        return put_text(r, f, dst, n, "", 0);
    if (strncmp(n->text, "file:", 5) == 0 && n->len > 5)
        return read_path(r, f, dst, n, "file:", n->text + 5);
    if (strncmp(n->text, "env:", 4) == 0 && n->len > 4)
        return put_text(r, f, dst, n, n->text, n->len);
    /* The value itself is not repeated: it may be the secret. */
    oct_conf_node_err(r, n, "secrets are not kept here: say env:NAME or file:PATH");
    return false;
}

static bool read_enum(struct oct_conf_reader *r, const struct oct_conf_field *f, uint8_t *dst,
                      const struct oct_doc_node *n)
{
    const char *const *names = f->arg;
    char list[256] = "";

    for (uint8_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], n->text) == 0) {
            *dst = i;
            return true;
        }
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    oct_conf_node_err(r, n, "'%s' is not one of: %s", n->text, list);
    return false;
}

static bool read_date(struct oct_conf_reader *r, uint32_t *dst, const struct oct_doc_node *n)
{
    char digits[16];
    size_t k = 0;
    int64_t v = 0, ns = 0;

    if (is_null(n) || n->len == 0 || strcmp(n->text, "0") == 0) {
        *dst = 0;
        return true;
    }
    for (size_t i = 0; i < n->len && k < sizeof digits; i++)
        if (n->text[i] != '-' || (n->len != 10 || (i != 4 && i != 7)))
            digits[k++] = n->text[i];
    if (k != 8 || oct_decimal_parse(digits, k, 0, &v) != 0 || v < 0 ||
        oct_ny_midnight_ns((uint32_t)v, &ns) != 0) {
        oct_conf_node_err(r, n, "'%s' is not a date: yyyymmdd or yyyy-mm-dd, 2007 to 2199",
                          n->text);
        return false;
    }
    *dst = (uint32_t)v;
    return true;
}

static bool read_ipv4(struct oct_conf_reader *r, uint32_t *dst, const struct oct_doc_node *n)
{
    struct in_addr in = {0};

    if (!is_null(n) && n->len > 0 && inet_pton(AF_INET, n->text, &in) != 1) {
        oct_conf_node_err(r, n, "'%s' is not an IPv4 address", n->text);
        return false;
    }
    *dst = in.s_addr;
    return true;
}

bool oct_conf_symbol_ok(const char *s, size_t len)
{
    if (len < 1 || len > 8)
        return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] > '~' || strchr("\"'\\,*", s[i]) != NULL)
            return false;
    return true;
}

static bool read_symbol(struct oct_conf_reader *r, char *dst, const struct oct_doc_node *n)
{
    bool all = strcmp(n->text, "*") == 0;

    if (n->len > 0 && !all && !oct_conf_symbol_ok(n->text, n->len)) {
        oct_conf_node_err(r, n, "'%s' is not a symbol: 1 to 8 printable characters", n->text);
        return false;
    }
    memset(dst, 0, 9);
    memcpy(dst, n->text, n->len);
    return true;
}

static bool read_bool(struct oct_conf_reader *r, bool *dst, const struct oct_doc_node *n)
{
    bool yes = strcmp(n->text, "true") == 0;

    if (!yes && strcmp(n->text, "false") != 0) {
        oct_conf_node_err(r, n, "'%s' is not true or false", n->text);
        return false;
    }
    *dst = yes;
    return true;
}

/* Whole numbers of every width. */
static bool read_number(struct oct_conf_reader *r, const struct oct_conf_field *f, uint8_t *dst,
                        const struct oct_doc_node *n)
{
    int64_t v = 0;

    if (f->kind == OCT_KIND_ID && strcmp(n->text, "*") == 0)
        v = OCT_CONF_ALL;
    else if (!read_count(r, f, n, &v))
        return false;
    if (f->kind == OCT_KIND_U16)
        *(uint16_t *)(void *)dst = (uint16_t)v;
    else if (f->kind == OCT_KIND_U64 || f->kind == OCT_KIND_I64)
        *(int64_t *)(void *)dst = v;
    else if (f->kind == OCT_KIND_I32)
        *(int32_t *)(void *)dst = (int32_t)v;
    else
        *(uint32_t *)(void *)dst = (uint32_t)v;
    return true;
}

static bool read_char(struct oct_conf_reader *r, char *dst, const struct oct_doc_node *n)
{
    if (n->len > 1 || (n->len == 1 && (n->text[0] < ' ' || n->text[0] > '~'))) {
        oct_conf_node_err(r, n, "one character, or blank");
        return false;
    }
    *dst = n->len == 1 ? n->text[0] : ' ';
    return true;
}

bool oct_conf_scalar(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                     const struct oct_doc_node *n)
{
    uint8_t *dst = (uint8_t *)base + f->off;

    if (n->kind != OCT_DOC_SCALAR) {
        oct_conf_node_err(r, n, "a single value is expected here");
        return false;
    }
    remember(r, dst, &n->at);
    switch (f->kind) {
    case OCT_KIND_STR:
    case OCT_KIND_NAME:
    case OCT_KIND_DIR:
        return read_text(r, f, (char *)dst, n);
    case OCT_KIND_PATH:
        return read_path(r, f, (char *)dst, n, "", is_null(n) ? "" : n->text);
    case OCT_KIND_SECRET:
        return read_secret(r, f, (char *)dst, n);
    case OCT_KIND_CHAR:
        return read_char(r, (char *)dst, n);
    case OCT_KIND_BOOL:
        return read_bool(r, (bool *)dst, n);
    case OCT_KIND_ENUM:
        return read_enum(r, f, dst, n);
    case OCT_KIND_DEC9:
        return read_decimal(r, f, n, (int64_t *)(void *)dst);
    case OCT_KIND_DATE:
        return read_date(r, (uint32_t *)(void *)dst, n);
    case OCT_KIND_IPV4:
        return read_ipv4(r, (uint32_t *)(void *)dst, n);
    case OCT_KIND_SYMBOL:
        return read_symbol(r, (char *)dst, n);
    default:
        return read_number(r, f, dst, n);
    }
}
