/* LOBSTER files: the best bid and offer after every row, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/book/book.h"
#include "tests/unit/tools/exchange/fixture.h"

#define MSGS "lobster-amzn-20120621-L1/AMZN_2012-06-21_34200000_57600000_message_1.csv.xz"
#define BOOK "lobster-amzn-20120621-L1/AMZN_2012-06-21_34200000_57600000_orderbook_1.csv.xz"

struct books {
    struct oct_books *b;
    void *mem;
    uint64_t unknown;
};

static struct books new_books(void)
{
    struct oct_books_cfg cfg = {
        .inst_cnt = 4, .order_cnt_max = 1 << 17, .level_cnt_max = 1 << 16, .seed = 3};
    struct books b = {0};
    b.mem = aligned_alloc(128, oct_align_up(oct_books_footprint(&cfg), 128));
    b.b = oct_books_new(b.mem, &cfg);
    return b;
}

static void apply(struct books *b, const struct oct_sessfile_msg *m)
{
    struct oct_md md;
    struct oct_book_touch t;
    int rc = 0;
    cr_assert_eq(oct_itch50_md(m->data, m->sz, 0, 0, &md), OCT_FEED_OK);
    switch (md.kind) {
    case OCT_MD_ADD:
        rc = oct_book_add(b->b, md.inst, md.ref, md.side, md.px, md.qty, &t);
        break;
    case OCT_MD_EXEC:
    case OCT_MD_REDUCE:
        rc = oct_book_reduce(b->b, md.ref, md.qty, &t);
        break;
    case OCT_MD_DELETE:
        rc = oct_book_delete(b->b, md.ref, &t);
        break;
    default:
        break;
    }
    b->unknown += rc < 0;
}

struct oracle {
    long px[2], qty[2];
};

static struct oracle oracle_row(const char **p)
{
    struct oracle o;
    char *end;
    o.px[OCT_SELL] = strtol(*p, &end, 10);
    o.qty[OCT_SELL] = strtol(end + 1, &end, 10);
    o.px[OCT_BUY] = strtol(end + 1, &end, 10);
    o.qty[OCT_BUY] = strtol(end + 1, &end, 10);
    *p = end + (*end != 0);
    return o;
}

static bool equal(const struct books *b, const struct oracle *o)
{
    for (int side = 0; side < 2; side++) {
        struct oct_level l;
        if (!oct_book_best(b->b, 1, side, &l) || l.px.v != o->px[side] * OCT_PX_E4 ||
            l.qty.v != o->qty[side] * OCT_QTY_ONE)
            return false;
    }
    return true;
}

Test(lobster, rows_become_messages_of_their_type)
{
    struct oct_sessfile_cfg cfg = {.path = shared_file(MSGS)};
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *s;
    struct oct_sessfile_msg m;
    uint64_t own[256] = {0};
    cr_assert_eq(oct_sessfile_open(&s, &cfg, err), 0, "%s", err);
    while (oct_sessfile_next(s, &m) == 1)
        if (!m.synthetic)
            own[m.data[0]]++;
    const struct oct_sessfile_stats *st = oct_sessfile_stats(s);
    cr_expect_eq(st->rows, 57515);
    cr_expect_eq(st->date, 20120621);
    cr_expect_eq(st->unexplained, 0);
    cr_expect_eq(own['A'], 27845);
    cr_expect_eq(own['E'], 8974);
    cr_expect_eq(own['P'], 2445);
    /* a partial cancel that takes all of what is seen of an order is a delete in ITCH */
    cr_expect_eq(own['X'] + own['D'], 16 + 18235);
    oct_sessfile_close(s);
}

Test(lobster, best_bid_and_offer_follow_the_oracle_after_every_row, .timeout = 60)
{
    char msgs[512];
    snprintf(msgs, sizeof msgs, "%s", shared_file(MSGS));
    size_t sz;
    char *rows = (char *)read_all(shared_file(BOOK), &sz);
    rows = realloc(rows, sz + 1);
    rows[sz] = 0;
    struct oct_sessfile_cfg cfg = {.path = msgs};
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *s;
    cr_assert_eq(oct_sessfile_open(&s, &cfg, err), 0, "%s", err);
    struct books b = new_books();
    const char *at = rows;
    struct oracle before = {0}, now = oracle_row(&at);
    uint64_t row = 1, same = 0, wrong = 0, adjusted_rows = 0, adjusted_elsewhere = 0;
    bool adjusted = false;
    struct oct_sessfile_msg m;
    int rc;
    while ((rc = oct_sessfile_next(s, &m)) >= 0) {
        if (rc == 1 && (m.row == row || (m.row == 0 && row == 1))) {
            adjusted |= m.synthetic && m.row == row;
            apply(&b, &m);
            continue;
        }
        /* the row is over */
        bool revealed = row == 1 || now.px[OCT_BUY] < before.px[OCT_BUY] ||
                        now.px[OCT_SELL] > before.px[OCT_SELL];
        same += equal(&b, &now);
        wrong += !equal(&b, &now);
        adjusted_rows += adjusted;
        adjusted_elsewhere += adjusted && !revealed;
        if (rc == 0 || m.row == 0)
            break;
        cr_assert_eq(m.row, ++row);
        before = now;
        now = oracle_row(&at);
        adjusted = m.synthetic;
        apply(&b, &m);
    }
    printf("rows equal %lu, different %lu, adjusted at %lu rows\n", same, wrong, adjusted_rows);
    cr_expect_eq(same, 57515);
    cr_expect_eq(wrong, 0);
    cr_expect_eq(adjusted_elsewhere, 0, "the book follows from the rows between reveals");
    cr_expect_leq(adjusted_rows, 13953 + 1);
    cr_expect_eq(b.unknown, 0);
    oct_sessfile_close(s);
    free(b.mem);
    free(rows);
}

Test(lobster, without_the_orderbook_every_reference_is_known_and_nothing_crosses, .timeout = 60)
{
    struct oct_sessfile_cfg cfg = {.path = shared_file(MSGS), .no_orderbook = true};
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *s;
    struct oct_sessfile_msg m;
    cr_assert_eq(oct_sessfile_open(&s, &cfg, err), 0, "%s", err);
    struct books b = new_books();
    uint64_t crossed = 0, rows = 0, last = 0;
    while (oct_sessfile_next(s, &m) == 1) {
        if (m.row != last) {
            struct oct_level bid, ask;
            crossed += oct_book_best(b.b, 1, OCT_BUY, &bid) &&
                       oct_book_best(b.b, 1, OCT_SELL, &ask) && bid.px.v >= ask.px.v;
            last = m.row;
            rows++;
        }
        apply(&b, &m);
    }
    cr_expect_eq(b.unknown, 0);
    cr_expect_gt(rows, 57000);
    printf("crossed after %lu rows, unexplained %lu\n", crossed,
           oct_sessfile_stats(s)->unexplained);
    cr_expect_eq(crossed, 0);
    oct_sessfile_close(s);
    free(b.mem);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static int open_text(const char *text, char *err)
{
    struct oct_sessfile_cfg cfg = {.path = temp_file("_message_1.csv", text, strlen(text))};
    struct oct_sessfile *s;
    int rc = oct_sessfile_open(&s, &cfg, err);
    if (rc == 0)
        oct_sessfile_close(s);
    return rc;
}

Test(lobster, garbage_line_is_refused_with_its_number_and_reason)
{
    static const struct {
        const char *line, *why;
    } bad[] = {
        {"34200.1,1,x,100,2239500,1", "order number"},
        {"34200.1,9,7,100,2239500,1", "type"},
        {"99999.1,1,7,100,2239500,1", "time"},
        {"34200.1,1,7,0,2239500,1", "size"},
        {"34200.1,1,7,100,-5,1", "price"},
        {"34200.1,1,7,100,2239500,3", "direction"},
        {"34200.1,1,7,100,2239500,1,8", "six columns"},
        {"34200.1,1,7", "size"},
        {",,,,,", "time"},
    };
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        char text[256], err[OCT_SESSFILE_ERR_SZ];
        snprintf(text, sizeof text, "34200.01,1,5,100,2239500,1\n34200.02,1,6,100,2239600,-1\n%s\n",
                 bad[i].line);
        cr_expect_eq(open_text(text, err), -EBADMSG, "%s", bad[i].line);
        cr_expect(strstr(err, "line 3:"), "%s", err);
        cr_expect(strstr(err, bad[i].why), "%s: %s", bad[i].line, err);
    }
}

Test(lobster, last_line_cut_short_is_left_out_and_told)
{
    const char *text = "34200.01,1,5,100,2239500,1\n34200.02,1,6,1";
    struct oct_sessfile_cfg cfg = {.path = temp_file("_message_1.csv", text, strlen(text))};
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *s;
    cr_assert_eq(oct_sessfile_open(&s, &cfg, err), 0, "%s", err);
    cr_expect_eq(oct_sessfile_stats(s)->rows, 1);
    cr_expect(oct_sessfile_stats(s)->truncated);
    oct_sessfile_close(s);
}

Test(lobster, halts_and_crosses_are_told)
{
    const char *text = "34200.01,1,5,100,2239500,1\n34201,7,0,0,-1,-1\n34202,7,0,0,0,-1\n"
                       "34203,7,0,0,1,-1\n34204,6,0,500,2239500,-1\n";
    struct oct_sessfile_cfg cfg = {.path = temp_file("_message_1.csv", text, strlen(text))};
    char err[OCT_SESSFILE_ERR_SZ], states[8] = "";
    struct oct_sessfile *s;
    struct oct_sessfile_msg m;
    uint64_t crosses = 0;
    cr_assert_eq(oct_sessfile_open(&s, &cfg, err), 0, "%s", err);
    while (oct_sessfile_next(s, &m) == 1) {
        if (m.data[0] == 'H' && m.row > 0)
            strncat(states, (const char *)m.data + 19, 1);
        crosses += m.data[0] == 'Q';
    }
    cr_expect_str_eq(states, "HQT");
    cr_expect_eq(crosses, 1);
    oct_sessfile_close(s);
}
