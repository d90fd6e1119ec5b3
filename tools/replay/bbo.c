#include "tools/replay/bbo.h"

#include <inttypes.h>
#include <string.h>

#include "dataplane/msg/desc.h"

static void put_side(FILE *f, const struct oct_view *v, uint32_t inst, enum oct_side side)
{
    char px[OCT_DECIMAL_SZ], qty[OCT_DECIMAL_SZ];
    struct oct_level l;

    if (!oct_book_best(v->books, inst, side, &l)) {
        fputs(",,", f);
        return;
    }
    oct_px_format(px, l.px);
    oct_qty_format(qty, l.qty);
    fprintf(f, ",%s,%s", px, qty);
}

static void on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct oct_bbo_tap *t = self;

    t->realtime.on_msg(t->realtime.self, step, m);
    if (m->type != OCT_MD)
        return;
    const struct oct_md *md = (const struct oct_md *)m;
    if (md->inst >= t->view->inst_cnt)
        return;
    const oct_sym *sym = &t->view->ref[md->inst].symbol;
    if (t->symbol.c[0] && memcmp(sym->c, t->symbol.c, sizeof sym->c) != 0)
        return;
    const char *kind = oct_enum_text("MD", md->kind);
    int len = 0;
    while (len < 8 && sym->c[len] > ' ')
        len++;
    fprintf(t->f, "%" PRIu64 ",%s,%" PRIu64 ",%.*s", step->feed_seq, kind ? kind : "unknown",
            md->ref, len, sym->c);
    put_side(t->f, t->view, md->inst, OCT_BUY);
    put_side(t->f, t->view, md->inst, OCT_SELL);
    fputc('\n', t->f);
    t->rows++;
}

static uint64_t digest(const void *self)
{
    const struct oct_bbo_tap *t = self;

    return t->realtime.digest(t->realtime.self);
}

bool oct_bbo_tap_init(struct oct_bbo_tap *t, struct oct_assembly *a, const char *symbol, FILE *f)
{
    *t = (struct oct_bbo_tap){.realtime = a->core->cfg.realtime, .view = &a->view, .f = f};
    if (symbol) {
        size_t n = strlen(symbol);
        if (n == 0 || n > sizeof t->symbol.c)
            return false;
        memset(t->symbol.c, ' ', sizeof t->symbol.c);
        memcpy(t->symbol.c, symbol, n);
    }
    a->core->cfg.realtime.on_msg = on_msg;
    a->core->cfg.realtime.digest = digest;
    a->core->cfg.realtime.self = t;
    fputs("seq,kind,ref,symbol,bid,bid_qty,ask,ask_qty\n", f);
    return true;
}
