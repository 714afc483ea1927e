#include <nnmpi/version.h>

const char *nn_version(void) {
    return NNMPI_VERSION;
}
