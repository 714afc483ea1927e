/* double: yes */
/* The random numbers of the double build. */
#include "base_rng.c" /* NOLINT(bugprone-suspicious-include): the same checks */
