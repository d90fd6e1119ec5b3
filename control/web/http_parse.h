/* http_parse.h - a strict reader of HTTP/1.1 requests (RFC 9112), nothing but bytes in.
 *
 * What a lenient server and a strict one would read differently is refused, because that
 * difference is what request smuggling lives on: bare LF or CR, white space before a colon,
 * folded lines, more than one Content-Length (equal ones too), Content-Length with
 * Transfer-Encoding, Transfer-Encoding that is not exactly "chunked" or comes with HTTP/1.0,
 * missing or repeated Host, control characters.
 *
 * Thread:  any; no state but the caller's.  Memory: none; results point into the input. */
#ifndef OCT_WEB_HTTP_PARSE_H
#define OCT_WEB_HTTP_PARSE_H

#include "dataplane/base/attr.h"

#define OCT_HTTP_LINE_MAX  8192u  /* request line */
#define OCT_HTTP_HEAD_MAX  16384u /* request line and fields */
#define OCT_HTTP_FIELD_MAX 64u
#define OCT_HTTP_BODY_MAX  (10u << 20)
#define OCT_HTTP_PARAM_MAX 16u

struct oct_str {
    const char *p;
    size_t n;
};

enum oct_http_method {
    OCT_HTTP_GET = 1,
    OCT_HTTP_HEAD = 2,
    OCT_HTTP_POST = 4,
    OCT_HTTP_PUT = 8,
    OCT_HTTP_DELETE = 16,
    OCT_HTTP_OPTIONS = 32,
    OCT_HTTP_PATCH = 64,
};

struct oct_http_field {
    struct oct_str name; /* as sent */
    struct oct_str value;
};

struct oct_http_req {
    enum oct_http_method method;
    uint8_t minor;   /* 0 or 1 */
    bool keep_alive; /* of version and Connection */
    bool upgrade;    /* Connection lists upgrade */
    bool chunked;
    bool has_length;
    bool expect;          /* 100-continue */
    uint64_t length;      /* Content-Length */
    struct oct_str path;  /* origin form, still percent-encoded, no query; "*" for OPTIONS * */
    struct oct_str query; /* after '?', may be empty */
    struct oct_str host;
    uint32_t field_cnt;
    struct oct_http_field field[OCT_HTTP_FIELD_MAX];
};

/* Looks for a whole head in p, from *scanned on (0 at first; kept by the caller between calls while
 * more bytes arrive).  Returns its size with the empty line; 0 when it is not complete; or minus the
 * status to answer (400, 431) as soon as that is certain. */
int oct_http_head(const uint8_t *p, size_t sz, size_t *scanned);

/* Reads the head found by oct_http_head.  0, or minus the status to answer: 400, 413, 414, 417,
 * 431, 501 (method or transfer coding that we do not have), 505. */
int oct_http_parse(const uint8_t *p, size_t head_sz, struct oct_http_req *req);

/* Value of the first field of that name (lower case), NULL when there is none. */
const struct oct_str *oct_http_field(const struct oct_http_req *req, const char *name);

/* Whether a comma-separated list has this token (lower case), whatever its case. */
bool oct_http_list_has(struct oct_str list, const char *token);

bool oct_str_eq(struct oct_str s, const char *lit);  /* exactly */
bool oct_str_ieq(struct oct_str s, const char *lit); /* ASCII case aside; lit is lower case */

/* ---- chunked bodies --------------------------------------------------------------------------- */

struct oct_http_chunks {
    uint64_t left;  /* of the chunk being read */
    uint64_t total; /* of the body so far */
    uint32_t line;  /* bytes of the present line */
    uint32_t digits;
    uint32_t trailer; /* bytes of trailer section */
    uint8_t state;
    uint8_t pad[3];
};

/* Reads from p; copies body bytes to out (room for sz bytes) and says how many in *out_sz.  Returns
 * the bytes used; *done when the body has ended.  Minus 400 or 413 on a bad body. */
int oct_http_chunks(struct oct_http_chunks *c, const uint8_t *p, size_t sz, uint8_t *out,
                    size_t *out_sz, bool *done);

/* ---- targets ---------------------------------------------------------------------------------- */

/* Decodes percent-encoding into out (room for in.n bytes and a NUL); plus stays plus.  The length,
 * or -1 for a bad escape or an encoded NUL. */
int oct_http_decode(struct oct_str in, char *out);

struct oct_http_param {
    char *key;
    char *value;
};

/* Splits a query string; keys and values go into buf (room for query.n + 2 bytes for each
 * parameter).  How many, or -1 when it is malformed or there are too many. */
int oct_http_params(struct oct_str query, char *buf, struct oct_http_param out[OCT_HTTP_PARAM_MAX]);

#endif
