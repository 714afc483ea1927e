/* Activations that ONNX has no operator for stand in a graph as a few elementwise ones, arranged as
 * its writer likes: z (1 + erf(z / sqrt 2)) / 2 with the half in front or behind. So an expression
 * of one value z is kept as what it is at some points, whatever its nodes are, and is the
 * activation that is the same there. */
#include "base/numbers/elementary.h"
#include "exchange/onnx/convert.h"

#include <math.h>
#include <string.h>

#define POINTS 12
#define DEEPEST 32     /* nodes on the way down to z */
#define TOLERANCE 1e-5 /* constants are floats */
#define BETA 1.702     /* of gelu_sigmoid */

struct nn_onnx_expression {
    const char *z;        /* name of that value */
    const nn_onnx_op *op; /* the node that gives it */
    int depth;
    double at[POINTS];
};

static const double points[POINTS] = {-5.5, -3.1, -1.7, -0.9, -0.4, -0.1, 0, 0.2, 0.6, 1, 1.9, 4.3};
enum { ONE = 9 }; /* points[ONE] */

/* ---- functions ------------------------------------------------------------------------------- */

static double sum(double a, double b) {
    return a + b;
}

static double difference(double a, double b) {
    return a - b;
}

static double product(double a, double b) {
    return a * b;
}

static double quotient(double a, double b) {
    return a / b;
}

static double power(double a, double b) {
    return b == 2 ? a * a : b == 3 ? a * a * a : NAN;
}

static double greater(double a, double b) {
    return a > b;
}

static double negative(double a, double none) {
    (void)none;
    return -a;
}

static double exponential(double a, double none) {
    (void)none;
    return nn_exponential(a);
}

static double sigmoid(double a, double none) {
    (void)none;
    return 1 / (1 + nn_exponential(-a));
}

static double hyperbolic_tangent(double a, double none) {
    return 2 * sigmoid(2 * a, none) - 1;
}

/* In the place of erf: expressions and gelu below both have it, so any function will do that no
 * other operator gives. */
static double error_function(double a, double none) {
    (void)none;
    return a / sqrt(1 + a * a);
}

/* Operators that expressions are made of. */
static const struct elementwise {
    const char *op;
    size_t inputs;
    double (*value)(double a, double b);
} elementwise[] = {
    {"Add", 2, sum},         {"Div", 2, quotient},    {"Erf", 1, error_function},
    {"Exp", 1, exponential}, {"Greater", 2, greater}, {"Mul", 2, product},
    {"Neg", 1, negative},    {"Pow", 2, power},       {"Sigmoid", 1, sigmoid},
    {"Sub", 2, difference},  {"Sum", 2, sum},         {"Tanh", 1, hyperbolic_tangent},
};

/* ---- activations ----------------------------------------------------------------------------- */

static double gelu(double z) {
    return z * (1 + error_function(z * sqrt(0.5), 0)) / 2;
}

static double gelu_tanh(double z) {
    const double scale = 0.797884560802865356; /* sqrt(2 / pi) */
    return z * (1 + hyperbolic_tangent(scale * (z + 0.044715 * z * z * z), 0)) / 2;
}

static double step(double z) {
    return z > 0;
}

static const struct activation {
    const char *kind;
    double (*value)(double z);
} activations[] = {{"gelu", gelu}, {"gelu_tanh", gelu_tanh}, {"step", step}};

static bool is_close(double a, double b) {
    return fabs(a - b) <= TOLERANCE * (1 + fabs(b));
}

/* swish, with this beta, or the gelu that is one. */
static const char *swish_of(const double at[POINTS], double *beta) {
    if (!(at[ONE] > 0 && at[ONE] < 1))
        return NULL;
    *beta = nn_logarithm(at[ONE] / (1 - at[ONE]));
    if (is_close(*beta, 0)) /* z / 2, which gelu begins with */
        return NULL;
    for (int i = 0; i < POINTS; i++)
        if (!is_close(at[i], points[i] * sigmoid(*beta * points[i], 0)))
            return NULL;
    return is_close(*beta, BETA) ? "gelu_sigmoid" : "swish";
}

/* The activation that has these values; NULL: there is none. */
static const char *kind_of(const double at[POINTS], double *beta) {
    for (size_t a = 0; a < sizeof activations / sizeof *activations; a++) {
        int same = 0;
        while (same < POINTS && is_close(at[same], activations[a].value(points[same])))
            same++;
        if (same == POINTS)
            return activations[a].kind;
    }
    return swish_of(at, beta);
}

/* Adds it on z, which the node under way need not read itself; its output is the node's. */
static int add_activation(nn_onnx_conversion *c, const char *kind, const char *z, double beta) {
    const nn_onnx_op *op = c->op;
    nn_onnx_op on_z = *op;
    nn_onnx_item *item;
    on_z.input = &z;
    on_z.inputs = 1;
    c->op = &on_z;
    int rc = nn_onnx_add_layer(c, kind, 0, &item);
    c->op = op;
    if (rc == 0 && item && strcmp(kind, "swish") == 0)
        rc = nn_onnx_set(item, "beta", "%.7g", beta);
    return rc;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static const struct elementwise *row_of(const nn_onnx_op *op) {
    for (size_t i = 0; i < sizeof elementwise / sizeof *elementwise; i++)
        if (strcmp(elementwise[i].op, op->op) == 0)
            return elementwise[i].inputs == op->inputs ? &elementwise[i] : NULL;
    return NULL;
}

/* What input i is at the points: a number, an expression of e->z, or this itself, which it then
 * becomes. */
static bool read_operand(const nn_onnx_conversion *c, size_t i, nn_onnx_expression *e,
                         double at[POINTS]) {
    const nn_onnx_value *x = nn_onnx_in(c, i);
    const nn_file_tensor *number = x ? x->constant : NULL;
    if (!x || (number && (number->count != 1 || !number->type->get)))
        return false;
    if (number) {
        for (int p = 0; p < POINTS; p++)
            at[p] = number->type->get(number->bytes);
        return true;
    }
    if (!x->expression && (x->form != NN_ONNX_SAMPLES || !x->layer))
        return false;
    const char *z = x->expression ? x->expression->z : c->op->input[i];
    if (e->z && strcmp(e->z, z) != 0)
        return false;
    e->z = z;
    if (x->expression && x->expression->depth >= e->depth)
        e->depth = x->expression->depth + 1;
    memcpy(at, x->expression ? x->expression->at : points, sizeof points);
    return e->depth <= DEEPEST;
}

/* A node that has a layer for itself is one, unless it reads an expression, or itself is more
 * likely a part of one: a value times itself, or with a number that is no bias. */
static bool stands_for_itself(const nn_onnx_conversion *c, const nn_onnx_expression *e) {
    const char *op = c->op->op;
    if (c->op->inputs == 2)
        return nn_onnx_adds_bias(c);
    return e->depth == 0 && (strcmp(op, "Sigmoid") == 0 || strcmp(op, "Tanh") == 0);
}

int nn_onnx_convert_expression(nn_onnx_conversion *c, bool *done) {
    const struct elementwise *row = row_of(c->op);
    nn_onnx_expression e = {.op = c->op};
    double at[2][POINTS] = {{0}}, beta = 0;
    *done = false;
    for (size_t i = 0; row && i < row->inputs; i++)
        if (!read_operand(c, i, &e, at[i]))
            return 0;
    if (!row || !e.z || stands_for_itself(c, &e))
        return 0;
    for (int p = 0; p < POINTS; p++)
        e.at[p] = row->value(at[0][p], at[1][p]);
    *done = true;
    const char *kind = kind_of(e.at, &beta);
    if (kind)
        return add_activation(c, kind, e.z, beta);
    nn_onnx_expression *kept = nn_pool_alloc(c->pool, sizeof *kept);
    if (!kept)
        return NN_EMEMORY;
    *kept = e;
    return nn_onnx_give(c, 0, (nn_onnx_value){.form = NN_ONNX_EXPRESSION, .expression = kept});
}

int nn_onnx_layer_of_expression(nn_onnx_conversion *c, const char *name) {
    const nn_onnx_value *x = nn_onnx_find_value(c, name);
    if (!x || x->form != NN_ONNX_EXPRESSION)
        return 0;
    const nn_onnx_op *reader = c->op, *op = x->expression->op;
    const nn_onnx_value *own = nn_onnx_find_value(c, op->output[0]);
    if (own && own->form == NN_ONNX_EXPRESSION) {
        c->op = op;
        int rc = nn_onnx_convert_node(c);
        c->op = reader;
        NN_TRY(rc);
        own = nn_onnx_find_value(c, op->output[0]);
    }
    nn_onnx_value settled = {.form = NN_ONNX_REFUSED};
    if (own && own->form != NN_ONNX_EXPRESSION)
        settled = *own;
    settled.name = name;
    return nn_onnx_add_value(c, settled);
}
