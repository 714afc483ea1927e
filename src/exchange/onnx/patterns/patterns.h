/* Nodes that only together are a layer, found by patterns before any node is converted:
 *
 *     "Mul?(Div(x,Sqrt(Add(ReduceMean#m(Mul(x,x),~),keps))),kweight)"
 *
 * An operator has its inputs in parentheses; "?" behind it: or else its first input stands in its
 * place; "#m": the node is remembered by that letter; ".1": its output of that number; "~":
 * whatever else it reads. A name stands for any value, the same wherever it is repeated; one that
 * begins with k for a constant. Inputs of Add, Mul and And may be exchanged. */
#ifndef NN_EXCHANGE_ONNX_PATTERNS_PATTERNS_H
#define NN_EXCHANGE_ONNX_PATTERNS_PATTERNS_H

#include "exchange/onnx/convert.h"

#define NN_ONNX_MOST_NAMES 48
#define NN_ONNX_MOST_PARTS 64

/* What a pattern has found. */
typedef struct nn_onnx_match {
    nn_onnx_conversion *c;
    struct {
        const char *name, *value; /* the name ends where letters do */
        size_t times;             /* that it stands in patterns */
    } bound[NN_ONNX_MOST_NAMES];
    size_t names;
    struct {
        const nn_onnx_op *op;
        size_t reached;         /* by so many inputs of others */
        char letter;            /* 0: none */
    } part[NN_ONNX_MOST_PARTS]; /* the first one gives what the layer gives */
    size_t parts;
} nn_onnx_match;

/* Who gives a value and how many read it. */
struct nn_onnx_link {
    const char *name;
    const nn_onnx_op *op;
    size_t output, readers;
};
int nn_onnx_make_links(nn_onnx_conversion *c);
/* NULL: no node gives it. */
nn_onnx_link *nn_onnx_find_link(const nn_onnx_conversion *c, const char *name);

/* Whether a node can be the last one of what a pattern describes, as far as its operator says. */
bool nn_onnx_may_match(const char *pattern, const nn_onnx_op *op);
/* Whether a value is given as a pattern says; nothing is changed where it is not. */
bool nn_onnx_match_value(nn_onnx_match *m, const char *pattern, const char *value);
/* Of a value by its name, or a node by its letter; NULL: the pattern has had none. */
const char *nn_onnx_matched(const nn_onnx_match *m, const char *name);
const nn_onnx_op *nn_onnx_matched_op(const nn_onnx_match *m, char letter);
/* The same where it is a constant of that rank (-1: any). */
const nn_file_tensor *nn_onnx_matched_constant(const nn_onnx_match *m, const char *name, int rank);
/* A value where it is such a constant. */
const nn_file_tensor *nn_onnx_constant_of(const nn_onnx_match *m, const char *value, int rank);
/* Whether a constant is the one number, or the node's input 1 a shape [N, ...] of that rank whose
 * other sizes are these, -1 for any. */
bool nn_onnx_matched_number(const nn_onnx_match *m, const char *name, double number);
bool nn_onnx_matched_shape(const nn_onnx_match *m, char letter, int rank, const int64_t *size);
/* Whether a Transpose exchanges axes so. */
bool nn_onnx_matched_axes(const nn_onnx_match *m, char letter, size_t rank, const int64_t *axes);

/* Finds them all. */
int nn_onnx_find_groups(nn_onnx_conversion *c);
/* Makes of the node under way, file->op[i], the layer that it ends; *done: that, or it is a part of
 * one. */
int nn_onnx_convert_group(nn_onnx_conversion *c, size_t i, bool *done);
/* Adds a layer that reads these values (NULL: no second one), and gives what the node under way
 * does. */
int nn_onnx_add_group(nn_onnx_conversion *c, const char *kind, const char *x, const char *second,
                      nn_onnx_item **item);

/* The steps of sequences that count, as nn_onnx_step_mask has them, and whether they are those. */
#define NN_ONNX_STEP_MASK "Reshape(Cast(Less(kstep,Reshape(Cast(len),kone))),kcolumn)"
bool nn_onnx_matched_step_mask(const nn_onnx_match *m);
/* Whether a constant is so many numbers, from `first` on one by one. */
bool nn_onnx_matched_ordinals(const nn_onnx_match *m, const char *name, int64_t first,
                              int64_t count);

/* attention.c: how it ends, and whether the rest is there. */
#define NN_ONNX_ATTENTION                                                                          \
    "Mul?(Add?(MatMul(Reshape#a(Transpose#b(y),ka),kwo),kbo)," NN_ONNX_STEP_MASK ")"
bool nn_onnx_match_attention(nn_onnx_match *m);
int nn_onnx_from_attention(nn_onnx_conversion *c, const nn_onnx_match *m);

#endif
