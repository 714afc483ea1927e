/* Steps whose length adapts to the gradients each weight has had, each one pass over weights,
 * gradient and state. */
#include "math/isa/elementary.h"
#include "math/isa/gradient.h"

#define LANES 64 /* of the sum, as in reduce.c */

/* Duchi et al. 2011: s += d^2, w -= lr d / (sqrt(s) + eps). */
void ISA(adagrad)(size_t n, const nn_adagrad_args *args, const nn_real *g, nn_real *w,
                  nn_real *sum) {
    nn_gradient_args a = gradient_of(&args->gradient);
    nn_real lr = args->lr, eps = args->eps, start = args->start;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = gradient_at(a, g[i], w[i]);
        nn_real s = mul_add(d, d, sum[i] + start);
        sum[i] = s;
        w[i] -= lr * d / (real_sqrt(s) + eps);
    }
}

/* Zeiler 2012: the step is sqrt(u + eps) / sqrt(s + eps) d, s and u running means of the squares of
 * gradients and steps. */
void ISA(adadelta)(size_t n, const nn_adadelta_args *args, const nn_real *g, nn_real *w,
                   nn_real *square, nn_real *delta) {
    nn_gradient_args a = gradient_of(&args->gradient);
    nn_real lr = args->lr, rho = args->rho, fresh = args->fresh, eps = args->eps;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = gradient_at(a, g[i], w[i]);
        nn_real s = mul_add(fresh * d, d, rho * square[i]);
        nn_real step = real_sqrt(delta[i] + eps) / real_sqrt(s + eps) * d;
        square[i] = s;
        delta[i] = mul_add(fresh * step, step, rho * delta[i]);
        w[i] = mul_add(-lr, step, w[i]);
    }
}

/* Called with constants for `centered` and `momentum`. The variance s - m^2 is at least 0, whatever
 * rounding makes of it. */
static inline void rmsprop_any(size_t n, const nn_rmsprop_args *args, const nn_real *g, nn_real *w,
                               nn_real *square, nn_real *mean, nn_real *v, const bool centered,
                               const bool momentum) {
    nn_gradient_args a = gradient_of(&args->gradient);
    nn_real lr = args->lr, alpha = args->alpha, fresh = args->fresh, eps = args->eps;
    nn_real mu = args->momentum;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = gradient_at(a, g[i], w[i]);
        nn_real s = mul_add(fresh * d, d, alpha * square[i]), spread = s;
        square[i] = s;
        if (centered) {
            nn_real m = mul_add(fresh, d - mean[i], mean[i]);
            mean[i] = m;
            spread = mul_add(-m, m, s);
            spread = spread < 0 ? 0 : spread;
        }
        nn_real step = d / (real_sqrt(spread) + eps);
        if (momentum) {
            step = mul_add(mu, v[i], step);
            v[i] = step;
        }
        w[i] = mul_add(-lr, step, w[i]);
    }
}

/* torch.optim.RMSprop (Hinton's lecture 6e; centred: Graves 2013). */
void ISA(rmsprop)(size_t n, const nn_rmsprop_args *args, const nn_real *g, nn_real *w,
                  nn_real *square, nn_real *mean, nn_real *v) {
    if (mean && v)
        rmsprop_any(n, args, g, w, square, mean, v, true, true);
    else if (mean)
        rmsprop_any(n, args, g, w, square, mean, v, true, false);
    else if (v)
        rmsprop_any(n, args, g, w, square, mean, v, false, true);
    else
        rmsprop_any(n, args, g, w, square, mean, v, false, false);
}

static inline void adam_any(size_t n, const nn_adam_args *args, const nn_real *g, nn_real *w,
                            nn_real *m, nn_real *v, nn_real *most, const bool amsgrad) {
    nn_gradient_args a = gradient_of(&args->gradient);
    nn_real lr = args->lr, beta1 = args->beta1, fresh1 = args->fresh1, beta2 = args->beta2,
            fresh2 = args->fresh2, second = args->second, eps = args->eps, keep = args->keep;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = gradient_at(a, g[i], w[i]);
        nn_real mean = mul_add(fresh1, d, beta1 * m[i]);
        nn_real square = mul_add(fresh2 * d, d, beta2 * v[i]);
        m[i] = mean;
        v[i] = square;
        if (amsgrad) {
            square = most[i] > square ? most[i] : square;
            most[i] = square;
        }
        w[i] = mul_add(-lr, mean / mul_add(real_sqrt(square), second, eps), keep * w[i]);
    }
}

/* Kingma and Ba 2015 as torch.optim.Adam has it; AMSGrad: Reddi et al. 2018; decoupled decay
 * (`keep`): Loshchilov and Hutter 2019. */
void ISA(adam)(size_t n, const nn_adam_args *args, const nn_real *g, nn_real *w, nn_real *m,
               nn_real *v, nn_real *most) {
    if (most)
        adam_any(n, args, g, w, m, v, most, true);
    else
        adam_any(n, args, g, w, m, v, most, false);
}

/* What lamb goes along: Adam's step with decoupled decay. */
static inline nn_real lamb_direction(const nn_adam_args a, nn_real w, nn_real m, nn_real v) {
    nn_real step = m * a.first / mul_add(real_sqrt(v), a.second, a.eps);
    return mul_add(a.decay, w, step);
}

/* Brings one element up to date; its share of the sum. */
static inline double lamb_advance(const nn_adam_args a, nn_real g, nn_real w, nn_real *m,
                                  nn_real *v) {
    nn_real d = gradient_at(a.gradient, g, w);
    *m = mul_add(a.fresh1, d, a.beta1 * *m);
    *v = mul_add(a.fresh2 * d, d, a.beta2 * *v);
    double r = (double)lamb_direction(a, w, *m, *v);
    return r * r;
}

double ISA(lamb_moments)(size_t n, const nn_adam_args *args, const nn_real *g, const nn_real *w,
                         nn_real *m, nn_real *v) {
    double lane[LANES] = {0}, sum = 0;
    nn_adam_args a = *args;
    size_t whole = n - n % LANES;

    a.gradient = gradient_of(&args->gradient);
    for (size_t i = 0; i < whole; i += LANES) {
        SIMD for (size_t j = 0; j < LANES; j++) lane[j] +=
            lamb_advance(a, g[i + j], w[i + j], &m[i + j], &v[i + j]);
    }
    for (size_t i = whole; i < n; i++)
        lane[i - whole] += lamb_advance(a, g[i], w[i], &m[i], &v[i]);
    for (size_t j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

/* You et al. 2020: w -= lr r, r the direction and lr with the tensor's trust ratio in it. */
void ISA(lamb)(size_t n, const nn_adam_args *args, nn_real *w, const nn_real *m, const nn_real *v) {
    nn_adam_args a = *args;

    SIMD for (size_t i = 0; i < n; i++) w[i] =
        mul_add(-a.lr, lamb_direction(a, w[i], m[i], v[i]), w[i]);
}
