#define _GNU_SOURCE
#include "cli/screen.h"

#include "base/error.h"
#include "base/system/clock.h"
#include "base/system/work.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SECONDS 10.0
#define LINE_SHARE 0.02 /* of the time so far: a run of days has no more than hundreds of lines */
#define MANY_EPOCHS 50  /* more than these do not get a line each */

static void write_log(void *ctx, nn_log_level level, const char *line) {
    nn_screen *screen = ctx;
    const char *kind = level == NN_LOG_WARNING ? "warning: " : "";
    if (screen->rank > 0 && level != NN_LOG_WARNING)
        return;
    nn_screen_end(screen);
    if (screen->rank > 0)
        fprintf(stderr, "nnmpi: rank %d: %s%s\n", screen->rank, kind, line);
    else
        fprintf(screen->terminal.text, "nnmpi: %s%s\n", kind, line);
}

void nn_screen_init(nn_screen *screen, const nn_launch *launch) {
    *screen = (nn_screen){.rank = launch->rank};
    nn_terminal_init(&screen->terminal, launch);
    screen->begin = nn_seconds();
    screen->drawn = screen->lined = -INFINITY;
    nn_log_to(write_log, screen, NN_LOG_INFO);
}

/* ---- when something is shown ----------------------------------------------------------------- */

static bool redraws(const nn_screen *screen) {
    return screen->terminal.fd >= 0;
}

static void draw(nn_screen *screen, double now) {
    if (!redraws(screen) || now - screen->drawn < NN_SCREEN_SECONDS || screen->stopping)
        return;
    screen->drawn = now;
    if (nn_terminal_in_front(&screen->terminal))
        nn_display_draw(&screen->display, &screen->terminal, now);
}

static void print(nn_screen *screen, const nn_status *status, double now) {
    char line[NN_DISPLAY_LINE];
    int columns = 0, rows;
    if (redraws(screen))
        nn_terminal_size(&screen->terminal, &columns, &rows);
    nn_screen_end(screen);
    fprintf(screen->terminal.text, "%s\n",
            nn_display_line(&screen->display, status, now, columns, line));
    screen->lined = now;
}

static bool is_late(const nn_screen *screen, double now) {
    return now - screen->lined >= fmax(LINE_SECONDS, LINE_SHARE * (now - screen->begin));
}

/* Whether this report deserves a line that stays. */
static bool wants_line(const nn_screen *screen, const nn_status *s, double now) {
    if (s->important && (s->epochs <= MANY_EPOCHS || s->step >= s->total_steps))
        return true;
    return (s->important || !redraws(screen)) && is_late(screen, now);
}

void nn_screen_progress(void *ctx, const nn_status *status) {
    nn_screen *screen = ctx;
    double now = nn_seconds();
    if (!screen->shows)
        return;
    nn_display_status(&screen->display, status);
    if (wants_line(screen, status, now))
        print(screen, status, now);
    draw(screen, now);
}

/* nn_work_sink */
static void show_work(void *ctx, const char *what, const char *of, int64_t done, int64_t total) {
    nn_screen *screen = ctx;
    const nn_display_work work = {.what = what, .of = of, .done = done, .total = total};
    double now = nn_seconds();
    bool long_ago = nn_display_work_at(&screen->display, &work, now);
    if (!what && !screen->display.trains)
        nn_screen_end(screen);
    if (!long_ago)
        return;
    if (!redraws(screen) && now - screen->display.work.begin >= LINE_SECONDS &&
        is_late(screen, now))
        print(screen, NULL, now);
    draw(screen, now);
}

void nn_screen_set(nn_screen *screen, bool verbose, bool quiet, nn_screen_progress_mode mode) {
    screen->verbose = verbose;
    screen->quiet = quiet;
    screen->shows = !quiet && mode != NN_SCREEN_NEVER && screen->rank == 0;
    if (!screen->shows || mode == NN_SCREEN_LINES)
        nn_terminal_release(&screen->terminal);
    else if (mode == NN_SCREEN_ALWAYS)
        nn_terminal_force(&screen->terminal);
    nn_work_to(screen->shows ? show_work : NULL, screen);
    nn_log_to(write_log, screen, verbose ? NN_LOG_DEBUG : quiet ? NN_LOG_WARNING : NN_LOG_INFO);
}

void nn_screen_release(nn_screen *screen) {
    nn_screen_end(screen);
    nn_terminal_release(&screen->terminal);
}

/* ---- the end --------------------------------------------------------------------------------- */

void nn_screen_error(nn_screen *screen) {
    char rank[320] = "", host[256] = "unknown host";
    FILE *text = screen->terminal.text;
    gethostname(host, sizeof host - 1);
    if (screen->rank > 0)
        snprintf(rank, sizeof rank, "rank %d on %s: ", screen->rank, host);
    nn_screen_end(screen);
    fprintf(text, "nnmpi: %s%s\n", rank, nn_error_message());
    if (screen->verbose)
        fprintf(text, "nnmpi: trace: %s\n", nn_error_trace());
}

void nn_screen_stop(nn_screen *screen, nn_guard_word word) {
    screen->stopping = true;
    nn_screen_end(screen);
    if (screen->rank > 0)
        return;
    if (word == NN_GUARD_INTERRUPTED)
        fprintf(screen->terminal.text, "nnmpi: interrupted: this step, then a checkpoint; a second "
                                       "Ctrl-C ends at once, without it\n");
    else if (word == NN_GUARD_KILLED)
        fprintf(screen->terminal.text, "nnmpi: ended at once by a second Ctrl-C: steps since the "
                                       "last checkpoint are lost; to go on from it, run again with "
                                       "--resume\n");
}

void nn_screen_end(nn_screen *screen) {
    nn_display_clear(&screen->display, &screen->terminal);
}
