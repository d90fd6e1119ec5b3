/* ctl.c - the control socket: one JSON object a line in, one out, for octopusctl.
 *
 *   {"id":"1","verb":"order.list","args":{"status":"open"}}
 *   {"id":"1","ok":true,"data":{...}}          or          {"id":"1","ok":false,"error":{...}}
 *
 * data is the same object as REST's; error the same problem.  Who may open the socket may do all of
 * this: its mode is the permission. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/web/ctl_priv.h"

#define LINE_MAX_SZ (64u << 10)
#define BACKLOG_SZ  (4u << 20)
#define CLIENT_MAX  64u
#define ANSWER_NS   (2 * OCT_NS_PER_S)

/* A command that the lane has not answered yet. */
struct oct_ctl_wait {
    struct oct_ctl_wait *next;
    struct oct_alarm alarm;
    struct oct_ctl_client *c;
    uint64_t first_id; /* of a batch; the last one's answer is the answer */
    uint64_t last_id;
    struct oct_cmd_result worst; /* of those before it, when one was not done */
    char id[40];
};

struct oct_ctl_client {
    struct oct_stream *s;
    struct oct_web *w;
    struct oct_ctl_client *next;
    struct oct_ctl_client **link;
    struct oct_buf in;
};

/* ---- answers ---------------------------------------------------------------------------------- */

static void answer(struct oct_ctl_client *c, const char *id, bool ok, const struct oct_buf *data)
{
    struct oct_buf *out = oct_stream_out(c->s);
    OCT_BUF_LIT(out, "{\"id\":");
    oct_json_quote(out, id, strlen(id));
    oct_buf_str(out, ok ? ",\"ok\":true,\"data\":" : ",\"ok\":false,\"error\":");
    oct_buf_add(out, data->p, data->sz);
    OCT_BUF_LIT(out, "}\n");
    oct_stream_flush(c->s);
}

void oct_ctl_fail(struct oct_ctl_req *r, int status, const char *code, const char *detail)
{
    struct oct_buf *b = r->j.b;
    oct_buf_reset(b);
    r->j.comma = false;
    oct_web_problem_json(&r->j, status, code, r->field, detail, r->id, oct_loop_utc(r->w->loop));
    r->ok = false;
}

/* ---- commands to the lane --------------------------------------------------------------------- */

static struct oct_ctl_wait *take_wait(struct oct_web *w, struct oct_ctl_wait **at)
{
    struct oct_ctl_wait *wait = *at;
    *at = wait->next;
    oct_loop_alarm_clear(w->loop, &wait->alarm);
    return wait;
}

static void no_answer(struct oct_alarm *a)
{
    struct oct_ctl_wait *wait =
        (struct oct_ctl_wait *)((char *)a - offsetof(struct oct_ctl_wait, alarm));
    struct oct_web *w = wait->c->w;
    struct oct_ctl_wait **at = &w->waits;
    while (*at != wait)
        at = &(*at)->next;
    take_wait(w, at);
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    oct_web_problem_json(&j, 504, "TIMEOUT", NULL,
                         "the lane did not answer within 2 s; the outcome is unknown", wait->id,
                         oct_loop_utc(w->loop));
    answer(wait->c, wait->id, false, &b);
    oct_buf_fini(&b);
    free(wait);
}

void oct_ctl_on_result(struct oct_web *w, const struct oct_cmd_result *r)
{
    struct oct_ctl_wait **at = &w->waits;
    while (*at != NULL && (r->cmd_id < (*at)->first_id || r->cmd_id > (*at)->last_id))
        at = &(*at)->next;
    if (*at == NULL)
        return;
    if (r->result != OCT_CMD_RESULT_DONE && (*at)->worst.cmd_id == 0)
        (*at)->worst = *r;
    if (r->cmd_id != (*at)->last_id)
        return;
    struct oct_ctl_wait *wait = take_wait(w, at);
    struct oct_buf b = {0};
    oct_ctl_show_result(&b, wait->worst.cmd_id != 0 ? &wait->worst : r);
    answer(wait->c, wait->id, true, &b);
    oct_buf_fini(&b);
    free(wait);
}

void oct_ctl_commands(struct oct_ctl_req *r, struct oct_in_cmd *cmd, size_t cnt)
{
    struct oct_web *w = r->w;
    struct oct_ctl_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        oct_ctl_fail(r, 503, "SYS_001", "out of memory");
        return;
    }
    for (size_t i = 0; i < cnt; i++) {
        int rc = w->vitals->command(w->vitals->self, &cmd[i]);
        if (rc != 0) {
            free(wait);
            oct_ctl_fail(r, 503, rc == -ENOBUFS ? "LINK_FULL" : "NOT_RUNNING",
                         rc == -ENOBUFS ? "the lane is behind with commands"
                                        : "the dataplane is not running");
            return;
        }
    }
    wait->c = r->c;
    wait->first_id = cmd[0].cmd_id;
    wait->last_id = cmd[cnt - 1].cmd_id;
    snprintf(wait->id, sizeof(wait->id), "%s", r->id);
    wait->alarm.fn = no_answer;
    wait->next = w->waits;
    w->waits = wait;
    oct_loop_alarm(w->loop, &wait->alarm, oct_loop_now(w->loop) + ANSWER_NS);
    r->later = true;
}

/* ---- a line ----------------------------------------------------------------------------------- */

static void on_line(struct oct_ctl_client *c, const char *text, size_t sz)
{
    struct oct_buf b = {.max = 64u << 20};
    json_error_t err;
    json_t *msg = json_loadb(text, sz, JSON_REJECT_DUPLICATES, &err);
    const char *id = json_string_value(json_object_get(msg, "id"));
    const char *verb = json_string_value(json_object_get(msg, "verb"));
    struct oct_ctl_req r = {
        .w = c->w,
        .c = c,
        .j = {.b = &b},
        .args = json_object_get(msg, "args"),
        .ok = true,
    };
    snprintf(r.id, sizeof(r.id), "%s", id != NULL ? id : "");
    c->w->stats.ctl_requests++;
    if (verb == NULL || (r.args != NULL && !json_is_object(r.args)))
        oct_ctl_fail(&r, 400, "VAL_001", "a JSON object with verb and, maybe, args is wanted");
    else
        oct_ctl_verb(&r, verb);
    if (b.failed) {
        oct_buf_reset(&b);
        oct_ctl_fail(&r, 500, "SYS_001", "the answer did not fit into memory");
    }
    if (!r.later)
        answer(c, r.id, r.ok, &b);
    json_decref(msg);
    oct_buf_fini(&b);
}

static void on_data(void *self, const uint8_t *p, size_t sz)
{
    struct oct_ctl_client *c = self;
    size_t at = 0;
    oct_buf_add(&c->in, p, sz);
    if (c->in.failed || oct_stream_pending(c->s) > BACKLOG_SZ) {
        oct_stream_abort(c->s); /* a line without end, or answers that nobody reads */
        return;
    }
    for (;;) {
        const uint8_t *lf = memchr(c->in.p + at, '\n', c->in.sz - at);
        if (lf == NULL)
            break;
        size_t n = (size_t)(lf - (c->in.p + at));
        if (n > 0)
            on_line(c, (const char *)c->in.p + at, n);
        at += n + 1;
    }
    oct_buf_eat(&c->in, at);
}

static void on_closed(void *self)
{
    struct oct_ctl_client *c = self;
    struct oct_ctl_wait **at = &c->w->waits;
    while (*at != NULL) {
        if ((*at)->c == c)
            free(take_wait(c->w, at));
        else
            at = &(*at)->next;
    }
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    c->w->stats.ctl_clients--;
    oct_buf_fini(&c->in);
    free(c);
}

static const struct oct_stream_ops ctl_ops = {on_data, NULL, on_closed};

void oct_ctl_accept(void *web, int fd)
{
    struct oct_web *w = web;
    struct oct_ctl_client *c = NULL;
    if (w->stats.ctl_clients < CLIENT_MAX && !w->stopping)
        c = calloc(1, sizeof(*c));
    if (c == NULL) {
        close(fd);
        return;
    }
    c->w = w;
    c->in.max = LINE_MAX_SZ;
    c->s = oct_stream_new(w->loop, fd, NULL, &ctl_ops, c);
    if (c->s == NULL) {
        free(c);
        return;
    }
    c->next = w->ctls;
    c->link = &w->ctls;
    if (c->next != NULL)
        c->next->link = &c->next;
    w->ctls = c;
    w->stats.ctl_clients++;
}

void oct_ctl_stop_all(struct oct_web *w)
{
    for (struct oct_ctl_client *c = w->ctls; c != NULL; c = c->next)
        oct_stream_abort(c->s);
}

void oct_ctl_fini(struct oct_web *w)
{
    OCT_ASSERT(w->ctls == NULL && w->waits == NULL);
}
