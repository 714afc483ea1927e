/* The products of convolutions in float (conv_tiles.h). */
#define TARGET
#define FACTOR vec_of
#define MULTIPLY_ADD vec_mul_add
#define CONV_ROWS ISA(conv_rows)
#define CONV_SUMS ISA(conv_sums)
#include "math/isa/conv/tiles.h"
