/* Layers, losses and metrics of a program's own. Registered ones are named in configurations as the
 * built-in ones are: their options have types, defaults and ranges and are checked, they train on
 * any number of ranks, and checkpoints keep their names and parameters. Intended usage:
 *
 *   static const nn_layer_def gate = {.size = sizeof gate, .name = "gate", .plan = gate_plan,
 *                                     .forward = gate_forward, .backward = gate_backward};
 *   nn_layer_register(&gate);                            1.
 *   nn_gradient_check("[gate]", NULL, &options, &found);   2.
 *   nn_config_parse(...); nn_train(...);                   3.
 *
 * 1. before configurations that name it are checked, on every rank and in every program that reads
 * such a checkpoint; 2. in a test: is backward the derivative of forward? 3. as ever.
 *
 * A definition is copied, with all its texts and options; functions and ctx have to stay. From any
 * thread. nnmpi calls the functions of a definition from one thread at a time, the one that called
 * nn_train, nn_training_step, nn_predict and so on; several trainings that are driven by several
 * threads may call them at the same time. Subnormal numbers count as 0 there.
 *
 * A function returns 0, or any other number where it cannot do what it should, best by
 * nn_extend_fail: that ends the run on all ranks with NN_EUSAGE and a message with its name and the
 * number. It must not keep pointers of a call for the next one, nor call MPI: ranks without rows
 * are not called.
 *
 * All is Local. Structs that nnmpi makes may get more members at their ends. */
#ifndef NNMPI_EXTEND_H
#define NNMPI_EXTEND_H

#include <nnmpi/export.h>
#include <nnmpi/option.h>
#include <nnmpi/shape.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- layers ---------------------------------------------------------------------------------- */

/* How a parameter starts, and whether l1, l2 and weight decay act on it. */
typedef enum nn_param_kind {
    NN_PARAM_IS_WEIGHT,  /* by the layer's `init`; decays */
    NN_PARAM_IS_BIAS,    /* by the layer's `bias_init`; does not decay */
    NN_PARAM_IS_CONSTANT /* as `value`; does not decay */
} nn_param_kind;

typedef struct nn_param_spec {
    const char *name; /* in checkpoints, "weight" in PyTorch's manner; copied */
    nn_param_kind kind;
    float value; /* NN_PARAM_IS_CONSTANT */
    nn_shape shape;
    int64_t fan_in,
        fan_out; /* for initialisers; 0: numbers / shape.dim[0], numbers / shape.dim[1] */
} nn_param_spec;

#define NN_LAYER_MAX_PARAMS 16

/* What `plan` is told, and what it says. */
typedef struct nn_layer_layout {
    void *options; /* the layer's struct; members that no option is bound to are 0, and plan may
                      keep in them what the other functions want to know */
    size_t inputs;
    const nn_shape *in; /* [inputs] of a sample */
    /* set by plan: */
    nn_shape out;  /* of a sample; at first in[0] */
    size_t params; /* at first 0 */
    nn_param_spec param[NN_LAYER_MAX_PARAMS];
    size_t save;    /* floats a sample that forward leaves for backward */
    size_t scratch; /* floats a sample to work with during a call */
} nn_layer_layout;

/* One call, on some rows of the minibatch, a sample each. All arrays are C-ordered, the last
 * dimension innermost, images [C, H, W]. x, y, dy and w are not to be written to but y by
 * forward. */
typedef struct nn_layer_call {
    const void *options;
    size_t rows; /* at least 1 */
    size_t inputs, params;
    const nn_shape *in, *out; /* [inputs], [1] */
    const float *const *x;    /* [inputs][rows][in]; for backward, too */
    float *y;                 /* [rows][out]: forward writes all of it, backward may read it */
    const float *dy;          /* [rows][out], the loss's derivative by y; forward: NULL */
    float *const *dx;         /* [inputs][rows][in]: backward writes all of it; NULL where it is not
                                 wanted */
    const float *const *w;    /* [params] */
    float *const *g;       /* [params]: backward adds the loss's derivatives by w, summed over the
                              rows, to what is there */
    float *save;           /* [rows][save] */
    float *scratch;        /* [rows][scratch], with anything in it */
    const int32_t *length; /* [rows] steps of each sequence that count; NULL: all */
    bool training;         /* false: evaluation and prediction */
    uint64_t seed, step; /* for random numbers, which have to be a function of these two and ... */
    const int64_t *sample; /* ... of [rows] the samples; NULL: not in training */
} nn_layer_call;

/* The rows of a minibatch are divided among ranks, and called in any pieces: what a row becomes may
 * depend on nothing but this row and the parameters, and g is a sum over rows. */
typedef struct nn_layer_def {
    size_t size;              /* REQUIRED: sizeof(nn_layer_def) */
    const char *name;         /* REQUIRED: letters, digits and _ */
    const char *help;         /* OPTIONAL: one sentence */
    const nn_option *options; /* OPTIONAL: ends with NN_OPTION_END; besides name, inputs,
                                 activation, init and so on, which every layer has */
    size_t options_size;      /* bytes of the struct that they are bound to; 0: none */
    void *ctx;                /* OPTIONAL: passed to the functions */
    int (*plan)(void *ctx, nn_layer_layout *layout);       /* REQUIRED */
    int (*forward)(void *ctx, const nn_layer_call *call);  /* REQUIRED */
    int (*backward)(void *ctx, const nn_layer_call *call); /* OPTIONAL for a layer without
                         parameters that has none with parameters before it */
    bool activation;   /* may stand as `activation:` of another layer */
    bool rectifier;    /* passes about half of what comes in, as relu: the layer before starts with
                          He's variance */
    bool reproducible; /* promises that the same call gives the same bits, whatever rank and thread
                          makes it, as train.reproducible wants, and train.recompute, which calls
                          forward twice: no random numbers but by seed, step and sample, no sums
                          whose order is left to chance */
} nn_layer_def;

/* NN_EUSAGE where the definition is not complete, or the name is taken, with what is wrong;
 * NN_EMEMORY. */
NN_API int nn_layer_register(const nn_layer_def *def);

/* ---- losses ---------------------------------------------------------------------------------- */

/* What a loss compares outputs with. Data sets that have the other kind are converted where there
 * is a way: classes to rows of 0 and 1, or with one output to one number; rows of numbers, as many
 * as outputs, to the class of the largest one. */
typedef enum nn_target_kind {
    NN_TARGETS_ARE_NUMBERS, /* y */
    NN_TARGETS_ARE_CLASSES  /* label; of a model with 2 outputs or more */
} nn_target_kind;

typedef struct nn_loss_call {
    const void *options;
    size_t rows, outputs;
    const float *z;       /* [rows][outputs] of the model, before `fuses` */
    const float *y;       /* [rows][outputs], or NULL */
    const int32_t *label; /* [rows] in [0, outputs), or NULL */
    float *loss;          /* [rows]: written */
    float *dz;            /* [rows][outputs]: written, the derivative of loss[row] */
} nn_loss_call;

/* Weights of samples and classes are not the loss's business: nnmpi multiplies by them. */
typedef struct nn_loss_def {
    size_t size;              /* REQUIRED: sizeof(nn_loss_def) */
    const char *name;         /* REQUIRED */
    const char *help;         /* OPTIONAL */
    const nn_option *options; /* OPTIONAL: besides class_weights, which every loss has */
    size_t options_size;
    void *ctx; /* OPTIONAL */
    nn_target_kind targets;
    const char *fuses; /* OPTIONAL: "softmax" or "sigmoid", which the loss has in itself: a last
                          layer of that name is left to it, and predict applies it */
    /* OPTIONAL: fails where the loss does not go with so many outputs; may write to options. */
    int (*plan)(void *ctx, void *options, size_t outputs);
    int (*eval)(void *ctx, const nn_loss_call *call); /* REQUIRED */
    bool reproducible;                                /* as of a layer */
} nn_loss_def;

/* As nn_layer_register. */
NN_API int nn_loss_register(const nn_loss_def *def);

/* ---- metrics --------------------------------------------------------------------------------- */

typedef struct nn_metric_call {
    const void *options;
    size_t rows, outputs;
    const float *z;       /* [rows][outputs] of the model, before the activation ... */
    const char *fused;    /* ... that the loss has in itself: "softmax", "sigmoid"; or NULL */
    double threshold;     /* with one output, what is above it means class 1 */
    const int32_t *label; /* [rows]; -1: the row does not count; or NULL */
    const float *y;       /* [rows][outputs], or NULL */
    const float *weight;  /* [rows]; NULL: all 1 */
    double *sums;         /* [sums]: the rows are added to it */
} nn_metric_call;

/* A metric is a function of sums over the samples, which nnmpi adds over minibatches and ranks. */
typedef struct nn_metric_def {
    size_t size;              /* REQUIRED: sizeof(nn_metric_def) */
    const char *name;         /* REQUIRED */
    const char *help;         /* OPTIONAL */
    const nn_option *options; /* OPTIONAL */
    size_t options_size;
    void *ctx; /* OPTIONAL */
    /* REQUIRED: sets *sums, 0 at first, to the numbers it adds up; fails where it does not go with
     * such targets or outputs. */
    int (*plan)(void *ctx, void *options, size_t outputs, nn_target_kind targets, size_t *sums);
    int (*add)(void *ctx, const nn_metric_call *call); /* REQUIRED */
    /* REQUIRED: the value from the sums over all samples; NaN where there is none. */
    int (*value)(void *ctx, const void *options, size_t outputs, const double *sums, double *value);
    bool larger_is_better; /* for early stopping and best.h5 */
} nn_metric_def;

/* As nn_layer_register. */
NN_API int nn_metric_register(const nn_metric_def *def);

/* ---- what went wrong ------------------------------------------------------------------------- */

/* For functions of a definition: returns `code`, and keeps `why`, up to 200 characters, for the
 * message of the failure. `return nn_extend_fail(3, "centers must differ");` */
NN_API int nn_extend_fail(int code, const char *why);

/* ---- is backward right? ---------------------------------------------------------------------- */

/* `size` first; what is 0 takes its default. */
typedef struct nn_gradient_options {
    size_t size;           /* sizeof(nn_gradient_options) */
    nn_shape input;        /* of a sample */
    size_t rows;           /* samples; 4 */
    const int32_t *length; /* [rows] steps of each sequence that count; NULL: all */
    size_t elements;       /* most numbers of a tensor that are tried; 100 */
    double tolerance;      /* largest relative error; 0.005 */
    uint64_t seed;         /* of the numbers that everything is computed with */
} nn_gradient_options;

typedef struct nn_gradient_result {
    size_t size;       /* sizeof(nn_gradient_result), set by the caller */
    double error;      /* the largest relative error of back-propagation, and where it is: */
    char tensor[128];  /* "gate1/weight"; "input"; "outputs", by which the loss is derived */
    int64_t index;     /* of its numbers, with the last dimension innermost */
    double backward;   /* what back-propagation says there */
    double difference; /* what central differences say */
    size_t compared;   /* numbers */
    size_t uncertain; /* others, where central differences say nothing: at kinks and jumps, or where
                         rounding is as large as the derivative */
} nn_gradient_result;

/* Compares back-propagation with central differences, for the list of layers `model` in YAML, as
 * "[dense: {units: 5}, gate]", and a loss, as "pinball: {q: 0.9}"; where `loss` is NULL, a random
 * linear function of the outputs takes its place. Parameters, x and targets are random, and x is
 * derived by as well, unless the model wants indices or a layer has no backward.
 *
 * Layers compute in float. Each difference is therefore taken with several steps, from 1/16 down to
 * 1/1024 of a number (or of 1): how far neighbours are apart, and what rounding of the outputs may
 * do, say how uncertain it is, and the best one counts. The relative error is |backward -
 * difference| divided by the largest of both and of the root mean square of the tensor's gradient;
 * where four times the uncertainty are more than the tolerance, they are taken off first. A wrong
 * factor or a missing term is far above 0.005, rounding below. Models with layers of the program's
 * own are first asked whether rows depend on each other, backward adds to g and writes all of dx,
 * and `reproducible` ones give the same bits twice.
 *
 * NN_EUSAGE with tensor and numbers where the error is above the tolerance, or nothing could be
 * compared; `result` is then filled as well, but where model, loss or options are wrong. NULL: it
 * is not wanted. NN_EMEMORY. */
NN_API int nn_gradient_check(const char *model, const char *loss,
                             const nn_gradient_options *options, nn_gradient_result *result);

#endif
