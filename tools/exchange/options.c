#include "tools/exchange/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"

enum {
    OPT_SESSION = 256,
    OPT_FORMAT,
    OPT_SYMBOLS,
    OPT_DATE,
    OPT_DURATION,
    OPT_SEED,
    OPT_GENERATOR,
    OPT_DESCRIBE,
    OPT_NO_ORDERBOOK,
    OPT_PCAP_PORT,
    OPT_LINES,
    OPT_INTERFACE,
    OPT_TTL,
    OPT_PACE,
    OPT_WINDOW,
    OPT_PACKET_SIZE,
    OPT_PER_PACKET,
    OPT_PACK_US,
    OPT_GAP_MAX,
    OPT_START,
    OPT_REWIND_PORT,
    OPT_REWIND_MIB,
    OPT_FAULTS,
    OPT_ORDER_PORT,
    OPT_BIND,
    OPT_USER,
    OPT_SELF,
    OPT_COD,
    OPT_BOOK_ORDERS,
    OPT_STORE,
    OPT_PORTS_FILE,
    OPT_RECORD,
    OPT_CONTROL,
    OPT_EXIT,
    OPT_END,
    OPT_LINGER,
    OPT_QUIET,
};

static const struct option table[] = {
    {"session", required_argument, NULL, OPT_SESSION},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"date", required_argument, NULL, OPT_DATE},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"seed", required_argument, NULL, OPT_SEED},
    {"generator", required_argument, NULL, OPT_GENERATOR},
    {"describe-generator", no_argument, NULL, OPT_DESCRIBE},
    {"no-orderbook", no_argument, NULL, OPT_NO_ORDERBOOK},
    {"pcap-port", required_argument, NULL, OPT_PCAP_PORT},
    {"lines", required_argument, NULL, OPT_LINES},
    {"interface", required_argument, NULL, OPT_INTERFACE},
    {"ttl", required_argument, NULL, OPT_TTL},
    {"pace", required_argument, NULL, OPT_PACE},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"packet-size", required_argument, NULL, OPT_PACKET_SIZE},
    {"per-packet", required_argument, NULL, OPT_PER_PACKET},
    {"pack-us", required_argument, NULL, OPT_PACK_US},
    {"gap-max", required_argument, NULL, OPT_GAP_MAX},
    {"start", required_argument, NULL, OPT_START},
    {"rewind-port", required_argument, NULL, OPT_REWIND_PORT},
    {"rewind-mib", required_argument, NULL, OPT_REWIND_MIB},
    {"faults", required_argument, NULL, OPT_FAULTS},
    {"order-port", required_argument, NULL, OPT_ORDER_PORT},
    {"bind", required_argument, NULL, OPT_BIND},
    {"user", required_argument, NULL, OPT_USER},
    {"self-match", required_argument, NULL, OPT_SELF},
    {"cancel-on-disconnect", no_argument, NULL, OPT_COD},
    {"book-orders", required_argument, NULL, OPT_BOOK_ORDERS},
    {"store", required_argument, NULL, OPT_STORE},
    {"ports-file", required_argument, NULL, OPT_PORTS_FILE},
    {"record", required_argument, NULL, OPT_RECORD},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"exit-when-done", no_argument, NULL, OPT_EXIT},
    {"end-when-done", no_argument, NULL, OPT_END},
    {"linger", required_argument, NULL, OPT_LINGER},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* ---- values ---------------------------------------------------------------------------------- */

static bool whole(const char *v, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long x = strtoull(v, &end, 10);
    *out = x;
    return v[0] >= '0' && v[0] <= '9' && *end == 0 && errno == 0 && x >= least && x <= most;
}

static bool seconds(const char *v, double most, int64_t *out_ns)
{
    char *end;
    double x = strtod(v, &end);
    if (strcmp(end, "s") == 0)
        end++;
    if (end == v || *end != 0 || !(x >= 0 && x <= most))
        return false;
    *out_ns = (int64_t)(x * 1e9);
    return true;
}

static bool address(const char *v, uint32_t *out_be)
{
    struct in_addr a;
    if (inet_pton(AF_INET, v, &a) != 1)
        return false;
    *out_be = a.s_addr;
    return true;
}

static bool endpoint(const char *v, size_t n, struct sockaddr_in *out)
{
    char text[64];
    uint64_t port;
    if (n >= sizeof text)
        return false;
    memcpy(text, v, n);
    text[n] = 0;
    char *colon = strchr(text, ':');
    if (!colon)
        return false;
    *colon = 0;
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (!address(text, &out->sin_addr.s_addr) || !whole(colon + 1, 1, 65535, &port))
        return false;
    out->sin_port = htons((uint16_t)port);
    return true;
}

static bool lines(const char *v, struct sockaddr_in out[2])
{
    size_t n = strcspn(v, ",");
    return v[n] == ',' && endpoint(v, n, &out[0]) &&
           endpoint(v + n + 1, strlen(v + n + 1), &out[1]);
}

static bool pace(const char *v, struct oct_exch_opts *o)
{
    snprintf(o->pace_text, sizeof o->pace_text, "%s", v);
    if (strcmp(v, "max") == 0 || strcmp(v, "flood") == 0) {
        o->pub.pace = v[0] == 'm' ? OCT_EXCH_LOCK_STEP : OCT_EXCH_FLOOD;
        return true;
    }
    char *end;
    o->pub.pace = OCT_EXCH_PACED;
    o->pub.speed = strtod(v, &end);
    return end != v && strcmp(end, "x") == 0 && o->pub.speed >= 0.001 && o->pub.speed <= 1e6;
}

static bool generator(const char *v, struct oct_gen_cfg *g)
{
    while (*v) {
        char word[40];
        uint64_t x;
        size_t n = strcspn(v, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < 39 ? n : 39), v);
        char *eq = strchr(word, '=');
        if (!eq)
            return false;
        *eq++ = 0;
        if (strcmp(word, "halt") == 0) {
            g->no_halt = strcmp(eq, "off") == 0;
            if (!g->no_halt && strcmp(eq, "on") != 0)
                return false;
        } else if (strcmp(word, "symbols") == 0 && whole(eq, 1, OCT_GEN_SYMBOL_MAX, &x)) {
            g->symbol_cnt = (uint32_t)x;
        } else if (strcmp(word, "rate") == 0 && whole(eq, 1, 1000000, &x)) {
            g->rate = (uint32_t)x;
        } else {
            return false;
        }
        v += n;
        v += *v == ',';
    }
    return true;
}

static bool user(const char *v, struct oct_exch_opts *o)
{
    if (o->user_cnt == OCT_EXCH_USER_MAX)
        return false;
    struct oct_exch_user_opt *u = &o->user[o->user_cnt];
    char text[40];
    snprintf(text, sizeof text, "%s", v);
    char *password = strchr(text, ':');
    if (!password)
        return false;
    *password++ = 0;
    char *firm = strchr(password, ':');
    if (firm)
        *firm++ = 0;
    if (strlen(text) < 1 || strlen(text) > 6 || strlen(password) > 10 || (firm && strlen(firm) > 4))
        return false;
    snprintf(u->name, sizeof u->name, "%s", text);
    snprintf(u->password, sizeof u->password, "%s", password);
    snprintf(u->firm, sizeof u->firm, "%s", firm ? firm : "");
    o->user_cnt++;
    return true;
}

/* One of the words: its index. */
static bool word(const char *v, const char *const *words, uint32_t n, uint32_t *out)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(v, words[*out]) == 0)
            return true;
    return false;
}

/* ---- options --------------------------------------------------------------------------------- */

static bool session_option(struct oct_exch_opts *o, int opt, const char *v)
{
    static const char *const formats[] = {"auto", "itch", "pcap", "lobster"};
    uint64_t x = 0;
    uint32_t i;
    int64_t ns;
    switch (opt) {
    case OPT_SESSION:
        o->session.path = v;
        return true;
    case OPT_FORMAT:
        if (!word(v, formats, OCT_ARRAY_CNT(formats), &i))
            return false;
        o->session.format = i;
        return true;
    case OPT_SYMBOLS:
        o->session.symbols = v;
        return true;
    case OPT_DATE:
        o->date = whole(v, 19700101, 20991231, &x) ? (uint32_t)x : 0;
        return o->date != 0 && oct_ny_midnight_ns(o->date, &ns) == 0;
    case OPT_DURATION:
        if (!seconds(v, 86400, &o->pub.duration_ns) || o->pub.duration_ns < OCT_NS_PER_S)
            return false;
        o->gen.duration_s = (uint32_t)(o->pub.duration_ns / OCT_NS_PER_S);
        return true;
    case OPT_SEED:
        if (!whole(v, 0, UINT64_MAX, &o->gen.seed))
            return false;
        o->pub.seed = o->gen.seed;
        return true;
    case OPT_GENERATOR:
        return generator(v, &o->gen);
    case OPT_DESCRIBE:
        o->describe_generator = true;
        return true;
    case OPT_NO_ORDERBOOK:
        o->session.no_orderbook = true;
        return true;
    default: /* OPT_PCAP_PORT */
        if (!whole(v, 1, 65535, &x))
            return false;
        o->session.port = (uint16_t)x;
        return true;
    }
}

static bool market_option(struct oct_exch_opts *o, int opt, const char *v)
{
    static const char *const starts[] = {"ready", "now"};
    char err[256];
    uint64_t x = 0;
    uint32_t i;
    switch (opt) {
    case OPT_LINES:
        return lines(v, o->pub.line);
    case OPT_INTERFACE:
        return address(v, &o->pub.iface_be);
    case OPT_TTL:
        if (!whole(v, 0, 255, &x))
            return false;
        o->pub.ttl = (uint8_t)x;
        return true;
    case OPT_PACE:
        return pace(v, o);
    case OPT_WINDOW:
        if (!whole(v, 1, OCT_EXCH_WINDOW_MAX, &x))
            return false;
        o->pub.window = (uint32_t)x;
        return true;
    case OPT_PACKET_SIZE:
        if (!whole(v, 128, OCT_EXCH_PKT_MAX, &x))
            return false;
        o->pub.pkt_sz_max = (uint32_t)x;
        return true;
    case OPT_PER_PACKET:
        if (!whole(v, 1, 1000, &x))
            return false;
        o->pub.per_packet = (uint32_t)x;
        return true;
    case OPT_PACK_US:
        if (!whole(v, 0, 1000000, &x))
            return false;
        o->pub.pack_ns = (int64_t)x * OCT_NS_PER_US;
        return true;
    case OPT_GAP_MAX:
        return seconds(v, 86400, &o->pub.gap_max_ns);
    case OPT_START:
        if (!word(v, starts, 2, &i))
            return false;
        o->start = i;
        return true;
    case OPT_REWIND_PORT:
        if (!whole(v, 0, 65535, &x))
            return false;
        o->pub.rewind.sin_port = htons((uint16_t)x);
        return true;
    case OPT_REWIND_MIB:
        if (!whole(v, 1, 65536, &x))
            return false;
        o->pub.rewind_bytes = x << 20;
        return true;
    default: /* OPT_FAULTS */
        o->faults_text = v;
        if (oct_exch_faults_parse(&o->pub.faults, v, err, sizeof err) == 0)
            return true;
        fprintf(stderr, "octopus-exchange: --faults: %s\n", err);
        return false;
    }
}

static bool order_option(struct oct_exch_opts *o, int opt, const char *v)
{
    static const char *const selfs[] = {"off", "decrement", "oldest", "newest"};
    uint64_t x = 0;
    uint32_t i;
    switch (opt) {
    case OPT_ORDER_PORT:
        if (!whole(v, 0, 65535, &x))
            return false;
        o->order.sin_port = htons((uint16_t)x);
        return true;
    case OPT_BIND:
        return address(v, &o->order.sin_addr.s_addr) && address(v, &o->pub.rewind.sin_addr.s_addr);
    case OPT_USER:
        return user(v, o);
    case OPT_SELF:
        if (!word(v, selfs, OCT_ARRAY_CNT(selfs), &i))
            return false;
        o->self = i;
        return true;
    case OPT_COD:
        o->cancel_on_disconnect = true;
        return true;
    case OPT_BOOK_ORDERS:
        if (!whole(v, 1024, 1u << 27, &x))
            return false;
        o->rec_order_cnt_max = (uint32_t)x;
        return true;
    default: /* OPT_STORE */
        o->store = v;
        return true;
    }
}

static bool run_option(struct oct_exch_opts *o, int opt, const char *v)
{
    switch (opt) {
    case OPT_PORTS_FILE:
        o->ports_file = v;
        return true;
    case OPT_RECORD:
        o->record = v;
        return true;
    case OPT_CONTROL:
        o->control = v;
        return true;
    case OPT_EXIT:
        o->exit_when_done = true;
        return true;
    case OPT_END:
        o->exit_when_done = o->stay = true;
        return true;
    case OPT_LINGER:
        return seconds(v, 3600, &o->linger_ns);
    default: /* OPT_QUIET */
        o->quiet = true;
        return true;
    }
}

static void defaults(struct oct_exch_opts *o)
{
    *o = (struct oct_exch_opts){
        .gen = {.seed = 1},
        .pub = {.speed = 1,
                .window = 64,
                .pkt_sz_max = 1400,
                .pack_ns = 50 * OCT_NS_PER_US,
                .gap_max_ns = OCT_NS_PER_S,
                .rewind_bytes = 256u << 20,
                .seed = 1,
                .faults = {.lines = 3}},
        .self = OCT_MATCH_SELF_DECREMENT,
        .order_cnt_max = 1u << 16,
        .linger_ns = 3 * OCT_NS_PER_S,
    };
    snprintf(o->pace_text, sizeof o->pace_text, "1x");
    lines("239.255.0.1:26400,239.255.0.2:26400", o->pub.line);
    address("127.0.0.1", &o->pub.iface_be);
    endpoint("127.0.0.1:26410", 15, &o->pub.rewind);
    endpoint("127.0.0.1:26420", 15, &o->order);
}

int oct_exch_options(struct oct_exch_opts *o, int argc, char **argv)
{
    defaults(o);
    int opt, at;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "hV", table, &at)) != -1) {
        if (opt == 'h') {
            fputs(oct_exch_help, stdout);
            return 1;
        }
        if (opt == 'V') {
            puts("octopus-exchange " OCT_VERSION);
            return 1;
        }
        if (opt < OPT_SESSION) {
            fputs("see octopus-exchange --help\n", stderr);
            return -EINVAL;
        }
        bool ok = opt <= OPT_PCAP_PORT ? session_option(o, opt, optarg)
                  : opt <= OPT_FAULTS  ? market_option(o, opt, optarg)
                  : opt <= OPT_STORE   ? order_option(o, opt, optarg)
                                       : run_option(o, opt, optarg);
        if (!ok) {
            fprintf(stderr, "octopus-exchange: --%s: '%s' is not possible; see --help\n",
                    table[at].name, optarg ? optarg : "");
            return -EINVAL;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "octopus-exchange: '%s' is no option; see --help\n", argv[optind]);
        return -EINVAL;
    }
    if (o->user_cnt == 0)
        user("OCT001:octopus", o);
    if (!o->session.path)
        o->session.gen = &o->gen;
    if (!o->session.path)
        o->pub.duration_ns = 0; /* the generator ends by itself */
    return 0;
}
