#include "train/config/changes.h"

#include "base/log.h"
#include "io/yaml/yaml.h"

#include <stdio.h>
#include <string.h>

enum { PATH = 256 };

/* Keys that may well change from one start to the next; the minibatches have a line of their own.
 */
static const char *const usual[] = {"checkpoint",
                                    "log",
                                    "data.when_changed",
                                    "train.epochs",
                                    "train.max_steps",
                                    "train.log_every",
                                    "train.batch_size",
                                    "train.threads",
                                    "train.stop_below",
                                    "train.stall_timeout",
                                    "train.check_replicas",
                                    "train.digest",
                                    "train.report",
                                    "train.trace",
                                    "train.recompute",
                                    "train.optimizer_state",
                                    NULL};

static bool is_usual(const char *path) {
    for (const char *const *u = usual; *u; u++)
        if (strcmp(*u, path) == 0)
            return true;
    return false;
}

static bool is_set(const nn_node *node) {
    return node && !nn_node_is_null(node) && (node->kind != NN_NODE_SCALAR || *node->text);
}

static const char *text_of(const nn_node *node) {
    return node->kind == NN_NODE_SCALAR ? node->text
           : node->kind == NN_NODE_LIST ? "a list"
                                        : "a map";
}

static void compare(const char *path, const nn_node *now, const nn_node *before);

static const char *join(char below[PATH], const char *path, const char *key) {
    snprintf(below, PATH, "%s%s%s", path, *path ? "." : "", key);
    return below;
}

/* By place; they are equally long. */
static void compare_lists(const char *path, const nn_node *now, const nn_node *before) {
    char place[32], below[PATH];
    for (size_t i = 0; i < now->count; i++) {
        snprintf(place, sizeof place, "%zu", i);
        compare(join(below, path, place), now->item[i], before->item[i]);
    }
}

/* By key. */
static void compare_maps(const char *path, const nn_node *now, const nn_node *before) {
    char below[PATH];
    for (size_t i = 0; i < now->count; i++) {
        const char *key = now->item[i]->key;
        compare(join(below, path, key), now->item[i], nn_node_get(before, key));
    }
    for (size_t i = 0; i < before->count; i++) {
        const char *key = before->item[i]->key;
        if (!nn_node_get(now, key))
            compare(join(below, path, key), NULL, before->item[i]);
    }
}

/* {squared: {...}}: what stands in a map as its one key is the name of a row. */
static const char *row_name(const nn_node *node) {
    return node->kind == NN_NODE_MAP && node->count == 1 ? node->item[0]->key : NULL;
}

static bool same_form(const nn_node *a, const nn_node *b) {
    return a->kind == b->kind && (a->kind == NN_NODE_MAP || a->count == b->count);
}

/* NULL: there is none. A key that was new when the program got it has its default. */
static void compare(const char *path, const nn_node *now, const nn_node *before) {
    bool has = is_set(now), had = is_set(before);
    const char *row = has ? row_name(now) : NULL, *old_row = had ? row_name(before) : NULL;
    if (is_usual(path) || (!has && !had))
        return;
    if (!had && now->file && strcmp(now->file, "default") == 0)
        return;
    if (!had)
        nn_info("%s is %s now and was not set", path, text_of(now));
    else if (!has)
        nn_info("%s is not set now and was %s", path, text_of(before));
    else if (row && old_row && strcmp(row, old_row) != 0)
        nn_info("%s is %s now and was %s", path, row, old_row);
    else if (!same_form(now, before))
        nn_info("%s is not what it was: %s now, and %s before", path, text_of(now),
                text_of(before));
    else if (now->kind == NN_NODE_LIST)
        compare_lists(path, now, before);
    else if (now->kind == NN_NODE_MAP)
        compare_maps(path, now, before);
    else if (strcmp(now->text, before->text) != 0)
        nn_info("%s is %s now and was %s", path, now->text, before->text);
}

int nn_changes_say(const nn_node *now, const char *before) {
    nn_pool pool = {0};
    nn_node *root = NULL;
    int rc = nn_yaml_parse(&pool, "/config of the checkpoint", before, strlen(before), &root);
    if (rc == 0)
        compare("", now, root);
    nn_pool_release(&pool);
    return rc;
}
