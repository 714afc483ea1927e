/* double: yes */
/* The random numbers of the double build. */
#include "rng.c" /* NOLINT(bugprone-suspicious-include): the same checks */
