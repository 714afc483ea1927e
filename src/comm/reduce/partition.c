#include "comm/reduce/partition.h"

/* The list of borders while it is made; they are counted first. */
struct borders {
    size_t count, *list;
};

static void add_border(struct borders *b, size_t at) {
    if (b->list)
        b->list[b->count] = at;
    b->count++;
}

/* The beginnings of the buckets in a stretch of the vector, from its end on. */
static void divide_span(struct borders *b, const nn_partition_spec *spec, nn_span stretch) {
    while (stretch.end - stretch.begin > spec->bucket) {
        size_t next = (stretch.end - spec->bucket) / spec->cell * spec->cell;
        if (next <= stretch.begin)
            break;
        add_border(b, next);
        stretch.end = next;
    }
    if (stretch.end > stretch.begin)
        add_border(b, stretch.begin);
}

static void divide_vector(struct borders *b, const nn_partition_spec *spec) {
    size_t end = spec->n;
    b->count = 0;
    add_border(b, end);
    for (size_t i = spec->wholes; i > 0; i--) {
        nn_span whole = spec->whole[i - 1];
        divide_span(b, spec, (nn_span){whole.end, end});
        add_border(b, whole.begin);
        end = whole.begin;
    }
    divide_span(b, spec, (nn_span){0, end});
}

size_t nn_partition_complete(const nn_partition *partition, size_t begin) {
    size_t complete = 0;
    while (complete < partition->buckets && partition->border[complete + 1] >= begin)
        complete++;
    return complete;
}

size_t nn_partition_longest(const nn_partition *partition) {
    size_t longest = 0;
    for (size_t k = 0; k < partition->buckets; k++) {
        size_t length = partition->border[k] - partition->border[k + 1];
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Where the slice of `owner` begins in bucket k. */
static size_t border(const nn_partition *partition, size_t k, size_t owner) {
    size_t begin = partition->border[k + 1], end = partition->border[k];
    if (owner >= partition->owners)
        return end;
    size_t at =
        (begin + (end - begin) * owner / partition->owners) / partition->cell * partition->cell;
    return at > begin ? at : begin;
}

/* Shares keep the order of the vector, where the last bucket stands first. */
static void place_slices(nn_partition *partition) {
    for (size_t owner = 0; owner < partition->owners; owner++)
        for (size_t k = partition->buckets, at = 0; k > 0; k--) {
            partition->at[(k - 1) * partition->owners + owner] = at;
            at += border(partition, k - 1, owner + 1) - border(partition, k - 1, owner);
        }
}

int nn_partition_init(nn_partition *partition, nn_pool *pool, const nn_partition_spec *spec) {
    struct borders borders = {0};
    divide_vector(&borders, spec);
    *partition = (nn_partition){spec->owners, spec->cell, borders.count - 1, NULL, NULL};
    partition->border = nn_pool_alloc(pool, borders.count * sizeof *partition->border);
    partition->at = nn_pool_alloc(pool, borders.count * partition->owners * sizeof *partition->at);
    if (!partition->border || !partition->at)
        return NN_EMEMORY;
    borders.list = partition->border;
    divide_vector(&borders, spec);
    place_slices(partition);
    return 0;
}

nn_slice nn_partition_slice(const nn_partition *partition, size_t k, size_t owner) {
    size_t at = owner < partition->owners ? partition->at[k * partition->owners + owner] : 0;
    return (nn_slice){border(partition, k, owner), border(partition, k, owner + 1), at};
}

size_t nn_partition_share(const nn_partition *partition, size_t owner) {
    if (partition->buckets == 0)
        return 0;
    nn_slice end = nn_partition_slice(partition, 0, owner);
    return end.at + end.end - end.begin;
}
