#include "cli/cli.h"
#include "train/checkpoint/checkpoint_folder.h"

#include <nnmpi/checkpoint.h>

#include <stdio.h>

typedef struct options {
    const nn_node *checkpoint;
} options;

static const nn_option table[] = {
    {"checkpoint", NN_OPT_NODE, offsetof(options, checkpoint), NULL, NULL,
     "checkpoints, or run folders, whose best or else last one is taken"},
    NN_OPTION_END,
};

static int run(const nn_call *call) {
    const options *o = call->options;
    const char *file;
    char hex[65];
    for (size_t i = 0; i < o->checkpoint->count; i++) {
        NN_TRY(nn_checkpoint_pick(call->pool, o->checkpoint->item[i]->text, &file));
        NN_TRY(nn_checkpoint_digest(file, hex));
        printf("%s  %s\n", hex, file);
    }
    return 0;
}

static const char *const arguments[] = {"checkpoint", NULL};

const nn_verb nn_verb_digest = {
    .entry = {"digest",
              "Verifies checkpoints and prints the SHA-256 of their parameters, as sha256sum does.",
              table, sizeof(options)},
    .usage = "CHECKPOINT...",
    .example = "nnmpi digest run-a run-b",
    .arguments = arguments,
    .run = run,
};
