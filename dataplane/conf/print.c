#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/conf/schema_priv.h"

struct printer {
    FILE *f;
    int indent;
};

static void put_quoted(FILE *f, const char *s)
{
    char buf[OCT_CONF_PATH_SZ * 6 + 4];
    struct oct_text t;

    oct_text_init(&t, buf, sizeof buf);
    oct_text_json(&t, s, strlen(s));
    fputs(buf, f);
}

static void put_decimal(FILE *f, int64_t v)
{
    char buf[OCT_DECIMAL_SZ];

    oct_decimal_format(buf, v, 9, 0);
    fputs(buf, f);
}

static void put_symbols(FILE *f, const struct oct_conf_symbols *s)
{
    if (s->all) {
        fputs("\"*\"", f);
        return;
    }
    fputc('[', f);
    for (uint32_t i = 0; i < s->cnt; i++) {
        if (i > 0)
            fputs(", ", f);
        put_quoted(f, s->name[i]);
    }
    fputc(']', f);
}

static void put_params(FILE *f, const struct oct_conf_param *p, uint32_t cnt)
{
    fputc('{', f);
    for (uint32_t i = 0; i < cnt; i++) {
        if (i > 0)
            fputs(", ", f);
        put_quoted(f, p[i].name);
        fprintf(f, ": %s", p[i].text);
    }
    fputc('}', f);
}

static void put_number(FILE *f, enum oct_conf_kind kind, const uint8_t *p)
{
    uint32_t u32 = 0;
    int64_t i64 = 0;
    uint16_t u16 = 0;

    memcpy(&u32, p, kind == OCT_KIND_U16 ? 0 : sizeof u32);
    if (kind == OCT_KIND_U16) {
        memcpy(&u16, p, sizeof u16);
        fprintf(f, "%u", u16);
    } else if (kind == OCT_KIND_U64 || kind == OCT_KIND_I64) {
        memcpy(&i64, p, sizeof i64);
        fprintf(f, "%lld", (long long)i64);
    } else if (kind == OCT_KIND_I32) {
        fprintf(f, "%d", (int32_t)u32);
    } else if (kind == OCT_KIND_ID && u32 == OCT_CONF_ALL) {
        fputs("\"*\"", f);
    } else {
        fprintf(f, "%u", u32);
    }
}

static void put_scalar(FILE *f, const struct oct_conf_field *field, const uint8_t *p)
{
    char addr[INET_ADDRSTRLEN] = "";
    uint32_t u32 = 0;
    int64_t i64 = 0;

    switch (field->kind) {
    case OCT_KIND_STR:
    case OCT_KIND_NAME:
    case OCT_KIND_PATH:
    case OCT_KIND_DIR:
    case OCT_KIND_SECRET:
    case OCT_KIND_SYMBOL:
        put_quoted(f, (const char *)p);
        break;
    case OCT_KIND_CHAR:
        put_quoted(f, *p == ' ' ? "" : (char[2]){(char)*p, '\0'});
        break;
    case OCT_KIND_BOOL:
        fputs(*(const bool *)p ? "true" : "false", f);
        break;
    case OCT_KIND_ENUM:
        fputs(((const char *const *)field->arg)[*p], f);
        break;
    case OCT_KIND_DEC9:
        memcpy(&i64, p, sizeof i64);
        put_decimal(f, i64);
        break;
    case OCT_KIND_IPV4:
        memcpy(&u32, p, sizeof u32);
        if (u32 != 0)
            inet_ntop(AF_INET, &u32, addr, sizeof addr);
        put_quoted(f, addr);
        break;
    default: /* a date prints as its number */
        put_number(f, field->kind, p);
        break;
    }
}

static void put_limits(struct printer *pr, const struct oct_conf_limit *l, uint32_t cnt)
{
    static const char *const scopes[] = {"firm", "account", "strategy", "instrument"};

    fputs(cnt > 0 ? "\n" : " []\n", pr->f);
    for (uint32_t i = 0; i < cnt; i++) {
        fprintf(pr->f, "%*s- {scope: %s, ", pr->indent + 2, "", scopes[l[i].scope]);
        if (l[i].scope == OCT_CONF_INSTRUMENT) {
            fputs("symbol: ", pr->f);
            put_quoted(pr->f, l[i].symbol);
            fputs(", ", pr->f);
        } else if (l[i].scope != OCT_CONF_FIRM) {
            if (l[i].id == OCT_CONF_ALL)
                fputs("id: \"*\", ", pr->f);
            else
                fprintf(pr->f, "id: %u, ", l[i].id);
        }
        fprintf(pr->f, "set: {%s: %s}}\n", l[i].name, l[i].text);
    }
}

static void put_strs(FILE *f, const char *p, size_t sz, uint32_t cnt)
{
    fputc('[', f);
    for (uint32_t i = 0; i < cnt; i++, p += sz) {
        if (i > 0)
            fputs(", ", f);
        put_quoted(f, p);
    }
    fputs("]\n", f);
}

static void put_fields(struct printer *pr, const struct oct_conf_field *fields, const uint8_t *base,
                       bool in_list);

static void put_list(struct printer *pr, const struct oct_conf_field *f, const uint8_t *base)
{
    const struct oct_conf_list *l = f->arg;
    uint32_t cnt = 0;

    memcpy(&cnt, base + f->cnt_off, sizeof cnt);
    fputs(cnt > 0 ? "\n" : " []\n", pr->f);
    pr->indent += 4;
    for (uint32_t i = 0; i < cnt; i++)
        put_fields(pr, l->fields, base + f->off + (size_t)i * l->elem_sz, true);
    pr->indent -= 4;
}

static void put_value(struct printer *pr, const struct oct_conf_field *f, const uint8_t *base)
{
    const uint8_t *p = base + f->off;
    uint32_t cnt = 0;

    memcpy(&cnt, base + f->cnt_off, sizeof cnt);
    switch (f->kind) {
    case OCT_KIND_GROUP:
        fputc('\n', pr->f);
        pr->indent += 2;
        put_fields(pr, f->arg, p, false);
        pr->indent -= 2;
        break;
    case OCT_KIND_LIST:
        put_list(pr, f, base);
        break;
    case OCT_KIND_LIMITS:
        put_limits(pr, (const struct oct_conf_limit *)(const void *)p, cnt);
        break;
    case OCT_KIND_SYMBOLS:
        fputc(' ', pr->f);
        put_symbols(pr->f, (const struct oct_conf_symbols *)(const void *)p);
        fputc('\n', pr->f);
        break;
    case OCT_KIND_PARAMS:
        fputc(' ', pr->f);
        put_params(pr->f, (const struct oct_conf_param *)(const void *)p, cnt);
        fputc('\n', pr->f);
        break;
    case OCT_KIND_STRS:
        fputc(' ', pr->f);
        put_strs(pr->f, (const char *)p, f->sz, cnt);
        break;
    default:
        fputc(' ', pr->f);
        put_scalar(pr->f, f, p);
        fputc('\n', pr->f);
        break;
    }
}

static void put_fields(struct printer *pr, const struct oct_conf_field *fields, const uint8_t *base,
                       bool in_list)
{
    for (const struct oct_conf_field *f = fields; f->name != NULL; f++) {
        if (strcmp(f->name, "limits_file") == 0)
            continue; /* its rows are among the limits */
        bool first = in_list && f == fields;
        fprintf(pr->f, "%*s%s%s:", pr->indent - (first ? 2 : 0), "", first ? "- " : "", f->name);
        put_value(pr, f, base);
    }
}

void oct_conf_print(const struct oct_conf *conf, FILE *f)
{
    struct printer pr = {.f = f};

    put_fields(&pr, oct_conf_fields, (const uint8_t *)conf, false);
}

uint64_t oct_conf_digest(const struct oct_conf *conf)
{
    char *text = NULL;
    size_t sz = 0;
    FILE *f = open_memstream(&text, &sz);

    if (f == NULL)
        return 0;
    oct_conf_print(conf, f);
    fclose(f);
    uint64_t h = text != NULL ? oct_digest64(0, text, sz) : 0;
    free(text);
    return h;
}
