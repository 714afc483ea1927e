/* Pictures as files have them: PNG and JPEG, decoded and brought to one size. */
#ifndef NN_DATA_IMPORTERS_IMAGES_PICTURE_H
#define NN_DATA_IMPORTERS_IMAGES_PICTURE_H

#include "base/mem.h"

#include <stdint.h>

#define NN_PICTURE_MOST_PIXELS ((int64_t)1 << 27) /* of a picture; more are refused */

typedef struct nn_picture {
    int64_t width, height;
    int64_t channels;     /* 1: grey, 3: red, green, blue */
    unsigned char *pixel; /* [height][width][channels]; NULL: only the rest was asked for */
} nn_picture;

/* The bytes of a file. */
typedef struct nn_image_file {
    const char *path;
    const unsigned char *at;
    size_t size;
} nn_image_file;

/* Is it one by its name: .png, .jpg, .jpeg in any case? */
bool nn_picture_has_name(const char *path);
/* Reads a file, its pixels too or its size alone; memory comes from `pool`. What is transparent is
 * white, 16 bits become 8, a camera's orientation (Exif) is applied. NN_EFORMAT for what is damaged
 * or no such file, NN_EUSAGE where the program was built without the library, NN_EIO. Local. */
int nn_picture_read(const char *path, bool pixels, nn_pool *pool, nn_picture *out);

/* Pixels of a picture of another size, [height][width][channels]: linear between pixels, and the
 * mean of them where it becomes smaller, as Pillow's BILINEAR. `crop` keeps the proportions and
 * cuts off what is beyond the middle; else each side is scaled by itself. Grey becomes three equal
 * channels; colours become grey by ITU-R 601. NN_EMEMORY. Local. */
int nn_picture_fit(const nn_picture *picture, bool crop, int64_t height, int64_t width,
                   int64_t channels, unsigned char *out);

/* The decoders of picture.c: NN_EFORMAT says what is wrong, without the path. */
int nn_png_read(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out);
int nn_jpeg_read(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out);
/* Their libraries, "libpng 1.6.39"; NULL: left out of the build. Static. Local. */
const char *nn_png_library(void);
const char *nn_jpeg_library(void);
/* A header says no more pixels than NN_PICTURE_MOST_PIXELS, nor than the file can hold. */
int nn_picture_check(const nn_image_file *file, const nn_picture *picture);

/* Exif's orientation, 1 to 8, in the bytes of a JPEG's APP1 segment; 1 where there is none. */
int nn_exif_orientation(const unsigned char *segment, size_t size);
/* Turns and mirrors as an orientation says. NN_EMEMORY. */
int nn_picture_orient(nn_picture *picture, int orientation, nn_pool *pool);

#endif
