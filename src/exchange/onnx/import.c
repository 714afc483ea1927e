#include "exchange/onnx/import.h"

#include "base/log.h"
#include "exchange/about.h"

#include <string.h>

int nn_onnx_find_constant(const nn_file_tensors *constants, const char *layer, const char *name,
                          size_t count, const nn_file_tensor **out) {
    const char *whole = nn_pool_printf(constants->pool, "%s.%s", layer, name);
    char text[NN_FILE_TENSOR_TEXT];
    if (!whole)
        return NN_EMEMORY;
    *out = nn_file_tensors_find(constants, whole);
    if (!*out)
        return nn_fail(NN_EFORMAT, "%s has no constant '%s'", constants->file, whole);
    if ((*out)->count != count)
        return nn_fail(NN_EFORMAT, "%s: '%s' is %s, but the model wants %zu numbers",
                       constants->file, whole, nn_file_tensor_shape_text(*out, text), count);
    return 0;
}

static int take_param(nn_portable *p, const nn_param *param, const nn_file_tensors *constants,
                      float *numbers) {
    const nn_onnx_layer *row = nn_onnx_layers;
    const nn_layer *layer = param->layer;
    const nn_file_tensor *found;
    while (row->layer && row->layer != &layer->ops->entry)
        row++;
    if (row->run == nn_onnx_recurrent) {
        NN_TRY(
            nn_onnx_take_gates(layer, row->op, (size_t)(param - layer->param), constants, numbers));
    } else {
        NN_TRY(nn_onnx_find_constant(constants, layer->name, param->name, param->count, &found));
        NN_TRY(nn_file_tensor_floats(constants, found, numbers));
    }
    nn_param_import(param, numbers, p->params + param->offset);
    return 0;
}

/* The file says what the model is; its constants are called as nn_export_onnx does. */
static int read_own(nn_portable *p, const nn_onnx_file *file) {
    const nn_file_tensors *constants = &file->constants;
    const nn_param *const *param;
    size_t numbers = 0;
    NN_TRY(nn_about_read(p, constants->file, file->about));
    for (size_t i = 0; i < constants->count; i++)
        numbers += constants->tensor[i].count;
    NN_TRY(nn_portable_allocate(p, constants->file, numbers));
    size_t params = nn_model_params(p->model, &param);
    for (size_t i = 0; i < params; i++) {
        float *floats;
        NN_TRY(NN_NEW(&floats, param[i]->count, "a parameter"));
        int rc = take_param(p, param[i], constants, floats);
        nn_free(floats);
        NN_TRY(rc);
    }
    return 0;
}

/* Whether what the file says of the model is still true of its graph. */
static int check_about(const nn_onnx_file *file, bool *own) {
    char hex[NN_DIGEST_HEX];
    *own = false;
    if (!file->about)
        return 0;
    NN_TRY(nn_onnx_digest(file, file->about, hex));
    *own = file->about_digest && strcmp(file->about_digest, hex) == 0;
    if (!*own)
        nn_warn("%s was changed after nnmpi had written it: its graph counts, not what nnmpi noted "
                "in it; names of classes and columns are lost",
                file->constants.file);
    return 0;
}

static int import(nn_portable *p, nn_pool *pool, const char *path) {
    nn_onnx_file file;
    bool own;
    NN_TRY(nn_onnx_read(pool, path, &file));
    NN_TRY(check_about(&file, &own));
    return own ? read_own(p, &file) : nn_onnx_convert(p, &file);
}

int nn_import_onnx(nn_portable *p, const char *file) {
    nn_pool pool = {0};
    *p = (nn_portable){0};
    int rc = import(p, &pool, file);
    nn_pool_release(&pool);
    return rc;
}
