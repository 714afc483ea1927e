/* Messages for people. The library never prints: it hands each line to the sink that the program
 * set, which decides what to show and where. */
#ifndef NNMPI_LOG_H
#define NNMPI_LOG_H

#include <nnmpi/export.h>

#include <stdbool.h>

typedef enum nn_log_level { NN_LOG_WARNING, NN_LOG_INFO, NN_LOG_DEBUG } nn_log_level;

/* Receives one line without its newline; called from the thread that logs. */
typedef void nn_log_sink(void *ctx, nn_log_level level, const char *line);

/* Sets the sink and the least important level it wants; NULL silences. Local, not thread-safe. */
NN_API void nn_log_to(nn_log_sink *sink, void *ctx, nn_log_level level);

NN_API void nn_log(nn_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Holds messages back while `held`: for ranks that do the same as rank 0 and would only repeat it.
 */
NN_API void nn_log_hold(bool held);

#define nn_warn(...) nn_log(NN_LOG_WARNING, __VA_ARGS__)
#define nn_info(...) nn_log(NN_LOG_INFO, __VA_ARGS__)
#define nn_debug(...) nn_log(NN_LOG_DEBUG, __VA_ARGS__)

#endif
