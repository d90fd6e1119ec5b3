/* headtail_ends.h - a head/tail ring of 64-byte messages; KEEP: does each end keep what it saw of the
 * other's index until that says full or empty, or look each time?  Included by headtail.c, on
 * purpose without a guard. */
#ifdef KEEP

#define WORD_CNT 8u

struct Q(msg) {
    uint64_t w[WORD_CNT];
} OCT_ALIGNED(64);

struct Q(queue) {
    _Atomic uint64_t head; /* writer */
    uint64_t pad0[15];
    _Atomic uint64_t tail; /* reader */
    uint64_t pad1[15];
    uint64_t mask;
    uint64_t pad2[15];
    struct Q(msg) msg[];
};

struct Q(end) {
    struct Q(queue) * q;
    uint64_t pos;
    uint64_t peer; /* the other's index as last seen */
    uint64_t mask;
};

static size_t Q(footprint)(uint32_t depth)
{
    return sizeof(struct Q(queue)) + depth * sizeof(struct Q(msg));
}

static int Q(init)(void *mem, uint32_t depth)
{
    struct Q(queue) *q = mem;

    q->mask = depth - 1;
    return 0;
}

OCT_INLINE void Q(open)(struct Q(end) * e, void *mem)
{
    struct Q(queue) *q = mem;

    *e = (struct Q(end)){.q = q, .mask = q->mask};
}

OCT_INLINE bool Q(put)(struct Q(end) * e, uint64_t n)
{
    if (!KEEP || e->pos - e->peer > e->mask) {
        e->peer = atomic_load_explicit(&e->q->tail, memory_order_acquire);
        if (e->pos - e->peer > e->mask)
            return false;
    }
    struct Q(msg) *m = &e->q->msg[e->pos & e->mask];
    m->w[0] = n;
    for (uint32_t i = 1; i < WORD_CNT; i++)
        m->w[i] = oct_queue_word(n, i);
    atomic_store_explicit(&e->q->head, ++e->pos, memory_order_release);
    return true;
}

OCT_INLINE bool Q(take)(struct Q(end) * e, uint64_t n, uint64_t *bad)
{
    struct Q(msg) m;

    if (!KEEP || e->pos == e->peer) {
        e->peer = atomic_load_explicit(&e->q->head, memory_order_acquire);
        if (e->pos == e->peer)
            return false;
    }
    m = e->q->msg[e->pos & e->mask];
    atomic_store_explicit(&e->q->tail, ++e->pos, memory_order_release);
    for (uint32_t i = 1; i < WORD_CNT; i++)
        *bad |= m.w[i] ^ oct_queue_word(n, i);
    *bad |= m.w[0] ^ n;
    return true;
}

#undef WORD_CNT
#endif
