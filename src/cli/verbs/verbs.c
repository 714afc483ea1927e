#include "cli/cli.h"

static const nn_entry *const rows[] = {
    &nn_verb_train.entry,
    &nn_verb_tune.entry,
    &nn_verb_eval.entry,
    &nn_verb_predict.entry,
    &nn_verb_generate.entry,
    &nn_verb_plot.entry,
    &nn_verb_data.entry,
    &nn_verb_init.entry,
    &nn_verb_check.entry,
    &nn_verb_inspect.entry,
    &nn_verb_digest.entry,
    &nn_verb_export.entry,
    &nn_verb_import.entry,
    &nn_verb_explain.entry,
    &nn_verb_bench.entry,
    &nn_verb_help.entry,
    NULL,
};

const nn_family nn_verbs = {"verb", rows};

const nn_option nn_common_table[] = {
    {"verbose", NN_OPT_BOOL, offsetof(nn_common, verbose), "false", NULL,
     "say more: what was found and chosen, and where an error came from"},
    {"quiet", NN_OPT_BOOL, offsetof(nn_common, quiet), "false", NULL,
     "only warnings and errors on standard error"},
    {"progress", NN_OPT_CHOICE, offsetof(nn_common, progress), "auto", "auto|always|never|lines",
     "how progress is shown on standard error. auto: drawn over and over where it is a terminal, "
     "also that of mpirun, else as lines; always: drawn even where it is none; lines: a line at a "
     "time"},
    {"help", NN_OPT_BOOL, offsetof(nn_common, help), "false", NULL, "this help"},
    NN_OPTION_END,
};
