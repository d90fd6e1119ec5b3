/* md_cmd.c - what WebSocket clients ask: the octopus dialect ("op") and the simple one ("type"). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/md_priv.h"
#include "control/web/ws_priv.h"

#define SIMPLE_INTERVAL_MS 50u
#define INTERVAL_MAX_MS    60000u

/* ---- answers ---------------------------------------------------------------------------------- */

static void send_json(struct oct_ws *ws, struct oct_buf *b)
{
    if (!b->failed)
        oct_ws_send(ws, b->p, b->sz, NULL, 0);
    oct_buf_fini(b);
}

static const char *text_of(const json_t *msg, const char *key)
{
    return json_string_value(json_object_get(msg, key));
}

/* {"op":"ack","id":...,"ok":...  left open. */
static void ack_begin(struct oct_json *j, const json_t *msg, bool ok)
{
    const char *id = text_of(msg, "id");
    oct_json_obj(j, NULL);
    oct_json_str(j, "op", "ack");
    if (id != NULL)
        oct_json_str(j, "id", id);
    oct_json_bool(j, "ok", ok);
}

static void refuse(struct oct_ws *ws, const json_t *msg, bool simple, const char *code,
                   const char *why)
{
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    if (simple) {
        oct_json_obj(&j, NULL);
        oct_json_str(&j, "type", "error");
    } else {
        ack_begin(&j, msg, false);
    }
    oct_json_str(&j, "code", code);
    oct_json_str(&j, "message", why);
    oct_json_i64(&j, "timestamp", oct_loop_utc(ws->w->loop) / OCT_NS_PER_MS);
    oct_json_end(&j, '}');
    send_json(ws, &b);
}

/* ---- subscribing ------------------------------------------------------------------------------ */

static struct oct_md_sub *sub_new(struct oct_md_client *c)
{
    for (uint32_t i = 0; i < OCT_MD_SID_MAX; i++) {
        if (c->sub[i] != NULL)
            continue;
        c->sub[i] = calloc(1, sizeof(*c->sub[i]));
        if (c->sub[i] == NULL)
            return NULL;
        c->sub[i]->ws = c->ws;
        c->sub[i]->sid = i + 1;
        return c->sub[i];
    }
    return NULL;
}

static void sub_drop(struct oct_md_client *c, struct oct_md_sub *sub)
{
    c->sub[sub->sid - 1] = NULL;
    oct_md_sub_free(c->hub, sub);
}

/* Adds symbols; writes "accepted" and "rejected".  How many were accepted. */
static uint32_t add_symbols(struct oct_md_client *c, struct oct_md_sub *sub, const json_t *symbols,
                            struct oct_json *j)
{
    struct oct_buf bad = {0};
    struct oct_json jb = {.b = &bad};
    uint32_t taken = 0;
    size_t i;
    json_t *s;
    oct_json_arr(j, "accepted");
    json_array_foreach(symbols, i, s)
    {
        const char *text = json_string_value(s);
        uint32_t inst =
            text != NULL ? oct_mirror_find(c->hub->w->mirror, text, strlen(text)) : OCT_MAP_NONE;
        const char *code = "unknown_symbol";
        int rc = -ENOENT;
        if (sub->entry_cnt >= OCT_MD_SYMBOL_MAX) {
            code = "too_many";
        } else if (inst != OCT_MAP_NONE) {
            rc = oct_md_watch(c->hub, sub, inst);
            code = rc == -EEXIST ? "duplicate" : "no_memory";
        }
        if (rc == 0) {
            oct_json_str(j, NULL, text);
            taken++;
            continue;
        }
        oct_json_obj(&jb, NULL);
        oct_json_str(&jb, "symbol", text);
        oct_json_str(&jb, "code", code);
        oct_json_end(&jb, '}');
    }
    oct_json_end(j, ']');
    oct_buf_chr(j->b, ',');
    oct_buf_str(j->b, "\"rejected\":[");
    oct_buf_add(j->b, bad.p, bad.sz);
    j->b->failed |= bad.failed;
    oct_json_end(j, ']');
    oct_buf_fini(&bad);
    return taken;
}

static int read_channel(const char *name)
{
    if (name == NULL)
        return -1;
    if (strcmp(name, "bbo") == 0)
        return OCT_MD_CH_QUOTES;
    for (int i = 0; i < OCT_MD_CH_SIMPLE; i++) {
        if (strcmp(name, oct_md_channel_name((uint8_t)i)) == 0)
            return i;
    }
    return -1;
}

/* NULL, or what is wrong. */
static const char *read_options(struct oct_md_sub *sub, const json_t *msg)
{
    static const struct {
        const char *name;
        enum oct_md_mode mode;
    } modes[] = {{"conflate", OCT_MD_CONFLATE},
                 {"interval", OCT_MD_CONFLATE},
                 {"raw", OCT_MD_RAW},
                 {"skip", OCT_MD_RAW},
                 {"disconnect", OCT_MD_DROP}};
    const json_t *mode = json_object_get(msg, "mode");
    const json_t *depth = json_object_get(msg, "depth");
    const json_t *interval = json_object_get(msg, "interval_ms");
    if (mode != NULL) {
        size_t i = 0;
        while (i < OCT_ARRAY_CNT(modes) &&
               (!json_is_string(mode) || strcmp(json_string_value(mode), modes[i].name) != 0))
            i++;
        if (i == OCT_ARRAY_CNT(modes))
            return "mode is conflate, interval, raw, skip or disconnect";
        sub->mode = (uint8_t)modes[i].mode;
    }
    if (depth != NULL && (!json_is_integer(depth) || json_integer_value(depth) < 1 ||
                          json_integer_value(depth) > OCT_MD_DEPTH_MAX))
        return "depth is 1 to 50";
    if (interval != NULL && (!json_is_integer(interval) || json_integer_value(interval) < 0 ||
                             json_integer_value(interval) > INTERVAL_MAX_MS))
        return "interval_ms is 0 to 60000";
    sub->depth = sub->channel != OCT_MD_CH_BOOK ? 0
                 : depth != NULL                ? (uint32_t)json_integer_value(depth)
                                                : 10;
    sub->interval_ms = interval != NULL ? (uint32_t)json_integer_value(interval) : 0;
    return NULL;
}

static const char *mode_name(uint8_t mode)
{
    return mode == OCT_MD_RAW ? "raw" : mode == OCT_MD_DROP ? "disconnect" : "conflate";
}

static void subscribe(struct oct_ws *ws, const json_t *msg)
{
    struct oct_md_client *c = ws->md;
    const json_t *symbols = json_object_get(msg, "symbols");
    int channel = read_channel(text_of(msg, "channel"));
    if (channel < 0) {
        refuse(ws, msg, false, "unknown_channel", "channel is book, quotes, bbo or trades");
        return;
    }
    if (!json_is_array(symbols) || json_array_size(symbols) == 0) {
        refuse(ws, msg, false, "bad_message", "symbols is a list of symbols");
        return;
    }
    struct oct_md_sub *sub = sub_new(c);
    if (sub == NULL) {
        refuse(ws, msg, false, "too_many", "64 subscriptions at most");
        return;
    }
    sub->channel = (uint8_t)channel;
    const char *bad = read_options(sub, msg);
    if (bad != NULL) {
        sub_drop(c, sub);
        refuse(ws, msg, false, "bad_message", bad);
        return;
    }
    struct oct_buf list = {0};
    struct oct_json jl = {.b = &list};
    uint32_t taken = add_symbols(c, sub, symbols, &jl);
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    ack_begin(&j, msg, taken > 0);
    if (taken > 0)
        oct_json_u64(&j, "sid", sub->sid);
    else
        oct_json_str(&j, "code", "no_symbol");
    oct_json_str(&j, "channel", oct_md_channel_name(sub->channel));
    oct_buf_chr(&b, ',');
    oct_buf_add(&b, list.p, list.sz);
    b.failed |= list.failed;
    oct_buf_fini(&list);
    oct_json_str(&j, "mode", mode_name(sub->mode));
    oct_json_u64(&j, "interval_ms", sub->interval_ms);
    if (sub->channel == OCT_MD_CH_BOOK) {
        oct_json_u64(&j, "depth", sub->depth);
        oct_json_str(&j, "checksum", "crc32c");
    }
    oct_json_end(&j, '}');
    send_json(ws, &b);
    if (taken == 0)
        sub_drop(c, sub);
    else
        oct_md_catch_up(c);
}

static void unsubscribe(struct oct_ws *ws, const json_t *msg)
{
    struct oct_md_client *c = ws->md;
    const json_t *sid = json_object_get(msg, "sid");
    const json_t *symbols = json_object_get(msg, "symbols");
    int64_t n = json_is_integer(sid) ? json_integer_value(sid) : 0;
    struct oct_md_sub *sub = n >= 1 && n <= OCT_MD_SID_MAX ? c->sub[n - 1] : NULL;
    if (sub == NULL || sub->channel == OCT_MD_CH_SIMPLE) {
        refuse(ws, msg, false, "unknown_sid", "there is no such subscription");
        return;
    }
    size_t i;
    json_t *s;
    json_array_foreach(symbols, i, s)
    {
        const char *text = json_string_value(s);
        uint32_t inst =
            text != NULL ? oct_mirror_find(c->hub->w->mirror, text, strlen(text)) : OCT_MAP_NONE;
        if (inst != OCT_MAP_NONE)
            oct_md_unwatch(c->hub, sub, inst);
    }
    if (!json_is_array(symbols) || sub->entry_cnt == 0)
        sub_drop(c, sub);
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    ack_begin(&j, msg, true);
    oct_json_i64(&j, "sid", n);
    oct_json_end(&j, '}');
    send_json(ws, &b);
}

/* ---- the simple dialect ----------------------------------------------------------------------- */

static struct oct_md_sub *simple_sub(struct oct_md_client *c, bool make)
{
    for (uint32_t i = 0; i < OCT_MD_SID_MAX; i++) {
        if (c->sub[i] != NULL && c->sub[i]->channel == OCT_MD_CH_SIMPLE)
            return c->sub[i];
    }
    struct oct_md_sub *sub = make ? sub_new(c) : NULL;
    if (sub != NULL) {
        sub->channel = OCT_MD_CH_SIMPLE;
        sub->interval_ms = SIMPLE_INTERVAL_MS;
    }
    return sub;
}

/* The symbols of a message: a list, or one at the end of a channel name such as prices:AAPL. */
static json_t *simple_symbols(const json_t *msg)
{
    json_t *list = json_object_get(msg, "symbols");
    const char *channel = text_of(msg, "channel");
    if (json_is_array(list))
        return json_incref(list);
    if (channel == NULL)
        return NULL;
    const char *at = strpbrk(channel, ":.");
    return at != NULL && at[1] != '\0' ? json_pack("[s]", at + 1) : NULL;
}

static void simple_done(struct oct_ws *ws, const char *type, struct oct_buf *list)
{
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    oct_json_obj(&j, NULL);
    oct_json_str(&j, "type", type);
    if (list->sz > 0) {
        oct_buf_chr(&b, ',');
        oct_buf_add(&b, list->p, list->sz);
    }
    oct_json_i64(&j, "timestamp", oct_loop_utc(ws->w->loop) / OCT_NS_PER_MS);
    oct_json_end(&j, '}');
    send_json(ws, &b);
    oct_buf_fini(list);
}

static void simple_subscribe(struct oct_ws *ws, const json_t *msg, bool on)
{
    struct oct_md_client *c = ws->md;
    json_t *symbols = simple_symbols(msg);
    struct oct_md_sub *sub = symbols != NULL ? simple_sub(c, on) : NULL;
    if (sub == NULL) {
        refuse(ws, msg, true, "WS_002", symbols == NULL ? "symbols is missing" : "not subscribed");
        json_decref(symbols);
        return;
    }
    struct oct_buf list = {0};
    struct oct_json jl = {.b = &list};
    if (on) {
        add_symbols(c, sub, symbols, &jl);
    } else {
        size_t i;
        json_t *s;
        json_array_foreach(symbols, i, s)
        {
            const char *text = json_string_value(s);
            uint32_t inst = text != NULL ? oct_mirror_find(c->hub->w->mirror, text, strlen(text))
                                         : OCT_MAP_NONE;
            if (inst != OCT_MAP_NONE)
                oct_md_unwatch(c->hub, sub, inst);
        }
    }
    json_decref(symbols);
    simple_done(ws, on ? "subscription_confirmed" : "unsubscription_confirmed", &list);
    oct_md_catch_up(c);
}

static void simple_list(struct oct_ws *ws)
{
    const struct oct_md_sub *sub = simple_sub(ws->md, false);
    struct oct_buf list = {0};
    struct oct_json j = {.b = &list};
    char sym[9];
    oct_json_arr(&j, "subscriptions");
    for (const struct oct_md_entry *e = sub != NULL ? sub->entries : NULL; e != NULL;
         e = e->sub_next) {
        oct_mirror_sym_text(ws->w->mirror->inst[e->view->inst].symbol, sym);
        oct_json_str(&j, NULL, sym);
    }
    oct_json_end(&j, ']');
    simple_done(ws, "subscriptions", &list);
}

/* ---- both ------------------------------------------------------------------------------------- */

static void authenticate(struct oct_ws *ws, const json_t *msg, bool simple)
{
    const json_t *token = json_object_get(msg, "token");
    const char *op = text_of(msg, simple ? "type" : "op");
    if (op == NULL || strcmp(op, "auth") != 0 || !json_is_string(token) ||
        !oct_token_equal(&ws->w->token, json_string_value(token), json_string_length(token))) {
        ws->w->stats.auth_failures++;
        oct_ws_close(ws, OCT_WS_UNAUTHENTICATED, "the token is not valid");
        return;
    }
    oct_ws_let_in(ws);
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    ack_begin(&j, msg, true);
    oct_json_end(&j, '}');
    send_json(ws, &b);
}

static void heartbeat(struct oct_ws *ws, const json_t *msg)
{
    struct oct_loop *l = ws->w->loop;
    if (json_is_false(json_object_get(msg, "on")))
        oct_loop_alarm_clear(l, &ws->md->beat);
    else if (ws->md->beat.place == 0)
        oct_loop_alarm(l, &ws->md->beat, oct_loop_now(l) + OCT_NS_PER_S);
    struct oct_buf b = {0};
    struct oct_json j = {.b = &b};
    ack_begin(&j, msg, true);
    oct_json_end(&j, '}');
    send_json(ws, &b);
}

static void octopus_message(struct oct_ws *ws, const json_t *msg, const char *op)
{
    if (strcmp(op, "subscribe") == 0) {
        subscribe(ws, msg);
    } else if (strcmp(op, "unsubscribe") == 0) {
        unsubscribe(ws, msg);
    } else if (strcmp(op, "heartbeat") == 0) {
        heartbeat(ws, msg);
    } else if (strcmp(op, "ping") == 0) {
        struct oct_buf b = {0};
        struct oct_json j = {.b = &b};
        oct_json_obj(&j, NULL);
        oct_json_str(&j, "op", "pong");
        if (text_of(msg, "id") != NULL)
            oct_json_str(&j, "id", text_of(msg, "id"));
        oct_json_ns(&j, "ts", oct_loop_utc(ws->w->loop));
        oct_json_end(&j, '}');
        send_json(ws, &b);
    } else {
        refuse(ws, msg, false, "unknown_op",
               "op is auth, subscribe, unsubscribe, heartbeat or ping");
    }
}

static void simple_message(struct oct_ws *ws, const json_t *msg, const char *type)
{
    struct oct_buf none = {0};
    if (strcmp(type, "subscribe") == 0)
        simple_subscribe(ws, msg, true);
    else if (strcmp(type, "unsubscribe") == 0)
        simple_subscribe(ws, msg, false);
    else if (strcmp(type, "ping") == 0)
        simple_done(ws, "pong", &none);
    else if (strcmp(type, "get_subscriptions") == 0)
        simple_list(ws);
    else
        refuse(ws, msg, true, "WS_003", "unknown message type");
}

void oct_md_message(struct oct_ws *ws, const char *text, size_t sz)
{
    json_error_t err;
    json_t *msg = json_loadb(text, sz, JSON_REJECT_DUPLICATES, &err);
    const char *op = text_of(msg, "op");
    const char *type = text_of(msg, "type");
    if (!json_is_object(msg) || (op == NULL && type == NULL))
        oct_ws_close(ws, OCT_WS_BAD_MESSAGE, "a JSON object with op or type is wanted");
    else if (ws->md == NULL)
        authenticate(ws, msg, op == NULL);
    else if (op != NULL)
        octopus_message(ws, msg, op);
    else
        simple_message(ws, msg, type);
    json_decref(msg);
}
