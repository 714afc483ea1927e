#include "base/options/node.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static nn_node *node_new(nn_pool *pool, nn_node_kind kind) {
    nn_node *node = nn_pool_alloc(pool, sizeof *node);

    if (node) {
        node->kind = kind;
        node->pool = pool;
        node->text = "";
    }
    return node;
}

nn_node *nn_node_scalar(nn_pool *pool, const char *text) {
    nn_node *node = node_new(pool, NN_NODE_SCALAR);

    if (node)
        node->text = nn_pool_strdup(pool, text);
    return node && node->text ? node : NULL;
}

nn_node *nn_node_list(nn_pool *pool) {
    return node_new(pool, NN_NODE_LIST);
}

nn_node *nn_node_copy(nn_pool *pool, const nn_node *node) {
    nn_node *copy = node->kind == NN_NODE_SCALAR ? nn_node_scalar(pool, node->text)
                                                 : node_new(pool, node->kind);

    if (!copy)
        return NULL;
    copy->quoted = node->quoted;
    copy->file = node->file ? nn_pool_strdup(pool, node->file) : NULL;
    copy->line = node->line;
    copy->column = node->column;
    copy->key_line = node->key_line;
    copy->key_column = node->key_column;
    for (size_t i = 0; i < node->count; i++) {
        nn_node *item = nn_node_copy(pool, node->item[i]);
        if (!item || nn_node_add(copy, node->item[i]->key, item) < 0)
            return NULL;
    }
    return copy;
}

void nn_node_forget_lines(nn_node *node) {
    node->line = node->column = node->key_line = node->key_column = 0;
    for (size_t i = 0; i < node->count; i++)
        nn_node_forget_lines(node->item[i]);
}

nn_node *nn_node_map(nn_pool *pool) {
    return node_new(pool, NN_NODE_MAP);
}

int nn_node_add(nn_node *parent, const char *key, nn_node *child) {
    if (key && !(key = nn_pool_strdup(parent->pool, key)))
        return NN_EMEMORY;
    NN_TRY(NN_GROW(parent->pool, &parent->item, parent->count, &parent->capacity));
    child->key = key;
    parent->item[parent->count++] = child;
    return NN_OK;
}

static int add_text(nn_node *parent, const char *key, const char *text, bool quoted) {
    nn_node *node = text ? nn_node_scalar(parent->pool, text) : NULL;

    if (!node)
        return NN_EMEMORY;
    node->quoted = quoted;
    return nn_node_add(parent, key, node);
}

int nn_node_add_text(nn_node *parent, const char *key, const char *text) {
    return add_text(parent, key, text, false);
}

int nn_node_add_quoted(nn_node *parent, const char *key, const char *text) {
    return add_text(parent, key, text, true);
}

nn_node *nn_node_get(const nn_node *map, const char *key) {
    if (!map || map->kind != NN_NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->item[i]->key, key) == 0)
            return map->item[i];
    return NULL;
}

const char *nn_node_text(const nn_node *map, const char *key) {
    const nn_node *node = nn_node_get(map, key);

    return node && node->kind == NN_NODE_SCALAR ? node->text : "";
}

int nn_node_become_map(nn_node *node, const char *key, nn_node **child) {
    node->kind = NN_NODE_MAP;
    node->quoted = false;
    node->text = "";
    node->count = 0;
    if (!key)
        return NN_OK;
    *child = nn_node_map(node->pool);
    if (!*child)
        return NN_EMEMORY;
    (*child)->file = node->file;
    (*child)->line = (*child)->key_line = node->line;
    (*child)->column = (*child)->key_column = node->column;
    return nn_node_add(node, key, *child);
}

int nn_node_wrap(nn_node *node, const char *key) {
    nn_node *inner = node_new(node->pool, node->kind);

    if (!inner)
        return NN_EMEMORY;
    *inner = *node;
    inner->key_line = node->line;
    inner->key_column = node->column;
    node->kind = NN_NODE_MAP;
    node->item = NULL;
    node->count = node->capacity = 0;
    return nn_node_add(node, key, inner);
}

/* The place of the item that `name` means in a list or a map; NULL in *slot: a map without it. */
static int slot_find(nn_node *parent, const nn_node *value, const char *path, const char *name,
                     nn_node ***slot) {
    int64_t index;

    *slot = NULL;
    if (parent->kind == NN_NODE_SCALAR)
        return nn_node_fail(value, "cannot set %s: above '%s' stands the value '%s', not a map",
                            path, name, parent->text);
    if (parent->kind == NN_NODE_LIST) {
        if (!nn_text_to_int(name, &index) || index < 0 || (uint64_t)index >= parent->count)
            return nn_node_fail(value, "cannot set %s: '%s' is no index of a list of %zu", path,
                                name, parent->count);
        *slot = &parent->item[index];
        return NN_OK;
    }
    for (size_t i = 0; i < parent->count; i++)
        if (strcmp(parent->item[i]->key, name) == 0)
            *slot = &parent->item[i];
    return NN_OK;
}

/* `train:` with nothing below it and `flatten` for `flatten: {}` are maps not yet written out. */
static int unfold(nn_node *node, const char *name) {
    nn_node *child;

    if (node->kind != NN_NODE_SCALAR || node->quoted)
        return NN_OK;
    if (nn_node_is_null(node))
        return nn_node_become_map(node, NULL, NULL);
    return strcmp(node->text, name) == 0 ? nn_node_become_map(node, name, &child) : NN_OK;
}

/* Steps down to the item `name` of `parent`, which becomes an empty map when it is missing. */
static int descend(nn_node *parent, const nn_node *value, const char *path, const char *name,
                   nn_node **child) {
    nn_node **slot;

    NN_TRY(unfold(parent, name));
    NN_TRY(slot_find(parent, value, path, name, &slot));
    if (slot) {
        *child = *slot;
        return NN_OK;
    }
    *child = nn_node_map(parent->pool);
    if (!*child)
        return NN_EMEMORY;
    (*child)->file = value->file;
    return nn_node_add(parent, name, *child);
}

static int replace(nn_node *parent, nn_node *value, const char *path, const char *name) {
    nn_node **slot;

    NN_TRY(unfold(parent, name));
    NN_TRY(slot_find(parent, value, path, name, &slot));
    if (!slot)
        return nn_node_add(parent, name, value);
    value->key = (*slot)->key;
    *slot = value;
    return NN_OK;
}

int nn_node_set(nn_node *root, const char *path, nn_node *value) {
    char *name = nn_pool_strdup(root->pool, path);
    nn_node *node = root;

    if (!name)
        return NN_EMEMORY;
    for (;;) {
        char *dot = strchr(name, '.');
        if (dot)
            *dot = '\0';
        if (name[0] == '\0')
            return nn_node_fail(value, "cannot set '%s': a part of the key is empty", path);
        if (!dot)
            return replace(node, value, path, name);
        NN_TRY(descend(node, value, path, name, &node));
        name = dot + 1;
    }
}

int nn_node_raise(const nn_node *node, const char *function, const char *format, ...) {
    char message[1024];
    va_list args;

    va_start(args, format);
    nn_text_line(message, sizeof message, format, args);
    va_end(args);
    return nn_node_prefix(nn_error_raise(NN_EUSAGE, function, "%s", message), node);
}

int nn_node_prefix(int code, const nn_node *node) {
    if (node && node->file && node->line > 0)
        return nn_error_prefix(code, "%s:%d:%d", node->file, node->line, node->column);
    return node && node->file ? nn_error_prefix(code, "%s", node->file) : code;
}
