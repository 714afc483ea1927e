/* A timeline as a file: the JSON array format of Chrome's traces
 * (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU). */
#ifndef NN_TRAIN_TIMELINE_CHROME_H
#define NN_TRAIN_TIMELINE_CHROME_H

#include "base/system/trace.h"
#include "nn/model.h"

/* The clock of a rank: seconds that it shows more than that of rank 0, wrong by at most `error`. */
typedef struct nn_clock_offset {
    double ahead, error;
} nn_clock_offset;

/* What a rank has noted. */
typedef struct nn_rank_trace {
    int rank;
    char host[256];
    size_t events, left_out;
    nn_clock_offset clock;
} nn_rank_trace;

typedef struct nn_chrome nn_chrome;

/* Begins the file that nn_chrome_end is to put at `path`; names of layers are the model's. NN_EIO.
 * Local. */
int nn_chrome_begin(const char *path, const nn_model *model, nn_chrome **out);
/* The rows of one more rank; its events are event[of->events]. */
void nn_chrome_rank(nn_chrome *chrome, const nn_rank_trace *of, const nn_trace_event *event);
/* Ends the file, where `keep`, and frees the object. NN_EIO. */
int nn_chrome_end(nn_chrome *chrome, bool keep);

#endif
