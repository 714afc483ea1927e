#include "train/run/event_log.h"

#include "base/json/json.h"
#include "train/filters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* The first layer's filters side by side, with a pixel between two of them. */
static int put_filters(nn_events *events, const nn_model *model, const nn_real *params) {
    nn_filters f;
    unsigned char *tiles = NULL, *pixels = NULL;
    int rc;
    if (!nn_filters_find(model, &f))
        return 0;
    size_t across = (size_t)ceil(sqrt((double)f.tiles)), down = (f.tiles + across - 1) / across;
    size_t rows = down * (f.height + 1) - 1, columns = across * (f.width + 1) - 1;
    size_t line = f.width * f.channels;
    NN_TRY_GOTO(NN_NEW(&tiles, f.tiles * f.height * line, "filters"));
    NN_TRY_GOTO(NN_NEW(&pixels, rows * columns * f.channels, "filters"));
    NN_TRY_GOTO(nn_filters_draw(&f, params, tiles));
    for (size_t i = 0; i < f.tiles * f.height; i++) {
        size_t tile = i / f.height, y = tile / across * (f.height + 1) + i % f.height;
        memcpy(pixels + (y * columns + tile % across * (f.width + 1)) * f.channels,
               tiles + i * line, line);
    }
    nn_events_image(events, "filters", rows, columns, f.channels, pixels);
done:
    nn_free(tiles);
    nn_free(pixels);
    return rc;
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
