/* Everything that a configuration can name, from the tables that also parse and check it: for
 * programs that offer it in a language or an interface of their own. */
#ifndef NNMPI_HELP_H
#define NNMPI_HELP_H

#include <nnmpi/export.h>

/* A key, or a row of a family of choices (a layer, a loss ...), which has no type. All are static.
 */
typedef struct nn_help {
    const char *path;   /* "train.lr" a key of a section, "model.dense" a row, "model.dense.units" a
                           key of it, "model.*.name" one of every row */
    const char *family; /* "layer", "loss", "optimizer" ...; of a section NULL */
    const char *row;    /* "dense"; NULL: a key of a section, or of every row */
    const char *key;    /* "units"; NULL: the row itself */
    const char *type; /* "whole number", "true or false", "number", "text", "choice", "structure" */
    const char *fallback; /* the default as text; NULL: required; "": none */
    const char *range;    /* "[0, 1)" or "a|b|c"; NULL: any */
    const char *help;     /* one sentence */
} nn_help;

/* Calls `visit` with each, sections first, then families row by row, each with its keys; the
 * struct and its `path` are valid during the call only, its other texts for good. Local. */
NN_API void nn_help_visit(void (*visit)(void *ctx, const nn_help *help), void *ctx);

#endif
