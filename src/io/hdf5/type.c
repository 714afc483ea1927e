/* Types of numbers: ours, and how those of HDF5 go together with them. */
#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <hdf5.h>

static const struct {
    const char *name;
    size_t size;
    bool integer;
} dtypes[] = {
    [NN_U8] = {"uint8", 1, true},     [NN_I8] = {"int8", 1, true},
    [NN_I16] = {"int16", 2, true},    [NN_I32] = {"int32", 4, true},
    [NN_I64] = {"int64", 8, true},    [NN_F32] = {"float32", 4, false},
    [NN_F64] = {"float64", 8, false},
};

size_t nn_dtype_size(nn_dtype type) {
    return dtypes[type].size;
}

bool nn_dtype_is_integer(nn_dtype type) {
    return dtypes[type].integer;
}

const char *nn_dtype_name(nn_dtype type) {
    return dtypes[type].name;
}

int64_t nn_h5_native_type(nn_dtype type) {
    const hid_t id[] = {
        [NN_U8] = H5T_NATIVE_UINT8,  [NN_I8] = H5T_NATIVE_INT8,   [NN_I16] = H5T_NATIVE_INT16,
        [NN_I32] = H5T_NATIVE_INT32, [NN_I64] = H5T_NATIVE_INT64, [NN_F32] = H5T_NATIVE_FLOAT,
        [NN_F64] = H5T_NATIVE_DOUBLE};
    return id[type];
}

const char *nn_h5_class_name(int64_t type) {
    static const char *const name[H5T_NCLASSES] = {
        [H5T_INTEGER] = "integers",    [H5T_FLOAT] = "reals",
        [H5T_TIME] = "times",          [H5T_STRING] = "strings",
        [H5T_BITFIELD] = "bit fields", [H5T_OPAQUE] = "opaque bytes",
        [H5T_COMPOUND] = "compounds",  [H5T_REFERENCE] = "references",
        [H5T_ENUM] = "enumerations",   [H5T_VLEN] = "lists of varying length",
        [H5T_ARRAY] = "arrays"};
    H5T_class_t class = H5Tget_class(type);
    return class >= 0 && class < H5T_NCLASSES ? name[class] : "values of an unknown class";
}

static nn_dtype integer_type(hid_t type) {
    size_t bytes = H5Tget_size(type);
    if (H5Tget_sign(type) == H5T_SGN_NONE)
        return bytes == 1 ? NN_U8 : bytes == 2 ? NN_I32 : NN_I64;
    return bytes == 1 ? NN_I8 : bytes == 2 ? NN_I16 : bytes <= 4 ? NN_I32 : NN_I64;
}

/* h5py's booleans are enumerations of int8. */
int nn_h5_nearest_type(const nn_h5 *file, const char *name, int64_t type, nn_dtype *out) {
    switch (H5Tget_class(type)) {
    case H5T_ENUM: {
        hid_t super = H5Tget_super(type);
        *out = integer_type(super);
        nn_h5_drop(super);
        return 0;
    }
    case H5T_INTEGER:
        *out = integer_type(type);
        return 0;
    case H5T_FLOAT:
        *out = H5Tget_size(type) <= sizeof(float) ? NN_F32 : NN_F64;
        return 0;
    default:
        return nn_fail(NN_EFORMAT, "data set '%s' of '%s' holds %s where numbers are needed", name,
                       file->path, nn_h5_class_name(type));
    }
}
