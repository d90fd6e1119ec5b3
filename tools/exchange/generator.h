/* generator.h - a made session with realistic order flow, from a seed.
 *
 * Messages come as in a Nasdaq morning: directory, trading states, short-sale states, a book built
 * before the open, the opening cross, continuous trading, and the end of the day.  The flow of
 * each symbol is
 *   - when: a Hawkes process made of clusters.  Events set off others, some within microseconds (machines
 *     that answer machines), some within a second (orders cut into slices);
 *   - what: adds, deletes, executions, replaces, partial cancels and hidden trades in the shares of
 *     real sessions, held stationary by the number of live orders;
 *   - where: prices by their distance from the best of their side, as real adds have them, and
 *     never through the other side; cancels take the order whose drawn lifetime ends first;
 *   - why: a hidden value that walks and drifts.  Aggressors, improvements and withdrawn quotes
 *     lean towards it, so that imbalance and momentum carry information, as they do outside.
 * The figures it was fitted to, and what a seed makes of them: oct_gen_describe.
 *
 * Same seed and configuration, same bytes, on every build.  Thread: one.  Memory: allocated at
 * creation and as the flow needs, about 20 MiB. */
#ifndef OCT_TOOLS_EXCHANGE_GENERATOR_H
#define OCT_TOOLS_EXCHANGE_GENERATOR_H

#include <stdio.h>

#include "dataplane/base/attr.h"

#define OCT_GEN_SYMBOL_MAX 64u

struct oct_gen_cfg {
    uint64_t seed;
    uint32_t symbol_cnt; /* 1 to OCT_GEN_SYMBOL_MAX, 0 for 8 */
    uint32_t duration_s; /* continuous trading, 0 for 120 */
    uint32_t rate;       /* messages a second of the busiest symbol, 0 for 158 */
    bool no_halt;        /* leave out the halt of the last symbol and the short-sale restriction */
};

struct oct_gen; /* opaque */

/* 0, or -EINVAL for a configuration out of range, -ENOMEM. */
int oct_gen_create(struct oct_gen **out, const struct oct_gen_cfg *cfg);
/* The next message, OCT_NIC_PAD readable bytes behind it, valid until the next call.  false at the
 * end. */
bool oct_gen_next(struct oct_gen *g, const uint8_t **msg, uint32_t *sz);
void oct_gen_destroy(struct oct_gen *g);

/* Name, start price in ten-thousandths and share of the busiest symbol's rate of symbol i. */
const char *oct_gen_symbol(uint32_t i, uint32_t *px_e4, double *activity);

/* Prints the figures of recorded sessions that the generator was fitted to beside those of a
 * session made with cfg.  0 or negative errno. */
int oct_gen_describe(FILE *f, const struct oct_gen_cfg *cfg);

#endif
