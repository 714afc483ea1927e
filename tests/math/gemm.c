/* Matrix products against their definition in double: every transposition, odd sizes, strides,
 * alpha and beta; the same bits for every number of threads in fixed-tile mode; no thread of
 * OpenBLAS's. */
#include "math/gemm/gemm.h"

#include "check.h"
#include "math/parallel.h"

#include <dirent.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

static nn_compute compute;

#define UNTOUCHED 77

/* Spread over [-1, 1] and no dyadic fractions, so that every sum rounds. */
static void fill(size_t n, unsigned seed, nn_real *x) {
    uint32_t state = seed;

    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (nn_real)((int)(state >> 24) - 128) / 129;
    }
}

typedef struct matrices {
    size_t m, n, k, lda, ldb, ldc;
    nn_real *a, *b, *c, *start;
} matrices;

static void matrices_init(matrices *x, nn_transpose ta, nn_transpose tb, size_t m, size_t n,
                          size_t k) {
    size_t a_rows = ta == NN_PLAIN ? m : k, b_rows = tb == NN_PLAIN ? k : n;

    *x = (matrices){.m = m, .n = n, .k = k, .ldc = n + 5};
    x->lda = (ta == NN_PLAIN ? k : m) + 3;
    x->ldb = (tb == NN_PLAIN ? n : k) + 1;
    x->a = malloc((a_rows * x->lda + 1) * sizeof(nn_real));
    x->b = malloc((b_rows * x->ldb + 1) * sizeof(nn_real));
    x->c = malloc((m * x->ldc + 1) * sizeof(nn_real));
    x->start = malloc((m * x->ldc + 1) * sizeof(nn_real));
    fill(a_rows * x->lda, 1, x->a);
    fill(b_rows * x->ldb, 2, x->b);
    fill(m * x->ldc, 3, x->start);
    for (size_t i = 0; i < m; i++)
        for (size_t j = n; j < x->ldc; j++)
            x->start[i * x->ldc + j] = UNTOUCHED;
    memcpy(x->c, x->start, m * x->ldc * sizeof(nn_real));
}

static void matrices_release(matrices *x) {
    free(x->a);
    free(x->b);
    free(x->c);
    free(x->start);
}

/* The largest error of C, and whether only C was written. */
static double worst_error(const matrices *x, nn_transpose ta, nn_transpose tb, double alpha,
                          double beta) {
    double worst = 0;

    for (size_t i = 0; i < x->m; i++) {
        for (size_t j = 0; j < x->ldc; j++) {
            double got = (double)x->c[i * x->ldc + j], want = UNTOUCHED;
            if (j < x->n) {
                want = beta == 0 ? 0 : beta * (double)x->start[i * x->ldc + j];
                for (size_t l = 0; l < x->k; l++)
                    want += alpha * (double)x->a[ta == NN_PLAIN ? i * x->lda + l : l * x->lda + i] *
                            (double)x->b[tb == NN_PLAIN ? l * x->ldb + j : j * x->ldb + l];
            }
            double e = fabs(got - want);
            worst = e <= worst ? worst : e;
        }
    }
    return worst;
}

static void check_product(nn_transpose ta, nn_transpose tb, size_t m, size_t n, size_t k,
                          nn_real alpha, nn_real beta) {
    matrices x;

    matrices_init(&x, ta, tb, m, n, k);
    if (beta == 0) /* may hold anything */
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                x.c[i * x.ldc + j] = (nn_real)NAN;
    nn_gemm(&compute, ta, tb, m, n, k, alpha, x.a, x.lda, x.b, x.ldb, beta, x.c, x.ldc);
    double tolerance = (double)NN_EPSILON * (4 + (double)k);
    if (!CHECK_NEAR(worst_error(&x, ta, tb, (double)alpha, (double)beta), 0, tolerance))
        fprintf(stderr, "  ta %d tb %d m %zu n %zu k %zu beta %g threads %d\n", ta, tb, m, n, k,
                (double)beta, nn_compute_threads(&compute));
    matrices_release(&x);
}

static void check_all_products(void) {
    static const size_t size[][3] = {{1, 1, 1},   {3, 5, 7},     {16, 16, 16},  {64, 10, 128},
                                     {33, 65, 0}, {1, 200, 300}, {200, 1, 50},  {130, 257, 129},
                                     {0, 4, 4},   {4, 0, 4},     {1000, 70, 90}};
    static const nn_real beta[] = {0, 1, (nn_real)-0.5};

    for (size_t s = 0; s < sizeof size / sizeof size[0]; s++)
        for (int t = 0; t < 4; t++)
            for (size_t b = 0; b < sizeof beta / sizeof beta[0]; b++)
                check_product((nn_transpose)(t & 1), (nn_transpose)(t >> 1), size[s][0], size[s][1],
                              size[s][2], b == 1 ? 1 : (nn_real)0.75, beta[b]);
}

/* A leading dimension that BLAS's int cannot hold, with one row, so that no memory stands behind.
 */
static void check_beyond_int(void) {
    nn_real a[2] = {2, 3}, b[2] = {5, 7}, c = 1;
    size_t huge = (size_t)1 << 33;

    nn_gemm(&compute, NN_PLAIN, NN_PLAIN, 1, 1, 2, 1, a, huge, b, 1, 1, &c, huge);
    CHECK_NEAR(c, 32, 0);
}

static void product_of(matrices *x, nn_transpose tb, int threads) {
    memcpy(x->c, x->start, x->m * x->ldc * sizeof(nn_real));
    compute.threads = threads;
    nn_gemm(&compute, NN_PLAIN, tb, x->m, x->n, x->k, 1, x->a, x->lda, x->b, x->ldb, 1, x->c,
            x->ldc);
    compute.threads = 1;
}

/* Own kernels: the bits are those of one thread and of a product of its own for some rows. */
static void check_tiles(nn_transpose tb, size_t m, size_t n, size_t k) {
    matrices x;

    matrices_init(&x, NN_PLAIN, tb, m, n, k);
    size_t bytes = m * x.ldc * sizeof(nn_real);
    nn_real *one = malloc(bytes);
    product_of(&x, tb, 1);
    memcpy(one, x.c, bytes);
    for (int threads = 2; threads <= 5; threads++) {
        product_of(&x, tb, threads);
        CHECK(memcmp(one, x.c, bytes) == 0);
    }
    CHECK_NEAR(worst_error(&x, NN_PLAIN, tb, 1, 1), 0, (double)NN_EPSILON * 4 * (double)k);
    matrices part = x;
    for (size_t begin = 0, rows = 1; begin < m; begin += rows, rows = 2 * rows + 1) {
        part.m = m - begin < rows ? m - begin : rows;
        part.a = x.a + begin * x.lda;
        part.start = x.start + begin * x.ldc;
        part.c = x.c + begin * x.ldc;
        product_of(&part, tb, 1);
    }
    CHECK(memcmp(one, x.c, bytes) == 0);
    free(one);
    matrices_release(&x);
}

/* Own kernels: the bits are the same whichever way A stands. */
static void check_transposed(size_t m, size_t n, size_t k, nn_real alpha) {
    matrices x, y;

    matrices_init(&x, NN_PLAIN, NN_PLAIN, m, n, k);
    matrices_init(&y, NN_TRANSPOSED, NN_PLAIN, m, n, k);
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++)
            y.a[l * y.lda + i] = x.a[i * x.lda + l];
    nn_gemm(&compute, NN_PLAIN, NN_PLAIN, m, n, k, alpha, x.a, x.lda, x.b, x.ldb, 1, x.c, x.ldc);
    nn_gemm(&compute, NN_TRANSPOSED, NN_PLAIN, m, n, k, alpha, y.a, y.lda, y.b, y.ldb, 1, y.c,
            y.ldc);
    CHECK(memcmp(x.c, y.c, m * x.ldc * sizeof(nn_real)) == 0);
    matrices_release(&x);
    matrices_release(&y);
}

static int threads_of_process(void) {
    DIR *dir = opendir("/proc/self/task");
    int count = 0;

    if (!dir)
        return -1;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Where a matrix stands in memory does not matter to the bits: rows of a shard may start anywhere.
 */
static void check_alignment(size_t m, size_t n, size_t k) {
    matrices x;
    size_t bytes;

    matrices_init(&x, NN_PLAIN, NN_TRANSPOSED, m, n, k);
    bytes = m * x.ldc * sizeof(nn_real);
    nn_real *first = malloc(bytes), *a = malloc((m * x.lda + 16) * sizeof(nn_real));
    product_of(&x, NN_TRANSPOSED, 1);
    memcpy(first, x.c, bytes);
    for (size_t shift = 1; shift < 16; shift += 5) {
        nn_real *aligned = x.a;
        memcpy(a + shift, x.a, m * x.lda * sizeof(nn_real));
        x.a = a + shift;
        product_of(&x, NN_TRANSPOSED, 1);
        CHECK(memcmp(first, x.c, bytes) == 0);
        x.a = aligned;
    }
    free(a);
    free(first);
    matrices_release(&x);
}

static void *nothing(void *none) {
    return none;
}

/* A sanitizer may start a thread of its own with the first one of the program. */
static int threads_before(void) {
    pthread_t thread;
    if (CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0))
        pthread_join(thread, NULL);
    return threads_of_process();
}

/* With one thread of ours, no library starts one, although OpenMP would give it four; and what the
 * caller told OpenMP stands as it was. */
static void check_no_threads(void) {
    static const nn_gemm_library library[] = {NN_GEMM_OPENBLAS, NN_GEMM_FASTER, NN_GEMM_ONEDNN,
                                              NN_GEMM_OWN};
    matrices x;
    int before = threads_before();

    omp_set_num_threads(4);
    matrices_init(&x, NN_PLAIN, NN_TRANSPOSED, 400, 400, 400);
    for (int threads = 1; threads <= 2; threads++) {
        for (size_t i = 0; i < sizeof library / sizeof library[0]; i++) {
            compute.library = library[i];
            product_of(&x, NN_TRANSPOSED, threads);
            CHECK_EQ_INT(threads_of_process(), before + threads - 1);
            CHECK_EQ_INT(omp_get_max_threads(), 4);
        }
    }
    matrices_release(&x);
}

static void check_library(nn_gemm_library library) {
    compute.library = library;
    if (!nn_gemm_has(library)) {
        CHECK(library == NN_GEMM_ONEDNN); /* the others are always there */
        return;
    }
    for (int threads = 1; threads <= 3; threads++) {
        compute.threads = threads;
        check_all_products();
    }
    check_beyond_int();
    check_alignment(33, 127, 79);
    check_alignment(64, 128, 784);
}

int main(void) {
    check_no_threads(); /* first, before anyone forks */
    check_library(NN_GEMM_ONEDNN);
    check_library(NN_GEMM_OPENBLAS);
    check_library(NN_GEMM_FASTER);
    check_library(NN_GEMM_OWN);
    check_tiles(NN_TRANSPOSED, 64, 128, 784);
    check_tiles(NN_TRANSPOSED, 257, 383, 301);
    check_tiles(NN_TRANSPOSED, 1500, 40, 400);
    check_tiles(NN_PLAIN, 40, 530, 1700); /* the sums take several blocks */
    check_transposed(130, 40, 401, 1);
    check_transposed(67, 40, 401, (nn_real)0.75);
    return check_done();
}
