#include "cli/verbs/model_report.h"

#include "cli/cli.h"

#include <string.h>

static size_t count_params(const nn_layer *layer) {
    size_t count = 0;
    for (size_t i = 0; i < layer->params; i++)
        count += layer->param[i].tied ? 0 : layer->param[i].count;
    return count;
}

static void print_param(FILE *out, const nn_param *param) {
    char shape[NN_SHAPE_TEXT];
    fprintf(out, "  %s %s", param->name, nn_param_shape_text(param, shape));
    if (param->tied)
        fprintf(out, " = %s.%s", param->tied->layer->name, param->tied->name);
}

/* Characters of the column with the layers' names. */
static int name_width(const nn_model *model) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer), width = 16;
    for (size_t i = 0; i < layers; i++)
        width = strlen(layer[i]->name) > width ? strlen(layer[i]->name) : width;
    return (int)width;
}

void nn_print_layers(FILE *out, const nn_model *model) {
    char shape[NN_SHAPE_TEXT];
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer);
    int width = name_width(model);
    fprintf(out, "%-*s %-14s %-16s %12s\n", width, "layer", "kind", "output", "parameters");
    for (size_t i = 0; i < layers; i++) {
        fprintf(out, "%-*s %-14s %-16s %12zu", width, layer[i]->name, layer[i]->ops->entry.name,
                nn_shape_text(&layer[i]->out, shape), count_params(layer[i]));
        for (size_t p = 0; p < layer[i]->params; p++)
            print_param(out, &layer[i]->param[p]);
        fputc('\n', out);
    }
    fprintf(out, "%-*s %12zu\n", width + 32, "all", nn_model_param_count(model));
}

/* The explanation is the formula; a dense layer of n inputs and n outputs has n^2 weights. */
static const char work_help[] =
    "multiplications of a sample in products with weights: forward one for each use of a weight;\n"
    "backward as many for its gradient, and again for delta of the layer below, where it learns\n";

void nn_print_work(FILE *out, const nn_model *model, int64_t batch) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer), updates = nn_model_param_count(model);
    double forward = 0, backward = 0;
    int width = name_width(model);
    fputs(work_help, out);
    fprintf(out, "%-*s %14s %14s\n", width, "layer", "forward", "backward");
    for (size_t i = 0; i < layers; i++) {
        nn_layer_work work = nn_model_work(layer[i]);
        if (work.forward > 0)
            fprintf(out, "%-*s %14.0f %14.0f\n", width, layer[i]->name, work.forward,
                    work.gradient + work.delta);
        forward += work.forward;
        backward += work.gradient + work.delta;
    }
    fprintf(out, "%-*s %14.0f %14.0f\n", width, "all", forward, backward);
    if (batch > 0)
        fprintf(out, "a step: %lld x (%.0f + %.0f) = %.0f, and the update of %zu parameters\n",
                (long long)batch, forward, backward, (double)batch * (forward + backward), updates);
}

static void json_dims(nn_json *json, const char *key, int rank, const int64_t *dim) {
    nn_json_open(json, key, '[');
    for (int i = 0; i < rank; i++)
        nn_json_int(json, NULL, dim[i]);
    nn_json_close(json, ']');
}

static void json_layer(nn_json *json, const nn_layer *layer) {
    nn_layer_work work = nn_model_work(layer);
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "name", layer->name);
    nn_json_string(json, "kind", layer->ops->entry.name);
    json_dims(json, "output", layer->out.rank, layer->out.dim);
    nn_json_open(json, "parameters", '{');
    for (size_t i = 0; i < layer->params; i++)
        json_dims(json, layer->param[i].name, layer->param[i].rank, layer->param[i].dim);
    nn_json_close(json, '}');
    nn_json_open(json, "multiplications", '{');
    nn_json_real(json, "forward", work.forward);
    nn_json_real(json, "backward", work.gradient + work.delta);
    nn_json_close(json, '}');
    nn_json_close(json, '}');
}

void nn_json_layers(nn_json *json, const nn_model *model) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer);
    nn_shape input = nn_model_input_shape(model), output = nn_model_output_shape(model);
    json_dims(json, "input", input.rank, input.dim);
    json_dims(json, "output", output.rank, output.dim);
    nn_json_int(json, "parameters", (int64_t)nn_model_param_count(model));
    nn_json_open(json, "layers", '[');
    for (size_t i = 0; i < layers; i++)
        json_layer(json, layer[i]);
    nn_json_close(json, ']');
}

void nn_json_memory(nn_json *json, const nn_memory *m) {
    nn_json_open(json, "bytes", '{');
    nn_json_real(json, "parameters", m->params);
    nn_json_real(json, "gradients", m->grads);
    nn_json_real(json, "optimizer", m->optimizer);
    nn_json_real(json, "activations", m->buffers);
    nn_json_real(json, "checkpoints", m->staging);
    if (m->metrics > 0) /* known with the data */
        nn_json_real(json, "metrics", m->metrics);
    nn_json_real(json, "total", nn_memory_total(m));
    nn_json_close(json, '}');
}
