/* The folder that a run is given, before anything of the run is in it. */
#ifndef NN_TRAIN_RUN_RUN_FOLDER_H
#define NN_TRAIN_RUN_RUN_FOLDER_H

#include "train/config/settings.h"

/* Makes `dir`, or runs/<config>-<time> when NULL; *out is owned by `pool`. NN_EIO. Local. */
int nn_run_folder_make(nn_pool *pool, nn_config *config, const char *dir, const char **out);

/* NN_EUSAGE where it holds a run. Local. */
int nn_run_folder_refuse_used(nn_pool *pool, const char *dir);

#endif
