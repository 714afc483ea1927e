/* Every loss of the table and every option against PyTorch: value, weight and gradient. A row or an
 * option without numbers fails the test. */
#include "check.h"
#include "golden/losses.h"
#include "io/yaml/yaml.h"
#include "nn/losses/loss.h"

#include <math.h>

enum { MOST = 24, GOLDEN = sizeof golden_losses / sizeof *golden_losses };

/* Single precision is checked to 1e-5 of the largest gradient, double nearly to the last bit. */
static const double relative = sizeof(nn_real) == 4 ? 1e-5 : 1e-13;

static void round_all(size_t n, const double *from, nn_real *to) {
    for (size_t i = 0; i < n; i++)
        to[i] = (nn_real)from[i];
}

static void compare(const struct golden_loss *g, nn_loss *loss) {
    nn_real z[MOST], y[MOST], weight[MOST], dz[MOST];
    nn_target target = {.label = g->label, .weight = weight};
    nn_loss_sum sum = {0};
    double largest = 0;
    size_t n = g->batch * g->width;

    round_all(n, g->z, z);
    round_all(n, g->y, y);
    round_all(g->batch, g->weight, weight);
    if (g->target_width)
        target = (nn_target){.value = y, .width = g->width, .weight = weight};
    nn_loss_eval(loss, g->batch, z, &target, &sum, dz);
    CHECK_NEAR(sum.loss, g->loss, relative * g->loss);
    CHECK_NEAR(sum.weight, g->total, relative * g->total);
    for (size_t k = 0; k < n; k++)
        largest = fmax(largest, fabs(g->dz[k]));
    for (size_t k = 0; k < n; k++)
        CHECK_NEAR(dz[k], g->dz[k], relative * largest);
}

static void check_golden(const struct golden_loss *g) {
    nn_pool pool = {0};
    nn_node *node;
    nn_loss *loss = NULL;
    int before = check_failures;
    nn_loss_spec spec = {.outputs = g->width,
                         .batch = g->batch,
                         .labels = !g->target_width,
                         .classes = (int64_t)nn_loss_classes(g->width),
                         .target_width = g->target_width};

    if (CHECK(nn_yaml_parse(&pool, "golden", g->yaml, strlen(g->yaml), &node) == 0) &&
        CHECK(nn_loss_new(node, &spec, &loss) == 0))
        compare(g, loss);
    if (check_failures > before)
        fprintf(stderr, "... for loss %s of %zu outputs\n", g->yaml, g->width);
    nn_loss_free(loss);
    nn_pool_release(&pool);
}

static bool has_golden(const char *row, const char *option) {
    for (size_t i = 0; i < GOLDEN; i++) {
        const char *name = golden_losses[i].yaml + (golden_losses[i].yaml[0] == '{');
        size_t length = strlen(row);
        if (strncmp(name, row, length) == 0 && (!name[length] || name[length] == ':') &&
            (!option || strstr(name, option)))
            return true;
    }
    return false;
}

static void check_options(const char *row, const nn_option *options) {
    for (; options && options->key; options++)
        if (!CHECK(has_golden(row, options->key)))
            fprintf(stderr, "option '%s' of loss '%s' has no golden numbers\n", options->key, row);
}

int main(void) {
    for (const nn_entry *const *row = nn_losses.rows; *row; row++) {
        CHECK(has_golden((*row)->name, NULL));
        check_options((*row)->name, (*row)->options);
        check_options((*row)->name, nn_loss_options);
    }
    for (size_t i = 0; i < GOLDEN; i++)
        check_golden(&golden_losses[i]);
    return check_done();
}
