#include "train/filters.h"

#include <math.h>

enum { MOST = 64, GREY = 1, COLOUR = 3 };

nn_shape nn_picture_shape(const nn_shape *sample) {
    nn_shape image = nn_image_in_memory(sample);
    bool picture = image.rank && (image.dim[2] == GREY || image.dim[2] == COLOUR);
    return picture ? image : (nn_shape){0};
}

void nn_picture_pixels(size_t count, const nn_real *x, unsigned char *pixels) {
    double least = (double)INFINITY, most = -(double)INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = 0.5 * (double)x[i]; /* the difference of two is finite */
        least = isfinite(value) && value < least ? value : least;
        most = isfinite(value) && value > most ? value : most;
    }
    for (size_t i = 0; i < count; i++) {
        double share = (0.5 * (double)x[i] - least) / (most - least);
        pixels[i] = (unsigned char)(isfinite(share) ? 255 * share : 0);
    }
}

bool nn_filters_find(const nn_model *model, nn_filters *out) {
    const nn_param *const *param;
    nn_shape input = nn_model_input_shape(model), image = nn_image_in_memory(&input);
    if (image.rank == 0 || nn_model_params(model, &param) == 0 || param[0]->rank < 2)
        return false;
    const nn_param *weight = param[0];
    const int64_t *last = weight->rank == 4 ? weight->dim + 2 : image.dim;
    size_t channels = (size_t)image.dim[2];
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
