#include "dataplane/journal/show.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/text.h"
#include "dataplane/base/time.h"
#include "dataplane/msg/desc.h"

#define SHOW_LANE_MAX 256u

/* Lanes that have a segment in dir, rising. */
static uint32_t lanes_of(const char *dir, uint16_t *lanes)
{
    struct dirent *e;
    uint64_t first;
    uint32_t cnt = 0;
    uint16_t lane;
    DIR *d = opendir(dir);

    while (d && (e = readdir(d)) && cnt < SHOW_LANE_MAX) {
        uint32_t at = 0;
        if (!oct_journal_parse_name(e->d_name, &lane, &first))
            continue;
        while (at < cnt && lanes[at] < lane)
            at++;
        if (at < cnt && lanes[at] == lane)
            continue;
        memmove(&lanes[at + 1], &lanes[at], (cnt - at) * sizeof *lanes);
        lanes[at] = lane;
        cnt++;
    }
    if (d)
        closedir(d);
    return cnt;
}

static const char *mode_name(uint8_t mode)
{
    static const char *const names[] = {"async", "group", "strict"};

    return mode < OCT_ARRAY_CNT(names) ? names[mode] : "unknown";
}

static void put_json(FILE *f, const char *s)
{
    char buf[2048]; /* the longest text is a path of 256 bytes */
    struct oct_text t;

    oct_text_init(&t, buf, sizeof buf);
    oct_text_json(&t, s, strlen(s));
    OCT_ASSERT(oct_text_ok(&t));
    fputs(buf, f);
}

/* ---- ls -------------------------------------------------------------------------------------- */

struct ls {
    FILE *f;
    bool json;
    uint32_t rows;
};

static void ls_row(void *arg, const struct oct_segment_info *i)
{
    struct ls *ls = arg;
    char created[OCT_RFC3339_SZ];

    oct_rfc3339_format(created, i->hdr.created_ns);
    if (!ls->json) {
        if (ls->rows++ == 0)
            fprintf(ls->f, "%-4s %20s %20s %10s %12s %-6s %-5s %s\n", "LANE", "FIRST", "LAST",
                    "RECORDS", "BYTES", "MODE", "ENDED", "FILE");
        fprintf(ls->f,
                "%-4u %20" PRIu64 " %20" PRIu64 " %10" PRIu64 " %12" PRIu64 " %-6s %-5s %s\n",
                i->hdr.lane, i->hdr.first_input, i->last_input, i->records, i->data_sz,
                mode_name(i->hdr.durability), i->ended ? "yes" : "no", i->file);
        return;
    }
    fprintf(ls->f, "%s{\"lane\":%u,\"file\":", ls->rows++ ? "," : "", i->hdr.lane);
    put_json(ls->f, i->file);
    fprintf(ls->f,
            ",\"serial\":\"%" PRIu64 "\",\"first_input\":\"%" PRIu64 "\",\"last_input\":\"%" PRIu64
            "\",\"records\":\"%" PRIu64 "\",\"blocks\":\"%" PRIu64 "\",\"bytes\":\"%" PRIu64
            "\",\"file_bytes\":\"%" PRIu64 "\",\"mode\":\"%s\",\"ended\":%s,\"created\":\"%s\","
            "\"run_id\":\"%016" PRIx64 "\",\"build_id\":\"%016" PRIx64
            "\",\"config_hash\":\"%016" PRIx64 "\",\"layout_hash\":\"%016" PRIx64 "\"}",
            i->hdr.serial, i->hdr.first_input, i->last_input, i->records, i->blocks, i->data_sz,
            i->file_sz, mode_name(i->hdr.durability), i->ended ? "true" : "false", created,
            i->hdr.run_id, i->hdr.build_id, i->hdr.config_hash, i->hdr.layout_hash);
}

/* ---- what was set aside ---------------------------------------------------------------------- */

struct aside {
    uint64_t segments, bytes, ring_records, ring_bytes;
};

/* Whole records that the old ring held, as they stand one after the other. */
static void count_ring(FILE *f, struct aside *a)
{
    uint64_t buf[OCT_MSG_SZ_MAX / 8];
    struct oct_msg_hdr *m = (struct oct_msg_hdr *)buf;

    while (fread(m, sizeof *m, 1, f) == 1 && m->sz >= sizeof *m && m->sz <= sizeof buf &&
           fread(m + 1, m->sz - sizeof *m, 1, f) == 1 && oct_msg_valid(m, sizeof buf)) {
        a->ring_records++;
        a->ring_bytes += m->sz;
    }
}

static void look_aside(const char *path, struct aside *a)
{
    const struct dirent *e;
    uint64_t first;
    uint16_t lane;
    DIR *d = opendir(path);

    *a = (struct aside){0};
    while (d && (e = readdir(d))) {
        char name[1024];
        bool ring = strcmp(e->d_name, "ring.records") == 0;
        if (!ring && !oct_journal_parse_name(e->d_name, &lane, &first))
            continue;
        snprintf(name, sizeof name, "%.700s/%s", path, e->d_name);
        FILE *f = fopen(name, "re");
        if (!f)
            continue;
        if (ring) {
            count_ring(f, a);
        } else if (fseeko(f, 0, SEEK_END) == 0) {
            a->segments++;
            a->bytes += (uint64_t)ftello(f);
        }
        fclose(f);
    }
    if (d)
        closedir(d);
}

static int is_aside(const struct dirent *e)
{
    return strncmp(e->d_name, "damaged-", 8) == 0;
}

/* Journals that a start found damaged and moved away, oldest first. */
static uint32_t ls_aside(struct ls *ls, const char *dir)
{
    struct dirent **list;
    struct aside a;
    int cnt = scandir(dir, &list, is_aside, alphasort);

    for (int i = 0; i < cnt; i++) {
        char path[800], created[OCT_RFC3339_SZ];
        oct_rfc3339_format(created, strtoll(list[i]->d_name + 8, NULL, 10));
        snprintf(path, sizeof path, "%.500s/%s", dir, list[i]->d_name);
        look_aside(path, &a);
        if (ls->json) {
            fprintf(ls->f, "%s{\"set_aside\":", ls->rows++ ? "," : "");
            put_json(ls->f, list[i]->d_name);
            fprintf(ls->f,
                    ",\"created\":\"%s\",\"segments\":\"%" PRIu64 "\",\"file_bytes\":\"%" PRIu64
                    "\",\"ring_records\":\"%" PRIu64 "\",\"ring_bytes\":\"%" PRIu64 "\"}",
                    created, a.segments, a.bytes, a.ring_records, a.ring_bytes);
        } else {
            if (i == 0)
                fprintf(ls->f,
                        "%sSET ASIDE                     SEGMENTS        BYTES RING RECORDS   RING "
                        "BYTES\n",
                        ls->rows ? "\n" : "");
            fprintf(ls->f, "%-28s %9" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n",
                    list[i]->d_name, a.segments, a.bytes, a.ring_records, a.ring_bytes);
        }
        free(list[i]);
    }
    if (cnt >= 0)
        free(list);
    return cnt > 0 ? (uint32_t)cnt : 0;
}

int oct_journal_show_ls(const char *dir, bool json, bool live, FILE *f)
{
    struct ls ls = {.f = f, .json = json};
    uint16_t lanes[SHOW_LANE_MAX + 1];
    uint32_t cnt = lanes_of(dir, lanes);
    int code = 0;

    if (json)
        fputc('[', f);
    for (uint32_t i = 0; i < cnt; i++) {
        struct oct_journal_report rep;
        int err = oct_journal_verify(dir, lanes[i], &rep, ls_row, &ls);
        if (err && !(live && err == -EUCLEAN))
            code = 1;
    }
    cnt += ls_aside(&ls, dir);
    if (json)
        fputs("]\n", f);
    return cnt ? code : 4;
}

/* ---- cat ------------------------------------------------------------------------------------- */

int oct_journal_show_cat(const char *dir, const struct oct_journal_cat *opt, FILE *f, FILE *ferr)
{
    const struct oct_msg_desc *want = opt->type ? oct_msg_desc_by_name(opt->type) : NULL;
    struct oct_journal_error err;
    const struct oct_msg_hdr *m;
    struct oct_journal *j;
    uint64_t shown = 0;
    char line[16384];

    if (opt->type && !want) {
        fprintf(ferr, "error: no record is called '%s'\n", opt->type);
        return 4;
    }
    int got = oct_journal_open(dir, opt->lane, &j, &err);
    if (got) {
        fprintf(ferr, "error: %s: %s\n", got == -ENOENT ? dir : err.file,
                got == -ENOENT ? "no journal of this lane" : err.reason);
        return got == -ENOENT ? 4 : 1;
    }
    got = opt->from_input ? oct_journal_seek(j, opt->from_input) : 0;
    while (got == 0 && (got = oct_journal_next(j, &m)) == 1) {
        got = 0;
        if ((opt->to_input && m->input > opt->to_input) || (opt->limit && shown == opt->limit))
            break;
        if (want && m->type != want->type)
            continue;
        size_t n = oct_msg_json(m, line, sizeof line);
        OCT_ASSERT(n < sizeof line); /* the largest record is 448 bytes */
        fwrite(line, 1, n, f);
        fputc('\n', f);
        shown++;
    }
    if (got < 0) {
        const struct oct_journal_error *e = oct_journal_error(j);
        fprintf(ferr, "error: %s:%" PRIu64 ": %s\n", e->file, e->off, e->reason);
    }
    oct_journal_close(j);
    return got < 0 ? 1 : 0;
}

/* ---- verify ---------------------------------------------------------------------------------- */

static void verify_text(FILE *f, uint16_t lane, int err, bool live,
                        const struct oct_journal_report *r)
{
    if (live && err == -EUCLEAN) {
        fprintf(f,
                "lane %u: good so far, being written, %" PRIu64 " records in %" PRIu64
                " blocks of %u segments, inputs %" PRIu64 " to %" PRIu64 "\n",
                lane, r->records, r->blocks, r->segments, r->first_input, r->last_input);
        return;
    }
    fprintf(f,
            "lane %u: %s, %" PRIu64 " records in %" PRIu64 " blocks of %u segments, inputs %" PRIu64
            " to %" PRIu64 "\n",
            lane,
            err == 0          ? "good"
            : err == -EUCLEAN ? "torn tail"
                              : "damaged",
            r->records, r->blocks, r->segments, r->first_input, r->last_input);
    if (err)
        fprintf(f, "  %s:%" PRIu64 ": %s\n", r->error.file, r->error.off, r->error.reason);
    if (r->discontinuities)
        fprintf(f, "  %" PRIu64 " places where the recorder was lapped\n", r->discontinuities);
    if (r->inputs_missing)
        fprintf(f, "  %" PRIu64 " input numbers missing\n", r->inputs_missing);
    if (err == -EUCLEAN)
        fprintf(f,
                "  %" PRIu64 " bytes after the last whole block: octopus cuts them at its next "
                "start and keeps them beside the segment\n",
                r->tail_lost);
}

static void verify_json(FILE *f, uint16_t lane, int err, bool live,
                        const struct oct_journal_report *r)
{
    live = live && err == -EUCLEAN;
    fprintf(f,
            "{\"lane\":%u,\"state\":\"%s\",\"segments\":%u,\"blocks\":\"%" PRIu64
            "\",\"records\":\"%" PRIu64 "\",\"bytes\":\"%" PRIu64 "\",\"first_input\":\"%" PRIu64
            "\",\"last_input\":\"%" PRIu64 "\",\"inputs_missing\":\"%" PRIu64
            "\",\"discontinuities\":\"%" PRIu64 "\",\"tail_lost\":\"%" PRIu64 "\",\"error\":",
            lane,
            err == 0          ? "good"
            : live            ? "live"
            : err == -EUCLEAN ? "torn_tail"
                              : "damaged",
            r->segments, r->blocks, r->records, r->bytes, r->first_input, r->last_input,
            r->inputs_missing, r->discontinuities, r->tail_lost);
    if (!err || live) {
        fputs("null}", f);
        return;
    }
    fputs("{\"file\":", f);
    put_json(f, r->error.file);
    fprintf(f, ",\"offset\":\"%" PRIu64 "\",\"reason\":", r->error.off);
    put_json(f, r->error.reason);
    fputs("}}", f);
}

int oct_journal_show_verify(const char *dir, bool json, bool live, FILE *f)
{
    uint16_t lanes[SHOW_LANE_MAX + 1];
    uint32_t cnt = lanes_of(dir, lanes);
    int code = cnt ? 0 : 4;

    if (json)
        fputc('[', f);
    for (uint32_t i = 0; i < cnt; i++) {
        struct oct_journal_report rep;
        int err = oct_journal_verify(dir, lanes[i], &rep, NULL, NULL);
        if (err && !(live && err == -EUCLEAN))
            code = 1;
        if (json && i)
            fputc(',', f);
        (json ? verify_json : verify_text)(f, lanes[i], err, live, &rep);
    }
    if (json)
        fputs("]\n", f);
    return code;
}
