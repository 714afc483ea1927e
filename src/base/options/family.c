#include "base/options/names.h"
#include "base/options/option.h"

#include <string.h>

const nn_entry *nn_family_find(const nn_family *family, const char *name) {
    for (const nn_entry *const *row = family->rows; *row; row++)
        if (strcmp((*row)->name, name) == 0)
            return *row;
    return NULL;
}

int nn_family_unknown(const nn_family *family, const nn_node *node, const char *name) {
    nn_names names = {0};

    for (const nn_entry *const *row = family->rows; *row; row++)
        nn_names_add(&names, (*row)->name);
    return nn_node_fail(node, "unknown %s '%s'%s", family->noun, name,
                        nn_names_advice(&names, name, "there are"));
}

static int pick_scalar(const nn_family *family, nn_node *node, const nn_entry **row,
                       nn_node **options) {
    const char *name = node->text;

    *row = nn_family_find(family, name);
    if (!*row)
        return nn_family_unknown(family, node, name);
    return nn_node_become_map(node, name, options);
}

static int pick_item(const nn_family *family, nn_node *item, const nn_entry **row,
                     nn_node **options) {
    *row = nn_family_find(family, item->key);
    if (!*row) {
        nn_node place = nn_node_key_place(item);
        return nn_family_unknown(family, &place, item->key);
    }
    *options = item;
    if (nn_node_is_null(item))
        return nn_node_become_map(item, NULL, NULL);
    if (item->kind != NN_NODE_MAP)
        return nn_node_fail(item, "%s '%s' takes a map of options", family->noun, item->key);
    return NN_OK;
}

int nn_family_pick(const nn_family *family, nn_node *node, const nn_entry **row,
                   nn_node **options) {
    if (node->kind == NN_NODE_SCALAR && !nn_node_is_null(node))
        return pick_scalar(family, node, row, options);
    if (node->kind == NN_NODE_MAP && node->count == 1)
        return pick_item(family, node->item[0], row, options);
    if (node->kind == NN_NODE_MAP && node->count > 1)
        return nn_node_fail(node,
                            "one %s is wanted here, not the %zu of '%s', '%s' ...; options stand "
                            "one level deeper",
                            family->noun, node->count, node->item[0]->key, node->item[1]->key);
    return nn_node_fail(node, "the name of one %s is wanted here, or a map {name: {options}}",
                        family->noun);
}
