/* Generators: small artificial data sets, each row a function of (seed, row) only. */
#ifndef NN_DATA_SOURCES_MAKE_H
#define NN_DATA_SOURCES_MAKE_H

#include "base/numbers/rng.h"
#include "base/options/option.h"
#include "base/real.h"
#include "base/shape.h"

/* What a generator makes: x [N, ...]; y [N] class indices, or numbers when classes is 0. */
typedef struct nn_made {
    nn_shape x;
    int64_t classes;
    bool pixels; /* x are whole numbers 0 to 255, stored as bytes and read as 0 to 1 */
} nn_made;

typedef struct nn_generator_ops {
    nn_entry entry;
    /* NN_EUSAGE when the options do not go together. */
    int (*plan)(const void *options, nn_made *made);
    /* Row `i`: x, as many numbers as planned, and the class index or number *y. */
    void (*row)(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y);
} nn_generator_ops;

extern const nn_family nn_generators; /* generators.c: one row a generator */
extern const nn_generator_ops nn_generator_digits;

/* Options every generator takes beside its own. */
typedef struct nn_make_options {
    int64_t samples, seed;
    double valid, test; /* fractions of the samples */
} nn_make_options;
extern const nn_option nn_make_table[];

/* Writes the data set durably. NN_EUSAGE, NN_EIO. Local. */
int nn_make(const nn_generator_ops *generator, const void *options, const nn_make_options *common,
            const char *out);

#endif
