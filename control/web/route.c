/* route.c - who may ask for what: token, origin, path, method. */
#include <string.h>

#include "control/web/web_priv.h"

struct route {
    const char *path; /* with a slash at the end: a prefix, the rest is in tail */
    void (*fn)(struct oct_http_call *c);
    unsigned methods;
    bool open; /* needs no token */
};

static void root(struct oct_http_call *c);
static void upgrade(struct oct_http_call *c);

static const struct route routes[] = {
    {"/", root, OCT_HTTP_GET, true},
    {"/health", oct_web_health, OCT_HTTP_GET, true},
    {"/livez", oct_web_livez, OCT_HTTP_GET, true},
    {"/readyz", oct_web_readyz, OCT_HTTP_GET, true},
    {"/metrics", oct_web_metrics, OCT_HTTP_GET, false},
    {"/api/market/quote/", oct_web_quote, OCT_HTTP_GET, false},
    {"/api/market/book/", oct_web_book, OCT_HTTP_GET, false},
    {"/api/orders/", oct_web_orders, OCT_HTTP_GET, false},
    {"/ws/market-data", upgrade, OCT_HTTP_GET, true},
    {"/ws", upgrade, OCT_HTTP_GET, true},
};

static void root(struct oct_http_call *c)
{
    struct oct_json j = {.b = c->out};
    oct_json_obj(&j, NULL);
    oct_json_str(&j, "name", "octopus");
    oct_json_str(&j, "version", c->w->cfg.version);
    oct_json_str(&j, "health", "/health");
    oct_json_end(&j, '}');
    oct_buf_chr(c->out, '\n');
}

static void upgrade(struct oct_http_call *c)
{
    oct_http_problem(c, 426, "WS_001", "Upgrade", "this path speaks WebSocket");
    oct_http_extra(c, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
}

static const struct route *find(const char *path, size_t n)
{
    for (size_t i = 0; i < OCT_ARRAY_CNT(routes); i++) {
        const char *p = routes[i].path;
        size_t pn = strlen(p);
        if (n == pn && memcmp(p, path, n) == 0)
            return &routes[i];
        if (pn > 1 && p[pn - 1] == '/' &&
            ((n > pn && memcmp(p, path, pn) == 0) || (n == pn - 1 && memcmp(p, path, n) == 0)))
            return &routes[i];
    }
    return NULL;
}

bool oct_web_authorized(const struct oct_web *w, const struct oct_http_req *req)
{
    const struct oct_str *v = oct_http_field(req, "authorization");
    if (v == NULL || v->n < 8 || !oct_str_ieq((struct oct_str){v->p, 7}, "bearer "))
        return false;
    return oct_token_equal(&w->token, v->p + 7, v->n - 7);
}

static const char *allowed_origin(const struct oct_web *w, struct oct_str origin)
{
    for (size_t i = 0; i < OCT_WEB_ORIGIN_MAX && w->cfg.origin[i] != NULL; i++) {
        if (oct_str_eq(origin, w->cfg.origin[i]))
            return w->cfg.origin[i];
    }
    return NULL;
}

bool oct_web_origin_ok(const struct oct_web *w, const struct oct_http_req *req)
{
    const struct oct_str *origin = oct_http_field(req, "origin");
    return origin == NULL || allowed_origin(w, *origin) != NULL;
}

static void cors(struct oct_http_call *c, bool preflight)
{
    const struct oct_str *origin = oct_http_field(c->req, "origin");
    const char *ok = origin != NULL ? allowed_origin(c->w, *origin) : NULL;
    if (origin != NULL)
        oct_http_extra(c, "Vary: Origin\r\n");
    if (ok == NULL)
        return;
    oct_http_extra(c,
                   "Access-Control-Allow-Origin: %s\r\n"
                   "Access-Control-Allow-Credentials: true\r\n",
                   ok);
    if (preflight)
        oct_http_extra(c, "Access-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS\r\n"
                          "Access-Control-Allow-Headers: Authorization, Content-Type, "
                          "X-Requested-With\r\nAccess-Control-Max-Age: 600\r\n");
}

static void allow(struct oct_http_call *c, unsigned methods)
{
    oct_http_extra(c, "Allow: OPTIONS%s%s%s%s\r\n",
                   (methods & OCT_HTTP_GET) != 0 ? ", GET, HEAD" : "",
                   (methods & OCT_HTTP_POST) != 0 ? ", POST" : "",
                   (methods & OCT_HTTP_PUT) != 0 ? ", PUT" : "",
                   (methods & OCT_HTTP_DELETE) != 0 ? ", DELETE" : "");
}

static void unauthorized(struct oct_http_call *c)
{
    bool given = oct_http_field(c->req, "authorization") != NULL;
    c->w->stats.auth_failures++;
    oct_http_problem(c, 401, given ? "AUTH_003" : "AUTH_001", "Authorization",
                     given ? "the token is not valid" : "a bearer token is needed");
    oct_http_extra(c, "WWW-Authenticate: Bearer realm=\"octopus\"%s\r\n",
                   given ? ", error=\"invalid_token\"" : "");
}

static bool split(struct oct_http_call *c, const struct route *r)
{
    size_t n = strlen(r->path);
    size_t have = strlen(c->path);
    c->tail = have > n ? (struct oct_str){c->path + n, have - n} : (struct oct_str){c->path, 0};
    c->param_cnt = oct_http_params(c->req->query, c->params_buf, c->param);
    if (c->param_cnt >= 0)
        return true;
    c->param_cnt = 0;
    oct_http_problem(c, 400, "VAL_002", NULL, "the query string is malformed");
    return false;
}

void oct_web_route(struct oct_http_call *c)
{
    unsigned method = c->req->method == OCT_HTTP_HEAD ? OCT_HTTP_GET : c->req->method;
    const struct route *r = NULL;
    if (c->req->path.n < sizeof(c->path) && oct_http_decode(c->req->path, c->path) >= 0)
        r = find(c->path, strlen(c->path));
    cors(c, c->req->method == OCT_HTTP_OPTIONS);
    if (c->req->method == OCT_HTTP_OPTIONS) {
        c->status = 204;
        allow(c, r != NULL ? r->methods : OCT_HTTP_GET);
        return;
    }
    bool open = r != NULL && (r->open || (r->fn == oct_web_metrics && c->w->cfg.metrics_open));
    if (!open && !oct_web_authorized(c->w, c->req)) {
        unauthorized(c);
    } else if (r == NULL) {
        oct_http_problem(c, 404, "VAL_003", NULL, "there is nothing at this path");
    } else if ((r->methods & method) == 0) {
        oct_http_problem(c, 405, "VAL_004", NULL, "this path does not take this method");
        allow(c, r->methods);
    } else if (split(c, r)) {
        r->fn(c);
    }
}
