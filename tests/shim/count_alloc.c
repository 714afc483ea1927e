/* Counts the calls of malloc and its kin that nnmpi's own code makes: those that return into the
 * program itself or into libnnmpi. What libraries allocate for themselves is counted apart.
 *
 * cc -shared -fPIC -O1 -o count_alloc.so count_alloc.c, then LD_PRELOAD=count_alloc.so and
 *   ALLOC_COUNT_FILE=f     at exit `<own> <others>` is written to f.<rank>, rank 0 without mpirun
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RANGES = 32 };

/* Where nnmpi's code is. */
static struct { uintptr_t begin, end; } range[MAX_RANGES];
static int ranges;
static atomic_long own, others;

static int add_object(struct dl_phdr_info *info, size_t size, void *ctx) {
    bool is_program = info->dlpi_name[0] == '\0';
    (void)size;
    (void)ctx;
    if (!is_program && strstr(info->dlpi_name, "/libnnmpi.") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum && ranges < MAX_RANGES; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
            continue;
        range[ranges].begin = info->dlpi_addr + header->p_vaddr;
        range[ranges].end = range[ranges].begin + header->p_memsz;
        ranges++;
    }
    return 0;
}

__attribute__((constructor)) static void find_code(void) {
    dl_iterate_phdr(add_object, NULL);
}

__attribute__((destructor)) static void report(void) {
    const char *name = getenv("ALLOC_COUNT_FILE");
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (rank == NULL)
        rank = getenv("PMI_RANK"); /* MPICH's */
    char path[4096];
    long counted = atomic_load(&own), rest = atomic_load(&others);
    if (name == NULL || ranges == 0)
        return;
    snprintf(path, sizeof path, "%s.%s", name, rank != NULL ? rank : "0");
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return;
    fprintf(out, "%ld %ld\n", counted, rest);
    fclose(out);
}

static void count(const void *caller) {
    uintptr_t at = (uintptr_t)caller;
    for (int i = 0; i < ranges; i++) {
        if (at >= range[i].begin && at < range[i].end) {
            atomic_fetch_add(&own, 1);
            return;
        }
    }
    atomic_fetch_add(&others, 1);
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
