/* power_loss.c - tests/sim/power.h as a program.
 *
 *   power_loss RUN_DIR JOURNAL_DIR SEED */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/power.h"

int main(int argc, char **argv)
{
    struct oct_rng rng;

    if (argc != 4) {
        fprintf(stderr, "usage: power_loss RUN_DIR JOURNAL_DIR SEED\n");
        return 2;
    }
    oct_rng_init(&rng, strtoull(argv[3], NULL, 10));
    int err = oct_power_loss(argv[1], argv[2], &rng);
    if (err)
        fprintf(stderr, "power_loss: %s\n", strerror(-err));
    return err != 0;
}
