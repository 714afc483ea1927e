/* Option tables: one row binds a configuration key to a struct member, its default, its range and
 * its help. Parsing, validation, `nnmpi help` and docs/reference.md all come from these rows. */
#ifndef NN_BASE_OPTIONS_OPTION_H
#define NN_BASE_OPTIONS_OPTION_H

#include "base/options/nearest.h"
#include "base/options/node.h"

#include <stdio.h>

typedef enum nn_option_type {
    NN_OPT_BOOL,   /* bool */
    NN_OPT_INT,    /* int64_t */
    NN_OPT_REAL,   /* double */
    NN_OPT_STRING, /* const char *, owned by the node tree */
    NN_OPT_CHOICE, /* int: index into the range "a|b|c" */
    NN_OPT_NODE    /* nn_node *: checked by whoever asked for it; needs a map to have a default */
} nn_option_type;

typedef struct nn_option {
    const char *key;
    nn_option_type type;
    size_t offset;        /* of the member in the struct bound to */
    const char *fallback; /* default as text; NULL: required; "": optional, member left as it is */
    const char *range;    /* numbers "[0, 1)", "(0, inf)", NULL: finite; choices "a|b|c" */
    const char *help;     /* one sentence, with the unit */
} nn_option;

#define NN_OPTION_END                                                                              \
    { NULL, NN_OPT_BOOL, 0, NULL, NULL, NULL }

/* The first member of every row of every table. */
typedef struct nn_entry {
    const char *name;
    const char *help;         /* one sentence, with the formula where there is one */
    const nn_option *options; /* ends with NN_OPTION_END; NULL: takes none */
    size_t size;              /* bytes of the struct the options bind to */
} nn_entry;

/* A family of rows: layers, losses, optimisers ... */
typedef struct nn_family {
    const char *noun;            /* "layer", as messages say it */
    const nn_entry *const *rows; /* ends with NULL */
} nn_family;

/* One table and the struct it fills. */
typedef struct nn_binding {
    const nn_option *table;
    void *out;
} nn_binding;

/* Fills the structs from `map` (NULL: all defaults) and completes `map` with the defaults, so that
 * emitting it gives the effective configuration. Unknown keys, wrong types and values out of range
 * are NN_EUSAGE with the place, what would be right, and the nearest key. A null counts as not
 * given: `key:` with nothing after it takes the default. `what` names the owner of the keys, e.g.
 * "layer 'dense'"; NULL: each value's `file` is what people call it, as on a command line. A key
 * bound by no table but listed in `also` (NULL-terminated, may be NULL) is left to others. Local.
 */
int nn_options_bind(const nn_binding *bindings, size_t count, nn_node *map, const char *what,
                    const char *const *also);

/* Chooses a row: `node` is the name ("relu"), or a map of one item {relu: {options}}. *options is
 * the options' map (made empty and put into the tree when absent, so that it can be completed). */
int nn_family_pick(const nn_family *family, nn_node *node, const nn_entry **row, nn_node **options);

/* The row with this name or NULL. */
const nn_entry *nn_family_find(const nn_family *family, const char *name);

/* NN_EUSAGE "unknown <noun> '<name>', did you mean '<nearest>'?" at `node` (which may be NULL). */
int nn_family_unknown(const nn_family *family, const nn_node *node, const char *name);

/* "whole number" */
const char *nn_option_type_name(const nn_option *option);

/* Writes a row's reference: name, help and its option table, as plain text in lines of up to
 * `width` characters, or with width 0 as Markdown. */
void nn_entry_describe(FILE *out, const nn_family *family, const nn_entry *row, int width);
void nn_options_describe(FILE *out, const nn_option *table, int width);
/* One option as plain text, under a name of the caller's. */
void nn_option_describe(FILE *out, const nn_option *option, const char *name, int width);

#endif
