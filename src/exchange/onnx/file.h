/* A file of ONNX as it is read: nodes in their order, constants, what goes in and what comes out.
 */
#ifndef NN_EXCHANGE_ONNX_FILE_H
#define NN_EXCHANGE_ONNX_FILE_H

#include "io/digest.h"
#include "io/protobuf.h"
#include "io/tensors/tensors.h"

typedef struct nn_onnx_attribute {
    const char *name;
    int64_t number;
    float real;
    const char *text;   /* NULL: it has none */
    const char **texts; /* [text_count] */
    int64_t *numbers;   /* [count] */
    size_t count, capacity, text_count, text_capacity;
    size_t tensor; /* 1 + its number among the constants, where it is one; 0: it is none */
} nn_onnx_attribute;

typedef struct nn_onnx_op {
    const char *op, *name;        /* "Conv"; "" where it has none */
    const char *domain;           /* of the operator; "" for ONNX's own */
    const char **input, **output; /* "" where one is left out */
    size_t inputs, input_capacity, outputs, output_capacity;
    nn_onnx_attribute *attribute;
    size_t attributes, attribute_capacity;
} nn_onnx_op;

/* Something with a name and a shape [N, ...]: of N and of what else is not known, a dimension is 0.
 */
typedef struct nn_onnx_port {
    const char *name;
    int rank; /* 0: not said */
    int64_t dim[NN_FILE_TENSOR_RANK];
} nn_onnx_port;

typedef struct nn_onnx_file {
    nn_file_tensors constants; /* initializers and, without a name, tensors of attributes */
    nn_onnx_op *op;
    size_t ops, op_capacity;
    nn_onnx_port *input, *output;
    size_t inputs, input_capacity, outputs, output_capacity;
    int64_t opset;            /* of ONNX's own operators */
    const char *about;        /* what nnmpi says of the model, NULL: nothing ... */
    const char *about_digest; /* ... and of which graph; NULL: of none */
} nn_onnx_file;

/* Keys of the metadata. */
#define NN_ONNX_ABOUT "nnmpi"
#define NN_ONNX_ABOUT_DIGEST "nnmpi.digest"

/* Names and bytes are owned by `pool`, or stand in `bytes`. NN_EFORMAT names `path`. Local. */
int nn_onnx_parse(nn_pool *pool, const char *path, const void *bytes, size_t size,
                  nn_onnx_file *file);
/* A whole file. NN_EFORMAT, NN_EIO. Local. */
int nn_onnx_read(nn_pool *pool, const char *path, nn_onnx_file *file);
/* SHA-256 of what says what is computed, all constants included, and of `about`: not of the names
 * of nodes, comments, versions, and the order of fields, which other programs may write anew. */
int nn_onnx_digest(const nn_onnx_file *file, const char *about, char hex[NN_DIGEST_HEX]);
/* The attribute of that name or NULL. */
const nn_onnx_attribute *nn_onnx_attribute_of(const nn_onnx_op *op, const char *name);

#endif
