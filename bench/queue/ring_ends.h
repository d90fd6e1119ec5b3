/* ring_ends.h - the lane's ring as a queue kind, through PUBLISH and READ; included by ring.c,
 * on purpose without a guard. */
#ifdef PUBLISH

#define REC_SZ   OCT_SLOT_DATA_SZ
#define WORD_CNT ((REC_SZ - sizeof(struct oct_msg_hdr)) / 8)

struct Q(rec) {
    struct oct_msg_hdr hdr;
    uint64_t w[WORD_CNT];
};

struct Q(end) {
    struct oct_ring *ring;
    struct oct_ring_reader reader;
    uint64_t pos;  /* writer: position after the last record; reader: last told */
    uint64_t seen; /* writer: the reader's cursor when last looked at */
    uint64_t depth;
};

OCT_INLINE void Q(open)(struct Q(end) * e, void *mem)
{
    *e = (struct Q(end)){.ring = mem};
    e->depth = e->ring->depth;
    oct_ring_reader_init(&e->reader, e->ring, true);
}

OCT_INLINE bool Q(put)(struct Q(end) * e, uint64_t n)
{
    struct Q(rec) r;

    if (oct_unlikely(e->pos - e->seen >= e->depth)) {
        e->seen = atomic_load_explicit(&e->ring->recorded, memory_order_acquire);
        if (e->pos - e->seen >= e->depth)
            return false;
    }
    r.hdr = (struct oct_msg_hdr){.type = OCT_BBO, .sz = REC_SZ, .input = n};
    for (uint32_t i = 0; i < WORD_CNT; i++)
        r.w[i] = oct_queue_word(n, i);
    e->pos = PUBLISH(e->ring, &r.hdr);
    return true;
}

OCT_INLINE bool Q(take)(struct Q(end) * e, uint64_t n, uint64_t *bad)
{
    union {
        struct Q(rec) r;
        uint8_t room[OCT_MSG_SZ_MAX];
    } buf;

    if (READ(&e->reader, &buf) != OCT_RING_RECORD)
        return false;
    if (e->reader.pos - e->pos >= TELL) {
        e->pos = e->reader.pos;
        atomic_store_explicit(&e->ring->recorded, e->pos, memory_order_release);
    }
    for (uint32_t i = 0; i < WORD_CNT; i++)
        *bad |= buf.r.w[i] ^ oct_queue_word(n, i);
    *bad |= buf.r.hdr.input ^ n;
    return true;
}

#undef REC_SZ
#undef WORD_CNT
#endif
