#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dataplane/base/hist.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"

static int cmp(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

Test(hist, quantiles_match_a_sorted_array_to_three_digits)
{
    enum { N = 50000 };
    struct oct_hist *h = malloc(sizeof *h);
    int64_t *v = malloc(N * sizeof *v);
    static const double qs[] = {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};
    struct oct_rng r;

    oct_rng_init(&r, 3);
    oct_hist_init(h);
    double sum = 0.0;
    for (int i = 0; i < N; i++) {
        v[i] = (int64_t)(oct_rng_u64(&r) >> (27 + oct_rng_below(&r, 36)));
        oct_hist_record(h, v[i]);
        sum += (double)v[i];
    }
    qsort(v, N, sizeof *v, cmp);
    cr_assert_eq(h->total, (uint64_t)N);
    cr_assert_eq(h->min_ns, v[0]);
    cr_assert_eq(h->max_ns, v[N - 1]);
    for (size_t i = 0; i < OCT_ARRAY_CNT(qs); i++) {
        double exact = qs[i] * N;
        int64_t rank = (int64_t)exact + ((double)(int64_t)exact < exact);
        int64_t want = v[rank > 0 ? rank - 1 : 0], got = oct_hist_quantile(h, qs[i]);
        cr_assert(got >= want && got - want <= want / 1000, "q %g: %lld for %lld", qs[i],
                  (long long)got, (long long)want);
    }
    double mean = oct_hist_mean(h), want = sum / N;
    cr_assert(mean > want * 0.999 && mean < want * 1.001);
    free(v);
    free(h);
}

Test(hist, small_values_are_exact_and_extremes_are_clamped)
{
    struct oct_hist *h = malloc(sizeof *h);

    oct_hist_init(h);
    cr_assert_eq(oct_hist_quantile(h, 0.5), 0);
    cr_assert(oct_hist_mean(h) == 0.0);
    for (int64_t v = 0; v < 2048; v++)
        cr_assert_eq(oct_hist_idx(v), (uint32_t)v);
    cr_assert_eq(oct_hist_idx(-5), 0u);
    cr_assert_eq(oct_hist_idx(OCT_HIST_MAX), OCT_HIST_CNT - 1);
    cr_assert_eq(oct_hist_idx(INT64_MAX), OCT_HIST_CNT - 1);
    uint32_t prev = 0;
    for (int64_t v = 1; v < OCT_HIST_MAX; v += 1 + v / 4096) {
        uint32_t i = oct_hist_idx(v);
        cr_assert(i == prev || i == prev + 1, "a hole at %lld", (long long)v);
        prev = i;
    }
    oct_hist_record(h, INT64_MAX);
    cr_assert_eq(oct_hist_quantile(h, 1.0), OCT_HIST_MAX);
    cr_assert_eq(oct_hist_quantile(h, -3.0), OCT_HIST_MAX);
    h->total = 5; /* a torn copy: total ahead of the buckets */
    cr_assert_eq(oct_hist_quantile(h, 1.0), INT64_MAX);
    free(h);
}

Test(hist, adding_two_is_recording_in_one)
{
    struct oct_hist *a = malloc(sizeof *a), *b = malloc(sizeof *b), *both = malloc(sizeof *both);
    struct oct_rng r;

    oct_rng_init(&r, 9);
    oct_hist_init(a);
    oct_hist_init(b);
    oct_hist_init(both);
    for (int i = 0; i < 10000; i++) {
        int64_t v = (int64_t)oct_rng_below(&r, 1000000);
        oct_hist_record(i % 3 ? a : b, v);
        oct_hist_record(both, v);
    }
    oct_hist_add(a, b);
    cr_assert_eq(memcmp(a, both, sizeof *a), 0);
    free(a);
    free(b);
    free(both);
}

/* Reads a V2 compressed, base64 histogram with zlib: an independent decoder of our writer. */
static size_t unbase64(const char *s, uint8_t *out)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (; *s != '\0' && *s != '=' && *s != '\n'; s++) {
        const char *at = strchr(abc, *s);
        cr_assert_not_null(at, "not base64: %c", *s);
        acc = acc << 6 | (uint32_t)(at - abc);
        bits += 6;
        if (bits >= 8)
            out[n++] = (uint8_t)(acc >> (bits -= 8));
    }
    return n;
}

static void decode(const uint8_t *in, size_t sz, struct oct_hist *h)
{
    static uint8_t raw[OCT_HIST_CNT * 9 + 64];
    uLongf raw_sz = sizeof raw;

    cr_assert_eq(oct_load_be32(in), 0x1c849314u);
    cr_assert_eq(oct_load_be32(in + 4), sz - 8);
    cr_assert_eq(uncompress(raw, &raw_sz, in + 8, sz - 8), Z_OK);
    cr_assert_eq(oct_load_be32(raw), 0x1c849313u);
    cr_assert_eq(oct_load_be32(raw + 4), raw_sz - 40);
    cr_assert_eq(oct_load_be32(raw + 12), 3u);
    cr_assert_eq(oct_load_be64(raw + 16), 1u);
    uint32_t idx = 0;
    for (size_t i = 40; i < raw_sz;) {
        uint64_t u = 0;
        for (unsigned k = 0; k < 9; k++) {
            uint8_t byte = raw[i++];
            u |= (uint64_t)(k == 8 ? byte : byte & 0x7f) << (7 * k);
            if (k == 8 || !(byte & 0x80))
                break;
        }
        int64_t v = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
        if (v < 0) {
            idx += (uint32_t)-v;
            continue;
        }
        cr_assert_lt(idx, OCT_HIST_CNT);
        h->cnt[idx++] = (uint64_t)v;
        h->total += (uint64_t)v;
    }
}

Test(hist, hlog_lines_decode_to_the_same_counts)
{
    struct oct_hist *h = malloc(sizeof *h), *back = calloc(1, sizeof *back);
    struct oct_rng r;

    for (int round = 0; round < 3; round++) {
        oct_rng_init(&r, (uint64_t)round);
        oct_hist_init(h);
        /* none; a few; enough to fill several stored blocks */
        int n = round == 0 ? 0 : round == 1 ? 100 : 3000000;
        for (int i = 0; i < n; i++)
            oct_hist_record(h, (int64_t)(oct_rng_u64(&r) >> (28 + i % 35)));
        if (round == 1)
            h->cnt[77] = INT64_MAX; /* the longest varint */
        if (round == 2) {
            for (uint32_t i = 0; i < OCT_HIST_CNT; i++)
                h->cnt[i] += (uint64_t)1 << 40;
        }
        char *text = NULL;
        size_t text_sz = 0;
        FILE *f = open_memstream(&text, &text_sz);
        cr_assert_eq(
            oct_hist_hlog(h, f, "tick_to_trade", 1577682000123456789, 1577682001623456789, true),
            0);
        cr_assert_eq(oct_hist_hlog(h, f, NULL, 5000000000, 4000000000, false), 0);
        fclose(f);
        cr_assert_not_null(strstr(text, "#[Histogram log format version 1.3]\n"));
        char *line = strstr(text, "\nTag=tick_to_trade,1577682000.123,1.500,");
        cr_assert_not_null(line);
        char *b64 = strstr(line, ",HIST");
        cr_assert_not_null(b64, "the customary first characters of the encoding");
        cr_assert_not_null(strstr(text, "\n5.000,0.000,"));
        uint8_t *bin = malloc(text_sz);
        memset(back, 0, sizeof *back);
        decode(bin, unbase64(b64 + 1, bin), back);
        cr_assert_eq(memcmp(back->cnt, h->cnt, sizeof h->cnt), 0);
        free(bin);
        free(text);
    }
    free(h);
    free(back);
}

Test(hist, hlog_refuses_a_tag_that_would_break_the_line)
{
    struct oct_hist *h = malloc(sizeof *h);

    oct_hist_init(h);
    cr_assert_lt(oct_hist_hlog(h, stdout, "a,b", 0, 1, false), 0);
    cr_assert_lt(oct_hist_hlog(h, stdout, "a b", 0, 1, false), 0);
    cr_assert_lt(oct_hist_hlog(h, stdout, "a\nb", 0, 1, false), 0);
    free(h);
}
