/* double: yes */
/* The same in the double build. */
#include "math_gemm.c"
