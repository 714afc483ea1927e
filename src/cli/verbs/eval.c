#include "cli/cli.h"
#include "data/dataset.h"
#include "train/evaluate/evaluation.h"

#include <stdio.h>

typedef struct options {
    const char *checkpoint, *data, *split;
    bool other_files, json;
} options;

static const nn_option table[] = {
    {"checkpoint", NN_OPT_STRING, offsetof(options, checkpoint), NULL, NULL,
     "checkpoint to evaluate, or a run folder, whose best or else last one is taken"},
    {"data", NN_OPT_STRING, offsetof(options, data), "", NULL,
     "data set to evaluate on; without it the one it was trained on"},
    {"split", NN_OPT_STRING, offsetof(options, split), "", NULL,
     "which samples: train, valid or test; by default test when there is one, else the first"},
    {"other_files", NN_OPT_BOOL, offsetof(options, other_files), "false", NULL,
     NN_OTHER_FILES_HELP},
    {"json", NN_OPT_BOOL, offsetof(options, json), "false", NULL,
     "print the result as one JSON object"},
    NN_OPTION_END,
};

static int print_json(nn_pool *pool, const nn_evaluation *evaluation) {
    char *text = nn_pool_alloc(pool, NN_EVALUATION_JSON);
    nn_json json;
    if (!text)
        return NN_EMEMORY;
    nn_json_init(&json, text, NN_EVALUATION_JSON);
    nn_json_open(&json, NULL, '{');
    nn_evaluation_json(&json, evaluation);
    nn_json_close(&json, '}');
    return nn_json_print(&json);
}

/* All samples of another file go by its name: as its only split it has mostly got that of "train",
 * which they were not used for. */
static const char *name_of(const options *o, const nn_evaluation *evaluation) {
    if (o->data && !o->split && evaluation->only_split)
        return o->data;
    return nn_evaluation_split(evaluation);
}

static int run(const nn_call *call) {
    const options *o = call->options;
    nn_evaluation *result;
    int rc = 0;
    NN_TRY(
        nn_evaluate_linked(call->comm, o->checkpoint, o->data, o->other_files, o->split, &result));
    if (nn_comm_rank(call->comm) == 0 && o->json)
        rc = print_json(call->pool, result);
    else if (nn_comm_rank(call->comm) == 0)
        nn_print_evaluation(stdout, name_of(o, result), result);
    nn_evaluation_free(result);
    return rc;
}

static const char *const arguments[] = {"checkpoint", NULL};

const nn_verb nn_verb_eval = {
    .entry = {"eval", "Loss and metrics of a checkpoint on a split of a data set.", table,
              sizeof(options)},
    .usage = "CHECKPOINT [options]",
    .example = "nnmpi eval run --split test",
    .arguments = arguments,
    .collective = true,
    .run = run,
};
