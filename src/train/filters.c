#include "train/filters.h"

#include <math.h>

enum { MOST = 64, GREY = 1, COLOUR = 3 };

nn_shape nn_picture_shape(const nn_shape *sample) {
    bool picture = sample->rank == 3 && (sample->dim[0] == GREY || sample->dim[0] == COLOUR);
    return picture ? nn_channels_last(*sample) : (nn_shape){0};
}

void nn_picture_pixels(size_t count, const nn_real *x, unsigned char *pixels) {
    nn_real least = x[0], most = x[0];
    for (size_t i = 0; i < count; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    for (size_t i = 0; i < count; i++)
        pixels[i] = (unsigned char)(most > least ? 255 * (x[i] - least) / (most - least) : 0);
}

bool nn_filters_find(const nn_model *model, nn_filters *out) {
    const nn_param *const *param;
    nn_shape image = nn_model_input_shape(model);
    size_t channels = image.rank == 3 ? (size_t)image.dim[0] : 1;
    if (image.rank < 2 || image.rank > 3 || nn_model_params(model, &param) == 0 ||
        param[0]->rank < 2)
        return false;
    const nn_param *weight = param[0];
    const int64_t *last = weight->rank == 4 ? weight->dim + 2 : image.dim + image.rank - 2;
    nn_filters f = {.weight = weight,
                    .channels = channels == COLOUR ? COLOUR : GREY,
                    .height = (size_t)last[0],
                    .width = (size_t)last[1]};
    if (weight->count != (size_t)weight->dim[0] * channels * f.height * f.width)
        return false;
    f.tiles = (size_t)weight->dim[0] * channels / f.channels;
    f.tiles = f.tiles < MOST ? f.tiles : MOST;
    *out = f;
    return true;
}

int nn_filters_draw(const nn_filters *f, const nn_real *params, unsigned char *pixels) {
    size_t plane = f->height * f->width, size = f->channels * plane;
    double largest = 0;
    nn_real *w; /* in PyTorch's order */
    NN_TRY(NN_NEW(&w, f->weight->count, "filters"));
    nn_param_export(f->weight, params + f->weight->offset, w);
    /* fmax here is what gcc 12 for arm64 breaks down over. */
    for (size_t i = 0; i < f->tiles * size; i++) {
        double absolute = fabs((double)w[i]);
        largest = absolute > largest ? absolute : largest;
    }
    double scale = largest > 0 ? 127 / largest : 0;
    for (size_t i = 0; i < f->tiles * size; i++) {
        size_t tile = i / size, channel = i / plane % f->channels, at = i % plane;
        pixels[tile * size + at * f->channels + channel] =
            (unsigned char)(128.5 + scale * (double)w[i]);
    }
    nn_free(w);
    return 0;
}
