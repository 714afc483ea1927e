/* What the tests of the kernels' bits are made of: inputs that are the same everywhere, one hash of
 * all outputs of a kernel, and the comparison with tests/golden/kernel_bits.txt. */
#ifndef NN_TESTS_MATH_BITS_H
#define NN_TESTS_MATH_BITS_H

#include "check.h"
#include "math/kernels.h"

#include <inttypes.h>
#include <stdlib.h>

/* Odd ones, whole vectors, and one more or less than these. */
static const size_t bits_length[] = {1,  2,  3,  5,  8,  11,  15,  16,  17,  31,
                                     33, 63, 64, 65, 90, 100, 129, 257, 1025};
#define BITS_LENGTHS (sizeof bits_length / sizeof bits_length[0])
#define EACH_LENGTH(n)                                                                             \
    for (size_t n##_at = 0, n = bits_length[0]; n##_at < BITS_LENGTHS;                             \
         n##_at++, n = bits_length[n##_at < BITS_LENGTHS ? n##_at : 0])

static const nn_kernels *k; /* the table under test */

/* FNV-1a (Fowler, Noll, Vo) of what the kernel wrote. */
static uint64_t bits_hash;

static inline void hash_bytes(size_t n, const void *data) {
    const uint8_t *byte = data;
    for (size_t i = 0; i < n; i++)
        bits_hash = (bits_hash ^ byte[i]) * 0x100000001b3u;
}

/* Sign and payload of a NaN say nothing. */
static inline void hash_out(size_t n, const nn_real *x) {
    for (size_t i = 0; i < n; i++) {
        nn_real value = isnan(x[i]) ? (nn_real)NAN : x[i];
        hash_bytes(sizeof value, &value);
    }
}

static inline void hash_doubles(size_t n, const double *x) {
    for (size_t i = 0; i < n; i++) {
        double value = isnan(x[i]) ? (double)NAN : x[i];
        hash_bytes(sizeof value, &value);
    }
}

/* Memory of one kernel's arrays, given back when its hash is complete. Each array starts 1 to 5
 * elements behind a whole vector, but those of take_aligned. */
#define POOL ((size_t)1 << 20)
static union {
    max_align_t aligned;
    unsigned char byte[POOL];
} pool;
static size_t pool_used;
static unsigned pool_arrays;

static inline void *take_bytes(size_t n, size_t offset) {
    uintptr_t start = (uintptr_t)pool.byte;
    size_t at = (pool_used + 63 + start) / 64 * 64 - start + offset;
    if (at + n + 64 > POOL) {
        fprintf(stderr, "the pool is too small\n");
        exit(1);
    }
    pool_used = at + n + 64;
    return memset(pool.byte + at, 0, n + 64);
}

static inline nn_real *take(size_t n) {
    return take_bytes(n * sizeof(nn_real), (1 + pool_arrays++ % 5) * sizeof(nn_real));
}

static inline nn_real *take_aligned(size_t n) {
    return take_bytes(n * sizeof(nn_real), 0);
}

static inline double *take_doubles(size_t n) {
    return take_bytes(n * sizeof(double), (1 + pool_arrays++ % 5) * sizeof(double));
}

static inline void give_back(void) {
    pool_used = 0;
}

static uint32_t bits_state;

/* The generator of Numerical Recipes; its high bits are good. */
static inline uint32_t next_word(void) {
    bits_state = bits_state * 1664525u + 1013904223u;
    return bits_state;
}

/* In [-8, 8), one in 29 of them far away, tiny or zero. */
static inline nn_real next_number(void) {
    static const double special[] = {0, -0.0, 1, -1, 1e-30, -1e-40, 90, -110};
    uint32_t word = next_word();
    return (nn_real)((word >> 8) % 29 == 0 ? special[word >> 29] : (double)word * 0x1p-28 - 8);
}

static inline nn_real *numbers_in(size_t n, nn_real *x) {
    for (size_t i = 0; i < n; i++)
        x[i] = next_number();
    return x;
}

static inline nn_real *numbers(size_t n) {
    return numbers_in(n, take(n));
}

/* As running means of squares are. */
static inline nn_real *positive(size_t n) {
    nn_real *x = numbers(n);
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] < 0 ? -x[i] : x[i];
    return x;
}

static inline uint32_t *words(size_t n) {
    uint32_t *x = take_bytes(n * sizeof *x, 4);
    for (size_t i = 0; i < n; i++)
        x[i] = next_word();
    return x;
}

static inline uint8_t *some_bytes(size_t n) {
    uint8_t *x = take_bytes(n, 3);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)(next_word() >> 24);
    return x;
}

static inline size_t whole(size_t n, size_t step) {
    return (n + step - 1) / step * step;
}

/* A case with the number of functions of nn_kernels that it calls. */
typedef struct kernel_case {
    const char *name;
    void (*run)(void);
    size_t functions;
} kernel_case;

#define PAIR_ROW(name) {#name, run_##name, 2},
#define ACTIVATION_ROW(name, ...) PAIR_ROW(name)
#define ROW(name) {#name, run_##name, 1},

/* All instruction sets with fused multiply-adds have the same bits. */
static inline const char *row_name(const nn_kernels *of) {
    return of->fused ? "fused" : of->isa;
}

/* "<fused, or the instruction set> <kernel> <hash>" */
static inline void run_case(const kernel_case *c, size_t size, char *line) {
    bits_hash = 0xcbf29ce484222325u;
    bits_state = 1;
    pool_arrays = 0;
    c->run();
    snprintf(line, size, "%s %s %016" PRIx64 "\n", row_name(k), c->name, bits_hash);
}

/* The golden line of the same name and kernel; "" where there is none. */
static inline void find_golden(FILE *file, const char *like, size_t size, char *line) {
    size_t name = (size_t)(strrchr(like, ' ') - like) + 1;
    rewind(file);
    while (fgets(line, (int)size, file))
        if (strncmp(line, like, name) == 0)
            return;
    line[0] = '\0';
}

static inline bool has_golden(FILE *file, const nn_kernels *of) {
    char line[100];
    size_t length = strlen(row_name(of));
    rewind(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, row_name(of), length) == 0 && line[length] == ' ')
            return true;
    return false;
}

/* There are rows for all but processors without fused multiply-adds that are no x86-64. */
static inline bool any_golden(FILE *file) {
    for (size_t i = 0; nn_kernels_at(i); i++)
        if (has_golden(file, nn_kernels_at(i)))
            return true;
    fprintf(stderr, "no golden rows for the instruction set '%s' of this processor: skipped\n",
            nn_kernels_at(0)->isa);
    return false;
}

static inline void check_table(FILE *golden, const kernel_case *cases, size_t count) {
    char line[100], expected[100];
    for (size_t i = 0; i < count; i++) {
        run_case(&cases[i], sizeof line, line);
        find_golden(golden, line, sizeof expected, expected);
        CHECK_STR(line, expected);
        if (strcmp(line, expected) != 0)
            fprintf(stderr, "  by the kernels of %s\n", k->isa);
    }
}

static inline void print_table(const kernel_case *cases, size_t count) {
    char line[100];
    for (size_t i = 0; i < count; i++) {
        run_case(&cases[i], sizeof line, line);
        fputs(line, stdout);
    }
}

/* A name once, by the best instruction set that has it. */
static inline int print_tables(const kernel_case *cases, size_t count) {
    const char *before = "";
    for (size_t t = 0; nn_kernels_at(t); t++, before = row_name(k)) {
        k = nn_kernels_at(t);
        if (strcmp(before, row_name(k)) != 0)
            print_table(cases, count);
    }
    return 0;
}

static inline int print_isas(void) {
    for (size_t t = 0; nn_kernels_at(t); t++)
        puts(nn_kernels_at(t)->isa);
    return 0;
}

static inline FILE *open_golden(void) {
    const char *folder = getenv("SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/kernel_bits.txt", folder ? folder : ".");
    return fopen(path, "r");
}

/* Every function among so many `members` of nn_kernels has a case, but for `others` of them. */
static inline void check_complete(const kernel_case *cases, size_t count, size_t members,
                                  size_t others) {
    size_t functions = 0;
    for (size_t i = 0; i < count; i++)
        functions += cases[i].functions;
    CHECK_EQ_INT(functions + others, members);
}

/* The rest of main: the cases of every instruction set that this processor has are compared with
 * tests/golden/kernel_bits.txt, or with the argument `print` written as they stand there; `isas`
 * lists these instruction sets, the best one first. */
static inline int bits_main(int argc, char **argv, const kernel_case *cases, size_t count) {
    if (argc > 1)
        return strcmp(argv[1], "isas") == 0 ? print_isas() : print_tables(cases, count);
    FILE *golden = open_golden();
    if (!CHECK(golden != NULL))
        return check_done();
    if (!any_golden(golden)) {
        fclose(golden);
        return 77;
    }
    for (size_t i = 0; nn_kernels_at(i); i++) {
        k = nn_kernels_at(i);
        check_table(golden, cases, count);
    }
    fclose(golden);
    return check_done();
}

#endif
