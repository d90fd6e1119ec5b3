#include "control/core/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#define WIRE_MAX (1u << 20) /* bytes from the wire that one turn may leave unread */

struct oct_tls_ctx {
    SSL_CTX *ssl;
};

struct oct_tls {
    SSL *ssl;
    BIO *in;  /* owned by ssl */
    BIO *out; /* owned by ssl */
};

int oct_tls_ctx_create(struct oct_tls_ctx **out, const char *cert_path, const char *key_path)
{
    if (access(cert_path, R_OK) != 0 || access(key_path, R_OK) != 0)
        return -errno;
    struct oct_tls_ctx *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return -ENOMEM;
    int rc = -ENOMEM;
    c->ssl = SSL_CTX_new(TLS_server_method());
    if (c->ssl == NULL)
        goto out_free;
    rc = -EBADMSG;
    SSL_CTX_set_min_proto_version(c->ssl, TLS1_3_VERSION);
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(c->ssl, cert_path) != 1 ||
        SSL_CTX_use_PrivateKey_file(c->ssl, key_path, SSL_FILETYPE_PEM) != 1)
        goto out_ssl;
    rc = -EKEYREJECTED;
    if (SSL_CTX_check_private_key(c->ssl) != 1)
        goto out_ssl;
    *out = c;
    return 0;
out_ssl:
    SSL_CTX_free(c->ssl);
    ERR_clear_error();
out_free:
    free(c);
    return rc;
}

void oct_tls_ctx_destroy(struct oct_tls_ctx *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ssl);
    free(c);
}

struct oct_tls *oct_tls_create(struct oct_tls_ctx *c)
{
    struct oct_tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->ssl = SSL_new(c->ssl);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (t->ssl == NULL || t->in == NULL || t->out == NULL) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    return t;
}

void oct_tls_destroy(struct oct_tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

int oct_tls_feed(struct oct_tls *t, const uint8_t *p, size_t sz)
{
    if (sz > INT_MAX || BIO_ctrl_pending(t->in) + sz > WIRE_MAX)
        return -ENOMEM;
    return BIO_write(t->in, p, (int)sz) == (int)sz ? 0 : -ENOMEM;
}

static int outcome(struct oct_tls *t, int n)
{
    int err = SSL_get_error(t->ssl, n);
    ERR_clear_error();
    if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
        return 0;
    return err == SSL_ERROR_ZERO_RETURN ? -EPIPE : -EPROTO;
}

int oct_tls_read(struct oct_tls *t, uint8_t *p, size_t sz)
{
    int want = sz > INT_MAX ? INT_MAX : (int)sz;
    int n = SSL_read(t->ssl, p, want);
    return n > 0 ? n : outcome(t, n);
}

int oct_tls_write(struct oct_tls *t, const uint8_t *p, size_t sz)
{
    if (SSL_is_init_finished(t->ssl) != 1)
        return -EAGAIN;
    while (sz > 0) {
        int want = sz > INT_MAX ? INT_MAX : (int)sz;
        int n = SSL_write(t->ssl, p, want);
        if (n <= 0)
            return outcome(t, n) == 0 ? -ENOMEM : -EPROTO; /* a memory BIO never makes us wait */
        p += n;
        sz -= (size_t)n;
    }
    return 0;
}

void oct_tls_take(struct oct_tls *t, struct oct_buf *wire)
{
    size_t n = BIO_ctrl_pending(t->out);
    if (n == 0 || n > INT_MAX)
        return;
    uint8_t *p = oct_buf_room(wire, n);
    if (p == NULL)
        return;
    int got = BIO_read(t->out, p, (int)n);
    if (got > 0)
        wire->sz += (size_t)got;
}

void oct_tls_bye(struct oct_tls *t)
{
    if (SSL_is_init_finished(t->ssl) == 1)
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}
