#include "dataplane/shm/fault.h"

#include <stdatomic.h>
#include <string.h>

#define FAULTS_MAGIC   UINT64_C(0x31544c554146434f)
#define FAULTS_VERSION 1u
#define CODE_WORD_CNT  (OCT_FAULT_CODE_SZ / 8)
#define ROW_WORD_CNT   (sizeof(struct oct_fault_row) / 8)
#define READ_TRIES     1000

/* A row is read while it is written: seq is odd meanwhile. */
struct fault_ent {
    _Atomic uint64_t seq;
    _Atomic uint64_t word[ROW_WORD_CNT];
    uint64_t pad[16 - 1 - ROW_WORD_CNT];
};
_Static_assert(sizeof(struct fault_ent) == OCT_BLOCK_SZ, "one block");
_Static_assert(sizeof(struct oct_fault_row) % 8 == 0, "whole words");

struct oct_faults {
    uint64_t magic;
    uint32_t version;
    _Atomic uint32_t cnt;
    uint64_t pad[14];
    struct fault_ent ent[OCT_FAULT_MAX];
};
_Static_assert(offsetof(struct oct_faults, ent) == OCT_BLOCK_SZ, "head block");

size_t oct_faults_footprint(void)
{
    return sizeof(struct oct_faults);
}

struct oct_faults *oct_faults_new(void *mem)
{
    struct oct_faults *t = mem;

    if (mem == NULL)
        return NULL;
    OCT_ASSERT((uintptr_t)mem % OCT_BLOCK_SZ == 0);
    memset(t, 0, sizeof *t);
    t->version = FAULTS_VERSION;
    t->magic = FAULTS_MAGIC;
    return t;
}

struct oct_faults *oct_faults_join(void *mem, size_t sz)
{
    struct oct_faults *t = mem;

    if (mem == NULL || (uintptr_t)mem % 64 != 0 || sz < sizeof *t || t->magic != FAULTS_MAGIC ||
        t->version != FAULTS_VERSION)
        return NULL;
    return t;
}

/* The code as words, so that comparing needs no library. */
static void code_words(const char *code, uint64_t w[CODE_WORD_CNT])
{
    char text[OCT_FAULT_CODE_SZ] = {0};

    for (size_t i = 0; i < sizeof text - 1 && code[i] != '\0'; i++)
        text[i] = code[i];
    memcpy(w, text, sizeof text);
}

static void load_row(const struct fault_ent *e, struct oct_fault_row *row)
{
    uint64_t w[ROW_WORD_CNT];

    for (size_t i = 0; i < ROW_WORD_CNT; i++) /* pairs with store_row */
        w[i] = atomic_load_explicit(&e->word[i], memory_order_acquire);
    memcpy(row, w, sizeof *row);
}

static void store_row(struct fault_ent *e, const struct oct_fault_row *row)
{
    uint64_t w[ROW_WORD_CNT], seq = atomic_load_explicit(&e->seq, memory_order_relaxed);

    memcpy(w, row, sizeof w);
    atomic_store_explicit(&e->seq, seq + 1, memory_order_relaxed);
    for (size_t i = 0; i < ROW_WORD_CNT; i++) /* pairs with load_row: the odd seq goes before */
        atomic_store_explicit(&e->word[i], w[i], memory_order_release);
    atomic_store_explicit(&e->seq, seq + 2, memory_order_release); /* pairs with oct_faults_get */
}

static bool same_code(const struct fault_ent *e, const uint64_t w[CODE_WORD_CNT])
{
    for (size_t i = 0; i < CODE_WORD_CNT; i++)
        if (atomic_load_explicit(&e->word[i], memory_order_relaxed) != w[i])
            return false;
    return true;
}

void oct_fault(struct oct_faults *t, const char *code, int64_t now_ns, uint64_t d0, uint64_t d1,
               uint64_t d2)
{
    uint32_t cnt = atomic_load_explicit(&t->cnt, memory_order_relaxed), i = 0;
    struct oct_fault_row row;
    uint64_t w[CODE_WORD_CNT];

    code_words(code, w);
    while (i < cnt && !same_code(&t->ent[i], w))
        i++;
    if (i >= OCT_FAULT_MAX - 1) { /* the last row is for what has no row */
        i = OCT_FAULT_MAX - 1;
        code_words("fault.table_full", w);
    }
    if (i < cnt) {
        load_row(&t->ent[i], &row);
    } else {
        row = (struct oct_fault_row){.first_ns = now_ns};
        memcpy(row.code, w, sizeof row.code);
    }
    row.times++;
    row.last_ns = now_ns;
    row.detail[0] = d0;
    row.detail[1] = d1;
    row.detail[2] = d2;
    store_row(&t->ent[i], &row);
    if (i == cnt)
        atomic_store_explicit(&t->cnt, cnt + 1, memory_order_release); /* pairs with _cnt */
}

uint32_t oct_faults_cnt(const struct oct_faults *t)
{
    uint32_t cnt = atomic_load_explicit(&t->cnt, memory_order_acquire); /* pairs with oct_fault */

    return cnt < OCT_FAULT_MAX ? cnt : OCT_FAULT_MAX;
}

bool oct_faults_get(const struct oct_faults *t, uint32_t idx, struct oct_fault_row *row)
{
    if (idx >= oct_faults_cnt(t))
        return false;
    /* A writer that died inside a row, or never rests, leaves the last copy: some text is better
     * than none. */
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t seq = atomic_load_explicit(&t->ent[idx].seq, memory_order_acquire);
        load_row(&t->ent[idx], row);
        if (seq % 2 == 0 && atomic_load_explicit(&t->ent[idx].seq, memory_order_relaxed) == seq)
            break;
    }
    row->code[sizeof row->code - 1] = '\0';
    return true;
}
