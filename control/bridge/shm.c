#include <errno.h>

#include "control/bridge/bridge_priv.h"

#define OBJ_FAULTS_RECORDER "faults_recorder"

static void *object(const struct oct_region *r, const char *name, size_t least, size_t *sz)
{
    void *p = oct_region_find(r, name, sz);
    return p != NULL && *sz >= least ? p : NULL;
}

static void find_objects(struct oct_bridge_shm *s)
{
    size_t sz;
    void *p = object(&s->pub, OCT_OBJ_RING, 1, &sz);
    s->ring = p != NULL ? oct_ring_join(p, sz) : NULL;
    p = object(&s->pub, OCT_OBJ_COUNTERS, 1, &sz);
    s->counters = p != NULL ? oct_counters_join(p, sz) : NULL;
    p = object(&s->pub, OCT_OBJ_FAULTS, 1, &sz);
    s->faults[0] = p != NULL ? oct_faults_join(p, sz) : NULL;
    p = object(&s->pub, OBJ_FAULTS_RECORDER, 1, &sz);
    s->faults[1] = p != NULL ? oct_faults_join(p, sz) : NULL;
    s->pulses = object(&s->pub, OCT_OBJ_PULSES, sizeof(*s->pulses) * OCT_PULSE_CNT, &sz);
    s->hists = object(&s->pub, OCT_OBJ_HISTS, sizeof(*s->hists) * OCT_HOP_CNT, &sz);
    s->types = object(&s->pub, OCT_OBJ_TYPES, sizeof(*s->types) * 256, &sz);
    s->status = object(&s->pub, OCT_OBJ_STATUS, sizeof(*s->status), &sz);
    s->symbols = object(&s->pub, OCT_OBJ_SYMBOLS, sizeof(oct_sym), &sz);
    s->symbol_cnt = s->symbols != NULL ? (uint32_t)(sz / sizeof(oct_sym)) : 0;
}

static void join_link(struct oct_bridge_shm *s, const char *run_dir)
{
    size_t sz;
    s->link_ok = false;
    if (oct_region_join(&s->cmd, run_dir, OCT_REGION_CMD, OCT_REGION_WRITE,
                        oct_msg_layout_hash()) != 0)
        return;
    void *p = oct_region_find(&s->cmd, OCT_OBJ_LINK, &sz);
    s->link_ok = p != NULL && oct_link_join(&s->link, p, sz, OCT_LINK_PUBLISHER) == 0;
}

int oct_bridge_join(struct oct_bridge_shm *s, const char *run_dir)
{
    int rc =
        oct_region_join(&s->pub, run_dir, OCT_REGION_PUB, OCT_REGION_READ, oct_msg_layout_hash());
    if (rc != 0)
        return rc;
    find_objects(s);
    if (s->ring == NULL || s->status == NULL) {
        oct_bridge_leave(s);
        return -EBADMSG;
    }
    join_link(s, run_dir);
    s->attached = true;
    return 0;
}

void oct_bridge_leave(struct oct_bridge_shm *s)
{
    oct_region_leave(&s->pub);
    oct_region_leave(&s->cmd);
    *s = (struct oct_bridge_shm){.pub = {.fd = -1}, .cmd = {.fd = -1}};
}
