/* The model: a directed acyclic graph of layers over one flat parameter vector.
 *
 * Life: nn_model_plan makes one with shapes and parameters (before it, a program may describe one
 * by calls, nnmpi/model.h, which becomes a configuration's list of layers); nn_model_bind sets
 * the memory behind the parameter and gradient vectors and lays out the buffers for the largest
 * minibatch; then forward and backward run without allocating. The parameters stand in the vector
 * in the order of the layers, so back-propagation completes the gradient vector from its end to its
 * start. */
#ifndef NN_NN_MODEL_H
#define NN_NN_MODEL_H

#include "base/system/trace.h"
#include "math/gemm/outer.h"
#include "nn/layers/layer.h"

#include <nnmpi/model.h>

/* Takes the rows of a shard of one side of a product G = A^T B that is the gradient of a matrix. */
typedef void nn_rows_fn(void *ctx, size_t i, nn_outer_side side, const nn_row_block *rows);

/* Called in back-propagation each time that the gradient vector has become complete from `begin`
 * to its end; not for layers that have no gradient. */
typedef void nn_ready_fn(void *ctx, size_t begin);

/* Builds and plans the graph of `layers` (the list under `model:`) for samples of shape `input`.
 * `fused` (may be NULL) is the activation that the loss has fused in: a last layer of that name is
 * left to the loss. The node tree must outlive the model. NN_EUSAGE with the place. Local. */
int nn_model_plan(nn_node *layers, nn_shape input, const char *fused, nn_model **out);

/* The same model for some `steps` of its samples, which are sequences and have more: layers of this
 * one keep in nn_io.cache what they need of the nn_pass.past steps before. Its parameters are those
 * of `whole`, for which nn_model_check_steps has said yes. Local. */
int nn_model_plan_steps(nn_node *layers, const nn_model *whole, size_t steps, const char *fused,
                        nn_model **out);

/* Whether kinds and options of the layers are right, each by itself, whatever comes in. NN_EUSAGE
 * with the place; where messages are gathered, all that is wrong (nn_error_keep). Local. */
int nn_model_check(nn_node *layers);

/* The list that calls describe a model of nn_model_new by; owned by the model. */
nn_node *nn_model_description(const nn_model *model);

/* Elements of the parameter vector, padding included (every tensor starts on a cache line). */
size_t nn_model_size(const nn_model *model);
/* Trainable numbers, padding not included. */
size_t nn_model_param_count(const nn_model *model);
/* Tensors in the order of the vector. */
size_t nn_model_params(const nn_model *model, const nn_param *const **out);
/* Parameter `param` of nn_model_params as the i-th of the layers that use it knows it: itself for
 * 0, then those that are tied to it; NULL behind the last. */
const nn_param *nn_model_param_named(const nn_model *model, const nn_param *param, size_t i);
/* Layers in order of execution (the input is the first). */
size_t nn_model_layers(const nn_model *model, const nn_layer *const **out);
/* Multiply-adds of a layer for one sample, in products with weights: of its forward pass, for the
 * gradient of the weights, and for delta of what it reads, which is not made of an input below
 * which nothing learns. */
typedef struct nn_layer_work {
    double forward, gradient, delta;
} nn_layer_work;
nn_layer_work nn_model_work(const nn_layer *layer);
nn_shape nn_model_input_shape(const nn_model *model);
nn_shape nn_model_output_shape(const nn_model *model);
/* Whether passes can have lengths (nn_pass.length). NN_EUSAGE with the place of the first layer
 * that cannot go by them. Local. */
int nn_model_check_lengths(const nn_model *model);
/* Whether a sample is a sequence that the model can go through step by step. NN_EUSAGE with the
 * place of the first layer that cannot. Local. */
int nn_model_check_steps(const nn_model *model);
/* Bytes of activations, gradients of activations and scratch for a batch. Not while it is bound. */
int nn_model_buffer_bytes(nn_model *model, size_t batch, bool training, size_t *bytes);

/* Writes initial values, a function of `seed` and the parameters' names, to `params`
 * [nn_model_size]. */
int nn_model_init(const nn_model *model, uint64_t seed, nn_real *params);

/* For nn_pass.micro, whose bits want own kernels (nn_model_set_compute): up to `count` microbatches
 * a shard, of up to `rows` rows each; the gradient of subtree i stands i * stride elements behind
 * that of subtree 0. Before nn_model_bind. */
void nn_model_set_microbatches(nn_model *model, size_t count, size_t rows, size_t stride);

/* What back-propagation computes again instead of having kept it (recompute.c). */
typedef enum nn_recompute {
    NN_RECOMPUTE_NONE,
    NN_RECOMPUTE_BLOCKS, /* blocks of layers, chosen for little memory */
    NN_RECOMPUTE_LAYERS  /* every layer is a block, as tests want it */
} nn_recompute;
/* No bit depends on it where layers give the same ones for the same call (not
 * nn_layer_ops.may_vary). Before nn_model_bind; NN_RECOMPUTE_NONE at first. */
void nn_model_set_recompute(nn_model *model, nn_recompute what);

/* Back-propagation goes on to the data, by which nn_model_input_grad [batch][input] is then the
 * derivative. Before nn_model_bind. */
void nn_model_learn_input(nn_model *model);
const nn_real *nn_model_input_grad(const nn_model *model);

/* How it computes from now on; before nn_model_bind. `compute` must outlive the model; NULL: one
 * thread. */
void nn_model_set_compute(nn_model *model, const nn_compute *compute);

/* Uses `params` and `grads` ([nn_model_size], 64-byte aligned, owned by the caller, grads NULL for
 * evaluation) and allocates buffers for up to `batch` samples. May be called again. NN_EMEMORY. */
int nn_model_bind(nn_model *model, nn_real *params, nn_real *grads, size_t batch);

/* From now on computes with these parameters; gradients and buffers stay as they are bound. */
void nn_model_use(nn_model *model, nn_real *params);

/* A last layer that is dense on sequences can compute its output, and what follows from it, some
 * rows at a time (nn_model_output), so that it never stands in memory as a whole. Before
 * nn_model_outer_grads, of which it is none then. `rows` at least 1. */
bool nn_model_can_divide_output(const nn_model *model);
void nn_model_divide_output(nn_model *model, size_t rows);

/* Runs the model on x [batch][input]; the output [batch][output] is the model's own memory. NULL
 * where it is divided: its layer is left to nn_model_output. */
const nn_real *nn_model_forward(nn_model *model, const nn_pass *pass, const nn_real *x);
/* A part of the output of a pass. */
typedef struct nn_output_block {
    size_t micro;      /* the microbatch that it belongs to; 0 where there are none */
    size_t begin, end; /* its elements among those of the output [batch][output] */
    const nn_real *z;  /* [end - begin] */
    nn_real *dz;       /* the same, where dC/dz is to be put; NULL: not in training */
} nn_output_block;
typedef void nn_output_fn(void *ctx, const nn_output_block *block);

/* After nn_model_forward: has `see` look at the output, at each microbatch by itself, and where it
 * is divided at each block of one; in training the gradients of the layer that makes it are
 * computed at once then. */
void nn_model_output(nn_model *model, const nn_pass *pass, nn_output_fn *see, void *ctx);

/* What has failed in layers that programs define, since it was asked last; with the layer's place.
 */
int nn_model_fault(const nn_model *model);
/* Forward for when the output is NaN or Inf: the first layer that makes it so, NULL when none
 * does. */
const nn_layer *nn_model_find_nonfinite(nn_model *model, const nn_pass *pass, const nn_real *x);

/* Seconds that forward and backward calls of a layer have taken; forward that back-propagation
 * calls again counts as backward. */
typedef struct nn_layer_time {
    double forward, backward;
} nn_layer_time;
/* From now on adds up the time of each layer in times[nn_model_layers]; NULL: no longer. */
void nn_model_time(nn_model *model, nn_layer_time *times);
/* From now on notes in `trace` what each layer does in training; NULL: no longer. */
void nn_model_trace(nn_model *model, nn_trace *trace);

/* A gradient that is the product of a minibatch's rows. */
typedef struct nn_outer_grad {
    int layer;    /* in order of execution ... */
    size_t outer; /* ... and which of its products */
    size_t begin; /* where the gradient stands in the vector */
    const nn_layer_outer *rows;
} nn_outer_grad;
/* Whether gradient i of a layer can be such: it is not frozen, and its matrix no other layer's. */
bool nn_layer_has_rows(const nn_layer *layer, size_t i);
/* Those that can, in the order of the vector, to `out` (NULL: not wanted);
 * their number. */
size_t nn_model_outer_grads(const nn_model *model, nn_outer_grad *out);
/* From now on backward does not compute this one, but its rows are emitted, as number `i`, with
 * `ctx`, in passes with nn_pass.emit_rows: one side by forward, the other one by backward. Not for
 * nn_pass.accumulate, nor, unless it goes by_tree, for nn_pass.micro. */
void nn_model_emit_rows(nn_model *model, const nn_outer_grad *grad, nn_rows_fn *sink, void *ctx,
                        size_t i);
/* Whether it does so for a product of a layer, and as which number (NULL: not wanted). */
bool nn_model_emits_rows(const nn_model *model, int layer, size_t outer, size_t *i);

/* Where dC/doutput [batch][output] is to be put before nn_model_backward, unless the output is
 * divided. */
nn_real *nn_model_output_grad(nn_model *model);
/* Back-propagation after nn_model_forward, and nn_model_output, of the same pass, from the last
 * layer to the first. `ready` (NULL: not wanted) is called with `ctx`. */
void nn_model_backward(nn_model *model, const nn_pass *pass, nn_ready_fn *ready, void *ctx);

#endif
