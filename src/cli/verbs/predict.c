#include "train/evaluate/predict.h"

#include "base/system/work.h"
#include "cli/cli.h"
#include "cli/verbs/predict_out.h"
#include "comm/comm.h"
#include "data/values/normalize.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "train/session/session.h"

#include <string.h>

#define BATCH 256 /* samples of a call */

typedef struct options {
    const char *checkpoint, *data, *split, *out;
    bool other_files;
} options;

static const nn_option table[] = {
    {"checkpoint", NN_OPT_STRING, offsetof(options, checkpoint), NULL, NULL,
     "trained model: a checkpoint, or a run folder, whose best or else last one is taken"},
    {"data", NN_OPT_STRING, offsetof(options, data), NULL, NULL,
     "data set with the samples; it needs no y"},
    {"split", NN_OPT_STRING, offsetof(options, split), "", NULL,
     "which samples: train, valid or test; by default test when there is one, else the first"},
    {"other_files", NN_OPT_BOOL, offsetof(options, other_files), "false", NULL,
     NN_OTHER_FILES_HELP},
    {"out", NN_OPT_STRING, offsetof(options, out), NULL, NULL,
     "file to write, .h5 or .csv: every output and, for classes, the label"},
    NN_OPTION_END,
};

/* Everything between the samples and the file. */
typedef struct task {
    nn_pool pool;
    nn_predictor *predictor;
    nn_dataset *data;
    const nn_split *split;
    nn_converter converter;
    nn_predict_writer writer;
    float threshold; /* one output: class 1 above it */
    void *stored;    /* [BATCH][row] as in the file, then as floats; outputs; labels */
    void *stored_length;
    float *x, *y;
    int32_t *label, *length; /* length: NULL when sequences have none */
    nn_pool names;           /* what file[BATCH] points to, of the rows at hand */
    char *file[BATCH];
} task;

/* Which class an output stands for is a matter of the loss and of the data it was trained on. */
static void read_decision(task *t) {
    const nn_data_traits *trained = nn_predictor_data(t->predictor);
    t->threshold = nn_predictor_loss(t->predictor)->forms & NN_TARGET_SIGN ? 0.0f : 0.5f;
    t->writer.labels = trained->labels;
    t->writer.classes = (size_t)trained->classes;
    t->writer.names = trained->class_names;
    t->writer.first_label = (int32_t)trained->first_label;
}

static bool has_planes(const nn_shape *s) {
    return nn_shape_is_image(s) && s->dim[0] > 1;
}

/* Samples may be shaped differently as long as their numbers stand in the same order. */
static bool fits(const nn_shape *found, const nn_shape *trained) {
    if (has_planes(found) || has_planes(trained))
        return nn_shape_equal(found, trained);
    return nn_shape_count(found) == nn_shape_count(trained);
}

static int choose_split(task *t, const char *name) {
    NN_TRY(nn_dataset_choose(t->data, name, &t->split));
    const nn_shape *trained = &nn_predictor_data(t->predictor)->x, *shape = &t->split->x.shape;
    char found[NN_SHAPE_TEXT], wanted[NN_SHAPE_TEXT];
    if (fits(shape, trained))
        return 0;
    return nn_fail(NN_EFORMAT, "%s: x of '%s' is %s a sample, but the model takes %s",
                   t->data->path, t->split->name, nn_shape_text(shape, found),
                   nn_shape_text(trained, wanted));
}

static int allocate(task *t) {
    size_t outputs = nn_predictor_outputs(t->predictor);
    size_t positions = nn_predictor_positions(t->predictor);
    t->stored = nn_pool_alloc(&t->pool, BATCH * t->split->x.row_bytes);
    t->x = nn_pool_alloc(&t->pool, BATCH * nn_predictor_inputs(t->predictor) * sizeof *t->x);
    t->y = nn_pool_alloc(&t->pool, BATCH * outputs * sizeof *t->y);
    t->label = nn_pool_alloc(&t->pool, BATCH * positions * sizeof *t->label);
    if (!t->stored || !t->x || !t->y || !t->label)
        return NN_EMEMORY;
    if (t->split->has_length) {
        t->length = nn_pool_alloc(&t->pool, BATCH * sizeof *t->length);
        t->stored_length = nn_pool_alloc(&t->pool, BATCH * t->split->length.row_bytes);
        if (!t->length || !t->stored_length)
            return NN_EMEMORY;
    }
    t->writer.outputs = outputs / positions;
    t->writer.positions = positions;
    t->writer.samples = t->split->samples;
    return 0;
}

/* Names of files of the rows at hand, where the data have some. */
static int read_files(task *t, int64_t first, int64_t count) {
    nn_pool_release(&t->names);
    return t->split->has_file
               ? nn_dataset_files(t->data, t->split, first, count, &t->names, t->file)
               : 0;
}

/* HDF5 is told how long the longest name is before any is written. */
static int measure_files(task *t) {
    for (int64_t first = 0; first < t->split->samples; first += BATCH) {
        int64_t left = t->split->samples - first, count = left < BATCH ? left : BATCH;
        NN_TRY(read_files(t, first, count));
        for (int64_t i = 0; i < count; i++) {
            size_t length = strlen(t->file[i]);
            t->writer.longest = length > t->writer.longest ? length : t->writer.longest;
        }
    }
    return 0;
}

static int set_up(task *t, const options *o) {
    NN_TRY(nn_predict_format_of(o->out, &t->writer.format));
    t->writer.path = o->out;
    NN_TRY(nn_predictor_open(o->checkpoint, BATCH, &t->predictor));
    read_decision(t);
    NN_TRY(nn_predictor_open_data(t->predictor, o->data, o->other_files, &t->data));
    NN_TRY(choose_split(t, o->split));
    NN_TRY(nn_data_inherit_scale(t->data, nn_predictor_data(t->predictor)));
    NN_TRY(nn_converter_init_x(&t->converter, &t->split->x, &t->data->affine, &t->data->normal,
                               &t->pool));
    NN_TRY(allocate(t));
    t->writer.files = t->split->has_file;
    if (t->writer.files && t->writer.format->measures)
        NN_TRY(measure_files(t));
    return nn_predict_writer_open(&t->writer);
}

static int32_t decide(const task *t, const float *y) {
    size_t best = 0, outputs = t->writer.outputs;
    if (outputs == 1)
        return y[0] > t->threshold;
    for (size_t i = 1; i < outputs; i++)
        if (y[i] > y[best])
            best = i;
    return (int32_t)best;
}

static int check_finite(const task *t, int64_t first, int64_t count) {
    size_t inputs = nn_predictor_inputs(t->predictor);
    for (int64_t r = 0; r < count; r++)
        if (!nn_kernels_get()->all_finite(inputs, t->x + (size_t)r * inputs))
            return nn_fail(NN_EFORMAT, "%s: /%s/x row %lld holds NaN or Inf", t->data->path,
                           t->split->name, (long long)(first + r));
    return 0;
}

static int check_indices(const task *t, int64_t first, int64_t count) {
    size_t row;
    int rc = nn_predictor_check(t->predictor, (size_t)count, t->x, &row);
    return rc < 0 ? nn_error_prefix(rc, "%s: /%s/x row %lld", t->data->path, t->split->name,
                                    (long long)first + (long long)row)
                  : 0;
}

static int read_lengths(task *t, int64_t first, int64_t count) {
    if (!t->length)
        return 0;
    NN_TRY(nn_dataset_read(t->data, t->split, NN_FIELD_LENGTH, first, count, t->stored_length));
    return nn_dataset_lengths(t->data, t->split, first, count, t->stored_length, t->length);
}

/* Whether position r of the rows at hand is beyond the end of its sequence. */
static bool is_beyond(const task *t, size_t r) {
    size_t positions = t->writer.positions;
    return positions > 1 && t->length && (int32_t)(r % positions) >= t->length[r / positions];
}

static int predict_rows(task *t, int64_t first, int64_t count) {
    NN_TRY(nn_dataset_read(t->data, t->split, 'x', first, count, t->stored));
    NN_TRY(read_lengths(t, first, count));
    nn_converter_apply(&t->converter, (size_t)count, t->stored, t->x);
    NN_TRY(check_finite(t, first, count));
    NN_TRY(check_indices(t, first, count));
    NN_TRY(nn_predict_scaled(t->predictor, (size_t)count, t->x, t->length, t->y));
    for (size_t r = 0; r < (size_t)count * t->writer.positions; r++)
        t->label[r] = t->writer.first_label +
                      (is_beyond(t, r) ? -1 : decide(t, t->y + r * t->writer.outputs));
    NN_TRY(read_files(t, first, count));
    return nn_predict_writer_rows(&t->writer, first, count, t->file, t->y, t->label);
}

static int predict_all(task *t) {
    int rc = 0;
    for (int64_t first = 0; first < t->split->samples; first += BATCH) {
        int64_t left = t->split->samples - first;
        nn_work("predicting", t->split->name, first, t->split->samples);
        NN_TRY_GOTO(predict_rows(t, first, left < BATCH ? left : BATCH));
    }
done:
    nn_work_end();
    return rc;
}

static int run(const nn_call *call) {
    const options *o = call->options;
    task t = {0};
    int rc = set_up(&t, o);
    if (rc == 0)
        rc = nn_predictor_set_threads(t.predictor, nn_comm_threads(call->comm));
    if (rc == 0)
        rc = predict_all(&t);
    rc = nn_predict_writer_close(&t.writer, rc);
    if (rc == 0)
        nn_info("wrote the predictions for %lld samples of '%s' to %s", (long long)t.split->samples,
                t.split->name, o->out);
    nn_dataset_close(t.data);
    nn_predictor_free(t.predictor);
    nn_pool_release(&t.names);
    nn_pool_release(&t.pool);
    return rc < 0 ? nn_error_frame(rc, __func__) : 0;
}

static const char *const arguments[] = {"checkpoint", NULL};

const nn_verb nn_verb_predict = {
    .entry = {"predict", "Computes the outputs of a trained model for the samples of a data set.",
              table, sizeof(options)},
    .usage = "CHECKPOINT --data FILE -O OUT.h5|OUT.csv [options]",
    .example = "nnmpi predict run --data new.csv -O predictions.csv",
    .arguments = arguments,
    .run = run,
};
