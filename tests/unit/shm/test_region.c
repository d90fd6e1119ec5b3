#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "dataplane/shm/region.h"

static char dir[64];

static void make_dir(void)
{
    strcpy(dir, "/dev/shm/oct-test-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        strcpy(dir, "oct-test-XXXXXX");
        cr_assert_not_null(mkdtemp(dir));
    }
}

static void drop_dir(void)
{
    oct_region_unlink(dir, "r");
    rmdir(dir);
}

TestSuite(region, .init = make_dir, .fini = drop_dir);

static void make_region(struct oct_region *r)
{
    cr_assert_eq(oct_region_create(r, dir, "r", 10000, 77, false), 0);
    cr_assert_not_null(oct_region_alloc(r, "ring", 1000));
    cr_assert_not_null(oct_region_alloc(r, "faults", 500));
}

/* Overwrites bytes of the region's file. */
static void poke(off_t off, const void *p, size_t sz)
{
    char path[128];
    snprintf(path, sizeof path, "%s/r", dir);
    int fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, p, sz, off), (ssize_t)sz);
    close(fd);
}

static void poke64(off_t off, uint64_t v)
{
    poke(off, &v, sizeof v);
}

static int join(void)
{
    struct oct_region r;
    int rc = oct_region_join(&r, dir, "r", OCT_REGION_READ, 77);
    if (rc == 0)
        oct_region_leave(&r);
    else
        cr_assert(r.base == NULL && r.fd == -1);
    return rc;
}

Test(region, objects_are_found_by_name_in_another_mapping)
{
    struct oct_region w, r;
    size_t sz = 0;

    make_region(&w);
    char *a = oct_region_find(&w, "ring", &sz);
    cr_assert_not_null(a);
    cr_assert_eq(sz, 1000u);
    cr_assert_eq((uintptr_t)a % OCT_BLOCK_SZ, 0u);
    cr_assert_eq(join(), -EAGAIN, "not sealed yet");
    oct_region_seal(&w);
    cr_assert_null(oct_region_alloc(&w, "late", 8), "sealed");
    strcpy(a, "hello");
    cr_assert_eq(oct_region_join(&r, dir, "r", OCT_REGION_READ, 77), 0);
    char *b = oct_region_find(&r, "ring", NULL);
    cr_assert_neq(a, b);
    cr_assert_str_eq(b, "hello");
    cr_assert_null(oct_region_find(&r, "nothing", NULL));
    cr_assert_not(r.writer);
    oct_region_leave(&r);
    oct_region_leave(&r);
    oct_region_leave(NULL);
    oct_region_leave(&w);
    cr_assert_null(oct_region_find(&w, "ring", NULL), "closed");
    cr_assert_eq(oct_region_join(&r, dir, "r", OCT_REGION_WRITE, 77), 0, "it outlives its creator");
    strcpy(oct_region_find(&r, "ring", NULL), "again");
    oct_region_leave(&r);
}

Test(region, alloc_refuses_what_does_not_fit_or_is_taken)
{
    struct oct_region r;
    char name[OCT_REGION_NAME_SZ + 8];

    make_region(&r);
    cr_assert_null(oct_region_alloc(&r, "ring", 8), "taken");
    cr_assert_null(oct_region_alloc(&r, "", 8));
    cr_assert_null(oct_region_alloc(&r, "big", 1000000));
    cr_assert_null(oct_region_alloc(&r, "big", SIZE_MAX));
    cr_assert_null(oct_region_alloc(&r, "none", 0));
    memset(name, 'n', sizeof name);
    name[OCT_REGION_NAME_SZ] = '\0';
    cr_assert_null(oct_region_alloc(&r, name, 8), "name too long");
    name[OCT_REGION_NAME_SZ - 1] = '\0';
    cr_assert_not_null(oct_region_alloc(&r, name, 8));
    oct_region_leave(&r);
    cr_assert_eq(oct_region_create(&r, dir, "r", 100000, 77, false), 0);
    for (int i = 0; i < OCT_REGION_OBJ_MAX; i++) {
        snprintf(name, sizeof name, "obj%d", i);
        cr_assert_not_null(oct_region_alloc(&r, name, 8));
    }
    cr_assert_null(oct_region_alloc(&r, "one more", 8));
    oct_region_leave(&r);
    cr_assert_lt(oct_region_create(&r, dir, "a/b", 100, 77, false), 0);
    cr_assert_lt(oct_region_create(&r, "/nowhere/at/all", "r", 100, 77, false), 0);
    cr_assert_lt(oct_region_create(&r, dir, "r2", SIZE_MAX / 2, 77, false), 0);
}

Test(region, the_file_is_closed_to_others)
{
    struct oct_region r;
    struct stat st;
    char path[128];

    make_region(&r);
    snprintf(path, sizeof path, "%s/r", dir);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777 & ~0640u, 0u);
    oct_region_leave(&r);
}

Test(region, replacing_tells_the_old_readers)
{
    struct oct_region a, r, b;

    make_region(&a);
    oct_region_seal(&a);
    cr_assert_eq(oct_region_join(&r, dir, "r", OCT_REGION_READ, 77), 0);
    cr_assert(oct_region_current(&r));
    make_region(&b);
    cr_assert_not(oct_region_current(&r));
    cr_assert_not_null(oct_region_find(&r, "ring", NULL), "what is mapped stays readable");
    cr_assert_eq(join(), -EAGAIN);
    oct_region_seal(&b);
    cr_assert_eq(join(), 0);
    oct_region_leave(&a);
    oct_region_leave(&r);
    oct_region_leave(&b);
}

Test(region, join_says_what_is_wrong)
{
    struct oct_region w, r;

    cr_assert_eq(join(), -ENOENT);
    make_region(&w);
    oct_region_seal(&w);
    cr_assert_eq(oct_region_join(&r, dir, "r", OCT_REGION_READ, 78), -EPROTO);
    cr_assert_eq(oct_region_join(&r, dir, "", OCT_REGION_READ, 77), -EINVAL);
    uint32_t version = 99;
    poke(8, &version, sizeof version);
    cr_assert_eq(join(), -EPROTO);
    oct_region_leave(&w);
    char path[128];
    snprintf(path, sizeof path, "%s/r", dir);
    cr_assert_eq(truncate(path, 0), 0);
    cr_assert_eq(join(), -EAGAIN);
    cr_assert_eq(truncate(path, 100), 0);
    cr_assert_eq(join(), -EBADMSG);
    unlink(path);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    cr_assert_lt(join(), 0, "links are not followed");
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(join(), -EBADMSG);
    unlink(path);
}

Test(region, join_checks_every_entry_of_the_directory)
{
    enum { ENT = 128, NAME = 0, OFF = 32, SZ = 40, NEXT = 48 };
    struct oct_region w;
    uint64_t off = 0, sz = 0;

    make_region(&w);
    oct_region_seal(&w);
    memcpy(&off, (char *)w.base + ENT + OFF, 8);
    memcpy(&sz, (char *)w.base + ENT + SZ, 8);
    cr_assert_eq(join(), 0);
    static const uint64_t bad_off[] = {0, 64, 1, UINT64_MAX, UINT64_MAX - 127, 1 << 20};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad_off); i++) {
        poke64(ENT + OFF, bad_off[i]);
        cr_assert_eq(join(), -EBADMSG, "offset %llx", (unsigned long long)bad_off[i]);
        cr_assert_null(oct_region_find(&w, "ring", NULL));
    }
    poke64(ENT + OFF, off + 128);
    cr_assert_eq(join(), -EBADMSG, "reaches into the next object");
    poke64(ENT + OFF, off);
    static const uint64_t bad_sz[] = {0, UINT64_MAX, 1 << 20};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad_sz); i++) {
        poke64(ENT + SZ, bad_sz[i]);
        cr_assert_eq(join(), -EBADMSG, "size %llx", (unsigned long long)bad_sz[i]);
    }
    poke64(ENT + SZ, sz);
    cr_assert_eq(join(), 0);
    poke(ENT + NEXT, "ring\0", 5);
    cr_assert_eq(join(), -EBADMSG, "a name twice");
    char full[OCT_REGION_NAME_SZ];
    memset(full, 'x', sizeof full);
    poke(ENT + NEXT, full, sizeof full);
    cr_assert_eq(join(), -EBADMSG, "no end of the name");
    uint32_t cnt = OCT_REGION_OBJ_MAX + 1;
    poke(12, &cnt, sizeof cnt);
    cr_assert_eq(join(), -EBADMSG);
    poke64(0, 12345);
    cr_assert_eq(join(), -EBADMSG, "magic");
    oct_region_leave(&w);
}

Test(region, random_damage_is_refused_or_harmless)
{
    struct oct_region w, r;
    struct oct_rng rng;
    uint8_t good[3328];

    make_region(&w);
    oct_region_seal(&w);
    memcpy(good, w.base, sizeof good);
    oct_rng_init(&rng, 21);
    for (int i = 0; i < 3000; i++) {
        memcpy(w.base, good, sizeof good);
        for (uint64_t k = 1 + oct_rng_below(&rng, 6); k > 0; k--)
            ((uint8_t *)w.base)[8 + oct_rng_below(&rng, 230)] = (uint8_t)oct_rng_u64(&rng);
        if (oct_region_join(&r, dir, "r", OCT_REGION_READ, 77) != 0)
            continue;
        size_t sz = 0;
        uint8_t *p = oct_region_find(&r, "ring", &sz);
        if (p != NULL)
            cr_assert(p >= (uint8_t *)r.base && sz <= r.sz &&
                      (size_t)(p - (uint8_t *)r.base) <= r.sz - sz);
        oct_region_leave(&r);
    }
    oct_region_leave(&w);
}

Test(region, huge_pages_are_a_wish)
{
    struct oct_region r;

    cr_assert_eq(oct_region_create(&r, dir, "r", 3 << 20, 77, true), 0);
    uint8_t *p = oct_region_alloc(&r, "a", 3 << 20);
    cr_assert_not_null(p);
    memset(p, 1, 3 << 20);
    oct_region_leave(&r);
}
