/* TensorBoard's event files: a record for each Event (tensorboard/compat/proto/event.proto), with a
 * masked CRC-32C of its length and of itself. */
#ifndef NN_IO_TENSORBOARD_EVENTS_H
#define NN_IO_TENSORBOARD_EVENTS_H

#include "base/bytes.h"
#include "base/numbers/histogram.h"
#include "base/options/node.h"

typedef struct nn_events nn_events;

/* A new file events.out.tfevents.<time>.<host>.<process> in `dir`, named so that it sorts behind
 * those that are there: TensorBoard reads all of them, one after the other. It begins with what
 * tells a reader to forget values of steps from `step` on, which earlier files may have. NN_EIO.
 * Local. */
int nn_events_open(const char *dir, int64_t step, nn_events **out);
/* NULL is fine. */
void nn_events_close(nn_events *events);

/* Put together what nn_events_write writes. A tag may have several parts, as loss/train has. */
void nn_events_scalar(nn_events *events, const char *tag, double value);
void nn_events_histogram(nn_events *events, const char *tag, const nn_histogram *h);
/* Pixels [height][width][channels] of 1 or 3 channels. */
void nn_events_image(nn_events *events, const char *tag, size_t height, size_t width,
                     size_t channels, const unsigned char *pixels);
/* Markdown. */
void nn_events_text(nn_events *events, const char *tag, const char *text);
/* Hyper-parameters of the run (the plugin hparams): each scalar of a tree by its path. */
void nn_events_session(nn_events *events, const nn_node *config);
/* The run has ended well. */
void nn_events_session_end(nn_events *events);

/* Writes them as values of this step, all or nothing as far as that can be. NN_EIO, NN_EMEMORY. */
int nn_events_write(nn_events *events, int64_t step);

#endif
