#include "train/config/starter.h"

#include "base/mem.h"
#include "data/values/convert.h"
#include "io/yaml/yaml.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the samples are -------------------------------------------------------------------- */

typedef int piece_fn(nn_starter *s, const nn_field *field, const void *stored, int64_t rows);

/* Calls fn with all rows of an array of the training samples, piece by piece. */
static int for_each_piece(nn_starter *s, char letter, piece_fn *fn) {
    const nn_split *split = s->train;
    const nn_field *field = nn_split_field(split, letter);
    int64_t piece = nn_chunk_rows(field->row_bytes);
    char *stored = NULL;
    int rc;

    NN_TRY(NN_NEW(&stored, (size_t)piece * field->row_bytes, "rows"));
    for (int64_t first = 0; first < split->samples; first += piece) {
        int64_t rows = split->samples - first < piece ? split->samples - first : piece;
        NN_TRY_GOTO(nn_dataset_read(s->data, split, letter, first, rows, stored));
        NN_TRY_GOTO(fn(s, field, stored, rows));
    }
    rc = NN_OK;
done:
    nn_free(stored);
    return rc;
}

static int64_t largest(const nn_field *field, const void *stored, int64_t rows) {
    size_t count = (size_t)rows * nn_shape_count(&field->shape);
    int64_t most = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t value = nn_stored_integer(field->type, stored, i);
        most = value > most ? value : most;
    }
    return most;
}

static int add_tokens(nn_starter *s, const nn_field *x, const void *stored, int64_t rows) {
    int64_t most = largest(x, stored, rows);
    s->vocabulary = most >= s->vocabulary ? most + 1 : s->vocabulary;
    return NN_OK;
}

static int add_classes(nn_starter *s, const nn_field *y, const void *stored, int64_t rows) {
    size_t most = (size_t)largest(y, stored, rows);
    s->outputs = most >= s->outputs ? most + 1 : s->outputs;
    return NN_OK;
}

/* mean and deviation are sums of the numbers and of their squares until all are added. */
static int add_numbers(nn_starter *s, const nn_field *y, const void *stored, int64_t rows) {
    size_t width = nn_shape_count(&y->shape);
    nn_pool pool = {0};
    nn_converter converter;
    nn_real *value = NULL;
    int rc;

    NN_TRY_GOTO(nn_converter_init(&converter, y, NULL, NN_AS_STORED, &pool));
    NN_TRY_GOTO(NN_NEW(&value, (size_t)rows * width, "rows"));
    nn_converter_apply(&converter, (size_t)rows, stored, value);
    for (size_t i = 0; i < (size_t)rows * width; i++) {
        s->mean += (double)value[i];
        s->deviation += (double)value[i] * (double)value[i];
    }
    rc = NN_OK;
done:
    nn_free(value);
    nn_pool_release(&pool);
    return rc;
}

static int look_at_numbers(nn_starter *s) {
    const nn_split *split = s->train;

    s->outputs = nn_shape_count(&split->y.shape);
    NN_TRY(for_each_piece(s, 'y', add_numbers));
    double count = (double)split->samples * (double)s->outputs;
    s->mean /= count;
    s->deviation = sqrt(fmax(0, s->deviation / count - s->mean * s->mean));
    return NN_OK;
}

static int look_at_answers(nn_starter *s) {
    const nn_split *split = s->train;
    bool whole = nn_dtype_is_integer(split->y.type);

    if (!split->has_y)
        return nn_fail(NN_EUSAGE, "%s: there are no answers (y) to learn", s->data->path);
    s->by_position = whole && split->y.shape.rank == 1 && split->x.shape.rank > 0 &&
                     split->y.shape.dim[0] == split->x.shape.dim[0];
    s->classes = nn_split_has_labels(split) || s->by_position;
    if (!s->classes)
        return look_at_numbers(s);
    s->outputs = (size_t)(s->data->classes > s->data->named ? s->data->classes : s->data->named);
    if (s->by_position)
        NN_TRY(for_each_piece(s, 'y', add_classes));
    return s->outputs > 1 ? NN_OK
                          : nn_fail(NN_EUSAGE,
                                    "%s: all samples are of one class: there is nothing "
                                    "to learn",
                                    s->data->path);
}

static nn_sample_kind kind_of(const nn_starter *s) {
    const nn_split *split = s->train;
    bool whole = nn_dtype_is_integer(split->x.type) && s->data->affine.count == 0;
    bool steps = split->has_length || s->by_position;

    switch (split->x.shape.rank) {
    case 0:
    case 1:
        return steps && whole ? NN_KIND_TOKENS : NN_KIND_TABLE;
    case 2:
        return steps || !(split->x.type == NN_U8 || s->data->affine.count > 0) ? NN_KIND_SEQUENCE
                                                                               : NN_KIND_IMAGE;
    default:
        return NN_KIND_IMAGE;
    }
}

/* Columns that are neighbours and have one name before "=" may be categories of one column. */
static void suppose_categories(nn_starter *s) {
    const nn_dataset *data = s->data;

    for (size_t first = 0, end; first < data->features; first = end) {
        const char *name = data->feature_names[first], *equals = strchr(name, '=');
        end = first + 1;
        while (equals && end < data->features &&
               strncmp(data->feature_names[end], name, (size_t)(equals + 1 - name)) == 0)
            end++;
        for (size_t i = first; equals && i < end; i++)
            s->one_hot[i] = (double)(first + 1);
    }
}

/* They are none where a row has anything else than one 1 among 0. */
static int doubt_categories(nn_starter *s, const nn_field *x, const void *stored, int64_t rows) {
    size_t width = s->data->features;
    nn_pool pool = {0};
    nn_converter converter;
    nn_real *value = NULL;
    int rc;

    NN_TRY_GOTO(nn_converter_init(&converter, x, NULL, NN_AS_STORED, &pool));
    NN_TRY_GOTO(NN_NEW(&value, (size_t)rows * width, "rows"));
    nn_converter_apply(&converter, (size_t)rows, stored, value);
    for (size_t r = 0; r < (size_t)rows; r++)
        for (size_t first = 0, end; first < width; first = end) {
            size_t ones = 0, zeros = 0;
            double column = s->one_hot[first];
            for (end = first; end < width && s->one_hot[end] == column; end++) {
                ones += value[r * width + end] == 1;
                zeros += value[r * width + end] == 0;
            }
            for (size_t i = first; (ones != 1 || ones + zeros < end - first) && i < end; i++)
                s->one_hot[i] = 0;
        }
    rc = NN_OK;
done:
    nn_free(value);
    nn_pool_release(&pool);
    return rc;
}

/* Which columns are categories of one column: as the file says, else by their values. */
static int look_at_columns(nn_starter *s, nn_dataset *data) {
    if (data->features == 0 || data->features != nn_shape_count(&s->train->x.shape))
        return NN_OK;
    s->one_hot = nn_pool_alloc(&data->pool, data->features * sizeof *s->one_hot);
    if (!s->one_hot)
        return NN_EMEMORY;
    if (data->one_hot) {
        memcpy(s->one_hot, data->one_hot, data->features * sizeof *s->one_hot);
        return NN_OK;
    }
    suppose_categories(s);
    return for_each_piece(s, 'x', doubt_categories);
}

int nn_starter_init(nn_starter *s, nn_dataset *data) {
    *s = (nn_starter){.data = data};
    NN_TRY(nn_dataset_find(data, "train", &s->train));
    s->samples = s->train->samples;
    s->validates = nn_dataset_split(data, "valid") != NULL;
    s->tests = nn_dataset_split(data, "test") != NULL;
    NN_TRY(look_at_answers(s));
    s->kind = kind_of(s);
    if (s->kind == NN_KIND_TABLE)
        return look_at_columns(s, data);
    if (s->kind != NN_KIND_TOKENS)
        return NN_OK;
    if (s->by_position) /* the next token of a text is one of its tokens */
        s->vocabulary = (int64_t)s->outputs;
    return for_each_piece(s, 'x', add_tokens);
}

/* ---- what is written ------------------------------------------------------------------------- */

enum { STEPS = 3000 /* of a first training, about */, MOST_EPOCHS = 200, PATIENCE = 20 };

/* A power of 2 of which an epoch has at least 20, from 8 to 128; of few samples less than half, for
 * a split may leave some fewer than it says. */
static int64_t batch_size(const nn_starter *s) {
    int64_t size = 8;

    while (size < 128 && 2 * size * 20 <= s->samples)
        size *= 2;
    if (size <= s->samples / 2)
        return size;
    return s->samples > 1 ? s->samples / 2 : 1;
}

static int64_t epochs(const nn_starter *s) {
    int64_t steps = (s->samples + batch_size(s) - 1) / batch_size(s), n = STEPS / steps;

    return n > MOST_EPOCHS ? MOST_EPOCHS : n < 5 ? 5 : n;
}

/* The last layer. Numbers to predict may be of any size: it begins at their mean and spread. */
static void write_outputs(const nn_starter *s, FILE *out, int inputs) {
    if (s->classes) {
        fprintf(out, "  - dense: {units: %zu} # the classes\n", s->outputs);
        return;
    }
    nn_yaml_comment(out, 2,
                    "One output for each number to predict. Its first values follow from "
                    "the mean and the deviation of those of the training samples, so that "
                    "numbers of any size are learned equally fast.");
    fprintf(out, "  - dense: {units: %zu", s->outputs);
    if (s->deviation > 0)
        fprintf(out, ", init: {normal: {std: %.3g}}, bias_init: {constant: {value: %.4g}}",
                s->deviation / sqrt(inputs), s->mean);
    fputs("}\n", out);
}

static void write_table(const nn_starter *s, FILE *out) {
    int units = nn_shape_count(&s->train->x.shape) < 200 ? 64 : 128;

    nn_yaml_comment(out, 0,
                    "A row of numbers: two hidden layers. More units or layers can learn "
                    "more, and more by heart; without any, the model is linear.");
    fputs("model:\n", out);
    nn_starter_write_parts(s, out);
    fprintf(out, "  - dense: {units: %d, activation: relu}\n", units);
    fprintf(out, "  - dense: {units: %d, activation: relu}\n", units / 2);
    write_outputs(s, out, units / 2);
}

static void write_image(const nn_starter *s, FILE *out) {
    const nn_shape *x = &s->train->x.shape; /* [H, W], [C, H, W] or [C, D, H, W] */
    bool volume = x->rank == 4;
    int64_t side = x->dim[x->rank - 1];

    for (int i = volume ? 1 : x->rank - 2; i < x->rank; i++)
        side = x->dim[i] < side ? x->dim[i] : side;
    nn_yaml_comment(out, 0,
                    volume ? "Volumes: convolutions, each followed by a pooling that halves "
                             "planes, rows and columns."
                           : "Images: convolutions, each followed by a pooling that halves rows "
                             "and columns. To train on shifted or mirrored copies, too, add to "
                             "data: augment: [shift: {pixels: 2}, flip]");
    fputs("model:\n", out);
    for (int filters = 16; filters <= 64 && side >= 8; filters *= 2, side /= 2)
        fprintf(out,
                "  - conv%s: {filters: %d, kernel: 3, padding: 1, activation: relu}\n"
                "  - max_pool%s: {size: 2}\n",
                volume ? "3d" : "2d", filters, volume ? "3d" : "");
    fputs("  - flatten\n  - dense: {units: 64, activation: relu}\n", out);
    write_outputs(s, out, 64);
}

static void write_sequence(const nn_starter *s, FILE *out) {
    bool tokens = s->kind == NN_KIND_TOKENS;

    nn_yaml_comment(out, 0,
                    tokens ? "Sequences of whole numbers, each of which gets a vector; an "
                             "LSTM reads them step by step. gru is faster."
                           : "Sequences: an LSTM reads them step by step. gru is faster.");
    fputs("model:\n", out);
    if (tokens)
        fprintf(out, "  - embedding: {vocabulary: %" PRId64 ", units: 32}\n", s->vocabulary);
    fprintf(out, "  - lstm: {units: 64%s}\n", s->by_position ? ", return: all" : "");
    write_outputs(s, out, 64);
}

static void write_model(const nn_starter *s, FILE *out) {
    if (s->kind == NN_KIND_TABLE)
        write_table(s, out);
    else if (s->kind == NN_KIND_IMAGE)
        write_image(s, out);
    else
        write_sequence(s, out);
}

static void write_loss(const nn_starter *s, FILE *out) {
    nn_yaml_comment(out, 0,
                    s->classes ? "Where some classes are rare and matter as much: loss: "
                                 "{cross_entropy: {class_weights: balanced}}"
                               : "Where a few samples are far off and should not count so much: "
                                 "loss: huber");
    fprintf(out, "loss: %s\n", s->classes ? "cross_entropy # softmax is fused in" : "squared");
}

static void write_train(const nn_starter *s, FILE *out) {
    double lr = s->kind == NN_KIND_IMAGE ? 0.001 : 0.003;

    fputs("train:\n", out);
    nn_yaml_comment(out, 2, "Passes over the training samples, at most.");
    fprintf(out, "  epochs: %" PRId64 "\n", epochs(s));
    nn_yaml_comment(out, 2,
                    "Samples of a step, of all ranks together. More ranks have more to do "
                    "with a larger one.");
    fprintf(out, "  batch_size: %" PRId64 "\n", batch_size(s));
    nn_yaml_comment(out, 2,
                    "Where the loss jumps, a smaller learning rate; where it hardly falls, "
                    "a larger one. `nnmpi tune` tries several: -g train.lr=0.01,0.003,0.001");
    fprintf(out, "  optimizer: {adam: {lr: %g}}\n", lr);
    if (s->kind == NN_KIND_SEQUENCE || s->kind == NN_KIND_TOKENS)
        fputs("  clip_norm: 1 # long sequences can have huge gradients\n", out);
}

static void write_validate(const nn_starter *s, FILE *out) {
    const char *split = s->validates ? "valid" : s->tests ? "test" : "train";
    int64_t patience = epochs(s) / 5;

    if (!s->validates)
        nn_yaml_comment(out, 0,
                        "There is no split to validate on, so nothing ends the training early. "
                        "`nnmpi data split FILE.h5 --valid 0.15` makes one; then: validate: "
                        "{split: valid, early_stopping: {patience: 5}}");
    fprintf(out, "validate:\n  split: %s\n", split);
    fprintf(out, "  metrics: [%s]\n", s->classes ? "accuracy" : "r2, rmse");
    if (!s->validates)
        return;
    nn_yaml_comment(out, 2,
                    "Ends when so many validations in a row, one an epoch, brought no "
                    "smaller loss, with the parameters of the best one.");
    fprintf(out, "  early_stopping: {patience: %" PRId64 "}\n",
            patience < 3          ? 3
            : patience > PATIENCE ? PATIENCE
                                  : patience);
}

void nn_starter_write(const nn_starter *s, FILE *out) {
    write_model(s, out);
    fputc('\n', out);
    write_loss(s, out);
    fputc('\n', out);
    write_train(s, out);
    fputc('\n', out);
    write_validate(s, out);
}
