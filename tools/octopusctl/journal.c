/* journal.c - journal ls, cat, verify, replay: the files alone. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/journal/show.h"
#include "tools/octopusctl/cli.h"

#define REPLAY "octopus-replay"

static bool big_number(struct oct_cli *c, const char *name, uint64_t *out)
{
    const char *text = oct_cli_take(c, name);
    char *end;
    *out = 0;
    if (text == NULL)
        return true;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0)
        return true;
    oct_cli_usage(c, "%s is a whole number, not %s", name, text);
    return false;
}

static int cat(struct oct_cli *c, const char *dir)
{
    struct oct_journal_cat opt = {.type = oct_cli_take(c, "--type")};
    const char *lane = oct_cli_take(c, "--lane");
    long n = 0;
    if (!big_number(c, "--from", &opt.from_input) || !big_number(c, "--to", &opt.to_input) ||
        !big_number(c, "--limit", &opt.limit) ||
        (lane != NULL && !oct_cli_number(c, "--lane", lane, 0, UINT16_MAX, &n)))
        return OCT_CLI_USAGE;
    opt.lane = (uint16_t)n;
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_journal_show_cat(dir, &opt, stdout, stderr);
}

/* The replay program stands beside us when we were built, and in the path when installed. */
static int replay(struct oct_cli *c, const char *dir)
{
    char self[PATH_MAX];
    char beside[PATH_MAX];
    char *argv[80] = {REPLAY, "verify", "--journal", (char *)(uintptr_t)dir};
    int n = 4;
    if (c->format != OCT_CLI_TABLE) {
        argv[n++] = "-o";
        argv[n++] = "json";
    }
    if (c->argc + n >= (int)OCT_ARRAY_CNT(argv))
        return oct_cli_usage(c, "too many arguments");
    for (int i = 0; i < c->argc; i++)
        argv[n++] = c->argv[i];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len > 0) {
        self[len] = '\0';
        char *slash = strrchr(self, '/');
        *slash = '\0';
        for (int i = 0; i < 2; i++) {
            int m = snprintf(beside, sizeof(beside), i == 0 ? "%s/" REPLAY : "%s/../replay/" REPLAY,
                             self);
            if (m > 0 && (size_t)m < sizeof(beside) && access(beside, X_OK) == 0)
                execv(beside, argv);
        }
    }
    execvp(REPLAY, argv);
    return oct_cli_fail(c, OCT_CLI_NOT_FOUND, "no_replay", NULL, REPLAY " cannot be run: %s",
                        strerror(errno));
}

/* Whether somebody writes there now: what is not whole at the end is then on its way. */
static bool being_written(struct oct_cli *c)
{
    struct oct_pub s;
    if (oct_cli_shm_join(c, &s, true) != OCT_CLI_OK)
        return false;
    bool alive = oct_cli_shm_alive(&s);
    oct_pub_leave(&s);
    return alive;
}

int oct_cli_journal(struct oct_cli *c)
{
    char dir[320];
    const char *given = oct_cli_take(c, "--dir");
    if (given != NULL)
        snprintf(dir, sizeof(dir), "%s", given);
    else
        snprintf(dir, sizeof(dir), "%s/journal", c->data_dir);
    const char *verb = oct_cli_arg(c);
    bool json = c->format != OCT_CLI_TABLE;
    if (verb == NULL)
        return oct_cli_usage(c, "journal ls, cat, verify or replay is wanted");
    if (strcmp(verb, "cat") == 0)
        return cat(c, dir);
    if (strcmp(verb, "replay") == 0)
        return replay(c, dir);
    int rc = oct_cli_done(c);
    if (rc != OCT_CLI_OK)
        return rc;
    bool live = given == NULL && being_written(c);
    if (strcmp(verb, "ls") == 0)
        return oct_journal_show_ls(dir, json, live, stdout);
    if (strcmp(verb, "verify") == 0)
        return oct_journal_show_verify(dir, json, live, stdout);
    return oct_cli_usage(c, "journal %s is not a verb", verb);
}
