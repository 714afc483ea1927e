/* How many threads a training step takes. */
#include "math/parallel.h"
#include "train/session/session.h"

#define ELEMENT_WORK 16 /* multiply-adds that take about as long as an activation */

/* Multiply-adds of a sample's forward pass, about. */
static double work_of(const nn_model *model) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer);
    double work = 0;
    for (size_t i = 1; i < layers; i++) { /* without the input */
        work += ELEMENT_WORK * (double)nn_shape_count(&layer[i]->out);
        if (layer[i]->ops->work)
            work += layer[i]->ops->work(layer[i]);
    }
    return work;
}

int nn_session_threads(const nn_session *session, int most) {
    double samples = (double)session->batch_size / nn_comm_size(session->comm);
    double worth = work_of(session->model) * samples / NN_THREAD_WORK;
    if (worth >= most)
        return most;
    return worth > 1 ? (int)worth : 1;
}
