#include "dataplane/base/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"

/* Cookies and layout of the public HdrHistogram V2 encoding. */
#define COOKIE_V2            0x1c849313u
#define COOKIE_V2_COMPRESSED 0x1c849314u
#define V2_HEAD_SZ           40u
#define VARINT_SZ_MAX        9u
#define STORED_SZ_MAX        65535u

void oct_hist_init(struct oct_hist *h)
{
    memset(h, 0, sizeof *h);
    h->min_ns = INT64_MAX;
}

static int64_t highest_equivalent(uint32_t idx)
{
    if (idx < OCT_HIST_SUB_CNT)
        return idx;
    uint32_t bucket = idx / OCT_HIST_HALF_CNT - 1;
    int64_t sub = idx - bucket * OCT_HIST_HALF_CNT;
    return ((sub + 1) << bucket) - 1;
}

int64_t oct_hist_quantile(const struct oct_hist *h, double q)
{
    if (h->total == 0)
        return 0;
    if (!(q > 0.0))
        q = 0.0;
    if (q > 1.0)
        q = 1.0;
    double exact = q * (double)h->total;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact)
        rank++;
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < OCT_HIST_CNT; i++) {
        seen += h->cnt[i];
        if (seen >= rank)
            return highest_equivalent(i);
    }
    /* A copy taken while the writer was at work: total was ahead of the buckets. */
    return h->max_ns;
}

double oct_hist_mean(const struct oct_hist *h)
{
    double sum = 0.0, total = 0.0;

    for (uint32_t i = 0; i < OCT_HIST_CNT; i++) {
        if (h->cnt[i] == 0)
            continue;
        uint32_t bucket = i < OCT_HIST_SUB_CNT ? 0 : i / OCT_HIST_HALF_CNT - 1;
        double mid = (double)highest_equivalent(i) - (double)((1ll << bucket) - 1) / 2.0;
        sum += mid * (double)h->cnt[i];
        total += (double)h->cnt[i];
    }
    return total > 0.0 ? sum / total : 0.0;
}

void oct_hist_copy(struct oct_hist *to, const struct oct_hist *from)
{
    to->total = __atomic_load_n(&from->total, __ATOMIC_RELAXED);
    to->min_ns = __atomic_load_n(&from->min_ns, __ATOMIC_RELAXED);
    to->max_ns = __atomic_load_n(&from->max_ns, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < OCT_HIST_CNT; i++)
        to->cnt[i] = __atomic_load_n(&from->cnt[i], __ATOMIC_RELAXED);
}

void oct_hist_add(struct oct_hist *into, const struct oct_hist *from)
{
    for (uint32_t i = 0; i < OCT_HIST_CNT; i++)
        into->cnt[i] += from->cnt[i];
    into->total += from->total;
    if (from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
}

/* ZigZag LEB128 in at most nine bytes, the ninth holding eight bits. */
static size_t put_varint(uint8_t *p, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    size_t n = 0;

    for (; n < VARINT_SZ_MAX - 1 && u >= 0x80; n++, u >>= 7)
        p[n] = (uint8_t)(u | 0x80);
    p[n++] = (uint8_t)u;
    return n;
}

/* The uncompressed V2 encoding; runs of empty buckets are negative counts. */
static size_t encode_v2(const struct oct_hist *h, uint8_t *out)
{
    uint8_t *p = out + V2_HEAD_SZ;
    uint32_t last = 0;

    for (uint32_t i = 0; i < OCT_HIST_CNT; i++)
        if (h->cnt[i] != 0)
            last = i;
    for (uint32_t i = 0; i <= last;) {
        if (h->cnt[i] != 0) {
            p += put_varint(p, (int64_t)(h->cnt[i++] & INT64_MAX));
            continue;
        }
        uint32_t from = i;
        while (i <= last && h->cnt[i] == 0)
            i++;
        p += put_varint(p, -(int64_t)(i - from));
    }
    size_t payload = (size_t)(p - out) - V2_HEAD_SZ;
    oct_store_be32(out, COOKIE_V2);
    oct_store_be32(out + 4, (uint32_t)payload);
    oct_store_be32(out + 8, 0);  /* normalizing index offset */
    oct_store_be32(out + 12, 3); /* significant digits */
    oct_store_be64(out + 16, 1); /* lowest discernible value */
    oct_store_be64(out + 24, (uint64_t)OCT_HIST_MAX);
    oct_store_be64(out + 32, UINT64_C(0x3ff0000000000000)); /* 1.0: integer to double */
    return V2_HEAD_SZ + payload;
}

/* A zlib stream (RFC 1950) of stored blocks (RFC 1951 3.2.4): valid for every reader and free
 * of a compressor; the varints have done the work already. */
static size_t wrap_zlib(const uint8_t *in, size_t sz, uint8_t *out)
{
    uint8_t *p = out;
    uint32_t a = 1, b = 0;

    *p++ = 0x78;
    *p++ = 0x01;
    for (size_t i = 0; i < sz; i++) {
        a = (a + in[i]) % 65521;
        b = (b + a) % 65521;
    }
    do {
        uint16_t n = (uint16_t)(sz < STORED_SZ_MAX ? sz : STORED_SZ_MAX);
        *p++ = n == sz; /* final block */
        oct_store_le16(p, n);
        oct_store_le16(p + 2, (uint16_t)~n);
        memcpy(p + 4, in, n);
        p += 4 + n;
        in += n;
        sz -= n;
    } while (sz > 0);
    oct_store_be32(p, b << 16 | a);
    return (size_t)(p + 4 - out);
}

static void put_base64(const uint8_t *in, size_t sz, FILE *f)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < sz; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < sz ? (uint32_t)in[i + 1] << 8 : 0) |
                     (i + 2 < sz ? in[i + 2] : 0);
        fputc(abc[v >> 18], f);
        fputc(abc[v >> 12 & 63], f);
        fputc(i + 1 < sz ? abc[v >> 6 & 63] : '=', f);
        fputc(i + 2 < sz ? abc[v & 63] : '=', f);
    }
}

static void put_seconds(FILE *f, int64_t ns)
{
    fprintf(f, "%lld.%03lld", (long long)(ns / OCT_NS_PER_S),
            (long long)(ns % OCT_NS_PER_S / OCT_NS_PER_MS));
}

int oct_hist_hlog(const struct oct_hist *h, FILE *f, const char *tag, int64_t start_ns,
                  int64_t end_ns, bool first)
{
    size_t raw_max = V2_HEAD_SZ + (size_t)OCT_HIST_CNT * VARINT_SZ_MAX;
    size_t zip_max = raw_max + 16 + 5 * (raw_max / STORED_SZ_MAX + 1);
    char stamp[OCT_RFC3339_SZ];

    if (tag != NULL && strpbrk(tag, ", \r\n") != NULL)
        return -EINVAL;
    uint8_t *raw = malloc(raw_max + 8 + zip_max);
    if (raw == NULL)
        return -ENOMEM;
    uint8_t *zip = raw + raw_max;
    size_t zip_sz = wrap_zlib(raw, encode_v2(h, raw), zip + 8);
    oct_store_be32(zip, COOKIE_V2_COMPRESSED);
    oct_store_be32(zip + 4, (uint32_t)zip_sz);

    if (first) {
        oct_rfc3339_format(stamp, start_ns);
        fputs("#[Histogram log format version 1.3]\n#[StartTime: ", f);
        put_seconds(f, start_ns);
        fprintf(f, " (seconds since epoch), %s]\n", stamp);
        fputs("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
              "\"Interval_Compressed_Histogram\"\n",
              f);
    }
    if (tag != NULL && tag[0] != '\0')
        fprintf(f, "Tag=%s,", tag);
    put_seconds(f, start_ns);
    fputc(',', f);
    put_seconds(f, end_ns > start_ns ? end_ns - start_ns : 0);
    /* The customary unit of this column is milliseconds. */
    fprintf(f, ",%lld.%06lld,", (long long)(h->max_ns / OCT_NS_PER_MS),
            (long long)(h->max_ns % OCT_NS_PER_MS));
    put_base64(zip, zip_sz + 8, f);
    fputc('\n', f);
    free(raw);
    return ferror(f) ? -EIO : 0;
}
