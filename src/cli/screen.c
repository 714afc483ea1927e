#define _GNU_SOURCE
#include "cli/screen.h"

#include "base/error.h"
#include "base/system/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.2
#define LINE_SECONDS 10.0
#define MANY_EPOCHS 50 /* more than these do not get a line each */

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
    char rank[320] = "", host[256] = "unknown host";
    gethostname(host, sizeof host - 1);
    if (screen->rank > 0)
        snprintf(rank, sizeof rank, "rank %d on %s: ", screen->rank, host);
    nn_screen_end(screen);
    fprintf(stderr, "nnmpi: %s%s\n", rank, nn_error_message());
    if (screen->verbose)
        fprintf(stderr, "nnmpi: trace: %s\n", nn_error_trace());
}

void nn_screen_end(nn_screen *screen) {
    if (screen->live)
        fputc('\n', stderr);
    screen->live = false;
}

/* A line under construction; what does not fit is left out. No allocation: steps are being timed.
 */
typedef struct line {
    char text[512];
    size_t used;
} line;

__attribute__((format(printf, 2, 3))) static void append(line *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->text + l->used, sizeof l->text - l->used, format, args);
    va_end(args);
    if (n > 0)
        l->used += (size_t)n;
    if (l->used >= sizeof l->text)
        l->used = sizeof l->text - 1;
}

static void append_time(line *l, double seconds) {
    long s = seconds > 0 && seconds < 1e9 ? lround(seconds) : 0;
    if (s >= 3600)
        append(l, "  %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else if (s > 0)
        append(l, "  %ld:%02ld left", s / 60, s % 60);
}

static void describe(line *l, const nn_status *s) {
    const nn_evaluation *v = s->validation;
    append(l, "epoch %lld/%lld  step %lld/%lld", (long long)s->epoch, (long long)s->epochs,
           (long long)s->step, (long long)s->total_steps);
    if (!v)
        append(l, "  loss %.4g", nn_plain_nan(s->loss));
    else
        append(l, "  %s: loss %.4g", nn_evaluation_split(v), nn_plain_nan(nn_evaluation_loss(v)));
    for (size_t i = 0; v && i < nn_evaluation_metrics(v); i++) {
        const nn_metric_value *m = nn_evaluation_metric(v, i);
        if (!m->table_only)
            append(l, "  %s %.4g", m->name, nn_plain_nan(m->value));
    }
    if (s->samples_per_s > 0)
        append(l, "  %.0f samples/s", s->samples_per_s);
    append_time(l, s->seconds_left);
}

/* Characters that a redrawn line may have so that it does not wrap. */
static int width(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

/* Whether this report deserves a line that stays. */
static bool wants_line(const nn_screen *screen, const nn_status *s, double now) {
    if (s->important && (s->epochs <= MANY_EPOCHS || s->step >= s->total_steps))
        return true;
    return (s->important || !screen->terminal) && now - screen->lined >= LINE_SECONDS;
}

void nn_screen_progress(void *ctx, const nn_status *status) {
    nn_screen *screen = ctx;
    line l = {.used = 0};
    double now = nn_seconds();
    bool stays = wants_line(screen, status, now);
    bool redraw = screen->terminal && now - screen->drawn >= REDRAW_SECONDS;
    if (screen->quiet || !(stays || redraw))
        return;
    describe(&l, status);
    if (stays)
        fprintf(stderr, "%s%s\n", screen->terminal ? "\r\033[K" : "", l.text);
    else
        fprintf(stderr, "\r\033[K%.*s", width(), l.text);
    screen->live = !stays;
    screen->drawn = now;
    if (stays)
        screen->lined = now;
}
