/* loops.h - the four loops of a queue kind; included once for each kind, on purpose without a
 * guard.
 *
 * Before: Q(x), which makes names of this kind, and
 *   struct Q(end)                                      one end's private state
 *   void Q(open)(struct Q(end) *e, void *mem)
 *   bool Q(put)(struct Q(end) *e, uint64_t n)          false: full
 *   bool Q(take)(struct Q(end) *e, uint64_t n, uint64_t *bad)
 *                                  false: empty; *bad gets bits where the words are not message n's
 * Put writes a whole message, every word of which depends on n.  Without Q it is empty. */
#ifdef Q

static void Q(ping)(void *there, void *back, uint64_t cnt, uint64_t *ticks)
{
    struct Q(end) out, in;
    uint64_t bad = 0;

    Q(open)(&out, there);
    Q(open)(&in, back);
    for (uint64_t i = 1; i <= cnt; i++) {
        uint64_t from = __builtin_ia32_rdtsc();
        while (!Q(put)(&out, i))
            __builtin_ia32_pause();
        while (!Q(take)(&in, i, &bad))
            __builtin_ia32_pause();
        ticks[i - 1] = __builtin_ia32_rdtsc() - from;
    }
    OCT_ASSERT(bad == 0);
}

static void Q(pong)(void *there, void *back, uint64_t cnt)
{
    struct Q(end) out, in;
    uint64_t bad = 0;

    Q(open)(&out, back);
    Q(open)(&in, there);
    for (uint64_t i = 1; i <= cnt; i++) {
        while (!Q(take)(&in, i, &bad))
            __builtin_ia32_pause();
        while (!Q(put)(&out, i))
            __builtin_ia32_pause();
    }
    OCT_ASSERT(bad == 0);
}

static void Q(give)(void *q, uint64_t cnt)
{
    struct Q(end) e;

    Q(open)(&e, q);
    for (uint64_t i = 1; i <= cnt; i++)
        while (!Q(put)(&e, i))
            ;
}

static uint64_t Q(collect)(void *q, uint64_t cnt, uint64_t *bad)
{
    struct Q(end) e;
    uint64_t from = 0;

    Q(open)(&e, q);
    *bad = 0;
    for (uint64_t i = 1; i <= cnt; i++) {
        while (!Q(take)(&e, i, bad))
            ;
        if (i == OCT_QUEUE_WARM)
            from = __builtin_ia32_rdtsc();
    }
    return __builtin_ia32_rdtsc() - from;
}

#endif
