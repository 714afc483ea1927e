#include "train/bench/scaling.h"

#include "math/machine.h"

#include <math.h>

#define MEMORY_SECONDS 0.05

/* ---- what was measured ----------------------------------------------------------------------- */

/* The part of backward that is for the gradient of the parameters. */
static double product_share(const nn_bench_layer *layer) {
    double own = 1 - nn_bench_row_fraction(layer, 1);
    if (layer->params == 0)
        return 0;
    return own * (layer->backward_work > 0 ? layer->forward_work / layer->backward_work : 0.5);
}

static int plan_layer(const nn_bench_layer *layer, nn_pool *pool, nn_step_layer *out) {
    double product = product_share(layer) * layer->backward;
    nn_step_matrix *matrix = nn_pool_alloc(pool, (layer->matrices + 1) * sizeof *matrix);
    if (!matrix)
        return NN_EMEMORY;
    for (size_t i = 0; i < layer->matrices; i++)
        matrix[i] = layer->matrix[i].step;
    *out = (nn_step_layer){.forward = layer->forward,
                           .backward = layer->backward - product,
                           .product = product,
                           .params = layer->params,
                           .matrices = layer->matrices,
                           .matrix = matrix};
    return 0;
}

/* Gradients that are multiplied in `update` are taken to be made as fast as the forward product,
 * unless this would be longer than all of it. Returns what they take. */
static double note_products(nn_scaling *s, const nn_bench_step *step) {
    double all = 0, fraction;
    for (size_t i = 0; i < step->layers; i++)
        all += nn_bench_row_fraction(&step->layer[i], s->nodes) * step->layer[i].forward;
    fraction = all > step->update ? step->update / all : 1;
    for (size_t i = 0; i < step->layers; i++)
        s->layer[i].product +=
            fraction * nn_bench_row_fraction(&step->layer[i], 1) * step->layer[i].forward;
    return fraction * all;
}

/* Operations a second in the gradients that may go by rows. */
static double product_rate(const nn_scaling *s, const nn_bench_step *step) {
    double work = 0, seconds = 0;
    for (size_t i = 0; i < step->layers; i++) {
        if (step->layer[i].matrices == 0 || step->layer[i].forward_work == 0)
            continue;
        work += step->layer[i].forward_work;
        seconds += s->layer[i].product;
    }
    return seconds > 0 ? work / seconds : INFINITY;
}

/* What is neither the layers' nor the update's; waiting for other nodes is what is predicted. */
static double other_seconds(const nn_scaling *s, const nn_bench_step *step) {
    double other = step->seconds - step->data - step->update - (s->nodes > 1 ? step->comm : 0);
    for (size_t i = 0; i < step->layers; i++)
        other -= step->layer[i].forward + step->layer[i].backward;
    return fmax(0, other);
}

int nn_scaling_init(nn_scaling *scaling, const nn_bench_step *step, int nodes, int ranks,
                    nn_pool *pool) {
    nn_scaling *s = scaling;
    *s = (nn_scaling){.nodes = nodes,
                      .ranks = ranks,
                      .batch = (double)step->batch_size,
                      .data = step->data,
                      .plan = {.layers = step->layers,
                               .ranks = ranks,
                               .number = step->number,
                               .divided = step->divided,
                               .ahead = step->ahead}};
    s->layer = nn_pool_alloc(pool, (step->layers + 1) * sizeof *s->layer);
    s->predicted = nn_pool_alloc(pool, (step->layers + 1) * sizeof *s->predicted);
    if (!s->layer || !s->predicted)
        return NN_EMEMORY;
    for (size_t i = 0; i < step->layers; i++)
        NN_TRY(plan_layer(&step->layer[i], pool, &s->layer[i]));
    s->plan.layer = s->predicted;
    s->plan.update = (step->update - note_products(s, step)) / fmax(1, (double)step->size);
    if (step->divided)
        s->plan.update *= nodes; /* each has taken it on its part */
    s->plan.flops = product_rate(s, step);
    s->other = other_seconds(s, step);
    return nn_machine_memory(step->threads, step->size + 1, MEMORY_SECONDS, &s->memory);
}

/* ---- what is predicted ----------------------------------------------------------------------- */

/* Seconds for `factor` times the rows; `least` is what reading or writing the matrix takes. */
static double scale(double seconds, double factor, double least) {
    return fmax(seconds * factor, fmin(seconds, least));
}

/* The plan for a rank's rows, `factor` times those measured, of a global minibatch that is `all`
 * times them. */
static void plan_rows(nn_scaling *s, double factor, double all) {
    s->plan.other = s->other + s->data * factor;
    for (size_t i = 0; i < s->plan.layers; i++) {
        const nn_step_layer *from = &s->layer[i];
        double least = (double)(from->params * sizeof(nn_real)) / s->memory;
        nn_step_layer *to = &s->predicted[i];
        *to = *from;
        to->forward = scale(from->forward, factor, least);
        to->backward = scale(from->backward, factor, least);
        to->product = scale(from->product, factor, least);
        to->product_all = scale(from->product, all / s->ranks, least / s->ranks);
    }
}

/* Plans a step on `nodes` nodes of a minibatch of so many rows. */
static void plan_nodes(nn_scaling *s, int nodes, double batch) {
    double measured = ceil(s->batch / (s->nodes * s->ranks));
    double rows = ceil(batch / ((double)nodes * s->ranks));
    s->plan.rows = ceil(batch / nodes);
    plan_rows(s, rows / measured, batch / measured);
}

int nn_scaling_predict(nn_scaling *scaling, const nn_network *network, int nodes, bool strong,
                       nn_prediction *out) {
    nn_scaling *s = scaling;
    nn_step_time one;
    double batch = strong ? s->batch : s->batch / s->nodes;
    plan_nodes(s, 1, batch);
    NN_TRY(nn_simulate(&s->plan, network, 1, &one));
    plan_nodes(s, nodes, strong ? batch : batch * nodes);
    NN_TRY(nn_simulate(&s->plan, network, nodes, &out->step));
    out->efficiency = one.seconds / out->step.seconds / (strong ? nodes : 1);
    return 0;
}

bool nn_scaling_by_rows(const nn_scaling *scaling, size_t i, const nn_network *network, int nodes) {
    const nn_step_layer *layer = &scaling->predicted[i];
    for (size_t k = 0; k < layer->matrices; k++)
        if (nn_simulate_by_rows(&scaling->plan, &layer->matrix[k], network, nodes))
            return true;
    return false;
}
