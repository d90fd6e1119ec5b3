#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/conf/conf.h"

void oct_conf_wipe(void *buf, size_t sz)
{
    explicit_bzero(buf, sz);
}

static int from_file(const char *path, char *buf, size_t sz)
{
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = -EINVAL;
    else if ((st.st_mode & S_IROTH) != 0)
        rc = -EPERM;
    size_t len = 0;
    while (rc == 0) {
        char c = 0;
        ssize_t n = read(fd, &c, 1); /* byte by byte: no copy is left behind in a buffer */
        if (n < 0)
            rc = -errno;
        if (n <= 0 || c == '\n' || c == '\r')
            break;
        if (len + 1 >= sz)
            rc = -ERANGE;
        else
            buf[len++] = c;
    }
    close(fd);
    if (rc == 0)
        buf[len] = '\0';
    return rc == 0 ? (int)len : rc;
}

int oct_conf_secret(const char *ref, char *buf, size_t sz)
{
    int rc = -EINVAL;

    if (sz == 0)
        return -ERANGE;
    buf[0] = '\0';
    if (ref[0] == '\0')
        return 0;
    if (strncmp(ref, "file:", 5) == 0) {
        rc = from_file(ref + 5, buf, sz);
    } else if (strncmp(ref, "env:", 4) == 0) {
        const char *v = getenv(ref + 4);
        size_t len = v != NULL ? strlen(v) : 0;
        rc = v == NULL ? -ENOENT : len >= sz ? -ERANGE : (int)len;
        if (rc >= 0)
            memcpy(buf, v, len + 1);
    }
    if (rc < 0)
        oct_conf_wipe(buf, sz);
    return rc;
}
