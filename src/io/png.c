#include "io/png.h"

#include <string.h>
#include <zlib.h>

static void put_big_endian(nn_bytes *out, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        nn_bytes_put(out, &(unsigned char){(unsigned char)(number >> shift)}, 1);
}

/* A chunk's CRC covers its name, too. */
static void put_chunk(nn_bytes *out, const char name[4], const void *bytes, size_t count) {
    uLong crc = crc32_z(crc32_z(0, (const Bytef *)name, 4), bytes, count);
    put_big_endian(out, (uint32_t)count);
    nn_bytes_put(out, name, 4);
    nn_bytes_put(out, bytes, count);
    put_big_endian(out, (uint32_t)crc);
}

/* Every row begins with the number of its filter: 0, none. */
static int filter(size_t height, size_t row, const unsigned char *pixels, unsigned char **out) {
    NN_TRY(NN_NEW(out, height * (row + 1), "a picture"));
    for (size_t i = 0; i < height; i++)
        memcpy(*out + i * (row + 1) + 1, pixels + i * row, row);
    return 0;
}

static void put_header(nn_bytes *out, size_t height, size_t width, size_t channels) {
    enum { BITS = 8, GREY = 0, COLOUR = 2 };
    nn_bytes header = {0};
    put_big_endian(&header, (uint32_t)width);
    put_big_endian(&header, (uint32_t)height);
    nn_bytes_put(&header, (const unsigned char[]){BITS, channels == 1 ? GREY : COLOUR, 0, 0, 0}, 5);
    out->failed = out->failed || header.failed;
    if (!header.failed)
        put_chunk(out, "IHDR", header.at, header.count);
    nn_bytes_release(&header);
}

void nn_png_put(nn_bytes *out, size_t height, size_t width, size_t channels,
                const unsigned char *pixels) {
    unsigned char *rows = NULL, *deflated = NULL;
    size_t row = width * channels;
    uLongf count = compressBound((uLong)(height * (row + 1)));
    nn_bytes_put(out, "\x89PNG\r\n\x1a\n", 8);
    put_header(out, height, width, channels);
    if (filter(height, row, pixels, &rows) < 0 || NN_NEW(&deflated, count, "a picture") < 0)
        out->failed = true;
    else if (compress(deflated, &count, rows, (uLong)(height * (row + 1))) == Z_OK)
        put_chunk(out, "IDAT", deflated, count);
    put_chunk(out, "IEND", "", 0);
    nn_free(rows);
    nn_free(deflated);
}
