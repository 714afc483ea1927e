#include "data/augment/augmentations.h"
#include "math/kernels.h"

#include <stddef.h>

#define STRETCH ((size_t)256) /* numbers drawn at once; even */

typedef struct noise_options {
    double std;
} noise_options;

static void noise_change(const void *options, const nn_rng *rng, size_t n, nn_real *x) {
    const noise_options *o = options;
    const nn_kernels *k = nn_kernels_get();
    uint32_t bits[STRETCH];
    nn_real noise[STRETCH];

    for (size_t first = 0; first < n; first += STRETCH) {
        size_t count = n - first < STRETCH ? n - first : STRETCH, pairs = (count + 1) / 2;
        nn_rng_bits(rng, first, 2 * pairs, bits);
        k->normal(pairs, bits, noise);
        k->axpy(count, (nn_real)o->std, noise, x + first);
    }
}

static const nn_option noise_table[] = {
    {"std", NN_OPT_REAL, offsetof(noise_options, std), "0.1", "[0, inf)",
     "standard deviation, in units of the model's input"},
    NN_OPTION_END,
};

const nn_augment_ops nn_augment_noise = {
    .entry = {"noise", "normally distributed numbers added to samples of any shape", noise_table,
              sizeof(noise_options)},
    .change = noise_change,
};
