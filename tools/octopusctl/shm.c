#include <errno.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "tools/octopusctl/cli.h"

#define BEAT_OLD_NS (2 * OCT_NS_PER_S)

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

int oct_cli_shm_join(struct oct_cli *c, struct oct_pub *s, bool quiet)
{
    int rc = oct_pub_join(s, c->run_dir, oct_msg_layout_hash());
    return rc == 0 ? OCT_CLI_OK : why(c, rc, quiet);
}

bool oct_cli_shm_alive(const struct oct_pub *s)
{
    int64_t beat = atomic_load_explicit(&s->pulses[OCT_PULSE_LANE].beat_ns, memory_order_relaxed);
    return beat != 0 && oct_utc_ns() - beat < BEAT_OLD_NS;
}

uint64_t oct_cli_counter(const struct oct_pub *s, const char *name)
{
    return oct_counters_sum(s->counters, name, NULL);
}

void oct_cli_symbol(const struct oct_pub *s, uint32_t inst, char out[12])
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
