/* An optimiser that is given another one's state goes on as that does; schedules of imperative
 * programs. */
#include "check.h"

#include <nnmpi/nnmpi.h>

#include <math.h>
#include <string.h>

enum { N = 6, STEPS = 4 };

static nn_tensor *param(float first) {
    float values[N];
    for (int i = 0; i < N; i++)
        values[i] = first + 0.1F * (float)i;
    nn_tensor *t = nn_tensor_new(NN_F32, 1, (int64_t[]){N}, values);
    CHECK_EQ_INT(nn_tensor_require_grad(t, true), 0);
    return t;
}

/* Of the sum of x^3. */
static void take_steps(nn_tensor *x, nn_optimizer *o) {
    for (int i = 0; i < STEPS; i++) {
        nn_tensor_scope scope;
        nn_tensor_scope_open(&scope);
        nn_tensor *y = nn_tensor_sum(nn_tensor_power(x, 3), 0, NULL, false);
        CHECK_EQ_INT(nn_tensor_backward(y, NULL, 0), 0);
        CHECK_EQ_INT(nn_optimizer_step(o, 1), 0);
        nn_optimizer_zero_gradients(o);
        nn_tensor_scope_close(&scope);
    }
}

static void test_optimizer(const char *text, size_t slots) {
    nn_tensor *idle = param(1), *x = param(1), *y = param(2);
    nn_optimizer *o = NULL, *other = NULL;
    CHECK_EQ_INT(nn_optimizer_new(NULL, text, 2, (nn_tensor *[]){idle, x}, &o), 0);
    CHECK_EQ_INT(nn_optimizer_new(NULL, text, 2, (nn_tensor *[]){idle, y}, &other), 0);
    CHECK_EQ_INT(nn_optimizer_slots(o), slots);
    CHECK(!nn_optimizer_slot(o, slots));
    take_steps(x, o);
    take_steps(y, other);
    CHECK_EQ_INT(nn_optimizer_param_steps(o, 0), 0);
    CHECK_EQ_INT(nn_optimizer_param_steps(o, 1), STEPS);
    CHECK_EQ_INT(nn_optimizer_param_steps(o, 2), -1);
    CHECK_EQ_INT(nn_optimizer_param_size(o, 1), N);
    CHECK_EQ_INT(nn_optimizer_param_size(o, 2), 0);
    CHECK_EQ_INT(nn_optimizer_get_slot(o, 1, 0, NULL), NN_EUSAGE);
    CHECK_EQ_INT(nn_tensor_set_values(y, NN_F32, nn_tensor_values(x)), 0);
    CHECK_EQ_INT(nn_optimizer_set_param_steps(other, 1, 0), 0);
    CHECK_EQ_INT(nn_optimizer_set_param_steps(other, 1, STEPS), 0);
    float values[N];
    for (size_t i = 0; i < slots; i++) {
        CHECK(strlen(nn_optimizer_slot(o, i)) > 0);
        CHECK_EQ_INT(nn_optimizer_get_slot(o, 1, i, values), 0);
        CHECK(values[0] != 0);
        CHECK_EQ_INT(nn_optimizer_set_slot(other, 1, i, values), 0);
        CHECK_EQ_INT(nn_optimizer_get_slot(o, 0, i, values), 0);
        CHECK(values[N - 1] == 0);
    }
    take_steps(x, o);
    take_steps(y, other);
    CHECK(memcmp(nn_tensor_values(x), nn_tensor_values(y), N * sizeof(float)) == 0);
    CHECK_EQ_INT(nn_optimizer_steps(other), 2 * STEPS);
    CHECK_EQ_INT(nn_optimizer_get_slot(o, 1, slots, values), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_set_slot(o, 2, 0, values), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_set_param_steps(o, 2, 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_set_param_steps(o, 1, -1), NN_EUSAGE);
    nn_optimizer_free(o);
    nn_optimizer_free(other);
    nn_tensor_release(idle);
    nn_tensor_release(x);
    nn_tensor_release(y);
}

static void test_schedules(void) {
    nn_schedule *s = NULL;
    CHECK_EQ_INT(nn_schedule_new("polynomial: {power: 2}", &s), 0);
    CHECK_NEAR(nn_schedule_factor(s, 3, 10), 0.49, 1e-12);
    CHECK_NEAR(nn_schedule_factor(s, 12, 10), 0, 0);
    CHECK_NEAR(nn_schedule_factor(s, 3, 0), 1, 0); /* the end is not known */
    CHECK_EQ_INT(nn_schedule_observe(s, 1, false, 0.1), NN_EUSAGE);
    nn_schedule_free(s);
    CHECK_EQ_INT(nn_schedule_new("polynomial: {power: 2, per: step}", &s), 0);
    CHECK_NEAR(nn_schedule_factor(s, 3, 10), 0.49, 1e-12);
    CHECK_NEAR(nn_schedule_factor(s, 3, 0), 1, 1e-12);
    nn_schedule_free(s);
    CHECK_EQ_INT(nn_schedule_new("reduce_on_plateau: {patience: 0, factor: 0.5}", &s), 0);
    CHECK_EQ_INT(nn_schedule_observe(s, (double)INFINITY, false, 0.1), 0);
    CHECK_EQ_INT(nn_schedule_observe(s, 4, false, 0.1), 0);
    CHECK_NEAR(nn_schedule_get_state(s).best, 4, 0);
    nn_schedule_free(s);
    CHECK_EQ_INT(nn_schedule_new("reduce_on_plateau: {patience: 0, factor: 0.5}", &s), 0);
    CHECK(isnan(nn_schedule_get_state(s).best));
    for (int i = 0; i < 3; i++) /* the first one is the best; two are no better */
        CHECK_EQ_INT(nn_schedule_observe(s, 4, false, 0.1), 0);
    nn_schedule_state state = nn_schedule_get_state(s);
    CHECK_NEAR(nn_schedule_factor(s, 7, 0), 0.25, 1e-12);
    CHECK_NEAR(state.best, 4, 0);
    CHECK_EQ_INT(nn_schedule_observe(s, (double)NAN, false, 0.1), NN_EUSAGE);
    nn_schedule_free(s);
    CHECK_EQ_INT(nn_schedule_new("reduce_on_plateau: {patience: 0, factor: 0.5}", &s), 0);
    CHECK_EQ_INT(nn_schedule_set_state(s, state), 0);
    CHECK_NEAR(nn_schedule_factor(s, 0, 0), 0.25, 1e-12);
    state.bad = -1;
    CHECK_EQ_INT(nn_schedule_set_state(s, state), NN_EUSAGE);
    nn_schedule_free(s);
    nn_schedule_free(NULL);
    CHECK_EQ_INT(nn_schedule_new("cosine: {over: -1}", &s), NN_EUSAGE);
    CHECK_EQ_INT(nn_schedule_new(NULL, &s), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_step(NULL, 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_set_rate(NULL, 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_set_param_steps(NULL, 0, 1), NN_EUSAGE);
    CHECK_EQ_INT(nn_schedule_observe(NULL, 1, false, 1), NN_EUSAGE);
    nn_optimizer *o = NULL;
    CHECK_EQ_INT(nn_optimizer_new(NULL, "sgd", 1, NULL, &o), NN_EUSAGE);
    CHECK(!s);
}

/* What has no code says 0, NULL or false of NULL, and does nothing with it. */
static void test_nothing(void) {
    CHECK(nn_tensor_rank(NULL) == 0 && !nn_tensor_dims(NULL) && nn_tensor_count(NULL) == 0);
    CHECK(nn_tensor_type(NULL) == NN_F32 && !nn_tensor_values(NULL));
    CHECK(!nn_tensor_requires_grad(NULL) && !nn_tensor_gradient(NULL) && !nn_tensor_retain(NULL));
    nn_tensor_release(NULL);
    nn_tensor_scope_open(NULL);
    nn_tensor_scope_close(NULL);
    nn_optimizer_zero_gradients(NULL);
    nn_optimizer_free(NULL);
    CHECK(nn_optimizer_steps(NULL) == 0 && nn_optimizer_slots(NULL) == 0);
    CHECK_NEAR(nn_optimizer_rate(NULL), 0, 0);
    CHECK(!nn_optimizer_slot(NULL, 0) && nn_optimizer_param_size(NULL, 0) == 0);
    CHECK_EQ_INT(nn_optimizer_param_steps(NULL, 0), -1);
    CHECK_NEAR(nn_schedule_factor(NULL, 1, 2), 0, 0);
    CHECK_NEAR(nn_schedule_get_state(NULL).best, 0, 0);
    CHECK_EQ_INT(nn_schedule_set_state(NULL, (nn_schedule_state){0}), NN_EUSAGE);
}

int main(void) {
    test_optimizer("adam: {amsgrad: true, lr: 0.01}", 3);
    test_optimizer("sgd: {momentum: 0.9, lr: 0.01}", 1);
    test_schedules();
    test_nothing();
    return check_done();
}
