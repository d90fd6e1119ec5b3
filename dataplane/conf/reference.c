#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/conf/schema_priv.h"

#define LOCATE_CNT 65536u

static const struct oct_conf_field head_fields[] = {
    {.name = "venue",
     .kind = OCT_KIND_NAME,
     .off = offsetof(struct oct_conf_reference, venue),
     .sz = OCT_CONF_NAME_SZ,
     .min = 1},
    {.name = "session_date",
     .kind = OCT_KIND_DATE,
     .off = offsetof(struct oct_conf_reference, session_date)},
    {.name = "instruments", .kind = OCT_KIND_LIST},
    {0},
};

static void read_insts(struct oct_conf_reader *r, struct oct_conf_reference *ref,
                       const struct oct_doc_node *n)
{
    const struct oct_conf_list *l = &oct_conf_insts;
    uint32_t cnt = 0;

    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next)
        cnt++;
    if (n->kind != OCT_DOC_SEQ || cnt > l->cnt_max) {
        oct_conf_node_err(r, n, "a list of at most %u instruments is expected here", l->cnt_max);
        return;
    }
    free(ref->inst);
    ref->inst_cnt = 0;
    ref->inst = calloc(cnt > 0 ? cnt : 1, sizeof *ref->inst);
    if (ref->inst == NULL) {
        oct_conf_node_err(r, n, "out of memory");
        r->e->rc = -ENOMEM;
        return;
    }
    for (const struct oct_doc_node *k = n->kid; k != NULL; k = k->next) {
        size_t len = oct_conf_path_push(r, "[%u]", ref->inst_cnt);
        struct oct_conf_inst *inst = &ref->inst[ref->inst_cnt++];
        oct_conf_defaults(l->fields, inst);
        inst->at = k->at;
        oct_conf_apply(r, l->fields, inst, k, true);
        oct_conf_path_pop(r, len);
    }
}

static int by_symbol(const void *a, const void *b)
{
    const struct oct_conf_inst *x = *(const struct oct_conf_inst *const *)a;
    const struct oct_conf_inst *y = *(const struct oct_conf_inst *const *)b;
    int rc = strcmp(x->symbol, y->symbol);

    return rc != 0 ? rc : (x > y) - (x < y);
}

/* No symbol and no number twice. */
static void check_insts(struct oct_conf_reader *r, const struct oct_conf_reference *ref)
{
    const struct oct_conf_inst **sorted = calloc(ref->inst_cnt + 1, sizeof *sorted);
    const struct oct_conf_inst **by_locate = calloc(LOCATE_CNT, sizeof *by_locate);

    if (sorted == NULL || by_locate == NULL) {
        oct_conf_err(r->e, NULL, NULL, "out of memory");
        r->e->rc = -ENOMEM;
        goto out;
    }
    for (uint32_t i = 0; i < ref->inst_cnt; i++) {
        const struct oct_conf_inst *inst = &ref->inst[i];
        sorted[i] = inst;
        if (!oct_conf_symbol_ok(inst->symbol, strlen(inst->symbol)))
            oct_conf_err(r->e, &inst->at, "instruments.symbol", "must name one instrument");
        if (inst->locate == OCT_CONF_ALL)
            continue;
        if (by_locate[inst->locate] != NULL)
            oct_conf_err(r->e, &inst->at, "instruments.locate", "%u is that of %s", inst->locate,
                         by_locate[inst->locate]->symbol);
        by_locate[inst->locate] = inst;
    }
    if (ref->inst_cnt > 0)
        qsort(sorted, ref->inst_cnt, sizeof *sorted, by_symbol);
    for (uint32_t i = 1; i < ref->inst_cnt; i++)
        if (strcmp(sorted[i]->symbol, sorted[i - 1]->symbol) == 0)
            oct_conf_err(r->e, &sorted[i]->at, "instruments.symbol", "%s is there twice",
                         sorted[i]->symbol);

out:
    free(sorted);
    free(by_locate);
}

static void read_head(struct oct_conf_reader *r, struct oct_conf_reference *ref,
                      const struct oct_doc_node *root)
{
    const struct oct_conf_field *f = NULL;

    if (root == NULL || root->kind != OCT_DOC_MAP) {
        oct_conf_err(r->e, root != NULL ? &root->at : NULL, NULL,
                     "reference data has the keys venue, session_date and instruments");
        return;
    }
    for (const struct oct_doc_node *n = root->kid; n != NULL; n = n->next) {
        for (f = head_fields; f->name != NULL && strcmp(f->name, n->key) != 0; f++)
            ;
        size_t len = oct_conf_path_push(r, "%s", n->key);
        if (f->name == NULL) {
            const char *near = oct_conf_nearest(n->key, &head_fields->name, sizeof *head_fields);
            oct_conf_err(r->e, &n->key_at, r->path, "unknown key%s%s%s",
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                         near != NULL ? "?" : "");
        } else if (f->kind == OCT_KIND_LIST) {
            read_insts(r, ref, n);
        } else {
            oct_conf_scalar(r, f, ref, n);
        }
        oct_conf_path_pop(r, len);
    }
}

int oct_conf_reference_load(const char *path, struct oct_conf_reference **out, char *err,
                            size_t err_sz)
{
    struct oct_conf_errs e;
    struct oct_conf_reader r = {.e = &e};
    struct oct_doc doc;
    struct oct_conf_reference *ref = calloc(1, sizeof *ref);

    *out = NULL;
    oct_conf_errs_init(&e, err, err_sz);
    if (ref == NULL)
        return -ENOMEM;
    if (oct_doc_read(&doc, &ref->files, path, &e) == 0)
        read_head(&r, ref, doc.root);
    oct_doc_free(&doc);
    if (e.rc == 0)
        check_insts(&r, ref);
    if (e.rc != 0) {
        oct_conf_reference_free(ref);
        return e.rc;
    }
    *out = ref;
    return 0;
}

void oct_conf_reference_free(struct oct_conf_reference *ref)
{
    if (ref == NULL)
        return;
    oct_conf_files_free(ref->files);
    free(ref->inst);
    free(ref);
}
