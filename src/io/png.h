/* PNG files (ISO/IEC 15948), written: 8 bits a channel, no palette. */
#ifndef NN_IO_PNG_H
#define NN_IO_PNG_H

#include "base/bytes.h"

/* Appends the file of pixels [height][width][channels] with 1 (grey) or 3 channels (red, green,
 * blue); none may be 0. What fails is kept in out->failed. Local. */
void nn_png_put(nn_bytes *out, size_t height, size_t width, size_t channels,
                const unsigned char *pixels);

#endif
