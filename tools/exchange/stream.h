/* stream.h - bytes of a file, decompressed on the way: plain, gzip, xz, zstd.
 *
 * The kind is told by the first bytes, never by the name.  Concatenated members, streams and
 * frames read as one.  Errors name the file, the offset in the compressed file, the reason and
 * what to do.
 *
 * Thread:  one at a time.
 * Memory:  allocated at open, two buffers of OCT_STREAM_BUF_SZ and the decompressor's own.
 * Cost:    cold; a system call for each buffer. */
#ifndef OCT_TOOLS_EXCHANGE_STREAM_H
#define OCT_TOOLS_EXCHANGE_STREAM_H

#include <sys/types.h>

#include "dataplane/base/attr.h"

#define OCT_STREAM_BUF_SZ (256u * 1024u)
#define OCT_STREAM_ERR_SZ 512u

struct oct_stream; /* opaque */

/* Opens a file for reading.  Returns 0 and a stream that oct_stream_close ends, or negative errno
 * with a sentence for people in err (OCT_STREAM_ERR_SZ bytes). */
int oct_stream_open(struct oct_stream **out, const char *path, char *err);

/* Up to n decompressed bytes.  Returns how many, 0 at the end, -EBADMSG when the compressed data
 * is damaged, -ENODATA when it ends early, else negative errno; then oct_stream_error tells.
 * Everything that could be decompressed before the damage was returned by earlier calls. */
ssize_t oct_stream_read(struct oct_stream *s, void *buf, size_t n);

/* The last failure as a sentence; empty when there was none. */
const char *oct_stream_error(const struct oct_stream *s);
/* How it is compressed: "plain", "gzip", "xz" or "zstd". */
const char *oct_stream_kind(const struct oct_stream *s);

void oct_stream_close(struct oct_stream *s); /* takes NULL */

#endif
