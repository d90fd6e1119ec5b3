#include "control/core/token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int oct_token_make(struct oct_token *t)
{
    uint8_t raw[33] = {0}; /* the last byte only fills the final group */
    size_t got = 0;
    while (got < 32) {
        ssize_t n = getrandom(raw + got, 32 - got, 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        got += n > 0 ? (size_t)n : 0;
    }
    char *out = t->text;
    for (size_t i = 0; i < 33; i += 3) {
        uint32_t v = (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 | raw[i + 2];
        for (int shift = 18; shift >= 0 && out < t->text + OCT_TOKEN_SZ; shift -= 6)
            *out++ = base64url[(v >> shift) & 63];
    }
    *out = '\0';
    OPENSSL_cleanse(raw, sizeof(raw));
    return 0;
}

int oct_token_save(const struct oct_token *t, const char *path)
{
    char tmp[4096];
    int n = snprintf(tmp, sizeof(tmp), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(tmp))
        return -ENAMETOOLONG;
    if (unlink(tmp) != 0 && errno != ENOENT)
        return -errno;
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    char line[OCT_TOKEN_SZ + 1];
    memcpy(line, t->text, OCT_TOKEN_SZ);
    line[OCT_TOKEN_SZ] = '\n';
    int rc = 0;
    if (write(fd, line, sizeof(line)) != (ssize_t)sizeof(line))
        rc = errno != 0 ? -errno : -EIO;
    if (close(fd) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(tmp, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(tmp);
    OPENSSL_cleanse(line, sizeof(line));
    return rc;
}

int oct_token_load(struct oct_token *t, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    struct stat st;
    char line[OCT_TOKEN_SZ + 2];
    int rc = 0;
    ssize_t n = 0;
    if (fstat(fd, &st) != 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        rc = -EPERM;
    else if ((n = read(fd, line, sizeof(line))) < 0)
        rc = -errno;
    close(fd);
    if (rc != 0)
        return rc;
    if (n != OCT_TOKEN_SZ + 1 || line[OCT_TOKEN_SZ] != '\n')
        return -EBADMSG;
    line[OCT_TOKEN_SZ] = '\0';
    if (strspn(line, base64url) != OCT_TOKEN_SZ)
        return -EBADMSG;
    memcpy(t->text, line, sizeof(t->text));
    return 0;
}

bool oct_token_equal(const struct oct_token *t, const char *presented, size_t sz)
{
    /* What is presented is laid into our length: only ours, which is public, sets the time. */
    char line[OCT_TOKEN_SZ] = {0};
    memcpy(line, presented, sz < sizeof(line) ? sz : sizeof(line));
    int differs = CRYPTO_memcmp(line, t->text, sizeof(line));
    return (differs | (sz != OCT_TOKEN_SZ)) == 0;
}
