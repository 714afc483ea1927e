#include "base/bytes.h"
#include "io/png.h"
#include "plot/plot.h"

#include <string.h>

const char *nn_plot_picture(nn_plot *plot, const nn_shape *image, const unsigned char *pixels) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char head[] = "data:image/png;base64,";
    nn_bytes png = {0};
    nn_png_put(&png, (size_t)image->dim[0], (size_t)image->dim[1], (size_t)image->dim[2], pixels);
    char *uri = png.failed ? NULL : nn_pool_alloc(plot->pool, sizeof head + 4 * png.count / 3 + 4);
    char *out = uri ? uri + sizeof head - 1 : NULL;
    if (uri)
        memcpy(uri, head, sizeof head);
    for (size_t i = 0; uri && i < png.count; i += 3) {
        size_t left = png.count - i;
        unsigned b = (unsigned)png.at[i] << 16 | (left > 1 ? (unsigned)png.at[i + 1] << 8 : 0) |
                     (left > 2 ? png.at[i + 2] : 0u);
        *out++ = digits[b >> 18];
        *out++ = digits[b >> 12 & 63];
        *out++ = left > 1 ? digits[b >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[b & 63] : '=';
    }
    nn_bytes_release(&png);
    return uri;
}
