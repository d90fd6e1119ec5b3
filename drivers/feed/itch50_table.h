/* itch50_table.h - TotalView-ITCH 5.0, every message: one table of fields.
 *
 * Structs, decoder, encoder and descriptions (itch50.h) are made from it.  A row is
 *     F(ctx, kind, name, off, doc)      a field, at wire offset off
 *     Z(ctx, cnt, name)                 padding of the struct, zero
 * Kinds: u16 u32 u64, big-endian on the wire; p4 and p8, prices as 32 bits of 1e-4 and 64 bits of
 * 1e-8; chr, one character; a2 a4 a8, characters padded with spaces on the right.
 * The order is the struct's: natural alignment without holes, 16 bytes of header and 48 of fields.
 * Each quarter of 16 bytes after the header comes from one window of 16 bytes of the message, whose
 * start is w1, w2 or w3 in the table of messages below: that is what lets one decoder without
 * branches read every type.  Sizes and offsets are the specification's, versions 2023 to 2026. */
#ifndef OCT_FEED_ITCH50_TABLE_H
#define OCT_FEED_ITCH50_TABLE_H

/* clang-format off */

/* The eleven bytes that start every message; the time stamp has six on the wire. */
#define OCT_ITCH50_HDR(F, Z, X) \
    F(X, chr, type, 0, "message type") Z(X, 1, hdr_pad0) \
    F(X, u16, locate, 1, "stock locate: number of the instrument today, 0 for none") \
    F(X, u16, tracking, 3, "the venue's internal number") Z(X, 2, hdr_pad1) \
    F(X, u48, ts_ns, 5, "nanoseconds since midnight")

#define OCT_ITCH50_SYSTEM(F, Z, X) \
    F(X, chr, event, 11, "O S Q M E C: start of messages, system, market; end of market, system, messages") \
    Z(X, 47, pad)

#define OCT_ITCH50_DIRECTORY(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, u32, round_lot, 21, "shares in a round lot") \
    F(X, chr, market, 19, "listing market or tier") F(X, chr, financial, 20, "compliance with listing rules") \
    F(X, chr, lots_only, 25, "Y: round lots only") F(X, chr, class, 26, "issue classification") \
    F(X, a2, sub_type, 27, "issue sub-type") F(X, chr, authenticity, 29, "P live, T test") \
    F(X, chr, threshold, 30, "short sale threshold: Y N or blank") \
    F(X, u32, leverage, 34, "leverage of an exchange traded product") \
    F(X, chr, ipo, 31, "Y new IPO, Z new without IPO, N, blank") \
    F(X, chr, luld_tier, 32, "limit up, limit down tier: 1 2 or blank") \
    F(X, chr, etp, 33, "Y: exchange traded product") F(X, chr, inverse, 38, "Y: moves against its index") \
    Z(X, 4, pad0) Z(X, 16, pad)

#define OCT_ITCH50_TRADING(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, a4, reason, 21, "why") \
    F(X, chr, state, 19, "H halted, P paused, Q quotation only, T trading") F(X, chr, reserved, 20, "as sent") \
    Z(X, 34, pad)

#define OCT_ITCH50_SHORT_SALE(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, chr, action, 19, "0 none, 1 in effect since today, 2 remains in effect") \
    Z(X, 39, pad)

#define OCT_ITCH50_PARTICIPANT(F, Z, X) \
    F(X, a8, stock, 15, "symbol") F(X, a4, mpid, 11, "market participant") \
    F(X, chr, primary, 23, "Y: primary market maker") F(X, chr, mode, 24, "N P S R L: market maker mode") \
    F(X, chr, state, 25, "A E W S D: registration") Z(X, 1, pad0) Z(X, 32, pad)

#define OCT_ITCH50_MWCB_LEVELS(F, Z, X) \
    F(X, p8, level1, 11, "market-wide breach level 1") F(X, p8, level2, 19, "level 2") \
    F(X, p8, level3, 27, "level 3") Z(X, 24, pad)

#define OCT_ITCH50_MWCB_BREACH(F, Z, X) \
    F(X, chr, level, 11, "1 2 3: level breached") Z(X, 47, pad)

#define OCT_ITCH50_IPO(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, u32, release_s, 19, "quotation release, seconds since midnight") \
    F(X, chr, qualifier, 23, "A anticipated, C cancelled or postponed") Z(X, 3, pad0) \
    F(X, p4, px, 24, "IPO price") Z(X, 28, pad)

#define OCT_ITCH50_LULD(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, p4, ref_px, 19, "reference price of the auction collar") \
    F(X, p4, upper_px, 23, "upper collar") F(X, p4, lower_px, 27, "lower collar") \
    F(X, u32, extension, 31, "extensions of the reopening auction") Z(X, 24, pad)

#define OCT_ITCH50_OP_HALT(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, chr, market, 19, "Q B X: market center") \
    F(X, chr, action, 20, "H halted there, T resumed") Z(X, 38, pad)

#define OCT_ITCH50_ADD(F, Z, X) \
    F(X, u64, ref, 11, "order reference") F(X, u32, shares, 20, "displayed") F(X, chr, side, 19, "B S") \
    Z(X, 3, pad0) F(X, a8, stock, 24, "symbol") F(X, p4, px, 32, "display price") Z(X, 20, pad)

#define OCT_ITCH50_ADD_MPID(F, Z, X) \
    F(X, u64, ref, 11, "order reference") F(X, u32, shares, 20, "displayed") F(X, chr, side, 19, "B S") \
    Z(X, 3, pad0) F(X, a8, stock, 24, "symbol") F(X, p4, px, 32, "display price") \
    F(X, a4, mpid, 36, "market participant") Z(X, 16, pad)

#define OCT_ITCH50_EXEC(F, Z, X) \
    F(X, u64, ref, 11, "order executed") F(X, u32, shares, 19, "executed") Z(X, 4, pad0) \
    F(X, u64, match, 23, "match number") Z(X, 24, pad)

#define OCT_ITCH50_EXEC_PX(F, Z, X) \
    F(X, u64, ref, 11, "order executed") F(X, u32, shares, 19, "executed") Z(X, 4, pad0) \
    F(X, u64, match, 23, "match number") F(X, p4, px, 32, "price, other than displayed") \
    F(X, chr, printable, 31, "Y N: counts in volume") Z(X, 19, pad)

#define OCT_ITCH50_CANCEL(F, Z, X) \
    F(X, u64, ref, 11, "order") F(X, u32, shares, 19, "taken away") Z(X, 36, pad)

#define OCT_ITCH50_DELETE(F, Z, X) \
    F(X, u64, ref, 11, "order that goes") Z(X, 40, pad)

#define OCT_ITCH50_REPLACE(F, Z, X) \
    F(X, u64, ref, 11, "order that goes") F(X, u64, new_ref, 19, "order that comes") \
    F(X, u32, shares, 27, "displayed") F(X, p4, px, 31, "display price") Z(X, 24, pad)

#define OCT_ITCH50_TRADE(F, Z, X) \
    F(X, u64, ref, 11, "zero since 2010") F(X, u32, shares, 20, "matched") F(X, chr, side, 19, "B since 2014") \
    Z(X, 3, pad0) F(X, a8, stock, 24, "symbol") F(X, p4, px, 32, "price") Z(X, 4, pad1) \
    F(X, u64, match, 36, "match number") Z(X, 8, pad)

#define OCT_ITCH50_CROSS(F, Z, X) \
    F(X, u64, shares, 11, "matched") F(X, a8, stock, 19, "symbol") F(X, u64, match, 31, "match number") \
    F(X, p4, px, 27, "cross price") F(X, chr, cross, 39, "O opening, C closing, H halt or IPO") Z(X, 19, pad)

#define OCT_ITCH50_BROKEN(F, Z, X) \
    F(X, u64, match, 11, "match number of the execution that is void") Z(X, 40, pad)

#define OCT_ITCH50_NOII(F, Z, X) \
    F(X, u64, paired, 11, "shares paired") F(X, u64, imbalance, 19, "shares not paired") \
    F(X, a8, stock, 28, "symbol") F(X, p4, far_px, 36, "clearing price of cross orders alone") \
    F(X, chr, direction, 27, "B S N O P") Z(X, 3, pad0) \
    F(X, p4, near_px, 40, "clearing price with continuous orders") F(X, p4, ref_px, 44, "reference price") \
    F(X, chr, cross, 48, "O C H A") F(X, chr, variation, 49, "deviation of the near price, coded") Z(X, 6, pad)

#define OCT_ITCH50_RPI(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, chr, interest, 19, "B S A N: side of retail interest") Z(X, 39, pad)

#define OCT_ITCH50_LISTING(F, Z, X) \
    F(X, a8, stock, 11, "symbol") F(X, p4, min_px, 20, "minimum allowable price") \
    F(X, chr, status, 19, "Y: eligible for release") Z(X, 3, pad0) \
    F(X, u64, near_ts, 32, "when the near price was set") F(X, p4, max_px, 24, "maximum allowable price") \
    F(X, p4, near_px, 28, "near execution price") \
    F(X, p4, lower_px, 40, "lower collar") F(X, p4, upper_px, 44, "upper collar") Z(X, 8, pad)

/* M(NAME, name, type, bytes, w1, w2, w3, fields) */
#define OCT_ITCH50_TABLE(M) \
    M(SYSTEM, system, 'S', 12, 11, 11, 11, OCT_ITCH50_SYSTEM) \
    M(DIRECTORY, directory, 'R', 39, 11, 27, 27, OCT_ITCH50_DIRECTORY) \
    M(TRADING, trading, 'H', 25, 11, 11, 11, OCT_ITCH50_TRADING) \
    M(SHORT_SALE, short_sale, 'Y', 20, 11, 11, 11, OCT_ITCH50_SHORT_SALE) \
    M(PARTICIPANT, participant, 'L', 26, 11, 11, 11, OCT_ITCH50_PARTICIPANT) \
    M(MWCB_LEVELS, mwcb_levels, 'V', 35, 11, 27, 11, OCT_ITCH50_MWCB_LEVELS) \
    M(MWCB_BREACH, mwcb_breach, 'W', 12, 11, 11, 11, OCT_ITCH50_MWCB_BREACH) \
    M(IPO, ipo, 'K', 28, 11, 24, 11, OCT_ITCH50_IPO) \
    M(LULD, luld, 'J', 35, 11, 27, 11, OCT_ITCH50_LULD) \
    M(OP_HALT, op_halt, 'h', 21, 11, 11, 11, OCT_ITCH50_OP_HALT) \
    M(ADD, add, 'A', 36, 11, 24, 11, OCT_ITCH50_ADD) \
    M(ADD_MPID, add_mpid, 'F', 40, 11, 24, 11, OCT_ITCH50_ADD_MPID) \
    M(EXEC, exec, 'E', 31, 11, 23, 11, OCT_ITCH50_EXEC) \
    M(EXEC_PX, exec_px, 'C', 36, 11, 23, 11, OCT_ITCH50_EXEC_PX) \
    M(CANCEL, cancel, 'X', 23, 11, 11, 11, OCT_ITCH50_CANCEL) \
    M(DELETE, delete, 'D', 19, 11, 11, 11, OCT_ITCH50_DELETE) \
    M(REPLACE, replace, 'U', 35, 11, 27, 11, OCT_ITCH50_REPLACE) \
    M(TRADE, trade, 'P', 44, 11, 24, 36, OCT_ITCH50_TRADE) \
    M(CROSS, cross, 'Q', 40, 11, 27, 11, OCT_ITCH50_CROSS) \
    M(BROKEN, broken, 'B', 19, 11, 11, 11, OCT_ITCH50_BROKEN) \
    M(NOII, noii, 'I', 50, 11, 27, 40, OCT_ITCH50_NOII) \
    M(RPI, rpi, 'N', 20, 11, 11, 11, OCT_ITCH50_RPI) \
    M(LISTING, listing, 'O', 48, 11, 24, 40, OCT_ITCH50_LISTING)

/* clang-format on */
#endif
