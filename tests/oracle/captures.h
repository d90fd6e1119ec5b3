/* captures.h - packets of the shared capture archive (omi-data-packets), for oracle tests. */
#ifndef OCT_TESTS_CAPTURES_H
#define OCT_TESTS_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_UDP 17
#define CAPTURE_TCP 6

/* One captured packet: path is the file's name in the archive, payload is what UDP or TCP carries,
 * with 64 readable bytes after it. */
typedef void capture_fn(void *self, const char *path, const uint8_t *payload, uint32_t sz);

/* Calls fn for every packet of protocol proto in the .pcap files whose name contains `containing`.
 * Returns how many packets there were; -1, and a line "SKIP: ...", when the archive is missing. */
int captures_walk(const char *containing, uint8_t proto, capture_fn *fn, void *self);

#endif
