#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/log.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/text.h"
#include "dataplane/base/wire.h"

static const char *json(const char *s, size_t len)
{
    static char buf[256];
    struct oct_text t;

    oct_text_init(&t, buf, sizeof buf);
    oct_text_json(&t, s, len);
    cr_assert(oct_text_ok(&t));
    return buf;
}

Test(text, json_strings_are_escaped)
{
    cr_assert_str_eq(json("a\"b\\c", 5), "\"a\\\"b\\\\c\"");
    cr_assert_str_eq(json("\b\f\n\r\t", 5), "\"\\b\\f\\n\\r\\t\"");
    cr_assert_str_eq(json("\0\x1f\x7f", 3), "\"\\u0000\\u001f\\u007f\"");
    cr_assert_str_eq(json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x99", 9),
                     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x99\"");
}

Test(text, bytes_that_are_not_utf8_are_replaced)
{
    cr_assert_str_eq(json("\xff", 1), "\"\xef\xbf\xbd\"");
    cr_assert_str_eq(json("\xc0\x80", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong */
    cr_assert_str_eq(json("\xe2\x82", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* cut short */
    cr_assert_str_eq(json("\xed\xa0\x80", 3),
                     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* a surrogate */
    cr_assert_str_eq(json("\xf4\x90\x80\x80", 4), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                                  "\xef\xbf\xbd\""); /* beyond Unicode */
}

Test(text, any_bytes_become_json_that_a_parser_takes)
{
    struct oct_rng r;

    oct_rng_init(&r, 5);
    for (int i = 0; i < 5000; i++) {
        char raw[40], buf[300];
        size_t n = oct_rng_below(&r, sizeof raw);
        for (size_t k = 0; k < n; k++)
            raw[k] = (char)oct_rng_u64(&r);
        struct oct_text t;
        oct_text_init(&t, buf, sizeof buf);
        oct_text_json(&t, raw, n);
        json_t *v = json_loads(buf, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        cr_assert_not_null(v, "%s", buf);
        json_decref(v);
    }
}

Test(text, a_small_buffer_is_measured_and_never_overrun)
{
    char buf[8];
    struct oct_text t;

    memset(buf, 'x', sizeof buf);
    oct_text_init(&t, buf, 5);
    oct_text_str(&t, "abc");
    cr_assert(oct_text_ok(&t));
    oct_text_u64(&t, UINT64_MAX);
    oct_text_i64(&t, INT64_MIN);
    oct_text_fmt(&t, "%d", 12);
    cr_assert_not(oct_text_ok(&t));
    cr_assert_eq(t.need, 3u + 20u + 20u + 2u);
    cr_assert_str_eq(buf, "abc1");
    cr_assert_eq(memcmp(buf + 5, "xxx", 3), 0);
    oct_text_init(&t, NULL, 0);
    oct_text_str(&t, "measured only");
    cr_assert_eq(t.need, 13u);
}

static json_t *logged(const char *msg)
{
    static char buf[16384];
    int fd[2], saved = dup(STDERR_FILENO);

    cr_assert_eq(pipe(fd), 0);
    dup2(fd[1], STDERR_FILENO);
    oct_log(OCT_LOG_WARN, "test.code", "%s", msg);
    dup2(saved, STDERR_FILENO);
    close(fd[1]);
    ssize_t n = read(fd[0], buf, sizeof buf - 1);
    close(fd[0]);
    cr_assert_gt(n, 0);
    buf[n] = '\0';
    cr_assert_eq(buf[n - 1], '\n');
    cr_assert_eq(strchr(buf, '\n'), buf + n - 1, "one line");
    json_t *v = json_loads(buf, 0, NULL);
    cr_assert_not_null(v, "%s", buf);
    return v;
}

Test(log, a_line_is_one_json_object_whatever_the_message)
{
    char big[5000];

    oct_log_init("octopus-test", OCT_LOG_INFO);
    json_t *v = logged("disk \"full\"\nat\t3");
    cr_assert_str_eq(json_string_value(json_object_get(v, "message")), "disk \"full\"\nat\t3");
    cr_assert_str_eq(json_string_value(json_object_get(v, "log.level")), "warn");
    cr_assert_str_eq(json_string_value(json_object_get(v, "service.name")), "octopus-test");
    cr_assert_str_eq(json_string_value(json_object_get(v, "event.code")), "test.code");
    json_decref(v);
    memset(big, 1, sizeof big - 1);
    big[sizeof big - 1] = '\0';
    json_decref(logged(big));
    memset(big, 'a', sizeof big - 1);
    json_decref(logged(big));
}

Test(wire, loads_and_stores_are_inverse_at_any_alignment)
{
    uint8_t b[24] = {0};

    for (unsigned off = 0; off < 8; off++) {
        oct_store_be16(b + off, 0x0102);
        cr_assert_eq(oct_load_be16(b + off), 0x0102);
        cr_assert_eq(b[off], 1);
        oct_store_be32(b + off, 0x01020304);
        cr_assert_eq(oct_load_be32(b + off), 0x01020304u);
        oct_store_be48(b + off, UINT64_C(0x010203040506));
        cr_assert_eq(oct_load_be48(b + off), UINT64_C(0x010203040506));
        oct_store_be64(b + off, UINT64_C(0x0102030405060708));
        cr_assert_eq(oct_load_be64(b + off), UINT64_C(0x0102030405060708));
        cr_assert_eq(b[off + 7], 8);
        oct_store_le64(b + off, UINT64_C(0x0102030405060708));
        cr_assert_eq(oct_load_le64(b + off), UINT64_C(0x0102030405060708));
        cr_assert_eq(b[off], 8);
        oct_store_le32(b + off, 7);
        cr_assert_eq(oct_load_le32(b + off), 7u);
        oct_store_le16(b + off, 9);
        cr_assert_eq(oct_load_le16(b + off), 9);
    }
}
