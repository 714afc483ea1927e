/* metrics.jsonl: one JSON object a line, appended as the run goes on. Neither the file nor the
 * history, its newest validate lines, which checkpoints carry, grows without end. */
#ifndef NN_TRAIN_RUN_METRICS_LOG_H
#define NN_TRAIN_RUN_METRICS_LOG_H

#include "base/json/json.h"
#include "base/mem.h"
#include "train/evaluate/evaluation.h"

#define NN_METRICS_LOG_LINE (4096 + NN_EVALUATION_JSON) /* bytes of the longest line */
#define NN_METRICS_LOG_HISTORY (64 << 10)               /* bytes, or one line if that is longer */
#define NN_METRICS_LOG_LIMIT (32 << 20)                 /* bytes of the file before it is thinned */

typedef struct nn_metrics_log {
    const char *path; /* the caller's */
    int fd;           /* -1: not open */
    int64_t size;     /* bytes of the file */
    int64_t limit;    /* above it the file is thinned */
    nn_json json;
    char line[NN_METRICS_LOG_LINE];
    bool validation;                 /* the line belongs into the history */
    char *history;                   /* the newest validate lines; NULL: none */
    size_t history_length, capacity; /* bytes */
} nn_metrics_log;

/* Opens the file at `path` for appending, cut to its whole lines of steps up to `step` (-1: empty)
 * without those of event "end", so that a run that goes on reads as one. `history` are the newest
 * validate lines until then. NN_EIO. */
int nn_metrics_log_open(nn_metrics_log *log, const char *path, int64_t step, const char *history);
void nn_metrics_log_close(nn_metrics_log *log);

/* Begins a line with the keys event, step and epoch; nn_metrics_log_append ends and writes it. When
 * the file is then above its limit, it is replaced by one in whose older half each event but `end`
 * has half as many lines, spread evenly over its steps. Where that fails, it is warned of, and
 * tried again at twice the size. NN_EIO. */
nn_json *nn_metrics_log_event(nn_metrics_log *log, const char *event, int64_t step, int64_t epoch);
int nn_metrics_log_append(nn_metrics_log *log);

/* Brings what was appended to the disk; any thread may do it. NN_EIO. */
int nn_metrics_log_sync(nn_metrics_log *log);

#endif
