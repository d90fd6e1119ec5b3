/* mirror.h - what control knows of an instance: its records, taken in one by one.
 *
 * The bridge writes it, decoding market data as the lane does; web, host and the control socket
 * read it.  Instruments and books come from market data, orders, fills and positions from the
 * lane's decisions; nothing comes from anywhere else, so that a mirror made from the journal is
 * the mirror made live.
 *
 * Thread:  the loop's.
 * Memory:  heap; books are one block that the kernel backs as it is touched; orders, fills and
 *          receipts are bounded (struct oct_mirror_cfg) and what no longer fits is counted. */
#ifndef OCT_CORE_MIRROR_H
#define OCT_CORE_MIRROR_H

#include "control/core/map.h"
#include "dataplane/book/book.h"
#include "dataplane/msg/msg.h"

struct oct_mirror_cfg {
    uint32_t inst_cnt;           /* 0: 16384 */
    uint32_t book_order_cnt_max; /* live orders of the market; 0: 2^21 */
    uint32_t book_level_cnt_max; /* 0: 2^20 */
    uint32_t order_cnt_max;      /* orders of ours remembered; 0: 2^20 */
    uint32_t fill_cnt_max;       /* 0: 2^21 */
    size_t receipt_sz;           /* bytes of decision records remembered; 0: 64 MiB */
};

/* Why a book may be wrong; 0 is in sync.  The first five follow the lane's own rules (realtime.h):
 * of all instruments gap and silent, which end by themselves; of one each stale, contrary and full,
 * which only a clear ends. */
enum oct_mirror_doubt {
    OCT_DOUBT_GAP = 1,       /* messages are missing and being recovered */
    OCT_DOUBT_SILENT = 2,    /* all lines of the feed are silent */
    OCT_DOUBT_STALE = 4,     /* messages were lost or could not be read */
    OCT_DOUBT_CONTRARY = 8,  /* the feed contradicted the book */
    OCT_DOUBT_FULL = 16,     /* no room for all orders of this book */
    OCT_DOUBT_LOST = 32,     /* we lost records and have no journal to read them from */
    OCT_DOUBT_DETACHED = 64, /* the dataplane is gone: right when it left, old by now */
    OCT_DOUBT_WARMING = 128, /* still reading the journal */
};

struct oct_mirror_inst {
    oct_sym symbol; /* blank while unknown */
    uint32_t lot;   /* 0 while unknown */
    uint8_t known;
    uint8_t doubt;   /* of this book alone */
    uint8_t assumed; /* as in verdict */
    char trading;    /* ' ' unknown */
    char short_sale; /* ' ' unknown */
    oct_px tick;
    oct_px prev_close;
    oct_px open; /* of the session's printable trades, 0 for none */
    oct_px high;
    oct_px low;
    oct_px last;
    oct_qty last_qty;
    oct_qty volume;
    oct_money turnover; /* sum of price times quantity */
    uint64_t trade_cnt;
    int64_t last_ns;    /* exchange time of the last trade */
    int64_t ts_exch_ns; /* of the last message that changed the book */
    int64_t ts_in_ns;   /* receive stamp of its packet */
    uint64_t src_seq;   /* its sequence number */
    uint64_t changes;   /* messages that changed the book */
};

/* An order of ours; the JSON of /api/orders/ is made from it. */
struct oct_mirror_order {
    uint64_t order_id;
    uint64_t orig_order_id; /* it replaced */
    uint64_t intent_id;
    uint64_t feed_seq;
    uint64_t venue_ref;
    int64_t ts_rx_ns; /* receive stamp of the tick that caused it */
    int64_t sent_ns;  /* lane time */
    int64_t ack_ns;   /* lane time of the venue's first answer, 0 while none */
    int64_t fill_ns;  /* lane time of the first fill */
    int64_t done_ns;  /* lane time it became terminal */
    int64_t update_ns;
    oct_px px;
    oct_qty qty;
    oct_qty min_qty;
    oct_qty filled; /* of the chain of replacements, as the venue counts */
    oct_qty open;
    oct_money notional; /* of the fills of this order id */
    oct_qty fill_qty;   /* of the fills of this order id */
    uint64_t receipt;   /* newest decision record, see oct_mirror_receipt */
    uint32_t serial;    /* place in the list, from 0 in order of sending */
    uint32_t user_ref;
    uint32_t inst;
    uint32_t last_fill; /* index of the newest fill, OCT_MAP_NONE for none */
    uint32_t fill_cnt;
    uint16_t strategy;
    uint16_t account;
    uint16_t reason; /* as the venue sent it; of enum oct_risk_reason when event is 0 */
    uint8_t event;   /* enum oct_ven_event of the last update */
    uint8_t state;   /* enum oct_ord_state */
    uint8_t side;
    uint8_t ord_type;
    uint8_t tif;
    uint8_t post_only;
    uint8_t hidden;
    uint8_t short_sale;
    uint8_t manual;
    uint8_t cancel_sent;
    oct_sym symbol;
};

struct oct_mirror_fill {
    struct oct_fill rec;
    uint32_t prev; /* fill of the same order before this one, OCT_MAP_NONE for none */
    uint32_t pad;
};

struct oct_mirror_pos {
    uint32_t inst;
    uint16_t strategy;
    uint16_t account;
    oct_qty pos;    /* from fills */
    oct_money cash; /* from fills: sales less purchases */
    oct_qty bought;
    oct_qty sold;
    oct_qty work_buy; /* working and in flight, from the last position record */
    oct_qty work_sell;
    oct_px mark; /* from the last position record, 0 while none */
};

/* A refusal by risk, with what was wanted. */
struct oct_mirror_refusal {
    struct oct_verdict verdict;
    struct oct_intent intent; /* hdr.type 0 when it was not seen */
    uint64_t serial;
    int64_t now_ns;
};
#define OCT_MIRROR_REFUSAL_CNT 4096u

#define OCT_MIRROR_REASON_CNT 64u
struct oct_mirror_totals {
    uint64_t records;
    uint64_t packets;
    uint64_t messages;
    uint64_t bad_messages;
    uint64_t bad_records;
    uint64_t unknown_refs; /* of orders that were never seen */
    uint64_t intents;
    uint64_t approved;
    uint64_t refused;
    uint64_t refused_by[OCT_MIRROR_REASON_CNT]; /* enum oct_risk_reason, first that held */
    uint64_t orders_sent;                       /* new and replacements */
    uint64_t acked;
    uint64_t fills;
    uint64_t cancelled;
    uint64_t rejected;
    uint64_t forgotten; /* orders or fills that the tables had no room for */
    uint64_t lost;      /* times records were lost */
    uint64_t restarts;  /* runs seen after the first */
};

/* What watchers are told; any may be NULL.  They must not change the mirror. */
struct oct_mirror_hooks {
    /* A message changed the book of a watched instrument, or printed a trade of it (trade not
     * NULL), or its state changed (neither: book false, trade NULL). */
    void (*inst)(void *self, uint32_t inst, bool book, const struct oct_md *trade);
    /* Books may have become wrong, or right again; the mirror says which. */
    void (*doubt)(void *self, uint64_t from_seq, uint64_t to_seq);
    /* Everything was thrown away: a new run that does not continue the old. */
    void (*reset)(void *self);
    /* An order, fill or refusal record was taken in. */
    void (*order)(void *self, const struct oct_msg_hdr *rec, const struct oct_mirror_order *o);
    void (*cmd_result)(void *self, const struct oct_cmd_result *r);
    void *self;
    /* in_start and in_cmd went in: for whoever keeps the limit tables. */
    void (*record)(void *record_self, const struct oct_msg_hdr *rec);
    void *record_self;
};

struct oct_mirror {
    struct oct_mirror_cfg cfg;
    struct oct_mirror_hooks hooks;
    struct oct_books *books;
    struct oct_mirror_inst *inst; /* [cfg.inst_cnt] */
    uint8_t *watched;             /* [cfg.inst_cnt], owned by whoever set the hooks */
    struct oct_map by_symbol;
    uint32_t doubt;      /* enum oct_mirror_doubt, of all books */
    uint64_t gap_to;     /* a gap lasts until this is recovered or lost */
    uint32_t symbol_gen; /* counts changes of the directory */
    uint64_t run_id;
    int64_t start_ns; /* of the run */
    int64_t now_ns;   /* lane time of the newest input */
    int64_t midnight_ns;
    uint64_t input;     /* newest */
    uint64_t feed_next; /* sequence number after the newest message */
    uint8_t ladder;     /* enum oct_ladder_state of the firm */
    uint16_t ladder_cause;
    uint8_t ladder_strategy[64];
    uint8_t ladder_account[64];
    uint64_t kill_bits;
    struct oct_mirror_order **order_chunk; /* of OCT_MIRROR_CHUNK */
    uint32_t order_cnt;
    struct oct_map by_order;
    struct oct_mirror_fill *fill;
    uint32_t fill_cnt;
    uint32_t fill_cap;
    struct oct_mirror_pos *pos;
    uint32_t pos_cnt;
    uint32_t pos_cap;
    struct oct_map by_pos;
    struct oct_mirror_refusal *refusal; /* ring of OCT_MIRROR_REFUSAL_CNT */
    uint64_t refusal_cnt;               /* ever; the newest is at (cnt - 1) % CNT */
    struct oct_mirror_totals totals;
    uint8_t *receipt;             /* ring of cfg.receipt_sz bytes */
    uint64_t receipt_head;        /* bytes ever written */
    struct oct_intent intent[64]; /* the newest, by intent_id modulo */
};

#define OCT_MIRROR_CHUNK 4096u

/* Fills in defaults.  0 or -ENOMEM. */
int oct_mirror_init(struct oct_mirror *m, const struct oct_mirror_cfg *cfg);
void oct_mirror_fini(struct oct_mirror *m);
/* Forgets everything but hooks and watchers. */
void oct_mirror_reset(struct oct_mirror *m);

/* ---- writing: the bridge ------------------------------------------------------------------- */

/* One decoded message of the feed. */
void oct_mirror_md(struct oct_mirror *m, const struct oct_md *md, uint64_t seq, int64_t ts_rx_ns);
/* A message that could not be decoded: it may have concerned any book. */
void oct_mirror_bad(struct oct_mirror *m, uint64_t seq);
/* Any other record; unknown types are ignored. */
void oct_mirror_record(struct oct_mirror *m, const struct oct_msg_hdr *rec);
/* Sets or clears bits of doubt. */
void oct_mirror_doubt(struct oct_mirror *m, uint32_t set, uint32_t clear);
/* A symbol from the published table. */
void oct_mirror_symbol(struct oct_mirror *m, uint32_t inst, oct_sym symbol);

/* ---- reading ------------------------------------------------------------------------------- */

/* By its symbol, 1 to 8 characters without padding; OCT_MAP_NONE when unknown. */
uint32_t oct_mirror_find(const struct oct_mirror *m, const char *symbol, size_t n);
/* The symbol without its padding; returns the length. */
size_t oct_mirror_sym_text(oct_sym s, char out[9]);
/* Doubt about one book. */
uint32_t oct_mirror_book_doubt(const struct oct_mirror *m, uint32_t inst);

struct oct_mirror_order *oct_mirror_order_at(const struct oct_mirror *m, uint32_t serial);
const struct oct_mirror_order *oct_mirror_order_by_id(const struct oct_mirror *m, uint64_t id);
const struct oct_mirror_refusal *oct_mirror_refusal_by_intent(const struct oct_mirror *m,
                                                              uint64_t intent_id);
/* The mid of a two-sided book, else the last trade, else the previous close, else 0. */
oct_px oct_mirror_mark(const struct oct_mirror *m, uint32_t inst);

/* Decision records of an order, newest first: start with order->receipt, then with *prev, until 0.
 * NULL when the record was overwritten: older ones are only in the journal. */
const struct oct_msg_hdr *oct_mirror_receipt(const struct oct_mirror *m, uint64_t at,
                                             uint64_t *prev);

#endif
