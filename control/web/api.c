/* api.c - market and order routes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/web_priv.h"

#define BOOK_DEPTH_MAX 50
#define PAGE_MAX       200

/* A whole number from min to max; absent is dflt.  False: the answer is an error. */
static bool number(struct oct_http_call *c, const char *key, long min, long max, long dflt,
                   long *out)
{
    const char *text = oct_http_param(c, key);
    char *rest;
    *out = dflt;
    if (text == NULL)
        return true;
    errno = 0;
    *out = strtol(text, &rest, 10);
    if (text[0] >= '0' && text[0] <= '9' && *rest == '\0' && errno == 0 && *out >= min &&
        *out <= max)
        return true;
    oct_http_problem(c, 422, "VAL_002", key, "%s is a whole number from %ld to %ld", key, min, max);
    return false;
}

/* Parameters we do not know are refused: a misspelt filter must not look like an empty one. */
static bool only(struct oct_http_call *c, const char *const *known, size_t n)
{
    for (int i = 0; i < c->param_cnt; i++) {
        size_t k = 0;
        while (k < n && strcmp(c->param[i].key, known[k]) != 0)
            k++;
        if (k == n) {
            oct_http_problem(c, 400, "VAL_002", c->param[i].key, "unknown query parameter");
            return false;
        }
    }
    return true;
}

static uint32_t symbol(struct oct_http_call *c)
{
    uint32_t inst = oct_mirror_find(c->w->mirror, c->tail.p, c->tail.n);
    if (inst == OCT_MAP_NONE)
        oct_http_problem(c, 404, "TRADE_002", "symbol", "no such symbol in this session");
    return inst;
}

void oct_web_quote(struct oct_http_call *c)
{
    if (!only(c, NULL, 0))
        return;
    uint32_t inst = symbol(c);
    if (inst == OCT_MAP_NONE)
        return;
    struct oct_json j = {.b = c->out};
    oct_show_quote(&j, c->w, inst);
    oct_buf_chr(c->out, '\n');
}

void oct_web_book(struct oct_http_call *c)
{
    static const char *const known[] = {"depth"};
    long depth;
    if (!only(c, known, OCT_ARRAY_CNT(known)))
        return;
    uint32_t inst = symbol(c);
    if (inst == OCT_MAP_NONE || !number(c, "depth", 1, BOOK_DEPTH_MAX, 10, &depth))
        return;
    struct oct_json j = {.b = c->out};
    oct_show_book(&j, c->w, inst, (uint32_t)depth);
    oct_buf_chr(c->out, '\n');
}

/* The pages before and after, with the same filters. */
static void link_field(struct oct_http_call *c, const struct oct_show_page *page, const char *next,
                       const char *prev)
{
    char filters[96] = "";
    /* Symbols may hold what a link would have to escape: then the body's cursors have to do. */
    if (page->symbol != NULL || (next[0] == '\0' && prev[0] == '\0'))
        return;
    snprintf(filters, sizeof(filters), "limit=%u%s%s", page->limit,
             page->status != NULL ? "&status=" : "", page->status != NULL ? page->status : "");
    if (next[0] != '\0' && prev[0] != '\0')
        oct_http_extra(c,
                       "Link: </api/orders/?%s&cursor=%s>; rel=\"next\", "
                       "</api/orders/?%s&cursor=%s>; rel=\"prev\"\r\n",
                       filters, next, filters, prev);
    else
        oct_http_extra(c, "Link: </api/orders/?%s&cursor=%s>; rel=\"%s\"\r\n", filters,
                       next[0] != '\0' ? next : prev, next[0] != '\0' ? "next" : "prev");
}

static void order_list(struct oct_http_call *c)
{
    static const char *const known[] = {"status", "limit", "cursor", "symbol"};
    long limit;
    char next[32];
    char prev[32];
    if (!only(c, known, OCT_ARRAY_CNT(known)) || !number(c, "limit", 1, PAGE_MAX, 50, &limit))
        return;
    struct oct_show_page page = {
        .status = oct_http_param(c, "status"),
        .cursor = oct_http_param(c, "cursor"),
        .symbol = oct_http_param(c, "symbol"),
        .limit = (uint32_t)limit,
    };
    struct oct_json j = {.b = c->out};
    int rc = oct_show_orders(&j, c->w, &page, next, prev);
    if (rc == -ENOENT)
        oct_http_problem(c, 422, "VAL_002", "status", "no such order status");
    else if (rc != 0)
        oct_http_problem(c, 422, "VAL_002", "cursor", "this is not one of our cursors");
    else
        oct_buf_chr(c->out, '\n');
    if (rc == 0)
        link_field(c, &page, next, prev);
}

static bool read_id(const char *text, size_t n, uint64_t *out)
{
    *out = 0;
    if (n == 0 || n > 20)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, (uint64_t)(text[i] - '0'), out))
            return false;
    }
    return true;
}

void oct_web_orders(struct oct_http_call *c)
{
    static const char suffix[] = "/trace";
    size_t n = c->tail.n;
    if (n == 0) {
        order_list(c);
        return;
    }
    if (!only(c, NULL, 0))
        return;
    bool trace = n > sizeof(suffix) - 1 &&
                 memcmp(c->tail.p + n - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0;
    if (trace)
        n -= sizeof(suffix) - 1;
    struct oct_json j = {.b = c->out};
    uint64_t id;
    bool refused = c->tail.p[0] == 'i';
    if (!read_id(c->tail.p + refused, n - refused, &id)) {
        oct_http_problem(c, 404, "TRADE_004", "id", "there is no such order");
        return;
    }
    const struct oct_mirror_order *o = refused ? NULL : oct_mirror_order_by_id(c->w->mirror, id);
    const struct oct_mirror_refusal *r =
        refused ? oct_mirror_refusal_by_intent(c->w->mirror, id) : NULL;
    if (o != NULL && trace)
        oct_show_receipt(&j, c->w, o);
    else if (o != NULL)
        oct_show_order(&j, NULL, c->w, o, true);
    else if (r != NULL && trace)
        oct_show_receipt_refused(&j, c->w, r);
    else if (r != NULL)
        oct_show_refusal(&j, NULL, c->w, r);
    else
        oct_http_problem(c, 404, "TRADE_004", "id", "there is no such order");
    if (c->status == 200)
        oct_buf_chr(c->out, '\n');
}
