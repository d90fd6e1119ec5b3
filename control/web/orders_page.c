/* orders_page.c - the list of orders, newest first, a page at a time.
 *
 * A cursor is a letter and a serial number: "o<n>" asks for what is older than n, "n<n>" for what
 * is newer.  Orders only ever join at the new end, so a page never shifts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/web_priv.h"
#include "dataplane/msg/desc.h"

struct cursor {
    bool newer;
    uint64_t at;
};

static int read_cursor(const char *text, uint64_t end, struct cursor *out)
{
    *out = (struct cursor){.at = end};
    if (text == NULL)
        return 0;
    if ((text[0] != 'o' && text[0] != 'n') || text[1] < '0' || text[1] > '9')
        return -EINVAL;
    char *rest;
    errno = 0;
    out->newer = text[0] == 'n';
    out->at = strtoull(text + 1, &rest, 10);
    if (*rest != '\0' || errno != 0)
        return -EINVAL;
    if (out->at > end)
        out->at = end;
    return 0;
}

static bool open_state(uint8_t s)
{
    return s == OCT_ORD_STATE_SENT || s == OCT_ORD_STATE_WORKING ||
           s == OCT_ORD_STATE_REPLACE_PENDING || s == OCT_ORD_STATE_CANCEL_PENDING ||
           s == OCT_ORD_STATE_UNKNOWN;
}

static bool known_status(const char *s)
{
    static const char *const words[] = {"open",   "pending",   "submitted", "partially_filled",
                                        "filled", "cancelled", "rejected",  "unknown",
                                        "closed", "refused"};
    for (size_t i = 0; i < OCT_ARRAY_CNT(words); i++) {
        if (strcmp(s, words[i]) == 0)
            return true;
    }
    return oct_enum_value("ORD_STATE", s) >= 0;
}

static bool matches(const struct oct_mirror_order *o, const struct oct_show_page *page)
{
    char sym[9];
    if (page->symbol != NULL) {
        oct_mirror_sym_text(o->symbol, sym);
        if (strcmp(sym, page->symbol) != 0)
            return false;
    }
    const char *state = oct_enum_text("ORD_STATE", o->state);
    return page->status == NULL || strcmp(page->status, oct_show_status(o)) == 0 ||
           (state != NULL && strcmp(page->status, state) == 0) ||
           (strcmp(page->status, "open") == 0 && open_state(o->state));
}

/* What a list is over: orders, or refusals. */
struct list {
    const struct oct_web *w;
    const struct oct_show_page *page;
    bool refused;
    uint64_t first; /* oldest serial still here */
    uint64_t end;   /* one past the newest */
};

static bool wanted(const struct list *l, uint64_t serial)
{
    if (!l->refused)
        return matches(oct_mirror_order_at(l->w->mirror, (uint32_t)serial), l->page);
    const struct oct_mirror *m = l->w->mirror;
    const struct oct_verdict *v = &m->refusal[serial % OCT_MIRROR_REFUSAL_CNT].verdict;
    char sym[9];
    if (l->page->symbol == NULL)
        return true;
    if (v->inst >= m->cfg.inst_cnt)
        return false;
    oct_mirror_sym_text(m->inst[v->inst].symbol, sym);
    return strcmp(sym, l->page->symbol) == 0;
}

static void show(struct oct_json *j, const struct list *l, uint64_t serial)
{
    const struct oct_mirror *m = l->w->mirror;
    if (l->refused)
        oct_show_refusal(j, NULL, l->w, &m->refusal[serial % OCT_MIRROR_REFUSAL_CNT]);
    else
        oct_show_order(j, NULL, l->w, oct_mirror_order_at(m, (uint32_t)serial), false);
}

/* Serials of a page, newest first.  How many. */
static uint32_t pick(const struct list *l, const struct cursor *c, uint64_t *out)
{
    uint32_t n = 0;
    if (!c->newer) {
        for (uint64_t s = c->at; s > l->first && n < l->page->limit; s--) {
            if (wanted(l, s - 1))
                out[n++] = s - 1;
        }
        return n;
    }
    for (uint64_t s = c->at + 1 > l->first ? c->at + 1 : l->first; s < l->end && n < l->page->limit;
         s++) {
        if (wanted(l, s))
            out[n++] = s;
    }
    for (uint32_t i = 0; i < n / 2; i++) {
        uint64_t t = out[i];
        out[i] = out[n - 1 - i];
        out[n - 1 - i] = t;
    }
    return n;
}

static bool any_older(const struct list *l, uint64_t serial)
{
    for (uint64_t s = serial; s > l->first; s--) {
        if (wanted(l, s - 1))
            return true;
    }
    return false;
}

int oct_show_orders(struct oct_json *j, const struct oct_web *w, const struct oct_show_page *page,
                    char next[32], char prev[32])
{
    const struct oct_mirror *m = w->mirror;
    struct list l = {.w = w, .page = page, .end = m->order_cnt};
    struct cursor c;
    uint64_t picked[200];
    next[0] = prev[0] = '\0';
    OCT_ASSERT(page->limit <= OCT_ARRAY_CNT(picked));
    if (page->status != NULL && !known_status(page->status))
        return -ENOENT;
    if (page->status != NULL && strcmp(page->status, "refused") == 0) {
        l.refused = true;
        l.end = m->refusal_cnt;
        l.first = l.end > OCT_MIRROR_REFUSAL_CNT ? l.end - OCT_MIRROR_REFUSAL_CNT : 0;
    }
    int rc = read_cursor(page->cursor, l.end, &c);
    if (rc != 0)
        return rc;
    uint32_t n = pick(&l, &c, picked);
    if (n > 0 && any_older(&l, picked[n - 1]))
        snprintf(next, 32, "o%lu", (unsigned long)picked[n - 1]);
    if (n > 0 && picked[0] + 1 < l.end)
        snprintf(prev, 32, "n%lu", (unsigned long)picked[0]);
    oct_json_obj(j, NULL);
    oct_json_arr(j, "orders");
    for (uint32_t i = 0; i < n; i++)
        show(j, &l, picked[i]);
    oct_json_end(j, ']');
    oct_json_u64(j, "total", l.end);
    oct_json_str(j, "next", next[0] != '\0' ? next : NULL);
    oct_json_str(j, "prev", prev[0] != '\0' ? prev : NULL);
    oct_json_end(j, '}');
    return 0;
}
