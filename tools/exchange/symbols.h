/* symbols.h - which locate a symbol has today, learned from the feed. */
#ifndef OCT_TOOLS_EXCHANGE_SYMBOLS_H
#define OCT_TOOLS_EXCHANGE_SYMBOLS_H

#include "dataplane/msg/msg.h"

#define OCT_EXCH_LOCATE_CNT 65536u

struct oct_exch_symbols {
    oct_sym name[OCT_EXCH_LOCATE_CNT];      /* by locate; zero bytes when unknown */
    uint32_t lot[OCT_EXCH_LOCATE_CNT];      /* round lot; 0 when unknown */
    uint16_t slot[2 * OCT_EXCH_LOCATE_CNT]; /* hash of name to locate, 0 for empty */
    uint32_t cnt;
};

/* A message names this symbol for this locate; lot 0 when it does not say. */
void oct_exch_symbols_learn(struct oct_exch_symbols *s, uint32_t locate, oct_sym name,
                            uint32_t lot);
/* 0 when unknown. */
uint32_t oct_exch_symbols_find(const struct oct_exch_symbols *s, oct_sym name);
/* Text without padding into buf of 9 bytes; returns buf. */
const char *oct_exch_symbol_text(oct_sym name, char *buf);

#endif
