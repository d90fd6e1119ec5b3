/* top_screen.c - top on a terminal, with ncursesw. */
#include <curses.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/octopusctl/top.h"

#define TICK_MS 100

static void draw(struct oct_top *t, uint32_t scroll, const char *foot)
{
    int rows;
    int cols;
    getmaxyx(stdscr, rows, cols);
    erase();
    for (int y = 0; y < rows - 1; y++) {
        uint32_t i = y < 2 ? (uint32_t)y : (uint32_t)y + scroll;
        if (i >= t->line_cnt)
            break;
        if (y == 0 || y == 2)
            attron(y == 0 ? A_REVERSE : A_BOLD);
        mvaddnstr(y, 0, t->line[i], cols);
        if (y == 0 || y == 2)
            attroff(y == 0 ? A_REVERSE : A_BOLD);
    }
    attron(A_DIM);
    mvaddnstr(rows - 1, 0, foot, cols);
    attroff(A_DIM);
    refresh();
}

/* A line typed at the foot of the screen. */
static void ask(const char *what, char *out, int sz)
{
    int rows = getmaxy(stdscr);
    timeout(-1);
    echo();
    curs_set(1);
    mvprintw(rows - 1, 0, "%s", what);
    clrtoeol();
    getnstr(out, sz - 1);
    noecho();
    curs_set(0);
    timeout(TICK_MS);
}

/* The kill dialog leaves the screen and runs the very verb, with its questions. */
static void kill_dialog(struct oct_top *t)
{
    char scope[32] = "";
    char reason[64] = "";
    ask("kill scope (all, account:N, strategy:N; empty: none): ", scope, sizeof(scope));
    if (scope[0] == '\0')
        return;
    ask("reason: ", reason, sizeof(reason));
    def_prog_mode();
    endwin();
    char *argv[] = {"--scope", scope};
    struct oct_cli c = *t->c;
    c.verb = "kill";
    c.reason = reason[0] != '\0' ? reason : "from top";
    c.argc = 2;
    c.argv = argv;
    c.format = OCT_CLI_TABLE;
    int rc = oct_cli_kill(&c);
    fprintf(stderr, "exit status %d; press return ", rc);
    (void)getc(stdin);
    reset_prog_mode();
}

/* False to quit. */
static bool on_key(struct oct_top *t, int key, bool *paused, uint32_t *scroll)
{
    switch (key) {
    case 'q':
        return false;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
        t->pane = (enum oct_top_pane)(key - '0');
        *scroll = 0;
        break;
    case 'e':
        t->pane = OCT_TOP_ERRORS;
        *scroll = 0;
        break;
    case '?':
        t->pane = OCT_TOP_HELP;
        *scroll = 0;
        break;
    case '/':
        ask("filter: ", t->filter, sizeof(t->filter));
        break;
    case 's':
        t->by_name = !t->by_name;
        break;
    case 'r':
        t->totals = !t->totals;
        break;
    case 'p':
        *paused = !*paused;
        break;
    case 'K':
        kill_dialog(t);
        break;
    case KEY_DOWN:
        *scroll += *scroll + 3 < t->line_cnt;
        break;
    case KEY_UP:
        *scroll -= *scroll > 0;
        break;
    default:
        break;
    }
    return true;
}

int oct_top_screen(struct oct_top *t, double delay_s)
{
    bool paused = false;
    uint32_t scroll = 0;
    if (!isatty(0) || !isatty(1))
        return oct_cli_fail(t->c, OCT_CLI_USAGE, "no_terminal", "octopusctl top --batch",
                            "top wants a terminal");
    setlocale(LC_ALL, "");
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (screen == NULL)
        return oct_cli_fail(t->c, OCT_CLI_NEGATIVE, "terminal", "octopusctl top --batch",
                            "this terminal is not known");
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    timeout(TICK_MS);
    for (;;) {
        if (!paused)
            oct_top_look(t, delay_s, false);
        oct_top_page(t);
        draw(t, scroll,
             paused ? "PAUSED  p goes on  ? help  q quit"
                    : "1-6 panes  e errors  / filter  s sort  r rates  p pause  K kill  "
                      "? help  q quit");
        int key = getch();
        if (key != ERR && !on_key(t, key, &paused, &scroll))
            break;
    }
    endwin();
    delscreen(screen);
    return OCT_CLI_OK;
}
