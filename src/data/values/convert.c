#include "data/values/convert.h"

#include "math/kernels.h"

#include <stdint.h>

#define PIECE_BYTES ((size_t)1 << 20)
#define STRETCH ((size_t)512) /* elements of a plane converted at once */

/* X(dtype, C type) */
#define DTYPES(X)                                                                                  \
    X(NN_U8, uint8_t)                                                                              \
    X(NN_I8, int8_t)                                                                               \
    X(NN_I16, int16_t)                                                                             \
    X(NN_I32, int32_t)                                                                             \
    X(NN_I64, int64_t)                                                                             \
    X(NN_F32, float)                                                                               \
    X(NN_F64, double)

/* Elements [first, first + count) of a row. */
typedef void convert_fn(const nn_converter *c, size_t first, size_t count, const void *stored,
                        nn_real *out);
typedef int64_t integer_fn(const void *stored, size_t i);
typedef void set_fn(void *stored, size_t i, int64_t value);
typedef bool subtract_fn(void *stored, size_t count, int64_t amount, size_t *at);

/* In double, since timestamps and the like lose their digits in float before the offset is off. */
#define DEFINE_CONVERT(dtype, ctype)                                                               \
    static void convert_##dtype(const nn_converter *c, size_t first, size_t count,                 \
                                const void *stored, nn_real *out) {                                \
        const ctype *x = stored;                                                                   \
        const double *scale = c->scale + (c->uniform ? 0 : first);                                 \
        const double *offset = c->offset + (c->uniform ? 0 : first);                               \
        size_t step = c->uniform ? 0 : 1;                                                          \
        for (size_t e = 0; e < count; e++)                                                         \
            out[e] = (nn_real)((double)x[e] * scale[e * step] + offset[e * step]);                 \
    }                                                                                              \
    static int64_t integer_##dtype(const void *stored, size_t i) {                                 \
        return (int64_t)((const ctype *)stored)[i];                                                \
    }                                                                                              \
    static void set_##dtype(void *stored, size_t i, int64_t value) {                               \
        ((ctype *)stored)[i] = (ctype)value;                                                       \
    }                                                                                              \
    static bool subtract_##dtype(void *stored, size_t count, int64_t amount, size_t *at) {         \
        ctype *x = stored;                                                                         \
        for (*at = 0; *at < count; ++*at) {                                                        \
            int64_t value = (int64_t)x[*at];                                                       \
            if (value < amount && value != -1)                                                     \
                return false;                                                                      \
            if (value != -1)                                                                       \
                x[*at] = (ctype)(value - amount);                                                  \
        }                                                                                          \
        return true;                                                                               \
    }
DTYPES(DEFINE_CONVERT)

static const struct {
    convert_fn *convert;
    integer_fn *integer;
    set_fn *set;
    subtract_fn *subtract;
} types[] = {
#define TYPE_ROW(dtype, ctype)                                                                     \
    [dtype] = {convert_##dtype, integer_##dtype, set_##dtype, subtract_##dtype},
    DTYPES(TYPE_ROW)};

static bool is_uniform(size_t count, const double *value) {
    for (size_t i = 1; i < count; i++)
        if (value[i] < value[0] || value[i] > value[0])
            return false;
    return true;
}

static int fill_rows(nn_converter *c, const nn_affine *affine, const nn_field *field,
                     nn_pool *pool) {
    c->scale = nn_pool_alloc(pool, c->width * sizeof *c->scale);
    c->offset = nn_pool_alloc(pool, c->width * sizeof *c->offset);
    c->scale_row = nn_pool_alloc(pool, c->width * sizeof *c->scale_row);
    c->offset_row = nn_pool_alloc(pool, c->width * sizeof *c->offset_row);
    if (!c->scale || !c->offset || !c->scale_row || !c->offset_row)
        return NN_EMEMORY;
    for (size_t e = 0; e < c->width; e++) {
        size_t i = nn_affine_index(affine->count, &field->shape, nn_field_element(field, e));
        c->scale[e] = affine->scale[i];
        c->offset[e] = affine->offset[i];
        c->scale_row[e] = (nn_real)c->scale[e];
        c->offset_row[e] = (nn_real)c->offset[e];
    }
    return NN_OK;
}

int nn_converter_init(nn_converter *c, const nn_field *field, const nn_affine *affine,
                      nn_row_order order, nn_pool *pool) {
    bool given = affine && affine->count > 0;
    bool planes =
        order == NN_CHANNELS_LAST && nn_shape_is_image(&field->shape) && !field->channels_last;

    *c = (nn_converter){.type = field->type,
                        .width = nn_shape_count(&field->shape),
                        .channels = planes ? (size_t)field->shape.dim[0] : 1};
    c->uniform = !given || (is_uniform(affine->count, affine->scale) &&
                            is_uniform(affine->count, affine->offset));
    if (!c->uniform)
        return fill_rows(c, affine, field, pool);
    c->scale = nn_pool_alloc(pool, sizeof *c->scale);
    c->offset = nn_pool_alloc(pool, sizeof *c->offset);
    if (!c->scale || !c->offset)
        return NN_EMEMORY;
    c->scale[0] = given ? affine->scale[0] : 1;
    c->offset[0] = given ? affine->offset[0] : 0;
    return NN_OK;
}

/* The images' case: 256 values, so float arithmetic is as good as double. */
static void convert_pixels(const nn_converter *c, size_t first, size_t count, const uint8_t *stored,
                           nn_real *out) {
    const nn_kernels *k = nn_kernels_get();

    if (c->uniform) {
        k->from_u8(count, stored, (nn_real)c->scale[0], (nn_real)c->offset[0], out);
        return;
    }
    k->from_u8(count, stored, 1, 0, out);
    k->multiply(count, out, c->scale_row + first, out);
    k->add(count, c->offset_row + first, out);
}

/* Elements [first, first + count) of a row, or of rows in a row when the converter is uniform. */
static void convert_range(const nn_converter *c, size_t first, size_t count, const void *stored,
                          nn_real *out) {
    bool no_offset = c->uniform && !(c->offset[0] < 0) && !(c->offset[0] > 0);

    if (c->type == NN_U8)
        convert_pixels(c, first, count, stored, out);
    else if (c->type == NN_F32 && no_offset)
        nn_kernels_get()->from_f32(count, stored, (nn_real)c->scale[0], 0, out);
    else
        types[c->type].convert(c, first, count, stored, out);
}

/* One stored image [C, H, W] as [H, W, C], a stretch of a plane at a time. */
static void interleave(const nn_converter *c, const unsigned char *stored, nn_real *out) {
    size_t pixels = c->width / c->channels, size = nn_dtype_size(c->type);
    nn_real stretch[STRETCH];

    for (size_t first = 0, n; first < c->width; first += n) {
        size_t channel = first / pixels, pixel = first % pixels;
        n = pixels - pixel < STRETCH ? pixels - pixel : STRETCH;
        convert_range(c, first, n, stored + first * size, stretch);
        for (size_t i = 0; i < n; i++)
            out[(pixel + i) * c->channels + channel] = stretch[i];
    }
}

void nn_converter_apply(const nn_converter *c, size_t rows, const void *stored, nn_real *out) {
    const unsigned char *row = stored;
    size_t row_bytes = c->width * nn_dtype_size(c->type);

    if (c->uniform && c->channels == 1) {
        convert_range(c, 0, rows * c->width, stored, out);
        return;
    }
    for (size_t r = 0; r < rows; r++, row += row_bytes, out += c->width) {
        if (c->channels > 1)
            interleave(c, row, out);
        else
            convert_range(c, 0, c->width, row, out);
    }
}

bool nn_stored_subtract(nn_dtype type, void *stored, size_t count, int64_t amount, size_t *at) {
    return types[type].subtract(stored, count, amount, at);
}

int64_t nn_stored_integer(nn_dtype type, const void *stored, size_t i) {
    return types[type].integer(stored, i);
}

void nn_stored_set(nn_dtype type, void *stored, size_t i, int64_t value) {
    types[type].set(stored, i, value);
}

int64_t nn_chunk_rows(size_t row_bytes) {
    size_t rows = PIECE_BYTES / (row_bytes ? row_bytes : 1);

    return rows ? (int64_t)rows : 1;
}
