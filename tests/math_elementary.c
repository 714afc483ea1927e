/* timeout: 120 */
/* The vectorised functions against libm in double, over a dense sample of every float there is:
 * the largest error in units of the last place, for each instruction set. */
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

static double gelu(double x) {
    return x * (0.5 * erfc(-x * 0.70710678118654752440));
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

/* Bounds are those that src/math/isa/elementary.h states. Results smaller than `least` are measured
 * in ulp of it: swish and gelu multiply a factor that is subnormal there. */
static const struct {
    const char *name;
    void (*run)(const nn_kernels *k, size_t n, const float *x, float *y);
    double (*reference)(double x);
    double bound; /* ulp */
    double least;
} functions[] = {
    {"exp", run_exp, exp, 1.1, 0},
    {"log", run_log, log, 1, 0},
    {"tanh", run_tanh, tanh, 2.5, 0},
    {"sigmoid", run_sigmoid, sigmoid, 2.2, 0},
    {"softplus", run_softplus, softplus, 2.5, 0},
    {"elu", run_elu, elu, 1.1, 0},
    {"swish", run_swish, swish, 3.5, 0x1p-118},
    {"gelu", run_gelu, gelu, 5, 0x1p-118},
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

int main(void) {
    CHECK(nn_kernels_at(0) != NULL);
    CHECK(nn_kernels_at(MAX_TABLES) == NULL);
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++)
        check_function(f);
    return check_done();
}
