#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "dataplane/conf/conf.h"
#include "dataplane/setup.h"

static char dir[64];
static char err[OCT_CONF_ERR_SZ];

static const struct oct_conf_limit_def limits[] = {
    {"order_qty", 8, 1 << OCT_CONF_STRATEGY | 1 << OCT_CONF_INSTRUMENT},
    {"gross", 17, 15},
    {"open_orders", 0, 1 << OCT_CONF_FIRM},
};
static const struct oct_conf_param_def params[] = {
    {"threshold", 9, 0, OCT_CONF_SCALE},
    {"hold_ns", 0, 0, INT64_MAX},
    {"qty", 8, 0, 1000 * OCT_QTY_ONE},
};
static const struct oct_conf_tables tables = {limits, 3, 3, params};

static void make_dir(void)
{
    strcpy(dir, P_tmpdir "/oct-conf-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void drop_dir(void)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    cr_assert_eq(system(cmd), 0);
}

TestSuite(conf, .init = make_dir, .fini = drop_dir);

static const char *file(const char *name, const char *text)
{
    static char path[8][128];
    static unsigned next;
    char *p = path[next++ % 8];

    snprintf(p, 128, "%s/%s", dir, name);
    FILE *f = fopen(p, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    return p;
}

/* The least that passes the checks. */
#define BASE "nic: {driver: loopback}\nrisk: {accounts: [{id: 0, name: main}]}\n"

static struct oct_conf *load(const char *text, const char *set0, const char *set1)
{
    struct oct_conf_overlay o[2] = {{OCT_CONF_SET, set0}, {OCT_CONF_SET, set1}};
    struct oct_conf *c = NULL;
    size_t n = set1 != NULL ? 2 : set0 != NULL ? 1 : 0;

    int rc = oct_conf_load(file("c.yaml", text), o, n, &tables, &c, err, sizeof err);
    cr_assert_eq(rc == 0, c != NULL);
    return c;
}

static struct oct_conf *loads(const char *text, const char *set0, const char *set1)
{
    struct oct_conf *c = load(text, set0, set1);
    cr_assert_not_null(c, "%s", err);
    return c;
}

/* The text is refused, with this after the file's name (or anywhere). */
static void refuses(const char *text, const char *want)
{
    struct oct_conf *c = load(text, NULL, NULL);
    cr_assert_null(c, "taken: %s", text);
    cr_assert_not_null(strstr(err, want), "\nwanted %s\ngot    %s", want, err);
}

static char *printed(const struct oct_conf *c)
{
    char *text = NULL;
    size_t sz = 0;
    FILE *f = open_memstream(&text, &sz);
    oct_conf_print(c, f);
    fclose(f);
    return text;
}

Test(conf, the_shipped_base_file_says_the_programs_defaults)
{
    struct oct_conf *shipped = NULL, *bare = NULL;
    const struct oct_conf_overlay same[] = {
        {OCT_CONF_SET, "feed.lines=[]"},
        {OCT_CONF_SET, "feed.rewind=[]"},
        {OCT_CONF_SET, "nic.driver=loopback"},
    };

    cr_assert_eq(
        oct_conf_load(OCT_CONFIG "/octopus.yaml", same, 3, NULL, &shipped, err, sizeof err), 0,
        "%s", err);
    bare = loads(BASE, NULL, NULL);
    char *a = printed(shipped), *b = printed(bare);
    cr_assert_str_eq(a, b);
    cr_assert_eq(shipped->risk.limit_cnt, 0u, "limits are zero");
    free(a);
    free(b);
    oct_conf_free(shipped);
    oct_conf_free(bare);
}

Test(conf, the_shipped_base_file_says_every_key)
{
    /* every key that is printed is in the file, in the same order */
    struct oct_conf *c = NULL;
    static char text[1 << 16];

    cr_assert_eq(oct_conf_load(OCT_CONFIG "/octopus.yaml", NULL, 0, NULL, &c, err, sizeof err), 0);
    FILE *f = fopen(OCT_CONFIG "/octopus.yaml", "r");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *all = printed(c), *at = text, *save = NULL;
    for (char *line = strtok_r(all, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char key[64] = "\n";
        size_t n = strcspn(line, ":");
        if (strchr(line, '-') != NULL && strchr(line, '-') < line + n)
            continue; /* elements of lists */
        if (strspn(line, " ") > 2 && strncmp(line + 4, "group", 5) != 0 &&
            strncmp(line, "    drop", 8) != 0)
            continue;
        cr_assert_lt(n, sizeof key - 2);
        memcpy(key + 1, line, n + 1);
        char *found = strstr(at, key);
        cr_assert_not_null(found, "%s is missing or out of order", key + 1);
        at = found;
    }
    free(all);
    oct_conf_free(c);
}

/* With the limits and parameters that the agents know, as the dataplane loads it. */
Test(conf, every_shipped_profile_loads)
{
    static const char *const profiles[] = {"bench", "default", "demo", "sim"};

    for (size_t i = 0; i < OCT_ARRAY_CNT(profiles); i++) {
        static struct oct_setup setup;
        struct oct_conf_args args = {.config = OCT_CONFIG "/octopus.yaml", .profile = profiles[i]};
        cr_assert_eq(oct_setup_load(&setup, &args), 0, "%s: %s", profiles[i], setup.err);
        oct_setup_free(&setup);
    }
    struct oct_setup lobster;
    struct oct_conf_args args = {.config = OCT_CONFIG "/octopus.yaml", .profile = "demo"};
    oct_conf_arg(&args, "--set", "venue.reference=" OCT_CONFIG "/venues/nasdaq-20120621-amzn.yaml");
    cr_assert_eq(oct_setup_load(&lobster, &args), 0, "%s", lobster.err);
    cr_assert_geq(lobster.reference->inst_cnt, 1u);
    oct_setup_free(&lobster);
}

Test(conf, what_is_printed_loads_to_the_same)
{
    struct oct_conf *a = loads(
        BASE "feed: {lines: [{group: 239.1.2.3, port: 5}, {group: 10.0.0.1, port: 6, iface: "
             "10.0.0.2}],\n"
             "  session_date: 2019-12-30, session: 'S 1'}\n"
             "strategies:\n"
             "  - {id: 3, name: a, kind: technical, weight: 0.125, symbols: [AAPL, 'BRK.B'],\n"
             "     params: {threshold: 0.5, hold_ns: 30000000000}}\n"
             "  - {id: 4, name: b, kind: plugin, path: sub/x.so, enabled: false, symbols: []}\n"
             "control: {origins: ['http://localhost:3000']}\n",
        "risk.limits=[{scope: firm, set: {gross: 12.5, open_orders: 3}}, {scope: strategy, id: "
        "'*', "
        "set: {order_qty: 0.00000001}}, {scope: instrument, symbol: AAPL, set: {order_qty: 7}}]",
        "venue.password=env:X");
    char *text = printed(a);
    struct oct_conf *b = NULL;
    int rc = oct_conf_load(file("again.yaml", text), NULL, 0, &tables, &b, err, sizeof err);
    cr_assert_eq(rc, 0, "%s\n%s", err, text);
    char *text2 = printed(b);
    cr_assert_str_eq(text, text2);
    cr_assert_eq(oct_conf_digest(a), oct_conf_digest(b));
    cr_assert_eq(b->risk.limit_cnt, 4u);
    free(text);
    free(text2);
    oct_conf_free(b);
    b = loads(BASE, NULL, NULL);
    cr_assert_neq(oct_conf_digest(a), oct_conf_digest(b));
    oct_conf_free(a);
    oct_conf_free(b);
}

Test(conf, values_arrive_in_their_units)
{
    struct oct_conf *c =
        loads("risk: {accounts: [{id: 0, name: main}]}\ninstance: x1\n"
              "feed: {lines: [{group: 239.1.2.3, port: 26001}], session_date: 20191230}\n"
              "nic: {driver: loopback, fault: {drop: 0.01, skew_ns: 5000000}}\n"
              "realtime: {tick: 0.05}\n",
              NULL, NULL);
    cr_assert_eq(c->feed.line[0].group.addr_be, inet_addr("239.1.2.3"));
    cr_assert_eq(c->feed.line[0].group.port, 26001);
    cr_assert_eq(c->feed.line[0].iface_be, inet_addr("127.0.0.1"), "an element's default");
    cr_assert_eq(c->feed.session_date, 20191230u);
    cr_assert_eq(c->nic.fault.drop, 10000000);
    cr_assert_eq(c->nic.fault.skew_ns, 5000000);
    cr_assert_eq(c->realtime.tick.v, 50000000);
    cr_assert_eq(c->lane.core, -1);
    cr_assert_str_eq(c->run_dir, "/dev/shm/octopus-x1");
    cr_assert_str_eq(c->data_dir, "./data/x1");
    cr_assert_str_eq(c->control.token_file, "./data/x1/token");
    oct_conf_free(c);
}

Test(conf, limits_and_parameters_are_scaled_by_the_agents_tables)
{
    struct oct_conf *c = loads(
        BASE "strategies: [{id: 0, name: s, kind: momentum, params: {threshold: 0.25, hold_ns: "
             "30000000000, qty: 1.5}}]\n",
        "risk.limits=[{scope: firm, set: {gross: 1000000.25, open_orders: 64}}, {scope: strategy, "
        "id: "
        "0, set: {order_qty: 500}}]",
        NULL);
    cr_assert_eq(c->strategy[0].param[0].value, 250000000);
    cr_assert_eq(c->strategy[0].param[1].value, 30000000000);
    cr_assert_eq(c->strategy[0].param[2].value, 150000000);
    cr_assert_eq(c->risk.limit_cnt, 3u);
    cr_assert(oct_money_unpack(c->risk.limit[0].value).v ==
              (__int128)100000025 * (OCT_PX_ONE / 100) * OCT_QTY_ONE);
    cr_assert(oct_money_unpack(c->risk.limit[1].value).v == 64);
    cr_assert(oct_money_unpack(c->risk.limit[2].value).v == 500 * OCT_QTY_ONE);
    cr_assert_eq(c->risk.limit[2].scope, OCT_CONF_STRATEGY);
    oct_conf_free(c);
}

Test(conf, a_plug_in_has_the_agents_parameters_and_its_own)
{
    struct oct_conf *c = loads(
        BASE
        "strategies: [{id: 0, name: s, kind: plugin, path: x.so, params: {hold_ns: 30000000000, "
        "qty: 1.5, param0: 20, param15: -3}}]\n",
        NULL, NULL);
    cr_assert_eq(c->strategy[0].param[0].value, 30000000000);
    cr_assert_eq(c->strategy[0].param[1].value, 150000000);
    cr_assert_eq(c->strategy[0].param[2].value, 20);
    cr_assert_eq(c->strategy[0].param[3].value, -3);
    cr_assert_eq(oct_conf_plugin_param("param15"), 15);
    cr_assert_eq(oct_conf_plugin_param("param16"), -1);
    cr_assert_eq(oct_conf_plugin_param("param"), -1);
    oct_conf_free(c);
    refuses(BASE "strategies: [{id: 0, name: s, kind: plugin, path: x.so, params: {param16: 1}}]\n",
            "unknown parameter");
    refuses(BASE
            "strategies: [{id: 0, name: s, kind: plugin, path: x.so, params: {param1: 0.5}}]\n",
            "param1");
    refuses(BASE "strategies: [{id: 0, name: s, kind: momentum, params: {param1: 1}}]\n",
            "unknown parameter");
}

Test(conf, later_files_and_settings_change_only_what_they_name)
{
    const char *base = BASE "strategies:\n"
                            "  - {id: 0, name: one, kind: momentum, params: {threshold: 0.1}}\n"
                            "  - {id: 1, name: two, kind: imbalance}\n"
                            "feed: {retry_max: 7, retry_wait_ms: 20}\n";
    struct oct_conf_overlay o[] = {
        {OCT_CONF_FILE, file("p.yaml", "feed: {retry_max: 9}\nstrategies: {two: {weight: 2}}\n")},
        {OCT_CONF_SET, "strategies.0.params.qty=3"},
        {OCT_CONF_SET, "strategies.one.enabled=false"},
        {OCT_CONF_SET, "strategies.one.symbols=[A,B]"},
        {OCT_CONF_SET, "strategies.two.symbols=*"},
    };
    struct oct_conf *c = NULL;
    int rc = oct_conf_load(file("c.yaml", base), o, OCT_ARRAY_CNT(o), &tables, &c, err, sizeof err);
    cr_assert_eq(rc, 0, "%s", err);
    cr_assert_eq(c->feed.retry_max, 9u);
    cr_assert_eq(c->feed.retry_wait_ms, 20u);
    cr_assert_eq(c->strategy_cnt, 2u);
    cr_assert_eq(c->strategy[1].weight, 2 * OCT_CONF_SCALE);
    cr_assert_eq(c->strategy[1].kind, OCT_CONF_IMBALANCE);
    cr_assert_eq(c->strategy[0].param_cnt, 2u);
    cr_assert_not(c->strategy[0].enabled);
    cr_assert_eq(c->strategy[0].symbols.cnt, 2u);
    cr_assert(c->strategy[1].symbols.all);
    oct_conf_free(c);
    o[0].text = file("p.yaml", "strategies: [{id: 5, name: only, kind: technical}]\n");
    rc = oct_conf_load(file("c.yaml", base), o, 1, &tables, &c, err, sizeof err);
    cr_assert_eq(rc, 0, "%s", err);
    cr_assert_eq(c->strategy_cnt, 1u, "a list replaces a list");
    oct_conf_free(c);
}

Test(conf, limits_of_the_file_come_before_those_of_the_configuration)
{
    file("lim.yaml", "limits:\n  - {scope: firm, set: {open_orders: 1, gross: 5}}\n");
    struct oct_conf *c =
        loads("nic: {driver: loopback}\nrisk: {limits_file: lim.yaml, limits: [{scope: firm, set: "
              "{open_orders: 2}}]}\n",
              NULL, NULL);
    cr_assert_eq(c->risk.limit_cnt, 3u);
    cr_assert_str_eq(c->risk.limit[0].text, "1");
    cr_assert_str_eq(c->risk.limit[2].text, "2");
    cr_assert_eq(c->risk.limit[0].at.line, 2u);
    oct_conf_free(c);
    file("lim.yaml", "limits: []\nlimitz: 3\n");
    refuses("nic: {driver: loopback}\nrisk: {limits_file: lim.yaml}\n",
            "lim.yaml:2:1: limitz: unknown key");
    refuses("nic: {driver: loopback}\nrisk: {limits_file: none.yaml}\n",
            "none.yaml: cannot be read");
}

Test(conf, errors_name_file_line_column_key_and_reason)
{
    refuses("feed:\n  reorder_windw: 3\n",
            "c.yaml:2:3: feed.reorder_windw: unknown key; did you mean reorder_window?\n");
    refuses("feeed: {}\n", "c.yaml:1:1: feeed: unknown key; did you mean feed?\n");
    refuses("feed: {windowpane: 3}\n", "c.yaml:1:8: feed.windowpane: unknown key\n");
    refuses("feed: {window: 3}\n", "did you mean reorder_window?");
    refuses("feed:\n  retry_max: many\n",
            "c.yaml:2:14: feed.retry_max: 'many' is not a whole number\n");
    refuses("feed: {retry_max: 256}\n",
            "c.yaml:1:19: feed.retry_max: 256 is out of range: from 0 to 255\n");
    refuses("feed: {retry_max: -1}\n", "out of range");
    refuses("feed: {retry_max: 1.0}\n", "not a whole number");
    refuses("feed: {retry_max: 99999999999999999999}\n", "out of range");
    refuses("feed: {retry_max: }\n", "a value is missing");
    refuses("feed: {retry_max: [1]}\n", "a single value is expected here");
    refuses("feed: {transport: udp}\n",
            "c.yaml:1:19: feed.transport: 'udp' is not one of: moldudp64\n");
    refuses("lane: {lock_memory: yes}\n", "'yes' is not true or false");
    refuses("lane: {ring_depth: 5000}\n", "5000 is not a power of two");
    refuses("feed: {session: 'elevenchars'}\n", "longer than 10 characters");
    refuses("feed: {session_date: 20190229}\n", "'20190229' is not a date");
    refuses("feed: {session_date: 2019-1-1}\n", "is not a date");
    refuses("venue: {addr: 300.1.1.1}\n", "'300.1.1.1' is not an IPv4 address");
    refuses("venue: {port: 65536}\n", "out of range");
    refuses("nic: {fault: {drop: 1.5}}\n", "nic.fault.drop: 1.5 is out of range: from 0 to 1");
    refuses("nic: {fault: {drop: half}}\n", "'half' is not a decimal number");
    refuses("instance: 'a b'\n", "letters, digits, _ and - only");
    refuses("instance: ''\n", "must not be blank");
    refuses("risk: {restricted: [TOOLONGNAME]}\n", "risk.restricted: not a symbol");
    refuses("feed: 3\n", "key: value pairs are expected here");
    refuses("feed: {lines: 3}\n", "a list is expected here");
    refuses("feed: {lines: [{port: 3}]}\n", "c.yaml:1:16: feed.lines[0].group: missing\n");
    refuses("feed: {lines: [{group: 1.2.3.4, port: 0}]}\n",
            "feed.lines[0].port: 0 is out of range");
    refuses("feed: {lines: [{group: 1.2.3.4, port: 1}, {group: 1.2.3.4, port: 1}, {group: 1.2.3.4, "
            "port: "
            "1}]}\n",
            "more than 2 elements");
}

Test(conf, all_errors_of_a_file_are_told_but_not_for_ever)
{
    char text[4096] = "lane:\n";

    refuses("feed: {retry_max: x, first_seq: y}\nlane: {poll: z}\n", "first_seq: 'y'");
    cr_assert_not_null(strstr(err, "retry_max: 'x'"));
    cr_assert_not_null(strstr(err, "'z' is not one of: adaptive, busy"));
    for (int i = 0; i < 60; i++)
        snprintf(text + strlen(text), 40, "  wrong_key_%d: 1\n", i);
    refuses(text, "further errors are not shown\n");
    struct oct_conf *c = NULL;
    char small[30];
    memset(small, 'x', sizeof small);
    cr_assert_eq(oct_conf_load(file("c.yaml", text), NULL, 0, NULL, &c, small, sizeof small),
                 -EINVAL);
    cr_assert_eq(small[sizeof small - 1], '\0');
}

Test(conf, fields_are_held_against_each_other)
{
#define STRAT "strategies:\n  - {id: 0, name: a, kind: momentum}\n"
    refuses("nic: {driver: uring}\n", "feed.lines: at least one line is needed");
    refuses("nic: {driver: pcap}\n", "c.yaml:1:15: nic.driver: pcap needs nic.file");
    refuses(BASE "venue: {port: 5}\n", "venue.user: must not be blank when there is a port");
    refuses(BASE "venue: {port: 5, user: u, heartbeat_ms: 9000}\n",
            "at least twice venue.heartbeat_ms");
    refuses(BASE "feed: {position_report: true}\n", "needs a rewind server");
    refuses(BASE "feed: {inst_base: 20000}\n", "must be below lane.inst_cnt");
    refuses(BASE "realtime: {bar_interval_s: 7}\n",
            "c.yaml:3:28: realtime.bar_interval_s: must be 1, 60 or 300");
    refuses(BASE "control: {addr: 0.0.0.0}\n", "only loopback");
    refuses(BASE "control: {tls_cert: x}\n", "certificate and key go together");
    refuses(BASE STRAT "  - {id: 0, name: b, kind: momentum}\n",
            "c.yaml:5:5: strategies: id 0 was given to a already");
    refuses(BASE STRAT "  - {id: 1, name: a, kind: momentum}\n", "the name a is there twice");
    refuses(BASE STRAT "  - {id: 1, name: b, kind: plugin}\n",
            "needs the path of its shared object");
    refuses(BASE STRAT "  - {id: 1, name: b, kind: momentum, path: x.so}\n",
            "only the kind plugin");
    refuses(BASE STRAT "  - {id: 1, name: b, kind: momentum, account: 3}\n",
            "risk.accounts has no id 3");
    refuses(BASE STRAT "  - {id: 1, name: b, kind: momentum, symbols: []}\n", "needs symbols");
    refuses(BASE STRAT "  - {id: 30, name: b, kind: momentum}\n", "is risk.manual_strategy");
    refuses(BASE STRAT "  - {id: 31, name: b, kind: momentum}\n", "31 is out of range");
    refuses(BASE STRAT "  - {name: b, kind: momentum}\n", "strategies[1].id: missing");
    refuses("nic: {driver: loopback}\nrisk: {accounts: [{id: 1, name: a}, {id: 1, name: b}], "
            "manual_account: 1}\n",
            "id 1 was given to a already");
    refuses("nic: {driver: loopback}\nrisk: {accounts: [{id: 1, name: a}]}\n",
            "risk.manual_account: is not the id of one of risk.accounts (by default)");
}

Test(conf, limits_and_parameters_that_agents_do_not_know_are_refused)
{
#define LIMIT(row) \
    "nic: {driver: loopback}\nrisk:\n  accounts: [{id: 0, name: main}]\n  limits:\n    - " row "\n"
    refuses(LIMIT("{scope: firm, set: {gros: 1}}"),
            "c.yaml:5:27: risk.limits[0].set.gros: unknown limit; did you mean gross?");
    refuses(LIMIT("{scope: firm, set: {order_qty: 1}}"), "the scope firm has no such limit");
    refuses(LIMIT("{scope: firm, set: {gross: -1}}"), "-1 is out of range: not negative");
    refuses(LIMIT("{scope: firm, set: {gross: lots}}"), "'lots' is not a decimal number");
    refuses(LIMIT("{scope: firm, set: {open_orders: 1.5}}"), "at most 0 decimals");
    refuses(LIMIT("{scope: strategy, id: 0, set: {order_qty: 0.000000001}}"), "at most 8 decimals");
    refuses(LIMIT("{scope: firm, set: {gross: 99999999999999999999}}"), "out of range");
    refuses(LIMIT("{scope: firm, id: 0, set: {gross: 1}}"), "this scope takes no id");
    refuses(LIMIT("{scope: strategy, set: {gross: 1}}"), "id is missing");
    refuses(LIMIT("{scope: strategy, id: 7, set: {gross: 1}}"), "strategies has no id 7");
    refuses(LIMIT("{scope: account, id: 7, set: {gross: 1}}"), "risk.accounts has no id 7");
    refuses(LIMIT("{scope: instrument, set: {gross: 1}}"), "symbol is missing");
    refuses(LIMIT("{scope: account, id: 0, symbol: A, set: {gross: 1}}"),
            "this scope takes no symbol");
    refuses(LIMIT("{set: {gross: 1}}"), "scope is missing");
    refuses(LIMIT("{scope: firm}"), "set: name: value pairs are missing");
    refuses(LIMIT("{scope: firm, sett: {gross: 1}}"), "unknown key; did you mean set?");
    refuses(LIMIT("{scope: world, set: {gross: 1}}"),
            "is not one of: firm, account, strategy, instrument");
    refuses(LIMIT("7"), "a limit is {scope, id or symbol, set}");
#define PARAM(p) BASE "strategies: [{id: 0, name: s, kind: momentum, params: {" p "}}]\n"
    refuses(PARAM("treshold: 1"),
            "strategies.params.treshold: unknown parameter; did you mean threshold?");
    refuses(PARAM("threshold: 1.5"), "1.5 is out of range: from 0 to 1, at most 9 decimals");
    refuses(PARAM("threshold: x"), "'x' is not a decimal number");
    refuses(PARAM("hold_ns: 1.5"), "at most 0 decimals");
    refuses(PARAM("threshold: [1]"), "a number is expected here");
}

Test(conf, yaml_that_hides_something_is_refused)
{
    refuses("feed: &a {retry_max: 1}\n", "anchors (&a) are not used here");
    refuses("feed: {first_seq: &a 1, retry_max: *a}\n", "are not used here");
    refuses("risk: {restricted: *}\n", "write a star in quotes");
    refuses("feed: !!map {}\n", "tags (");
    refuses("feed: {retry_max: 1}\nfeed: {}\n", "c.yaml:2:1: feed: said twice; first in line 1");
    refuses("feed: {}\n---\nlane: {}\n", "a second document");
    refuses("? [a, b]\n: 3\n", "a key must be a plain word");
    refuses("feed: {retry_max: 1\n", "not YAML");
    refuses("\tfeed: 1\n", "not YAML");
    refuses("feed: \"a\\0b\"\n", "zero character");
    refuses("instance: \xff\xfe\n", "not UTF-8 text");
    refuses("[1, 2]\n", "key: value pairs are expected here");
    char deep[512] = "feed: ";
    for (int i = 0; i < 200; i++)
        strcat(deep, "[");
    refuses(deep, "nested deeper than 16");
}

Test(conf, files_that_cannot_be_read_are_told_with_their_reason)
{
    struct oct_conf *c = NULL;
    char path[128];

    snprintf(path, sizeof path, "%s/nothing.yaml", dir);
    cr_assert_eq(oct_conf_load(path, NULL, 0, NULL, &c, err, sizeof err), -ENOENT);
    cr_assert_not_null(strstr(err, "nothing.yaml: cannot be read: No such file"), "%s", err);
    cr_assert_null(c);
    cr_assert_eq(oct_conf_load(dir, NULL, 0, NULL, &c, err, sizeof err), -EINVAL);
    cr_assert_not_null(strstr(err, "not a file"), "%s", err);
    snprintf(path, sizeof path, "%s/big.yaml", dir);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < (5 << 20) / 64; i++)
        fprintf(f, "#%062d\n", i);
    fclose(f);
    cr_assert_eq(oct_conf_load(path, NULL, 0, NULL, &c, err, sizeof err), -EINVAL);
    cr_assert_not_null(strstr(err, "larger than"), "%s", err);
    c = loads(BASE, NULL, NULL);
    oct_conf_free(c);
    oct_conf_free(NULL);
}

Test(conf, settings_that_are_no_settings_are_refused)
{
    static const struct {
        const char *set, *want;
    } bad[] = {
        {"feed", "--set: 'feed' is not key.path=value"},
        {"=3", "is not key.path=value"},
        {"feed.retry_maxx=3", "--set:1:6: feed.retry_maxx: unknown key; did you mean retry_max?"},
        {"feed.retry_max=x", "feed.retry_max: 'x' is not a whole number"},
        {"feed.retry_max=", "a value is missing"},
        {"feed=3", "key: value pairs"},
        {"strategies.nobody.weight=1", "no such element; there are 0 so far"},
        {"strategies.0.weight=1", "no such element"},
        {"strategies.-1.weight=1", "no such element"},
        {"feed..x=1", "unknown key"},
        {"feed.retry_max=[1", "not YAML"},
        {"feed.retry_max.deep=1", "a single value is expected"},
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        cr_assert_null(load(BASE, bad[i].set, NULL), "%s", bad[i].set);
        cr_assert_not_null(strstr(err, bad[i].want), "%s: %s", bad[i].set, err);
    }
    struct oct_conf *c = loads(BASE, "venue.user=", "feed.session=");
    cr_assert_str_eq(c->venue.user, "");
    oct_conf_free(c);
}

Test(conf, paths_are_relative_to_the_file_that_names_them)
{
    char want[256];
    struct oct_conf *c = loads(BASE "venue: {reference: ../a/../b/ref.yaml, password: 'file:pw'}\n",
                               "nic.file=here.pcap", NULL);
    cr_assert_str_eq(c->venue.reference, P_tmpdir "/b/ref.yaml");
    snprintf(want, sizeof want, "file:%s/pw", dir);
    cr_assert_str_eq(c->venue.password, want);
    cr_assert_str_eq(c->nic.file, "here.pcap");
    oct_conf_free(c);
    char text[512] = BASE "venue: {reference: ";
    for (int i = 0; i < 300; i++)
        strcat(text, "x");
    strcat(text, "}\n");
    refuses(text, "longer than 255 characters");
}

Test(conf, secrets_are_references_and_never_repeated)
{
    char buf[16];

    refuses(BASE "venue: {password: hunter2}\n", "venue.password: secrets are not kept here");
    cr_assert_null(strstr(err, "hunter2"));
    setenv("OCT_TEST_PW", "sesame", 1);
    cr_assert_eq(oct_conf_secret("env:OCT_TEST_PW", buf, sizeof buf), 6);
    cr_assert_str_eq(buf, "sesame");
    oct_conf_wipe(buf, sizeof buf);
    cr_assert_eq(buf[0], 0);
    cr_assert_eq(oct_conf_secret("", buf, sizeof buf), 0);
    cr_assert_eq(oct_conf_secret("env:OCT_TEST_NOT_THERE", buf, sizeof buf), -ENOENT);
    cr_assert_eq(oct_conf_secret("sesame", buf, sizeof buf), -EINVAL);
    cr_assert_eq(oct_conf_secret("env:OCT_TEST_PW", buf, 6), -ERANGE);
    cr_assert_eq(buf[0], 0);
    char ref[160];
    snprintf(ref, sizeof ref, "file:%s", file("pw", "opens\nmore\n"));
    chmod(ref + 5, 0600);
    cr_assert_eq(oct_conf_secret(ref, buf, sizeof buf), 5);
    cr_assert_str_eq(buf, "opens");
    chmod(ref + 5, 0644);
    cr_assert_eq(oct_conf_secret(ref, buf, sizeof buf), -EPERM);
    chmod(ref + 5, 0600);
    cr_assert_eq(oct_conf_secret(ref, buf, 5), -ERANGE);
    unlink(ref + 5);
    cr_assert_eq(oct_conf_secret(ref, buf, sizeof buf), -ENOENT);
}

Test(conf, random_damage_to_the_shipped_file_never_does_more_than_refuse)
{
    static char good[1 << 16], bad[1 << 16];
    struct oct_rng rng;
    FILE *f = fopen(OCT_CONFIG "/profiles/demo.yaml", "r");
    size_t len = fread(good, 1, sizeof good - 1, f);
    fclose(f);

    oct_rng_init(&rng, 5);
    for (int i = 0; i < 400; i++) {
        memcpy(bad, good, len + 1);
        for (uint64_t k = 1 + oct_rng_below(&rng, 4); k > 0; k--)
            bad[oct_rng_below(&rng, len)] = (char)(1 + oct_rng_below(&rng, 255));
        struct oct_conf *c = load(bad, NULL, NULL);
        if (c == NULL)
            cr_assert_gt(strlen(err), 5u);
        oct_conf_free(c);
    }
}

Test(conf, reference_data_names_instruments)
{
    struct oct_conf_reference *ref = NULL;

    int rc = oct_conf_reference_load(OCT_CONFIG "/venues/nasdaq-20191230-aapl.yaml", &ref, err,
                                     sizeof err);
    cr_assert_eq(rc, 0, "%s", err);
    cr_assert_eq(ref->session_date, 20191230u);
    cr_assert_eq(ref->inst_cnt, 1u);
    cr_assert_str_eq(ref->inst[0].symbol, "AAPL");
    cr_assert_eq(ref->inst[0].locate, 13u);
    cr_assert_eq(ref->inst[0].prev_close.v, 289800000000);
    cr_assert_eq(ref->inst[0].tick.v, 10000000);
    cr_assert_eq(ref->inst[0].lot, 100u);
    cr_assert_eq(ref->inst[0].trading, 'T');
    cr_assert_eq(ref->inst[0].short_sale, '0');
    oct_conf_reference_free(ref);
    oct_conf_reference_free(NULL);
}

static void ref_refuses(const char *text, const char *want)
{
    struct oct_conf_reference *ref = NULL;

    cr_assert_neq(oct_conf_reference_load(file("r.yaml", text), &ref, err, sizeof err), 0, "%s",
                  text);
    cr_assert_null(ref);
    cr_assert_not_null(strstr(err, want), "\nwanted %s\ngot    %s", want, err);
}

Test(conf, reference_data_that_contradicts_itself_is_refused)
{
    ref_refuses("", "has the keys venue");
    ref_refuses("venues: x\n", "r.yaml:1:1: venues: unknown key; did you mean venue?");
    ref_refuses("instruments: 7\n", "a list of at most");
    ref_refuses("instruments: [{locate: 1}]\n", "instruments[0].symbol: missing");
    ref_refuses("instruments: [{symbol: '*'}]\n", "must name one instrument");
    ref_refuses("instruments: [{symbol: ''}]\n", "must name one instrument");
    ref_refuses("instruments:\n  - {symbol: A, locate: 5}\n  - {symbol: B, locate: 5}\n",
                "r.yaml:3:5: instruments.locate: 5 is that of A");
    ref_refuses("instruments:\n  - {symbol: A}\n  - {symbol: B}\n  - {symbol: A}\n",
                "r.yaml:4:5: instruments.symbol: A is there twice");
    ref_refuses("instruments: [{symbol: A, locate: 65536}]\n", "65536 is out of range");
    ref_refuses("instruments: [{symbol: A, trading: TT}]\n", "one character, or blank");
    ref_refuses("instruments: [{symbol: A, prev_close: -1}]\n", "-1 is out of range");
    ref_refuses("session_date: yesterday\n", "is not a date");
}
