/* fixture.h - recorded data, temporary files and message makers for the tests of tools/exchange. */
#ifndef OCT_TESTS_EXCHANGE_FIXTURE_H
#define OCT_TESTS_EXCHANGE_FIXTURE_H

#include "drivers/feed/itch50.h"
#include "tools/exchange/session.h"

/* Path of a file of the recorded sessions, in a static buffer; skips the test when the folder is
 * missing. */
const char *shared_file(const char *name);
/* Folder for temporary files. */
const char *temp_dir(void);
/* Writes a temporary file that is removed at exit; returns its path, in a static buffer. */
const char *temp_file(const char *suffix, const void *data, size_t sz);
/* The whole of a (compressed) file; the caller frees it. */
uint8_t *read_all(const char *path, size_t *sz);

/* An add, followed by enough padding to be decoded in place. */
size_t framed_add(uint8_t *out, uint64_t ref, char side, uint32_t shares, uint32_t px_e4,
                  const char *symbol, uint16_t locate);
size_t framed(uint8_t *out, const struct oct_itch50_msg *m);

#endif
