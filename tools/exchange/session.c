#include "tools/exchange/session.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "tools/exchange/session_priv.h"

void sess_say(char buf[OCT_SESSFILE_ERR_SZ], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, OCT_SESSFILE_ERR_SZ, fmt, ap);
    va_end(ap);
}

int sess_fail(struct oct_sessfile *s, int code, uint64_t off, const char *reason, const char *hint)
{
    sess_say(s->error, "%s: offset %llu: %s; %s", s->path, (unsigned long long)off, reason, hint);
    return code;
}

void sess_truncated(struct oct_sessfile *s, uint64_t off, uint64_t bytes, const char *of_what)
{
    s->stats.truncated = true;
    s->stats.tail_bytes = bytes;
    sess_say(s->warning,
             "%s: offset %llu: the file ends in the middle of a %s (%llu bytes of it are there); "
             "played up to it, fetch the file again for the rest",
             s->path, (unsigned long long)off, of_what, (unsigned long long)bytes);
}

size_t sess_need(struct oct_sessfile *s, size_t n)
{
    OCT_ASSERT(n <= SESS_BUF_SZ / 2);
    size_t have = s->sz - s->pos;
    if (oct_likely(have >= n) || s->in_end)
        return have;
    memmove(s->buf, s->buf + s->pos, have);
    s->buf_off += s->pos;
    s->pos = 0;
    s->sz = have;
    while (s->sz < n) {
        ssize_t got = oct_stream_read(s->in, s->buf + s->sz, SESS_BUF_SZ - s->sz);
        if (got <= 0) {
            s->in_end = true;
            s->in_error = (int)got;
            break;
        }
        s->sz += (size_t)got;
    }
    return s->sz;
}

int sess_stream_end(struct oct_sessfile *s)
{
    if (s->in_error == 0)
        return 0;
    if (s->in_error == -ENODATA) {
        s->stats.truncated = true;
        sess_say(s->warning, "%s; played up to it", oct_stream_error(s->in));
        return 0;
    }
    sess_say(s->error, "%s", oct_stream_error(s->in));
    return s->in_error;
}

/* Length-framed ITCH: two bytes big-endian, then the message. */
static int itch_next(struct oct_sessfile *s, struct oct_sessfile_msg *msg)
{
    for (;;) {
        size_t have = sess_need(s, 2 + OCT_SESSFILE_MSG_MAX);
        if (have == 0)
            return sess_stream_end(s);
        const uint8_t *p = s->buf + s->pos;
        uint32_t sz = have < 2 ? 0 : oct_load_be16(p);
        if (have < 2 || sz + 2 > have) {
            if (sz > OCT_SESSFILE_MSG_MAX)
                return sess_fail(s, -EBADMSG, sess_off(s), "a message longer than any of ITCH 5.0",
                                 "the framing is lost here: check the file");
            sess_truncated(s, sess_off(s), have, "message");
            int rc = sess_stream_end(s);
            s->pos = s->sz;
            return rc;
        }
        if (sz == 0) {
            s->stats.empty++;
            s->pos += 2;
            continue;
        }
        if (sz > OCT_SESSFILE_MSG_MAX || !isalpha(p[2]))
            return sess_fail(s, -EBADMSG, sess_off(s),
                             sz > OCT_SESSFILE_MSG_MAX ? "a message longer than any of ITCH 5.0"
                                                       : "a message type that is no letter",
                             "the framing is lost here: check the file");
        msg->data = p + 2;
        msg->sz = (uint16_t)sz;
        msg->stamp_ns = sz >= 11 ? (int64_t)oct_load_be48(p + 2 + 5) : 0;
        msg->row = 0;
        msg->synthetic = false;
        s->pos += 2 + sz;
        return 1;
    }
}

/* A day in a file's name, as Nasdaq (MMDDYYYY) and others (YYYYMMDD) write it; 0 when none is. */
static uint32_t date_in(const char *path)
{
    const char *p = strrchr(path, '/');
    for (p = p ? p + 1 : path; *p; p++) {
        size_t n = strspn(p, "0123456789");
        if (n != 8) {
            p += n ? n - 1 : 0;
            continue;
        }
        uint32_t v = (uint32_t)strtoul(p, NULL, 10);
        uint32_t md = v / 10000, y = v % 10000;
        int64_t ns;
        if (oct_ny_midnight_ns(v, &ns) == 0 && v > 19900101 && v < 21000101)
            return v;
        if (y >= 1990 && y < 2100 && oct_ny_midnight_ns(y * 10000 + md, &ns) == 0)
            return y * 10000 + md;
        p += n - 1;
    }
    return 0;
}

static enum oct_sessfile_format guess(const uint8_t *p, size_t n)
{
    if (n >= 4) {
        uint32_t magic = oct_load_be32(p);
        if (magic == 0xa1b2c3d4u || magic == 0xd4c3b2a1u || magic == 0xa1b23c4du ||
            magic == 0x4d3cb2a1u || magic == 0x0a0d0d0au)
            return OCT_SESSFILE_PCAP;
    }
    if (n >= 3 && p[0] == 0 && p[1] > 0 && isalpha(p[2]))
        return OCT_SESSFILE_ITCH;
    size_t i = 0;
    while (i < n && (isdigit(p[i]) || p[i] == '.'))
        i++;
    if (i > 0 && i + 1 < n && p[i] == ',' && isdigit(p[i + 1]))
        return OCT_SESSFILE_LOBSTER;
    return OCT_SESSFILE_AUTO;
}

const char *oct_sessfile_format_name(enum oct_sessfile_format f)
{
    static const char *const name[] = {"unknown", "itch50", "pcap", "lobster", "generated"};
    return name[f];
}

static int open_stream(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg)
{
    char err[OCT_STREAM_ERR_SZ];
    int rc = oct_stream_open(&s->in, cfg->path, err);
    if (rc != 0) {
        sess_say(s->error, "%s", err);
        return rc;
    }
    size_t have = sess_need(s, 4096);
    if (have == 0) {
        rc = sess_stream_end(s);
        return rc != 0 ? rc : sess_fail(s, -EBADMSG, 0, "the file is empty", "name a session file");
    }
    s->format = cfg->format;
    if (s->format == OCT_SESSFILE_AUTO)
        s->format = guess(s->buf, have);
    switch (s->format) {
    case OCT_SESSFILE_ITCH:
        s->reader = (struct sess_reader){itch_next, NULL};
        s->stats.date = date_in(cfg->path);
        return 0;
    case OCT_SESSFILE_PCAP:
        return sess_pcap_open(s, cfg);
    case OCT_SESSFILE_LOBSTER:
        return sess_lobster_open(s, cfg);
    default:
        return sess_fail(s, -EBADMSG, 0, "not a session that is known here",
                         "give length-framed ITCH 5.0, pcap or pcapng with MoldUDP64, or a "
                         "LOBSTER message file");
    }
}

static struct oct_sessfile *alloc(const struct oct_sessfile_cfg *cfg)
{
    struct oct_sessfile *s = calloc(1, sizeof *s);
    if (s)
        snprintf(s->path, sizeof s->path, "%s", cfg->path ? cfg->path : "generator");
    return s;
}

static int open_source(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg)
{
    if (cfg->path)
        return open_stream(s, cfg);
    s->format = OCT_SESSFILE_GENERATED;
    return sess_gen_open(s, cfg);
}

/* Reads the session once, only to learn the locates of the wanted symbols: a session that starts
 * mid-day may use a locate before the message that names its symbol. */
static int learn_locates(struct sess_filter *filter, const struct oct_sessfile_cfg *cfg, char *err)
{
    struct oct_sessfile *s = alloc(cfg);
    if (!s)
        return -ENOMEM;
    int rc = open_source(s, cfg);
    struct oct_sessfile_msg msg;
    while (rc == 0 && !sess_filter_complete(filter) && (rc = s->reader.next(s, &msg)) == 1) {
        sess_filter_learn(filter, msg.data, msg.sz);
        rc = 0;
    }
    if (rc < 0)
        sess_say(err, "%s", s->error);
    oct_sessfile_close(s);
    if (rc < 0)
        return rc;
    char missing[128];
    sess_filter_missing(filter, missing, sizeof missing);
    if (missing[0] == 0)
        return 0;
    sess_say(err, "%s: no message names %s; check --symbols", cfg->path ? cfg->path : "generator",
             missing);
    return -ENOENT;
}

int oct_sessfile_open(struct oct_sessfile **out, const struct oct_sessfile_cfg *cfg, char *err)
{
    *out = NULL;
    err[0] = 0;
    struct sess_filter *filter = NULL;
    int rc = 0;
    if (cfg->symbols && cfg->symbols[0]) {
        rc = sess_filter_new(&filter, cfg->symbols, err);
        if (rc == 0)
            rc = learn_locates(filter, cfg, err);
        if (rc != 0) {
            sess_filter_delete(filter);
            return rc;
        }
    }
    struct oct_sessfile *s = alloc(cfg);
    if (!s) {
        sess_filter_delete(filter);
        sess_say(err, "out of memory");
        return -ENOMEM;
    }
    s->filter = filter;
    rc = open_source(s, cfg);
    if (rc != 0) {
        sess_say(err, "%s", s->error);
        oct_sessfile_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

int oct_sessfile_next(struct oct_sessfile *s, struct oct_sessfile_msg *msg)
{
    for (;;) {
        int rc = s->reader.next(s, msg);
        if (rc != 1)
            return rc;
        if (oct_unlikely(s->filter != NULL) && !sess_filter_pass(s->filter, msg->data, msg->sz)) {
            s->stats.filtered++;
            continue;
        }
        s->stats.msgs++;
        return 1;
    }
}

const struct oct_sessfile_stats *oct_sessfile_stats(const struct oct_sessfile *s)
{
    return &s->stats;
}

enum oct_sessfile_format oct_sessfile_format(const struct oct_sessfile *s)
{
    return s->format;
}

const char *oct_sessfile_error(const struct oct_sessfile *s)
{
    return s->error;
}

const char *oct_sessfile_warning(const struct oct_sessfile *s)
{
    return s->warning;
}

void oct_sessfile_close(struct oct_sessfile *s)
{
    if (!s)
        return;
    if (s->reader.close)
        s->reader.close(s->state);
    oct_stream_close(s->in);
    sess_filter_delete(s->filter);
    free(s);
}
