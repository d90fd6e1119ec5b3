#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/shm/pub.h"

static char dir[64];

static void make_dir(void)
{
    strcpy(dir, "/dev/shm/oct-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void drop_dir(void)
{
    oct_region_unlink(dir, OCT_REGION_PUB);
    rmdir(dir);
}

TestSuite(pub, .init = make_dir, .fini = drop_dir);

/* Publishes what a dataplane does, without one object. */
static void publish(const char *without)
{
    const struct {
        const char *name;
        size_t sz;
    } objects[] = {
        {OCT_OBJ_RING, oct_ring_footprint(64)},
        {OCT_OBJ_COUNTERS, oct_counters_footprint(4)},
        {OCT_OBJ_PULSES, sizeof(struct oct_pulse) * OCT_PULSE_CNT},
        {OCT_OBJ_HISTS, sizeof(struct oct_pub_hist) * OCT_HOP_CNT},
        {OCT_OBJ_TYPES, sizeof(struct oct_counter) * 256},
        {OCT_OBJ_STATUS, sizeof(struct oct_pub_status)},
        {OCT_OBJ_SYMBOLS, sizeof(oct_sym) * 5},
    };
    struct oct_region r;
    cr_assert_eq(oct_region_create(&r, dir, OCT_REGION_PUB, 4u << 20, 77, false), 0);
    for (size_t i = 0; i < OCT_ARRAY_CNT(objects); i++) {
        if (strcmp(objects[i].name, without) == 0)
            continue;
        void *p = oct_region_alloc(&r, objects[i].name, objects[i].sz);
        cr_assert_not_null(p);
        if (i == 0)
            oct_ring_new(p, 64);
        else if (i == 1)
            oct_counters_new(p, 4);
    }
    oct_region_seal(&r);
    oct_region_leave(&r);
}

Test(pub, whole_region_is_joined)
{
    struct oct_pub p;
    publish("");
    cr_assert_eq(oct_pub_join(&p, dir, 77), 0);
    cr_expect_not_null(p.ring);
    cr_expect_not_null(p.status);
    cr_expect_eq(p.symbol_cnt, 5u);
    cr_expect_null(p.faults[0], "nobody published faults");
    oct_pub_leave(&p);
    cr_expect_null(p.ring);
    oct_pub_leave(&p);
}

Test(pub, region_without_an_object_is_refused_and_left_clear)
{
    static const char *const needed[] = {OCT_OBJ_RING,  OCT_OBJ_COUNTERS, OCT_OBJ_PULSES,
                                         OCT_OBJ_HISTS, OCT_OBJ_TYPES,    OCT_OBJ_STATUS};
    for (size_t i = 0; i < OCT_ARRAY_CNT(needed); i++) {
        struct oct_pub p;
        publish(needed[i]);
        cr_expect_eq(oct_pub_join(&p, dir, 77), -EBADMSG, "%s", needed[i]);
        cr_expect_null(p.ring);
        oct_pub_leave(&p);
    }
}

Test(pub, another_layout_is_refused)
{
    struct oct_pub p;
    publish("");
    cr_expect_eq(oct_pub_join(&p, dir, 78), -EPROTO);
    cr_expect_null(p.status);
}
