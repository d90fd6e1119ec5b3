/* health.c - is it alive, is it ready, what is missing. */
#include <string.h>

#include "control/web/web_priv.h"
#include "dataplane/msg/desc.h"

#define BEAT_OLD_NS (2 * OCT_NS_PER_S)

static const char *feed_state(uint32_t s)
{
    static const char *const name[] = {"waiting", "live", "recovering", "stale", "ended"};
    return s < OCT_ARRAY_CNT(name) ? name[s] : "unknown";
}

static const char *session_state(uint32_t s)
{
    static const char *const name[] = {"down", "login", "up", "ended", "refused", "held"};
    return s < OCT_ARRAY_CNT(name) ? name[s] : "unknown";
}

static void put_pulses(struct oct_json *j, struct oct_web *w, int64_t now, bool *alive)
{
    struct oct_vitals_pulse p;
    oct_json_arr(j, "pulses");
    for (uint32_t i = 0; w->vitals->pulse(w->vitals->self, i, &p); i++) {
        int64_t age = p.beat_ns == 0 ? -1 : now > p.beat_ns ? now - p.beat_ns : 0;
        if (i == 0)
            *alive = age >= 0 && age < BEAT_OLD_NS;
        oct_json_obj(j, NULL);
        oct_json_str(j, "name", p.name);
        oct_json_u64(j, "pid", p.pid);
        if (age < 0)
            oct_json_null(j, "beat_age_ms");
        else
            oct_json_i64(j, "beat_age_ms", age / OCT_NS_PER_MS);
        oct_json_u64(j, "turns", p.turns);
        oct_json_end(j, '}');
    }
    oct_json_end(j, ']');
}

static void put_dataplane(struct oct_json *j, struct oct_web *w, bool *alive,
                          struct oct_vitals_status *st)
{
    bool have = w->vitals->attached(w->vitals->self) && w->vitals->status(w->vitals->self, st);
    oct_json_obj(j, "dataplane");
    oct_json_bool(j, "attached", have);
    if (have) {
        oct_json_id(j, "run_id", st->run_id);
        oct_json_str(j, "version", st->version);
        oct_json_str(j, "instance", st->instance);
        oct_json_time(j, "started_at", st->start_ns);
        oct_json_u64(j, "memory_bytes", st->memory_sz);
        oct_json_id(j, "input", st->input);
        oct_json_str(j, "ladder", oct_enum_text("LADDER", st->ladder));
        oct_json_bool(j, "sealed", st->sealed != 0);
        oct_json_bool(j, "huge_pages", st->huge_pages != 0);
        put_pulses(j, w, oct_loop_utc(w->loop), alive);
    }
    oct_json_bool(j, "alive", *alive);
    oct_json_end(j, '}');
}

void oct_show_health(struct oct_json *j, struct oct_web *w, bool *ready)
{
    const struct oct_mirror *m = w->mirror;
    struct oct_vitals_status st = {0};
    bool alive = false;
    oct_json_obj(j, NULL);
    size_t at = j->b->sz; /* the status is known at the end, and stands first */
    put_dataplane(j, w, &alive, &st);
    oct_json_obj(j, "feed");
    oct_json_str(j, "name", st.feed[0] != '\0' ? st.feed : NULL);
    oct_json_str(j, "state", feed_state(st.feed_state));
    oct_json_id(j, "next_seq", st.feed_seq);
    oct_json_end(j, '}');
    oct_json_obj(j, "session");
    oct_json_str(j, "name", st.venue[0] != '\0' ? st.venue : NULL);
    oct_json_str(j, "state", session_state(st.session_state));
    oct_json_end(j, '}');
    oct_json_obj(j, "mirror");
    oct_json_str(j, "state", oct_show_doubt(m->doubt));
    oct_json_id(j, "input", m->input);
    oct_json_u64(j, "lag_slots", w->vitals->lag(w->vitals->self));
    oct_json_u64(j, "lost", m->totals.lost);
    oct_json_end(j, '}');
    oct_json_obj(j, "clients");
    oct_json_u64(j, "http", w->stats.http_clients);
    oct_json_u64(j, "websocket", w->stats.ws_clients);
    oct_json_end(j, '}');
    oct_json_end(j, '}');
    *ready = alive && (m->doubt & (OCT_DOUBT_WARMING | OCT_DOUBT_DETACHED | OCT_DOUBT_LOST)) == 0;
    bool good = *ready && m->doubt == 0 && st.ladder == OCT_LADDER_ACTIVE && st.feed_state != 3;
    char head[192];
    char when[OCT_RFC3339_SZ];
    size_t n = oct_rfc3339_format(when, oct_loop_utc(w->loop));
    int hn = snprintf(head, sizeof(head),
                      "\"status\":\"%s\",\"timestamp\":\"%.*s\",\"version\":\"%s\","
                      "\"uptime_s\":%ld,",
                      good    ? "ok"
                      : alive ? "degraded"
                              : "down",
                      (int)n, when, w->cfg.version,
                      (long)((oct_loop_now(w->loop) - w->started_ns) / OCT_NS_PER_S));
    if (oct_buf_room(j->b, (size_t)hn) == NULL)
        return;
    memmove(j->b->p + at + hn, j->b->p + at, j->b->sz - at);
    memcpy(j->b->p + at, head, (size_t)hn);
    j->b->sz += (size_t)hn;
}

void oct_web_health(struct oct_http_call *c)
{
    struct oct_json j = {.b = c->out};
    bool ready;
    oct_show_health(&j, c->w, &ready);
    oct_buf_chr(c->out, '\n');
}

void oct_web_livez(struct oct_http_call *c)
{
    OCT_BUF_LIT(c->out, "{\"status\":\"ok\"}\n");
}

void oct_web_readyz(struct oct_http_call *c)
{
    struct oct_json j = {.b = c->out};
    bool ready;
    oct_show_health(&j, c->w, &ready);
    oct_buf_chr(c->out, '\n');
    if (!ready)
        c->status = 503;
}
