/* double: yes */
/* Optimisers against PyTorch's numbers, and against sequences worked by hand. */
#include "nn/optimizers/optimizer.h"

#include "check.h"
#include "golden/optimizers.h"
#include "rows.h"

#include <math.h>

#define N (3 * GOLDEN_COPIES) /* 36: no multiple of most vector widths */

struct setup {
    nn_pool pool;
    const nn_optimizer_ops *ops;
    union row_options options;
    nn_real w[N], g[N], state[NN_MAX_SLOTS][N];
    nn_real *slot[NN_MAX_SLOTS];
};

static bool set_up(struct setup *s, const char *yaml) {
    const nn_entry *row = NULL;

    *s = (struct setup){0};
    for (int i = 0; i < NN_MAX_SLOTS; i++)
        s->slot[i] = s->state[i];
    if (!row_take(&s->pool, &nn_optimizers, yaml, &row, &s->options))
        return false;
    s->ops = (const nn_optimizer_ops *)row;
    return true;
}

/* One step on elements [begin, end), the norms being those of all. */
static void step_range(struct setup *s, nn_update update, int begin, int end, double *sums) {
    nn_real *slot[NN_MAX_SLOTS];
    size_t n = (size_t)(end - begin);

    for (int i = 0; i < NN_MAX_SLOTS; i++)
        slot[i] = s->state[i] + begin;
    update.sums = sums;
    if (sums)
        s->ops->step(&s->options, &update, n, s->g + begin, s->w + begin, slot);
}

static void step_with(struct setup *s, nn_update update) {
    double sums[NN_UPDATE_SUMS] = {0};

    if (s->ops->norms)
        s->ops->norms(&s->options, &update, N, s->g, s->w, s->slot, sums);
    step_range(s, update, 0, N, sums);
}

static void step(struct setup *s, double lr, int64_t number) {
    step_with(s, (nn_update){.lr = lr, .scale = 1, .step = number, .decay = 1, .adapt = true});
}

/* All of w, so that the kernel's tail is looked at, too. */
static void check_all(const struct setup *s, double expected, double tolerance) {
    for (int i = 0; i < N; i++)
        CHECK_NEAR(s->w[i], expected, tolerance);
}

static void check_golden(const struct golden_optimizer *g) {
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
                CHECK_NEAR(s.w[i], g->w[t][i % 3], 1e-13);
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

/* With gradient 0 a weight shrinks by exactly (1 - lr lambda) a step; a bias does not. */
static void check_decay(const char *yaml) {
    const double factor = 1 - 0.25 * 0.5;
    const char *name[NN_MAX_SLOTS];
    struct setup s;

    if (set_up(&s, yaml)) {
        nn_update update = {.lr = 0.25, .scale = 1, .step = 1};
        for (int i = 0; i < N; i++)
            s.w[i] = 3;
        step_with(&s, update);
        check_all(&s, 3, 0);
        update.decay = 1;
        step_with(&s, update);
        check_all(&s, 3 * factor, 0);
        if (s.ops->slots(&s.options, name) != 1) {
            step_with(&s, update);
            check_all(&s, 3 * factor * factor, 0);
        }
    }
    nn_pool_release(&s.pool);
}

/* What the training section adds to the gradient: its sum becomes the mean (scale), which is
 * clipped, then L1, L2 and the optimiser's own decay join it. */
static void check_gradient(void) {
    struct setup s;

    if (set_up(&s, "{sgd: {weight_decay: 0.5}}")) {
        for (int i = 0; i < N; i++) {
            s.w[i] = i % 2 ? 2 : -2;
            s.g[i] = 8;
        }
        step_with(&s, (nn_update){.lr = 0.5, .scale = 0.125, .step = 1, .decay = 1});
        for (int i = 0; i < N; i++)
            CHECK_NEAR(s.w[i], i % 2 ? 1 : -2, 0);
        for (int i = 0; i < N; i++) {
            s.w[i] = i % 3 - 1;
            s.g[i] = i % 2 ? 8 : -8;
        }
        step_with(&s,
                  (nn_update){.lr = 1, .scale = 0.5, .clip = 0.25, .l1 = 0.5, .l2 = 2, .step = 1});
        for (int i = 0; i < N; i++) {
            double w = i % 3 - 1, sign = w; /* -1, 0, 1 */
            CHECK_NEAR(s.w[i], w - ((i % 2 ? 0.25 : -0.25) + 2 * w + 0.5 * sign), 0);
        }
    }
    nn_pool_release(&s.pool);
}

/* The kernel's other gradient path is the one of all optimisers but sgd. */
static void check_clip(const char *yaml) {
    struct setup clipped, small;

    if (set_up(&clipped, yaml) && set_up(&small, yaml)) {
        for (int i = 0; i < N; i++) {
            clipped.w[i] = small.w[i] = cos(i);
            clipped.g[i] = i % 2 ? 100 + i : -100 - i;
            small.g[i] = i % 2 ? 1 : -1;
        }
        step_with(&clipped, (nn_update){.lr = 0.1, .scale = 0.5, .clip = 0.5, .step = 1});
        step_with(&small, (nn_update){.lr = 0.1, .scale = 0.5, .step = 1});
        for (int i = 0; i < N; i++)
            CHECK_NEAR(clipped.w[i], small.w[i], 1e-15);
    }
    nn_pool_release(&clipped.pool);
    nn_pool_release(&small.pool);
}

/* Cutting the vector among threads or ranks changes no bit. */
static void check_ranges(const char *yaml) {
    struct setup whole, cut;

    if (set_up(&whole, yaml) && set_up(&cut, yaml)) {
        for (int i = 0; i < N; i++) {
            whole.w[i] = cut.w[i] = sin(i);
            whole.g[i] = cut.g[i] = cos(3 * i);
        }
        for (int t = 1; t <= 3; t++) {
            double sums[NN_UPDATE_SUMS] = {0}, same[NN_UPDATE_SUMS] = {0};
            nn_update update = {.lr = 0.1, .scale = 0.3, .step = t, .decay = 1, .adapt = true};
            if (whole.ops->norms) {
                whole.ops->norms(&whole.options, &update, N, whole.g, whole.w, whole.slot, sums);
                cut.ops->norms(&cut.options, &update, N, cut.g, cut.w, cut.slot, same);
            }
            step_range(&whole, update, 0, N, sums);
            step_range(&cut, update, 0, 16, same);
            step_range(&cut, update, 16, N, same);
        }
        for (int i = 0; i < N; i++)
            CHECK_NEAR(whole.w[i], cut.w[i], 0);
    }
    nn_pool_release(&whole.pool);
    nn_pool_release(&cut.pool);
}

/* Biases have no trust ratio: a step as if the norms were equal. */
static void check_no_ratio(const char *yaml) {
    double sums[NN_UPDATE_SUMS] = {0};
    nn_update update = {.lr = 0.5, .scale = 1, .step = 1};
    struct setup s;

    if (set_up(&s, yaml)) {
        for (int i = 0; i < N; i++) {
            s.w[i] = 100;
            s.g[i] = 2;
        }
        s.ops->norms(&s.options, &update, N, s.g, s.w, s.slot, sums);
        CHECK_NEAR(sums[0], N * 1e4, 1e-9);
        step_range(&s, update, 0, N, sums);
        check_all(&s, strcmp(yaml, "lars") == 0 ? 99 : 99.5, 1e-6);
    }
    nn_pool_release(&s.pool);
}

/* `names`: of the state vectors, separated by spaces. */
static void check_slots(const char *yaml, const char *names) {
    const char *name[NN_MAX_SLOTS];
    char text[128] = "";
    struct setup s;

    if (set_up(&s, yaml)) {
        size_t used = s.ops->slots(&s.options, name);
        for (size_t i = 0; i < used; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                     name[i]);
        CHECK_STR(text, names);
        CHECK(used < NN_MAX_SLOTS); /* one is left for the average of the parameters */
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

/* A gradient of NaN or Inf never stays hidden in the state. */
static void check_shows(const char *yaml, nn_real bad) {
    struct setup s;

    if (set_up(&s, yaml)) {
        for (int i = 0; i < N; i++) {
            s.w[i] = 1;
            s.g[i] = 1;
        }
        step(&s, 0.1, 1);
        s.g[5] = bad;
        step(&s, 0.1, 2);
        if (!CHECK(!isfinite(s.w[5])))
            fprintf(stderr, "... for %s\n", yaml);
    }
    nn_pool_release(&s.pool);
}

static bool has_golden(const char *name) {
    for (size_t i = 0; i < sizeof golden_optimizer / sizeof *golden_optimizer; i++)
        if (strstr(golden_optimizer[i].yaml, name))
            return true;
    return false;
}

/* Every row's first option is its learning rate, negative ones are refused everywhere, and there
 * are numbers to compare with. */
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
        CHECK(has_golden((*row)->name));
        check_ranges((*row)->name);
        check_clip((*row)->name);
        check_shows((*row)->name, NAN);
        check_shows((*row)->name, (nn_real)INFINITY);
        check_shows((*row)->name, (nn_real)-INFINITY);
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof golden_optimizer / sizeof *golden_optimizer; i++)
        check_golden(&golden_optimizer[i]);
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
    check_decay("{adamw: {weight_decay: 0.5}}");
    check_gradient();
    check_ranges("{sgd: {momentum: 0.9, weight_decay: 0.1}}");
    check_no_ratio("lars");
    check_no_ratio("lamb");
    check_slots("sgd", "");
    check_slots("{sgd: {momentum: 0.1}}", "momentum_buffer");
    check_slots("momentum", "momentum_buffer");
    check_slots("nesterov", "momentum_buffer");
    check_slots("adagrad", "sum");
    check_slots("adadelta", "square_avg acc_delta");
    check_slots("rmsprop", "square_avg");
    check_slots("{rmsprop: {momentum: 0.5}}", "square_avg momentum_buffer");
    check_slots("{rmsprop: {momentum: 0.5, centered: true}}",
                "square_avg grad_avg momentum_buffer");
    check_slots("adam", "exp_avg exp_avg_sq");
    check_slots("{adamw: {amsgrad: true}}", "exp_avg exp_avg_sq max_exp_avg_sq");
    check_slots("lars", "momentum_buffer");
    check_slots("{lars: {momentum: 0}}", "");
    check_slots("lamb", "exp_avg exp_avg_sq");
    check_table();
    check_shows("{rmsprop: {centered: true, momentum: 0.5}}", (nn_real)INFINITY);
    check_shows("{adam: {amsgrad: true}}", (nn_real)INFINITY);
    check_shows("{adam: {amsgrad: true}}", NAN);
    check_refused("{sgd: {nesterov: true}}", "does nothing without momentum");
    check_refused("{sgd: {dampening: 0.1}}", "does nothing without momentum");
    check_refused("{sgd: {momentum: 0.9, dampening: 0.1, nesterov: true}}", "wants dampening: 0");
    check_refused("{sgd: {momentum: 1}}", "out of range [0, 1)");
    check_refused("{nesterov: {nesterov: true}}", "unknown key");
    return check_done();
}
