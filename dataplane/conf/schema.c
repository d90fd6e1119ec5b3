#include "dataplane/conf/schema_priv.h"

/* One row a key.  Units, reasons and examples are in config/octopus.yaml, which says every key; a
 * test holds its values against the defaults here. */

/* clang-format off */
#define IN(type, member) .off = offsetof(type, member), .sz = sizeof(((type *)0)->member)
#define PLAIN(key, k, type, member, lo, hi, deflt) \
    {.name = key, .kind = k, IN(type, member), .min = lo, .max = hi, .def = deflt}
#define ENUM(key, type, member, names, deflt) \
    {.name = key, .kind = OCT_KIND_ENUM, IN(type, member), .def = deflt, .arg = names}
#define GROUP(key, member, fields) \
    {.name = key, .kind = OCT_KIND_GROUP, .off = offsetof(struct oct_conf, member), .def = "{}", .arg = fields}
#define LIST(key, type, member, count, list) \
    {.name = key, .kind = OCT_KIND_LIST, .off = offsetof(type, member), .def = "[]", .arg = list, \
     .cnt_off = offsetof(type, count)}
#define BOOL(key, type, member, deflt) PLAIN(key, OCT_KIND_BOOL, type, member, 0, 0, deflt)
#define U32(key, type, member, lo, hi, deflt) PLAIN(key, OCT_KIND_U32, type, member, lo, hi, deflt)
#define PORT(key, type, member, deflt) PLAIN(key, OCT_KIND_U16, type, member, 0, 65535, deflt)
#define IPV4(key, type, member, deflt) PLAIN(key, OCT_KIND_IPV4, type, member, 0, 0, deflt)
#define CORE(type, member) PLAIN("core", OCT_KIND_I32, type, member, -1, 1023, "-1")
#define END {0}

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const transports[] = {"moldudp64", NULL};
static const char *const feed_protocols[] = {"itch50", NULL};
static const char *const joins[] = {"request", "accept", NULL};
static const char *const session_protocols[] = {"soupbintcp", NULL};
static const char *const order_protocols[] = {"ouch50", NULL};
static const char *const nic_drivers[] = {"uring", "pcap", "loopback", NULL};
static const char *const polls[] = {"adaptive", "busy", NULL};
static const char *const durabilities[] = {"async", "group", "strict", NULL};
static const char *const strategy_kinds[] = {"momentum", "mean_reversion", "technical",
                                             "market_making", "imbalance", "plugin", NULL};
static const char *const ladder_moves[] = {"none", "reduce", "halt", NULL};

#define T struct oct_conf_line
static const struct oct_conf_field line_fields[] = {
    IPV4("group", T, group.addr_be, NULL),
    PLAIN("port", OCT_KIND_U16, T, group.port, 1, 65535, NULL),
    IPV4("iface", T, iface_be, "127.0.0.1"),
    END,
};
static const struct oct_conf_list lines = {line_fields, sizeof(T), OCT_CONF_LINE_MAX, UINT32_MAX, UINT32_MAX};
#undef T

#define T struct oct_conf_endpoint
static const struct oct_conf_field rewind_fields[] = {
    IPV4("addr", T, addr_be, NULL),
    PLAIN("port", OCT_KIND_U16, T, port, 1, 65535, NULL),
    END,
};
static const struct oct_conf_list rewinds = {rewind_fields, sizeof(T), OCT_CONF_REWIND_MAX, UINT32_MAX, UINT32_MAX};
#undef T

#define T struct oct_conf_feed
static const struct oct_conf_field feed_fields[] = {
    ENUM("transport", T, transport, transports, "moldudp64"),
    ENUM("protocol", T, protocol, feed_protocols, "itch50"),
    LIST("lines", T, line, line_cnt, &lines),
    LIST("rewind", T, rewind, rewind_cnt, &rewinds),
    PLAIN("session", OCT_KIND_STR, T, session, 0, 0, ""),
    PLAIN("session_date", OCT_KIND_DATE, T, session_date, 0, 0, ""),
    PLAIN("first_seq", OCT_KIND_U64, T, first_seq, 1, INT64_MAX, "1"),
    ENUM("join", T, join, joins, "request"),
    U32("inst_base", T, inst_base, 0, 1 << 24, "0"),
    BOOL("position_report", T, position_report, "false"),
    U32("reorder_window", T, reorder_window, 1, 65536, "4096"),
    U32("reorder_wait_us", T, reorder_wait_us, 0, 1000000, "200"),
    U32("retry_wait_ms", T, retry_wait_ms, 1, 60000, "10"),
    U32("retry_max", T, retry_max, 0, 255, "5"),
    U32("gap_timeout_ms", T, gap_timeout_ms, 1, 600000, "250"),
    U32("stale_after_ms", T, stale_after_ms, 0, 3600000, "3000"),
    END,
};
#undef T

#define T struct oct_conf_venue
static const struct oct_conf_field venue_fields[] = {
    ENUM("session_protocol", T, session_protocol, session_protocols, "soupbintcp"),
    ENUM("protocol", T, protocol, order_protocols, "ouch50"),
    IPV4("addr", T, server.addr_be, "127.0.0.1"),
    PORT("port", T, server.port, "0"),
    PLAIN("session", OCT_KIND_STR, T, session, 0, 0, ""),
    PLAIN("user", OCT_KIND_STR, T, user, 0, 0, ""),
    PLAIN("password", OCT_KIND_SECRET, T, password, 0, 0, ""),
    PLAIN("firm", OCT_KIND_STR, T, firm, 0, 0, ""),
    U32("heartbeat_ms", T, heartbeat_ms, 100, 60000, "1000"),
    U32("silence_ms", T, silence_ms, 200, 600000, "15000"),
    U32("reconnect_ms", T, reconnect_ms, 10, 600000, "250"),
    BOOL("cancel_on_disconnect", T, cancel_on_disconnect, "true"),
    PLAIN("reference", OCT_KIND_PATH, T, reference, 0, 0, ""),
    END,
};
#undef T

#define T struct oct_conf_fault
static const struct oct_conf_field fault_fields[] = {
    PLAIN("drop", OCT_KIND_DEC9, T, drop, 0, OCT_CONF_SCALE, "0"),
    PLAIN("dup", OCT_KIND_DEC9, T, dup, 0, OCT_CONF_SCALE, "0"),
    PLAIN("reorder", OCT_KIND_DEC9, T, reorder, 0, OCT_CONF_SCALE, "0"),
    PLAIN("skew_ns", OCT_KIND_I64, T, skew_ns, 0, INT64_C(60000000000), "0"),
    PLAIN("seed", OCT_KIND_U64, T, seed, 0, INT64_MAX, "1"),
    END,
};
#undef T

#define T struct oct_conf_nic
static const struct oct_conf_field nic_fields[] = {
    ENUM("driver", T, driver, nic_drivers, "uring"),
    PLAIN("file", OCT_KIND_PATH, T, file, 0, 0, ""),
    PLAIN("rx_buf_cnt", OCT_KIND_POW2, T, rx_buf_cnt, 64, 32768, "4096"),
    U32("rx_sz_max", T, rx_sz_max, 512, 65536, "2048"),
    U32("rcvbuf_kb", T, rcvbuf_kb, 64, 1 << 20, "16384"),
    {.name = "fault", .kind = OCT_KIND_GROUP, .off = offsetof(T, fault), .def = "{}", .arg = fault_fields},
    END,
};
#undef T

#define T struct oct_conf_lane
static const struct oct_conf_field lane_fields[] = {
    CORE(T, core),
    ENUM("poll", T, poll, polls, "adaptive"),
    PLAIN("ring_depth", OCT_KIND_POW2, T, ring_depth, 1024, 1 << 26, "1048576"),
    PLAIN("link_depth", OCT_KIND_POW2, T, link_depth, 16, 1 << 20, "1024"),
    U32("inst_cnt", T, inst_cnt, 1, 1 << 24, "16384"),
    U32("order_cnt_max", T, order_cnt_max, 1024, 1 << 28, "1572864"),
    U32("level_cnt_max", T, level_cnt_max, 1024, 1 << 28, "1048576"),
    U32("timer_cnt", T, timer_cnt, 64, 1 << 24, "65536"),
    U32("own_order_cnt_max", T, own_order_cnt_max, 64, 1 << 24, "16384"),
    U32("position_cnt_max", T, position_cnt_max, 64, 1 << 24, "16384"),
    U32("recent_order_cnt", T, recent_order_cnt, 16, 1 << 20, "4096"),
    BOOL("lock_memory", T, lock_memory, "false"),
    BOOL("huge_pages", T, huge_pages, "true"),
    END,
};
#undef T

#define T struct oct_conf_journal
static const struct oct_conf_field journal_fields[] = {
    BOOL("enabled", T, enabled, "true"),
    ENUM("durability", T, durability, durabilities, "group"),
    U32("segment_mb", T, segment_mb, 1, 65536, "64"),
    U32("group_us", T, group_us, 50, 1000000, "2000"),
    CORE(T, core),
    U32("retain", T, retain, 0, 1 << 20, "0"),
    END,
};
#undef T

#define T struct oct_conf_realtime
static const struct oct_conf_field realtime_fields[] = {
    U32("bar_interval_s", T, bar_interval_s, 1, 300, "60"),
    U32("silence_ms", T, silence_ms, 10, 3600000, "1000"),
    PLAIN("tick", OCT_KIND_DEC9, T, tick, 1, INT64_C(1000000000000), "0.01"),
    PLAIN("tick_sub", OCT_KIND_DEC9, T, tick_sub, 1, INT64_C(1000000000000), "0.0001"),
    U32("lot", T, lot, 1, 1000000, "100"),
    END,
};
#undef T

#define T struct oct_conf_strategy
static const struct oct_conf_field strategy_fields[] = {
    U32("id", T, id, 0, OCT_CONF_STRATEGY_MAX - 1, NULL),
    PLAIN("name", OCT_KIND_NAME, T, name, 1, 0, NULL),
    ENUM("kind", T, kind, strategy_kinds, NULL),
    PLAIN("path", OCT_KIND_PATH, T, path, 0, 0, ""),
    U32("account", T, account, 0, OCT_CONF_ACCOUNT_MAX - 1, "0"),
    BOOL("enabled", T, enabled, "true"),
    PLAIN("weight", OCT_KIND_DEC9, T, weight, 0, 1000 * OCT_CONF_SCALE, "1"),
    {.name = "symbols", .kind = OCT_KIND_SYMBOLS, .off = offsetof(T, symbols), .def = "*"},
    {.name = "params", .kind = OCT_KIND_PARAMS, 
     .off = offsetof(T, param), .def = "{}", .cnt_off = offsetof(T, param_cnt)},
    END,
};
static const struct oct_conf_list strategies = {strategy_fields, sizeof(T), OCT_CONF_STRATEGY_MAX,
                                                offsetof(T, at), offsetof(T, name)};
#undef T

#define T struct oct_conf_account
static const struct oct_conf_field account_fields[] = {
    U32("id", T, id, 0, OCT_CONF_ACCOUNT_MAX - 1, NULL),
    PLAIN("name", OCT_KIND_NAME, T, name, 1, 0, NULL),
    END,
};
static const struct oct_conf_list accounts = {account_fields, sizeof(T), OCT_CONF_ACCOUNT_MAX,
                                              offsetof(T, at), offsetof(T, name)};
#undef T

#define T struct oct_conf_risk
static const struct oct_conf_field risk_fields[] = {
    LIST("accounts", T, account, account_cnt, &accounts),
    PLAIN("limits_file", OCT_KIND_PATH, T, limits_file, 0, 0, ""),
    {.name = "limits", .kind = OCT_KIND_LIMITS, .off = offsetof(T, limit), .def = "[]",
     .cnt_off = offsetof(T, limit_cnt)},
    {.name = "restricted", .kind = OCT_KIND_SYMBOLS, .off = offsetof(T, restricted), .def = "[]"},
    ENUM("on_control_silent", T, on_control_silent, ladder_moves, "none"),
    ENUM("on_clock_bad", T, on_clock_bad, ladder_moves, "halt"),
    ENUM("on_stale_feed", T, on_stale_feed, ladder_moves, "none"),
    U32("control_silent_ms", T, control_silent_ms, 100, 3600000, "5000"),
    U32("clock_error_max_us", T, clock_error_max_us, 1, 10000000, "1000000"),
    U32("order_mark_block", T, order_mark_block, 16, 1 << 24, "65536"),
    U32("position_publish_ms", T, position_publish_ms, 1, 60000, "100"),
    U32("manual_strategy", T, manual_strategy, 0, OCT_CONF_STRATEGY_MAX - 1, "30"),
    U32("manual_account", T, manual_account, 0, OCT_CONF_ACCOUNT_MAX - 1, "0"),
    END,
};
#undef T

#define T struct oct_conf_control
static const struct oct_conf_field control_fields[] = {
    IPV4("addr", T, listen.addr_be, "127.0.0.1"),
    PORT("port", T, listen.port, "8480"),
    CORE(T, core),
    PLAIN("token_file", OCT_KIND_DIR, T, token_file, 0, 0, ""),
    PLAIN("tls_cert", OCT_KIND_PATH, T, tls_cert, 0, 0, ""),
    PLAIN("tls_key", OCT_KIND_PATH, T, tls_key, 0, 0, ""),
    BOOL("metrics_open", T, metrics_open, "false"),
    U32("client_cnt_max", T, client_cnt_max, 1, 65536, "4096"),
    U32("client_budget_kb", T, client_budget_kb, 64, 1 << 20, "4096"),
    U32("idle_timeout_s", T, idle_timeout_s, 1, 3600, "75"),
    U32("ws_ping_s", T, ws_ping_s, 1, 3600, "20"),
    U32("ws_silence_s", T, ws_silence_s, 2, 3600, "60"),
    {.name = "origins", .kind = OCT_KIND_STRS, .off = offsetof(T, origin), .sz = 128,
     .max = OCT_CONF_ORIGIN_MAX, .def = "[]", .cnt_off = offsetof(T, origin_cnt)},
    END,
};
#undef T

#define T struct oct_conf
const struct oct_conf_field oct_conf_fields[] = {
    PLAIN("instance", OCT_KIND_NAME, T, instance, 1, 0, "octopus"),
    PLAIN("run_dir", OCT_KIND_DIR, T, run_dir, 0, 0, ""),
    PLAIN("data_dir", OCT_KIND_DIR, T, data_dir, 0, 0, ""),
    ENUM("log_level", T, log_level, log_levels, "info"),
    GROUP("feed", feed, feed_fields),
    GROUP("venue", venue, venue_fields),
    GROUP("nic", nic, nic_fields),
    GROUP("lane", lane, lane_fields),
    GROUP("journal", journal, journal_fields),
    GROUP("realtime", realtime, realtime_fields),
    LIST("strategies", T, strategy, strategy_cnt, &strategies),
    GROUP("risk", risk, risk_fields),
    GROUP("control", control, control_fields),
    END,
};
#undef T

#define T struct oct_conf_inst
static const struct oct_conf_field inst_fields[] = {
    PLAIN("symbol", OCT_KIND_SYMBOL, T, symbol, 0, 0, NULL),
    PLAIN("locate", OCT_KIND_ID, T, locate, 0, 65535, "*"),
    PLAIN("lot", OCT_KIND_U32, T, lot, 0, 1000000, "0"),
    PLAIN("tick", OCT_KIND_DEC9, T, tick, 0, INT64_C(1000000000000), "0"),
    PLAIN("tick_sub", OCT_KIND_DEC9, T, tick_sub, 0, INT64_C(1000000000000), "0"),
    PLAIN("prev_close", OCT_KIND_DEC9, T, prev_close, 0, INT64_MAX, "0"),
    PLAIN("trading", OCT_KIND_CHAR, T, trading, 0, 0, ""),
    PLAIN("short_sale", OCT_KIND_CHAR, T, short_sale, 0, 0, ""),
    END,
};
const struct oct_conf_list oct_conf_insts = {inst_fields, sizeof(T), 65536, offsetof(T, at), UINT32_MAX};
#undef T
/* clang-format on */
