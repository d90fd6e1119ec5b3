/* setup.h - from a command line and a configuration to what control is made of.
 *
 * Without --config the few things that must be known come from options: where the run directory and
 * the data are, and where to listen.
 *
 * Thread:  cold, at start. */
#ifndef OCT_CONTROL_SETUP_H
#define OCT_CONTROL_SETUP_H

#include "agents/risk/limits.h"
#include "control/core/mirror.h"
#include "control/host/receipt.h"
#include "dataplane/conf/conf.h"

#define OCT_CONTROL_NAME_CNT (OCT_CONF_ACCOUNT_MAX + OCT_CONF_STRATEGY_MAX)

struct oct_control_args {
    struct oct_conf_args conf; /* config NULL: without a configuration */
    const char *run_dir;       /* these replace what the configuration says */
    const char *data_dir;
    const char *listen; /* ADDR:PORT */
    bool no_journal;
    bool help;
    bool version;
};

struct oct_control_setup {
    struct oct_conf *conf;                /* NULL without --config */
    struct oct_conf_reference *reference; /* NULL: none */
    struct oct_risk_limits limits;        /* as configured */
    struct oct_host_name names[OCT_CONTROL_NAME_CNT];
    uint32_t name_cnt;
    char run_dir[OCT_CONF_PATH_SZ];
    char data_dir[OCT_CONF_PATH_SZ];
    char journal_dir[OCT_CONF_PATH_SZ + 16]; /* empty: none */
    char token_path[OCT_CONF_PATH_SZ + 16];
    char ctl_path[OCT_CONF_PATH_SZ + 16];
    char addr[48];
    uint16_t port;
    char firm[4];
    char err[OCT_CONF_ERR_SZ];
};

/* Reads argv.  NULL, or what is wrong with it. */
const char *oct_control_args(struct oct_control_args *a, int argc, char **argv);
void oct_control_usage(void);

/* Loads, checks and works out the paths.  0 or negative errno with s->err. */
int oct_control_load(struct oct_control_setup *s, const struct oct_control_args *a);
void oct_control_free(struct oct_control_setup *s);

/* Tells the mirror what reference data says of instruments. */
void oct_control_reference(const struct oct_control_setup *s, struct oct_mirror *m);

#endif
