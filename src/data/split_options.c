#include "data/split_options.h"

#include "data/dataset.h"

#include <stddef.h>

static const nn_option split_table[] = {
    {"valid", NN_OPT_REAL, offsetof(nn_split_options, valid), "0", "[0, 1)",
     "fraction of /train that becomes /valid"},
    {"test", NN_OPT_REAL, offsetof(nn_split_options, test), "0", "[0, 1)",
     "fraction of /train that becomes /test"},
    {"stratify", NN_OPT_BOOL, offsetof(nn_split_options, stratify), "false", NULL,
     "take these fractions of each class"},
    {"seed", NN_OPT_INT, offsetof(nn_split_options, seed), "1", "[0, inf)",
     "seed of the random choice of samples"},
    {"other_files", NN_OPT_BOOL, offsetof(nn_split_options, other_files), "false", NULL,
     NN_OTHER_FILES_HELP},
    NN_OPTION_END,
};

const nn_entry nn_split_entry = {
    "split",
    "Divide the training samples of a data set at random into train, valid and test; of a text its "
    "end is taken.",
    split_table, sizeof(nn_split_options)};
