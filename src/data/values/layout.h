/* Layouts: where the channels of stored images stand. */
#ifndef NN_DATA_VALUES_LAYOUT_H
#define NN_DATA_VALUES_LAYOUT_H

#include "base/shape.h"

enum { NN_LAYOUT_AUTO, NN_LAYOUT_FIRST, NN_LAYOUT_LAST };
extern const char *const nn_layout_names[]; /* "auto", "channels_first", "channels_last" */

/* Which of the layouts images of this stored shape [?, ?, ?] have: that of the one dimension which
 * can be channels (1, 3 or 4); NN_LAYOUT_AUTO when both can or none. */
int nn_layout_of(const nn_shape *stored);
/* Both can; or none, and the first dimension looks no more like channels than the last. */
bool nn_layout_in_doubt(const nn_shape *stored);
/* Rows of images of shape [C, H, W] say by themselves where their channels stand. NULL: no. */
bool nn_layout_is_evident(const nn_shape *x);

#endif
