/* Mixtures of data sets: the share of each part in every minibatch, its samples pass after pass,
 * the same on any number of ranks, from memory and in shuffle buffers; and what does not go
 * together. */
#include "data/loader/loader.h"
#include "data_files.h"
#include "train_loader.h"

#include <math.h>

enum { PARTS = 3, BATCH = 50, WIDTH = 33, MOST = 1013, ALL = 613 + 97 + 1013 };
static const int64_t rows[PARTS] = {613, 97, 1013};
static const double weight[PARTS] = {0.5, 0.2, 0.3};

/* Row i of all parts together is i everywhere. */
static void write_parts(void) {
    static float x[MOST][WIDTH], y[MOST];
    int64_t first = 0;

    for (int k = 0; k < PARTS; k++) {
        char name[] = "a.h5";
        nn_h5 *file;
        for (int64_t i = 0; i < rows[k]; i++)
            for (int e = 0; e < WIDTH; e++)
                x[i][e] = y[i] = (float)(first + i);
        name[0] = (char)('a' + k);
        CHECK_WORKS(nn_h5_create(name, &file));
        put_array(file, "/train/x", NN_F32, 2, rows[k], WIDTH, x);
        put_array(file, "/train/y", NN_F32, 1, rows[k], 0, y);
        if (k == 1) /* weights, and a test split, are there where one part has them */
            put_array(file, "/train/w", NN_F32, 1, rows[k], 0, y);
        if (k == 2) {
            put_array(file, "/test/x", NN_F32, 2, 5, WIDTH, x);
            put_array(file, "/test/y", NN_F32, 1, 5, 0, y);
        }
        CHECK_WORKS(nn_h5_close(file));
        first += rows[k];
    }
}

static int part_of(int64_t sample) {
    return sample < rows[0] ? 0 : sample < rows[0] + rows[1] ? 1 : 2;
}

/* Adds the samples of minibatches [from, end) to order[]. */
static size_t follow(const nn_dataset *ds, int size, uint64_t memory, int64_t from, int64_t end,
                     int64_t *order) {
    nn_loader *loader[4] = {NULL};
    nn_pool pool = {0};
    nn_shards shards = {0};
    size_t n = 0;

    CHECK_WORKS(nn_shards_init(&shards, &pool, BATCH, (size_t)size));
    for (int r = 0; r < size; r++) /* only one thread may read from a file */
        loader[r] = open_train_loader(ds, r, &shards, BATCH, memory, true, size == 1);
    for (int64_t i = from; i < end; i++) {
        int64_t batches = nn_loader_batches(loader[0]);
        for (int r = 0; r < size; r++) {
            nn_batch b;
            CHECK_WORKS(nn_loader_batch(loader[r], i / batches, i % batches, &b));
            for (size_t s = 0; s < b.count; s++) {
                int64_t sample = order[n++] = b.sample[s];
                CHECK_NEAR(b.target.value[s], sample, 0);
                CHECK_NEAR(b.x[s * WIDTH + WIDTH - 1], sample, 0);
                CHECK_NEAR(b.target.weight[s], part_of(sample) == 1 ? (double)sample : 1, 0);
            }
        }
    }
    for (int r = 0; r < size; r++)
        nn_loader_free(loader[r]);
    nn_pool_release(&pool);
    return n;
}

/* Each stretch has its proportions, and each part all of its samples before one comes again. */
static void check_shares(const int64_t *order, size_t n) {
    static int times[ALL];
    int64_t count[PARTS] = {0}, before[PARTS] = {0};

    memset(times, 0, sizeof times);
    for (size_t i = 0; i < n; i++) {
        int k = part_of(order[i]);
        CHECK_EQ_INT(times[order[i]]++, count[k]++ / rows[k]);
        for (int p = 0; p < PARTS && (i + 1) % BATCH == 0; p++) {
            CHECK_NEAR(count[p] - before[p], weight[p] * (double)BATCH, 2);
            CHECK_NEAR(count[p], weight[p] * (double)(i + 1), 1.01);
            before[p] = count[p];
        }
    }
}

static void check_loader(const nn_dataset *ds, uint64_t memory) {
    enum { BATCHES = 4 * ((ALL + BATCH - 1) / BATCH) };
    static int64_t one[4 * ALL], other[4 * ALL];
    double passes[NN_MAX_PARTS];
    size_t n = follow(ds, 1, memory, 0, BATCHES, one);
    nn_loader *loader = open_train_loader(ds, 0, NULL, BATCH, memory, true, false);

    CHECK_EQ_INT(n, 4 * ALL);
    check_shares(one, n);
    CHECK_EQ_INT(nn_loader_passes(loader, (int64_t)n, passes), PARTS);
    CHECK_NEAR(passes[1], 0.2 * 4 * (double)ALL / (double)rows[1], 0.02);
    nn_loader_free(loader);
    for (int size = 2; size <= 4; size++) {
        CHECK_EQ_INT(follow(ds, size, memory, 0, BATCHES, other), n);
        CHECK(memcmp(one, other, n * sizeof *one) == 0);
    }
    /* resumed in the middle of the second epoch */
    size_t rest = follow(ds, 1, memory, BATCHES / 4 + 9, BATCHES, other);
    CHECK(memcmp(one + n - rest, other, rest * sizeof *one) == 0);
}

/* What noise makes of the first number of each sample of two epochs, from minibatch `from` on. */
static size_t augmented(const char *yaml, int size, int64_t from, int64_t *order, float *x) {
    nn_loader *loader[3] = {NULL};
    nn_dataset *ds;
    nn_pool pool = {0};
    nn_shards shards = {0};
    size_t n = 0;

    CHECK_WORKS(open_yaml(yaml, &ds));
    CHECK_WORKS(nn_shards_init(&shards, &pool, BATCH, (size_t)size));
    for (int r = 0; r < size; r++)
        loader[r] = open_train_loader(ds, r, &shards, BATCH, 0, true, size == 1);
    int64_t batches = nn_loader_batches(loader[0]);
    for (int64_t i = from; i < 2 * batches; i++) {
        for (int r = 0; r < size; r++) {
            nn_batch b;
            CHECK_WORKS(nn_loader_batch(loader[r], i / batches, i % batches, &b));
            for (size_t s = 0; s < b.count; s++, n++) {
                order[n] = b.sample[s];
                x[n] = b.x[s * WIDTH];
            }
        }
    }
    for (int r = 0; r < size; r++)
        nn_loader_free(loader[r]);
    nn_dataset_close(ds);
    nn_pool_release(&pool);
    return n;
}

/* A sample is changed as in data that are no mixture, and each time that it comes again in the
 * same epoch otherwise. */
static void check_augmentation(void) {
    static const char plain[] = "{path: [a.h5, b.h5, c.h5], augment: [noise: {std: 1000}]}",
                      mixed[] = "{path: [{path: a.h5, weight: 5}, {path: b.h5, weight: 2}, "
                                "{path: c.h5, weight: 3}], augment: [noise: {std: 1000}]}";
    static int64_t order[2 * ALL], other[2 * ALL];
    static float x[2 * ALL], y[2 * ALL], once[ALL];
    size_t n = augmented(plain, 1, 0, order, x), again = 0;

    CHECK_EQ_INT(n, 2 * ALL);
    for (size_t i = 0; i < ALL; i++)
        once[order[i]] = x[i];
    CHECK_EQ_INT(augmented(mixed, 1, 0, order, x), n);
    for (size_t i = 0; i < n; i++) {
        size_t times = 0;
        for (size_t k = 0; k < i; k++) {
            times += order[k] == order[i] && (i < ALL || k >= ALL);
            if (order[k] == order[i] && x[k] == x[i])
                CHECK(false);
        }
        if (i < ALL && times == 0 && x[i] != once[order[i]])
            CHECK(false);
        again += times > 0;
    }
    CHECK(again > 600);
    CHECK_EQ_INT(augmented(mixed, 3, 0, other, y), n);
    CHECK(memcmp(order, other, sizeof order) == 0 && memcmp(x, y, sizeof x) == 0);
    size_t rest = augmented(mixed, 1, 40, other, y);
    CHECK(memcmp(x + n - rest, y, rest * sizeof *x) == 0);
}

/* Evaluation takes every sample once, in order. */
static void check_evaluation(const nn_dataset *ds) {
    nn_loader *loader = open_train_loader(ds, 0, NULL, BATCH, 0, false, false);
    int64_t next = 0;

    for (int64_t i = 0; i < nn_loader_batches(loader); i++) {
        nn_batch b;
        CHECK_WORKS(nn_loader_batch(loader, 0, i, &b));
        for (size_t s = 0; s < b.count; s++)
            CHECK_EQ_INT(b.sample[s], next++);
    }
    CHECK_EQ_INT(next, ALL);
    CHECK_EQ_INT(nn_dataset_split(ds, "test")->samples, 5);
    nn_loader_free(loader);
}

static void put_file(const char *name, nn_dtype type, int width, const char *attribute) {
    static const int32_t y[6] = {0, 1, 0, 1, 0, 1};
    static const float x[24];
    const char *names[2] = {attribute, "last"};
    nn_h5 *file;

    CHECK_WORKS(nn_h5_create(name, &file));
    put_array(file, "/train/x", NN_F32, 2, 6, width, x);
    put_array(file, "/train/y", type, 1, 6, 0, type == NN_I32 ? (const void *)y : x);
    if (attribute)
        CHECK_WORKS(nn_h5_set_texts(file, "/", "classes", names, 2));
    CHECK_WORKS(nn_h5_close(file));
}

static void check_errors(void) {
    static const struct {
        const char *yaml;
        int code;
        const char *message;
    } cases[] = {
        {"{path: []}", NN_EUSAGE, "path is a list of 1 to 64 files"},
        {"{path: [{path: a.h5, weight: 1}, b.h5]}", NN_EUSAGE, "some files have a weight"},
        {"{path: [{path: a.h5, weight: 0}]}", NN_EUSAGE, "weight is a number above 0"},
        {"{path: [{path: a.h5, weight: 1}, {path: b.h5, weight: 1e-9}]}", NN_EUSAGE,
         "is less than 1/65536 of all 1"},
        {"{path: [{path: a.h5, shuffle: false}]}", NN_EUSAGE, "shuffle is said of all files"},
        {"{path: [{weight: 1}]}", NN_EUSAGE, "path is a list of files"},
        {"{path: [a.h5, {path: [b.h5]}]}", NN_EUSAGE, "no mixture itself"},
        {"{path: [a.h5, none.h5]}", NN_EFORMAT, "none.h5"},
        {"{path: [a.h5, narrow.h5]}", NN_EFORMAT,
         "a row of /train/x is [33] in a.h5 and [3] in narrow.h5"},
        {"{path: [named.h5, narrow.h5]}", NN_EFORMAT, "named.h5 and narrow.h5 have different cl"},
        {"{path: [named.h5, others.h5]}", NN_EFORMAT, "different classes (attribute classes"},
        {"{path: [a.h5], train_samples: 3}", NN_EUSAGE, "unknown key 'train_samples'"},
    };
    nn_dataset *ds;

    put_file("narrow.h5", NN_F32, 3, NULL);
    put_file("named.h5", NN_I32, 3, "one");
    put_file("others.h5", NN_I32, 3, "two");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_FAILS(open_yaml(cases[i].yaml, &ds), cases[i].code, cases[i].message);
}

int main(void) {
    nn_dataset *ds;

    enter_folder();
    write_parts();
    CHECK_WORKS(open_yaml("{path: [{path: a.h5, weight: 5}, {path: b.h5, weight: 2}, "
                          "{path: c.h5, weight: 3}]}",
                          &ds));
    check_loader(ds, 0);      /* all in memory */
    check_loader(ds, 120000); /* b as a whole, the others in shuffle buffers */
    check_loader(ds, 70000);  /* of little more than a minibatch takes of them */
    check_evaluation(ds);
    nn_dataset_close(ds);
    check_augmentation();
    check_errors();
    leave_folder();
    return check_done();
}
