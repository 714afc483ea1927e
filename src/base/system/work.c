#include "base/system/work.h"

#include <stddef.h>

static _Thread_local struct {
    nn_work_sink *sink;
    void *ctx;
} told;

void nn_work_to(nn_work_sink *sink, void *ctx) {
    told.sink = sink;
    told.ctx = ctx;
}

void nn_work(const char *what, const char *of, int64_t done, int64_t total) {
    if (told.sink)
        told.sink(told.ctx, what, of, done, total);
}

void nn_work_end(void) {
    nn_work(NULL, NULL, 0, 0);
}
