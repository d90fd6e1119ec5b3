#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/web/web_priv.h"

const char *oct_http_reason(int status)
{
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "Switching Protocols";
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 417:
        return "Expectation Failed";
    case 422:
        return "Unprocessable Content";
    case 426:
        return "Upgrade Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Unknown";
    }
}

/* The Date field, made once a second. */
static const char *date(struct oct_web *w)
{
    int64_t now_s = oct_loop_utc(w->loop) / OCT_NS_PER_S;
    if (now_s != w->date_s) {
        time_t t = (time_t)now_s;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        w->date_s = now_s;
    }
    return w->date;
}

static const char security[] = "X-Content-Type-Options: nosniff\r\n"
                               "X-Frame-Options: DENY\r\n"
                               "X-XSS-Protection: 0\r\n"
                               "Referrer-Policy: no-referrer\r\n"
                               "Content-Security-Policy: default-src 'none'; "
                               "frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n"
                               "Permissions-Policy: camera=(), geolocation=(), microphone=(), "
                               "payment=(), usb=()\r\n"
                               "Cross-Origin-Resource-Policy: same-site\r\n";
/* Only over TLS: RFC 6797, 7.2 forbids it elsewhere. */
static const char hsts[] = "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n";

void oct_http_write(struct oct_http_call *c, struct oct_buf *out, bool keep_alive)
{
    struct oct_web *w = c->w;
    bool head = c->req != NULL && c->req->method == OCT_HTTP_HEAD;
    int64_t took_ns = oct_mono_ns() - c->start_ns;
    if (c->out->failed) {
        oct_buf_reset(c->out);
        oct_http_problem(c, 500, "SYS_001", NULL, "the answer did not fit into memory");
    }
    oct_buf_str(out, "HTTP/1.1 ");
    oct_buf_u64(out, (uint64_t)c->status);
    oct_buf_chr(out, ' ');
    oct_buf_str(out, oct_http_reason(c->status));
    oct_buf_str(out, "\r\nDate: ");
    oct_buf_str(out, date(w));
    if (c->status != 204 && c->status != 101) {
        oct_buf_str(out, "\r\nContent-Type: ");
        oct_buf_str(out, c->type != NULL ? c->type : "application/json");
        oct_buf_str(out, "\r\nContent-Length: ");
        oct_buf_u64(out, c->out->sz);
    }
    oct_buf_str(out, "\r\nCache-Control: ");
    oct_buf_str(out, c->cache != NULL ? c->cache : "no-store");
    oct_buf_str(out, "\r\nX-Request-ID: ");
    oct_buf_str(out, c->request_id);
    oct_buf_str(out, "\r\nX-Process-Time: ");
    oct_buf_u64(out, (uint64_t)(took_ns / OCT_NS_PER_S));
    char frac[12] = ".000000000";
    uint64_t ns = (uint64_t)(took_ns % OCT_NS_PER_S);
    for (int i = 9; i > 0; i--, ns /= 10)
        frac[i] = (char)('0' + ns % 10);
    oct_buf_add(out, frac, 10);
    oct_buf_add(out, "\r\n", 2);
    oct_buf_add(out, security, sizeof(security) - 1);
    if (c->tls)
        oct_buf_add(out, hsts, sizeof(hsts) - 1);
    if (!keep_alive)
        OCT_BUF_LIT(out, "Connection: close\r\n");
    else if (c->req != NULL && c->req->minor == 0)
        OCT_BUF_LIT(out, "Connection: keep-alive\r\n");
    oct_buf_str(out, c->extra);
    oct_buf_add(out, "\r\n", 2);
    if (!head && c->status != 204)
        oct_buf_add(out, c->out->p, c->out->sz);
    w->stats.requests[(unsigned)c->status / 100 % 6]++;
    oct_web_bucket(&w->stats.http_ns, took_ns);
}

void oct_http_extra(struct oct_http_call *c, const char *fmt, ...)
{
    size_t used = strlen(c->extra);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(c->extra + used, sizeof(c->extra) - used, fmt, ap);
    va_end(ap);
    /* A field that does not fit is left out whole: half a field would break the answer. */
    if (n < 0 || (size_t)n >= sizeof(c->extra) - used)
        c->extra[used] = '\0';
}

void oct_web_problem_json(struct oct_json *j, int status, const char *code, const char *field,
                          const char *detail, const char *request_id, int64_t utc_ns)
{
    char type[96];
    snprintf(type, sizeof(type), "urn:octopus:problem:%s", code);
    oct_json_obj(j, NULL);
    oct_json_str(j, "type", type);
    oct_json_str(j, "title", oct_http_reason(status));
    oct_json_i64(j, "status", status);
    oct_json_str(j, "detail", detail);
    oct_json_str(j, "code", code);
    oct_json_str(j, "request_id", request_id);
    oct_json_time(j, "timestamp", utc_ns);
    oct_json_str(j, "error", oct_http_reason(status));
    oct_json_str(j, "message", detail);
    oct_json_obj(j, "details");
    oct_json_str(j, "field", field);
    oct_json_str(j, "code", code);
    oct_json_end(j, '}');
    oct_json_end(j, '}');
}

void oct_http_problem(struct oct_http_call *c, int status, const char *code, const char *field,
                      const char *fmt, ...)
{
    char detail[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    oct_buf_reset(c->out);
    struct oct_json j = {.b = c->out};
    oct_web_problem_json(&j, status, code, field, detail, c->request_id, oct_loop_utc(c->w->loop));
    oct_buf_chr(c->out, '\n');
    c->status = status;
    c->type = "application/problem+json";
    c->cache = "no-store";
}

const char *oct_http_param(const struct oct_http_call *c, const char *key)
{
    for (int i = 0; i < c->param_cnt; i++) {
        if (strcmp(c->param[i].key, key) == 0)
            return c->param[i].value;
    }
    return NULL;
}

const int64_t oct_web_bucket_ns[OCT_WEB_BUCKET_CNT] = {
    100,      200,      500,       1000,      2000,      5000,      10000,   20000,
    50000,    100000,   200000,    500000,    1000000,   2000000,   5000000, 10000000,
    20000000, 50000000, 100000000, 200000000, 500000000, 1000000000};

void oct_web_bucket(struct oct_web_buckets *b, int64_t ns)
{
    uint32_t i = 0;
    while (i < OCT_WEB_BUCKET_CNT && ns > oct_web_bucket_ns[i])
        i++;
    b->cnt[i]++;
    b->total++;
    b->sum_ns += ns > 0 ? (uint64_t)ns : 0;
}
