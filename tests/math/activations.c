/* Every activation and its gradient, of every instruction set, against a plain reference in double:
 * odd lengths, extremes, in place, nothing written past the end, and the same bits wherever an
 * element stands. */
#include "kernel_trial.h"

static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double sigmoid_slope(double x) {
    return sigmoid(x) * sigmoid(-x);
}
static double f_identity(double x, double p) {
    return p > 0 ? x : NAN;
}
static double d_identity(double x, double p) {
    return p > 0 ? 1 : x;
}
static double f_sign(double x, double p) {
    return p > 0 ? (double)((x > 0) - (x < 0)) : (double)NAN;
}
static double f_step(double x, double p) {
    return p > 0 && x > 0;
}
static double d_flat(double x, double p) {
    return p > 0 ? 0 : x;
}
static double f_sigmoid(double x, double p) {
    return p > 0 ? sigmoid(x) : NAN;
}
static double d_sigmoid(double x, double p) {
    return p > 0 ? sigmoid_slope(x) : NAN;
}
static double f_tanh(double x, double p) {
    return p > 0 ? tanh(x) : NAN;
}
static double d_tanh(double x, double p) {
    return p > 0 ? 4 * sigmoid_slope(2 * x) : NAN;
}
static double f_relu(double x, double p) {
    return p > 0 && x > 0 ? x : 0;
}
static double d_relu(double x, double p) {
    return p > 0 && x > 0;
}
static double f_leaky(double x, double p) {
    return x > 0 ? x : p * x;
}
static double d_leaky(double x, double p) {
    return x > 0 ? 1 : p;
}
static double f_elu(double x, double p) {
    return x > 0 ? x : p * expm1(x);
}
static double d_elu(double x, double p) {
    return x > 0 ? 1 : p * exp(x);
}
static double f_softplus(double x, double p) {
    return p > 0 ? fmax(x, 0) + log1p(exp(-fabs(x))) : NAN;
}
static double d_softplus(double x, double p) {
    return f_sigmoid(x, p);
}
static double f_swish(double x, double p) {
    return x * sigmoid(p * x);
}
static double d_swish(double x, double p) {
    return sigmoid(p * x) + p * x * sigmoid_slope(p * x);
}
static double f_gelu(double x, double p) {
    return p > 0 ? x * 0.5 * erfc(-x / sqrt(2)) : NAN;
}
static double d_gelu(double x, double p) {
    double density = exp(-0.5 * x * x) / sqrt(2 * acos(-1));
    return p > 0 ? 0.5 * erfc(-x / sqrt(2)) + x * density : NAN;
}
static double gelu_u(double x) {
    return sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
}
static double f_gelu_tanh(double x, double p) {
    return p > 0 ? x * sigmoid(2 * gelu_u(x)) : NAN;
}
static double d_gelu_tanh(double x, double p) {
    double du = sqrt(2 / acos(-1)) * (1 + 3 * 0.044715 * x * x);
    return p > 0 ? sigmoid(2 * gelu_u(x)) + x * sigmoid_slope(2 * gelu_u(x)) * 2 * du : NAN;
}
static double f_gelu_sigmoid(double x, double p) {
    return p > 0 ? x * sigmoid(1.702 * x) : NAN;
}
static double d_gelu_sigmoid(double x, double p) {
    return p > 0 ? d_swish(x, 1.702) : NAN;
}

typedef struct activation {
    const char *name;
    double (*value)(double, double), (*slope)(double, double);
    bool reads_z; /* the gradient is a function of z, else of a */
    nn_act_fn *forward;
    nn_act_grad_fn *backward;
} activation;

#define ONE(...) +1
enum { ACTIVATIONS = NN_ACTIVATIONS(ONE, ONE) }; /* the table below has a row for each */

static void activations_of(activation out[ACTIVATIONS]) {
#define ROW(act, value, slope, reads_z)                                                            \
    { #act, value, slope, reads_z, k->act.forward, k->act.backward }
    const activation rows[ACTIVATIONS] = {
        ROW(identity, f_identity, d_identity, false),
        ROW(sign, f_sign, d_flat, false),
        ROW(step, f_step, d_flat, false),
        ROW(sigmoid, f_sigmoid, d_sigmoid, false),
        ROW(tanh, f_tanh, d_tanh, false),
        ROW(relu, f_relu, d_relu, false),
        ROW(leaky_relu, f_leaky, d_leaky, false),
        ROW(elu, f_elu, d_elu, false),
        ROW(softplus, f_softplus, d_softplus, false),
        ROW(swish, f_swish, d_swish, true),
        ROW(gelu, f_gelu, d_gelu, true),
        ROW(gelu_tanh, f_gelu_tanh, d_gelu_tanh, true),
        ROW(gelu_sigmoid, f_gelu_sigmoid, d_gelu_sigmoid, true),
    };
    for (size_t i = 0; i < ACTIVATIONS; i++)
        CHECK(rows[i].name);
    memcpy(out, rows, sizeof rows);
}

static void check_activation_values(const activation *f, size_t n, nn_real p) {
    nn_real z[MOST] = {0}, da[MOST] = {0}, a[MOST + 1], dz[MOST + 1], in_place[MOST];

    fill(n, 1, z);
    fill(n, 2, da);
    a[n] = dz[n] = GUARD;
    f->forward(n, z, a, p);
    f->backward(n, f->reads_z ? z : NULL, f->reads_z ? NULL : a, da, dz, p);
    bool ok = CHECK(same_bits(1, &a[n], &(nn_real){GUARD}) && same_bits(1, &dz[n], &a[n]));
    for (size_t i = 0; i < n && ok; i++) {
        /* a gradient read off `a` has the rounding error of a number near 1; the cubic of gelu_tanh
         * magnifies that of its argument */
        ok &= CHECK(near((double)a[i], f->value((double)z[i], (double)p), 0, 60));
        ok &= CHECK(near((double)dz[i], (double)da[i] * f->slope((double)z[i], (double)p),
                         fabs((double)da[i]), 8));
        if (!ok)
            fprintf(stderr, "  %s at %g, n %zu, p %g\n", f->name, (double)z[i], n, (double)p);
    }
    memcpy(in_place, z, n * sizeof *z);
    f->forward(n, in_place, in_place, p);
    CHECK(same_bits(n, in_place, a));
    memcpy(in_place, da, n * sizeof *da);
    f->backward(n, z, a, in_place, in_place, p);
    CHECK(same_bits(n, in_place, dz));
}

static double limit(const activation *f, double z, double p) {
    double y = f->value(z, p);

    return isnan(y) ? 0 : y; /* the reference's own inf * 0 */
}

static void check_activation_extremes(const activation *f, nn_real p) {
    static const nn_real far[] = {(nn_real)1e4, (nn_real)-1e4, 88,   -88,           104,
                                  -104,         800,           -800, (nn_real)3e38, (nn_real)-3e38};

    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        nn_real a, dz, one = 1;
        f->forward(1, &far[i], &a, p);
        f->backward(1, &far[i], &a, &one, &dz, p);
        double slope = f->slope((double)far[i], (double)p); /* finite, or the check below fails */
        bool ok = CHECK(isfinite(a) && isfinite(dz));
        ok &= CHECK(near((double)a, limit(f, (double)far[i], (double)p), FLT_MIN, 100));
        ok &= CHECK(fabs((double)dz - slope) <= 1e-6);
        if (!ok)
            fprintf(stderr, "  %s at %g\n", f->name, (double)far[i]);
    }
    nn_real nan = (nn_real)NAN, a;
    f->forward(1, &nan, &a, p);
    if (!CHECK(isnan(a)))
        fprintf(stderr, "  %s of NaN\n", f->name);
}

/* Each element alone gives the bits that it gives in the whole array. */
static void check_activation_places(const activation *f, nn_real p) {
    nn_real z[MOST], a[MOST], da[MOST], dz[MOST];
    size_t n = 263;

    fill(n, 3, z);
    fill(n, 4, da);
    f->forward(n, z, a, p);
    f->backward(n, z, a, da, dz, p);
    for (size_t i = 0; i < n; i++) {
        nn_real one, grad;
        f->forward(1, z + i, &one, p);
        f->backward(1, z + i, a + i, da + i, &grad, p);
        if (!CHECK(same_bits(1, &one, a + i) && same_bits(1, &grad, dz + i))) {
            fprintf(stderr, "  %s, element %zu\n", f->name, i);
            return;
        }
    }
}

static void check_activations(void) {
    activation f[ACTIVATIONS];

    activations_of(f);
    for (size_t i = 0; i < ACTIVATIONS; i++) {
        for (size_t l = 0; l < LENGTHS; l++)
            check_activation_values(&f[i], lengths[l], 1);
        check_activation_values(&f[i], 100, (nn_real)0.3);
        check_activation_extremes(&f[i], 1);
        check_activation_places(&f[i], (nn_real)0.7);
    }
}

int main(void) {
    for (size_t t = 0; (k = nn_kernels_at(t)); t++) {
        printf("%s\n", k->isa);
        check_activations();
    }
    return check_done();
}
