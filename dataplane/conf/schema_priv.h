/* schema_priv.h - the schema as tables: for every key its place in struct oct_conf, kind, range and
 * default.  Reading, defaults, printing and key suggestions all walk the same tables. */
#ifndef OCT_CONF_SCHEMA_PRIV_H
#define OCT_CONF_SCHEMA_PRIV_H

#include "dataplane/conf/doc_priv.h"

enum oct_conf_kind {
    OCT_KIND_GROUP,  /* mapping, arg: fields, in the same struct at off */
    OCT_KIND_LIST,   /* arg: struct oct_conf_list */
    OCT_KIND_STR,    /* char[sz]; min: least characters */
    OCT_KIND_NAME,   /* char[sz], letters, digits, _ and - */
    OCT_KIND_PATH,   /* char[sz], made relative to the working directory */
    OCT_KIND_DIR,    /* char[sz], as written */
    OCT_KIND_SECRET, /* char[sz], a reference */
    OCT_KIND_CHAR,   /* one character */
    OCT_KIND_BOOL,
    OCT_KIND_U16,
    OCT_KIND_U32,
    OCT_KIND_U64, /* up to 2^63 - 1 */
    OCT_KIND_I32,
    OCT_KIND_I64,
    OCT_KIND_POW2,    /* u32, power of two */
    OCT_KIND_ID,      /* u32 or "*" */
    OCT_KIND_ENUM,    /* u8, arg: names, NULL-ended */
    OCT_KIND_DEC9,    /* int64 counting 1e-9; min and max too */
    OCT_KIND_DATE,    /* u32 yyyymmdd, 0 for none */
    OCT_KIND_IPV4,    /* u32, network order */
    OCT_KIND_SYMBOL,  /* char[9] */
    OCT_KIND_SYMBOLS, /* struct oct_conf_symbols */
    OCT_KIND_PARAMS,  /* struct oct_conf_param[], count at arg's place: cnt_off */
    OCT_KIND_STRS,    /* char[max][sz], count at cnt_off */
    OCT_KIND_LIMITS,  /* rows of limits in struct oct_conf_risk */
};

struct oct_conf_field {
    const char *name; /* NULL ends a table */
    enum oct_conf_kind kind;
    uint32_t off;
    uint32_t sz;
    int64_t min;
    int64_t max;
    const char *def; /* as in a file; NULL: must be said */
    const void *arg;
    uint32_t cnt_off; /* lists: where the count is, from the same base as off */
};

struct oct_conf_list {
    const struct oct_conf_field *fields;
    uint32_t elem_sz;
    uint32_t cnt_max;
    uint32_t at_off;   /* struct oct_conf_at of an element; UINT32_MAX: none */
    uint32_t name_off; /* char[] by which an element may be called; UINT32_MAX: none */
};

/* Fields of struct oct_conf. */
extern const struct oct_conf_field oct_conf_fields[];
/* Instruments of reference data. */
extern const struct oct_conf_list oct_conf_insts;

/* Where a value was last said. */
struct oct_conf_said {
    const void *dst;
    struct oct_conf_at at;
};

struct oct_conf_reader {
    struct oct_conf_errs *e;
    const struct oct_conf_tables *tables;
    char path[256]; /* of the key being read */
    size_t path_len;
    struct oct_conf_said *said;
    size_t said_cnt;
    size_t said_max;
    bool remember;     /* keep the place of every value, for oct_conf_check */
    bool from_setting; /* paths are relative to the working directory */
};

/* Sets every field of a table to its default. */
void oct_conf_defaults(const struct oct_conf_field *fields, void *base);
/* Applies a mapping to base; whole: fields without a default must be there. */
void oct_conf_apply(struct oct_conf_reader *r, const struct oct_conf_field *fields, void *base,
                    const struct oct_doc_node *map, bool whole);
/* Applies one value. */
void oct_conf_apply_value(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                          const struct oct_doc_node *n);
/* A list given as a sequence, or as a mapping that changes elements. */
void oct_conf_apply_list(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                         const struct oct_doc_node *n);
void oct_conf_apply_limits(struct oct_conf_reader *r, struct oct_conf_limit *rows, uint32_t *cnt,
                           const struct oct_doc_node *n);
/* Error about a node, with the current path as its key. */
void oct_conf_node_err(struct oct_conf_reader *r, const struct oct_doc_node *n, const char *fmt,
                       ...) OCT_PRINTF(3, 4);
/* Reads a scalar kind; false after an error. */
bool oct_conf_scalar(struct oct_conf_reader *r, const struct oct_conf_field *f, void *base,
                     const struct oct_doc_node *n);
bool oct_conf_symbol_ok(const char *s, size_t len);
/* The name in a NULL-ended list nearest to s, NULL when none is near. */
const char *oct_conf_nearest(const char *s, const char *const *names, size_t stride);

size_t oct_conf_path_push(struct oct_conf_reader *r, const char *fmt, ...) OCT_PRINTF(2, 3);
void oct_conf_path_pop(struct oct_conf_reader *r, size_t len);

/* Checks between fields, after everything is read; gives parameters their values. */
void oct_conf_check(struct oct_conf_reader *r, struct oct_conf *c);

#endif
