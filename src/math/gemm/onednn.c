#include "math/gemm/onednn.h"

#if defined(NN_ONEDNN) && defined(__x86_64__) && !defined(NN_DOUBLE)

#include <dnnl.h>
#include <stdio.h>

/* Multiply-adds from which its calls, which cost about a microsecond, pay: up to a million
 * OpenBLAS multiplies small matrices without packing them. Measured over random shapes of up to
 * 2^28 multiply-adds, choosing so is within a twentieth of choosing the faster each time. */
#define WORTH 524288.0
/* The same where C is at least NARROW rows and columns. */
#define NARROW 24
#define WORTH_WIDE 32768.0

static const char *isa_name(void) {
    int isa = (int)dnnl_get_effective_cpu_isa();

    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
        return "avx512_core";
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? "avx2" : NULL;
}

const char *nn_onednn_name(void) {
    static char name[64];
    const dnnl_version_t *version = dnnl_version();
    const char *isa = isa_name();

    if (isa)
        snprintf(name, sizeof name, "oneDNN %d.%d.%d (%s)", version->major, version->minor,
                 version->patch, isa);
    return isa ? name : NULL;
}

bool nn_onednn_suits(size_t m, size_t n, size_t k) {
    double work = (double)m * (double)n * (double)k;

    return work >= (m >= NARROW && n >= NARROW ? WORTH_WIDE : WORTH);
}

bool nn_onednn_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, nn_real alpha,
                    const nn_real *a, size_t lda, const nn_real *b, size_t ldb, nn_real beta,
                    nn_real *c, size_t ldc) {
    return dnnl_sgemm(ta == NN_TRANSPOSED ? 'T' : 'N', tb == NN_TRANSPOSED ? 'T' : 'N',
                      (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, alpha, a, (dnnl_dim_t)lda, b,
                      (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc) == dnnl_success;
}

#else

const char *nn_onednn_name(void) {
    return NULL;
}

bool nn_onednn_suits(size_t m, size_t n, size_t k) {
    (void)m, (void)n, (void)k;
    return false;
}

bool nn_onednn_gemm(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k, nn_real alpha,
                    const nn_real *a, size_t lda, const nn_real *b, size_t ldb, nn_real beta,
                    nn_real *c, size_t ldc) {
    (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda;
    (void)b, (void)ldb, (void)beta, (void)c, (void)ldc;
    return false;
}

#endif
