/* Option tables: one row binds a configuration key to a struct member, its default, its range and
 * its help. Parsing, validation, `nnmpi help` and docs/reference.md all come from these rows. */
#ifndef NN_BASE_OPTIONS_OPTION_H
#define NN_BASE_OPTIONS_OPTION_H

#include "base/options/nearest.h"
#include "base/options/node.h"

#include <nnmpi/option.h>

#include <stdio.h>

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

/* One more row, of a program's own, which must not go away: found and picked as the others are, but
 * help and the reference leave it out. NN_EUSAGE where there is one of that name, NN_EMEMORY. From
 * any thread. */
int nn_family_add(const nn_family *family, const nn_entry *row);

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
