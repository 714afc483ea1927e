#include "math/gemm/blas.h"

#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef NN_BLAS

/* Of BLIS, as AOCL has it, too. */
extern const char *bli_info_get_version_str(void) __attribute__((weak));

/* Each product is to have one thread. Others take omp_get_max_threads(); BLIS reads this once. */
static int examine(nn_blas_report *report) {
    *report = (nn_blas_report){.found = ""};
    return setenv("BLIS_NUM_THREADS", "1", 1) == 0 ? NN_OK : NN_EMEMORY;
}

void nn_blas_name(char out[NN_BLAS_NAME]) {
    if (bli_info_get_version_str)
        snprintf(out, NN_BLAS_NAME, "BLIS %s", bli_info_get_version_str());
    else
        snprintf(out, NN_BLAS_NAME, "BLAS %s", NN_BLAS);
}

#else

/* OpenBLAS's own interface; cblas.h, which declares the first three, belongs to gemm.c. The
 * last two are there only where it was built for several processors. */
extern char *openblas_get_config(void);
extern char *openblas_get_corename(void);
extern int openblas_get_parallel(void);
extern void gotoblas_dynamic_quit(void) __attribute__((weak));
extern void gotoblas_dynamic_init(void) __attribute__((weak));

#define OPENMP_BUILD 2
#define CORETYPE "OPENBLAS_CORETYPE"

/* What the kernels of a type use, and what a processor offers. */
typedef enum vector_level { UNKNOWN, SSE, AVX, AVX2, AVX512 } vector_level;

static const struct {
    const char *name;
    vector_level level;
} kernel_types[] = {
    {"Katmai", SSE},        {"Coppermine", SSE},
    {"Northwood", SSE},     {"Prescott", SSE},
    {"Banias", SSE},        {"Atom", SSE},
    {"Core2", SSE},         {"Penryn", SSE},
    {"Dunnington", SSE},    {"Nehalem", SSE},
    {"Athlon", SSE},        {"Opteron", SSE},
    {"Opteron_SSE3", SSE},  {"Barcelona", SSE},
    {"Bobcat", SSE},        {"Nano", SSE},
    {"Sandybridge", AVX},   {"Bulldozer", AVX},
    {"Piledriver", AVX},    {"Steamroller", AVX},
    {"Haswell", AVX2},      {"Excavator", AVX2},
    {"Zen", AVX2},          {"SkylakeX", AVX512},
    {"Cooperlake", AVX512}, {"SapphireRapids", AVX512},
};

static vector_level level_of(const char *name) {
    for (size_t i = 0; i < sizeof kernel_types / sizeof kernel_types[0]; i++)
        if (strcasecmp(kernel_types[i].name, name) == 0)
            return kernel_types[i].level;
    return UNKNOWN;
}

/* The kernel type this processor should get, "" where there is nothing to choose. AMD's processors
 * run the AVX2 kernels as fast as the AVX-512 ones. */
static const char *best_type(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool amd = __builtin_cpu_is("amd");
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512cd");
    if (avx2 && amd)
        return "Zen";
    if (avx2)
        return avx512 ? "SkylakeX" : "Haswell";
    if (__builtin_cpu_supports("avx"))
        return "Sandybridge";
#endif
    return "";
}

static void copy_name(char out[32], const char *name) {
    snprintf(out, 32, "%s", name);
}

/* OpenBLAS reads the variable when it sets its kernels up, and only then. */
static bool switch_kernels(const char *wanted) {
    if (!gotoblas_dynamic_quit || !gotoblas_dynamic_init || setenv(CORETYPE, wanted, 1))
        return false;
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv(CORETYPE);
    return strcasecmp(openblas_get_corename(), wanted) == 0;
}

static void mend(nn_blas_report *report) {
    if (report->user_set) {
        nn_info("OpenBLAS uses %s kernels, as " CORETYPE " asks, where %s would be faster",
                report->found, report->wanted);
        return;
    }
    report->mended = switch_kernels(report->wanted);
    copy_name(report->used, openblas_get_corename());
    if (report->mended)
        nn_info("OpenBLAS took this processor for %s; switched it to %s kernels", report->found,
                report->wanted);
    else
        nn_warn("OpenBLAS takes this processor for %s and is several times slower than it could "
                "be; start with " CORETYPE "=%s",
                report->used, report->wanted);
}

static int examine(nn_blas_report *report) {
    const char *user = getenv(CORETYPE);
    const char *best = best_type();

    if (openblas_get_parallel() != OPENMP_BUILD)
        return nn_fail(NN_EUSAGE, "OpenBLAS is not its OpenMP build, which would compete with our "
                                  "threads; install libopenblas-openmp-dev (and see "
                                  "update-alternatives --display libopenblas.so.0-...)");
    *report = (nn_blas_report){.user_set = user && *user};
    copy_name(report->found, openblas_get_corename());
    copy_name(report->used, report->found);
    if (level_of(report->found) != UNKNOWN && level_of(report->found) < level_of(best)) {
        copy_name(report->wanted, best);
        mend(report);
    }
    return NN_OK;
}

void nn_blas_name(char out[NN_BLAS_NAME]) {
    char version[64];
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
    if (sscanf(openblas_get_config(), "%*s %63s", version) != 1)
        strcpy(version, "?");
    snprintf(out, NN_BLAS_NAME, "OpenBLAS %s (%s)", version, openblas_get_corename());
}

#endif

int nn_blas_init(nn_blas_report *report) {
    static pthread_mutex_t examining = PTHREAD_MUTEX_INITIALIZER;
    static nn_blas_report first;
    static bool done;

    pthread_mutex_lock(&examining);
    int rc = done ? NN_OK : examine(&first);
    done = rc == NN_OK;
    *report = first;
    pthread_mutex_unlock(&examining);
    return rc;
}
