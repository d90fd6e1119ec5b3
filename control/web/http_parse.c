#include "control/web/http_parse.h"

#include <string.h>

/* Classes of octets, as bits. */
enum {
    TCHAR = 1,  /* of a token (RFC 9110, 5.6.2) */
    VALUE = 2,  /* of a field value: visible, space, tab, obs-text */
    TARGET = 4, /* of a request target: what RFC 3986 lets stand in path and query */
    DIGIT = 8,
    HEX = 16,
};

#define IS(c, bits) ((octets[(uint8_t)(c)] & (bits)) != 0)
#define ALNUM       (TCHAR | VALUE | TARGET)
#define DIGITS      (ALNUM | DIGIT | HEX)
#define LETTERS     (ALNUM | HEX)

/* clang-format off */
static const uint8_t octets[256] = {
    ['\t'] = VALUE, [' '] = VALUE, [0x80 ... 0xff] = VALUE,
    ['0' ... '9'] = DIGITS, ['A' ... 'F'] = LETTERS, ['a' ... 'f'] = LETTERS,
    ['G' ... 'Z'] = ALNUM, ['g' ... 'z'] = ALNUM,
    ['!'] = ALNUM, ['$'] = ALNUM, ['%'] = ALNUM, ['&'] = ALNUM, ['\''] = ALNUM, ['*'] = ALNUM,
    ['+'] = ALNUM, ['-'] = ALNUM, ['.'] = ALNUM, ['_'] = ALNUM, ['~'] = ALNUM,
    ['#'] = TCHAR | VALUE, ['^'] = TCHAR | VALUE, ['`'] = TCHAR | VALUE, ['|'] = TCHAR | VALUE,
    ['('] = VALUE | TARGET, [')'] = VALUE | TARGET, [','] = VALUE | TARGET,
    ['/'] = VALUE | TARGET, [':'] = VALUE | TARGET, [';'] = VALUE | TARGET,
    ['='] = VALUE | TARGET, ['?'] = VALUE | TARGET, ['@'] = VALUE | TARGET,
    ['"'] = VALUE, ['<'] = VALUE, ['>'] = VALUE, ['['] = VALUE, ['\\'] = VALUE, [']'] = VALUE,
    ['{'] = VALUE, ['}'] = VALUE,
};
/* clang-format on */

bool oct_str_eq(struct oct_str s, const char *lit)
{
    size_t n = strlen(lit);
    return s.n == n && memcmp(s.p, lit, n) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool oct_str_ieq(struct oct_str s, const char *lit)
{
    size_t n = strlen(lit);
    if (s.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (lower(s.p[i]) != lit[i])
            return false;
    }
    return true;
}

static struct oct_str trim(struct oct_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

bool oct_http_list_has(struct oct_str list, const char *token)
{
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma == NULL ? list.n : (size_t)(comma - list.p);
        if (oct_str_ieq(trim((struct oct_str){list.p, n}), token))
            return true;
        n += comma != NULL;
        list.p += n;
        list.n -= n;
    }
    return false;
}

/* ---- the head --------------------------------------------------------------------------------- */

int oct_http_head(const uint8_t *p, size_t sz, size_t *scanned)
{
    size_t at = *scanned;
    size_t limit = sz < OCT_HTTP_HEAD_MAX ? sz : OCT_HTTP_HEAD_MAX;
    while (at < limit) {
        const uint8_t *lf = memchr(p + at, '\n', limit - at);
        if (lf == NULL) {
            at = limit;
            break;
        }
        size_t i = (size_t)(lf - p);
        if (i == 0 || p[i - 1] != '\r')
            return -400; /* a line ends in CR LF, both */
        if (i >= 3 && p[i - 2] == '\n')
            return (int)(i + 1);
        at = i + 1;
    }
    *scanned = at;
    return sz >= OCT_HTTP_HEAD_MAX ? -431 : 0;
}

static int read_method(struct oct_str s, enum oct_http_method *out)
{
    static const struct {
        const char *name;
        enum oct_http_method method;
    } methods[] = {{"GET", OCT_HTTP_GET},       {"HEAD", OCT_HTTP_HEAD},
                   {"POST", OCT_HTTP_POST},     {"PUT", OCT_HTTP_PUT},
                   {"DELETE", OCT_HTTP_DELETE}, {"OPTIONS", OCT_HTTP_OPTIONS},
                   {"PATCH", OCT_HTTP_PATCH}};
    if (s.n == 0)
        return -400;
    for (size_t i = 0; i < s.n; i++) {
        if (!IS(s.p[i], TCHAR))
            return -400;
    }
    for (size_t i = 0; i < OCT_ARRAY_CNT(methods); i++) {
        if (oct_str_eq(s, methods[i].name)) {
            *out = methods[i].method;
            return 0;
        }
    }
    return -501;
}

static int read_version(struct oct_str s, uint8_t *minor)
{
    if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || !IS(s.p[5], DIGIT) || s.p[6] != '.' ||
        !IS(s.p[7], DIGIT))
        return -400;
    if (s.p[5] != '1' || s.p[7] > '1')
        return -505;
    *minor = (uint8_t)(s.p[7] - '0');
    return 0;
}

static int read_target(struct oct_str s, struct oct_http_req *req)
{
    if (s.n == 0)
        return -400;
    for (size_t i = 0; i < s.n; i++) {
        if (!IS(s.p[i], TARGET))
            return -400;
        if (s.p[i] == '%' && (i + 2 >= s.n || !IS(s.p[i + 1], HEX) || !IS(s.p[i + 2], HEX)))
            return -400;
    }
    if (oct_str_eq(s, "*") && req->method == OCT_HTTP_OPTIONS) {
        req->path = s;
        return 0;
    }
    if (s.n > 7 && oct_str_ieq((struct oct_str){s.p, 7}, "http://")) {
        /* Absolute form: ours, whatever authority it names. */
        const char *slash = memchr(s.p + 7, '/', s.n - 7);
        if (slash == NULL || slash == s.p + 7)
            return -400;
        s.n -= (size_t)(slash - s.p);
        s.p = slash;
    }
    if (s.p[0] != '/')
        return -400;
    const char *q = memchr(s.p, '?', s.n);
    req->path = (struct oct_str){s.p, q == NULL ? s.n : (size_t)(q - s.p)};
    if (q != NULL)
        req->query = (struct oct_str){q + 1, s.n - req->path.n - 1};
    return 0;
}

static int read_line(struct oct_str line, struct oct_http_req *req)
{
    if (line.n > OCT_HTTP_LINE_MAX)
        return -414;
    const char *sp1 = memchr(line.p, ' ', line.n);
    if (sp1 == NULL)
        return -400;
    struct oct_str method = {line.p, (size_t)(sp1 - line.p)};
    struct oct_str rest = {sp1 + 1, line.n - method.n - 1};
    const char *sp2 = memchr(rest.p, ' ', rest.n);
    if (sp2 == NULL)
        return -400;
    struct oct_str target = {rest.p, (size_t)(sp2 - rest.p)};
    int rc = read_version((struct oct_str){sp2 + 1, rest.n - target.n - 1}, &req->minor);
    if (rc != 0)
        return rc;
    rc = read_method(method, &req->method);
    return rc != 0 ? rc : read_target(target, req);
}

static int read_field(struct oct_str line, struct oct_http_req *req)
{
    /* A space first is a folded line, a space before the colon what proxies disagree on: neither
     * is in a token. */
    size_t n = 0;
    while (n < line.n && IS((uint8_t)line.p[n], TCHAR))
        n++;
    if (n == 0 || n >= line.n || line.p[n] != ':')
        return -400;
    for (size_t i = n + 1; i < line.n; i++) {
        if (!IS((uint8_t)line.p[i], VALUE))
            return -400;
    }
    if (req->field_cnt == OCT_HTTP_FIELD_MAX)
        return -431;
    req->field[req->field_cnt++] = (struct oct_http_field){
        .name = {line.p, n},
        .value = trim((struct oct_str){line.p + n + 1, line.n - n - 1}),
    };
    return 0;
}

/* ---- what the fields mean --------------------------------------------------------------------- */

static int read_length(struct oct_str v, uint64_t *out)
{
    uint64_t n = 0;
    if (v.n == 0)
        return -400;
    for (size_t i = 0; i < v.n; i++) {
        if (!IS((uint8_t)v.p[i], DIGIT))
            return -400;
        if (n > OCT_HTTP_BODY_MAX)
            continue; /* too much already; the rest must still be digits */
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    *out = n;
    return n > OCT_HTTP_BODY_MAX ? -413 : 0;
}

static int read_host(struct oct_str v)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = (uint8_t)v.p[i];
        bool ok = IS(c, TARGET) || c == '[' || c == ']';
        if (!ok || c == '/' || c == '?' || c == '@' || c == ',')
            return -400;
    }
    return 0;
}

static int read_coding(struct oct_str v, const struct oct_http_req *req)
{
    if (req->minor == 0)
        return -400;
    if (oct_str_ieq(v, "chunked"))
        return 0;
    /* A list that has it, but not alone and once, is nonsense or a coding that we do not have. */
    return memchr(v.p, ',', v.n) == NULL && v.n > 0 ? -501 : -400;
}

static int framing(struct oct_http_req *req, const struct oct_http_field *f, unsigned *seen)
{
    enum { LENGTH = 1, CODING = 2, HOST = 4 };
    unsigned what = oct_str_ieq(f->name, "content-length")      ? LENGTH
                    : oct_str_ieq(f->name, "transfer-encoding") ? CODING
                    : oct_str_ieq(f->name, "host")              ? HOST
                                                                : 0;
    if (what == 0)
        return 0;
    if ((*seen & what) != 0)
        return -400;
    *seen |= what;
    if ((*seen & (LENGTH | CODING)) == (LENGTH | CODING))
        return -400;
    if (what == LENGTH) {
        req->has_length = true;
        return read_length(f->value, &req->length);
    }
    if (what == CODING) {
        req->chunked = true;
        return read_coding(f->value, req);
    }
    req->host = f->value;
    return read_host(f->value);
}

static int meaning(struct oct_http_req *req)
{
    unsigned seen = 0;
    bool close = false;
    bool keep = false;
    int worst = 0; /* 400 outranks the others: it says that framing is unsure */
    for (uint32_t i = 0; i < req->field_cnt; i++) {
        const struct oct_http_field *f = &req->field[i];
        int rc = framing(req, f, &seen);
        if (rc == -400)
            return rc;
        worst = worst != 0 ? worst : rc;
        if (oct_str_ieq(f->name, "connection")) {
            close |= oct_http_list_has(f->value, "close");
            keep |= oct_http_list_has(f->value, "keep-alive");
            req->upgrade |= oct_http_list_has(f->value, "upgrade");
        } else if (oct_str_ieq(f->name, "expect") && req->minor == 1) {
            req->expect = oct_str_ieq(f->value, "100-continue");
            if (!req->expect && worst == 0)
                worst = -417;
        }
    }
    if (req->minor == 1 && req->host.p == NULL)
        return -400;
    req->keep_alive = !close && (req->minor == 1 || keep);
    return worst;
}

int oct_http_parse(const uint8_t *p, size_t head_sz, struct oct_http_req *req)
{
    const char *s = (const char *)p;
    const char *end = s + head_sz - 2; /* the empty line */
    bool first = true;
    memset(req, 0, offsetof(struct oct_http_req, field));
    OCT_ASSERT(head_sz >= 4 && end[0] == '\r' && end[1] == '\n');
    while (s < end) {
        const char *lf = memchr(s, '\n', (size_t)(end - s));
        OCT_ASSERT(lf != NULL && lf > s);
        struct oct_str line = {s, (size_t)(lf - s) - 1};
        int rc = first ? read_line(line, req) : read_field(line, req);
        if (rc != 0)
            return rc;
        first = false;
        s = lf + 1;
    }
    return first ? -400 : meaning(req);
}

const struct oct_str *oct_http_field(const struct oct_http_req *req, const char *name)
{
    for (uint32_t i = 0; i < req->field_cnt; i++) {
        if (oct_str_ieq(req->field[i].name, name))
            return &req->field[i].value;
    }
    return NULL;
}
