#include "drivers/venue/ouch50.h"

const char *oct_ouch50_cancel_text(char reason)
{
    switch (reason) {
    case 'D':
        return "regulatory restriction";
    case 'E':
        return "closed";
    case 'F':
        return "post only: would have been re-priced";
    case 'G':
        return "post only: would have been re-priced, contra side displayed";
    case 'H':
        return "halted";
    case 'I':
        return "immediate or cancel";
    case 'K':
        return "market collar";
    case 'Q':
        return "self-match prevention";
    case 'S':
        return "supervisory";
    case 'T':
        return "time in force expired";
    case 'U':
        return "asked for";
    case 'X':
        return "opening price protection";
    case 'Z':
        return "system";
    case 'e':
        return "direct listing: exceeds shares offered";
    default:
        return NULL;
    }
}

/* Codes 1 to 42, in order. */
static const char *const reject_texts[] = {
    "quote unavailable",
    "destination closed",
    "invalid display",
    "invalid max floor",
    "invalid peg type",
    "fat finger",
    "halted",
    "intermarket sweep not allowed",
    "invalid side",
    "processing error",
    "cancel pending",
    "firm not authorized",
    "invalid minimum quantity",
    "no closing reference price",
    "other",
    "cancel not allowed",
    "pegging not allowed",
    "crossed market",
    "invalid quantity",
    "invalid cross order",
    "replace not allowed",
    "routing not allowed",
    "invalid symbol",
    "test",
    "late limit-on-close too aggressive",
    "retail not allowed",
    "invalid midpoint post-only price",
    "invalid destination",
    "invalid price",
    "shares exceed threshold",
    "exceeds maximum notional value",
    "risk: aggregate exposure exceeded",
    "risk: market impact",
    "risk: restricted stock",
    "risk: short sale restricted",
    "risk: order type restricted",
    "risk: exceeds limit of average daily volume",
    "risk: fat finger",
    "risk: locate required",
    "risk: symbol message rate",
    "risk: port message rate",
    "risk: duplicate message rate",
};

const char *oct_ouch50_reject_text(uint16_t reason)
{
    if (reason == 0 || reason > OCT_ARRAY_CNT(reject_texts))
        return NULL;
    return reject_texts[reason - 1];
}
