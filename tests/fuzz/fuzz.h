/* fuzz.h - what a fuzz target provides.
 *
 * A target is one file with the two functions below.  It is linked with plain_main.c, which runs
 * seeds, files and seeded mutations of them with any compiler; with -Dfuzz=true and clang it is
 * linked with libFuzzer, too. */
#ifndef OCT_TESTS_FUZZ_H
#define OCT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs one input; aborts when something does not hold.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz);

/* Writes the idx-th known-good input into out; returns its size, 0 past the last. */
size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap);

#define FUZZ_CHECK(x)                                                              \
    do {                                                                           \
        if (!(x)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                               \
        }                                                                          \
    } while (0)

#endif
