#include "train/memory.h"

#include "base/text.h"

#include <stdio.h>

int nn_memory_of(nn_model *model, const nn_settings *settings, size_t batch, nn_memory *memory) {
    const nn_choice *choice = &settings->train.optimizer;
    const nn_optimizer_ops *optimizer = (const nn_optimizer_ops *)choice->row;
    double vector = (double)(nn_model_size(model) * sizeof(nn_real));
    const char *name[NN_MAX_SLOTS];
    size_t slots = optimizer->slots(choice->options, name) + (settings->train.ema_node != NULL);
    nn_memory m = {.params = vector, .grads = vector};
    size_t buffers;
    NN_TRY(nn_model_buffer_bytes(model, batch, true, &buffers));
    m.buffers = (double)buffers;
    m.optimizer = vector * (double)slots;
    *memory = m;
    return 0;
}

int nn_memory_plan(const nn_job *job, nn_memory *memory) {
    nn_reduce_way way = (nn_reduce_way)job->settings->train.reduce;
    nn_reduce_plan plan = nn_reduce_plan_of(job->comm, way);
    NN_TRY(nn_memory_of(job->model, job->settings, job->capacity, memory));
    memory->params *= (double)plan.copies / nn_comm_node_size(job->comm);
    memory->optimizer /= (double)plan.owners;
    return 0;
}

void nn_memory_settle(const nn_job *job, nn_memory *memory) {
    memory->grads = (double)nn_reducer_gradient_bytes(job->reducer);
}

const char *nn_memory_text(const nn_memory *m, char text[NN_MEMORY_TEXT]) {
    char a[NN_BYTES_TEXT], b[NN_BYTES_TEXT], c[NN_BYTES_TEXT], d[NN_BYTES_TEXT], e[NN_BYTES_TEXT];
    snprintf(text, NN_MEMORY_TEXT,
             "%s a rank to train: parameters %s, gradients %s, optimizer %s, activations %s",
             nn_bytes_text(nn_memory_total(m), a), nn_bytes_text(m->params, b),
             nn_bytes_text(m->grads, c), nn_bytes_text(m->optimizer, d),
             nn_bytes_text(m->buffers, e));
    return text;
}
