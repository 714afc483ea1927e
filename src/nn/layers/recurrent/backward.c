/* Back-propagation through time: step by step from the last, the cell's gradient, which replaces
 * the gates, and its product with W_hh; then each weight gradient as one product over all steps. */
#include "math/gemm/gemm.h"
#include "nn/layers/recurrent/recurrent.h"

#include <string.h>

static void pack(nn_direction *d, const nn_io *io) {
    const nn_cell *cell = d->o->cell;
    const nn_real *const *w = io->w + d->first_param;
    if (d->dx)
        nn_direction_pack(d->compute, cell->gates * d->units, d->inputs, w[0], d->inputs, 1,
                          d->packed_x);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        nn_direction_pack(d->compute, part->count * d->units, d->units,
                          w[1] + part->row * d->units * d->units, d->units, 1, d->packed_h[p]);
    }
}

/* The gradient of an output that is the state after the last step. */
static void add_last(const nn_direction *d, size_t t, size_t begin, size_t end) {
    for (size_t r = begin; r < end; r++) {
        size_t last = d->reverse ? 1 : nn_valid_steps(d->length, r, d->steps);
        if (t + 1 == last)
            nn_kernels_get()->add(d->units, d->dy + r * d->dy_row, d->dh + r * d->units);
    }
}

/* dC/dh of the step before, and dC/dx, from the gradient of the gates. */
static void multiply(const nn_direction *d, const nn_cell_step *step, size_t n, size_t begin) {
    const nn_cell *cell = d->o->cell;
    size_t stride = cell->blocks * d->units, t = nn_direction_time(d, n);
    for (size_t p = 0; n > 0 && p < cell->parts; p++)
        nn_direction_product(d, step->rows, d->units, cell->part[p].count * d->units,
                             step->gates + cell->part[p].block * d->units, stride, d->packed_h[p],
                             NULL, step->dh, d->units);
    if (d->dx)
        nn_direction_product(d, step->rows, d->inputs, cell->gates * d->units, step->gates, stride,
                             d->packed_x, d->dx_add ? NULL : d->zeros,
                             d->dx + begin * d->dx_row + t * d->dx_step, d->dx_row);
}

static void backward_rows(const nn_direction *d, size_t begin, size_t end) {
    size_t at = begin * d->units, bytes = (end - begin) * d->units * sizeof(nn_real);
    memset(d->dh + at, 0, bytes);
    if (d->dc)
        memset(d->dc + at, 0, bytes);
    for (size_t n = d->steps; n-- > 0;) {
        size_t t = nn_direction_time(d, n);
        nn_cell_step step = nn_direction_step(d, n, begin, end);
        step.dh = d->dh + at;
        step.dc = d->dc ? d->dc + at : NULL;
        step.dy = d->dy_last ? d->zeros : d->dy + begin * d->dy_row + t * d->dy_step;
        step.dy_stride = d->dy_last ? 0 : d->dy_row;
        if (d->dy_last)
            add_last(d, t, begin, end);
        d->kernels->backward(&step);
        multiply(d, &step, n, begin);
    }
}

/* g = beta g + d */
static void add_to(size_t n, const nn_real *d, nn_real beta, nn_real *g) {
    if (beta == 0)
        memcpy(g, d, n * sizeof *g);
    else
        nn_kernels_get()->add(n, d, g);
}

static void bias_gradients(const nn_direction *d, const nn_io *io) {
    const nn_cell *cell = d->o->cell;
    nn_real *const *g = io->g + d->first_param;
    size_t width = cell->blocks * d->units;
    nn_kernels_get()->sum_rows(d->steps * d->rows, width, d->gates, 0, d->bias);
    add_to(cell->gates * d->units, d->bias, io->g_beta, g[2]);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        add_to(part->count * d->units, d->bias + part->block * d->units, io->g_beta,
               g[3] + part->row * d->units);
    }
}

/* Rows of W_ih's gradient: the gates' gradients at all steps, or x. */
static nn_row_block input_rows(const nn_direction *d, nn_outer_side side) {
    size_t all = d->steps * d->rows;
    if (side == NN_OUTER_B)
        return (nn_row_block){d->x, all, d->inputs};
    return (nn_row_block){d->gates, all, d->o->cell->blocks * d->units};
}

/* Rows of part p of W_hh's: the gates' gradients, or h of the step before. The first step has none
 * before it, which leaves a row of steps less. */
static nn_row_block hidden_rows(const nn_direction *d, size_t p, nn_outer_side side) {
    size_t width = d->o->cell->blocks * d->units, count = d->steps ? (d->steps - 1) * d->rows : 0;
    const nn_real *dz = d->gates + (d->reverse ? 0 : d->rows * width);
    if (side == NN_OUTER_B)
        return (nn_row_block){d->h + (d->reverse ? d->rows * d->width : 0), count, d->width};
    return (nn_row_block){dz + d->o->cell->part[p].block * d->units, count, width};
}

nn_row_block nn_recurrent_rows(const nn_layer *layer, const nn_io *io, size_t i,
                               nn_outer_side side) {
    const nn_recurrent *o = layer->options;
    size_t directions = nn_recurrent_directions(o);
    size_t at = i / (1 + o->cell->parts);
    nn_direction d = nn_direction_of(layer, io, at / directions, at % directions);
    return i == d.first_outer ? input_rows(&d, side) : hidden_rows(&d, i - d.first_outer - 1, side);
}

static void multiply_rows(const nn_direction *d, const nn_io *io, size_t m, size_t n,
                          const nn_row_block *a, const nn_row_block *b, nn_real *g) {
    nn_gemm(d->compute, NN_TRANSPOSED, NN_PLAIN, m, n, a->count, 1, a->at, a->stride, b->at,
            b->stride, io->g_beta, g, n);
}

static void weight_gradients(const nn_direction *d, const nn_io *io) {
    const nn_cell *cell = d->o->cell;
    nn_real *const *g = io->g + d->first_param;
    nn_row_block a = input_rows(d, NN_OUTER_A), b = input_rows(d, NN_OUTER_B);
    if (!nn_io_leaves_out(io, d->first_outer))
        multiply_rows(d, io, cell->gates * d->units, d->inputs, &a, &b, g[0]);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        a = hidden_rows(d, p, NN_OUTER_A);
        b = hidden_rows(d, p, NN_OUTER_B);
        if (!nn_io_leaves_out(io, d->first_outer + 1 + p))
            multiply_rows(d, io, part->count * d->units, d->units, &a, &b,
                          g[1] + part->row * d->units * d->units);
    }
}

/* Where dC/dx of a level goes: the layer's own, or memory of the call. */
static void aim(nn_direction *d, const nn_layer *layer, const nn_io *io, size_t level,
                nn_real *between) {
    d->dx_add = d->reverse;
    d->dx = level ? between : io->dx[0];
    d->dx_row = level ? d->inputs : (size_t)layer->in[0].dim[0] * d->inputs;
    d->dx_step = level ? d->rows * d->inputs : d->inputs;
}

/* Where dC/dh of a level comes from. */
static void receive(nn_direction *d, const nn_layer *layer, const nn_io *io, size_t level,
                    const nn_real *between) {
    bool top = level + 1 == (size_t)d->o->layers;
    d->dy = (top ? io->dy : between) + (d->reverse ? d->units : 0);
    d->dy_last = top && d->o->returns == NN_RETURN_LAST;
    d->dy_row = top ? nn_shape_count(&layer->out) : d->width;
    d->dy_step = top ? d->width : d->rows * d->width;
}

/* Steps that no sequence of the call has. */
static void clear_rest(const nn_layer *layer, const nn_io *io) {
    size_t all = (size_t)layer->in[0].dim[0], inputs = (size_t)layer->in[0].dim[1];
    size_t steps = nn_recurrent_steps(layer, io);
    for (size_t r = 0; io->dx[0] && r < io->batch; r++)
        memset(io->dx[0] + (r * all + steps) * inputs, 0, (all - steps) * inputs * sizeof(nn_real));
}

void nn_recurrent_backward(const nn_layer *layer, const nn_io *io) {
    const nn_recurrent *o = layer->options;
    size_t count =
        (size_t)layer->in[0].dim[0] * io->batch * nn_recurrent_directions(o) * (size_t)o->units;
    nn_scratch scratch = {.base = io->scratch};
    nn_real *between[2] = {NULL, NULL};
    for (size_t i = 0; i + 1 < (size_t)o->layers && i < 2; i++)
        between[i] = nn_scratch_alloc(&scratch, count);
    for (size_t level = (size_t)o->layers; level-- > 0;) {
        size_t below = (size_t)o->layers - 1 - level; /* the top */
        nn_real *dx = between[below % 2], *dy = between[(below + 1) % 2];
        for (size_t dir = 0; dir < nn_recurrent_directions(o); dir++) {
            nn_direction d = nn_direction_of(layer, io, level, dir);
            nn_scratch rest = scratch;
            aim(&d, layer, io, level, dx);
            receive(&d, layer, io, level, dy);
            nn_direction_alloc(&d, &rest, true);
            pack(&d, io);
            nn_direction_run(&d, backward_rows);
            if (io->g[d.first_param])
                weight_gradients(&d, io);
            if (io->g[d.first_param] && o->bias)
                bias_gradients(&d, io);
        }
        if (level > 0 && o->dropout > 0)
            nn_recurrent_drop(layer, io, level - 1, dx, dx);
    }
    clear_rest(layer, io);
}
