/* Steps of descent with and without momentum, each one pass over weights, gradient and state. */
#include "math/isa/gradient.h"

/* From the nearer end, as PyTorch's lerp: at rate 1 it is x to the bit, and an x equal to y is
 * kept, which rounding of (1 - rate) y + rate x would not do. */
void ISA(blend)(size_t n, nn_real rate, const nn_real *x, nn_real *y) {
    nn_real rest = 1 - rate;
    if (rate < (nn_real)0.5)
        SIMD for (size_t i = 0; i < n; i++) y[i] = mul_add(rate, x[i] - y[i], y[i]);
    else
        SIMD for (size_t i = 0; i < n; i++) y[i] = mul_add(-rest, x[i] - y[i], x[i]);
}

/* Called with a constant for `plain` (no clipping, no L1), as nearly all training is. */
static inline nn_real sgd_gradient(nn_gradient_args a, const bool plain, nn_real g, nn_real w) {
    nn_real d = a.scale * g;
    return plain ? mul_add(a.l2, w, d) : gradient_at(a, g, w);
}

static inline void sgd_only(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w,
                            const bool plain) {
    nn_gradient_args a = gradient_of(&args->gradient);
    nn_real lr = args->lr;

    SIMD for (size_t i = 0; i < n; i++) w[i] =
        mul_add(-lr, sgd_gradient(a, plain, g[i], w[i]), w[i]);
}

/* Called with constants for the last three, which makes it loops without branches. */
static inline void sgd_momentum(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w,
                                nn_real *v, const bool plain, const bool first,
                                const bool nesterov) {
    nn_gradient_args a = gradient_of(&args->gradient);
    nn_real lr = args->lr, mu = args->momentum, fresh = 1 - args->dampening;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = sgd_gradient(a, plain, g[i], w[i]);
        nn_real m = first ? d : mul_add(fresh, d, mu * v[i]);
        v[i] = m;
        w[i] = mul_add(-lr, nesterov ? mul_add(mu, m, d) : m, w[i]);
    }
}

static inline void sgd_any(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w,
                           nn_real *v, const bool plain) {
    if (args->momentum == 0)
        sgd_only(n, args, g, w, plain);
    else if (args->first && args->nesterov)
        sgd_momentum(n, args, g, w, v, plain, true, true);
    else if (args->first)
        sgd_momentum(n, args, g, w, v, plain, true, false);
    else if (args->nesterov)
        sgd_momentum(n, args, g, w, v, plain, false, true);
    else
        sgd_momentum(n, args, g, w, v, plain, false, false);
}

/* torch.optim.SGD: v = d at the first step, then mu v + (1 - dampening) d; w -= lr v, with
 * Nesterov's form w -= lr (d + mu v). */
void ISA(sgd)(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w, nn_real *v) {
    if (args->gradient.clip == 0 && args->gradient.l1 == 0)
        sgd_any(n, args, g, w, v, true);
    else
        sgd_any(n, args, g, w, v, false);
}
