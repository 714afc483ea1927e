/* double: yes */
/* The same in the double build. */
#include "activations.c"
