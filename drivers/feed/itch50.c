#include "drivers/feed/itch50.h"

#include <immintrin.h>

#include "dataplane/base/wire.h"
#include "dataplane/port/nic.h"

/* Every type is decoded by the same sixteen instructions: each quarter of the struct is one load
 * of 16 message bytes, shuffled into place by the type's mask (byte order, offsets and zeros at
 * once).  A switch on the type costs a mispredicted branch in every other message of real flow. */
struct row {
    uint8_t mask[64];
    uint8_t win[4]; /* where each quarter's 16 bytes start in the message */
    uint8_t pad[4];
    int64_t sz; /* -1 where there is no type: no message has that size */
};

enum {
    ROW_NONE = 0,
#define ROW_ENUM(NAME, name, type, sz, w1, w2, w3, FIELDS)                              \
    ROW_##NAME, W1_##name = (w1), W2_##name = (w2), W3_##name = (w3), SZ_##name = (sz), \
                ROW_AFTER_##NAME = ROW_##NAME,
    OCT_ITCH50_TABLE(ROW_ENUM)
#undef ROW_ENUM
};

#define AT(X, name) offsetof(struct oct_itch50_##X, name)
#define WIN(X, name) \
    (AT(X, name) < 16 ? 0 : AT(X, name) < 32 ? W1_##X : AT(X, name) < 48 ? W2_##X : W3_##X)
/* Mask byte i of a field: which byte of the window goes there. */
#define LE(X, name, off, w, i) [AT(X, name) + (i)] = (off) + (w)-1 - (i)-WIN(X, name)
#define CH(X, name, off, i)    [AT(X, name) + (i)] = (off) + (i)-WIN(X, name)

#define MASK_u16(X, n, o) LE(X, n, o, 2, 0), LE(X, n, o, 2, 1)
#define MASK_u32(X, n, o) LE(X, n, o, 4, 0), LE(X, n, o, 4, 1), LE(X, n, o, 4, 2), LE(X, n, o, 4, 3)
#define MASK_u48(X, n, o)                                                                          \
    LE(X, n, o, 6, 0), LE(X, n, o, 6, 1), LE(X, n, o, 6, 2), LE(X, n, o, 6, 3), LE(X, n, o, 6, 4), \
        LE(X, n, o, 6, 5)
#define MASK_u64(X, n, o)                                                                          \
    LE(X, n, o, 8, 0), LE(X, n, o, 8, 1), LE(X, n, o, 8, 2), LE(X, n, o, 8, 3), LE(X, n, o, 8, 4), \
        LE(X, n, o, 8, 5), LE(X, n, o, 8, 6), LE(X, n, o, 8, 7)
#define MASK_p4(X, n, o)  MASK_u32(X, n, o)
#define MASK_p8(X, n, o)  MASK_u64(X, n, o)
#define MASK_chr(X, n, o) CH(X, n, o, 0)
#define MASK_a2(X, n, o)  CH(X, n, o, 0), CH(X, n, o, 1)
#define MASK_a4(X, n, o)  CH(X, n, o, 0), CH(X, n, o, 1), CH(X, n, o, 2), CH(X, n, o, 3)
#define MASK_a8(X, n, o)                                                            \
    CH(X, n, o, 0), CH(X, n, o, 1), CH(X, n, o, 2), CH(X, n, o, 3), CH(X, n, o, 4), \
        CH(X, n, o, 5), CH(X, n, o, 6), CH(X, n, o, 7)

#define MASK_F(X, kind, name, off, doc) MASK_##kind(X, name, off),
#define MASK_Z(X, cnt, name)

/* The range initializer clears what no field claims; fields then override it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct row rows[OCT_ITCH50_TYPE_CNT + 1] = {
    [ROW_NONE] = {.mask = {[0 ... 63] = 0x80}, .sz = -1},
#define ROW_INIT(NAME, name, type, sz_, w1, w2, w3, FIELDS)                          \
    [ROW_##NAME] = {                                                                 \
        .mask = {[0 ... 63] = 0x80,                                                  \
                 OCT_ITCH50_HDR(MASK_F, MASK_Z, name) FIELDS(MASK_F, MASK_Z, name)}, \
        .win = {0, (w1), (w2), (w3)},                                                \
        .sz = (sz_),                                                                 \
    },
    OCT_ITCH50_TABLE(ROW_INIT)
#undef ROW_INIT
};

static const struct row *const row_of[256] = {[0 ... 255] = &rows[ROW_NONE],
#define ROW_OF(NAME, name, type, sz, w1, w2, w3, FIELDS) [(type)] = &rows[ROW_##NAME],
                                              OCT_ITCH50_TABLE(ROW_OF)
#undef ROW_OF
};
#pragma GCC diagnostic pop

/* Fields lie within their message and their window; windows within the padded buffer. */
#define WSZ_u16 2
#define WSZ_u32 4
#define WSZ_u48 6
#define WSZ_u64 8
#define WSZ_p4  4
#define WSZ_p8  8
#define WSZ_chr 1
#define WSZ_a2  2
#define WSZ_a4  4
#define WSZ_a8  8
#define CHECK_F(X, kind, name, off, doc)                                               \
    _Static_assert((off) >= WIN(X, name) && (off) + WSZ_##kind <= WIN(X, name) + 16 && \
                       (off) + WSZ_##kind <= SZ_##X,                                   \
                   #X "." #name " is outside its window");
#define CHECK_Z(X, cnt, name)
#define CHECK_ROW(NAME, name, type, sz, w1, w2, w3, FIELDS)                            \
    OCT_ITCH50_HDR(CHECK_F, CHECK_Z, name)                                             \
    FIELDS(CHECK_F, CHECK_Z, name)                                                     \
    _Static_assert((sz) <= (int)OCT_ITCH50_SZ_MAX && (w1) + 16 <= (int)OCT_NIC_PAD &&  \
                       (w2) + 16 <= (int)OCT_NIC_PAD && (w3) + 16 <= (int)OCT_NIC_PAD, \
                   #name " reads past the padding");
OCT_ITCH50_TABLE(CHECK_ROW)

OCT_COLD static enum oct_feed_error refuse(const uint8_t *msg, uint32_t sz)
{
    if (sz == 0)
        return OCT_FEED_E_SHORT;
    return row_of[msg[0]] == &rows[ROW_NONE] ? OCT_FEED_E_TYPE : OCT_FEED_E_SZ;
}

OCT_INLINE void take_quarter(struct oct_itch50_msg *out, const uint8_t *msg, const struct row *row,
                             uint32_t i)
{
    __m128i in = _mm_loadu_si128((const __m128i *)(const void *)(msg + row->win[i]));
    __m128i mask = _mm_loadu_si128((const __m128i *)(const void *)(row->mask + 16 * i));
    _mm_storeu_si128((__m128i *)(void *)(out->bytes + 16 * i), _mm_shuffle_epi8(in, mask));
}

enum oct_feed_error oct_itch50_decode(const uint8_t *msg, uint32_t sz, struct oct_itch50_msg *out)
{
    const struct row *row = row_of[msg[0]];
    if (oct_unlikely(sz != row->sz))
        return refuse(msg, sz);
    take_quarter(out, msg, row, 0);
    take_quarter(out, msg, row, 1);
    take_quarter(out, msg, row, 2);
    take_quarter(out, msg, row, 3);
    return OCT_FEED_OK;
}

uint32_t oct_itch50_sz(char type)
{
    const struct row *row = row_of[(uint8_t)type];
    return row == &rows[ROW_NONE] ? 0 : (uint32_t)row->sz;
}

uint32_t oct_itch50_encode(const struct oct_itch50_msg *m, uint8_t *out)
{
    const struct row *row = row_of[(uint8_t)m->hdr.type];
    if (row == &rows[ROW_NONE] || m->hdr.ts_ns >> 48 != 0)
        return 0;
    for (uint32_t i = 0; i < 64; i++) {
        if (row->mask[i] != 0x80)
            out[row->win[i / 16] + row->mask[i]] = m->bytes[i];
    }
    return (uint32_t)row->sz;
}
