/* ranks: 1 2 3 */
/* nodes: 2 */
/* timeout: 120 */
/* Views are the tensors that copies are of; what is written through them is the training's, once
 * also where all ranks of a node write; and what comes at the wrong time is refused. */
#include "parts_trial.h"

#include <stdlib.h>
#include <string.h>

/* Its kernels have another order in memory than in PyTorch, its statistics no gradient. */
static const char images[] =
    "data: {source: synthetic, generator: {blobs: {features: 48, classes: 2}}, samples: 80, test: "
    "0.25}\n"
    "model: [reshape: {shape: [3, 4, 4]}, conv2d: {name: c, filters: 3, kernel: 3}, batch_norm: "
    "{name: n}, flatten, dense: "
    "{name: h, units: 8, activation: relu}, dense: {name: f, units: 5, frozen: true}, dense: "
    "{name: o, units: 2}]\n"
    "loss: cross_entropy\n"
    "train: {epochs: 3, batch_size: 12, lr: 0.05, optimizer: {sgd: {momentum: 0.9}}}\n";

static nn_view viewed(const nn_training *t, const char *name) {
    nn_view view = {.size = sizeof view};
    WORKS(nn_training_view(t, name, &view));
    return view;
}

/* Number i of it, in PyTorch's order. */
static float *at(const nn_view *view, int64_t i) {
    float *number = view->data;
    for (int d = view->rank - 1; d >= 0; d--) {
        number += i % view->dim[d] * view->stride[d];
        i /= view->dim[d];
    }
    return number;
}

static int64_t count_of(const nn_view *view) {
    int64_t count = 1;
    for (int d = 0; d < view->rank; d++)
        count *= view->dim[d];
    return count;
}

typedef int get_fn(nn_training *t, const char *tensor, float *values);

/* Each number of the view, divided by its weight, is `factor` times that of the copy. */
static void compare(const nn_view *view, const float *copy, double factor) {
    for (int64_t i = 0; i < count_of(view); i++)
        if (!CHECK_NEAR((double)*at(view, i) / view->weight, factor * (double)copy[i], 1e-6))
            return;
}

static void multiply(const nn_view *view, float factor) {
    for (int64_t i = 0; i < count_of(view); i++)
        *at(view, i) *= factor;
}

/* All parameters by views and by copies, and halved by both. */
static void test_parameters(nn_comm *comm, const char *override, bool in_parts) {
    static float copy[MOST];
    nn_config *config = configured(images, override);
    nn_train_options options = {.size = sizeof options, .run_dir = "", .in_parts = in_parts};
    nn_training *viewing = NULL, *copying = NULL;
    nn_array shape;
    WORKS(nn_training_open(comm, config, &options, &viewing));
    WORKS(nn_training_open(comm, config, &options, &copying));
    for (int step = 0; step < 3; step++) {
        WORKS(nn_training_take(viewing, NN_READ_PARAMETERS));
        for (size_t i = 0; i < nn_training_tensors(copying); i++) {
            const char *name = nn_training_tensor(copying, i, &shape);
            nn_view view = viewed(viewing, name);
            WORKS(nn_training_get(copying, name, copy));
            CHECK_EQ_INT(view.rank, shape.rank);
            for (int d = 0; d < shape.rank; d++)
                CHECK_EQ_INT(view.dim[d], shape.dim[d]);
            compare(&view, copy, 1);
        }
        WORKS(nn_training_restore(viewing));
        WORKS(nn_training_take(viewing, NN_WRITE_PARAMETERS));
        for (size_t i = 0; i < nn_training_tensors(copying); i++) {
            const char *name = nn_training_tensor(copying, i, &shape);
            nn_view view = viewed(viewing, name);
            WORKS(nn_training_get(copying, name, copy));
            multiply(&view, 0.5f);
            compare(&view, copy, 0.5);
            for (int64_t k = 0; k < count_of(&view); k++)
                copy[k] *= 0.5f;
            WORKS(nn_training_set(copying, name, copy));
        }
        WORKS(nn_training_restore(viewing));
        CHECK(farthest(viewing, copying) == 0);
        for (int i = 0; i < 2; i++) {
            nn_training *t = i == 0 ? viewing : copying;
            WORKS(nn_training_step(t));
            WORKS(nn_training_attend(t));
        }
        CHECK(nn_training_loss(viewing) == nn_training_loss(copying));
    }
    nn_training_close(viewing);
    nn_training_close(copying);
    nn_config_free(config);
}

/* What is written of one tensor leaves the averages of the others, also of one that is viewed to be
 * read. */
static void test_other_averages(nn_training *t) {
    float set[8] = {7, 6, 5, 4, 3, 2, 1, 0}, average[8];
    WORKS(nn_training_set_average(t, "h/bias", set));
    WORKS(nn_training_take(t, NN_READ_PARAMETERS));
    viewed(t, "h/bias");
    WORKS(nn_training_restore(t));
    WORKS(nn_training_take(t, NN_WRITE_PARAMETERS));
    nn_view view = viewed(t, "h/weight");
    multiply(&view, 0.5f);
    WORKS(nn_training_restore(t));
    WORKS(nn_training_get_average(t, "h/bias", average));
    CHECK(memcmp(set, average, sizeof set) == 0);
}

/* While tensors are taken. */
static void refused_after_the_end(nn_training *t) {
    static const nn_minibatch none = {.size = sizeof none};
    float values[8];
    FAILS(nn_training_get(t, "h/bias", values), NN_EUSAGE, "nn_training_restore comes first");
    FAILS(nn_training_get_average(t, "h/bias", values), NN_EUSAGE,
          "nn_training_restore comes first");
    FAILS(nn_training_predict(t, &none, values), NN_EUSAGE, "nn_training_restore comes first");
    FAILS(nn_training_write(t, "never.h5", NULL), NN_EUSAGE, "nn_training_restore comes first");
}

/* With an average, which begins with what is written before the first step; and after the end. */
static void test_average(nn_comm *comm) {
    nn_config *config = configured(net, "train.ema={decay: 0.9}");
    nn_training *t = opened(comm, config);
    nn_train_result result = {.size = sizeof result};
    float bias[8], average[8];
    WORKS(nn_training_take(t, NN_WRITE_PARAMETERS));
    nn_view view = viewed(t, "h/bias");
    for (int i = 0; i < 8; i++)
        *at(&view, i) = (float)i;
    WORKS(nn_training_restore(t));
    WORKS(nn_training_get_average(t, "h/bias", average));
    for (int i = 0; i < 8; i++)
        CHECK_NEAR((double)average[i], i, 0);
    test_other_averages(t);
    take_parts(t, NULL);
    WORKS(nn_training_get(t, "h/bias", bias));
    WORKS(nn_training_take(t, NN_READ_PARAMETERS));
    view = viewed(t, "h/bias");
    compare(&view, bias, 1);
    WORKS(nn_training_restore(t));
    WORKS(nn_training_finish(t, &result));
    WORKS(nn_training_get(t, "h/bias", average));
    FAILS(nn_training_take(t, NN_WRITE_PARAMETERS), NN_EUSAGE, "finished");
    WORKS(nn_training_take(t, NN_READ_PARAMETERS));
    view = viewed(t, "h/bias");
    compare(&view, average, 1);
    refused_after_the_end(t);
    WORKS(nn_training_restore(t));
    WORKS(nn_training_get_average(t, "h/bias", average));
    nn_train_result_release(&result);
    nn_training_close(t);
    nn_config_free(config);
}

static void to_gradients(nn_training *t, bool summed) {
    double loss;
    WORKS(nn_training_forward(t, NULL));
    WORKS(nn_training_take_loss(t, &loss));
    WORKS(nn_training_backward(t));
    if (summed)
        WORKS(nn_training_sum_gradients(t));
}

/* Those of this rank, and the sum; a step goes by what is written. */
static void test_gradients(nn_comm *comm) {
    static const char *const tensors[] = {"c/weight", "n/bias", "h/weight", "o/bias"};
    static float copy[MOST], before[MOST];
    nn_config *config = configured(images, "train.optimizer={sgd: {momentum: 0}}");
    nn_training *t = opened(comm, config);
    for (int summed = 0; summed < 2; summed++) {
        to_gradients(t, summed);
        for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
            WORKS(nn_training_get_gradient(t, tensors[i], copy));
            WORKS(nn_training_take(t, NN_GRADIENTS));
            nn_view view = viewed(t, tensors[i]);
            compare(&view, copy, 1);
            WORKS(nn_training_restore(t));
        }
    }
    WORKS(nn_training_take(t, NN_GRADIENTS));
    nn_view view = viewed(t, "c/weight");
    FAILS(nn_training_view(t, "n/running_mean", &view), NN_EUSAGE, "has no gradient");
    FAILS(nn_training_view(t, "f/weight", &view), NN_EUSAGE, "its layer is frozen");
    multiply(&view, 2);
    WORKS(nn_training_restore(t));
    WORKS(nn_training_get_gradient(t, "c/weight", copy));
    WORKS(nn_training_get(t, "c/weight", before));
    WORKS(nn_training_set_rate(t, 0.25));
    WORKS(nn_training_update(t));
    WORKS(nn_training_attend(t));
    for (int64_t i = 0; i < count_of(&view); i++)
        before[i] -= 0.25f * copy[i];
    WORKS(nn_training_take(t, NN_READ_PARAMETERS));
    view = viewed(t, "c/weight");
    compare(&view, before, 1);
    WORKS(nn_training_restore(t));
    nn_training_close(t);
    nn_config_free(config);
}

static void test_misuse(nn_comm *comm) {
    nn_config *config = configured(net, NULL);
    nn_training *t = opened(comm, config);
    nn_view view = {.size = sizeof view};
    nn_train_result result = {.size = sizeof result};
    float values[8];
    FAILS(nn_training_take(NULL, NN_READ_PARAMETERS), NN_EUSAGE, "there is no training");
    FAILS(nn_training_take(t, (nn_access)0), NN_EUSAGE, "0 is no nn_access");
    FAILS(nn_training_view(t, "h/bias", &view), NN_EUSAGE, "nn_training_take comes first");
    FAILS(nn_training_restore(t), NN_EUSAGE, "nn_training_take comes first");
    FAILS(nn_training_take(t, NN_GRADIENTS), NN_EUSAGE, "nn_training_backward comes first");
    for (int access = NN_READ_PARAMETERS; access <= NN_GRADIENTS; access++) {
        if (access == NN_GRADIENTS)
            to_gradients(t, true);
        WORKS(nn_training_take(t, (nn_access)access));
        FAILS(nn_training_take(t, (nn_access)access), NN_EUSAGE, "nn_training_restore comes first");
        FAILS(nn_training_step(t), NN_EUSAGE, "nn_training_restore comes first");
        FAILS(nn_training_get(t, "h/bias", values), NN_EUSAGE, "nn_training_restore comes first");
        FAILS(nn_training_update(t), NN_EUSAGE, "nn_training_restore comes first");
        FAILS(nn_training_finish(t, &result), NN_EUSAGE, "nn_training_restore comes first");
        FAILS(nn_training_view(t, "h/bia", &view), NN_EUSAGE, "did you mean 'h/bias'");
        FAILS(nn_training_view(t, NULL, &view), NN_EUSAGE, "name of the tensor is NULL");
        FAILS(nn_training_view(t, "h/bias", NULL), NN_EUSAGE, "view is NULL");
        view.size = 1;
        FAILS(nn_training_view(t, "h/bias", &view), NN_EUSAGE, "nn_view");
        view.size = sizeof view;
        WORKS(nn_training_view(t, "h/bias", &view));
        WORKS(nn_training_restore(t));
    }
    take_parts(t, NULL); /* none of it has ended the training */
    WORKS(nn_training_take(t, NN_WRITE_PARAMETERS));
    nn_training_close(t); /* with all that was taken */
    nn_config_free(config);
}

static void tests(nn_comm *comm, const rows *r) {
    (void)r;
    test_parameters(comm, NULL, true);
    test_parameters(comm, "train.reduce=node", false);
    test_average(comm);
    test_gradients(comm);
    test_misuse(comm);
}

int main(void) {
    return run_trials(tests);
}
