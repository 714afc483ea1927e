/* double: yes */
/* One sigmoid neuron learning to answer 0 to 1, by gradient descent, to ten digits. */
#include "small_model.h"

#define STEPS 300
#define RATE 0.15

struct expectation {
    const char *loss, *activation;
    double start_w, start_b;
    double w, b, output; /* w NaN: only the output is known */
};

static const struct expectation expectations[] = {
    {"squared", "sigmoid", 0.6, 0.9, -1.2831324334, -0.9831324334, 0.0939556949},
    {"squared", "sigmoid", 2.0, 2.0, -0.6842929110, -0.6842929110, 0.2028484243},
    {"binary_cross_entropy", "sigmoid", 0.6, 0.9, NAN, NAN, 0.0116382090},
    {"binary_cross_entropy", "sigmoid", 2.0, 2.0, NAN, NAN, 0.0120087415},
};

static void learn(const struct expectation *e) {
    static const nn_loss_spec spec = {.outputs = 1, .batch = 1, .target_width = 1};
    const nn_real one = 1, zero = 0;
    const nn_target target = {.value = &zero, .width = 1};
    struct small_model s;
    double output = 0, after_100 = 0;

    if (!small_model_new(&s, "[dense: {units: 1, activation: sigmoid}]",
                         (nn_shape){.rank = 1, .dim = {1}}, e->loss, &spec))
        return;
    nn_real *w = small_model_param(&s, 0), *b = small_model_param(&s, 1);
    *w = e->start_w;
    *b = e->start_b;
    for (int step = 0; step < STEPS; step++) {
        small_model_gradient(&s, 1, &one, &target);
        for (size_t i = 0; i < nn_model_size(s.model); i++)
            s.params[i] -= RATE * s.grads[i];
        output = 1 / (1 + exp(-(*w + *b)));
        if (step == 99)
            after_100 = output;
    }
    CHECK_NEAR(output, e->output, 1e-10);
    if (!isnan(e->w)) {
        CHECK_NEAR(*w, e->w, 1e-10);
        CHECK_NEAR(*b, e->b, 1e-10);
        if (e->start_w >= 2)
            CHECK(after_100 > 0.9); /* the slow start of a saturated neuron */
    }
    small_model_release(&s);
}

int main(void) {
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++)
        learn(&expectations[i]);
    return check_done();
}
