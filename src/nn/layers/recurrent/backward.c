/* Back-propagation through time: step by step from the last, the cell's gradient, which replaces
 * the gates, and its product with W_hh; then each weight gradient as one product over all steps. */
#include "math/gemm/gemm.h"
#include "nn/layers/recurrent/recurrent.h"

#include <string.h>

static void pack(nn_direction *s, const nn_io *io) {
    const nn_cell *cell = s->o->cell;
    const nn_real *const *w = io->w + s->first_param;
    if (s->dx)
        nn_direction_pack(s->compute, cell->gates * s->units, s->inputs, w[0], s->inputs, 1,
                          s->packed_x);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        nn_direction_pack(s->compute, part->count * s->units, s->units,
                          w[1] + part->row * s->units * s->units, s->units, 1, s->packed_h[p]);
    }
}

/* The gradient of an output that is the state after the last step. */
static void add_last(const nn_direction *s, size_t t, size_t begin, size_t end) {
    for (size_t r = begin; r < end; r++) {
        size_t last = s->reverse ? 1 : nn_recurrent_own_steps(s->length, r, s->steps);
        if (t + 1 == last)
            nn_kernels_get()->add(s->units, s->dy + r * s->dy_row, s->dh + r * s->units);
    }
}

/* dC/dh of the step before, and dC/dx, from the gradient of the gates. */
static void multiply(const nn_direction *s, const nn_cell_step *step, size_t n, size_t begin) {
    const nn_cell *cell = s->o->cell;
    const nn_kernels *k = nn_kernels_get();
    size_t stride = cell->blocks * s->units, t = nn_direction_time(s, n);
    for (size_t p = 0; n > 0 && p < cell->parts; p++)
        k->packed_product(step->rows, s->units, cell->part[p].count * s->units,
                          step->gates + cell->part[p].block * s->units, stride, s->packed_h[p],
                          NULL, step->dh, s->units);
    if (s->dx)
        k->packed_product(step->rows, s->inputs, cell->gates * s->units, step->gates, stride,
                          s->packed_x, s->dx_add ? NULL : s->zeros,
                          s->dx + begin * s->dx_row + t * s->dx_step, s->dx_row);
}

static void backward_rows(const nn_direction *s, size_t begin, size_t end) {
    size_t at = begin * s->units, bytes = (end - begin) * s->units * sizeof(nn_real);
    memset(s->dh + at, 0, bytes);
    if (s->dc)
        memset(s->dc + at, 0, bytes);
    for (size_t n = s->steps; n-- > 0;) {
        size_t t = nn_direction_time(s, n);
        nn_cell_step step = nn_direction_step(s, n, begin, end);
        step.dh = s->dh + at;
        step.dc = s->dc ? s->dc + at : NULL;
        step.dy = s->dy_last ? s->zeros : s->dy + begin * s->dy_row + t * s->dy_step;
        step.dy_stride = s->dy_last ? 0 : s->dy_row;
        if (s->dy_last)
            add_last(s, t, begin, end);
        s->kernels->backward(&step);
        multiply(s, &step, n, begin);
    }
}

/* g = beta g + s */
static void add_to(size_t n, const nn_real *s, nn_real beta, nn_real *g) {
    if (beta == 0)
        memcpy(g, s, n * sizeof *g);
    else
        nn_kernels_get()->add(n, s, g);
}

static void bias_gradients(const nn_direction *s, const nn_io *io) {
    const nn_cell *cell = s->o->cell;
    nn_real *const *g = io->g + s->first_param;
    size_t width = cell->blocks * s->units;
    nn_kernels_get()->sum_rows(s->steps * s->rows, width, s->gates, 0, s->bias);
    add_to(cell->gates * s->units, s->bias, io->g_beta, g[2]);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        add_to(part->count * s->units, s->bias + part->block * s->units, io->g_beta,
               g[3] + part->row * s->units);
    }
}

/* The first step has no state before it, which leaves a row of steps less for W_hh. */
static void weight_gradients(const nn_direction *s, const nn_io *io) {
    const nn_cell *cell = s->o->cell;
    nn_real *const *g = io->g + s->first_param;
    size_t width = cell->blocks * s->units, all = s->steps * s->rows;
    size_t gates = cell->gates * s->units, n = s->steps ? all - s->rows : 0;
    const nn_real *dz = s->gates + (s->reverse ? 0 : s->rows * width);
    const nn_real *h = s->h + (s->reverse ? s->rows * s->width : 0);
    nn_gemm(s->compute, NN_TRANSPOSED, NN_PLAIN, gates, s->inputs, all, 1, s->gates, width, s->x,
            s->inputs, io->g_beta, g[0], s->inputs);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        nn_gemm(s->compute, NN_TRANSPOSED, NN_PLAIN, part->count * s->units, s->units, n, 1,
                dz + part->block * s->units, width, h, s->width, io->g_beta,
                g[1] + part->row * s->units * s->units, s->units);
    }
}

/* Where dC/dx of a level goes: the layer's own, or memory of the call. */
static void aim(nn_direction *s, const nn_layer *layer, const nn_io *io, size_t level,
                nn_real *between) {
    s->dx_add = s->reverse;
    s->dx = level ? between : io->dx[0];
    s->dx_row = level ? s->inputs : (size_t)layer->in[0].dim[0] * s->inputs;
    s->dx_step = level ? s->rows * s->inputs : s->inputs;
}

/* Where dC/dh of a level comes from. */
static void receive(nn_direction *s, const nn_layer *layer, const nn_io *io, size_t level,
                    const nn_real *between) {
    bool top = level + 1 == (size_t)s->o->layers;
    s->dy = (top ? io->dy : between) + (s->reverse ? s->units : 0);
    s->dy_last = top && s->o->returns == NN_RETURN_LAST;
    s->dy_row = top ? nn_shape_count(&layer->out) : s->width;
    s->dy_step = top ? s->width : s->rows * s->width;
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
        between[i] = nn_scratch_take(&scratch, count);
    for (size_t level = (size_t)o->layers; level-- > 0;) {
        size_t below = (size_t)o->layers - 1 - level; /* the top */
        nn_real *dx = between[below % 2], *dy = between[(below + 1) % 2];
        for (size_t d = 0; d < nn_recurrent_directions(o); d++) {
            nn_direction s = nn_direction_of(layer, io, level, d);
            nn_scratch rest = scratch;
            aim(&s, layer, io, level, dx);
            receive(&s, layer, io, level, dy);
            nn_direction_take(&s, &rest, true);
            pack(&s, io);
            nn_direction_run(&s, backward_rows);
            weight_gradients(&s, io);
            if (o->bias)
                bias_gradients(&s, io);
        }
        if (level > 0 && o->dropout > 0)
            nn_recurrent_drop(layer, io, level - 1, dx, dx);
    }
    clear_rest(layer, io);
}
