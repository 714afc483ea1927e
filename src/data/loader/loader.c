#include "data/loader/loader.h"

#include "base/limits.h"
#include "base/log.h"
#include "data/loader/prefetch.h"
#include "data/loader/shuffle_buffer.h"
#include "data/output.h"

#include <inttypes.h>
#include <math.h>

#define AHEAD_BYTES ((size_t)2 << 20)      /* of minibatches that wait */
#define FETCH_BYTES ((size_t)512 * 1024)   /* of the next minibatch, into a processor's cache */
#define MIN_CHUNKS 8                       /* of a window */
#define CHUNK_BYTES ((uint64_t)256 * 1024) /* read at once where windows are */

/* Memory of one minibatch. */
typedef struct shard {
    nn_batch batch;
    int64_t *sample;             /* [shard_max] */
    size_t *pass;                /* [passes + 1] */
    nn_real *x, *value, *weight; /* [shard_max][row] */
    int32_t *label, *length;
    nn_real *position_weight; /* [shard_max][positions]: that of the sample */
    int64_t *position;        /* [shard_max][positions] index among those of the split */
} shard;

struct nn_loader {
    nn_loader_spec spec;
    const nn_split *split;
    nn_pool pool;
    int64_t batch_size, batches;
    size_t shard_max;
    uint64_t memory_left;
    bool labels, values, weights, lengths;
    size_t positions; /* labels a sample */
    nn_field_reader x, y, w, length;
    size_t columns;
    nn_field_reader *column[NN_MAX_COLUMNS]; /* those in use */
    nn_order order;
    nn_shuffle_buffer windows;
    int64_t window;          /* number of the last one in use */
    nn_prefetch_task chosen; /* the minibatch that `place` is about */
    nn_order_place *place;   /* [shard_max] */
    int64_t *slot;           /* [shard_max] its rows in the windows' memory */
    nn_real *x_plain;        /* before augmentation; NULL: nothing moves pixels */
    nn_real *fill;           /* [row] what a stored 0 becomes; NULL: no augmentation */
    int places;              /* 1 without a thread */
    shard shard[NN_MAX_PLACES];
    nn_prefetch *prefetch; /* NULL: no thread */
};

/* Half of what this process may take. */
static uint64_t share_of_memory(int sharers) {
    double share = nn_memory_of_node("", NULL) / (sharers > 0 ? sharers : 1);
    double most = fmin(share, nn_memory_of_process()) / 2;

    return most < (double)INT64_MAX ? (uint64_t)most : UINT64_MAX;
}

/* First row of a shard in a minibatch of `global` rows. */
static int64_t shard_begin(const nn_loader *l, int64_t global, int64_t rank) {
    int64_t size = l->spec.size, parts = l->spec.parts;

    return parts ? nn_part_begin(global, parts, nn_part_begin(parts, size, rank))
                 : nn_part_begin(global, size, rank);
}

/* Most rows of this rank's shard in minibatches of up to batch_size. */
static int64_t most_rows(const nn_loader *l) {
    int64_t size = l->spec.size, rank = l->spec.rank, parts = l->spec.parts;
    int64_t of = parts ? parts : size;
    int64_t own = nn_part_begin(of, size, rank + 1) - nn_part_begin(of, size, rank);
    int64_t rows = (l->batch_size + l->spec.passes - 1) / l->spec.passes;

    return l->spec.passes * ((rows * own + of - 1) / of);
}

static int plan_batches(nn_loader *l) {
    int64_t samples = l->split->samples, size = l->spec.size;

    l->spec.passes = l->spec.passes ? l->spec.passes : 1;
    l->batch_size = l->spec.batch_size;
    if (l->batch_size < 0 || size < 1 || l->spec.rank < 0 || l->spec.rank >= size)
        return nn_fail(NN_EUSAGE,
                       "no such minibatch or shard: batch size %" PRId64 ", rank %d of %d",
                       l->batch_size, l->spec.rank, l->spec.size);
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

/* All of it in memory, or in windows, or row by row in the file. */
static int place_column(nn_loader *l, nn_field_reader *c) {
    uint64_t bytes = nn_field_reader_bytes(c);
    char path[NN_FIELD_PATH];

    if (bytes <= l->memory_left) {
        l->memory_left -= bytes;
        c->in_memory = true;
        return NN_OK;
    }
    if (l->spec.windows && l->spec.shuffle) {
        l->windows.column[l->windows.columns++] = c;
        return NN_OK;
    }
    if (l->spec.shuffle)
        nn_warn("%s: %s takes %" PRIu64 " MiB, more than the %" PRIu64
                " MiB left for data: its rows are read from the file for each minibatch, which is "
                "slow; give data.memory, and they are shuffled in windows of that size",
                l->spec.dataset->path, nn_field_path(l->split->name, c->name, path), bytes >> 20,
                l->memory_left >> 20);
    return NN_NEW(&c->piece, l->shard_max * c->row_bytes, "rows of a minibatch");
}

static int open_column(nn_loader *l, nn_field_reader *c, char name) {
    NN_TRY(nn_field_reader_init(c, l->spec.dataset, l->split, name, &l->pool));
    c->vocabulary = name == 'x' ? l->spec.vocabulary : 0;
    l->column[l->columns++] = c;
    return place_column(l, c);
}

/* The small arrays first: they stay in memory when only x is too large. */
static int open_columns(nn_loader *l) {
    if (l->weights)
        NN_TRY(open_column(l, &l->w, 'w'));
    if (l->lengths)
        NN_TRY(open_column(l, &l->length, NN_FIELD_LENGTH));
    if (l->labels || l->values)
        NN_TRY(open_column(l, &l->y, 'y'));
    return open_column(l, &l->x, 'x');
}

static int64_t at_most(uint64_t a, int64_t b) {
    return a < (uint64_t)b ? (int64_t)a : b;
}

/* Two windows take the memory that is left. A minibatch reaches over two windows at most, for even
 * the one with the short chunk is no smaller. */
static int plan_windows(nn_loader *l) {
    int64_t samples = l->split->samples, most, chunk;
    uint64_t row_bytes = 0;

    nn_order_init(&l->order, l->spec.seed, l->spec.shuffle, samples, samples, 1);
    if (l->windows.columns == 0)
        return NN_OK;
    for (size_t i = 0; i < l->windows.columns; i++)
        row_bytes += l->windows.column[i]->row_bytes;
    most = at_most(l->memory_left / 2 / row_bytes, samples);
    chunk = at_most(CHUNK_BYTES / row_bytes + 1, most / MIN_CHUNKS + 1);
    if (most - 2 * chunk < l->batch_size)
        return nn_fail(NN_EUSAGE,
                       "data.memory = %.4g MiB leaves room for two windows of %" PRId64
                       " samples, but they must be larger than a minibatch of %" PRId64,
                       (double)l->spec.memory_limit / 1048576, most, l->batch_size);
    nn_order_init(&l->order, l->spec.seed, true, samples, chunk, most / chunk);
    return nn_shuffle_buffer_init(&l->windows, &l->order);
}

/* The rows of nothing are what lies beyond the edge of an image. */
static int allocate_augment(nn_loader *l) {
    const nn_augment *augment = &l->spec.dataset->augment;
    unsigned char *nothing = NULL;

    if (!l->spec.training || augment->count == 0)
        return NN_OK;
    NN_TRY(NN_NEW(&l->fill, l->x.convert.width, "augmentation"));
    if (augment->moves)
        NN_TRY(NN_NEW(&l->x_plain, l->shard_max * l->x.convert.width, "augmentation"));
    NN_TRY(NN_NEW(&nothing, l->x.row_bytes, "augmentation"));
    nn_converter_apply(&l->x.convert, 1, nothing, l->fill);
    nn_free(nothing);
    return NN_OK;
}

static int allocate_shard(const nn_loader *l, shard *s) {
    size_t n = l->shard_max;

    NN_TRY(NN_NEW(&s->sample, n, "minibatch"));
    NN_TRY(NN_NEW(&s->pass, (size_t)l->spec.passes + 1, "minibatch"));
    NN_TRY(NN_NEW(&s->x, n * l->x.convert.width, "minibatch"));
    if (l->labels)
        NN_TRY(NN_NEW(&s->label, n * l->positions, "minibatch"));
    if (l->positions > 1)
        NN_TRY(NN_NEW(&s->position, n * l->positions, "minibatch"));
    if (l->positions > 1 && l->weights)
        NN_TRY(NN_NEW(&s->position_weight, n * l->positions, "minibatch"));
    if (l->values)
        NN_TRY(NN_NEW(&s->value, n * l->y.convert.width, "minibatch"));
    if (l->weights)
        NN_TRY(NN_NEW(&s->weight, n, "minibatch"));
    if (l->lengths)
        NN_TRY(NN_NEW(&s->length, n, "minibatch"));
    return NN_OK;
}

/* As many minibatches ahead as stay in a processor's cache. */
static void plan_places(nn_loader *l) {
    size_t width = l->x.convert.width + (l->values ? l->y.convert.width : 0);
    size_t places = AHEAD_BYTES / (l->shard_max * width * sizeof(nn_real));

    l->places = places > NN_MAX_PLACES ? NN_MAX_PLACES : places < 2 ? 2 : (int)places;
    if (!l->spec.prefetch)
        l->places = 1;
}

static int allocate(nn_loader *l) {
    plan_places(l);
    NN_TRY(NN_NEW(&l->place, l->shard_max, "minibatch"));
    NN_TRY(NN_NEW(&l->slot, l->shard_max, "minibatch"));
    NN_TRY(allocate_augment(l));
    for (int i = 0; i < l->places; i++)
        NN_TRY(allocate_shard(l, &l->shard[i]));
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
    NN_TRY(open_columns(l));
    NN_TRY(plan_windows(l));
    return allocate(l);
}

/* What a column takes where several stand in one piece of memory. */
static size_t padded_bytes(const nn_field_reader *c) {
    return c->in_memory ? ((size_t)nn_field_reader_bytes(c) + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN
                        : 0;
}

size_t nn_loader_bytes(const nn_loader *l) {
    size_t bytes = 0;

    for (size_t i = 0; i < l->columns; i++)
        bytes += padded_bytes(l->column[i]);
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
    int64_t first = nn_part_begin(l->split->samples, parts, part);
    int64_t end = nn_part_begin(l->split->samples, parts, part + 1);
    unsigned char *next = memory;

    for (size_t i = 0; i < l->columns; i++) {
        nn_field_reader *c = l->column[i];
        if (c->in_memory)
            NN_TRY(give_memory(c, next));
        if (next)
            next += padded_bytes(c);
        if (end > first)
            NN_TRY(nn_field_reader_scan(c, first, end - first));
    }
    return NN_OK;
}

static int make(void *ctx, const nn_prefetch_task *job, int place);
static nn_prefetch_task after(void *ctx, const nn_prefetch_task *job);
static bool read_ahead(void *ctx);

static int start_thread(nn_loader *l) {
    const nn_prefetch_ops ops = {make, after, l->windows.columns ? read_ahead : NULL};

    return l->places > 1 ? nn_prefetch_new(&ops, l, l->places, &l->prefetch) : NN_OK;
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

static void free_shard(shard *s) {
    nn_free(s->sample);
    nn_free(s->pass);
    nn_free(s->x);
    nn_free(s->value);
    nn_free(s->weight);
    nn_free(s->label);
    nn_free(s->length);
    nn_free(s->position);
    nn_free(s->position_weight);
}

void nn_loader_free(nn_loader *l) {
    if (!l)
        return;
    nn_prefetch_free(l->prefetch);
    nn_field_reader_release(&l->x);
    nn_field_reader_release(&l->y);
    nn_field_reader_release(&l->w);
    nn_field_reader_release(&l->length);
    for (int i = 0; i < l->places; i++)
        free_shard(&l->shard[i]);
    nn_free(l->x_plain);
    nn_free(l->fill);
    nn_free(l->place);
    nn_free(l->slot);
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
    return l->windows.columns ? l->order.chunk * l->order.window : 0;
}

/* ---- one minibatch -------------------------------------------------------------------------- */

static int64_t batch_begin(const nn_loader *l, int64_t index) {
    int64_t from = index * l->batch_size;

    return from < l->split->samples ? from : l->split->samples;
}

/* This rank's share of each pass over a minibatch; `pass` NULL: not wanted. Returns how many rows.
 */
static size_t choose_places(nn_loader *l, const nn_prefetch_task *job, size_t *pass) {
    int64_t from = batch_begin(l, job->index), global = batch_begin(l, job->index + 1) - from;
    bool chosen = l->chosen.epoch == job->epoch && l->chosen.index == job->index;
    size_t count = 0;

    nn_order_begin(&l->order, job->epoch);
    for (int64_t i = 0; i < l->spec.passes; i++) {
        int64_t begin = nn_part_begin(global, l->spec.passes, i);
        int64_t rows = nn_part_begin(global, l->spec.passes, i + 1) - begin;
        int64_t first = shard_begin(l, rows, l->spec.rank);
        size_t own = (size_t)(shard_begin(l, rows, l->spec.rank + 1) - first);
        if (!chosen)
            nn_order_places(&l->order, from + begin + first, own, l->place + count);
        if (pass)
            pass[i] = count;
        count += own;
    }
    if (pass)
        pass[l->spec.passes] = count;
    l->chosen = *job;
    return count;
}

/* Which samples these are, and where their rows stand in the windows. */
static int find_samples(nn_loader *l, int64_t epoch, size_t count, int64_t *sample) {
    for (size_t i = 0; i < count; i++)
        sample[i] = l->place[i].sample;
    for (size_t i = 0; l->windows.columns && i < count; i++) {
        int64_t number = epoch * l->order.windows + l->place[i].window;
        NN_TRY(nn_shuffle_buffer_need(&l->windows, number));
        l->slot[i] = nn_shuffle_buffer_index(&l->windows, number, l->place[i].row);
        l->window = number;
    }
    return NN_OK;
}

static const int64_t *index_of(const nn_loader *l, const nn_field_reader *c, const shard *s) {
    return c->window ? l->slot : s->sample;
}

static int gather(nn_loader *l, const nn_field_reader *c, const shard *s, nn_real *out) {
    return nn_field_reader_floats(c, index_of(l, c, s), s->batch.count, out);
}

static int gather_integers(nn_loader *l, const nn_field_reader *c, const shard *s, int32_t *out) {
    return nn_field_reader_integers(c, index_of(l, c, s), s->batch.count, out);
}

/* Weight and index of each position; those beyond the end of a sequence are ignored. */
static void spread_positions(const nn_loader *l, shard *s) {
    size_t positions = l->positions;
    bool steps = nn_split_masks_labels(l->split);

    for (size_t i = 0; positions > 1 && i < s->batch.count; i++) {
        for (size_t p = 0, k = i * positions; p < positions; p++, k++) {
            s->position[k] = s->sample[i] * (int64_t)positions + (int64_t)p;
            if (l->weights)
                s->position_weight[k] = s->weight[i];
            if (steps && p >= (size_t)s->length[i])
                s->label[k] = -1;
        }
    }
}

static nn_target target_of(const nn_loader *l, const shard *s) {
    bool many = l->positions > 1;

    return (nn_target){.label = s->label,
                       .value = s->value,
                       .width = l->values ? l->y.convert.width : 0,
                       .weight = many ? s->position_weight : s->weight,
                       .sample = many ? s->position : s->sample};
}

static int gather_x(nn_loader *l, shard *s, int64_t epoch) {
    nn_augment_batch batch = {.augment = &l->spec.dataset->augment,
                              .x = nn_channels_last(l->split->x.shape),
                              .seed = l->spec.seed,
                              .epoch = epoch,
                              .sample = s->sample,
                              .fill = l->fill,
                              .in = l->x_plain,
                              .out = s->x,
                              .compute = l->prefetch ? NULL : l->spec.compute};

    NN_TRY(gather(l, &l->x, s, l->x_plain ? l->x_plain : s->x));
    if (l->fill)
        nn_augment_apply(&batch, s->batch.count);
    return NN_OK;
}

static int gather_all(nn_loader *l, shard *s, int64_t epoch) {
    NN_TRY(gather_x(l, s, epoch));
    if (l->labels)
        NN_TRY(gather_integers(l, &l->y, s, s->label));
    if (l->lengths)
        NN_TRY(gather_integers(l, &l->length, s, s->length));
    if (l->values)
        NN_TRY(gather(l, &l->y, s, s->value));
    if (l->weights)
        NN_TRY(gather(l, &l->w, s, s->weight));
    spread_positions(l, s);
    return NN_OK;
}

static int make(void *ctx, const nn_prefetch_task *job, int place) {
    nn_loader *l = ctx;
    shard *s = &l->shard[place];
    int64_t global = batch_begin(l, job->index + 1) - batch_begin(l, job->index);

    s->batch = (nn_batch){.count = choose_places(l, job, s->pass),
                          .pass = s->pass,
                          .global = global,
                          .x = s->x,
                          .target = target_of(l, s),
                          .positions = l->positions,
                          .length = s->length,
                          .sample = s->sample};
    NN_TRY(find_samples(l, job->epoch, s->batch.count, s->sample));
    return gather_all(l, s, job->epoch);
}

static nn_prefetch_task after(void *ctx, const nn_prefetch_task *job) {
    const nn_loader *l = ctx;
    bool last = job->index + 1 == l->batches;

    return (nn_prefetch_task){job->epoch + last, last ? 0 : job->index + 1};
}

/* A piece of the window after the last one in use; it takes the place of the one before. */
static bool read_ahead(void *ctx) {
    nn_loader *l = ctx;
    bool more;

    return nn_shuffle_buffer_read(&l->windows, l->window + 1, &more) >= 0 && more;
}

/* Without a thread: the rows of the next minibatch come while this one is computed. */
static void fetch_ahead(nn_loader *l, const nn_prefetch_task *job) {
    nn_prefetch_task next = after(l, job);
    size_t most = FETCH_BYTES / l->x.row_bytes;

    if (!l->spec.shuffle || next.epoch != job->epoch || l->windows.columns > 0)
        return;
    size_t count = choose_places(l, &next, NULL);
    for (size_t i = 0; i < count && i < most; i++)
        nn_field_reader_fetch(&l->x, l->place[i].sample);
}

int nn_loader_batch(nn_loader *l, int64_t epoch, int64_t index, nn_batch *batch) {
    nn_prefetch_task job = {epoch, index};
    int place = 0;

    if (l->prefetch) {
        NN_TRY(nn_prefetch_take(l->prefetch, &job, &place));
    } else {
        NN_TRY(make(l, &job, place));
        fetch_ahead(l, &job);
    }
    *batch = l->shard[place].batch;
    return NN_OK;
}

void nn_loader_rest(nn_loader *l) {
    if (l->prefetch)
        nn_prefetch_rest(l->prefetch);
}
