/* What a layer is: a row of functions. `plan` may fail and says everything the layer needs; forward
 * and backward only compute. A layer never allocates, never knows ranks, files or its neighbours.
 */
#ifndef NN_NN_LAYER_H
#define NN_NN_LAYER_H

#include "base/option.h"
#include "base/real.h"
#include "nn/shape.h"

#define NN_MAX_INPUTS 8
#define NN_MAX_PARAMS 16
#define NN_PARAM_RANK 4

typedef struct nn_layer nn_layer;

/* How a parameter starts when the layer's options say nothing else. */
typedef enum nn_param_role {
    NN_PARAM_WEIGHT, /* matrices and kernels: the layer's `init`, decays */
    NN_PARAM_BIAS,   /* 0, no decay */
    NN_PARAM_SCALE,  /* 1, no decay (normalisation gains) */
    NN_PARAM_OTHER   /* `value`, no decay */
} nn_param_role;

typedef struct nn_param {
    const nn_layer *layer;
    const char *name; /* PyTorch's: "weight", "bias" */
    nn_param_role role;
    nn_real value; /* NN_PARAM_OTHER: the constant it starts with */
    int rank;
    int64_t dim[NN_PARAM_RANK]; /* PyTorch's layout, which is what files hold */
    int64_t fan_in, fan_out;
    size_t offset, count; /* elements in the arena */
} nn_param;

/* Everything one call may touch: rows [0, batch) of the layer's tensors. */
typedef struct nn_io {
    size_t batch;
    const nn_real *x[NN_MAX_INPUTS]; /* [batch][in_shape] */
    nn_real *y;                      /* [batch][out_shape] */
    const nn_real *dy;               /* backward: dC/dy, summed over the batch's samples */
    nn_real *dx[NN_MAX_INPUTS];      /* backward: written, not added to; NULL: not wanted */
    const nn_real *w[NN_MAX_PARAMS];
    nn_real *g[NN_MAX_PARAMS]; /* backward: g = g_beta * g + dC/dw */
    nn_real g_beta;            /* 0 on the first microbatch of a step, then 1 */
    void *save;                /* forward to backward, [batch][save_bytes] */
    void *scratch;             /* scratch_bytes, garbage on entry */
    bool training;
    uint64_t seed, step;   /* for counter-based randomness ... */
    const int64_t *sample; /* ... with the global index of each row's sample, [batch] */
} nn_io;

typedef enum nn_layer_flags {
    NN_LAYER_IN_PLACE = 1, /* elementwise: y may be x[0] and dx[0] may be dy */
    NN_LAYER_READS_X = 2,  /* backward reads x, so it is kept until then */
    NN_LAYER_READS_Y = 4   /* backward reads y, so it is kept until then */
} nn_layer_flags;

typedef struct nn_layer_ops {
    nn_entry entry;
    bool activation; /* may stand as `activation:` of another layer */
    bool rectifier;  /* passes half of its input: the layer before starts with He's variance */
    /* Checks options and input shapes, sets layer->out and flags, asks for parameters and memory.
     */
    int (*plan)(nn_layer *layer);
    void (*forward)(const nn_layer *layer, const nn_io *io);
    void (*backward)(const nn_layer *layer, const nn_io *io);
} nn_layer_ops;

struct nn_layer {
    const nn_layer_ops *ops;
    const char *name; /* unique in the model */
    void *options;    /* the struct ops->entry.options bound to */
    nn_node *node;    /* where it stands in the configuration, for messages */
    int index;        /* place in the order of execution */
    size_t inputs;
    nn_layer *input[NN_MAX_INPUTS];
    nn_shape in[NN_MAX_INPUTS]; /* set before plan */

    /* set by plan */
    nn_shape out;
    unsigned flags;
    size_t params;
    nn_param param[NN_MAX_PARAMS];
    size_t save_bytes;    /* per sample */
    size_t scratch_bytes; /* for one call, whatever the batch */

    struct nn_layer_plan *plan; /* the model's own bookkeeping: buffers, initialiser, consumers */
};

/* For plan: adds a parameter; its dimensions are PyTorch's. fan_in/fan_out steer initialisers. */
int nn_layer_add_param(nn_layer *layer, const char *name, nn_param_role role, int rank,
                       const int64_t *dim, int64_t fan_in, int64_t fan_out);

/* Fails with the layer's place, name and input shape in front. */
#define nn_layer_fail(layer, ...) nn_layer_raise((layer), __func__, __VA_ARGS__)
int nn_layer_raise(const nn_layer *layer, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

extern const nn_family nn_layers;          /* layers.c: one row a layer */
extern const nn_option nn_layer_options[]; /* the keys that every layer takes */

#endif
