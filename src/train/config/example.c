/* Examples of everything that a configuration can name. Values of their own are listed below; any
 * other follows from the option's type, default and range. */
#include "base/text.h"
#include "data/augment/augment.h"
#include "data/dataset.h"
#include "data/importers/importer.h"
#include "data/sources/make.h"
#include "data/sources/sources.h"
#include "nn/initializers/initializer.h"
#include "nn/layers/layer.h"
#include "train/config/places.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *path, *value;
} values[] = {
    {"data", "{path: mnist.h5}"},
    {"model", "[dense: {units: 128, activation: relu}, dense: {units: 10}]"},
    {"loss", "cross_entropy"},
    {"init", "{from: other.h5, layers: [fc1]}"},
    {"train", "{epochs: 10, batch_size: 64, lr: 0.1}"},
    {"validate", "{every_epochs: 1, metrics: [accuracy, confusion]}"},
    {"checkpoint", "{every_epochs: 1, keep: 3}"},
    {"log", "{tensorboard: true}"},
    {"init.from", "other.h5"},
    {"init.layers", "[fc1, fc2]"},
    {"train.batch_size", "64"},
    {"train.optimizer", "{adam: {lr: 0.001}}"},
    {"train.schedule", "{step: {every: 10, gamma: 0.1}}"},
    {"train.warmup", "{epochs: 5}"},
    {"train.ema", "{decay: 0.999}"},
    {"train.trace", "{steps: [100, 110]}"},
    {"train.trace.steps", "[100, 110]"},
    {"train.lr", "0.1"},
    {"train.seed", "7"},
    {"train.max_steps", "1000"},
    {"train.output_rows", "1024"},
    {"train.check_replicas", "100"},
    {"train.clip_norm", "1.0"},
    {"train.stop_below", "0.01"},
    {"train.threads", "4"},
    {"validate.split", "valid"},
    {"validate.metrics", "[accuracy, confusion]"},
    {"validate.early_stopping", "{patience: 3}"},
    {"validate.early_stopping.metric", "accuracy"},
    {"train.stop_when", "no_mistakes # with a loss that counts mistakes, as perceptron"},
    {"cosine.grow", "2"},
    {"early_stopping.patience", "3"},
    {"model.*.name", "fc1"},
    {"model.*.inputs", "[input]"},
    {"model.*.activation", "relu"},
    {"model.*.init", "xavier_normal"},
    {"model.*.bias_init", "zeros"},
    {"model.*.lr_scale", "0.1"},
    {"model.*.decay_scale", "0"},
    {"size", "2"},
    {"kernel", "3"},
    {"stride", "2"},
    {"padding", "1"},
    {"dilation", "2"},
    {"filters", "16"},
    {"units", "10"},
    {"vocabulary", "1000"},
    {"reshape.shape", "[-1, 2]"},
    {"tie", "fc2.weight"},
    {"attention.heads", "2"},
    {"attention.kv_heads", "1"},
    {"attention.rotary_base", "10000"},
    {"concat.axis", "1"},
    {"repeat.times", "12"},
    {"repeat.layers", "[residual: [layer_norm, dense: {units: 8, activation: gelu}]]"},
    {"residual.layers", "[conv2d: {filters: 4, kernel: 3, padding: 1}, batch_norm, relu]"},
    {"residual.shortcut", "[conv2d: {filters: 4, kernel: 1}]"},
    {"group_norm.groups", "2"},
    {"mean.axis", "1"},
    {"positions.context", "64"},
    {"slice.axis", "1"},
    {"slice.begin", "-1"},
    {"slice.end", "2"},
    {"upsample.scale", "2"},
    {"upsample1d.scale", "2"},
    {"upsample3d.scale", "2"},
    {"output_padding", "1"},
    {"edges", "[[0, 1], [1, 2]]"},
    {"class_weights", "balanced"},
    {"loss.zero_one.threshold", "0.5"},
    {"multistep.at", "[30, 60]"},
    {"exponential.gamma", "0.95"},
    {"data.augment", "[shift: {pixels: 2}, flip]"},
    {"data.split", "{valid: 0.1, test: 0.1, stratify: true}"},
    {"data.memory", "512"},
    {"hdf5.path", "mine.h5"},
    {"mixture.path", "[{path: books.h5, weight: 0.7}, {path: web.h5, weight: 0.3}]"},
    {"mixture.context", "256"},
    {"csv.path", "iris.csv"},
    {"csv.categories", "zip"},
    {"csv.embedding", "street"},
    {"csv.answers", "price"},
    {"csv.columns", "[age: [0.05, -2], 'colour=red', 'colour=blue']"},
    {"images.path", "photos"},
    {"libsvm.path", "a9a.svm"},
    {"text.path", "book.txt"},
    {"text.vocabulary_file", "tokens.h5"},
    {"text.classes", "['<unk>', a, b]"},
    {"npy.path", "x_train.npy"},
    {"npy.targets", "y_train.npy"},
    {"npz.path", "digits.npz"},
    {"npz.x", "x_train"},
    {"npz.y", "y_train"},
    {"npz.w", "w_train"},
    {"npz.len", "len_train"},
    {"label", "species"},
    {"target", "price"},
    {"drop", "id"},
    {"idx.path", "mnist"},
    {"idx.prefix", "train"},
    {"train_images", "train-images-idx3-ubyte"},
    {"train_labels", "train-labels-idx1-ubyte"},
    {"test_images", "t10k-images-idx3-ubyte"},
    {"test_labels", "t10k-labels-idx1-ubyte"},
    {"idx.classes", "'zero,one'"},
    {"generator", "blobs"},
    {"inline.x", "[[0, 0], [1, 1]]"},
    {"inline.y", "[0, 1]"},
    {"inline.test_x", "[[0, 1]]"},
    {"inline.test_y", "[1]"},
};

/* Keys without which another means nothing. */
#define JOINS "inputs: [fc1, fc2]"
static const struct {
    const char *path, *keys;
} companions[] = {
    {"train.warmup.from", "epochs: 5"},
    {"sgd.dampening", "momentum: 0.9"},
    {"sgd.nesterov", "momentum: 0.9"},
    {"cosine.restarts", "over: 10"},
    {"cosine.grow", "over: 10, restarts: true"},
    {"gru.dropout", "layers: 2"},
    {"lstm.dropout", "layers: 2"},
    {"rnn.dropout", "layers: 2"},
    {"add", JOINS},
    {"concat", JOINS},
    {"concat.axis", JOINS},
    {"multiply", JOINS},
    {"tie", JOINS},
    {"output_padding", "stride: 2"},
    {"graph_conv", "edges: [[0, 1], [1, 2]]"},
    {"graph_conv.units", "edges: [[0, 1], [1, 2]]"},
    {"graph_conv.bias", "edges: [[0, 1], [1, 2]]"},
};

static const char *companion(const nn_place *place) {
    for (size_t i = 0; i < sizeof companions / sizeof *companions; i++)
        if (nn_place_matches(place, companions[i].path))
            return companions[i].keys;
    return NULL;
}

static const char *listed_value(const nn_place *place) {
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i].path, place->path) == 0)
            return values[i].value;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (nn_place_matches(place, values[i].path))
            return values[i].value;
    return NULL;
}

static bool in_range(const char *range, double value) {
    char open, close, low[32], high[32];
    double from, to;

    if (!range || sscanf(range, "%c%31[^,], %31[^])]%c", &open, low, high, &close) != 4 ||
        !nn_text_to_real(low, &from) || !nn_text_to_real(high, &to))
        return true;
    return value > from && value < to;
}

/* A number that shows more than a default of 0 would. */
static const char *number(const nn_option *option) {
    static const char *const numbers[] = {"5", "0.5", "0.1", "2", "1"};

    if (option->fallback && option->fallback[0] && strcmp(option->fallback, "0") != 0)
        return option->fallback;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t whole;
        double value;
        if ((option->type != NN_OPT_INT || nn_text_to_int(numbers[i], &whole)) &&
            nn_text_to_real(numbers[i], &value) && in_range(option->range, value))
            return numbers[i];
    }
    return "1";
}

/* "" when nothing is known: a test finds it. */
static const char *value_of(const nn_place *place) {
    const nn_option *option = place->option;
    const char *listed = listed_value(place), *bar;

    if (listed)
        return listed;
    switch (option->type) {
    case NN_OPT_BOOL:
        return option->fallback && strcmp(option->fallback, "true") == 0 ? "false" : "true";
    case NN_OPT_CHOICE:
        bar = strrchr(option->range, '|');
        return bar ? bar + 1 : option->range;
    case NN_OPT_INT:
    case NN_OPT_REAL:
        return number(option);
    default:
        return option->fallback ? option->fallback : "";
    }
}

static nn_place neighbour(const nn_place *place, const nn_option *option) {
    nn_place other = *place;
    char *dot = strrchr(other.path, '.');

    other.option = option;
    if (place->option && dot)
        *dot = '\0';
    snprintf(other.path + strlen(other.path), sizeof other.path - strlen(other.path), ".%s",
             option->key);
    return other;
}

/* "filters: 16, kernel: 3, stride: 2": what the table requires, and the key that is meant. */
static void put_keys(FILE *out, const nn_place *place, const nn_option *table, const char *before,
                     const char *between) {
    const char *keys = companion(place);
    bool own = false;

    if (keys) {
        fprintf(out, "%s%s", before, keys);
        before = between;
    }
    for (; table && table->key; table++) {
        nn_place other = neighbour(place, table);
        own = own || table == place->option;
        if (table->fallback && table != place->option)
            continue;
        fprintf(out, "%s%s: %s", before, table->key, value_of(&other));
        before = between;
    }
    if (place->option && !own)
        fprintf(out, "%s%s: %s", before, place->option->key, value_of(place));
}

static bool has_keys(const nn_place *place) {
    bool any = place->option || companion(place);

    for (const nn_option *o = place->row ? place->row->options : NULL; o && o->key; o++)
        any = any || !o->fallback;
    return any;
}

/* "sgd: {lr: 0.1}", "flatten". Keys that all rows take are shown at the row `any`. */
static void put_row(FILE *out, const nn_place *place, const char *any) {
    const char *name = place->row ? place->row->name : any;

    if (!has_keys(place)) {
        fprintf(out, "%s", name);
        return;
    }
    fprintf(out, "%s: {", name);
    put_keys(out, place, place->row ? place->row->options : NULL, "", ", ");
    fputs("}", out);
}

static void put_section(FILE *out, const nn_place *place, int indent) {
    const char *name = place->section->name, *dot = strchr(name, '.');
    char line[64];

    if (!*name) {
        fprintf(out, "%*s%s: %s\n", indent, "", place->option->key, value_of(place));
        return;
    }
    fprintf(out, "%*s%.*s:\n", indent, "", dot ? (int)(dot - name) : (int)strlen(name), name);
    fprintf(out, "%*s", indent + 2, "");
    if (dot)
        fprintf(out, "%s: {", dot + 1);
    snprintf(line, sizeof line, "\n%*s", indent + 2, "");
    if (strcmp(name, "train") == 0)
        fprintf(out, "%s: %s", place->option->key, value_of(place));
    else
        put_keys(out, place, place->section->options, "", dot ? ", " : line);
    fputs(dot ? "}\n" : "\n", out);
}

/* With the two layers that one which joins them, or has a parameter of one, is behind. */
static void put_layer(FILE *out, const nn_place *place, int indent) {
    const char *keys = companion(place);

    fprintf(out, "%*smodel:\n", indent, "");
    for (int i = 1; i <= 2 && keys && strcmp(keys, JOINS) == 0; i++)
        fprintf(out, "%*s- dense: {name: fc%d, units: 10}\n", indent + 2, "", i);
    fprintf(out, "%*s- ", indent + 2, "");
    if (place->row)
        put_row(out, place, "");
    else
        fprintf(out, "dense: {units: 10, %s: %s}", place->option->key, value_of(place));
    fputc('\n', out);
}

static void put_source(FILE *out, const nn_place *place, int indent) {
    const char *name = place->row ? place->row->name : NULL;

    fprintf(out, "%*sdata: {", indent, "");
    if (!name)
        fprintf(out, "path: mine.h5, %s: %s", place->option->key, value_of(place));
    else if (strcmp(name, "hdf5") != 0)
        fprintf(out, "source: %s", name);
    if (name)
        put_keys(out, place, place->row->options, strcmp(name, "hdf5") == 0 ? "" : ", ", ", ");
    fputs("}\n", out);
}

/* An importer or a generator: options of a command. */
static void put_command(FILE *out, const nn_place *place, int indent) {
    const char *verb = strrchr(place->family->path, '.') + 1;

    fprintf(out, "%*snnmpi data %s %s", indent, "", verb, place->row->name);
    for (const nn_option *o = place->row->options; o && o->key; o++) {
        nn_place other = neighbour(place, o);
        if (o->fallback && o != place->option)
            continue;
        fputs(" --", out);
        for (const char *c = o->key; *c; c++)
            fputc(*c == '_' ? '-' : *c, out);
        if (o->type != NN_OPT_BOOL)
            fprintf(out, " %s", value_of(&other));
    }
    fprintf(out, " -O mine.h5\n");
}

/* A loss without a gradient. */
static bool is_reported_only(const nn_place *place) {
    return place->family->family == &nn_losses && place->row &&
           ((const nn_loss_ops *)(const void *)place->row)->metric_only;
}

static void put_metric(FILE *out, const nn_place *place, int indent) {
    fprintf(out, "%*svalidate:\n%*smetrics: [", indent, "", indent + 2, "");
    put_row(out, place, "");
    fputs("]\n", out);
}

/* "key: sgd" or "key: {sgd: {lr: 0.1}}", and a newline. */
static void put_choice(FILE *out, const nn_place *place, const char *key, const char *any) {
    fprintf(out, "%s: %s", key, has_keys(place) ? "{" : "");
    put_row(out, place, any);
    fputs(has_keys(place) ? "}\n" : "\n", out);
}

static void put_loss(FILE *out, const nn_place *place, int indent) {
    if (is_reported_only(place)) {
        put_metric(out, place, indent);
        return;
    }
    fprintf(out, "%*s", indent, "");
    put_choice(out, place, "loss", "cross_entropy");
}

/* An optimiser or a schedule. */
static void put_train(FILE *out, const nn_place *place, int indent) {
    fprintf(out, "%*strain:\n%*s", indent, "", indent + 2, "");
    put_choice(out, place, strchr(place->family->path, '.') + 1, "");
}

static void put_augmentation(FILE *out, const nn_place *place, int indent) {
    fprintf(out, "%*sdata:\n%*spath: mine.h5\n", indent, "", indent + 2, "");
    fprintf(out, "%*saugment: [", indent + 2, "");
    put_row(out, place, "");
    fputs("]\n", out);
}

static void put_initializer(FILE *out, const nn_place *place, int indent) {
    fprintf(out, "%*smodel:\n%*s- dense: {units: 10, init: %s", indent, "", indent + 2, "",
            has_keys(place) ? "{" : "");
    put_row(out, place, "");
    fputs(has_keys(place) ? "}}\n" : "}\n", out);
}

static const struct {
    const nn_family *family;
    void (*put)(FILE *out, const nn_place *place, int indent);
} writers[] = {
    {&nn_layers, put_layer},      {&nn_losses, put_loss},
    {&nn_metrics, put_metric},    {&nn_optimizers, put_train},
    {&nn_schedules, put_train},   {&nn_initializers, put_initializer},
    {&nn_sources, put_source},    {&nn_augmentations, put_augmentation},
    {&nn_importers, put_command}, {&nn_generators, put_command},
};

void nn_place_example(FILE *out, const nn_place *place, int indent) {
    if (place->section)
        put_section(out, place, indent);
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (place->family && writers[i].family == place->family->family)
            writers[i].put(out, place, indent);
}
