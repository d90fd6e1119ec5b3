#include <errno.h>
#include <string.h>

#include "dataplane/base/wire.h"
#include "tools/exchange/generator.h"
#include "tools/exchange/session_priv.h"

static int gen_next(struct oct_sessfile *s, struct oct_sessfile_msg *msg)
{
    uint32_t sz;
    if (!oct_gen_next(s->state, &msg->data, &sz))
        return 0;
    msg->sz = (uint16_t)sz;
    msg->stamp_ns = (int64_t)oct_load_be48(msg->data + 5);
    msg->row = 0;
    msg->synthetic = false;
    return 1;
}

static void gen_close(void *state)
{
    oct_gen_destroy(state);
}

int sess_gen_open(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg)
{
    static const struct oct_gen_cfg usual = {.seed = 1};
    struct oct_gen *g;
    int rc = oct_gen_create(&g, cfg->gen ? cfg->gen : &usual);
    if (rc != 0)
        return sess_fail(s, rc, 0, strerror(-rc),
                         "at most 64 symbols, 23,400 seconds and 1,000,000 messages a second");
    s->stats.date = 20260105; /* a Monday: the same day for every seed */
    s->state = g;
    s->reader = (struct sess_reader){gen_next, gen_close};
    return 0;
}
