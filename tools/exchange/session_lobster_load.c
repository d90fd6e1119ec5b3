#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "tools/exchange/session_lobster_priv.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* Lines of a stream, one at a time. */
struct lines {
    struct oct_stream *in;
    char *buf;
    size_t cap, pos, sz;
    bool end;
    int rc; /* how the stream ended */
};

/* The next line without its end; false after the last. */
static bool next_line(struct lines *l, const char **line, size_t *n, bool *whole)
{
    for (;;) {
        char *p = l->buf + l->pos;
        char *nl = memchr(p, '\n', l->sz - l->pos);
        if (nl || (l->end && l->pos < l->sz)) {
            *line = p;
            *n = nl ? (size_t)(nl - p) : l->sz - l->pos;
            *whole = nl != NULL;
            l->pos += *n + (nl ? 1u : 0u);
            if (*n > 0 && p[*n - 1] == '\r')
                --*n;
            return true;
        }
        if (l->end)
            return false;
        memmove(l->buf, p, l->sz - l->pos);
        l->sz -= l->pos;
        l->pos = 0;
        if (l->sz == l->cap) { /* a line longer than the buffer is no LOBSTER row */
            *line = l->buf;
            *n = l->sz;
            *whole = true;
            l->pos = l->sz;
            return true;
        }
        ssize_t got = oct_stream_read(l->in, l->buf + l->sz, l->cap - l->sz);
        if (got <= 0) {
            l->end = true;
            l->rc = (int)got;
        } else {
            l->sz += (size_t)got;
        }
    }
}

static bool grow(void **p, uint32_t cnt, uint32_t *cap, size_t item)
{
    if (cnt < *cap)
        return true;
    uint32_t n = *cap ? *cap * 2 : 65536;
    void *q = n > *cap ? realloc(*p, n * item) : NULL;
    if (!q)
        return false;
    *p = q;
    *cap = n;
    return true;
}

static int bad_line(struct oct_sessfile *s, const char *path, uint64_t line, const char *why)
{
    sess_say(s->error, "%s: line %llu: %s; LOBSTER rows are time,type,order,size,price,direction",
             path, (unsigned long long)line, why);
    return -EBADMSG;
}

static int read_rows(struct oct_sessfile *s, struct lobster *l, struct lines *in)
{
    const char *line;
    size_t n;
    uint32_t cap = 0;
    bool whole;
    while (next_line(in, &line, &n, &whole)) {
        if (n == 0)
            continue;
        if (!grow((void **)&l->row, l->row_cnt, &cap, sizeof *l->row))
            return sess_fail(s, -ENOMEM, 0, "out of memory", "give a shorter file");
        const char *why = lobster_row_parse(line, n, &l->row[l->row_cnt]);
        if (why && !whole) {
            sess_truncated(s, l->row_cnt + 1, n, "row (the offset is its line)");
            break;
        }
        if (why)
            return bad_line(s, s->path, l->row_cnt + 1, why);
        l->row_cnt++;
    }
    s->in_error = in->rc;
    s->stats.rows = l->row_cnt;
    int rc = sess_stream_end(s);
    if (rc == 0 && l->row_cnt == 0)
        rc = bad_line(s, s->path, 1, "there is no row");
    return rc;
}

static int read_bbos(struct oct_sessfile *s, struct lobster *l, struct lines *in, const char *path)
{
    const char *line;
    size_t n;
    uint32_t cnt = 0;
    bool whole;
    l->bbo = calloc(l->row_cnt, sizeof *l->bbo);
    if (!l->bbo)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "give a shorter file");
    while (cnt < l->row_cnt && next_line(in, &line, &n, &whole)) {
        const char *why = lobster_bbo_parse(line, n, &l->bbo[cnt]);
        if (why)
            return bad_line(s, path, cnt + 1u, why);
        cnt++;
    }
    if (cnt < l->row_cnt)
        return bad_line(s, path, cnt + 1u,
                        "the orderbook file has fewer rows than the message file (give both of one "
                        "download, or --no-orderbook)");
    return 0;
}

/* The orderbook file that belongs to a message file: 0 when it was opened, -ENOENT when there is
 * none. */
static int open_orderbook(const char *path, struct oct_stream **in, char *name, size_t name_sz)
{
    char err[OCT_STREAM_ERR_SZ];
    const char *slash = strrchr(path, '/');
    const char *word = strstr(slash ? slash : path, "message");
    if (!word)
        return -ENOENT;
    static const char *const suffix[] = {"", ".xz", ".gz", ".zst"};
    char plain[512];
    snprintf(plain, sizeof plain, "%.*sorderbook%s", (int)(word - path), path, word + 7);
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(suffix); i++) { /* as named, or packed otherwise */
        snprintf(name, name_sz, "%s%s", plain, suffix[i]);
        if (oct_stream_open(in, name, err) == 0)
            return 0;
    }
    return -ENOENT;
}

/* ---- which orders come when ------------------------------------------------------------------ */

static uint32_t find_slot(const struct lobster *l, uint64_t id)
{
    uint32_t i = (uint32_t)oct_mix64(id) & l->mask;
    while (l->slot[i] != LOB_NONE && l->order[l->slot[i]].id != id)
        i = (i + 1) & l->mask;
    return i;
}

uint32_t lob_find(const struct lobster *l, uint64_t id)
{
    return l->slot[find_slot(l, id)];
}

/* Gathers the orders of the file. */
static int find_orders(struct oct_sessfile *s, struct lobster *l)
{
    uint32_t slots = 1024;
    while (slots < l->row_cnt * 2u)
        slots *= 2;
    l->slot = malloc(slots * sizeof *l->slot);
    l->order = calloc(l->row_cnt, sizeof *l->order);
    if (!l->slot || !l->order)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "give a shorter file");
    l->mask = slots - 1;
    memset(l->slot, 0xff, slots * sizeof *l->slot);
    for (uint32_t i = 0; i < l->row_cnt; i++) {
        struct lobster_row *r = &l->row[i];
        if (r->type < 1 || r->type > 4)
            continue;
        uint32_t at = find_slot(l, r->id);
        if (l->slot[at] == LOB_NONE) {
            l->slot[at] = l->order_cnt;
            l->order[l->order_cnt++] = (struct lob_order){.id = r->id,
                                                          .next = LOB_NONE,
                                                          .px = r->px,
                                                          .side = (uint8_t)lob_side(r),
                                                          .first_type = r->type};
        }
        r->order = l->slot[at];
        struct lob_order *o = &l->order[r->order];
        o->last_type = r->type;
        if (r->type != 1)
            o->touch_left += r->size;
    }
    return 0;
}

/* For each order that is not entered in the file, the row before which it has to come. */
static int find_moments(struct oct_sessfile *s, struct lobster *l)
{
    uint32_t *moment = calloc(l->order_cnt + 1u, sizeof *moment);
    l->come = malloc((l->row_cnt + 1u) * sizeof *l->come);
    if (!moment || !l->come) {
        free(moment);
        return sess_fail(s, -ENOMEM, 0, "out of memory", "give a shorter file");
    }
    memset(l->come, 0xff, (l->row_cnt + 1u) * sizeof *l->come);
    uint32_t since[2] = {0, 0}; /* this price is the best, or that of the rows */
    int32_t px[2] = {0, 0};
    uint32_t known = 0;
    for (uint32_t i = 0; i < l->row_cnt; i++) {
        const struct lobster_row *r = &l->row[i];
        bool of_order = r->type >= 1 && r->type <= 4;
        enum oct_side side = lob_side(r);
        if (!l->bbo && of_order && r->px != px[side]) {
            px[side] = r->px;
            since[side] = i;
        }
        if (of_order && r->order == known) {
            known++;
            moment[r->order] = i == 0 || r->px == px[side] ? since[side] : i;
        }
        for (uint32_t sd = 0; l->bbo && sd < 2; sd++)
            if (i == 0 || l->bbo[i].px[sd] != px[sd]) {
                px[sd] = l->bbo[i].px[sd];
                since[sd] = i + 1;
            }
    }
    for (uint32_t o = l->order_cnt; o-- > 0;) { /* from the back: each list in order of events */
        if (l->order[o].first_type == 1)
            continue;
        l->order[o].next = l->come[moment[o]];
        l->come[moment[o]] = o;
    }
    free(moment);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void name_parts(struct oct_sessfile *s, struct lobster *l, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    size_t n = strcspn(base, "_");
    memset(l->symbol, ' ', sizeof l->symbol);
    if (base[n] == '_' && n >= 1 && n <= 8)
        for (size_t i = 0; i < n; i++)
            l->symbol[i] = (char)toupper((unsigned char)base[i]);
    else
        memcpy(l->symbol, "LOBSTER ", 8);
    unsigned y, m, d;
    if (sscanf(base + n, "_%4u-%2u-%2u_", &y, &m, &d) == 3)
        s->stats.date = y * 10000 + m * 100 + d;
}

int lob_load(struct oct_sessfile *s, struct lobster *l, const struct oct_sessfile_cfg *cfg)
{
    struct lines in = {.in = s->in, .cap = SESS_BUF_SZ, .end = s->in_end, .rc = s->in_error};
    in.buf = malloc(in.cap);
    if (!in.buf)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "free some");
    in.sz = s->sz - s->pos;
    memcpy(in.buf, s->buf + s->pos, in.sz);
    int rc = read_rows(s, l, &in);
    name_parts(s, l, cfg->path);
    char name[600];
    struct oct_stream *ob = NULL;
    if (rc == 0 && !cfg->no_orderbook && open_orderbook(cfg->path, &ob, name, sizeof name) == 0) {
        in = (struct lines){.in = ob, .buf = in.buf, .cap = in.cap};
        rc = read_bbos(s, l, &in, name);
        oct_stream_close(ob);
    }
    free(in.buf);
    if (rc == 0)
        rc = find_orders(s, l);
    if (rc == 0)
        rc = find_moments(s, l);
    return rc;
}
