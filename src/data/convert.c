#include "data/convert.h"

#include "math/kernels.h"

#include <stdint.h>

#define PIECE_BYTES ((size_t)1 << 20)

/* X(dtype, C type) */
#define DTYPES(X)                                                                                  \
    X(NN_U8, uint8_t)                                                                              \
    X(NN_I8, int8_t)                                                                               \
    X(NN_I16, int16_t)                                                                             \
    X(NN_I32, int32_t)                                                                             \
    X(NN_I64, int64_t)                                                                             \
    X(NN_F32, float)                                                                               \
    X(NN_F64, double)

typedef void convert_fn(const nn_converter *c, size_t rows, const void *stored, nn_real *out);
typedef int64_t integer_fn(const void *stored, size_t i);

/* In double, since timestamps and the like lose their digits in float before the offset is off. */
#define DEFINE_CONVERT(dtype, ctype)                                                               \
    static void convert_##dtype(const nn_converter *c, size_t rows, const void *stored,            \
                                nn_real *out) {                                                    \
        const ctype *x = stored;                                                                   \
        size_t step = c->uniform ? 0 : 1;                                                          \
        for (size_t r = 0; r < rows; r++)                                                          \
            for (size_t e = 0; e < c->width; e++)                                                  \
                *out++ = (nn_real)((double)*x++ * c->scale[e * step] + c->offset[e * step]);       \
    }                                                                                              \
    static int64_t integer_##dtype(const void *stored, size_t i) {                                 \
        return (int64_t)((const ctype *)stored)[i];                                                \
    }
DTYPES(DEFINE_CONVERT)

static const struct {
    convert_fn *convert;
    integer_fn *integer;
} types[] = {
#define TYPE_ROW(dtype, ctype) [dtype] = {convert_##dtype, integer_##dtype},
    DTYPES(TYPE_ROW)};

static bool is_uniform(size_t count, const double *value) {
    for (size_t i = 1; i < count; i++)
        if (value[i] < value[0] || value[i] > value[0])
            return false;
    return true;
}

static int fill_rows(nn_converter *c, const nn_dataset *ds, nn_pool *pool) {
    c->scale = nn_pool_alloc(pool, c->width * sizeof *c->scale);
    c->offset = nn_pool_alloc(pool, c->width * sizeof *c->offset);
    c->scale_row = nn_pool_alloc(pool, c->width * sizeof *c->scale_row);
    c->offset_row = nn_pool_alloc(pool, c->width * sizeof *c->offset_row);
    if (!c->scale || !c->offset || !c->scale_row || !c->offset_row)
        return NN_EMEMORY;
    for (size_t e = 0; e < c->width; e++) {
        c->scale[e] = ds->scale[e % ds->affine_count];
        c->offset[e] = ds->offset[e % ds->affine_count];
        c->scale_row[e] = (nn_real)c->scale[e];
        c->offset_row[e] = (nn_real)c->offset[e];
    }
    return NN_OK;
}

int nn_converter_init(nn_converter *c, const nn_dataset *ds, const nn_field *field, bool is_x,
                      nn_pool *pool) {
    bool affine = is_x && ds->affine_count > 0;

    *c = (nn_converter){.type = field->type, .width = nn_shape_count(&field->shape)};
    c->uniform = !affine || (is_uniform(ds->affine_count, ds->scale) &&
                             is_uniform(ds->affine_count, ds->offset));
    if (!c->uniform)
        return fill_rows(c, ds, pool);
    c->scale = nn_pool_alloc(pool, sizeof *c->scale);
    c->offset = nn_pool_alloc(pool, sizeof *c->offset);
    if (!c->scale || !c->offset)
        return NN_EMEMORY;
    c->scale[0] = affine ? ds->scale[0] : 1;
    c->offset[0] = affine ? ds->offset[0] : 0;
    return NN_OK;
}

/* The images' case: 256 values, so float arithmetic is as good as double. */
static void apply_u8(const nn_converter *c, size_t rows, const uint8_t *stored, nn_real *out) {
    const nn_kernels *k = nn_kernels_get();

    if (c->uniform) {
        k->from_u8(rows * c->width, stored, (nn_real)c->scale[0], (nn_real)c->offset[0], out);
        return;
    }
    k->from_u8(rows * c->width, stored, 1, 0, out);
    for (size_t r = 0; r < rows; r++, out += c->width) {
        k->multiply(c->width, out, c->scale_row, out);
        k->add(c->width, c->offset_row, out);
    }
}

void nn_converter_apply(const nn_converter *c, size_t rows, const void *stored, nn_real *out) {
    bool no_offset = c->uniform && !(c->offset[0] < 0) && !(c->offset[0] > 0);

    if (c->type == NN_U8)
        apply_u8(c, rows, stored, out);
    else if (c->type == NN_F32 && no_offset)
        nn_kernels_get()->from_f32(rows * c->width, stored, (nn_real)c->scale[0], 0, out);
    else
        types[c->type].convert(c, rows, stored, out);
}

int64_t nn_stored_integer(nn_dtype type, const void *stored, size_t i) {
    return types[type].integer(stored, i);
}

int64_t nn_piece_rows(size_t row_bytes) {
    size_t rows = PIECE_BYTES / (row_bytes ? row_bytes : 1);

    return rows ? (int64_t)rows : 1;
}
