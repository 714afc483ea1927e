/* double: yes */
/* Optimisers against PyTorch's numbers, against sequences worked by hand, and SPEC 9.5. */
#include "check.h"
#include "golden/sgd.h"
#include "nn/optimizer.h"
#include "rows.h"

#include <math.h>

#define N 37 /* no multiple of any vector width */

struct setup {
    nn_pool pool;
    const nn_optimizer_ops *ops;
    union row_options options;
    nn_real w[N], g[N], v[N];
    nn_real *slot[NN_MAX_SLOTS];
};

static bool set_up(struct setup *s, const char *yaml) {
    const nn_entry *row = NULL;

    *s = (struct setup){0};
    s->slot[0] = s->v;
    if (!row_take(&s->pool, &nn_optimizers, yaml, &row, &s->options))
        return false;
    s->ops = (const nn_optimizer_ops *)row;
    return true;
}

static void step(struct setup *s, double lr, int64_t number) {
    nn_update update = {.lr = lr, .scale = 1, .step = number, .decay = true};
    s->ops->step(&s->options, &update, N, s->g, s->w, s->slot);
}

/* All of w, so that the kernel's tail is looked at, too. */
static void check_all(const struct setup *s, double expected, double tolerance) {
    for (int i = 0; i < N; i++)
        CHECK_NEAR(s->w[i], expected, tolerance);
}

static void check_golden(const struct golden_sgd *g) {
    struct setup s;

    if (set_up(&s, g->yaml)) {
        int before = check_failures;
        for (int i = 0; i < N; i++)
            s.w[i] = golden_start[i % 3];
        for (int t = 0; t < GOLDEN_STEPS; t++) {
            for (int i = 0; i < N; i++)
                s.g[i] = golden_curvature[i % 3] * (s.w[i] - golden_target[i % 3]);
            step(&s, t < 3 ? g->lr : g->lr / 2, t + 1);
            for (int i = 0; i < N; i++)
                CHECK_NEAR(s.w[i], g->w[t][i % 3], 1e-14);
        }
        if (check_failures > before)
            fprintf(stderr, "... for %s\n", g->yaml);
    }
    nn_pool_release(&s.pool);
}

/* w after three steps with the gradients 1, 2, 3, from w = 0, all numbers exact in binary. */
static void check_by_hand(const char *yaml, double w1, double w2, double w3) {
    const double expected[] = {w1, w2, w3};
    struct setup s;

    if (set_up(&s, yaml))
        for (int t = 0; t < 3; t++) {
            for (int i = 0; i < N; i++)
                s.g[i] = t + 1;
            step(&s, 0.5, t + 1);
            check_all(&s, expected[t], 0);
        }
    nn_pool_release(&s.pool);
}

/* SPEC 9.5: with gradient 0 a weight shrinks by exactly (1 - lr lambda) a step; a bias does not. */
static void check_decay(const char *yaml) {
    struct setup s;

    if (set_up(&s, yaml)) {
        nn_update update = {.lr = 0.25, .scale = 1, .step = 1};
        for (int i = 0; i < N; i++)
            s.w[i] = 3;
        s.ops->step(&s.options, &update, N, s.g, s.w, s.slot);
        check_all(&s, 3, 0);
        update.decay = true;
        s.ops->step(&s.options, &update, N, s.g, s.w, s.slot);
        check_all(&s, 3 * (1 - 0.25 * 0.5), 0);
        if (s.ops->slots_used(&s.options) == 0) {
            s.ops->step(&s.options, &update, N, s.g, s.w, s.slot);
            check_all(&s, 3 * (1 - 0.25 * 0.5) * (1 - 0.25 * 0.5), 0);
        }
    }
    nn_pool_release(&s.pool);
}

/* The gradient is a sum; `scale` makes the mean of it, before weight decay is added. */
static void check_scale(void) {
    struct setup s;

    if (set_up(&s, "{sgd: {weight_decay: 0.5}}")) {
        nn_update update = {.lr = 0.5, .scale = 0.125, .step = 1, .decay = true};
        for (int i = 0; i < N; i++) {
            s.w[i] = 2;
            s.g[i] = 8;
        }
        s.ops->step(&s.options, &update, N, s.g, s.w, s.slot);
        check_all(&s, 2 - 0.5 * (8 * 0.125 + 0.5 * 2), 0);
    }
    nn_pool_release(&s.pool);
}

/* Cutting the vector among threads changes no bit. */
static void check_ranges(void) {
    struct setup whole, cut;

    if (set_up(&whole, "{sgd: {momentum: 0.9, weight_decay: 0.1}}") &&
        set_up(&cut, "{sgd: {momentum: 0.9, weight_decay: 0.1}}")) {
        for (int i = 0; i < N; i++) {
            whole.w[i] = cut.w[i] = sin(i);
            whole.g[i] = cut.g[i] = cos(3 * i);
        }
        for (int t = 1; t <= 3; t++) {
            nn_update update = {.lr = 0.1, .scale = 0.3, .step = t, .decay = true};
            nn_real *tail[] = {cut.v + 16};
            whole.ops->step(&whole.options, &update, N, whole.g, whole.w, whole.slot);
            cut.ops->step(&cut.options, &update, 16, cut.g, cut.w, cut.slot);
            cut.ops->step(&cut.options, &update, N - 16, cut.g + 16, cut.w + 16, tail);
        }
        for (int i = 0; i < N; i++)
            CHECK_NEAR(whole.w[i], cut.w[i], 0);
    }
    nn_pool_release(&whole.pool);
    nn_pool_release(&cut.pool);
}

static void check_slots(const char *yaml, size_t used) {
    struct setup s;

    if (set_up(&s, yaml)) {
        CHECK_EQ_INT(s.ops->slots_used(&s.options), used);
        CHECK_STR(s.ops->slots[0], "momentum_buffer");
        CHECK(s.ops->slots[1] == NULL);
        CHECK(!s.ops->check || s.ops->check(&s.options, NULL) == 0);
    }
    nn_pool_release(&s.pool);
}

static void check_refused(const char *yaml, const char *part) {
    nn_pool pool = {0};
    const nn_entry *row = NULL;
    union row_options options;
    int rc = row_bind(&pool, &nn_optimizers, yaml, &row, &options);

    if (rc == 0 && ((const nn_optimizer_ops *)row)->check)
        rc = ((const nn_optimizer_ops *)row)->check(&options, NULL);
    CHECK_EQ_INT(rc, NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), part);
    nn_pool_release(&pool);
}

/* Every row's first option is its learning rate, and negative ones are refused everywhere. */
static void check_table(void) {
    for (const nn_entry *const *row = nn_optimizers.rows; *row; row++) {
        for (const nn_option *o = (*row)->options; o->key; o++) {
            char yaml[128];
            if (o->type != NN_OPT_REAL)
                continue;
            snprintf(yaml, sizeof yaml, "{%s: {%s: -1}}", (*row)->name, o->key);
            check_refused(yaml, "is out of range");
        }
        CHECK_STR((*row)->options[0].key, "lr");
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof golden_sgd / sizeof *golden_sgd; i++)
        check_golden(&golden_sgd[i]);
    check_by_hand("sgd", -0.5, -1.5, -3);
    /* v = 1, 2.5, 4.25 */
    check_by_hand("{momentum: {momentum: 0.5}}", -0.5, -1.75, -3.875);
    /* v = 1, 0.5 + 2/4, 0.5 + 3/4 */
    check_by_hand("{momentum: {momentum: 0.5, dampening: 0.75}}", -0.5, -1, -1.625);
    /* g + v/2 = 1.5, 3.25, 5.125 */
    check_by_hand("{nesterov: {momentum: 0.5}}", -0.75, -2.375, -4.9375);
    check_by_hand("{sgd: {momentum: 0.5, nesterov: true}}", -0.75, -2.375, -4.9375);
    check_decay("{sgd: {weight_decay: 0.5}}");
    check_decay("{momentum: {weight_decay: 0.5}}");
    check_scale();
    check_ranges();
    check_slots("sgd", 0);
    check_slots("{sgd: {momentum: 0.1}}", 1);
    check_slots("momentum", 1);
    check_slots("nesterov", 1);
    check_table();
    check_refused("{sgd: {nesterov: true}}", "does nothing without momentum");
    check_refused("{sgd: {dampening: 0.1}}", "does nothing without momentum");
    check_refused("{sgd: {momentum: 0.9, dampening: 0.1, nesterov: true}}", "wants dampening: 0");
    check_refused("{sgd: {momentum: 1}}", "out of range [0, 1)");
    check_refused("{nesterov: {nesterov: true}}", "unknown key");
    return check_done();
}
