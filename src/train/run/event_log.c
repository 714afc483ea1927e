#include "train/run/event_log.h"

#include "base/json/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TAG = 256 };

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
    char below[TAG], *key;
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

/* A picture of the first layer's filters: tiles, each `channels` planes of [height][width]. */
typedef struct picture {
    size_t channels, height, width;
    size_t tiles, across, down;
    size_t rows, columns; /* pixels; there is one between two tiles */
} picture;

/* What the layer's weights are where they see images of the data: false elsewhere. Colours go
 * together, other channels are tiles of their own. */
static bool plan_picture(const nn_model *model, const nn_param *weight, picture *p) {
    enum { MOST = 64, GREY = 1, COLOUR = 3 };
    nn_shape image = nn_model_input_shape(model);
    size_t channels = image.rank == 3 ? (size_t)image.dim[0] : 1;
    if (image.rank < 2 || image.rank > 3 || weight->rank < 2)
        return false;
    const int64_t *last = weight->rank == 4 ? weight->dim + 2 : image.dim + image.rank - 2;
    p->height = (size_t)last[0];
    p->width = (size_t)last[1];
    if (weight->count != (size_t)weight->dim[0] * channels * p->height * p->width)
        return false;
    p->channels = channels == COLOUR ? COLOUR : GREY;
    p->tiles = (size_t)weight->dim[0] * channels / p->channels;
    p->tiles = p->tiles < MOST ? p->tiles : MOST;
    p->across = (size_t)ceil(sqrt((double)p->tiles));
    p->down = (p->tiles + p->across - 1) / p->across;
    p->rows = p->down * (p->height + 1) - 1;
    p->columns = p->across * (p->width + 1) - 1;
    return true;
}

/* 0 is grey; the largest weight of all tiles is white or, where it is negative, black. */
static void draw_tile(const picture *p, const nn_real *w, double largest, unsigned char *out) {
    size_t plane = p->height * p->width;
    double scale = largest > 0 ? 127 / largest : 0;
    for (size_t c = 0; c < p->channels; c++)
        for (size_t i = 0; i < plane; i++)
            out[(i / p->width * p->columns + i % p->width) * p->channels + c] =
                (unsigned char)(128.5 + scale * (double)w[c * plane + i]);
}

static void draw(const picture *p, const nn_real *w, unsigned char *pixels) {
    size_t size = p->channels * p->height * p->width;
    double largest = 0;
    for (size_t i = 0; i < p->tiles * size; i++)
        largest = fmax(largest, fabs((double)w[i]));
    for (size_t i = 0; i < p->tiles; i++) {
        size_t y = i / p->across * (p->height + 1), x = i % p->across * (p->width + 1);
        draw_tile(p, w + i * size, largest, pixels + (y * p->columns + x) * p->channels);
    }
}

static int put_filters(nn_events *events, const nn_model *model, const nn_param *weight,
                       const nn_real *w) {
    picture p;
    unsigned char *pixels = NULL;
    nn_real *file = NULL; /* in PyTorch's order */
    int rc;
    if (!plan_picture(model, weight, &p))
        return 0;
    NN_TRY_GOTO(NN_NEW(&file, weight->count, "filters"));
    NN_TRY_GOTO(NN_NEW(&pixels, p.rows * p.columns * p.channels, "filters"));
    nn_param_export(weight, w, file);
    draw(&p, file, pixels);
    nn_events_image(events, "filters", p.rows, p.columns, p.channels, pixels);
done:
    nn_free(file);
    nn_free(pixels);
    return rc;
}

int nn_event_log_parameters(nn_events *events, const nn_model *model, const nn_real *params,
                            const nn_histogram *histogram, int64_t step) {
    const nn_param *const *param;
    char tag[TAG];
    size_t count = nn_model_params(model, &param);
    for (size_t i = 0; i < count; i++) {
        snprintf(tag, sizeof tag, "%s/%s", param[i]->layer->name, param[i]->name);
        nn_events_histogram(events, tag, &histogram[i]);
    }
    if (count > 0)
        NN_TRY(put_filters(events, model, param[0], params + param[0]->offset));
    return nn_events_write(events, step);
}
