#include "data/loader.h"

#include "base/rng.h"
#include "data/convert.h"
#include "data/normalize.h"
#include "data/output.h"
#include "math/kernels.h"

#include <nnmpi/log.h>

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

#define PREFETCH_ROWS 4                   /* how far ahead: twice as fast for MNIST */
#define PREFETCH_BYTES ((size_t)4 * 1024) /* longer rows the processor fetches by itself */

/* One array of the split, in memory as stored or left in the file. */
typedef struct column {
    char name; /* 'x', 'y', 'w', NN_FIELD_LENGTH */
    size_t row_bytes;
    unsigned char *stored; /* [samples][row_bytes]; NULL: in the file */
    unsigned char *piece;  /* in the file: [shard_max][row_bytes] to read into */
    nn_converter convert;
} column;

struct nn_loader {
    nn_loader_spec spec;
    const nn_split *split;
    nn_pool pool;
    int64_t batch_size, batches;
    size_t shard_max;
    uint64_t memory_left;
    bool labels, values, weights, lengths;
    column x, y, w, length;
    nn_real *x_out, *value_out, *weight_out; /* [shard_max][row] */
    nn_real *x_plain; /* before augmentation; x_out when nothing moves pixels */
    nn_real *fill;    /* [row] what a stored 0 becomes; NULL: no augmentation */
    int32_t *label_out, *length_out;
    int64_t *sample;
    size_t *pass;             /* [passes + 1] */
    size_t positions;         /* labels a sample; with more than 1: ... */
    nn_real *position_weight; /* [shard_max][positions]: that of the sample */
    int64_t *position;        /* [shard_max][positions] index among those of the split */
};

static uint64_t share_of_memory(int sharers) {
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    uint64_t parts = 2 * (uint64_t)(sharers > 0 ? sharers : 1);

    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes / parts : UINT64_MAX;
}

/* First row of a shard in a minibatch of `global` rows. */
static int64_t shard_begin(const nn_loader *l, int64_t global, int64_t rank) {
    int64_t size = l->spec.size, parts = l->spec.parts;

    return parts ? nn_part_begin(global, parts, parts * rank / size) : global * rank / size;
}

/* Most rows of this rank's shard in minibatches of up to batch_size. */
static int64_t most_rows(const nn_loader *l) {
    int64_t size = l->spec.size, rank = l->spec.rank, parts = l->spec.parts;
    int64_t of = parts ? parts : size, own = of * (rank + 1) / size - of * rank / size;
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

/* Names the first value of converted rows that is no finite number. */
static int fail_value(const nn_loader *l, const column *c, int64_t first, size_t count,
                      const nn_real *value) {
    size_t i = 0;

    while (i < count && isfinite(value[i]))
        i++;
    return nn_fail(NN_EFORMAT, "%s: /%s/%c row %" PRId64 " holds %s", l->spec.dataset->path,
                   l->split->name, c->name, first + (int64_t)(i / c->convert.width),
                   isnan(value[i]) ? "NaN" : "Inf, or a number too large for float32");
}

static int check_weights(const nn_loader *l, int64_t first, size_t count, const nn_real *value) {
    for (size_t i = 0; i < count; i++)
        if (value[i] < 0)
            return nn_fail(NN_EFORMAT, "%s: /%s/w row %" PRId64 " is %g; weights are not negative",
                           l->spec.dataset->path, l->split->name, first + (int64_t)i,
                           (double)value[i]);
    return NN_OK;
}

static int check_indices(const nn_loader *l, const column *c, int64_t first, size_t count,
                         const nn_real *value) {
    double most = (double)l->spec.vocabulary - 1;

    for (size_t i = 0; i < count; i++) {
        double index = (double)value[i];
        if (!(index >= 0 && index <= most && floor(index) == index))
            return nn_fail(NN_EFORMAT,
                           "%s: /%s/x row %" PRId64
                           " holds %g, but the model's embedding takes whole numbers from 0 to %g; "
                           "pad with one of them, its padding_idx for example",
                           l->spec.dataset->path, l->split->name,
                           first + (int64_t)(i / c->convert.width), index, most);
    }
    return NN_OK;
}

/* `value` is memory for the rows as floats, or for their lengths. */
static int check_rows(const nn_loader *l, const column *c, int64_t first, int64_t rows,
                      const unsigned char *stored, nn_real *value) {
    size_t count = (size_t)rows * c->convert.width;

    if (c->name == NN_FIELD_LENGTH)
        return nn_dataset_lengths(l->spec.dataset, l->split, first, rows, stored, (void *)value);
    nn_converter_apply(&c->convert, (size_t)rows, stored, value);
    if (!nn_kernels_get()->all_finite(count, value))
        return fail_value(l, c, first, count, value);
    if (c->name == 'x' && l->spec.vocabulary)
        return check_indices(l, c, first, count, value);
    return c->name == 'w' ? check_weights(l, first, count, value) : NN_OK;
}

/* Reads the whole array once, in order: into memory where it is kept, and checks what it holds. */
static int scan_column(nn_loader *l, column *c) {
    int64_t rows = nn_piece_rows(c->row_bytes), samples = l->split->samples;
    unsigned char *buffer = NULL;
    nn_real *value = NULL;
    int rc;

    rows = rows < samples ? rows : samples;
    NN_TRY_GOTO(NN_NEW(&value, (size_t)rows * c->convert.width, "checking the data"));
    if (!c->stored)
        NN_TRY_GOTO(NN_NEW(&buffer, (size_t)rows * c->row_bytes, "checking the data"));
    for (int64_t first = 0; first < samples; first += rows) {
        int64_t count = samples - first < rows ? samples - first : rows;
        unsigned char *to = c->stored ? c->stored + (size_t)first * c->row_bytes : buffer;
        NN_TRY_GOTO(nn_dataset_read(l->spec.dataset, l->split, c->name, first, count, to));
        NN_TRY_GOTO(check_rows(l, c, first, count, to, value));
    }
done:
    nn_free(buffer);
    nn_free(value);
    return rc;
}

static int init_converter(nn_loader *l, column *c, const nn_field *field) {
    const nn_dataset *ds = l->spec.dataset;

    if (c->name == 'x')
        return nn_converter_init_x(&c->convert, field, &ds->affine, &ds->normal, &l->pool);
    return nn_converter_init(&c->convert, field, NULL, NN_AS_STORED, &l->pool);
}

static int open_column(nn_loader *l, column *c, char name) {
    const nn_field *field = nn_split_field(l->split, name);
    uint64_t bytes = (uint64_t)l->split->samples * field->row_bytes;
    char path[NN_FIELD_PATH];

    c->name = name;
    c->row_bytes = field->row_bytes;
    NN_TRY(init_converter(l, c, field));
    if (bytes <= l->memory_left) {
        l->memory_left -= bytes;
        NN_TRY(NN_NEW(&c->stored, (size_t)bytes, "samples"));
    } else {
        nn_warn("%s: %s takes %" PRIu64 " MiB, more than the %" PRIu64
                " MiB left for data: its rows are read from the file for each minibatch, which is "
                "slow",
                l->spec.dataset->path, nn_field_path(l->split->name, name, path), bytes >> 20,
                l->memory_left >> 20);
        NN_TRY(NN_NEW(&c->piece, l->shard_max * field->row_bytes, "rows of a minibatch"));
    }
    return scan_column(l, c);
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

/* The rows of nothing are what lies beyond the edge of an image. */
static int allocate_augment(nn_loader *l) {
    const nn_augment *augment = &l->spec.dataset->augment;
    unsigned char *nothing = NULL;

    l->x_plain = l->x_out;
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

static int allocate_batch(nn_loader *l) {
    size_t n = l->shard_max;

    NN_TRY(NN_NEW(&l->sample, n, "minibatch"));
    NN_TRY(NN_NEW(&l->pass, (size_t)l->spec.passes + 1, "minibatch"));
    NN_TRY(NN_NEW(&l->x_out, n * l->x.convert.width, "minibatch"));
    NN_TRY(allocate_augment(l));
    if (l->labels)
        NN_TRY(NN_NEW(&l->label_out, n * l->positions, "minibatch"));
    if (l->positions > 1)
        NN_TRY(NN_NEW(&l->position, n * l->positions, "minibatch"));
    if (l->positions > 1 && l->weights)
        NN_TRY(NN_NEW(&l->position_weight, n * l->positions, "minibatch"));
    if (l->values)
        NN_TRY(NN_NEW(&l->value_out, n * l->y.convert.width, "minibatch"));
    if (l->weights)
        NN_TRY(NN_NEW(&l->weight_out, n, "minibatch"));
    if (l->lengths)
        NN_TRY(NN_NEW(&l->length_out, n, "minibatch"));
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
    return allocate_batch(l);
}

int nn_loader_new(const nn_loader_spec *spec, nn_loader **out) {
    nn_loader *l = NULL;
    int rc;

    *out = NULL;
    NN_TRY(NN_NEW(&l, 1, "loader"));
    l->spec = *spec;
    rc = open_split(l);
    if (rc < 0) {
        nn_loader_free(l);
        return nn_error_frame(rc, __func__);
    }
    *out = l;
    return NN_OK;
}

static void close_column(column *c) {
    nn_free(c->stored);
    nn_free(c->piece);
}

void nn_loader_free(nn_loader *l) {
    if (!l)
        return;
    close_column(&l->x);
    close_column(&l->y);
    close_column(&l->w);
    close_column(&l->length);
    if (l->x_plain != l->x_out)
        nn_free(l->x_plain);
    nn_free(l->x_out);
    nn_free(l->fill);
    nn_free(l->value_out);
    nn_free(l->weight_out);
    nn_free(l->label_out);
    nn_free(l->position);
    nn_free(l->position_weight);
    nn_free(l->length_out);
    nn_free(l->sample);
    nn_free(l->pass);
    nn_pool_release(&l->pool);
    nn_free(l);
}

int64_t nn_loader_samples(const nn_loader *l) {
    return l->split->samples;
}

int64_t nn_loader_batches(const nn_loader *l) {
    return l->batches;
}

/* A slice of the epoch's order. */
static void choose_slice(const nn_loader *l, int64_t epoch, int64_t from, size_t count,
                         int64_t *sample) {
    nn_permutation order;

    if (!l->spec.shuffle) {
        for (size_t i = 0; i < count; i++)
            sample[i] = from + (int64_t)i;
        return;
    }
    order = nn_permutation_of(l->spec.seed, (uint64_t)epoch, (uint64_t)l->split->samples);
    for (size_t i = 0; i < count; i++)
        sample[i] = (int64_t)nn_permutation_at(&order, (uint64_t)from + i);
}

/* Which samples the shard holds: this rank's share of each pass over a minibatch that begins with
 * row `from` of the epoch's order. Returns how many. */
static size_t choose_samples(nn_loader *l, int64_t epoch, int64_t from, int64_t global) {
    size_t count = 0;

    for (int64_t i = 0; i < l->spec.passes; i++) {
        int64_t begin = nn_part_begin(global, l->spec.passes, i);
        int64_t rows = nn_part_begin(global, l->spec.passes, i + 1) - begin;
        int64_t first = shard_begin(l, rows, l->spec.rank);
        size_t own = (size_t)(shard_begin(l, rows, l->spec.rank + 1) - first);
        choose_slice(l, epoch, from + begin + first, own, l->sample + count);
        l->pass[i] = count;
        count += own;
    }
    l->pass[l->spec.passes] = count;
    return count;
}

/* Length of the run of consecutive samples that starts at i. */
static size_t run_length(const int64_t *sample, size_t i, size_t count) {
    size_t n = 1;

    while (i + n < count && sample[i + n] == sample[i] + (int64_t)n)
        n++;
    return n;
}

/* The stored rows of a run, wherever they are. */
static int stored_rows(nn_loader *l, column *c, int64_t first, size_t rows,
                       const unsigned char **out) {
    *out = c->piece;
    if (!c->stored)
        return nn_dataset_read(l->spec.dataset, l->split, c->name, first, (int64_t)rows, c->piece);
    *out = c->stored + (size_t)first * c->row_bytes;
    return NN_OK;
}

/* Shuffled rows are cache misses; asked for early, they come while others are converted. */
static void prefetch_row(const nn_loader *l, const column *c, size_t i, size_t count) {
    const unsigned char *row;

    if (i >= count || !c->stored || c->row_bytes > PREFETCH_BYTES)
        return;
    row = c->stored + (size_t)l->sample[i] * c->row_bytes;
    for (size_t at = 0; at < c->row_bytes; at += NN_ALIGN)
        __builtin_prefetch(row + at);
}

static int gather(nn_loader *l, column *c, size_t count, nn_real *out) {
    for (size_t i = 0, n; i < count; i += n) {
        const unsigned char *stored;
        n = run_length(l->sample, i, count);
        prefetch_row(l, c, i + PREFETCH_ROWS, count);
        NN_TRY(stored_rows(l, c, l->sample[i], n, &stored));
        nn_converter_apply(&c->convert, n, stored, out + i * c->convert.width);
    }
    return NN_OK;
}

/* Rows of `width` integers. */
static int gather_integers(nn_loader *l, column *c, size_t count, size_t width, int32_t *out) {
    for (size_t i = 0; i < count; i++) {
        const unsigned char *stored;
        NN_TRY(stored_rows(l, c, l->sample[i], 1, &stored));
        for (size_t k = 0; k < width; k++)
            *out++ = (int32_t)nn_stored_integer(c->convert.type, stored, k);
    }
    return NN_OK;
}

/* Weight and index of each position; those beyond the end of a sequence are ignored. */
static void spread_positions(nn_loader *l, size_t count) {
    size_t positions = l->positions;
    bool steps = nn_split_masks_labels(l->split);

    for (size_t i = 0; positions > 1 && i < count; i++) {
        for (size_t p = 0, k = i * positions; p < positions; p++, k++) {
            l->position[k] = l->sample[i] * (int64_t)positions + (int64_t)p;
            if (l->weights)
                l->position_weight[k] = l->weight_out[i];
            if (steps && p >= (size_t)l->length_out[i])
                l->label_out[k] = -1;
        }
    }
}

static nn_target target_of(const nn_loader *l) {
    bool many = l->positions > 1;

    return (nn_target){.label = l->label_out,
                       .value = l->value_out,
                       .width = l->values ? l->y.convert.width : 0,
                       .weight = many ? l->position_weight : l->weight_out,
                       .sample = many ? l->position : l->sample};
}

static void augment(nn_loader *l, int64_t epoch, size_t count) {
    nn_augment_batch batch = {.augment = &l->spec.dataset->augment,
                              .x = nn_channels_last(l->split->x.shape),
                              .seed = l->spec.seed,
                              .epoch = epoch,
                              .sample = l->sample,
                              .fill = l->fill,
                              .in = l->x_plain,
                              .out = l->x_out};

    if (l->fill)
        nn_augment_apply(&batch, count);
}

int nn_loader_batch(nn_loader *l, int64_t epoch, int64_t index, nn_batch *batch) {
    int64_t from = index * l->batch_size, left = l->split->samples - from;
    int64_t global = left < l->batch_size ? left : l->batch_size;
    size_t count = choose_samples(l, epoch, from, global);

    NN_TRY(gather(l, &l->x, count, l->x_plain));
    augment(l, epoch, count);
    if (l->labels)
        NN_TRY(gather_integers(l, &l->y, count, l->positions, l->label_out));
    if (l->lengths)
        NN_TRY(gather_integers(l, &l->length, count, 1, l->length_out));
    if (l->values)
        NN_TRY(gather(l, &l->y, count, l->value_out));
    if (l->weights)
        NN_TRY(gather(l, &l->w, count, l->weight_out));
    spread_positions(l, count);
    *batch = (nn_batch){.count = count,
                        .first = shard_begin(l, global / l->spec.passes, l->spec.rank),
                        .pass = l->pass,
                        .global = global,
                        .x = l->x_out,
                        .target = target_of(l),
                        .positions = l->positions,
                        .length = l->length_out,
                        .sample = l->sample};
    return NN_OK;
}
