/* Inference with a trained model: no ranks, no data set, only the checkpoint. */
#include "train/evaluate/predict.h"

#include "base/json/json.h"
#include "data/normalize.h"
#include "data/sources/open.h"
#include "math/float_mode.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/session/session.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct nn_predictor {
    nn_pool pool; /* the checkpoint's texts and data traits */
    nn_config *config;
    nn_compute compute;
    nn_data_traits data;
    nn_model *model;
    nn_loss *loss;
    nn_converter converter;
    nn_real *params, *x;
    size_t batch; /* most samples of a call of the model */
    size_t inputs, outputs;
    size_t positions; /* of a sample that have a label each, or 1 */
};

static int build(nn_predictor *p, const char *path, size_t batch) {
    const char *checkpoint;
    nn_snapshot snapshot = {0};
    const nn_loss_ops *loss;
    NN_TRY(nn_checkpoint_pick(&p->pool, path, &checkpoint));
    NN_TRY(nn_checkpoint_peek(checkpoint, &p->pool, &snapshot));
    p->data = snapshot.data;
    NN_TRY(nn_config_parse(checkpoint, snapshot.config, strlen(snapshot.config), &p->config));
    NN_TRY(nn_config_check_stored(p->config));
    const nn_settings *settings = nn_config_settings(p->config);
    NN_TRY(nn_loss_pick(settings->loss, &loss));
    NN_TRY(nn_model_plan(settings->model, p->data.x, loss->fuses, &p->model));
    nn_model_set_compute(p->model, &p->compute);
    nn_shape output = nn_model_output_shape(p->model);
    p->inputs = nn_shape_count(&p->data.x);
    p->outputs = nn_shape_count(&output);
    NN_TRY(nn_data_check_positions(&p->data, checkpoint, p->outputs));
    p->positions = nn_data_positions(&p->data);
    nn_loss_spec spec = nn_loss_spec_of(&p->data, p->outputs / p->positions, batch * p->positions);
    spec.compute = &p->compute;
    NN_TRY(nn_loss_new(settings->loss, &spec, &p->loss));
    NN_TRY(NN_NEW(&p->params, nn_model_size(p->model), "parameters"));
    NN_TRY(NN_NEW(&p->x, batch * p->inputs, "inputs"));
    nn_field floats = {.type = NN_F32, .shape = p->data.x};
    NN_TRY(nn_converter_init_x(&p->converter, &floats, &p->data.affine, &p->data.normal, &p->pool));
    snapshot.model = p->model;
    snapshot.params = p->params;
    NN_TRY(nn_checkpoint_read(checkpoint, &p->pool, &snapshot));
    return nn_model_bind(p->model, p->params, NULL, batch);
}

int nn_predictor_open(const char *checkpoint, size_t batch, nn_predictor **out) {
    nn_predictor *p;
    *out = NULL;
    if (batch == 0)
        return nn_fail(NN_EUSAGE, "a predictor's batch is 0; it has memory for 1 sample or more");
    NN_TRY(NN_NEW(&p, 1, "predictor"));
    p->batch = batch;
    int rc = build(p, checkpoint, batch);
    if (rc < 0) {
        nn_predictor_free(p);
        return nn_error_frame(rc, __func__);
    }
    *out = p;
    return 0;
}

int nn_predictor_set_threads(nn_predictor *p, int threads) {
    if (threads < 1)
        return nn_fail(NN_EUSAGE, "nn_predictor_set_threads: %d threads; it is 1 or more", threads);
    p->compute.threads = threads;
    return nn_model_bind(p->model, p->params, NULL, p->batch);
}

void nn_predictor_free(nn_predictor *p) {
    if (!p)
        return;
    nn_loss_free(p->loss);
    nn_model_free(p->model);
    nn_config_free(p->config);
    nn_free(p->params);
    nn_free(p->x);
    nn_pool_release(&p->pool);
    nn_free(p);
}

int nn_predictor_open_data(const nn_predictor *p, const char *path, bool other_files,
                           nn_dataset **out) {
    nn_naming trained = nn_data_naming(&p->data);
    nn_like like = nn_data_like(&p->data);
    like.data = nn_config_settings(p->config)->data;
    NN_TRY(nn_dataset_open_samples(path, other_files, &like, out));
    nn_dataset_say_unused(*out);
    return nn_dataset_match_features(*out, &trained);
}

const nn_data_traits *nn_predictor_data(const nn_predictor *p) {
    return &p->data;
}

const nn_loss_ops *nn_predictor_loss(const nn_predictor *p) {
    return nn_loss_ops_of(p->loss);
}

size_t nn_predictor_inputs(const nn_predictor *p) {
    return p->inputs;
}

size_t nn_predictor_outputs(const nn_predictor *p) {
    return p->outputs;
}

size_t nn_predictor_positions(const nn_predictor *p) {
    return p->positions;
}

const char *nn_predictor_class(const nn_predictor *p, size_t i) {
    return p->data.class_names && i < (size_t)p->data.classes ? p->data.class_names[i] : NULL;
}

static int predict_scaled(nn_predictor *p, size_t count, const float *x, const int32_t *length,
                          float *y) {
    nn_pass pass = {.batch = count, .length = length};
    uint64_t float_mode = nn_float_mode_flush();
    const nn_real *z = nn_model_forward(p->model, &pass, x);
    nn_loss_activation(p->loss, count * p->positions, z, y);
    nn_float_mode_set(float_mode);
    return nn_model_fault(p->model);
}

/* Samples of the piece that begins at `first`. */
static size_t piece_of(const nn_predictor *p, size_t count, size_t first) {
    return count - first < p->batch ? count - first : p->batch;
}

int nn_predict(nn_predictor *p, size_t count, const float *x, float *y) {
    if (!p || (count > 0 && (!x || !y)))
        return nn_fail(NN_EUSAGE, "nn_predict: %s is NULL", !p ? "predictor" : !x ? "x" : "y");
    for (size_t first = 0; first < count; first += p->batch) {
        size_t n = piece_of(p, count, first);
        nn_converter_apply(&p->converter, n, x + first * p->inputs, p->x);
        NN_TRY(predict_scaled(p, n, p->x, NULL, y + first * p->outputs));
    }
    return 0;
}

int nn_predict_scaled(nn_predictor *p, size_t count, const float *x, const int32_t *length,
                      float *y) {
    if (length)
        NN_TRY(nn_model_check_lengths(p->model));
    for (size_t first = 0; first < count; first += p->batch)
        NN_TRY(predict_scaled(p, piece_of(p, count, first), x + first * p->inputs,
                              length ? length + first : NULL, y + first * p->outputs));
    return 0;
}

/* ---- what a checkpoint says ------------------------------------------------------------------ */

/* A scalar as it is meant: what is not in quotes may be null, a truth value or a number. */
static void put_scalar(nn_json *json, const char *key, const nn_node *node) {
    const char *text = node->text;
    char *whole_end, *end;
    errno = 0;
    long long whole = strtoll(text, &whole_end, 10);
    bool fits = errno == 0;
    double number = strtod(text, &end);
    if (nn_node_is_null(node))
        nn_json_real(json, key, NAN);
    else if (!node->quoted && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        nn_json_bool(json, key, *text == 't');
    else if (!node->quoted && !*whole_end && fits)
        nn_json_int(json, key, whole);
    else if (!node->quoted && !*end && isfinite(number))
        nn_json_real(json, key, number);
    else
        nn_json_string(json, key, text);
}

static void put_node(nn_json *json, const char *key, const nn_node *node) {
    if (node->kind == NN_NODE_SCALAR) {
        put_scalar(json, key, node);
        return;
    }
    nn_json_open(json, key, node->kind == NN_NODE_MAP ? '{' : '[');
    for (size_t i = 0; i < node->count; i++)
        put_node(json, node->item[i]->key, node->item[i]);
    nn_json_close(json, node->kind == NN_NODE_MAP ? '}' : ']');
}

static void describe(const nn_predictor *p, const nn_affine *scale, nn_json *json) {
    const nn_data_traits *data = &p->data;
    nn_json_open(json, NULL, '{');
    put_node(json, "config", nn_config_settings(p->config)->root);
    nn_json_open(json, "x", '[');
    for (int i = 0; i < data->x.rank; i++)
        nn_json_int(json, NULL, data->x.dim[i]);
    nn_json_close(json, ']');
    nn_json_bool(json, "labels", data->labels);
    nn_json_int(json, "target_width", (int64_t)data->target_width);
    nn_json_int(json, "classes", data->classes);
    if (data->class_names) {
        nn_json_open(json, "class_names", '[');
        for (int64_t i = 0; i < data->classes; i++)
            nn_json_string(json, NULL, data->class_names[i]);
        nn_json_close(json, ']');
    }
    nn_json_reals(json, "scale", scale->count, scale->scale);
    nn_json_reals(json, "offset", scale->count, scale->offset);
    nn_json_close(json, '}');
}

const char *nn_predictor_description(nn_predictor *p) {
    nn_affine scale;
    nn_json json = {.overflow = true};
    if (nn_affine_join(&p->data.affine, &p->data.normal, &p->data.x, &p->pool, &scale) < 0)
        return NULL;
    for (size_t size = 1 << 14; json.overflow; size *= 4) {
        char *text = nn_pool_alloc(&p->pool, size);
        if (!text)
            return NULL;
        nn_json_init(&json, text, size);
        describe(p, &scale, &json);
    }
    return json.text;
}
