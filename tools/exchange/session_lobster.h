/* session_lobster.h - a LOBSTER message file as ITCH 5.0.
 *
 * Each row becomes one message: 1 an add, 2 a partial cancel, 3 a delete, 4 an execution, 5 a
 * hidden trade, 6 a cross, 7 a trading state.  Around them stand a directory, a trading state and
 * the system events of a day; the symbol and the date come from the file's name.
 *
 * A message file shows only what happened within its levels.  Orders that rested before the file
 * begins, or that were entered deeper, turn up first when they are executed or cancelled; orders
 * that went deep are cancelled unseen.  So that every reference is known and the best bid and offer
 * can be checked, orders are made and taken away where the data shows that they were there or gone,
 * and nowhere else:
 *
 *   With the orderbook file beside the message file (same name, `orderbook` for `message`).  When a
 *   row empties the best price, the next row of that file reveals the price and size behind it: at
 *   that moment, and at the first row, the book is set right.  Orders seen before that cannot be
 *   there any more go (those the file never mentions again first), orders that the file mentions
 *   while this price stays the best come, in the order of their events, and what is still missing
 *   comes as one order of its own behind them, the residual.  Between two such moments nothing is
 *   adjusted: the book follows from the rows alone, and can be checked against the file.
 *   Without it.  An unknown order comes when its price last became the price of its side's rows,
 *   with the shares its rows need; orders that the file never mentions again go when a row shows
 *   that the market is beyond them.
 *
 * Made messages carry the row after which they stand and are marked synthetic; made references
 * have their highest bit set.  A row that takes more or less than an order can have is settled
 * against the residual, or counted as unexplained. */
#ifndef OCT_TOOLS_EXCHANGE_SESSION_LOBSTER_H
#define OCT_TOOLS_EXCHANGE_SESSION_LOBSTER_H

#include "dataplane/base/attr.h"

struct lobster_row {
    int64_t ns; /* since midnight */
    uint64_t id;
    uint32_t size;
    uint32_t order; /* number of the order in the file, by first appearance */
    int32_t px;     /* ten-thousandths; for type 7 the state -1, 0, 1 */
    uint8_t type;
    int8_t dir; /* 1 buy, -1 sell */
    uint8_t pad[2];
};

/* Best prices and sizes after a row; size 0 for an empty side. */
struct lobster_bbo {
    int32_t px[2]; /* by enum oct_side: bid, ask */
    uint32_t size[2];
};

/* Reads one line without its end.  NULL, or what is wrong with it. */
const char *lobster_row_parse(const char *line, size_t n, struct lobster_row *out);
const char *lobster_bbo_parse(const char *line, size_t n, struct lobster_bbo *out);

#endif
