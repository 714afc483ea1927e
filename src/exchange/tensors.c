/* Parameters as files of tensors, each called <layer>.<parameter> as in PyTorch's state dicts. */
#include "io/tensors/tensors.h"

#include "exchange/about.h"
#include "train/checkpoint/gpt2_names.h"
#include "train/checkpoint/import_weights.h"

#include <string.h>

/* A matrix [rows][cols] becomes [cols][rows]. */
static int transpose(nn_pool *pool, nn_file_tensor *t, float **floats) {
    size_t rows = (size_t)t->dim[0], cols = (size_t)t->dim[1];
    float *turned = nn_pool_alloc(pool, rows * cols * sizeof *turned);
    if (!turned)
        return NN_EMEMORY;
    for (size_t i = 0; i < rows * cols; i++)
        turned[i % cols * rows + i / cols] = (*floats)[i];
    t->dim[0] = (int64_t)cols;
    t->dim[1] = (int64_t)rows;
    *floats = turned;
    return 0;
}

static int add_parameter(nn_file_tensors *list, const nn_param *param, const nn_real *params,
                         const nn_gpt2_name *gpt2) {
    nn_file_tensor t = {.type = nn_element_f32, .rank = param->rank};
    float *floats = nn_pool_alloc(list->pool, param->count * sizeof *floats);
    t.name = gpt2
                 ? nn_pool_printf(list->pool, "%s%s", gpt2->whole ? "" : NN_GPT2_PREFIX, gpt2->text)
                 : nn_pool_printf(list->pool, "%s.%s", param->layer->name, param->name);
    if (!floats || !t.name)
        return NN_EMEMORY;
    memcpy(t.dim, param->dim, sizeof param->dim);
    nn_param_export(param, params + param->offset, floats);
    if (gpt2 && gpt2->transposed)
        NN_TRY(transpose(list->pool, &t, &floats));
    t.bytes = (const unsigned char *)floats;
    return nn_file_tensors_add(list, t, param->count * sizeof *floats);
}

/* What is tied is there once, as in the files of Hugging Face. */
static int add_gpt2(nn_file_tensors *list, const nn_param *param, const nn_real *params) {
    nn_gpt2_name name;
    if (param->tied)
        return 0;
    if (!nn_gpt2_name_of(param, &name))
        return nn_fail(NN_EUSAGE,
                       "the model is no GPT-2, which has no '%s' of a layer '%s': its layers are "
                       "called " NN_GPT2_LAYERS " (docs/exchange.md)",
                       param->name, param->layer->name);
    return add_parameter(list, param, params, &name);
}

int nn_export_tensors(nn_portable *p, const char *file) {
    nn_file_tensors list = {.pool = &p->pool, .file = file};
    const nn_file_tensor_format *format = nn_file_tensor_format_of(file);
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(p->model, &layer);
    char *about;
    NN_TRY(nn_about_write(p, &about));
    list.about = about;
    for (size_t i = 0; i < layers; i++) /* what is tied under both names, as in a state dict */
        for (size_t k = 0; k < layer[i]->params; k++)
            NN_TRY(p->names == NN_NAMES_GPT2
                       ? add_gpt2(&list, &layer[i]->param[k], p->params)
                       : add_parameter(&list, &layer[i]->param[k], p->params, NULL));
    return format->write(&list);
}

/* *none where the file has no text about the model. */
static int build_as_said(nn_portable *p, nn_pool *pool, const char *file, bool *none) {
    nn_file_tensors list = {.pool = pool, .file = file};
    size_t numbers = 0;
    NN_TRY(nn_file_tensor_format_of(file)->read(&list));
    *none = !list.about;
    if (*none)
        return 0;
    NN_TRY(nn_about_read(p, file, list.about));
    for (size_t i = 0; i < list.count; i++)
        numbers += list.tensor[i].count;
    return nn_portable_allocate(p, file, numbers);
}

int nn_import_tensors(nn_portable *p, const char *file, bool *none) {
    nn_pool pool = {0};
    *p = (nn_portable){0};
    int rc = build_as_said(p, &pool, file, none);
    nn_pool_release(&pool);
    NN_TRY(rc);
    return *none ? 0
                 : nn_pretrained_read(&(nn_pretrained){.from = file, .whole = true}, p->model,
                                      p->params);
}
