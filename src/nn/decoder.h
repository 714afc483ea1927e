/* A model that goes through sequences step by step: each new step is computed from itself and from
 * what the layers keep of the steps before, keys and values of attention and the states of
 * recurrent layers, and gives what the forward pass over all of them would. */
#ifndef NN_NN_DECODER_H
#define NN_NN_DECODER_H

#include "nn/model.h"

typedef struct nn_decoder nn_decoder;

/* For up to `batch` sequences side by side, of up to as many steps as a sample of `whole`, a model
 * that was planned of `layers` and `fused`. `compute` and `params` are as for the model, and
 * outlive the decoder. NN_EUSAGE as nn_model_check_steps, NN_EMEMORY. Local. */
int nn_decoder_new(nn_node *layers, const char *fused, const nn_model *whole,
                   const nn_compute *compute, nn_real *params, size_t batch, nn_decoder **out);
void nn_decoder_free(nn_decoder *decoder);

/* Steps of the longest sequence. */
size_t nn_decoder_context(const nn_decoder *decoder);

/* Begins `rows` new sequences. Local. */
void nn_decoder_begin(nn_decoder *decoder, size_t rows);
/* Takes the next `steps` of all of them, at least one, from x[rows][steps][features]; returns what
 * the model gives for the last, [rows][outputs of a step], the decoder's memory. Together they are
 * at most the context. Local. */
const nn_real *nn_decoder_take(nn_decoder *decoder, size_t steps, const nn_real *x);

#endif
