/* What the verbs of `nnmpi data` are divided into. */
#ifndef NN_CLI_VERBS_DATA_H
#define NN_CLI_VERBS_DATA_H

#include "data/info/info.h"

/* The `data:` section that a verb's argument stands for: a file or folder of samples, or a
 * configuration (.yaml), whose section it is. It lives in `pool`. NN_EUSAGE. */
int nn_data_argument(nn_pool *pool, const char *path, bool other_files, nn_node **out);
/* Writes what is known of a data set as a page. NN_EIO. */
int nn_data_page(nn_pool *pool, const nn_info *info, const char *out);

#endif
