/* Residuals of sums between nodes on their way out of a checkpoint. */
#include "comm/between/bf16.h"
#include "train/checkpoint/contents.h"
#include "train/checkpoint/layout.h"

#include <stdlib.h>
#include <string.h>

static const char residuals_group[] = "/residual/";

/* A number of `count` elements is NaN or Inf. */
static bool has_nonfinite(const uint16_t *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((x[i] & 0x7f80) == 0x7f80)
            return true;
    return false;
}

/* What the sums owe is added up where there was another node with as much; where there was none, no
 * bit changes. */
static void add_residuals(size_t count, const float *x, uint16_t *sum) {
    for (size_t i = 0; i < count; i++)
        sum[i] = nn_bf16_of(sum[i] ? nn_bf16_value(sum[i]) + x[i] : x[i]);
}

static int read_residual(nn_h5 *file, const nn_entry_data *entry) {
    size_t count = entry->param->count;
    uint16_t *bits = NULL;
    float *stored = NULL, *values = NULL;
    nn_h5_info info;
    int rc;

    NN_TRY_GOTO(nn_entry_check_shape(file, entry, &info));
    if (info.type != NN_I16)
        NN_TRY_GOTO(nn_fail(NN_EFORMAT, "%s: %s is of %s, not of %s", nn_h5_path(file), entry->path,
                            nn_dtype_name(info.type), nn_dtype_name(NN_I16)));
    NN_TRY_GOTO(NN_NEW(&bits, count, "a tensor as bfloat16"));
    NN_TRY_GOTO(NN_NEW(&stored, count, "a tensor as float32"));
    NN_TRY_GOTO(NN_NEW(&values, count, "a tensor as float32"));
    NN_TRY_GOTO(nn_h5_read(file, entry->path, 0, nn_info_rows(&info), NN_I16, bits));
    nn_bf16_expand(count, bits, stored);
    nn_param_import(entry->param, stored, values);
    add_residuals(count, values, entry->bf16);
    if (has_nonfinite(entry->bf16, count))
        NN_TRY_GOTO(nn_fail(NN_EFORMAT, "%s: %s has NaN or Inf", nn_h5_path(file), entry->path));
done:
    nn_free(bits);
    nn_free(stored);
    nn_free(values);
    return rc;
}

/* The number of a node, before the slash at *rest; false: that is none. */
static bool parse_node(const char *text, size_t *node, const char **rest) {
    size_t digits = strspn(text, "0123456789");

    *rest = text + digits;
    *node = digits > 0 && digits < 10 ? strtoul(text, NULL, 10) : 0;
    return digits > 0 && digits < 10 && **rest == '/';
}

/* The tensor that a path below /residual is of. Those of a node more than there are now go to one
 * that is there: nothing is lost, and what went out is right in sum. */
static int find_residual(const nn_contents *contents, const nn_entries *tensors, const char *path,
                         const nn_residual_state *into, nn_entry_data *found) {
    const char *name;
    size_t node;
    bool is_node = parse_node(path + strlen(residuals_group), &node, &name);

    for (size_t i = 0; is_node && i < tensors->count; i++) {
        if (strcmp(tensors->entry[i].path, name) != 0)
            continue;
        *found = tensors->entry[i];
        found->path = path;
        if (into->at[i] != NN_NO_RESIDUAL)
            found->bf16 = into->value + node % into->nodes * into->size + into->at[i];
        return NN_OK;
    }
    return nn_fail(NN_EFORMAT, "%s: %s is of no node or of no parameter of the model",
                   nn_h5_path(contents->file), path);
}

/* A tensor of a node that the file does not have is zero; one that does not travel as sums any more
 * is left. */
int nn_contents_read_residuals(const nn_contents *contents, const nn_snapshot *into,
                               nn_residual_state *state) {
    nn_entries tensors = {.pool = contents->pool};

    NN_TRY(nn_entries_add_vector(&tensors, "", into->model, into->params));
    for (size_t i = 0; i < contents->count; i++) {
        const char *path = contents->path[i];
        nn_entry_data entry = {.path = NULL};
        if (strncmp(path, residuals_group, strlen(residuals_group)) != 0)
            continue;
        if (state->value)
            NN_TRY(find_residual(contents, &tensors, path, state, &entry));
        if (entry.bf16)
            NN_TRY(read_residual(contents->file, &entry));
        else
            state->left = true;
    }
    return NN_OK;
}
