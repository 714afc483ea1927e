/* A learned vector for each of a vocabulary's indices: y = W[x]. The data holds the indices as
 * numbers. Data with others than whole numbers in [0, vocabulary) are refused (nn/indices.h); where
 * they come up all the same, from layers that compute, they give NaN rather than the vector of some
 * other index. */
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
     "index that stands for nothing: its vector is 0 and does not learn; -1: none. Where a dense "
     "layer is tied to the weight, this row learns as a unit of that layer, and files hold it: "
     "programs that take their vectors from there should set it to 0"},
    NN_OPTION_END};

/* G[vocabulary][units] is a product of dy and rows that are 1 at an index: of sequences; what is of
 * higher rank stands in another order in memory. */
static void add_outer(nn_layer *layer) {
    const struct embedding *o = layer->options;
    if (layer->out.rank != 2)
        return;
    layer->outers = 1;
    layer->outer[0] = (nn_layer_outer){.m = (size_t)o->vocabulary,
                                       .n = (size_t)o->units,
                                       .steps = (size_t)layer->in[0].dim[0],
                                       .first = NN_OUTER_A,
                                       .indexed = true};
}

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
    layer->flags = NN_LAYER_USER_ORDER;
    layer->vocabulary = o->vocabulary;
    layer->save_bytes = nn_shape_count(&layer->in[0]) * sizeof(nn_real);
    add_outer(layer);
    /* one weight of each unit is active at a time */
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 2,
                              (int64_t[]){o->vocabulary, o->units}, 1, o->units));
    layer->param[0].table = true;
    return 0;
}

/* The row of x, or -1. */
static int64_t row_of(const struct embedding *o, nn_real x) {
    bool inside = x >= 0 && x < (nn_real)o->vocabulary;
    return inside && floor((double)x) == (double)x ? (int64_t)x : -1;
}

static void embedding_forward(const nn_layer *layer, const nn_io *io) {
    const struct embedding *o = layer->options;
    size_t n = io->batch * nn_shape_count(&layer->in[0]), units = (size_t)o->units;
    nn_real *learns = io->save; /* the row of W that does, or -1 */
    for (size_t i = 0; i < n; i++) {
        int64_t row = row_of(o, io->x[0][i]);
        nn_real *y = io->y + i * units;
        learns[i] = row == o->padding ? -1 : (nn_real)row;
        if (learns[i] >= 0) {
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
    const nn_real *learns = io->save;
    if (io->dx[0])
        memset(io->dx[0], 0, n * sizeof(nn_real));
    if (!io->g[0] || nn_io_leaves_out(io, 0))
        return;
    if (io->g_beta == 0)
        memset(io->g[0], 0, layer->param[0].count * sizeof(nn_real));
    for (size_t i = 0; i < n; i++) {
        nn_real *g = io->g[0] + (size_t)(learns[i] < 0 ? 0 : learns[i]) * units;
        for (size_t u = 0; learns[i] >= 0 && u < units; u++)
            g[u] += io->dy[i * units + u];
    }
}

static nn_row_block embedding_rows(const nn_layer *layer, const nn_io *io, size_t i,
                                   nn_outer_side side) {
    const nn_layer_outer *o = &layer->outer[i];
    if (side == NN_OUTER_A)
        return (nn_row_block){io->save, io->batch * o->steps, 1};
    return (nn_row_block){io->dy, io->batch * o->steps, o->n};
}

const nn_layer_ops nn_layer_embedding = {
    .entry = {"embedding",
              "a learned vector for each whole number from 0 to vocabulary - 1: y = W[x], one "
              "dimension more than x, the last: [P, Q] becomes [P, Q, units]",
              embedding_options, sizeof(struct embedding)},
    .plan = embedding_plan,
    .check_steps = nn_layer_each_step,
    .forward = embedding_forward,
    .backward = embedding_backward,
    .rows = embedding_rows,
};
