/* What the files of this folder share: an import on its way. */
#ifndef NN_DATA_IMPORTERS_TEXT_INNER_H
#define NN_DATA_IMPORTERS_TEXT_INNER_H

#include "data/importers/importer.h"
#include "data/importers/labels.h"
#include "data/output.h"
#include "data/tokens.h"

typedef struct text_task {
    const nn_text_options *options;
    nn_pool pool;
    nn_labels units; /* different pieces of the text by their text, in order of appearance; of bytes
                        none, for they are their own numbers */
    int64_t *seen;   /* [units.count], of bytes [256]: how often */
    size_t seen_room;
    nn_labels vocabulary; /* tokens by their text; of bytes none */
    size_t *begin;        /* [units + 1]: where the tokens of each unit begin ... */
    int32_t *token;       /* ... in this; the tokens of all units */
} text_task;

/* The tokens that the options name, or that the units of the text make up. */
int text_make_vocabulary(text_task *task);

#endif
