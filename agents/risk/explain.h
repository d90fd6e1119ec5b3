/* explain.h - the receipt of a verdict: every check with its value and limit.
 *
 * The lane computes the same rows, of which it keeps only whether they failed; so a receipt made
 * later from the journaled verdict and the limits of its version is what the lane saw, not a
 * second opinion.
 *
 * Thread:  any; no state. */
#ifndef OCT_RISK_EXPLAIN_H
#define OCT_RISK_EXPLAIN_H

#include "agents/risk/limits.h"

#define OCT_RISK_ROW_MAX 40u

struct oct_risk_row {
    const char *name; /* text of the reason */
    __int128 value;   /* what was found, in the unit */
    __int128 limit;   /* most that passes */
    uint8_t reason;   /* enum oct_risk_reason */
    uint8_t unit;     /* enum oct_risk_unit */
    bool applies;     /* false: this check is not for this action or order type */
    bool failed;
};

/* Fills rows in the order of reasons; returns how many.  l must be the table of
 * v->limit_version. */
uint32_t oct_risk_explain(const struct oct_verdict *v, const struct oct_risk_limits *l,
                          struct oct_risk_row rows[OCT_RISK_ROW_MAX]);

/* The bits that the rows give: equal to v->failed for a verdict of the lane. */
uint64_t oct_risk_refailed(const struct oct_verdict *v, const struct oct_risk_limits *l);

/* A row's value or limit as text in its unit ("187.2400", "300", "25", "halted"); buf holds
 * OCT_DECIMAL_SZ bytes.  Returns the length. */
size_t oct_risk_format(char *buf, enum oct_risk_unit unit, __int128 value);

#endif
