/* Messages for people. The library never prints: it passes each line to the sink that the program
 * set, which decides what to show and where. */
#ifndef NNMPI_LOG_H
#define NNMPI_LOG_H

#include <nnmpi/export.h>

typedef enum nn_log_level { NN_LOG_WARNING, NN_LOG_INFO, NN_LOG_DEBUG } nn_log_level;

/* Receives one line without its newline; called from the thread that logs, which may be one that
 * the library has started. */
typedef void nn_log_sink(void *ctx, nn_log_level level, const char *line);

/* Sets the sink of the calling thread, for what it does from now on, and the least important level
 * that it wants; NULL, as at first, silences. Local. */
NN_API void nn_log_to(nn_log_sink *sink, void *ctx, nn_log_level level);

#endif
