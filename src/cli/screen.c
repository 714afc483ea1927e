#define _GNU_SOURCE
#include "cli/screen.h"

#include "base/clock.h"

#include <nnmpi/error.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.2
#define LINE_SECONDS 10.0
#define MANY_EPOCHS 50 /* more than these get at most one line a second */

static void write_log(void *ctx, nn_log_level level, const char *line) {
    nn_screen *screen = ctx;
    const char *kind = level == NN_LOG_WARNING ? "warning: " : "";
    if (screen->rank > 0 && level != NN_LOG_WARNING)
        return;
    nn_screen_end(screen);
    if (screen->rank > 0)
        fprintf(stderr, "nnmpi: rank %d: %s%s\n", screen->rank, kind, line);
    else
        fprintf(stderr, "nnmpi: %s%s\n", kind, line);
}

void nn_screen_init(nn_screen *screen, int rank) {
    const char *term = getenv("TERM");
    *screen = (nn_screen){.rank = rank};
    screen->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    screen->drawn = screen->lined = -INFINITY;
    nn_log_to(write_log, screen, NN_LOG_INFO);
}

void nn_screen_set(nn_screen *screen, bool verbose, bool quiet) {
    screen->verbose = verbose;
    screen->quiet = quiet;
    nn_log_to(write_log, screen, verbose ? NN_LOG_DEBUG : quiet ? NN_LOG_WARNING : NN_LOG_INFO);
}

void nn_screen_error(nn_screen *screen) {
    if (screen->rank > 0)
        return;
    nn_screen_end(screen);
    fprintf(stderr, "nnmpi: %s\n", nn_error_message());
    if (screen->verbose)
        fprintf(stderr, "nnmpi: trace: %s\n", nn_error_trace());
}

void nn_screen_end(nn_screen *screen) {
    if (screen->live)
        fputc('\n', stderr);
    screen->live = false;
}

/* "1:02:03" or "0:42"; "" when it is not known. */
static void time_text(double seconds, char *text, size_t size) {
    text[0] = '\0';
    if (!(seconds >= 0) || seconds > 1e9)
        return;
    long s = lround(seconds);
    if (s >= 3600)
        snprintf(text, size, "  %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "  %ld:%02ld left", s / 60, s % 60);
}

static size_t append(char *line, size_t size, size_t used, const char *name, double value) {
    int n = snprintf(line + used, size - used, "  %s %.4g", name, value);
    return n < 0 || used + (size_t)n >= size ? size - 1 : used + (size_t)n;
}

static void status_text(const nn_status *s, char *line, size_t size) {
    char left[64];
    const nn_evaluation *v = s->validation;
    int n = snprintf(line, size, "epoch %lld/%lld  step %lld/%lld  loss %.4g", (long long)s->epoch,
                     (long long)s->epochs, (long long)s->step, (long long)s->total_steps, s->loss);
    size_t used = n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
    if (v) {
        n = snprintf(line + used, size - used, "  %s:", v->split);
        used += n > 0 && (size_t)n < size - used ? (size_t)n : 0;
        used = append(line, size, used, "loss", v->loss);
        for (size_t i = 0; i < v->measures; i++)
            used = append(line, size, used, v->measure[i].name, v->measure[i].value);
    }
    time_text(s->seconds_left, left, sizeof left);
    snprintf(line + used, size - used, "  %.0f samples/s%s", s->samples_per_s, left);
}

/* Whether this report deserves a line that stays. */
static bool wants_line(const nn_screen *screen, const nn_status *s, double now) {
    if (s->important)
        return s->epochs <= MANY_EPOCHS || s->step >= s->total_steps || now - screen->lined >= 1;
    return !screen->terminal && now - screen->lined >= LINE_SECONDS;
}

void nn_screen_progress(void *ctx, const nn_status *status) {
    nn_screen *screen = ctx;
    char line[512];
    double now = nn_seconds();
    bool stays = wants_line(screen, status, now);
    bool redraw = screen->terminal && now - screen->drawn >= REDRAW_SECONDS;
    if (screen->quiet || !(stays || redraw))
        return;
    status_text(status, line, sizeof line);
    fprintf(stderr, screen->terminal ? "\r\033[K%s" : "%s", line);
    if (stays)
        fputc('\n', stderr);
    fflush(stderr);
    screen->live = !stays;
    screen->drawn = now;
    if (stays)
        screen->lined = now;
}
