/* double: yes */
/* The same in the double build. */
#include "loss_golden.c"
