/* Forward through the steps: the products of each with the packed weights, then the cell. A thread
 * takes rows through all steps, so there is one fork and join for each direction. */
#include "nn/layers/recurrent/recurrent.h"

#include <string.h>

/* The input as [steps][rows][inputs], 0 behind the end of a sequence. */
static void copy_input(const nn_layer *layer, const nn_io *io, nn_real *x) {
    size_t all = (size_t)layer->in[0].dim[0], inputs = (size_t)layer->in[0].dim[1];
    size_t steps = nn_recurrent_steps(layer, io);
    for (size_t r = 0; r < io->batch; r++) {
        size_t own = nn_valid_steps(io->pass->length, r, steps);
        const nn_real *from = io->x[0] + r * all * inputs;
        for (size_t t = 0; t < own; t++)
            memcpy(x + (t * io->batch + r) * inputs, from + t * inputs, inputs * sizeof *x);
        for (size_t t = own; t < steps; t++)
            memset(x + (t * io->batch + r) * inputs, 0, inputs * sizeof *x);
    }
}

/* The transposed weights, packed, and what the gates start from. */
static void pack(nn_direction *d, const nn_io *io) {
    const nn_cell *cell = d->o->cell;
    const nn_kernels *k = nn_kernels_get();
    const nn_real *const *w = io->w + d->first_param;
    size_t gates = cell->gates * d->units;
    nn_direction_pack(d->compute, d->inputs, gates, w[0], 1, d->inputs, d->packed_x);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        nn_direction_pack(d->compute, d->units, part->count * d->units,
                          w[1] + part->row * d->units * d->units, 1, d->units, d->packed_h[p]);
    }
    memset(d->bias, 0, cell->blocks * d->units * sizeof *d->bias);
    if (!d->o->bias)
        return;
    memcpy(d->bias, w[2], gates * sizeof *d->bias);
    for (size_t p = 0; p < cell->parts; p++) {
        const nn_hidden_part *part = &cell->part[p];
        k->add(part->count * d->units, w[3] + part->row * d->units,
               d->bias + part->block * d->units);
    }
}

/* Gates of step n before their activation. */
static void multiply(const nn_direction *d, const nn_cell_step *step, size_t n, size_t begin) {
    const nn_cell *cell = d->o->cell;
    size_t stride = cell->blocks * d->units, t = nn_direction_time(d, n);
    bool has_old = n > 0 || d->state;
    nn_direction_product(d, step->rows, cell->gates * d->units, d->inputs,
                         d->x + (t * d->rows + begin) * d->inputs, d->inputs, d->packed_x, d->bias,
                         step->gates, stride);
    for (size_t p = 0; p < cell->parts; p++) {
        size_t col = cell->part[p].block * d->units;
        bool fresh = cell->part[p].block >= cell->gates; /* takes nothing of x */
        if (has_old || fresh)
            nn_direction_product(d, step->rows, cell->part[p].count * d->units,
                                 has_old ? d->units : 0, step->h_old, step->h_stride,
                                 d->packed_h[p], fresh ? d->bias + col : NULL, step->gates + col,
                                 stride);
    }
}

static void forward_rows(const nn_direction *d, size_t begin, size_t end) {
    for (size_t n = 0; n < d->steps; n++) {
        nn_cell_step step = nn_direction_step(d, n, begin, end);
        multiply(d, &step, n, begin);
        d->kernels->forward(&step);
    }
}

/* What the steps after these begin with. */
static void keep_state(const nn_direction *d) {
    for (size_t r = 0; d->state && r < d->rows; r++) {
        nn_real *to = d->state + r * d->state_stride;
        memcpy(to, d->h + ((d->steps - 1) * d->rows + r) * d->width, d->units * sizeof *to);
        if (d->c)
            memcpy(to + d->units, d->c + r * d->units, d->units * sizeof *to);
    }
}

static void copy_all(const nn_layer *layer, const nn_io *io, const nn_real *h) {
    size_t all = (size_t)layer->out.dim[0], width = (size_t)layer->out.dim[1];
    size_t steps = nn_recurrent_steps(layer, io);
    for (size_t r = 0; r < io->batch; r++) {
        nn_real *y = io->y + r * all * width;
        for (size_t t = 0; t < steps; t++)
            memcpy(y + t * width, h + (t * io->batch + r) * width, width * sizeof *y);
        memset(y + steps * width, 0, (all - steps) * width * sizeof *y);
    }
}

/* Forward the state after the last step of each sequence, in reverse that after its first one. */
static void copy_last(const nn_layer *layer, const nn_io *io, const nn_real *h) {
    const nn_recurrent *o = layer->options;
    size_t units = (size_t)o->units, width = (size_t)layer->out.dim[0];
    size_t steps = nn_recurrent_steps(layer, io);
    for (size_t r = 0; r < io->batch; r++) {
        size_t own = nn_valid_steps(io->pass->length, r, steps);
        nn_real *y = io->y + r * width;
        if (own == 0) {
            memset(y, 0, width * sizeof *y);
            continue;
        }
        memcpy(y, h + ((own - 1) * io->batch + r) * width, units * sizeof *y);
        if (width > units)
            memcpy(y + units, h + r * width + units, units * sizeof *y);
    }
}

void nn_recurrent_forward(const nn_layer *layer, const nn_io *io) {
    const nn_recurrent *o = layer->options;
    size_t levels = (size_t)o->layers;
    copy_input(layer, io, nn_recurrent_x(layer, io, 0));
    if (layer->context && io->pass->past == 0)
        memset(io->cache, 0, io->batch * layer->cache_bytes);
    for (size_t level = 0; level < levels; level++) {
        for (size_t dir = 0; dir < nn_recurrent_directions(o); dir++) {
            nn_direction d = nn_direction_of(layer, io, level, dir);
            nn_direction_alloc(&d, &(nn_scratch){.base = io->scratch}, false);
            pack(&d, io);
            nn_direction_run(&d, forward_rows);
            keep_state(&d);
        }
        if (level + 1 < levels && io->pass->training && o->dropout > 0)
            nn_recurrent_drop(layer, io, level, nn_recurrent_h(layer, io, level),
                              nn_recurrent_x(layer, io, level + 1));
    }
    const nn_real *h = nn_recurrent_h(layer, io, levels - 1);
    if (o->returns == NN_RETURN_ALL)
        copy_all(layer, io, h);
    else
        copy_last(layer, io, h);
}
