#include "base/system/trace.h"

#include "base/system/clock.h"

#include <stdatomic.h>

struct nn_trace {
    nn_trace_event *event;
    size_t capacity;
    _Atomic size_t count; /* of events so far, with those that did not fit */
    atomic_bool on;
};

int nn_trace_new(size_t capacity, nn_trace **out) {
    NN_TRY(NN_NEW(out, 1, "trace"));
    (*out)->capacity = capacity;
    int rc = NN_NEW(&(*out)->event, capacity, "trace");
    if (rc < 0) {
        nn_free(*out);
        *out = NULL;
    }
    return rc;
}

void nn_trace_free(nn_trace *trace) {
    if (trace)
        nn_free(trace->event);
    nn_free(trace);
}

void nn_trace_switch(nn_trace *trace, bool on) {
    atomic_store_explicit(&trace->on, on, memory_order_relaxed);
}

bool nn_trace_is_on(const nn_trace *trace) {
    return trace && atomic_load_explicit(&trace->on, memory_order_relaxed);
}

double nn_trace_begin(const nn_trace *trace) {
    return nn_trace_is_on(trace) ? nn_seconds() : 0;
}

void nn_trace_add(nn_trace *trace, nn_trace_what what, int64_t number, double begin, double end) {
    if (begin <= 0 || !nn_trace_is_on(trace))
        return;
    size_t at = atomic_fetch_add_explicit(&trace->count, 1, memory_order_relaxed);
    if (at >= trace->capacity)
        return;
    nn_trace_event *event = &trace->event[at];
    event->begin = begin;
    event->end = end;
    event->number = number;
    event->what = (int32_t)what;
    atomic_store_explicit(&event->whole, 1, memory_order_release);
}

void nn_trace_end(nn_trace *trace, nn_trace_what what, int64_t number, double begin) {
    if (begin > 0 && nn_trace_is_on(trace))
        nn_trace_add(trace, what, number, begin, nn_seconds());
}

size_t nn_trace_events(const nn_trace *trace, const nn_trace_event **event, size_t *left_out) {
    size_t count = atomic_load_explicit(&trace->count, memory_order_acquire);
    *event = trace->event;
    *left_out = count > trace->capacity ? count - trace->capacity : 0;
    return count - *left_out;
}
