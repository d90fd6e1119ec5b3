#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "dataplane/port/nic.h"
#include "drivers/feed/itch50.h"

#define BUF_SZ (OCT_ITCH50_SZ_MAX + OCT_NIC_PAD)

static const struct {
    char type;
    uint32_t sz;
} specified[] = {{'S', 12}, {'R', 39}, {'H', 25}, {'Y', 20}, {'L', 26}, {'V', 35},
                 {'W', 12}, {'K', 28}, {'J', 35}, {'h', 21}, {'A', 36}, {'F', 40},
                 {'E', 31}, {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}, {'P', 44},
                 {'Q', 40}, {'B', 19}, {'I', 50}, {'N', 20}, {'O', 48}};

/* A message of a type with every field at random. */
static void random_msg(struct oct_rng *rng, const struct oct_itch50_desc *d,
                       struct oct_itch50_msg *m)
{
    memset(m, 0, sizeof(*m));
    for (uint32_t i = 0; i < d->field_cnt; i++) {
        uint64_t bits = 8u * d->fields[i].wire_sz;
        oct_itch50_field_set(m, &d->fields[i], oct_rng_u64(rng) >> (64 - bits));
    }
    m->hdr.type = d->type;
}

Test(itch50, every_type_of_the_specification_has_its_length)
{
    cr_assert_eq(OCT_ARRAY_CNT(specified), OCT_ITCH50_TYPE_CNT);
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(specified); i++) {
        const struct oct_itch50_desc *d = oct_itch50_desc(specified[i].type);
        cr_assert_eq(oct_itch50_sz(specified[i].type), specified[i].sz, "%c", specified[i].type);
        cr_assert(d != NULL && d->sz == specified[i].sz);
    }
    cr_assert_eq(oct_itch50_sz('Z'), 0);
    cr_assert_null(oct_itch50_desc('Z'));
    cr_assert_null(oct_itch50_desc_at(OCT_ITCH50_TYPE_CNT));
}

Test(itch50, every_wire_byte_belongs_to_exactly_one_field)
{
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at(t);
        uint32_t used[64] = {0};
        for (uint32_t i = 0; i < d->field_cnt; i++) {
            for (uint32_t j = 0; j < d->fields[i].wire_sz; j++)
                used[d->fields[i].wire_off + j]++;
        }
        for (uint32_t i = 0; i < 64; i++)
            cr_assert_eq(used[i], i < d->sz ? 1 : 0, "%s byte %u", d->name, i);
    }
}

Test(itch50, every_type_round_trips_with_any_field_values)
{
    struct oct_rng rng;
    oct_rng_init(&rng, 50);
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at(t);
        for (uint32_t n = 0; n < 200; n++) {
            struct oct_itch50_msg in;
            struct oct_itch50_msg out;
            uint8_t wire[BUF_SZ];
            random_msg(&rng, d, &in);
            memset(wire, (int)n, sizeof(wire));
            cr_assert_eq(oct_itch50_encode(&in, wire), d->sz);
            for (uint32_t i = d->sz; i < sizeof(wire); i++)
                cr_assert_eq(wire[i], (uint8_t)n, "%s wrote behind its end", d->name);
            cr_assert_eq(oct_itch50_decode(wire, d->sz, &out), OCT_FEED_OK);
            cr_assert_arr_eq(out.bytes, in.bytes, 64, "%s", d->name);
        }
    }
}

Test(itch50, bytes_behind_a_message_do_not_matter)
{
    struct oct_rng rng;
    oct_rng_init(&rng, 51);
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at(t);
        struct oct_itch50_msg in;
        struct oct_itch50_msg a;
        struct oct_itch50_msg b;
        uint8_t wire[BUF_SZ] = {0};
        random_msg(&rng, d, &in);
        oct_itch50_encode(&in, wire);
        cr_assert_eq(oct_itch50_decode(wire, d->sz, &a), OCT_FEED_OK);
        memset(wire + d->sz, 0xff, sizeof(wire) - d->sz);
        cr_assert_eq(oct_itch50_decode(wire, d->sz, &b), OCT_FEED_OK);
        cr_assert_arr_eq(a.bytes, b.bytes, 64, "%s", d->name);
    }
}

Test(itch50, wrong_length_is_refused_for_every_type)
{
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at(t);
        uint8_t wire[256 + OCT_NIC_PAD] = {(uint8_t)d->type};
        struct oct_itch50_msg out;
        struct oct_itch50_msg before;
        memset(&out, 0x5a, sizeof(out));
        before = out;
        cr_assert_eq(oct_itch50_decode(wire, 0, &out), OCT_FEED_E_SHORT);
        for (uint32_t sz = 1; sz < 256; sz++) {
            if (sz != d->sz)
                cr_assert_eq(oct_itch50_decode(wire, sz, &out), OCT_FEED_E_SZ, "%s %u", d->name,
                             sz);
        }
        cr_assert_arr_eq(out.bytes, before.bytes, 64, "untouched");
    }
}

Test(itch50, unknown_type_is_refused_whatever_its_length)
{
    for (uint32_t type = 0; type < 256; type++) {
        uint8_t wire[BUF_SZ] = {(uint8_t)type};
        struct oct_itch50_msg out;
        if (oct_itch50_sz((char)type) != 0)
            continue;
        for (uint32_t sz = 1; sz <= OCT_ITCH50_SZ_MAX; sz++)
            cr_assert_eq(oct_itch50_decode(wire, sz, &out), OCT_FEED_E_TYPE);
        cr_assert_eq(oct_itch50_decode(wire, UINT32_MAX, &out), OCT_FEED_E_TYPE);
    }
}

Test(itch50, encoder_refuses_unknown_types_and_stamps_beyond_48_bits)
{
    struct oct_itch50_msg m = {.hdr = {.type = 'Z'}};
    uint8_t wire[BUF_SZ];
    cr_assert_eq(oct_itch50_encode(&m, wire), 0);
    m.hdr.type = 'D';
    m.hdr.ts_ns = UINT64_C(1) << 48;
    cr_assert_eq(oct_itch50_encode(&m, wire), 0);
    m.hdr.ts_ns--;
    cr_assert_eq(oct_itch50_encode(&m, wire), 19);
}

Test(itch50, add_order_of_a_real_day_decodes)
{
    /* From a capture of 2023: AMZU, 300 at 24.2700, reference 0x17aba5. */
    static const uint8_t wire[36 + OCT_NIC_PAD] = {
        0x41, 0x02, 0x0c, 0x00, 0x00, 0x1f, 0x1a, 0xce, 0xd0, 0x21, 0x27, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x17, 0xab, 0xa5, 0x42, 0x00, 0x00, 0x01, 0x2c,
        0x41, 0x4d, 0x5a, 0x55, 0x20, 0x20, 0x20, 0x20, 0x00, 0x03, 0xb4, 0x0c};
    struct oct_itch50_msg m;
    cr_assert_eq(oct_itch50_decode(wire, 36, &m), OCT_FEED_OK);
    cr_assert_eq(m.hdr.type, 'A');
    cr_assert_eq(m.hdr.locate, 0x20c);
    cr_assert_eq(m.hdr.tracking, 0);
    cr_assert_eq(m.hdr.ts_ns, UINT64_C(0x1f1aced02127));
    cr_assert_eq(m.add.ref, 0x17aba5);
    cr_assert_eq(m.add.side, 'B');
    cr_assert_eq(m.add.shares, 300);
    cr_assert_arr_eq(m.add.stock, "AMZU    ", 8);
    cr_assert_eq(m.add.px, 242700);
}

Test(itch50, description_and_struct_agree_about_values)
{
    struct oct_itch50_msg m = {.hdr = {.type = 'F', .locate = 258, .ts_ns = 0x010203040506}};
    memcpy(m.add_mpid.mpid, "NSDQ", 4);
    m.add_mpid.px = 0x01020304;
    const struct oct_itch50_desc *d = oct_itch50_desc('F');
    for (uint32_t i = 0; i < d->field_cnt; i++) {
        uint64_t v = oct_itch50_field_get(&m, &d->fields[i]);
        if (strcmp(d->fields[i].name, "locate") == 0)
            cr_assert_eq(v, 258);
        if (strcmp(d->fields[i].name, "ts_ns") == 0)
            cr_assert_eq(v, 0x010203040506);
        if (strcmp(d->fields[i].name, "mpid") == 0)
            cr_assert_eq(v, 0x4e534451);
        if (strcmp(d->fields[i].name, "px") == 0)
            cr_assert_eq(v, 0x01020304);
    }
}
