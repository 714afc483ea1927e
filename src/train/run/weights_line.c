#include "train/run/weights_line.h"

#include <math.h>
#include <stdio.h>

static void put_tensor(nn_json *json, const nn_param *param, const nn_histogram *h) {
    char name[NN_PARAM_PATH];
    double count = (double)h->count, mean = h->sum / count;
    snprintf(name, sizeof name, "%s/%s", param->layer->name, param->name);
    nn_json_open(json, name, '{');
    nn_json_real(json, "least", h->least);
    nn_json_real(json, "most", h->most);
    nn_json_real(json, "mean", mean);
    nn_json_real(json, "deviation", sqrt(fmax(h->squares / count - mean * mean, 0)));
    nn_json_close(json, '}');
}

/* Every number, by the name of its tensor and its place in it. */
static void put_numbers(nn_json *json, const nn_param *param, const nn_real *value) {
    nn_real file[NN_WEIGHTS_FEW]; /* in PyTorch's order */
    char name[NN_PARAM_PATH];
    nn_param_export(param, value, file);
    for (size_t i = 0; i < param->count; i++) {
        snprintf(name, sizeof name, "%s/%s/%zu", param->layer->name, param->name, i);
        nn_json_real(json, name, (double)file[i]);
    }
}

void nn_weights_line(nn_json *json, const nn_model *model, const nn_real *params,
                     const nn_histogram *histogram) {
    const nn_param *const *param;
    size_t all = nn_model_params(model, &param);
    size_t count = all < NN_WEIGHTS_TENSORS ? all : NN_WEIGHTS_TENSORS;
    nn_json_open(json, "tensors", '{');
    for (size_t i = 0; i < count; i++)
        put_tensor(json, param[i], &histogram[i]);
    nn_json_close(json, '}');
    nn_json_open(json, "counts", '[');
    for (size_t i = 0; i < count; i++) {
        nn_json_open(json, NULL, '[');
        for (size_t b = 0; b < NN_HISTOGRAM_BINS; b++)
            nn_json_int(json, NULL, (int64_t)histogram[i].bin[b]);
        nn_json_close(json, ']');
    }
    nn_json_close(json, ']');
    if (nn_model_param_count(model) > NN_WEIGHTS_FEW)
        return;
    nn_json_open(json, "values", '{');
    for (size_t i = 0; i < count; i++)
        put_numbers(json, param[i], params + param[i]->offset);
    nn_json_close(json, '}');
}
