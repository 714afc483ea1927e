#include "base/options/names.h"
#include "base/options/option.h"

#include <pthread.h>
#include <string.h>

/* Rows that programs have added, the newest first; they stay. */
struct added {
    const nn_family *family;
    const nn_entry *row;
    struct added *next;
};

static struct added *added;
static pthread_mutex_t added_lock = PTHREAD_MUTEX_INITIALIZER;

static const nn_entry *find(const nn_family *family, const char *name) {
    for (const nn_entry *const *row = family->rows; *row; row++)
        if (strcmp((*row)->name, name) == 0)
            return *row;
    for (const struct added *a = added; a; a = a->next)
        if (a->family == family && strcmp(a->row->name, name) == 0)
            return a->row;
    return NULL;
}

const nn_entry *nn_family_find(const nn_family *family, const char *name) {
    pthread_mutex_lock(&added_lock);
    const nn_entry *row = find(family, name);
    pthread_mutex_unlock(&added_lock);
    return row;
}

int nn_family_add(const nn_family *family, const nn_entry *row) {
    struct added *new;
    NN_TRY(NN_NEW(&new, 1, "a row of a table"));
    pthread_mutex_lock(&added_lock);
    bool taken = find(family, row->name) != NULL;
    if (!taken) {
        *new = (struct added){family, row, added};
        added = new;
    }
    pthread_mutex_unlock(&added_lock);
    if (!taken)
        return 0;
    nn_free(new);
    return nn_fail(NN_EUSAGE, "there is a %s '%s' already", family->noun, row->name);
}

static void add_names(const nn_family *family, nn_names *names) {
    for (const nn_entry *const *row = family->rows; *row; row++)
        nn_names_add(names, (*row)->name);
    pthread_mutex_lock(&added_lock);
    for (const struct added *a = added; a; a = a->next)
        if (a->family == family)
            nn_names_add(names, a->row->name);
    pthread_mutex_unlock(&added_lock);
}

int nn_family_unknown(const nn_family *family, const nn_node *node, const char *name) {
    nn_names names = {0};

    add_names(family, &names);
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
