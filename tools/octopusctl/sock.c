#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "tools/octopusctl/cli.h"

#define ANSWER_MAX (64u << 20)

static int unreachable(struct oct_cli *c, int err, bool quiet)
{
    if (quiet)
        return err == EACCES || err == EPERM ? OCT_CLI_PERMISSION : OCT_CLI_NOT_RUNNING;
    if (err == EACCES || err == EPERM)
        return oct_cli_fail(c, OCT_CLI_PERMISSION, "permission", "join the group that owns it",
                            "%s/ctl.sock may not be opened", c->run_dir);
    return oct_cli_fail(c, OCT_CLI_NOT_RUNNING, "control_not_running",
                        "status, top, latency, errors, halt and kill work without it",
                        "octopus-control does not answer at %s/ctl.sock", c->run_dir);
}

static int dial(struct oct_cli *c)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/ctl.sock", c->run_dir);
    if (n < 0 || (size_t)n >= sizeof(a.sun_path))
        return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int send_all(int fd, const char *p, size_t sz)
{
    while (sz > 0) {
        ssize_t n = send(fd, p, sz, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        sz -= (size_t)n;
    }
    return 0;
}

/* One line, NULL when none came in time. */
static char *read_line(int fd, double timeout_s)
{
    int64_t end = oct_mono_ns() + (int64_t)(timeout_s * 1e9);
    size_t sz = 0;
    size_t cap = 65536;
    char *buf = malloc(cap);
    while (buf != NULL) {
        int64_t left = end - oct_mono_ns();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)(left / OCT_NS_PER_MS) + 1) < 0)
            break;
        ssize_t n = recv(fd, buf + sz, cap - sz - 1, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            break;
        sz += n > 0 ? (size_t)n : 0;
        if (sz > 0 && buf[sz - 1] == '\n') {
            buf[sz] = '\0';
            return buf;
        }
        if (sz + 1 == cap) {
            char *more = cap < ANSWER_MAX ? realloc(buf, cap * 2) : NULL;
            if (more == NULL)
                break;
            buf = more;
            cap *= 2;
        }
    }
    free(buf);
    return NULL;
}

static int exit_of(const char *code, int status)
{
    if (strncmp(code, "RISK_", 5) == 0)
        return OCT_CLI_RISK;
    switch (status) {
    case 400:
    case 422:
        return OCT_CLI_USAGE;
    case 401:
    case 403:
        return OCT_CLI_PERMISSION;
    case 404:
        return OCT_CLI_NOT_FOUND;
    case 409:
    case 412:
        return OCT_CLI_CONFLICT;
    case 503:
        return OCT_CLI_NOT_RUNNING;
    case 504:
        return OCT_CLI_UNKNOWN;
    default:
        return OCT_CLI_NEGATIVE;
    }
}

static int judge(struct oct_cli *c, const char *line, json_t **data, bool quiet)
{
    json_error_t err;
    json_t *msg = json_loads(line, 0, &err);
    json_t *d = json_object_get(msg, "data");
    const json_t *e = json_object_get(msg, "error");
    const char *code = json_string_value(json_object_get(e, "code"));
    const char *detail = json_string_value(json_object_get(e, "detail"));
    const char *field = json_string_value(json_object_get(json_object_get(e, "details"), "field"));
    int rc = OCT_CLI_NEGATIVE;
    if (json_is_true(json_object_get(msg, "ok")) && d != NULL) {
        *data = json_incref(d);
        rc = OCT_CLI_OK;
    } else if (code != NULL && detail != NULL) {
        rc = exit_of(code, (int)json_integer_value(json_object_get(e, "status")));
        if (!quiet)
            oct_cli_fail(c, rc, code, NULL, "%s%s%s", field != NULL ? field : "",
                         field != NULL ? ": " : "", detail);
    } else if (!quiet) {
        oct_cli_fail(c, rc, "protocol", NULL, "octopus-control answered with nonsense");
    }
    json_decref(msg);
    return rc;
}

int oct_cli_ask(struct oct_cli *c, const char *verb, json_t *args, json_t **data, bool quiet)
{
    json_t *msg = json_pack("{s:s, s:s, s:o*}", "id", "1", "verb", verb, "args", args);
    char *text = msg != NULL ? json_dumps(msg, JSON_COMPACT) : NULL;
    json_decref(msg);
    if (text == NULL)
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "memory", NULL, "out of memory");
    int rc;
    int fd = dial(c);
    if (fd < 0) {
        rc = unreachable(c, -fd, quiet);
    } else if (send_all(fd, text, strlen(text)) != 0 || send_all(fd, "\n", 1) != 0) {
        rc = unreachable(c, ECONNRESET, quiet);
    } else {
        /* Control itself waits two seconds for the lane: give it a moment more. */
        char *line = read_line(fd, c->timeout_s + 0.5);
        if (line != NULL)
            rc = judge(c, line, data, quiet);
        else if (quiet)
            rc = OCT_CLI_UNKNOWN;
        else
            rc = oct_cli_fail(c, OCT_CLI_UNKNOWN, "timeout", NULL,
                              "octopus-control did not answer within %g s", c->timeout_s);
        free(line);
    }
    if (fd >= 0)
        close(fd);
    free(text);
    return rc;
}

/* What a refusal means, where more can be said than its name; an empty cmd fits all. */
static const struct {
    const char *cmd;
    const char *result;
    const char *why;
    const char *hint;
} answers[] = {
    {"rearm", "wrong_state", "nothing to rearm: this scope is active", "octopusctl status"},
    {"rearm", "refused", "the loss of this scope is beyond its limit",
     "raise it first: octopusctl risk set SCOPE loss=VALUE --reason TEXT"},
    {"limit_commit", "wrong_state", "limits are frozen: the lane counts control as silent",
     "octopusctl status"},
    {"limit_row", "wrong_state", "limits are frozen: the lane counts control as silent",
     "octopusctl status"},
    {"", "bad_value", "no such account or strategy, or no such value", "octopusctl risk show"},
};

int oct_cli_result(const struct oct_cli *c, const json_t *data)
{
    const char *result = json_string_value(json_object_get(data, "result"));
    const char *cmd = json_string_value(json_object_get(data, "cmd"));
    result = result != NULL ? result : "unknown";
    cmd = cmd != NULL ? cmd : "command";
    if (strcmp(result, "done") == 0)
        return OCT_CLI_OK;
    int rc = strcmp(result, "not_found") == 0   ? OCT_CLI_NOT_FOUND
             : strcmp(result, "bad_value") == 0 ? OCT_CLI_USAGE
             : strcmp(result, "unknown") == 0   ? OCT_CLI_NEGATIVE
                                                : OCT_CLI_CONFLICT;
    for (size_t i = 0; i < OCT_ARRAY_CNT(answers); i++)
        if (strcmp(answers[i].result, result) == 0 &&
            (answers[i].cmd[0] == '\0' || strcmp(answers[i].cmd, cmd) == 0))
            return oct_cli_fail(c, rc, result, answers[i].hint, "%s: %s", cmd, answers[i].why);
    return oct_cli_fail(c, rc, result, NULL, "the lane answered %s: %s", cmd, result);
}
