/* session.h - a recorded or generated exchange session as ITCH 5.0 messages in order.
 *
 * Whatever the source, what comes out is the same: one ITCH 5.0 message after the other, without
 * its length.  Sources: length-framed ITCH 5.0 as Nasdaq publishes it (two bytes, big-endian,
 * before each message), pcap and pcapng with MoldUDP64 (duplicates and a second line dropped,
 * holes counted), a LOBSTER message file (converted, see session_lobster.h), and the built-in
 * generator (generator.h).  gzip, xz and zstd are taken as they are.
 *
 * A session that ends in the middle of a message is played up to there and says so
 * (oct_sessfile_warning); one that cannot be understood is refused with file, offset, reason and
 * what to do.
 *
 * Thread:  one at a time.
 * Memory:  allocated at open; a few MiB, but a LOBSTER file is held whole (64 bytes a row).
 * Cost:    cold; about 20 ns a message for length-framed files. */
#ifndef OCT_TOOLS_EXCHANGE_SESSION_H
#define OCT_TOOLS_EXCHANGE_SESSION_H

#include "dataplane/base/attr.h"

#define OCT_SESSFILE_ERR_SZ  640u
#define OCT_SESSFILE_MSG_MAX 255u /* longest message taken from a file */

struct oct_sessfile; /* opaque */
struct oct_gen_cfg;

enum oct_sessfile_format {
    OCT_SESSFILE_AUTO = 0,
    OCT_SESSFILE_ITCH,
    OCT_SESSFILE_PCAP,
    OCT_SESSFILE_LOBSTER,
    OCT_SESSFILE_GENERATED,
};

struct oct_sessfile_cfg {
    const char *path;              /* file; NULL for the generator */
    const char *symbols;           /* comma-separated filter, NULL or "" for all */
    const struct oct_gen_cfg *gen; /* for the generator; NULL for its defaults */
    enum oct_sessfile_format format;
    /* LOBSTER: ignore an orderbook file that stands beside the message file. */
    bool no_orderbook;
    /* pcap: UDP port of the line to read; 0 for every one. */
    uint16_t port;
};

struct oct_sessfile_msg {
    const uint8_t *data; /* valid until the next call, with 64 readable bytes behind it */
    int64_t stamp_ns;    /* its own time stamp: nanoseconds since midnight, New York */
    uint64_t row;        /* LOBSTER: line of the file it belongs to, from 1; 0 before the first */
    uint16_t sz;
    bool synthetic; /* LOBSTER: not itself an event of the file */
};

struct oct_sessfile_stats {
    uint64_t msgs;        /* handed out */
    uint64_t filtered;    /* left out by the symbol filter */
    uint64_t empty;       /* zero-length frames skipped */
    uint64_t rows;        /* LOBSTER: lines read */
    uint64_t synthetic;   /* LOBSTER: messages made to explain others */
    uint64_t residual;    /* LOBSTER: of these, shares that only the orderbook file shows */
    uint64_t unexplained; /* LOBSTER: rows that contradict the state so far */
    uint64_t packets;     /* pcap: MoldUDP64 packets */
    uint64_t dup_msgs;    /* pcap: messages seen before */
    uint64_t lost_msgs;   /* pcap: messages in no packet */
    uint64_t other;       /* pcap: packets that are something else */
    uint64_t tail_bytes;  /* bytes of the incomplete last message */
    uint32_t date;        /* yyyymmdd from the source, 0 when it does not say */
    bool truncated;       /* ended in the middle of a message, row or compressed block */
};

/* Opens a session.  0, or negative errno with a sentence in err (OCT_SESSFILE_ERR_SZ bytes).
 * With a symbol filter the file is read twice when its directory does not come first. */
int oct_sessfile_open(struct oct_sessfile **out, const struct oct_sessfile_cfg *cfg, char *err);

/* The next message.  1, 0 at the end, or negative errno (-EBADMSG for what cannot be understood),
 * after which oct_sessfile_error tells why. */
int oct_sessfile_next(struct oct_sessfile *s, struct oct_sessfile_msg *msg);

const struct oct_sessfile_stats *oct_sessfile_stats(const struct oct_sessfile *s);
enum oct_sessfile_format oct_sessfile_format(const struct oct_sessfile *s);
const char *oct_sessfile_format_name(enum oct_sessfile_format f);
const char *oct_sessfile_error(const struct oct_sessfile *s);   /* empty when none */
const char *oct_sessfile_warning(const struct oct_sessfile *s); /* empty when none */
void oct_sessfile_close(struct oct_sessfile *s);                /* takes NULL */

#endif
