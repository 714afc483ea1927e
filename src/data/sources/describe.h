/* What arrays mean, wherever they are. */
#ifndef NN_DATA_SOURCES_DESCRIBE_H
#define NN_DATA_SOURCES_DESCRIBE_H

#include "data/dataset.h"

/* Takes an array of that type and shape for a field of the split: first x, whose rows are the
 * samples, then the others. NN_EFORMAT when it cannot be one. Local. */
int nn_split_describe(const nn_dataset *ds, nn_split *split, char field, const nn_h5_info *info);

/* From here on images have their channels first, wherever they are stored. `layout` is what the
 * source says of it, NN_LAYOUT_AUTO: nothing; then the configuration decides, then the shape. Once
 * the splits are known. Local. */
void nn_dataset_open_layout(nn_dataset *ds, int layout);
/* There are as many names as columns. NN_EFORMAT. Local. */
int nn_dataset_check_features(const nn_dataset *ds);

#endif
