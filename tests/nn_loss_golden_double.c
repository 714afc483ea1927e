/* double: yes */
/* The same in the double build. */
#include "nn_loss_golden.c"
