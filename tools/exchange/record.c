#include "tools/exchange/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/time.h"

#define DEPTH 5u

/* ---- words ----------------------------------------------------------------------------------- */

static void put_str(FILE *f, const char *s, size_t n)
{
    fputc('"', f);
    for (size_t i = 0; i < n && s[i]; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

static size_t trimmed(const char *s, size_t n)
{
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == 0))
        n--;
    return n;
}

static void put_padded(FILE *f, const char *s, size_t n)
{
    put_str(f, s, trimmed(s, n));
}

static void put_px_e4(FILE *f, uint64_t e4)
{
    fprintf(f, "\"%" PRIu64 ".%04" PRIu64 "\"", e4 / 10000, e4 % 10000);
}

static void put_date(FILE *f, uint32_t date)
{
    fprintf(f, "%u", date);
}

/* ---- feed ------------------------------------------------------------------------------------ */

static void put_types(FILE *f, const char *name, const uint64_t cnt[256])
{
    fprintf(f, "\"%s\": {", name);
    const char *sep = "";
    for (int t = 0; t < 256; t++)
        if (cnt[t]) {
            fprintf(f, "%s\"%c\": %" PRIu64, sep, t, cnt[t]);
            sep = ", ";
        }
    fputs("}", f);
}

static void put_session(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_sessfile_stats *s = oct_sessfile_stats(r->source);
    fputs("  \"session\": {\"name\": ", f);
    put_padded(f, (const char *)r->pub.session, sizeof r->pub.session);
    fputs(", \"date\": ", f);
    put_date(f, r->date);
    fputs(", \"source\": ", f);
    const char *path = r->opts.session.path;
    put_str(f, path ? path : "generator", path ? strlen(path) : 9);
    fprintf(f, ", \"format\": \"%s\", \"seed\": %" PRIu64,
            oct_sessfile_format_name(oct_sessfile_format(r->source)), r->opts.gen.seed);
    fprintf(f, ",\n    \"complete\": %s, \"truncated\": %s, \"tail_bytes\": %" PRIu64,
            r->ended ? "true" : "false", s->truncated ? "true" : "false", s->tail_bytes);
    fprintf(f, ", \"filtered\": %" PRIu64 ", \"synthetic\": %" PRIu64, s->filtered, s->synthetic);
    fputs(", \"warning\": ", f);
    const char *w = oct_sessfile_warning(r->source);
    put_str(f, w, strlen(w));
    fputs(", \"error\": ", f);
    const char *e = oct_sessfile_error(r->source);
    put_str(f, e, strlen(e));
    fputs("},\n", f);
}

static void put_line(FILE *f, const struct oct_exch_line *l, char name)
{
    const struct oct_exch_line_stats *s = &l->stats;
    fprintf(f,
            "    {\"line\": \"%c\", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
            ", \"dropped\": %" PRIu64 ", \"doubled\": %" PRIu64 ", \"reordered\": %" PRIu64
            ", \"delayed\": %" PRIu64 ", \"send_errors\": %" PRIu64 "}",
            name, s->packets, s->bytes, s->dropped, s->doubled, s->reordered, s->delayed,
            s->send_errors);
}

static void put_feed(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_exch_pub *p = &r->pub;
    const struct oct_exch_rewind_stats *w = &p->rewind;
    fprintf(f,
            "  \"feed\": {\"pace\": \"%s\", \"lock_step\": %s, \"messages\": %" PRIu64
            ", \"packets\": %" PRIu64 ", \"heartbeats\": %" PRIu64 ", \"bad_messages\": %" PRIu64
            ",\n    \"faults\": ",
            r->opts.pace_text, p->cfg.pace == OCT_EXCH_LOCK_STEP ? "true" : "false",
            p->store.next - 1, p->packets, p->heartbeats, p->bad_msgs);
    const char *t = r->opts.faults_text ? r->opts.faults_text : "";
    put_str(f, t, strlen(t));
    fputs(",\n    ", f);
    put_types(f, "messages_by_type", p->msg_cnt);
    fputs(",\n    ", f);
    put_types(f, "unknown_references_by_type", p->unknown_cnt);
    fputs(",\n    \"lines\": [\n", f);
    put_line(f, &p->line[0], 'a');
    fputs(",\n", f);
    put_line(f, &p->line[1], 'b');
    fprintf(f,
            "],\n    \"rewind\": {\"requests\": %" PRIu64 ", \"answers\": %" PRIu64
            ", \"messages\": %" PRIu64 ", \"bad\": %" PRIu64 ", \"bad_session\": %" PRIu64
            ", \"not_held\": %" PRIu64 ", \"refused\": %" PRIu64 "},\n",
            w->requests, w->answers, w->messages, w->bad, w->bad_session, w->not_held, w->refused);
    fprintf(f,
            "    \"consumer\": {\"reports\": %" PRIu64 ", \"next_feed_seq\": %" PRIu64
            ", \"orders_sent\": %" PRIu64 ", \"next_answer_seq\": %" PRIu64 ", \"forced\": %" PRIu64
            "}},\n",
            p->reports, p->pos_feed, p->pos_sent, p->pos_venue, p->forced);
}

/* ---- books ----------------------------------------------------------------------------------- */

static void put_side(FILE *f, const struct oct_books *b, uint32_t inst, enum oct_side side)
{
    struct oct_level l[DEPTH];
    uint32_t n = oct_book_depth(b, inst, side, l, DEPTH);
    fputc('[', f);
    for (uint32_t i = 0; i < n; i++) {
        char px[OCT_DECIMAL_SZ], qty[OCT_DECIMAL_SZ];
        oct_px_format(px, l[i].px);
        oct_qty_format(qty, l[i].qty);
        fprintf(f, "%s[\"%s\", \"%s\"]", i ? ", " : "", px, qty);
    }
    fputc(']', f);
}

static void put_books(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_exch_symbols *s = r->desk.symbols;
    const struct oct_books *b = oct_match_books(r->desk.match);
    fputs("  \"books\": {", f);
    const char *sep = "\n";
    for (uint32_t i = 1; i < OCT_EXCH_LOCATE_CNT; i++) {
        if (s->name[i].c[0] == 0)
            continue;
        struct oct_level l;
        if (!oct_book_best(b, i, OCT_BUY, &l) && !oct_book_best(b, i, OCT_SELL, &l))
            continue;
        fputs(sep, f);
        sep = ",\n";
        fputs("    ", f);
        put_padded(f, s->name[i].c, 8);
        fprintf(f, ": {\"locate\": %u, \"bids\": ", i);
        put_side(f, b, i, OCT_BUY);
        fputs(", \"asks\": ", f);
        put_side(f, b, i, OCT_SELL);
        fputc('}', f);
    }
    fputs("},\n", f);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static const char *const state_name[] = {"live", "filled", "cancelled", "replaced", "rejected"};

static void put_totals(FILE *f, const struct oct_exch_run *r)
{
    uint64_t by_state[5] = {0}, filled_orders = 0;
    const struct oct_exch_desk *d = &r->desk;
    for (uint32_t i = 1; i < d->order_cnt; i++) {
        by_state[d->order[i].state]++;
        filled_orders += d->order[i].filled > 0;
    }
    uint64_t in = 0, accepted = 0, replaced = 0, ignored = 0, bad = 0, cancels = 0, shares = 0;
    for (uint32_t u = 0; u < d->user_cnt; u++) {
        const struct oct_exch_user *x = &d->user[u];
        in += x->in_msgs;
        accepted += x->accepted;
        replaced += x->replaced;
        ignored += x->ignored;
        bad += x->bad;
        cancels += x->cancels;
        shares += x->filled_shares;
    }
    fprintf(f,
            "  \"orders\": {\"messages\": %" PRIu64 ", \"accepted\": %" PRIu64
            ", \"replaced\": %" PRIu64 ", \"rejected\": %" PRIu64 ", \"filled\": %" PRIu64
            ", \"cancelled\": %" PRIu64 ", \"live\": %" PRIu64,
            in, accepted, replaced, by_state[OCT_EXCH_REJECTED], by_state[OCT_EXCH_FILLED],
            by_state[OCT_EXCH_CANCELLED], by_state[OCT_EXCH_LIVE]);
    fprintf(f,
            ", \"with_fills\": %" PRIu64 ", \"fills\": %u, \"filled_shares\": %" PRIu64
            ", \"cancel_messages\": %" PRIu64 ", \"ignored\": %" PRIu64 ", \"bad\": %" PRIu64
            "},\n",
            filled_orders, d->fill_cnt, shares, cancels, ignored, bad);
}

static void put_users(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_exch_gate *g = &r->gate;
    fprintf(f,
            "  \"logins\": {\"accepted\": %" PRIu64 ", \"rejected\": %" PRIu64
            ", \"disconnects\": %" PRIu64 ", \"bad_streams\": %" PRIu64 "},\n  \"users\": [",
            g->logins, g->rejected_logins, g->disconnects, g->bad_streams);
    for (uint32_t u = 0; u < r->desk.user_cnt; u++) {
        const struct oct_exch_user *x = &r->desk.user[u];
        fprintf(f, "%s\n    {\"user\": \"%s\", \"firm\": ", u ? "," : "", x->name);
        put_padded(f, x->firm, 4);
        fprintf(f,
                ", \"next_seq\": %" PRIu64 ", \"next_user_ref\": %u, \"messages\": %" PRIu64
                ", \"accepted\": %" PRIu64 ", \"replaced\": %" PRIu64 ", \"rejected\": %" PRIu64
                ", \"fills\": %" PRIu64 ", \"filled_shares\": %" PRIu64 ", \"ignored\": %" PRIu64
                ", \"bad\": %" PRIu64 "}",
                x->log.cnt + 1, x->last_ref + 1, x->in_msgs, x->accepted, x->replaced, x->rejected,
                x->fills, x->filled_shares, x->ignored, x->bad);
    }
    fputs("],\n", f);
}

static void put_order(FILE *f, const struct oct_exch_run *r, uint32_t i)
{
    const struct oct_exch_order *o = &r->desk.order[i];
    fprintf(f, "    {\"venue_ref\": %" PRIu64 ", \"user\": \"%s\", \"user_ref\": %u", o->venue_ref,
            r->desk.user[o->user].name, o->in.user_ref);
    if (o->in.type == 'U')
        fprintf(f, ", \"orig_user_ref\": %u", o->in.orig_user_ref);
    fprintf(f, ", \"order_id\": \"%" PRIu64 "\", \"cl_ord_id\": ",
            oct_ouch50_order_id((const uint8_t *)o->in.cl_ord_id));
    put_padded(f, o->in.cl_ord_id, sizeof o->in.cl_ord_id);
    fputs(", \"symbol\": ", f);
    put_padded(f, o->in.symbol.c, 8);
    fputs(", \"side\": ", f);
    put_str(f, &o->in.side, 1);
    fputs(", \"tif\": ", f);
    put_str(f, &o->in.tif, 1);
    fputs(", \"px\": ", f);
    put_px_e4(f, o->in.px);
    fprintf(f,
            ", \"quantity\": %u, \"filled\": %u, \"cancelled\": %u, \"decremented\": %u, "
            "\"open\": %u, \"state\": \"%s\", \"stamp_ns\": %" PRIu64,
            o->qty, o->filled, o->cancelled, o->decremented, o->open, state_name[o->state],
            o->stamp_ns);
    if (o->cancel) {
        fputs(", \"cancel_reason\": ", f);
        put_str(f, &o->cancel, 1);
    }
    if (o->reject)
        fprintf(f, ", \"reject_reason\": %u", o->reject);
    fputc('}', f);
}

static void put_orders(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_exch_desk *d = &r->desk;
    fputs("  \"order_list\": [", f);
    for (uint32_t i = 1; i < d->order_cnt; i++) {
        fputs(i > 1 ? ",\n" : "\n", f);
        put_order(f, r, i);
    }
    fputs("],\n  \"fill_list\": [", f);
    for (uint32_t i = 0; i < d->fill_cnt; i++) {
        const struct oct_exch_fill *x = &d->fill[i];
        const struct oct_exch_order *o = &d->order[x->order];
        fprintf(f,
                "%s\n    {\"match\": %" PRIu64 ", \"venue_ref\": %" PRIu64
                ", \"user\": \"%s\", \"user_ref\": %u, \"order_id\": \"%" PRIu64
                "\", \"quantity\": %u, \"px\": ",
                i ? "," : "", x->match_id, o->venue_ref, d->user[o->user].name, o->in.user_ref,
                oct_ouch50_order_id((const uint8_t *)o->in.cl_ord_id), x->qty);
        put_px_e4(f, x->px);
        fprintf(f,
                ", \"liquidity\": \"%c\", \"recorded_ref\": %" PRIu64 ", \"stamp_ns\": %" PRIu64
                ", \"broken\": %s}",
                x->liquidity, x->ref, x->stamp_ns, x->broken ? "true" : "false");
    }
    fputs("],\n", f);
}

/* ---- positions ------------------------------------------------------------------------------- */

struct position {
    uint32_t user;
    oct_sym symbol;
    int64_t bought, sold;
    __int128 cash; /* ten-thousandths */
};

static int by_user_symbol(const void *a, const void *b)
{
    const struct position *x = a, *y = b;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    return memcmp(x->symbol.c, y->symbol.c, sizeof x->symbol.c);
}

static uint32_t sum_positions(const struct oct_exch_desk *d, struct position *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->fill_cnt; i++) {
        const struct oct_exch_fill *x = &d->fill[i];
        const struct oct_exch_order *o = &d->order[x->order];
        if (x->broken)
            continue;
        bool buy = o->in.side == 'B';
        __int128 worth = (__int128)x->px * x->qty;
        p[n++] = (struct position){o->user, o->in.symbol, buy ? x->qty : 0, buy ? 0 : x->qty,
                                   buy ? -worth : worth};
    }
    qsort(p, n, sizeof *p, by_user_symbol);
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (m > 0 && by_user_symbol(&p[m - 1], &p[i]) == 0) {
            p[m - 1].bought += p[i].bought;
            p[m - 1].sold += p[i].sold;
            p[m - 1].cash += p[i].cash;
        } else {
            p[m++] = p[i];
        }
    }
    return m;
}

static int put_positions(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_exch_desk *d = &r->desk;
    struct position *p = calloc(d->fill_cnt + 1u, sizeof *p);
    if (!p)
        return -ENOMEM;
    uint32_t n = sum_positions(d, p);
    fputs("  \"positions\": [", f);
    for (uint32_t i = 0; i < n; i++) {
        char cash[OCT_DECIMAL_SZ];
        oct_decimal_format(cash, p[i].cash, 4, 4);
        fprintf(f, "%s\n    {\"user\": \"%s\", \"symbol\": ", i ? "," : "",
                d->user[p[i].user].name);
        put_padded(f, p[i].symbol.c, 8);
        fprintf(f,
                ", \"position\": %" PRId64 ", \"bought\": %" PRId64 ", \"sold\": %" PRId64
                ", \"cash\": \"%s\"}",
                p[i].bought - p[i].sold, p[i].bought, p[i].sold, cash);
    }
    fputs("],\n", f);
    free(p);
    return 0;
}

static void put_match(FILE *f, const struct oct_exch_run *r)
{
    const struct oct_match_stats *s = oct_match_stats(r->desk.match);
    fprintf(f,
            "  \"matching\": {\"recorded_messages\": %" PRIu64 ", \"unknown_references\": %" PRIu64
            ", \"refused\": %" PRIu64 ", \"anomalies\": %" PRIu64 ", \"ledger_full\": %" PRIu64
            ", \"recorded_orders_live\": %u}\n",
            s->msgs, s->unknown_ref, s->refused, s->anomalies, s->ledger_full,
            oct_books_order_cnt(oct_match_books(r->desk.match)));
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Opens a file beside path; publish renames it into place. */
static FILE *begin(const char *path, char tmp[512])
{
    snprintf(tmp, 512, "%s.%d.tmp", path, (int)getpid());
    return fopen(tmp, "we");
}

static int publish(FILE *f, const char *tmp, const char *path)
{
    int rc = ferror(f) || fflush(f) != 0 ? -EIO : 0;
    if (fclose(f) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(tmp, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(tmp);
    return rc;
}

int oct_exch_record_write(const struct oct_exch_run *r, const char *path)
{
    char tmp[512];
    FILE *f = begin(path, tmp);
    if (!f)
        return -errno;
    fputs("{\n", f);
    put_session(f, r);
    put_feed(f, r);
    put_books(f, r);
    put_totals(f, r);
    put_users(f, r);
    put_orders(f, r);
    int rc = put_positions(f, r);
    put_match(f, r);
    fputs("}\n", f);
    int rc2 = publish(f, tmp, path);
    return rc ? rc : rc2;
}

int oct_exch_ports_write(const struct oct_exch_run *r, const char *path)
{
    char tmp[512];
    FILE *f = begin(path, tmp);
    if (!f)
        return -errno;
    fprintf(f,
            "{\"pid\": %d, \"order_port\": %u, \"rewind_port\": %u, \"session\": ", (int)getpid(),
            r->gate.port, r->pub.rewind_port);
    put_padded(f, (const char *)r->pub.session, sizeof r->pub.session);
    fputs(", \"session_date\": ", f);
    put_date(f, r->date);
    fputs(", \"users\": [", f);
    for (uint32_t u = 0; u < r->desk.user_cnt; u++)
        fprintf(f, "%s\"%s\"", u ? ", " : "", r->desk.user[u].name);
    fputs("]}\n", f);
    return publish(f, tmp, path);
}
