/* stream.h - one accepted connection: bytes in as they arrive, bytes out once a turn.
 *
 * Plain TCP, Unix sockets, or TLS 1.3 over either, chosen at creation; the owner sees plain bytes.
 * What is appended to oct_stream_out in a turn goes out in one write at its end; while that write
 * is in flight, more is collected.  Nothing here limits how much the owner collects: it looks at
 * oct_stream_pending and acts.
 *
 * Thread:  the loop's.
 * Memory:  the stream is freed by the loop after `closed` returned; the owner keeps no pointer to it
 *          from then on. */
#ifndef OCT_CORE_STREAM_H
#define OCT_CORE_STREAM_H

#include "control/core/buf.h"
#include "control/core/loop.h"

struct oct_stream; /* opaque */
struct oct_tls_ctx;

struct oct_stream_ops {
    /* Bytes arrived; they are gone after the call. */
    void (*data)(void *self, const uint8_t *p, size_t sz);
    /* All that was written is in the kernel's hands.  May be NULL. */
    void (*drained)(void *self);
    /* The connection is over, for whatever reason; the last call. */
    void (*closed)(void *self);
};

/* Takes over fd and starts to read.  tls NULL for plain bytes.  NULL without memory, and then fd
 * is closed. */
struct oct_stream *oct_stream_new(struct oct_loop *l, int fd, struct oct_tls_ctx *tls,
                                  const struct oct_stream_ops *ops, void *self);

/* Hands the callbacks to another owner: an HTTP connection that becomes a WebSocket. */
void oct_stream_own(struct oct_stream *s, const struct oct_stream_ops *ops, void *self);

/* Where to append; then oct_stream_flush. */
struct oct_buf *oct_stream_out(struct oct_stream *s);
void oct_stream_flush(struct oct_stream *s);
/* Bytes that the kernel has not taken yet, and those of them not yet on their way to it. */
size_t oct_stream_pending(const struct oct_stream *s);
size_t oct_stream_queued(const struct oct_stream *s);

/* Stops or resumes reading: back-pressure for a peer that asks and does not listen. */
void oct_stream_pause(struct oct_stream *s, bool pause);

/* Sends what is pending, says that no more comes, waits up to two seconds for the peer to hang up
 * (so that the answer is not lost to a reset), then closes.  Input is dropped from now on. */
void oct_stream_close(struct oct_stream *s);
/* Closes at the end of this turn, whatever is pending. */
void oct_stream_abort(struct oct_stream *s);

void *oct_stream_self(const struct oct_stream *s);
int oct_stream_fd(const struct oct_stream *s);
bool oct_stream_is_tls(const struct oct_stream *s);

/* ---- accepting -------------------------------------------------------------------------------- */

/* One listening socket.  Zero-initialise. */
struct oct_acceptor {
    struct oct_op op;
    struct oct_alarm retry;
    struct oct_loop *loop;
    void (*fn)(void *self, int fd); /* owns fd */
    void *self;
    uint64_t failures; /* accepts that failed, most likely for lack of descriptors */
    int fd;
    bool off;
};

/* Starts to accept on a listening socket, which it owns from now on. */
void oct_acceptor_start(struct oct_acceptor *a, struct oct_loop *l, int fd,
                        void (*fn)(void *self, int fd), void *self);
/* Stops and closes; turn the loop until a->op.pending is false. */
void oct_acceptor_stop(struct oct_acceptor *a);

/* Listens on a loopback address ("127.0.0.1" or "::1") and port, 0 for any.  Returns the socket or
 * negative errno; -EACCES for an address that is not loopback. */
int oct_listen_loopback(const char *addr, uint16_t port, uint16_t *bound_port);
/* Listens on a Unix socket, replacing a stale one, with the given mode. */
int oct_listen_unix(const char *path, uint32_t mode);

#endif
