/* Optimiser steps, each one pass over weights, gradient and state. */
#include "math/isa/isa.h"

static void sgd_plain(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w) {
    nn_real lr = args->lr, scale = args->scale, l2 = args->l2;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = scale * g[i];
        d = d + l2 * w[i];
        w[i] -= lr * d;
    }
}

/* Called with constants for `first` and `nesterov`, which makes it four loops without branches. */
static inline void sgd_momentum(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w,
                                nn_real *v, const bool first, const bool nesterov) {
    nn_real lr = args->lr, scale = args->scale, l2 = args->l2;
    nn_real mu = args->momentum, fresh = 1 - args->dampening;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real d = scale * g[i];
        d = d + l2 * w[i];
        nn_real kept = first ? d : mu * v[i];
        nn_real m = first ? d : kept + fresh * d;
        v[i] = m;
        w[i] -= lr * (nesterov ? d + mu * m : m);
    }
}

/* torch.optim.SGD: d = scale g + l2 w; v = d at the first step, then mu v + (1 - dampening) d;
 * w -= lr v, with Nesterov's form w -= lr (d + mu v). */
void ISA(sgd)(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w, nn_real *v) {
    if (args->momentum == 0)
        sgd_plain(n, args, g, w);
    else if (args->first && args->nesterov)
        sgd_momentum(n, args, g, w, v, true, true);
    else if (args->first)
        sgd_momentum(n, args, g, w, v, true, false);
    else if (args->nesterov)
        sgd_momentum(n, args, g, w, v, false, true);
    else
        sgd_momentum(n, args, g, w, v, false, false);
}
