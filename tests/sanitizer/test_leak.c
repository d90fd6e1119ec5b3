/* test_leak.c - leaks under Criterion, on purpose: the test passes, and only the sanitizer's report
 * tells.  sees_leak.py looks for that report. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(leak, is_made)
{
    void *volatile p = malloc(77);
    cr_assert_not_null(p);
    p = NULL;
}
