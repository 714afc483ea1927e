/* Augmentation: exact values where they can be said, every row of the table, the same samples on
 * any number of shards and threads, and the distribution that was asked for. */
#include "data/augment/augmentations.h"
#include "data/augment/warp.h"
#include "data/loader/loader.h"
#include "data_files.h"
#include "math/parallel.h"

#include <math.h>

static nn_compute compute;

#define SAMPLES 40
#define HIGH 6
#define WIDE 5
#define PIXELS (HIGH * WIDE)

static uint8_t grey[SAMPLES][HIGH][WIDE];
static uint8_t coloured[SAMPLES][3][HIGH][WIDE];

static void write_files(void) {
    const int64_t dim[3] = {SAMPLES, HIGH, WIDE}, dims[4] = {SAMPLES, 3, HIGH, WIDE};
    const float y[SAMPLES] = {0};
    nn_h5 *file;

    for (size_t i = 0; i < sizeof grey; i++)
        (&grey[0][0][0])[i] = (uint8_t)(1 + i % 250);
    for (size_t i = 0; i < sizeof coloured; i++)
        (&coloured[0][0][0][0])[i] = (uint8_t)(1 + i % 250);
    CHECK_WORKS(nn_h5_create("grey.h5", &file));
    CHECK_WORKS(nn_h5_write(file, "/train/x", NN_U8, 3, dim, 0, 0, grey));
    CHECK_WORKS(nn_h5_write(file, "/train/y", NN_F32, 1, dim, 0, 0, y));
    CHECK_WORKS(nn_h5_set_real(file, "/", "offset", -1));
    CHECK_WORKS(nn_h5_close(file));
    CHECK_WORKS(nn_h5_create("coloured.h5", &file));
    CHECK_WORKS(nn_h5_write(file, "/train/x", NN_U8, 4, dims, 0, 0, coloured));
    CHECK_WORKS(nn_h5_write(file, "/train/y", NN_F32, 1, dims, 0, 0, y));
    CHECK_WORKS(nn_h5_close(file));
}

/* ---- one image ------------------------------------------------------------------------------- */

static const nn_shape small = {3, {2, 3, 2}};
static const nn_real in[12] = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60};
static const nn_real beyond[12] = {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12};

static void check_warp(const double at[2][3], const nn_real *want) {
    nn_warp warp;
    nn_real out[12];

    memcpy(warp.at, at, sizeof warp.at);
    nn_warp_image(&warp, &small, in, beyond, out);
    for (int i = 0; i < 12; i++)
        CHECK_NEAR(out[i], want[i], 1e-6);
}

static void exact_values(void) {
    check_warp((const double[2][3]){{1, 0, 0}, {0, 1, 0}}, in);
    /* from the row above and the column to the right */
    check_warp((const double[2][3]){{1, 0, -1}, {0, 1, 1}},
               (const nn_real[12]){-1, -2, -3, -4, -5, -6, 2, 20, 3, 30, -11, -12});
    check_warp((const double[2][3]){{1, 0, 0}, {0, -1, 2}},
               (const nn_real[12]){3, 30, 2, 20, 1, 10, 6, 60, 5, 50, 4, 40});
    check_warp((const double[2][3]){{-1, 0, 1}, {0, -1, 1}},
               (const nn_real[12]){5, 50, 4, 40, -5, -6, 2, 20, 1, 10, -11, -12});
    check_warp((const double[2][3]){{1, 0, 5}, {0, 1, 0}}, beyond);
    /* between rows and columns, with what lies beyond the edge */
    check_warp((const double[2][3]){{1, 0, 0.5}, {0, 1, 0.25}},
               (const nn_real[12]){2.75f, 27.5f, 3.75f, 37.5f, 1.375f, 31.5f, -1.625f, 17, -2.125f,
                                   21, -4.625f, 15});
}

/* A quarter turn of a square image, by interpolation. */
static void quarter_turn(void) {
    const nn_shape square = {2, {3, 3}};
    const nn_real x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, zero[9] = {0};
    const nn_real want[9] = {3, 6, 9, 2, 5, 8, 1, 4, 7};
    nn_warp warp = {{{6e-17, 1, 0}, {-1, 6e-17, 2}}};
    nn_real out[9];

    nn_warp_image(&warp, &square, x, zero, out);
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(out[i], want[i], 1e-6);
}

/* ---- minibatches ----------------------------------------------------------------------------- */

static nn_dataset *open_data(const char *file, const char *augment) {
    char text[256];
    nn_dataset *ds;

    snprintf(text, sizeof text, "{path: %s, augment: %s}", file, augment);
    CHECK_WORKS(open_yaml(text, &ds));
    return ds;
}

/* The samples of minibatches of `epoch` in the order of the epoch, from `size` shards, into
 * x [SAMPLES][width]; every loader is made anew, as after a resume. */
static void collect(const nn_dataset *ds, int size, int64_t epoch, uint64_t memory, bool training,
                    nn_real *x) {
    size_t width = nn_shape_count(&ds->split[0].x.shape);
    nn_pool pool = {0};
    nn_shards shards;

    CHECK_WORKS(nn_shards_init(&shards, &pool, (size_t)size, (size_t)size));
    for (int rank = 0; rank < size; rank++) {
        nn_loader_spec spec = {.dataset = ds,
                               .compute = &compute,
                               .split = "train",
                               .rank = rank,
                               .shards = &shards,
                               .batch_size = 32,
                               .shuffle = true,
                               .training = training,
                               .seed = 5,
                               .memory_limit = memory};
        nn_loader *loader;
        CHECK_WORKS(nn_loader_new(&spec, &loader));
        for (int64_t i = 0; i < nn_loader_batches(loader); i++) {
            nn_batch b;
            CHECK_WORKS(nn_loader_batch(loader, epoch, i, &b));
            for (size_t s = 0; s < b.count; s++)
                memcpy(x + (size_t)b.sample[s] * width, b.x + s * width, width * sizeof *x);
        }
        nn_loader_free(loader);
    }
    nn_pool_release(&pool);
}

static nn_real one[SAMPLES * 3 * PIXELS], other[SAMPLES * 3 * PIXELS], plain[SAMPLES * 3 * PIXELS];

static bool same(size_t count) {
    return memcmp(one, other, count * sizeof *one) == 0;
}

/* Every row of the table changes samples, the same ones on any number of shards and threads and
 * from memory or the file, others in the next epoch, and none in evaluation. */
static void check_row(const char *file, const char *augment) {
    nn_dataset *ds = open_data(file, augment);
    size_t count = SAMPLES * nn_shape_count(&ds->split[0].x.shape);

    collect(ds, 1, 3, 0, true, one);
    for (int size = 1; size <= 4; size++) {
        compute.threads = size % 2 ? 2 : 1;
        memset(other, 0, sizeof other);
        collect(ds, size, 3, size == 3, true, other);
        if (!CHECK(same(count)))
            fprintf(stderr, "  %s, %d shards\n", augment, size);
    }
    compute.threads = 1;
    collect(ds, 1, 4, 0, true, other);
    CHECK(!same(count));
    collect(ds, 1, 4, 0, false, one);
    for (size_t i = 0; i < SAMPLES * PIXELS && count == SAMPLES * PIXELS; i++)
        CHECK_NEAR(one[i], (&grey[0][0][0])[i] - 1, 0);
    nn_dataset_close(ds);
}

static void all_rows(void) {
    static const char *const cases[] = {
        "[shift: {pixels: 1}]", "[crop: {padding: 2}]", "[flip]", "[rotate]", "[zoom]", "[noise]",
    };

    for (const nn_entry *const *row = nn_augmentations.rows; *row; row++) {
        bool found = false;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            found = found || strncmp(cases[i] + 1, (*row)->name, strlen((*row)->name)) == 0;
        if (!CHECK(found))
            fprintf(stderr, "  no case for '%s'\n", (*row)->name);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_row("grey.h5", cases[i]);
        check_row("coloured.h5", cases[i]);
    }
    check_row("grey.h5", "[shift, flip: {direction: both}, rotate: {degrees: 40}, zoom, noise]");
}

/* The channels of a pixel stay together. */
static void channels_agree(void) {
    nn_dataset *ds = open_data("coloured.h5", "[shift: {pixels: 2}, flip]");
    size_t moved = 0;

    collect(ds, 1, 0, 0, true, one);
    collect(ds, 1, 0, 0, false, plain);
    for (size_t s = 0; s < SAMPLES; s++) {
        for (size_t p = 0; p < PIXELS; p++) {
            const nn_real *pixel = one + (s * PIXELS + p) * 3;
            bool found = pixel[0] == 0 && pixel[1] == 0 && pixel[2] == 0;
            for (size_t q = 0; q < PIXELS && !found; q++)
                found = memcmp(pixel, plain + (s * PIXELS + q) * 3, 3 * sizeof *pixel) == 0;
            CHECK(found);
        }
        moved +=
            memcmp(one + s * PIXELS * 3, plain + s * PIXELS * 3, 3 * PIXELS * sizeof *one) != 0;
    }
    CHECK(moved > SAMPLES / 2);
    nn_dataset_close(ds);
}

/* ---- distributions --------------------------------------------------------------------------- */

#define DRAWS 20000

static void shifts_are_uniform(void) {
    const int64_t pixels = 2;
    size_t seen[5][5] = {{0}};

    for (uint64_t i = 0; i < DRAWS; i++) {
        nn_rng rng = nn_rng_stream(1, NN_RNG_AUGMENT, 0, i);
        nn_warp warp = {{{1, 0, 0}, {0, 1, 0}}};
        nn_augment_shift.move(&pixels, &rng, HIGH, WIDE, &warp);
        int down = (int)warp.at[0][2] + 2, right = (int)warp.at[1][2] + 2;
        if (CHECK(down >= 0 && down < 5 && right >= 0 && right < 5))
            seen[down][right]++;
    }
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            CHECK_NEAR((double)seen[i][j], DRAWS / 25.0, 5 * sqrt(DRAWS / 25.0));
}

/* Mean and deviation of the numbers that noise adds, and how many lie beyond one deviation. */
static void noise_is_normal(void) {
    const double std = 0.5;
    static nn_real x[DRAWS + 1];
    double sum = 0, squares = 0, outside = 0, fourth = 0;
    nn_rng rng = nn_rng_stream(1, NN_RNG_AUGMENT, 0, 9);

    nn_augment_noise.change(&std, &rng, DRAWS, x);
    CHECK_EQ_INT(x[DRAWS] == 0, 1);
    for (size_t i = 0; i < DRAWS; i++) {
        double z = (double)x[i] / std;
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        outside += fabs(z) > 1;
    }
    CHECK_NEAR(sum / DRAWS, 0, 5 / sqrt(DRAWS));
    CHECK_NEAR(squares / DRAWS, 1, 5 * sqrt(2.0 / DRAWS));
    CHECK_NEAR(fourth / DRAWS, 3, 5 * sqrt(96.0 / DRAWS));
    CHECK_NEAR(outside / DRAWS, 0.3173, 5 * sqrt(0.217 / DRAWS));
}

static void flips_are_fair(void) {
    nn_dataset *ds = open_data("grey.h5", "[flip: {probability: 0.25}]");
    size_t flipped = 0;

    collect(ds, 1, 0, 0, false, plain);
    for (int64_t epoch = 0; epoch < 25; epoch++) {
        collect(ds, 1, epoch, 0, true, one);
        for (size_t s = 0; s < SAMPLES; s++) {
            const nn_real *a = one + s * PIXELS, *b = plain + s * PIXELS;
            CHECK_NEAR(a[0], a[0] < b[0] || a[0] > b[0] ? b[WIDE - 1] : b[0], 0);
            flipped += a[0] < b[0] || a[0] > b[0];
        }
    }
    CHECK_NEAR((double)flipped / 1000, 0.25, 5 * sqrt(0.1875 / 1000));
    nn_dataset_close(ds);
}

static void errors(void) {
    const float x[4] = {0};
    nn_dataset *ds;
    nn_h5 *file;

    CHECK_WORKS(nn_h5_create("flat.h5", &file));
    put_array(file, "/train/x", NN_F32, 2, 2, 2, x);
    CHECK_WORKS(nn_h5_close(file));
    CHECK_FAILS(open_yaml("{path: flat.h5, augment: [noise, flip]}", &ds), NN_EUSAGE,
                "test.yaml:1:34: augmentation 'flip' moves pixels of images [H, W] or [C, H, W], "
                "but a row of x is [2]");
    CHECK_FAILS(open_yaml("{path: grey.h5, augment: [shfit]}", &ds), NN_EUSAGE,
                "unknown augmentation 'shfit', did you mean 'shift'?");
    CHECK_FAILS(open_yaml("{path: grey.h5, augment: flip}", &ds), NN_EUSAGE, "augment is a list");
    CHECK_FAILS(open_yaml("{path: grey.h5, augment: [rotate: {degrees: -1}]}", &ds), NN_EUSAGE,
                "degrees");
}

int main(void) {
    enter_folder();
    write_files();
    exact_values();
    quarter_turn();
    all_rows();
    channels_agree();
    shifts_are_uniform();
    noise_is_normal();
    flips_are_fair();
    errors();
    leave_folder();
    return check_done();
}
