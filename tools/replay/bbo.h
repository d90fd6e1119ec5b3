/* bbo.h - the best bid and offer of a replayed lane after every market-data message, as CSV.
 *
 * Stands between the core and the realtime agent, changes nothing, and asks the books after each
 * message that names an instrument.  Columns: seq (of the feed), kind, ref, symbol, bid, bid_qty,
 * ask, ask_qty; an empty side is empty.
 *
 * Thread:  one. */
#ifndef OCT_TOOLS_REPLAY_BBO_H
#define OCT_TOOLS_REPLAY_BBO_H

#include <stdio.h>

#include "dataplane/assembly.h"

struct oct_bbo_tap {
    struct oct_agent realtime; /* the one it stands before */
    const struct oct_view *view;
    oct_sym symbol; /* only this one, when first byte is not 0 */
    FILE *f;
    uint64_t rows;
};

/* Puts itself in; symbol may be NULL.  false when the symbol is none: 1 to 8 characters. */
bool oct_bbo_tap_init(struct oct_bbo_tap *t, struct oct_assembly *a, const char *symbol, FILE *f);

#endif
