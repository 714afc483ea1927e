/* What tells a data set from another one under the same name: the type and size of each array that
 * training reads, and a hash of some of its rows. */
#ifndef NN_DATA_FINGERPRINT_H
#define NN_DATA_FINGERPRINT_H

#include "data/dataset.h"

/* Sets ds->fingerprint to a line for each array of the split train and of the split `valid` (NULL:
 * none): "/train/x uint8 [60000] of [28, 28] <hash>". It is the same wherever the file is, however
 * its arrays are chunked and compressed, and for classes and columns in another order that were
 * matched by their names; labels may be of any integer type. Of rows that a function supplies it
 * has no hash. Reads little, whatever the size of the file. Fails as reading does. Local. */
int nn_dataset_fingerprint(nn_dataset *ds, const char *valid);

/* Whether the data set, whose fingerprint has been taken, is not that of the fingerprint `before`:
 * `text` says in what, in the words of a message. A split that was not read then, or is not now
 * although it is there, makes no difference. Local. */
#define NN_FINGERPRINT_TEXT 400
bool nn_fingerprint_differs(const nn_dataset *ds, const char *before,
                            char text[NN_FINGERPRINT_TEXT]);

#endif
