/* ctl_priv.h - between the control socket and its verbs. */
#ifndef OCT_WEB_CTL_PRIV_H
#define OCT_WEB_CTL_PRIV_H

#include <jansson.h>

#include "control/web/web_priv.h"

struct oct_ctl_client;

struct oct_ctl_req {
    struct oct_web *w;
    struct oct_ctl_client *c;
    struct oct_json j;  /* data goes here */
    const json_t *args; /* NULL or an object */
    const char *field;  /* argument an error is about */
    char id[40];
    bool ok;
    bool later; /* the answer comes when the lane has answered */
};

/* Runs a verb: writes data or fails. */
void oct_ctl_verb(struct oct_ctl_req *r, const char *verb);
/* Throws away what was written and makes it an error. */
void oct_ctl_fail(struct oct_ctl_req *r, int status, const char *code, const char *detail);
/* Sends commands to the lane, at least one; the answer is the lane's, to the last one or to the
 * first that was not done. */
void oct_ctl_commands(struct oct_ctl_req *r, struct oct_in_cmd *cmd, size_t cnt);
void oct_ctl_show_result(struct oct_buf *b, const struct oct_cmd_result *r);

#endif
