/* The inside of a model, shared by model.c (beginning, end, questions), graph.c and containers.c
 * (configuration to graph), tie.c (tied parameters), init.c (initial parameters), recompute.c (what
 * is computed again), buffers.c (memory), pass.c (running it), output.c (its last layer, block by
 * block), rows.c (rows instead of gradients), decoder.c (one step of a sequence at a time) and
 * traffic.c (bytes that pass). */
#ifndef NN_NN_INNER_H
#define NN_NN_INNER_H

#include "nn/initializers/initializer.h"
#include "nn/model.h"

/* y and what is saved for backward may have two lives: those of forward, and those that
 * back-propagation makes again. */
enum nn_life { NN_LIFE_FIRST, NN_LIFE_AGAIN, NN_LIVES };

/* What a model keeps about each of its layers. */
struct nn_layer_plan {
    /* initialisers: row and bound options */
    const nn_initializer_ops *init, *bias_init; /* init NULL: chosen by what follows */
    void *init_options, *bias_init_options;
    bool symmetric;     /* identical units are wanted */
    const char *prefix; /* of the names of its scope */
    bool learns;        /* it or a layer before it has parameters: back-propagation needs dy here */

    size_t consumers;
    nn_layer *consumer; /* the last one added */

    bool ties;  /* some of its parameters are tied, or shared (tie.c) */
    bool again; /* back-propagation runs forward again (recompute.c) */

    /* recompute.c */
    size_t segment;               /* that of the last layer is 0, the one before it 1, ... */
    size_t again_at, backward_at; /* the moments of these calls (buffers.c) */

    /* offsets into the buffer block, in elements; set by nn_model_bind */
    size_t y[NN_LIVES], save[NN_LIVES], dy, keep, tied, constants;
    /* pointers behind them, of the life it is in; y of the input layer is the caller's x */
    nn_real *y_at, *dy_at;
    void *save_at, *keep_at, *cache_at; /* cache: decoder.c */
    nn_rows_fn *sink;                   /* nn_model_emit_rows */
    void *sink_ctx;
    bool emitted[NN_MAX_OUTER];      /* products whose rows go to `sink` instead, ... */
    size_t sink_index[NN_MAX_OUTER]; /* ... under these numbers */
    bool grad_written; /* back-propagation: dy already holds another consumer's share */
};

struct nn_model {
    nn_pool pool;
    nn_node *description; /* by calls; NULL: it is planned */
    nn_layer **layer;     /* [0] is the input, the last one the output; in order of execution */
    size_t layers, capacity;
    size_t context; /* nn_model_plan_steps; 0: its samples are whole */
    const nn_param **param;
    size_t params;
    size_t size;

    nn_real *weights, *grads; /* the caller's */
    const nn_compute *compute;
    size_t batch;
    nn_real *block; /* all buffers */
    size_t edge[NN_MAX_INPUTS], scratch;

    nn_recompute recompute;
    size_t moments; /* of a step (buffers.c) */

    /* nn_model_set_microbatches; microbatches 0: there are none */
    size_t microbatches, microbatch_rows, grads_stride;
    size_t tree, tree_stride; /* [levels][tree_stride] gradients of a layer on their way up */

    size_t output_rows; /* nn_model_divide_output; 0: the output stands as a whole */

    bool watched;         /* one of these is there: */
    nn_layer_time *times; /* nn_model_time, or NULL */
    nn_trace *trace;      /* nn_model_trace, or NULL */
};

/* Where the next layer of a list goes, and what names mean there: graph.c. */
struct nn_scope {
    nn_model *model;
    nn_layer *above;       /* what it reads by default */
    const char *prefix;    /* stands before the names of the scope's layers; "": the model's list */
    const nn_scope *outer; /* names that are not found in it are looked for there; NULL: nowhere */
    size_t repeats;        /* so far, without a name of their own */
};

/* The layer of this name among those of the scope, else of those around it. For messages: which
 * layer wants it, and what it `does`: "reads". */
int nn_scope_find(const nn_scope *scope, const char *reader, const char *does, const nn_node *name,
                  nn_layer **out);

/* `tie: tokens.weight`, one or a list of them: parameters of a planned layer, which have no places
 * yet, become those of layers above. */
int nn_tie_params(const nn_scope *scope, nn_layer *layer, const nn_node *items);
/* Elements for the gradients of one call by its tied parameters, and the moment in which they are
 * needed last (see buffers.c). */
size_t nn_tie_elements(const nn_layer *layer);
size_t nn_tie_end(const nn_model *model, const nn_layer *layer);
/* Where those of parameter p of call `i` are. */
nn_real *nn_tie_grad(const nn_model *model, const nn_layer *layer, size_t p, size_t i);
/* Those of call `i` of all layers that are tied to this one join its own, which stand from `g` on,
 * in the order of the layers. */
void nn_tie_collect(const nn_model *model, const nn_layer *layer, size_t i, nn_real *g);

/* Who takes the blocks of the output. */
typedef struct nn_output_user {
    nn_output_fn *see;
    void *ctx;
} nn_output_user;
/* Whether the layer is the last one, whose output is divided into blocks; elements of its output
 * that stand in memory for a batch. */
bool nn_output_is_divided(const nn_model *model, const nn_layer *layer);
size_t nn_output_elements(const nn_model *model, const nn_layer *layer, size_t batch);
/* A call of this layer, block by block, and in training its back-propagation; the call begins with
 * sample `first` of the pass, in microbatch `micro`. */
void nn_output_blocks(const nn_model *model, const nn_io *call, size_t micro, size_t first,
                      const nn_output_user *user);

/* The time now where times are taken, else 0; and what layer i has done since `begin`. */
double nn_pass_clock(const nn_model *model);
void nn_pass_note(const nn_model *model, const nn_pass *pass, int i, nn_trace_what what,
                  double begin);

/* What backward reads: a flag of a layer whose backward is called. */
static inline bool nn_layer_reads_back(const nn_layer *layer, unsigned flag) {
    return layer->plan->learns && (layer->flags & flag);
}

bool nn_layer_reads(const nn_layer *layer, const nn_layer *input);
/* Elements that a layer adds to what is alive from forward to its backward: y and what is saved. */
size_t nn_working_elements(const nn_model *model, const nn_layer *layer, size_t batch);
/* Divides the layers into segments of up to so many such elements (a single layer may have more),
 * and says what back-propagation computes again. SIZE_MAX: one segment, and nothing. NN_EMEMORY. */
int nn_model_make_segments(nn_model *model, size_t batch, size_t most);
/* The first layer of the segment of layer i. */
size_t nn_segment_begin(const nn_model *model, size_t i);

/* Appends the layers of a list. `fused` as in nn_model_plan. */
int nn_scope_append(nn_scope *scope, const nn_node *layers, const char *fused);

#endif
