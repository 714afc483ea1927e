#include "data/tokens.h"
#include "train/generate/generate.h"

#include <string.h>

/* Is it a model of texts? */
static int check_model(const nn_text_model *m) {
    const nn_data_traits *data = &m->data;

    if (!data->labels || data->x.rank != 1 || data->target_width != (size_t)data->x.dim[0])
        return nn_fail(NN_EFORMAT,
                       "%s: its model was not trained to say which token of a text comes next: "
                       "that is one of data as nnmpi data import text writes, of source: text, or "
                       "of tokens x [N, T] and y [N, T]",
                       m->name);
    if (!m->loss->fuses || strcmp(m->loss->fuses, "softmax") != 0)
        return nn_fail(NN_EFORMAT,
                       "%s: its loss, %s, makes no probabilities of tokens: train it with loss: "
                       "cross_entropy",
                       m->name, m->loss->entry.name);
    return 0;
}

/* Where there is none, every output stands for a token. */
static int open_vocabulary(nn_generator *g) {
    const nn_data_traits *data = &g->model.data;
    nn_shape output = nn_model_output_shape(g->model.model);

    g->tokens = g->outputs = nn_shape_count(&output) / (size_t)data->x.dim[0];
    if (nn_token_kind_of(data->tokens) < 0 ||
        (!nn_tokens_are_bytes(data->tokens) && !data->class_names))
        return 0;
    int rc = nn_tokenizer_new(data->tokens, data->class_names,
                              data->class_names ? (size_t)data->classes : 0, &g->tokenizer);
    if (rc < 0)
        return nn_error_prefix(rc, "%s", g->model.name);
    g->tokens = nn_tokenizer_count(g->tokenizer);
    if (g->outputs < g->tokens)
        return nn_fail(NN_EFORMAT, "%s: the model has %zu outputs, but there are %zu tokens",
                       g->model.name, g->outputs, g->tokens);
    return 0;
}

static int build(nn_generator *g) {
    const nn_text_model *m = &g->model;

    NN_TRY(check_model(m));
    NN_TRY(open_vocabulary(g));
    NN_TRY(NN_NEW(&g->x, g->batch * (size_t)m->data.x.dim[0], "tokens"));
    NN_TRY(NN_NEW(&g->z, g->tokens, "outputs"));
    NN_TRY(NN_NEW(&g->room, g->tokens, "probabilities"));
    int rc = nn_decoder_new(m->layers, m->loss->fuses, m->model, &g->compute, m->params, g->batch,
                            &g->decoder);
    return rc < 0 ? nn_error_prefix(rc, "a text is made token by token") : 0;
}

int nn_generator_new(const nn_text_model *model, size_t batch, int threads, nn_generator **out) {
    nn_generator *g;

    NN_TRY(NN_NEW(&g, 1, "generator"));
    g->model = *model;
    g->batch = batch;
    /* own kernels: no bit depends on threads, and on what is computed at the same time */
    g->compute = (nn_compute){.threads = threads, .fixed_parts = true, .library = NN_GEMM_OWN};
    int rc = build(g);
    if (rc < 0) {
        nn_generator_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

static int open_trained(nn_trained *t, size_t batch, int threads, nn_generator **out) {
    const nn_text_model model = {.name = t->checkpoint,
                                 .data = t->data,
                                 .loss = t->loss,
                                 .layers = t->settings->model,
                                 .model = t->model,
                                 .params = t->params};

    NN_TRY(nn_generator_new(&model, batch, threads, out));
    (*out)->trained = *t;
    return 0;
}

int nn_generator_open(const char *checkpoint, size_t batch, int threads, nn_generator **out) {
    nn_trained trained;

    *out = NULL;
    if (!checkpoint)
        return nn_fail(NN_EUSAGE, "nn_generator_open: checkpoint is NULL");
    if (batch == 0 || threads < 1)
        return nn_fail(NN_EUSAGE,
                       "nn_generator_open: a batch of %zu, %d threads; both are 1 or more", batch,
                       threads);
    NN_TRY(nn_trained_read(checkpoint, &trained));
    int rc = open_trained(&trained, batch, threads, out);
    if (rc == 0)
        return 0;
    nn_trained_release(&trained);
    return nn_error_frame(rc, __func__);
}

void nn_generator_free(nn_generator *g) {
    if (!g)
        return;
    nn_decoder_free(g->decoder);
    nn_tokenizer_free(g->tokenizer);
    nn_trained_release(&g->trained);
    nn_free(g->x);
    nn_free(g->z);
    nn_free(g->room);
    nn_free(g);
}
