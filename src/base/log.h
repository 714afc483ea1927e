/* Messages for people, passed to the sink of the thread that logs. */
#ifndef NN_BASE_LOG_H
#define NN_BASE_LOG_H

#include <nnmpi/log.h>

#include <stdbool.h>

void nn_log(nn_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define nn_warn(...) nn_log(NN_LOG_WARNING, __VA_ARGS__)
#define nn_info(...) nn_log(NN_LOG_INFO, __VA_ARGS__)
#define nn_debug(...) nn_log(NN_LOG_DEBUG, __VA_ARGS__)

/* Holds the messages of this thread back while `held`: for ranks that do the same as rank 0 and
 * would only repeat it. */
void nn_log_hold(bool held);

/* Where the messages of a thread go: a thread that starts another one passes it on. */
typedef struct nn_log_target {
    nn_log_sink *sink; /* NULL: nowhere */
    void *ctx;
    nn_log_level level;
    bool held;
} nn_log_target;
nn_log_target nn_log_target_get(void);
void nn_log_target_set(nn_log_target other);

#endif
