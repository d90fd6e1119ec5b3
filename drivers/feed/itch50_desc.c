/* Descriptions of the fields, for printers and tests. */
#include "drivers/feed/itch50.h"

#include <string.h>

#define SZ_u16 2
#define SZ_u32 4
#define SZ_u48 6
#define SZ_u64 8
#define SZ_p4  4
#define SZ_p8  8
#define SZ_chr 1
#define SZ_a2  2
#define SZ_a4  4
#define SZ_a8  8

#define FIELD_F(X, kind_, name_, off_, doc_) \
    {.name = #name_,                         \
     .doc = (doc_),                          \
     .kind = OCT_ITCH50_K_##kind_,           \
     .wire_off = (off_),                     \
     .wire_sz = SZ_##kind_,                  \
     .off = offsetof(struct oct_itch50_##X, name_)},
#define FIELD_Z(X, cnt, name)
#define FIELDS_OF(NAME, name, type, sz, w1, w2, w3, FIELDS)                                        \
    static const struct oct_itch50_field fields_##name[] = {OCT_ITCH50_HDR(FIELD_F, FIELD_Z, name) \
                                                                FIELDS(FIELD_F, FIELD_Z, name)};
OCT_ITCH50_TABLE(FIELDS_OF)

static const struct oct_itch50_desc descs[OCT_ITCH50_TYPE_CNT] = {
#define DESC(NAME, name_, type_, sz_, w1, w2, w3, FIELDS) \
    {.name = #name_,                                      \
     .fields = fields_##name_,                            \
     .field_cnt = OCT_ARRAY_CNT(fields_##name_),          \
     .sz = (sz_),                                         \
     .type = (type_)},
    OCT_ITCH50_TABLE(DESC)
#undef DESC
};

const struct oct_itch50_desc *oct_itch50_desc_at(uint32_t idx)
{
    return idx < OCT_ITCH50_TYPE_CNT ? &descs[idx] : NULL;
}

const struct oct_itch50_desc *oct_itch50_desc(char type)
{
    for (uint32_t i = 0; i < OCT_ITCH50_TYPE_CNT; i++) {
        if (descs[i].type == type)
            return &descs[i];
    }
    return NULL;
}

static uint32_t host_sz(const struct oct_itch50_field *f)
{
    return f->kind == OCT_ITCH50_K_u48 ? 8 : f->wire_sz;
}

static bool is_text(const struct oct_itch50_field *f)
{
    return f->kind >= OCT_ITCH50_K_chr;
}

uint64_t oct_itch50_field_get(const struct oct_itch50_msg *m, const struct oct_itch50_field *f)
{
    const uint8_t *p = m->bytes + f->off;
    uint64_t v = 0;
    for (uint32_t i = 0, n = host_sz(f); i < n; i++)
        v = v << 8 | p[is_text(f) ? i : n - 1 - i];
    return v;
}

void oct_itch50_field_set(struct oct_itch50_msg *m, const struct oct_itch50_field *f, uint64_t v)
{
    uint8_t *p = m->bytes + f->off;
    for (uint32_t i = 0, n = host_sz(f); i < n; i++)
        p[is_text(f) ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
}
