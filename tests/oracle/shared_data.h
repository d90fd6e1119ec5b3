/* shared_data.h - recorded sessions from the shared data folder, for oracle tests.
 *
 * The folder is named by OCTOPUS_SHARED.  A recording whose whole folder is not on this machine
 * skips its tests.  A folder that is there without the file, or with a file that cannot be read or
 * unpacked, is a fault and fails them. */
#ifndef OCT_TESTS_SHARED_DATA_H
#define OCT_TESTS_SHARED_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_MISSING                                                        \
    "the recording is not on this machine: it belongs in shared/data beside " \
    "the project's root"

/* Whole file, unpacked when its name ends in .xz, with 64 zero bytes after its end.  NULL, and a
 * line "SKIP: ..." on standard output, when the recording's folder is missing; a file that is
 * missing or damaged in it aborts with a line that names it.  Free it with free(). */
uint8_t *shared_load(const char *path_in_data, size_t *sz);

/* A number in expected.json text: the first integer after "key": following the text `after` (or
 * from the start when after is NULL).  -1 when it is not there. */
int64_t shared_expect(const char *json, const char *after, const char *key);

#endif
