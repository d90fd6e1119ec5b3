/* risk.c - risk show, risk set. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/px.h"
#include "tools/octopusctl/cli.h"

#define SET_MAX 64

/* Durations as people write them; everything else as it is, with the unit spelled out. */
static void readable(json_t *row)
{
    static const struct {
        int64_t ns;
        const char *unit;
    } spans[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
    static const char *const units[][2] = {{"qty", "shares"}, {"money", "USD"}, {"count", ""}};
    const char *unit = json_string_value(json_object_get(row, "unit"));
    const char *value = json_string_value(json_object_get(row, "value"));
    if (unit == NULL || value == NULL)
        return;
    long long ns = strtoll(value, NULL, 10);
    for (size_t i = 0; strcmp(unit, "ns") == 0 && ns != 0 && i < OCT_ARRAY_CNT(spans); i++) {
        if (ns % spans[i].ns != 0)
            continue;
        json_object_set_new(row, "value", json_sprintf("%lld", ns / spans[i].ns));
        json_object_set_new(row, "unit", json_string(spans[i].unit));
        return;
    }
    for (size_t i = 0; i < OCT_ARRAY_CNT(units); i++)
        if (strcmp(unit, units[i][0]) == 0) {
            json_object_set_new(row, "unit", json_string(units[i][1]));
            return;
        }
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* Rows of one member of a scope, from row at on. */
static size_t member_rows(const json_t *limits, size_t at)
{
    const json_t *first = json_array_get(limits, at);
    size_t n = 1;
    while (at + n < json_array_size(limits) &&
           same_text(first, json_array_get(limits, at + n), "scope") &&
           same_text(first, json_array_get(limits, at + n), "who"))
        n++;
    return n;
}

static bool same_limits(const json_t *limits, size_t a, size_t b, size_t n)
{
    if (b + n > json_array_size(limits) || member_rows(limits, b) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(limits, a + i);
        const json_t *y = json_array_get(limits, b + i);
        if (!same_text(x, y, "scope") || !same_text(x, y, "name") || !same_text(x, y, "value"))
            return false;
    }
    return true;
}

/* For a table: neighbours with the same limits become one, "5 to 30". */
static json_t *fold(const json_t *limits)
{
    json_t *out = json_array();
    for (size_t at = 0, next; at < json_array_size(limits); at = next) {
        size_t n = member_rows(limits, at);
        next = at + n;
        while (same_limits(limits, at, next, n))
            next += n;
        const char *first = json_string_value(json_object_get(json_array_get(limits, at), "who"));
        const char *last =
            json_string_value(json_object_get(json_array_get(limits, next - n), "who"));
        for (size_t i = 0; i < n; i++) {
            json_t *row = json_copy(json_array_get(limits, at + i));
            if (next - at > n && first != NULL && last != NULL)
                json_object_set_new(row, "who", json_sprintf("%s to %s", first, last));
            readable(row);
            json_array_append_new(out, row);
        }
    }
    return out;
}

static int risk_show(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col facts[] = {
        {"state", "state", false},         {"cause", "cause", false},
        {"kill bits", "kill_bits", false}, {"approved", "approved", false},
        {"refused", "refused", false},     {"limits version", "version", false}};
    static const struct oct_cli_col ladders[] = {{"ID", "id", true}, {"STATE", "state", false}};
    static const struct oct_cli_col limits[] = {{"SCOPE", "scope", false},
                                                {"WHO", "who", false},
                                                {"LIMIT", "name", false},
                                                {"VALUE", "value", true},
                                                {"UNIT", "unit", false}};
    json_t *v = NULL;
    const char *key;
    const json_t *n;
    (void)arg;
    int rc = oct_cli_ask(c, "risk.show", NULL, &v, false);
    if (rc == OCT_CLI_OK && !oct_cli_json(c, v, "limits")) {
        oct_cli_facts(v, facts, OCT_ARRAY_CNT(facts));
        json_object_foreach(json_object_get(v, "refused_by"), key, n)
            printf("refused: %-22s %lld\n", key, (long long)json_integer_value(n));
        if (json_array_size(json_object_get(v, "strategies")) > 0) {
            puts("\nstrategies not active");
            oct_cli_table(c, json_object_get(v, "strategies"), ladders, OCT_ARRAY_CNT(ladders));
        }
        if (json_array_size(json_object_get(v, "accounts")) > 0) {
            puts("\naccounts not active");
            oct_cli_table(c, json_object_get(v, "accounts"), ladders, OCT_ARRAY_CNT(ladders));
        }
        fputc('\n', stdout);
        json_t *rows = fold(json_object_get(v, "limits"));
        oct_cli_table(c, rows, limits, OCT_ARRAY_CNT(limits));
        json_decref(rows);
    }
    json_decref(v);
    return rc;
}

/* ---- setting ---------------------------------------------------------------------------------- */

/* Whether a new value lets more pass than the one in force; an unreadable one counts as more. */
static bool loosens(const json_t *now, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *scope = json_string_value(json_object_get(row, "scope"));
    const char *who = json_string_value(json_object_get(row, "who"));
    const char *value = json_string_value(json_object_get(row, "value"));
    size_t i;
    const json_t *l;
    int64_t want;
    int64_t have;
    if (oct_decimal_parse(value, strlen(value), 9, &want) != 0)
        return true;
    json_array_foreach(json_object_get(now, "limits"), i, l)
    {
        const char *w = json_string_value(json_object_get(l, "who"));
        const char *v = json_string_value(json_object_get(l, "value"));
        if (strcmp(json_string_value(json_object_get(l, "name")), name) != 0 ||
            strcmp(json_string_value(json_object_get(l, "scope")), scope) != 0 ||
            strcmp(w != NULL ? w : "", who != NULL ? who : "") != 0)
            continue;
        bool less_is_more = strcmp(name, "msg_reserve") == 0 ||
                            strcmp(name, "dup_window_ns") == 0 ||
                            strcmp(name, "repeat_window_ns") == 0;
        if (v == NULL || oct_decimal_parse(v, strlen(v), 9, &have) != 0)
            return true;
        return less_is_more ? want < have : want > have;
    }
    return want > 0; /* not set so far: zero, which refuses */
}

static int read_rows(struct oct_cli *c, json_t *rows)
{
    const char *scope = oct_cli_arg(c);
    const char *set;
    if (scope == NULL)
        return oct_cli_usage(c, "risk set SCOPE NAME=VALUE... is wanted");
    const char *colon = strchr(scope, ':');
    char word[32];
    snprintf(word, sizeof(word), "%.*s", colon != NULL ? (int)(colon - scope) : 31, scope);
    while ((set = oct_cli_arg(c)) != NULL) {
        const char *eq = strchr(set, '=');
        if (eq == NULL || eq == set || eq[1] == '\0')
            return oct_cli_usage(c, "%s is not NAME=VALUE", set);
        json_array_append_new(rows,
                              json_pack("{s:s, s:s*, s:o, s:s}", "scope", word, "who",
                                        colon != NULL ? colon + 1 : NULL, "name",
                                        json_stringn(set, (size_t)(eq - set)), "value", eq + 1));
    }
    if (json_array_size(rows) == 0)
        return oct_cli_usage(c, "no limit is named");
    return json_array_size(rows) <= SET_MAX ? OCT_CLI_OK
                                            : oct_cli_usage(c, "at most %d limits", SET_MAX);
}

/* A limit that there is not is said first: nobody is asked to confirm what cannot be done. */
static int confirm_loosening(struct oct_cli *c, json_t *rows)
{
    json_t *now = NULL;
    size_t n = 0;
    size_t i;
    json_t *row;
    int rc = oct_cli_ask(c, "risk.set", json_pack("{s:O, s:b}", "limits", rows, "check", 1), &now,
                         false);
    json_decref(now);
    now = NULL;
    if (rc == OCT_CLI_OK)
        rc = oct_cli_ask(c, "risk.show", NULL, &now, false);
    if (rc != OCT_CLI_OK)
        return rc;
    json_array_foreach(rows, i, row) n += loosens(now, row);
    json_decref(now);
    if (n == 0 || c->yes)
        return OCT_CLI_OK;
    if (!isatty(0))
        return oct_cli_fail(c, OCT_CLI_USAGE, "confirm", "add --yes",
                            "%zu of these limits let more pass than before", n);
    char line[32];
    fprintf(stderr, "%zu of these limits let more pass than before. Type loosen to go on: ", n);
    if (fgets(line, sizeof(line), stdin) == NULL || strcmp(line, "loosen\n") != 0)
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "not_confirmed", NULL, "nothing was changed");
    return OCT_CLI_OK;
}

static int risk_set(struct oct_cli *c)
{
    json_t *rows = json_array();
    json_t *v = NULL;
    char user[16];
    int rc = read_rows(c, rows);
    if (rc == OCT_CLI_OK)
        rc = oct_cli_done(c);
    if (rc == OCT_CLI_OK && c->reason == NULL)
        rc = oct_cli_usage(c, "risk set needs --reason TEXT");
    if (rc == OCT_CLI_OK)
        rc = confirm_loosening(c, rows);
    if (rc != OCT_CLI_OK) {
        json_decref(rows);
        return rc;
    }
    char *what = json_dumps(rows, JSON_COMPACT);
    oct_cli_user(user, sizeof(user));
    rc = oct_cli_ask(c, "risk.set", json_pack("{s:o, s:s}", "limits", rows, "user", user), &v,
                     false);
    if (rc == OCT_CLI_OK) {
        rc = oct_cli_result(c, v);
        if (rc == OCT_CLI_OK && !oct_cli_json(c, v, NULL))
            printf("limits version %lld in force\n",
                   (long long)json_integer_value(json_object_get(v, "version")));
    }
    oct_cli_record(c, "risk.set", what != NULL ? what : "", rc == OCT_CLI_OK ? "done" : "failed");
    free(what);
    json_decref(v);
    return rc;
}

int oct_cli_risk(struct oct_cli *c)
{
    const char *verb = oct_cli_arg(c);
    if (verb != NULL && strcmp(verb, "set") == 0)
        return risk_set(c);
    if (verb != NULL && strcmp(verb, "show") != 0)
        return oct_cli_usage(c, "risk show or risk set is wanted");
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, risk_show, NULL);
}
