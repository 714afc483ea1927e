#include "base/shards.h"

int nn_shards_init(nn_shards *s, nn_pool *pool, size_t parts, size_t holders) {
    *s = (nn_shards){.holders = holders, .most = (parts + holders - 1) / holders};
    s->border = nn_pool_alloc(pool, (holders + 1) * sizeof *s->border);
    if (!s->border)
        return NN_EMEMORY;
    for (size_t h = 0; h < holders; h++)
        s->border[h + 1] = (int64_t)nn_even_span(parts, h, holders).end;
    return 0;
}

nn_span nn_shards_rows_of(const nn_shards *s, size_t rows, size_t first, size_t end) {
    size_t parts = nn_shards_parts(s);
    return (nn_span){rows * (size_t)s->border[first] / parts,
                     rows * (size_t)s->border[end] / parts};
}

nn_span nn_shards_rows(const nn_shards *s, size_t rows, size_t holder) {
    return nn_shards_rows_of(s, rows, holder, holder + 1);
}

size_t nn_shards_most(const nn_shards *s, size_t rows) {
    size_t parts = nn_shards_parts(s);
    return (rows * s->most + parts - 1) / parts;
}

bool nn_shards_fit(const nn_shards *s, size_t borders, const int64_t *border) {
    if (borders != s->holders + 1 || border[0] != 0 || border[s->holders] != s->border[s->holders])
        return false;
    for (size_t h = 0; h < s->holders; h++)
        if (border[h + 1] <= border[h] || border[h + 1] - border[h] > (int64_t)s->most)
            return false;
    return true;
}
