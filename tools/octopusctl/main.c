/* main.c - octopusctl: the operator's command line. */
#include <signal.h>
#include <string.h>

#include "tools/octopusctl/cli.h"

#ifndef OCT_VERSION
#define OCT_VERSION "unknown"
#endif

static const struct verb {
    const char *name;
    int (*fn)(struct oct_cli *c);
    const char *what;
    const char *use;
    const char *examples;
} verbs[] = {
    {"status", oct_cli_status, "how the instance is; exit 10 when degraded, 3 when down", "status",
     "  octopusctl status\n  octopusctl status -o json --instance demo\n"},
    {"top", oct_cli_top, "live view; works without control, on shared memory alone",
     "top [--batch] [-n COUNT] [-d SECONDS]", "  octopusctl top\n  octopusctl top --batch -n 1\n"},
    {"feed", oct_cli_feed, "state of the feed and its counters by line",
     "feed [show|stats]    (show leaves out what is zero)",
     "  octopusctl feed\n  octopusctl feed stats -o ndjson\n"},
    {"counters", oct_cli_counters, "all counters, or those whose name begins with PREFIX",
     "counters [PREFIX]", "  octopusctl counters risk_\n  octopusctl counters --watch=0.5\n"},
    {"book", oct_cli_book, "a book by price", "book show SYMBOL [--depth N] [--watch[=S]]",
     "  octopusctl book show AAPL --depth 5\n  octopusctl book show AAPL --watch\n"},
    {"quote", oct_cli_quote, "the day so far of an instrument", "quote show SYMBOL [--watch[=S]]",
     "  octopusctl quote show AAPL\n  octopusctl quote show AAPL -o json\n"},
    {"order", oct_cli_order, "orders, and why each was sent and what it passed",
     "order list [--status S] [--symbol SYM] [--limit N] [--cursor C]\n"
     "       octopusctl order show ID\n       octopusctl order trace ID",
     "  octopusctl order list --status refused\n  octopusctl order trace 60833916780808\n"},
    {"position", oct_cli_position, "positions and P&L", "position list",
     "  octopusctl position list\n  octopusctl position list -o ndjson\n"},
    {"risk", oct_cli_risk, "state and limits of risk; change limits",
     "risk show\n       octopusctl risk set firm|account:WHO|strategy:WHO|instrument:SYM|"
     "instrument:* NAME=VALUE... --reason TEXT [--yes]",
     "  octopusctl risk show\n"
     "  octopusctl risk set strategy:1 position=500 open_orders=5 --reason 'smaller today'\n"},
    {"halt", oct_cli_halt, "no new orders; what works is cancelled",
     "halt [--scope all|account:N|strategy:N] [--reason TEXT]",
     "  octopusctl halt\n  octopusctl halt --scope strategy:2 --reason 'looks odd'\n"},
    {"reduce", oct_cli_reduce, "only orders that bring positions nearer to zero",
     "reduce [--scope all|account:N|strategy:N] [--reason TEXT]",
     "  octopusctl reduce --scope account:0\n  octopusctl reduce --reason 'end of day'\n"},
    {"kill", oct_cli_kill, "stops orders at the encoder, at once, whatever else is broken",
     "kill --scope all|account:N|strategy:N --reason TEXT [--yes]",
     "  octopusctl kill --scope all --yes --reason 'runaway'\n"
     "  octopusctl kill --scope strategy:1 --reason 'wrong model'\n"},
    {"rearm", oct_cli_rearm, "back to active after halt or kill: takes a person",
     "rearm [--scope all|account:N|strategy:N] --reason TEXT [--yes]",
     "  octopusctl rearm --reason 'found and fixed'\n"
     "  octopusctl rearm --scope strategy:2 --yes --reason 'model replaced'\n"},
    {"latency", oct_cli_latency, "where time goes between wire and wire, in nanoseconds",
     "latency [--hop NAME] [--hdr FILE.hlog]",
     "  octopusctl latency\n  octopusctl latency --hop tick_to_trade -o json\n"},
    {"errors", oct_cli_errors, "distinct faults: code, how often, first, last", "errors",
     "  octopusctl errors\n  octopusctl errors --watch=5\n"},
    {"journal", oct_cli_journal, "the journal's files: list, print, check, replay",
     "journal ls|verify [--dir DIR]\n"
     "       octopusctl journal cat [--from N] [--to N] [--limit N] [--type NAME] [--lane N]\n"
     "       octopusctl journal replay --config FILE [--profile NAME] [--set KEY=VALUE]...",
     "  octopusctl journal verify\n"
     "  octopusctl journal cat --type order --limit 10\n"},
};

static void usage(FILE *f)
{
    fputs("usage: octopusctl [options] VERB [arguments]\n\n", f);
    for (size_t i = 0; i < OCT_ARRAY_CNT(verbs); i++)
        fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].what);
    fputs("\noptions, before or after the verb\n"
          "  --instance NAME   run directory /dev/shm/octopus-NAME, data directory data/NAME;\n"
          "                    default: the only instance there is (OCTOPUS_INSTANCE)\n"
          "  --run-dir DIR, --data-dir DIR   the same, by path (OCTOPUS_RUN_DIR, "
          "OCTOPUS_DATA_DIR)\n"
          "  -o table|json|ndjson, --json    data on standard output; the objects of REST\n"
          "  --watch[=S]       again and again   --timeout S   wait for answers (2)\n"
          "  --yes             no question       --reason TEXT why, for the operators' log\n"
          "  --no-headers --no-color -q\n\n"
          "exit status: 0 ok, 1 failure, 2 usage, 3 not running, 4 not found, 5 permission,\n"
          "  6 conflict, 7 rejected by risk, 8 partial, 9 outcome unknown, 10 degraded, 130 "
          "interrupted\n\n"
          "examples:\n  octopusctl status\n"
          "  octopusctl kill --scope all --yes --reason 'runaway strategy'\n",
          f);
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < OCT_ARRAY_CNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static int help(const char *name)
{
    const struct verb *v = name != NULL ? find(name) : NULL;
    if (v == NULL) {
        usage(stdout);
        return OCT_CLI_OK;
    }
    printf("usage: octopusctl %s\n\n%s\n\nexamples:\n%s", v->use, v->what, v->examples);
    return OCT_CLI_OK;
}

int main(int argc, char **argv)
{
    static struct oct_cli c;
    struct oct_cli early = {.argc = argc - 1, .argv = argv + 1};
    signal(SIGPIPE, SIG_DFL);
    if (oct_cli_take_flag(&early, "--version")) {
        puts("octopusctl " OCT_VERSION);
        return OCT_CLI_OK;
    }
    if (oct_cli_take_flag(&early, "--help") || oct_cli_take_flag(&early, "-h"))
        return help(early.argc > 0 ? early.argv[0] : NULL);
    if (early.argc > 0 && strcmp(early.argv[0], "help") == 0)
        return help(early.argc > 1 ? early.argv[1] : NULL);
    if (argc < 2) {
        usage(stderr);
        return OCT_CLI_USAGE;
    }
    int rc = oct_cli_options(&c, early.argc, early.argv);
    if (rc != OCT_CLI_OK)
        return rc;
    const char *name = oct_cli_arg(&c);
    const struct verb *v = name != NULL ? find(name) : NULL;
    if (v == NULL)
        return oct_cli_fail(&c, OCT_CLI_USAGE, "usage", "octopusctl --help",
                            name != NULL ? "there is no verb %s" : "a verb is wanted%s",
                            name != NULL ? name : "");
    c.verb = v->name;
    rc = v->fn(&c);
    return fflush(stdout) == 0 ? rc : OCT_CLI_NEGATIVE;
}
