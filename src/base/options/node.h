/* The tree a configuration file becomes: scalars, lists and maps that know where they stand. */
#ifndef NN_BASE_OPTIONS_NODE_H
#define NN_BASE_OPTIONS_NODE_H

#include "base/mem.h"

typedef enum nn_node_kind { NN_NODE_SCALAR, NN_NODE_LIST, NN_NODE_MAP } nn_node_kind;

typedef struct nn_node nn_node;
struct nn_node {
    nn_node_kind kind;
    const char *key;  /* in a map: this item's key; else NULL */
    const char *text; /* scalar: its text ("" for null) */
    bool quoted;      /* scalar: stood in quotes, so it is a string whatever it looks like */
    const char *file; /* where it stands, for messages: a file name, "-o train.lr", "default" */
    int line, column; /* 1-based; 0 when it does not come from a file */
    int key_line, key_column;
    size_t count; /* list, map: items in order */
    nn_node **item;
    size_t capacity;
    nn_pool *pool; /* owns this node and everything below it */
};

/* New nodes; NULL with the error set when memory runs out. Owned by `pool`. */
nn_node *nn_node_scalar(nn_pool *pool, const char *text);
nn_node *nn_node_list(nn_pool *pool);
nn_node *nn_node_map(nn_pool *pool);

/* Appends to a list (key NULL) or a map; the key is copied. */
int nn_node_add(nn_node *parent, const char *key, nn_node *child);
/* The same with a new scalar; a `text` of NULL is memory that has run out. NN_EMEMORY. */
int nn_node_add_text(nn_node *parent, const char *key, const char *text);
/* In quotes: it is a text, whatever it looks like. */
int nn_node_add_quoted(nn_node *parent, const char *key, const char *text);

/* The item of a map with this key, or NULL; `map` itself may be NULL. */
nn_node *nn_node_get(const nn_node *map, const char *key);
/* Its text where it is a scalar, else "". */
const char *nn_node_text(const nn_node *map, const char *key);

/* Puts `value` at a dotted path below a map, e.g. "train.lr" or "model.0.dense.units"; makes the
 * maps on the way, replaces what is there. A null on the way becomes a map, and the scalar `sgd`
 * may be gone through as "sgd.lr". NN_EUSAGE when the path goes through another scalar or past the
 * end of a list. */
int nn_node_set(nn_node *root, const char *path, nn_node *value);

/* All of it once more, for messages in the same places; NULL with the error set. Owned by `pool`.
 */
nn_node *nn_node_copy(nn_pool *pool, const nn_node *node);

/* It stands in no line of any file, as what is not written in one. */
void nn_node_forget_lines(nn_node *node);

/* Turns a scalar, in place, into a map: empty (key NULL), or with one item `key` that is an empty
 * map. *child is that item. It is how "relu" is written out as {relu: {}}. */
int nn_node_become_map(nn_node *node, const char *key, nn_node **child);
/* Turns it, in place, into a map with one item, `key`, which is what it was. */
int nn_node_wrap(nn_node *node, const char *key);

/* `key:` with nothing after it. */
static inline bool nn_node_is_null(const nn_node *node) {
    return node->kind == NN_NODE_SCALAR && !node->quoted && node->text[0] == '\0';
}

/* A stand-in for `item` that nn_node_fail places at the item's key. */
static inline nn_node nn_node_key_place(const nn_node *item) {
    nn_node place = *item;

    place.line = item->key_line;
    place.column = item->key_column;
    return place;
}

/* Puts where a node stands before the pending message; returns `code`. */
int nn_node_prefix(int code, const nn_node *node);

/* nn_fail(NN_EUSAGE) with "file:line:column: " (or what stands for it) in front. */
#define nn_node_fail(node, ...)                                                                    \
    nn_error_same(NN_EUSAGE, nn_node_raise((node), __func__, __VA_ARGS__))
int nn_node_raise(const nn_node *node, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
