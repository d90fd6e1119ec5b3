#include "dataplane/shm/pub.h"

#include <errno.h>

static const void *object(const struct oct_region *r, const char *name, size_t least, size_t *sz)
{
    const void *p = oct_region_find(r, name, sz);

    return p != NULL && *sz >= least ? p : NULL;
}

int oct_pub_join(struct oct_pub *p, const char *run_dir, uint64_t layout_hash)
{
    size_t sz;
    void *o;
    int err;

    oct_pub_clear(p);
    err = oct_region_join(&p->region, run_dir, OCT_REGION_PUB, OCT_REGION_READ, layout_hash);
    if (err)
        return err;
    if ((o = oct_region_find(&p->region, OCT_OBJ_RING, &sz)) != NULL)
        p->ring = oct_ring_join(o, sz);
    if ((o = oct_region_find(&p->region, OCT_OBJ_COUNTERS, &sz)) != NULL)
        p->counters = oct_counters_join(o, sz);
    if ((o = oct_region_find(&p->region, OCT_OBJ_FAULTS, &sz)) != NULL)
        p->faults[0] = oct_faults_join(o, sz);
    if ((o = oct_region_find(&p->region, OCT_OBJ_FAULTS_RECORDER, &sz)) != NULL)
        p->faults[1] = oct_faults_join(o, sz);
    p->pulses = object(&p->region, OCT_OBJ_PULSES, sizeof *p->pulses * OCT_PULSE_CNT, &sz);
    p->hists = object(&p->region, OCT_OBJ_HISTS, sizeof *p->hists * OCT_HOP_CNT, &sz);
    p->types = object(&p->region, OCT_OBJ_TYPES, sizeof *p->types * 256, &sz);
    p->status = object(&p->region, OCT_OBJ_STATUS, sizeof *p->status, &sz);
    p->symbols = object(&p->region, OCT_OBJ_SYMBOLS, sizeof(oct_sym), &sz);
    p->symbol_cnt = p->symbols != NULL ? (uint32_t)(sz / sizeof(oct_sym)) : 0;
    if (p->ring == NULL || p->counters == NULL || p->pulses == NULL || p->hists == NULL ||
        p->types == NULL || p->status == NULL) {
        oct_pub_leave(p);
        return -EBADMSG;
    }
    return 0;
}

void oct_pub_clear(struct oct_pub *p)
{
    *p = (struct oct_pub){.region = {.fd = -1}};
}

void oct_pub_leave(struct oct_pub *p)
{
    oct_region_leave(&p->region);
    oct_pub_clear(p);
}
