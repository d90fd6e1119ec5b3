/* log.h - one JSON line per event on standard error, ECS field names, for cold code only.
 *
 * Values are escaped; secrets are never passed in. */
#ifndef OCT_BASE_LOG_H
#define OCT_BASE_LOG_H

#include "dataplane/base/attr.h"

enum oct_log_level {
    OCT_LOG_DEBUG,
    OCT_LOG_INFO,
    OCT_LOG_WARN,
    OCT_LOG_ERROR,
};

/* Name shown as service.name; a string that lives for ever. */
void oct_log_init(const char *service, enum oct_log_level least);

/* code is a stable, greppable event.code such as "journal.segment_open"; the rest is the
 * message in the manner of printf.  Thread-safe: one write(2) per line. */
void oct_log(enum oct_log_level level, const char *code, const char *fmt, ...) OCT_PRINTF(3, 4);

#endif
