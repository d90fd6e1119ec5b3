/* fork_lock.c - lets a process with threads fork under clang's address sanitizer.
 *
 * Criterion forks for every test while its other threads allocate.  libc holds its own locks over
 * a fork; this compiler's sanitizer does not, so that a child now and then inherits its allocator
 * locked by a thread that the child does not have, and waits for ever.  Linked into every Criterion
 * program of such a build. */
#include <pthread.h>
#include <stdlib.h>

/* Of the sanitizer's runtime, by the names its own leak checker uses. */
extern void alloc_lock(void) __asm__("_ZN6__asan18asan_mz_force_lockEv");
extern void alloc_unlock(void) __asm__("_ZN6__asan20asan_mz_force_unlockEv");
extern void stacks_lock(void) __asm__("_ZN11__sanitizer17StackDepotLockAllEv");
extern void stacks_unlock(void) __asm__("_ZN11__sanitizer19StackDepotUnlockAllEv");

static void before(void)
{
    alloc_lock();
    stacks_lock();
}

static void after(void)
{
    stacks_unlock();
    alloc_unlock();
}

__attribute__((constructor)) static void install(void)
{
    if (pthread_atfork(before, after, after) != 0)
        abort();
}
