/* Any text as a request on the control socket, and any bytes as a string we write: every line gets
 * one answer, which is JSON; what we quote reads back as what went in, with U+FFFD for what was no
 * UTF-8. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/core/json.h"
#include "control/web/web_priv.h"

static struct oct_loop *loop;
static struct oct_mirror mirror;
static struct oct_vitals vitals;
static struct oct_web *web;

static bool no(void *self)
{
    (void)self;
    return false;
}

static uint64_t zero(void *self)
{
    (void)self;
    return 0;
}

static int take_command(void *self, struct oct_in_cmd *cmd)
{
    (void)self;
    cmd->cmd_id = 1;
    FUZZ_CHECK(cmd->hdr.type == OCT_IN_CMD && cmd->cmd != OCT_CMD_LIMIT_COMMIT);
    return -107; /* nobody there: an answer at once */
}

static void start(void)
{
    struct oct_mirror_cfg mc = {.inst_cnt = 8,
                                .book_order_cnt_max = 64,
                                .book_level_cnt_max = 64,
                                .order_cnt_max = 64,
                                .receipt_sz = 65536};
    struct oct_web_cfg wc = {.version = "fuzz"};
    struct oct_token token = {"fuzz"};
    struct oct_order o = {OCT_MSG_HDR(ORDER, order), .order_id = 7, .action = OCT_ACTION_NEW};
    vitals = (struct oct_vitals){.attached = no, .lag = zero, .command = take_command};
    FUZZ_CHECK(oct_loop_create(&loop) == 0);
    FUZZ_CHECK(oct_mirror_init(&mirror, &mc) == 0);
    FUZZ_CHECK(oct_web_create(&web, &wc, loop, &mirror, &vitals, &token, NULL) == 0);
    oct_mirror_symbol(&mirror, 1, (oct_sym){"AAPL    "});
    oct_mirror_record(&mirror, &o.hdr);
}

static void quoted(const uint8_t *data, size_t sz)
{
    struct oct_buf b = {0};
    oct_json_quote(&b, (const char *)data, sz);
    json_error_t err;
    json_t *v = json_loadb((const char *)b.p, b.sz, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);
    FUZZ_CHECK(json_is_string(v));
    const char *s = json_string_value(v);
    size_t at = 0;
    for (size_t i = 0; i < sz;) {
        unsigned n = oct_utf8_seq(data + i, sz - i);
        if (n == 0) {
            FUZZ_CHECK(memcmp(s + at, "\xef\xbf\xbd", 3) == 0);
            at += 3;
            i++;
        } else {
            FUZZ_CHECK(memcmp(s + at, data + i, n) == 0);
            at += n;
            i += n;
        }
    }
    FUZZ_CHECK(at == json_string_length(v));
    json_decref(v);
    oct_buf_fini(&b);
}

static void answers(const char *p, size_t sz, uint32_t want)
{
    uint32_t n = 0;
    while (sz > 0) {
        const char *lf = memchr(p, '\n', sz);
        FUZZ_CHECK(lf != NULL);
        json_error_t err;
        json_t *v = json_loadb(p, (size_t)(lf - p), 0, &err);
        FUZZ_CHECK(json_is_object(v) && json_is_boolean(json_object_get(v, "ok")));
        bool ok = json_is_true(json_object_get(v, "ok"));
        FUZZ_CHECK(json_object_get(v, ok ? "data" : "error") != NULL);
        json_decref(v);
        sz -= (size_t)(lf - p) + 1;
        p = lf + 1;
        n++;
    }
    FUZZ_CHECK(n == want);
}

static void asked(const uint8_t *data, size_t sz)
{
    struct oct_buf said = {0};
    uint8_t tmp[16384];
    uint32_t lines = 0;
    int fd[2];
    ssize_t n;
    for (size_t i = 0; i < sz; i++)
        lines += data[i] == '\n' && i > 0 && data[i - 1] != '\n';
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    oct_ctl_accept(web, fd[0]);
    FUZZ_CHECK(send(fd[1], data, sz, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sz);
    for (int i = 0; i < 6; i++) {
        oct_loop_turn(loop, 0);
        while ((n = recv(fd[1], tmp, sizeof(tmp), MSG_DONTWAIT)) > 0)
            oct_buf_add(&said, tmp, (size_t)n);
    }
    answers((const char *)said.p, said.sz, lines);
    close(fd[1]);
    for (int i = 0; i < 100 && oct_web_client_cnt(web) > 0; i++)
        oct_loop_turn(loop, 1000000);
    FUZZ_CHECK(oct_web_client_cnt(web) == 0);
    oct_buf_fini(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    if (loop == NULL)
        start();
    if (sz > 4096)
        sz = 4096;
    quoted(data, sz);
    if (sz > 0)
        asked(data, sz);
    return 0;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    static const char *const seeds[] = {
        "{\"id\":\"1\",\"verb\":\"status\"}\n{\"verb\":\"risk.show\"}\n",
        "{\"id\":\"2\",\"verb\":\"order.list\",\"args\":{\"status\":\"open\",\"limit\":5,"
        "\"cursor\":\"o1\",\"symbol\":\"AAPL\"}}\n",
        "{\"verb\":\"order.trace\",\"args\":{\"id\":\"7\"}}\n",
        "{\"verb\":\"book.show\",\"args\":{\"symbol\":\"AAPL\",\"depth\":\"3\"}}\n",
        "{\"verb\":\"command\",\"args\":{\"cmd\":\"cancel_all\",\"scope\":\"strategy\","
        "\"strategy\":2,\"user\":\"ann\"}}\n",
        "{\"verb\":\"risk.set\",\"args\":{\"limits\":[{\"scope\":\"firm\",\"name\":\"position\","
        "\"value\":\"5\"}]}}\n",
        "\xe2\x82\xac \xf0\x9f\x90\x99 \xff\xc0\xaf\xed\xa0\x80 \"\\\x01\n",
    };
    if (idx >= OCT_ARRAY_CNT(seeds))
        return 0;
    size_t n = strlen(seeds[idx]);
    FUZZ_CHECK(n <= cap);
    memcpy(out, seeds[idx], n);
    return n;
}
