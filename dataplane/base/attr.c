#include "dataplane/base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void oct_assert_fail(const char *file, int line, const char *expr)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s:%d: assertion failed: %s\n", file, line, expr);

    if (n > 0) {
        size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        /* write(2), not stdio: the process may die inside stdio itself. */
        if (write(STDERR_FILENO, text, len) < 0)
            abort();
    }
    abort();
}
