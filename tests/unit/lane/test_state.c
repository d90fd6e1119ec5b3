/* The ladder on disk: kept, and HALTED when it cannot be read. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/lane/state.h"

static char dir[64], path[128];

static void before(void)
{
    snprintf(dir, sizeof dir, "%s/oct_state_XXXXXX", P_tmpdir);
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ladder.state", dir);
}

static void after(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(state, .init = before, .fini = after);

static void set(struct oct_state *s, enum oct_scope scope, uint16_t id, uint8_t state)
{
    struct oct_ladder m = {OCT_MSG_HDR(LADDER, ladder), .scope = (uint8_t)scope, .strategy = id,
                           .account = id, .state = state};

    oct_state_set(s, &m);
}

static void spoil(off_t at)
{
    uint8_t junk = 0xa5;
    int fd = open(path, O_WRONLY);

    cr_assert_eq(pwrite(fd, &junk, 1, at), 1);
    close(fd);
}

Test(state, a_first_start_is_active_and_what_is_set_is_kept)
{
    struct oct_state s;

    cr_assert_eq(oct_state_open(&s, dir), -ENOENT);
    cr_assert_eq(s.now.firm, OCT_LADDER_ACTIVE);
    set(&s, OCT_SCOPE_FIRM, 0, OCT_LADDER_REDUCING);
    set(&s, OCT_SCOPE_STRATEGY, 3, OCT_LADDER_KILLED);
    set(&s, OCT_SCOPE_ACCOUNT, 63, OCT_LADDER_HALTED);
    set(&s, OCT_SCOPE_ACCOUNT, 64, OCT_LADDER_HALTED); /* no such account: no store */
    cr_assert_eq(oct_state_sync(&s), 1);
    cr_assert_eq(oct_state_sync(&s), 0);
    oct_state_close(&s);
    cr_assert_eq(oct_state_open(&s, dir), 0);
    cr_assert_eq(s.now.firm, OCT_LADDER_REDUCING);
    cr_assert_eq(s.now.strategy[3], OCT_LADDER_KILLED);
    cr_assert_eq(s.now.account[63], OCT_LADDER_HALTED);
    oct_state_close(&s);
}

Test(state, one_spoilt_copy_leaves_the_other)
{
    struct oct_state s;

    cr_assert_eq(oct_state_open(&s, dir), -ENOENT);
    set(&s, OCT_SCOPE_FIRM, 0, OCT_LADDER_REDUCING); /* generation 2, the first place */
    set(&s, OCT_SCOPE_FIRM, 0, OCT_LADDER_HALTED);   /* generation 3, the second */
    oct_state_close(&s);
    spoil(512 + 20);
    cr_assert_eq(oct_state_open(&s, dir), 0);
    cr_assert_eq(s.now.firm, OCT_LADDER_REDUCING);
    oct_state_close(&s);
}

Test(state, a_file_that_cannot_be_read_is_halted_and_stays_so)
{
    struct oct_state s;

    cr_assert_eq(oct_state_open(&s, dir), -ENOENT);
    set(&s, OCT_SCOPE_FIRM, 0, OCT_LADDER_ACTIVE);
    oct_state_close(&s);
    spoil(20);
    spoil(512 + 20);
    cr_assert_eq(oct_state_open(&s, dir), -EBADMSG);
    cr_assert_eq(s.now.firm, OCT_LADDER_HALTED);
    oct_state_close(&s);
    cr_assert_eq(oct_state_open(&s, dir), 0); /* latched */
    cr_assert_eq(s.now.firm, OCT_LADDER_HALTED);
    oct_state_close(&s);
    cr_assert_eq(truncate(path, 0), 0);
    cr_assert_eq(oct_state_open(&s, dir), -EBADMSG);
    cr_assert_eq(s.now.firm, OCT_LADDER_HALTED);
    oct_state_close(&s);
}

Test(state, a_full_disk_is_an_error_and_no_signal)
{
    struct oct_state s;
    char junk[128];

    if (mount("tmpfs", dir, "tmpfs", 0, "size=16k")) {
        printf("SKIP: cannot mount a small file system\n");
        cr_skip_test("cannot mount a small file system");
    }
    snprintf(junk, sizeof junk, "%s/junk", dir);
    int fd = open(junk, O_WRONLY | O_CREAT, 0600);
    int err = 0;
    for (off_t at = 0; !err; at += 4096)
        err = posix_fallocate(fd, at, 4096);
    close(fd);
    cr_assert_eq(err, ENOSPC);
    int got = oct_state_open(&s, dir);
    umount2(dir, MNT_DETACH);
    cr_assert_eq(got, -ENOSPC);
}
