/* What the files of this folder share. */
#ifndef NN_IO_TENSORBOARD_INNER_H
#define NN_IO_TENSORBOARD_INNER_H

#include "io/protobuf.h"
#include "io/tensorboard/events.h"

struct nn_events {
    nn_pool pool;
    const char *path;
    int fd;
    int64_t size;     /* bytes of the file */
    nn_bytes summary; /* the message Summary under way */
    nn_bytes record;  /* that is being written */
};

/* Seconds since 1970, as every event has them. */
double nn_events_now(void);

/* Adds the inside of a Summary.Value, which is released. */
void nn_events_put(nn_events *events, const char *tag, nn_bytes *value);

#endif
