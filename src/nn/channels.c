#include "nn/channels.h"

nn_shape nn_channels_last(nn_shape s) {
    return s.rank == 3 ? (nn_shape){3, {s.dim[1], s.dim[2], s.dim[0]}} : s;
}

nn_shape nn_channels_first(nn_shape s) {
    return s.rank == 3 ? (nn_shape){3, {s.dim[2], s.dim[0], s.dim[1]}} : s;
}

void nn_channels_move_first(const nn_shape *inside, const nn_real *in, nn_real *out) {
    size_t channels = inside->rank == 3 ? (size_t)inside->dim[2] : 1;
    size_t pixels = nn_shape_count(inside) / channels;

    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < pixels; p++)
            *out++ = in[p * channels + c];
}
