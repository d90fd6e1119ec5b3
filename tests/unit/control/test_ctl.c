#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/control/rig.h"

static struct rig r;
static struct oct_buf in;

static const char *limit_row(void *self, const char *scope, const char *who, const char *name,
                             const char *value, struct oct_in_cmd *row)
{
    (void)self;
    (void)who;
    if (strcmp(name, "position") != 0 || strcmp(scope, "firm") != 0)
        return "no such limit";
    row->key = 5;
    row->value = atoi(value);
    return NULL;
}

static uint32_t limit_version(void *self)
{
    (void)self;
    return 41;
}

static void up(void)
{
    struct oct_web_cfg cfg = {.version = "t",
                              .host = {.limit_row = limit_row, .limit_version = limit_version}};
    rig_start(&r, &cfg);
    rig_add(&r, 3, "AAPL", 1, OCT_BUY, 1872400, 300);
}

static void down(void)
{
    rig_stop(&r);
    oct_buf_fini(&in);
}

TestSuite(ctl, .init = up, .fini = down, .timeout = 30);

static const char *ask(int fd, const char *line)
{
    oct_buf_reset(&in);
    rig_say(&r, fd, line);
    rig_say(&r, fd, "\n");
    cr_assert(rig_wait(&r, fd, &in, "\n"), "no answer to %s", line);
    oct_buf_chr(&in, '\0');
    return (const char *)in.p;
}

Test(ctl, answers_are_the_objects_of_rest)
{
    int fd = rig_connect_ctl(&r);
    rig_order(&r, 7, 3, OCT_BUY, 1872000, 100);
    const char *a = ask(fd, "{\"id\":\"1\",\"verb\":\"order.list\"}");
    const char *rest = strstr(rig_fetch(&r, "/api/orders/"), "\r\n\r\n") + 4;
    const char *data = strstr(a, "\"data\":") + 7;
    cr_expect_eq(strncmp(a, "{\"id\":\"1\",\"ok\":true,", 20), 0, "%s", a);
    cr_expect_eq(strncmp(data, rest, strlen(rest) - 1), 0, "%s\n%s", data, rest);
    a = ask(fd,
            "{\"id\":\"2\",\"verb\":\"book.show\",\"args\":{\"symbol\":\"AAPL\",\"depth\":\"3\"}}");
    cr_expect_not_null(strstr(a, "\"bids\":[[\"187.2400\",\"300\",1]]"));
    a = ask(fd, "{\"verb\":\"order.trace\",\"args\":{\"id\":\"7\"}}");
    cr_expect_not_null(strstr(a, "\"signal\":{"));
    a = ask(fd, "{\"verb\":\"status\"}");
    cr_expect_not_null(strstr(a, "\"status\":\"ok\""));
    close(fd);
}

Test(ctl, nonsense_is_a_problem_and_the_socket_lives)
{
    static const struct {
        const char *line;
        const char *want;
    } bad[] = {
        {"nonsense", "\"status\":400"},
        {"{}", "\"status\":400"},
        {"[1]", "\"status\":400"},
        {"{\"verb\":\"status\",\"args\":[]}", "\"status\":400"},
        {"{\"verb\":\"none\"}", "\"status\":404"},
        {"{\"verb\":\"book.show\"}", "\"status\":400"},
        {"{\"verb\":\"book.show\",\"args\":{\"symbol\":\"ZZ\"}}", "\"status\":404"},
        {"{\"verb\":\"order.show\",\"args\":{\"id\":\"x\"}}", "\"status\":422"},
        {"{\"verb\":\"order.show\",\"args\":{\"id\":\"9\"}}", "\"status\":404"},
        {"{\"verb\":\"order.list\",\"args\":{\"status\":\"x\"}}", "\"status\":422"},
        {"{\"verb\":\"order.list\",\"args\":{\"limit\":-5}}", "\"status\":422"},
        {"{\"verb\":\"command\",\"args\":{\"cmd\":\"limit_commit\"}}", "\"status\":422"},
        {"{\"verb\":\"risk.set\",\"args\":{\"limits\":[]}}", "\"status\":422"},
        {"{\"verb\":\"risk.set\",\"args\":{\"limits\":[{\"name\":\"x\"}]}}", "\"status\":422"},
    };
    int fd = rig_connect_ctl(&r);
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        const char *a = ask(fd, bad[i].line);
        cr_expect_not_null(strstr(a, "\"ok\":false"), "%s: %s", bad[i].line, a);
        cr_expect_not_null(strstr(a, bad[i].want), "%s: %s", bad[i].line, a);
    }
    cr_expect_eq(r.cmd_cnt, 0, "nothing went to the lane");
    close(fd);
}

Test(ctl, line_without_end_closes_the_socket)
{
    int fd = rig_connect_ctl(&r);
    static char a[100000];
    memset(a, 'a', sizeof(a));
    rig_send(&r, fd, a, sizeof(a));
    cr_expect(rig_wait_closed(&r, fd, &in, 1000));
    close(fd);
}

static void result(uint64_t cmd_id, uint16_t cmd, enum oct_cmd_result_kind kind)
{
    struct oct_cmd_result res = {OCT_MSG_HDR(CMD_RESULT, cmd_result), .cmd_id = cmd_id, .cmd = cmd,
                                 .result = (uint8_t)kind};
    oct_mirror_record(&r.mirror, &res.hdr);
}

Test(ctl, command_waits_for_the_lane_and_gives_its_answer)
{
    int fd = rig_connect_ctl(&r);
    rig_say(&r, fd,
            "{\"id\":\"c\",\"verb\":\"command\",\"args\":{\"cmd\":\"cancel_all\","
            "\"scope\":\"strategy\",\"strategy\":2,\"user\":\"ann\"}}\n");
    rig_turn(&r, 20);
    cr_assert_eq(r.cmd_cnt, 1);
    cr_expect_eq(r.cmd[0].cmd, OCT_CMD_CANCEL_ALL);
    cr_expect_eq(r.cmd[0].scope, OCT_SCOPE_STRATEGY);
    cr_expect_eq(r.cmd[0].strategy, 2);
    cr_expect_eq(memcmp(r.cmd[0].user.c, "ann     ", 8), 0);
    result(99, OCT_CMD_CANCEL_ALL, OCT_CMD_RESULT_DONE); /* somebody else's */
    rig_turn(&r, 5);
    cr_expect_eq(read(fd, (char[1]){0}, 1), -1, "no answer yet");
    result(100, OCT_CMD_CANCEL_ALL, OCT_CMD_RESULT_REFUSED);
    cr_assert(rig_wait(&r, fd, &in, "\n"));
    oct_buf_chr(&in, '\0');
    cr_expect_not_null(strstr((char *)in.p, "\"id\":\"c\",\"ok\":true,\"data\":{\"cmd_id\":\"100\","
                                            "\"cmd\":\"cancel_all\",\"result\":\"refused\""),
                       "%s", in.p);
    close(fd);
}

Test(ctl, command_without_answer_has_an_unknown_outcome)
{
    int fd = rig_connect_ctl(&r);
    rig_say(&r, fd, "{\"id\":\"c\",\"verb\":\"command\",\"args\":{\"cmd\":\"reduce\"}}\n");
    rig_turn(&r, 2100);
    cr_assert(rig_wait(&r, fd, &in, "\n"));
    oct_buf_chr(&in, '\0');
    cr_expect_not_null(strstr((char *)in.p, "\"code\":\"TIMEOUT\""));
    r.attached = false;
    cr_expect_not_null(strstr(ask(fd, "{\"verb\":\"command\",\"args\":{\"cmd\":\"reduce\"}}"),
                              "\"code\":\"NOT_RUNNING\""));
    close(fd);
}

Test(ctl, limits_go_out_as_begin_rows_commit_and_the_first_refusal_is_the_answer)
{
    int fd = rig_connect_ctl(&r);
    rig_say(&r, fd,
            "{\"id\":\"l\",\"verb\":\"risk.set\",\"args\":{\"limits\":["
            "{\"scope\":\"firm\",\"name\":\"position\",\"value\":\"5\"},"
            "{\"scope\":\"firm\",\"name\":\"position\",\"value\":\"6\"}]}}\n");
    rig_turn(&r, 20);
    cr_assert_eq(r.cmd_cnt, 4);
    cr_expect_eq(r.cmd[0].cmd, OCT_CMD_LIMIT_BEGIN);
    cr_expect_eq(r.cmd[1].cmd, OCT_CMD_LIMIT_ROW);
    cr_expect_eq(r.cmd[2].value, 6);
    cr_expect_eq(r.cmd[3].cmd, OCT_CMD_LIMIT_COMMIT);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(r.cmd[i].version, 42);
    result(100, OCT_CMD_LIMIT_BEGIN, OCT_CMD_RESULT_DONE);
    result(101, OCT_CMD_LIMIT_ROW, OCT_CMD_RESULT_BAD_VALUE);
    result(102, OCT_CMD_LIMIT_ROW, OCT_CMD_RESULT_DONE);
    result(103, OCT_CMD_LIMIT_COMMIT, OCT_CMD_RESULT_DONE);
    cr_assert(rig_wait(&r, fd, &in, "\n"));
    oct_buf_chr(&in, '\0');
    cr_expect_not_null(strstr((char *)in.p, "\"cmd_id\":\"101\",\"cmd\":\"limit_row\","
                                            "\"result\":\"bad_value\""),
                       "%s", in.p);
    close(fd);
}

Test(ctl, limits_that_are_only_checked_go_nowhere)
{
    int fd = rig_connect_ctl(&r);
    rig_say(&r, fd,
            "{\"verb\":\"risk.set\",\"args\":{\"check\":true,\"limits\":["
            "{\"scope\":\"firm\",\"name\":\"position\",\"value\":\"5\"}]}}\n");
    cr_assert(rig_wait(&r, fd, &in, "\n"));
    oct_buf_chr(&in, '\0');
    cr_expect_not_null(strstr((char *)in.p, "\"checked\":1"), "%s", in.p);
    cr_expect_eq(r.cmd_cnt, 0);
    close(fd);
}

Test(ctl, answer_for_a_client_that_left_goes_nowhere)
{
    int fd = rig_connect_ctl(&r);
    rig_say(&r, fd, "{\"id\":\"c\",\"verb\":\"command\",\"args\":{\"cmd\":\"reduce\"}}\n");
    rig_turn(&r, 10);
    close(fd);
    rig_turn(&r, 10);
    result(100, OCT_CMD_REDUCE, OCT_CMD_RESULT_DONE);
    rig_turn(&r, 5);
}
