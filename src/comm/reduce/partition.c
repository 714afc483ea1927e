#include "comm/reduce/partition.h"

/* Borders on their way to the list; counted first. */
struct borders {
    size_t count, *list;
};

static void add_border(struct borders *b, size_t at) {
    if (b->list)
        b->list[b->count] = at;
    b->count++;
}

/* The beginnings of the buckets in a stretch of the vector, from its end on. */
static void cut_stretch(struct borders *b, const nn_cut_spec *spec, nn_span stretch) {
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

static void cut_all(struct borders *b, const nn_cut_spec *spec) {
    size_t end = spec->n;
    b->count = 0;
    add_border(b, end);
    for (size_t i = spec->wholes; i > 0; i--) {
        nn_span whole = spec->whole[i - 1];
        cut_stretch(b, spec, (nn_span){whole.end, end});
        add_border(b, whole.begin);
        end = whole.begin;
    }
    cut_stretch(b, spec, (nn_span){0, end});
}

size_t nn_cut_complete(const nn_cut *cut, size_t begin) {
    size_t complete = 0;
    while (complete < cut->buckets && cut->border[complete + 1] >= begin)
        complete++;
    return complete;
}

size_t nn_cut_longest(const nn_cut *cut) {
    size_t longest = 0;
    for (size_t k = 0; k < cut->buckets; k++) {
        size_t length = cut->border[k] - cut->border[k + 1];
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Where the slice of `owner` begins in bucket k. */
static size_t border(const nn_cut *cut, size_t k, size_t owner) {
    size_t begin = cut->border[k + 1], end = cut->border[k];
    if (owner >= cut->owners)
        return end;
    size_t at = (begin + (end - begin) * owner / cut->owners) / cut->cell * cut->cell;
    return at > begin ? at : begin;
}

/* Shares keep the order of the vector, where the last bucket stands first. */
static void place_slices(nn_cut *cut) {
    for (size_t owner = 0; owner < cut->owners; owner++)
        for (size_t k = cut->buckets, at = 0; k > 0; k--) {
            cut->at[(k - 1) * cut->owners + owner] = at;
            at += border(cut, k - 1, owner + 1) - border(cut, k - 1, owner);
        }
}

int nn_cut_init(nn_cut *cut, nn_pool *pool, const nn_cut_spec *spec) {
    struct borders borders = {0};
    cut_all(&borders, spec);
    *cut = (nn_cut){spec->owners, spec->cell, borders.count - 1, NULL, NULL};
    cut->border = nn_pool_alloc(pool, borders.count * sizeof *cut->border);
    cut->at = nn_pool_alloc(pool, borders.count * cut->owners * sizeof *cut->at);
    if (!cut->border || !cut->at)
        return NN_EMEMORY;
    borders.list = cut->border;
    cut_all(&borders, spec);
    place_slices(cut);
    return 0;
}

nn_slice nn_cut_slice(const nn_cut *cut, size_t k, size_t owner) {
    size_t at = owner < cut->owners ? cut->at[k * cut->owners + owner] : 0;
    return (nn_slice){border(cut, k, owner), border(cut, k, owner + 1), at};
}

size_t nn_cut_share(const nn_cut *cut, size_t owner) {
    if (cut->buckets == 0)
        return 0;
    nn_slice end = nn_cut_slice(cut, 0, owner);
    return end.at + end.end - end.begin;
}
