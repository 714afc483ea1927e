/* Texts that a trained model makes: it continues a prompt token by token. */
#ifndef NN_TRAIN_GENERATE_GENERATE_H
#define NN_TRAIN_GENERATE_GENERATE_H

#include "train/generate/sample.h"

#include <nnmpi/error.h>

#include <stdbool.h>

typedef struct nn_generator nn_generator;

typedef struct nn_generation {
    nn_sampling sampling;
    int64_t max_tokens; /* of each text */
    int64_t seed;
    const char *stop; /* the token that ends a text and begins one without a prompt; NULL: none, or
                         <|endoftext|> where the vocabulary has it */
} nn_generation;

typedef struct nn_prompt {
    const char *text; /* a NUL follows */
    size_t length;
    uint64_t number; /* its text is a function of this and of nn_generation alone */
} nn_prompt;

/* Is told the bytes that are added to prompt i of a call; false: it wants no more of them. */
typedef bool nn_add_text(void *ctx, size_t i, const char *bytes, size_t length);

/* A checkpoint, or a run folder, of a model that says which token comes next in a text, with memory
 * for `batch` texts at a time. NN_EUSAGE, NN_EFORMAT, NN_EMEMORY. Local. */
int nn_generator_open(const char *checkpoint, size_t batch, int threads, nn_generator **out);
void nn_generator_free(nn_generator *generator);

/* Continues up to `batch` prompts at the same time. The model sees at most as many tokens as a
 * window of its training has; whenever it has taken so many, it begins anew with the latter half of
 * them. Local. */
int nn_generate(nn_generator *generator, const nn_generation *how, size_t count,
                const nn_prompt *prompt, nn_add_text *add, void *ctx);

#endif
