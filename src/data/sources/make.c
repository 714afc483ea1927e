#include "data/sources/make.h"

#include "data/output.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>

_Static_assert(sizeof(nn_real) == sizeof(float), "rows are written as they are made");

const nn_option nn_make_table[] = {
    {"samples", NN_OPT_INT, offsetof(nn_make_options, samples), "1000", "[1, 1e12]",
     "samples in all splits together"},
    {"seed", NN_OPT_INT, offsetof(nn_make_options, seed), "1", "[0, inf)",
     "seed of the random numbers"},
    {"valid", NN_OPT_REAL, offsetof(nn_make_options, valid), "0", "[0, 1)",
     "fraction of the samples that goes to /valid"},
    {"test", NN_OPT_REAL, offsetof(nn_make_options, test), "0", "[0, 1)",
     "fraction of the samples that goes to /test"},
    NN_OPTION_END,
};

/* A data set on its way to the file. */
typedef struct maker {
    const nn_generator_ops *generator;
    const void *options;
    uint64_t seed;
    nn_made made;
    size_t width; /* numbers of a row of x */
    nn_output output;
    int64_t piece_rows;
    nn_real *x;     /* [piece_rows][width] */
    float *value;   /* [piece_rows] */
    int32_t *class; /* [piece_rows] */
} maker;

/* Rows [from, from + count) of the generator become rows [first, ...) of the split. */
static int make_piece(maker *m, const char *split, int64_t from, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        double y;
        m->generator->row(m->options, m->seed, from + i, m->x + (size_t)i * m->width, &y);
        m->class[i] = m->made.classes ? (int32_t)y : 0;
        m->value[i] = (float)y;
    }
    NN_TRY(nn_output_rows(&m->output, split, 'x', first, count, NN_F32, m->x));
    if (m->made.classes)
        return nn_output_rows(&m->output, split, 'y', first, count, NN_I32, m->class);
    return nn_output_rows(&m->output, split, 'y', first, count, NN_F32, m->value);
}

static int make_split(maker *m, const char *split, int64_t from, int64_t samples) {
    nn_dtype type = m->made.classes > 256 ? NN_I32 : NN_U8, x = m->made.pixels ? NN_U8 : NN_F32;
    nn_shape y = {0};

    if (samples == 0)
        return NN_OK;
    NN_TRY(nn_output_declare(&m->output, split, 'x', x, samples, &m->made.x));
    NN_TRY(nn_output_declare(&m->output, split, 'y', m->made.classes ? type : NN_F32, samples, &y));
    for (int64_t first = 0; first < samples; first += m->piece_rows) {
        int64_t left = samples - first;
        NN_TRY(
            make_piece(m, split, from + first, first, left < m->piece_rows ? left : m->piece_rows));
    }
    return NN_OK;
}

static int make_splits(maker *m, const nn_make_options *o) {
    int64_t valid = llround((double)o->samples * o->valid);
    int64_t test = llround((double)o->samples * o->test);
    int64_t train = o->samples - valid - test;

    if (train < 1)
        return nn_fail(NN_EUSAGE, "valid = %g and test = %g leave no samples to train on", o->valid,
                       o->test);
    if (m->made.pixels)
        NN_TRY(nn_h5_set_real(m->output.file, "/", "scale", 1.0 / 255));
    NN_TRY(make_split(m, "train", 0, train));
    NN_TRY(make_split(m, "valid", train, valid));
    return make_split(m, "test", train + valid, test);
}

static int allocate(maker *m, int64_t samples) {
    size_t rows;

    m->width = nn_shape_count(&m->made.x);
    m->piece_rows = nn_chunk_rows(m->width * sizeof(nn_real));
    m->piece_rows = m->piece_rows < samples ? m->piece_rows : samples;
    rows = (size_t)m->piece_rows;
    NN_TRY(NN_NEW(&m->x, rows * m->width, "rows"));
    NN_TRY(NN_NEW(&m->value, rows, "rows"));
    return NN_NEW(&m->class, rows, "rows");
}

int nn_make(const nn_generator_ops *generator, const void *options, const nn_make_options *common,
            const char *out) {
    maker m = {.generator = generator, .options = options, .seed = (uint64_t)common->seed};
    uint64_t row_bytes;
    int rc;

    NN_TRY_GOTO(generator->plan(options, &m.made));
    NN_TRY_GOTO(allocate(&m, common->samples));
    row_bytes = m.width * (m.made.pixels ? 1 : sizeof(float)) + sizeof(float);
    NN_TRY_GOTO(nn_output_init(&m.output, out, (uint64_t)common->samples * row_bytes));
    NN_TRY_GOTO(make_splits(&m, common));
done:
    rc = nn_output_end(&m.output, rc);
    nn_free(m.x);
    nn_free(m.value);
    nn_free(m.class);
    return rc;
}
