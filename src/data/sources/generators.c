#include "base/numbers/elementary.h"
#include "data/sources/make.h"

#include <stddef.h>

/* Streams of random numbers, kept apart by their first counter. */
enum { STREAM_ROW, STREAM_CENTRE };

static nn_rng row_stream(uint64_t seed, int64_t i) {
    return nn_rng_stream(seed, NN_RNG_DATA, STREAM_ROW, (uint64_t)i);
}

typedef struct blobs_options {
    int64_t classes, features;
    double spread, box;
} blobs_options;

static const nn_option blobs_table[] = {
    {"classes", NN_OPT_INT, offsetof(blobs_options, classes), "3", "[1, 65536]",
     "number of blobs, each a class"},
    {"features", NN_OPT_INT, offsetof(blobs_options, features), "2", "[1, 1000000]",
     "numbers a sample"},
    {"spread", NN_OPT_REAL, offsetof(blobs_options, spread), "1", "[0, inf)",
     "standard deviation of a blob around its centre"},
    {"box", NN_OPT_REAL, offsetof(blobs_options, box), "10", "[0, inf)",
     "the centres are uniform in [-box, box] in every direction"},
    NN_OPTION_END,
};

static int blobs_plan(const void *options, nn_made *made) {
    const blobs_options *o = options;

    *made = (nn_made){.x = {1, {o->features}}, .classes = o->classes};
    return NN_OK;
}

static void blobs_row(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y) {
    const blobs_options *o = options;
    int64_t class = i % o->classes;
    nn_rng row = row_stream(seed, i);
    nn_rng centre = nn_rng_stream(seed, NN_RNG_DATA, STREAM_CENTRE, (uint64_t) class);

    nn_rng_normal(&row, 0, (size_t)o->features, x);
    for (int64_t e = 0; e < o->features; e++) {
        nn_real at;
        nn_rng_uniform(&centre, (uint64_t)e, 1, &at);
        x[e] = (nn_real)(o->box * (2 * (double)at - 1) + o->spread * (double)x[e]);
    }
    *y = (double)class;
}

static const nn_generator_ops blobs = {
    .entry = {"blobs", "Normal clouds around random centres, one a class.", blobs_table,
              sizeof(blobs_options)},
    .plan = blobs_plan,
    .row = blobs_row,
};

typedef struct spirals_options {
    int64_t classes;
    double turns, noise;
} spirals_options;

static const nn_option spirals_table[] = {
    {"classes", NN_OPT_INT, offsetof(spirals_options, classes), "2", "[1, 65536]",
     "number of arms, each a class"},
    {"turns", NN_OPT_REAL, offsetof(spirals_options, turns), "1", "(0, inf)",
     "turns of an arm from the centre to radius 1"},
    {"noise", NN_OPT_REAL, offsetof(spirals_options, noise), "0.02", "[0, inf)",
     "standard deviation of a point around its place on the arm"},
    NN_OPTION_END,
};

static int spirals_plan(const void *options, nn_made *made) {
    *made = (nn_made){.x = {1, {2}}, .classes = ((const spirals_options *)options)->classes};
    return NN_OK;
}

static void spirals_row(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y) {
    const spirals_options *o = options;
    int64_t arm = i % o->classes;
    nn_rng row = row_stream(seed, i);
    nn_real radius;
    nn_circle at;

    nn_rng_uniform(&row, 0, 1, &radius);
    nn_rng_normal(&row, 2, 2, x);
    at = nn_circle_at(o->turns * (double)radius + (double)arm / (double)o->classes);
    x[0] = (nn_real)((double)radius * at.cosine + o->noise * (double)x[0]);
    x[1] = (nn_real)((double)radius * at.sine + o->noise * (double)x[1]);
    *y = (double)arm;
}

static const nn_generator_ops spirals = {
    .entry = {"spirals", "Points on interleaved spirals, one arm a class.", spirals_table,
              sizeof(spirals_options)},
    .plan = spirals_plan,
    .row = spirals_row,
};

typedef struct xor_options {
    int64_t bits;
    double noise;
} xor_options;

static const nn_option xor_table[] = {
    {"bits", NN_OPT_INT, offsetof(xor_options, bits), "2", "[1, 32]", "numbers a sample"},
    {"noise", NN_OPT_REAL, offsetof(xor_options, noise), "0", "[0, inf)",
     "standard deviation of a point around its corner"},
    NN_OPTION_END,
};

static int xor_plan(const void *options, nn_made *made) {
    *made = (nn_made){.x = {1, {((const xor_options *)options)->bits}}, .classes = 2};
    return NN_OK;
}

static void xor_row(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y) {
    const xor_options *o = options;
    nn_rng row = row_stream(seed, i);
    int parity = 0;

    nn_rng_normal(&row, 0, (size_t)o->bits, x);
    for (int64_t e = 0; e < o->bits; e++) {
        int bit = (int)(i >> (o->bits - 1 - e) & 1);
        parity ^= bit;
        x[e] = (nn_real)(bit + o->noise * (double)x[e]);
    }
    *y = parity;
}

static const nn_generator_ops xor
    = {
        .entry =
            {"xor",
             "The corners of a cube, row by row in binary order; the class is the parity of the "
             "bits, for two of them exclusive or.",
             xor_table, sizeof(xor_options)},
        .plan = xor_plan,
        .row = xor_row,
};

typedef struct line_options {
    double slope, intercept, noise;
} line_options;

static const nn_option line_table[] = {
    {"slope", NN_OPT_REAL, offsetof(line_options, slope), "2", "(-inf, inf)", "the a of a x + b"},
    {"intercept", NN_OPT_REAL, offsetof(line_options, intercept), "1", "(-inf, inf)",
     "the b of a x + b"},
    {"noise", NN_OPT_REAL, offsetof(line_options, noise), "0", "[0, inf)",
     "standard deviation of y around the line"},
    NN_OPTION_END,
};

static int curve_plan(const void *options, nn_made *made) {
    (void)options;
    *made = (nn_made){.x = {1, {1}}};
    return NN_OK;
}

static void line_row(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y) {
    const line_options *o = options;
    nn_rng row = row_stream(seed, i);
    nn_real noise;

    nn_rng_uniform(&row, 0, 1, x);
    nn_rng_normal(&row, 2, 1, &noise);
    *x = 2 * *x - 1;
    *y = o->slope * (double)*x + o->intercept + o->noise * (double)noise;
}

static const nn_generator_ops line = {
    .entry = {"line", "Numbers on a line: y = slope x + intercept, x uniform in [-1, 1].",
              line_table, sizeof(line_options)},
    .plan = curve_plan,
    .row = line_row,
};

typedef struct sine_options {
    double periods, noise;
} sine_options;

static const nn_option sine_table[] = {
    {"periods", NN_OPT_REAL, offsetof(sine_options, periods), "1", "(0, inf)",
     "periods between 0 and 1"},
    {"noise", NN_OPT_REAL, offsetof(sine_options, noise), "0", "[0, inf)",
     "standard deviation of y around the curve"},
    NN_OPTION_END,
};

static void sine_row(const void *options, uint64_t seed, int64_t i, nn_real *x, double *y) {
    const sine_options *o = options;
    nn_rng row = row_stream(seed, i);
    nn_real noise;

    nn_rng_uniform(&row, 0, 1, x);
    nn_rng_normal(&row, 2, 1, &noise);
    *y = nn_circle_at(o->periods * (double)*x).sine + o->noise * (double)noise;
}

static const nn_generator_ops sine = {
    .entry = {"sine", "Numbers on a curve: y = sin(2 pi periods x), x uniform in [0, 1).",
              sine_table, sizeof(sine_options)},
    .plan = curve_plan,
    .row = sine_row,
};

static const nn_entry *const rows[] = {
    &blobs.entry, &spirals.entry, &xor.entry, &line.entry, &sine.entry, &nn_generator_digits.entry,
    NULL,
};

const nn_family nn_generators = {"generator", rows};
