#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "tests/unit/control/rig.h"

static struct rig r;

static void up(void)
{
    rig_start(&r, NULL);
}

static void down(void)
{
    rig_stop(&r);
}

TestSuite(web, .init = up, .fini = down, .timeout = 60);

static void book_of_two(void)
{
    rig_add(&r, 3, "AAPL", 1, OCT_BUY, 1872400, 300);
    rig_add(&r, 3, "AAPL", 2, OCT_BUY, 1872300, 100);
    rig_add(&r, 3, "AAPL", 3, OCT_SELL, 1872600, 200);
    rig_exec(&r, 3, 3, 50);
}

Test(web, health_needs_no_token_and_has_all_security_headers)
{
    const char *a = rig_get(&r, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    static const char *const must[] = {
        "HTTP/1.1 200 OK\r\n",
        "Content-Type: application/json\r\n",
        "X-Content-Type-Options: nosniff\r\n",
        "X-Frame-Options: DENY\r\n",
        "X-XSS-Protection: 0\r\n",
        "Referrer-Policy: no-referrer\r\n",
        "Content-Security-Policy: default-src 'none'",
        "Permissions-Policy: ",
        "Cache-Control: no-store\r\n",
        "X-Request-ID: ",
        "X-Process-Time: 0.",
        "Date: ",
        "\"status\":\"ok\"",
        "\"timestamp\":\"20",
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(must); i++)
        cr_expect_not_null(strstr(a, must[i]), "%s missing in %s", must[i], a);
    cr_expect_null(strstr(a, "Strict-Transport-Security"), "HSTS is for TLS only");
}

Test(web, what_needs_a_token_is_refused_without_and_with_a_wrong_one)
{
    static const char *const paths[] = {"/metrics", "/api/orders/", "/api/market/quote/AAPL",
                                        "/api/market/book/AAPL", "/nothing/here"};
    char req[512];
    for (size_t i = 0; i < OCT_ARRAY_CNT(paths); i++) {
        snprintf(req, sizeof(req), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
        const char *a = rig_get(&r, req);
        cr_expect_eq(rig_status(a), 401, "%s", paths[i]);
        cr_expect_not_null(strstr(a, "WWW-Authenticate: Bearer realm=\"octopus\"\r\n"));
        cr_expect_not_null(strstr(a, "application/problem+json"));
        snprintf(req, sizeof(req),
                 "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %.42sx\r\n\r\n", paths[i],
                 r.token.text);
        a = rig_get(&r, req);
        cr_expect_eq(rig_status(a), 401);
        cr_expect_not_null(strstr(a, "error=\"invalid_token\""));
        snprintf(req, sizeof(req),
                 "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %sx\r\n\r\n", paths[i],
                 r.token.text);
        cr_expect_eq(rig_status(rig_get(&r, req)), 401);
        snprintf(req, sizeof(req), "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n",
                 paths[i], r.token.text);
        cr_expect_eq(rig_status(rig_get(&r, req)), 401);
    }
}

Test(web, quote_and_book_show_what_the_mirror_has)
{
    book_of_two();
    const char *a = rig_fetch(&r, "/api/market/quote/AAPL");
    cr_assert_eq(rig_status(a), 200);
    cr_expect_not_null(strstr(a, "\"symbol\":\"AAPL\",\"price\":\"187.2600\""), "%s", a);
    cr_expect_not_null(strstr(a, "\"bid\":\"187.2400\",\"bid_size\":\"300\""));
    cr_expect_not_null(strstr(a, "\"ask\":\"187.2600\",\"ask_size\":\"150\""));
    cr_expect_not_null(strstr(a, "\"volume\":\"50\""));
    cr_expect_not_null(strstr(a, "\"book_state\":\"in_sync\""));
    a = rig_fetch(&r, "/api/market/book/AAPL?depth=1");
    cr_expect_not_null(strstr(a, "\"bids\":[[\"187.2400\",\"300\",1]],"
                                 "\"asks\":[[\"187.2600\",\"150\",1]]"),
                       "%s", a);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/quote/%41APL")), 200);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/quote/MSFT")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/quote/")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/quote/AAPLAAPLAAPL")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/book/AAPL?depth=0")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/book/AAPL?depth=51")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/book/AAPL?depth=1x")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/book/AAPL?dept=1")), 400);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/market/book/AAPL?depth=1&&")), 400);
}

Test(web, orders_are_listed_filtered_and_paged)
{
    book_of_two();
    for (uint64_t id = 1; id <= 120; id++)
        rig_order(&r, id, 3, OCT_BUY, 1872000, 100);
    rig_fill(&r, 7, 3, OCT_BUY, 1872000, 100, 100, 100);
    rig_fill(&r, 8, 3, OCT_BUY, 1872000, 40, 40, 100);
    rig_refusal(&r, 555, 3, OCT_RISK_COLLAR);
    const char *a = rig_fetch(&r, "/api/orders/");
    cr_assert_eq(rig_status(a), 200);
    cr_expect_not_null(strstr(a, "\"orders\":[{\"id\":\"120\""), "newest first");
    cr_expect_not_null(strstr(a, "\"total\":120,\"next\":\"o70\",\"prev\":null"), "%s", a);
    cr_expect_not_null(strstr(a, "Link: </api/orders/?limit=50&cursor=o70>; rel=\"next\"\r\n"),
                       "%.900s", a);
    a = rig_fetch(&r, "/api/orders/?cursor=o70&limit=70");
    cr_expect_not_null(strstr(a, "\"orders\":[{\"id\":\"70\""));
    cr_expect_not_null(strstr(a, "\"next\":null,\"prev\":\"n69\""), "%s", a + strlen(a) - 100);
    a = rig_fetch(&r, "/api/orders/?cursor=n69&limit=2");
    cr_expect_not_null(strstr(a, "\"orders\":[{\"id\":\"72\""), "%s", a);
    a = rig_fetch(&r, "/api/orders/?status=filled");
    cr_expect_not_null(strstr(a, "\"orders\":[{\"id\":\"7\""));
    cr_expect_not_null(strstr(a, "\"average_price\":\"187.2000\""));
    a = rig_fetch(&r, "/api/orders/?status=partially_filled");
    cr_expect_not_null(strstr(a, "\"orders\":[{\"id\":\"8\""));
    cr_expect_not_null(strstr(a, "\"filled_quantity\":\"40\",\"open_quantity\":\"60\""));
    a = rig_fetch(&r, "/api/orders/?status=refused");
    cr_expect_not_null(strstr(a, "\"id\":\"i555\""));
    cr_expect_not_null(strstr(a, "\"reason\":\"price_collar\""));
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/?status=nonsense")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/?cursor=7")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/?cursor=o")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/?limit=201")), 422);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/?statu=filled")), 400);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders")), 200);
}

Test(web, one_order_and_its_receipt_are_shown)
{
    book_of_two();
    rig_order(&r, 7, 3, OCT_BUY, 1872000, 100);
    rig_fill(&r, 7, 3, OCT_BUY, 1872000, 100, 100, 100);
    const char *a = rig_fetch(&r, "/api/orders/7");
    cr_assert_eq(rig_status(a), 200);
    cr_expect_not_null(strstr(a, "\"fills\":[{\"match_id\":\"5100\""), "%s", a);
    cr_expect_not_null(strstr(a, "\"ts_sent\":\"2500\",\"ts_ack\":\"9000\""));
    a = rig_fetch(&r, "/api/orders/7/trace");
    cr_expect_not_null(strstr(a, "\"tick\":{\"feed_seq\":\"77\""), "%s", a);
    cr_expect_not_null(strstr(a, "\"contributions\":[{\"strategy\":1,\"weight\":0.25"));
    cr_expect_not_null(strstr(a, "\"receive_to_send\":500,\"send_to_ack\":6500"));
    cr_expect_not_null(strstr(a, "\"type\":\"intent\""));
    cr_expect_not_null(strstr(a, "\"type\":\"fill\""));
    cr_expect_not_null(strstr(a, "\"complete\":true"));
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/8")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/7x")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/99999999999999999999999")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/orders/i7")), 404);
}

Test(web, metrics_are_prometheus_text)
{
    rig_refusal(&r, 1, 3, OCT_RISK_COLLAR);
    const char *a = rig_fetch(&r, "/metrics");
    cr_assert_eq(rig_status(a), 200);
    static const char *const must[] = {
        "Content-Type: text/plain; version=0.0.4",
        "# TYPE octopus_lane_inputs_total counter\noctopus_lane_inputs_total 11\n",
        "octopus_line_packets_total{line=\"a\"} 5\noctopus_line_packets_total{line=\"b\"} 6\n",
        "octopus_twice_total 3\n# HELP",
        "octopus_journal_sync_seconds_max 0.001500000\n",
        "octopus_hop_latency_seconds_bucket{hop=\"tick_to_trade\",le=\"1e-07\"} 10\n",
        "octopus_hop_latency_seconds_bucket{hop=\"tick_to_trade\",le=\"1e-06\"} 100\n",
        "octopus_hop_latency_seconds_bucket{hop=\"tick_to_trade\",le=\"+Inf\"} 1000\n",
        "octopus_hop_latency_seconds_count{hop=\"tick_to_trade\"} 1000\n",
        "octopus_hop_latency_quantile_seconds{hop=\"tick_to_trade\",quantile=\"0.5\"} 0.00000500",
        "octopus_tick_to_order_seconds_count 1000\n",
        "octopus_risk_refusals_total{reason=\"price_collar\"} 1\n",
        "octopus_feed_state{state=\"live\"} 1\n",
        "octopus_ws_clients 0\n",
        "octopus_http_requests_total{code=\"2xx\"} 0\n",
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(must); i++)
        cr_expect_not_null(strstr(a, must[i]), "missing: %s", must[i]);
}

Test(web, methods_and_paths_that_are_not_there_are_problems)
{
    char req[512];
    snprintf(req, sizeof(req),
             "POST /api/orders/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: 2\r\n\r\n{}",
             r.token.text);
    const char *a = rig_get(&r, req);
    cr_expect_eq(rig_status(a), 405);
    cr_expect_not_null(strstr(a, "Allow: OPTIONS, GET, HEAD\r\n"));
    cr_expect_eq(rig_status(rig_fetch(&r, "/api/none")), 404);
    cr_expect_eq(rig_status(rig_fetch(&r, "/ws/market-data")), 426);
    a = rig_get(&r, "HEAD /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    cr_expect_eq(rig_status(a), 200);
    cr_expect_str_eq(strstr(a, "\r\n\r\n"), "\r\n\r\n", "HEAD has no body");
    a = rig_get(&r, "OPTIONS /api/orders/ HTTP/1.1\r\nHost: a\r\n"
                    "Origin: http://localhost:3000\r\n\r\n");
    cr_expect_eq(rig_status(a), 204);
    cr_expect_not_null(strstr(a, "Access-Control-Allow-Origin: http://localhost:3000\r\n"));
    a = rig_get(&r, "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://evil.example\r\n\r\n");
    cr_expect_null(strstr(a, "Access-Control-Allow-Origin"));
}

Test(web, pipelined_requests_are_answered_in_order)
{
    int fd = rig_connect(&r);
    struct oct_buf in = {0};
    for (int i = 0; i < 200; i++)
        rig_say(&r, fd, "GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-ID: abc\r\n\r\n");
    rig_say(&r, fd, "GET /health HTTP/1.1\r\nHost: a\r\nX-Request-ID: last-one\r\n\r\n");
    cr_assert(rig_wait(&r, fd, &in, "\"uptime_s\""));
    oct_buf_chr(&in, '\0');
    int n = 0;
    for (char *p = (char *)in.p; (p = strstr(p, "HTTP/1.1 200 OK")) != NULL; p++)
        n++;
    cr_expect_eq(n, 201);
    cr_expect_not_null(strstr((char *)in.p, "X-Request-ID: last-one\r\n"));
    close(fd);
    oct_buf_fini(&in);
}

Test(web, requests_arrive_in_any_pieces)
{
    const char *text = "\r\nPOST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = rig_connect(&r);
    struct oct_buf in = {0};
    for (const char *p = text; *p != '\0'; p++) {
        rig_send(&r, fd, p, 1);
        rig_turn(&r, 0);
    }
    cr_assert(rig_wait(&r, fd, &in, "{\"status\":\"ok\"}\n"), "%.*s", (int)in.sz, in.p);
    cr_expect_eq(memcmp(in.p, "HTTP/1.1 405", 12), 0);
    close(fd);
    oct_buf_fini(&in);
}

Test(web, refused_requests_close_the_connection_and_nothing_after_them_is_read)
{
    static const struct {
        const char *text;
        int status;
    } bad[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        int fd = rig_connect(&r);
        struct oct_buf in = {0};
        rig_say(&r, fd, bad[i].text);
        cr_expect(rig_wait_closed(&r, fd, &in, 2000), "not closed: %s", bad[i].text);
        oct_buf_chr(&in, '\0');
        cr_expect_eq(rig_status((char *)in.p), bad[i].status, "%s: %s", bad[i].text, (char *)in.p);
        cr_expect_not_null(strstr((char *)in.p, "Connection: close\r\n"));
        cr_expect_null(strstr((char *)in.p + 1, "HTTP/1.1"), "one answer only");
        close(fd);
        oct_buf_fini(&in);
    }
}

Test(web, endless_header_is_cut_off)
{
    int fd = rig_connect(&r);
    struct oct_buf in = {0};
    rig_say(&r, fd, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 2000; i++)
        rig_say(&r, fd, "X-Filler: 0123456789\r\n");
    cr_expect(rig_wait_closed(&r, fd, &in, 3000));
    oct_buf_chr(&in, '\0');
    cr_expect_eq(rig_status((char *)in.p), 431);
    close(fd);
    oct_buf_fini(&in);
}

Test(web, client_that_reads_nothing_stops_being_read)
{
    int fd = rig_connect(&r);
    struct oct_buf in = {0};
    char req[200];
    int n = snprintf(req, sizeof(req), "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t sent = 0;
    for (int stuck = 0; stuck < 100 && sent < (64u << 20);) {
        ssize_t w = write(fd, req, (size_t)n);
        sent += w > 0 ? (size_t)w : 0;
        stuck = w > 0 ? 0 : stuck + 1;
        if (w < n)
            rig_turn(&r, 0);
        if (w > 0 && w < n) /* the rest of this request, or the next would be cut in two */
            rig_send(&r, fd, req + w, (size_t)(n - w));
    }
    rig_turn(&r, 50);
    /* Its answers are ten times its requests: what is held is bounded by stopping to read. */
    cr_expect_lt(sent, 8u << 20, "%zu bytes were taken", sent);
    while (rig_wait(&r, fd, &in, "\"uptime_s\"") && in.sz < (4u << 20))
        oct_buf_eat(&in, in.sz); /* it goes on once it reads */
    close(fd);
    oct_buf_fini(&in);
}

Test(web, slow_and_idle_connections_are_closed)
{
    rig_stop(&r);
    struct oct_web_cfg cfg = {
        .head_ns = 100 * OCT_NS_PER_MS, .idle_ns = 200 * OCT_NS_PER_MS, .version = "t"};
    rig_start(&r, &cfg);
    int slow = rig_connect(&r);
    int idle = rig_connect(&r);
    struct oct_buf in = {0};
    rig_say(&r, slow, "GET / HT");
    rig_say(&r, idle, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_expect(rig_wait_closed(&r, slow, &in, 2000));
    oct_buf_chr(&in, '\0');
    cr_expect_eq(rig_status((char *)in.p), 408);
    oct_buf_reset(&in);
    cr_expect(rig_wait_closed(&r, idle, &in, 2000));
    oct_buf_chr(&in, '\0');
    cr_expect_eq(rig_status((char *)in.p), 200);
    close(slow);
    close(idle);
    oct_buf_fini(&in);
}

Test(web, more_clients_than_allowed_are_turned_away)
{
    rig_stop(&r);
    struct oct_web_cfg cfg = {.client_cnt_max = 3, .version = "t"};
    rig_start(&r, &cfg);
    int fd[4];
    struct oct_buf in = {0};
    for (int i = 0; i < 4; i++) {
        fd[i] = rig_connect(&r);
        rig_turn(&r, 5);
    }
    cr_expect(rig_wait_closed(&r, fd[3], &in, 1000));
    cr_expect_eq(in.sz, 0);
    rig_say(&r, fd[0], "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_expect(rig_wait(&r, fd[0], &in, "{\"status\":\"ok\"}"));
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    oct_buf_fini(&in);
}
