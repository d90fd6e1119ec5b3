/* doc_priv.h - a YAML document as a tree with a place for every node.
 *
 * Only what configuration needs: one document, mappings with plain keys, sequences, scalars.
 * Anchors, aliases, tags, duplicate keys, deep or huge documents are errors.  libyaml reads;
 * its positions are kept, which is why nothing sits between (docs/adr/0002). */
#ifndef OCT_CONF_DOC_PRIV_H
#define OCT_CONF_DOC_PRIV_H

#include "dataplane/base/text.h"
#include "dataplane/conf/conf.h"

#define OCT_DOC_SZ_MAX    (4u << 20)
#define OCT_DOC_DEPTH_MAX 16u
#define OCT_DOC_NODE_MAX  (1u << 18)
#define OCT_CONF_ERR_MAX  20u

/* Names of files, alive as long as the configuration. */
struct oct_conf_files {
    char **name;
    uint32_t cnt;
};
/* NULL when memory is out. */
const char *oct_conf_files_add(struct oct_conf_files **files, const char *name);
void oct_conf_files_free(struct oct_conf_files *files);

/* Errors for people, one a line. */
struct oct_conf_errs {
    struct oct_text text;
    uint32_t cnt;
    int rc; /* 0, or the first negative errno */
};
void oct_conf_errs_init(struct oct_conf_errs *e, char *buf, size_t sz);
/* file:line:column: key: reason; at or key may be NULL. */
void oct_conf_err(struct oct_conf_errs *e, const struct oct_conf_at *at, const char *key,
                  const char *fmt, ...) OCT_PRINTF(4, 5);

enum oct_doc_kind {
    OCT_DOC_SCALAR,
    OCT_DOC_SEQ,
    OCT_DOC_MAP,
};

struct oct_doc_node {
    enum oct_doc_kind kind;
    struct oct_conf_at at;
    bool quoted;
    char *text; /* scalar */
    size_t len;
    char *key; /* of this node in its mapping, NULL elsewhere */
    struct oct_conf_at key_at;
    struct oct_doc_node *kid; /* first element or member */
    struct oct_doc_node *next;
};

struct oct_doc {
    struct oct_doc_node *root; /* NULL: empty document */
    void *chunks;              /* everything is in here */
    uint32_t node_cnt;
};

/* Reads text; file is what positions say.  0, or the errors' rc. */
int oct_doc_parse(struct oct_doc *doc, const char *file, const char *text, size_t len,
                  struct oct_conf_errs *e);
/* Reads a file into memory (bounded) and parses it. */
int oct_doc_read(struct oct_doc *doc, struct oct_conf_files **files, const char *path,
                 struct oct_conf_errs *e);
/* Wraps the root into mappings along key.path. */
int oct_doc_wrap(struct oct_doc *doc, const char *path, size_t len, const char *file,
                 struct oct_conf_errs *e);
void oct_doc_free(struct oct_doc *doc);

#endif
