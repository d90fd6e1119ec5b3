/* top.h - what `octopusctl top` shows: read from shared memory alone, a page of text at a time.
 *
 * Counters come from their table, rates from two looks at it; books, orders and positions from the
 * ring, from the moment top started (the lane never waits for us: when it laps us, we go on at the
 * newest and say so).
 *
 * Thread: one. */
#ifndef OCT_OCTOPUSCTL_TOP_H
#define OCT_OCTOPUSCTL_TOP_H

#include "tools/octopusctl/cli.h"

#define OCT_TOP_COUNTER_MAX 1024u
#define OCT_TOP_ORDER_MAX   256u
#define OCT_TOP_POS_MAX     1024u
#define OCT_TOP_LINE_MAX    512u
#define OCT_TOP_LINE_SZ     200u

enum oct_top_pane {
    OCT_TOP_FEEDS = 1,
    OCT_TOP_BOOKS,
    OCT_TOP_ORDERS,
    OCT_TOP_RISK,
    OCT_TOP_SESSIONS,
    OCT_TOP_LATENCY,
    OCT_TOP_ERRORS,
    OCT_TOP_HELP,
};

struct oct_top_inst {
    oct_px bid;
    oct_px ask;
    oct_qty bid_qty;
    oct_qty ask_qty;
    oct_px last;
    uint64_t changes;
    uint64_t changes_then;
    uint64_t trades;
};

struct oct_top_order {
    struct oct_order order;
    struct oct_order_update update; /* hdr.type 0: none yet */
};

struct oct_top {
    struct oct_cli *c;
    struct oct_pub shm;
    bool joined;
    struct oct_ring_reader reader;
    uint64_t run_id;
    struct oct_top_inst *inst;
    uint32_t inst_cnt;
    struct oct_top_order order[OCT_TOP_ORDER_MAX]; /* ring, the newest at order_cnt - 1 */
    uint64_t order_cnt;
    struct oct_position pos[OCT_TOP_POS_MAX];
    uint32_t pos_cnt;
    uint64_t value[OCT_TOP_COUNTER_MAX]; /* as last shown */
    uint64_t then[OCT_TOP_COUNTER_MAX];  /* the time before */
    double span_s;                       /* between the two */
    int64_t looked_ns;
    enum oct_top_pane pane;
    bool totals; /* totals instead of rates */
    bool by_name;
    char filter[32];
    char line[OCT_TOP_LINE_MAX][OCT_TOP_LINE_SZ];
    uint32_t line_cnt;
};

int oct_top_init(struct oct_top *t, struct oct_cli *c);
void oct_top_fini(struct oct_top *t);

/* Takes in what the ring has, for at most 20 ms, and looks at counters anew when span_s passed since
 * the last look (or always, with force).  Joins again when the dataplane was started again. */
void oct_top_look(struct oct_top *t, double span_s, bool force);

/* Makes the page: t->line. */
void oct_top_page(struct oct_top *t);

/* The curses screen; returns an exit status. */
int oct_top_screen(struct oct_top *t, double delay_s);

#endif
