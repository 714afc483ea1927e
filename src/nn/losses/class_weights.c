#include "nn/losses/class_weights.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

static int read_weight(const nn_node *item, nn_real *weight) {
    double value;

    if (item->kind != NN_NODE_SCALAR || !nn_text_to_real(item->text, &value) || !isfinite(value) ||
        value < 0)
        return nn_node_fail(item, "a class weight is a number >= 0");
    *weight = (nn_real)value;
    return 0;
}

static int read_list(const nn_node *list, size_t classes, nn_real *weight) {
    if (list->count != classes)
        return nn_node_fail(list,
                            "class_weights has %zu numbers, but the model tells %zu classes apart",
                            list->count, classes);
    for (size_t i = 0; i < classes; i++)
        NN_TRY(read_weight(list->item[i], &weight[i]));
    return 0;
}

/* A name goes before an index, should a class be called "1". */
static int find_class(const nn_node *item, size_t classes, const char *const *names,
                      size_t *class) {
    nn_node place = nn_node_key_place(item);
    int64_t index;

    for (*class = 0; names && *class < classes && names[*class]; ++*class)
        if (strcmp(names[*class], item->key) == 0)
            return 0;
    if (!nn_text_to_int(item->key, &index) || index < 0 || (size_t)index >= classes)
        return nn_node_fail(&place, "class_weights: '%s' is no class%s; classes are 0 to %zu",
                            item->key, names ? " by name or index" : "", classes - 1);
    *class = (size_t)index;
    return 0;
}

static int read_map(const nn_node *map, size_t classes, const char *const *names, nn_real *weight) {
    for (size_t i = 0; i < map->count; i++) {
        size_t class = 0;
        NN_TRY(find_class(map->item[i], classes, names, &class));
        NN_TRY(read_weight(map->item[i], &weight[class]));
    }
    return 0;
}

bool nn_class_weights_are_balanced(const nn_node *node) {
    return node && node->kind == NN_NODE_SCALAR && strcmp(node->text, "balanced") == 0;
}

int nn_class_weights_read(const nn_node *node, size_t classes, const char *const *names,
                          nn_real *weight) {
    bool any = false;

    for (size_t i = 0; i < classes; i++)
        weight[i] = 1;
    if (node->kind == NN_NODE_LIST)
        NN_TRY(read_list(node, classes, weight));
    else if (node->kind == NN_NODE_MAP)
        NN_TRY(read_map(node, classes, names, weight));
    else if (!nn_class_weights_are_balanced(node))
        return nn_node_fail(node,
                            "class_weights is a list of %zu numbers, a map {class: weight} "
                            "or balanced",
                            classes);
    for (size_t i = 0; i < classes; i++)
        any = any || weight[i] > 0;
    return any ? 0 : nn_node_fail(node, "class_weights are all 0, so no sample would count");
}

int nn_class_weights_balance(nn_node *node, size_t classes, const int64_t *count) {
    double samples = 0, occurring = 0;

    for (size_t i = 0; i < classes; i++) {
        samples += (double)count[i];
        occurring += count[i] > 0;
    }
    node->kind = NN_NODE_LIST;
    for (size_t i = 0; i < classes; i++) {
        char text[NN_TEXT_REAL];
        nn_node *item;
        nn_text_from_real(text, count[i] ? samples / (occurring * (double)count[i]) : 1);
        item = nn_node_scalar(node->pool, text);
        if (!item)
            return NN_EMEMORY;
        item->file = node->file;
        NN_TRY(nn_node_add(node, NULL, item));
    }
    return 0;
}
