#include <errno.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "tools/octopusctl/cli.h"

#define OBJ_FAULTS_RECORDER "faults_recorder"
#define BEAT_OLD_NS         (2 * OCT_NS_PER_S)

static void *object(const struct oct_region *r, const char *name, size_t least, size_t *sz)
{
    void *p = oct_region_find(r, name, sz);
    return p != NULL && *sz >= least ? p : NULL;
}

static int why(struct oct_cli *c, int rc, bool quiet)
{
    if (quiet)
        return rc == -EACCES ? OCT_CLI_PERMISSION : OCT_CLI_NOT_RUNNING;
    if (rc == -EACCES)
        return oct_cli_fail(c, OCT_CLI_PERMISSION, "permission", "join the group octopus-read",
                            "%s/pub may not be opened", c->run_dir);
    if (rc == -EPROTO)
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "other_layout",
                            "use the octopusctl that came with the dataplane",
                            "%s/pub was laid out by another version", c->run_dir);
    if (rc == -EBADMSG)
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "bad_region", NULL, "%s/pub is inconsistent",
                            c->run_dir);
    return oct_cli_fail(c, OCT_CLI_NOT_RUNNING, "dataplane_not_running",
                        "name the instance: --instance NAME or --run-dir DIR",
                        "no dataplane has published in %s", c->run_dir);
}

int oct_cli_shm_join(struct oct_cli *c, struct oct_cli_shm *s, bool quiet)
{
    size_t sz;
    *s = (struct oct_cli_shm){.pub = {.fd = -1}};
    int rc = oct_region_join(&s->pub, c->run_dir, OCT_REGION_PUB, OCT_REGION_READ,
                             oct_msg_layout_hash());
    if (rc != 0)
        return why(c, rc, quiet);
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
    s->status = object(&s->pub, OCT_OBJ_STATUS, sizeof(*s->status), &sz);
    s->symbols = object(&s->pub, OCT_OBJ_SYMBOLS, sizeof(oct_sym), &sz);
    s->symbol_cnt = s->symbols != NULL ? (uint32_t)(sz / sizeof(oct_sym)) : 0;
    if (s->ring != NULL && s->counters != NULL && s->status != NULL && s->pulses != NULL)
        return OCT_CLI_OK;
    oct_cli_shm_leave(s);
    return why(c, -EBADMSG, quiet);
}

void oct_cli_shm_leave(struct oct_cli_shm *s)
{
    oct_region_leave(&s->pub);
    *s = (struct oct_cli_shm){.pub = {.fd = -1}};
}

bool oct_cli_shm_alive(const struct oct_cli_shm *s)
{
    int64_t beat = atomic_load_explicit(&s->pulses[OCT_PULSE_LANE].beat_ns, memory_order_relaxed);
    return beat != 0 && oct_utc_ns() - beat < BEAT_OLD_NS;
}

uint64_t oct_cli_counter(const struct oct_cli_shm *s, const char *name)
{
    return oct_counters_sum(s->counters, name, NULL);
}

void oct_cli_symbol(const struct oct_cli_shm *s, uint32_t inst, char out[12])
{
    size_t n = 0;
    for (; inst < s->symbol_cnt && n < 8; n++) {
        char ch = s->symbols[inst].c[n];
        if (ch <= ' ' || ch > '~')
            break;
        out[n] = ch;
    }
    out[n] = '\0';
    if (n == 0)
        snprintf(out, 12, "#%u", inst);
}
