/* act.c - halt, reduce, rearm, kill: over shared memory alone, so that nobody else must be alive.
 *
 * halt, reduce and rearm are commands on a link of their own, which has one writer at a time (a lock
 * file in the run directory sees to that); the answer is read from the ring.  kill sets bits in the
 * kill word: nothing can stand in its way. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/msg/desc.h"
#include "tools/octopusctl/cli.h"

bool oct_cli_scope(const char *text, struct oct_cli_scope *out)
{
    static const struct {
        const char *prefix;
        uint8_t scope;
        uint16_t max; /* what the kill word can name */
    } kinds[] = {{"account:", OCT_SCOPE_ACCOUNT, 31}, {"strategy:", OCT_SCOPE_STRATEGY, 30}};
    *out = (struct oct_cli_scope){.scope = OCT_SCOPE_FIRM};
    snprintf(out->text, sizeof(out->text), "%.31s", text);
    if (strcmp(text, "all") == 0 || strcmp(text, "firm") == 0)
        return true;
    for (size_t i = 0; i < OCT_ARRAY_CNT(kinds); i++) {
        size_t n = strlen(kinds[i].prefix);
        char *end;
        if (strncmp(text, kinds[i].prefix, n) != 0 || text[n] < '0' || text[n] > '9')
            continue;
        unsigned long id = strtoul(text + n, &end, 10);
        out->scope = kinds[i].scope;
        out->id = (uint16_t)id;
        return *end == '\0' && id <= kinds[i].max;
    }
    return false;
}

void oct_cli_record(const struct oct_cli *c, const char *verb, const char *scope,
                    const char *outcome)
{
    char path[320];
    char user[64];
    char when[OCT_RFC3339_SZ];
    snprintf(path, sizeof(path), "%s/operator.log",
             access(c->data_dir, W_OK) == 0 ? c->data_dir : c->run_dir);
    oct_cli_user(user, sizeof(user));
    size_t n = oct_rfc3339_format(when, oct_utc_ns());
    json_t *v =
        json_pack("{s:o, s:s, s:s, s:s, s:s*, s:s, s:i}", "@timestamp", json_stringn(when, n),
                  "event.action", verb, "user.name", user, "scope", scope, "reason", c->reason,
                  "event.outcome", outcome, "uid", (int)getuid());
    char *line = json_dumps(v, JSON_COMPACT);
    json_decref(v);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd >= 0 && line != NULL)
        dprintf(fd, "%s\n", line);
    else if (!c->quiet)
        fprintf(stderr, "warning: %s cannot be written: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(line);
}

/* ---- commands over the link ------------------------------------------------------------------- */

static int lock(struct oct_cli *c)
{
    char path[320];
    snprintf(path, sizeof(path), "%s/octopusctl.lock", c->run_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
    int64_t end = oct_mono_ns() + (int64_t)(c->timeout_s * 1e9);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || oct_mono_ns() > end) {
            close(fd);
            return -EBUSY;
        }
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    return fd >= 0 ? fd : -errno;
}

/* Reads the ring until the lane's answer to a command is there.  False when it is not in time. */
static bool wait_result(struct oct_cli *c, struct oct_ring_reader *r, uint64_t cmd_id,
                        struct oct_cmd_result *out)
{
    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)buf;
    int64_t end = oct_mono_ns() + (int64_t)(c->timeout_s * 1e9);
    while (oct_mono_ns() < end) {
        enum oct_ring_read got = oct_ring_read(r, buf);
        if (got == OCT_RING_RECORD && m->type == OCT_CMD_RESULT &&
            ((const struct oct_cmd_result *)m)->cmd_id == cmd_id) {
            *out = *(const struct oct_cmd_result *)m;
            return true;
        }
        if (got == OCT_RING_EMPTY)
            nanosleep(&(struct timespec){0, 500000}, NULL);
    }
    return false;
}

static json_t *result_json(const struct oct_cmd_result *r)
{
    char when[OCT_RFC3339_SZ];
    size_t n = oct_rfc3339_format(when, r->now_ns);
    const char *cmd = oct_enum_text("CMD", r->cmd);
    const char *result = oct_enum_text("CMD_RESULT", r->result);
    return json_pack(
        "{s:o, s:s, s:s, s:I, s:o, s:o}", "cmd_id",
        json_sprintf("%llu", (unsigned long long)r->cmd_id), "cmd", cmd != NULL ? cmd : "unknown",
        "result", result != NULL ? result : "unknown", "version", (json_int_t)r->version, "value",
        json_sprintf("%llu", (unsigned long long)r->value), "timestamp", json_stringn(when, n));
}

static int send_cmd(struct oct_cli *c, const struct oct_pub *s, struct oct_in_cmd *cmd,
                    struct oct_cmd_result *res)
{
    struct oct_region region;
    struct oct_link link;
    struct oct_ring_reader reader;
    size_t sz;
    int rc = oct_region_join(&region, c->run_dir, OCT_REGION_CMD, OCT_REGION_WRITE,
                             oct_msg_layout_hash());
    if (rc == -EACCES)
        return oct_cli_fail(c, OCT_CLI_PERMISSION, "permission", "join the group octopus-trade",
                            "%s/cmd may not be written", c->run_dir);
    void *p = rc == 0 ? oct_region_find(&region, OCT_OBJ_LINK_CTL, &sz) : NULL;
    if (p == NULL || oct_link_join(&link, p, sz, OCT_LINK_PUBLISHER) != 0) {
        oct_region_leave(&region);
        return oct_cli_fail(c, OCT_CLI_NOT_RUNNING, "no_link", NULL,
                            "the dataplane offers no command link in %s", c->run_dir);
    }
    oct_ring_reader_init(&reader, s->ring, false);
    cmd->cmd_id = (uint64_t)oct_utc_ns();
    rc = oct_link_publish(&link, &cmd->hdr);
    bool answered = rc == 0 && wait_result(c, &reader, cmd->cmd_id, res);
    oct_region_leave(&region);
    if (rc != 0)
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "link_full", "kill needs no link",
                            "the lane takes no commands");
    return answered ? OCT_CLI_OK
                    : oct_cli_fail(c, OCT_CLI_UNKNOWN, "timeout", "octopusctl status",
                                   "the lane did not answer within %g s; the outcome is unknown",
                                   c->timeout_s);
}

static int confirm(struct oct_cli *c, const char *verb, const char *word)
{
    char line[64];
    if (c->yes)
        return OCT_CLI_OK;
    if (!isatty(0))
        return oct_cli_fail(c, OCT_CLI_USAGE, "confirm", "add --yes", "%s asks for confirmation",
                            verb);
    fprintf(stderr, "%s %s. Type %s to go on: ", verb, word, word);
    if (fgets(line, sizeof(line), stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, word) == 0
               ? OCT_CLI_OK
               : oct_cli_fail(c, OCT_CLI_NEGATIVE, "not_confirmed", NULL, "nothing was done");
}

static int command(struct oct_cli *c, const char *verb, enum oct_cmd_kind kind, bool ask)
{
    const char *text = oct_cli_take(c, "--scope");
    struct oct_cli_scope scope;
    struct oct_pub s;
    struct oct_in_cmd cmd = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = (uint16_t)kind};
    struct oct_cmd_result res = {0};
    char user[16];
    if (!oct_cli_scope(text != NULL ? text : "all", &scope))
        return oct_cli_usage(c, "--scope is all, account:N or strategy:N, not %s", text);
    int rc = oct_cli_done(c);
    if (rc == OCT_CLI_OK && ask && c->reason == NULL)
        rc = oct_cli_usage(c, "%s needs --reason TEXT", verb);
    if (rc == OCT_CLI_OK)
        rc = oct_cli_shm_join(c, &s, false);
    if (rc != OCT_CLI_OK)
        return rc;
    if (ask)
        rc = confirm(c, verb, scope.text);
    if (rc == OCT_CLI_OK && !oct_cli_shm_alive(&s))
        rc = oct_cli_fail(c, OCT_CLI_NOT_RUNNING, "lane_not_turning", NULL,
                          "the dataplane left its memory behind and is not running");
    int fd = rc == OCT_CLI_OK ? lock(c) : -1;
    if (rc == OCT_CLI_OK && fd < 0)
        rc = oct_cli_fail(c, fd == -EBUSY ? OCT_CLI_CONFLICT : OCT_CLI_PERMISSION, "lock", NULL,
                          "%s/octopusctl.lock: %s", c->run_dir, strerror(-fd));
    if (rc == OCT_CLI_OK) {
        cmd.scope = scope.scope;
        cmd.account = scope.scope == OCT_SCOPE_ACCOUNT ? scope.id : 0;
        cmd.strategy = scope.scope == OCT_SCOPE_STRATEGY ? scope.id : 0;
        oct_cli_user(user, sizeof(user));
        memset(cmd.user.c, ' ', sizeof(cmd.user.c));
        memcpy(cmd.user.c, user, strnlen(user, sizeof(cmd.user.c)));
        rc = send_cmd(c, &s, &cmd, &res);
        json_t *v = rc == OCT_CLI_OK ? result_json(&res) : NULL;
        if (v != NULL)
            rc = oct_cli_result(c, v);
        if (rc == OCT_CLI_OK && !oct_cli_json(c, v, NULL))
            printf("%s %s: done\n", verb, scope.text);
        json_decref(v);
        oct_cli_record(c, verb, scope.text,
                       rc == OCT_CLI_OK        ? "done"
                       : rc == OCT_CLI_UNKNOWN ? "unknown"
                                               : "failed");
    }
    if (fd >= 0)
        close(fd);
    oct_pub_leave(&s);
    return rc;
}

int oct_cli_halt(struct oct_cli *c)
{
    return command(c, "halt", OCT_CMD_HALT, false);
}

int oct_cli_reduce(struct oct_cli *c)
{
    return command(c, "reduce", OCT_CMD_REDUCE, false);
}

int oct_cli_rearm(struct oct_cli *c)
{
    return command(c, "rearm", OCT_CMD_REARM, true);
}

/* ---- kill ------------------------------------------------------------------------------------- */

static uint64_t kill_bits(const struct oct_cli_scope *s)
{
    return s->scope == OCT_SCOPE_ACCOUNT    ? OCT_KILL_ACCOUNT(s->id)
           : s->scope == OCT_SCOPE_STRATEGY ? OCT_KILL_STRATEGY(s->id)
                                            : OCT_KILL_ALL;
}

/* One key, no typing: a prompt must not stand in the way. */
static bool key_confirms(void)
{
    struct termios was;
    char key = 0;
    if (tcgetattr(0, &was) != 0)
        return false;
    struct termios raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(0, TCSANOW, &raw);
    bool got = read(0, &key, 1) == 1;
    tcsetattr(0, TCSANOW, &was);
    fputc('\n', stderr);
    return got && (key == 'y' || key == 'Y');
}

static void say_affected(struct oct_cli *c, const struct oct_cli_scope *scope)
{
    struct oct_pub s;
    if (c->quiet || oct_cli_shm_join(c, &s, true) != OCT_CLI_OK)
        return;
    fprintf(stderr, "kill %s: %lu orders are open%s\n", scope->text,
            (unsigned long)oct_cli_counter(&s, "orders_open"),
            scope->scope == OCT_SCOPE_FIRM ? "" : " in all scopes together");
    oct_pub_leave(&s);
}

static int set_bits(struct oct_cli *c, uint64_t bits, bool *acked, uint64_t *now)
{
    struct oct_region region;
    size_t sz;
    int rc = oct_region_join(&region, c->run_dir, OCT_REGION_KILL, OCT_REGION_WRITE,
                             oct_msg_layout_hash());
    if (rc == -EACCES)
        return oct_cli_fail(c, OCT_CLI_PERMISSION, "permission", "join the group octopus-kill",
                            "%s/kill may not be written", c->run_dir);
    void *p = rc == 0 ? oct_region_find(&region, OCT_OBJ_KILL, &sz) : NULL;
    struct oct_kill *k = p != NULL ? oct_kill_join(p, sz) : NULL;
    if (k == NULL) {
        oct_region_leave(&region);
        return oct_cli_fail(c, OCT_CLI_NOT_RUNNING, "no_kill_word",
                            "name the instance: --instance NAME or --run-dir DIR",
                            "there is no kill word in %s", c->run_dir);
    }
    oct_kill_set(k, bits);
    int64_t end = oct_mono_ns() + (int64_t)(c->timeout_s * 1e9);
    do {
        /* pairs with the lane's release after it recorded the sight of the bits */
        *acked = (atomic_load_explicit(&k->acked, memory_order_acquire) & bits) == bits;
        if (!*acked)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    } while (!*acked && oct_mono_ns() < end);
    *now = oct_kill_bits(k);
    oct_region_leave(&region);
    return OCT_CLI_OK;
}

int oct_cli_kill(struct oct_cli *c)
{
    const char *text = oct_cli_take(c, "--scope");
    struct oct_cli_scope scope;
    bool acked = false;
    uint64_t bits = 0;
    if (text == NULL || !oct_cli_scope(text, &scope))
        return oct_cli_usage(c,
                             "--scope all, account:N (0 to 31) or strategy:N (0 to 30) is wanted");
    int rc = oct_cli_done(c);
    if (rc != OCT_CLI_OK)
        return rc;
    if (c->reason == NULL)
        return oct_cli_usage(c, "kill needs --reason TEXT");
    say_affected(c, &scope);
    if (!c->yes && !isatty(0))
        return oct_cli_fail(c, OCT_CLI_USAGE, "confirm", "add --yes", "kill asks for confirmation");
    if (!c->yes) {
        fprintf(stderr, "press y to kill %s ", scope.text);
        if (!key_confirms())
            return oct_cli_fail(c, OCT_CLI_NEGATIVE, "not_confirmed", NULL, "nothing was killed");
    }
    rc = set_bits(c, kill_bits(&scope), &acked, &bits);
    if (rc != OCT_CLI_OK)
        return rc;
    oct_cli_record(c, "kill", scope.text, acked ? "done" : "unknown");
    json_t *v = json_pack("{s:s, s:b, s:o}", "scope", scope.text, "acknowledged", acked,
                          "kill_bits", json_sprintf("%llu", (unsigned long long)bits));
    if (!oct_cli_json(c, v, NULL) && acked)
        printf("kill %s: the lane has seen it; no order leaves\n", scope.text);
    json_decref(v);
    if (acked)
        return OCT_CLI_OK;
    return oct_cli_fail(c, OCT_CLI_UNKNOWN, "not_acknowledged", "octopusctl status",
                        "the kill word is set, and no lane has confirmed it within %g s: a lane "
                        "that runs or starts will see it before it sends anything",
                        c->timeout_s);
}
