/* tsan_tables.c - counters, faults, pulse and the kill word under two cores' fire, for
 * ThreadSanitizer (which does not run under Criterion): one writer and two readers; a counter never
 * falls, a fault's row is whole at the end, no bit of the kill word is lost. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hist.h"
#include "dataplane/shm/counters.h"
#include "dataplane/shm/fault.h"
#include "dataplane/shm/pulse.h"

#define COUNTER_CNT 3u
#define CODE_CNT    5u

static const struct oct_counter_def defs[COUNTER_CNT] = {
    {"first", "First.", OCT_COUNTER_TOTAL},
    {"second", "Second.", OCT_COUNTER_TOTAL},
    {"third", "Third.", OCT_COUNTER_TOTAL},
};
static const char *const codes[CODE_CNT] = {"a.one", "a.two", "b.one", "b.two", "c"};

static struct oct_counters *counters;
static struct oct_counter *values;
static struct oct_faults *faults;
static struct oct_pulse pulse;
static struct oct_kill *kill_word;
static struct oct_hist hist;
static _Atomic int done;
static uint64_t turn_cnt = 200000;

#define CHECK(x)                                                                   \
    do {                                                                           \
        if (!(x)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

/* A lane's turn, as far as these tables go. */
static void *writer(void *arg)
{
    (void)arg;
    for (uint64_t n = 1; n <= turn_cnt; n++) {
        for (uint32_t i = 0; i < COUNTER_CNT; i++)
            oct_count(&values[i], i + 1);
        if (n % 16 == 0)
            oct_fault(faults, codes[n / 16 % CODE_CNT], (int64_t)n, n, n * 3, n * 7);
        oct_hist_record(&hist, (int64_t)(n % 5000));
        atomic_store_explicit(&pulse.beat_ns, (int64_t)n, memory_order_relaxed);
        atomic_store_explicit(&pulse.turns, n, memory_order_relaxed);
        uint64_t bits = oct_kill_bits(kill_word);
        atomic_store_explicit(&kill_word->acked, bits, memory_order_release);
    }
    atomic_store(&done, 1);
    return NULL;
}

/* While the writer is inside a row, and rests there, what is read is of two moments: fault.c says so.
 * Its words are whole all the same, and the row is once the writer is done. */
static void look_at_faults(uint64_t *times, bool at_rest)
{
    struct oct_fault_row row;
    for (uint32_t i = 0; oct_faults_get(faults, i, &row); i++) {
        CHECK(i < CODE_CNT && row.times >= times[i] && row.times <= turn_cnt);
        times[i] = row.times;
        if (!at_rest)
            continue;
        CHECK(row.detail[1] == row.detail[0] * 3 && row.detail[2] == row.detail[0] * 7);
        CHECK(row.last_ns == (int64_t)row.detail[0] && row.first_ns <= row.last_ns);
    }
}

static void *reader(void *arg)
{
    uint64_t last[COUNTER_CNT] = {0}, times[OCT_FAULT_MAX] = {0}, beat = 0, rounds = 0;
    struct oct_hist *copy = calloc(1, sizeof(*copy));
    struct oct_counter_row row;
    uint64_t v;

    (void)arg;
    CHECK(copy != NULL);
    while (!atomic_load(&done) || rounds == 0) {
        for (uint32_t i = 0; i < COUNTER_CNT; i++) {
            CHECK(oct_counters_get(counters, i, &row, &v) && !strcmp(row.name, defs[i].name));
            CHECK(v >= last[i] && v % (i + 1) == 0);
            last[i] = v;
        }
        look_at_faults(times, false);
        uint64_t turns = atomic_load_explicit(&pulse.turns, memory_order_relaxed);
        CHECK(turns >= beat);
        beat = turns;
        if (rounds++ % 64 == 0) {
            oct_hist_copy(copy, &hist);
            CHECK(copy->total <= turn_cnt && copy->max_ns < 5000);
        }
    }
    CHECK(oct_faults_cnt(faults) == CODE_CNT);
    look_at_faults(times, true);
    free(copy);
    return NULL;
}

/* Two people who stop things; each must find every one of its bits set afterwards. */
static void *killer(void *arg)
{
    uint32_t which = arg != NULL;
    for (uint32_t n = 0; n < 31; n++) {
        uint64_t bit = which ? OCT_KILL_ACCOUNT(n) : OCT_KILL_STRATEGY(n);
        oct_kill_set(kill_word, bit);
        CHECK(oct_kill_bits(kill_word) & bit);
    }
    return NULL;
}

static void *block(size_t sz)
{
    void *p = aligned_alloc(OCT_BLOCK_SZ, oct_align_up(sz, OCT_BLOCK_SZ));
    CHECK(p != NULL);
    return p;
}

int main(int argc, char **argv)
{
    static struct oct_kill word __attribute__((aligned(OCT_BLOCK_SZ)));
    pthread_t t[5];

    if (argc > 1)
        turn_cnt = strtoull(argv[1], NULL, 10);
    counters = oct_counters_new(block(oct_counters_footprint(16)), 16);
    faults = oct_faults_new(block(oct_faults_footprint()));
    kill_word = oct_kill_new(&word);
    CHECK(counters != NULL && faults != NULL && kill_word != NULL);
    values = oct_counters_add(counters, defs, COUNTER_CNT, "");
    CHECK(values != NULL);
    oct_hist_init(&hist);
    pthread_create(&t[0], NULL, reader, NULL);
    pthread_create(&t[1], NULL, reader, NULL);
    pthread_create(&t[2], NULL, killer, NULL);
    pthread_create(&t[3], NULL, killer, &t);
    pthread_create(&t[4], NULL, writer, NULL);
    for (int i = 0; i < 5; i++)
        pthread_join(t[i], NULL);
    CHECK(oct_kill_bits(kill_word) == ~(OCT_KILL_ALL | UINT64_C(1) << 63));
    for (uint32_t i = 0; i < COUNTER_CNT; i++)
        CHECK(oct_counters_sum(counters, defs[i].name, NULL) == turn_cnt * (i + 1));
    CHECK(hist.total == turn_cnt);
    printf("%llu turns, everything read while written\n", (unsigned long long)turn_cnt);
    free(counters);
    free(faults);
    return 0;
}
