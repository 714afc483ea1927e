/* Arrays in the caller's memory, as numpy and Fortran have them. */
#ifndef NNMPI_ARRAY_H
#define NNMPI_ARRAY_H

#include <stdint.h>

/* Numbers, in the processor's own byte order. */
typedef enum nn_dtype { NN_U8, NN_I8, NN_I16, NN_I32, NN_I64, NN_F32, NN_F64 } nn_dtype;

#define NN_ARRAY_RANK 5

/* The last dimension is the innermost one, without gaps: C order in numpy, the reverse of a Fortran
 * array's dimensions. */
typedef struct nn_array {
    nn_dtype type;
    int rank; /* 1 to NN_ARRAY_RANK */
    int64_t dim[NN_ARRAY_RANK];
    const void *data;
} nn_array;

#endif
