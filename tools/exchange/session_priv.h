/* session_priv.h - what the readers of session files share. */
#ifndef OCT_TOOLS_EXCHANGE_SESSION_PRIV_H
#define OCT_TOOLS_EXCHANGE_SESSION_PRIV_H

#include "tools/exchange/session.h"
#include "tools/exchange/stream.h"

#define SESS_BUF_SZ (1024u * 1024u)
#define SESS_PAD    64u /* readable bytes behind every message */

/* One kind of source.  next: 1, 0 at the end, negative errno with s->error set. */
struct sess_reader {
    int (*next)(struct oct_sessfile *s, struct oct_sessfile_msg *msg);
    void (*close)(void *state);
};

struct sess_filter; /* opaque: symbols wanted, and the locates found for them */

struct oct_sessfile {
    struct sess_reader reader;
    void *state; /* the reader's */
    struct oct_stream *in;
    struct sess_filter *filter;
    enum oct_sessfile_format format;
    bool in_end;      /* the stream has no more bytes */
    int in_error;     /* what the stream failed with after its last bytes, 0 for none */
    uint64_t buf_off; /* offset of buf[0] in the decompressed session */
    size_t pos;
    size_t sz;
    struct oct_sessfile_stats stats;
    char path[256];
    char error[OCT_SESSFILE_ERR_SZ];
    char warning[OCT_SESSFILE_ERR_SZ];
    uint8_t buf[SESS_BUF_SZ + SESS_PAD];
};

/* Makes n bytes contiguous at s->buf + s->pos (n at most half the buffer).  Returns how many there
 * are: fewer than n only at the end of the stream. */
size_t sess_need(struct oct_sessfile *s, size_t n);

OCT_INLINE uint64_t sess_off(const struct oct_sessfile *s)
{
    return s->buf_off + s->pos;
}

/* A sentence into s->error or s->warning, cut to its size. */
void sess_say(char buf[OCT_SESSFILE_ERR_SZ], const char *fmt, ...) OCT_PRINTF(2, 3);
/* Sets the error sentence "path: offset N: reason; hint" and returns code. */
int sess_fail(struct oct_sessfile *s, int code, uint64_t off, const char *reason, const char *hint);
/* Marks a session that stops in the middle of something, at off. */
void sess_truncated(struct oct_sessfile *s, uint64_t off, uint64_t bytes, const char *of_what);
/* At the end of the stream: passes on why it failed.  0 when it just ended; a compressed file that
 * ends early is a truncated session, damaged data an error. */
int sess_stream_end(struct oct_sessfile *s);

int sess_pcap_open(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg);
int sess_lobster_open(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg);
int sess_gen_open(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg);

/* filter.c */
int sess_filter_new(struct sess_filter **out, const char *symbols, char *err);
/* Learns from a message which locate a wanted symbol has. */
void sess_filter_learn(struct sess_filter *f, const uint8_t *msg, uint32_t sz);
bool sess_filter_pass(const struct sess_filter *f, const uint8_t *msg, uint32_t sz);
/* True when every wanted symbol has a locate. */
bool sess_filter_complete(const struct sess_filter *f);
/* Names the wanted symbols that were not found, comma-separated; empty when none is missing. */
void sess_filter_missing(const struct sess_filter *f, char *buf, size_t sz);
void sess_filter_delete(struct sess_filter *f);

#endif
