/* The table of one instruction set. */
#include "math/isa/isa.h"

#define PAIR_ROW(act) .act = {ISA(act##_forward), ISA(act##_backward)},

const nn_kernels ISA(kernels) = {
    .isa = ISA_TEXT(NN_ISA),
    ISA_ACTIVATIONS(PAIR_ROW) ISA_CELLS(PAIR_ROW).exp = ISA(exp),
    .log = ISA(log),
    .pack = ISA(pack),
    .packed_product = ISA(packed_product),
    .softmax = ISA(softmax),
    .add_bias = ISA(add_bias),
    .sum_rows = ISA(sum_rows),
    .add = ISA(add),
    .axpy = ISA(axpy),
    .scale = ISA(scale),
    .multiply = ISA(multiply),
    .sum = ISA(sum),
    .sum_squares = ISA(sum_squares),
    .all_finite = ISA(all_finite),
    .from_u8 = ISA(from_u8),
    .from_f32 = ISA(from_f32),
    .blend = ISA(blend),
    .sgd = ISA(sgd),
    .adagrad = ISA(adagrad),
    .adadelta = ISA(adadelta),
    .rmsprop = ISA(rmsprop),
    .adam = ISA(adam),
    .lamb_moments = ISA(lamb_moments),
    .lamb = ISA(lamb),
};
