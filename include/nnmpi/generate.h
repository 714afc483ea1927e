/* Texts that a trained model makes: it continues prompts, token by token. Intended usage:
 *
 *   nn_generator *generator;
 *   nn_generation how = {.size = sizeof how, .max_tokens = 100, .temperature = 0.8};
 *   nn_prompt prompt = {.text = "Once upon a time"};
 *   nn_generator_open("run", 1, 1, &generator);
 *   nn_generate(generator, &how, 1, &prompt, show, NULL);
 *   nn_generator_free(generator);
 *
 * The model has learned which token comes next: from data of texts, or from x [N, T] and y [N, T]
 * that are tokens, with the loss cross_entropy. Its layers go through sequences step by step, as
 * attention with `causal` and recurrent layers with `return: all` do. All is Local. */
#ifndef NNMPI_GENERATE_H
#define NNMPI_GENERATE_H

#include <nnmpi/training.h>

/* How texts go on. A text is a function of the model, of this, of its prompt and of its number: the
 * same whatever other prompts there are, on any rank, with any number of threads. */
typedef struct nn_generation {
    size_t size;        /* sizeof(nn_generation) */
    int64_t max_tokens; /* that are added to a prompt, 1 to 2^24 */
    double temperature; /* tokens are drawn from softmax(z / temperature); 0: the likeliest is */
    int64_t top_k;      /* only from so many likeliest ones; 0: from all */
    double top_p;       /* then only from the fewest likeliest ones with this probability together,
                           below 1 (Holtzman et al. 2020); 0 or 1: from all */
    int64_t seed;       /* 0 or more */
    uint64_t first;     /* the number of the first prompt: those of a call have numbers in a row */
    const char *stop;   /* token that ends a text, and is not told; it also begins a text without a
                           prompt. NULL: <|endoftext|> where the vocabulary has it, else none */
} nn_generation;

/* The beginning of a text, of any length: a model sees at most as many tokens as the windows of its
 * training have, and whenever a text has more, it reads the latter half of the window anew. */
typedef struct nn_prompt {
    const char *text; /* which the vocabulary of the model has tokens for; NULL: `token` is it */
    const int32_t *token; /* [tokens], each from 0 on and below the number of tokens */
    size_t tokens;        /* 0, without a text: the stop token begins it */
} nn_prompt;

/* Is told the next token of prompt i of a call, and the bytes that it adds to the text, which may
 * be a part of a character; none where the model has no vocabulary. They live until it returns.
 * False: this text wants no more. */
typedef bool nn_token_fn(void *ctx, size_t i, int32_t token, const char *bytes, size_t length);

typedef struct nn_generator nn_generator;

/* The model of a checkpoint (of a run folder the best, else the last), with memory to continue
 * `batch` prompts (at least 1) side by side, on so many threads (at least 1). *out is NULL after a
 * failure: NN_EUSAGE, NN_EFORMAT where it is not such a model, NN_EMEMORY. */
NN_API int nn_generator_open(const char *checkpoint, size_t batch, int threads, nn_generator **out);
/* NULL is fine. */
NN_API void nn_generator_free(nn_generator *generator);

/* Continues prompt[count], a batch after the other, and tells each token as it comes. `told` does
 * not use the generator. NN_EUSAGE and NN_EFORMAT name the prompt that is wrong, NN_EMEMORY. */
NN_API int nn_generate(nn_generator *generator, const nn_generation *how, size_t count,
                       const nn_prompt *prompt, nn_token_fn *told, void *ctx);

/* The same with the parameters that nn_training_predict takes, on the training's threads: between
 * two steps, or after nn_training_finish, but not while a step in parts is under way. Each rank for
 * itself, as many texts as it likes; `told` does not use the training. Errors end nothing. */
NN_API int nn_training_generate(nn_training *t, const nn_generation *how, size_t count,
                                const nn_prompt *prompt, nn_token_fn *told, void *ctx);

#endif
