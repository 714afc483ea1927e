#include "train/memory.h"

#include "base/system/limits.h"
#include "base/text.h"
#include "train/save/staging.h"

#include <stdio.h>

/* A node has all of it, however its ranks and others divide the optimiser's state. */
static bool has_average(const nn_settings *settings) {
    return settings->train.ema_node != NULL;
}

/* All that is as long as the vector of parameters. */
static nn_memory vectors_of(const nn_model *model, const nn_settings *settings) {
    const nn_choice *choice = &settings->train.optimizer;
    const nn_optimizer_ops *optimizer = (const nn_optimizer_ops *)choice->row;
    size_t n = nn_model_size(model);
    double vector = (double)n * sizeof(nn_real);
    const char *name[NN_MAX_SLOTS];
    size_t slots = optimizer->slots(choice->options, name) + has_average(settings);
    return (nn_memory){.params = vector,
                       .grads = vector,
                       .optimizer = vector * (double)slots,
                       .staging = (double)nn_staging_bytes(n, 1 + slots, 0)};
}

static int add_buffers(nn_model *model, size_t batch, nn_memory *memory) {
    size_t buffers;
    NN_TRY(nn_model_buffer_bytes(model, batch, true, &buffers));
    memory->buffers = (double)buffers;
    return 0;
}

int nn_memory_of(nn_model *model, const nn_settings *settings, size_t positions, size_t batch,
                 nn_memory *memory) {
    size_t passes = (size_t)settings->train.accumulate, pass = (batch + passes - 1) / passes;
    size_t count = (size_t)settings->train.microbatches, rows = (pass + count - 1) / count, block;
    *memory = vectors_of(model, settings);
    nn_model_set_recompute(model, (nn_recompute)settings->train.recompute);
    NN_TRY(nn_plan_output_rows(settings, model, positions, pass, &block));
    if (block)
        nn_model_divide_output(model, block);
    if (!settings->train.reproducible)
        return add_buffers(model, pass, memory);
    nn_model_set_microbatches(model, count, rows, 0);
    return add_buffers(model, count * rows, memory);
}

/* More than this many times the memory of the node is a typing error. */
#define SLIP 100

/* Of the gradients some may never be written (comm/reduce/outer/), so that they do not count
 * here. */
static int check_fits(const nn_session *session, const nn_memory *m, double nodes) {
    const char *by;
    char text[NN_MEMORY_TEXT], most[NN_BYTES_TEXT];
    double rank = nn_memory_total(m) - m->grads, limit = nn_memory_of_node("", &by);
    if (rank * nn_comm_node_size(session->comm) > nodes * limit)
        return nn_fail(NN_EMEMORY,
                       "the model does not fit: %s; the node has %s (%s) for %d of its ranks: make "
                       "layers or minibatches smaller, %sor start fewer ranks a node",
                       nn_memory_text(m, text), nn_bytes_text(limit, most), by,
                       nn_comm_node_size(session->comm),
                       session->settings->train.recompute == NN_RECOMPUTE_NONE
                           ? "set train.recompute: blocks, "
                           : "");
    if (rank > nodes * nn_memory_of_process())
        return nn_fail(NN_EMEMORY, "the model does not fit: %s; a process may have %s (ulimit -v)",
                       nn_memory_text(m, text), nn_bytes_text(nn_memory_of_process(), most));
    return 0;
}

int nn_memory_plan(const nn_session *session, nn_memory *memory) {
    const nn_reduce_spec spec = nn_session_reduce_spec(session);
    nn_reduce_plan plan = nn_reduce_plan_of(&spec);
    *memory = vectors_of(session->model, session->settings);
    double vector = memory->params;
    memory->params *= (double)plan.copies / nn_comm_node_size(session->comm);
    double average = has_average(session->settings) ? vector : 0;
    memory->optimizer =
        ((memory->optimizer - average) / (double)plan.nodes + average) / (double)plan.owners;
    memory->staging = nn_comm_on_first_node(session->comm)
                          ? memory->staging / nn_comm_node_size(session->comm)
                          : 0;
    memory->metrics = (double)(nn_session_metric_sums(session) * sizeof(double));
    NN_TRY(check_fits(session, memory, SLIP)); /* laying out buffers would take too long */
    NN_TRY(add_buffers(session->model, session->capacity, memory));
    return check_fits(session, memory, SLIP);
}

int nn_memory_check(const nn_session *session, const nn_memory *memory) {
    return check_fits(session, memory, 1);
}

/* This rank's part of what checkpoints take on its node. */
static double staging_of(const nn_session *session) {
    if (!nn_comm_on_first_node(session->comm))
        return 0;
    return (double)nn_staging_bytes_of(session) / nn_comm_node_size(session->comm);
}

void nn_memory_allocated(const nn_session *session, nn_memory *memory) {
    double share = (double)nn_reducer_share(session->reducer);
    memory->optimizer = share * sizeof(nn_real) * (double)session->slots;
    if (session->average)
        memory->optimizer += memory->params;
    memory->staging = staging_of(session);
    memory->grads = (double)nn_reducer_gradient_bytes(session->reducer);
    if (nn_settings_sums_passes(session->settings))
        memory->grads += (double)(nn_reducer_share(session->reducer) * sizeof(nn_real));
}

const char *nn_memory_text(const nn_memory *m, char text[NN_MEMORY_TEXT]) {
    char a[NN_BYTES_TEXT], b[NN_BYTES_TEXT], c[NN_BYTES_TEXT], d[NN_BYTES_TEXT], e[NN_BYTES_TEXT],
        f[NN_BYTES_TEXT], g[NN_BYTES_TEXT];
    bool shown = 100 * m->metrics >= nn_memory_total(m);
    snprintf(text, NN_MEMORY_TEXT,
             "%s a rank to train: parameters %s, gradients %s, optimizer %s, activations %s, "
             "checkpoints %s%s%s",
             nn_bytes_text(nn_memory_total(m), a), nn_bytes_text(m->params, b),
             nn_bytes_text(m->grads, c), nn_bytes_text(m->optimizer, d),
             nn_bytes_text(m->buffers, e), nn_bytes_text(m->staging, f), shown ? ", metrics " : "",
             shown ? nn_bytes_text(m->metrics, g) : "");
    return text;
}
