#include "train/generate/generate.h"

#include "base/mem.h"
#include "base/numbers/rng.h"
#include "data/importers/text/tokenizer.h"
#include "data/tokens.h"
#include "math/float_mode.h"
#include "math/gemm/blas.h"
#include "nn/decoder.h"
#include "train/evaluate/predict.h"

#include <math.h>
#include <string.h>

#define END_OF_TEXT "<|endoftext|>" /* GPT-2's */

struct nn_generator {
    nn_trained trained;
    nn_compute compute;
    nn_tokenizer *tokenizer;
    nn_decoder *decoder;
    size_t batch, outputs, tokens;
    nn_real *x, *z;     /* [batch][window]; [tokens] of one text */
    nn_candidate *room; /* [tokens] */
};

/* --- opening --- */

/* Is it a model of texts, and which? */
static int check_model(const nn_generator *g) {
    const nn_data_traits *data = &g->trained.data;
    const char *file = g->trained.checkpoint;

    if (!data->tokens || !data->labels || data->x.rank != 1 ||
        data->target_width != (size_t)data->x.dim[0])
        return nn_fail(NN_EFORMAT,
                       "%s: its model was not trained to say which token of a text comes next: "
                       "that is one of data as nnmpi data import text writes, or of source: text",
                       file);
    if (!g->trained.loss->fuses || strcmp(g->trained.loss->fuses, "softmax") != 0)
        return nn_fail(NN_EFORMAT,
                       "%s: its loss, %s, makes no probabilities of tokens: train it with loss: "
                       "cross_entropy",
                       file, g->trained.loss->entry.name);
    if (!nn_tokens_are_bytes(data->tokens) && !data->class_names)
        return nn_fail(NN_EFORMAT,
                       "%s: it does not have the vocabulary, which stands in the attribute classes "
                       "of a data set: train on a file that has it",
                       file);
    return 0;
}

static int open_vocabulary(nn_generator *g) {
    const nn_data_traits *data = &g->trained.data;
    int rc = nn_tokenizer_new(data->tokens, data->class_names,
                              data->class_names ? (size_t)data->classes : 0, &g->tokenizer);

    if (rc < 0)
        return nn_error_prefix(rc, "%s", g->trained.checkpoint);
    g->tokens = nn_tokenizer_count(g->tokenizer);
    nn_shape output = nn_model_output_shape(g->trained.model);
    g->outputs = nn_shape_count(&output) / (size_t)data->x.dim[0];
    if (g->outputs < g->tokens)
        return nn_fail(NN_EFORMAT, "%s: the model has %zu outputs, but there are %zu tokens",
                       g->trained.checkpoint, g->outputs, g->tokens);
    return 0;
}

static int build(nn_generator *g, const char *checkpoint) {
    nn_blas_report blas;

    NN_TRY(nn_blas_init(&blas));
    NN_TRY(nn_trained_read(checkpoint, &g->trained));
    NN_TRY(check_model(g));
    NN_TRY(open_vocabulary(g));
    NN_TRY(NN_NEW(&g->x, g->batch * (size_t)g->trained.data.x.dim[0], "tokens"));
    NN_TRY(NN_NEW(&g->z, g->tokens, "outputs"));
    NN_TRY(NN_NEW(&g->room, g->tokens, "probabilities"));
    int rc = nn_decoder_new(g->trained.settings->model, g->trained.loss->fuses, g->trained.model,
                            &g->compute, g->trained.params, g->batch, &g->decoder);
    return rc < 0 ? nn_error_prefix(rc, "a text is made token by token") : 0;
}

int nn_generator_open(const char *checkpoint, size_t batch, int threads, nn_generator **out) {
    nn_generator *g;

    NN_TRY(NN_NEW(&g, 1, "generator"));
    g->batch = batch;
    /* own kernels: no bit depends on threads, and on what is computed at the same time */
    g->compute = (nn_compute){.threads = threads, .fixed_parts = true, .library = NN_GEMM_OWN};
    int rc = build(g, checkpoint);
    if (rc < 0) {
        nn_generator_free(g);
        return nn_error_frame(rc, __func__);
    }
    *out = g;
    return 0;
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

/* --- generating --- */

/* A text on its way. */
struct text {
    int32_t *token; /* [prompt + max_tokens] */
    size_t prompt, count;
    bool done;
};

struct run {
    nn_generator *g;
    const nn_generation *how;
    const nn_prompt *prompt;
    int64_t stop;               /* -1: no token is */
    size_t count, first, taken; /* texts; tokens [first, taken) of each are in the decoder */
    struct text *text;
    nn_add_text *add;
    void *ctx;
};

static int find_stop(struct run *r) {
    const char *name = r->how->stop;

    r->stop = nn_tokenizer_find(r->g->tokenizer, name ? name : END_OF_TEXT);
    if (r->stop >= 0 || !name)
        return 0;
    return nn_fail(NN_EUSAGE, "the stop token '%.40s' is none of the model's %zu tokens", name,
                   r->g->tokens);
}

static int begin_text(struct run *r, size_t i, nn_pool *pool) {
    const nn_prompt *prompt = &r->prompt[i];
    struct text *t = &r->text[i];
    int32_t *token;

    NN_TRY(nn_tokenizer_encode(r->g->tokenizer, prompt->text, prompt->length, pool, &token,
                               &t->prompt));
    if (t->prompt == 0 && r->stop < 0)
        return nn_fail(NN_EUSAGE, "a prompt without tokens: this model continues a text, so it "
                                  "wants the beginning of one");
    t->token = nn_pool_alloc(pool, (t->prompt + (size_t)r->how->max_tokens + 1) * sizeof *token);
    if (!t->token)
        return NN_EMEMORY;
    if (t->prompt == 0)
        t->token[t->prompt++] = (int32_t)r->stop;
    else
        memcpy(t->token, token, t->prompt * sizeof *token);
    t->count = t->prompt;
    t->done = r->how->max_tokens == 0;
    return 0;
}

/* Tokens that all texts have which are not done; 0: all are. */
static size_t known(const struct run *r) {
    size_t least = 0;

    for (size_t i = 0; i < r->count; i++)
        if (!r->text[i].done && (least == 0 || r->text[i].count < least))
            least = r->text[i].count;
    return least;
}

/* Where `least` tokens do not fit into a window, the decoder begins anew with later ones. At which
 * does not depend on what other texts there are. */
static void make_room(struct run *r, size_t least) {
    size_t window = nn_decoder_window(r->g->decoder), first = r->first;

    while (least - first > window)
        first += (window + 1) / 2;
    if (first == r->first && r->taken > 0)
        return;
    r->first = r->taken = first;
    nn_decoder_begin(r->g->decoder, r->count);
}

/* The next outputs of all texts [count][outputs], after up to `least` tokens of each. */
static const nn_real *take(struct run *r, size_t least) {
    make_room(r, least);
    size_t steps = least - r->taken, at = 0;
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < steps; k++) {
            const struct text *t = &r->text[i];
            size_t place = r->taken + k;
            r->g->x[at++] = (nn_real)(place < t->count ? t->token[place] : 0);
        }
    r->taken = least;
    return nn_decoder_take(r->g->decoder, steps, r->g->x);
}

/* The n-th random number of a text, in [0, 1). */
static double draw(const struct run *r, size_t i, size_t n) {
    nn_rng rng = nn_rng_stream((uint64_t)r->how->seed, NN_RNG_TOKEN, r->prompt[i].number, 0);
    uint32_t bits[2];

    nn_rng_bits(&rng, 2 * n, 2, bits);
    return ((double)(bits[0] >> 5) * 67108864 + (double)(bits[1] >> 6)) / 9007199254740992.0;
}

/* The next token of a text, by outputs z. */
static int append(struct run *r, size_t i, const nn_real *z) {
    nn_generator *g = r->g;
    struct text *t = &r->text[i];
    int64_t unknown = nn_tokenizer_unknown(g->tokenizer);
    char bytes[NN_TOKEN_BYTES];

    memcpy(g->z, z, g->tokens * sizeof *z);
    if (unknown >= 0 && g->tokens > 1)
        g->z[unknown] = -(nn_real)INFINITY;
    int32_t token =
        nn_sample(&r->how->sampling, g->tokens, g->z, draw(r, i, t->count - t->prompt), g->room);
    if (token < 0)
        return nn_fail(NN_EFORMAT, "%s: the model gives NaN or Inf", g->trained.checkpoint);
    t->token[t->count++] = token;
    t->done = token == r->stop || t->count - t->prompt == (size_t)r->how->max_tokens;
    if (token == r->stop)
        return 0;
    int64_t before = t->count > 1 ? t->token[t->count - 2] : -1;
    size_t length = nn_tokenizer_decode(g->tokenizer, before, token, bytes);
    t->done = !r->add(r->ctx, i, bytes, length) || t->done;
    return 0;
}

static int run_all(struct run *r, nn_pool *pool) {
    NN_TRY(find_stop(r));
    for (size_t i = 0; i < r->count; i++) {
        int rc = begin_text(r, i, pool);
        if (rc < 0)
            return nn_error_prefix(rc, "prompt %llu", (unsigned long long)r->prompt[i].number + 1);
    }
    for (size_t least; (least = known(r)) > 0;) {
        const nn_real *z = take(r, least);
        for (size_t i = 0; i < r->count; i++)
            if (!r->text[i].done && r->text[i].count == least)
                NN_TRY(append(r, i, z + i * r->g->outputs));
    }
    return 0;
}

int nn_generate(nn_generator *g, const nn_generation *how, size_t count, const nn_prompt *prompt,
                nn_add_text *add, void *ctx) {
    nn_pool pool = {0};
    struct run r = {.g = g, .how = how, .prompt = prompt, .count = count, .add = add, .ctx = ctx};
    uint64_t float_mode = nn_float_mode_flush();

    r.text = nn_pool_alloc(&pool, (count + 1) * sizeof *r.text);
    int rc = r.text ? run_all(&r, &pool) : NN_EMEMORY;
    nn_float_mode_set(float_mode);
    nn_pool_release(&pool);
    return rc;
}
