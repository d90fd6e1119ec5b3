/* receipt.h - what control needs of the agents: limits by version, and checks explained.
 *
 * Rebuilds the limit tables from the configuration and the commands in the records, as the lane
 * does and with the same function, and keeps those of the last versions, so that a verdict is
 * explained by the table it was judged by.
 *
 * Thread:  the loop's.
 * Memory:  about 50 KiB a version kept. */
#ifndef OCT_HOST_RECEIPT_H
#define OCT_HOST_RECEIPT_H

#include "agents/risk/explain.h"
#include "control/core/json.h"
#include "control/core/mirror.h"
#include "dataplane/port/venue.h"

#define OCT_HOST_VERSION_CNT 16u

/* Names of accounts and strategies, for people who do not think in numbers. */
struct oct_host_name {
    char text[32];
    uint32_t id;
    uint8_t scope; /* OCT_SCOPE_ACCOUNT or OCT_SCOPE_STRATEGY */
};

struct oct_host {
    const struct oct_mirror *mirror;
    const struct oct_order_ops *orders; /* for the bytes of an order; may be NULL */
    char firm[4];
    const struct oct_host_name *names;
    uint32_t name_cnt;
    struct oct_risk_limits initial;
    struct oct_risk_limits_stage stage;
    struct oct_risk_limits *kept[OCT_HOST_VERSION_CNT]; /* by version modulo, NULL for none */
};

/* initial NULL: all limits zero.  0 or -ENOMEM. */
int oct_host_init(struct oct_host *h, const struct oct_mirror *m,
                  const struct oct_risk_limits *initial, const struct oct_order_ops *orders,
                  const char firm[4]);
void oct_host_fini(struct oct_host *h);

/* The mirror's record hook: in_start and in_cmd. */
void oct_host_record(void *host, const struct oct_msg_hdr *rec);

/* The members of struct oct_web_host (control/web/web.h), which main fills in. */
void oct_host_explain(void *host, struct oct_json *j, const struct oct_verdict *v,
                      const struct oct_order *order);
void oct_host_limits(void *host, struct oct_json *j);
const char *oct_host_limit_row(void *host, const char *scope, const char *who, const char *name,
                               const char *value, struct oct_in_cmd *row);
uint32_t oct_host_limit_version(void *host);

#endif
