/* Structs of callers that begin with their own size. */
#ifndef NN_BASE_SIZED_H
#define NN_BASE_SIZED_H

#include "base/error.h"

#include <stddef.h>

/* NN_EUSAGE unless `given` bytes are this library's struct, or one of an older header, which lacks
 * what has been added at the end since. Local. */
int nn_sized_check(const char *type, size_t given, size_t known);

#endif
