/* A first configuration for data that nobody has tuned anything for: model, loss, training and
 * validation that follow from what the samples look like. */
#ifndef NN_TRAIN_CONFIG_STARTER_H
#define NN_TRAIN_CONFIG_STARTER_H

#include "data/dataset.h"

#include <stdio.h>

/* What the samples are taken for. */
typedef enum nn_sample_kind {
    NN_KIND_TABLE,    /* [F] */
    NN_KIND_IMAGE,    /* [H, W], [C, H, W] or [C, D, H, W] */
    NN_KIND_SEQUENCE, /* [T, F] */
    NN_KIND_TOKENS    /* [T] of whole numbers that are names */
} nn_sample_kind;

typedef struct nn_starter {
    const nn_dataset *data;
    const nn_split *train;
    nn_sample_kind kind;
    int64_t samples;           /* that train, once some are split off */
    bool validates, tests;     /* there are, or will be, such splits */
    int64_t vocabulary;        /* of tokens */
    size_t outputs;            /* classes, or numbers to predict */
    bool classes, by_position; /* by_position: a class for each step */
    double mean, deviation;    /* of the numbers to predict */
    double *one_hot; /* [columns of x] as those of the data set, which may not say it; NULL: none */
} nn_starter;

/* Looks at the training samples: y, and tokens, as a whole, and of a table that does not say which
 * columns are categories of one column at x, too. What it notes is memory of the data set's.
 * NN_EUSAGE where there is nothing to learn, NN_EFORMAT. Local. */
int nn_starter_init(nn_starter *starter, nn_dataset *data);

/* Of a model of a table the first layers: vectors for the categories of columns that have many, of
 * one-hot columns by a dense layer, whose inputs are 0 but for one, which is 1, of their numbers by
 * an embedding. Nothing where no column has many. */
void nn_starter_write_parts(const nn_starter *starter, FILE *out);

/* The sections after `data:`, each guess with a comment. */
void nn_starter_write(const nn_starter *starter, FILE *out);

#endif
