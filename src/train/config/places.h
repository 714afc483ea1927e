/* Everything that a configuration can name, each with the path at which it stands: what help, its
 * examples and its advice go through. */
#ifndef NN_TRAIN_CONFIG_PLACES_H
#define NN_TRAIN_CONFIG_PLACES_H

#include "base/options/option.h"
#include "train/config/settings.h"

/* A family of rows and where they stand. */
typedef struct nn_family_place {
    const nn_family *family;
    const char *path;        /* "train.optimizer" */
    const nn_option *common; /* keys of every row besides its own; NULL: none */
    bool beside;             /* the keys of a row stand beside its name, not below it */
} nn_family_place;

extern const nn_family_place nn_family_places[]; /* in the order of the reference; ends with NULL */

#define NN_PLACE_PATH 96

/* A key (option), or a row as such (option NULL). */
typedef struct nn_place {
    const nn_section *section; /* of the configuration; else NULL, and: */
    const nn_family_place *family;
    const nn_entry *row; /* NULL: a key of every row */
    const nn_option *option;
    char path[NN_PLACE_PATH];  /* "train.optimizer.sgd.lr"; '*' stands for the name of any row */
    char brief[NN_PLACE_PATH]; /* without the row where its keys stand beside it; else "" */
} nn_place;

nn_place nn_place_of_row(const nn_family_place *family, const nn_entry *row);
/* Calls `visit` with each of them, sections first. */
void nn_places_visit(void (*visit)(void *ctx, const nn_place *place), void *ctx);

/* Whether `topic` is the place's path or its end ("sgd.lr", "lr"); the indices of -o's paths
 * ("model.0.dense.units") have been left out. */
bool nn_place_matches(const nn_place *place, const char *topic);
/* Whether it is all of the path. */
bool nn_place_is(const nn_place *place, const char *topic);

/* A short example of the place in YAML, or for importers and generators a command, each line behind
 * `indent` blanks. */
void nn_place_example(FILE *out, const nn_place *place, int indent);

#endif
