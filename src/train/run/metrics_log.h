/* metrics.jsonl: one JSON object a line, appended as the run goes on. */
#ifndef NN_TRAIN_RUN_METRICS_LOG_H
#define NN_TRAIN_RUN_METRICS_LOG_H

#include "base/json.h"
#include "base/mem.h"
#include "train/evaluate/evaluation.h"

#define NN_JOURNAL_LINE (4096 + NN_EVALUATION_JSON) /* bytes of the longest line */

typedef struct nn_journal {
    const char *path; /* the caller's */
    int fd;           /* -1: not open */
    nn_json json;
    char line[NN_JOURNAL_LINE];
    bool validation;                 /* the line belongs into the history */
    char *history;                   /* the validate lines so far; NULL: none */
    size_t history_length, capacity; /* bytes */
} nn_journal;

/* Opens the file at `path` for appending, cut to its whole lines of steps up to `step` (-1: empty)
 * without those of event "end", so that a run that goes on reads as one. `history` are the validate
 * lines until then. NN_EIO. */
int nn_journal_open(nn_journal *journal, const char *path, int64_t step, const char *history);
void nn_journal_close(nn_journal *journal);

/* Begins a line with the keys event, step and epoch; nn_journal_append ends and writes it. */
nn_json *nn_journal_event(nn_journal *journal, const char *event, int64_t step, int64_t epoch);
int nn_journal_append(nn_journal *journal);

/* Brings what was appended to the disk. NN_EIO. */
int nn_journal_sync(nn_journal *journal);

#endif
