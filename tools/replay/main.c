/* main.c - octopus-replay: runs a lane on its journal.
 *
 *   verify   every decision made again must equal the recorded one, bit for bit
 *   bbo      the same, and the best bid and offer after every market-data message as CSV
 *
 * Exit status: 0 identical; 1 different; 2 usage; 4 no journal; 10 the journal is damaged. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/reader.h"
#include "dataplane/lane/verify.h"
#include "dataplane/setup.h"
#include "tools/replay/bbo.h"

#define LANE 0

static void usage(FILE *f)
{
    fputs(
        "usage: octopus-replay verify --config FILE [--profile NAME] [--set KEY=VALUE]...\n"
        "                             [--journal DIR] [--no-prefetch] [-o json]\n"
        "       octopus-replay bbo    the same options [--symbol SYMBOL]\n\n"
        "Replays the journal of an instance with the configuration it was made with, and compares\n"
        "every decision with the recorded one.  --journal defaults to data_dir/journal.\n"
        "bbo writes the best bid and offer after every market-data message to standard output,\n"
        "and the verdict to standard error.\n\n"
        "examples:\n"
        "  octopus-replay verify --config config/octopus.yaml --profile demo --set "
        "data_dir=data/up\n"
        "  octopus-replay verify --config data/up/journal/config-0123456789abcdef.yaml -o json\n"
        "  octopus-replay bbo --config data/up/journal/config-0123456789abcdef.yaml --symbol "
        "AAPL\n",
        f);
}

struct replay {
    struct oct_setup setup;
    struct oct_assembly assembly;
    struct oct_verify verify;
    bool other_config;
    uint64_t records;
    double seconds;
    char error[1024];
};

static int run(struct replay *r, const char *dir)
{
    struct oct_journal_error jerr;
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    int got;
    int err = oct_journal_open(dir, LANE, &j, &jerr);

    if (err) {
        snprintf(r->error, sizeof r->error, "%s: %s", dir,
                 err == -ENOENT ? "no journal here" : jerr.reason);
        return err;
    }
    int64_t t0 = oct_mono_ns();
    while ((got = oct_journal_next(j, &m)) == OCT_JOURNAL_RECORD) {
        r->records++;
        if (m->type == OCT_IN_START &&
            ((const struct oct_in_start *)m)->config_hash != r->setup.config_hash)
            r->other_config = true;
        err = oct_verify_record(&r->verify, m);
        if (err)
            break;
    }
    r->seconds = (double)(oct_mono_ns() - t0) * 1e-9;
    if (got < 0) {
        const struct oct_journal_error *e = oct_journal_error(j);
        snprintf(r->error, sizeof r->error, "%s: offset %llu: %s", e->file,
                 (unsigned long long)e->off, e->reason);
        err = got;
    }
    oct_journal_close(j);
    return err;
}

static void put_text(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        fputc((unsigned char)*s < 32 ? ' ' : *s, f);
    }
    fputc('"', f);
}

static void report(const struct replay *r, int err, bool json, FILE *f)
{
    const struct oct_verify *v = &r->verify;
    size_t rest;

    oct_verify_rest(v, &rest);
    const char *why = r->error[0] ? r->error : v->why;
    if (json) {
        fprintf(f,
                "{\"identical\": %s, \"inputs\": %" PRIu64 ", \"decisions\": %" PRIu64
                ", \"orders\": %" PRIu64 ", \"records\": %" PRIu64
                ", \"decisions_digest\": \"%016" PRIx64 "\", \"state_digest\": \"%016" PRIx64
                "\", \"rest_bytes\": %zu, \"same_configuration\": %s, \"seconds\": %.3f, \"why\": ",
                err ? "false" : "true", v->inputs, v->compared, v->orders, r->records, v->digest,
                oct_core_digest(r->assembly.core), rest, r->other_config ? "false" : "true",
                r->seconds);
        put_text(f, why);
        fputs("}\n", f);
        return;
    }
    fprintf(f, "%s: %" PRIu64 " inputs, %" PRIu64 " decisions (%" PRIu64 " orders), %.1f s\n",
            err ? "DIFFERENT" : "identical", v->inputs, v->compared, v->orders, r->seconds);
    if (r->other_config)
        fputs("the journal was made with another configuration\n", f);
    if (why[0])
        fprintf(f, "%s\n", why);
}

struct opts {
    struct oct_conf_args args;
    const char *journal;
    const char *symbol;
    bool no_prefetch;
    bool json;
    bool bbo;
};

static int verify(const struct opts *o)
{
    static struct oct_bbo_tap tap;
    static struct replay r;
    char dir[512];
    const char *what;

    if (oct_setup_load(&r.setup, &o->args)) {
        fprintf(stderr, "octopus-replay: %s\n", r.setup.err);
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/journal", r.setup.conf->data_dir);
    oct_verify_init(&r.verify);
    struct oct_assembly_cfg cfg = r.setup.assembly;
    cfg.out = oct_verify_out(&r.verify, LANE);
    cfg.tx = oct_verify_tx(&r.verify);
    cfg.no_prefetch = o->no_prefetch;
    int err = oct_assembly_create(&r.assembly, &cfg, &what);
    if (err) {
        fprintf(stderr, "octopus-replay: %s: %s\n", what, strerror(-err));
        return 1;
    }
    r.verify.core = r.assembly.core;
    if (o->bbo && !oct_bbo_tap_init(&tap, &r.assembly, o->symbol, stdout)) {
        fprintf(stderr, "octopus-replay: --symbol %s: 1 to 8 characters\n", o->symbol);
        return 2;
    }
    err = run(&r, o->journal ? o->journal : dir);
    report(&r, err, o->json, o->bbo ? stderr : stdout);
    oct_assembly_destroy(&r.assembly);
    oct_verify_fini(&r.verify);
    oct_setup_free(&r.setup);
    return !err ? 0 : err == -EILSEQ ? 1 : err == -ENOENT ? 4 : 10;
}

int main(int argc, char **argv)
{
    struct opts o = {0};

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    o.bbo = strcmp(argv[1], "bbo") == 0;
    if (!o.bbo && strcmp(argv[1], "verify") != 0) {
        fprintf(stderr, "octopus-replay: %s: no such command; see --help\n", argv[1]);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--no-prefetch") == 0)
            o.no_prefetch = true;
        else if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        } else if (i + 1 < argc && strcmp(argv[i], "--journal") == 0)
            o.journal = argv[++i];
        else if (o.bbo && i + 1 < argc && strcmp(argv[i], "--symbol") == 0)
            o.symbol = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "-o") == 0)
            o.json = strcmp(argv[++i], "json") == 0;
        else if (i + 1 < argc && oct_conf_arg(&o.args, argv[i], argv[i + 1]))
            i++;
        else {
            fprintf(stderr, "octopus-replay: %s: not understood; see --help\n", argv[i]);
            return 2;
        }
    }
    if (!o.args.config) {
        usage(stderr);
        return 2;
    }
    return verify(&o);
}
