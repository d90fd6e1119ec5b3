/* px.h - prices, quantities and money as integers.
 *
 * A price counts 1e-9 of the currency, a quantity 1e-8 of a share or contract, money 1e-17 of
 * the currency (the exact product of the two).  One-field structs, so that mixing them does
 * not compile.  Floating point becomes a price only here. */
#ifndef OCT_BASE_PX_H
#define OCT_BASE_PX_H

#include "dataplane/base/attr.h"

typedef struct {
    int64_t v;
} oct_px; /* 1e-9 */
typedef struct {
    int64_t v;
} oct_qty; /* 1e-8 */
typedef struct {
    __int128 v;
} oct_money; /* 1e-17 */

/* Money as records carry it: two words, so that records need no 16-byte alignment. */
struct oct_money_w {
    uint64_t lo;
    int64_t hi;
};

#define OCT_PX_ONE  INT64_C(1000000000)
#define OCT_QTY_ONE INT64_C(100000000)
#define OCT_PX_E4   INT64_C(100000) /* one unit of a venue price with four decimals */

enum oct_side {
    OCT_BUY = 0,
    OCT_SELL = 1,
};

OCT_INLINE oct_px oct_px_from_e4(int64_t e4)
{
    return (oct_px){e4 * OCT_PX_E4};
}

OCT_INLINE oct_qty oct_qty_from_shares(uint32_t shares)
{
    return (oct_qty){(int64_t)shares * OCT_QTY_ONE};
}

OCT_INLINE oct_money oct_notional(oct_px px, oct_qty qty)
{
    return (oct_money){(__int128)px.v * qty.v};
}

OCT_INLINE struct oct_money_w oct_money_pack(oct_money m)
{
    return (struct oct_money_w){(uint64_t)m.v, (int64_t)(m.v >> 64)};
}

OCT_INLINE oct_money oct_money_unpack(struct oct_money_w w)
{
    return (oct_money){(__int128)(((unsigned __int128)(uint64_t)w.hi << 64) | w.lo)};
}

/* Whole currency units as money. */
OCT_INLINE oct_money oct_money_from_units(int64_t units)
{
    return (oct_money){(__int128)units * OCT_PX_ONE * OCT_QTY_ONE};
}

/* Signals and statistics only; never a limit or a position. */
OCT_INLINE double oct_px_to_double(oct_px px)
{
    return (double)px.v * 1e-9;
}

OCT_INLINE double oct_qty_to_double(oct_qty qty)
{
    return (double)qty.v * 1e-8;
}

OCT_INLINE double oct_money_to_double(oct_money m)
{
    return (double)m.v * 1e-17;
}

/* A double as a price on a multiple of tick, rounded to the passive side: down for a buy, up
 * for a sell.  Returns false, and leaves *out alone, when x is not finite, not positive or
 * beyond the range.  tick.v must be positive. */
bool oct_px_from_double(double x, oct_px tick, enum oct_side side, oct_px *out);

/* Decimal text as a count of 10^-decimals: sign, digits, at most `decimals` fraction digits,
 * nothing else.  Returns 0, or -EINVAL (not a number), -ERANGE (does not fit or too many
 * fraction digits). */
int oct_decimal_parse(const char *s, size_t len, unsigned decimals, int64_t *out);
int oct_px_parse(const char *s, oct_px *out);
int oct_qty_parse(const char *s, oct_qty *out);

/* Writes exact decimal text, no exponent, at least min_frac fraction digits and otherwise no
 * trailing zeros.  buf holds at least OCT_DECIMAL_SZ bytes.  Returns the length. */
#define OCT_DECIMAL_SZ 48
size_t oct_decimal_format(char *buf, __int128 v, unsigned decimals, unsigned min_frac);
size_t oct_px_format(char *buf, oct_px px);      /* at least 4 fraction digits */
size_t oct_qty_format(char *buf, oct_qty qty);   /* no fraction digits unless needed */
size_t oct_money_format(char *buf, oct_money m); /* at least 2 fraction digits */

#endif
