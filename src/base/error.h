/* How functions fail: they record a message where it happens and return a negative nn_err, which is
 * passed on with a trace of the calls. */
#ifndef NN_BASE_ERROR_H
#define NN_BASE_ERROR_H

#include <nnmpi/error.h>

#include <stdbool.h>
#include <stddef.h>

/* Returns `code`; inline, so that compilers and analysers see which value a failure returns. */
static inline int nn_error_same(int code, int raised) {
    (void)raised;
    return code;
}

/* Records a formatted message for `code`, a constant or variable, and returns `code`. Local. */
#define nn_fail(code, ...) nn_error_same((code), nn_error_raise((code), __func__, __VA_ARGS__))

/* Returns from the calling function with a trace frame added when `call` fails. */
#define NN_TRY(call)                                                                               \
    do {                                                                                           \
        int nn_try_rc = (call);                                                                    \
        if (nn_try_rc < 0) {                                                                       \
            nn_error_frame(nn_try_rc, __func__);                                                   \
            return nn_try_rc;                                                                      \
        }                                                                                          \
    } while (0)

/* The same for functions that must release something: sets the local `rc`, jumps to `done`. */
#define NN_TRY_GOTO(call)                                                                          \
    do {                                                                                           \
        rc = (call);                                                                               \
        if (rc < 0) {                                                                              \
            nn_error_frame(rc, __func__);                                                          \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

/* As NN_TRY, but where messages are gathered the function goes on, with the failure in its local
 * `rc`: for checks of which each stands for itself. */
#define NN_TRY_EACH(call)                                                                          \
    do {                                                                                           \
        int nn_try_rc = (call);                                                                    \
        if (nn_try_rc < 0 && !nn_error_keep(nn_try_rc)) {                                          \
            nn_error_frame(nn_try_rc, __func__);                                                   \
            return nn_try_rc;                                                                      \
        }                                                                                          \
        if (nn_try_rc < 0)                                                                         \
            rc = nn_try_rc;                                                                        \
    } while (0)

/* Messages about all that is wrong with what a user has written. */
#define NN_ERROR_LIST 32
#define NN_ERROR_MESSAGE 1024 /* bytes of the longest message */
typedef struct nn_error_list {
    size_t count;
    char message[NN_ERROR_LIST][NN_ERROR_MESSAGE];
} nn_error_list;

/* From now on nn_error_keep in this thread puts messages into `list`; NULL: no longer. Local. */
void nn_error_gather(nn_error_list *list);
/* Where messages are gathered, and `code` is of something that a user can mend, moves the pending
 * message to the list, unless it stands there; false elsewhere. Local. */
bool nn_error_keep(int code);

int nn_error_raise(int code, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int nn_error_frame(int code, const char *function);

/* Puts `context` and ": " before the pending message; returns `code`. Local. */
int nn_error_prefix(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
