/* The making of a minibatch: which samples are this rank's, and their rows as floats. */
#include "data/loader/inner.h"
#include "data/loader/loader.h"

#define FETCH_BYTES ((size_t)512 * 1024) /* of the next minibatch, into a processor's cache */
/* Of each row a line in so many bytes: those between the processor fetches by itself meanwhile, and
 * this thread does not wait, as it does for more lines than can be under way at once. */
#define FETCH_STEP ((size_t)512)

/* Rows of this shard among those of a pass. */
static nn_span shard_of(const nn_loader *l, int64_t rows) {
    return l->spec.shards ? nn_shards_rows(l->spec.shards, (size_t)rows, (size_t)l->spec.rank)
                          : (nn_span){0, (size_t)rows};
}

static int64_t batch_begin(const nn_loader *l, int64_t index) {
    int64_t from = index * l->batch_size;

    return from < l->split->samples ? from : l->split->samples;
}

/* The next `count` samples of a stream after `from`, pass after pass; in `first` the epoch begins.
 */
static void locate_in_stream(nn_loader *l, size_t k, int64_t first, int64_t from, size_t count,
                             nn_sample_location *out) {
    nn_loader_stream *s = &l->stream[k];
    nn_order *o = &s->order;

    while (count > 0) {
        int64_t pass = from / o->samples, at = from % o->samples;
        size_t n = o->samples - at < (int64_t)count ? (size_t)(o->samples - at) : count;
        nn_order_begin(o, pass);
        nn_order_locate(o, at, n, out);
        for (size_t i = 0; i < n; i++) {
            out[i].sample += s->first;
            out[i].buffer += o->buffers > 1 ? pass * o->buffers : 0;
            out[i].stream = k;
            out[i].again = pass - first;
        }
        out += n;
        from += (int64_t)n;
        count -= n;
    }
}

/* Positions [from, from + count), which are counted on from epoch to epoch. */
static void locate(nn_loader *l, int64_t from, size_t count, nn_sample_location *out) {
    const nn_mixture *m = &l->mixture;
    int64_t epoch = from / l->split->samples;

    if (m->parts == 0) {
        locate_in_stream(l, 0, epoch, from, count, out);
        return;
    }
    for (size_t k = 0; k < m->parts; k++) {
        int64_t begin = nn_mixture_count(m, k, from);
        int64_t first = nn_mixture_count(m, k, epoch * l->split->samples);
        size_t own = (size_t)(nn_mixture_count(m, k, from + (int64_t)count) - begin);
        locate_in_stream(l, k, first / l->stream[k].order.samples, begin, own, l->drawn);
        for (size_t i = 0, next = 0; next < own; i++)
            if (nn_mixture_part(m, from + (int64_t)i) == k)
                out[i] = l->drawn[next++];
    }
}

/* This rank's rows of each pass over a minibatch, its shard; `pass` NULL: not wanted. Returns how
 * many. */
static size_t locate_samples(nn_loader *l, const nn_prefetch_task *task, size_t *pass) {
    int64_t from = batch_begin(l, task->index), global = batch_begin(l, task->index + 1) - from;
    bool chosen = l->chosen.epoch == task->epoch && l->chosen.index == task->index;
    size_t count = 0;

    for (int64_t i = 0; i < l->spec.passes; i++) {
        int64_t begin = nn_even_begin(global, l->spec.passes, i);
        int64_t rows = nn_even_begin(global, l->spec.passes, i + 1) - begin;
        nn_span own = shard_of(l, rows);
        if (!chosen)
            locate(l, task->epoch * l->split->samples + from + begin + (int64_t)own.begin,
                   own.end - own.begin, l->location + count);
        if (pass)
            pass[i] = count;
        count += own.end - own.begin;
    }
    if (pass)
        pass[l->spec.passes] = count;
    l->chosen = *task;
    return count;
}

/* Which samples these are, and where their rows stand in the shuffle buffer. */
static int find_samples(nn_loader *l, size_t count, int64_t *sample) {
    for (size_t i = 0; i < count; i++)
        sample[i] = l->location[i].sample;
    for (size_t i = 0; l->buffered && i < count; i++) {
        const nn_sample_location *at = &l->location[i];
        nn_loader_stream *s = &l->stream[at->stream];
        NN_TRY(nn_shuffle_buffer_need(&s->shuffle, at->buffer));
        l->buffer_row[i] = nn_shuffle_buffer_index(&s->shuffle, at->buffer, at->row);
        s->buffer = at->buffer;
    }
    return NN_OK;
}

static const int64_t *index_of(const nn_loader *l, const nn_field_reader *c,
                               const nn_batch_memory *m) {
    return c->buffer ? l->buffer_row : m->sample;
}

static int gather(nn_loader *l, const nn_field_reader *c, const nn_batch_memory *m, nn_real *out) {
    return nn_field_reader_floats(c, index_of(l, c, m), m->batch.count, out);
}

static int gather_integers(nn_loader *l, const nn_field_reader *c, const nn_batch_memory *m,
                           int32_t *out) {
    return nn_field_reader_integers(c, index_of(l, c, m), m->batch.count, out);
}

/* Weight and index of each position; those beyond the end of a sequence are ignored. */
static void spread_positions(const nn_loader *l, nn_batch_memory *m) {
    size_t positions = l->positions;
    bool steps = nn_split_masks_labels(l->split);

    for (size_t i = 0; positions > 1 && i < m->batch.count; i++) {
        for (size_t p = 0, k = i * positions; p < positions; p++, k++) {
            m->position[k] = m->sample[i] * (int64_t)positions + (int64_t)p;
            if (l->weights)
                m->position_weight[k] = m->weight[i];
            if (steps && p >= (size_t)m->length[i])
                m->label[k] = -1;
        }
    }
}

static nn_target target_of(const nn_loader *l, const nn_batch_memory *m) {
    bool many = l->positions > 1;

    return (nn_target){.label = m->label,
                       .value = m->value,
                       .width = l->values ? l->y.convert.width : 0,
                       .weight = many ? m->position_weight : m->weight,
                       .sample = many ? m->position : m->sample};
}

/* A sample that comes again in the same epoch, as only those of a mixture do, is for augmentation
 * another one, with a number behind those of the split. */
static const int64_t *occurrences(const nn_loader *l, const nn_batch_memory *m) {
    if (l->mixture.parts == 0)
        return m->sample;
    for (size_t i = 0; i < m->batch.count; i++)
        l->occurrence[i] = m->sample[i] + l->location[i].again * l->split->samples;
    return l->occurrence;
}

static void augment_x(nn_loader *l, nn_batch_memory *m, int64_t epoch) {
    if (!l->fill)
        return;
    nn_augment_batch batch = {.augment = &l->spec.dataset->augment,
                              .x = nn_channels_last(l->split->x.shape),
                              .seed = l->spec.seed,
                              .epoch = epoch,
                              .sample = occurrences(l, m),
                              .fill = l->fill,
                              .in = l->x_plain,
                              .out = m->x,
                              .compute = l->prefetch ? NULL : l->spec.compute};

    nn_augment_apply(&batch, m->batch.count);
}

nn_real *nn_loader_x(const nn_loader *l, const nn_batch_memory *m) {
    return l->x_plain ? l->x_plain : m->x;
}

void nn_loader_complete(nn_loader *l, nn_batch_memory *m, int64_t epoch) {
    augment_x(l, m, epoch);
    spread_positions(l, m);
}

/* The rows of its samples, batch.count of them. */
static int gather_fields(nn_loader *l, nn_batch_memory *m) {
    NN_TRY(gather(l, &l->x, m, nn_loader_x(l, m)));
    if (l->labels)
        NN_TRY(gather_integers(l, &l->y, m, m->label));
    if (l->lengths)
        NN_TRY(gather_integers(l, &l->length, m, m->length));
    if (l->values)
        NN_TRY(gather(l, &l->y, m, m->value));
    if (l->weights)
        NN_TRY(gather(l, &l->w, m, m->weight));
    return NN_OK;
}

nn_batch nn_loader_batch_of(const nn_loader *l, const nn_batch_memory *m, size_t count,
                            int64_t global) {
    return (nn_batch){.count = count,
                      .global = global,
                      .x = m->x,
                      .target = target_of(l, m),
                      .positions = l->positions,
                      .length = m->length,
                      .sample = m->sample};
}

int nn_loader_make(void *ctx, const nn_prefetch_task *task, int entry) {
    nn_loader *l = ctx;
    nn_batch_memory *m = &l->memory[entry];
    double begin = l->prefetch ? nn_trace_begin(l->spec.trace) : 0;

    m->batch = nn_loader_batch_of(l, m, locate_samples(l, task, m->pass),
                                  nn_loader_global(l, task->index));
    m->batch.pass = m->pass;
    NN_TRY(find_samples(l, m->batch.count, m->sample));
    NN_TRY(gather_fields(l, m));
    nn_loader_complete(l, m, task->epoch);
    nn_trace_end(l->spec.trace, NN_TRACE_MINIBATCH, task->index, begin);
    return NN_OK;
}

nn_prefetch_task nn_loader_after(void *ctx, const nn_prefetch_task *task) {
    const nn_loader *l = ctx;
    bool last = task->index + 1 == l->batches;

    return (nn_prefetch_task){task->epoch + last, last ? 0 : task->index + 1};
}

bool nn_loader_read_ahead(void *ctx) {
    nn_loader *l = ctx;
    bool more = false;

    for (size_t k = 0; k < l->streams && !more; k++) {
        nn_loader_stream *s = &l->stream[k];
        if (s->buffer < 0 || s->order.buffers == 1)
            continue;
        if (nn_shuffle_buffer_read(&s->shuffle, s->buffer + 1, &more) < 0)
            return false;
    }
    return more;
}

/* Without a thread: the rows of the next minibatch come while this one is computed. */
static void fetch_ahead(nn_loader *l, const nn_prefetch_task *task) {
    nn_prefetch_task next = nn_loader_after(l, task);
    size_t most = FETCH_BYTES / l->x.row_bytes;

    if (!l->spec.shuffle || next.epoch != task->epoch || l->buffered > 0)
        return;
    size_t count = locate_samples(l, &next, NULL);
    for (size_t i = 0; i < count && i < most; i++)
        nn_field_reader_fetch(&l->x, l->location[i].sample, FETCH_STEP);
}

int64_t nn_loader_global(const nn_loader *l, int64_t index) {
    return batch_begin(l, index + 1) - batch_begin(l, index);
}

int nn_loader_batch(nn_loader *l, int64_t epoch, int64_t index, nn_batch *batch) {
    nn_prefetch_task task = {epoch, index};
    int entry = 0;

    if (l->prefetch) {
        NN_TRY(nn_prefetch_next(l->prefetch, &task, &entry));
    } else {
        NN_TRY(nn_loader_make(l, &task, entry));
        fetch_ahead(l, &task);
    }
    *batch = l->memory[entry].batch;
    return NN_OK;
}
