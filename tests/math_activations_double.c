/* double: yes */
/* The same in the double build. */
#include "math_activations.c"
