/* Values of a summary (tensorboard/compat/proto/summary.proto). */
#include "base/text.h"
#include "io/png.h"
#include "io/tensorboard/inner.h"

#include <string.h>

/* Fields of Summary.Value. */
enum { SIMPLE_VALUE = 2, IMAGE = 4, HISTOGRAM = 5, TENSOR = 8, METADATA = 9 };

void nn_events_scalar(nn_events *events, const char *tag, double value) {
    nn_bytes scalar = {0};
    nn_pb_put_float(&scalar, SIMPLE_VALUE, (float)value);
    nn_events_put(events, tag, &scalar);
}

/* ---- histograms ------------------------------------------------------------------------------ */

/* Upper ends of the buckets, the last of which is the largest value. */
static void put_limits(nn_bytes *out, int field, const nn_histogram *h) {
    double limit[NN_HISTOGRAM_BINS], width = (h->most - h->least) / NN_HISTOGRAM_BINS;
    for (int i = 0; i < NN_HISTOGRAM_BINS; i++)
        limit[i] = i + 1 < NN_HISTOGRAM_BINS ? h->least + width * (i + 1) : h->most;
    nn_pb_put_bytes(out, field, limit, sizeof limit);
}

void nn_events_histogram(nn_events *events, const char *tag, const nn_histogram *h) {
    enum { MIN = 1, MAX, NUM, SUM, SUM_SQUARES, BUCKET_LIMIT, BUCKET };
    nn_bytes value = {0}, histo = {0};
    nn_pb_put_double(&histo, MIN, h->least);
    nn_pb_put_double(&histo, MAX, h->most);
    nn_pb_put_double(&histo, NUM, (double)h->count);
    nn_pb_put_double(&histo, SUM, h->sum);
    nn_pb_put_double(&histo, SUM_SQUARES, h->squares);
    put_limits(&histo, BUCKET_LIMIT, h);
    nn_pb_put_bytes(&histo, BUCKET, h->bin, sizeof h->bin);
    nn_pb_put_message(&value, HISTOGRAM, &histo);
    nn_events_put(events, tag, &value);
}

/* ---- images ---------------------------------------------------------------------------------- */

void nn_events_image(nn_events *events, const char *tag, size_t height, size_t width,
                     size_t channels, const unsigned char *pixels) {
    enum { HEIGHT = 1, WIDTH, COLORSPACE, ENCODED };
    nn_bytes value = {0}, image = {0}, file = {0};
    nn_pb_put_int(&image, HEIGHT, (int64_t)height);
    nn_pb_put_int(&image, WIDTH, (int64_t)width);
    nn_pb_put_int(&image, COLORSPACE, (int64_t)channels);
    nn_png_put(&file, height, width, channels, pixels);
    nn_pb_put_message(&image, ENCODED, &file);
    nn_pb_put_message(&value, IMAGE, &image);
    nn_events_put(events, tag, &value);
}

/* ---- what plugins show ----------------------------------------------------------------------- */

/* Fields of TensorProto and its shape; types. */
enum { DTYPE = 1, SHAPE = 2, STRING_VAL = 8, FLOAT = 1, STRING = 7 };

/* A tensor of one dimension of `size`, without its values. */
static void begin_tensor(nn_bytes *tensor, int type, int64_t size) {
    enum { DIM = 2, SIZE = 1 };
    nn_bytes shape = {0}, dim = {0};
    nn_pb_put_int(tensor, DTYPE, type);
    nn_pb_put_int(&dim, SIZE, size);
    nn_pb_put_message(&shape, DIM, &dim);
    nn_pb_put_message(tensor, SHAPE, &shape);
}

static void put_plugin(nn_bytes *value, const char *name, nn_bytes *content) {
    enum { PLUGIN_DATA = 1, NAME = 1, CONTENT = 2 };
    nn_bytes metadata = {0}, data = {0};
    nn_pb_put_text(&data, NAME, name);
    nn_pb_put_message(&data, CONTENT, content);
    nn_pb_put_message(&metadata, PLUGIN_DATA, &data);
    nn_pb_put_message(value, METADATA, &metadata);
}

void nn_events_text(nn_events *events, const char *tag, const char *text) {
    nn_bytes value = {0}, tensor = {0}, content = {0};
    put_plugin(&value, "text", &content);
    begin_tensor(&tensor, STRING, 1);
    nn_pb_put_text(&tensor, STRING_VAL, text);
    nn_pb_put_message(&value, TENSOR, &tensor);
    nn_events_put(events, tag, &value);
}

/* The plugin hparams (tensorboard/plugins/hparams/plugin_data.proto) wants a tensor without values.
 */
static void put_hparams(nn_events *events, const char *tag, int field, nn_bytes *info) {
    nn_bytes value = {0}, tensor = {0}, data = {0};
    nn_pb_put_message(&data, field, info);
    put_plugin(&value, "hparams", &data);
    begin_tensor(&tensor, FLOAT, 0);
    nn_pb_put_message(&value, TENSOR, &tensor);
    nn_events_put(events, tag, &value);
}

/* google.protobuf.Value */
static void put_scalar(nn_bytes *value, const nn_node *node) {
    enum { NUMBER = 2, TEXT = 3, BOOL = 4 };
    double number;
    bool yes = strcmp(node->text, "true") == 0;
    if (!node->quoted && nn_text_to_real(node->text, &number))
        nn_pb_put_double(value, NUMBER, number);
    else if (!node->quoted && (yes || strcmp(node->text, "false") == 0))
        nn_pb_put_int(value, BOOL, yes);
    else
        nn_pb_put_text(value, TEXT, node->text);
}

static void put_tree(nn_bytes *info, const char *path, const nn_node *node) {
    enum { HPARAMS = 1, KEY = 1, VALUE = 2 };
    char below[256];
    nn_bytes entry = {0}, value = {0};
    for (size_t i = 0; i < node->count; i++) {
        const nn_node *item = node->item[i];
        if (item->key)
            snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", item->key);
        else
            snprintf(below, sizeof below, "%s.%zu", path, i);
        put_tree(info, below, item);
    }
    if (node->kind != NN_NODE_SCALAR || nn_node_is_null(node))
        return;
    put_scalar(&value, node);
    nn_pb_put_text(&entry, KEY, path);
    nn_pb_put_message(&entry, VALUE, &value);
    nn_pb_put_message(info, HPARAMS, &entry);
}

/* Fields of HParamsPluginData. */
enum { SESSION_START = 3, SESSION_END = 4 };

void nn_events_session(nn_events *events, const nn_node *config) {
    enum { START_TIME = 5 };
    nn_bytes info = {0};
    put_tree(&info, "", config);
    nn_pb_put_double(&info, START_TIME, nn_events_now());
    put_hparams(events, "_hparams_/session_start_info", SESSION_START, &info);
}

void nn_events_session_end(nn_events *events) {
    enum { STATUS = 1, SUCCESS = 1, END_TIME = 2 };
    nn_bytes info = {0};
    nn_pb_put_int(&info, STATUS, SUCCESS);
    nn_pb_put_double(&info, END_TIME, nn_events_now());
    put_hparams(events, "_hparams_/session_end_info", SESSION_END, &info);
}
