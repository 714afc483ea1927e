/* Clocks. */
#ifndef NN_BASE_SYSTEM_CLOCK_H
#define NN_BASE_SYSTEM_CLOCK_H

#include <stddef.h>

/* Seconds of CLOCK_MONOTONIC. */
double nn_seconds(void);

/* The wall clock as 2026-11-21T06:00:00Z; `out` holds at least 21 bytes. */
void nn_timestamp(char *out, size_t size);

#endif
