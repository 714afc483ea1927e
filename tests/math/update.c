/* The optimisers' kernels of every instruction set, in float, against their formulas in double. */
#include "kernel_trial.h"

#include <math.h>

enum { SLOTS = 3 };

struct vectors {
    nn_real g[MOST], w[MOST + 1], slot[SLOTS][MOST + 1];
};

/* One element: the weight and the state as they should be after the step. */
struct element {
    double g, w, slot[SLOTS];
};

static const nn_gradient_args plain = {.scale = (nn_real)0.25};
static const nn_gradient_args shaped = {
    .scale = (nn_real)0.25, .clip = (nn_real)0.5, .l1 = (nn_real)0.1, .l2 = (nn_real)0.01};

static double gradient(const nn_gradient_args *a, const struct element *e) {
    double d = (double)a->scale * e->g, clip = (double)a->clip;
    if (clip > 0)
        d = fmax(-clip, fmin(clip, d));
    return d + (double)a->l2 * e->w + (double)a->l1 * ((e->w > 0) - (e->w < 0));
}

static nn_gradient_args form_of(int form) {
    return form & 1 ? shaped : plain;
}

static void run_adagrad(size_t n, int form, struct vectors *v) {
    nn_adagrad_args args = {.gradient = form_of(form), .lr = 0.125F, .eps = 1e-3F, .start = 0.5F};
    k->adagrad(n, &args, v->g, v->w, v->slot[0]);
}

static void want_adagrad(int form, struct element *e) {
    nn_gradient_args a = form_of(form);
    double d = gradient(&a, e);
    e->slot[0] += 0.5 + d * d;
    e->w -= 0.125 * d / (sqrt(e->slot[0]) + (double)1e-3F);
}

static void run_adadelta(size_t n, int form, struct vectors *v) {
    nn_adadelta_args args = {
        .gradient = form_of(form), .lr = 0.5F, .rho = 0.75F, .fresh = 0.25F, .eps = 1e-3F};
    k->adadelta(n, &args, v->g, v->w, v->slot[0], v->slot[1]);
}

static void want_adadelta(int form, struct element *e) {
    nn_gradient_args a = form_of(form);
    double d = gradient(&a, e), eps = (double)1e-3F;
    e->slot[0] = 0.75 * e->slot[0] + 0.25 * d * d;
    double step = sqrt(e->slot[1] + eps) / sqrt(e->slot[0] + eps) * d;
    e->slot[1] = 0.75 * e->slot[1] + 0.25 * step * step;
    e->w -= 0.5 * step;
}

static void run_rmsprop(size_t n, int form, struct vectors *v) {
    nn_rmsprop_args args = {.gradient = form_of(form),
                            .lr = 0.125F,
                            .alpha = 0.75F,
                            .fresh = 0.25F,
                            .eps = 1,
                            .momentum = form & 4 ? 0.5F : 0};
    k->rmsprop(n, &args, v->g, v->w, v->slot[0], form & 2 ? v->slot[1] : NULL,
               form & 4 ? v->slot[2] : NULL);
}

static void want_rmsprop(int form, struct element *e) {
    nn_gradient_args a = form_of(form);
    double d = gradient(&a, e), spread;
    spread = e->slot[0] = 0.75 * e->slot[0] + 0.25 * d * d;
    if (form & 2) {
        e->slot[1] += 0.25 * (d - e->slot[1]);
        spread = fmax(0, spread - e->slot[1] * e->slot[1]);
    }
    double step = d / (sqrt(spread) + 1);
    if (form & 4)
        step = e->slot[2] = 0.5 * e->slot[2] + step;
    e->w -= 0.125 * step;
}

static nn_adam_args adam_of(int form) {
    return (nn_adam_args){.gradient = form_of(form),
                          .lr = 0.125F,
                          .beta1 = 0.75F,
                          .fresh1 = 0.25F,
                          .beta2 = 0.5F,
                          .fresh2 = 0.5F,
                          .first = 2,
                          .second = 1.5F,
                          .eps = 1e-3F,
                          .keep = 0.875F,
                          .decay = 0.25F};
}

static void run_adam(size_t n, int form, struct vectors *v) {
    nn_adam_args args = adam_of(form);
    k->adam(n, &args, v->g, v->w, v->slot[0], v->slot[1], form & 2 ? v->slot[2] : NULL);
}

static void advance(int form, struct element *e) {
    nn_gradient_args a = form_of(form);
    double d = gradient(&a, e);
    e->slot[0] = 0.75 * e->slot[0] + 0.25 * d;
    e->slot[1] = 0.5 * e->slot[1] + 0.5 * d * d;
}

static void want_adam(int form, struct element *e) {
    advance(form, e);
    double square = e->slot[1];
    if (form & 2)
        square = e->slot[2] = fmax(e->slot[2], square);
    e->w = 0.875 * e->w - 0.125 * e->slot[0] / (sqrt(square) * 1.5 + (double)1e-3F);
}

static double lamb_sum;

static void run_lamb(size_t n, int form, struct vectors *v) {
    nn_adam_args args = adam_of(form);
    lamb_sum = k->lamb_moments(n, &args, v->g, v->w, v->slot[0], v->slot[1]);
    k->lamb(n, &args, v->w, v->slot[0], v->slot[1]);
}

static void want_lamb(int form, struct element *e) {
    advance(form, e);
    double r = e->slot[0] * 2 / (sqrt(e->slot[1]) * 1.5 + (double)1e-3F) + 0.25 * e->w;
    lamb_sum -= r * r;
    e->w -= 0.125 * r;
}

static void run_blend(size_t n, int form, struct vectors *v) {
    (void)form;
    k->blend(n, 0.25F, v->g, v->w);
}

static void want_blend(int form, struct element *e) {
    (void)form;
    e->w += 0.25 * (e->g - e->w);
}

static const struct kernel {
    const char *name;
    int forms;
    void (*run)(size_t n, int form, struct vectors *v);
    void (*want)(int form, struct element *e);
} kernels[] = {
    {"adagrad", 2, run_adagrad, want_adagrad}, {"adadelta", 2, run_adadelta, want_adadelta},
    {"rmsprop", 8, run_rmsprop, want_rmsprop}, {"adam", 4, run_adam, want_adam},
    {"lamb", 2, run_lamb, want_lamb},          {"blend", 1, run_blend, want_blend}};

static void set_up(size_t n, struct vectors *v) {
    fill(n, 21, v->g);
    fill(n, 22, v->w);
    v->w[n] = GUARD;
    for (unsigned s = 0; s < SLOTS; s++) {
        fill(n, 23 + s, v->slot[s]);
        v->slot[s][n] = GUARD;
        for (size_t i = 0; i < n; i++) /* running means of squares are not negative */
            v->slot[s][i] = (nn_real)fabs((double)v->slot[s][i]);
    }
}

/* Errors grow where the divisor is small: a few hundred ulps of the largest term there. */
static bool close_to(double got, double want) {
    return fabs(got - want) <= 2e-5 * fmax(1, fabs(want));
}

static void check_kernel(const struct kernel *kernel, size_t n, int form) {
    static struct vectors before, after;
    bool ok = true;
    set_up(n, &before);
    after = before;
    kernel->run(n, form, &after);
    double sum = lamb_sum;
    for (size_t i = 0; i < n; i++) {
        struct element e = {.g = (double)before.g[i], .w = (double)before.w[i]};
        for (int s = 0; s < SLOTS; s++)
            e.slot[s] = (double)before.slot[s][i];
        kernel->want(form, &e);
        ok = ok && CHECK(close_to((double)after.w[i], e.w));
        for (int s = 0; s < SLOTS; s++)
            ok = ok && CHECK(close_to((double)after.slot[s][i], e.slot[s]));
    }
    if (kernel->run == run_lamb)
        ok = ok && CHECK(fabs(lamb_sum) <= 1e-4 * fabs(sum));
    ok = ok && CHECK(same_bits(1, &after.w[n], &before.w[n]));
    for (int s = 0; s < SLOTS; s++)
        ok = ok && CHECK(same_bits(1, &after.slot[s][n], &before.slot[s][n]));
    if (!ok)
        fprintf(stderr, "... for %s of %s, form %d, n %zu\n", kernel->name, k->isa, form, n);
}

/* At rate 1 the running value is the new one, however small beside the old one; at any rate a value
 * that does not change stays as it is. */
static void check_blend_ends(void) {
    static const nn_real rates[] = {0, 1e-4F, 0.1F, 0.25F, 0.5F, 0.9F, 0.99F, 1};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        nn_real x[2] = {1e-8F, 3e7F}, y[2] = {1, 3e7F};
        k->blend(2, rates[i], x, y);
        CHECK_NEAR(y[1], x[1], 0);
        if (rates[i] == 1)
            CHECK_NEAR(y[0], x[0], 0);
    }
}

int main(void) {
    for (size_t t = 0; (k = nn_kernels_at(t)) != NULL; t++) {
        check_blend_ends();
        for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
            for (int form = 0; form < kernels[i].forms; form++)
                for (size_t l = 0; l < LENGTHS; l++)
                    check_kernel(&kernels[i], lengths[l], form);
    }
    return check_done();
}
