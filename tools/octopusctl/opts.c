#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/octopusctl/cli.h"

#define RUN_ROOT   "/dev/shm"
#define RUN_PREFIX "octopus-"

static void drop(struct oct_cli *c, int at, int n)
{
    memmove(&c->argv[at], &c->argv[at + n], (size_t)(c->argc - at - n) * sizeof(char *));
    c->argc -= n;
}

const char *oct_cli_take(struct oct_cli *c, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < c->argc; i++) {
        if (strcmp(c->argv[i], name) == 0 && i + 1 < c->argc) {
            const char *v = c->argv[i + 1];
            drop(c, i, 2);
            return v;
        }
        if (strncmp(c->argv[i], name, n) == 0 && c->argv[i][n] == '=' && name[1] == '-') {
            const char *v = c->argv[i] + n + 1;
            drop(c, i, 1);
            return v;
        }
    }
    return NULL;
}

bool oct_cli_take_flag(struct oct_cli *c, const char *name)
{
    for (int i = 0; i < c->argc; i++) {
        if (strcmp(c->argv[i], name) == 0) {
            drop(c, i, 1);
            return true;
        }
    }
    return false;
}

const char *oct_cli_arg(struct oct_cli *c)
{
    for (int i = 0; i < c->argc; i++) {
        if (c->argv[i][0] != '-') {
            const char *v = c->argv[i];
            drop(c, i, 1);
            return v;
        }
    }
    return NULL;
}

int oct_cli_done(struct oct_cli *c)
{
    return c->argc == 0 ? OCT_CLI_OK : oct_cli_usage(c, "%s is not understood", c->argv[0]);
}

bool oct_cli_number(struct oct_cli *c, const char *name, const char *text, long min, long max,
                    long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out >= min &&
        *out <= max)
        return true;
    oct_cli_usage(c, "%s is a whole number from %ld to %ld, not %s", name, min, max, text);
    return false;
}

void oct_cli_user(char *out, size_t sz)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *pw = getpwuid(getuid());
    const char *name = sudo != NULL && sudo[0] != '\0' ? sudo
                       : pw != NULL                    ? pw->pw_name
                                                       : "unknown";
    snprintf(out, sz, "%s", name);
}

/* The only instance there is, when nobody named one. */
static int find_instance(struct oct_cli *c, char *out, size_t sz)
{
    DIR *d = opendir(RUN_ROOT);
    const struct dirent *e;
    char names[256] = "";
    int n = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, RUN_PREFIX, sizeof(RUN_PREFIX) - 1) != 0)
            continue;
        n++;
        snprintf(out, sz, "%s", e->d_name + sizeof(RUN_PREFIX) - 1);
        size_t len = strlen(names);
        snprintf(names + len, sizeof(names) - len, "%s%.40s", n > 1 ? ", " : "", out);
    }
    if (d != NULL)
        closedir(d);
    if (n == 1)
        return OCT_CLI_OK;
    if (n == 0) {
        snprintf(out, sz, "octopus"); /* none runs; the verb will say so */
        return OCT_CLI_OK;
    }
    return oct_cli_fail(c, OCT_CLI_USAGE, "several_instances", "name one: --instance NAME",
                        "%d instances are in " RUN_ROOT ": %s", n, names);
}

static int read_format(struct oct_cli *c)
{
    const char *o = oct_cli_take(c, "-o");
    if (o == NULL)
        o = oct_cli_take(c, "--output");
    if (oct_cli_take_flag(c, "--json"))
        o = "json";
    if (o == NULL || strcmp(o, "table") == 0)
        c->format = OCT_CLI_TABLE;
    else if (strcmp(o, "json") == 0)
        c->format = OCT_CLI_JSON;
    else if (strcmp(o, "ndjson") == 0)
        c->format = OCT_CLI_NDJSON;
    else
        return oct_cli_usage(c, "-o is table, json or ndjson, not %s", o);
    return OCT_CLI_OK;
}

static int read_seconds(struct oct_cli *c, const char *name, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return *end == '\0' && *out > 0 && *out < 86400
               ? OCT_CLI_OK
               : oct_cli_usage(c, "%s is a number of seconds, not %s", name, text);
}

static int find_dirs(struct oct_cli *c)
{
    const char *instance = oct_cli_take(c, "--instance");
    const char *run = oct_cli_take(c, "--run-dir");
    const char *data = oct_cli_take(c, "--data-dir");
    char found[64] = "";
    instance = instance != NULL ? instance : getenv("OCTOPUS_INSTANCE");
    run = run != NULL ? run : instance == NULL ? getenv("OCTOPUS_RUN_DIR") : NULL;
    data = data != NULL ? data : getenv("OCTOPUS_DATA_DIR");
    if (run == NULL && instance == NULL) {
        int rc = find_instance(c, found, sizeof(found));
        if (rc != OCT_CLI_OK)
            return rc;
        instance = found;
    } else if (instance == NULL) {
        const char *slash = strrchr(run, '/');
        const char *base = slash != NULL ? slash + 1 : run;
        size_t skip =
            strncmp(base, RUN_PREFIX, sizeof(RUN_PREFIX) - 1) == 0 ? sizeof(RUN_PREFIX) - 1 : 0;
        snprintf(found, sizeof(found), "%s", base + skip);
        instance = found;
    }
    if (run != NULL)
        snprintf(c->run_dir, sizeof(c->run_dir), "%s", run);
    else
        snprintf(c->run_dir, sizeof(c->run_dir), RUN_ROOT "/" RUN_PREFIX "%.60s", instance);
    if (data != NULL)
        snprintf(c->data_dir, sizeof(c->data_dir), "%s", data);
    else
        snprintf(c->data_dir, sizeof(c->data_dir), "data/%.60s", instance);
    return OCT_CLI_OK;
}

int oct_cli_options(struct oct_cli *c, int argc, char **argv)
{
    *c = (struct oct_cli){.headers = true, .timeout_s = 2, .argc = argc, .argv = argv};
    c->color = isatty(1) && getenv("NO_COLOR") == NULL;
    int rc = read_format(c);
    if (rc != OCT_CLI_OK)
        return rc;
    if (oct_cli_take_flag(c, "--no-color"))
        c->color = false;
    if (oct_cli_take_flag(c, "--no-headers"))
        c->headers = false;
    c->quiet = oct_cli_take_flag(c, "-q");
    c->yes = oct_cli_take_flag(c, "--yes");
    c->reason = oct_cli_take(c, "--reason");
    if (oct_cli_take_flag(c, "--watch"))
        c->watch_s = 1;
    const char *watch = oct_cli_take(c, "--watch");
    if (watch != NULL && (rc = read_seconds(c, "--watch", watch, &c->watch_s)) != OCT_CLI_OK)
        return rc;
    const char *timeout = oct_cli_take(c, "--timeout");
    if (timeout != NULL &&
        (rc = read_seconds(c, "--timeout", timeout, &c->timeout_s)) != OCT_CLI_OK)
        return rc;
    return find_dirs(c);
}
