/* Options of layers, losses and metrics: one row binds a key of the configuration to a member of a
 * struct, with its default, its range and its help. */
#ifndef NNMPI_OPTION_H
#define NNMPI_OPTION_H

#include <stddef.h>

/* The member that an option is bound to. */
typedef enum nn_option_type {
    NN_OPT_BOOL,   /* bool */
    NN_OPT_INT,    /* int64_t */
    NN_OPT_REAL,   /* double */
    NN_OPT_STRING, /* const char *, as long as the configuration */
    NN_OPT_CHOICE, /* int: index into the range "a|b|c" */
    NN_OPT_NODE    /* nnmpi's own, for keys with a structure below them */
} nn_option_type;

typedef struct nn_option {
    const char *key;
    nn_option_type type;
    size_t offset;        /* of the member in the struct bound to */
    const char *fallback; /* default as text; NULL: required; "": optional, member left as it is */
    const char *range;    /* numbers "[0, 1)", "(0, inf)", NULL: finite; choices "a|b|c" */
    const char *help;     /* one sentence, with the unit */
} nn_option;

/* The last row of a table. */
#define NN_OPTION_END                                                                              \
    { NULL, NN_OPT_BOOL, 0, NULL, NULL, NULL }

#endif
