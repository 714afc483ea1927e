#include "cli/display.h"

#include "base/numbers/elementary.h"
#include "base/text.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_AFTER 1.0 /* seconds that work lasts before it is shown */
#define MOST_BAR 30     /* columns */
#define LEAST_BAR 5

/* SGR parameters of ECMA-48, which terminals call colours. */
#define PLAIN ""
#define BOLD "1"
#define DIM "2"
#define GREEN "32"
#define CYAN "36"

/* ---- rows ------------------------------------------------------------------------------------ */

/* Rows under construction, of parts with two spaces between: a part that does not fit into what is
 * left of its row is left out. */
typedef struct canvas {
    char *text;
    size_t size, used;
    int columns, left; /* of a row, and of this one */
    int rows, most;    /* rows that are begun, and that there may be */
    bool colour, utf8;
} canvas;

static bool is_empty(const canvas *c) {
    return c->left == c->columns;
}

static void append(canvas *c, const char *text) {
    size_t length = strlen(text);
    if (c->used + length < c->size) {
        memcpy(c->text + c->used, text, length + 1);
        c->used += length;
    }
}

/* A part in that colour. */
__attribute__((format(printf, 3, 4))) static void put(canvas *c, const char *colour,
                                                      const char *format, ...) {
    char part[256], styled[300];
    va_list args;
    va_start(args, format);
    nn_text_line(part, sizeof part, format, args); /* names of files may hold anything */
    va_end(args);
    int columns = nn_text_columns(part) + (is_empty(c) ? 0 : 2);
    if (!*part || columns > c->left)
        return;
    if (!is_empty(c))
        append(c, "  ");
    if (c->colour && *colour)
        snprintf(styled, sizeof styled, "\033[%sm%s\033[0m", colour, part);
    else
        snprintf(styled, sizeof styled, "%s", part);
    append(c, styled);
    c->left -= columns;
}

/* The next row, unless this one is empty. False: there is no room for one. */
static bool next_row(canvas *c) {
    if (is_empty(c))
        return true;
    if (c->rows == c->most)
        return false;
    append(c, "\033[K\r\n");
    c->rows++;
    c->left = c->columns;
    return true;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* In eighths of a character where the terminal has them. */
static void put_bar(canvas *c, double share, int columns) {
    static const char *const eighth[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    char text[4 * MOST_BAR + 1] = "";
    canvas bar = {.text = text, .size = sizeof text};
    int eighths = (int)floor(fmin(fmax(share, 0), 1) * columns * 8);
    if (columns < LEAST_BAR)
        return;
    for (int i = 0; i < columns; i++, eighths -= 8) {
        if (eighths >= 8)
            append(&bar, c->utf8 ? "█" : "#");
        else if (eighths > 0 && c->utf8)
            append(&bar, eighth[eighths]);
        else
            append(&bar, c->utf8 ? "░" : ".");
    }
    put(c, GREEN, "%s", text);
}

/* A bar and its percentage, and behind them a text, where there is room for it and a bar. */
static void put_share(canvas *c, double share, const char *text) {
    int behind = 2 + nn_text_columns(text), room = c->left - 2 - (int)strlen("  100 %");
    bool fits = room - behind >= LEAST_BAR;
    room -= fits ? behind : 0;
    put_bar(c, share, room < MOST_BAR ? room : MOST_BAR);
    put(c, PLAIN, "%3.0f %%", floor(100 * share));
    if (fits)
        put(c, PLAIN, "%s", text);
}

#define TIME_TEXT 48
/* "1:02:03 left"; "" of what has no end. */
static const char *time_text(double seconds, const char *what, char text[TIME_TEXT]) {
    long s = seconds < 1e9 ? lround(seconds) : -1;
    *text = '\0';
    if (s >= 3600)
        snprintf(text, TIME_TEXT, "%ld:%02ld:%02ld %s", s / 3600, s / 60 % 60, s % 60, what);
    else if (s >= 0)
        snprintf(text, TIME_TEXT, "%ld:%02ld %s", s / 60, s % 60, what);
    return text;
}

#define STEP_TEXT 48
/* "step 9/27"; some runs have no planned end. */
static void step_text(const nn_status *s, char text[STEP_TEXT]) {
    if (s->total_steps == INT64_MAX)
        snprintf(text, STEP_TEXT, "step %lld", (long long)s->step);
    else
        snprintf(text, STEP_TEXT, "step %lld/%lld", (long long)s->step, (long long)s->total_steps);
}

static nn_validated validated(const nn_status *s) {
    const nn_evaluation *e = s->validation;
    nn_validated v = {.split = nn_evaluation_split(e), .step = s->step, .count = 1};
    v.of[0].name = "loss";
    v.of[0].value = nn_evaluation_loss(e);
    for (size_t i = 0; i < nn_evaluation_metrics(e) && v.count < NN_DISPLAY_VALUES; i++) {
        const nn_metric_value *m = nn_evaluation_metric(e, i);
        if (m->table_only)
            continue;
        v.of[v.count].name = m->name;
        v.of[v.count++].value = m->value;
    }
    return v;
}

/* "valid: loss 0.4 (best 0.3)  accuracy 0.9" */
static void put_values(canvas *c, const nn_validated *v, const nn_status *s) {
    for (size_t i = 0; i < v->count; i++) {
        char split[32] = "", best[32] = "";
        bool watched = s->best_step >= 0 && strcmp(v->of[i].name, s->best_metric) == 0;
        bool is_best = watched && s->best_step == v->step;
        if (i == 0)
            snprintf(split, sizeof split, "%s: ", v->split);
        if (is_best)
            snprintf(best, sizeof best, " (best)");
        else if (watched)
            snprintf(best, sizeof best, " (best %.4g)", s->best_value);
        put(c, is_best ? GREEN : PLAIN, "%s%s %.4g%s", split, v->of[i].name,
            nn_plain_nan(v->of[i].value), best);
    }
}

/* 0 to 7. By the logarithm where there is one: losses of the first steps are large, and how it goes
 * on is what people look at. */
static int level(double value, double low, double high) {
    double share = low > 0 ? nn_logarithm(value / low) / nn_logarithm(high / low)
                           : (value - low) / (high - low);
    return high > low ? (int)fmin(8 * share, 7) : 0;
}

static void put_spark(canvas *c, const nn_display *d, int columns) {
    static const char *const block[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const sign[] = {"_", ".", ",", "-", "=", "+", "*", "#"};
    char text[4 * NN_DISPLAY_SPARKS + 1] = "";
    canvas curve = {.text = text, .size = sizeof text};
    size_t first = columns > 0 && d->sparks > (size_t)columns ? d->sparks - (size_t)columns : 0;
    double low = INFINITY, high = -INFINITY;
    if (columns <= 0 || d->sparks == 0)
        return;
    for (size_t i = first; i < d->sparks; i++) {
        low = fmin(low, d->spark[i]);
        high = fmax(high, d->spark[i]);
    }
    for (size_t i = first; i < d->sparks; i++)
        append(&curve, (c->utf8 ? block : sign)[level(d->spark[i], low, high)]);
    put(c, CYAN, "%s", text);
}

/* Of the whole, of which the training is a part. */
static double share_of(const nn_display_part *part, const nn_status *s) {
    int64_t until = part->until ? part->until : s->epochs;
    double done =
        (double)(s->epoch - 1 - part->from) + (double)s->epoch_step / (double)s->epoch_steps;
    return part->share + part->adds * fmin(fmax(done / (double)(until - part->from), 0), 1);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static void put_training(canvas *c, const nn_display *d) {
    const nn_status *s = &d->status;
    char step[STEP_TEXT], lr[32], time[TIME_TEXT];
    if (*d->part.title) {
        put(c, BOLD, "%s", d->part.title);
        put_share(c, share_of(&d->part, s), d->part.detail);
        if (!next_row(c))
            return;
    }
    step_text(s, step);
    put(c, BOLD, "epoch %lld/%lld", (long long)s->epoch, (long long)s->epochs);
    put_share(c, (double)s->epoch_step / (double)s->epoch_steps, step);
    if (!next_row(c))
        return;
    snprintf(lr, sizeof lr, "lr %.4g", s->lr);
    put(c, BOLD, "loss %.4g", nn_plain_nan(d->loss));
    put_spark(c, d, c->left - 2 - nn_text_columns(lr) - 2);
    put(c, PLAIN, "%s", lr);
    if (!next_row(c))
        return;
    if (d->validated.split)
        put_values(c, &d->validated, s);
    if (!next_row(c))
        return;
    put(c, PLAIN, "%.0f samples/s", s->samples_per_s);
    put(c, DIM, "data %.0f %%", 100 * s->data_share);
    put(c, DIM, "compute %.0f %%", 100 * s->compute_share);
    put(c, DIM, "waiting %.0f %%", 100 * s->wait_share);
    if (!next_row(c))
        return;
    put(c, PLAIN, "%s", time_text(s->seconds, "elapsed", time));
    put(c, PLAIN, "%s", time_text(s->seconds_left, "left", time));
}

static void put_work(canvas *c, const nn_display *d, double now, bool bar) {
    const nn_display_work *w = &d->work;
    double share = w->total > 0 ? (double)w->done / (double)w->total : 0;
    double seconds = now - w->begin;
    char elapsed[TIME_TEXT], left[TIME_TEXT] = "", times[2 * TIME_TEXT + 2];
    time_text(seconds, "elapsed", elapsed);
    if (share > 0)
        time_text(seconds / share - seconds, "left", left);
    snprintf(times, sizeof times, "%s%s%s", elapsed, *left ? "  " : "", left);
    const char *folder = w->of ? strrchr(w->of, '/') : NULL, *name = folder ? folder + 1 : w->of;
    put(c, BOLD, "%s%s%s", w->what, name ? " " : "", name ? name : "");
    if (w->total > 0 && bar) {
        put_share(c, share, times);
        return;
    }
    if (w->total > 0)
        put(c, PLAIN, "%.0f %%", floor(100 * share));
    put(c, PLAIN, "%s", times);
}

/* False: a terminal that stands still (Ctrl-S) takes nothing, and the text is left out. Where it
 * takes a part the cursor is somewhere in it, and the rest comes first the next time. */
static bool write_out(nn_display *d, const nn_terminal *terminal, const char *text, size_t size) {
    size_t taken = nn_terminal_write(terminal->fd, 0, d->rest, d->rest_bytes);
    d->rest_bytes -= taken;
    memmove(d->rest, d->rest + taken, d->rest_bytes);
    if (d->rest_bytes > 0)
        return false;
    taken = nn_terminal_write(terminal->fd, 0, text, size);
    if (taken == 0)
        return false;
    d->rest_bytes = size - taken;
    memcpy(d->rest, text + taken, d->rest_bytes);
    return true;
}

void nn_display_draw(nn_display *d, const nn_terminal *terminal, double now) {
    char text[NN_DISPLAY_FRAME], up[16];
    int columns, rows;
    nn_terminal_size(terminal, &columns, &rows);
    columns--; /* the cursor does not get into the next row */
    canvas c = {.text = text,
                .size = sizeof text,
                .columns = columns,
                .left = columns,
                .rows = 1,
                .most = rows,
                .colour = terminal->colour,
                .utf8 = terminal->utf8};
    if (d->recents > 0)
        d->loss = d->recent / d->recents;
    d->recent = d->recents = 0;
    append(&c, "\r");
    if (d->trains)
        put_training(&c, d);
    if (d->work.what && now - d->work.begin >= SHOWN_AFTER && next_row(&c))
        put_work(&c, d, now, true);
    append(&c, "\033[K\033[J\r");
    snprintf(up, sizeof up, "\033[%dA", c.rows - 1);
    if (c.rows > 1)
        append(&c, up);
    d->stands = write_out(d, terminal, text, c.used) || d->stands;
}

void nn_display_clear(nn_display *d, const nn_terminal *terminal) {
    static const char clear[] = "\r\033[J";
    if (!d->stands)
        return;
    if (nn_terminal_in_front(terminal)) {
        d->stands = !write_out(d, terminal, clear, sizeof clear - 1);
    } else { /* what the shell wrote stands there now */
        d->stands = false;
        d->rest_bytes = 0;
    }
}

const char *nn_display_line(const nn_display *d, const nn_status *s, double now, int columns,
                            char line[NN_DISPLAY_LINE]) {
    char step[STEP_TEXT], time[TIME_TEXT];
    columns = columns > 0 ? columns : INT_MAX;
    canvas c = {.text = line, .size = NN_DISPLAY_LINE, .columns = columns, .left = columns};
    *line = '\0';
    if (!s) {
        put_work(&c, d, now, false);
        return line;
    }
    step_text(s, step);
    put(&c, PLAIN, "%s", d->part.title);
    put(&c, PLAIN, "epoch %lld/%lld", (long long)s->epoch, (long long)s->epochs);
    if (columns == INT_MAX) /* a row of a terminal has room for more important things */
        put(&c, PLAIN, "%s", step);
    if (s->validation) {
        nn_validated v = validated(s);
        put_values(&c, &v, s);
    } else {
        put(&c, PLAIN, "loss %.4g", nn_plain_nan(s->loss));
    }
    if (s->samples_per_s > 0)
        put(&c, PLAIN, "%.0f samples/s", s->samples_per_s);
    if (s->seconds_left >= 0.5)
        put(&c, PLAIN, "%s", time_text(s->seconds_left, "left", time));
    return line;
}

/* ---- what is noted --------------------------------------------------------------------------- */

/* Where there is no room for another mean, two become one. */
static void add_spark(nn_display *d, double loss) {
    d->sum += loss;
    if (++d->summed < (int64_t)1 << d->doublings)
        return;
    if (d->sparks == NN_DISPLAY_SPARKS) {
        d->sparks /= 2;
        for (size_t i = 0; i < d->sparks; i++)
            d->spark[i] = (d->spark[2 * i] + d->spark[2 * i + 1]) / 2;
        d->doublings++;
        return; /* the mean goes on to twice as many */
    }
    d->spark[d->sparks++] = d->sum / (double)d->summed;
    d->sum = 0;
    d->summed = 0;
}

void nn_display_begin(nn_display *d, const nn_display_part *part) {
    d->part = *part;
    d->trains = false;
    d->validated.split = NULL;
    d->sum = d->recent = d->recents = 0;
    d->summed = 0;
    d->sparks = 0;
    d->doublings = 0;
}

void nn_display_status(nn_display *d, const nn_status *status) {
    nn_status before = d->status;
    d->status = *status;
    d->status.validation = NULL;
    d->status.line = NULL;
    d->trains = true;
    if (status->validation) { /* which knows nothing of the pace */
        d->validated = validated(status);
        d->status.samples_per_s = before.samples_per_s;
        d->status.data_share = before.data_share;
        d->status.compute_share = before.compute_share;
        d->status.wait_share = before.wait_share;
    } else if (isfinite(status->loss)) {
        d->recent += status->loss;
        d->recents++;
        add_spark(d, status->loss);
    }
}

bool nn_display_work_at(nn_display *d, const nn_display_work *work, double now) {
    nn_display_work *w = &d->work;
    bool same = w->what == work->what && w->of == work->of && work->done >= w->done;
    double begin = same ? w->begin : now;
    *w = *work;
    w->begin = begin;
    return w->what && now - begin >= SHOWN_AFTER;
}
