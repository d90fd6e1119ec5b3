/* Results as JSON, percentile plot as SVG, histogram logs. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/bench_priv.h"

#include "dataplane/base/time.h"

bool oct_bench_row_met(const struct oct_bench_row *row)
{
    return row->skip[0] == 0 && (row->bound == OCT_BENCH_NONE ||
                                 (row->bound == OCT_BENCH_AT_MOST ? row->value <= row->target
                                                                  : row->value >= row->target));
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void put_text(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s != 0; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        if ((unsigned char)*s >= ' ')
            fputc(*s, f);
    }
    fputc('"', f);
}

static void put_pair(FILE *f, const char *key, const char *value, bool last)
{
    fprintf(f, "    \"%s\": ", key);
    put_text(f, value);
    fputs(last ? "\n" : ",\n", f);
}

/* First line of a file that starts with key, after its colon; or its whole first line. */
static void first_line(const char *path, const char *key, char *out, size_t sz)
{
    char line[512];
    FILE *f = fopen(path, "r");
    snprintf(out, sz, "unknown");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *at = key[0] != 0 ? strchr(line, ':') : NULL;
        const char *from = at != NULL ? at + 2 : line;
        size_t len = strcspn(from, "\n");
        len = len < sz ? len : sz - 1;
        memcpy(out, from, len);
        out[len] = 0;
        break;
    }
    if (f != NULL)
        fclose(f);
}

static void pinning(char *out, size_t sz)
{
    cpu_set_t set;
    size_t len = (size_t)snprintf(out, sz, "cpus");
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return;
    for (int i = 0; i < CPU_SETSIZE && len < sz; i++) {
        if (CPU_ISSET(i, &set))
            len += (size_t)snprintf(out + len, sz - len, " %d", i);
    }
}

static void put_environment(FILE *f, const struct oct_bench *b)
{
    char text[256];
    struct utsname u = {0};
    uname(&u);
    fputs("  \"environment\": {\n", f);
    first_line("/proc/cpuinfo", "model name", text, sizeof(text));
    put_pair(f, "cpu", text, false);
    snprintf(text, sizeof(text), "%s %s %s", u.sysname, u.release, u.machine);
    put_pair(f, "kernel", text, false);
    put_pair(f, "commit", oct_bench_commit, false);
#ifdef __clang__
    put_pair(f, "compiler", __VERSION__, false);
#else
    put_pair(f, "compiler", "gcc " __VERSION__, false);
#endif
    pinning(text, sizeof(text));
    put_pair(f, "pinning", text, false);
    first_line("/sys/kernel/mm/transparent_hugepage/enabled", "", text, sizeof(text));
    put_pair(f, "transparent_hugepage", text, false);
    first_line("/proc/loadavg", "", text, sizeof(text));
    put_pair(f, "load", text, false);
    oct_rfc3339_format(text, oct_utc_ns());
    put_pair(f, "time", text, false);
    fprintf(f, "    \"messages\": %lu,\n    \"seed\": %lu,\n    \"runs\": %u,\n", b->opts.messages,
            b->opts.seed, b->opts.runs);
    fprintf(f, "    \"timer_overhead_ns\": %.1f\n  }\n", oct_bench_tick_ns(oct_bench_tick_cost()));
}

int oct_bench_write_json(const struct oct_bench *b, const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return -errno;
    fputs("{\n  \"results\": [\n", f);
    for (uint32_t i = 0; i < b->row_cnt; i++) {
        const struct oct_bench_row *r = &b->row[i];
        fputs("    {\"name\": ", f);
        put_text(f, r->name);
        fputs(", \"metric\": ", f);
        put_text(f, r->metric);
        if (r->skip[0] != 0) {
            fputs(
                ", \"value\": null, \"unit\": null, \"target\": null, \"met\": null, \"skipped\": ",
                f);
            put_text(f, r->skip);
        } else {
            fprintf(f, ", \"value\": %.6g, \"unit\": ", r->value);
            put_text(f, r->unit);
            if (r->bound == OCT_BENCH_NONE)
                fputs(", \"target\": null, \"met\": null", f);
            else
                fprintf(f, ", \"target\": %.6g, \"met\": %s", r->target,
                        oct_bench_row_met(r) ? "true" : "false");
        }
        fputs(i + 1 < b->row_cnt ? "},\n" : "}\n", f);
    }
    fputs("  ],\n", f);
    put_environment(f, b);
    fputs("}\n", f);
    return fclose(f) == 0 ? 0 : -errno;
}

/* ---- SVG: latency over percentile, both logarithmic --------------------------------------------- */

#define W     900.0
#define H     520.0
#define LEFT  70.0
#define RIGHT 200.0
#define TOP   30.0
#define FOOT  50.0
#define NINES 5.0 /* the right edge: 99.999 % */

static double plot_x(double q)
{
    double nines = -log10(1 - q);
    return LEFT + (nines > NINES ? NINES : nines) / NINES * (W - LEFT - RIGHT);
}

static double plot_y(double ns, double decades)
{
    double d = log10(ns < 1 ? 1 : ns);
    return H - FOOT - d / decades * (H - TOP - FOOT);
}

static void put_axes(FILE *f, double decades)
{
    static const double marks[] = {0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999};
    for (double d = 0; d <= decades; d++) {
        double y = plot_y(pow(10, d), decades);
        fprintf(f,
                "<line x1='%.0f' y1='%.1f' x2='%.0f' y2='%.1f' stroke='#ddd'/>"
                "<text x='%.0f' y='%.1f' text-anchor='end'>%.0f ns</text>\n",
                LEFT, y, W - RIGHT, y, LEFT - 6, y + 4, pow(10, d));
    }
    for (size_t i = 0; i < OCT_ARRAY_CNT(marks); i++) {
        double x = plot_x(marks[i]);
        fprintf(f,
                "<line x1='%.1f' y1='%.0f' x2='%.1f' y2='%.0f' stroke='#ddd'/>"
                "<text x='%.1f' y='%.0f' text-anchor='middle'>p%g</text>\n",
                x, TOP, x, H - FOOT, x, H - FOOT + 18, marks[i] * 100);
    }
}

int oct_bench_write_svg(const struct oct_bench *b, const char *path)
{
    static const char *const color[] = {"#1b6ca8", "#c8553d", "#3d8b5f", "#8a5fb0",
                                        "#b58b00", "#4f4f4f", "#d0679d", "#0f8b8d"};
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return -errno;
    double decades = 3;
    for (uint32_t i = 0; i < b->hist_cnt; i++) {
        double d = ceil(log10((double)oct_hist_quantile(b->hist[i], 0.99999) + 1));
        decades = d > decades ? d : decades;
    }
    fprintf(f,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' "
            "font-family='sans-serif' font-size='12'><rect width='100%%' height='100%%' "
            "fill='white'/>\n",
            W, H);
    put_axes(f, decades);
    for (uint32_t i = 0; i < b->hist_cnt; i++) {
        const char *c = color[i % OCT_ARRAY_CNT(color)];
        fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='1.5' points='", c);
        for (double nines = 0; nines <= NINES; nines += 0.02) {
            double q = 1 - pow(10, -nines);
            fprintf(f, "%.1f,%.1f ", plot_x(q),
                    plot_y((double)oct_hist_quantile(b->hist[i], q), decades));
        }
        fprintf(f, "'/><text x='%.0f' y='%.0f' fill='%s'>%s</text>\n", W - RIGHT + 12,
                TOP + 14 + 18 * i, c, b->hist_name[i]);
    }
    fputs("</svg>\n", f);
    return fclose(f) == 0 ? 0 : -errno;
}

int oct_bench_write_hlog(const struct oct_bench *b, const char *dir)
{
    char path[4096];
    int64_t now = oct_utc_ns();
    for (uint32_t i = 0; i < b->hist_cnt; i++) {
        if ((size_t)snprintf(path, sizeof(path), "%s/%s.hlog", dir, b->hist_name[i]) >=
            sizeof(path))
            return -ENAMETOOLONG;
        FILE *f = fopen(path, "w");
        if (f == NULL)
            return -errno;
        int err = oct_hist_hlog(b->hist[i], f, b->hist_name[i], now, now, true);
        if (fclose(f) != 0 && err == 0)
            err = -errno;
        if (err != 0)
            return err;
    }
    return 0;
}
