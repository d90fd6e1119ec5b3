/* soupbin_frame.h - where a SoupBinTCP packet begins and ends, for both sides of a session.
 *
 * Source:  SoupBinTCP 3.0, Nasdaq. */
#ifndef OCT_VENUE_SOUPBIN_FRAME_H
#define OCT_VENUE_SOUPBIN_FRAME_H

#include <errno.h>

#include "dataplane/base/wire.h"
#include "drivers/venue/soupbintcp.h"

/* Looks at the front of a stream.  *total > 0: a whole packet of that many bytes is there.  Else
 * returns how many bytes to drop (of a debug packet, whose rest *swallow remembers; it starts at
 * 0), 0 when more bytes are needed, or -EPROTO for a packet without a type or with more than
 * payload_max bytes behind it. */
static inline int oct_soupbin_frame(uint32_t *swallow, const uint8_t *data, uint32_t sz,
                                    uint32_t payload_max, uint32_t *total)
{
    *total = 0;
    if (oct_unlikely(*swallow)) {
        uint32_t n = sz < *swallow ? sz : *swallow;
        *swallow -= n;
        return (int)n;
    }
    if (sz < 2)
        return 0;
    uint32_t all = 2 + (uint32_t)oct_load_be16(data);
    if (all < OCT_SOUPBIN_HEAD_SZ)
        return -EPROTO;
    if (sz < OCT_SOUPBIN_HEAD_SZ)
        return 0;
    if (oct_unlikely(data[2] == '+')) {
        uint32_t n = sz < all ? sz : all;
        *swallow = all - n;
        return (int)n;
    }
    if (all > OCT_SOUPBIN_HEAD_SZ + payload_max)
        return -EPROTO;
    if (sz >= all)
        *total = all;
    return 0;
}

#endif
