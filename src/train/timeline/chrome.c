#include "train/timeline/chrome.h"

#include "base/json/json.h"
#include "io/files/file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 2048 };

struct nn_chrome {
    nn_pool pool;
    const char *path;
    char *temporary;
    FILE *file;
    const nn_layer *const *layer;
    size_t lines;
    int64_t asynchronous; /* events with a row of their own so far */
    char line[LINE];
};

/* Rows of a rank. */
enum row { TRAINING, DATA, CHECKPOINT, BETWEEN, ROWS };
static const char *const row_name[ROWS] = {"training", "minibatches made ahead",
                                           "writing checkpoints", "between nodes"};

/* A name, and behind it the number: "step 7", or the name of that layer before it: "fc1 forward".
 */
enum number { NONE, NUMBER, LAYER };
static const struct {
    const char *name;
    enum row row;
    enum number number;
} kind[] = {
    [NN_TRACE_STEP] = {"step", TRAINING, NUMBER},
    [NN_TRACE_DATA] = {"data", TRAINING, NONE},
    [NN_TRACE_FORWARD] = {"forward", TRAINING, NONE},
    [NN_TRACE_BACKWARD] = {"backward", TRAINING, NONE},
    [NN_TRACE_COMPLETE] = {"complete the step", TRAINING, NONE},
    [NN_TRACE_LAYER_FORWARD] = {"forward", TRAINING, LAYER},
    [NN_TRACE_LAYER_BACKWARD] = {"backward", TRAINING, LAYER},
    [NN_TRACE_LAYER_RECOMPUTE] = {"recompute", TRAINING, LAYER},
    [NN_TRACE_STATISTICS] = {"sum of statistics", TRAINING, NONE},
    [NN_TRACE_WAIT] = {"wait", TRAINING, NONE},
    [NN_TRACE_SUM] = {"sum of bucket", TRAINING, NUMBER},
    [NN_TRACE_UPDATE] = {"update", TRAINING, NONE},
    [NN_TRACE_VALIDATE] = {"validate", TRAINING, NONE},
    [NN_TRACE_SAVE] = {"checkpoint", TRAINING, NONE},
    [NN_TRACE_MINIBATCH] = {"minibatch", DATA, NUMBER},
    [NN_TRACE_WRITE] = {"write the checkpoint of step", CHECKPOINT, NUMBER},
    [NN_TRACE_BETWEEN] = {"bucket", BETWEEN, NUMBER},
};

/* ---- lines ----------------------------------------------------------------------------------- */

static nn_json begin_line(nn_chrome *c, const char *phase, int rank, enum row row) {
    nn_json json;
    nn_json_init(&json, c->line, sizeof c->line);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "ph", phase);
    nn_json_int(&json, "pid", rank);
    nn_json_int(&json, "tid", row);
    return json;
}

static void end_line(nn_chrome *c, nn_json *json) {
    nn_json_close(json, '}');
    if (!json->overflow)
        fprintf(c->file, "%s\n%s", c->lines++ ? "," : "", json->text);
}

static void put_name(nn_chrome *c, const char *what, int rank, enum row row, const char *name) {
    nn_json json = begin_line(c, "M", rank, row);
    nn_json_string(&json, "name", what);
    nn_json_open(&json, "args", '{');
    nn_json_string(&json, "name", name);
    nn_json_close(&json, '}');
    end_line(c, &json);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void put_what(const nn_chrome *c, nn_json *json, const nn_trace_event *e) {
    char name[256];
    const char *noun = kind[e->what].name;
    if (kind[e->what].number == LAYER)
        snprintf(name, sizeof name, "%.200s %s", c->layer[e->number]->name, noun);
    else if (kind[e->what].number == NUMBER)
        snprintf(name, sizeof name, "%s %lld", noun, (long long)e->number);
    else
        snprintf(name, sizeof name, "%s", noun);
    nn_json_string(json, "name", name);
    nn_json_string(json, "cat", kind[e->what].number == LAYER ? "layer" : noun);
}

/* Nanoseconds are rounded before they are subtracted: what is within something else stays so. */
static int64_t nanoseconds(double seconds, const nn_rank_trace *of) {
    return llround((seconds - of->clock.ahead) * 1e9);
}

static void put_event(nn_chrome *c, const nn_rank_trace *of, const nn_trace_event *e) {
    int64_t begin = nanoseconds(e->begin, of), end = nanoseconds(e->end, of);
    nn_json json = begin_line(c, "X", of->rank, kind[e->what].row);
    put_what(c, &json, e);
    nn_json_real(&json, "ts", (double)begin / 1e3);
    nn_json_real(&json, "dur", (double)(end - begin) / 1e3);
    end_line(c, &json);
}

/* Such events may overlap each other: each has a row where it lies beside another. */
static void put_asynchronous(nn_chrome *c, const nn_rank_trace *of, const nn_trace_event *e) {
    for (int i = 0; i < 2; i++) {
        nn_json json = begin_line(c, i ? "e" : "b", of->rank, kind[e->what].row);
        put_what(c, &json, e);
        nn_json_int(&json, "id", c->asynchronous);
        nn_json_real(&json, "ts", (double)nanoseconds(i ? e->end : e->begin, of) / 1e3);
        end_line(c, &json);
    }
    c->asynchronous++;
}

/* Where its clock stands, and what is missing. */
static void put_rank(nn_chrome *c, const nn_rank_trace *of) {
    char text[320];
    snprintf(text, sizeof text, "rank %d on %s", of->rank, of->host);
    put_name(c, "process_name", of->rank, TRAINING, text);
    snprintf(text, sizeof text, "clock within %.1f us of rank 0's; %zu events left out",
             of->clock.error * 1e6, of->left_out);
    put_name(c, "process_labels", of->rank, TRAINING, text);
}

void nn_chrome_rank(nn_chrome *c, const nn_rank_trace *of, const nn_trace_event *event) {
    bool seen[ROWS] = {false};
    put_rank(c, of);
    for (size_t i = 0; i < of->events; i++) {
        enum row row = kind[event[i].what].row;
        if (!event[i].whole)
            continue;
        if (!seen[row])
            put_name(c, "thread_name", of->rank, row, row_name[row]);
        seen[row] = true;
        if (row == BETWEEN)
            put_asynchronous(c, of, &event[i]);
        else
            put_event(c, of, &event[i]);
    }
}

/* ---- the file -------------------------------------------------------------------------------- */

static int fail(const nn_chrome *c) {
    return nn_fail(NN_EIO, "cannot write '%s': %s", c->path, nn_errno_text(errno));
}

int nn_chrome_begin(const char *path, const nn_model *model, nn_chrome **out) {
    nn_chrome *c;
    int fd = -1, rc;
    NN_TRY(NN_NEW(&c, 1, "train.trace"));
    nn_model_layers(model, &c->layer);
    c->path = nn_pool_strdup(&c->pool, path);
    rc = c->path ? nn_file_begin(&c->pool, c->path, &c->temporary, &fd) : NN_EMEMORY;
    if (rc == 0 && !(c->file = fdopen(fd, "w"))) {
        rc = fail(c);
        close(fd);
        nn_temporary_discard(c->temporary);
    }
    *out = rc == 0 ? c : NULL;
    if (rc == 0) {
        fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", c->file);
        return 0;
    }
    nn_pool_release(&c->pool);
    nn_free(c);
    return rc;
}

int nn_chrome_end(nn_chrome *c, bool keep) {
    int rc = 0;
    fputs("\n]}\n", c->file);
    errno = EIO;
    bool failed = ferror(c->file);
    failed = fclose(c->file) != 0 || failed;
    if (keep && failed)
        rc = fail(c);
    if (keep && !failed)
        rc = nn_file_publish(c->temporary, c->path);
    else
        nn_temporary_discard(c->temporary);
    nn_pool_release(&c->pool);
    nn_free(c);
    return rc;
}
