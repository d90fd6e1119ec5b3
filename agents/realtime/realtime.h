/* realtime.h - agent M3: market-data messages become books, trades, bars and indicators.
 *
 * One normalized message at a time.  Order messages go into the order-by-order books; a change of
 * the best price or its size is published (bbo) and told to the strategies (market); executions,
 * hidden trades and auctions become trade, and close bars of 1 s, 1 min and 5 min become bar.  It
 * owns the instrument half of struct oct_view.
 *
 * Thread:  one, the lane's.
 * Memory:  oct_realtime_footprint(cfg) bytes at 128, owned by the caller, books included.
 * Cost:    order messages away from the touch reach the book's lines only; a new best price adds
 *          the instrument's view line, a trade its bar line; indicators are moved when a bar of
 *          their interval closes, in constant time, and otherwise not touched.
 *
 * Trust.  oct_inst_view.stale is a set of reasons (OCT_STALE_*), zero when the book is in sync.
 * A gap makes every instrument stale until the collector reports it recovered; silence, until the
 * feed is live again.  Lost messages, a message that could not be decoded, and a book that
 * contradicts its feed or ran out of room are never forgiven by themselves: only a clear (of the
 * instrument, or of all of them when the venue starts a new day of messages) ends that.  References
 * to unknown orders are counted, by kind, and do not make a book stale: sessions that are joined
 * mid-day have them.  The gap and silence reasons are not published as instrument records: the
 * in_feed record says it of all of them at once.
 *
 * Bars lie on multiples of their length since midnight UTC, of exchange time.  An interval without
 * a trade has no bar.  A bar closes when exchange time, in any message of the feed, passes its end;
 * at most OCT_REALTIME_CLOSE_MAX of them in one message, the instrument's own first, so that a full
 * second does not hold up the message that ends it.  When the whole feed is silent a timer closes
 * what exchange time, had it gone on, would have closed.  A trade older than its bar counts in the
 * bar that is open.  Not counted are trades that the venue calls not printable.
 *
 * Indicators, on bars of bar_interval_s; NAN until they have their input (bar numbers from 1):
 *   SMA n       mean of the last n closes; n = 20, 50
 *   EMA n       first the SMA of closes 1..n, then e += (close - e) * 2 / (n + 1); n = 12, 26
 *   MACD        EMA12 - EMA26, from bar 26; signal: EMA9 of it, from bar 34
 *   RSI 14      Wilder: mean gain and loss of 14 changes, then (13 * mean + new) / 14; from bar 15;
 *               100 when there was no loss, 50 when there was no change at all
 *   Bollinger   SMA20 +- 2 population standard deviations of the last 20 closes
 *   ATR 14      Wilder: mean true range of 14 bars, then (13 * atr + tr) / 14; the first bar's
 *               true range is high - low
 *   momentum    close / close 10 bars ago - 1, from bar 11
 *   VWAP        sum of price * quantity / sum of quantity of the session, at every trade
 * Imbalance and microprice are functions of the top of book: view.h. */
#ifndef OCT_REALTIME_REALTIME_H
#define OCT_REALTIME_REALTIME_H

#include "dataplane/port/agent.h"
#include "dataplane/port/view.h"

#define OCT_REALTIME_CLOSE_MAX 4u

enum oct_realtime_counter {
    OCT_REALTIME_BBO,
    OCT_REALTIME_TRADES,
    OCT_REALTIME_HIDDEN,
    OCT_REALTIME_CROSSES,
    OCT_REALTIME_BROKEN,
    OCT_REALTIME_BARS,
    OCT_REALTIME_STATES,
    OCT_REALTIME_NOTICES,
    OCT_REALTIME_UNKNOWN_EXEC,
    OCT_REALTIME_UNKNOWN_EXEC_PX,
    OCT_REALTIME_UNKNOWN_REDUCE,
    OCT_REALTIME_UNKNOWN_DELETE,
    OCT_REALTIME_UNKNOWN_REPLACE,
    OCT_REALTIME_DUP,
    OCT_REALTIME_FULL,
    OCT_REALTIME_RANGE,
    OCT_REALTIME_INST_RANGE,
    OCT_REALTIME_INST_OTHER,
    OCT_REALTIME_SYMBOL_OTHER,
    OCT_REALTIME_LOCKED,
    OCT_REALTIME_CROSSED,
    OCT_REALTIME_GAPS,
    OCT_REALTIME_LOSSES,
    OCT_REALTIME_CLEARED,
    OCT_REALTIME_ORDERS,
    OCT_REALTIME_LEVELS,
    OCT_REALTIME_STASHED,
    OCT_REALTIME_COUNTER_CNT,
};
extern const struct oct_counter_def oct_realtime_counter_defs[OCT_REALTIME_COUNTER_CNT];

/* What reference data says of an instrument, for sessions that lack it.  Whatever the venue says
 * later replaces it; until then view.assumed names what was taken from here. */
struct oct_realtime_row {
    oct_sym symbol;
    uint32_t inst;     /* UINT32_MAX: unknown, found when a message names the symbol */
    uint32_t lot;      /* round lot, shares; 0: the default */
    oct_px tick;       /* at or above one dollar; 0: the default */
    oct_px tick_sub;   /* below one dollar; 0: the default */
    oct_px prev_close; /* 0: unknown */
    char trading;      /* assumed trading state, ' ' for none */
    char short_sale;   /* assumed short-sale state, ' ' for none */
    uint8_t pad[6];
};

struct oct_realtime_cfg {
    uint32_t inst_cnt;       /* instruments have ids below this */
    uint32_t order_cnt_max;  /* live orders */
    uint32_t level_cnt_max;  /* live price levels */
    uint32_t bar_interval_s; /* of the indicators: 1, 60 or 300 */
    uint64_t seed;           /* of the order table */
    int64_t silence_ns; /* feed silent for this long: exchange time is extrapolated to close bars */
    oct_px tick;        /* defaults for instruments without a row */
    oct_px tick_sub;
    uint32_t lot;
    uint32_t row_cnt;
    const struct oct_realtime_row *rows; /* copied */
    struct oct_counter *counters;        /* [OCT_REALTIME_COUNTER_CNT] */
    struct oct_sink market;              /* the strategies */
};

struct oct_realtime; /* opaque */

/* Bytes needed; 0 when a value is out of its range.  Use the 0 to validate configuration. */
size_t oct_realtime_footprint(const struct oct_realtime_cfg *cfg);
/* Formats mem.  NULL on a configuration that has no footprint. */
struct oct_realtime *oct_realtime_new(void *mem, const struct oct_realtime_cfg *cfg);

/* Fills inst, ref, features, books and inst_cnt, and nothing else. */
void oct_realtime_view(const struct oct_realtime *self, struct oct_view *view);

/* oct_agent_fn.  Takes md, in_feed, in_start and its own timers; ignores the rest. */
OCT_HOT void oct_realtime_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m);
/* Of books, states, bars and indicators. */
uint64_t oct_realtime_digest(const void *self);

/* Hints for a message that comes up, in the stages of dataplane/book/book.h, and what realtime itself
 * will need.  Any values will do; nothing of the agent changes. */
OCT_HOT void oct_realtime_prefetch1(const void *self, struct oct_book_hint *hint);
OCT_HOT void oct_realtime_prefetch2(const void *self, struct oct_book_hint *hint);
OCT_HOT void oct_realtime_prefetch3(const void *self, struct oct_book_hint *hint);
OCT_HOT void oct_realtime_prefetch4(const void *self, struct oct_book_hint *hint);
OCT_HOT void oct_realtime_prefetch_lone(const void *self, struct oct_book_hint *hint);

#endif
