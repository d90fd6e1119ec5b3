#include "dataplane/conf/doc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define CHUNK_SZ ((size_t)64 << 10)

struct chunk {
    struct chunk *next;
    size_t used;
    size_t sz;
    max_align_t mem[];
};

const char *oct_conf_files_add(struct oct_conf_files **files, const char *name)
{
    struct oct_conf_files *f = *files != NULL ? *files : calloc(1, sizeof **files);

    if (f == NULL)
        return NULL;
    *files = f;
    for (uint32_t i = 0; i < f->cnt; i++)
        if (strcmp(f->name[i], name) == 0)
            return f->name[i];
    char **grown = realloc(f->name, (f->cnt + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    f->name = grown;
    char *copy = strdup(name);
    if (copy != NULL)
        f->name[f->cnt++] = copy;
    return copy;
}

void oct_conf_files_free(struct oct_conf_files *files)
{
    if (files == NULL)
        return;
    for (uint32_t i = 0; i < files->cnt; i++)
        free(files->name[i]);
    free(files->name);
    free(files);
}

void oct_conf_errs_init(struct oct_conf_errs *e, char *buf, size_t sz)
{
    oct_text_init(&e->text, buf, sz);
    e->cnt = 0;
    e->rc = 0;
}

void oct_conf_err(struct oct_conf_errs *e, const struct oct_conf_at *at, const char *key,
                  const char *fmt, ...)
{
    char reason[512];
    va_list ap;

    if (e->rc == 0)
        e->rc = -EINVAL;
    if (++e->cnt > OCT_CONF_ERR_MAX) {
        if (e->cnt == OCT_CONF_ERR_MAX + 1)
            oct_text_str(&e->text, "further errors are not shown\n");
        return;
    }
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    if (at != NULL && at->line > 0)
        oct_text_fmt(&e->text, "%s:%u:%u: ", at->file, at->line, at->col);
    else if (at != NULL && at->file != NULL)
        oct_text_fmt(&e->text, "%s: ", at->file);
    if (key != NULL && key[0] != '\0')
        oct_text_fmt(&e->text, "%s: ", key);
    oct_text_fmt(&e->text, "%s\n", reason);
}

static int no_memory(struct oct_conf_errs *e)
{
    oct_conf_err(e, NULL, NULL, "out of memory");
    e->rc = -ENOMEM;
    return e->rc;
}

static void *take(struct oct_doc *doc, size_t sz)
{
    struct chunk *c = doc->chunks;

    sz = oct_align_up(sz, sizeof(max_align_t));
    if (c == NULL || c->sz - c->used < sz) {
        size_t room = sz > CHUNK_SZ ? sz : CHUNK_SZ;
        c = calloc(1, sizeof *c + room);
        if (c == NULL)
            return NULL;
        c->sz = room;
        c->next = doc->chunks;
        doc->chunks = c;
    }
    void *p = (uint8_t *)c->mem + c->used;
    c->used += sz;
    return p;
}

static char *take_text(struct oct_doc *doc, const char *s, size_t len)
{
    char *p = take(doc, len + 1);

    if (p != NULL)
        memcpy(p, s, len);
    return p; /* chunks are zeroed: it has an end */
}

void oct_doc_free(struct oct_doc *doc)
{
    for (struct chunk *c = doc->chunks, *next = NULL; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    *doc = (struct oct_doc){0};
}

/* ---- events to nodes ---- */

struct builder {
    struct oct_doc *doc;
    yaml_parser_t *parser;
    const char *file;
    struct oct_conf_errs *e;
};

static struct oct_conf_at at_mark(const struct builder *b, yaml_mark_t m)
{
    return (struct oct_conf_at){b->file, (uint32_t)m.line + 1, (uint32_t)m.column + 1};
}

/* Next event, to be deleted by the caller.  false: an error was reported. */
static bool next_event(struct builder *b, yaml_event_t *ev)
{
    if (yaml_parser_parse(b->parser, ev))
        return true;
    struct oct_conf_at at = at_mark(b, b->parser->problem_mark);
    if (b->parser->error == YAML_MEMORY_ERROR)
        no_memory(b->e);
    else if (b->parser->error == YAML_READER_ERROR)
        oct_conf_err(b->e, &(struct oct_conf_at){.file = b->file}, NULL,
                     "not UTF-8 text at byte %zu: %s", b->parser->problem_offset,
                     b->parser->problem);
    else
        oct_conf_err(b->e, &at, NULL, "not YAML: %s%s",
                     b->parser->problem != NULL ? b->parser->problem : "cannot be read",
                     b->parser->context != NULL && strstr(b->parser->context, "alias") != NULL
                         ? " (write a star in quotes: \"*\")"
                         : "");
    return false;
}

static struct oct_doc_node *build_node(struct builder *b, const yaml_event_t *ev, uint32_t depth);

static struct oct_doc_node *new_node(struct builder *b, enum oct_doc_kind kind, yaml_mark_t m)
{
    struct oct_conf_at at = at_mark(b, m);

    if (++b->doc->node_cnt > OCT_DOC_NODE_MAX) {
        oct_conf_err(b->e, &at, NULL, "more than %u values in one document", OCT_DOC_NODE_MAX);
        return NULL;
    }
    struct oct_doc_node *n = take(b->doc, sizeof *n);
    if (n == NULL) {
        no_memory(b->e);
        return NULL;
    }
    n->kind = kind;
    n->at = at;
    return n;
}

/* The key of a mapping's next member, or NULL at an error; *end at the end of the mapping. */
static char *build_key(struct builder *b, const struct oct_doc_node *map, struct oct_conf_at *at,
                       bool *end)
{
    yaml_event_t ev;
    char *key = NULL;

    *end = false;
    if (!next_event(b, &ev))
        return NULL;
    *at = at_mark(b, ev.start_mark);
    if (ev.type == YAML_MAPPING_END_EVENT) {
        *end = true;
    } else if (ev.type != YAML_SCALAR_EVENT || ev.data.scalar.anchor != NULL ||
               ev.data.scalar.tag != NULL) {
        oct_conf_err(b->e, at, NULL, "a key must be a plain word");
    } else {
        const char *s = (const char *)ev.data.scalar.value;
        key = take_text(b->doc, s, ev.data.scalar.length);
        if (key == NULL)
            no_memory(b->e);
        for (struct oct_doc_node *k = map->kid; key != NULL && k != NULL; k = k->next)
            if (strcmp(k->key, key) == 0) {
                oct_conf_err(b->e, at, key, "said twice; first in line %u", k->key_at.line);
                key = NULL;
            }
    }
    yaml_event_delete(&ev);
    return key;
}

/* Members of a mapping or elements of a sequence, up to its end. */
static bool build_kids(struct builder *b, struct oct_doc_node *parent, uint32_t depth)
{
    struct oct_doc_node **tail = &parent->kid;
    bool map = parent->kind == OCT_DOC_MAP;

    for (;;) {
        struct oct_conf_at key_at = {0};
        char *key = NULL;
        bool end = false;
        if (map) {
            key = build_key(b, parent, &key_at, &end);
            if (end)
                return true;
            if (key == NULL)
                return false;
        }
        yaml_event_t ev;
        if (!next_event(b, &ev))
            return false;
        end = ev.type == YAML_SEQUENCE_END_EVENT;
        struct oct_doc_node *n = end ? NULL : build_node(b, &ev, depth + 1);
        yaml_event_delete(&ev);
        if (end)
            return true;
        if (n == NULL)
            return false;
        n->key = key;
        n->key_at = key_at;
        *tail = n;
        tail = &n->next;
    }
}

static bool plain_node(struct builder *b, const struct oct_conf_at *at, const yaml_char_t *anchor,
                       const yaml_char_t *tag)
{
    if (anchor != NULL)
        oct_conf_err(b->e, at, NULL, "anchors (&%s) are not used here", (const char *)anchor);
    else if (tag != NULL)
        oct_conf_err(b->e, at, NULL, "tags (%s) are not used here", (const char *)tag);
    return anchor == NULL && tag == NULL;
}

static struct oct_doc_node *build_scalar(struct builder *b, const yaml_event_t *ev)
{
    struct oct_doc_node *n = new_node(b, OCT_DOC_SCALAR, ev->start_mark);
    const char *s = (const char *)ev->data.scalar.value;

    if (n == NULL)
        return NULL;
    if (memchr(s, '\0', ev->data.scalar.length) != NULL) {
        oct_conf_err(b->e, &n->at, NULL, "a text must not contain a zero character");
        return NULL;
    }
    n->len = ev->data.scalar.length;
    n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    n->text = take_text(b->doc, s, n->len);
    if (n->text == NULL) {
        no_memory(b->e);
        return NULL;
    }
    return n;
}

static struct oct_doc_node *build_node(struct builder *b, const yaml_event_t *ev, uint32_t depth)
{
    struct oct_conf_at at = at_mark(b, ev->start_mark);
    struct oct_doc_node *n = NULL;

    if (depth > OCT_DOC_DEPTH_MAX) {
        oct_conf_err(b->e, &at, NULL, "nested deeper than %u", OCT_DOC_DEPTH_MAX);
        return NULL;
    }
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        if (!plain_node(b, &at, ev->data.scalar.anchor, ev->data.scalar.tag))
            return NULL;
        return build_scalar(b, ev);
    case YAML_SEQUENCE_START_EVENT:
        if (!plain_node(b, &at, ev->data.sequence_start.anchor, ev->data.sequence_start.tag))
            return NULL;
        n = new_node(b, OCT_DOC_SEQ, ev->start_mark);
        break;
    case YAML_MAPPING_START_EVENT:
        if (!plain_node(b, &at, ev->data.mapping_start.anchor, ev->data.mapping_start.tag))
            return NULL;
        n = new_node(b, OCT_DOC_MAP, ev->start_mark);
        break;
    case YAML_ALIAS_EVENT:
        oct_conf_err(b->e, &at, NULL, "aliases (*%s) are not used here; quote a literal *",
                     (const char *)ev->data.alias.anchor);
        return NULL;
    default:
        oct_conf_err(b->e, &at, NULL, "a value is missing");
        return NULL;
    }
    return n != NULL && build_kids(b, n, depth) ? n : NULL;
}

static void build_doc(struct builder *b)
{
    bool had_doc = false;

    for (bool end = false; !end && b->e->rc == 0;) {
        yaml_event_t ev;
        if (!next_event(b, &ev))
            return;
        struct oct_conf_at at = at_mark(b, ev.start_mark);
        switch (ev.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            end = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (had_doc)
                oct_conf_err(b->e, &at, NULL, "a second document in one file");
            had_doc = true;
            break;
        default:
            b->doc->root = build_node(b, &ev, 1);
            break;
        }
        yaml_event_delete(&ev);
    }
}

int oct_doc_parse(struct oct_doc *doc, const char *file, const char *text, size_t len,
                  struct oct_conf_errs *e)
{
    yaml_parser_t parser;
    struct builder b = {doc, &parser, file, e};

    *doc = (struct oct_doc){0};
    if (!yaml_parser_initialize(&parser))
        return no_memory(e);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    build_doc(&b);
    yaml_parser_delete(&parser);
    return e->rc;
}

int oct_doc_read(struct oct_doc *doc, struct oct_conf_files **files, const char *path,
                 struct oct_conf_errs *e)
{
    struct oct_conf_at at = {.file = path};
    char *text = NULL;
    struct stat st;
    size_t len = 0;

    *doc = (struct oct_doc){0};
    const char *name = oct_conf_files_add(files, path);
    if (name == NULL)
        return no_memory(e);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        int err = fd >= 0 && errno == 0 ? EINVAL : errno;
        oct_conf_err(e, &at, NULL, "cannot be read: %s", fd >= 0 ? "not a file" : strerror(err));
        e->rc = fd >= 0 ? -EINVAL : -err;
        goto out_fd;
    }
    text = malloc(OCT_DOC_SZ_MAX + 1);
    if (text == NULL) {
        no_memory(e);
        goto out_fd;
    }
    ssize_t n = 0;
    while (len <= OCT_DOC_SZ_MAX && (n = read(fd, text + len, OCT_DOC_SZ_MAX + 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        oct_conf_err(e, &at, NULL, "cannot be read: %s", strerror(errno));
    else if (len > OCT_DOC_SZ_MAX)
        oct_conf_err(e, &at, NULL, "larger than %u bytes", OCT_DOC_SZ_MAX);
    else
        oct_doc_parse(doc, name, text, len, e);

out_fd:
    free(text);
    if (fd >= 0)
        close(fd);
    return e->rc;
}

int oct_doc_wrap(struct oct_doc *doc, const char *path, size_t len, const char *file,
                 struct oct_conf_errs *e)
{
    struct oct_doc_node *n = doc->root;

    if (n == NULL) { /* key= : an empty value */
        n = take(doc, sizeof *n);
        if (n == NULL || (n->text = take_text(doc, "", 0)) == NULL)
            return no_memory(e);
        n->at = (struct oct_conf_at){file, 1, (uint32_t)len + 2};
    }
    while (len > 0) {
        size_t from = len;
        while (from > 0 && path[from - 1] != '.')
            from--;
        struct oct_doc_node *map = take(doc, sizeof *map);
        char *key = take_text(doc, path + from, len - from);
        if (map == NULL || key == NULL)
            return no_memory(e);
        map->kind = OCT_DOC_MAP;
        map->at = (struct oct_conf_at){file, 1, (uint32_t)from + 1};
        n->key = key;
        n->key_at = map->at;
        map->kid = n;
        n = map;
        len = from > 0 ? from - 1 : 0;
    }
    doc->root = n;
    return 0;
}
