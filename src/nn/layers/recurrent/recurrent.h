/* What rnn, lstm and gru share: options, parameters, memory and the way through the steps. A cell
 * says how its gates are laid out; its arithmetic is a pair of kernels (nn_cell_step).
 *
 * Between layers a sequence is a row [steps][features] of the minibatch. Inside, everything is
 * time-major, [steps][rows][...], so that a step is a matrix. */
#ifndef NN_NN_LAYERS_RECURRENT_RECURRENT_H
#define NN_NN_LAYERS_RECURRENT_RECURRENT_H

#include "math/kernels.h"
#include "nn/layers/layers.h"

/* Rows of W_hh that give `count` blocks of the gates, all in numbers of units. */
typedef struct nn_hidden_part {
    size_t row, block, count;
} nn_hidden_part;

#define NN_HIDDEN_PARTS 2

typedef struct nn_cell {
    size_t gates;  /* blocks of rows of W_ih and W_hh, and of the gates that take W_ih x + b_ih */
    size_t blocks; /* of the gates in all */
    size_t parts;
    nn_hidden_part part[NN_HIDDEN_PARTS];
    bool has_c;       /* a second state beside h */
    size_t kernel[2]; /* offsets in nn_kernels, by nonlinearity */
} nn_cell;

typedef enum nn_recurrent_return { NN_RETURN_LAST, NN_RETURN_ALL } nn_recurrent_return;

typedef struct nn_recurrent {
    int64_t units, layers;
    bool bidirectional, bias;
    int returns;      /* nn_recurrent_return */
    int nonlinearity; /* rnn only */
    double dropout;
    /* set by plan */
    const nn_cell *cell;
    char name[NN_MAX_PARAMS][48]; /* of the parameters */
} nn_recurrent;

#define NN_RECURRENT_OPTIONS                                                                       \
    {"units", NN_OPT_INT, offsetof(nn_recurrent, units),                                           \
     NULL,    "[1, 1e6]", "size of the state, and of the output for each direction"},              \
        {"layers",                                                                                 \
         NN_OPT_INT,                                                                               \
         offsetof(nn_recurrent, layers),                                                           \
         "1",                                                                                      \
         "[1, 32]",                                                                                \
         "layers on top of each other, each reading all steps of the one below"},                  \
        {"bidirectional",                                                                          \
         NN_OPT_BOOL,                                                                              \
         offsetof(nn_recurrent, bidirectional),                                                    \
         "false",                                                                                  \
         NULL,                                                                                     \
         "a second set of parameters reads each sequence from its last step to its first; "        \
         "outputs are put behind each other, forward first"},                                      \
        {"return",                                                                                 \
         NN_OPT_CHOICE,                                                                            \
         offsetof(nn_recurrent, returns),                                                          \
         "last",                                                                                   \
         "last|all",                                                                               \
         "the state after a sequence's last step, [units], or those of all steps, "                \
         "[steps, units], 0 behind its end"},                                                      \
        {"dropout", NN_OPT_REAL, offsetof(nn_recurrent, dropout),                                  \
         "0",       "[0, 1)",    "rate of dropout between the layers"},                            \
    {                                                                                              \
        "bias", NN_OPT_BOOL, offsetof(nn_recurrent, bias), "true", NULL,                           \
            "add biases, bias_ih and bias_hh"                                                      \
    }

extern const nn_option nn_recurrent_options[]; /* just these */

int nn_recurrent_plan(nn_layer *layer, const nn_cell *cell);
int nn_recurrent_check_steps(const nn_layer *layer);
int nn_recurrent_prepare(nn_layer *layer, size_t batch, bool training);
double nn_recurrent_work(const nn_layer *layer);
double nn_recurrent_work_dx(const nn_layer *layer);
void nn_recurrent_forward(const nn_layer *layer, const nn_io *io);
void nn_recurrent_backward(const nn_layer *layer, const nn_io *io);
nn_row_block nn_recurrent_rows(const nn_layer *layer, const nn_io *io, size_t i,
                               nn_outer_side side);

/* --- between recurrent.c, forward.c and backward.c --- */

/* One direction of one level (of `layers`) in a call. */
typedef struct nn_direction {
    const nn_compute *compute;
    const nn_recurrent *o;
    const nn_cell_kernels *kernels;
    const int32_t *length;
    size_t rows, steps;          /* steps that any row has */
    size_t inputs, units, width; /* width: elements of all directions */
    size_t first_param;          /* weight_ih */
    size_t first_outer;          /* of the products that are gradients: W_ih's, then W_hh's parts */
    bool reverse;
    const nn_real *x;     /* [steps][rows][inputs] */
    nn_real *h;           /* [steps][rows], rows `width` apart */
    nn_real *gates;       /* [steps][rows][blocks * units], */
    nn_real *c;           /* [steps][rows][units]: one step is kept unless in training */
    size_t steps_kept;    /* all or 1 */
    const nn_real *zeros; /* a row of anything */
    nn_real *state;       /* the cache of the level: [rows] h and c of the steps before, or NULL; */
    size_t state_stride;  /* elements from one row to the next */
    nn_real *packed_x, *packed_h[NN_HIDDEN_PARTS];

    nn_real *bias; /* forward: [blocks * units]; backward: its gradient */

    /* backward */
    const nn_real *dy; /* dC/dh of row r at step t: dy + r * dy_row + t * dy_step */
    size_t dy_row, dy_step;
    bool dy_last; /* it has the last step only */
    nn_real *dx;  /* likewise, added to or not; NULL: not wanted */
    size_t dx_row, dx_step;
    bool dx_add;
    nn_real *dh, *dc; /* [rows][units] */
} nn_direction;

/* Takes memory in turn, or only counts it where base is NULL. */
typedef struct nn_scratch {
    nn_real *base;
    size_t used; /* elements */
} nn_scratch;
nn_real *nn_scratch_alloc(nn_scratch *scratch, size_t count);

/* The direction of a level and direction without the parts that only one of the passes has. */
nn_direction nn_direction_of(const nn_layer *layer, const nn_io *io, size_t level,
                             size_t direction);
/* Memory for packed weights and all that a direction works with for the time of the call. */
void nn_direction_alloc(nn_direction *direction, nn_scratch *scratch, bool backward);
/* B[k][n], B[i][j] = b[i * row + j * col], for nn_direction_product; shared by the threads. */
void nn_direction_pack(const nn_compute *compute, size_t k, size_t n, const nn_real *b, size_t row,
                       size_t col, nn_real *packed);
/* C[m][n] = init[n] + A[m][k] B, or C + A B where init is NULL, single-threaded. */
void nn_direction_product(const nn_direction *direction, size_t m, size_t n, size_t k,
                          const nn_real *a, size_t lda, const nn_real *packed, const nn_real *init,
                          nn_real *c, size_t ldc);
/* The place of step n (in the order of computation) and what its cell touches, for some rows. */
size_t nn_direction_time(const nn_direction *direction, size_t n);
nn_cell_step nn_direction_step(const nn_direction *direction, size_t n, size_t begin, size_t end);
/* Calls fn so that all rows are covered, several at a time in threads of their own where there is
 * work enough. */
typedef void nn_direction_fn(const nn_direction *direction, size_t begin, size_t end);
void nn_direction_run(const nn_direction *direction, nn_direction_fn *fn);

size_t nn_recurrent_directions(const nn_recurrent *o);
/* Elements of x at a level. */
size_t nn_recurrent_inputs(const nn_layer *layer, size_t level);
/* Steps of the longest sequence of a call. */
size_t nn_recurrent_steps(const nn_layer *layer, const nn_io *io);
/* x of a level in `save`, [steps][rows][inputs]: for the first one a copy of the layer's input, for
 * others h of the level below or a copy with dropout. */
nn_real *nn_recurrent_x(const nn_layer *layer, const nn_io *io, size_t level);
nn_real *nn_recurrent_h(const nn_layer *layer, const nn_io *io, size_t level);

/* y = x with dropout, or 0; of a level's output [steps][rows][width]. */
void nn_recurrent_drop(const nn_layer *layer, const nn_io *io, size_t level, const nn_real *x,
                       nn_real *y);

#endif
