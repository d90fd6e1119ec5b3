#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/conf/schema_priv.h"

static void apply_doc(struct oct_conf_reader *r, struct oct_conf *c, const struct oct_doc *doc)
{
    if (doc->root != NULL)
        oct_conf_apply(r, oct_conf_fields, c, doc->root, false);
}

static void load_file(struct oct_conf_reader *r, struct oct_conf *c, const char *path)
{
    struct oct_doc doc;

    if (oct_doc_read(&doc, &c->files, path, r->e) == 0)
        apply_doc(r, c, &doc);
    oct_doc_free(&doc);
}

static void load_setting(struct oct_conf_reader *r, struct oct_conf *c, const char *text)
{
    const char *eq = strchr(text, '=');
    struct oct_doc doc = {0};

    const char *file = oct_conf_files_add(&c->files, "--set");
    if (file == NULL || eq == NULL || eq == text) {
        oct_conf_err(r->e, NULL, "--set", "'%s' is not key.path=value", text);
        return;
    }
    r->from_setting = true;
    /* A lone star is what people mean by it, and what YAML takes for an alias. */
    const char *value = strcmp(eq + 1, "*") == 0 ? "'*'" : eq + 1;
    if (oct_doc_parse(&doc, file, value, strlen(value), r->e) == 0 &&
        oct_doc_wrap(&doc, text, (size_t)(eq - text), file, r->e) == 0)
        apply_doc(r, c, &doc);
    oct_doc_free(&doc);
    r->from_setting = false;
}

/* Rows of the limits file come first, so that those of the configuration win. */
static void load_limits_file(struct oct_conf_reader *r, struct oct_conf *c)
{
    struct oct_conf_risk *risk = &c->risk;
    struct oct_doc doc;
    uint32_t cnt = 0;

    struct oct_conf_limit *rows = calloc(OCT_CONF_LIMIT_MAX, sizeof *rows);
    if (rows == NULL) {
        oct_conf_err(r->e, NULL, NULL, "out of memory");
        r->e->rc = -ENOMEM;
        return;
    }
    if (oct_doc_read(&doc, &c->files, risk->limits_file, r->e) != 0)
        goto out;
    for (const struct oct_doc_node *n = doc.root != NULL ? doc.root->kid : NULL; n != NULL;
         n = n->next) {
        size_t len = oct_conf_path_push(r, "%s", n->key != NULL ? n->key : "");
        if (n->key == NULL || strcmp(n->key, "limits") != 0)
            oct_conf_err(r->e, n->key != NULL ? &n->key_at : &n->at, r->path,
                         "unknown key; a limits file has the one key limits");
        else
            oct_conf_apply_limits(r, rows, &cnt, n);
        oct_conf_path_pop(r, len);
    }
    if (cnt > OCT_CONF_LIMIT_MAX - risk->limit_cnt) {
        oct_conf_err(r->e, &(struct oct_conf_at){.file = risk->limits_file}, "risk.limits",
                     "more than %u limits together", OCT_CONF_LIMIT_MAX);
        goto out;
    }
    memmove(risk->limit + cnt, risk->limit, risk->limit_cnt * sizeof *rows);
    memcpy(risk->limit, rows, cnt * sizeof *rows);
    risk->limit_cnt += cnt;

out:
    oct_doc_free(&doc);
    free(rows);
}

static void fill_dirs(struct oct_conf_reader *r, struct oct_conf *c)
{
    int n = 0;

    if (c->run_dir[0] == '\0')
        n = snprintf(c->run_dir, sizeof c->run_dir, "/dev/shm/octopus-%s", c->instance);
    if (c->data_dir[0] == '\0')
        n = snprintf(c->data_dir, sizeof c->data_dir, "./data/%s", c->instance);
    if (c->control.token_file[0] == '\0')
        n = snprintf(c->control.token_file, sizeof c->control.token_file, "%s/token", c->data_dir);
    if (n < 0 || (size_t)n >= OCT_CONF_PATH_SZ)
        oct_conf_err(r->e, NULL, "data_dir", "longer than %u characters", OCT_CONF_PATH_SZ - 8);
}

int oct_conf_load(const char *path, const struct oct_conf_overlay *overlays, size_t overlay_cnt,
                  const struct oct_conf_tables *tables, struct oct_conf **out, char *err,
                  size_t err_sz)
{
    struct oct_conf_errs e;
    struct oct_conf_reader r = {.e = &e, .tables = tables, .remember = true};
    struct oct_conf *c = calloc(1, sizeof *c);

    *out = NULL;
    oct_conf_errs_init(&e, err, err_sz);
    if (c == NULL)
        return -ENOMEM;
    oct_conf_defaults(oct_conf_fields, c);
    load_file(&r, c, path);
    for (size_t i = 0; i < overlay_cnt; i++) {
        if (overlays[i].kind == OCT_CONF_FILE)
            load_file(&r, c, overlays[i].text);
        else
            load_setting(&r, c, overlays[i].text);
    }
    if (e.rc == 0 && c->risk.limits_file[0] != '\0')
        load_limits_file(&r, c);
    if (e.rc == 0)
        fill_dirs(&r, c);
    if (e.rc == 0)
        oct_conf_check(&r, c);
    free(r.said);
    if (e.rc != 0) {
        oct_conf_free(c);
        return e.rc;
    }
    *out = c;
    return 0;
}

void oct_conf_free(struct oct_conf *conf)
{
    if (conf == NULL)
        return;
    oct_conf_files_free(conf->files);
    free(conf);
}
