/* timeout: 120 */
/* The vectorised functions against libm in double, over a dense sample of every float there is:
 * the largest error in units of the last place, for each instruction set. */
#include "math/isa/elementary.h"

#include "check.h"
#include "math/kernels.h"

#include <float.h>
#include <stdlib.h>

#define STRIDE 1021 /* between the bit patterns tried; prime, so that low bits vary */
#define CHUNK 4096
#define MAX_TABLES 4

static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double elu(double x) {
    return x > 0 ? x : expm1(x);
}

static double swish(double x) {
    return x * sigmoid(x);
}

static double normal(double x) {
    return 0.5 * erfc(-x * SQRT_HALF);
}

static double gelu(double x) {
    return x < -40 ? 0 : x * normal(x); /* not -inf * 0 */
}

#define PLAIN(name)                                                                                \
    static void run_##name(const nn_kernels *k, size_t n, const float *x, float *y) {              \
        k->name(n, x, y);                                                                          \
    }
#define FORWARD(name)                                                                              \
    static void run_##name(const nn_kernels *k, size_t n, const float *x, float *y) {              \
        k->name.forward(n, x, y, 1);                                                               \
    }
PLAIN(exp)
PLAIN(log)
FORWARD(tanh)
FORWARD(sigmoid)
FORWARD(softplus)
FORWARD(elu)
FORWARD(swish)
FORWARD(gelu)

/* No kernel of its own: gelu's slope is made of it. */
static void run_normal(const nn_kernels *k, size_t n, const float *x, float *y) {
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = real_normal(x[i]).below;
}

/* Bounds are those that src/math/isa/elementary.h states; `normal` runs without fused multiply-add.
 * Results smaller than `least` are measured in ulp of it: swish and gelu multiply a
 * factor that is subnormal there. */
static const struct {
    const char *name;
    void (*run)(const nn_kernels *k, size_t n, const float *x, float *y);
    double (*reference)(double x);
    double bound; /* ulp */
    double least;
} functions[] = {
    {"exp", run_exp, exp, 1.1, 0},
    {"log", run_log, log, 1, 0},
    {"tanh", run_tanh, tanh, 2.8, 0},
    {"sigmoid", run_sigmoid, sigmoid, 2.5, 0},
    {"softplus", run_softplus, softplus, 2.9, 0},
    {"elu", run_elu, elu, 1.1, 0},
    {"swish", run_swish, swish, 3.7, 0x1p-118},
    {"normal", run_normal, normal, 4.7, 0},
    {"gelu", run_gelu, gelu, 3.9, 0x1p-118},
};

/* The distance between floats at `value`; subnormal numbers stand 2^-149 apart. */
static double spacing(double value) {
    int exponent;

    frexp(value, &exponent);
    return ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

/* In ulp; infinite for a NaN or an infinity on one side only. */
static double error(float got, double want, double least) {
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf((float)want) || isinf(got))
        return (float)want >= got && (float)want <= got ? 0 : INFINITY;
    return fabs((double)got - want) / spacing(fmax(fabs(want), least));
}

static float from_bits(uint32_t bits) {
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static size_t fill(uint64_t first, float x[CHUNK]) {
    size_t n = 0;

    for (uint64_t bits = first; n < CHUNK && bits <= UINT32_MAX; bits += STRIDE)
        x[n++] = from_bits((uint32_t)bits);
    return n;
}

static void check_function(size_t f) {
    static float x[CHUNK], y[CHUNK];
    static double want[CHUNK];
    double worst[MAX_TABLES] = {0};
    float at[MAX_TABLES] = {0};
    size_t n;

    for (uint64_t first = 0; (n = fill(first, x)) > 0; first += CHUNK * STRIDE) {
        for (size_t i = 0; i < n; i++)
            want[i] = functions[f].reference((double)x[i]);
        for (size_t t = 0; t < MAX_TABLES && nn_kernels_at(t); t++) {
            functions[f].run(nn_kernels_at(t), n, x, y);
            for (size_t i = 0; i < n; i++) {
                double e = error(y[i], want[i], functions[f].least);
                if (e > worst[t]) {
                    worst[t] = e;
                    at[t] = x[i];
                }
            }
        }
    }
    for (size_t t = 0; t < MAX_TABLES && nn_kernels_at(t); t++) {
        printf("%-10s %-4s %6.3f ulp at %a\n", functions[f].name, nn_kernels_at(t)->isa, worst[t],
               (double)at[t]);
        CHECK(worst[t] <= functions[f].bound);
    }
}

/* The largest error of softmax, of rows that spread over `range` on either side of 0. */
static double softmax_error(const nn_kernels *k, size_t cols, float range) {
    static float z[CHUNK], p[CHUNK];
    double worst = 0;

    for (size_t i = 0; i < CHUNK; i++)
        z[i] = range * (2 * (float)((i + 1) * 2654435761u % 65521) / 65521 - 1);
    k->softmax(CHUNK / cols, cols, z, p);
    for (size_t at = 0; at + cols <= CHUNK; at += cols) {
        double sum = 0;
        for (size_t c = 0; c < cols; c++)
            sum += exp((double)z[at + c]);
        for (size_t c = 0; c < cols; c++)
            worst = fmax(worst, error(p[at + c], exp((double)z[at + c]) / sum, 0));
    }
    return worst;
}

static void check_softmax(const nn_kernels *k) {
    static const size_t cols[] = {1, 2, 3, 10, 64, 100, 1024, 1025, CHUNK};
    double worst = 0;

    for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++)
        for (int power = -6; power <= 6; power++)
            worst = fmax(worst, softmax_error(k, cols[c], ldexpf(1, power)));
    printf("%-10s %-4s %6.3f ulp\n", "softmax", k->isa, worst);
    CHECK(worst <= 3);
}

int main(void) {
    CHECK(nn_kernels_at(0) != NULL);
    CHECK(nn_kernels_at(MAX_TABLES) == NULL);
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++)
        check_function(f);
    for (size_t t = 0; t < MAX_TABLES && nn_kernels_at(t); t++)
        check_softmax(nn_kernels_at(t));
    return check_done();
}
