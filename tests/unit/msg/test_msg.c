#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/msg/desc.h"

Test(msg, every_fixed_record_is_valid_at_its_own_size_only)
{
    uint64_t buf[OCT_MSG_SZ_MAX / 8 + 2] = {0};
    struct oct_msg_hdr *m = (struct oct_msg_hdr *)buf;
    const struct oct_msg_desc *d = NULL;

    for (unsigned i = 0; (d = oct_msg_desc_at(i)) != NULL; i++) {
        m->type = d->type;
        for (uint16_t sz = 0; sz <= OCT_MSG_SZ_MAX + 16; sz++) {
            m->sz = sz;
            cr_assert_eq(oct_msg_valid(m, sizeof buf), sz == d->sz, "%s at %u", d->name, sz);
        }
        m->sz = d->sz;
        cr_assert_not(oct_msg_valid(m, d->sz - 1u));
        cr_assert_not(oct_msg_valid(m, 15));
        cr_assert_not(oct_msg_valid(m, 0));
    }
    m->sz = 16;
    for (unsigned type = 0; type < 70000; type++)
        if (oct_msg_desc((uint16_t)type) == NULL) {
            m->type = (uint16_t)type;
            cr_assert_not(oct_msg_valid(m, sizeof buf), "type %u", type);
        }
}

Test(msg, data_of_packets_and_venue_events_must_lie_within)
{
    uint64_t buf[OCT_MSG_SZ_MAX / 8] = {0};
    struct oct_in_packet *p = (struct oct_in_packet *)buf;

    *p = (struct oct_in_packet){OCT_MSG_HDR(IN_PACKET, in_packet), .frag_sz = 13, .pkt_sz = 20,
                                .frag_off = 7};
    p->hdr.sz += 16;
    cr_assert(oct_msg_valid(&p->hdr, sizeof buf));
    p->frag_sz = 8;
    cr_assert_not(oct_msg_valid(&p->hdr, sizeof buf), "eight bytes too many");
    p->frag_sz = 17;
    cr_assert_not(oct_msg_valid(&p->hdr, sizeof buf));
    p->frag_sz = 65535;
    p->pkt_sz = 65535;
    cr_assert_not(oct_msg_valid(&p->hdr, sizeof buf));
    p->frag_sz = 13;
    p->pkt_sz = 19;
    cr_assert_not(oct_msg_valid(&p->hdr, sizeof buf), "outside its packet");
    p->pkt_sz = 12;
    p->frag_off = 0;
    cr_assert_not(oct_msg_valid(&p->hdr, sizeof buf));

    struct oct_in_venue *v = (struct oct_in_venue *)buf;
    *v = (struct oct_in_venue){OCT_MSG_HDR(IN_VENUE, in_venue), .data_sz = 3};
    cr_assert_not(oct_msg_valid(&v->hdr, sizeof buf));
    v->hdr.sz += 8;
    cr_assert(oct_msg_valid(&v->hdr, sizeof buf));
    v->data_sz = OCT_IN_VENUE_DATA;
    v->hdr.sz = OCT_MSG_SZ_MAX;
    cr_assert(oct_msg_valid(&v->hdr, sizeof buf));
    v->data_sz++;
    cr_assert_not(oct_msg_valid(&v->hdr, sizeof buf));
}

Test(msg, classes_follow_the_numbers_and_the_table)
{
    const struct oct_msg_desc *d = NULL;

    for (unsigned i = 0; (d = oct_msg_desc_at(i)) != NULL; i++) {
        cr_assert_eq(oct_msg_class(d->type), d->class, "%s", d->name);
        cr_assert_eq(oct_msg_is_input(d->type), strncmp(d->name, "in_", 3) == 0, "%s", d->name);
        cr_assert_eq(oct_msg_desc_by_name(d->name), d);
        uint32_t off = sizeof(struct oct_msg_hdr);
        for (unsigned k = 0; k < d->field_cnt; k++) {
            cr_assert_eq(d->fields[k].off, off, "%s.%s", d->name, d->fields[k].name);
            off += (uint32_t)d->fields[k].sz * d->fields[k].cnt;
            if (strncmp(d->fields[k].unit, "enum:", 5) == 0)
                cr_assert(oct_enum_text(d->fields[k].unit + 5, 1) != NULL, "%s.%s", d->name,
                          d->fields[k].unit);
        }
        cr_assert_eq(off, d->sz);
    }
    cr_assert_null(oct_msg_desc(0));
    cr_assert_null(oct_msg_desc(65535));
    cr_assert_null(oct_msg_desc_by_name("nothing"));
    cr_assert_eq(oct_msg_layout_hash(), oct_msg_layout_hash());
    cr_assert_neq(oct_msg_layout_hash(), 0u);
}

Test(msg, enums_are_found_by_value_and_by_text)
{
    cr_assert_str_eq(oct_enum_text("SIDE", OCT_SELL), "sell");
    cr_assert_str_eq(oct_enum_text("RISK", OCT_RISK_STRATEGY), "strategy_unknown");
    cr_assert_null(oct_enum_text("SIDE", 2));
    cr_assert_null(oct_enum_text("NOTHING", 0));
    cr_assert_eq(oct_enum_value("LADDER", "killed"), OCT_LADDER_KILLED);
    cr_assert_eq(oct_enum_value("LADDER", "asleep"), -ENOENT);
    cr_assert_eq(oct_enum_value("NOTHING", "buy"), -ENOENT);
}

static json_t *to_json(const struct oct_msg_hdr *m)
{
    static char buf[8192];
    size_t n = oct_msg_json(m, buf, sizeof buf);

    cr_assert_lt(n, sizeof buf);
    cr_assert_eq(n, strlen(buf));
    cr_assert_eq(oct_msg_json(m, NULL, 0), n, "measuring gives the same length");
    json_t *v = json_loads(buf, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(v, "%s", buf);
    return v;
}

static const char *str(json_t *v, const char *key)
{
    const char *s = json_string_value(json_object_get(v, key));
    return s != NULL ? s : "(no string)";
}

Test(json, values_are_exact_and_named)
{
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill), .order_id = UINT64_MAX,       .inst = 13,
                         .px = {287750000000},    .qty = {10000000000},         .side = OCT_SELL,
                         .liquidity = 'R',        .now_ns = 1577682000000000001};
    f.hdr.lane = 2;
    f.hdr.input = 9007199254740993; /* 2^53 + 1 */
    json_t *v = to_json(&f.hdr);
    cr_assert_str_eq(str(v, "type"), "fill");
    cr_assert_eq(json_integer_value(json_object_get(v, "lane")), 2);
    cr_assert_str_eq(str(v, "input"), "9007199254740993");
    cr_assert_str_eq(str(v, "order_id"), "18446744073709551615");
    cr_assert_eq(json_integer_value(json_object_get(v, "inst")), 13);
    cr_assert_str_eq(str(v, "px"), "287.7500");
    cr_assert_str_eq(str(v, "qty"), "100");
    cr_assert_str_eq(str(v, "side"), "sell");
    cr_assert_str_eq(str(v, "liquidity"), "R");
    cr_assert_str_eq(str(v, "now_ns"), "1577682000000000001");
    cr_assert_null(json_object_get(v, "pad"));
    json_decref(v);

    struct oct_order o = {OCT_MSG_HDR(ORDER, order), .symbol = {"A\"PL    "}, .side = 77};
    v = to_json(&o.hdr);
    cr_assert_str_eq(str(v, "symbol"), "A\"PL");
    cr_assert_eq(json_integer_value(json_object_get(v, "side")), 77, "an enum without a name");
    json_decref(v);
}

Test(json, doubles_read_back_and_infinities_are_null)
{
    struct oct_intent m = {OCT_MSG_HDR(INTENT, intent), .score = 0.1, .confidence = (double)NAN,
                           .weight = {1.0 / 3.0, 1e300, -0.0, (double)INFINITY, 5e-324, 2}};
    json_t *v = to_json(&m.hdr);
    cr_assert(json_real_value(json_object_get(v, "score")) == 0.1);
    cr_assert(json_is_null(json_object_get(v, "confidence")));
    json_t *w = json_object_get(v, "weight");
    cr_assert_eq(json_array_size(w), 6u);
    cr_assert(json_number_value(json_array_get(w, 0)) == 1.0 / 3.0);
    cr_assert(json_number_value(json_array_get(w, 1)) == 1e300);
    cr_assert(json_is_null(json_array_get(w, 3)));
    cr_assert(json_number_value(json_array_get(w, 5)) == 2.0);
    json_decref(v);
}

Test(json, money_and_data_are_written_out)
{
    struct oct_position p = {OCT_MSG_HDR(POSITION, position),
                             .pnl = oct_money_pack(oct_money_from_units(-1234567890123)),
                             .pos = {-5 * OCT_QTY_ONE}};
    json_t *v = to_json(&p.hdr);
    cr_assert_str_eq(str(v, "pnl"), "-1234567890123.00");
    cr_assert_str_eq(str(v, "pos"), "-5");
    json_decref(v);

    uint64_t buf[OCT_MSG_SZ_MAX / 8] = {0};
    struct oct_in_venue *in = (struct oct_in_venue *)buf;
    *in = (struct oct_in_venue){OCT_MSG_HDR(IN_VENUE, in_venue), .data_sz = 3, .event = 1};
    in->hdr.sz += 8;
    memcpy((uint8_t *)(in + 1), "\x00\xab\xff", 3);
    v = to_json(&in->hdr);
    cr_assert_str_eq(str(v, "data"), "00abff");
    cr_assert_str_eq(str(v, "event"), "data");
    json_decref(v);
}

Test(json, records_that_are_not_valid_are_called_so)
{
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill)};

    f.hdr.sz = 24;
    json_t *v = to_json(&f.hdr);
    cr_assert_str_eq(str(v, "type"), "invalid");
    json_decref(v);
    f.hdr.type = 63;
    v = to_json(&f.hdr);
    cr_assert_eq(json_integer_value(json_object_get(v, "number")), 63);
    json_decref(v);
}

Test(json, random_contents_always_parse)
{
    const struct oct_msg_desc *d = NULL;
    struct oct_rng r;
    union {
        struct oct_msg_hdr hdr;
        uint8_t b[OCT_MSG_SZ_MAX];
        uint64_t align;
    } m;

    oct_rng_init(&r, 6);
    for (int round = 0; round < 100; round++)
        for (unsigned i = 0; (d = oct_msg_desc_at(i)) != NULL; i++) {
            for (size_t k = 0; k < sizeof m.b; k++)
                m.b[k] = (uint8_t)oct_rng_u64(&r);
            m.hdr.type = d->type;
            m.hdr.sz = round % 10 == 0 ? (uint16_t)(oct_rng_u64(&r) & 0x1ff) : d->sz;
            json_decref(to_json(&m.hdr));
        }
}

Test(docs, every_record_field_and_enum_is_described)
{
    char *text = NULL;
    size_t sz = 0;
    FILE *f = open_memstream(&text, &sz);
    const struct oct_msg_desc *d = NULL;

    oct_msg_write_docs(f);
    fclose(f);
    for (unsigned i = 0; (d = oct_msg_desc_at(i)) != NULL; i++) {
        char want[64];
        snprintf(want, sizeof want, "\n### %s\n", d->name);
        cr_assert_not_null(strstr(text, want), "%s", d->name);
    }
    cr_assert_not_null(strstr(text, "| 28 | duplicate |"));
    cr_assert_not_null(strstr(text, "[RISK](#enum-RISK)"));
    free(text);
}
