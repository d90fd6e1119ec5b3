/* tls.h - TLS 1.3 on memory: bytes of the wire in and out, plain bytes in and out, no socket.
 *
 * Only TLS 1.3 is spoken.  OpenSSL's types stay behind this header. */
#ifndef OCT_CORE_TLS_H
#define OCT_CORE_TLS_H

#include "control/core/buf.h"

struct oct_tls_ctx; /* certificate and key, shared by connections */
struct oct_tls;     /* one connection */

/* PEM files.  0 or negative errno: -ENOENT or -EACCES for the files, -EBADMSG when they are no
 * certificate and key, -EKEYREJECTED when they do not belong together. */
int oct_tls_ctx_create(struct oct_tls_ctx **out, const char *cert_path, const char *key_path);
void oct_tls_ctx_destroy(struct oct_tls_ctx *c);

struct oct_tls *oct_tls_create(struct oct_tls_ctx *c); /* server side; NULL without memory */
void oct_tls_destroy(struct oct_tls *t);

/* Gives it bytes from the wire.  -ENOMEM when it cannot hold them. */
int oct_tls_feed(struct oct_tls *t, const uint8_t *p, size_t sz);
/* Plain bytes, as many as there are, up to sz: > 0; 0 when it needs more from the wire; -EPIPE when
 * the peer closed properly; -EPROTO when it is not TLS we speak. */
int oct_tls_read(struct oct_tls *t, uint8_t *p, size_t sz);
/* Encrypts; the handshake must be done, else -EAGAIN and nothing was taken. */
int oct_tls_write(struct oct_tls *t, const uint8_t *p, size_t sz);
/* Appends what must go to the wire. */
void oct_tls_take(struct oct_tls *t, struct oct_buf *wire);
/* Writes the closing alert (take it afterwards). */
void oct_tls_bye(struct oct_tls *t);

#endif
