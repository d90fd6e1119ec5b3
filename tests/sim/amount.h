/* amount.h - how much of a simulation is run: OCTOPUS_SIM_PERCENT of what its arguments say, 100 when
 * unset.  The default test run asks for less under a sanitizer, --long for ten times as much. */
#ifndef OCT_TESTS_SIM_AMOUNT_H
#define OCT_TESTS_SIM_AMOUNT_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t sim_percent(void)
{
    const char *s = getenv("OCTOPUS_SIM_PERCENT");
    uint64_t v = s != NULL ? strtoull(s, NULL, 10) : 100;
    return v == 0 || v > 100000 ? 100 : v;
}

static inline uint64_t sim_amount(uint64_t n)
{
    return n / 100 * sim_percent() + n % 100 * sim_percent() / 100;
}

#endif
