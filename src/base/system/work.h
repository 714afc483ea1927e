/* How far something long has come: told by who does it, piece by piece, to the sink of its thread.
 * For what people wait for: reading, evaluating, importing, writing. */
#ifndef NN_BASE_SYSTEM_WORK_H
#define NN_BASE_SYSTEM_WORK_H

#include <stdint.h>

/* "evaluating", "test", 3 of 10 pieces; `of` may be NULL. total 0: nobody knows how much it is.
 * what NULL: it has ended. */
typedef void nn_work_sink(void *ctx, const char *what, const char *of, int64_t done, int64_t total);

/* What this thread does is told to the sink; NULL: to nobody. Local. */
void nn_work_to(nn_work_sink *sink, void *ctx);

/* Between pieces, and after the last one. The texts outlive the work. Local. */
void nn_work(const char *what, const char *of, int64_t done, int64_t total);
void nn_work_end(void);

#endif
