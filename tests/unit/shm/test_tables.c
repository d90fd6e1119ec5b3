#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/shm/counters.h"
#include "dataplane/shm/fault.h"
#include "dataplane/shm/pulse.h"

static void *block(size_t sz)
{
    return aligned_alloc(OCT_BLOCK_SZ, oct_align_up(sz, OCT_BLOCK_SZ));
}

static const struct oct_counter_def defs[3] = {
    {"rx_packets", "Packets.", OCT_COUNTER_TOTAL},
    {"rx_bytes", "Bytes.", OCT_COUNTER_TOTAL},
    {"books", "Books now.", OCT_COUNTER_GAUGE},
};

Test(counters, groups_are_on_blocks_of_their_own_and_are_read_by_name)
{
    struct oct_counters *t = oct_counters_new(block(oct_counters_footprint(100)), 100);
    struct oct_counter_row row;
    uint64_t v = 0;

    cr_assert_not_null(t);
    struct oct_counter *a = oct_counters_add(t, defs, 3, "line=\"a\"");
    struct oct_counter *b = oct_counters_add(t, defs, 3, "line=\"b\"");
    cr_assert_eq((uintptr_t)a % OCT_BLOCK_SZ, 0u);
    cr_assert_eq((uintptr_t)b % OCT_BLOCK_SZ, 0u);
    cr_assert_neq(a, b);
    oct_count(&a[0], 5);
    oct_count(&b[0], 7);
    oct_count(&b[0], 1);
    oct_count_set(&a[2], 9);
    cr_assert_eq(oct_counters_cnt(t), 6u);
    cr_assert_eq(oct_counters_sum(t, "rx_packets", NULL), 13u);
    cr_assert_eq(oct_counters_sum(t, "rx_packets", "line=\"b\""), 8u);
    cr_assert_eq(oct_counters_sum(t, "nothing", NULL), 0u);
    cr_assert(oct_counters_get(t, 2, &row, &v));
    cr_assert_str_eq(row.name, "books");
    cr_assert_eq(row.kind, OCT_COUNTER_GAUGE);
    cr_assert_eq(v, 9u);
    cr_assert_not(oct_counters_get(t, 6, &row, &v));
    cr_assert_not(oct_counters_get(t, UINT32_MAX, &row, &v));
    free(t);
}

Test(counters, a_full_table_says_so)
{
    struct oct_counters *t = oct_counters_new(block(oct_counters_footprint(7)), 7);

    cr_assert_not_null(oct_counters_add(t, defs, 3, NULL));
    cr_assert_not_null(oct_counters_add(t, defs, 3, ""));
    cr_assert_null(oct_counters_add(t, defs, 3, ""));
    cr_assert_eq(oct_counters_cnt(t), 6u);
    cr_assert_not_null(oct_counters_add(t, defs, 1, ""));
    cr_assert_null(oct_counters_add(t, defs, 1, ""));
    free(t);
    t = oct_counters_new(block(oct_counters_footprint(1000)), 1000);
    uint32_t groups = 0;
    while (oct_counters_add(t, defs, 1, "") != NULL)
        groups++;
    cr_assert_geq(groups, 128u, "as many groups as it promises");
    free(t);
    cr_assert_eq(oct_counters_footprint(0), 0u);
    cr_assert_eq(oct_counters_footprint(UINT32_MAX), 0u);
    cr_assert_null(oct_counters_new(NULL, 10));
}

Test(counters, long_texts_are_cut_and_ended)
{
    struct oct_counters *t = oct_counters_new(block(oct_counters_footprint(4)), 4);
    struct oct_counter_row row;
    char big[300];
    uint64_t v = 0;

    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    struct oct_counter_def d = {big, big, OCT_COUNTER_TOTAL};
    cr_assert_not_null(oct_counters_add(t, &d, 1, big));
    cr_assert(oct_counters_get(t, 0, &row, &v));
    cr_assert_eq(strlen(row.name), OCT_COUNTER_NAME_SZ - 1u);
    cr_assert_eq(strlen(row.labels), OCT_COUNTER_LABELS_SZ - 1u);
    cr_assert_eq(strlen(row.help), OCT_COUNTER_HELP_SZ - 1u);
    free(t);
}

Test(counters, damage_is_refused_or_harmless)
{
    size_t sz = oct_counters_footprint(16);
    uint8_t *mem = block(sz), *good = block(sz);
    struct oct_counters *t = oct_counters_new(mem, 16);
    struct oct_counter_row row;
    struct oct_rng rng;
    uint64_t v;

    oct_counters_add(t, defs, 3, "x=\"y\"");
    cr_assert_eq(oct_counters_join(mem, sz), t);
    cr_assert_null(oct_counters_join(mem, sz - 1));
    cr_assert_null(oct_counters_join(mem, 5));
    cr_assert_null(oct_counters_join(NULL, sz));
    memcpy(good, mem, sz);
    oct_rng_init(&rng, 1);
    for (int i = 0; i < 5000; i++) {
        memcpy(mem, good, sz);
        for (int k = 0; k < 8; k++)
            mem[oct_rng_below(&rng, sz)] = (uint8_t)oct_rng_u64(&rng);
        struct oct_counters *j = oct_counters_join(mem, sz);
        for (uint32_t n = 0; j != NULL && oct_counters_get(j, n, &row, &v); n++) {
            cr_assert_lt(strlen(row.name), sizeof row.name);
            cr_assert_lt(n, 16u);
        }
    }
    free(mem);
    free(good);
}

Test(fault, each_distinct_code_has_one_row)
{
    struct oct_faults *t = oct_faults_new(block(oct_faults_footprint()));
    struct oct_fault_row row;

    oct_fault(t, "feed.itch50.unknown_type", 100, 1, 2, 3);
    oct_fault(t, "risk.stale", 150, 0, 0, 0);
    oct_fault(t, "feed.itch50.unknown_type", 200, 4, 5, 6);
    cr_assert_eq(oct_faults_cnt(t), 2u);
    cr_assert(oct_faults_get(t, 0, &row));
    cr_assert_str_eq(row.code, "feed.itch50.unknown_type");
    cr_assert_eq(row.times, 2u);
    cr_assert_eq(row.first_ns, 100);
    cr_assert_eq(row.last_ns, 200);
    cr_assert_eq(row.detail[2], 6u);
    cr_assert_not(oct_faults_get(t, 2, &row));
    cr_assert_eq(oct_faults_join(t, oct_faults_footprint()), t);
    cr_assert_null(oct_faults_join(t, oct_faults_footprint() - 1));
    cr_assert_null(oct_faults_join(NULL, 1 << 20));
    *(uint64_t *)t ^= 1;
    cr_assert_null(oct_faults_join(t, oct_faults_footprint()));
    free(t);
}

Test(fault, what_has_no_row_is_counted_as_table_full)
{
    struct oct_faults *t = oct_faults_new(block(oct_faults_footprint()));
    struct oct_fault_row row;
    char code[64];

    for (int i = 0; i < 200; i++) {
        snprintf(code, sizeof code, "code.%d", i);
        oct_fault(t, code, i, (uint64_t)i, 0, 0);
    }
    cr_assert_eq(oct_faults_cnt(t), (uint32_t)OCT_FAULT_MAX);
    cr_assert(oct_faults_get(t, OCT_FAULT_MAX - 1, &row));
    cr_assert_str_eq(row.code, "fault.table_full");
    cr_assert_eq(row.times, 200u - (OCT_FAULT_MAX - 1));
    cr_assert_eq(row.detail[0], 199u);
    oct_fault(t, "code.5", 1000, 0, 0, 0);
    cr_assert(oct_faults_get(t, 5, &row));
    cr_assert_eq(row.times, 2u, "known codes still count");
    free(t);
}

Test(fault, a_code_that_is_too_long_is_cut)
{
    struct oct_faults *t = oct_faults_new(block(oct_faults_footprint()));
    struct oct_fault_row row;

    for (int i = 0; i < 3; i++)
        oct_fault(t, "a.code.that.is.longer.than.the.forty.characters.it.may.have", 1, 0, 0, 0);
    cr_assert_eq(oct_faults_cnt(t), 1u);
    cr_assert(oct_faults_get(t, 0, &row));
    cr_assert_eq(strlen(row.code), OCT_FAULT_CODE_SZ - 1u);
    cr_assert_eq(row.times, 3u);
    free(t);
}

Test(kill, bits_add_up_and_only_a_kill_word_is_joined)
{
    struct oct_kill *k = oct_kill_new(block(sizeof *k));

    cr_assert_eq(oct_kill_bits(k), 0u);
    oct_kill_set(k, OCT_KILL_STRATEGY(3));
    oct_kill_set(k, OCT_KILL_ACCOUNT(31));
    oct_kill_set(k, OCT_KILL_STRATEGY(3));
    cr_assert_eq(oct_kill_bits(k), UINT64_C(1) << 4 | UINT64_C(1) << 63);
    cr_assert_eq(oct_kill_join(k, sizeof *k), k);
    cr_assert_null(oct_kill_join(k, sizeof *k - 1));
    cr_assert_null(oct_kill_join(NULL, sizeof *k));
    k->version++;
    cr_assert_null(oct_kill_join(k, sizeof *k));
    free(k);
}
