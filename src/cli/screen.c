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

/* Clears the display and writes a text that stays. Who cannot wait endlessly does not wait for
 * another thread either, which may be in the middle of a write to a reader that stands still. */
static void say(nn_screen *screen, int milliseconds, const char *text) {
    bool alone = (milliseconds < 0 ? pthread_mutex_lock(&screen->writing)
                                   : pthread_mutex_trylock(&screen->writing)) == 0;
    if (alone)
        nn_display_clear(&screen->display, &screen->terminal);
    nn_terminal_write(screen->terminal.text, milliseconds, text, strlen(text));
    if (alone)
        pthread_mutex_unlock(&screen->writing);
}

static void write_log(void *ctx, nn_log_level level, const char *line) {
    nn_screen *screen = ctx;
    const char *kind = level == NN_LOG_WARNING ? "warning: " : "";
    char text[2200], rank[32] = "";
    if (screen->rank > 0 && level != NN_LOG_WARNING)
        return;
    if (screen->rank > 0)
        snprintf(rank, sizeof rank, "rank %d: ", screen->rank);
    snprintf(text, sizeof text, "nnmpi: %s%s%s\n", rank, kind, line);
    say(screen, -1, text);
}

void nn_screen_init(nn_screen *screen, const nn_launch *launch) {
    *screen = (nn_screen){.rank = launch->rank, .writing = PTHREAD_MUTEX_INITIALIZER};
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
    if (!redraws(screen) || now - screen->drawn < NN_SCREEN_SECONDS ||
        pthread_mutex_trylock(&screen->writing) != 0)
        return;
    screen->drawn = now;
    if (!screen->stopping && nn_terminal_in_front(&screen->terminal))
        nn_display_draw(&screen->display, &screen->terminal, now);
    pthread_mutex_unlock(&screen->writing);
}

static void print(nn_screen *screen, const nn_status *status, double now) {
    char line[NN_DISPLAY_LINE], text[NN_DISPLAY_LINE + 1];
    int columns = 0, rows;
    if (redraws(screen))
        nn_terminal_size(&screen->terminal, &columns, &rows);
    snprintf(text, sizeof text, "%s\n",
             nn_display_line(&screen->display, status, now, columns, line));
    say(screen, -1, text);
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

void nn_screen_begin(nn_screen *screen, const nn_display_part *part) {
    if (screen->shows)
        nn_display_begin(&screen->display, part);
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

void nn_screen_error(nn_screen *screen, int milliseconds) {
    char rank[320] = "", host[256] = "unknown host", trace[1100] = "", text[2500];
    gethostname(host, sizeof host - 1);
    if (screen->rank > 0)
        snprintf(rank, sizeof rank, "rank %d on %s: ", screen->rank, host);
    if (screen->verbose)
        snprintf(trace, sizeof trace, "nnmpi: trace: %s\n", nn_error_trace());
    snprintf(text, sizeof text, "nnmpi: %s%s\n%s", rank, nn_error_message(), trace);
    say(screen, milliseconds, text);
}

void nn_screen_stop(nn_screen *screen, nn_guard_word word) {
    static const char *const text[] = {
        [NN_GUARD_ASKED] = "",
        [NN_GUARD_INTERRUPTED] = "nnmpi: interrupted: this step, then a checkpoint; a second "
                                 "Ctrl-C ends at once, without it\n",
        [NN_GUARD_KILLED] = "nnmpi: ended at once by a second Ctrl-C: steps since the last "
                            "checkpoint are lost; to go on from it, run again with --resume\n"};
    screen->stopping = true;
    if (screen->rank == 0)
        say(screen, 0, text[word]);
}

void nn_screen_end(nn_screen *screen) {
    say(screen, -1, "");
}
