/* The optimiser's step over the parameter vector: clipping, L1, L2, max-norm, factors by layer,
 * frozen layers, statistics, the average, threads and ranges, and what is said when it diverges. */
#include "train/step/update.h"

#include "math/parallel.h"
#include "small_model.h"

#include <stdlib.h>

/* Tensors of more than one block, of less, and a layer with statistics. */
#define LAYERS                                                                                     \
    "[dense: {name: wide, units: 300, %s}, batch_norm: {name: norm}, dense: {name: last, units: "  \
    "2}]"

struct setup {
    struct small_model net;
    nn_config *config;
    nn_session session;
    nn_comm *comm;
    nn_reduce_ops ops;
    nn_updater *updater;
    nn_real *before;
    size_t size, bucket; /* of the reducer; 0: its own */
};

static bool configure(struct setup *s, const char *train) {
    char text[512];
    snprintf(text, sizeof text,
             "{data: {source: iris}, model: [dense: {units: 3}], loss: cross_entropy, "
             "train: {batch_size: 8, %s}}",
             train);
    int rc = nn_config_parse("test", text, strlen(text), &s->config);
    if (rc == 0)
        rc = nn_config_check(s->config);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", train, nn_error_message());
    return CHECK(rc == 0);
}

/* The vectors of the small model become those of the reducer. */
static int make_reducer(struct setup *s) {
    nn_reduce_spec spec = {.comm = s->comm,
                           .n = s->size,
                           .vectors = 2,
                           .bucket = s->bucket,
                           .ops = &s->ops,
                           .ctx = s->updater};
    s->ops = nn_updater_ops(&s->session);
    NN_TRY(nn_reducer_new(&spec, &s->session.reducer));
    nn_free(s->net.params);
    nn_free(s->net.grads);
    s->net.params = nn_reducer_vector(s->session.reducer, 0);
    s->net.grads = nn_reducer_grads(s->session.reducer);
    return 0;
}

static int allocate(struct setup *s) {
    const nn_settings *set = nn_config_settings(s->config);
    nn_session *session = &s->session;
    s->size = nn_model_size(s->net.model);
    NN_TRY(nn_comm_alone(&s->comm));
    *session = (nn_session){.comm = s->comm,
                            .settings = set,
                            .model = s->net.model,
                            .optimizer = (const nn_optimizer_ops *)set->train.optimizer.row};
    NN_TRY(nn_updater_new(&s->updater));
    NN_TRY(make_reducer(s));
    session->params = s->net.params;
    session->slots = session->optimizer->slots(set->train.optimizer.options, session->slot_name);
    for (size_t i = 0; i < session->slots; i++)
        NN_TRY(NN_NEW(&session->slot[i], s->size, "slot"));
    if (set->train.ema_node)
        session->average = nn_reducer_vector(session->reducer, 1);
    NN_TRY(NN_NEW(&s->before, s->size, "before"));
    return nn_updater_plan(s->updater, session);
}

/* Parameters and gradients of all sizes; `layer` are more keys of the first layer. */
static bool set_up(struct setup *s, const char *train, const char *layer) {
    char layers[256];
    *s = (struct setup){.bucket = s->bucket};
    snprintf(layers, sizeof layers, LAYERS, layer);
    if (!configure(s, train) ||
        !small_model_new(&s->net, layers, (nn_shape){1, {70}}, NULL, NULL) ||
        !CHECK(allocate(s) == 0))
        return false;
    for (size_t i = 0; i < s->size; i++) {
        s->before[i] = s->net.params[i] = (nn_real)sin((double)i);
        s->net.grads[i] = (nn_real)cos(3 * (double)i);
    }
    return true;
}

static void tear_down(struct setup *s) {
    nn_updater_free(s->updater);
    nn_free(s->before);
    for (size_t i = 0; i < s->session.slots; i++)
        nn_free(s->session.slot[i]);
    if (s->session.reducer)
        s->net.params = s->net.grads = NULL;
    nn_reducer_free(s->session.reducer);
    nn_comm_free(s->comm);
    small_model_release(&s->net);
    nn_config_free(s->config);
}

static void step(struct setup *s, double lr, double weight, int64_t number) {
    nn_step_sums sums = {.weight = weight};
    nn_updater_announce(s->updater, lr, number);
    nn_reducer_send_sums(s->session.reducer, &sums);
    CHECK_EQ_INT(nn_reducer_finish(s->session.reducer), 0);
}

enum { WIDE, WIDE_BIAS, SCALE, SHIFT, MEAN, VAR, LAST, LAST_BIAS };

static const nn_param *param_at(const struct setup *s, size_t i) {
    const nn_param *const *param;
    nn_model_params(s->net.model, &param);
    return param[i];
}

/* Every element of a tensor is `expect(before, gradient)`. */
typedef double expect_fn(double w, double g, double factor);

static void check_tensor(const struct setup *s, size_t i, expect_fn *expect, double factor) {
    const nn_param *p = param_at(s, i);
    for (size_t k = p->offset; k < p->offset + p->count; k++)
        CHECK_NEAR(s->net.params[k], expect((double)s->before[k], (double)s->net.grads[k], factor),
                   2e-7);
}

static double stay(double w, double g, double factor) {
    (void)g, (void)factor;
    return w;
}

static double descend(double w, double g, double factor) {
    return w - factor * g;
}

/* clip_norm: of all that learns together, the mean gradient, PyTorch's formula. */
static void check_clip_norm(void) {
    struct setup s = {0};
    if (set_up(&s, "clip_norm: 0.5, optimizer: sgd", "bias: true")) {
        double sum = 0;
        for (size_t i = 0; i <= LAST_BIAS; i++) {
            const nn_param *p = param_at(&s, i);
            for (size_t k = p->offset; p->role != NN_PARAM_STATE && k < p->offset + p->count; k++)
                sum += (double)s.net.grads[k] * (double)s.net.grads[k];
        }
        double factor = 0.5 / (sqrt(sum) / 4 + 1e-6);
        CHECK(factor < 0.1);
        step(&s, 2, 4, 1);
        check_tensor(&s, WIDE, descend, 2 * factor / 4);
        check_tensor(&s, LAST_BIAS, descend, 2 * factor / 4);
    }
    tear_down(&s);
    if (set_up(&s, "clip_norm: 1e6, optimizer: sgd", "bias: true")) {
        step(&s, 2, 4, 1);
        check_tensor(&s, WIDE, descend, 0.5);
    }
    tear_down(&s);
}

static double clipped(double w, double g, double factor) {
    return w - factor * fmax(-0.1, fmin(0.1, g / 4));
}

static double elastic(double w, double g, double factor) {
    double sign = (w > 0) - (w < 0);
    return w - factor * (g / 4 + 0.5 * w + 0.25 * sign);
}

/* Weights are regularised, biases and gains are not, unless asked. */
static void check_regularisation(void) {
    struct setup s = {0};
    if (set_up(&s, "clip_value: 0.1", "bias: true")) {
        step(&s, 0.5, 4, 1);
        check_tensor(&s, WIDE, clipped, 0.5);
        check_tensor(&s, SHIFT, clipped, 0.5);
    }
    tear_down(&s);
    if (set_up(&s, "l1: 0.25, l2: 0.5", "bias: true")) {
        step(&s, 0.5, 4, 1);
        check_tensor(&s, WIDE, elastic, 0.5);
        check_tensor(&s, LAST, elastic, 0.5);
        check_tensor(&s, WIDE_BIAS, descend, 0.125);
        check_tensor(&s, SCALE, descend, 0.125);
    }
    tear_down(&s);
    if (set_up(&s, "l1: 0.25, l2: 0.5, decay_all: true", "decay_scale: 0")) {
        step(&s, 0.5, 4, 1);
        check_tensor(&s, WIDE, descend, 0.125);
        check_tensor(&s, WIDE_BIAS, descend, 0.125);
        check_tensor(&s, SCALE, elastic, 0.5);
        check_tensor(&s, LAST_BIAS, elastic, 0.5);
    }
    tear_down(&s);
}

static void check_factors(void) {
    struct setup s = {0};
    if (set_up(&s, "optimizer: sgd", "lr_scale: 0.25")) {
        step(&s, 1, 2, 1);
        check_tensor(&s, WIDE, descend, 0.125);
        check_tensor(&s, WIDE_BIAS, descend, 0.125);
        check_tensor(&s, LAST, descend, 0.5);
    }
    tear_down(&s);
    if (set_up(&s, "optimizer: {adam: {weight_decay: 0.1}}, clip_norm: 1", "frozen: true")) {
        const nn_param *p = param_at(&s, WIDE), *bias = param_at(&s, WIDE_BIAS);
        s.net.grads[p->offset] = NAN; /* it is nothing to them */
        step(&s, 1, 2, 1);
        CHECK(!nn_reducer_nonfinite(s.session.reducer));
        CHECK(memcmp(s.net.params + p->offset, s.before + p->offset, p->count * sizeof(nn_real)) ==
              0);
        CHECK(memcmp(s.net.params + bias->offset, s.before + bias->offset,
                     bias->count * sizeof(nn_real)) == 0);
        CHECK(isfinite(s.net.params[param_at(&s, LAST)->offset]));
    }
    tear_down(&s);
}

static double blend(double w, double g, double factor) {
    return w + factor * (g - w);
}

/* Statistics have no learning rate, no decay and no clipping, and are their own average. */
static void check_statistics(void) {
    struct setup s = {0};
    if (set_up(&s, "l2: 0.5, decay_all: true, clip_value: 1e-3, clip_norm: 1, ema: {decay: 0.5}",
               "bias: true")) {
        memcpy(s.session.average, s.before, s.size * sizeof(nn_real));
        step(&s, 3, 4, 1);
        const nn_param *p = param_at(&s, MEAN);
        check_tensor(&s, MEAN, blend, (double)p->rate);
        check_tensor(&s, VAR, blend, (double)param_at(&s, VAR)->rate);
        CHECK(memcmp(s.session.average + p->offset, s.net.params + p->offset,
                     p->count * sizeof(nn_real)) == 0);
    }
    tear_down(&s);
}

static void check_average(void) {
    struct setup s = {0};
    if (set_up(&s, "ema: {decay: 0.75}, optimizer: {sgd: {momentum: 0.5}}", "bias: true")) {
        const nn_param *p = param_at(&s, WIDE);
        double *average;
        CHECK(NN_NEW(&average, s.size, "average") == 0);
        for (size_t i = 0; i < s.size; i++)
            average[i] = (double)(s.session.average[i] = s.before[i]);
        for (int64_t t = 1; t <= 3; t++) {
            step(&s, 0.5, 2, t);
            for (size_t i = p->offset; i < p->offset + p->count; i++)
                average[i] = 0.75 * average[i] + 0.25 * (double)s.net.params[i];
        }
        for (size_t i = p->offset; i < p->offset + p->count; i++)
            CHECK_NEAR(s.session.average[i], average[i], 1e-6);
        nn_free(average);
    }
    tear_down(&s);
}

/* max_norm: the weights into a unit, whatever their order in memory; biases are left alone. */
static void check_max_norm(void) {
    struct setup s = {0};
    if (set_up(&s, "max_norm: 0.5", "bias: true")) {
        memset(s.net.grads, 0, s.size * sizeof(nn_real));
        step(&s, 1, 1, 1);
        for (size_t i = WIDE; i <= LAST; i += LAST - WIDE) {
            const nn_param *p = param_at(&s, i);
            size_t inputs = p->count / (size_t)p->dim[0];
            nn_real *file;
            CHECK(NN_NEW(&file, p->count, "tensor") == 0);
            nn_param_export(p, s.net.params + p->offset, file);
            for (size_t u = 0; u < (size_t)p->dim[0]; u++) {
                double sum = 0;
                for (size_t k = 0; k < inputs; k++)
                    sum += (double)file[u * inputs + k] * (double)file[u * inputs + k];
                CHECK_NEAR(sqrt(sum), 0.5, 1e-6);
            }
            nn_free(file);
        }
        check_tensor(&s, WIDE_BIAS, stay, 0);
    }
    tear_down(&s);
    if (set_up(&s, "max_norm: 1000", "bias: true")) {
        memset(s.net.grads, 0, s.size * sizeof(nn_real));
        step(&s, 1, 1, 1);
        check_tensor(&s, WIDE, stay, 0);
    }
    tear_down(&s);
}

/* Threads change no bit, nor do buckets of the vector, but for the order in which norms are added.
 */
static void check_ranges(const char *train) {
    struct setup whole = {0}, threads = {0}, cut = {.bucket = 4112};
    bool ready = set_up(&whole, train, "bias: true");
    ready = set_up(&threads, train, "bias: true") && ready;
    ready = set_up(&cut, train, "bias: true") && ready;
    for (int64_t t = 1; ready && t <= 2; t++) {
        step(&whole, 0.1, 3, t);
        step(&cut, 0.1, 3, t);
        threads.session.compute.threads = 3;
        step(&threads, 0.1, 3, t);
    }
    for (size_t i = 0; ready && i <= LAST_BIAS; i++) {
        const nn_param *p = param_at(&whole, i);
        size_t bytes = p->count * sizeof(nn_real);
        bool norms = whole.ops.compute_norms != NULL;
        CHECK(memcmp(whole.net.params + p->offset, threads.net.params + p->offset, bytes) == 0);
        for (size_t k = p->offset; k < p->offset + p->count; k++)
            CHECK_NEAR(whole.net.params[k], cut.net.params[k], norms ? 1e-6 : 0);
        CHECK(memcmp(whole.net.params + p->offset, whole.before + p->offset, bytes) != 0);
    }
    tear_down(&whole);
    tear_down(&threads);
    tear_down(&cut);
}

/* `wrong` in the middle of a tensor's gradient. */
static void check_diverges(size_t tensor, nn_real wrong, double lr, const char *words) {
    struct setup s = {0};
    if (set_up(&s, "optimizer: sgd", "bias: true")) {
        const nn_param *p = param_at(&s, tensor);
        step(&s, 0.1, 1, 1);
        CHECK(!nn_reducer_nonfinite(s.session.reducer));
        s.net.grads[p->offset + p->count / 2] = wrong;
        step(&s, lr, 1, 7);
        CHECK(nn_reducer_nonfinite(s.session.reducer));
        CHECK_EQ_INT(nn_updater_explain_nonfinite(s.updater), NN_EDIVERGED);
        CHECK_CONTAINS(nn_error_message(), words);
    }
    tear_down(&s);
}

static void check_nothing(void) {
    struct setup s = {0};
    nn_updater *updater = NULL;
    if (configure(&s, "lr: 1") && small_model_new(&s.net, "[dense: {units: 2, frozen: true}]",
                                                  (nn_shape){1, {3}}, NULL, NULL)) {
        s.session = (nn_session){.settings = nn_config_settings(s.config), .model = s.net.model};
        CHECK_EQ_INT(nn_updater_new(&updater), 0);
        CHECK_EQ_INT(nn_updater_plan(updater, &s.session), NN_EUSAGE);
        CHECK_CONTAINS(nn_error_message(), "nothing to train");
    }
    nn_updater_free(updater);
    tear_down(&s);
}

int main(void) {
    check_clip_norm();
    check_regularisation();
    check_factors();
    check_statistics();
    check_average();
    check_max_norm();
    check_ranges("optimizer: sgd");
    check_ranges("optimizer: {adam: {amsgrad: true}}, ema: {}");
    check_ranges("optimizer: lamb, clip_norm: 0.1");
    check_ranges("optimizer: {lars: {trust: 0.1}}, l1: 0.1");
    check_diverges(WIDE, NAN, 0.1, "in step 7 the gradient 'weight' of layer 'wide'");
    check_diverges(LAST_BIAS, INFINITY, 0.1, "in step 7 the gradient 'bias' of layer 'last'");
    check_diverges(LAST, 1e30F, 1e30, "in step 7 the parameter 'weight' of layer 'last'");
    check_nothing();
    return check_done();
}
