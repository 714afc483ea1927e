#include "train/checkpoint/layout.h"

#include "base/mem.h"
#include "comm/between/bf16.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t nn_info_count(const nn_h5_info *info) {
    size_t count = 1;

    for (int i = 0; i < info->rank; i++)
        count *= (size_t)info->dim[i];
    return count;
}

size_t nn_info_bytes(const nn_h5_info *info) {
    return nn_info_count(info) * nn_dtype_size(info->type);
}

int64_t nn_info_rows(const nn_h5_info *info) {
    return info->rank > 0 ? info->dim[0] : 1;
}

/* ---- the list ---------------------------------------------------------------------------------
 */

static int add(nn_entries *list, const nn_entry_data *entry) {
    if (!entry->path)
        return NN_EMEMORY;
    NN_TRY(NN_GROW(list->pool, &list->entry, list->count, &list->capacity));
    list->entry[list->count++] = *entry;
    return NN_OK;
}

/* The entry says of which type it is, and where it stands in memory. */
static int add_tensor(nn_entries *list, const char *group, const nn_param *param,
                      nn_entry_data entry) {
    entry.param = param;
    entry.path = nn_pool_printf(list->pool, "%s/%s/%s", group, param->layer->name, param->name);
    entry.info.rank = param->rank;
    for (int i = 0; i < param->rank; i++)
        entry.info.dim[i] = param->dim[i];
    return add(list, &entry);
}

int nn_entries_add_vector(nn_entries *list, const char *group, const nn_model *model,
                          nn_real *vector) {
    const nn_param *const *param;
    size_t count = nn_model_params(model, &param);

    for (size_t i = 0; i < count; i++)
        NN_TRY(add_tensor(
            list, group, param[i],
            (nn_entry_data){.info = {.type = NN_F32}, .tensor = vector + param[i]->offset}));
    return NN_OK;
}

int nn_entries_add_residuals(nn_entries *list, const char *group, const nn_model *model,
                             const nn_residual_state *residual, size_t node) {
    const nn_param *const *param;
    size_t count = nn_model_params(model, &param);
    uint16_t *value = residual->value + node * residual->size;

    for (size_t i = 0; i < count; i++)
        if (residual->at[i] != NN_NO_RESIDUAL)
            NN_TRY(add_tensor(
                list, group, param[i],
                (nn_entry_data){.info = {.type = NN_I16}, .bf16 = value + residual->at[i]}));
    return NN_OK;
}

static int add_array(nn_entries *list, const char *path, nn_dtype type, size_t count,
                     const void *array) {
    return add(list, &(nn_entry_data){.path = path,
                                      .info = {.type = type, .rank = 1, .dim = {(int64_t)count}},
                                      .array = array});
}

/* How stored samples become the model's input, so that predict needs no data set. */
static int add_data(nn_entries *list, const nn_data_traits *data) {
    if (data->x.rank > 0)
        NN_TRY(add_array(list, "/data/shape", NN_I64, (size_t)data->x.rank, data->x.dim));
    if (data->normal.count) {
        NN_TRY(add_array(list, "/data/mean", NN_F64, data->normal.count, data->normal.mean));
        NN_TRY(add_array(list, "/data/std", NN_F64, data->normal.count, data->normal.std));
    }
    if (data->affine.count == 0)
        return NN_OK;
    NN_TRY(add_array(list, "/data/scale", NN_F64, data->affine.count, data->affine.scale));
    NN_TRY(add_array(list, "/data/offset", NN_F64, data->affine.count, data->affine.offset));
    return NN_OK;
}

static int add_all_residuals(nn_entries *list, const nn_snapshot *snapshot) {
    const nn_residual_state *residual = &snapshot->residual;

    for (size_t node = 0; residual->value && node < residual->nodes; node++) {
        char *group = nn_pool_printf(list->pool, "/residual/%zu", node);
        if (!group)
            return NN_EMEMORY;
        NN_TRY(nn_entries_add_residuals(list, group, snapshot->model, residual, node));
    }
    return NN_OK;
}

int nn_entries_add_snapshot(nn_entries *list, const nn_snapshot *snapshot) {
    const char *history = snapshot->history ? snapshot->history : "";

    if (snapshot->shards)
        NN_TRY(add_array(list, "/shards", NN_I64, snapshot->borders, snapshot->shards));
    NN_TRY(add(list, &(nn_entry_data){.path = "/config", .text = snapshot->config}));
    NN_TRY(add(list, &(nn_entry_data){.path = "/history", .text = history}));
    if (snapshot->kernels)
        NN_TRY(add(list, &(nn_entry_data){.path = "/kernels", .text = snapshot->kernels}));
    if (snapshot->link)
        NN_TRY(add(list, &(nn_entry_data){.path = "/link", .text = snapshot->link}));
    NN_TRY(add_data(list, &snapshot->data));
    NN_TRY(nn_entries_add_vector(list, "/model", snapshot->model, snapshot->params));
    for (size_t i = 0; i < snapshot->slots; i++) {
        char *group = nn_pool_printf(list->pool, "/optimizer/%s", snapshot->slot_names[i]);
        if (!group)
            return NN_EMEMORY;
        NN_TRY(nn_entries_add_vector(list, group, snapshot->model, snapshot->slot[i]));
    }
    return add_all_residuals(list, snapshot);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const nn_entry_data *)a)->path, ((const nn_entry_data *)b)->path);
}

void nn_entries_sort(nn_entries *list) {
    if (list->count)
        qsort(list->entry, list->count, sizeof *list->entry, by_path);
}

/* Elements of the largest tensor, of all or only of those of bfloat16. */
static size_t largest_of(const nn_entries *list, bool only_bf16) {
    size_t largest = 0;

    for (size_t i = 0; i < list->count; i++) {
        const nn_entry_data *entry = &list->entry[i];
        bool counts = entry->param && (entry->bf16 || !only_bf16);
        if (counts && entry->param->count > largest)
            largest = entry->param->count;
    }
    return largest;
}

/* A tensor as files hold it, in memory for the largest one. */
struct exported {
    float *floats;
    float *wide;    /* a tensor of bfloat16 as it stands in memory, */
    uint16_t *bf16; /* and as files hold it */
};

static const void *export_tensor(const nn_entry_data *entry, const struct exported *to) {
    size_t count = entry->param->count;

    if (entry->tensor) {
        nn_param_export(entry->param, entry->tensor, to->floats);
        return to->floats;
    }
    nn_bf16_expand(count, entry->bf16, to->wide);
    nn_param_export(entry->param, to->wide, to->floats);
    nn_bf16_round(count, to->floats, NULL, to->bf16);
    return to->bf16;
}

int nn_entries_put_tensors(const nn_entries *list,
                           int (*put)(void *ctx, const nn_entry_data *entry, const void *bytes),
                           void *ctx) {
    struct exported to = {0};
    size_t largest = largest_of(list, false), largest_bf16 = largest_of(list, true);
    int rc;

    NN_TRY_GOTO(NN_NEW(&to.floats, largest + 1, "a tensor as float32"));
    NN_TRY_GOTO(NN_NEW(&to.wide, largest_bf16 + 1, "a tensor as float32"));
    NN_TRY_GOTO(NN_NEW(&to.bf16, largest_bf16 + 1, "a tensor as bfloat16"));
    for (size_t i = 0; i < list->count && rc == NN_OK; i++)
        if (list->entry[i].param)
            rc = put(ctx, &list->entry[i], export_tensor(&list->entry[i], &to));
done:
    nn_free(to.floats);
    nn_free(to.wide);
    nn_free(to.bf16);
    return rc;
}

/* ---- the digest -------------------------------------------------------------------------------
 */

/* Bytes are hashed as they stand in memory, and files are little-endian. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digests want a little-endian machine");

void nn_digest_add_head(nn_digest *digest, const char *path, const nn_h5_info *info) {
    char line[64];

    nn_digest_add(digest, path, strlen(path));
    snprintf(line, sizeof line, " %s", nn_dtype_name(info->type));
    nn_digest_add(digest, line, strlen(line));
    for (int i = 0; i < info->rank; i++) {
        snprintf(line, sizeof line, " %" PRId64, info->dim[i]);
        nn_digest_add(digest, line, strlen(line));
    }
    nn_digest_add(digest, "\n", 1);
}
