/* The last few filters of convolutions in float. */
#define TARGET
#define FACTOR vec_of
#define MULTIPLY_ADD vec_mul_add
#define CONV_REMAINDER ISA(conv_remainder)
#define CONV_REMAINDER_SUMS ISA(conv_remainder_sums)
#include "math/isa/conv/remainder.h"
