#include "tests/unit/tools/exchange/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/wire.h"
#include "tools/exchange/stream.h"

const char *shared_file(const char *name)
{
    static char path[512];
    const char *root = getenv("OCTOPUS_SHARED");
    snprintf(path, sizeof path, "%s/data/%s", root ? root : "../shared", name);
    if (access(path, R_OK) != 0) {
        printf("SKIP: %s is not there\n", path);
        cr_skip_test("no recorded data");
    }
    return path;
}

const char *temp_dir(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && strlen(dir) < 40 ? dir : P_tmpdir;
}

static char made[64][96];
static uint32_t made_cnt;

static void remove_made(void)
{
    for (uint32_t i = 0; i < made_cnt; i++)
        unlink(made[i]);
}

const char *temp_file(const char *suffix, const void *data, size_t sz)
{
    if (made_cnt == 0)
        atexit(remove_made);
    cr_assert_lt(made_cnt, OCT_ARRAY_CNT(made));
    char *path = made[made_cnt++];
    snprintf(path, sizeof made[0], "%s/octopus-test-%d-%u%s", temp_dir(), (int)getpid(), made_cnt,
             suffix);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(data, 1, sz, f), sz);
    fclose(f);
    return path;
}

uint8_t *read_all(const char *path, size_t *sz)
{
    char err[OCT_STREAM_ERR_SZ];
    struct oct_stream *s;
    cr_assert_eq(oct_stream_open(&s, path, err), 0, "%s", err);
    size_t cap = 1 << 20;
    uint8_t *p = malloc(cap);
    *sz = 0;
    ssize_t n;
    while ((n = oct_stream_read(s, p + *sz, cap - *sz)) > 0) {
        *sz += (size_t)n;
        if (*sz == cap)
            p = realloc(p, cap *= 2);
    }
    cr_assert_eq(n, 0, "%s", oct_stream_error(s));
    oct_stream_close(s);
    return p;
}

size_t framed(uint8_t *out, const struct oct_itch50_msg *m)
{
    uint32_t sz = oct_itch50_encode(m, out + 2);
    cr_assert_gt(sz, 0);
    oct_store_be16(out, (uint16_t)sz);
    return sz + 2u;
}

size_t framed_add(uint8_t *out, uint64_t ref, char side, uint32_t shares, uint32_t px_e4,
                  const char *symbol, uint16_t locate)
{
    struct oct_itch50_msg m;
    memset(&m, 0, sizeof m);
    m.hdr.type = OCT_ITCH50_ADD_TYPE;
    m.hdr.locate = locate;
    m.hdr.ts_ns = 34200000000000;
    m.add.ref = ref;
    m.add.side = side;
    m.add.shares = shares;
    m.add.px = px_e4;
    memset(m.add.stock, ' ', 8);
    memcpy(m.add.stock, symbol, strlen(symbol));
    return framed(out, &m);
}
