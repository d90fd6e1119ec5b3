/* cli.h - what the verbs of octopusctl share: options, output, the control socket, shared memory.
 *
 * Data goes to standard output and nothing else does; everything for people goes to standard error.
 * A verb returns the exit status of the program, enum oct_cli_exit, which never changes meaning.
 *
 * Thread:  one.  Memory: the process's; it ends soon. */
#ifndef OCT_OCTOPUSCTL_CLI_H
#define OCT_OCTOPUSCTL_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "dataplane/base/attr.h"
#include "dataplane/shm/pub.h"

enum oct_cli_exit {
    OCT_CLI_OK = 0,
    OCT_CLI_NEGATIVE = 1,    /* failed, or the answer is no */
    OCT_CLI_USAGE = 2,       /* the command line */
    OCT_CLI_NOT_RUNNING = 3, /* nobody there */
    OCT_CLI_NOT_FOUND = 4,
    OCT_CLI_PERMISSION = 5,
    OCT_CLI_CONFLICT = 6, /* precondition, wrong state */
    OCT_CLI_RISK = 7,     /* rejected by risk */
    OCT_CLI_PARTIAL = 8,
    OCT_CLI_UNKNOWN = 9,   /* no answer in time: the outcome is unknown */
    OCT_CLI_DEGRADED = 10, /* status only */
    OCT_CLI_INTERRUPTED = 130,
};

enum oct_cli_format {
    OCT_CLI_TABLE,
    OCT_CLI_JSON,
    OCT_CLI_NDJSON,
};

struct oct_cli {
    char run_dir[256];
    char data_dir[256];
    const char *verb; /* for messages */
    enum oct_cli_format format;
    bool headers;
    bool color;
    bool quiet;
    bool yes;
    const char *reason;
    double watch_s; /* 0: once */
    double timeout_s;
    int argc; /* the verb's arguments; options are taken out as they are read */
    char **argv;
};

/* ---- options: opts.c ------------------------------------------------------------------------------ */

/* Reads global options, takes them out of argv and finds the instance.  0 or an exit status. */
int oct_cli_options(struct oct_cli *c, int argc, char **argv);
/* Takes an option with a value out of the verb's arguments; NULL when it is not there. */
const char *oct_cli_take(struct oct_cli *c, const char *name);
bool oct_cli_take_flag(struct oct_cli *c, const char *name);
/* The next argument that is no option, NULL at the end. */
const char *oct_cli_arg(struct oct_cli *c);
/* Nothing may be left: 0, or a usage error. */
int oct_cli_done(struct oct_cli *c);
/* A whole number from min to max; false: the error is printed. */
bool oct_cli_number(struct oct_cli *c, const char *name, const char *text, long min, long max,
                    long *out);
/* Who asks: login name, at most sz - 1 characters. */
void oct_cli_user(char *out, size_t sz);

/* ---- output: out.c -------------------------------------------------------------------------------- */

struct oct_cli_col {
    const char *title;
    const char *key; /* of the row's object; dots go into objects */
    bool right;
};

/* Prints an error as text or as a problem and returns exit_code.  hint may be NULL. */
int oct_cli_fail(const struct oct_cli *c, int exit_code, const char *code, const char *hint,
                 const char *fmt, ...) OCT_PRINTF(5, 6);
int oct_cli_usage(const struct oct_cli *c, const char *fmt, ...) OCT_PRINTF(2, 3);
/* A value as a cell: "-" for null.  The text is in buf or in the value. */
const char *oct_cli_cell(const json_t *v, char *buf, size_t sz);
const json_t *oct_cli_path(const json_t *obj, const char *path);
void oct_cli_table(const struct oct_cli *c, const json_t *rows, const struct oct_cli_col *cols,
                   size_t col_cnt);
/* "key: value" lines. */
void oct_cli_facts(const json_t *obj, const struct oct_cli_col *rows, size_t row_cnt);
/* The object in the chosen format; ndjson prints the elements of the array at list_key. False for
 * a table: that is the caller's to print. */
bool oct_cli_json(const struct oct_cli *c, const json_t *obj, const char *list_key);
/* Calls fn again and again when --watch was given. */
int oct_cli_watch(struct oct_cli *c, int (*fn)(struct oct_cli *c, void *arg), void *arg);

/* ---- the control socket: sock.c ------------------------------------------------------------------- */

/* Asks control; args is consumed and may be NULL.  0 and *data (the caller's), or an exit status with
 * the error printed.  quiet: nothing is printed. */
int oct_cli_ask(struct oct_cli *c, const char *verb, json_t *args, json_t **data, bool quiet);
/* Exit status for the result of a command, with a line for people. */
int oct_cli_result(const struct oct_cli *c, const json_t *data);

/* ---- shared memory: shm.c ------------------------------------------------------------------------- */

/* 0, or an exit status with the error printed unless quiet. */
int oct_cli_shm_join(struct oct_cli *c, struct oct_pub *s, bool quiet);
/* Whether the lane's loop turned within two seconds. */
bool oct_cli_shm_alive(const struct oct_pub *s);
uint64_t oct_cli_counter(const struct oct_pub *s, const char *name);
void oct_cli_symbol(const struct oct_pub *s, uint32_t inst, char out[12]);

/* ---- acting: act.c -------------------------------------------------------------------------------- */

struct oct_cli_scope {
    uint8_t scope; /* enum oct_scope */
    uint16_t id;
    char text[32];
};
/* "all", "firm", "account:N", "strategy:N". */
bool oct_cli_scope(const char *text, struct oct_cli_scope *out);
/* A line in the operators' log: who, what, why, what came of it. */
void oct_cli_record(const struct oct_cli *c, const char *verb, const char *scope,
                    const char *outcome);

/* ---- verbs ---------------------------------------------------------------------------------------- */

int oct_cli_status(struct oct_cli *c);
int oct_cli_top(struct oct_cli *c);
int oct_cli_feed(struct oct_cli *c);
int oct_cli_counters(struct oct_cli *c);
int oct_cli_latency(struct oct_cli *c);
int oct_cli_errors(struct oct_cli *c);
int oct_cli_book(struct oct_cli *c);
int oct_cli_quote(struct oct_cli *c);
int oct_cli_order(struct oct_cli *c);
int oct_cli_position(struct oct_cli *c);
int oct_cli_risk(struct oct_cli *c);
int oct_cli_halt(struct oct_cli *c);
int oct_cli_reduce(struct oct_cli *c);
int oct_cli_rearm(struct oct_cli *c);
int oct_cli_kill(struct oct_cli *c);
int oct_cli_journal(struct oct_cli *c);

#endif
