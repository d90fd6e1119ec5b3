#include "dataplane/msg/desc.h"

#include <errno.h>
#include <string.h>

/* ---- records ---- */

#define CLASS_J 'J'
#define CLASS_P 'P'
#define CLASS_L 'L'

/* A field row; rec is the record's struct, by a typedef local to its case. */
#define A_ROW(t, n, fname, funit, fdoc) \
    {.name = #fname,                    \
     .unit = funit,                     \
     .doc = fdoc,                       \
     .off = offsetof(rec, fname),       \
     .sz = sizeof(oct_t_##t),           \
     .cnt = (n),                        \
     .type = OCT_FIELD_##t},
#define F_ROW(t, fname, funit, fdoc) A_ROW(t, 1, fname, funit, fdoc)

#define DESC_CASE(NAME, mname, num, mclass, FIELDS)                                \
    case num: {                                                                    \
        typedef struct oct_##mname rec;                                            \
        static const struct oct_field_desc rows[] = {FIELDS(F_ROW, A_ROW)};        \
        static const struct oct_msg_desc desc = {.name = #mname,                   \
                                                 .fields = rows,                   \
                                                 .field_cnt = OCT_ARRAY_CNT(rows), \
                                                 .type = (num),                    \
                                                 .sz = sizeof(rec),                \
                                                 .class = CLASS_##mclass};         \
        return &desc;                                                              \
    }

const struct oct_msg_desc *oct_msg_desc(uint16_t type)
{
    switch (type) {
        OCT_MSG_TABLE(DESC_CASE)
    default:
        return NULL;
    }
}

const struct oct_msg_desc *oct_msg_desc_at(unsigned idx)
{
#define DESC_NUM(NAME, name, num, class, FIELDS) (num),
    static const uint16_t types[] = {OCT_MSG_TABLE(DESC_NUM)};

    return idx < OCT_ARRAY_CNT(types) ? oct_msg_desc(types[idx]) : NULL;
}

const struct oct_msg_desc *oct_msg_desc_by_name(const char *name)
{
    const struct oct_msg_desc *d = NULL;

    for (unsigned i = 0; (d = oct_msg_desc_at(i)) != NULL; i++)
        if (strcmp(d->name, name) == 0)
            return d;
    return NULL;
}

/* ---- enums ---- */

struct enum_row {
    uint64_t value;
    const char *text;
};

struct enum_desc {
    const char *name;
    const struct enum_row *rows;
    size_t row_cnt;
};

#define E_ROW(v, n, t) {(v), t},
#define ENUM_DESC(NAME)                                        \
    {#NAME, (const struct enum_row[]){OCT_ENUM_##NAME(E_ROW)}, \
     sizeof((const struct enum_row[]){OCT_ENUM_##NAME(E_ROW)}) / sizeof(struct enum_row)},

static const struct enum_desc enums[] = {OCT_ENUM_TABLE(ENUM_DESC)};

static const struct enum_desc *find_enum(const char *name)
{
    for (size_t i = 0; i < OCT_ARRAY_CNT(enums); i++)
        if (strcmp(enums[i].name, name) == 0)
            return &enums[i];
    return NULL;
}

const char *oct_enum_text(const char *enum_name, uint64_t value)
{
    const struct enum_desc *e = find_enum(enum_name);

    for (size_t i = 0; e != NULL && i < e->row_cnt; i++)
        if (e->rows[i].value == value)
            return e->rows[i].text;
    return NULL;
}

int oct_enum_value(const char *enum_name, const char *text)
{
    const struct enum_desc *e = find_enum(enum_name);

    for (size_t i = 0; e != NULL && i < e->row_cnt; i++)
        if (strcmp(e->rows[i].text, text) == 0)
            return (int)e->rows[i].value;
    return -ENOENT;
}

/* ---- docs/records.md ---- */

static const char *field_type_text(uint8_t type)
{
    static const char *const text[] = {
        [OCT_FIELD_u8] = "u8",   [OCT_FIELD_u16] = "u16",     [OCT_FIELD_u32] = "u32",
        [OCT_FIELD_u64] = "u64", [OCT_FIELD_i32] = "i32",     [OCT_FIELD_i64] = "i64",
        [OCT_FIELD_f64] = "f64", [OCT_FIELD_px] = "px",       [OCT_FIELD_qty] = "qty",
        [OCT_FIELD_sym] = "sym", [OCT_FIELD_money] = "money", [OCT_FIELD_chr] = "chr",
    };
    return text[type];
}

static void write_unit(FILE *f, const char *unit)
{
    if (strncmp(unit, "enum:", 5) == 0)
        fprintf(f, "[%s](#enum-%s)", unit + 5, unit + 5);
    else
        fputs(unit, f);
}

static void write_record(FILE *f, const struct oct_msg_desc *d)
{
    static const char *const what[] = {['J'] = "journaled", ['P'] = "published", ['L'] = "local"};

    fprintf(f, "\n### %s\n\n", d->name);
    fprintf(f, "Number %u, %s, %u bytes%s.\n\n", d->type, what[(int)d->class], d->sz,
            d->type == OCT_IN_PACKET || d->type == OCT_IN_VENUE ? " and the data that follows"
                                                                : "");
    fputs("| offset | type | field | unit | meaning |\n| --- | --- | --- | --- | --- |\n", f);
    for (unsigned i = 0; i < d->field_cnt; i++) {
        const struct oct_field_desc *r = &d->fields[i];
        fprintf(f, "| %u | %s", r->off, field_type_text(r->type));
        if (r->cnt > 1)
            fprintf(f, "[%u]", r->cnt);
        fprintf(f, " | %s | ", r->name);
        write_unit(f, r->unit);
        fprintf(f, " | %s |\n", r->doc);
    }
}

void oct_msg_write_docs(FILE *f)
{
    const struct oct_msg_desc *d = NULL;

    fputs("# Records\n\n"
          "Made from `dataplane/msg/table.h` by `tools/gen/records.c`; do not edit.\n\n"
          "Every record starts with the same 16 bytes: `type` (u16, the number below), `sz` (u16,\n"
          "bytes with header and data, a multiple of 8), `lane` (u16), `flags` (u16, zero) and\n"
          "`input` (u64, number of the input that is or caused the record). Integers are\n"
          "little-endian. `px` counts 1e-9, `qty` 1e-8, `money` 1e-17 in 128 bits; `sym` is eight\n"
          "characters, padded with spaces.\n\n"
          "Journaled records are written to disk and replayed, published ones travel in the ring\n"
          "only, because replay recomputes them, local ones never leave the lane.\n\n"
          "## Records by number\n",
          f);
    for (unsigned i = 0; (d = oct_msg_desc_at(i)) != NULL; i++)
        write_record(f, d);
    fputs("\n## Enums\n", f);
    for (size_t i = 0; i < OCT_ARRAY_CNT(enums); i++) {
        fprintf(f, "\n### <a id=\"enum-%s\"></a>%s\n\n| value | text |\n| --- | --- |\n",
                enums[i].name, enums[i].name);
        for (size_t k = 0; k < enums[i].row_cnt; k++)
            fprintf(f, "| %llu | %s |\n", (unsigned long long)enums[i].rows[k].value,
                    enums[i].rows[k].text);
    }
}
