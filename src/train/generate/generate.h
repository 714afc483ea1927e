/* The inside of what makes texts (nnmpi/generate.h): generator.c opens it, generate.c has it go
 * on. */
#ifndef NN_TRAIN_GENERATE_GENERATE_H
#define NN_TRAIN_GENERATE_GENERATE_H

#include "data/importers/text/tokenizer.h"
#include "nn/decoder.h"
#include "train/evaluate/predict.h"
#include "train/generate/sample.h"

#include <nnmpi/generate.h>

#define NN_TEXTS 16 /* that are made side by side where nobody says how many */

/* A model that is to make texts; what it points to outlives the generator. */
typedef struct nn_text_model {
    const char *name; /* of the checkpoint, in messages */
    nn_data_traits data;
    const nn_loss_ops *loss;
    nn_node *layers;
    const nn_model *model; /* planned of them */
    nn_real *params;
} nn_text_model;

struct nn_generator {
    nn_trained trained; /* of nn_generator_open, else empty */
    nn_text_model model;
    nn_compute compute;
    nn_tokenizer *tokenizer; /* NULL: there is no vocabulary */
    nn_decoder *decoder;
    size_t batch, outputs, tokens;
    nn_real *x, *z;     /* [batch][context]; [tokens] of one text */
    nn_candidate *room; /* [tokens] */
};

/* As nn_generator_open does it. Local. */
int nn_generator_new(const nn_text_model *model, size_t batch, int threads, nn_generator **out);

#endif
