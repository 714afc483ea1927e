/* timeout: 60 */
/* Products and convolutions whose factors are rounded to bfloat16. Products are compared bit by bit
 * with what the manual of the processor says of VDPBF16PS, so that all processors that have it
 * agree; convolutions with sums in double precision of rounded factors. */
#include "comm/between/bf16.h"

#include "check.h"
#include "math/conv/conv.h"
#include "math/gemm/bf16.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static nn_real rounded(nn_real x) {
    return nn_bf16_value(nn_bf16_of(x));
}

static uint32_t state = 1;

static nn_real next_number(void) {
    state = state * 1664525u + 1013904223u;
    return (nn_real)((double)state * 0x1p-31 - 1);
}

static nn_real *numbers(size_t n) {
    nn_real *x = aligned_alloc(64, (n * sizeof *x / 64 + 1) * 64);
    for (size_t i = 0; i < n; i++)
        x[i] = next_number();
    return x;
}

static void fail_at(const char *what, size_t i, double got, double want) {
    fprintf(stderr, "  %s: number %zu is %.9g, not %.9g\n", what, i, got, want);
}

/* --- rounding --- */

static uint16_t half_of(const nn_real *pairs, size_t i) {
    uint16_t half;
    memcpy(&half, (const char *)pairs + i * sizeof half, sizeof half);
    return half;
}

static bool check_half(const char *what, const nn_real *pairs, size_t i, nn_real x) {
    bool same = half_of(pairs, i) == nn_bf16_of(x);
    if (!CHECK(same))
        fail_at(what, i, (double)nn_bf16_value(half_of(pairs, i)), (double)rounded(x));
    return same;
}

static void check_rounding(size_t n) {
    static const nn_real special[] = {
        0, -0.F, INFINITY, -INFINITY, NAN, 1 + 0x1p-8F, 1 + 3 * 0x1p-8F, 0x1.ffp127F, 1e-37F};
    nn_real *x = numbers(n), *y = numbers(n), *pairs = numbers(n + 2);
    for (size_t i = 0; i < n && i < sizeof special / sizeof *special; i++)
        x[i] = special[i];
    nn_real behind = pairs[(n + 1) / 2];
    nn_kernels_bf16()->round(n, x, pairs);
    CHECK(memcmp(&pairs[(n + 1) / 2], &behind, sizeof behind) == 0);
    for (size_t i = 0; i < n + n % 2; i++)
        check_half("round", pairs, i, i < n ? x[i] : 0);
    behind = pairs[n];
    for (int two = 0; two < 2; two++) {
        nn_kernels_bf16()->join(n, x, two ? y : NULL, pairs);
        CHECK(memcmp(&pairs[n], &behind, sizeof behind) == 0);
        for (size_t i = 0; i < 2 * n; i++)
            check_half("join", pairs, i, i % 2 == 0 ? x[i / 2] : two ? y[i / 2] : 0);
    }
    free(x);
    free(y);
    free(pairs);
}

/* --- products --- */

#define GAP 3 /* between rows */

typedef struct gemm_case {
    size_t m, n, k;
    nn_transpose ta, tb;
    nn_real beta;
} gemm_case;

static nn_real want_product(const gemm_case *g, const nn_real *a, size_t lda, const nn_real *b,
                            size_t ldb, nn_real c, size_t i, size_t j) {
    nn_real sum = g->beta == 0 ? 0 : g->beta * c;
    for (size_t l = 0; l < g->k; l += 2)
        for (size_t half = 2; half-- > 0;) { /* odd places first */
            size_t at = l + half;
            if (at >= g->k)
                continue;
            nn_real x = g->ta == NN_TRANSPOSED ? a[at * lda + i] : a[i * lda + at];
            nn_real y = g->tb == NN_TRANSPOSED ? b[j * ldb + at] : b[at * ldb + j];
            sum = fmaf(rounded(x), rounded(y), sum);
        }
    return sum;
}

static void check_gemm(const gemm_case *g, int threads) {
    size_t lda = (g->ta == NN_TRANSPOSED ? g->m : g->k) + GAP;
    size_t ldb = (g->tb == NN_TRANSPOSED ? g->k : g->n) + GAP, ldc = g->n + GAP;
    nn_real *a = numbers((g->ta == NN_TRANSPOSED ? g->k : g->m) * lda);
    nn_real *b = numbers((g->tb == NN_TRANSPOSED ? g->n : g->k) * ldb);
    nn_real *c = numbers(g->m * ldc), *old = numbers(g->m * ldc);
    nn_compute compute = {.threads = threads, .bf16 = true};
    bool ok = true;
    memcpy(c, old, g->m * ldc * sizeof *c);
    nn_gemm(&compute, g->ta, g->tb, g->m, g->n, g->k, 1, a, lda, b, ldb, g->beta, c, ldc);
    for (size_t i = 0; i < g->m && ok; i++)
        for (size_t j = 0; j < ldc && ok; j++) {
            nn_real got = c[i * ldc + j], want = old[i * ldc + j];
            if (j < g->n)
                want = want_product(g, a, lda, b, ldb, want, i, j);
            ok = CHECK(got == want);
            if (!ok)
                fprintf(stderr,
                        "  %zu x %zu x %zu, %d %d, beta %g, %d threads: [%zu][%zu] %.9g, %.9g\n",
                        g->m, g->n, g->k, (int)g->ta, (int)g->tb, (double)g->beta, threads, i, j,
                        (double)got, (double)want);
        }
    free(a);
    free(b);
    free(c);
    free(old);
}

static void check_gemms(void) {
    static const size_t size[][3] = {{1, 1, 1},   {1, 17, 2},    {3, 16, 191},  {49, 65, 193},
                                     {7, 300, 3}, {130, 33, 64}, {96, 64, 390}, {18, 270, 401}};
    static const nn_real beta[] = {0, 1, 0.5F};
    for (size_t s = 0; s < sizeof size / sizeof *size; s++)
        for (int t = 0; t < 4; t++)
            for (size_t b = 0; b < 3; b++)
                check_gemm(&(gemm_case){size[s][0], size[s][1], size[s][2],
                                        t & 1 ? NN_TRANSPOSED : NN_PLAIN,
                                        t & 2 ? NN_TRANSPOSED : NN_PLAIN, beta[b]},
                           1);
    check_gemm(&(gemm_case){200, 200, 100, NN_PLAIN, NN_TRANSPOSED, 0}, 3);
}

/* --- convolutions --- */

typedef struct conv_case {
    size_t images, in[3]; /* one plane: an image, whose kernel has one, too */
    size_t channels, filters, kernel, stride, pad, dilation, groups;
    bool float_forward, float_data; /* factors are not rounded */
} conv_case;

static nn_conv conv_of(const conv_case *c) {
    nn_conv conv = {.channels = c->channels, .filters = c->filters, .groups = c->groups};
    for (int d = 0; d < 3; d++) {
        bool lone = d == 0 && c->in[0] == 1;
        conv.in[d] = c->in[d];
        conv.kernel[d] = lone ? 1 : c->kernel;
        conv.stride[d] = lone ? 1 : c->stride;
        conv.dilation[d] = lone ? 1 : c->dilation;
        conv.pad[d] = lone ? 0 : c->pad;
        size_t reach = (conv.kernel[d] - 1) * conv.dilation[d] + 1;
        conv.out[d] = (conv.in[d] + 2 * conv.pad[d] - reach) / conv.stride[d] + 1;
    }
    return conv;
}

/* Numbers of one convolution, and what they come to in double. */
typedef struct conv_arrays {
    nn_conv conv;
    size_t x_size, y_size, w_size;
    nn_real *x, *w, *bias, *y, *dy, *dx, *dw, *dbias;
    double *y_want, *dx_want, *dw_want, *dbias_want;
} conv_arrays;

/* Adds the products of one place of the output with one place of the input. */
static void add_place(const conv_case *c, conv_arrays *a, size_t x_at, size_t w_at, size_t y_at) {
    nn_real x = a->x[x_at], w = a->w[w_at], dy = a->dy[y_at];
    double rx = (double)rounded(x), rw = (double)rounded(w), rdy = (double)rounded(dy);
    a->y_want[y_at] += c->float_forward ? (double)x * (double)w : rx * rw;
    a->dx_want[x_at] += c->float_data ? (double)dy * (double)w : rdy * rw;
    a->dw_want[w_at] += rx * rdy;
}

/* Point number `to` of the output of all images, and `tap` of the kernel. */
static void add_point(const conv_case *c, conv_arrays *a, size_t to, size_t tap) {
    const nn_conv *k = &a->conv;
    size_t channels = c->channels / c->groups, filters = c->filters / c->groups;
    size_t at = to, rest = tap, place[3];
    for (int d = 2; d >= 0; d--) {
        place[d] = at % k->out[d] * k->stride[d] + rest % k->kernel[d] * k->dilation[d] -
                   k->pad[d]; /* wraps around outside */
        at /= k->out[d];
        rest /= k->kernel[d];
        if (place[d] >= k->in[d])
            return;
    }
    for (int d = 0; d < 3; d++) /* of an image, and so on */
        at = at * k->in[d] + place[d];
    for (size_t o = 0; o < c->filters; o++)
        for (size_t ch = 0; ch < channels; ch++)
            add_place(c, a, at * c->channels + o / filters * channels + ch,
                      (tap * channels + ch) * c->filters + o, to * c->filters + o);
}

static size_t points(const size_t length[3]) {
    return length[0] * length[1] * length[2];
}

static void want_conv(const conv_case *c, conv_arrays *a) {
    for (size_t i = 0; i < a->y_size; i++) {
        a->y_want[i] = (double)a->bias[i % c->filters];
        a->dbias_want[i % c->filters] += (double)a->dy[i];
    }
    for (size_t to = 0; to < a->y_size / c->filters; to++)
        for (size_t tap = 0; tap < points(a->conv.kernel); tap++)
            add_point(c, a, to, tap);
}

static void compare(const conv_case *c, const char *what, size_t n, const nn_real *got,
                    const double *want) {
    for (size_t i = 0; i < n; i++)
        if (!CHECK_NEAR((double)got[i], want[i], 1e-5 * (1 + fabs(want[i])))) {
            fprintf(
                stderr,
                "  %s[%zu] of %zu x %zu x %zu x %zu x %zu, %zu filters, kernel %zu, stride %zu, "
                "pad %zu, dilation %zu, groups %zu\n",
                what, i, c->images, c->in[0], c->in[1], c->in[2], c->channels, c->filters,
                c->kernel, c->stride, c->pad, c->dilation, c->groups);
            return;
        }
}

static void run_conv(const conv_case *c, conv_arrays *a, int threads) {
    nn_compute compute = {.threads = threads, .bf16 = true};
    nn_conv_prepare(&a->conv, &compute, c->images, true);
    void *scratch = aligned_alloc(64, (a->conv.scratch_bytes / 64 + 1) * 64);
    nn_conv_forward(&a->conv, c->images, a->x, a->w, a->bias, a->y, scratch);
    nn_conv_backward_data(&a->conv, c->images, a->dy, a->w, a->dx, scratch);
    nn_conv_backward_weights(&a->conv, c->images, a->x, a->dy, 0, a->dw, a->dbias, scratch);
    free(scratch);
    compare(c, "y", a->y_size, a->y, a->y_want);
    compare(c, "dx", a->x_size, a->dx, a->dx_want);
    compare(c, "dw", a->w_size, a->dw, a->dw_want);
    compare(c, "dbias", c->filters, a->dbias, a->dbias_want);
}

static void check_conv(const conv_case *c) {
    conv_arrays a = {.conv = conv_of(c)};
    a.x_size = c->images * points(a.conv.in) * c->channels;
    a.y_size = c->images * points(a.conv.out) * c->filters;
    a.w_size = points(a.conv.kernel) * (c->channels / c->groups) * c->filters;
    nn_real **array[] = {&a.x, &a.w, &a.bias, &a.y, &a.dy, &a.dx, &a.dw, &a.dbias};
    size_t size[] = {a.x_size, a.w_size, c->filters, a.y_size,
                     a.y_size, a.x_size, a.w_size,   c->filters};
    double **want[] = {&a.y_want, &a.dx_want, &a.dw_want, &a.dbias_want};
    size_t want_size[] = {a.y_size, a.x_size, a.w_size, c->filters};
    for (size_t i = 0; i < 8; i++)
        *array[i] = numbers(size[i]);
    for (size_t i = 0; i < 4; i++)
        *want[i] = calloc(want_size[i], sizeof(double));
    want_conv(c, &a);
    run_conv(c, &a, 1);
    run_conv(c, &a, 2);
    for (size_t i = 0; i < 8; i++)
        free(*array[i]);
    for (size_t i = 0; i < 4; i++)
        free(*want[i]);
}

static void check_convs(void) {
    /* images, image, channels, filters, kernel, stride, pad, dilation, groups */
    static const conv_case cases[] = {
        {3, {1, 9, 8}, 4, 6, 3, 1, 1, 1, 1, false, false},
        {2, {1, 20, 33}, 3, 70, 3, 1, 1, 1, 1, false, false},  /* odd channels, several panels */
        {1, {1, 7, 5}, 5, 7, 5, 1, 0, 1, 1, false, false},     /* no padding, odd filters */
        {5, {1, 11, 9}, 6, 4, 3, 2, 1, 1, 1, false, false},    /* stride */
        {2, {1, 12, 10}, 8, 12, 3, 1, 2, 2, 1, false, false},  /* dilation */
        {3, {1, 8, 8}, 8, 12, 3, 1, 1, 1, 2, false, false},    /* groups */
        {3, {1, 8, 8}, 6, 9, 3, 1, 1, 1, 3, false, true},      /* three filters in a group */
        {3, {1, 8, 8}, 9, 6, 3, 1, 1, 1, 3, true, false},      /* three channels in a group */
        {2, {1, 6, 6}, 40, 36, 1, 1, 0, 1, 1, false, false},   /* points */
        {2, {1, 5, 5}, 2, 4, 3, 1, 4, 1, 1, false, false},     /* more padding than kernel */
        {13, {1, 9, 12}, 6, 17, 5, 1, 0, 1, 1, false, false},  /* few channels, odd filters */
        {3, {1, 9, 8}, 20, 50, 5, 1, 0, 1, 1, false, false},   /* the last two of 50 filters */
        {3, {1, 7, 9}, 13, 36, 5, 1, 2, 1, 1, false, false},   /* the last four, odd channels */
        {2, {1, 9, 9}, 70, 17, 3, 2, 1, 1, 1, false, false},   /* the last one, with a stride */
        {2, {1, 4, 5}, 3, 270, 3, 1, 2, 1, 1, false, false},   /* few channels, many filters */
        {2, {1, 32, 32}, 16, 20, 3, 1, 1, 1, 1, false, false}, /* several bands and threads */
        {3, {5, 7, 6}, 6, 9, 3, 1, 1, 1, 1, false, false},     /* volumes */
        {2, {4, 6, 5}, 8, 4, 2, 2, 0, 1, 2, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_conv(&cases[i]);
}

int main(void) {
    if (!nn_kernels_bf16()) {
        fprintf(stderr, "this processor has no AVX512_BF16: skipped\n");
        return 77;
    }
    for (size_t n = 1; n < 70; n++)
        check_rounding(n);
    check_gemms();
    check_convs();
    return check_done();
}
