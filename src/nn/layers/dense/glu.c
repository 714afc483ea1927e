/* Gated linear units (Dauphin et al. 2017, Shazeer 2020): the last dimension is halved, its first
 * half being multiplied by an activation of the second, y = a f(b). */
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/layers/layers.h"

#define GRAIN 16384 /* elements worth a fork and join */
#define BLOCK 256   /* elements worked on at a time */

struct glu {
    int64_t gate;
};

static const nn_option glu_options[] = {
    {"gate", NN_OPT_CHOICE, offsetof(struct glu, gate), "sigmoid", "sigmoid|swish|gelu",
     "activation f of the gate: GLU, SwiGLU (of PyTorch's SiLU) or GEGLU"},
    NN_OPTION_END};

static int glu_plan(nn_layer *layer) {
    int last = layer->in[0].rank - 1;
    if (layer->in[0].dim[last] % 2)
        return nn_layer_fail(layer,
                             "the last dimension, %lld, has no halves; give the layer before it an "
                             "even number of units",
                             (long long)layer->in[0].dim[last]);
    layer->out = layer->in[0];
    layer->out.dim[last] /= 2;
    layer->flags = NN_LAYER_USER_ORDER | NN_LAYER_READS_X;
    return 0;
}

struct call {
    const nn_io *io;
    const nn_kernels *kernels;
    const nn_act_kernels *gate;
    size_t half;
};

static struct call call_of(const nn_layer *layer, const nn_io *io) {
    const nn_kernels *k = nn_kernels_get();
    const nn_act_kernels *gates[] = {&k->sigmoid, &k->swish, &k->gelu};
    return (struct call){.io = io,
                         .kernels = k,
                         .gate = gates[((const struct glu *)layer->options)->gate],
                         .half = (size_t)layer->out.dim[layer->out.rank - 1]};
}

static size_t block_of(const struct call *c, size_t at) {
    return c->half - at < BLOCK ? c->half - at : BLOCK;
}

static void forward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    for (size_t r = begin; r < end; r++) {
        const nn_real *a = c->io->x[0] + r * 2 * c->half;
        nn_real *y = c->io->y + r * c->half;
        c->gate->forward(c->half, a + c->half, y, 1);
        c->kernels->multiply(c->half, a, y, y);
    }
}

/* da = dy f(b), db = dy a f'(b) */
static void backward_rows(void *ctx, size_t begin, size_t end) {
    const struct call *c = ctx;
    nn_real f[BLOCK], df[BLOCK];
    for (size_t r = begin; r < end; r++)
        for (size_t at = 0; at < c->half; at += BLOCK) {
            size_t n = block_of(c, at), i = r * 2 * c->half + at;
            const nn_real *a = c->io->x[0] + i, *b = a + c->half;
            const nn_real *dy = c->io->dy + r * c->half + at;
            c->gate->forward(n, b, f, 1);
            c->kernels->multiply(n, dy, f, c->io->dx[0] + i);
            c->kernels->multiply(n, dy, a, df);
            c->gate->backward(n, b, f, df, c->io->dx[0] + i + c->half, 1);
        }
}

static void run(const nn_layer *layer, const nn_io *io, nn_range_fn *rows) {
    struct call c = call_of(layer, io);
    size_t count = io->batch * (nn_shape_count(&layer->out) / c.half);
    nn_parallel(layer->compute, count, 1 + GRAIN / c.half, rows, &c);
}

static void glu_forward(const nn_layer *layer, const nn_io *io) {
    run(layer, io, forward_rows);
}

static void glu_backward(const nn_layer *layer, const nn_io *io) {
    if (io->dx[0])
        run(layer, io, backward_rows);
}

const nn_layer_ops nn_layer_glu = {
    .entry = {"glu",
              "y = a f(b), a and b being the first and the second half of the last dimension, W of "
              "an image [C, H, W]",
              glu_options, sizeof(struct glu)},
    .activation = true,
    .plan = glu_plan,
    .check_steps = nn_layer_each_step,
    .forward = glu_forward,
    .backward = glu_backward,
};
