/* Operators becoming layers, between the files that do it. */
#ifndef NN_EXCHANGE_ONNX_CONVERT_H
#define NN_EXCHANGE_ONNX_CONVERT_H

#include "exchange/onnx/import.h"

/* What a value of the graph is, in nnmpi's terms. Samples are rows of N everywhere but where a
 * recurrent operator wants or gives them otherwise. */
typedef enum nn_onnx_form {
    NN_ONNX_SAMPLES,   /* [N, ...]: what a layer gives */
    NN_ONNX_STEPS,     /* [T, N, F] */
    NN_ONNX_CHANNELS,  /* [N, C, L] of samples [L, C] */
    NN_ONNX_STATES,    /* [T, D, N, H], D directions: Y of a recurrent operator */
    NN_ONNX_STATES_ND, /* [T, N, D, H] */
    NN_ONNX_STATES_NT, /* [N, T, D, H] */
    NN_ONNX_LAST,      /* [D, N, H]: Y_h */
    NN_ONNX_LAST_ND,   /* [N, D, H] */
    NN_ONNX_CONSTANT,
    NN_ONNX_SIZES,   /* computed from shapes alone */
    NN_ONNX_ZEROS,   /* of such a shape */
    NN_ONNX_LENGTHS, /* an input of its own, [N]: steps of each sequence, as data sets have in len
                      */
    NN_ONNX_EXPRESSION, /* of elementwise operators on what a layer gives */
    NN_ONNX_REFUSED     /* from a node that was noted as one that stands for no layer */
} nn_onnx_form;

typedef struct nn_onnx_item nn_onnx_item;
typedef struct nn_onnx_link nn_onnx_link;
typedef struct nn_onnx_group nn_onnx_group;
typedef struct nn_onnx_expression nn_onnx_expression;

typedef struct nn_onnx_value {
    const char *name;
    nn_onnx_form form;
    nn_onnx_item *layer; /* that gives it; NULL: it is the input, ... */
    size_t scalings;     /* ... so many times scaled */
    bool whole;          /* the input, cut off to whole numbers: only an embedding reads it */
    bool last;           /* the last state of a recurrent layer, not all of them */
    bool squeezed;       /* [C], of a layer with `images` */
    int more;            /* nodes that the layer had taken in behind its first one */
    const nn_file_tensor *constant;
    const nn_onnx_expression *expression;
} nn_onnx_value;

/* A layer of the model. */
struct nn_onnx_item {
    const char *kind, *name;
    nn_node *options;
    size_t number;       /* from 1 */
    nn_onnx_item *above; /* the one before it */
    size_t units;        /* of one whose bias may follow as an Add; 0: none */
    int more;            /* nodes that it has taken in, as that Add */
    int rank;            /* of the samples that it gives; of a recurrent one, of all states */
    bool images;         /* its samples are [C] here, but [C, 1, 1] in the graph */
    const char *node;    /* name of the operator's node, for messages */
    unsigned ranks;      /* bit r: the node means the same for samples of rank r; 0: for all */
    nn_shape takes;      /* samples that its nodes are for, -1: of any size; rank 0: any */
    int directions;      /* of a recurrent one; 0: it is none ... */
    const char *returns; /* ... and what is read of it: "last" or "all"; NULL: nothing yet */
    bool heeds_lengths;  /* in nnmpi it stops at the end of each sequence ... */
    bool lengths;        /* ... and does so in the graph */
};

/* Numbers of a parameter. */
typedef struct nn_onnx_weight {
    const nn_onnx_item *layer;
    const char *param;
    const float *numbers; /* [count] in PyTorch's order */
    size_t count;
    const nn_file_tensor *matrix; /* the same where it is a constant's or its transpose's ... */
    bool turned;                  /* ... in this order; NULL: it has another source */
    bool tied;                    /* it is that of a layer before it */
} nn_onnx_weight;

typedef struct nn_onnx_conversion {
    nn_portable *p;
    nn_pool *pool;
    const nn_onnx_file *file;
    const nn_onnx_op *op; /* under way */
    nn_node *model;       /* list of layers */
    nn_onnx_value *value;
    size_t values, value_capacity;
    size_t *slot; /* by hash of names: 1 + index of the value; 0: free */
    size_t slots; /* a power of two, or 0 */
    nn_onnx_weight *weight;
    size_t weights, weight_capacity;
    nn_onnx_item *last; /* layer so far; NULL: none */
    double *scale, *offset;
    size_t numbers, taken;   /* of the file's constants; of them copied or looked at */
    size_t affine, scalings; /* numbers of scale and offset; scalings of the input so far */
    nn_bytes refused;        /* text: nodes that stand for no layer */
    nn_onnx_link *link;      /* who gives and who reads which value, by their names */
    size_t links;
    const nn_onnx_group **group; /* [file->ops] what patterns.c has found */
} nn_onnx_conversion;

/* ---- values.c: what the node under way reads and gives --------------------------------------- */

/* The value of that name, the last one where there are several; NULL: there is none. */
nn_onnx_value *nn_onnx_find_value(const nn_onnx_conversion *c, const char *name);
int nn_onnx_add_value(nn_onnx_conversion *c, nn_onnx_value value);
/* Output i of the node is this value. */
int nn_onnx_give(nn_onnx_conversion *c, size_t i, nn_onnx_value value);
/* Input i of the node; NULL: it has none, or one that was refused. */
const nn_onnx_value *nn_onnx_in(const nn_onnx_conversion *c, size_t i);
/* Whether the node names one there, known or not. */
bool nn_onnx_given(const nn_onnx_conversion *c, size_t i);
/* The same where it is a constant with numbers of that rank (-1: any), NULL: it is not. */
const nn_file_tensor *nn_onnx_in_constant(const nn_onnx_conversion *c, size_t i, int rank);
/* Whether an input is [C, 1, 1] in the graph, but [C] here: axes from the end are others. */
bool nn_onnx_has_images(const nn_onnx_conversion *c);
/* Whether it is left out, or zeros. */
bool nn_onnx_is_zero(nn_onnx_conversion *c, size_t i);

int64_t nn_onnx_get_int(const nn_onnx_conversion *c, const char *name, int64_t otherwise);
double nn_onnx_get_real(const nn_onnx_conversion *c, const char *name, double otherwise);
const char *nn_onnx_get_text(const nn_onnx_conversion *c, const char *name, const char *otherwise);
/* An attribute of `count` numbers, `otherwise` each where there is none; false: of another count.
 */
bool nn_onnx_get_ints(const nn_onnx_conversion *c, const char *name, size_t count,
                      int64_t otherwise, int64_t *out);
/* The whole numbers of a constant, at most `most`; their number, -1: it has others or more. */
int nn_onnx_whole(const nn_file_tensor *constant, size_t most, int64_t *out);

/* ---- convert.c: layers ----------------------------------------------------------------------- */

/* Notes that the node under way stands for no layer, and why, unless it reads what such a node
 * gives; 0. */
int nn_onnx_no(nn_onnx_conversion *c, const char *why);

/* Why a value that is whole cannot be read. */
extern const char nn_onnx_is_whole[];

/* Adds a layer of that kind on input `only` of the node (-1: on all of them), which have that form,
 * and whose output is the node's first. *item is NULL, and that noted, where an input is something
 * else. */
int nn_onnx_add_layer_on(nn_onnx_conversion *c, const char *kind, nn_onnx_form form, int only,
                         nn_onnx_item **item);
static inline int nn_onnx_add_layer(nn_onnx_conversion *c, const char *kind, int only,
                                    nn_onnx_item **item) {
    return nn_onnx_add_layer_on(c, kind, NN_ONNX_SAMPLES, only, item);
}
int nn_onnx_set(nn_onnx_item *item, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Before so many numbers of a constant are copied or looked at: a small file could want them often.
 * NN_EUSAGE. */
int nn_onnx_take(nn_onnx_conversion *c, size_t count);
/* A constant's numbers, or those of the matrix's transpose. */
int nn_onnx_copy(nn_onnx_conversion *c, const nn_file_tensor *constant, bool turned, float *out);
/* A parameter of it is the constant; `turned`: the matrix's transpose. */
int nn_onnx_add_weight(nn_onnx_conversion *c, const nn_onnx_item *item, const char *param,
                       const nn_file_tensor *constant, bool turned);
int nn_onnx_add_numbers(nn_onnx_conversion *c, const nn_onnx_item *item, const char *param,
                        const float *numbers, size_t count);
/* The last layer, `item`, becomes one of another kind, with its options, and what the node under
 * way gives. */
int nn_onnx_become(nn_onnx_conversion *c, nn_onnx_item *item, const char *kind);
/* Says of a recurrent layer what is read of it; false: other readers read something else. */
bool nn_onnx_fix_states(const nn_onnx_value *value);
/* Of the samples that a layer's value or the input is; NULL: 0. */
int nn_onnx_rank(const nn_onnx_conversion *c, const nn_onnx_value *value);

/* The node under way by its row of nn_onnx_operators. */
int nn_onnx_convert_node(nn_onnx_conversion *c);

/* ---- expressions.c: activations of several nodes --------------------------------------------- */

/* Makes of the node under way a part of an expression, or the activation that is complete with it;
 * *done false: it is neither. */
int nn_onnx_convert_expression(nn_onnx_conversion *c, bool *done);
/* A layer reads a value: where it is a part of an expression, its node is made a layer. */
int nn_onnx_layer_of_expression(nn_onnx_conversion *c, const char *name);

/* ---- model.c --------------------------------------------------------------------------------- */

/* Builds the model, whose output is the graph's, with its parameters. NN_EUSAGE, NN_EFORMAT. */
int nn_onnx_build(nn_onnx_conversion *c);

/* ---- operators ------------------------------------------------------------------------------- */

typedef int nn_onnx_convert_fn(nn_onnx_conversion *c, const char *kind);
/* An operator: how it is converted, and the layer that it becomes where that is one. */
typedef struct nn_onnx_operator {
    const char *op;
    nn_onnx_convert_fn *run;
    const char *kind;
} nn_onnx_operator;
extern const nn_onnx_operator nn_onnx_operators[]; /* the last has no name */

/* windows.c, joins.c */
nn_onnx_convert_fn nn_onnx_from_conv, nn_onnx_from_conv_transpose, nn_onnx_from_pool,
    nn_onnx_from_resize, nn_onnx_from_pad, nn_onnx_from_join, nn_onnx_from_concat;
/* Whether the node under way adds a constant to a product that has no bias yet. */
bool nn_onnx_adds_bias(const nn_onnx_conversion *c);
/* graph_conv.c: the node under way is a MatMul of this matrix and something else. */
int nn_onnx_from_graph_matrix(nn_onnx_conversion *c, const nn_file_tensor *matrix);
/* sequences.c */
nn_onnx_convert_fn nn_onnx_from_recurrent, nn_onnx_from_transpose, nn_onnx_from_reshape,
    nn_onnx_from_squeeze, nn_onnx_from_gather, nn_onnx_from_expand, nn_onnx_from_reduce_max,
    nn_onnx_from_slice, nn_onnx_from_split, nn_onnx_from_reduce_mean;

#endif
