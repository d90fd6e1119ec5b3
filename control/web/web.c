#include "control/web/web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/web/md.h"

static void on_inst(void *self, uint32_t inst, bool book, const struct oct_md *trade)
{
    oct_md_on_inst(((struct oct_web *)self)->hub, inst, book, trade);
}

static void on_doubt(void *self, uint64_t from_seq, uint64_t to_seq)
{
    oct_md_on_doubt(((struct oct_web *)self)->hub, from_seq, to_seq);
}

static void on_reset(void *self)
{
    oct_md_on_reset(((struct oct_web *)self)->hub);
}

static void on_result(void *self, const struct oct_cmd_result *r)
{
    oct_ctl_on_result(self, r);
}

static void defaults(struct oct_web_cfg *c)
{
    if (c->origin[0] == NULL) {
        c->origin[0] = "http://localhost:3000";
        c->origin[1] = "http://localhost:8000";
    }
    c->version = c->version != NULL ? c->version : "unknown";
    c->client_cnt_max = c->client_cnt_max != 0 ? c->client_cnt_max : 4096;
    c->client_max = c->client_max != 0 ? c->client_max : 4u << 20;
    c->idle_ns = c->idle_ns != 0 ? c->idle_ns : 75 * OCT_NS_PER_S;
    c->head_ns = c->head_ns != 0 ? c->head_ns : 10 * OCT_NS_PER_S;
    c->body_ns = c->body_ns != 0 ? c->body_ns : 30 * OCT_NS_PER_S;
    c->ping_ns = c->ping_ns != 0 ? c->ping_ns : 20 * OCT_NS_PER_S;
    c->pong_ns = c->pong_ns != 0 ? c->pong_ns : 60 * OCT_NS_PER_S;
}

int oct_web_create(struct oct_web **out, const struct oct_web_cfg *cfg, struct oct_loop *l,
                   struct oct_mirror *m, const struct oct_vitals *v, const struct oct_token *token,
                   struct oct_tls_ctx *tls)
{
    struct oct_web *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return -ENOMEM;
    w->cfg = *cfg;
    defaults(&w->cfg);
    w->loop = l;
    w->mirror = m;
    w->vitals = v;
    w->token = *token;
    w->tls = tls;
    w->started_ns = oct_loop_now(l);
    w->date_s = -1;
    w->scratch.max = 32u << 20;
    if (getrandom(&w->request_seed, sizeof(w->request_seed), 0) != sizeof(w->request_seed))
        w->request_seed = (uint64_t)oct_utc_ns();
    int rc = oct_md_create(&w->hub, w);
    if (rc != 0) {
        free(w);
        return rc;
    }
    m->hooks.inst = on_inst;
    m->hooks.doubt = on_doubt;
    m->hooks.reset = on_reset;
    m->hooks.cmd_result = on_result;
    m->hooks.self = w;
    *out = w;
    return 0;
}

void oct_web_listen(struct oct_web *w, int fd)
{
    oct_acceptor_start(&w->http, w->loop, fd, oct_http_accept, w);
}

void oct_web_listen_ctl(struct oct_web *w, int fd)
{
    oct_acceptor_start(&w->ctl, w->loop, fd, oct_ctl_accept, w);
}

void oct_web_publish(struct oct_web *w)
{
    oct_md_publish(w->hub);
}

void oct_web_stop(struct oct_web *w)
{
    if (w->stopping)
        return;
    w->stopping = true;
    oct_acceptor_stop(&w->http);
    oct_acceptor_stop(&w->ctl);
    oct_ws_stop_all(w);
    oct_http_stop_all(w);
    oct_ctl_stop_all(w);
}

uint32_t oct_web_client_cnt(const struct oct_web *w)
{
    return w->stats.http_clients + w->stats.ws_clients + w->stats.ctl_clients + w->http.op.pending +
           w->ctl.op.pending;
}

void oct_web_destroy(struct oct_web *w)
{
    if (w == NULL)
        return;
    OCT_ASSERT(oct_web_client_cnt(w) == 0);
    w->mirror->hooks = (struct oct_mirror_hooks){0};
    oct_md_destroy(w->hub);
    oct_ctl_fini(w);
    oct_buf_fini(&w->scratch);
    free(w);
}
