/* Memory of tensors: blocks that are given back wait for the next of their size, so that a loop
 * that makes the same tensors again and again asks the system for none. */
#ifndef NN_TENSOR_BUFFER_H
#define NN_TENSOR_BUFFER_H

#include "base/mem.h"

#include <stdatomic.h>

typedef struct nn_buffer {
    atomic_int refs;
    unsigned version; /* counts changes in place */
    size_t size;      /* bytes of data */
    struct nn_buffer *next;
    _Alignas(NN_ALIGN) unsigned char data[];
} nn_buffer;

/* At least so many bytes, of 1 reference, with any contents; NULL with the error set. Any thread.
 */
nn_buffer *nn_buffer_alloc(size_t bytes);
nn_buffer *nn_buffer_retain(nn_buffer *buffer);
/* NULL is fine. */
void nn_buffer_release(nn_buffer *buffer);
/* Gives what waits back to the system. */
void nn_buffer_trim(void);

#endif
