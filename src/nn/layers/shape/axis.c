#include "nn/layers/shape/axis.h"

int nn_axis_dimension(const nn_layer *layer, int64_t axis) {
    int rank = layer->in[0].rank;
    if (axis == 0)
        return nn_shape_channel_axis(&layer->in[0]);
    axis += axis < 0 ? rank : -1;
    return axis < 0 || axis >= rank ? -1 : (int)axis;
}

int nn_axis_check(const nn_layer *layer, const char *key, int64_t axis) {
    if (nn_axis_dimension(layer, axis) >= 0)
        return 0;
    return nn_layer_fail(layer,
                         "%s: %lld does not fit; a minibatch of such samples has the axes 1 to %d",
                         key, (long long)axis, layer->in[0].rank);
}

size_t nn_axis_run(const nn_shape *shape, int dimension) {
    nn_shape s = nn_channels_last(*shape);
    bool image = nn_shape_is_image(shape);
    size_t run = 1;
    for (int i = image ? (dimension + s.rank - 1) % s.rank : dimension; i < s.rank; i++)
        run *= (size_t)s.dim[i];
    return run;
}
