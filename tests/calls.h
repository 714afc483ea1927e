/* Calls of the library in tests: that they work, or fail with this code and these words. */
#ifndef NN_TESTS_CALLS_H
#define NN_TESTS_CALLS_H

#include "base/error.h"
#include "check.h"

static inline void check_works(int rc, const char *file, int line, const char *call) {
    if (!check_int(rc, 0, file, line, call))
        fprintf(stderr, "  %s\n", nn_error_message());
}
#define WORKS(call) check_works((call), __FILE__, __LINE__, #call)

#define FAILS(call, code, words)                                                                   \
    do {                                                                                           \
        nn_error_clear();                                                                          \
        CHECK_EQ_INT((call), (code));                                                              \
        CHECK_CONTAINS(nn_error_message(), (words));                                               \
    } while (0)

#endif
