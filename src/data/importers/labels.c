#include "data/importers/labels.h"

#include "base/numbers/rng.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE ((size_t)32)

int nn_labels_init(nn_labels *labels) {
    *labels = (nn_labels){.integers = true, .hash_size = FIRST_SIZE, .limit = NN_MAX_LABELS};
    labels->hash_table = nn_pool_alloc(&labels->pool, FIRST_SIZE * sizeof *labels->hash_table);
    return labels->hash_table ? NN_OK : NN_EMEMORY;
}

void nn_labels_release(nn_labels *labels) {
    nn_pool_release(&labels->pool);
    *labels = (nn_labels){0};
}

/* The entry that holds `text`, or the empty one where it belongs. */
static uint32_t *find_entry(const nn_labels *labels, const char *text) {
    size_t i = (size_t)nn_hash_text(text) & (labels->hash_size - 1);

    while (labels->hash_table[i] &&
           strcmp(labels->label[labels->hash_table[i] - 1].text, text) != 0)
        i = (i + 1) & (labels->hash_size - 1);
    return &labels->hash_table[i];
}

/* Twice the table, for half of it is used. */
static int grow(nn_labels *labels) {
    size_t size = labels->hash_size * 2;
    uint32_t *table = nn_pool_alloc(&labels->pool, size * sizeof *table);

    if (!table)
        return NN_EMEMORY;
    labels->hash_table = table;
    labels->hash_size = size;
    for (size_t i = 0; i < labels->count; i++)
        *find_entry(labels, labels->label[i].text) = (uint32_t)i + 1;
    return NN_OK;
}

int nn_labels_add(nn_labels *labels, const char *text) {
    nn_label *label;

    if (*find_entry(labels, text))
        return NN_OK;
    if (labels->count == labels->limit)
        return nn_fail(NN_EFORMAT,
                       "more than %zu different labels: is this a column of numbers to "
                       "predict (--target)?",
                       labels->limit);
    NN_TRY(NN_GROW(&labels->pool, &labels->label, labels->count, &labels->room));
    label = &labels->label[labels->count];
    *label =
        (nn_label){.text = nn_pool_strdup(&labels->pool, text), .index = (int64_t)labels->count};
    if (!label->text)
        return NN_EMEMORY;
    labels->integers = nn_text_to_int(text, &label->value) && labels->integers;
    *find_entry(labels, text) = (uint32_t)++labels->count;
    return labels->count * 2 > labels->hash_size ? grow(labels) : NN_OK;
}

static int by_value(const void *a, const void *b) {
    const nn_label *const *x = a, *const *y = b;

    return ((*x)->value > (*y)->value) - ((*x)->value < (*y)->value);
}

int nn_labels_number(nn_labels *labels) {
    nn_label **order = nn_pool_alloc(&labels->pool, (labels->count + 1) * sizeof *order);

    if (!order)
        return NN_EMEMORY;
    for (size_t i = 0; i < labels->count; i++)
        order[i] = &labels->label[i];
    if (labels->integers)
        qsort(order, labels->count, sizeof *order, by_value);
    labels->plain = labels->integers;
    for (size_t i = 0; i < labels->count; i++) {
        order[i]->index = (int64_t)i;
        labels->plain = labels->plain && order[i]->value == (int64_t)i;
    }
    return NN_OK;
}

int64_t nn_labels_find(const nn_labels *labels, const char *text) {
    uint32_t at = *find_entry(labels, text);

    return at ? labels->label[at - 1].index : -1;
}

int nn_labels_names(nn_labels *labels, const char ***names) {
    *names = nn_pool_alloc(&labels->pool, (labels->count + 1) * sizeof **names);
    if (!*names)
        return NN_EMEMORY;
    for (size_t i = 0; i < labels->count; i++)
        (*names)[labels->label[i].index] = labels->label[i].text;
    return NN_OK;
}

nn_dtype nn_labels_type(const nn_labels *labels) {
    return labels->count <= 256 ? NN_U8 : NN_I32;
}

int nn_labels_write(nn_labels *labels, nn_h5 *file) {
    const char **names;

    if (labels->plain)
        return NN_OK;
    NN_TRY(nn_labels_names(labels, &names));
    return nn_h5_set_texts(file, "/", "classes", names, labels->count);
}
