#include "tools/exchange/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum stream_kind { KIND_PLAIN, KIND_GZIP, KIND_XZ, KIND_ZSTD };
static const char *const kind_name[] = {"plain", "gzip", "xz", "zstd"};

struct oct_stream {
    int fd;
    enum stream_kind kind;
    bool input_end;  /* the file has no more bytes */
    bool mid_member; /* inside a member, stream or frame: an end here is early */
    uint64_t in_off; /* offset in the file of in[in_pos] */
    size_t in_pos;
    size_t in_sz;
    z_stream z;
    lzma_stream lzma;
    ZSTD_DStream *zstd;
    char path[256];
    char err[OCT_STREAM_ERR_SZ];
    uint8_t in[OCT_STREAM_BUF_SZ];
};

/* Sets the sentence and returns the code. */
static int fail(struct oct_stream *s, int code, const char *what, const char *hint)
{
    snprintf(s->err, sizeof s->err, "%s: %s data, offset %llu: %s; %s", s->path, kind_name[s->kind],
             (unsigned long long)s->in_off, what, hint);
    return code;
}

/* Makes sure that there is input, unless the file has ended. */
static int refill(struct oct_stream *s)
{
    if (s->in_pos < s->in_sz || s->input_end)
        return 0;
    ssize_t n;
    do {
        n = read(s->fd, s->in, sizeof s->in);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(s, -errno, strerror(errno), "check the disk");
    s->in_pos = 0;
    s->in_sz = (size_t)n;
    s->input_end = n == 0;
    return 0;
}

static void took(struct oct_stream *s, size_t n)
{
    s->in_pos += n;
    s->in_off += n;
}

static int early_end(struct oct_stream *s)
{
    return fail(s, -ENODATA, "the compressed data ends early", "fetch the file again");
}

static int damaged(struct oct_stream *s, const char *why)
{
    return fail(s, -EBADMSG, why ? why : "the compressed data is damaged", "fetch the file again");
}

static ssize_t read_plain(struct oct_stream *s, void *buf, size_t n)
{
    size_t have = s->in_sz - s->in_pos;
    size_t m = have < n ? have : n;
    memcpy(buf, s->in + s->in_pos, m);
    took(s, m);
    return (ssize_t)m;
}

/* One call of a decompressor: bytes made, 0 when it made none yet, negative errno. */
static ssize_t step_gzip(struct oct_stream *s, void *buf, size_t n)
{
    s->z.next_in = s->in + s->in_pos;
    s->z.avail_in = (uInt)(s->in_sz - s->in_pos);
    s->z.next_out = buf;
    s->z.avail_out = n > UINT32_MAX ? UINT32_MAX : (uInt)n;
    uInt out0 = s->z.avail_out;
    uInt in0 = s->z.avail_in;
    if (in0 > 0)
        s->mid_member = true;
    int rc = inflate(&s->z, Z_NO_FLUSH);
    took(s, in0 - s->z.avail_in);
    size_t made = out0 - s->z.avail_out;
    if (rc == Z_STREAM_END) {
        s->mid_member = false;
        inflateReset(&s->z);
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return damaged(s, s->z.msg);
    }
    return (ssize_t)made;
}

static ssize_t step_xz(struct oct_stream *s, void *buf, size_t n)
{
    s->lzma.next_in = s->in + s->in_pos;
    s->lzma.avail_in = s->in_sz - s->in_pos;
    s->lzma.next_out = buf;
    s->lzma.avail_out = n;
    size_t in0 = s->lzma.avail_in;
    lzma_ret rc = lzma_code(&s->lzma, s->input_end ? LZMA_FINISH : LZMA_RUN);
    took(s, in0 - s->lzma.avail_in);
    size_t made = n - s->lzma.avail_out;
    s->mid_member = rc != LZMA_STREAM_END;
    if (rc == LZMA_OK || rc == LZMA_STREAM_END)
        return (ssize_t)made;
    if (made > 0)
        return (ssize_t)made;
    if (rc == LZMA_BUF_ERROR)
        return s->input_end ? early_end(s) : 0;
    if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return fail(s, -ENOMEM, "the decompressor wants more than 1 GiB", "recompress the file");
    return damaged(s, NULL);
}

static ssize_t step_zstd(struct oct_stream *s, void *buf, size_t n)
{
    ZSTD_inBuffer in = {s->in + s->in_pos, s->in_sz - s->in_pos, 0};
    ZSTD_outBuffer out = {buf, n, 0};
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    took(s, in.pos);
    if (ZSTD_isError(rc))
        return damaged(s, ZSTD_getErrorName(rc));
    if (in.pos > 0 || out.pos > 0)
        s->mid_member = rc != 0;
    return (ssize_t)out.pos;
}

ssize_t oct_stream_read(struct oct_stream *s, void *buf, size_t n)
{
    OCT_ASSERT(n > 0);
    for (;;) {
        int rc = refill(s);
        if (rc != 0)
            return rc;
        bool starved = s->in_pos == s->in_sz; /* and the file has ended */
        ssize_t made = 0;
        switch (s->kind) {
        case KIND_PLAIN:
            return read_plain(s, buf, n);
        case KIND_GZIP:
            made = step_gzip(s, buf, n);
            break;
        case KIND_XZ:
            if (starved && !s->mid_member)
                return 0;
            made = step_xz(s, buf, n);
            break;
        case KIND_ZSTD:
            made = step_zstd(s, buf, n);
            break;
        }
        if (made != 0)
            return made;
        if (starved)
            return s->mid_member ? early_end(s) : 0;
    }
}

static enum stream_kind kind_of(const uint8_t *p, size_t n)
{
    static const uint8_t xz[6] = {0xfd, '7', 'z', 'X', 'Z', 0};
    static const uint8_t zst[4] = {0x28, 0xb5, 0x2f, 0xfd};
    if (n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
        return KIND_GZIP;
    if (n >= sizeof xz && memcmp(p, xz, sizeof xz) == 0)
        return KIND_XZ;
    if (n >= sizeof zst && memcmp(p, zst, sizeof zst) == 0)
        return KIND_ZSTD;
    return KIND_PLAIN;
}

static int start_decompressor(struct oct_stream *s)
{
    switch (s->kind) {
    case KIND_PLAIN:
        return 0;
    case KIND_GZIP:
        return inflateInit2(&s->z, 15 + 16) == Z_OK ? 0 : -ENOMEM;
    case KIND_XZ:
        return lzma_stream_decoder(&s->lzma, UINT64_C(1) << 30, LZMA_CONCATENATED) == LZMA_OK
                   ? 0
                   : -ENOMEM;
    case KIND_ZSTD:
        s->zstd = ZSTD_createDStream();
        return s->zstd ? 0 : -ENOMEM;
    }
    return -EINVAL;
}

int oct_stream_open(struct oct_stream **out, const char *path, char *err)
{
    *out = NULL;
    struct oct_stream *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, OCT_STREAM_ERR_SZ, "%s: out of memory", path);
        return -ENOMEM;
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    struct stat st;
    int rc = 0;
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        rc = -errno;
        snprintf(err, OCT_STREAM_ERR_SZ, "%s: cannot open: %s; check the path", path,
                 strerror(errno));
        goto out_close;
    }
    if (S_ISDIR(st.st_mode)) {
        rc = -EISDIR;
        snprintf(err, OCT_STREAM_ERR_SZ, "%s: is a folder; name a file in it", path);
        goto out_close;
    }
    rc = refill(s);
    if (rc == 0) {
        s->kind = kind_of(s->in, s->in_sz);
        rc = start_decompressor(s);
        if (rc != 0)
            fail(s, rc, strerror(-rc), "free some memory");
    }
    if (rc != 0) {
        snprintf(err, OCT_STREAM_ERR_SZ, "%s", s->err);
        goto out_close;
    }
    *out = s;
    return 0;

out_close:
    oct_stream_close(s);
    return rc;
}

const char *oct_stream_error(const struct oct_stream *s)
{
    return s->err;
}

const char *oct_stream_kind(const struct oct_stream *s)
{
    return kind_name[s->kind];
}

void oct_stream_close(struct oct_stream *s)
{
    if (!s)
        return;
    if (s->kind == KIND_GZIP)
        inflateEnd(&s->z);
    lzma_end(&s->lzma);
    ZSTD_freeDStream(s->zstd);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}
