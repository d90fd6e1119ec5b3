/* shared_data.h - recorded sessions from the shared data folder, for oracle tests.
 *
 * The folder is named by OCTOPUS_SHARED.  A test that finds it missing says so and is skipped. */
#ifndef OCT_TESTS_SHARED_DATA_H
#define OCT_TESTS_SHARED_DATA_H

#include <stddef.h>
#include <stdint.h>

/* Whole file, unpacked when its name ends in .xz, with 64 zero bytes after its end.  NULL, and a
 * line "SKIP: ..." on standard output, when it cannot be read.  Free it with free(). */
uint8_t *shared_load(const char *path_in_data, size_t *sz);

/* A number in expected.json text: the first integer after "key": following the text `after` (or
 * from the start when after is NULL).  -1 when it is not there. */
int64_t shared_expect(const char *json, const char *after, const char *key);

#endif
