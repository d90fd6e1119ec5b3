#include "dataplane/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/text.h"
#include "dataplane/base/time.h"

/* Set once at start, before there are threads. */
static const char *log_service = "octopus";
static enum oct_log_level log_least = OCT_LOG_INFO;

void oct_log_init(const char *service, enum oct_log_level least)
{
    log_service = service;
    log_least = least;
}

void oct_log(enum oct_log_level level, const char *code, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char msg[2048], line[8192], stamp[OCT_RFC3339_SZ];
    struct oct_text t;
    va_list ap;

    if (level < log_least || level > OCT_LOG_ERROR)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    size_t stamp_len = oct_rfc3339_format(stamp, oct_utc_ns());

    /* Leaves room for the end of the line, so that a cut message is still one JSON object. */
    oct_text_init(&t, line, sizeof line - 2);
    oct_text_str(&t, "{\"@timestamp\":");
    oct_text_json(&t, stamp, stamp_len);
    oct_text_fmt(&t, ",\"log.level\":\"%s\",\"service.name\":", names[level]);
    oct_text_json(&t, log_service, strnlen(log_service, 64));
    oct_text_fmt(&t, ",\"process.pid\":%d,\"event.code\":", (int)getpid());
    oct_text_json(&t, code, strnlen(code, 64));
    oct_text_str(&t, ",\"message\":");
    size_t before = t.need;
    size_t len = (size_t)n < sizeof msg ? (size_t)n : sizeof msg - 1;
    oct_text_json(&t, msg, len);
    if (!oct_text_ok(&t)) { /* a message of escapes only: shorten it until it surely fits */
        t.need = before;
        oct_text_json(&t, msg, len / 6);
    }
    size_t end = t.need < t.sz ? t.need : t.sz - 1;
    line[end] = '}';
    line[end + 1] = '\n';
    /* A log that cannot be written has nowhere to complain. */
    ssize_t ignored = write(STDERR_FILENO, line, end + 2);
    (void)ignored;
}
