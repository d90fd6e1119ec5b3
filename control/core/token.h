/* token.h - the bearer token of an instance: made at start, kept in a file only its owner reads. */
#ifndef OCT_CORE_TOKEN_H
#define OCT_CORE_TOKEN_H

#include "dataplane/base/attr.h"

#define OCT_TOKEN_SZ 43 /* 32 random bytes as base64url without padding */

struct oct_token {
    char text[OCT_TOKEN_SZ + 1];
};

/* Fills a fresh token from the kernel's generator.  0 or negative errno. */
int oct_token_make(struct oct_token *t);

/* Writes it, with a newline, to path, mode 0600, by rename: a reader never sees half of it and
 * nobody else may ever open it.  0 or negative errno. */
int oct_token_save(const struct oct_token *t, const char *path);
/* Reads it back; -EPERM when others may read the file, -EBADMSG when it is no token. */
int oct_token_load(struct oct_token *t, const char *path);

/* Compares in a time that does not depend on how much of it is right. */
bool oct_token_equal(const struct oct_token *t, const char *presented, size_t sz);

#endif
