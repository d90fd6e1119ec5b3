#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control/web/http_parse.h"

/* What the two halves of the parser make of a whole request: 0 or minus a status. */
static int judge_n(const char *text, size_t sz, struct oct_http_req *req)
{
    size_t scanned = 0;
    int n = oct_http_head((const uint8_t *)text, sz, &scanned);
    if (n < 0)
        return n;
    cr_assert_gt(n, 0, "head not complete: %s", text);
    return oct_http_parse((const uint8_t *)text, (size_t)n, req);
}

static int judge(const char *text, struct oct_http_req *req)
{
    return judge_n(text, strlen(text), req);
}

struct refusal {
    const char *why;
    const char *text;
    int status;
};

static void refuse_all(const struct refusal *r, size_t cnt)
{
    struct oct_http_req req;
    for (size_t i = 0; i < cnt; i++)
        cr_expect_eq(judge(r[i].text, &req), -r[i].status, "%s: %d", r[i].why,
                     judge(r[i].text, &req));
}

#define H "Host: a\r\n"

Test(http_parse, plain_get_is_read)
{
    struct oct_http_req req;
    cr_assert_eq(judge("GET /api/market/quote/AAPL?depth=5&x HTTP/1.1\r\nHost: localhost:8000\r\n"
                       "Accept:  */* \t\r\nX-Empty:\r\n\r\n",
                       &req),
                 0);
    cr_expect_eq(req.method, OCT_HTTP_GET);
    cr_expect_eq(req.minor, 1);
    cr_expect(req.keep_alive);
    cr_expect(oct_str_eq(req.path, "/api/market/quote/AAPL"));
    cr_expect(oct_str_eq(req.query, "depth=5&x"));
    cr_expect(oct_str_eq(*oct_http_field(&req, "accept"), "*/*"));
    cr_expect(oct_str_eq(*oct_http_field(&req, "x-empty"), ""));
    cr_expect_null(oct_http_field(&req, "authorization"));
}

Test(http_parse, head_is_found_however_it_is_cut)
{
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\nGET";
    size_t whole = strlen(text) - 3;
    size_t scanned = 0;
    for (size_t n = 1; n < whole; n++)
        cr_assert_eq(oct_http_head((const uint8_t *)text, n, &scanned), 0, "at %zu", n);
    cr_expect_eq(oct_http_head((const uint8_t *)text, whole + 3, &scanned), (int)whole);
}

Test(http_parse, lines_that_proxies_disagree_on_are_refused)
{
    static const struct refusal r[] = {
        {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"bare LF LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\nB: c\n\n", 400},
        {"bare CR in a value", "GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", 400},
        {"bare CR in the request line", "GET /\r HTTP/1.1\r\n" H "\r\n", 400},
        {"folded line", "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400},
        {"folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"tab fold", "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", 400},
        {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"tab before the colon", "GET / HTTP/1.1\r\n" H "Content-Length\t: 5\r\n\r\n", 400},
        {"no colon", "GET / HTTP/1.1\r\n" H "nonsense\r\n\r\n", 400},
        {"empty name", "GET / HTTP/1.1\r\n" H ": x\r\n\r\n", 400},
        {"control character in a value", "GET / HTTP/1.1\r\n" H "A: b\001c\r\n\r\n", 400},
        {"DEL in a value", "GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", 400},
        {"bracket in a name", "GET / HTTP/1.1\r\n" H "A[]: b\r\n\r\n", 400},
        {"two spaces in the request line", "GET  / HTTP/1.1\r\n" H "\r\n", 400},
        {"trailing space in the request line", "GET / HTTP/1.1 \r\n" H "\r\n", 400},
        {"tab for space", "GET\t/ HTTP/1.1\r\n" H "\r\n", 400},
        {"leading space", " GET / HTTP/1.1\r\n" H "\r\n", 400},
        {"no target", "GET HTTP/1.1\r\n" H "\r\n", 400},
        {"no version", "GET /\r\n" H "\r\n", 400},
    };
    refuse_all(r, OCT_ARRAY_CNT(r));
}

Test(http_parse, smuggled_bodies_are_refused)
{
    static const struct refusal r[] = {
        {"two lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
         400},
        {"two equal lengths",
         "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
        {"a list of lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400},
        {"length with sign", "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", 400},
        {"negative length", "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400},
        {"hexadecimal length", "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", 400},
        {"length with space inside", "POST / HTTP/1.1\r\n" H "Content-Length: 1 0\r\n\r\n", 400},
        {"empty length", "POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", 400},
        {"length and coding",
         "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"coding and length",
         "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
        {"coding twice",
         "POST / HTTP/1.1\r\n" H
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
         400},
        {"a list of codings", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
         400},
        {"chunked twice in a list",
         "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
        {"coding with 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"empty coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 400},
        {"coding with vertical tab",
         "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
         "chunked\r\n\r\n",
         400},
        {"quoted coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
        {"unknown coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 501},
        {"huge length with more digits than 64 bits",
         "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999999\r\n\r\n", 413},
        {"length above 10 MiB", "POST / HTTP/1.1\r\n" H "Content-Length: 10485761\r\n\r\n", 413},
    };
    refuse_all(r, OCT_ARRAY_CNT(r));
}

Test(http_parse, hosts_methods_versions_and_targets_are_checked)
{
    static const struct refusal r[] = {
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", 501},
        {"lower-case method", "get / HTTP/1.1\r\n" H "\r\n", 501},
        {"method with separator", "G(T / HTTP/1.1\r\n" H "\r\n", 400},
        {"connect", "CONNECT a:443 HTTP/1.1\r\n" H "\r\n", 501},
        {"HTTP/2", "GET / HTTP/2.0\r\n" H "\r\n", 505},
        {"HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", 505},
        {"HTTP/0.9", "GET / HTTP/0.9\r\n" H "\r\n", 505},
        {"lower-case http", "GET / http/1.1\r\n" H "\r\n", 400},
        {"no dot", "GET / HTTP/11\r\n" H "\r\n", 400},
        {"three digits", "GET / HTTP/1.10\r\n" H "\r\n", 400},
        {"relative target", "GET api HTTP/1.1\r\n" H "\r\n", 400},
        {"asterisk with GET", "GET * HTTP/1.1\r\n" H "\r\n", 400},
        {"fragment", "GET /#a HTTP/1.1\r\n" H "\r\n", 400},
        {"non-ASCII target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 400},
        {"quote in the target", "GET /\" HTTP/1.1\r\n" H "\r\n", 400},
        {"bad escape", "GET /%zz HTTP/1.1\r\n" H "\r\n", 400},
        {"cut escape", "GET /%4 HTTP/1.1\r\n" H "\r\n", 400},
        {"expectation", "GET / HTTP/1.1\r\n" H "Expect: tea\r\n\r\n", 417},
    };
    refuse_all(r, OCT_ARRAY_CNT(r));
    struct oct_http_req req;
    const char nul[] = "GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n";
    cr_expect_eq(judge_n(nul, sizeof(nul) - 1, &req), -400);
    cr_expect_eq(judge("OPTIONS * HTTP/1.1\r\n" H "\r\n", &req), 0);
    cr_expect_eq(judge("GET http://x:80/a?b HTTP/1.1\r\n" H "\r\n", &req), 0);
    cr_expect(oct_str_eq(req.path, "/a"));
}

Test(http_parse, sizes_have_limits)
{
    static char text[3 * OCT_HTTP_HEAD_MAX];
    struct oct_http_req req;
    size_t scanned = 0;
    memset(text, 'a', sizeof(text));
    cr_expect_eq(oct_http_head((const uint8_t *)text, sizeof(text), &scanned), -431);
    /* A request line beyond its limit, within the head's. */
    int n = snprintf(text, sizeof(text), "GET /%08900d HTTP/1.1\r\n" H "\r\n", 0);
    cr_expect_eq(judge_n(text, (size_t)n, &req), -414);
    /* One field too many. */
    n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H);
    for (unsigned i = 0; i < OCT_HTTP_FIELD_MAX; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "A: b\r\n");
    n += snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
    cr_expect_eq(judge_n(text, (size_t)n, &req), -431);
}

Test(http_parse, connection_options_are_a_list)
{
    struct oct_http_req req;
    cr_assert_eq(judge("GET / HTTP/1.1\r\n" H "Connection: keep-alive , Upgrade\r\n\r\n", &req), 0);
    cr_expect(req.upgrade && req.keep_alive);
    cr_assert_eq(judge("GET / HTTP/1.1\r\n" H "Connection: foo,CLOSE\r\n\r\n", &req), 0);
    cr_expect(!req.keep_alive);
    cr_assert_eq(judge("GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", &req), 0);
    cr_expect(req.keep_alive);
    cr_assert_eq(judge("GET / HTTP/1.0\r\n\r\n", &req), 0);
    cr_expect(!req.keep_alive);
    cr_assert_eq(judge("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &req), 0);
    cr_expect(req.keep_alive);
}

/* ---- chunked bodies --------------------------------------------------------------------------- */

/* Feeds the text in pieces of `step` bytes.  The body's size, or minus a status; what follows the
 * body is left in *rest. */
static int chunks(const char *text, size_t step, uint8_t *body, size_t *rest)
{
    struct oct_http_chunks c = {0};
    size_t sz = strlen(text);
    size_t total = 0;
    for (size_t at = 0; at < sz;) {
        size_t n = sz - at < step ? sz - at : step;
        size_t got = 0;
        bool done = false;
        int used = oct_http_chunks(&c, (const uint8_t *)text + at, n, body + total, &got, &done);
        if (used < 0)
            return used;
        total += got;
        at += (size_t)used;
        if (done) {
            *rest = sz - at;
            return (int)total;
        }
    }
    return 0;
}

Test(http_parse, chunked_body_is_joined_however_it_is_cut)
{
    const char *text = "4\r\nWiki\r\n6;name=\"v\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n"
                       "0\r\nTrailer: x\r\n\r\nGET";
    uint8_t body[256];
    size_t rest = 0;
    for (size_t step = 1; step < 80; step++) {
        cr_assert_eq(chunks(text, step, body, &rest), 24, "step %zu", step);
        cr_assert_eq(memcmp(body, "Wikipedia in \r\n\r\nchunks.", 24), 0);
        cr_assert_eq(rest, 3);
    }
}

Test(http_parse, bad_chunks_are_refused)
{
    static const char *const bad[] = {
        "4\nWiki\r\n0\r\n\r\n",           /* bare LF after the size */
        "4\r\nWikiX0\r\n\r\n",            /* data longer than the size */
        "4\r\nWiki\n0\r\n\r\n",           /* bare LF after the data */
        "+4\r\nWiki\r\n0\r\n\r\n",        /* sign */
        "0x4\r\nWiki\r\n0\r\n\r\n",       /* prefix */
        " 4\r\nWiki\r\n0\r\n\r\n",        /* space */
        "4 \r\nWiki\r\n0\r\n\r\n",        /* space behind */
        "\r\nWiki\r\n0\r\n\r\n",          /* no size */
        ";a\r\n\r\n",                     /* extension without size */
        "g\r\n\r\n",                      /* not hexadecimal */
        "4;a\001\r\nWiki\r\n0\r\n\r\n",   /* control character in an extension */
        "4;\rX\nWiki\r\n0\r\n\r\n",       /* CR inside an extension */
        "000000004\r\nWiki\r\n0\r\n\r\n", /* more than eight digits */
        "0\r\n X: y\r\n\r\n",             /* folded trailer */
        "0\r\nX: y\n\r\n",                /* bare LF in the trailer */
    };
    uint8_t body[512];
    size_t rest;
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        cr_expect_eq(chunks(bad[i], 1000, body, &rest), -400, "%s", bad[i]);
        cr_expect_eq(chunks(bad[i], 1, body, &rest), -400, "%s by one", bad[i]);
    }
    cr_expect_eq(chunks("a00001\r\n", 100, body, &rest), -413);
    cr_expect_eq(chunks("ffffffff\r\n", 100, body, &rest), -413);
}

/* ---- targets ---------------------------------------------------------------------------------- */

Test(http_parse, escapes_and_parameters_are_decoded)
{
    char buf[128];
    struct oct_http_param p[OCT_HTTP_PARAM_MAX];
    cr_expect_eq(oct_http_decode((struct oct_str){"%41%2e+b", 8}, buf), 4);
    cr_expect_str_eq(buf, "A.+b");
    cr_expect_eq(oct_http_decode((struct oct_str){"a%00", 4}, buf), -1);
    cr_expect_eq(oct_http_decode((struct oct_str){"a%4", 3}, buf), -1);
    cr_assert_eq(oct_http_params((struct oct_str){"a=1&b&c=%3D", 11}, buf, p), 3);
    cr_expect_str_eq(p[0].value, "1");
    cr_expect_str_eq(p[1].value, "");
    cr_expect_str_eq(p[2].value, "=");
    cr_expect_eq(oct_http_params((struct oct_str){"=1", 2}, buf, p), -1);
    cr_expect_eq(oct_http_params((struct oct_str){"a=1&&b=2", 8}, buf, p), -1);
    cr_expect_eq(oct_http_params((struct oct_str){"", 0}, buf, p), 0);
}
