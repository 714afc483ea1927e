/* In which orders a loader goes through its split: one for all samples, or one for each part of a
 * mixture; and how the memory for shuffle buffers is divided among them. */
#include "data/loader/inner.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MIN_CHUNKS 8                       /* of a shuffle buffer */
#define CHUNK_BYTES ((uint64_t)256 * 1024) /* read at once for it */

static void add_stream(nn_loader *l, int64_t first, int64_t samples, double weight) {
    nn_loader_stream *s = &l->stream[l->streams];
    uint64_t seed = l->mixture.parts ? nn_mix64(l->spec.seed) + l->streams : l->spec.seed;

    *s = (nn_loader_stream){.first = first, .weight = weight, .buffer = -1};
    nn_order_init(&s->order, seed, l->spec.shuffle, samples, samples, 1);
    l->streams++;
}

/* One of the whole split, or where training mixes parts with weights one of each. */
static int plan_streams(nn_loader *l) {
    const nn_dataset *ds = l->spec.dataset;
    bool mixes = l->spec.training && ds->parts > 0 && ds->part[0].weight > 0;
    double *weight = nn_pool_alloc(&l->pool, (ds->parts + 1) * sizeof *weight);
    int64_t first = 0;

    l->stream = nn_pool_alloc(&l->pool, (ds->parts + 1) * sizeof *l->stream);
    if (!l->stream || !weight)
        return NN_EMEMORY;
    if (!mixes) {
        add_stream(l, 0, l->split->samples, 1);
        return NN_OK;
    }
    for (size_t k = 0; k < ds->parts; k++)
        weight[k] = ds->part[k].weight;
    NN_TRY(nn_mixture_init(&l->mixture, weight, ds->parts, &l->pool));
    for (size_t k = 0; k < ds->parts; k++) {
        int64_t samples = nn_dataset_split(ds->part[k].ds, l->split->name)->samples;
        add_stream(l, first, samples, weight[k]);
        first += samples;
    }
    NN_TRY(NN_NEW(&l->occurrence, l->shard_max, "minibatch"));
    return NN_NEW(&l->drawn, l->shard_max, "minibatch");
}

static int64_t at_most(uint64_t a, int64_t b) {
    return a < (uint64_t)b ? (int64_t)a : b;
}

/* Samples of a stream in a minibatch, at most. */
static int64_t rows_of(const nn_loader *l, const nn_loader_stream *s) {
    int64_t rows = (int64_t)ceil(s->weight * (double)l->batch_size) + (int64_t)l->streams;

    return l->streams > 1 && rows < l->batch_size ? rows : l->batch_size;
}

/* Passes over a part follow each other within a minibatch, so that the last buffer of a pass, which
 * has what is left, has to be as large as what a minibatch takes of it, too. Makes chunk and buffer
 * smaller until it is. */
static bool even_buffers(int64_t samples, int64_t rows, int64_t most, int64_t *chunk,
                         int64_t *buffer) {
    for (; *chunk > 0; --*chunk) {
        int64_t chunks = (samples + *chunk - 1) / *chunk;
        for (*buffer = most / *chunk; (*buffer - 2) * *chunk >= rows; --*buffer)
            if ((chunks - 1) % *buffer * *chunk >= rows)
                return true;
    }
    return false;
}

/* Two shuffle buffers, that in use and the next one, take `room` samples. A minibatch reaches over
 * two at most, for even the one with the short chunk is no smaller. */
static int buffer_stream(nn_loader *l, nn_loader_stream *s, uint64_t room, uint64_t row_bytes) {
    int64_t samples = s->order.samples, rows = rows_of(l, s);
    int64_t most = at_most(room / 2, samples);
    int64_t chunk = at_most(CHUNK_BYTES / row_bytes + 1, most / MIN_CHUNKS + 1);
    int64_t buffer = most / chunk;

    if (most - 2 * chunk < rows ||
        (l->streams > 1 && !even_buffers(samples, rows, most, &chunk, &buffer)))
        return nn_fail(NN_EUSAGE,
                       "data.memory = %.4g MiB leaves room for two shuffle buffers of %" PRId64
                       " samples%s, but they must be larger than a minibatch of %" PRId64,
                       (double)l->spec.memory_limit / 1048576, most,
                       l->streams > 1 ? " of a file" : "", rows);
    nn_order_init(&s->order, s->order.seed, true, samples, chunk, buffer);
    return NN_OK;
}

/* The memory that is left is divided by weight. Parts that fit into their share are kept as a
 * whole, and leave what they do not need to the others. */
static int divide_memory(nn_loader *l, uint64_t row_bytes) {
    uint64_t rows = l->memory_left / row_bytes;
    double left = (double)rows, weight = 1;
    bool whole[NN_MAX_PARTS] = {false}, again = l->streams > 1;

    while (again) {
        again = false;
        for (size_t k = 0; k < l->streams; k++) {
            const nn_loader_stream *s = &l->stream[k];
            if (whole[k] || (double)s->order.samples > left * s->weight / weight)
                continue;
            whole[k] = again = true;
            left -= (double)s->order.samples;
            weight -= s->weight;
        }
    }
    for (size_t k = 0; k < l->streams; k++) {
        nn_loader_stream *s = &l->stream[k];
        double room = left * s->weight / weight;
        if (!whole[k])
            NN_TRY(buffer_stream(l, s, (uint64_t)room, row_bytes));
    }
    return NN_OK;
}

static int open_buffers(nn_loader *l) {
    int64_t rows = 0;

    for (size_t k = 0; k < l->streams; k++) {
        nn_shuffle_buffer *b = &l->stream[k].shuffle;
        nn_shuffle_buffer_init(b, &l->stream[k].order);
        b->first = l->stream[k].first;
        b->begin = rows;
        b->readers = l->buffered;
        memcpy(b->reader, l->in_buffer, sizeof b->reader);
        rows += nn_shuffle_buffer_rows(b);
    }
    for (size_t i = 0; i < l->buffered; i++) {
        nn_field_reader *c = l->in_buffer[i];
        NN_TRY(NN_NEW(&c->buffer, (size_t)rows * c->row_bytes, "shuffle buffers"));
    }
    return NN_OK;
}

int nn_loader_open_streams(nn_loader *l) {
    uint64_t row_bytes = 0;

    if (l->spec.supplied)
        return NN_OK;
    NN_TRY(plan_streams(l));
    if (l->buffered == 0)
        return NN_OK;
    for (size_t i = 0; i < l->buffered; i++)
        row_bytes += l->in_buffer[i]->row_bytes;
    NN_TRY(divide_memory(l, row_bytes));
    return open_buffers(l);
}
