#include "math/kernels.h"

#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

typedef struct level {
    const nn_kernels *table;
    bool (*supported)(void);
} level;

#if defined(__x86_64__)

extern const nn_kernels nn_kernels_v2, nn_kernels_v3, nn_kernels_v4;

static bool has_v2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}

/* clang's __builtin_cpu_supports does not know f16c: bit 29 of ECX. */
static bool has_f16c(void) {
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 29 & 1);
}

static bool has_v3(void) {
    return has_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_f16c();
}

static bool has_v4(void) {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}

static bool has_bf16(void) {
    return __builtin_cpu_supports("avx512bf16");
}

/* Best first; the last one is what the program as a whole requires. */
static const level levels[] = {
    {&nn_kernels_v4, has_v4}, {&nn_kernels_v3, has_v3}, {&nn_kernels_v2, has_v2}};

#else

extern const nn_kernels nn_kernels_base;

static bool always(void) {
    return true;
}

static bool has_bf16(void) {
    return false;
}

static const level levels[] = {{&nn_kernels_base, always}};

#endif

#define LEVELS (sizeof levels / sizeof levels[0])

const nn_kernels *nn_kernels_at(size_t i) {
    for (size_t row = 0; row < LEVELS; row++)
        if (levels[row].supported() && i-- == 0)
            return levels[row].table;
    return NULL;
}

static const nn_kernels *best(void) {
    const nn_kernels *table = nn_kernels_at(0);

    return table ? table : levels[LEVELS - 1].table;
}

static const nn_kernels *choose(const char *name) {
    const nn_kernels *fallback = best();

    if (!name || !*name)
        return fallback;
    for (size_t row = 0; row < LEVELS; row++) {
        if (strcmp(name, levels[row].table->isa) != 0)
            continue;
        if (levels[row].supported())
            return levels[row].table;
        nn_warn("NNMPI_ISA=%s: this processor cannot run it; using %s", name, fallback->isa);
        return fallback;
    }
    nn_warn("NNMPI_ISA=%s is not known (%s to %s are); using %s", name,
            levels[LEVELS - 1].table->isa, levels[0].table->isa, fallback->isa);
    return fallback;
}

const nn_kernels *nn_kernels_get(void) {
    static _Atomic(const nn_kernels *) chosen;
    const nn_kernels *table = atomic_load_explicit(&chosen, memory_order_relaxed);

    /* Threads that come here together choose the same table. */
    if (!table) {
        table = choose(getenv("NNMPI_ISA"));
        atomic_store_explicit(&chosen, table, memory_order_relaxed);
    }
    return table;
}

const nn_bf16_kernels *nn_kernels_bf16(void) {
    const nn_bf16_kernels *kernels = nn_kernels_get()->bf16;
    return kernels && has_bf16() ? kernels : NULL;
}
