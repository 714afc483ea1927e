/* A trace: what the threads of a rank did in some steps, and when. Memory for it is there from the
 * start: what does not fit is counted and left out. */
#ifndef NN_BASE_SYSTEM_TRACE_H
#define NN_BASE_SYSTEM_TRACE_H

#include "base/mem.h"

/* What an event is of; `number` of the event says which one. */
typedef enum nn_trace_what {
    NN_TRACE_STEP, /* number: of the step, from 1 on */
    NN_TRACE_DATA,
    NN_TRACE_FORWARD,
    NN_TRACE_BACKWARD,
    NN_TRACE_COMPLETE,        /* what the step before has left */
    NN_TRACE_LAYER_FORWARD,   /* number: of the layer */
    NN_TRACE_LAYER_BACKWARD,  /* likewise */
    NN_TRACE_LAYER_RECOMPUTE, /* likewise: its forward, once more in back-propagation */
    NN_TRACE_STATISTICS,      /* of a layer, summed over the ranks */
    NN_TRACE_WAIT,            /* for other ranks */
    NN_TRACE_SUM, /* number: of the bucket; of its gradients: over all ranks (allreduce) or those of
                     the node, with the update where both are one */
    NN_TRACE_UPDATE,
    NN_TRACE_VALIDATE,
    NN_TRACE_SAVE,      /* the copy that a checkpoint is written from */
    NN_TRACE_MINIBATCH, /* made ahead, by a thread */
    NN_TRACE_WRITE,     /* a checkpoint, by a thread */
    NN_TRACE_BETWEEN    /* number: of the bucket, from its first message until its sum is taken */
} nn_trace_what;

typedef struct nn_trace_event {
    double begin, end; /* nn_seconds */
    int64_t number;
    int32_t what;
    _Atomic int32_t whole; /* 0: nothing, or nothing yet, stands here */
} nn_trace_event;

typedef struct nn_trace nn_trace;

/* Room for so many events. NN_EMEMORY. Local. */
int nn_trace_new(size_t capacity, nn_trace **out);
void nn_trace_free(nn_trace *trace); /* NULL is fine */

/* Events are taken from now on, or no longer. Local. */
void nn_trace_switch(nn_trace *trace, bool on);
/* Whether they are; NULL: never. From any thread. */
bool nn_trace_is_on(const nn_trace *trace);
/* Now, where events are taken; else 0. */
double nn_trace_begin(const nn_trace *trace);
/* An event that ends now; one that began at 0 is none. From any thread. */
void nn_trace_end(nn_trace *trace, nn_trace_what what, int64_t number, double begin);
/* The same that ended at `end`. */
void nn_trace_add(nn_trace *trace, nn_trace_what what, int64_t number, double begin, double end);

/* The events, and those that there was no room for. After nn_trace_switch; events that another
 * thread is just adding may not be whole. Local. */
size_t nn_trace_events(const nn_trace *trace, const nn_trace_event **event, size_t *left_out);

#endif
