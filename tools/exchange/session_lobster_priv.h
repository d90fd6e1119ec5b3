/* session_lobster_priv.h - state of a LOBSTER conversion. */
#ifndef OCT_TOOLS_EXCHANGE_SESSION_LOBSTER_PRIV_H
#define OCT_TOOLS_EXCHANGE_SESSION_LOBSTER_PRIV_H

#include "dataplane/book/book.h"
#include "drivers/feed/itch50.h"
#include "tools/exchange/session_lobster.h"
#include "tools/exchange/session_priv.h"

#define LOB_NONE      UINT32_MAX
#define LOB_LOCATE    1u
#define LOB_QUEUE_MAX 65536u
#define LOB_MADE      (UINT64_C(1) << 63) /* references of residual orders */

/* An order as the file tells of it. */
struct lob_order {
    uint64_t id;
    uint32_t touch_left; /* shares that coming rows take from it */
    uint32_t next;       /* in the list of those that come at one moment */
    int32_t px;          /* of its first row */
    uint8_t side;
    uint8_t last_type; /* of its last row */
    uint8_t first_type;
    uint8_t pad[5];
};

/* A message that waits to be handed out. */
struct lob_out {
    uint64_t row;
    uint8_t sz;
    bool synthetic;
    uint8_t pad[6];
    uint8_t msg[OCT_ITCH50_SZ_MAX + SESS_PAD];
};

struct lobster {
    struct lobster_row *row;
    uint32_t row_cnt;
    struct lobster_bbo *bbo; /* after each row; NULL without an orderbook file */
    struct lob_order *order;
    uint32_t order_cnt;
    uint32_t *slot; /* hash of their numbers */
    uint32_t mask;
    uint32_t *come; /* first order that comes before row i, by i */
    struct oct_books *books;
    void *books_mem;
    struct oct_book_order *queue; /* [LOB_QUEUE_MAX] */
    char symbol[8];
    uint32_t at;    /* next row */
    uint32_t phase; /* 0 before the rows, 1 in them, 2 after */
    uint64_t next_made;
    uint64_t next_match;
    int64_t now_ns;
    struct lob_out *out; /* made by one row */
    uint32_t out_cnt;
    uint32_t out_cap;
    uint32_t out_idx;
    bool out_failed; /* no memory for it */
};

OCT_INLINE enum oct_side lob_side(const struct lobster_row *r)
{
    return r->dir > 0 ? OCT_BUY : OCT_SELL;
}

OCT_INLINE oct_px lob_px(int32_t px)
{
    return oct_px_from_e4(px);
}

/* session_lobster_load.c: reads both files, finds out which orders come when. */
int lob_load(struct oct_sessfile *s, struct lobster *l, const struct oct_sessfile_cfg *cfg);

/* Index of an order by its number, LOB_NONE when the file has none. */
uint32_t lob_find(const struct lobster *l, uint64_t id);

/* session_lobster_play.c: makes the messages of one row, of the beginning, of the end. */
void lob_begin_day(struct lobster *l);
void lob_play(struct oct_sessfile *s, struct lobster *l, uint32_t i);
void lob_end_day(struct lobster *l);

#endif
