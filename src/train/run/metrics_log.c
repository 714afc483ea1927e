#include "train/run/metrics_log.h"

#include "base/log.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what an earlier start of the program wrote ------------------------------------------------
 */

/* Lines that are still true when the run goes on after `step`; a line without its newline was cut
 * off by the end of the program. */
static bool is_kept(const char *line, int64_t step) {
    char event[16];
    int64_t at;

    return sscanf(line, "{\"event\":\"%15[a-z]\",\"step\":%" SCNd64, event, &at) == 2 &&
           at <= step && strcmp(event, "end") != 0;
}

/* Moves the lines to keep to the front of `text`; returns their length. */
static size_t keep_until(char *text, int64_t step) {
    char *to = text, *line = text, *newline;

    while ((newline = strchr(line, '\n')) != NULL) {
        size_t length = (size_t)(newline + 1 - line);
        if (is_kept(line, step)) {
            memmove(to, line, length);
            to += length;
        }
        line = newline + 1;
    }
    return (size_t)(to - text);
}

static int rewrite(const char *path, int64_t step) {
    nn_pool pool = {0};
    char *text = "";
    size_t length = 0, kept = 0;
    int rc = NN_OK;

    if (nn_file_exists(path))
        rc = nn_file_read(&pool, path, &text, &length);
    if (rc == NN_OK && length)
        kept = keep_until(text, step);
    if (rc == NN_OK && kept < length)
        rc = nn_file_write(path, text, kept);
    nn_pool_release(&pool);
    return rc;
}

/* ---- history ----------------------------------------------------------------------------------
 */

static int remember(nn_metrics_log *log, const char *text, size_t length) {
    size_t needed = log->history_length + length + 1;

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
    log->history[log->history_length] = '\0';
    return NN_OK;
}

/* ---- opening and appending --------------------------------------------------------------------
 */

static int fail(const nn_metrics_log *log, const char *what) {
    return nn_fail(NN_EIO, "cannot %s '%s': %s", what, log->path, nn_errno_text(errno));
}

int nn_metrics_log_open(nn_metrics_log *log, const char *path, int64_t step, const char *history) {
    *log = (nn_metrics_log){.path = path, .fd = -1};
    NN_TRY(rewrite(path, step));
    if (history)
        NN_TRY(remember(log, history, strlen(history)));
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return log->fd < 0 ? fail(log, "open") : NN_OK;
}

void nn_metrics_log_close(nn_metrics_log *log) {
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
    nn_free(log->history);
    log->history = NULL;
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
static int write_line(const nn_metrics_log *log, const char *line, size_t length) {
    off_t before = lseek(log->fd, 0, SEEK_END);
    size_t done = 0;

    while (done < length) {
        ssize_t written = write(log->fd, line + done, length - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            int rc = fail(log, "append to");
            if (before >= 0 && done > 0 && ftruncate(log->fd, before) < 0)
                nn_warn("'%s' ends in a broken line", log->path);
            return rc;
        }
        done += (size_t)written;
    }
    return NN_OK;
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
    return log->validation ? remember(log, json->text, json->length) : NN_OK;
}

int nn_metrics_log_sync(nn_metrics_log *log) {
    return fsync(log->fd) < 0 ? fail(log, "bring to the disk") : NN_OK;
}
