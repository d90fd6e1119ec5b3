/* desc.h - the record table at run time: what JSON, docs and printers walk over. */
#ifndef OCT_MSG_DESC_H
#define OCT_MSG_DESC_H

#include <stdio.h>

#include "dataplane/msg/msg.h"

enum oct_field_type {
    OCT_FIELD_u8,
    OCT_FIELD_u16,
    OCT_FIELD_u32,
    OCT_FIELD_u64,
    OCT_FIELD_i32,
    OCT_FIELD_i64,
    OCT_FIELD_f64,
    OCT_FIELD_px,
    OCT_FIELD_qty,
    OCT_FIELD_money,
    OCT_FIELD_sym,
    OCT_FIELD_chr,
};

struct oct_field_desc {
    const char *name;
    const char *unit; /* as in table.h */
    const char *doc;
    uint16_t off; /* bytes from the start of the record */
    uint16_t sz;  /* bytes of one element */
    uint16_t cnt; /* 1, or the array length */
    uint8_t type; /* enum oct_field_type */
};

struct oct_msg_desc {
    const char *name;
    const struct oct_field_desc *fields;
    uint16_t field_cnt;
    uint16_t type;
    uint16_t sz;
    char class; /* J, P or L */
};

/* NULL for an unknown type. */
const struct oct_msg_desc *oct_msg_desc(uint16_t type);
const struct oct_msg_desc *oct_msg_desc_by_name(const char *name);
/* Walks the table; NULL past the end. */
const struct oct_msg_desc *oct_msg_desc_at(unsigned idx);

/* Text of an enum value ("enum:NAME" unit without the prefix), NULL when it has none. */
const char *oct_enum_text(const char *enum_name, uint64_t value);
/* The value of a text, or -ENOENT. */
int oct_enum_value(const char *enum_name, const char *text);

/* One record as a JSON object without newline: "type", "lane", "input", then the fields but
 * padding; enums by name, prices and quantities as decimal strings, 64-bit integers and ns stamps
 * as decimal strings, data[] as hexadecimal.  A record that is not valid becomes type "invalid"
 * with its number and size.  Returns the length it needs; writes at most sz bytes, with a final
 * NUL (as snprintf). */
size_t oct_msg_json(const struct oct_msg_hdr *m, char *buf, size_t sz);

/* docs/records.md. */
void oct_msg_write_docs(FILE *f);

#endif
