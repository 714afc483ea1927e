/* Counts the calls of malloc and its kin that nnmpi's own code makes: those that return into the
 * program itself or into libnnmpi. What libraries allocate for themselves is counted apart.
 *
 * cc -shared -fPIC -O1 -o count_alloc.so count_alloc.c, then LD_PRELOAD=count_alloc.so and
 *   ALLOC_COUNT_FILE=f     at exit `<own> <others>` is written to f.<rank>, rank 0 without mpirun
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "own.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_long own, others;

__attribute__((constructor)) static void find_code(void) {
    own_find();
}

__attribute__((destructor)) static void report(void) {
    const char *name = getenv("ALLOC_COUNT_FILE");
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (rank == NULL)
        rank = getenv("PMI_RANK"); /* MPICH's */
    char path[4096];
    long counted = atomic_load(&own), rest = atomic_load(&others);
    if (name == NULL || own_ranges == 0)
        return;
    snprintf(path, sizeof path, "%s.%s", name, rank != NULL ? rank : "0");
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return;
    fprintf(out, "%ld %ld\n", counted, rest);
    fclose(out);
}

static void count(const void *caller) {
    atomic_fetch_add(own_is(caller) ? &own : &others, 1);
}

/* glibc's own entrances: dlsym would allocate. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

#pragma GCC visibility push(default)

void *malloc(size_t bytes) {
    count(__builtin_return_address(0));
    return __libc_malloc(bytes);
}

void *calloc(size_t items, size_t bytes) {
    count(__builtin_return_address(0));
    return __libc_calloc(items, bytes);
}

void *realloc(void *block, size_t bytes) {
    count(__builtin_return_address(0));
    return __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes) {
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    count(__builtin_return_address(0));
    *out = __libc_memalign(alignment, bytes);
    return *out != NULL ? 0 : ENOMEM;
}

#pragma GCC visibility pop
