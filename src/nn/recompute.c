/* What back-propagation computes again, so that it need not be kept (Chen et al. 2016). The layers
 * are cut into segments. Of a segment, forward keeps what layers of other segments read; before
 * its backward calls, those of its layers run forward again whose results these calls want. The
 * last segment is behind its forward then, and nothing of it is computed again. Parameters are
 * still those of forward: the optimiser takes no step on a layer before back-propagation is through
 * with it and all that it is tied to. */
#include "nn/inner.h"

#include <stdint.h>

size_t nn_working_elements(const nn_model *model, const nn_layer *layer, size_t batch) {
    return nn_output_elements(model, layer, batch) + batch * layer->save_bytes / sizeof(nn_real);
}

size_t nn_segment_begin(const nn_model *model, size_t i) {
    while (i > 0 && model->layer[i - 1]->plan->segment == model->layer[i]->plan->segment)
        i--;
    return i;
}

/* Cuts so that the elements passed from segment to segment are the fewest. end: the last layer of a
 * segment; reader[]: the last one that reads a layer; passed[end]: how many elements at least pass
 * ends up to this one, when before[end] is the end before it. */
static void choose_ends(const nn_model *model, size_t batch, size_t most, const size_t *reader,
                        size_t *passed, size_t *before) {
    for (size_t end = 1; end < model->layers; end++) {
        size_t work = 0, own = 0;
        passed[end] = SIZE_MAX;
        for (size_t first = end; first > 0; first--) {
            const nn_layer *layer = model->layer[first];
            work += nn_working_elements(model, layer, batch);
            own += reader[first] > end ? nn_output_elements(model, layer, batch) : 0;
            if (work > most && first < end)
                break;
            if (passed[first - 1] + own < passed[end]) {
                passed[end] = passed[first - 1] + own;
                before[end] = first - 1;
            }
        }
    }
}

bool nn_layer_reads(const nn_layer *layer, const nn_layer *input) {
    for (size_t k = 0; k < layer->inputs; k++)
        if (layer->input[k] == input)
            return true;
    return false;
}

/* Says of each layer, the last ones first, whether it is made again. */
static void mark(nn_model *model) {
    for (size_t i = model->layers; i-- > 0;) {
        const nn_layer *layer = model->layer[i];
        struct nn_layer_plan *plan = layer->plan;
        bool wanted = nn_layer_reads_back(layer, NN_LAYER_READS_Y);
        bool kept = plan->segment == 0;
        for (size_t c = i + 1; c < model->layers; c++) {
            const nn_layer *consumer = model->layer[c];
            if (!nn_layer_reads(consumer, layer))
                continue;
            kept |= consumer->plan->segment != plan->segment;
            wanted |= consumer->plan->again || nn_layer_reads_back(consumer, NN_LAYER_READS_X);
        }
        bool saves = plan->learns && layer->save_bytes > 0;
        plan->again = plan->segment > 0 && (saves || (wanted && !kept));
    }
}

/* The order of the calls behind the loss. */
static void set_moments(nn_model *model) {
    size_t moment = model->layers + 1;
    for (size_t end = model->layers, begin; end > 0; end = begin) {
        begin = nn_segment_begin(model, end - 1);
        for (size_t i = begin; i < end; i++)
            if (model->layer[i]->plan->again)
                model->layer[i]->plan->again_at = moment++;
        for (size_t i = end; i-- > begin;)
            model->layer[i]->plan->backward_at = moment++;
    }
    model->moments = moment;
}

int nn_model_make_segments(nn_model *model, size_t batch, size_t most) {
    size_t n = model->layers, segment = 0, *reader;
    NN_TRY(NN_NEW(&reader, 3 * n, "segments"));
    size_t *passed = reader + n, *before = passed + n;
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < model->layer[i]->inputs; k++)
            reader[model->layer[i]->input[k]->index] = i;
    choose_ends(model, batch, most, reader, passed, before);
    for (size_t end = n - 1; end > 0; end = before[end], segment++)
        for (size_t i = before[end] + 1; i <= end; i++)
            model->layer[i]->plan->segment = segment;
    model->layer[0]->plan->segment = segment; /* the input is in none of theirs */
    nn_free(reader);
    mark(model);
    set_moments(model);
    return 0;
}
