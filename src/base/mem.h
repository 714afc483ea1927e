/* Memory: zeroed, 64-byte-aligned blocks and pools of things that live and die together. */
#ifndef NN_BASE_MEM_H
#define NN_BASE_MEM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NN_ALIGN 64 /* bytes: a cache line, an AVX-512 register */

/* count * size with overflow check, rounded up to NN_ALIGN; *out is zeroed. NN_EMEMORY says how
 * many bytes `what` wanted. Free with nn_free (NULL is fine). Local. */
int nn_alloc(void **out, size_t count, size_t size, const char *what);
void nn_free(void *block);

/* Typed form: NN_NEW(&p, n, "sample buffer"). */
#define NN_NEW(out, count, what) nn_alloc((void **)(out), (count), sizeof **(out), (what))

/* Rounds a count of elements of `size` bytes up to whole cache lines. */
static inline size_t nn_align_count(size_t count, size_t size) {
    size_t per_line = NN_ALIGN / size;
    return (count + per_line - 1) / per_line * per_line;
}

/* A growing pool: many small allocations, released all at once. Strings, configuration nodes. */
typedef struct nn_pool {
    struct nn_pool_block *head;
} nn_pool;

/* Zeroed memory owned by the pool; NULL with the error set when memory runs out. */
void *nn_pool_alloc(nn_pool *pool, size_t bytes);
char *nn_pool_strdup(nn_pool *pool, const char *text);
char *nn_pool_printf(nn_pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nn_pool_release(nn_pool *pool);

/* Makes room for one more behind the `count` elements of `size` bytes in *array (NULL: none yet):
 * where *capacity is used up, they move to twice the room. NN_EMEMORY. Local. */
int nn_pool_grow(nn_pool *pool, void **array, size_t size, size_t count, size_t *capacity);

/* Typed form: NN_GROW(pool, &list->name, list->count, &list->capacity). */
#define NN_GROW(pool, array, count, capacity)                                                      \
    nn_pool_grow((pool), (void **)(array), sizeof **(array), (count), (capacity))

#endif
