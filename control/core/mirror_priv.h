/* mirror_priv.h - what the files of the mirror share. */
#ifndef OCT_CORE_MIRROR_PRIV_H
#define OCT_CORE_MIRROR_PRIV_H

#include "control/core/mirror.h"

/* Intents, verdicts, orders, updates, fills, positions; anything else is ignored. */
void oct_mirror_decision(struct oct_mirror *m, const struct oct_msg_hdr *rec);

#endif
