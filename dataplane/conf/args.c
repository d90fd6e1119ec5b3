#include "dataplane/conf/conf.h"

#include <stdio.h>
#include <string.h>

bool oct_conf_arg(struct oct_conf_args *a, const char *name, const char *value)
{
    if (strcmp(name, "--config") == 0)
        a->config = value;
    else if (strcmp(name, "--profile") == 0)
        a->profile = value;
    else if (strcmp(name, "--set") == 0 && a->set_cnt < OCT_ARRAY_CNT(a->set))
        a->set[a->set_cnt++] = value;
    else
        return false;
    return true;
}

/* A bare name stands for the file of that name in profiles/ beside the base file. */
static void profile_path(const struct oct_conf_args *a, char *out, size_t out_sz)
{
    const char *slash = strrchr(a->config, '/');
    int dir = slash != NULL ? (int)(slash - a->config) : 1;

    if (strchr(a->profile, '/') != NULL)
        snprintf(out, out_sz, "%s", a->profile);
    else
        snprintf(out, out_sz, "%.*s/profiles/%s.yaml", dir, slash != NULL ? a->config : ".",
                 a->profile);
}

int oct_conf_load_args(const struct oct_conf_args *a, const struct oct_conf_tables *tables,
                       struct oct_conf **out, char *err, size_t err_sz)
{
    struct oct_conf_overlay overlays[OCT_ARRAY_CNT(a->set) + 1];
    char profile[512];
    size_t n = 0;

    if (a->profile != NULL) {
        profile_path(a, profile, sizeof profile);
        overlays[n++] = (struct oct_conf_overlay){OCT_CONF_FILE, profile};
    }
    for (size_t i = 0; i < a->set_cnt; i++)
        overlays[n++] = (struct oct_conf_overlay){OCT_CONF_SET, a->set[i]};
    return oct_conf_load(a->config, overlays, n, tables, out, err, err_sz);
}
