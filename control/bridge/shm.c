#include <errno.h>

#include "control/bridge/bridge_priv.h"

static void join_link(struct oct_bridge_shm *s, const char *run_dir)
{
    size_t sz;
    s->link_ok = false;
    if (oct_region_join(&s->cmd, run_dir, OCT_REGION_CMD, OCT_REGION_WRITE,
                        oct_msg_layout_hash()) != 0)
        return;
    void *p = oct_region_find(&s->cmd, OCT_OBJ_LINK, &sz);
    s->link_ok = p != NULL && oct_link_join(&s->link, p, sz, OCT_LINK_PUBLISHER) == 0;
    p = oct_region_find(&s->cmd, OCT_OBJ_PULSE_CONTROL, &sz);
    s->pulse = p != NULL && sz >= sizeof(*s->pulse) ? p : NULL;
}

int oct_bridge_join(struct oct_bridge_shm *s, const char *run_dir)
{
    int rc = oct_pub_join(&s->pub, run_dir, oct_msg_layout_hash());
    if (rc != 0)
        return rc;
    join_link(s, run_dir);
    s->attached = true;
    return 0;
}

void oct_bridge_leave(struct oct_bridge_shm *s)
{
    oct_pub_leave(&s->pub);
    oct_region_leave(&s->cmd);
    *s = (struct oct_bridge_shm){.cmd = {.fd = -1}};
    oct_pub_clear(&s->pub);
}
