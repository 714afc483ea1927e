/* Rows of the nn tables from YAML text, for tests. */
#ifndef NN_TESTS_ROWS_H
#define NN_TESTS_ROWS_H

#include "base/options/option.h"
#include "check.h"
#include "io/yaml/yaml.h"

/* Options of any row, bound. */
union row_options {
    char bytes[1024];
    double align;
};

/* Chooses the row that `yaml` names and binds its options; the node tree lives in `pool`. */
static inline int row_bind(nn_pool *pool, const nn_family *family, const char *yaml,
                           const nn_entry **row, union row_options *out) {
    nn_node *node, *map;

    memset(out, 0, sizeof *out);
    NN_TRY(nn_yaml_parse(pool, "test", yaml, strlen(yaml), &node));
    NN_TRY(nn_family_pick(family, node, row, &map));
    return nn_options_bind(&(nn_binding){(*row)->options, out}, 1, map, (*row)->name, NULL);
}

/* The same, where failing is a failed check. */
static inline bool row_take(nn_pool *pool, const nn_family *family, const char *yaml,
                            const nn_entry **row, union row_options *out) {
    int rc = row_bind(pool, family, yaml, row, out);

    if (rc < 0)
        fprintf(stderr, "%s: %s\n", yaml, nn_error_message());
    return CHECK(rc == 0);
}

#endif
