#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = NN_ERROR_MESSAGE, MAX_FRAMES = 16, TRACE_SIZE = 1024 };

/* Everything is fixed and static: reporting that memory ran out must not need any. */
typedef struct report {
    int code;
    char message[MESSAGE_SIZE];
    const char *frame[MAX_FRAMES]; /* __func__ of each function, innermost first */
    size_t frames;                 /* may exceed MAX_FRAMES: the outer ones are only counted */
    char trace[TRACE_SIZE];
} report;

static _Thread_local report last;
static _Thread_local nn_error_list *gathered; /* NULL: messages are not gathered */

int nn_error_raise(int code, const char *function, const char *format, ...) {
    char message[MESSAGE_SIZE]; /* apart, because the arguments may be the pending message */
    va_list args;

    va_start(args, format);
    nn_text_line(message, sizeof message, format, args);
    va_end(args);
    memcpy(last.message, message, sizeof message);
    last.code = code;
    last.frames = 0;
    return nn_error_frame(code, function);
}

int nn_error_frame(int code, const char *function) {
    if (last.frames < MAX_FRAMES)
        last.frame[last.frames] = function;
    last.frames++;
    return code;
}

static void join(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void join(char *out, size_t size, const char *format, ...) {
    va_list args;

    va_start(args, format);
    nn_text_line(out, size, format, args);
    va_end(args);
}

int nn_error_prefix(int code, const char *format, ...) {
    char context[MESSAGE_SIZE], message[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    nn_text_line(context, sizeof context, format, args);
    va_end(args);
    join(message, sizeof message, "%s: %s", context, last.message);
    memcpy(last.message, message, sizeof message);
    return code;
}

void nn_error_gather(nn_error_list *list) {
    gathered = list;
}

bool nn_error_keep(int code) {
    bool told = *last.message == '\0';
    if (!gathered || (code != NN_EUSAGE && code != NN_EFORMAT && code != NN_EIO))
        return false;
    for (size_t i = 0; i < gathered->count; i++)
        told = told || strcmp(gathered->message[i], last.message) == 0;
    if (!told && gathered->count < NN_ERROR_LIST)
        memcpy(gathered->message[gathered->count++], last.message, sizeof last.message);
    nn_error_clear();
    return true;
}

int nn_error_code(void) {
    return last.code;
}

const char *nn_error_message(void) {
    return last.message;
}

const char *nn_error_trace(void) {
    size_t length = 0;

    last.trace[0] = '\0';
    for (size_t i = 0; i < last.frames && i < MAX_FRAMES; i++) {
        join(last.trace + length, TRACE_SIZE - length, "%s%s", i ? " < " : "", last.frame[i]);
        length = strlen(last.trace);
    }
    if (last.frames > MAX_FRAMES)
        join(last.trace + length, TRACE_SIZE - length, " < %zu more", last.frames - MAX_FRAMES);
    return last.trace;
}

int nn_error_set(int code, const char *message) {
    return nn_error_raise(code, __func__, "%s", message);
}

void nn_error_clear(void) {
    last.code = 0;
    last.message[0] = '\0';
    last.frames = 0;
}

static const struct {
    int code, exit_code;
    const char *text;
} meanings[] = {{NN_OK, 0, "success"},
#define MEANING(name, value, status, meaning) {name, status, meaning},
                NN_ERRORS(MEANING)
#undef MEANING
};

const char *nn_error_text(int code) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return meanings[i].text;
    return "unknown error";
}

int nn_error_exit_code(int code) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return meanings[i].exit_code;
    return 1;
}
