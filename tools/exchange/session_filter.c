#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"
#include "tools/exchange/session_priv.h"

#define SYMBOL_MAX 4096u

struct wanted {
    char symbol[8]; /* padded with spaces */
    bool found;
};

struct sess_filter {
    struct wanted *wanted;
    uint32_t cnt;
    uint32_t found_cnt;
    uint8_t symbol_off[256]; /* by message type */
    uint8_t pass[65536];     /* by stock locate */
};

/* Where a type has its symbol, 0 for nowhere. */
static void find_symbols(struct sess_filter *f)
{
    const struct oct_itch50_desc *d;
    for (uint32_t i = 0; (d = oct_itch50_desc_at(i)) != NULL; i++)
        for (uint32_t k = 0; k < d->field_cnt; k++)
            if (strcmp(d->fields[k].name, "stock") == 0)
                f->symbol_off[(uint8_t)d->type] = d->fields[k].wire_off;
}

int sess_filter_new(struct sess_filter **out, const char *symbols, char *err)
{
    struct sess_filter *f = calloc(1, sizeof *f);
    if (f)
        f->wanted = calloc(SYMBOL_MAX, sizeof *f->wanted);
    if (!f || !f->wanted) {
        sess_filter_delete(f);
        sess_say(err, "out of memory");
        return -ENOMEM;
    }
    for (const char *p = symbols; *p;) {
        size_t n = strcspn(p, ",");
        if (n < 1 || n > 8 || f->cnt == SYMBOL_MAX) {
            sess_say(err, "symbol '%.*s': 1 to 8 characters each, separated by commas, at most %u",
                     (int)(n > 32 ? 32 : n), p, SYMBOL_MAX);
            sess_filter_delete(f);
            return -EINVAL;
        }
        struct wanted *w = &f->wanted[f->cnt++];
        memset(w->symbol, ' ', sizeof w->symbol);
        for (size_t i = 0; i < n; i++)
            w->symbol[i] = (char)toupper((unsigned char)p[i]);
        p += n;
        p += *p == ',';
    }
    find_symbols(f);
    f->pass[0] = 1; /* messages that concern the whole market */
    *out = f;
    return 0;
}

void sess_filter_learn(struct sess_filter *f, const uint8_t *msg, uint32_t sz)
{
    uint32_t off = f->symbol_off[msg[0]];
    if (off == 0 || sz < off + 8)
        return;
    for (uint32_t i = 0; i < f->cnt; i++) {
        struct wanted *w = &f->wanted[i];
        if (memcmp(w->symbol, msg + off, 8) != 0)
            continue;
        f->pass[oct_load_be16(msg + 1)] = 1;
        f->found_cnt += !w->found;
        w->found = true;
    }
}

bool sess_filter_pass(const struct sess_filter *f, const uint8_t *msg, uint32_t sz)
{
    return sz < 3 || f->pass[oct_load_be16(msg + 1)];
}

bool sess_filter_complete(const struct sess_filter *f)
{
    return f->found_cnt == f->cnt;
}

void sess_filter_missing(const struct sess_filter *f, char *buf, size_t sz)
{
    buf[0] = 0;
    size_t used = 0;
    for (uint32_t i = 0; i < f->cnt && used + 12 < sz; i++) {
        const struct wanted *w = &f->wanted[i];
        if (w->found)
            continue;
        int n = 8;
        while (n > 1 && w->symbol[n - 1] == ' ')
            n--;
        used += (size_t)snprintf(buf + used, sz - used, "%s%.*s", used ? ", " : "", n, w->symbol);
    }
}

void sess_filter_delete(struct sess_filter *f)
{
    if (!f)
        return;
    free(f->wanted);
    free(f);
}
