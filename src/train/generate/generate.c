#include "train/generate/generate.h"

#include "base/numbers/compare.h"
#include "base/numbers/rng.h"
#include "base/sized.h"
#include "data/tokens.h"
#include "math/float_mode.h"

#include <math.h>
#include <string.h>

#define END_OF_TEXT "<|endoftext|>" /* GPT-2's */
#define MOST_TOKENS 16777216

/* A text on its way. */
struct text {
    int32_t *token; /* [prompt + max_tokens] */
    size_t prompt, count;
    bool done;
};

struct run {
    nn_generator *g;
    nn_generation how;
    const nn_prompt *prompt;
    int64_t stop;        /* -1: no token is */
    size_t begin, count; /* of the prompts those that are continued now */
    size_t first, taken; /* tokens [first, taken) of each are in the decoder */
    struct text *text;   /* [count] */
    nn_token_fn *told;
    void *ctx;
};

/* --- what is asked for --- */

static int check_how(const nn_generation *how) {
    if (!(how->max_tokens >= 1 && how->max_tokens <= MOST_TOKENS))
        return nn_fail(NN_EUSAGE, "max_tokens is %lld; it is 1 to %d", (long long)how->max_tokens,
                       MOST_TOKENS);
    if (!(how->temperature >= 0) || !isfinite(how->temperature))
        return nn_fail(NN_EUSAGE, "temperature is %g; it is 0 or more", how->temperature);
    if (!(how->top_p >= 0 && how->top_p <= 1))
        return nn_fail(NN_EUSAGE, "top_p is %g; it is a probability, 0 to 1", how->top_p);
    if (how->top_k < 0 || how->seed < 0)
        return nn_fail(NN_EUSAGE, "top_k is %lld, seed %lld; both are 0 or more",
                       (long long)how->top_k, (long long)how->seed);
    return 0;
}

static int check_call(const nn_generator *g, const nn_generation *how, size_t count,
                      const nn_prompt *prompt, nn_token_fn *told) {
    if (!g || !how || (!prompt && count > 0) || !told)
        return nn_fail(NN_EUSAGE, "nn_generate: %s is NULL",
                       !g      ? "generator"
                       : !how  ? "how"
                       : !told ? "told"
                               : "prompt");
    return nn_sized_check("nn_generation", how->size, sizeof *how);
}

static int find_stop(struct run *r) {
    const char *name = r->how.stop;
    const nn_tokenizer *tokenizer = r->g->tokenizer;

    r->stop = tokenizer ? nn_tokenizer_find(tokenizer, name ? name : END_OF_TEXT) : -1;
    if (r->stop >= 0 || !name)
        return 0;
    return nn_fail(NN_EUSAGE, "the stop token '%.40s' is none of the model's %zu tokens", name,
                   r->g->tokens);
}

static int check_tokens(const nn_generator *g, const nn_prompt *prompt) {
    if (!prompt->token && prompt->tokens > 0)
        return nn_fail(NN_EUSAGE, "it has %zu tokens, but token is NULL", prompt->tokens);
    for (size_t i = 0; i < prompt->tokens; i++)
        if (prompt->token[i] < 0 || (size_t)prompt->token[i] >= g->tokens)
            return nn_fail(NN_EUSAGE, "token %zu is %d; the model has %zu, numbered from 0", i + 1,
                           (int)prompt->token[i], g->tokens);
    return 0;
}

static int no_vocabulary(const nn_text_model *m) {
    if (m->data.tokens && nn_token_kind_of(m->data.tokens) < 0)
        return nn_fail(NN_EFORMAT,
                       "%s: its tokens are '%.40s', and texts are made of %s: give tokens", m->name,
                       m->data.tokens, NN_TOKEN_KINDS);
    return nn_fail(
        NN_EFORMAT,
        "%s: it does not have the vocabulary, which stands in the attribute classes of a "
        "data set: give tokens, or train on a file that has it",
        m->name);
}

/* The pool or the caller owns them. */
static int read_prompt(const nn_generator *g, const nn_prompt *prompt, nn_pool *pool,
                       const int32_t **token, size_t *count) {
    int32_t *made;

    if (!prompt->text) {
        *token = prompt->token;
        *count = prompt->tokens;
        return check_tokens(g, prompt);
    }
    if (prompt->token)
        return nn_fail(NN_EUSAGE, "it has a text and tokens: give either");
    if (!g->tokenizer)
        return no_vocabulary(&g->model);
    NN_TRY(
        nn_tokenizer_encode(g->tokenizer, prompt->text, strlen(prompt->text), pool, &made, count));
    *token = made;
    return 0;
}

static int begin_text(struct run *r, size_t i, nn_pool *pool) {
    struct text *t = &r->text[i];
    const int32_t *token;
    size_t most;

    NN_TRY(read_prompt(r->g, &r->prompt[r->begin + i], pool, &token, &t->prompt));
    if (t->prompt == 0 && r->stop < 0)
        return nn_fail(NN_EUSAGE, "a prompt without tokens: this model continues a text, so it "
                                  "wants the beginning of one");
    most = t->prompt + (size_t)r->how.max_tokens + 1;
    t->token = nn_pool_alloc(pool, most * sizeof *t->token);
    if (!t->token)
        return NN_EMEMORY;
    if (t->prompt == 0)
        t->token[t->prompt++] = (int32_t)r->stop;
    else
        memcpy(t->token, token, t->prompt * sizeof *token);
    t->count = t->prompt;
    return 0;
}

/* --- going on --- */

/* Tokens that all texts have which are not done; 0: all are. */
static size_t known(const struct run *r) {
    size_t least = 0;

    for (size_t i = 0; i < r->count; i++)
        if (!r->text[i].done && (least == 0 || r->text[i].count < least))
            least = r->text[i].count;
    return least;
}

/* Where `least` tokens do not fit into a context, the decoder begins anew with later ones. At which
 * does not depend on what other texts there are. */
static void make_room(struct run *r, size_t least) {
    size_t context = nn_decoder_context(r->g->decoder), first = r->first;

    while (least - first > context)
        first += (context + 1) / 2;
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
    uint64_t number = r->how.first + r->begin + i;
    nn_rng rng = nn_rng_stream((uint64_t)r->how.seed, NN_RNG_TOKEN, number, 0);
    uint32_t bits[2];

    nn_rng_bits(&rng, 2 * n, 2, bits);
    return ((double)(bits[0] >> 5) * 67108864 + (double)(bits[1] >> 6)) / 9007199254740992.0;
}

/* Tells the last token of a text. */
static bool tell(const struct run *r, size_t i) {
    const struct text *t = &r->text[i];
    int32_t token = t->token[t->count - 1];
    char bytes[NN_TOKEN_BYTES];
    size_t length = 0;

    if (r->g->tokenizer)
        length = nn_tokenizer_decode(r->g->tokenizer, t->token[t->count - 2], token, bytes);
    return r->told(r->ctx, r->begin + i, token, bytes, length);
}

/* The next token of a text, by outputs z. */
static int append(struct run *r, size_t i, const nn_real *z) {
    nn_generator *g = r->g;
    struct text *t = &r->text[i];
    int64_t unknown = g->tokenizer ? nn_tokenizer_unknown(g->tokenizer) : -1;
    const nn_sampling sampling = {.temperature = r->how.temperature,
                                  .top_k = r->how.top_k,
                                  .top_p = r->how.top_p > 0 ? r->how.top_p : 1};

    memcpy(g->z, z, g->tokens * sizeof *z);
    if (unknown >= 0 && g->tokens > 1)
        g->z[unknown] = -(nn_real)INFINITY;
    int32_t token =
        nn_sample(&sampling, g->tokens, g->z, draw(r, i, t->count - t->prompt), g->room);
    if (token < 0)
        return nn_fail(NN_EFORMAT, "%s: the model gives NaN or Inf", g->model.name);
    t->token[t->count++] = token;
    t->done = token == r->stop || !tell(r, i) || t->count - t->prompt == (size_t)r->how.max_tokens;
    return 0;
}

static int begin_texts(struct run *r, nn_pool *pool) {
    r->text = nn_pool_alloc(pool, r->count * sizeof *r->text);
    if (!r->text)
        return NN_EMEMORY;
    for (size_t i = 0; i < r->count; i++) {
        int rc = begin_text(r, i, pool);
        if (rc < 0)
            return nn_error_prefix(rc, "prompt %llu",
                                   (unsigned long long)r->how.first + r->begin + i + 1);
    }
    return 0;
}

/* Those of a batch. */
static int run_some(struct run *r) {
    nn_pool pool = {0};
    int rc;

    r->first = r->taken = 0;
    NN_TRY_GOTO(begin_texts(r, &pool));
    for (size_t least; (least = known(r)) > 0;) {
        const nn_real *z = take(r, least);
        for (size_t i = 0; i < r->count; i++)
            if (!r->text[i].done && r->text[i].count == least)
                NN_TRY_GOTO(append(r, i, z + i * r->g->outputs));
    }
done:
    nn_pool_release(&pool);
    return rc;
}

int nn_generate(nn_generator *g, const nn_generation *how, size_t count, const nn_prompt *prompt,
                nn_token_fn *told, void *ctx) {
    struct run r = {.g = g, .prompt = prompt, .told = told, .ctx = ctx};
    uint64_t float_mode;
    int rc;

    NN_TRY(check_call(g, how, count, prompt, told));
    memcpy(&r.how, how, how->size);
    NN_TRY(check_how(&r.how));
    NN_TRY(find_stop(&r));
    float_mode = nn_float_mode_flush();
    for (rc = 0; r.begin < count && rc == 0; r.begin += r.count) {
        r.count = nn_smaller(count - r.begin, g->batch);
        rc = run_some(&r);
    }
    nn_float_mode_set(float_mode);
    return rc;
}
