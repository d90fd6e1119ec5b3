/* table.h - the one table of records: name, fields, units.
 *
 * C structs (msg.h), JSON (json.h) and docs/records.md are made from it; nothing else describes
 * a record.  A field row is F(type, name, unit, doc); an array row is A(type, count, name, unit,
 * doc).  Types: u8 u16 u32 u64 i32 i64 f64 px qty money sym(8 characters, space padded) chr.
 * Unit is text for people and for JSON: "ns" time stamp, "px", "qty", an enum as "enum:NAME"
 * (OCT_ENUM_NAME below), "flags", "" for plain numbers.  Natural alignment without holes: padding
 * is an explicit field named pad*, always zero.  Every struct size is a multiple of 8.
 *
 * Journaled records (J) are what the recorder writes; published ones (P) travel in the ring
 * only, because replay recomputes them; local ones (L) never leave the lane's stack. */
#ifndef OCT_MSG_TABLE_H
#define OCT_MSG_TABLE_H

/* clang-format off */

/* ---- enums shown by name: ENUM(value, c_name, "text") ---------------------------------------- */
#define OCT_ENUM_SIDE(E) E(0, BUY, "buy") E(1, SELL, "sell")

#define OCT_ENUM_MD(E) \
    E(0, NONE, "none") E(1, ADD, "add") E(2, EXEC, "exec") E(3, EXEC_PX, "exec_px") \
    E(4, REDUCE, "reduce") E(5, DELETE, "delete") E(6, REPLACE, "replace") E(7, TRADE, "trade") \
    E(8, CROSS, "cross") E(9, BROKEN, "broken") E(10, SYSTEM, "system") \
    E(11, DIRECTORY, "directory") E(12, TRADING, "trading") E(13, SHORT_SALE, "short_sale") \
    E(14, PARTICIPANT, "participant") E(15, MWCB_LEVELS, "mwcb_levels") \
    E(16, MWCB_BREACH, "mwcb_breach") E(17, IPO, "ipo") E(18, LULD, "luld") \
    E(19, OP_HALT, "op_halt") E(20, NOII, "noii") E(21, RPI, "rpi") E(22, LISTING, "listing") \
    E(23, CLEAR, "clear")

#define OCT_ENUM_FEED_EVENT(E) \
    E(1, LIVE, "live") E(2, GAP, "gap") E(3, RECOVERED, "recovered") E(4, STALE, "stale") \
    E(5, END, "end") E(6, BAD, "bad")

#define OCT_ENUM_VENUE_EVENT(E) \
    E(1, DATA, "data") E(2, CONNECTED, "connected") E(3, LOGGED_IN, "logged_in") \
    E(4, LOGIN_REJECTED, "login_rejected") E(5, LOST, "lost") E(6, ENDED, "ended") \
    E(7, SEND_FAILED, "send_failed") E(8, REPLAY_DONE, "replay_done")

#define OCT_ENUM_VEN(E) \
    E(1, ACCEPTED, "accepted") E(2, REPLACED, "replaced") E(3, CANCELED, "canceled") \
    E(4, AIQ_CANCELED, "aiq_canceled") E(5, EXECUTED, "executed") E(6, BROKEN, "broken") \
    E(7, REJECTED, "rejected") E(8, CANCEL_PENDING, "cancel_pending") \
    E(9, CANCEL_REJECT, "cancel_reject") E(10, PRIORITY, "priority") E(11, MODIFIED, "modified") \
    E(12, RESTATED, "restated") E(13, SYSTEM, "system") E(14, ACCOUNT, "account")

#define OCT_ENUM_ACTION(E) E(1, NEW, "new") E(2, REPLACE, "replace") E(3, CANCEL, "cancel") \
    E(4, ACCOUNT_QUERY, "account_query") E(5, REDUCE, "reduce")
#define OCT_ENUM_ORD_TYPE(E) E(0, LIMIT, "limit") E(1, MARKET, "market")
#define OCT_ENUM_TIF(E) E(0, DAY, "day") E(1, IOC, "ioc") E(2, FOK, "fok")

#define OCT_ENUM_ORD_STATE(E) \
    E(0, NONE, "none") E(1, SENT, "sent") E(2, WORKING, "working") \
    E(3, REPLACE_PENDING, "replace_pending") E(4, CANCEL_PENDING, "cancel_pending") \
    E(5, FILLED, "filled") E(6, CANCELLED, "cancelled") E(7, REJECTED, "rejected") \
    E(8, UNKNOWN, "unknown") E(9, CLOSED, "closed")

#define OCT_ENUM_LADDER(E) E(0, ACTIVE, "active") E(1, REDUCING, "reducing") \
    E(2, HALTED, "halted") E(3, KILLED, "killed")

/* Reasons of a refusal, in the order in which they are reported when several hold; the bit of
 * a reason in verdict.failed is 1 << value.  0 is approval. */
#define OCT_ENUM_RISK(E) \
    E(0, OK, "ok") E(1, KILLED, "killed") E(2, HALTED, "halted") E(3, REDUCE_ONLY, "reduce_only") \
    E(4, INSTRUMENT, "instrument_unknown") E(5, NOT_TRADABLE, "not_tradable") \
    E(6, SHORT_SALE, "short_sale_restricted") E(7, RESTRICTED, "restricted_list") \
    E(8, SESSION, "session_down") E(9, RECORDER, "recorder_behind") E(10, CLOCK, "clock") \
    E(11, STALE, "stale_data") E(12, NO_REFERENCE, "no_reference_price") E(13, TICK, "off_tick") \
    E(14, COLLAR, "price_collar") E(15, QTY, "order_quantity") E(16, NOTIONAL, "order_notional") \
    E(17, POS_INSTRUMENT, "position_instrument") E(18, POS_STRATEGY, "position_strategy") \
    E(19, POS_ACCOUNT, "position_account") E(20, POS_FIRM, "position_firm") \
    E(21, GROSS_INSTRUMENT, "gross_instrument") E(22, GROSS_STRATEGY, "gross_strategy") \
    E(23, GROSS_ACCOUNT, "gross_account") E(24, GROSS_FIRM, "gross_firm") \
    E(25, OPEN_ORDERS, "open_orders") E(26, RATE, "message_rate") E(27, REPEAT, "repeated_execution") \
    E(28, DUPLICATE, "duplicate") E(29, SELF_TRADE, "self_trade") E(30, LOSS, "loss_limit") \
    E(31, DRAWDOWN, "drawdown") E(32, VENUE_FIELD, "venue_field") E(33, ORDER_UNKNOWN, "order_unknown") \
    E(34, ORDER_STATE, "order_state") E(35, FULL, "table_full") E(36, STRATEGY, "strategy_unknown") \
    E(37, APPROVAL, "approval_missing")

#define OCT_ENUM_CMD(E) \
    E(1, HALT, "halt") E(2, REDUCE, "reduce") E(3, REARM, "rearm") E(4, ORDER, "order") \
    E(5, CANCEL, "cancel") E(6, CANCEL_ALL, "cancel_all") E(7, LIMIT_BEGIN, "limit_begin") \
    E(8, LIMIT_ROW, "limit_row") E(9, LIMIT_COMMIT, "limit_commit") E(10, PARAM, "param") \
    E(11, STRATEGY_ON, "strategy_on") E(12, STRATEGY_OFF, "strategy_off") E(13, RESTRICT, "restrict") \
    E(14, UNRESTRICT, "unrestrict") E(15, RECONCILE, "reconcile") E(16, CONTROL_SILENT, "control_silent") \
    E(17, CONTROL_BACK, "control_back") E(18, CLOCK_BAD, "clock_bad") E(19, CLOCK_GOOD, "clock_good")

#define OCT_ENUM_CMD_RESULT(E) E(0, DONE, "done") E(1, REFUSED, "refused") E(2, UNKNOWN, "unknown") \
    E(3, NOT_FOUND, "not_found") E(4, BAD_VALUE, "bad_value") E(5, WRONG_STATE, "wrong_state")

#define OCT_ENUM_RECORDER(E) E(0, OK, "ok") E(1, BEHIND, "behind") E(2, FAILED, "failed")

#define OCT_ENUM_SCOPE(E) E(0, FIRM, "firm") E(1, ACCOUNT, "account") E(2, STRATEGY, "strategy") \
    E(3, INSTRUMENT, "instrument")

/* ---- inputs: numbered by the intake, journaled ------------------------------------------------ */

/* One in-sequence payload, or one fragment of it; data[] follows, padded with zeros to 8. */
#define OCT_MSG_IN_PACKET(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") \
    F(i64, ts_rx_ns, "ns", "receive stamp of the packet") \
    F(u64, first_seq, "", "sequence number of the first message in the packet") \
    F(u16, msg_cnt, "", "messages in the packet") \
    F(u16, pkt_sz, "bytes", "bytes of message blocks in the whole packet") \
    F(u16, frag_off, "bytes", "where this fragment starts in it") \
    F(u16, frag_sz, "bytes", "bytes of this fragment; the last one completes pkt_sz") \
    F(u8, feed, "", "feed index") F(u8, line, "", "line that delivered first; 255 is a rewind server") \
    A(u8, 6, pad, "", "zero")

#define OCT_MSG_IN_FEED(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") \
    F(u64, from_seq, "", "first sequence number concerned") \
    F(u64, to_seq, "", "one past the last") \
    F(u8, event, "enum:FEED_EVENT", "what the collector saw") F(u8, feed, "", "feed index") \
    A(u8, 6, pad, "", "zero")

/* One sequenced message or event of an order session; data[] follows, padded to 8. */
#define OCT_MSG_IN_VENUE(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") \
    F(i64, ts_rx_ns, "ns", "receive stamp") \
    F(u64, seq, "", "sequence number in the session; for send_failed the order id, and data[0], if any, the action that failed; for logged_in the next one") \
    F(u16, data_sz, "bytes", "bytes of message that follow") \
    F(u8, event, "enum:VENUE_EVENT", "what happened") F(u8, session, "", "session index") \
    A(u8, 4, pad, "", "zero")

#define OCT_MSG_IN_TIME(F, A) \
    F(i64, now_ns, "ns", "lane time: a timer is due")

/* The lane saw new bits in the kill word. */
#define OCT_MSG_IN_KILL(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") \
    F(u64, bits, "flags", "all kill bits set so far") \
    F(u64, unsent_from, "", "first order id withheld at the encoder in the step before, 0 for none")

/* A command from the control link. */
#define OCT_MSG_IN_CMD(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") \
    F(u64, cmd_id, "", "chosen by the sender, echoed in cmd_result") \
    F(u16, cmd, "enum:CMD", "what to do") F(u8, scope, "enum:SCOPE", "what it applies to") \
    F(u8, side, "enum:SIDE", "order: side") F(u8, ord_type, "enum:ORD_TYPE", "order: type") \
    F(u8, tif, "enum:TIF", "order: time in force") A(u8, 2, pad, "", "zero") \
    F(u32, inst, "", "instrument") F(u16, account, "", "account") F(u16, strategy, "", "strategy") \
    F(u64, order_id, "", "order: cancel, reconcile") F(px, px, "px", "order: price") \
    F(qty, qty, "qty", "order: quantity") F(u32, key, "", "limit or parameter number") \
    F(u32, version, "", "limit table version being built") F(i64, value, "", "limit or parameter value") \
    F(u64, value_hi, "", "high word of a money limit") F(sym, user, "", "who asked, first eight characters")

/* The lane starts; the first record of a run. */
#define OCT_MSG_IN_START(F, A) \
    F(i64, now_ns, "ns", "lane time at start") \
    F(u64, run_id, "", "random, names the run") \
    F(u64, config_hash, "", "digest of the effective configuration") \
    F(u64, layout_hash, "", "digest of the record table") \
    F(u64, build_id, "", "digest of the build") \
    F(i64, midnight_ns, "ns", "midnight that venue time stamps count from") \
    F(u64, mark, "", "order numbers below this were reserved before this run") \
    F(u8, recovered, "", "1 when started on a journal that existed") F(u8, ladder, "enum:LADDER", "state at start") \
    A(u8, 6, pad, "", "zero")

/* Order numbers below mark are durable and may be used; from the recorder's progress. */
#define OCT_MSG_IN_MARK(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") F(u64, mark, "", "one past the last usable order number")

/* How the recorder stands: no new orders unless it is ok. */
#define OCT_MSG_IN_RECORDER(F, A) \
    F(i64, now_ns, "ns", "lane time given at intake") F(u64, lost, "", "slots lost so far") \
    F(u8, state, "enum:RECORDER", "ok, behind, or failed") A(u8, 7, pad, "", "zero")

/* ---- decisions and order events: journaled ---------------------------------------------------- */

#define OCT_MSG_INTENT(F, A) \
    F(u64, intent_id, "", "numbered by the strategy agent") \
    F(u64, feed_seq, "", "sequence number of the market-data message that caused it") \
    F(i64, ts_rx_ns, "ns", "its receive stamp") F(i64, ts_exch_ns, "ns", "its exchange time") \
    F(u64, order_id, "", "order to replace, reduce or cancel") \
    F(u32, inst, "", "instrument") F(u16, strategy, "", "strategy") F(u16, account, "", "account") \
    F(u8, action, "enum:ACTION", "what is wanted") F(u8, side, "enum:SIDE", "side") \
    F(u8, ord_type, "enum:ORD_TYPE", "type") F(u8, tif, "enum:TIF", "time in force") \
    F(u8, post_only, "", "1: refuse to take") F(u8, hidden, "", "1: not displayed") \
    F(u8, short_sale, "", "1: marked short") F(u8, manual, "", "1: from a person") \
    F(px, px, "px", "limit price; 0 for market") F(qty, qty, "qty", "quantity wanted in total") \
    F(qty, min_qty, "qty", "minimum quantity, 0 for none") \
    F(f64, score, "", "fused signal, -1 to 1") F(f64, confidence, "", "0 to 1") \
    A(u16, 6, contrib, "", "contributing strategies, 65535 for none") A(u8, 4, pad, "", "zero") \
    A(f64, 6, weight, "", "their weights, summing to 1") A(f64, 6, signal, "", "their signals")

/* The judgement of one intent, with the exact inputs of every check.  Fields stand in the order in
 * which the intent and risk's tables hold them: an approval is written in blocks. */
#define OCT_MSG_VERDICT(F, A) \
    F(u64, intent_id, "", "the intent judged") F(u64, approval_id, "", "non-zero when approved") \
    F(u64, order_id, "", "order concerned, assigned at approval of a new one") \
    F(u64, failed, "flags", "a bit for each reason that held") \
    F(u32, inst, "", "instrument") F(u16, strategy, "", "strategy") F(u16, account, "", "account") \
    F(u8, action, "enum:ACTION", "what was asked") F(u8, side, "enum:SIDE", "side") \
    F(u16, reason, "enum:RISK", "first reason that held, or ok") F(u32, limit_version, "", "limit table in force") \
    F(px, px, "px", "price judged") F(qty, qty, "qty", "quantity judged") \
    F(u8, ref_kind, "", "1 last sale, 2 mid, 3 previous close") F(u8, ladder, "enum:LADDER", "state of the ladder") \
    F(u8, assumed, "flags", "1 trading state, 2 directory, 4 short-sale state: taken from reference data") \
    F(u8, inst_flags, "flags", "1 known, 2 halted, 4 short-sale restricted, 8 restricted list, 16 stale") \
    F(u32, cond, "flags", "1 session down, 2 recorder behind, 4 clock bad, 8 strategy unknown or off, 16 order unknown, 32 order state, 64 table full, 128 venue field, 256 marked short, 512 off tick") \
    F(u32, rate_used, "", "messages in the current window") F(u32, firm_rate_used, "", "messages of the firm in the window") \
    F(u32, repeat_used, "", "executions in the current window") F(u32, open_orders, "", "open orders of the strategy") \
    F(u32, acct_open_orders, "", "open orders of the account") F(u32, firm_open_orders, "", "open orders of the firm") \
    F(px, ref_px, "px", "reference price, 0 for none") F(i64, ref_age_ns, "ns", "its age") \
    F(qty, added, "qty", "what the order may add to what is open") F(px, tick, "px", "price increment at this price") \
    F(qty, inst_pos, "qty", "position in the instrument") F(qty, inst_buy, "qty", "working and in-flight buys") \
    F(qty, inst_sell, "qty", "working and in-flight sells") \
    F(px, own_px, "px", "best own resting price on the other side, 0 for none") \
    F(money, inst_gross, "money", "gross exposure in the instrument") \
    F(qty, strat_pos, "qty", "position of the strategy in the instrument") \
    F(qty, strat_buy, "qty", "its working buys") F(qty, strat_sell, "qty", "its working sells") \
    F(i64, dup_age_ns, "ns", "age of the same order sent before, 0 for none") \
    F(qty, acct_pos, "qty", "position of the account in the instrument") \
    F(qty, acct_buy, "qty", "its working buys") F(qty, acct_sell, "qty", "its working sells") \
    F(money, strat_pnl, "money", "profit and loss of the strategy") \
    F(money, strat_peak, "money", "highest profit and loss of the strategy so far") \
    F(money, strat_gross, "money", "gross exposure of the strategy") \
    F(money, acct_pnl, "money", "profit and loss of the account") \
    F(money, acct_peak, "money", "highest profit and loss of the account so far") \
    F(money, acct_gross, "money", "gross exposure of the account") \
    F(money, firm_pnl, "money", "profit and loss of the firm") \
    F(money, firm_peak, "money", "highest profit and loss of the firm so far") \
    F(money, firm_gross, "money", "gross exposure of the firm")

/* An order message that goes to the venue. Its record precedes its bytes.  The blocks that begin with
 * intent_id and with inst are the intent's, but for a word each. */
#define OCT_MSG_ORDER(F, A) \
    F(u64, order_id, "", "ours; unique for ever: lane, day and number") F(u64, approval_id, "", "risk's approval") \
    F(u64, intent_id, "", "the intent") F(u64, feed_seq, "", "market-data message that caused it") \
    F(i64, ts_rx_ns, "ns", "receive stamp of that message") F(i64, now_ns, "ns", "lane time of sending") \
    F(u64, orig_order_id, "", "the order it replaces") \
    F(u32, inst, "", "instrument") F(u16, strategy, "", "strategy") F(u16, account, "", "account") \
    F(u8, action, "enum:ACTION", "new, replace, cancel, reduce, account_query") F(u8, side, "enum:SIDE", "side") \
    F(u8, ord_type, "enum:ORD_TYPE", "type") F(u8, tif, "enum:TIF", "time in force") \
    F(u8, post_only, "", "1: refuse to take") F(u8, hidden, "", "1: not displayed") \
    F(u8, short_sale, "", "1: marked short") F(u8, session, "", "order session") \
    F(px, px, "px", "limit price, 0 for market") \
    F(qty, qty, "qty", "total liable, earlier fills included; for reduce the new total, for cancel 0") \
    F(qty, min_qty, "qty", "minimum quantity, 0 for none") \
    F(sym, symbol, "", "symbol at the venue") \
    F(u32, user_ref, "", "number the venue knows it by") F(u32, orig_user_ref, "", "number of the order it replaces")

#define OCT_MSG_ORDER_UPDATE(F, A) \
    F(u64, order_id, "", "the order") F(u64, venue_ref, "", "the venue's order reference, 0 if unknown") \
    F(i64, ts_exch_ns, "ns", "time at the venue") F(i64, now_ns, "ns", "lane time") \
    F(u32, user_ref, "", "number the venue knows it by") F(u32, inst, "", "instrument") \
    F(u16, strategy, "", "strategy") F(u16, account, "", "account") \
    F(u8, state, "enum:ORD_STATE", "state now") F(u8, prev_state, "enum:ORD_STATE", "state before") \
    F(u8, event, "enum:VEN", "what the venue said of it, 0 when it did not") F(u8, side, "enum:SIDE", "side") \
    F(px, px, "px", "limit price now") F(qty, qty, "qty", "total quantity now") \
    F(qty, filled, "qty", "filled so far") F(qty, open, "qty", "open now; exposure counts it") \
    F(u16, reason, "", "the venue's reason code, as sent") A(u8, 6, pad, "", "zero")

#define OCT_MSG_FILL(F, A) \
    F(u64, order_id, "", "the order") F(u64, match_id, "", "the venue's match number") \
    F(i64, ts_exch_ns, "ns", "time at the venue") F(i64, now_ns, "ns", "lane time") \
    F(u32, inst, "", "instrument") F(u16, strategy, "", "strategy") F(u16, account, "", "account") \
    F(px, px, "px", "price") F(qty, qty, "qty", "quantity") F(u32, user_ref, "", "number the venue knows it by") \
    F(u8, side, "enum:SIDE", "side of the order") F(chr, liquidity, "", "the venue's liquidity flag") \
    F(u8, broken, "", "1: this match was broken, undo it") F(u8, pad, "", "zero")

#define OCT_MSG_LADDER(F, A) \
    F(i64, now_ns, "ns", "lane time") F(u8, state, "enum:LADDER", "state now") \
    F(u8, prev, "enum:LADDER", "state before") F(u8, scope, "enum:SCOPE", "what it applies to") \
    F(u8, by_person, "", "1: a command") F(u16, cause, "enum:RISK", "why") F(u16, account, "", "account") \
    F(u16, strategy, "", "strategy") A(u8, 6, pad, "", "zero")

/* Order numbers below mark may be used once this record is on disk. */
#define OCT_MSG_MARK(F, A) F(u64, mark, "", "one past the last reserved order number") \
    F(i64, now_ns, "ns", "lane time")

#define OCT_MSG_CMD_RESULT(F, A) \
    F(u64, cmd_id, "", "the command") F(i64, now_ns, "ns", "lane time") \
    F(u16, cmd, "enum:CMD", "what it was") F(u8, result, "enum:CMD_RESULT", "what became of it") \
    F(u8, pad0, "", "zero") F(u32, version, "", "limit table in force") F(u64, value, "", "order id, or old value")

/* The recorder was lapped or input was lost: what follows does not continue what precedes. */
#define OCT_MSG_DISCONTINUITY(F, A) F(i64, now_ns, "ns", "lane time") F(u64, lost, "", "slots lost")

/* ---- published: in the ring, never in the journal --------------------------------------------- */

#define OCT_MSG_INSTRUMENT(F, A) \
    F(u32, inst, "", "instrument") F(u32, lot, "shares", "round lot") F(sym, symbol, "", "symbol at the venue") \
    F(px, tick, "px", "price increment") F(px, prev_close, "px", "previous close, 0 if unknown") \
    F(chr, trading, "", "trading state as the venue names it, blank if unknown") \
    F(chr, short_sale, "", "short-sale state, blank if unknown") F(u8, assumed, "flags", "as in verdict") \
    F(u8, stale, "", "1: book not in sync") A(u8, 4, pad, "", "zero")

#define OCT_MSG_BBO(F, A) \
    F(u32, inst, "", "instrument") F(u32, flags, "flags", "1 crossed, 2 locked, 4 stale") \
    F(i64, ts_exch_ns, "ns", "exchange time") F(u64, feed_seq, "", "sequence number of the message") \
    F(px, bid_px, "px", "best bid, 0 for none") F(qty, bid_qty, "qty", "displayed there") \
    F(px, ask_px, "px", "best offer, 0 for none") F(qty, ask_qty, "qty", "displayed there")

#define OCT_MSG_TRADE(F, A) \
    F(u32, inst, "", "instrument") F(u8, side, "enum:SIDE", "side of the resting order") \
    F(u8, hidden, "", "1: non-displayed") F(u8, cross, "", "1: auction") F(u8, printable, "", "0: do not count") \
    F(i64, ts_exch_ns, "ns", "exchange time") F(u64, feed_seq, "", "sequence number of the message") \
    F(u64, match_id, "", "match number") F(px, px, "px", "price") F(qty, qty, "qty", "quantity") \
    F(u64, ref, "", "order executed, 0 if hidden")

#define OCT_MSG_BAR(F, A) \
    F(u32, inst, "", "instrument") F(u32, interval_s, "s", "1, 60 or 300") \
    F(i64, start_ns, "ns", "start of the bar") F(px, open, "px", "first trade") F(px, high, "px", "highest") \
    F(px, low, "px", "lowest") F(px, close, "px", "last") F(qty, volume, "qty", "traded") \
    F(px, vwap, "px", "volume-weighted average price of the bar") F(u32, trade_cnt, "", "trades") \
    F(u32, pad, "", "zero")

#define OCT_MSG_POSITION(F, A) \
    F(u32, inst, "", "instrument") F(u16, strategy, "", "strategy") F(u16, account, "", "account") \
    F(qty, pos, "qty", "position, negative is short") F(qty, buy, "qty", "working and in-flight buys") \
    F(qty, sell, "qty", "working and in-flight sells") F(px, mark, "px", "price it is marked at") \
    F(money, cash, "money", "sum of sales less purchases") F(money, pnl, "money", "cash plus position at mark")

/* ---- local: on the lane's stack --------------------------------------------------------------- */

/* One market-data message, normalized.  The first 64 bytes are all that order messages use. */
#define OCT_MSG_MD(F, A) \
    F(u8, kind, "enum:MD", "what it is") F(u8, side, "enum:SIDE", "side of the order") \
    F(u8, printable, "", "0: do not count in volume") F(chr, code, "", "event, state or reason as the venue names it") \
    F(u32, inst, "", "instrument") F(u64, ref, "", "order reference") \
    F(u64, ref2, "", "replace: new reference; executions: match number") \
    F(px, px, "px", "price") F(qty, qty, "qty", "quantity: shares of the event") F(i64, ts_exch_ns, "ns", "exchange time") \
    F(sym, symbol, "", "add, trade, directory: symbol") F(px, px2, "px", "luld upper, noii far, mwcb level 2") \
    F(px, px3, "px", "luld lower, noii near, mwcb level 3") F(qty, qty2, "qty", "noii imbalance, directory lot") \
    F(chr, code2, "", "second code: directory category, noii cross type") F(chr, code3, "", "third code") \
    A(u8, 6, pad, "", "zero") A(u8, 8, mpid, "", "attribution, blank when none")

/* One order-session message of the venue, normalized. */
#define OCT_MSG_VEN(F, A) \
    F(u8, event, "enum:VEN", "what it is") F(u8, side, "enum:SIDE", "side") F(chr, code, "", "liquidity, state or system event") \
    F(u8, session, "", "session index") F(u32, user_ref, "", "order concerned") F(u32, orig_user_ref, "", "order it replaced") \
    F(u16, reason, "", "cancel or reject reason as sent") A(u8, 2, pad, "", "zero") \
    F(i64, ts_exch_ns, "ns", "time at the venue") F(u64, seq, "", "session sequence number") \
    F(u64, venue_ref, "", "the venue's order reference") F(u64, match_id, "", "match number") \
    F(px, px, "px", "price") F(qty, qty, "qty", "quantity of the event: accepted, executed, removed") \
    F(u64, order_id, "", "client order id echoed, 0 when the message has none") F(sym, symbol, "", "symbol, blank when none") \
    F(chr, order_state, "", "L live or D dead, in accepted and replaced") F(chr, tif, "", "time in force echoed") \
    A(u8, 6, pad1, "", "zero")

/* Something strategies act on; made by realtime beside the published record. */
#define OCT_MSG_MARKET(F, A) \
    F(u32, inst, "", "instrument") F(u32, what, "flags", "1 bbo changed, 2 trade, 4 bar closed, 8 state changed") \
    F(i64, ts_exch_ns, "ns", "exchange time") F(px, px, "px", "trade: price") F(qty, qty, "qty", "trade: quantity") \
    F(u8, side, "enum:SIDE", "trade: side of the resting order") A(u8, 3, pad, "", "zero") \
    F(u32, interval_s, "s", "bar closed: which")

#define OCT_MSG_TIMER(F, A) \
    F(u64, id, "", "as armed") F(i64, deadline_ns, "ns", "when it was due")

/* ---- the table: M(NAME, name, number, class, fields) ------------------------------------------- */
#define OCT_MSG_TABLE(M) \
    M(IN_PACKET, in_packet, 1, J, OCT_MSG_IN_PACKET) \
    M(IN_FEED, in_feed, 2, J, OCT_MSG_IN_FEED) \
    M(IN_VENUE, in_venue, 3, J, OCT_MSG_IN_VENUE) \
    M(IN_TIME, in_time, 4, J, OCT_MSG_IN_TIME) \
    M(IN_KILL, in_kill, 5, J, OCT_MSG_IN_KILL) \
    M(IN_CMD, in_cmd, 6, J, OCT_MSG_IN_CMD) \
    M(IN_START, in_start, 7, J, OCT_MSG_IN_START) \
    M(IN_MARK, in_mark, 8, J, OCT_MSG_IN_MARK) \
    M(IN_RECORDER, in_recorder, 9, J, OCT_MSG_IN_RECORDER) \
    M(INTENT, intent, 16, J, OCT_MSG_INTENT) \
    M(VERDICT, verdict, 17, J, OCT_MSG_VERDICT) \
    M(ORDER, order, 18, J, OCT_MSG_ORDER) \
    M(ORDER_UPDATE, order_update, 19, J, OCT_MSG_ORDER_UPDATE) \
    M(FILL, fill, 20, J, OCT_MSG_FILL) \
    M(LADDER, ladder, 21, J, OCT_MSG_LADDER) \
    M(MARK, mark, 22, J, OCT_MSG_MARK) \
    M(CMD_RESULT, cmd_result, 23, J, OCT_MSG_CMD_RESULT) \
    M(DISCONTINUITY, discontinuity, 24, J, OCT_MSG_DISCONTINUITY) \
    M(INSTRUMENT, instrument, 32, P, OCT_MSG_INSTRUMENT) \
    M(BBO, bbo, 33, P, OCT_MSG_BBO) \
    M(TRADE, trade, 34, P, OCT_MSG_TRADE) \
    M(BAR, bar, 35, P, OCT_MSG_BAR) \
    M(POSITION, position, 36, P, OCT_MSG_POSITION) \
    M(MD, md, 48, L, OCT_MSG_MD) \
    M(VEN, ven, 49, L, OCT_MSG_VEN) \
    M(MARKET, market, 50, L, OCT_MSG_MARKET) \
    M(TIMER, timer, 51, L, OCT_MSG_TIMER)

/* ---- every enum above, by the name that units use; a new enum needs its row here ---------------------------------------------- */
#define OCT_ENUM_TABLE(X) \
    X(ACTION) X(CMD) X(CMD_RESULT) X(FEED_EVENT) X(LADDER) X(MD) X(ORD_STATE) X(ORD_TYPE) X(RECORDER) X(RISK) \
    X(SCOPE) X(SIDE) X(TIF) X(VEN) X(VENUE_EVENT)

/* clang-format on */
#endif
