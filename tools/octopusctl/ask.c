/* ask.c - book, quote, order, position, risk: what control knows. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "tools/octopusctl/cli.h"

/* ---- book and quote --------------------------------------------------------------------------- */

struct book_arg {
    const char *symbol;
    long depth;
};

static void print_book(const json_t *v)
{
    const json_t *bids = json_object_get(v, "bids");
    const json_t *asks = json_object_get(v, "asks");
    size_t n = json_array_size(bids) > json_array_size(asks) ? json_array_size(bids)
                                                             : json_array_size(asks);
    char buf[3][64];
    printf("%s  %s  seq %s  %s\n", json_string_value(json_object_get(v, "symbol")),
           json_string_value(json_object_get(v, "book_state")),
           oct_cli_cell(json_object_get(v, "src_seq"), buf[0], sizeof(buf[0])),
           oct_cli_cell(json_object_get(v, "timestamp"), buf[1], sizeof(buf[1])));
    printf("%6s %10s %12s | %-12s %-10s %s\n", "ORDERS", "SIZE", "BID", "ASK", "SIZE", "ORDERS");
    for (size_t i = 0; i < n; i++) {
        const json_t *b = json_array_get(bids, i);
        const json_t *a = json_array_get(asks, i);
        printf("%6s %10s %12s | ",
               b != NULL ? oct_cli_cell(json_array_get(b, 2), buf[0], sizeof(buf[0])) : "",
               b != NULL ? oct_cli_cell(json_array_get(b, 1), buf[1], sizeof(buf[1])) : "",
               b != NULL ? oct_cli_cell(json_array_get(b, 0), buf[2], sizeof(buf[2])) : "");
        printf("%-12s %-10s %s\n",
               a != NULL ? oct_cli_cell(json_array_get(a, 0), buf[0], sizeof(buf[0])) : "",
               a != NULL ? oct_cli_cell(json_array_get(a, 1), buf[1], sizeof(buf[1])) : "",
               a != NULL ? oct_cli_cell(json_array_get(a, 2), buf[2], sizeof(buf[2])) : "");
    }
}

static int book_once(struct oct_cli *c, void *arg)
{
    const struct book_arg *a = arg;
    json_t *v = NULL;
    int rc = oct_cli_ask(
        c, "book.show", json_pack("{s:s, s:I}", "symbol", a->symbol, "depth", (json_int_t)a->depth),
        &v, false);
    if (rc == OCT_CLI_OK && !oct_cli_json(c, v, NULL))
        print_book(v);
    json_decref(v);
    return rc;
}

int oct_cli_book(struct oct_cli *c)
{
    const char *depth = oct_cli_take(c, "--depth");
    const char *verb = oct_cli_arg(c);
    struct book_arg a = {.symbol = oct_cli_arg(c), .depth = 10};
    if (verb == NULL || strcmp(verb, "show") != 0 || a.symbol == NULL)
        return oct_cli_usage(c, "book show SYMBOL is wanted");
    if (depth != NULL && !oct_cli_number(c, "--depth", depth, 1, 200, &a.depth))
        return OCT_CLI_USAGE;
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, book_once, &a);
}

static int quote_once(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col facts[] = {
        {"symbol", "symbol", false},     {"price", "price", false},
        {"change", "change", false},     {"bid", "bid", false},
        {"bid size", "bid_size", false}, {"ask", "ask", false},
        {"ask size", "ask_size", false}, {"open", "open", false},
        {"high", "high", false},         {"low", "low", false},
        {"volume", "volume", false},     {"vwap", "vwap", false},
        {"trades", "trades", false},     {"book", "book_state", false},
        {"time", "timestamp", false}};
    json_t *v = NULL;
    int rc =
        oct_cli_ask(c, "quote.show", json_pack("{s:s}", "symbol", (const char *)arg), &v, false);
    if (rc == OCT_CLI_OK && !oct_cli_json(c, v, NULL))
        oct_cli_facts(v, facts, OCT_ARRAY_CNT(facts));
    json_decref(v);
    return rc;
}

int oct_cli_quote(struct oct_cli *c)
{
    const char *verb = oct_cli_arg(c);
    const char *symbol = oct_cli_arg(c);
    if (verb == NULL || strcmp(verb, "show") != 0 || symbol == NULL)
        return oct_cli_usage(c, "quote show SYMBOL is wanted");
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, quote_once, (void *)(uintptr_t)symbol);
}

/* ---- orders ----------------------------------------------------------------------------------- */

static json_t *options(struct oct_cli *c, const char *const *names, size_t cnt)
{
    json_t *args = json_object();
    for (size_t i = 0; i < cnt; i++) {
        const char *v = oct_cli_take(c, names[i]);
        if (v != NULL)
            json_object_set_new(args, names[i] + 2, json_string(v));
    }
    return args;
}

static int order_list(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col cols[] = {
        {"ORDER", "id", false},          {"SYMBOL", "symbol", false},
        {"SIDE", "side", false},         {"QTY", "quantity", true},
        {"PRICE", "price", true},        {"FILLED", "filled_quantity", true},
        {"AVG", "average_price", true},  {"STATUS", "status", false},
        {"STRAT", "strategy", true},     {"REASON", "reason", false},
        {"CREATED", "created_at", false}};
    json_t *v = NULL;
    int rc = oct_cli_ask(c, "order.list", json_incref(arg), &v, false);
    if (rc == OCT_CLI_OK && !oct_cli_json(c, v, "orders")) {
        oct_cli_table(c, json_object_get(v, "orders"), cols, OCT_ARRAY_CNT(cols));
        const char *next = json_string_value(json_object_get(v, "next"));
        fflush(stdout); /* the table first, where both go to one screen */
        if (next != NULL && !c->quiet)
            fprintf(stderr, "more: --cursor %s\n", next);
    }
    json_decref(v);
    return rc;
}

/* A stamp in nanoseconds as a time people can read. */
static void readable_time(const json_t *v, const char *obj, const char *key)
{
    json_t *o = json_object_get(v, obj);
    const char *ns = json_string_value(json_object_get(o, key));
    char text[OCT_RFC3339_SZ];
    if (ns == NULL || strtoll(ns, NULL, 10) <= 0)
        return;
    size_t n = oct_rfc3339_format(text, strtoll(ns, NULL, 10));
    json_object_set_new(o, key, json_stringn(text, n));
}

static void print_receipt(const struct oct_cli *c, const json_t *v)
{
    static const struct oct_cli_col facts[] = {
        {"order", "order.id", false},
        {"symbol", "order.symbol", false},
        {"side", "order.side", false},
        {"quantity", "order.quantity", false},
        {"price", "order.price", false},
        {"status", "order.status", false},
        {"reason", "order.reason", false},
        {"filled", "order.filled_quantity", false},
        {"average", "order.average_price", false},
        {"strategy", "order.strategy", false},
        {"tick seq", "tick.feed_seq", false},
        {"tick at exchange", "tick.ts_exch", false},
        {"tick received", "tick.ts_rx", false},
        {"score", "signal.score", false},
        {"confidence", "signal.confidence", false},
        {"receive to send ns", "latency_ns.receive_to_send", false},
        {"send to ack ns", "latency_ns.send_to_ack", false},
        {"send to fill ns", "latency_ns.send_to_first_fill", false},
        {"limits version", "explained.limit_version", false},
        {"explanation agrees", "explained.agrees", false},
        {"protocol", "protocol", false},
        {"bytes", "bytes", false}};
    static const struct oct_cli_col contrib[] = {
        {"STRATEGY", "strategy", true}, {"WEIGHT", "weight", true}, {"SIGNAL", "signal", true}};
    static const struct oct_cli_col checks[] = {{"CHECK", "check", false},
                                                {"RESULT", "result", false},
                                                {"VALUE", "value", true},
                                                {"LIMIT", "limit", true},
                                                {"UNIT", "unit", false}};
    static const struct oct_cli_col fills[] = {{"MATCH", "match_id", false},
                                               {"PRICE", "price", true},
                                               {"QTY", "quantity", true},
                                               {"LIQ", "liquidity", false},
                                               {"TIME", "timestamp", false}};
    readable_time(v, "tick", "ts_exch");
    readable_time(v, "tick", "ts_rx");
    oct_cli_facts(v, facts, OCT_ARRAY_CNT(facts));
    if (oct_cli_path(v, "signal.contributions") != NULL) {
        fputc('\n', stdout);
        oct_cli_table(c, oct_cli_path(v, "signal.contributions"), contrib, OCT_ARRAY_CNT(contrib));
    }
    fputc('\n', stdout);
    oct_cli_table(c, json_object_get(v, "checks"), checks, OCT_ARRAY_CNT(checks));
    if (json_array_size(oct_cli_path(v, "order.fills")) > 0) {
        fputc('\n', stdout);
        oct_cli_table(c, oct_cli_path(v, "order.fills"), fills, OCT_ARRAY_CNT(fills));
    }
}

static int order_one(struct oct_cli *c, const char *verb, const char *id)
{
    json_t *v = NULL;
    int rc = oct_cli_ask(c, verb, json_pack("{s:s}", "id", id), &v, false);
    if (rc == OCT_CLI_OK && !oct_cli_json(c, v, NULL)) {
        if (strcmp(verb, "order.trace") == 0) {
            print_receipt(c, v);
        } else {
            char *text = json_dumps(v, JSON_INDENT(1));
            puts(text != NULL ? text : "");
            free(text);
        }
    }
    json_decref(v);
    return rc;
}

int oct_cli_order(struct oct_cli *c)
{
    static const char *const names[] = {"--status", "--symbol", "--limit", "--cursor"};
    json_t *args = options(c, names, OCT_ARRAY_CNT(names));
    const char *verb = oct_cli_arg(c);
    const char *id = verb != NULL && strcmp(verb, "list") != 0 ? oct_cli_arg(c) : NULL;
    int rc = oct_cli_done(c);
    if (rc != OCT_CLI_OK)
        ;
    else if (verb != NULL && strcmp(verb, "list") == 0)
        rc = oct_cli_watch(c, order_list, args);
    else if (verb != NULL && strcmp(verb, "trace") == 0 && id != NULL)
        rc = order_one(c, "order.trace", id);
    else if (verb != NULL && strcmp(verb, "show") == 0 && id != NULL)
        rc = order_one(c, "order.show", id);
    else
        rc = oct_cli_usage(c, "order list, order show ID or order trace ID is wanted");
    json_decref(args);
    return rc;
}

static int position_once(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col cols[] = {{"SYMBOL", "symbol", false},
                                              {"STRAT", "strategy", true},
                                              {"ACCT", "account", true},
                                              {"QTY", "quantity", true},
                                              {"BOUGHT", "bought", true},
                                              {"SOLD", "sold", true},
                                              {"PRICE", "current_price", true},
                                              {"VALUE", "market_value", true},
                                              {"P&L", "pnl", true}};
    json_t *v = NULL;
    (void)arg;
    int rc = oct_cli_ask(c, "position.list", NULL, &v, false);
    if (rc == OCT_CLI_OK && !oct_cli_json(c, v, "positions"))
        oct_cli_table(c, json_object_get(v, "positions"), cols, OCT_ARRAY_CNT(cols));
    json_decref(v);
    return rc;
}

int oct_cli_position(struct oct_cli *c)
{
    const char *verb = oct_cli_arg(c);
    if (verb != NULL && strcmp(verb, "list") != 0)
        return oct_cli_usage(c, "position list is wanted");
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, position_once, NULL);
}
