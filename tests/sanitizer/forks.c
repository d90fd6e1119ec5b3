/* forks.c - a process whose threads allocate all the time forks; every child must be able to. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS  20
#define PIECES 64

static atomic_int stop;

static void *allocate(void *arg)
{
    unsigned n = (unsigned)(size_t)arg;
    void *p[PIECES] = {NULL};

    while (!atomic_load(&stop)) {
        for (int i = 0; i < PIECES; i++, n = n * 1664525u + 1013904223u) {
            free(p[i]);
            p[i] = malloc(16 + (n >> 8) % 4096);
        }
    }
    for (int i = 0; i < PIECES; i++)
        free(p[i]);
    return NULL;
}

int main(void)
{
    pthread_t t[3];
    int bad = 0;

    for (size_t i = 0; i < 3; i++)
        if (pthread_create(&t[i], NULL, allocate, (void *)(i + 1)))
            return 1;
    for (int i = 0; i < FORKS && !bad; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(10); /* by far enough for a few allocations */
            for (size_t sz = 16; sz < 4096; sz += 16)
                for (int k = 0; k < 32; k++)
                    *(volatile char *)malloc(sz) = 1;
            _exit(0);
        }
        bad = pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
        if (bad)
            fprintf(stderr, "child %d of %d did not end\n", i + 1, FORKS);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    return bad;
}
