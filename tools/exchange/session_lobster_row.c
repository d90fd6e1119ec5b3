#include <string.h>

#include "dataplane/base/px.h"
#include "tools/exchange/session_lobster.h"

#define DAY_NS INT64_C(86400000000000)

/* A field up to the comma or the end: its number; false when it is none. */
static bool field(const char **p, const char *end, unsigned decimals, int64_t *out)
{
    const char *q = memchr(*p, ',', (size_t)(end - *p));
    q = q ? q : end;
    /* LOBSTER has more digits of time than there are nanoseconds in one */
    size_t n = (size_t)(q - *p);
    const char *dot = decimals ? memchr(*p, '.', n) : NULL;
    if (dot && (size_t)(q - dot - 1) > decimals)
        n = (size_t)(dot - *p) + 1 + decimals;
    bool ok = oct_decimal_parse(*p, n, decimals, out) == 0;
    *p = q < end ? q + 1 : end;
    return ok;
}

static bool whole(const char **p, const char *end, int64_t least, int64_t most, int64_t *out)
{
    return field(p, end, 0, out) && *out >= least && *out <= most;
}

const char *lobster_row_parse(const char *line, size_t n, struct lobster_row *out)
{
    const char *p = line, *end = line + n;
    int64_t ns, type, id, size, px, dir;
    if (!field(&p, end, 9, &ns) || ns < 0 || ns >= DAY_NS)
        return "the time is no number of seconds since midnight";
    if (!whole(&p, end, 1, 7, &type))
        return "the type is none of 1 to 7";
    if (!whole(&p, end, 0, INT64_MAX, &id))
        return "the order number is none";
    if (!whole(&p, end, 0, 2000000000, &size) || (size == 0 && type != 7))
        return "the size is no positive number";
    if (!whole(&p, end, type == 7 ? -1 : 1, 2000000000, &px))
        return "the price is no positive number of ten-thousandths";
    if (!whole(&p, end, -1, 1, &dir) || dir == 0)
        return "the direction is neither 1 nor -1";
    if (p < end)
        return "there are more than six columns";
    *out = (struct lobster_row){.ns = ns,
                                .id = (uint64_t)id,
                                .size = (uint32_t)size,
                                .px = (int32_t)px,
                                .type = (uint8_t)type,
                                .dir = (int8_t)dir};
    return NULL;
}

const char *lobster_bbo_parse(const char *line, size_t n, struct lobster_bbo *out)
{
    const char *p = line, *end = line + n;
    int64_t px, size;
    *out = (struct lobster_bbo){0};
    for (int i = 0; i < 2; i++) {
        enum oct_side side = i == 0 ? OCT_SELL : OCT_BUY;
        if (!whole(&p, end, INT64_C(-9999999999), INT64_C(9999999999), &px) ||
            !whole(&p, end, 0, UINT32_MAX, &size))
            return "the first four columns are not ask price, ask size, bid price, bid size";
        if (px > 0 && px <= 2000000000 && size > 0) {
            out->px[side] = (int32_t)px;
            out->size[side] = (uint32_t)size;
        }
    }
    return NULL;
}
