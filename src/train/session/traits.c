/* What data look like to a model that was trained on them. */
#include "data/values/normalize.h"
#include "train/session/session.h"

#include <string.h>

nn_data_traits nn_data_traits_of(const nn_dataset *data) {
    const nn_split *split = &data->split[0];
    return (nn_data_traits){.x = split->x.shape,
                            .labels = nn_split_has_labels(split),
                            .target_width = nn_shape_count(&split->y.shape),
                            .classes = data->classes,
                            .class_names = data->class_names,
                            .first_label = data->first_class,
                            .tokens = data->tokens,
                            .features = data->features,
                            .feature_names = data->feature_names,
                            .fingerprint = data->fingerprint,
                            .categories = data->categories,
                            .affine = data->affine,
                            .normal = data->normal};
}

nn_naming nn_data_naming(const nn_data_traits *data) {
    return (nn_naming){.classes = data->labels ? data->classes : 0,
                       .class_name = data->class_names,
                       .first_label = data->first_label,
                       .features = data->features,
                       .feature_name = data->feature_names,
                       .categories = data->categories};
}

nn_like nn_data_like(const nn_data_traits *data) {
    return (nn_like){.x = &data->x,
                     .features = data->features,
                     .feature_name = data->feature_names,
                     .categories = &data->categories,
                     .classes = data->class_names ? data->classes : 0,
                     .class_name = data->class_names,
                     .tokens = data->tokens,
                     .affine = &data->affine,
                     .values = !data->labels};
}

static int inherit_affine(nn_dataset *data, const nn_data_traits *trained) {
    const nn_affine *affine = &trained->affine;
    size_t bytes = affine->count * sizeof(double);
    if (data->affine.count || bytes == 0 || !nn_dtype_is_integer(data->split[0].x.type))
        return 0;
    double *scale = nn_pool_alloc(&data->pool, bytes);
    double *offset = nn_pool_alloc(&data->pool, bytes);
    if (!scale || !offset)
        return NN_EMEMORY;
    memcpy(scale, affine->scale, bytes);
    memcpy(offset, affine->offset, bytes);
    data->affine = (nn_affine){affine->count, scale, offset};
    return 0;
}

int nn_data_inherit_scale(nn_dataset *data, const nn_data_traits *trained) {
    NN_TRY(inherit_affine(data, trained));
    return nn_dataset_set_normal(data, &trained->normal);
}

size_t nn_data_positions(const nn_data_traits *data) {
    return data->labels ? data->target_width : 1;
}

int nn_data_check_positions(const nn_data_traits *data, const char *file, size_t outputs) {
    size_t positions = nn_data_positions(data);
    if (positions != 0 && outputs % positions == 0)
        return 0;
    return nn_fail(
        NN_EFORMAT,
        "%s: its data have %zu labels a sample, which the %zu outputs of its model cannot "
        "be shared out among",
        file, positions, outputs);
}

nn_loss_spec nn_loss_spec_of(const nn_data_traits *data, size_t outputs, size_t batch) {
    return (nn_loss_spec){.outputs = outputs,
                          .batch = batch,
                          .labels = data->labels,
                          .classes = data->classes,
                          .target_width = data->target_width,
                          .class_names = data->class_names};
}
