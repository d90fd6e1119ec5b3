#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/octopusctl/cli.h"

#define COL_MAX 16u

int oct_cli_fail(const struct oct_cli *c, int exit_code, const char *code, const char *hint,
                 const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    if (c->format == OCT_CLI_TABLE) {
        fprintf(stderr, "error: %s (%s)\n", what, code);
        if (hint != NULL)
            fprintf(stderr, "hint: %s\n", hint);
        return exit_code;
    }
    json_t *p = json_pack("{s:o, s:s, s:s, s:s, s:i, s:s*}", "type",
                          json_sprintf("urn:octopus:problem:%s", code), "title", what, "code", code,
                          "detail", what, "exit_code", exit_code, "hint", hint);
    char *text = json_dumps(p, JSON_COMPACT);
    fprintf(stderr, "%s\n", text != NULL ? text : what);
    free(text);
    json_decref(p);
    return exit_code;
}

int oct_cli_usage(const struct oct_cli *c, const char *fmt, ...)
{
    char what[512];
    char hint[96];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(hint, sizeof(hint), "octopusctl %s --help", c->verb != NULL ? c->verb : "");
    return oct_cli_fail(c, OCT_CLI_USAGE, "usage", hint, "%s", what);
}

const json_t *oct_cli_path(const json_t *obj, const char *path)
{
    char key[64];
    while (obj != NULL) {
        const char *dot = strchr(path, '.');
        size_t n = dot != NULL ? (size_t)(dot - path) : strlen(path);
        if (n >= sizeof(key))
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        obj = json_object_get(obj, key);
        if (dot == NULL)
            break;
        path = dot + 1;
    }
    return obj;
}

const char *oct_cli_cell(const json_t *v, char *buf, size_t sz)
{
    if (json_is_string(v))
        return json_string_value(v);
    if (json_is_integer(v))
        snprintf(buf, sz, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(buf, sz, "%.6g", json_real_value(v));
    else if (json_is_boolean(v))
        snprintf(buf, sz, "%s", json_is_true(v) ? "yes" : "no");
    else
        snprintf(buf, sz, "-");
    return buf;
}

void oct_cli_table(const struct oct_cli *c, const json_t *rows, const struct oct_cli_col *cols,
                   size_t col_cnt)
{
    int width[COL_MAX];
    char buf[64];
    size_t i;
    const json_t *row;
    OCT_ASSERT(col_cnt <= COL_MAX);
    for (size_t k = 0; k < col_cnt; k++)
        width[k] = c->headers ? (int)strlen(cols[k].title) : 0;
    for (i = 0; i < json_array_size(rows); i++) {
        row = json_array_get(rows, i);
        for (size_t k = 0; k < col_cnt; k++) {
            int n = (int)strlen(oct_cli_cell(oct_cli_path(row, cols[k].key), buf, sizeof(buf)));
            width[k] = n > width[k] ? n : width[k];
        }
    }
    for (size_t k = 0; c->headers && k < col_cnt; k++)
        printf("%*s%s",
               cols[k].right      ? width[k]
               : k + 1 == col_cnt ? 0
                                  : -width[k],
               cols[k].title, k + 1 == col_cnt ? "\n" : "  ");
    for (i = 0; i < json_array_size(rows); i++) {
        row = json_array_get(rows, i);
        for (size_t k = 0; k < col_cnt; k++)
            printf("%*s%s",
                   cols[k].right      ? width[k]
                   : k + 1 == col_cnt ? 0
                                      : -width[k],
                   oct_cli_cell(oct_cli_path(row, cols[k].key), buf, sizeof(buf)),
                   k + 1 == col_cnt ? "\n" : "  ");
    }
}

void oct_cli_facts(const json_t *obj, const struct oct_cli_col *rows, size_t row_cnt)
{
    char buf[64];
    int width = 0;
    for (size_t i = 0; i < row_cnt; i++)
        width = (int)strlen(rows[i].title) > width ? (int)strlen(rows[i].title) : width;
    for (size_t i = 0; i < row_cnt; i++)
        printf("%-*s  %s\n", width, rows[i].title,
               oct_cli_cell(oct_cli_path(obj, rows[i].key), buf, sizeof(buf)));
}

static void dump(const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII * 0);
    if (text != NULL)
        puts(text);
    free(text);
}

bool oct_cli_json(const struct oct_cli *c, const json_t *obj, const char *list_key)
{
    if (c->format == OCT_CLI_TABLE)
        return false;
    const json_t *list = list_key != NULL ? oct_cli_path(obj, list_key) : NULL;
    if (c->format == OCT_CLI_NDJSON && list != NULL) {
        for (size_t i = 0; i < json_array_size(list); i++)
            dump(json_array_get(list, i));
    } else {
        dump(obj);
    }
    return true;
}

static volatile sig_atomic_t interrupted;

static void on_int(int sig)
{
    (void)sig;
    interrupted = 1;
}

int oct_cli_watch(struct oct_cli *c, int (*fn)(struct oct_cli *c, void *arg), void *arg)
{
    if (c->watch_s <= 0)
        return fn(c, arg);
    struct sigaction sa = {.sa_handler = on_int};
    sigaction(SIGINT, &sa, NULL);
    struct timespec nap = {(time_t)c->watch_s,
                           (long)((c->watch_s - (double)(time_t)c->watch_s) * 1e9)};
    bool screen = isatty(1) && c->format == OCT_CLI_TABLE;
    while (!interrupted) {
        if (screen)
            fputs("\033[H\033[2J", stdout);
        int rc = fn(c, arg);
        fflush(stdout);
        if (rc != OCT_CLI_OK && rc != OCT_CLI_DEGRADED)
            return rc;
        nanosleep(&nap, NULL);
    }
    return OCT_CLI_INTERRUPTED;
}
