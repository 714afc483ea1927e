/* The version of the library. */
#ifndef NNMPI_VERSION_H
#define NNMPI_VERSION_H

#include <nnmpi/export.h>

#define NNMPI_VERSION "0.1.0"

/* The version of the library that is loaded, e.g. "0.1.0". Static. */
NN_API const char *nn_version(void);

#endif
