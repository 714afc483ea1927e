/* The bits of the kernels of optimisers, as bits.c. */
#include "bits.h"

/* With and without clipping, l1 and l2. */
static nn_gradient_args gradient(bool plain) {
    return (nn_gradient_args){.scale = (nn_real)0.013,
                              .clip = plain ? 0 : (nn_real)0.05,
                              .l1 = plain ? 0 : (nn_real)0.002,
                              .l2 = (nn_real)0.004};
}

static void run_sgd(void) {
    EACH_LENGTH(n) for (int way = 0; way < 16; way++) {
        nn_sgd_args args = {.gradient = gradient(way & 1), .lr = (nn_real)0.1};
        args.momentum = way & 8 ? 0 : (nn_real)0.9, args.dampening = (nn_real)0.03;
        args.nesterov = way & 2, args.first = way & 4;
        nn_real *g = numbers(n), *w = numbers(n), *v = numbers(n);
        k->sgd(n, &args, g, w, args.momentum > 0 ? v : NULL);
        hash_out(n, w);
        hash_out(n, v);
        give_back();
    }
}

static void run_adagrad(void) {
    EACH_LENGTH(n) {
        nn_adagrad_args args = {gradient(false), (nn_real)0.1, (nn_real)1e-10, (nn_real)0.1};
        nn_real *g = numbers(n), *w = numbers(n), *sum = positive(n);
        k->adagrad(n, &args, g, w, sum);
        hash_out(n, w);
        hash_out(n, sum);
        give_back();
    }
}

static void run_adadelta(void) {
    EACH_LENGTH(n) {
        nn_adadelta_args args = {.gradient = gradient(false), .lr = 1, .rho = (nn_real)0.9};
        args.fresh = (nn_real)0.1, args.eps = (nn_real)1e-6;
        nn_real *g = numbers(n), *w = numbers(n), *square = positive(n), *delta = positive(n);
        k->adadelta(n, &args, g, w, square, delta);
        hash_out(n, w);
        hash_out(n, square);
        hash_out(n, delta);
        give_back();
    }
}

static void run_rmsprop(void) {
    EACH_LENGTH(n) for (int way = 0; way < 4; way++) {
        nn_rmsprop_args args = {.gradient = gradient(false), .lr = (nn_real)0.01};
        args.alpha = (nn_real)0.99, args.fresh = (nn_real)0.01;
        args.eps = (nn_real)1e-8, args.momentum = (nn_real)0.9;
        nn_real *g = numbers(n), *w = numbers(n), *square = positive(n);
        nn_real *mean = numbers(n), *v = numbers(n);
        k->rmsprop(n, &args, g, w, square, way & 1 ? mean : NULL, way & 2 ? v : NULL);
        hash_out(n, w);
        hash_out(n, square);
        hash_out(n, mean);
        hash_out(n, v);
        give_back();
    }
}

static nn_adam_args adam_args(void) {
    nn_adam_args args = {.gradient = gradient(false), .lr = (nn_real)0.001};
    args.beta1 = (nn_real)0.9, args.fresh1 = (nn_real)0.1;
    args.beta2 = (nn_real)0.999, args.fresh2 = (nn_real)0.001;
    args.first = (nn_real)1.7, args.second = (nn_real)3.1, args.eps = (nn_real)1e-8;
    args.keep = (nn_real)0.9997, args.decay = (nn_real)0.01;
    return args;
}

static void run_adam(void) {
    EACH_LENGTH(n) for (int amsgrad = 0; amsgrad < 2; amsgrad++) {
        nn_adam_args args = adam_args();
        nn_real *g = numbers(n), *w = numbers(n), *m = numbers(n), *v = positive(n);
        nn_real *most = positive(n);
        k->adam(n, &args, g, w, m, v, amsgrad ? most : NULL);
        hash_out(n, w);
        hash_out(n, m);
        hash_out(n, v);
        hash_out(n, most);
        give_back();
    }
}

static void run_lamb(void) {
    EACH_LENGTH(n) {
        nn_adam_args args = adam_args();
        nn_real *g = numbers(n), *w = numbers(n), *m = numbers(n), *v = positive(n);
        double sum = k->lamb_moments(n, &args, g, w, m, v);
        hash_doubles(1, &sum);
        k->lamb(n, &args, w, m, v);
        hash_out(n, w);
        hash_out(n, m);
        hash_out(n, v);
        give_back();
    }
}

/* clang-format off */
static const kernel_case cases[] = {
    ROW(sgd) ROW(adagrad) ROW(adadelta) ROW(rmsprop) ROW(adam)
    {"lamb", run_lamb, 2}, /* and lamb_moments */
};
/* clang-format on */
#define CASES (sizeof cases / sizeof cases[0])

int main(int argc, char **argv) {
    size_t bytes = sizeof(nn_kernels) - offsetof(nn_kernels, sgd);
    check_complete(cases, CASES, bytes / sizeof(void (*)(void)), 0);
    return bits_main(argc, argv, cases, CASES);
}
