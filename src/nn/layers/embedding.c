/* A learned vector for each of a vocabulary's indices: y = W[x]. The data holds the indices as
 * numbers. The loader refuses data with others than whole numbers in [0, vocabulary); where they
 * come up all the same, they give NaN rather than the vector of some other index. */
#include "nn/layers/layers.h"

#include <math.h>
#include <string.h>

struct embedding {
    int64_t vocabulary, units, padding;
};

static const nn_option embedding_options[] = {
    /* float32 holds every whole number up to 2^24 */
    {"vocabulary", NN_OPT_INT, offsetof(struct embedding, vocabulary), NULL, "[1, 16777216]",
     "number of indices: 0 to vocabulary - 1"},
    {"units", NN_OPT_INT, offsetof(struct embedding, units), NULL, "[1, 1e6]", "size of a vector"},
    {"padding_idx", NN_OPT_INT, offsetof(struct embedding, padding), "-1", "[-1, 16777215]",
     "index that stands for nothing: its vector is 0 and does not learn; -1: none"},
    NN_OPTION_END};

static int embedding_plan(nn_layer *layer) {
    const struct embedding *o = layer->options;
    nn_shape *out = &layer->out;
    *out = layer->in[0];
    if (out->rank == NN_MAX_RANK)
        return nn_layer_fail(layer, "an input of rank %d leaves no dimension for the vectors",
                             out->rank);
    if (o->padding >= o->vocabulary)
        return nn_layer_fail(layer, "padding_idx %lld is not below vocabulary %lld",
                             (long long)o->padding, (long long)o->vocabulary);
    out->dim[out->rank++] = o->units;
    layer->flags = NN_LAYER_READS_X | NN_LAYER_USER_ORDER;
    layer->vocabulary = o->vocabulary;
    /* one weight of each unit is active at a time */
    return nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 2,
                              (int64_t[]){o->vocabulary, o->units}, 1, o->units);
}

/* The row of x, or -1. */
static int64_t row_of(const struct embedding *o, nn_real x) {
    bool inside = x >= 0 && x < (nn_real)o->vocabulary;
    return inside && floor((double)x) == (double)x ? (int64_t)x : -1;
}

static void embedding_forward(const nn_layer *layer, const nn_io *io) {
    const struct embedding *o = layer->options;
    size_t n = io->batch * nn_shape_count(&layer->in[0]), units = (size_t)o->units;
    for (size_t i = 0; i < n; i++) {
        int64_t row = row_of(o, io->x[0][i]);
        nn_real *y = io->y + i * units;
        if (row >= 0 && row != o->padding) {
            memcpy(y, io->w[0] + (size_t)row * units, units * sizeof *y);
            continue;
        }
        for (size_t u = 0; u < units; u++)
            y[u] = row < 0 ? (nn_real)NAN : 0;
    }
}

static void embedding_backward(const nn_layer *layer, const nn_io *io) {
    const struct embedding *o = layer->options;
    size_t n = io->batch * nn_shape_count(&layer->in[0]), units = (size_t)o->units;
    if (io->g_beta == 0)
        memset(io->g[0], 0, layer->param[0].count * sizeof(nn_real));
    for (size_t i = 0; i < n; i++) {
        int64_t row = row_of(o, io->x[0][i]);
        nn_real *g = io->g[0] + (size_t)(row < 0 ? 0 : row) * units;
        for (size_t u = 0; row >= 0 && row != o->padding && u < units; u++)
            g[u] += io->dy[i * units + u];
    }
    if (io->dx[0])
        memset(io->dx[0], 0, n * sizeof(nn_real));
}

const nn_layer_ops nn_layer_embedding = {
    .entry = {"embedding",
              "a learned vector for each whole number from 0 to vocabulary - 1: y = W[x], one "
              "dimension more than x, the last: [P, Q] becomes [P, Q, units]",
              embedding_options, sizeof(struct embedding)},
    .plan = embedding_plan,
    .forward = embedding_forward,
    .backward = embedding_backward,
};
