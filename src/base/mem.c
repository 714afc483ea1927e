#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)1 << 21)
/* Bytes of blocks that stand on huge pages. Smaller ones may stay in caches, where vectors that all
 * begin at the same place of a huge page have been measured to be in each other's way. */
#define LARGE ((size_t)1 << 24)

static int out_of_memory(const char *what, double bytes) {
    const double mib = 1024.0 * 1024.0;

    if (bytes < mib)
        return nn_fail(NN_EMEMORY, "out of memory: %s wants %.0f bytes", what, bytes);
    return nn_fail(NN_EMEMORY, "out of memory: %s wants %.0f MiB", what, bytes / mib);
}

/* Large blocks stand on huge pages where the system gives them to who asks: walking over many small
 * pages costs several percent of the training step of a large model. */
static void *aligned_block(size_t bytes) {
    bool large = bytes >= LARGE;
    void *block;

    /* aligned_alloc would want whole huge pages */
    if (posix_memalign(&block, large ? HUGE_PAGE : NN_ALIGN, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (large)
        madvise(block, bytes, MADV_HUGEPAGE); /* only advice: failing is fine */
#endif
    return block;
}

int nn_alloc(void **out, size_t count, size_t size, const char *what) {
    size_t bytes;

    *out = NULL;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - NN_ALIGN)
        return out_of_memory(what, (double)count * (double)size);
    bytes = bytes ? (bytes + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN : NN_ALIGN;
    *out = aligned_block(bytes);
    if (!*out)
        return out_of_memory(what, (double)bytes);
    memset(*out, 0, bytes);
    return NN_OK;
}

void nn_free(void *block) {
    free(block);
}

struct nn_pool_block {
    struct nn_pool_block *next;
    size_t used, size; /* bytes of data */
    alignas(max_align_t) unsigned char data[];
};

/* Big enough for any default block to be worth sharing, small enough to waste for one string. */
enum { POOL_BLOCK = 4096 - sizeof(struct nn_pool_block) };

/* A block for `bytes` at the head of the chain, or behind it when nothing else will fit into it. */
static struct nn_pool_block *add_block(nn_pool *pool, size_t bytes) {
    struct nn_pool_block *block;
    size_t size = bytes > POOL_BLOCK ? bytes : POOL_BLOCK;

    if (nn_alloc((void **)&block, 1, sizeof *block + size, "a memory pool") < 0)
        return NULL;
    block->size = size;
    if (pool->head && bytes > POOL_BLOCK) {
        block->next = pool->head->next;
        pool->head->next = block;
    } else {
        block->next = pool->head;
        pool->head = block;
    }
    return block;
}

void *nn_pool_alloc(nn_pool *pool, size_t bytes) {
    const size_t align = alignof(max_align_t);
    struct nn_pool_block *block = pool->head;
    void *place;

    if (bytes > (size_t)PTRDIFF_MAX / 2) {
        out_of_memory("a memory pool", (double)bytes);
        return NULL;
    }
    bytes = (bytes + align - 1) / align * align;
    if (!block || block->size - block->used < bytes)
        block = add_block(pool, bytes);
    if (!block)
        return NULL;
    place = block->data + block->used;
    block->used += bytes;
    return place;
}

char *nn_pool_strdup(nn_pool *pool, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = nn_pool_alloc(pool, size);

    return copy ? memcpy(copy, text, size) : NULL;
}

char *nn_pool_printf(nn_pool *pool, const char *format, ...) {
    va_list args;
    int length;
    char *text;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        nn_fail(NN_EUSAGE, "cannot format '%s'", format);
        return NULL;
    }
    text = nn_pool_alloc(pool, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

int nn_pool_grow(nn_pool *pool, void **array, size_t size, size_t count, size_t *capacity) {
    if (*array && count < *capacity)
        return 0;
    size_t wanted = *array ? 2 * *capacity : 4;
    void *grown = nn_pool_alloc(pool, wanted * size);
    if (!grown)
        return NN_EMEMORY;
    if (*array)
        memcpy(grown, *array, count * size);
    *array = grown;
    *capacity = wanted;
    return 0;
}

void nn_pool_release(nn_pool *pool) {
    struct nn_pool_block *block = pool->head;

    while (block) {
        struct nn_pool_block *next = block->next;
        nn_free(block);
        block = next;
    }
    pool->head = NULL;
}
