/* Fully connected layer: y = x W^T + b on the last dimension, W [units][inputs]. On an input of
 * higher rank every row of the last dimension is a sample of its own. */
#include "nn/layers/dense/dense.h"

#include "math/gemm/gemm.h"
#include "math/gemm/outer.h"
#include "math/kernels.h"
#include "nn/layers/layers.h"

static const nn_option dense_options[] = {{"units", NN_OPT_INT, offsetof(struct nn_dense, units),
                                           NULL, "[1, 1e9]", "outputs of the layer"},
                                          {"bias", NN_OPT_BOOL, offsetof(struct nn_dense, bias),
                                           "true", NULL, "add a bias to every output"},
                                          NN_OPTION_END};

enum { WEIGHT = NN_DENSE_WEIGHT, BIAS = NN_DENSE_BIAS };

/* Units from which W is held transposed, [inputs][units]: then the products of the forward pass run
 * faster, as does all of a first layer, which has no dx. Fewer units are faster the other way. */
#define WIDE 32

/* G = x^T dy or its transpose, as W stands. Those of an image stand in another order in memory. */
static void add_outer(nn_layer *layer) {
    const nn_shape *in = &layer->in[0];
    const nn_param *w = &layer->param[WEIGHT];
    bool wide = w->order[0] == 1;
    if (in->rank > 2)
        return;
    layer->outers = 1;
    layer->outer[0] = (nn_layer_outer){.param = WEIGHT,
                                       .m = (size_t)w->dim[w->order[0]],
                                       .n = (size_t)w->dim[w->order[1]],
                                       .steps = in->rank == 2 ? (size_t)in->dim[0] : 1,
                                       .first = wide ? NN_OUTER_A : NN_OUTER_B,
                                       .early = true,
                                       .by_tree = in->rank == 1};
}

static int dense_plan(nn_layer *layer) {
    const struct nn_dense *o = layer->options;
    const nn_shape *in = &layer->in[0];
    int64_t inputs = in->dim[in->rank - 1];

    layer->out = *in;
    layer->out.dim[in->rank - 1] = o->units;
    layer->flags = NN_LAYER_READS_X | NN_LAYER_USER_ORDER | NN_LAYER_ANY_ORDER;
    NN_TRY(nn_layer_add_param(layer, "weight", NN_PARAM_WEIGHT, 2, (int64_t[]){o->units, inputs},
                              inputs, o->units));
    if (o->units >= WIDE)
        nn_param_reorder(&layer->param[WEIGHT], (int[]){1, 0});
    add_outer(layer);
    if (o->bias)
        NN_TRY(nn_layer_add_param(layer, "bias", NN_PARAM_BIAS, 1, &o->units, inputs, o->units));
    return 0;
}

/* The call as matrices: x [rows][in], y [rows][out], W [out][in] or, when wide, [in][out]. */
struct view {
    const nn_compute *compute;
    size_t rows, in, out, ldw;
    bool wide;
};

static struct view view_of(const nn_layer *layer, size_t batch) {
    const nn_shape *in = &layer->in[0];
    size_t width = (size_t)in->dim[in->rank - 1];
    struct view v = {.compute = layer->compute,
                     .rows = batch * (nn_shape_count(in) / width),
                     .in = width,
                     .out = (size_t)layer->out.dim[in->rank - 1],
                     .wide = layer->param[WEIGHT].order[0] == 1};
    v.ldw = v.wide ? v.out : v.in;
    return v;
}

/* How W stands in y = x W^T, and in dx = dy W. */
static nn_transpose w_forward(const struct view *v) {
    return v->wide ? NN_PLAIN : NN_TRANSPOSED;
}

static nn_transpose w_backward(const struct view *v) {
    return v->wide ? NN_TRANSPOSED : NN_PLAIN;
}

/* Own kernels compute every row of a product by itself. Few rows of a microbatch are summed by
 * outer products; `batch` rows are those of the largest one. */
static int dense_prepare(nn_layer *layer, size_t batch, bool training) {
    size_t rows = view_of(layer, batch).rows;
    (void)training;
    layer->group = layer->group_dx = layer->microbatches;
    layer->tree_rows = rows == batch && batch <= NN_OUTER_ROWS ? NN_OUTER_ROWS : 0;
    return 0;
}

static double dense_work(const nn_layer *layer) {
    return (double)view_of(layer, 1).rows * nn_layer_weights(layer);
}

static void dense_forward(const nn_layer *layer, const nn_io *io) {
    struct view v = view_of(layer, io->batch);
    nn_gemm(layer->compute, NN_PLAIN, w_forward(&v), v.rows, v.out, v.in, 1, io->x[0], v.in,
            io->w[WEIGHT], v.ldw, 0, io->y, v.out);
    if (layer->params > BIAS)
        nn_kernels_get()->add_bias(v.rows, v.out, io->w[BIAS], io->y);
}

/* dx = dy W */
static void input_gradient(const struct view *v, const nn_io *io) {
    nn_gemm(v->compute, NN_PLAIN, w_backward(v), v->rows, v->in, v->out, 1, io->dy, v->out,
            io->w[WEIGHT], v->ldw, 0, io->dx[0], v->in);
}

/* The same numbers on any number of ranks: microbatches are added along their tree. */
static void tree_weights(const struct view *v, const nn_outer_rows *rows, const nn_io *io) {
    if (v->wide)
        nn_outer_product(v->compute, rows, v->in, v->out, io->x[0], v->in, io->dy, v->out,
                         io->g[WEIGHT], v->out);
    else
        nn_outer_product(v->compute, rows, v->out, v->in, io->dy, v->out, io->x[0], v->in,
                         io->g[WEIGHT], v->in);
}

static bool wants_weights(const nn_io *io) {
    return io->g[WEIGHT] && !nn_io_leaves_out(io, 0);
}

static void tree_gradients(const struct view *v, const nn_io *io) {
    nn_outer_rows rows = {io->microbatches, io->row};
    if (wants_weights(io))
        tree_weights(v, &rows, io);
    if (io->g[BIAS])
        nn_outer_sum(&rows, v->out, io->dy, io->g[BIAS]);
}

/* dW = dy^T x, or its transpose */
static void weight_gradient(const struct view *v, const nn_io *io) {
    if (v->wide)
        nn_gemm(v->compute, NN_TRANSPOSED, NN_PLAIN, v->in, v->out, v->rows, 1, io->x[0], v->in,
                io->dy, v->out, io->g_beta, io->g[WEIGHT], v->out);
    else
        nn_gemm(v->compute, NN_TRANSPOSED, NN_PLAIN, v->out, v->in, v->rows, 1, io->dy, v->out,
                io->x[0], v->in, io->g_beta, io->g[WEIGHT], v->in);
}

static nn_row_block dense_rows(const nn_layer *layer, const nn_io *io, size_t i,
                               nn_outer_side side) {
    struct view v = view_of(layer, io->batch);
    if (side == layer->outer[i].first)
        return (nn_row_block){io->x[0], v.rows, v.in};
    return (nn_row_block){io->dy, v.rows, v.out};
}

static void dense_backward(const nn_layer *layer, const nn_io *io) {
    struct view v = view_of(layer, io->batch);
    if (io->dx[0])
        input_gradient(&v, io);
    if (io->microbatches && layer->tree_rows) {
        tree_gradients(&v, io);
        return;
    }
    if (wants_weights(io))
        weight_gradient(&v, io);
    if (io->g[BIAS])
        nn_kernels_get()->sum_rows(v.rows, v.out, io->dy, io->g_beta, io->g[BIAS]);
}

const nn_layer_ops nn_layer_dense = {
    .entry =
        {"dense",
         "fully connected layer: y = x W^T + b on the last dimension, for a sequence [T, D] at "
         "every step, "
         "for an image [C, H, W] on the columns; `flatten` before it makes one row of an image",
         dense_options, sizeof(struct nn_dense)},
    .plan = dense_plan,
    .check_steps = nn_layer_each_step,
    .prepare = dense_prepare,
    .work = dense_work,
    .forward = dense_forward,
    .backward = dense_backward,
    .rows = dense_rows,
};
