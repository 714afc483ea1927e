#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>

static _Thread_local nn_log_target target;

void nn_log_to(nn_log_sink *sink, void *ctx, nn_log_level level) {
    target.sink = sink;
    target.ctx = ctx;
    target.level = level;
}

void nn_log_hold(bool held) {
    target.held = held;
}

nn_log_target nn_log_target_get(void) {
    return target;
}

void nn_log_target_set(nn_log_target other) {
    target = other;
}

void nn_log(nn_log_level level, const char *format, ...) {
    char line[2048];
    va_list args;

    if (!target.sink || target.held || level > target.level)
        return;
    va_start(args, format);
    nn_text_line(line, sizeof line, format, args);
    va_end(args);
    target.sink(target.ctx, level, line);
}
