#include "data/loader/loader.h"

#include "base/log.h"
#include "base/system/limits.h"
#include "data/loader/inner.h"
#include "data/output.h"

#include <inttypes.h>
#include <math.h>

#define AHEAD_BYTES ((size_t)2 << 20) /* of minibatches that wait */

/* Half of what this process may take. */
static uint64_t share_of_memory(int sharers) {
    double share = nn_memory_of_node("", NULL) / (sharers > 0 ? sharers : 1);
    double most = fmin(share, nn_memory_of_process()) / 2;

    return most < (double)INT64_MAX ? (uint64_t)most : UINT64_MAX;
}

/* Most rows of this rank's shard in minibatches of up to batch_size. */
static int64_t most_rows(const nn_loader *l) {
    int64_t rows = (l->batch_size + l->spec.passes - 1) / l->spec.passes;
    const nn_shards *shards = l->spec.shards;

    return l->spec.passes * (shards ? (int64_t)nn_shards_most(shards, (size_t)rows) : rows);
}

static int plan_batches(nn_loader *l) {
    int64_t samples = l->split->samples;
    int size = l->spec.shards ? (int)l->spec.shards->holders : 1;

    l->spec.passes = l->spec.passes ? l->spec.passes : 1;
    l->batch_size = l->spec.batch_size;
    l->shard_max = (size_t)l->batch_size;
    if (l->spec.supplied)
        return NN_OK;
    if (l->batch_size < 0 || l->spec.rank < 0 || l->spec.rank >= size)
        return nn_fail(NN_EUSAGE,
                       "no such minibatch or shard: batch size %" PRId64 ", rank %d of %d",
                       l->batch_size, l->spec.rank, size);
    if (l->batch_size > samples && l->spec.shuffle)
        return nn_fail(NN_EUSAGE,
                       "train.batch_size %" PRId64 " is larger than the %" PRId64
                       " samples of '%s'",
                       l->batch_size, samples, l->split->name);
    if (l->batch_size == 0 || l->batch_size > samples)
        l->batch_size = samples;
    l->batches = samples / l->batch_size;
    if (samples % l->batch_size && !l->spec.drop_last)
        l->batches++;
    l->shard_max = (size_t)most_rows(l);
    return NN_OK;
}

/* All of it in memory, or in a shuffle buffer, or row by row in the file. */
static int place_field(nn_loader *l, nn_field_reader *c) {
    uint64_t bytes = nn_field_reader_bytes(c);
    char path[NN_FIELD_PATH];

    if (c->there || l->spec.supplied)
        return NN_OK;
    if (bytes <= l->memory_left) {
        l->memory_left -= bytes;
        c->in_memory = true;
        return NN_OK;
    }
    if (l->spec.shuffle_buffer && l->spec.shuffle) {
        l->in_buffer[l->buffered++] = c;
        return NN_OK;
    }
    if (l->spec.shuffle)
        nn_warn("%s: %s takes %" PRIu64 " MiB, more than the %" PRIu64
                " MiB left for data: its rows are read from the file for each minibatch, which is "
                "slow; give data.memory, and they are shuffled in a buffer of that size",
                l->spec.dataset->path, nn_field_path(l->split->name, c->name, path), bytes >> 20,
                l->memory_left >> 20);
    return NN_NEW(&c->piece, l->shard_max * c->row_bytes, "rows of a minibatch");
}

static int open_field(nn_loader *l, nn_field_reader *c, char name) {
    NN_TRY(nn_field_reader_init(c, l->spec.dataset, l->split, name, &l->pool));
    c->indices = name == 'x' ? l->spec.indices : NULL;
    l->reader[l->readers++] = c;
    return place_field(l, c);
}

/* The small arrays first: they stay in memory when only x is too large. */
static int open_fields(nn_loader *l) {
    if (l->weights)
        NN_TRY(open_field(l, &l->w, 'w'));
    if (l->lengths)
        NN_TRY(open_field(l, &l->length, NN_FIELD_LENGTH));
    if (l->labels || l->values)
        NN_TRY(open_field(l, &l->y, 'y'));
    return open_field(l, &l->x, 'x');
}

/* Pixels beyond the edge of an image are what a stored 0 becomes. */
static int allocate_augment(nn_loader *l) {
    const nn_augment *augment = &l->spec.dataset->augment;
    unsigned char *zeros = NULL;

    if (!l->spec.training || augment->count == 0)
        return NN_OK;
    NN_TRY(NN_NEW(&l->fill, l->x.convert.width, "augmentation"));
    if (augment->moves)
        NN_TRY(NN_NEW(&l->x_plain, l->shard_max * l->x.convert.width, "augmentation"));
    NN_TRY(NN_NEW(&zeros, l->x.row_bytes, "augmentation"));
    nn_converter_apply(&l->x.convert, 1, zeros, l->fill);
    nn_free(zeros);
    return NN_OK;
}

static int allocate_batch(const nn_loader *l, nn_batch_memory *m) {
    size_t n = l->shard_max;

    NN_TRY(NN_NEW(&m->sample, n, "minibatch"));
    NN_TRY(NN_NEW(&m->pass, (size_t)l->spec.passes + 1, "minibatch"));
    NN_TRY(NN_NEW(&m->x, n * l->x.convert.width, "minibatch"));
    if (l->labels)
        NN_TRY(NN_NEW(&m->label, n * l->positions, "minibatch"));
    if (l->positions > 1)
        NN_TRY(NN_NEW(&m->position, n * l->positions, "minibatch"));
    if (l->positions > 1 && l->weights)
        NN_TRY(NN_NEW(&m->position_weight, n * l->positions, "minibatch"));
    if (l->values)
        NN_TRY(NN_NEW(&m->value, n * l->y.convert.width, "minibatch"));
    if (l->weights)
        NN_TRY(NN_NEW(&m->weight, n, "minibatch"));
    if (l->lengths)
        NN_TRY(NN_NEW(&m->length, n, "minibatch"));
    return NN_OK;
}

/* As many minibatches ahead as stay in a processor's cache. */
static void plan_depth(nn_loader *l) {
    size_t width = l->x.convert.width + (l->values ? l->y.convert.width : 0);
    size_t depth = AHEAD_BYTES / (l->shard_max * width * sizeof(nn_real));

    l->depth = depth > NN_PREFETCH_MAX_DEPTH ? NN_PREFETCH_MAX_DEPTH : depth < 2 ? 2 : (int)depth;
    if (!l->spec.prefetch)
        l->depth = 1;
}

static int allocate(nn_loader *l) {
    plan_depth(l);
    NN_TRY(NN_NEW(&l->location, l->shard_max, "minibatch"));
    NN_TRY(NN_NEW(&l->buffer_row, l->shard_max, "minibatch"));
    NN_TRY(allocate_augment(l));
    for (int i = 0; i < l->depth; i++)
        NN_TRY(allocate_batch(l, &l->memory[i]));
    return NN_OK;
}

static int open_split(nn_loader *l) {
    NN_TRY(nn_dataset_find(l->spec.dataset, l->spec.split, &l->split));
    if (!l->split->has_y && !l->spec.x_only)
        return nn_fail(NN_EFORMAT, "%s: /%s has x but no y to compare with", l->spec.dataset->path,
                       l->split->name);
    NN_TRY(plan_batches(l));
    l->memory_left = l->spec.memory_limit;
    if (!l->memory_left)
        l->memory_left = share_of_memory(l->spec.sharers);
    l->labels = !l->spec.x_only && nn_split_has_labels(l->split);
    l->values = !l->spec.x_only && !l->labels;
    l->positions = l->labels ? nn_split_positions(l->split) : 1;
    l->weights = !l->spec.x_only && l->split->has_w;
    l->lengths = l->split->has_length;
    NN_TRY(open_fields(l));
    NN_TRY(nn_loader_open_streams(l));
    return allocate(l);
}

/* What a field takes where several stand in one piece of memory. */
static size_t padded_bytes(const nn_field_reader *c) {
    return c->in_memory ? nn_align_count((size_t)nn_field_reader_bytes(c), 1) : 0;
}

size_t nn_loader_bytes(const nn_loader *l) {
    size_t bytes = 0;

    for (size_t i = 0; i < l->readers; i++)
        bytes += padded_bytes(l->reader[i]);
    return bytes;
}

static int give_memory(nn_field_reader *c, unsigned char *memory) {
    c->borrowed = memory != NULL;
    c->stored = memory;
    if (!memory)
        return NN_NEW(&c->stored, (size_t)nn_field_reader_bytes(c), "samples");
    return NN_OK;
}

int nn_loader_fill(nn_loader *l, void *memory, int part, int parts) {
    int64_t first = nn_even_begin(l->split->samples, parts, part);
    int64_t end = nn_even_begin(l->split->samples, parts, part + 1);
    unsigned char *next = memory;

    for (size_t i = 0; i < l->readers; i++) {
        nn_field_reader *c = l->reader[i];
        if (c->in_memory)
            NN_TRY(give_memory(c, next));
        if (next)
            next += padded_bytes(c);
        if (end > first)
            NN_TRY(nn_field_reader_scan(c, first, end - first));
    }
    return NN_OK;
}

int nn_loader_attach(nn_loader *l, const void *memory) {
    const unsigned char *next = memory;

    for (size_t i = 0; i < l->readers; i++) {
        nn_field_reader *c = l->reader[i];
        if (c->in_memory)
            c->there = next;
        next += padded_bytes(c);
        NN_TRY(nn_field_reader_scan(c, 0, l->split->samples));
    }
    return NN_OK;
}

static int start_thread(nn_loader *l) {
    const nn_prefetch_ops ops = {nn_loader_make, nn_loader_after,
                                 l->buffered ? nn_loader_read_ahead : NULL};

    return l->depth > 1 ? nn_prefetch_new(&ops, l, l->depth, &l->prefetch) : NN_OK;
}

int nn_loader_new(const nn_loader_spec *spec, nn_loader **out) {
    nn_loader *l = NULL;
    int rc;

    *out = NULL;
    NN_TRY(NN_NEW(&l, 1, "loader"));
    l->spec = *spec;
    l->chosen.epoch = -1;
    rc = open_split(l);
    if (rc >= 0 && !spec->shared)
        rc = nn_loader_fill(l, NULL, 0, 1);
    if (rc >= 0)
        rc = start_thread(l);
    if (rc < 0) {
        nn_loader_free(l);
        return nn_error_frame(rc, __func__);
    }
    *out = l;
    return NN_OK;
}

static void free_batch(nn_batch_memory *m) {
    nn_free(m->sample);
    nn_free(m->pass);
    nn_free(m->x);
    nn_free(m->value);
    nn_free(m->weight);
    nn_free(m->label);
    nn_free(m->length);
    nn_free(m->position);
    nn_free(m->position_weight);
}

void nn_loader_free(nn_loader *l) {
    if (!l)
        return;
    nn_prefetch_free(l->prefetch);
    nn_field_reader_release(&l->x);
    nn_field_reader_release(&l->y);
    nn_field_reader_release(&l->w);
    nn_field_reader_release(&l->length);
    for (int i = 0; i < l->depth; i++)
        free_batch(&l->memory[i]);
    nn_free(l->x_plain);
    nn_free(l->fill);
    nn_free(l->location);
    nn_free(l->drawn);
    nn_free(l->occurrence);
    nn_free(l->buffer_row);
    nn_pool_release(&l->pool);
    nn_free(l);
}

int64_t nn_loader_samples(const nn_loader *l) {
    return l->split->samples;
}

int64_t nn_loader_batches(const nn_loader *l) {
    return l->batches;
}

int64_t nn_loader_shuffle_buffer(const nn_loader *l) {
    int64_t samples = 0;

    if (!l->spec.shuffle)
        return 1;
    for (size_t k = 0; l->buffered && k < l->streams; k++)
        samples += l->stream[k].order.chunk * l->stream[k].order.buffer;
    return samples;
}

size_t nn_loader_passes(const nn_loader *l, int64_t samples, double passes[NN_MAX_PARTS]) {
    for (size_t k = 0; k < l->mixture.parts; k++)
        passes[k] =
            (double)nn_mixture_count(&l->mixture, k, samples) / (double)l->stream[k].order.samples;
    return l->mixture.parts;
}

void nn_loader_rest(nn_loader *l) {
    if (l->prefetch)
        nn_prefetch_rest(l->prefetch);
}

void nn_loader_forget(nn_loader *l) {
    if (l->prefetch)
        nn_prefetch_forget(l->prefetch);
    l->chosen.epoch = -1;
}
