/* view.h - what one agent may read of another: read-only views, each with one owning agent.
 *
 * Plain structs in tables indexed by dense instrument id; the owner writes them inside its step,
 * readers read them inside theirs: one thread, no synchronization.  Ids at or above inst_cnt are
 * unknown instruments: check first. */
#ifndef OCT_PORT_VIEW_H
#define OCT_PORT_VIEW_H

#include "dataplane/book/book.h"
#include "dataplane/msg/msg.h"

/* Owner: realtime.  One line an instrument, everything a decision needs first. */
struct oct_inst_view {
    oct_px bid_px; /* 0 for none */
    oct_px ask_px;
    oct_qty bid_qty;
    oct_qty ask_qty;
    oct_px last_px;  /* last sale, printable, 0 for none */
    int64_t last_ns; /* lane time of the last sale */
    int64_t bbo_ns;  /* lane time of the last BBO change */
    uint8_t known;   /* directory entry, from the venue or assumed */
    uint8_t stale;   /* OCT_STALE_*: why the book may be wrong, 0 when it is in sync */
    char trading;    /* 'T' trading, 'H' halted, 'P' paused, 'Q' quotation only, ' ' unknown */
    char short_sale; /* '0' none, '1' restricted, '2' restricted (in effect), ' ' unknown */
    uint8_t assumed; /* 1 trading state, 2 directory, 4 short-sale state: from reference data */
    uint8_t locked;  /* 1 locked, 2 crossed */
    uint8_t own;     /* realtime's */
    uint8_t pad;
};
_Static_assert(sizeof(struct oct_inst_view) == 64, "one line");

enum oct_stale {
    OCT_STALE_GAP = 1,      /* messages are missing and being recovered */
    OCT_STALE_SILENT = 2,   /* all lines are silent */
    OCT_STALE_LOST = 4,     /* messages were lost, until a clear */
    OCT_STALE_CONTRARY = 8, /* the feed contradicted the book, until a clear */
    OCT_STALE_ROOM = 16,    /* orders were refused for lack of room, until a clear */
};

/* (bid - ask) / (bid + ask) quantity at the top, -1 to 1; 0 when the book is empty. */
OCT_INLINE double oct_view_imbalance(const struct oct_inst_view *v)
{
    double bid = (double)v->bid_qty.v, ask = (double)v->ask_qty.v;
    return bid + ask > 0 ? (bid - ask) / (bid + ask) : 0.0;
}

/* (bid_px * ask_qty + ask_px * bid_qty) / (bid_qty + ask_qty), in currency; NAN unless both sides
 * are there. */
OCT_INLINE double oct_view_microprice(const struct oct_inst_view *v)
{
    if (v->bid_px.v == 0 || v->ask_px.v == 0)
        return __builtin_nan("");
    double bid = (double)v->bid_qty.v, ask = (double)v->ask_qty.v;
    return ((double)v->bid_px.v * ask + (double)v->ask_px.v * bid) / (bid + ask) * 1e-9;
}

/* Owner: realtime.  Slow-changing facts. */
struct oct_inst_ref {
    oct_sym symbol;
    oct_px tick;       /* at or above one dollar */
    oct_px tick_sub;   /* below one dollar */
    oct_px prev_close; /* 0 when unknown */
    uint32_t lot;      /* round lot, shares */
    uint32_t pad;
    uint64_t pad1[3];
};
_Static_assert(sizeof(struct oct_inst_ref) == 64, "one line");

/* Owner: realtime.  Streaming indicators, per instrument, on the bar interval that the profile
 * chooses, NAN until they have enough input. */
struct oct_features {
    double sma_fast;    /* 20 bars */
    double sma_slow;    /* 50 bars */
    double ema_fast;    /* 12 bars */
    double ema_slow;    /* 26 bars */
    double rsi;         /* 14 bars, 0 to 100 */
    double macd;        /* ema12 - ema26 */
    double macd_signal; /* ema9 of macd */
    double boll_mid;    /* 20 bars */
    double boll_up;     /* + 2 standard deviations */
    double boll_low;    /* - 2 standard deviations */
    double atr;         /* 14 bars */
    double momentum;    /* close over close 10 bars ago, minus 1 */
    double vwap;        /* of the session so far */
    double last_close;  /* close of the last bar */
    uint32_t bar_cnt;   /* bars closed so far */
    uint32_t pad;
    uint64_t pad1;
};
_Static_assert(sizeof(struct oct_features) == 128, "two lines");

/* Owner: risk.  Position of one strategy in one instrument. */
struct oct_pos_view {
    oct_qty pos; /* filled */
    oct_qty buy; /* working and in flight */
    oct_qty sell;
};

/* Owner: execution.  One of our orders, as far as it is known. */
struct oct_order_view {
    uint64_t order_id;
    uint64_t pending_id; /* replacement in flight, 0 for none */
    oct_px px;
    oct_qty qty;    /* total liable, fills of the whole chain included */
    oct_qty filled; /* of the whole chain */
    oct_qty open;   /* counts as exposure */
    uint32_t inst;
    uint32_t user_ref;
    uint16_t strategy;
    uint16_t account;
    uint8_t state; /* enum oct_ord_state */
    uint8_t side;
    uint8_t ord_type;
    uint8_t tif;
};

struct oct_view {
    const struct oct_inst_view *inst;    /* [inst_cnt] */
    const struct oct_inst_ref *ref;      /* [inst_cnt] */
    const struct oct_features *features; /* [inst_cnt] */
    const struct oct_books *books;
    /* Position of a strategy in an instrument; zero when it has none. */
    struct oct_pos_view (*position)(const void *risk, uint16_t strategy, uint32_t inst);
    const void *risk;
    /* A hint that an order of the strategy in the instrument may be judged soon; NULL: none taken. */
    void (*order_soon)(const void *risk, uint16_t strategy, uint16_t account, uint32_t inst);
    /* One of our orders; false when execution has no such order. */
    bool (*order)(const void *execution, uint64_t order_id, struct oct_order_view *out);
    /* Could execution take this intent now?  OCT_RISK_OK, and *order_id is what the verdict must
     * carry; or OCT_RISK_SESSION (not logged in and reconciled), OCT_RISK_RECORDER (no order number
     * that is reserved on disk), OCT_RISK_FULL, OCT_RISK_ORDER_UNKNOWN, OCT_RISK_ORDER_STATE. */
    enum oct_risk_reason (*order_ready)(const void *execution, const struct oct_intent *intent,
                                        uint64_t *order_id);
    const void *execution;
    uint32_t inst_cnt;
    uint32_t pad;
};

#endif
