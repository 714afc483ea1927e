#include "train/run/event_log.h"

#include "base/json/json.h"
#include "train/filters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_SAMPLES 25

static int begin(nn_events *events, int64_t step, const char *text, const nn_node *config) {
    nn_pool pool = {0};
    const char *code = nn_pool_printf(&pool, "```yaml\n%s```\n", text);
    if (code)
        nn_events_text(events, "config", code);
    nn_pool_release(&pool);
    nn_events_session(events, config);
    return code ? nn_events_write(events, step) : NN_EMEMORY;
}

int nn_event_log_open(const char *dir, int64_t step, const char *text, const nn_node *config,
                      nn_events **out) {
    NN_TRY(nn_events_open(dir, step + 1, out));
    int rc = begin(*out, step, text, config);
    if (rc < 0) {
        nn_events_close(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- lines of metrics.jsonl ------------------------------------------------------------------ */

static int add_value(nn_events *events, nn_json_reader *r, const char *tag);

static int add_members(nn_events *events, nn_json_reader *r, const char *tag) {
    char below[NN_PARAM_PATH], *key;
    bool more;
    for (;;) {
        NN_TRY(nn_json_next(r, '}', &more));
        if (!more)
            return 0;
        NN_TRY(nn_json_read_key(r, &key));
        snprintf(below, sizeof below, "%s/%s", tag, key);
        NN_TRY(add_value(events, r, below));
    }
}

/* Texts, tables and what is not known are no scalars. */
static int add_value(nn_events *events, nn_json_reader *r, const char *tag) {
    char first = nn_json_peek(r);
    double value;
    if (first == '{') {
        NN_TRY(nn_json_begin(r, '{'));
        return add_members(events, r, tag);
    }
    if (first != '-' && (first < '0' || first > '9'))
        return nn_json_skip(r);
    NN_TRY(nn_json_read_real(r, &value));
    nn_events_scalar(events, tag, value);
    return 0;
}

/* Every line begins with its event and its step. */
static int add_line(nn_events *events, nn_json_reader *r) {
    char *key, *event;
    int64_t step;
    bool more;
    NN_TRY(nn_json_begin(r, '{'));
    NN_TRY(nn_json_next(r, '}', &more));
    NN_TRY(nn_json_read_key(r, &key));
    NN_TRY(nn_json_read_string(r, &event));
    NN_TRY(nn_json_next(r, '}', &more));
    NN_TRY(nn_json_read_key(r, &key));
    NN_TRY(nn_json_read_count(r, &step));
    NN_TRY(add_members(events, r, event));
    if (strcmp(event, "end") == 0)
        nn_events_session_end(events);
    return nn_events_write(events, step);
}

int nn_event_log_add(nn_events *events, const char *line) {
    nn_pool pool = {0};
    nn_json_reader r = {
        .pool = &pool, .file = "metrics.jsonl", .text = line, .length = strlen(line)};
    int rc = add_line(events, &r);
    nn_pool_release(&pool);
    return rc;
}

/* ---- parameters ------------------------------------------------------------------------------ */

/* Pictures [tiles][height][width][channels] side by side, with a pixel between two of them. */
static int put_tiles(nn_events *events, const char *tag, size_t tiles, size_t height, size_t width,
                     size_t channels, const unsigned char *from) {
    unsigned char *pixels;
    size_t across = (size_t)ceil(sqrt((double)tiles)), down = (tiles + across - 1) / across;
    size_t rows = down * (height + 1) - 1, columns = across * (width + 1) - 1;
    size_t line = width * channels;
    NN_TRY(NN_NEW(&pixels, rows * columns * channels, tag));
    for (size_t i = 0; i < tiles * height; i++) {
        size_t tile = i / height, y = tile / across * (height + 1) + i % height;
        memcpy(pixels + (y * columns + tile % across * (width + 1)) * channels, from + i * line,
               line);
    }
    nn_events_image(events, tag, rows, columns, channels, pixels);
    nn_free(pixels);
    return 0;
}

/* The first layer's. */
static int put_filters(nn_events *events, const nn_model *model, const nn_real *params) {
    nn_filters f;
    unsigned char *tiles;
    if (!nn_filters_find(model, &f))
        return 0;
    NN_TRY(NN_NEW(&tiles, f.tiles * f.height * f.width * f.channels, "filters"));
    int rc = nn_filters_draw(&f, params, tiles);
    if (rc == 0)
        rc = put_tiles(events, "filters", f.tiles, f.height, f.width, f.channels, tiles);
    nn_free(tiles);
    return rc;
}

int nn_event_log_samples(nn_events *events, const char *split, const nn_shape *image, size_t count,
                         const nn_real *x, int64_t step) {
    size_t size = nn_shape_count(image);
    unsigned char *tiles;
    char tag[64];
    count = count < MOST_SAMPLES ? count : MOST_SAMPLES;
    if (count == 0)
        return 0;
    NN_TRY(NN_NEW(&tiles, count * size, "pictures of samples"));
    for (size_t i = 0; i < count; i++)
        nn_picture_pixels(size, x + i * size, tiles + i * size);
    snprintf(tag, sizeof tag, "samples/%s", split);
    int rc = put_tiles(events, tag, count, (size_t)image->dim[0], (size_t)image->dim[1],
                       (size_t)image->dim[2], tiles);
    nn_free(tiles);
    NN_TRY(rc);
    return nn_events_write(events, step);
}

int nn_event_log_parameters(nn_events *events, const nn_model *model, const nn_real *params,
                            const nn_histogram *histogram, int64_t step) {
    const nn_param *const *param;
    char tag[NN_PARAM_PATH];
    size_t count = nn_model_params(model, &param);
    for (size_t i = 0; i < count; i++) {
        snprintf(tag, sizeof tag, "%s/%s", param[i]->layer->name, param[i]->name);
        nn_events_histogram(events, tag, &histogram[i]);
    }
    NN_TRY(put_filters(events, model, params));
    return nn_events_write(events, step);
}
