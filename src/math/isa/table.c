/* The table of one instruction set. */
#include "math/isa/isa.h"

#define ACTIVATION_ROW(act) .act = {ISA(act##_forward), ISA(act##_backward)},

const nn_kernels ISA(kernels) = {
    .isa = ISA_TEXT(NN_ISA),
    ISA_ACTIVATIONS(ACTIVATION_ROW).exp = ISA(exp),
    .log = ISA(log),
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
    .sgd = ISA(sgd),
};
