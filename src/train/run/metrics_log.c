#define _GNU_SOURCE
#include "train/run/metrics_log.h"

#include "base/log.h"
#include "io/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which lines stay --------------------------------------------------------------------------
 */

typedef struct head {
    char event[16];
    int64_t step;
} head;

static bool read_head(const char *line, head *h) {
    return sscanf(line, "{\"event\":\"%15[a-z]\",\"step\":%" SCNd64, h->event, &h->step) == 2;
}

/* `at`: bytes of the file before the line. */
typedef bool keep_fn(void *ctx, const char *line, size_t at);

/* When the run goes on after step *ctx: lines that are still true. */
static bool keep_until(void *ctx, const char *line, size_t at) {
    const int64_t *step = ctx;
    head h;

    (void)at;
    return read_head(line, &h) && h.step <= *step && strcmp(h.event, "end") != 0;
}

/* Of each event in the first `half` bytes at most every second line, spread evenly over its steps,
 * so that the beginning of a run does not fade away as it is thinned again and again. */
typedef struct kind {
    char event[16];
    int64_t lines, first, last; /* how many; steps */
    int64_t due;                /* the step of the next to keep */
} kind;

typedef struct thinning {
    size_t half;
    kind kind[8]; /* more than there are events */
} thinning;

/* The line's event; NULL: the line stays. */
static kind *kind_of(thinning *t, const head *h, size_t at) {
    size_t i = 0;

    if (at >= t->half || strcmp(h->event, "end") == 0)
        return NULL;
    while (t->kind[i].lines && strcmp(t->kind[i].event, h->event) != 0)
        if (++i == sizeof t->kind / sizeof *t->kind)
            return NULL;
    return &t->kind[i];
}

/* Counts the lines, all of which are kept. */
static bool survey(void *ctx, const char *line, size_t at) {
    head h;
    kind *k = read_head(line, &h) ? kind_of(ctx, &h, at) : NULL;

    if (!k)
        return true;
    if (k->lines++ == 0) {
        memcpy(k->event, h.event, sizeof h.event);
        k->first = k->due = h.step;
    }
    k->last = h.step;
    return true;
}

static bool keep_thinned(void *ctx, const char *line, size_t at) {
    head h;
    kind *k = read_head(line, &h) ? kind_of(ctx, &h, at) : NULL;

    if (!k)
        return true;
    if (h.step < k->due)
        return false;
    k->due = h.step + (2 * (k->last - k->first) + k->lines - 1) / k->lines;
    return true;
}

static int fail_at(const char *path, const char *what, int error) {
    return nn_fail(NN_EIO, "cannot %s '%s': %s", what, path, nn_errno_text(error));
}

/* Reads the file line by line, in little memory; those to keep go to `out`, unless that is NULL.
 * *dropped: bytes of the others. A line without its newline was cut off by the end of the program.
 */
static int filter(const char *path, FILE *out, keep_fn *keep, void *ctx, size_t *dropped) {
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0, at = 0;
    ssize_t length;

    *dropped = 0;
    if (!in)
        return fail_at(path, "open", errno);
    for (; (length = getline(&line, &capacity, in)) > 0; at += (size_t)length) {
        if (line[length - 1] != '\n' || !keep(ctx, line, at))
            *dropped += (size_t)length;
        else if (out)
            fwrite(line, 1, (size_t)length, out);
    }
    int error = feof(in) ? 0 : errno;
    free(line);
    fclose(in);
    return error ? fail_at(path, "read", error) : NN_OK;
}

/* Writes what is to be kept into the file and closes it. */
static int fill(const char *path, int fd, keep_fn *keep, void *ctx) {
    FILE *out = fdopen(fd, "w");
    size_t dropped;
    int rc;

    if (!out) {
        close(fd);
        return fail_at(path, "write", errno);
    }
    rc = filter(path, out, keep, ctx, &dropped);
    int error = ferror(out) ? EIO : 0;
    if (fclose(out) != 0)
        error = errno;
    return rc == NN_OK && error ? fail_at(path, "write", error) : rc;
}

/* Replaces the file by one with the lines to keep. */
static int rewrite(const char *path, keep_fn *keep, void *ctx) {
    nn_pool pool = {0};
    char *temporary;
    int fd, rc = nn_file_begin(&pool, path, &temporary, &fd);

    if (rc == NN_OK) {
        rc = fill(path, fd, keep, ctx);
        if (rc == NN_OK)
            rc = nn_file_publish(temporary, path);
        else
            nn_temporary_discard(temporary);
    }
    nn_pool_release(&pool);
    return rc;
}

static int truncate_after(const char *path, int64_t step) {
    size_t dropped;

    if (!nn_file_exists(path))
        return NN_OK;
    NN_TRY(nn_file_check(path, NN_EIO));
    NN_TRY(filter(path, NULL, keep_until, &step, &dropped));
    if (dropped)
        NN_TRY(rewrite(path, keep_until, &step));
    return NN_OK;
}

static int thin_file(const char *path, int64_t size) {
    thinning t = {.half = (size_t)size / 2};
    size_t none;

    NN_TRY(filter(path, NULL, survey, &t, &none));
    NN_TRY(rewrite(path, keep_thinned, &t));
    return NN_OK;
}

/* ---- history ----------------------------------------------------------------------------------
 */

/* Where the newest lines begin, as many as the history has room for, at least one. */
static size_t newest(const char *text, size_t length) {
    size_t from = 0;

    while (length - from > NN_METRICS_LOG_HISTORY) {
        const char *newline = memchr(text + from, '\n', length - from);
        if (!newline || newline + 1 == text + length)
            break;
        from = (size_t)(newline + 1 - text);
    }
    return from;
}

static int remember(nn_metrics_log *log, const char *text, size_t length) {
    size_t needed = log->history_length + length + 1, from;

    if (needed > log->capacity) {
        size_t capacity = needed > NN_METRICS_LOG_LINE ? 2 * needed : 2 * NN_METRICS_LOG_LINE;
        char *history;
        NN_TRY(NN_NEW(&history, capacity, "history"));
        if (log->history)
            memcpy(history, log->history, log->history_length);
        nn_free(log->history);
        log->history = history;
        log->capacity = capacity;
    }
    memcpy(log->history + log->history_length, text, length);
    log->history_length += length;
    from = newest(log->history, log->history_length);
    log->history_length -= from;
    memmove(log->history, log->history + from, log->history_length);
    log->history[log->history_length] = '\0';
    return NN_OK;
}

/* ---- opening and appending --------------------------------------------------------------------
 */

static int fail(const nn_metrics_log *log, const char *what) {
    return fail_at(log->path, what, errno);
}

/* The file at the path, in place of what was open: the descriptor stays the same for those who sync
 * it. */
static int open_file(nn_metrics_log *log) {
    int fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);

    if (fd < 0 && errno == ELOOP)
        return nn_fail(NN_EIO, "'%s' is a link, and a run never writes through one: move it away",
                       log->path);
    if (fd < 0 || (log->fd >= 0 && dup3(fd, log->fd, O_CLOEXEC) < 0))
        return fail(log, "open");
    if (log->fd < 0)
        log->fd = fd;
    else
        close(fd);
    log->size = (int64_t)lseek(log->fd, 0, SEEK_END);
    return NN_OK;
}

int nn_metrics_log_open(nn_metrics_log *log, const char *path, int64_t step, const char *history) {
    *log = (nn_metrics_log){.path = path, .fd = -1, .limit = NN_METRICS_LOG_LIMIT};
    NN_TRY(truncate_after(path, step));
    if (history)
        NN_TRY(remember(log, history, strlen(history)));
    return open_file(log);
}

void nn_metrics_log_close(nn_metrics_log *log) {
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
    nn_free(log->history);
    log->history = NULL;
    log->history_length = log->capacity = 0;
}

nn_json *nn_metrics_log_event(nn_metrics_log *log, const char *event, int64_t step, int64_t epoch) {
    nn_json *json = &log->json;

    log->validation = strcmp(event, "validate") == 0;
    nn_json_init(json, log->line, sizeof log->line - 1); /* a byte for the newline */
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "event", event);
    nn_json_int(json, "step", step);
    nn_json_int(json, "epoch", epoch);
    return json;
}

/* Writes all or, as far as that can be, nothing: a broken line would break the file for readers. */
static int write_line(nn_metrics_log *log, const char *line, size_t length) {
    size_t done = 0;

    while (done < length) {
        ssize_t written = write(log->fd, line + done, length - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            int rc = fail(log, "append to");
            if (done > 0 && ftruncate(log->fd, (off_t)log->size) < 0)
                nn_warn("'%s' ends in a broken line", log->path);
            return rc;
        }
        done += (size_t)written;
    }
    log->size += (int64_t)length;
    return NN_OK;
}

/* What stands in the file is worth less than the run: going on without having thinned it is no
 * failure. */
static int thin(nn_metrics_log *log) {
    if (thin_file(log->path, log->size) < 0) {
        nn_warn("'%s' is not thinned: %s", log->path, nn_error_message());
        nn_error_clear();
        log->limit *= 2;
    }
    return open_file(log);
}

int nn_metrics_log_append(nn_metrics_log *log) {
    nn_json *json = &log->json;

    nn_json_close(json, '}');
    if (json->overflow)
        return nn_fail(NN_EIO, "a line of '%s' would be longer than %d bytes", log->path,
                       NN_METRICS_LOG_LINE);
    json->text[json->length++] = '\n';
    json->text[json->length] = '\0';
    NN_TRY(write_line(log, json->text, json->length));
    if (log->validation)
        NN_TRY(remember(log, json->text, json->length));
    return log->size > log->limit ? thin(log) : NN_OK;
}

int nn_metrics_log_sync(nn_metrics_log *log) {
    return fsync(log->fd) < 0 ? fail(log, "bring to the disk") : NN_OK;
}
