#include "tools/exchange/symbols.h"

#include <string.h>

#include "dataplane/base/hash.h"

#define MASK (2 * OCT_EXCH_LOCATE_CNT - 1)

static uint32_t home(oct_sym name)
{
    uint64_t k;
    memcpy(&k, name.c, 8);
    return (uint32_t)oct_mix64(k) & MASK;
}

uint32_t oct_exch_symbols_find(const struct oct_exch_symbols *s, oct_sym name)
{
    for (uint32_t i = home(name); s->slot[i] != 0; i = (i + 1) & MASK)
        if (memcmp(s->name[s->slot[i]].c, name.c, 8) == 0)
            return s->slot[i];
    return 0;
}

void oct_exch_symbols_learn(struct oct_exch_symbols *s, uint32_t locate, oct_sym name, uint32_t lot)
{
    if (locate == 0 || locate >= OCT_EXCH_LOCATE_CNT)
        return;
    if (lot)
        s->lot[locate] = lot;
    if (s->name[locate].c[0] != 0)
        return; /* a locate keeps its symbol for the day */
    if (oct_exch_symbols_find(s, name) != 0)
        return;
    s->name[locate] = name;
    uint32_t i = home(name);
    while (s->slot[i] != 0)
        i = (i + 1) & MASK;
    s->slot[i] = (uint16_t)locate;
    s->cnt++;
}

const char *oct_exch_symbol_text(oct_sym name, char *buf)
{
    memcpy(buf, name.c, 8);
    buf[8] = 0;
    for (int i = 7; i >= 0 && (buf[i] == ' ' || buf[i] == 0); i--)
        buf[i] = 0;
    return buf;
}
