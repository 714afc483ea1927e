/* Errors: every fallible function returns 0 or a negative nn_err; the message of the last failure
 * and the trace of calls it passed through are kept per thread. */
#ifndef NNMPI_ERROR_H
#define NNMPI_ERROR_H

#include <nnmpi/export.h>

/* X(name, value, exit code of the program, meaning) */
#define NN_ERRORS(X)                                                                               \
    X(NN_EUSAGE, -2, 2, "usage or configuration")                                                  \
    X(NN_EFORMAT, -3, 3, "data or checkpoint unreadable")                                          \
    X(NN_EDIVERGED, -4, 4, "training diverged")                                                    \
    X(NN_ERANK, -5, 5, "a rank failed or stalled")                                                 \
    X(NN_EIO, -6, 6, "input/output failed")                                                        \
    X(NN_EMEMORY, -7, 6, "out of memory")                                                          \
    X(NN_ESTOPPED, -8, 75, "stopped by a signal after saving")                                     \
    X(NN_EBUSY, -9, 7, "another process has the run folder")

typedef enum nn_err {
    NN_OK = 0,
#define NN_ERROR_ENUM(name, value, exit_code, text) name = (value),
    NN_ERRORS(NN_ERROR_ENUM)
#undef NN_ERROR_ENUM
} nn_err;

/* The message of the last failure in this thread, "" when there was none. Owned by the library. */
NN_API const char *nn_error_message(void);

/* Its code, for functions that return a pointer; 0 when there was none. */
NN_API int nn_error_code(void);

/* The functions the last failure passed through, innermost first, separated by " < ". */
NN_API const char *nn_error_trace(void);

NN_API void nn_error_clear(void);

/* Makes this the last failure of this thread, with the caller's own words, as for nn_comm_agree.
 * Returns `code`. */
NN_API int nn_error_set(int code, const char *message);

/* What a code means, for people, and the exit status the program ends with for it. */
NN_API const char *nn_error_text(int code);
NN_API int nn_error_exit_code(int code);

#endif
