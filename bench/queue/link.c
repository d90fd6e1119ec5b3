/* The command link; the message is the largest record that fits one slot. */
#include "bench/queue/kind.h"
#include "dataplane/shm/link.h"

#define WORD_CNT ((OCT_SLOT_DATA_SZ - sizeof(struct oct_msg_hdr)) / 8)

struct link_rec {
    struct oct_msg_hdr hdr;
    uint64_t w[WORD_CNT];
};

struct link_end {
    struct oct_link pub;
    struct oct_link poll;
};

static int link_init(void *mem, uint32_t depth)
{
    struct oct_link poll;

    return oct_link_new(&poll, mem, depth);
}

OCT_INLINE void link_open(struct link_end *e, void *mem)
{
    OCT_ASSERT(oct_link_join(&e->pub, mem, SIZE_MAX, OCT_LINK_PUBLISHER) == 0);
    OCT_ASSERT(oct_link_join(&e->poll, mem, SIZE_MAX, OCT_LINK_POLLER) == 0);
}

OCT_INLINE bool link_put(struct link_end *e, uint64_t n)
{
    struct link_rec r;

    r.hdr = (struct oct_msg_hdr){.type = OCT_BBO, .sz = OCT_SLOT_DATA_SZ, .input = n};
    for (uint32_t i = 0; i < WORD_CNT; i++)
        r.w[i] = oct_queue_word(n, i);
    return oct_link_publish(&e->pub, &r.hdr) == 0;
}

OCT_INLINE bool link_take(struct link_end *e, uint64_t n, uint64_t *bad)
{
    union {
        struct link_rec r;
        uint8_t room[OCT_MSG_SZ_MAX];
    } buf;

    if (oct_link_poll(&e->poll, &buf) != 1)
        return false;
    for (uint32_t i = 0; i < WORD_CNT; i++)
        *bad |= buf.r.w[i] ^ oct_queue_word(n, i);
    *bad |= buf.r.hdr.input ^ n;
    return true;
}

#define Q(x) link_##x
#include "bench/queue/loops.h"

const struct oct_queue_kind oct_queue_link = {"link",    oct_link_footprint, link_init,   link_ping,
                                              link_pong, link_give,          link_collect};
