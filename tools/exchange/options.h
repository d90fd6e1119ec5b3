/* options.h - the command line of octopus-exchange. */
#ifndef OCT_TOOLS_EXCHANGE_OPTIONS_H
#define OCT_TOOLS_EXCHANGE_OPTIONS_H

#include "tools/exchange/generator.h"
#include "tools/exchange/publisher.h"
#include "tools/exchange/session.h"

enum oct_exch_start { OCT_EXCH_START_READY = 0, OCT_EXCH_START_NOW };

struct oct_exch_user_opt {
    char name[7];
    char password[11];
    char firm[5];
};

struct oct_exch_opts {
    struct oct_sessfile_cfg session;
    struct oct_gen_cfg gen;
    struct oct_exch_pub_cfg pub;
    struct sockaddr_in order;
    struct oct_exch_user_opt user[OCT_EXCH_USER_MAX];
    uint32_t user_cnt;
    uint32_t date; /* yyyymmdd, 0 to take the source's */
    enum oct_exch_start start;
    enum oct_match_self self;
    uint32_t rec_order_cnt_max;
    uint32_t order_cnt_max;
    int64_t linger_ns;
    const char *ports_file;
    const char *record;
    const char *control;
    const char *store;
    const char *faults_text;
    char pace_text[16];
    bool exit_when_done;
    bool stay; /* after the end, until stopped: for consumers that come back */
    bool cancel_on_disconnect;
    bool describe_generator;
    bool quiet;
};

/* What --help prints. */
extern const char oct_exch_help[];

/* Reads the arguments.  0 to go on; 1 when there was nothing to do but to print (help, version);
 * -EINVAL after saying what is wrong on standard error. */
int oct_exch_options(struct oct_exch_opts *o, int argc, char **argv);

#endif
