/* Every loss of the table in single precision on outputs of 1e4 and more: loss and gradient stay
 * finite, and what is small stays exact. */
#include "check.h"
#include "io/yaml/yaml.h"
#include "nn/losses/loss.h"

#include <float.h>
#include <math.h>

/* All combinations of outputs and classes. */
static const nn_real extremes[] = {-1e4F, -89, -30, 0, 30, 89, 1e4F};
enum { EXTREMES = sizeof extremes / sizeof *extremes };

static nn_loss *loss_of(nn_pool *pool, const char *name, size_t outputs) {
    nn_loss_spec spec = {.outputs = outputs, .batch = 1, .labels = true, .classes = 2};
    nn_node *node;
    nn_loss *loss = NULL;

    return nn_yaml_parse(pool, "test", name, strlen(name), &node) == 0 &&
                   nn_loss_new(node, &spec, &loss) == 0
               ? loss
               : NULL;
}

static void check_finite(nn_loss *loss, const char *name, size_t outputs, const nn_real *z) {
    for (int32_t label = 0; label < 2; label++) {
        nn_target target = {.label = &label};
        nn_loss_sum sum = {0};
        nn_real dz[2] = {0, 0}, p[2] = {0, 0};

        nn_loss_eval(loss, 1, z, &target, &sum, dz);
        nn_loss_activation(loss, 1, z, p);
        if (!CHECK(isfinite(sum.loss) && sum.loss >= 0 && sum.loss < (double)FLT_MAX) ||
            !CHECK(isfinite(dz[0]) && isfinite(dz[1]) && isfinite(p[0]) && isfinite(p[1])))
            fprintf(stderr, "... for loss %s at (%g, %g), class %d\n", name, (double)z[0],
                    outputs > 1 ? (double)z[1] : 0, (int)label);
    }
}

static void check_row(const char *name) {
    int fits = 0;

    for (size_t outputs = 1; outputs <= 2; outputs++) {
        nn_pool pool = {0};
        nn_loss *loss = loss_of(&pool, name, outputs);
        for (int i = 0; loss && i < EXTREMES * EXTREMES; i++) {
            nn_real z[2] = {extremes[i % EXTREMES], extremes[i / EXTREMES]};
            check_finite(loss, name, outputs, z);
        }
        fits += loss != NULL;
        nn_loss_free(loss);
        nn_pool_release(&pool);
    }
    if (!CHECK(fits > 0))
        fprintf(stderr, "loss '%s': %s\n", name, nn_error_message());
}

static double loss_at(const char *name, size_t outputs, const nn_real *z, int32_t label,
                      nn_real *dz) {
    nn_pool pool = {0};
    nn_loss *loss = loss_of(&pool, name, outputs);
    nn_target target = {.label = &label};
    nn_loss_sum sum = {0};

    if (CHECK(loss != NULL))
        nn_loss_eval(loss, 1, z, &target, &sum, dz);
    nn_loss_free(loss);
    nn_pool_release(&pool);
    return sum.loss;
}

int main(void) {
    nn_real dz[2] = {0, 0};

    for (const nn_entry *const *row = nn_losses.rows; *row; row++)
        check_row((*row)->name);
    check_row("{cross_entropy: {label_smoothing: 0.1, class_weights: [0.1, 3]}}");
    check_row("{binary_cross_entropy: {label_smoothing: 0.1, class_weights: [0.1, 3]}}");
    CHECK_NEAR(loss_at("cross_entropy", 2, (nn_real[]){-1e4F, 1e4F}, 0, dz), 2e4, 0);
    CHECK_NEAR(dz[0], -1, 0);
    CHECK_NEAR(dz[1], 1, 0);
    CHECK_NEAR(loss_at("binary_cross_entropy", 1, (nn_real[]){-1e4F}, 1, dz), 1e4, 0);
    CHECK_NEAR(dz[0], -1, 0);
    /* log(1 + exp(-20)), which max(z, 0) - y z + ... would lose if it were added to 20 first */
    CHECK_NEAR(loss_at("binary_cross_entropy", 1, (nn_real[]){20}, 1, dz), 2.0611536e-9, 1e-14);
    /* the tangent of exp beyond 50 */
    CHECK_NEAR(loss_at("exponential", 1, (nn_real[]){60}, 0, dz) / exp(50), 11, 1e-5);
    CHECK_NEAR((double)dz[0] / exp(50), 1, 1e-6);
    return check_done();
}
