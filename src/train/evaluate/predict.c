/* Inference with a trained model: no ranks, no data set, only the checkpoint. */
#include "train/evaluate/predict.h"

#include "base/json/json.h"
#include "data/sources/open.h"
#include "data/values/indices.h"
#include "data/values/normalize.h"
#include "math/float_mode.h"
#include "math/gemm/blas.h"
#include "nn/indices.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/session/session.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct nn_predictor {
    nn_trained trained;
    nn_compute compute;
    nn_loss *loss;
    nn_converter converter;
    nn_real *x;
    const int32_t *indices; /* of nn_model_indices */
    size_t batch;           /* most samples of a call of the model */
    size_t inputs, outputs;
    size_t positions; /* of a sample that have a label each, or 1 */
};

static int read_trained(nn_trained *t, const char *path) {
    nn_snapshot snapshot = {0};
    nn_blas_report blas;
    NN_TRY(nn_blas_init(&blas));
    NN_TRY(nn_checkpoint_pick(&t->pool, path, &t->checkpoint));
    NN_TRY(nn_checkpoint_peek(t->checkpoint, &t->pool, &snapshot));
    t->data = snapshot.data;
    NN_TRY(nn_config_parse(t->checkpoint, snapshot.config, strlen(snapshot.config), &t->config));
    NN_TRY(nn_config_check_stored(t->config));
    t->settings = nn_config_settings(t->config);
    NN_TRY(nn_loss_pick(t->settings->loss, &t->loss));
    NN_TRY(nn_model_plan(t->settings->model, t->data.x, t->loss->fuses, &t->model));
    nn_shape output = nn_model_output_shape(t->model);
    NN_TRY(nn_data_check_positions(&t->data, t->checkpoint, nn_shape_count(&output)));
    NN_TRY(NN_NEW(&t->params, nn_model_size(t->model), "parameters"));
    snapshot.model = t->model;
    snapshot.params = t->params;
    return nn_checkpoint_read(t->checkpoint, &t->pool, &snapshot);
}

int nn_trained_read(const char *checkpoint, nn_trained *trained) {
    *trained = (nn_trained){0};
    int rc = read_trained(trained, checkpoint);
    if (rc < 0)
        nn_trained_release(trained);
    return rc;
}

void nn_trained_release(nn_trained *trained) {
    nn_model_free(trained->model);
    nn_config_free(trained->config);
    nn_free(trained->params);
    nn_pool_release(&trained->pool);
    *trained = (nn_trained){0};
}

static int build(nn_predictor *p, const char *path, size_t batch) {
    nn_trained *t = &p->trained;
    NN_TRY(nn_trained_read(path, t));
    nn_model_set_compute(t->model, &p->compute);
    NN_TRY(nn_model_indices(t->model, &t->pool, &p->indices));
    nn_shape output = nn_model_output_shape(t->model);
    p->inputs = nn_shape_count(&t->data.x);
    p->outputs = nn_shape_count(&output);
    p->positions = nn_data_positions(&t->data);
    nn_loss_spec spec = nn_loss_spec_of(&t->data, p->outputs / p->positions, batch * p->positions);
    spec.compute = &p->compute;
    NN_TRY(nn_loss_new(t->settings->loss, &spec, &p->loss));
    NN_TRY(NN_NEW(&p->x, batch * p->inputs, "inputs"));
    nn_field floats = {.type = NN_F32, .shape = t->data.x};
    NN_TRY(nn_converter_init_x(&p->converter, &floats, &t->data.affine, &t->data.normal, &t->pool));
    return nn_model_bind(t->model, t->params, NULL, batch);
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
    return nn_model_bind(p->trained.model, p->trained.params, NULL, p->batch);
}

void nn_predictor_free(nn_predictor *p) {
    if (!p)
        return;
    nn_loss_free(p->loss);
    nn_trained_release(&p->trained);
    nn_free(p->x);
    nn_free(p);
}

int nn_predictor_open_data(const nn_predictor *p, const char *path, bool other_files,
                           nn_dataset **out) {
    nn_naming trained = nn_data_naming(&p->trained.data);
    nn_like like = nn_data_like(&p->trained.data);
    like.data = p->trained.settings->data;
    NN_TRY(nn_dataset_open_samples(path, other_files, &like, out));
    nn_dataset_say_unused(*out);
    return nn_dataset_match_features(*out, &trained);
}

const nn_data_traits *nn_predictor_data(const nn_predictor *p) {
    return &p->trained.data;
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
    return p->trained.data.class_names && i < (size_t)p->trained.data.classes
               ? p->trained.data.class_names[i]
               : NULL;
}

int nn_predictor_check(const nn_predictor *p, size_t count, const float *x, size_t *row) {
    char text[NN_INDEX_TEXT];
    size_t at = p->indices ? nn_find_no_index(p->indices, count, p->inputs, x) : count * p->inputs;
    *row = at / p->inputs;
    if (*row == count)
        return 0;
    return nn_fail(NN_EFORMAT, "%s", nn_no_index_text(p->indices, p->inputs, x, at, text));
}

static int check_piece(const nn_predictor *p, size_t first, size_t count, const float *x) {
    size_t row;
    int rc = nn_predictor_check(p, count, x, &row);
    return rc < 0 ? nn_error_prefix(rc, "row %zu of x", first + row) : 0;
}

static int predict_scaled(nn_predictor *p, size_t count, const float *x, const int32_t *length,
                          float *y) {
    nn_pass pass = {.batch = count, .length = length};
    uint64_t float_mode = nn_float_mode_flush();
    const nn_real *z = nn_model_forward(p->trained.model, &pass, x);
    nn_loss_activation(p->loss, count * p->positions, z, y);
    nn_float_mode_set(float_mode);
    return nn_model_fault(p->trained.model);
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
        NN_TRY(check_piece(p, first, n, p->x));
        NN_TRY(predict_scaled(p, n, p->x, NULL, y + first * p->outputs));
    }
    return 0;
}

int nn_predict_scaled(nn_predictor *p, size_t count, const float *x, const int32_t *length,
                      float *y) {
    if (length)
        NN_TRY(nn_model_check_lengths(p->trained.model));
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
    const nn_data_traits *data = &p->trained.data;
    nn_json_open(json, NULL, '{');
    put_node(json, "config", p->trained.settings->root);
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
    if (data->tokens)
        nn_json_string(json, "tokens", data->tokens);
    nn_json_reals(json, "scale", scale->count, scale->scale);
    nn_json_reals(json, "offset", scale->count, scale->offset);
    nn_json_close(json, '}');
}

const char *nn_predictor_description(nn_predictor *p) {
    nn_affine scale;
    nn_json json = {.overflow = true};
    if (nn_affine_join(&p->trained.data.affine, &p->trained.data.normal, &p->trained.data.x,
                       &p->trained.pool, &scale) < 0)
        return NULL;
    for (size_t size = 1 << 14; json.overflow; size *= 4) {
        char *text = nn_pool_alloc(&p->trained.pool, size);
        if (!text)
            return NULL;
        nn_json_init(&json, text, size);
        describe(p, &scale, &json);
    }
    return json.text;
}
