#include "data/loader/order.h"

void nn_order_init(nn_order *o, uint64_t seed, bool shuffle, int64_t samples, int64_t chunk,
                   int64_t buffer) {
    int64_t chunks = (samples + chunk - 1) / chunk;

    *o = (nn_order){.seed = seed,
                    .samples = samples,
                    .shuffle = shuffle,
                    .chunk = chunk,
                    .buffer = buffer,
                    .chunks = chunks,
                    .lacked = chunks * chunk - samples,
                    .buffers = (chunks + buffer - 1) / buffer,
                    .epoch = -1};
}

/* Permutations of one epoch: 0 is that of the chunks, or of everything; 1 + w that of buffer w. */
static nn_permutation permutation(const nn_order *o, int64_t which, int64_t n) {
    uint64_t key = (uint64_t)o->epoch;

    if (o->buffers > 1)
        key = nn_mix64(key) + (uint64_t)which;
    return nn_permutation_of(o->seed, key, (uint64_t)n);
}

void nn_order_begin(nn_order *o, int64_t epoch) {
    if (o->epoch == epoch)
        return;
    o->epoch = epoch;
    o->of_chunks = permutation(o, 0, o->chunks);
    o->last_at = 0;
    while (o->buffers > 1 &&
           nn_permutation_at(&o->of_chunks, (uint64_t)o->last_at) != (uint64_t)o->chunks - 1)
        o->last_at++;
}

/* The buffer's first position in the epoch: the short chunk makes those behind it begin earlier. */
static int64_t start_of(const nn_order *o, int64_t buffer) {
    int64_t start = buffer * o->buffer * o->chunk;

    if (buffer > o->last_at / o->buffer)
        start -= o->lacked;
    return start < o->samples ? start : o->samples;
}

static int64_t buffer_at(const nn_order *o, int64_t position) {
    int64_t rows = o->buffer * o->chunk, behind = o->last_at / o->buffer + 1;

    if (position >= start_of(o, behind))
        position += o->lacked;
    return position / rows;
}

int64_t nn_order_chunks(const nn_order *o, int64_t buffer) {
    int64_t left = o->chunks - buffer * o->buffer;

    return left < o->buffer ? left : o->buffer;
}

/* In the order of the epoch, but a short chunk comes last, so that the others stand at multiples of
 * their size. */
void nn_order_chunk(const nn_order *o, int64_t buffer, int64_t i, int64_t *first, int64_t *count) {
    int64_t chunks = nn_order_chunks(o, buffer), begin = buffer * o->buffer, at = begin + i;
    bool has_short = o->last_at >= begin && o->last_at < begin + chunks;

    if (has_short && i == chunks - 1)
        at = o->last_at;
    else if (has_short && at >= o->last_at)
        at++;
    *first = (int64_t)nn_permutation_at(&o->of_chunks, (uint64_t)at) * o->chunk;
    *count = o->samples - *first < o->chunk ? o->samples - *first : o->chunk;
}

/* Everything is one buffer. */
static void locate_unbuffered(const nn_order *o, int64_t from, size_t count,
                              nn_sample_location *out) {
    nn_permutation p = permutation(o, 0, o->samples);

    for (size_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)from + i;
        out[i].sample = o->shuffle ? (int64_t)nn_permutation_at(&p, at) : (int64_t)at;
        out[i].row = out[i].sample;
        out[i].buffer = 0;
    }
}

static void locate_in(const nn_order *o, const nn_permutation *p, int64_t buffer, int64_t offset,
                      nn_sample_location *out) {
    int64_t row = (int64_t)nn_permutation_at(p, (uint64_t)offset), first, count;

    nn_order_chunk(o, buffer, row / o->chunk, &first, &count);
    *out = (nn_sample_location){.sample = first + row % o->chunk, .buffer = buffer, .row = row};
}

void nn_order_locate(const nn_order *o, int64_t from, size_t count, nn_sample_location *out) {
    if (o->buffers == 1) {
        locate_unbuffered(o, from, count, out);
        return;
    }
    for (size_t i = 0; i < count;) {
        int64_t buffer = buffer_at(o, from + (int64_t)i), start = start_of(o, buffer);
        int64_t end = start_of(o, buffer + 1);
        nn_permutation p = permutation(o, 1 + buffer, end - start);
        for (; i < count && from + (int64_t)i < end; i++)
            locate_in(o, &p, buffer, from + (int64_t)i - start, &out[i]);
    }
}
