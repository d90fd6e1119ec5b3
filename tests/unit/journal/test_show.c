#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/journal/recover.h"
#include "dataplane/journal/show.h"
#include "tests/unit/journal/kit.h"
#include "tests/unit/keep.h"

static char *dir;
static char *text;
static size_t text_sz;
static FILE *out;

static void setup(void)
{
    dir = kit_dir();
    out = open_memstream(&text, &text_sz);
}

static void teardown(void)
{
    kit_remove(dir);
}

TestSuite(show, .init = setup, .fini = teardown);

static json_t *parsed(void)
{
    json_error_t e;

    fflush(out);
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    cr_assert_not_null(j, "%s in %s", e.text, text);
    return test_keep(j);
}

static const char *str(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    cr_assert_not_null(s, "%s", key);
    return s;
}

static void damage(void)
{
    FILE *f = fopen(kit_segment(dir, 0), "r+");

    fseek(f, OCT_SEG_HDR_SZ + 150, SEEK_SET);
    fputc(0x7f, f);
    fclose(f);
}

Test(show, ls_lists_every_segment_of_every_lane)
{
    kit_record(dir, 1, 40, OCT_DURABILITY_GROUP, 0, 0xabc);
    kit_record(dir, 41, 50, OCT_DURABILITY_STRICT, 0, 0xabd);
    cr_assert_eq(oct_journal_show_ls(dir, true, false, out), 0);
    json_t *j = parsed();
    cr_assert_eq(json_array_size(j), 2);
    const json_t *s = json_array_get(j, 1);
    cr_assert_str_eq(str(s, "first_input"), "41");
    cr_assert_str_eq(str(s, "last_input"), "50");
    cr_assert_str_eq(str(s, "mode"), "strict");
    cr_assert_str_eq(str(s, "run_id"), "0000000000000abd");
    cr_assert_str_eq(str(s, "file"), kit_segment(dir, 1));
    cr_assert(json_is_true(json_object_get(s, "ended")));
    rewind(out);
    cr_assert_eq(oct_journal_show_ls(dir, false, false, out), 0);
    fflush(out);
    cr_assert(strstr(text, "FIRST") && strstr(text, kit_segment(dir, 0)));
}

Test(show, ls_tells_of_what_was_set_aside_and_of_the_records_of_its_ring)
{
    struct oct_mark m = {OCT_MSG_HDR(MARK, mark), .mark = 9};
    char where[256], path[300];

    kit_record(dir, 1, 40, OCT_DURABILITY_ASYNC, 0, 1);
    cr_assert_eq(oct_journal_set_aside(dir, 0, where), 0);
    snprintf(path, sizeof path, "%s/ring.records", where);
    FILE *f = fopen(path, "w");
    fwrite(&m, sizeof m, 1, f);
    fwrite(&m, sizeof m, 1, f);
    fwrite(&m, sizeof m - 8, 1, f); /* cut short */
    fclose(f);
    cr_assert_eq(oct_journal_show_ls(dir, true, false, out), 0);
    json_t *j = parsed();
    cr_assert_eq(json_array_size(j), 1);
    const json_t *s = json_array_get(j, 0);
    cr_assert_str_eq(str(s, "set_aside"), strrchr(where, '/') + 1);
    cr_assert_str_eq(str(s, "segments"), "1");
    cr_assert_str_eq(str(s, "ring_records"), "2");
    rewind(out);
    cr_assert_eq(oct_journal_show_ls(dir, false, false, out), 0);
    fflush(out);
    cr_assert(strstr(text, "RING RECORDS") && strstr(text, strrchr(where, '/') + 1));
}

Test(show, nothing_found_is_code_4)
{
    cr_assert_eq(oct_journal_show_ls(dir, true, false, out), 4);
    cr_assert_eq(json_array_size(parsed()), 0);
    cr_assert_eq(oct_journal_show_verify(dir, false, false, out), 4);
    cr_assert_eq(oct_journal_show_cat(dir, &(struct oct_journal_cat){0}, out, stderr), 4);
}

Test(show, cat_gives_one_object_a_line_within_its_bounds)
{
    struct oct_journal_cat opt = {.from_input = 10, .to_input = 19, .type = "verdict"};
    json_t *o;

    kit_record(dir, 1, 40, OCT_DURABILITY_ASYNC, 0, 1);
    cr_assert_eq(oct_journal_show_cat(dir, &opt, out, stderr), 0);
    fclose(out);
    uint64_t want = 12;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), want += 3) {
        o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(o, "%s", line);
        cr_assert_str_eq(str(o, "type"), "verdict");
        cr_assert_eq(strtoull(str(o, "intent_id"), NULL, 10), want);
        json_decref(o);
    }
    cr_assert_eq(want, 21);
}

Test(show, cat_stops_at_its_limit_and_refuses_unknown_names)
{
    struct oct_journal_cat opt = {.limit = 5};
    uint32_t lines = 0;

    kit_record(dir, 1, 40, OCT_DURABILITY_ASYNC, 0, 1);
    cr_assert_eq(oct_journal_show_cat(dir, &opt, out, stderr), 0);
    fflush(out);
    for (size_t i = 0; i < text_sz; i++)
        lines += text[i] == '\n';
    cr_assert_eq(lines, 5);
    FILE *err = fopen("/dev/null", "w");
    opt.type = "nonsense";
    cr_assert_eq(oct_journal_show_cat(dir, &opt, out, err), 4);
    fclose(err);
}

Test(show, what_is_being_written_is_no_damage)
{
    uint64_t off, sz;

    kit_crash(dir, 1, 12, 0, 9);
    kit_last_block(kit_segment(dir, 0), &off, &sz);
    cr_assert_eq(truncate(kit_segment(dir, 0), (off_t)(off + 64)), 0);
    cr_assert_eq(oct_journal_show_verify(dir, true, true, out), 0);
    cr_assert_str_eq(str(json_array_get(parsed(), 0), "state"), "live");
    rewind(out);
    cr_assert_eq(oct_journal_show_verify(dir, true, false, out), 1);
    cr_assert_str_eq(str(json_array_get(parsed(), 0), "state"), "torn_tail");
    rewind(out);
    cr_assert_eq(oct_journal_show_ls(dir, true, true, out), 0);
}

Test(show, verify_tells_good_from_damaged)
{
    kit_record(dir, 1, 40, OCT_DURABILITY_ASYNC, 0, 1);
    cr_assert_eq(oct_journal_show_verify(dir, true, false, out), 0);
    cr_assert_str_eq(str(json_array_get(parsed(), 0), "state"), "good");
    damage();
    rewind(out);
    cr_assert_eq(oct_journal_show_verify(dir, true, false, out), 1);
    const json_t *o = json_array_get(parsed(), 0);
    cr_assert_str_eq(str(o, "state"), "damaged");
    const json_t *e = json_object_get(o, "error");
    cr_assert_str_eq(str(e, "offset"), "4096");
    cr_assert_str_eq(str(e, "file"), kit_segment(dir, 0));
    char *err_text;
    size_t err_sz;
    FILE *err = open_memstream(&err_text, &err_sz);
    cr_assert_eq(oct_journal_show_cat(dir, &(struct oct_journal_cat){0}, out, err), 1);
    fclose(err);
    cr_assert(strstr(err_text, ":4096: "), "%s", err_text);
    free(err_text);
}
