/* Named tensors in one file, as other programs have them: safetensors and NumPy's .npz. What is
 * wrong with a file is NN_EFORMAT with the file, the place and the tensor. */
#ifndef NN_IO_TENSORS_TENSORS_H
#define NN_IO_TENSORS_TENSORS_H

#include "base/mem.h"

#define NN_FILE_TENSOR_RANK 8

/* A type of numbers and what formats call it. */
typedef struct nn_element {
    const char *name;                       /* of safetensors: "F32" */
    const char *numpy;                      /* of .npy: "<f4"; NULL: it has none */
    int onnx;                               /* of ONNX: TensorProto.DataType */
    size_t size;                            /* bytes */
    double (*get)(const unsigned char *at); /* NULL: no numbers that could be parameters */
} nn_element;

extern const nn_element nn_elements[]; /* the first is F32; the last has no name */
#define nn_element_f32 (&nn_elements[0])

typedef struct nn_file_tensor {
    const char *name;
    const nn_element *type;
    int rank;
    int64_t dim[NN_FILE_TENSOR_RANK];
    size_t count; /* elements */
    bool fortran; /* the first dimension is the innermost one; else the last is */
    const unsigned char
        *bytes; /* little-endian, aligned to nothing; of the file's, or the caller's */
} nn_file_tensor;

typedef struct nn_file_tensors {
    nn_pool *pool;          /* owns names, list, and the bytes of a file that was read */
    const char *file;       /* in messages */
    bool skips;             /* .npz: arrays that hold no numbers are left out, else refused */
    const char *about;      /* what nnmpi says of the model, NULL: nothing */
    nn_file_tensor *tensor; /* in the order of the file */
    size_t count, capacity;
} nn_file_tensors;

/* A format of files, by the ending of their names. */
typedef struct nn_file_tensor_format {
    const char *ending; /* ".npz" */
    int (*read)(nn_file_tensors *list);
    int (*write)(const nn_file_tensors *list);
} nn_file_tensor_format;

extern const nn_file_tensor_format nn_format_safetensors, nn_format_npz;
/* The format of a file of that name; NULL: none of these. */
const nn_file_tensor_format *nn_file_tensor_format_of(const char *file);

/* A .npy file, of which list->file is the name: one tensor, called "array". */
int nn_npy_read(nn_file_tensors *list);
/* Adds one whose name, type and dimensions are set, and `bytes` bytes of it are there. The type,
 * the size and the name are checked. */
int nn_file_tensors_add(nn_file_tensors *list, nn_file_tensor tensor, size_t bytes);
/* For readers, after the last one: no two have the same name. */
int nn_file_tensors_check_names(const nn_file_tensors *list);
/* The tensor of that name or NULL. */
const nn_file_tensor *nn_file_tensors_find(const nn_file_tensors *list, const char *name);
/* "[3, 4]" in `text`, which is returned. */
#define NN_FILE_TENSOR_TEXT 192
const char *nn_file_tensor_shape_text(const nn_file_tensor *tensor, char text[NN_FILE_TENSOR_TEXT]);
/* Where the element that is number `i`, the last dimension being the innermost one, stands among
 * those of the file. */
size_t nn_file_tensor_place(const nn_file_tensor *tensor, size_t i);
/* Copies it to out[count], the last dimension being the innermost one; where a number is no finite
 * float, that is NN_EFORMAT. */
int nn_file_tensor_floats(const nn_file_tensors *list, const nn_file_tensor *tensor, float *out);

#endif
