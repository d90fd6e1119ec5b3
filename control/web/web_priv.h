/* web_priv.h - what the files of control/web share. */
#ifndef OCT_WEB_WEB_PRIV_H
#define OCT_WEB_WEB_PRIV_H

#include "control/core/json.h"
#include "control/web/http_parse.h"
#include "control/web/web.h"
#include "dataplane/base/time.h"

#define OCT_WEB_BUCKET_CNT 22u /* 1, 2, 5 times 10^-7 .. 10^0 s */
extern const int64_t oct_web_bucket_ns[OCT_WEB_BUCKET_CNT];

/* A latency in few fixed buckets, for our own durations. */
struct oct_web_buckets {
    uint64_t cnt[OCT_WEB_BUCKET_CNT + 1];
    uint64_t total;
    uint64_t sum_ns;
};
void oct_web_bucket(struct oct_web_buckets *b, int64_t ns);

struct oct_web_stats {
    uint64_t requests[6]; /* by class of status: [2] is 2xx */
    uint64_t refused_clients;
    uint64_t auth_failures;
    uint64_t bad_requests; /* that the parser refused */
    uint64_t timeouts;
    uint64_t ws_opened;
    uint64_t ws_in;
    uint64_t ws_out;
    uint64_t ws_out_bytes;
    uint64_t ws_conflated;
    uint64_t ws_skipped;
    uint64_t ws_slow_closed;
    uint64_t ctl_requests;
    uint32_t http_clients;
    uint32_t ws_clients;
    uint32_t ctl_clients;
    struct oct_web_buckets http_ns;
};

struct oct_md_hub; /* md.c */
struct oct_ctl_wait;

struct oct_web {
    struct oct_web_cfg cfg;
    struct oct_loop *loop;
    struct oct_mirror *mirror;
    const struct oct_vitals *vitals;
    struct oct_token token;
    struct oct_tls_ctx *tls;
    struct oct_acceptor http;
    struct oct_acceptor ctl;
    struct oct_web_stats stats;
    struct oct_md_hub *hub;
    struct oct_ctl_wait *waits; /* commands without an answer yet */
    struct oct_buf scratch;     /* body of the answer being made */
    uint64_t request_seed;
    uint64_t request_cnt;
    int64_t started_ns;
    int64_t date_s; /* second that date[] is of */
    char date[40];
    struct oct_http_client *clients; /* list, for stopping */
    struct oct_ws *sockets;
    struct oct_ctl_client *ctls;
    bool stopping;
};

/* ---- one request and its answer ------------------------------------------------------------ */

struct oct_http_call {
    struct oct_web *w;
    const struct oct_http_req *req;
    const uint8_t *body;
    size_t body_sz;
    struct oct_str tail; /* of the path, after the route's prefix */
    char path[256];      /* decoded */
    char params_buf[2 * OCT_HTTP_LINE_MAX];
    struct oct_http_param param[OCT_HTTP_PARAM_MAX];
    int param_cnt;
    char request_id[40];
    int64_t start_ns;
    bool tls;
    /* The answer. */
    int status;
    const char *type;    /* of content; NULL: application/json */
    const char *cache;   /* NULL: no-store */
    struct oct_buf *out; /* body */
    char extra[768];     /* more fields, each ended by CR LF */
};

const char *oct_http_reason(int status);
/* Writes the whole answer to a stream's buffer. */
void oct_http_write(struct oct_http_call *c, struct oct_buf *out, bool keep_alive);
/* Makes the answer a problem (RFC 9457). field may be NULL. */
void oct_http_problem(struct oct_http_call *c, int status, const char *code, const char *field,
                      const char *fmt, ...) OCT_PRINTF(5, 6);
/* The same members as a JSON object, for the control socket. */
void oct_web_problem_json(struct oct_json *j, int status, const char *code, const char *field,
                          const char *detail, const char *request_id, int64_t utc_ns);
const char *oct_http_param(const struct oct_http_call *c, const char *key); /* NULL: absent */
void oct_http_extra(struct oct_http_call *c, const char *fmt, ...) OCT_PRINTF(2, 3);

/* Authorization, routing, the handler: fills the answer. */
void oct_web_route(struct oct_http_call *c);
bool oct_web_authorized(const struct oct_web *w, const struct oct_http_req *req);
/* Whether a browser at this origin may talk to us; no Origin field is fine. */
bool oct_web_origin_ok(const struct oct_web *w, const struct oct_http_req *req);

/* Handlers. */
void oct_web_health(struct oct_http_call *c);
void oct_web_livez(struct oct_http_call *c);
void oct_web_readyz(struct oct_http_call *c);
void oct_web_metrics(struct oct_http_call *c);
void oct_web_quote(struct oct_http_call *c);
void oct_web_book(struct oct_http_call *c);
void oct_web_orders(struct oct_http_call *c);

/* ---- JSON objects, the same for REST and for the control socket ------------------------------- */

const char *oct_show_doubt(uint32_t doubt); /* "in_sync", "gap", "stale" ... */
const char *oct_show_status(const struct oct_mirror_order *o);
void oct_show_quote(struct oct_json *j, const struct oct_web *w, uint32_t inst);
void oct_show_book(struct oct_json *j, const struct oct_web *w, uint32_t inst, uint32_t depth);
void oct_show_order(struct oct_json *j, const char *key, const struct oct_web *w,
                    const struct oct_mirror_order *o, bool detail);
void oct_show_refusal(struct oct_json *j, const char *key, const struct oct_web *w,
                      const struct oct_mirror_refusal *r);
void oct_show_health(struct oct_json *j, struct oct_web *w, bool *ready);
void oct_show_positions(struct oct_json *j, const struct oct_web *w);
void oct_show_receipt(struct oct_json *j, const struct oct_web *w,
                      const struct oct_mirror_order *o);
void oct_show_receipt_refused(struct oct_json *j, const struct oct_web *w,
                              const struct oct_mirror_refusal *r);

struct oct_show_page {
    const char *status; /* NULL: all */
    const char *cursor; /* NULL: newest */
    const char *symbol;
    uint32_t limit;
};
/* {"orders":[...],"total":n,"next":...,"prev":...}.  0, -EINVAL bad cursor, -ENOENT unknown status;
 * the cursors are also given for the Link field. */
int oct_show_orders(struct oct_json *j, const struct oct_web *w, const struct oct_show_page *page,
                    char next[32], char prev[32]);

/* ---- connections ------------------------------------------------------------------------------ */

void oct_http_accept(void *web, int fd);
void oct_http_stop_all(struct oct_web *w);

void oct_ctl_accept(void *web, int fd);
void oct_ctl_stop_all(struct oct_web *w);
void oct_ctl_on_result(struct oct_web *w, const struct oct_cmd_result *r);
void oct_ctl_fini(struct oct_web *w);

#endif
