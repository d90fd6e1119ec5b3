/* conf.h - the configuration of an instance, read once at start.
 *
 * A base file (config/octopus.yaml: every key with unit, default and reason), then overlays in the
 * order given: profile files with the keys they change, and settings "key.path=value" from a
 * command line.  A later value replaces an earlier one; mappings are merged key by key; a list is
 * replaced as a whole, unless it is given as a mapping by index or by the elements' name, which
 * changes those elements only (strategies.momentum.weight=0.5).
 *
 * A key that is not in the schema, a value of the wrong kind or out of range, an element that
 * refers to something that is not there: each is one line "file:line:column: key: reason", and
 * nothing is loaded.  Anchors, tags and second documents are refused.
 *
 * Paths (limits_file, reference, tls files, plug-ins) are relative to the file that names them, or
 * to the working directory when a setting does; data_dir, run_dir and token_file to the working
 * directory.  Passwords are never here: only references (env:NAME, file:PATH) to them.
 *
 * Thread:  cold; one owner.  Memory: allocated by load, freed by free. */
#ifndef OCT_CONF_CONF_H
#define OCT_CONF_CONF_H

#include <stdio.h>

#include "dataplane/base/px.h"

#define OCT_CONF_LINE_MAX     2u
#define OCT_CONF_REWIND_MAX   4u
#define OCT_CONF_STRATEGY_MAX 31u /* ids 0..30: as many as the kill word names */
#define OCT_CONF_ACCOUNT_MAX  32u
#define OCT_CONF_SYMBOL_MAX   256u /* of one list */
#define OCT_CONF_PARAM_MAX    32u
#define OCT_CONF_LIMIT_MAX    2048u
#define OCT_CONF_ORIGIN_MAX   8u
#define OCT_CONF_NAME_SZ      32u
#define OCT_CONF_PATH_SZ      256u
#define OCT_CONF_ERR_SZ       4096u               /* a good size for err buffers */
#define OCT_CONF_ALL          UINT32_MAX          /* id "*" */
#define OCT_CONF_SCALE        INT64_C(1000000000) /* decimals of weights, parameters: 1e-9 */

enum oct_conf_transport {
    OCT_CONF_MOLDUDP64,
};
enum oct_conf_feed_protocol {
    OCT_CONF_ITCH50,
};
enum oct_conf_join {
    OCT_CONF_JOIN_REQUEST, /* ask the rewind servers for what came before */
    OCT_CONF_JOIN_ACCEPT,  /* begin where the feed is */
};
enum oct_conf_session_protocol {
    OCT_CONF_SOUPBINTCP,
};
enum oct_conf_order_protocol {
    OCT_CONF_OUCH50,
};
enum oct_conf_nic_driver {
    OCT_CONF_NIC_URING,
    OCT_CONF_NIC_PCAP,
    OCT_CONF_NIC_LOOPBACK,
};
enum oct_conf_poll {
    OCT_CONF_POLL_ADAPTIVE, /* sleeps in the nic when idle */
    OCT_CONF_POLL_BUSY,     /* never sleeps: isolated cores only */
};
enum oct_conf_durability {
    OCT_CONF_ASYNC,
    OCT_CONF_GROUP,
    OCT_CONF_STRICT,
};
enum oct_conf_strategy_kind {
    OCT_CONF_MOMENTUM,
    OCT_CONF_MEAN_REVERSION,
    OCT_CONF_TECHNICAL,
    OCT_CONF_MARKET_MAKING,
    OCT_CONF_IMBALANCE,
    OCT_CONF_PLUGIN,
};
/* What a condition does to the state ladder. */
enum oct_conf_ladder_move {
    OCT_CONF_MOVE_NONE,
    OCT_CONF_MOVE_REDUCE,
    OCT_CONF_MOVE_HALT,
};
/* Scopes of limits; the numbers of enum oct_scope. */
enum oct_conf_scope {
    OCT_CONF_FIRM,
    OCT_CONF_ACCOUNT,
    OCT_CONF_STRATEGY,
    OCT_CONF_INSTRUMENT,
};
enum oct_conf_log_level { /* the numbers of enum oct_log_level */
                          OCT_CONF_DEBUG,
                          OCT_CONF_INFO,
                          OCT_CONF_WARN,
                          OCT_CONF_ERROR,
};

/* Where something was said; file lives as long as the configuration. */
struct oct_conf_at {
    const char *file;
    uint32_t line; /* from 1 */
    uint32_t col;
};

struct oct_conf_endpoint {
    uint32_t addr_be; /* IPv4, network order; 0 when not set */
    uint16_t port;    /* host order; 0 when not set */
    uint16_t pad;
};

struct oct_conf_line {
    struct oct_conf_endpoint group;
    uint32_t iface_be; /* address of the interface to join on */
    uint32_t pad;
};

struct oct_conf_symbols {
    bool all; /* "*" */
    uint8_t pad[3];
    uint32_t cnt;
    char name[OCT_CONF_SYMBOL_MAX][9]; /* up to eight characters, not padded */
};

struct oct_conf_feed {
    uint8_t transport; /* enum oct_conf_transport */
    uint8_t protocol;  /* enum oct_conf_feed_protocol */
    uint8_t join;      /* enum oct_conf_join */
    bool position_report;
    uint32_t line_cnt;
    struct oct_conf_line line[OCT_CONF_LINE_MAX];
    uint32_t rewind_cnt;
    struct oct_conf_endpoint rewind[OCT_CONF_REWIND_MAX];
    char session[11];      /* blank: that of the first packet */
    uint32_t session_date; /* yyyymmdd in New York; 0: today */
    uint32_t inst_base;
    uint64_t first_seq;
    uint32_t reorder_window; /* packets */
    uint32_t reorder_wait_us;
    uint32_t retry_wait_ms;
    uint32_t retry_max;
    uint32_t gap_timeout_ms;
    uint32_t stale_after_ms; /* 0: never */
};

struct oct_conf_venue {
    uint8_t session_protocol; /* enum oct_conf_session_protocol */
    uint8_t protocol;         /* enum oct_conf_order_protocol */
    bool cancel_on_disconnect;
    struct oct_conf_endpoint server; /* port 0: no order session */
    char session[11];                /* blank: the current one */
    char user[7];
    char password[OCT_CONF_PATH_SZ]; /* reference: oct_conf_secret */
    char firm[5];
    uint32_t heartbeat_ms;
    uint32_t silence_ms;
    uint32_t reconnect_ms;
    char reference[OCT_CONF_PATH_SZ]; /* blank: none; oct_conf_reference_load */
};

struct oct_conf_fault {
    int64_t drop;    /* probability, 1e-9 */
    int64_t dup;     /* probability, 1e-9 */
    int64_t reorder; /* probability, 1e-9 */
    int64_t skew_ns; /* of the second line */
    uint64_t seed;
};

struct oct_conf_nic {
    uint8_t driver;              /* enum oct_conf_nic_driver */
    char file[OCT_CONF_PATH_SZ]; /* pcap */
    uint32_t rx_buf_cnt;
    uint32_t rx_sz_max;
    uint32_t rcvbuf_kb;
    struct oct_conf_fault fault;
};

struct oct_conf_lane {
    int32_t core; /* -1: not pinned */
    uint8_t poll; /* enum oct_conf_poll */
    bool lock_memory;
    bool huge_pages;
    uint32_t ring_depth; /* slots, power of two */
    uint32_t link_depth; /* slots, power of two */
    uint32_t inst_cnt;
    uint32_t order_cnt_max;
    uint32_t level_cnt_max;
    uint32_t timer_cnt;
    uint32_t own_order_cnt_max;
    uint32_t position_cnt_max;
    uint32_t recent_order_cnt;
};

struct oct_conf_journal {
    bool enabled;
    uint8_t durability; /* enum oct_conf_durability */
    int32_t core;       /* -1: not pinned */
    uint32_t segment_mb;
    uint32_t group_us;
    uint32_t retain; /* segments kept; 0: all */
};

struct oct_conf_realtime {
    uint32_t bar_interval_s; /* 1, 60 or 300 */
    uint32_t silence_ms;
    oct_px tick;
    oct_px tick_sub;
    uint32_t lot;
};

struct oct_conf_param {
    struct oct_conf_at at;
    char name[OCT_CONF_NAME_SZ];
    char text[OCT_DECIMAL_SZ]; /* as written */
    /* text at the decimals of oct_conf_param_def; a plug-in's own are whole numbers; 1e-9 without a
     * table. */
    int64_t value;
};

/* A plug-in's own parameters are param0 to param15.  Which one a name means, or -1. */
int oct_conf_plugin_param(const char *name);

struct oct_conf_strategy {
    struct oct_conf_at at;
    uint32_t id; /* 0..30 */
    uint32_t account;
    uint8_t kind; /* enum oct_conf_strategy_kind */
    bool enabled;
    char name[OCT_CONF_NAME_SZ];
    char path[OCT_CONF_PATH_SZ]; /* plug-in */
    int64_t weight;              /* 1e-9 */
    struct oct_conf_symbols symbols;
    uint32_t param_cnt;
    struct oct_conf_param param[OCT_CONF_PARAM_MAX];
};

struct oct_conf_account {
    struct oct_conf_at at;
    uint32_t id; /* 0..31 */
    char name[OCT_CONF_NAME_SZ];
};

/* One limit for one member of a scope, flattened from the rows of the file. */
struct oct_conf_limit {
    struct oct_conf_at at;
    uint8_t scope;  /* enum oct_conf_scope */
    uint32_t id;    /* account or strategy, OCT_CONF_ALL for every one; 0 for the firm */
    char symbol[9]; /* instrument; "*" for every one without limits of its own */
    char name[OCT_CONF_NAME_SZ];
    char text[OCT_DECIMAL_SZ]; /* as written */
    /* text at the decimals of oct_conf_limit_def; 0 when no table was given. */
    struct oct_money_w value;
};

struct oct_conf_risk {
    uint32_t account_cnt;
    struct oct_conf_account account[OCT_CONF_ACCOUNT_MAX];
    char limits_file[OCT_CONF_PATH_SZ]; /* rows of it come before those of `limits` */
    uint32_t limit_cnt;
    struct oct_conf_limit limit[OCT_CONF_LIMIT_MAX];
    struct oct_conf_symbols restricted;
    uint8_t on_control_silent; /* enum oct_conf_ladder_move */
    uint8_t on_clock_bad;      /* enum oct_conf_ladder_move */
    uint8_t on_stale_feed;     /* enum oct_conf_ladder_move */
    uint32_t control_silent_ms;
    uint32_t clock_error_max_us;
    uint32_t order_mark_block;
    uint32_t position_publish_ms;
    uint32_t manual_strategy; /* id that people's orders trade for when they name none */
    uint32_t manual_account;
};

struct oct_conf_control {
    struct oct_conf_endpoint listen;
    int32_t core;                      /* -1: not pinned */
    char token_file[OCT_CONF_PATH_SZ]; /* blank: data_dir/token */
    char tls_cert[OCT_CONF_PATH_SZ];   /* blank: plain HTTP, loopback only */
    char tls_key[OCT_CONF_PATH_SZ];
    bool metrics_open;
    uint32_t client_cnt_max;
    uint32_t client_budget_kb;
    uint32_t idle_timeout_s;
    uint32_t ws_ping_s;
    uint32_t ws_silence_s;
    uint32_t origin_cnt;
    char origin[OCT_CONF_ORIGIN_MAX][128];
};

struct oct_conf {
    char instance[OCT_CONF_NAME_SZ];
    char run_dir[OCT_CONF_PATH_SZ];  /* filled in when the file leaves it blank */
    char data_dir[OCT_CONF_PATH_SZ]; /* filled in when the file leaves it blank */
    uint8_t log_level;               /* enum oct_conf_log_level */
    struct oct_conf_feed feed;
    struct oct_conf_venue venue;
    struct oct_conf_nic nic;
    struct oct_conf_lane lane;
    struct oct_conf_journal journal;
    struct oct_conf_realtime realtime;
    uint32_t strategy_cnt;
    struct oct_conf_strategy strategy[OCT_CONF_STRATEGY_MAX];
    struct oct_conf_risk risk;
    struct oct_conf_control control;
    struct oct_conf_files *files; /* names for `at`; private */
};

struct oct_conf_overlay {
    enum {
        OCT_CONF_FILE, /* text is a path */
        OCT_CONF_SET,  /* text is key.path=value, the value in YAML flow style */
    } kind;
    const char *text;
};

/* What agents know of limits and parameters, so that a misspelt, misplaced or impossible one is an
 * error with its line. */
struct oct_conf_limit_def {
    const char *name;
    uint8_t decimals; /* the value counts 10^-decimals: 8 quantity, 17 money, 0 a plain number */
    uint8_t scopes;   /* 1 << enum oct_conf_scope for each scope that has it */
};
struct oct_conf_param_def {
    const char *name;
    uint8_t decimals; /* 9 ratio, 8 quantity, 0 nanoseconds and counts */
    int64_t min;      /* in counts of 10^-decimals */
    int64_t max;
};
struct oct_conf_tables {
    const struct oct_conf_limit_def *limit;
    uint32_t limit_cnt;
    uint32_t param_cnt; /* 0: names of parameters are not checked, all count 1e-9 */
    const struct oct_conf_param_def *param;
};

/* Reads, merges and checks.  tables may be NULL: names and values of limits and parameters are then
 * only checked for form.  Returns 0 and *out; or negative errno (-EINVAL for what is in the files, -ENOENT and
 * so on for the files themselves) and text for people in err, one error a line, always ended. */
int oct_conf_load(const char *path, const struct oct_conf_overlay *overlays, size_t overlay_cnt,
                  const struct oct_conf_tables *tables, struct oct_conf **out, char *err,
                  size_t err_sz);
/* What a command line says about the configuration. */
struct oct_conf_args {
    const char *config; /* base file */
    const char
        *profile; /* a name (profiles/NAME.yaml beside the base file) or a path; NULL: none */
    const char *set[128];
    size_t set_cnt;
};

/* One of --config, --profile, --set; false when name is none of them.  value is what follows. */
bool oct_conf_arg(struct oct_conf_args *a, const char *name, const char *value);
/* As oct_conf_load, of the base file, the profile and the settings. */
int oct_conf_load_args(const struct oct_conf_args *a, const struct oct_conf_tables *tables,
                       struct oct_conf **out, char *err, size_t err_sz);

/* NULL is fine. */
void oct_conf_free(struct oct_conf *conf);

/* The effective settings as a YAML document that, read from a file in the working directory, loads
 * to the same configuration (limits_file is written out as rows).  References to secrets stay references. */
void oct_conf_print(const struct oct_conf *conf, FILE *f);

/* Digest of what oct_conf_print writes, and of the limits. */
uint64_t oct_conf_digest(const struct oct_conf *conf);

/* Resolves a reference: env:NAME, or file:PATH (first line; refused when others may read the
 * file).  A blank reference is a blank secret.  buf gets at most sz - 1 characters and an end.
 * Returns the length; -EINVAL no reference, -ENOENT not there, -EPERM others may read it, -ERANGE
 * too long.  The caller wipes buf. */
int oct_conf_secret(const char *ref, char *buf, size_t sz);
/* Overwrites; not optimised away. */
void oct_conf_wipe(void *buf, size_t sz);

/* ---- reference data: what a venue's session lacks ----------------------------------------------- */

struct oct_conf_inst {
    struct oct_conf_at at;
    char symbol[9];
    char trading;    /* assumed trading state as the venue names it, ' ' for none */
    char short_sale; /* assumed short-sale state, ' ' for none */
    uint8_t pad[1];
    uint32_t locate;   /* the venue's number in this session; OCT_CONF_ALL: unknown */
    uint32_t lot;      /* shares; 0: the default */
    oct_px tick;       /* at or above one dollar; 0: the default */
    oct_px tick_sub;   /* below one dollar; 0: the default */
    oct_px prev_close; /* 0: unknown */
};

struct oct_conf_reference {
    char venue[OCT_CONF_NAME_SZ];
    uint32_t session_date; /* yyyymmdd; 0: not tied to a day */
    uint32_t inst_cnt;
    struct oct_conf_inst *inst;
    struct oct_conf_files *files; /* private */
};

/* Reads config/venues/<x>.yaml; errors as oct_conf_load. */
int oct_conf_reference_load(const char *path, struct oct_conf_reference **out, char *err,
                            size_t err_sz);
/* NULL is fine. */
void oct_conf_reference_free(struct oct_conf_reference *ref);

#endif
