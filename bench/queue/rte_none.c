#include <stddef.h>

#include "bench/queue/kind.h"

const struct oct_queue_kind *oct_queue_rte(void)
{
    return NULL;
}
