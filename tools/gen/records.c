/* records.c - writes docs/records.md from the record table to standard output. */
#include <stdio.h>

#include "dataplane/msg/desc.h"

int main(void)
{
    oct_msg_write_docs(stdout);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}
