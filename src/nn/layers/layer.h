/* What a layer is: a row of functions. `plan` may fail and says everything the layer needs; forward
 * and backward only compute. A layer never allocates, never knows ranks, files or its neighbours.
 */
#ifndef NN_NN_LAYERS_LAYER_H
#define NN_NN_LAYERS_LAYER_H

#include "base/options/option.h"
#include "base/real.h"
#include "base/shape.h"
#include "base/tree.h"
#include "math/compute.h"
#include "math/gemm/outer.h"

#define NN_MAX_INPUTS 8
#define NN_MAX_PARAMS 64
#define NN_PARAM_RANK 5
#define NN_MAX_OUTER (3 * NN_MAX_PARAMS / 2)

#define NN_MAX_LAYERS 10000
#define NN_MAX_LAYER_NAME 128 /* bytes */
#define NN_PARAM_PATH 256     /* room for "layer/parameter" with something before and behind */

typedef struct nn_layer nn_layer;
typedef struct nn_pass nn_pass;

/* How a parameter starts when the layer's options say nothing else. */
typedef enum nn_param_role {
    NN_PARAM_WEIGHT, /* matrices and kernels: the layer's `init`, decays */
    NN_PARAM_BIAS,   /* 0, no decay */
    NN_PARAM_SCALE,  /* 1, no decay (normalisation gains) */
    NN_PARAM_OTHER,  /* `value`, no decay */
    NN_PARAM_STATE   /* starts as `value`; no optimiser: its gradient, summed over the ranks, is a
                        statistic of the global minibatch, and w += rate (g - w); written, not
                        added to, whatever g_beta is: a step's last pass counts */
} nn_param_role;

typedef struct nn_param nn_param;
struct nn_param {
    const nn_layer *layer;
    const char *name; /* PyTorch's: "weight", "bias" */
    nn_param_role role;
    nn_real value; /* NN_PARAM_OTHER, NN_PARAM_STATE: the constant it starts with */
    nn_real rate;  /* NN_PARAM_STATE */
    int rank;
    int64_t dim[NN_PARAM_RANK]; /* PyTorch's layout, which is what files hold */
    int order[NN_PARAM_RANK];   /* in memory dimension order[0] is the outermost, and so on */
    int64_t fan_in, fan_out;
    size_t offset, count; /* elements of the parameter vector */
    const nn_param *tied; /* another layer's, whose numbers these are; NULL: its own ... */
    bool shared;          /* ... to which those of other layers may be tied */
    bool table;           /* its rows are looked up: no units, which would learn different things */
};

/* A gradient that is a product of rows, A[rows][m]^T B[rows][n], each side of which a layer has in
 * memory: so that the rows can be emitted instead of it (nn_model_emit_rows). */
typedef struct nn_layer_outer {
    size_t param, at; /* elements of the parameter from `at` on, [m][n] */
    size_t m, n;
    size_t steps;        /* rows for each sample, at least 1 */
    bool padded;         /* of sequences (nn_pass.length): those behind the longest are left out */
    nn_outer_side first; /* the side that is there after forward; the other one is after backward */
    bool early;          /* it is there before forward */
    bool by_tree;        /* the gradient of microbatches has the bits of nn_outer_product */
    bool indexed;        /* a row of A is 1 in one place, whose number is emitted instead;
                            -1: nowhere */
} nn_layer_outer;

/* values[n] = values[0][n] + values[1][n] + ... of the microbatches of every rank, or of the one
 * row of values that each rank has where there are no microbatches; what goes wrong is reported
 * after the pass. Collective, also for ranks without rows. */
typedef void nn_sum_fn(void *ctx, size_t n, double *values);

/* Called in forward before the parameters of a layer are used, the last of which is before element
 * `end` of the parameter vector. */
typedef void nn_need_fn(void *ctx, size_t end);

/* Called with the values of a layer, [pass->batch][out], in memory's order: y behind its forward
 * call, the input's too, and dC/dy before its backward call. */
typedef enum nn_moment { NN_AFTER_FORWARD, NN_BEFORE_BACKWARD } nn_moment;
typedef void nn_watch_fn(void *ctx, const nn_layer *layer, nn_moment moment, const nn_pass *pass,
                         const nn_real *values);

/* How a shard is divided into microbatches, each of which is computed by itself and whose gradients
 * are added along a fixed tree, so that not a bit depends on how many ranks share the minibatch. */
typedef struct nn_shard_microbatches {
    size_t count;       /* microbatches of this shard, at least 1 */
    const size_t *row;  /* [count + 1]: microbatch i has rows [row[i], row[i + 1]) */
    size_t sums;        /* complete subtrees: the gradient of each goes to a vector of its own */
    const nn_span *sum; /* [sums] microbatches of each */
    bool lead;          /* the first microbatch of the global minibatch is here */
} nn_shard_microbatches;

/* Forward and backward over the rows of a pass. */
struct nn_pass {
    size_t batch; /* rows; 0 (an empty shard) is fine */
    bool training;
    bool again;            /* forward is called a second time: what it has put into `keep` is there,
                              and what it has summed over the ranks need not be summed again */
    bool emit_rows;        /* rows of nn_model_emit_rows are wanted */
    bool accumulate;       /* backward adds to the gradient vector instead of overwriting it */
    uint64_t seed, step;   /* for counter-based randomness ... */
    const int64_t *sample; /* ... with the global index of each row's sample, [batch] */
    const int32_t *length; /* [batch] steps of each row's sequence that count; NULL: all */
    size_t past;           /* nn_layer.context: steps that went before those of this pass */
    const nn_shard_microbatches *micro; /* NULL: the shard has no microbatches */
    nn_watch_fn *watch;                 /* looks at the values of each layer; NULL: nobody does */
    void *watch_ctx;
    nn_sum_fn *sum; /* for statistics of the global minibatch; NULL: this is all of it */
    void *sum_ctx;
    nn_need_fn *need; /* parameters may still be on their way; NULL: all are there */
    void *need_ctx;
};

/* Steps of row r that count, out of `steps`; `length` as in nn_pass. */
static inline size_t nn_valid_steps(const int32_t *length, size_t r, size_t steps) {
    if (!length)
        return steps;
    size_t n = length[r] > 0 ? (size_t)length[r] : 0;
    return n < steps ? n : steps;
}

/* Everything one call may touch: rows [0, batch) of the layer's tensors. Images [C, H, W] stand in
 * memory as [H, W, C] (but NN_LAYER_USER_ORDER). */
typedef struct nn_io {
    size_t batch;
    const nn_pass *pass;
    const nn_real *x[NN_MAX_INPUTS]; /* [batch][in_shape] */
    nn_real *y;                      /* [batch][out_shape] */
    const nn_real *dy;               /* backward: dC/dy, summed over the batch's samples */
    nn_real *dx[NN_MAX_INPUTS];      /* backward: written, not added to; NULL: not wanted */
    const nn_real *w[NN_MAX_PARAMS];
    nn_real *g[NN_MAX_PARAMS]; /* backward: g = g_beta * g + dC/dw; all NULL: not wanted */
    nn_real g_beta;            /* 1: added to the passes before (nn_pass.accumulate); else 0 */
    const bool *left_out;      /* backward: [outers] gradients that are left out; NULL: none */
    size_t microbatches;       /* backward of more than one microbatch (layer->tree_rows): ... */
    const size_t *row; /* ... [microbatches + 1] number p has rows [row[p], row[p + 1]) - row[0] */
    void *save;        /* forward to backward, [batch][save_bytes] */
    void *keep;        /* forward to backward, keep_bytes */
    void *cache;       /* from one pass to the next, [batch][cache_bytes] */
    void *scratch;     /* scratch_bytes, garbage on entry */
} nn_io;

/* Product `i` of the layer is left out by backward. */
static inline bool nn_io_leaves_out(const nn_io *io, size_t i) {
    return io->left_out && io->left_out[i];
}

typedef enum nn_layer_flags {
    NN_LAYER_IN_PLACE = 1,    /* elementwise: y may be x[0] and dx[0] may be dy */
    NN_LAYER_READS_X = 2,     /* backward reads x, so it is kept until then */
    NN_LAYER_READS_Y = 4,     /* backward reads y, so it is kept until then */
    NN_LAYER_ANY_ORDER = 32,  /* it goes by nn_param.order, whatever this becomes after plan */
    NN_LAYER_USER_ORDER = 16, /* its tensors are given to it in the user's order, also images, which
                                 are channels-last to all others */
    NN_LAYER_WHOLE = 8 /* called once for all microbatches of a shard, since it has statistics
                          of the global minibatch to take: the gradients it writes are those of
                          all ranks where pass->micro->lead, else 0 */
} nn_layer_flags;

/* A row that stands for other layers. */
typedef struct nn_container {
    int64_t times;                    /* its options */
    const nn_node *layers, *shortcut; /* shortcut NULL: none */
    const char *name;                 /* NULL: it has none */
    const char *fused;                /* as in nn_model_plan */
} nn_container;
typedef struct nn_scope nn_scope; /* nn/inner.h */

typedef struct nn_layer_ops {
    nn_entry entry;
    /* Of a container (nn/containers.c), whose options are an nn_container and whose other functions
     * are NULL: appends its layers, and says which two are to be added then; reads[0] NULL: none.
     */
    int (*build)(nn_scope *scope, const nn_container *container, nn_layer *reads[2]);
    bool activation; /* may stand as `activation:` of another layer */
    bool rectifier;  /* passes half of its input: the layer before starts with He's variance */
    int directions;  /* of its windows: 1 of sequences, 2 of images, 3 of volumes; 0: it has none */
    bool images;     /* as the first layer it takes samples of rank 3 for images */
    /* Checks options and input shapes, sets layer->out and flags, asks for parameters and memory.
     */
    int (*plan)(nn_layer *layer);
    /* May set the bytes of save, keep and scratch anew, now that the most rows of a call and the
     * number of threads are known; before each laying out of buffers. NULL: nothing depends on
     * them. */
    int (*prepare)(nn_layer *layer, size_t batch, bool training);
    /* Makes layer->constants, whenever buffers are allocated. NULL: constant_count is 0. */
    void (*fill)(const nn_layer *layer, nn_real *constants);
    /* Fails where it could not go by the lengths of sequences (nn_pass.length), of which it knows
     * only how many steps count from the first one on. NULL: it can. */
    int (*check_lengths)(const nn_layer *layer);
    /* Fails where what it makes of a step of a sequence needs later ones: it could not be computed
     * step by step (nn_model_plan_steps), by what it keeps in `cache`. NULL: it always needs them.
     * nn_layer_each_step where every step is computed by itself. */
    int (*check_steps)(const nn_layer *layer);
    /* Multiply-adds of the forward pass of one sample, where they are most of its time; backward
     * makes as many for dx and again for the gradients. NULL: elsewhere. */
    double (*work)(const nn_layer *layer);
    /* Those of backward that dx alone needs; NULL: as many as forward. */
    double (*work_dx)(const nn_layer *layer);
    void (*forward)(const nn_layer *layer, const nn_io *io);
    void (*backward)(const nn_layer *layer, const nn_io *io);
    /* The rows of a side of outer[i], of all samples of a call; in the same order on both sides.
     * Where it goes by_tree, they may have been computed in several calls. NULL: `outers` is 0. */
    nn_row_block (*rows)(const nn_layer *layer, const nn_io *io, size_t i, nn_outer_side side);
    /* of layers that programs define (src/extend) */
    int (*fault)(nn_layer *layer); /* what has failed in calls since it was asked last; NULL:
                                      nothing can */
    bool each_microbatch;          /* called for each microbatch also where it has no parameters */
    bool may_vary;                 /* the same call may have other bits the next time */
} nn_layer_ops;

struct nn_layer {
    const nn_layer_ops *ops;
    const char *name; /* unique in the model */
    void *options;    /* the struct ops->entry.options bound to */
    nn_pool *pool;    /* the model's, for what plan makes */
    nn_node *node;    /* where it stands in the configuration, for messages */
    int index;        /* place in the order of execution */
    size_t inputs;
    nn_layer *input[NN_MAX_INPUTS];
    nn_shape in[NN_MAX_INPUTS]; /* set before plan */
    size_t context; /* set before plan: `in` are some steps of a sequence of so many (nn_pass.past),
                      which go through the layer from the first to the last; 0: they are all */
    double lr_scale, decay_scale; /* factors on the learning rate and on weight decay */
    bool frozen;                  /* its parameters stay as they are */

    const nn_compute *compute; /* set by nn_model_set_compute */
    const nn_real *constants;  /* set by nn_model_bind: [constant_count], such as a table */

    /* set by plan */
    nn_shape out;
    unsigned flags;
    size_t global_sums; /* most numbers that it passes to pass->sum at once; 0: it does not */
    int64_t vocabulary; /* its input is indices: whole numbers below this; 0: any numbers */
    size_t params;
    nn_param param[NN_MAX_PARAMS];
    size_t outers;
    nn_layer_outer outer[NN_MAX_OUTER]; /* gradients that are products of rows */
    size_t save_bytes;                  /* per sample */
    size_t keep_bytes;                  /* whatever the batch */
    size_t cache_bytes;                 /* per sample, where there is a context */
    size_t scratch_bytes;               /* for one call, whatever the batch */
    size_t constant_count;              /* numbers that ops->fill makes once, whatever the batch */
    size_t microbatches;    /* set before prepare: most microbatches of a pass, at least 1 */
    size_t group, group_dx; /* prepare says: y, or dx, of so many calls has the same bits as that
                                 of one call, in which g may be NULL; 0 or 1: not known of any */
    size_t tree_rows;       /* prepare says: backward can add the gradients of microbatches along
                               their tree by itself, of at most so many rows together (then g may be
                               NULL, and dx); 0: it is called for each */

    struct nn_layer_plan *plan; /* the model's own bookkeeping: buffers, initialiser, consumers */
};

/* For plan: adds a parameter; its dimensions are PyTorch's. fan_in/fan_out steer initialisers. */
int nn_layer_add_param(nn_layer *layer, const char *name, nn_param_role role, int rank,
                       const int64_t *dim, int64_t fan_in, int64_t fan_out);

/* The parameter of that name; NULL: it has none. */
const nn_param *nn_layer_find_param(const nn_layer *layer, const char *name);

/* Its shape in PyTorch's layout, as nn_shape_text has it. */
const char *nn_param_shape_text(const nn_param *param, char text[NN_SHAPE_TEXT]);

/* For plan: the order of the parameter's dimensions in memory, e.g. {0, 2, 3, 1} for a kernel whose
 * input channels are innermost. Files, initialisers and users see PyTorch's order all the same. */
void nn_param_reorder(nn_param *param, const int order[]);
/* Elements in memory from one index of a dimension to the next, stride[rank]. */
void nn_param_strides(const nn_param *param, size_t stride[NN_PARAM_RANK]);
/* Copies a tensor [count] between PyTorch's order and that of memory. */
void nn_param_export(const nn_param *param, const nn_real *memory, nn_real *file);
void nn_param_import(const nn_param *param, const nn_real *file, nn_real *memory);

/* Steps of the sequences that come in, or of which some do. */
static inline size_t nn_layer_context(const nn_layer *layer) {
    return layer->context ? layer->context : (size_t)layer->in[0].dim[0];
}

/* For nn_layer_ops.check_steps: does nothing. */
int nn_layer_each_step(const nn_layer *layer);

/* For plan: fails unless all inputs have one shape; `what` says what only such ones do. */
int nn_layer_same_shapes(const nn_layer *layer, const char *what);

/* Elements of all weights: what one use of each of them takes in multiply-adds. */
double nn_layer_weights(const nn_layer *layer);

/* Where the layer's parameters stand in the vector, but for those that are tied to others. */
nn_span nn_layer_range(const nn_layer *layer);
/* Their elements, and those of one call's `keep`. */
size_t nn_layer_grad_count(const nn_layer *layer);
/* Whether gradients of its parameters are computed: those of a frozen layer nobody reads, but one
 * that a program defines may rely on a place for them. */
bool nn_layer_wants_grads(const nn_layer *layer);
size_t nn_layer_keep_elements(const nn_layer *layer);

/* Called once for each microbatch. Built-in layers without parameters compute every row by itself,
 * so that it would change nothing. */
static inline bool nn_layer_takes_microbatches(const nn_layer *layer) {
    return (layer->params > 0 || layer->ops->each_microbatch) && !(layer->flags & NN_LAYER_WHOLE);
}

/* A program defines its kind (nnmpi/extend.h). */
static inline bool nn_layer_is_programs(const nn_layer *layer) {
    return layer->ops->fault != NULL;
}

/* The pseudo-layer that stands for the data. */
static inline bool nn_layer_is_input(const nn_layer *layer) {
    return layer->inputs == 0;
}

/* Fails with the layer's place, name and input shape in front. */
#define nn_layer_fail(layer, ...) nn_layer_raise((layer), __func__, __VA_ARGS__)
int nn_layer_raise(const nn_layer *layer, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

extern const nn_family nn_layers;          /* layers.c: one row a layer */
extern const nn_option nn_layer_options[]; /* the keys that every layer takes */

#endif
