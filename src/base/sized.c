#include "base/sized.h"

int nn_sized_check(const char *type, size_t given, size_t known) {
    if (given >= sizeof(size_t) && given <= known)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "the size in %s is %zu, and this library knows %zu bytes of it: set it to "
                   "sizeof(%s), and use the headers of this version",
                   type, given, known, type);
}
