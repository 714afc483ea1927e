/* Rows by speed. */
#ifndef NN_TRAIN_DEAL_H
#define NN_TRAIN_DEAL_H

#include "base/shards.h"

/* Borders [holders + 1] half-way from where they stand to where holders that compute speed[holders]
 * rows a second, all of them more than 0, would be done at the same time: half-way, because a
 * speed that was measured once may be another one soon. Nobody gets less than one part or more than
 * `most`. Local. */
void nn_deal(const nn_shards *now, const double *speed, int64_t *border);

/* How many times as long the slowest holder takes for its parts now as with these borders. Local.
 */
double nn_deal_gain(const nn_shards *now, const double *speed, const int64_t *border);

#endif
