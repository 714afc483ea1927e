/* Minibatches: every sample once an epoch whatever the number of shards, exact conversion, the same
 * from memory and from the file. */
#include "data/loader/loader.h"

#include "base/numbers/rng.h"
#include "data/sources/open.h"
#include "data_files.h"

#define SAMPLES 23
#define WIDTH 6

static uint8_t pixels[SAMPLES * WIDTH];
static uint8_t labels[SAMPLES];
static float weights[SAMPLES];
static int64_t lengths[SAMPLES];

static void write_file(const char *path) {
    const int64_t dim[3] = {SAMPLES, 2, 3};
    nn_h5 *file;

    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = (uint8_t)(i % 5);
        weights[i] = 0.5f * (float)i;
        lengths[i] = 1 + i % 2;
        for (int e = 0; e < WIDTH; e++)
            pixels[i * WIDTH + e] = (uint8_t)(i * WIDTH + e);
    }
    CHECK_WORKS(nn_h5_create(path, &file));
    CHECK_WORKS(nn_h5_write(file, "/train/x", NN_U8, 3, dim, 0, 0, pixels));
    CHECK_WORKS(nn_h5_write(file, "/train/y", NN_U8, 1, dim, 0, 0, labels));
    CHECK_WORKS(nn_h5_write(file, "/train/w", NN_F32, 1, dim, 0, 0, weights));
    CHECK_WORKS(nn_h5_write(file, "/train/len", NN_I64, 1, dim, 0, 0, lengths));
    CHECK_WORKS(nn_h5_set_real(file, "/", "scale", 1.0 / 255));
    CHECK_WORKS(nn_h5_close(file));
}

/* One row of a minibatch is the sample it says it is. */
static void check_row(const nn_batch *batch, size_t i) {
    int64_t s = batch->sample[i];

    CHECK_EQ_INT(batch->target.label[i], labels[s]);
    CHECK_NEAR(batch->target.weight[i], weights[s], 0);
    CHECK_EQ_INT(batch->length[i], lengths[s]);
    for (int e = 0; e < WIDTH; e++)
        CHECK_NEAR(batch->x[i * WIDTH + (size_t)e], pixels[s * WIDTH + e] / 255.0, 1e-7);
}

/* The shards of one minibatch are rows of the epoch's order, one after the other. */
static void check_minibatch(nn_loader **shard, int size, bool shuffle, int64_t epoch, int64_t index,
                            int64_t batch_size) {
    nn_permutation order = nn_permutation_of(7, (uint64_t)epoch, SAMPLES);
    int64_t place = 0, global = SAMPLES - index * batch_size;

    global = global < batch_size ? global : batch_size;
    for (int rank = 0; rank < size; rank++) {
        nn_batch batch;
        CHECK_WORKS(nn_loader_batch(shard[rank], epoch, index, &batch));
        CHECK_EQ_INT(batch.global, global);
        CHECK((int64_t)batch.count <= (batch_size + size - 1) / size);
        for (size_t i = 0; i < batch.count; i++, place++) {
            uint64_t at = (uint64_t)(index * batch_size + place);
            CHECK_EQ_INT(batch.sample[i], shuffle ? nn_permutation_at(&order, at) : at);
            check_row(&batch, i);
        }
    }
    CHECK_EQ_INT(place, global);
}

static void check_epochs(const nn_dataset *ds, int size, bool shuffle, int64_t batch_size,
                         uint64_t memory) {
    nn_loader *shard[8] = {NULL};
    nn_pool pool = {0};
    nn_shards shards;

    CHECK_WORKS(nn_shards_init(&shards, &pool, (size_t)size, (size_t)size));
    for (int rank = 0; rank < size; rank++) {
        nn_loader_spec spec = {.dataset = ds,
                               .split = "train",
                               .rank = rank,
                               .shards = &shards,
                               .batch_size = batch_size,
                               .shuffle = shuffle,
                               .seed = 7,
                               .memory_limit = memory};
        CHECK_WORKS(nn_loader_new(&spec, &shard[rank]));
    }
    CHECK_EQ_INT(nn_loader_batches(shard[0]), (SAMPLES + batch_size - 1) / batch_size);
    for (int64_t epoch = 0; epoch < 3; epoch++)
        for (int64_t index = 0; index < nn_loader_batches(shard[0]); index++)
            check_minibatch(shard, size, shuffle, epoch, index, batch_size);
    for (int rank = 0; rank < size; rank++)
        nn_loader_free(shard[rank]);
    nn_pool_release(&pool);
}

static void check_sizes(const nn_dataset *ds) {
    nn_loader_spec spec = {.dataset = ds, .split = "train", .batch_size = 5, .shuffle = true};
    nn_loader *loader;
    nn_batch batch;

    spec.drop_last = true;
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_EQ_INT(nn_loader_batches(loader), 4);
    nn_loader_free(loader);

    spec.batch_size = 1000;
    CHECK_FAILS(nn_loader_new(&spec, &loader), NN_EUSAGE,
                "train.batch_size 1000 is larger than the 23 samples of 'train'");
    spec.shuffle = false;
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_EQ_INT(nn_loader_batches(loader), 1);
    nn_loader_free(loader);

    spec.x_only = true;
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
    CHECK(batch.target.label == NULL && batch.target.value == NULL && batch.target.weight == NULL);
    CHECK(batch.length != NULL);
    nn_loader_free(loader);

    spec.split = "valid";
    CHECK_FAILS(nn_loader_new(&spec, &loader), NN_EFORMAT, "no split 'valid'; it has train");
}

/* mean and std, targets that are values. */
static void check_standardised(void) {
    const int16_t x[2 * 4] = {10, -20, 30, 40, 50, 60, -70, 80};
    const float y[2 * 2] = {1.5f, 2.5f, -3, 4};
    nn_loader_spec spec = {.split = "train"};
    nn_dataset *ds;
    nn_loader *loader;
    nn_batch batch;
    nn_h5 *file;

    CHECK_WORKS(nn_h5_create("standardised.h5", &file));
    put_array(file, "/train/x", NN_I16, 2, 2, 4, x);
    put_array(file, "/train/y", NN_F32, 2, 2, 2, y);
    CHECK_WORKS(nn_h5_set_real(file, "/train", "mean", 10));
    CHECK_WORKS(nn_h5_set_real(file, "/train", "std", 4));
    CHECK_WORKS(nn_h5_close(file));
    CHECK_WORKS(nn_dataset_open_path("standardised.h5", &ds));
    CHECK_EQ_INT(ds->affine.count, 1);
    CHECK_EQ_INT(ds->classes, 0);
    spec.dataset = ds;
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
    CHECK_EQ_INT(batch.target.width, 2);
    for (int i = 0; i < 8; i++)
        CHECK_NEAR(batch.x[i], (x[i] - 10) / 4.0, 1e-5);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(batch.target.value[i], y[i], 0);
    nn_loader_free(loader);
    nn_dataset_close(ds);
}

/* Images [C, H, W] come out as [H, W, C], each channel with its own scale and offset; W * H is not
 * a multiple of what is converted at once. */
#define HIGH 29
#define WIDE 31
static void check_images(nn_dtype type) {
    static uint8_t bytes[2][3][HIGH][WIDE];
    static double reals[2][3][HIGH][WIDE];
    const int64_t dim[4] = {2, 3, HIGH, WIDE};
    const double mean[3] = {10, 20, 30}, std[3] = {2, 4, 8};
    nn_loader_spec spec = {.split = "train", .x_only = true};
    const nn_field *field;
    nn_loader *loader;
    nn_batch batch;
    nn_h5 *file;
    nn_dataset *ds;

    for (size_t i = 0; i < sizeof bytes; i++) {
        (&bytes[0][0][0][0])[i] = (uint8_t)(i * 7);
        (&reals[0][0][0][0])[i] = (uint8_t)(i * 7);
    }
    CHECK_WORKS(nn_h5_create("images.h5", &file));
    CHECK_WORKS(nn_h5_write(file, "/train/x", type, 4, dim, 0, 0,
                            type == NN_U8 ? (void *)bytes : (void *)reals));
    CHECK_WORKS(nn_h5_close(file));
    CHECK_WORKS(nn_dataset_open_path("images.h5", &ds));
    ds->affine = (nn_affine){3, std, mean}; /* scale and offset */
    field = &ds->split[0].x;
    CHECK_EQ_INT(nn_channels_of(&field->shape), 3);
    spec.dataset = ds;
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
    for (size_t n = 0; n < 2; n++)
        for (size_t h = 0; h < HIGH; h++)
            for (size_t w = 0; w < WIDE; w++)
                for (size_t c = 0; c < 3; c++)
                    CHECK_NEAR(batch.x[((n * HIGH + h) * WIDE + w) * 3 + c],
                               bytes[n][c][h][w] * std[c] + mean[c], 0);
    nn_loader_free(loader);
    nn_dataset_close(ds);
}

/* Shards hold whole microbatches, also of an uneven last minibatch. */
static void check_microbatches(const nn_dataset *ds, int size, int64_t microbatches) {
    nn_pool pool = {0};
    nn_shards shards;

    CHECK_WORKS(nn_shards_init(&shards, &pool, (size_t)microbatches, (size_t)size));
    for (int rank = 0; rank < size; rank++) {
        nn_loader_spec spec = {
            .dataset = ds, .split = "train", .rank = rank, .shards = &shards, .batch_size = 13};
        int64_t begin = microbatches * rank / size, end = microbatches * (rank + 1) / size;
        nn_loader *shard;
        CHECK_WORKS(nn_loader_new(&spec, &shard));
        for (int64_t index = 0; index < 2; index++) {
            nn_batch batch;
            CHECK_WORKS(nn_loader_batch(shard, 0, index, &batch));
            CHECK_EQ_INT(batch.global, index ? 10 : 13);
            CHECK_EQ_INT(nn_even_begin(batch.global, microbatches, begin) + (int64_t)batch.count,
                         nn_even_begin(batch.global, microbatches, end));
            for (size_t i = 0; i < batch.count; i++)
                check_row(&batch, i);
        }
        nn_loader_free(shard);
    }
    nn_pool_release(&pool);
}

/* The same minibatch by other borders. */
static void check_moved(const nn_dataset *ds) {
    nn_pool pool = {0};
    nn_shards shards;
    nn_loader *loader;
    nn_batch batch;

    CHECK_WORKS(nn_shards_init(&shards, &pool, SAMPLES, 2));
    shards.most = SAMPLES - 1;
    nn_loader_spec spec = {.dataset = ds, .split = "train", .rank = 1, .shards = &shards};
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    for (int64_t border = 1; border < SAMPLES; border++) {
        nn_loader_forget(loader);
        shards.border[1] = border;
        CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
        CHECK_EQ_INT(batch.count, SAMPLES - border);
        CHECK_EQ_INT(batch.sample[0], border);
        for (size_t i = 0; i < batch.count; i++)
            check_row(&batch, i);
    }
    nn_loader_free(loader);
    nn_pool_release(&pool);
}

int main(void) {
    const int sizes[] = {1, 2, 3, 4, 8};
    nn_dataset *ds;

    enter_folder();
    write_file("data.h5");
    CHECK_WORKS(nn_dataset_open_path("data.h5", &ds));
    CHECK_EQ_INT(ds->classes, 5);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_microbatches(ds, sizes[i], 8);
        check_microbatches(ds, sizes[i], 11);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_epochs(ds, sizes[i], true, 5, 0);   /* uneven, and shards that are empty */
        check_epochs(ds, sizes[i], true, 23, 0);  /* the whole split */
        check_epochs(ds, sizes[i], false, 10, 0); /* in order */
        check_epochs(ds, sizes[i], true, 5, 120); /* x stays in the file */
        check_epochs(ds, sizes[i], true, 5, 1);   /* everything does */
    }
    check_sizes(ds);
    check_moved(ds);
    nn_dataset_close(ds);
    check_standardised();
    check_images(NN_U8);
    check_images(NN_F64);
    leave_folder();
    return check_done();
}
