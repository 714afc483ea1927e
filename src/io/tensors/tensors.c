#include "io/tensors/tensors.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- types ----------------------------------------------------------------------------------- */

#define GET(name, type)                                                                            \
    static double get_##name(const unsigned char *at) {                                            \
        type value;                                                                                \
        memcpy(&value, at, sizeof value);                                                          \
        return (double)value;                                                                      \
    }
GET(f32, float)
GET(f64, double)
GET(i8, int8_t)
GET(u8, uint8_t)
GET(i16, int16_t)
GET(u16, uint16_t)
GET(i32, int32_t)
GET(u32, uint32_t)
GET(i64, int64_t)
GET(u64, uint64_t)

static double get_bf16(const unsigned char *at) {
    const unsigned char wide[4] = {0, 0, at[0], at[1]};
    return get_f32(wide);
}

/* IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
static double get_f16(const unsigned char *at) {
    unsigned bits = (unsigned)nn_bytes_get(at, 2), exponent = bits >> 10 & 31;
    double fraction = bits & 1023, value = fraction * 0x1p-24;
    if (exponent == 31)
        value = fraction > 0 ? (double)NAN : (double)INFINITY;
    else if (exponent > 0)
        value = (1024 + fraction) * 0x1p-25 * (double)(1U << exponent);
    return bits >> 15 ? -value : value;
}

const nn_element nn_elements[] = {
    {"F32", "<f4", 1, 4, get_f32},   {"F64", "<f8", 11, 8, get_f64}, {"F16", "<f2", 10, 2, get_f16},
    {"BF16", NULL, 16, 2, get_bf16}, {"I8", "|i1", 3, 1, get_i8},    {"U8", "|u1", 2, 1, get_u8},
    {"I16", "<i2", 5, 2, get_i16},   {"U16", "<u2", 4, 2, get_u16},  {"I32", "<i4", 6, 4, get_i32},
    {"U32", "<u4", 12, 4, get_u32},  {"I64", "<i8", 7, 8, get_i64},  {"U64", "<u8", 13, 8, get_u64},
    {"BOOL", "|b1", 9, 1, NULL},     {"F8_E4M3", NULL, 17, 1, NULL}, {"F8_E5M2", NULL, 19, 1, NULL},
    {NULL, NULL, 0, 0, NULL},
};

/* ---- lists ----------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *ending) {
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcmp(text + length - tail, ending) == 0;
}

const nn_file_tensor_format *nn_file_tensor_format_of(const char *file) {
    static const nn_file_tensor_format *const formats[] = {&nn_format_safetensors, &nn_format_npz};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (ends_in(file, formats[i]->ending))
            return formats[i];
    return NULL;
}

const char *nn_file_tensor_shape_text(const nn_file_tensor *tensor,
                                      char text[NN_FILE_TENSOR_TEXT]) {
    size_t length = 1;
    snprintf(text, NN_FILE_TENSOR_TEXT, "[");
    for (int i = 0; i < tensor->rank; i++)
        length += (size_t)snprintf(text + length, NN_FILE_TENSOR_TEXT - length, "%s%" PRId64,
                                   i ? ", " : "", tensor->dim[i]);
    snprintf(text + length, NN_FILE_TENSOR_TEXT - length, "]");
    return text;
}

int nn_file_tensors_add(nn_file_tensors *list, nn_file_tensor tensor, size_t bytes) {
    char text[NN_FILE_TENSOR_TEXT];
    size_t wanted = tensor.type->size;
    bool fits = true;
    tensor.count = 1;
    for (int i = 0; i < tensor.rank; i++) {
        fits = fits && !__builtin_mul_overflow(tensor.count, (size_t)tensor.dim[i], &tensor.count);
        fits = fits && !__builtin_mul_overflow(wanted, (size_t)tensor.dim[i], &wanted);
    }
    if (!fits || wanted != bytes)
        return nn_fail(NN_EFORMAT, "%s: '%s' is %s of %s, but has %zu bytes", list->file,
                       tensor.name, nn_file_tensor_shape_text(&tensor, text), tensor.type->name,
                       bytes);
    NN_TRY(NN_GROW(list->pool, &list->tensor, list->count, &list->capacity));
    list->tensor[list->count++] = tensor;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int nn_file_tensors_check_names(const nn_file_tensors *list) {
    const char **name = NULL;
    int rc = 0;
    NN_TRY(NN_NEW(&name, list->count + 1, "names of tensors"));
    for (size_t i = 0; i < list->count; i++)
        name[i] = list->tensor[i].name;
    qsort(name, list->count, sizeof *name, by_name);
    for (size_t i = 1; i < list->count && rc == 0; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            rc = nn_fail(NN_EFORMAT, "%s has two tensors of the name '%s'", list->file, name[i]);
    nn_free(name);
    return rc;
}

const nn_file_tensor *nn_file_tensors_find(const nn_file_tensors *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->tensor[i].name, name) == 0)
            return &list->tensor[i];
    return NULL;
}

/* ---- numbers --------------------------------------------------------------------------------- */

size_t nn_file_tensor_place(const nn_file_tensor *t, size_t i) {
    size_t place = 0, stride = t->count;
    for (int d = t->rank - 1; t->fortran && d >= 0; d--) {
        stride /= (size_t)t->dim[d];
        place += i % (size_t)t->dim[d] * stride;
        i /= (size_t)t->dim[d];
    }
    return t->fortran ? place : i;
}

int nn_file_tensor_floats(const nn_file_tensors *list, const nn_file_tensor *tensor, float *out) {
    if (!tensor->type->get)
        return nn_fail(NN_EFORMAT, "%s: '%s' holds %s, which cannot be parameters", list->file,
                       tensor->name, tensor->type->name);
    for (size_t i = 0; i < tensor->count; i++) {
        double value =
            tensor->type->get(tensor->bytes + nn_file_tensor_place(tensor, i) * tensor->type->size);
        out[i] = (float)value;
        if (!isfinite(out[i]))
            return nn_fail(NN_EFORMAT, "%s: element %zu of '%s' is %g, which is no finite float",
                           list->file, i, tensor->name, value);
    }
    return 0;
}
