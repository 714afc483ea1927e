#include "math/gemm/gemm.h"

#include "base/error.h"
#include "base/log.h"
#include "math/gemm/bf16.h"
#include "math/gemm/blas.h"
#include "math/gemm/chain.h"
#include "math/gemm/onednn.h"
#include "math/kernels.h"
#include "math/parallel.h"

#ifndef NN_BLAS
#include <cblas.h>
#endif
#include <limits.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef NN_DOUBLE
#define BLAS_GEMM cblas_dgemm
#else
#define BLAS_GEMM cblas_sgemm
#endif

/* Of another BLAS than OpenBLAS, whose header need not be called cblas.h. */
#ifdef NN_BLAS
enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112 };
extern void BLAS_GEMM(int order, int ta, int tb, int m, int n, int k, nn_real alpha,
                      const nn_real *a, int lda, const nn_real *b, int ldb, nn_real beta,
                      nn_real *c, int ldc);
#endif

/* Rows and columns of a tile come in multiples of this: whole register blocks, worth packing. */
#define TILE_ALIGN 32
/* What each row and column of a tile costs, in multiply-adds per k: it is packed once a tile. */
#define EDGE_COST 32

/* Bytes for each thread that the libraries allocate in a call, and some more: products of up to
 * 1500^3 crashed with 4 MiB to spare and not with 8. */
#define MARGIN ((size_t)16 << 20)

typedef struct product {
    const nn_compute *compute;
    nn_gemm_library library;
    nn_transpose ta, tb;
    size_t m, n, k;
    nn_real alpha;
    const nn_real *a;
    size_t lda;
    const nn_real *b;
    size_t ldb;
    nn_real beta;
    nn_real *c;
    size_t ldc;
} product;

/* C is divided into rows x cols tiles of height x width, those at the far edges smaller. */
typedef struct grid {
    size_t rows, cols, height, width;
} grid;

bool nn_gemm_has(nn_gemm_library library) {
    return library != NN_GEMM_ONEDNN || nn_onednn_name();
}

/* What NNMPI_GEMM says, looked up once. */
static nn_gemm_library default_library(void) {
    static atomic_int found = NN_GEMM_DEFAULT;
    nn_gemm_library library = (nn_gemm_library)atomic_load_explicit(&found, memory_order_relaxed);
    if (library != NN_GEMM_DEFAULT)
        return library;
    const char *name = getenv("NNMPI_GEMM");
    library = NN_GEMM_FASTER;
    if (name && strcmp(name, "openblas") == 0)
        library = NN_GEMM_OPENBLAS;
    else if (name && strcmp(name, "onednn") == 0 && nn_gemm_has(NN_GEMM_ONEDNN))
        library = NN_GEMM_ONEDNN;
    else if (name && strcmp(name, "own") == 0)
        library = NN_GEMM_OWN;
    else if (name && *name)
        nn_warn("NNMPI_GEMM=%s: there is no such library in this build, or not for this "
                "processor; choosing by shape",
                name);
    atomic_store_explicit(&found, (int)library, memory_order_relaxed);
    return library;
}

nn_gemm_library nn_gemm_used(const nn_compute *compute) {
    nn_gemm_library library = compute ? compute->library : NN_GEMM_DEFAULT;
    if (library == NN_GEMM_DEFAULT)
        library = default_library();
    return nn_onednn_name() || library == NN_GEMM_OWN ? library : NN_GEMM_OPENBLAS;
}

int nn_gemm_check_memory(const nn_compute *compute) {
    /* not by nn_alloc, which would write it; volatile, or compilers leave both calls out */
    size_t bytes = (size_t)nn_compute_threads(compute) * MARGIN;
    void *volatile margin = malloc(bytes);
    if (!margin)
        return nn_fail(NN_EMEMORY,
                       "out of memory: the matrix products want up to %zu MiB for "
                       "themselves",
                       bytes >> 20);
    free(margin);
    return 0;
}

const char *nn_gemm_name(const nn_compute *compute, char text[NN_GEMM_TEXT]) {
    char blas[NN_BLAS_NAME];
    nn_gemm_library used = nn_gemm_used(compute);

    if (nn_compute_bf16(compute))
        return "bfloat16 (AVX512_BF16), added in float32";
    if (used == NN_GEMM_OWN)
        return "own kernels";
    nn_blas_name(blas);
    snprintf(text, NN_GEMM_TEXT, "%s%s%s", blas, used == NN_GEMM_OPENBLAS ? "" : ", ",
             used == NN_GEMM_OPENBLAS ? "" : nn_onednn_name());
    return text;
}

/* All products of layers have an alpha of 1. */
static bool wants_bf16(const product *p) {
    return nn_compute_bf16(p->compute) && p->alpha == 1;
}

/* These take any sizes and have the same bits in any tile. */
static bool wants_own_kernels(const product *p) {
    return wants_bf16(p) || p->library == NN_GEMM_OWN;
}

/* The checked conversion to BLAS's int: nn_gemm sends what does not fit elsewhere. */
static bool fits(const product *p) {
    return wants_own_kernels(p) || (p->m | p->n | p->k | p->lda | p->ldb | p->ldc) <= INT_MAX;
}

static bool wants_onednn(const product *p) {
    nn_gemm_library used = p->library;

    return used == NN_GEMM_ONEDNN || (used == NN_GEMM_FASTER && nn_onednn_suits(p->m, p->n, p->k));
}

/* Own kernels add to C, once it is beta C. */
static void own_product(const product *p) {
    bool add = p->beta != 0;
    for (size_t i = 0; add && p->beta != 1 && i < p->m; i++)
        nn_kernels_get()->scale(p->n, p->beta, p->c + i * p->ldc);
    if (wants_bf16(p))
        nn_bf16_gemm(p->ta, p->tb, p->m, p->n, p->k, p->a, p->lda, p->b, p->ldb, add, p->c, p->ldc);
    else
        nn_chain_gemm(p->ta, p->tb, p->m, p->n, p->k, p->alpha, p->a, p->lda, p->b, p->ldb, add,
                      p->c, p->ldc);
}

static void single_product(const product *p) {
    if (wants_own_kernels(p)) {
        own_product(p);
        return;
    }
    if (wants_onednn(p) && nn_onednn_gemm(p->ta, p->tb, p->m, p->n, p->k, p->alpha, p->a, p->lda,
                                          p->b, p->ldb, p->beta, p->c, p->ldc))
        return;
    BLAS_GEMM(CblasRowMajor, p->ta == NN_TRANSPOSED ? CblasTrans : CblasNoTrans,
              p->tb == NN_TRANSPOSED ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k,
              p->alpha, p->a, (int)p->lda, p->b, (int)p->ldb, p->beta, p->c, (int)p->ldc);
}

/* The definition, for what BLAS does not take: k = 0, and sizes beyond its int. */
static void plain_product(const product *p) {
    size_t a_row = p->ta == NN_TRANSPOSED ? 1 : p->lda, a_col = p->ta == NN_TRANSPOSED ? p->lda : 1;
    size_t b_row = p->tb == NN_TRANSPOSED ? 1 : p->ldb, b_col = p->tb == NN_TRANSPOSED ? p->ldb : 1;

    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            nn_real *c = p->c + i * p->ldc + j;
            nn_real sum = 0;
            for (size_t l = 0; l < p->k; l++)
                sum += p->a[i * a_row + l * a_col] * p->b[l * b_row + j * b_col];
            *c = p->alpha * sum + (p->beta == 0 ? 0 : p->beta * *c);
        }
    }
}

static size_t pieces_of(size_t n, size_t size) {
    return (n + size - 1) / size;
}

static grid grid_of(size_t m, size_t n, size_t rows, size_t cols) {
    size_t height = pieces_of(pieces_of(m, rows), TILE_ALIGN) * TILE_ALIGN;
    size_t width = pieces_of(pieces_of(n, cols), TILE_ALIGN) * TILE_ALIGN;

    return (grid){pieces_of(m, height), pieces_of(n, width), height, width};
}

/* At most `tiles` tiles, such that the largest one takes the least time. */
static grid best_grid(const product *p, size_t tiles) {
    size_t m = p->m, n = p->n;
    grid best = {1, 1, m, n};
    double least = (double)m * (double)n + EDGE_COST * (double)(m + n);

    for (size_t rows = 1; tiles > 1 && rows <= tiles; rows++) {
        grid g = grid_of(m, n, rows, tiles / rows);
        double time = (double)g.height * (double)g.width + EDGE_COST * (double)(g.height + g.width);
        if (time < least) {
            least = time;
            best = g;
        }
    }
    return best;
}

/* Tiles worth having: as many as threads. */
static size_t tile_count(const product *p) {
    double work = (double)p->m * (double)p->n * (double)p->k;
    double threads = nn_compute_threads(p->compute);

    return (size_t)(work < NN_THREAD_WORK * threads ? work / NN_THREAD_WORK : threads);
}

struct tiles {
    const product *p;
    grid grid;
};

static void tile_product(void *ctx, size_t tile) {
    const struct tiles *tiles = ctx;
    const product *p = tiles->p;
    const grid *g = &tiles->grid;
    size_t row = tile / g->cols * g->height, col = tile % g->cols * g->width;
    product t = *p;

    t.m = p->m - row < g->height ? p->m - row : g->height;
    t.n = p->n - col < g->width ? p->n - col : g->width;
    t.a += row * (p->ta == NN_TRANSPOSED ? 1 : p->lda);
    t.b += col * (p->tb == NN_TRANSPOSED ? p->ldb : 1);
    t.c += row * p->ldc + col;
    single_product(&t);
}

static void tiled_product(const product *p) {
    struct tiles tiles = {p, best_grid(p, tile_count(p))};
    nn_parallel_for(p->compute, tiles.grid.rows * tiles.grid.cols, tile_product, &tiles);
}

/* Both libraries take omp_get_max_threads() threads outside parallel regions; setting it to 1,
 * which is a store into the calling task's state, keeps every call single-threaded, in regions too.
 */
static void with_single_threads(void (*run)(const product *), const product *p) {
    int before = omp_get_max_threads();

    if (before != 1)
        omp_set_num_threads(1);
    run(p);
    if (before != 1)
        omp_set_num_threads(before);
}

void nn_gemm(const nn_compute *compute, nn_transpose ta, nn_transpose tb, size_t m, size_t n,
             size_t k, nn_real alpha, const nn_real *a, size_t lda, const nn_real *b, size_t ldb,
             nn_real beta, nn_real *c, size_t ldc) {
    product p = {compute, nn_gemm_used(compute), ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c,
                 ldc};

    if (m == 0 || n == 0)
        return;
    if (k == 0 || !fits(&p))
        plain_product(&p);
    else
        with_single_threads(tiled_product, &p);
}
