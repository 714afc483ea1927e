/* Data that do not fit in memory: the order of an epoch in buffers, the minibatches made of it on
 * any number of shards, with and without the thread that reads ahead, and that thread by itself. */
#include "data/loader/loader.h"
#include "data/loader/order.h"
#include "data/loader/prefetch.h"
#include "data/sources/open.h"
#include "data_files.h"
#include "train_loader.h"

#include <math.h>

/* ---- the order ------------------------------------------------------------------------------- */

#define MOST 1000
static void check_order(int64_t samples, int64_t chunk, int64_t buffer) {
    nn_order order;
    static nn_sample_location place[MOST];
    static unsigned char seen[MOST];
    int64_t moved = 0;

    nn_order_init(&order, 3, true, samples, chunk, buffer);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        nn_order_begin(&order, epoch);
        for (int64_t from = 0; from < samples; from += 7) /* in pieces, as minibatches ask */
            nn_order_locate(&order, from, (size_t)(samples - from < 7 ? samples - from : 7),
                            place + from);
        memset(seen, 0, sizeof seen);
        for (int64_t i = 0; i < samples; i++) {
            const nn_sample_location *p = &place[i];
            int64_t first, count, at = p->row / chunk;
            CHECK(p->sample >= 0 && p->sample < samples && !seen[p->sample]++);
            CHECK(i == 0 || p->buffer == place[i - 1].buffer ||
                  p->buffer == place[i - 1].buffer + 1);
            CHECK(at < nn_order_chunks(&order, p->buffer));
            nn_order_chunk(&order, p->buffer, at, &first, &count);
            CHECK_EQ_INT(p->sample, first + p->row % chunk);
            CHECK(p->row % chunk < count);
            moved += p->sample != i;
        }
        CHECK_EQ_INT(place[samples - 1].buffer, order.buffers - 1);
    }
    CHECK(samples < 50 || moved > samples);
}

/* A sample is as likely in the first half of an epoch as in the second, and neighbours do not stay
 * together. */
static void check_mixing(void) {
    enum { SAMPLES = 1000, EPOCHS = 400 };
    nn_order order;
    nn_sample_location place[SAMPLES];
    int early = 0, together = 0;

    nn_order_init(&order, 1, true, SAMPLES, 16, 8);
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        nn_order_begin(&order, epoch);
        nn_order_locate(&order, 0, SAMPLES, place);
        for (int i = 0; i < SAMPLES; i++) {
            early += place[i].sample == 999 && i < SAMPLES / 2; /* in the short chunk */
            together += i > 0 && place[i].sample == place[i - 1].sample + 1;
        }
    }
    CHECK_NEAR(early, (double)EPOCHS / 2, 5 * sqrt((double)EPOCHS / 4));
    CHECK_NEAR(together / (double)(EPOCHS * SAMPLES), 1.0 / 128, 0.003);
}

/* ---- minibatches ----------------------------------------------------------------------------- */

#define SAMPLES 1013
#define WIDTH 97

static void write_file(void) {
    static float x[SAMPLES][WIDTH];
    static float y[SAMPLES];
    int64_t dim[2] = {SAMPLES, WIDTH};
    nn_h5 *file;

    for (int i = 0; i < SAMPLES; i++) {
        y[i] = (float)(-i);
        for (int e = 0; e < WIDTH; e++)
            x[i][e] = (float)(i * WIDTH + e);
    }
    CHECK_WORKS(nn_h5_create("data.h5", &file));
    CHECK_WORKS(nn_h5_write(file, "/train/x", NN_F32, 2, dim, 0, 0, x));
    CHECK_WORKS(nn_h5_write(file, "/train/y", NN_F32, 1, dim, 0, 0, y));
    CHECK_WORKS(nn_h5_close(file));
}

#define BATCH 50

/* Other borders: `step` rows more for each rank but the last one than for the one before it. */
static void move(nn_shards *shards, nn_loader *const *loader, int64_t step) {
    for (size_t r = 0; r < shards->holders; r++)
        nn_loader_forget(loader[r]);
    for (size_t r = 1; r < shards->holders; r++)
        shards->border[r] = (int64_t)(r * (r + 1) / 2) * step;
}

/* Adds the samples of minibatches [from, end) of the epochs in a row to order[], whoever has how
 * many of them. Only one thread may read from a file. */
static size_t follow(const nn_dataset *ds, int size, uint64_t memory, bool prefetch, int64_t from,
                     int64_t end, int64_t *order) {
    nn_loader *loader[4] = {NULL};
    size_t n = 0;
    nn_pool pool = {0};
    nn_shards shards = {0};

    CHECK_WORKS(nn_shards_init(&shards, &pool, BATCH, (size_t)size));
    shards.most = BATCH;
    for (int r = 0; r < size; r++)
        loader[r] = open_train_loader(ds, r, &shards, BATCH, memory, true, prefetch);
    for (int64_t i = from; i < end; i++) {
        int64_t batches = nn_loader_batches(loader[0]);
        for (int r = 0; r < size; r++) {
            nn_batch b;
            CHECK_WORKS(nn_loader_batch(loader[r], i / batches, i % batches, &b));
            nn_span own = nn_shards_rows(&shards, (size_t)b.global, (size_t)r);
            CHECK_EQ_INT(b.count, own.end - own.begin);
            for (size_t s = 0; s < b.count; s++) {
                order[n++] = b.sample[s];
                CHECK_NEAR(b.target.value[s], -b.sample[s], 0);
                CHECK_NEAR(b.x[s * WIDTH], b.sample[s] * WIDTH, 0);
                CHECK_NEAR(b.x[s * WIDTH + WIDTH - 1], b.sample[s] * WIDTH + WIDTH - 1, 0);
            }
            if (i % 5 == r)
                nn_loader_rest(loader[r]);
        }
        if (i % 7 == 0)
            move(&shards, loader, 1 + i % 8);
    }
    for (int r = 0; r < size; r++)
        nn_loader_free(loader[r]);
    nn_pool_release(&pool);
    return n;
}

static void check_loader(const nn_dataset *ds, uint64_t memory) {
    static int64_t one[3 * SAMPLES], other[3 * SAMPLES];
    size_t n = follow(ds, 1, memory, false, 0, 63, one);

    CHECK_EQ_INT(n, 3 * SAMPLES);
    for (int size = 1; size <= 4; size++) {
        CHECK_EQ_INT(follow(ds, size, memory, size == 1 || !memory, 0, 63, other), n);
        CHECK(memcmp(one, other, n * sizeof *one) == 0);
    }
    /* resumed in the middle of the second epoch */
    size_t rest = follow(ds, 1, memory, true, 30, 63, other);
    CHECK(memcmp(one + n - rest, other, rest * sizeof *one) == 0);
}

/* Back and forth, as no training goes. */
static void check_jumps(const nn_dataset *ds) {
    const int64_t index[] = {3, 4, 5, 5, 0, 20, 1, 2};
    nn_loader *plain = open_train_loader(ds, 0, NULL, BATCH, 90000, true, false);
    nn_loader *ahead = open_train_loader(ds, 0, NULL, BATCH, 90000, true, true);

    for (size_t i = 0; i < sizeof index / sizeof *index; i++) {
        nn_batch a, b;
        nn_loader_rest(ahead);
        CHECK_WORKS(nn_loader_batch(plain, (int64_t)i % 3, index[i], &a));
        CHECK_WORKS(nn_loader_batch(ahead, (int64_t)i % 3, index[i], &b));
        CHECK_EQ_INT(a.count, b.count);
        CHECK(memcmp(a.x, b.x, a.count * WIDTH * sizeof *a.x) == 0);
    }
    CHECK(nn_loader_shuffle_buffer(plain) >= 50 && nn_loader_shuffle_buffer(plain) < SAMPLES / 2);
    nn_loader_free(plain);
    nn_loader_free(ahead);
}

static void check_too_small(const nn_dataset *ds) {
    nn_loader_spec spec = {.dataset = ds,
                           .split = "train",
                           .batch_size = 500,
                           .shuffle = true,
                           .memory_limit = 90000,
                           .shuffle_buffer = true};
    nn_loader *loader;

    CHECK_FAILS(nn_loader_new(&spec, &loader), NN_EUSAGE,
                "data.memory = 0.08583 MiB leaves room for two shuffle buffers of 110 samples, but "
                "they must "
                "be larger than a minibatch of 500");
}

/* ---- the thread ------------------------------------------------------------------------------ */

struct made {
    int64_t of[NN_PREFETCH_MAX_DEPTH], count;
    bool broken;
};

static int make(void *ctx, const nn_prefetch_task *job, int place) {
    struct made *m = ctx;

    if (m->broken && job->index == 7)
        return nn_fail(NN_EIO, "number 7 cannot be read");
    m->of[place] = job->index;
    m->count++;
    return 0;
}

static nn_prefetch_task after(void *ctx, const nn_prefetch_task *job) {
    (void)ctx;
    return (nn_prefetch_task){job->epoch, job->index + 1};
}

static void check_thread(int places) {
    const nn_prefetch_ops ops = {make, after, NULL};
    struct made made = {.broken = true};
    nn_prefetch *p;
    int place;

    CHECK_WORKS(nn_prefetch_new(&ops, &made, places, &p));
    for (int64_t i = 0; i < 7; i++) {
        CHECK_WORKS(nn_prefetch_next(p, &(nn_prefetch_task){0, i}, &place));
        CHECK_EQ_INT(made.of[place], i);
    }
    CHECK_FAILS(nn_prefetch_next(p, &(nn_prefetch_task){0, 7}, &place), NN_EIO, "number 7 cannot");
    nn_prefetch_rest(p);
    made.broken = false;
    for (int64_t i = 7; i < 100; i++) {
        CHECK_WORKS(nn_prefetch_next(p, &(nn_prefetch_task){0, i}, &place));
        CHECK_EQ_INT(made.of[place], i);
        if (i % 10 == 0) { /* at rest nothing is made */
            nn_prefetch_rest(p);
            int64_t count = made.count;
            usleep(1000);
            CHECK_EQ_INT(made.count, count);
        }
    }
    nn_prefetch_free(p);
}

int main(void) {
    static const int64_t sizes[][3] = {{1, 1, 1},   {10, 3, 1},  {100, 10, 3}, {101, 10, 3},
                                       {999, 7, 5}, {64, 64, 1}, {65, 64, 1},  {1000, 1, 100}};
    nn_dataset *ds;

    enter_folder();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_order(sizes[i][0], sizes[i][1], sizes[i][2]);
    check_mixing();
    write_file();
    CHECK_WORKS(nn_dataset_open_path("data.h5", &ds));
    check_loader(ds, 90000); /* x in buffers of 110 samples */
    check_loader(ds, 60000); /* of little more than a minibatch */
    check_loader(ds, 0);     /* all in memory */
    check_jumps(ds);
    check_too_small(ds);
    nn_dataset_close(ds);
    check_thread(2);
    check_thread(NN_PREFETCH_MAX_DEPTH);
    leave_folder();
    return check_done();
}
