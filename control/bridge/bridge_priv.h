/* bridge_priv.h - what the files of the bridge share. */
#ifndef OCT_BRIDGE_BRIDGE_PRIV_H
#define OCT_BRIDGE_BRIDGE_PRIV_H

#include "control/bridge/bridge.h"
#include "dataplane/journal/tail.h"
#include "dataplane/shm/pub.h"

#define OCT_BRIDGE_PKT_MAX 65536u
#define OCT_BRIDGE_PAD     64u /* readable bytes that decoders want behind a payload */

struct oct_bridge_shm {
    struct oct_pub pub; /* clear while detached */
    struct oct_region cmd;
    struct oct_link link;
    struct oct_pulse *pulse; /* ours; the lane looks at it */
    bool link_ok;
    bool attached;
};

struct oct_bridge {
    struct oct_bridge_cfg cfg;
    char *run_dir;
    char *journal_dir;
    struct oct_bridge_shm shm;
    struct oct_tail *tail;
    struct oct_vitals vitals;
    uint64_t next_cmd;
    int64_t look_ns;    /* when to look at the regions again */
    int64_t symbols_ns; /* and at the symbols */
    bool broken;        /* the journal is damaged: the ring only from here on */
    /* Packet being put together. */
    uint64_t frag_input;
    uint32_t frag_have;
    uint8_t frag[OCT_BRIDGE_PKT_MAX + OCT_BRIDGE_PAD];
};

/* shm.c: 0, or negative while there is nothing (whole) to join. */
int oct_bridge_join(struct oct_bridge_shm *s, const char *run_dir);
void oct_bridge_leave(struct oct_bridge_shm *s);

/* packet.c: one fragment; a whole packet is decoded into the mirror. */
void oct_bridge_packet(struct oct_bridge *b, const struct oct_in_packet *m);

/* vitals.c */
void oct_bridge_vitals_init(struct oct_bridge *b);

#endif
