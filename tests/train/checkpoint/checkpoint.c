/* Checkpoints: what is written comes back, what is damaged or of another model is refused. */
#include "train/checkpoint/checkpoint.h"

#include "base/json/json.h"
#include "io/files/file.h"
#include "io/hdf5/h5.h"
#include "litter.h"
#include "small_model.h"
#include "train/checkpoint/layout.h"
#include "train/checkpoint/trailer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYERS "[{dense: {name: fc1, units: 5, activation: tanh}}, {dense: {name: fc2, units: 3}}]"

static const nn_shape input = {1, {4}};
static const char *const slot_names[] = {"momentum_buffer", NULL};
static const char *class_names[] = {"ape", "bee", "c\xc3\xa6t"};
static const double scale[] = {0.5}, offset[] = {-1};

/* A snapshot of a model with an optimiser state of its own, and everything else filled in. */
static nn_snapshot snapshot_of(struct small_model *s) {
    size_t size = nn_model_size(s->model);

    for (size_t i = 0; i < size; i++)
        s->grads[i] = (nn_real)i / 8;
    return (nn_snapshot){
        .model = s->model,
        .params = s->params,
        .slots = 1,
        .slot_names = slot_names,
        .slot = {s->grads},
        .state = {.step = 120,
                  .epoch = 3,
                  .batch = 7,
                  .steps_per_epoch = 40,
                  .seed = 9,
                  .best_step = 80,
                  .best_value = 0.1,
                  .since_best = 2,
                  .epoch_loss = 12.5,
                  .epoch_weight = 70,
                  .last_epoch_loss = NAN},
        .config = "data: {}\n",
        .optimizer = "sgd",
        .data = {.x = input,
                 .labels = true,
                 .target_width = 1,
                 .classes = 3,
                 .class_names = class_names,
                 .affine = {1, scale, offset}},
        .history = "{\"event\":\"validate\"}\n",
    };
}

static void check_ok(int rc) {
    if (!CHECK_EQ_INT(rc, NN_OK))
        fprintf(stderr, "%s\n", nn_error_message());
}

static void check_fails(int rc, const char *message) {
    CHECK_EQ_INT(rc, NN_EFORMAT);
    CHECK_CONTAINS(nn_error_message(), message);
}

static void check_vector(const nn_model *model, const nn_real *a, const nn_real *b) {
    const nn_param *const *param;
    size_t count = nn_model_params(model, &param);

    for (size_t i = 0; i < count; i++)
        CHECK(memcmp(a + param[i]->offset, b + param[i]->offset, param[i]->count * sizeof *a) == 0);
}

static void round_trip(void) {
    struct small_model from, to;
    nn_pool pool = {0};
    char before[65], after[65], stored[65];

    if (!small_model_new(&from, LAYERS, input, NULL, NULL) ||
        !small_model_new(&to, LAYERS, input, NULL, NULL))
        return;
    nn_snapshot out = snapshot_of(&from), in = {.model = to.model,
                                                .params = to.params,
                                                .slots = 1,
                                                .slot_names = slot_names,
                                                .slot = {to.grads}};
    memset(to.params, 0, nn_model_size(to.model) * sizeof *to.params);
    check_ok(nn_checkpoint_write("a.h5", &out));
    CHECK_EQ_INT(temporary_files("."), 0);
    check_ok(nn_checkpoint_read("a.h5", &pool, &in));
    check_vector(from.model, from.params, to.params);
    check_vector(from.model, from.grads, to.grads);
    CHECK(isnan(in.state.last_epoch_loss));
    in.state.last_epoch_loss = out.state.last_epoch_loss = 0;
    CHECK(memcmp(&in.state, &out.state, sizeof in.state) == 0);
    CHECK_STR(in.config, out.config);
    CHECK_STR(in.history, out.history);
    CHECK_STR(in.optimizer, "sgd");
    CHECK_EQ_INT(in.data.x.rank, 1);
    CHECK_EQ_INT(in.data.x.dim[0], 4);
    CHECK(in.data.labels);
    CHECK_EQ_INT(in.data.target_width, 1);
    CHECK_EQ_INT(in.data.classes, 3);
    CHECK_STR(in.data.class_names[2], class_names[2]);
    CHECK_EQ_INT(in.data.affine.count, 1);
    CHECK_NEAR(in.data.affine.scale[0], 0.5, 0);
    CHECK_NEAR(in.data.affine.offset[0], -1, 0);
    check_ok(nn_params_digest(from.model, from.params, before));
    check_ok(nn_params_digest(to.model, to.params, after));
    check_ok(nn_checkpoint_digest("a.h5", stored));
    CHECK_EQ_INT(strlen(before), 64);
    CHECK_STR(before, after);
    CHECK_STR(before, stored);
    small_model_release(&from);
    small_model_release(&to);
    nn_pool_release(&pool);
}

/* Without model, data or best validation, as a library's user might write it. */
static void least(void) {
    struct small_model s;
    nn_pool pool = {0};
    nn_snapshot peeked = {0};

    if (!small_model_new(&s, "[flatten]", input, NULL, NULL))
        return;
    nn_snapshot out = {.model = s.model, .params = s.params, .config = ""};
    check_ok(nn_checkpoint_write("least.h5", &out));
    check_ok(nn_checkpoint_peek("least.h5", &pool, &peeked));
    CHECK_STR(peeked.config, "");
    CHECK_STR(peeked.history, "");
    CHECK_STR(peeked.optimizer, "");
    CHECK(!peeked.data.class_names);
    CHECK_EQ_INT(peeked.data.affine.count, 0);
    small_model_release(&s);
    nn_pool_release(&pool);
}

/* The digest is of parameters alone, and of every bit of them. */
static void digests(void) {
    struct small_model s;
    char one[65], two[65];

    if (!small_model_new(&s, LAYERS, input, NULL, NULL))
        return;
    nn_snapshot out = snapshot_of(&s);
    check_ok(nn_checkpoint_write("a.h5", &out));
    check_ok(nn_checkpoint_digest("a.h5", one));
    out.state.step++;
    out.slot[0][0] += 1;
    out.config = "other: 1\n";
    check_ok(nn_checkpoint_write("b.h5", &out));
    check_ok(nn_checkpoint_digest("b.h5", two));
    CHECK_STR(one, two);
    s.params[0] += 1e-3F;
    check_ok(nn_params_digest(s.model, s.params, two));
    CHECK(strcmp(one, two) != 0);
    small_model_release(&s);
}

static void read_into(const char *layers, const char *message) {
    struct small_model s;
    nn_pool pool = {0};

    if (!small_model_new(&s, layers, input, NULL, NULL))
        return;
    nn_snapshot in = {.model = s.model, .params = s.params};
    check_fails(nn_checkpoint_read("a.h5", &pool, &in), message);
    CHECK(in.config == NULL);
    small_model_release(&s);
    nn_pool_release(&pool);
}

static void other_models(void) {
    struct small_model s;
    nn_pool pool = {0};

    read_into("[{dense: {name: fc1, units: 6}}, {dense: {name: fc2, units: 3}}]",
              "a.h5: /model/fc1/weight is [5, 4], the model has [6, 4]");
    read_into("[{dense: {name: fc1, units: 5}}, {dense: {name: out, units: 3}}]",
              "a.h5 is a checkpoint of another model: it has no layer 'out'");
    read_into("[{dense: {name: fc1, units: 5}}]",
              "a.h5 is a checkpoint of another model: the model has no layer 'fc2'");
    read_into("[{dense: {name: fc1, units: 5, bias: false}}, {dense: {name: fc2, units: 3}}]",
              "the model has no parameter /model/fc1/bias");
    if (!small_model_new(&s, LAYERS, input, NULL, NULL))
        return;
    nn_snapshot in = {.model = s.model,
                      .params = s.params,
                      .slots = 1,
                      .slot_names = (const char *const[]){"exp_avg", NULL},
                      .slot = {s.grads}};
    check_fails(nn_checkpoint_read("a.h5", &pool, &in), "holds no optimiser state 'exp_avg'");
    small_model_release(&s);
    nn_pool_release(&pool);
}

static void copy_file(const char *from, const char *to) {
    nn_pool pool = {0};
    char *bytes;
    size_t length;

    check_ok(nn_file_read(&pool, from, &bytes, &length));
    check_ok(nn_file_write(to, bytes, length));
    nn_pool_release(&pool);
}

/* Whatever byte of the file is wrong, it is refused, or reads as if nothing were: a trailer that
 * can no longer be recognised is none. */
static void every_byte(void) {
    struct small_model s;
    struct stat status;
    off_t refused = 0, tried = 0;
    unsigned char byte;

    if (!small_model_new(&s, LAYERS, input, NULL, NULL))
        return;
    copy_file("a.h5", "flip.h5");
    int fd = open("flip.h5", O_RDWR);
    if (!CHECK(fd >= 0) || !CHECK(fstat(fd, &status) == 0))
        return;
    for (off_t at = 0; at < status.st_size; at += 7) {
        nn_pool pool = {0};
        nn_snapshot in = {.model = s.model, .params = s.params};
        CHECK_EQ_INT(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        CHECK_EQ_INT(pwrite(fd, &byte, 1, at), 1);
        int rc = nn_checkpoint_read("flip.h5", &pool, &in);
        tried++;
        refused += rc == NN_EFORMAT;
        CHECK(rc == NN_EFORMAT || (rc == NN_OK && at > status.st_size - 128));
        byte ^= 0x10;
        CHECK_EQ_INT(pwrite(fd, &byte, 1, at), 1);
        nn_pool_release(&pool);
    }
    close(fd);
    CHECK(refused >= tried - 128 / 7);
    small_model_release(&s);
}

/* Appends the checksum that the file should end in. */
static void add_trailer(const char *path) {
    nn_trailer *trailer;

    check_ok(nn_trailer_begin(path, &trailer));
    check_ok(nn_trailer_write(trailer));
    check_ok(nn_trailer_end(trailer));
}

/* A file whose checksum is gone is no longer what was written. */
static void without_trailer(void) {
    struct small_model s;
    struct stat status;
    nn_pool pool = {0};
    nn_snapshot in = {0};

    if (!small_model_new(&s, LAYERS, input, NULL, NULL))
        return;
    nn_snapshot out = snapshot_of(&s);
    check_ok(nn_checkpoint_write("open.h5", &out));
    CHECK(stat("open.h5", &status) == 0 && truncate("open.h5", status.st_size - 128) == 0);
    check_fails(nn_checkpoint_peek("open.h5", &pool, &in), "the checksum at its end is missing");
    add_trailer("open.h5");
    check_ok(nn_checkpoint_peek("open.h5", &pool, &in));
    small_model_release(&s);
    nn_pool_release(&pool);
}

static void damaged(void) {
    nn_pool pool = {0};
    nn_snapshot in = {0};
    struct stat status;
    nn_h5 *file;
    char hex[65];

    check_fails(nn_checkpoint_peek("none.h5", &pool, &in), "none.h5");
    check_ok(nn_file_write("text.h5", "no HDF5", 7));
    check_fails(nn_checkpoint_peek("text.h5", &pool, &in), "text.h5");
    copy_file("a.h5", "short.h5");
    CHECK(stat("a.h5", &status) == 0 && truncate("short.h5", status.st_size - 400) == 0);
    check_fails(nn_checkpoint_digest("short.h5", hex), "short.h5");
    check_ok(nn_h5_create("data.h5", &file));
    check_ok(nn_h5_write_text(file, "/config", ""));
    check_ok(nn_h5_close(file));
    check_fails(nn_checkpoint_peek("data.h5", &pool, &in), "data.h5 is no checkpoint");
    add_trailer("data.h5");
    check_fails(nn_checkpoint_peek("data.h5", &pool, &in), "data.h5 is no checkpoint");
    check_ok(nn_h5_create("new.h5", &file));
    check_ok(nn_h5_set_text(file, "/", "format", NN_CHECKPOINT_FORMAT));
    check_ok(nn_h5_set_int(file, "/", "version", NN_CHECKPOINT_VERSION + 1));
    check_ok(nn_h5_close(file));
    add_trailer("new.h5");
    check_fails(nn_checkpoint_peek("new.h5", &pool, &in), "checkpoint of version 3");
    nn_pool_release(&pool);
}

static void refused(const nn_snapshot *out, const char *message) {
    nn_pool pool = {0};
    nn_snapshot in = {0};

    check_ok(nn_checkpoint_write("forged.h5", out));
    check_fails(nn_checkpoint_peek("forged.h5", &pool, &in), message);
    nn_pool_release(&pool);
}

/* A good checksum is no proof: numbers that no run has written are refused. */
static void forged(void) {
    struct small_model s;

    if (!small_model_new(&s, LAYERS, input, NULL, NULL))
        return;
    nn_snapshot good = snapshot_of(&s), out = good;
    out.state.batch = -1;
    refused(&out, "batch of /state is -1, which cannot be");
    out = good;
    out.state.step = INT64_MAX;
    refused(&out, "step of /state is 9223372036854775807, which cannot be");
    out = good;
    out.state.batch = out.state.batch_size = (int64_t)1 << 40;
    refused(&out, "/state has taken 1099511627776 minibatches of 1099511627776 samples");
    out = good;
    out.data.class_names = NULL;
    out.data.classes = -3;
    refused(&out, "/data says -3 classes");
    out = good;
    out.data.x = (nn_shape){2, {-4, -1}};
    refused(&out, "/data/shape is [-4, -1], which no sample has");
    out.data.x = (nn_shape){2, {(int64_t)1 << 40, (int64_t)1 << 40}};
    refused(&out, "which no sample has");
    out.data.x = (nn_shape){1, {3}};
    out.data.affine = (nn_affine){4, (const double[4]){1}, (const double[4]){0}};
    refused(&out, "/data/scale has 4 numbers of float64, not up to 3");
    small_model_release(&s);
}

/* No file may become longer. */
static void limit_files(rlim_t bytes) {
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A failed write leaves what stood there, and no litter. */
static void failed_write(void) {
    struct small_model s;
    char before[65], after[65];

    if (!small_model_new(&s, LAYERS, input, NULL, NULL))
        return;
    nn_snapshot out = snapshot_of(&s);
    CHECK_EQ_INT(nn_checkpoint_write("no/such/folder.h5", &out), NN_EIO);
    CHECK_CONTAINS(nn_error_message(), "no/such/folder.h5");
    check_ok(nn_checkpoint_write("a.h5", &out));
    check_ok(nn_checkpoint_digest("a.h5", before));
    limit_files(1000);
    CHECK_EQ_INT(nn_checkpoint_write("a.h5", &out), NN_EIO);
    limit_files(RLIM_INFINITY);
    check_ok(nn_checkpoint_digest("a.h5", after));
    CHECK_STR(before, after);
    CHECK_EQ_INT(temporary_files("."), 0);
    small_model_release(&s);
}

int main(void) {
    char folder[] = "/tmp/nnmpi-checkpoint.XXXXXX", command[64];

    if (!CHECK(mkdtemp(folder)) || !CHECK(chdir(folder) == 0))
        return check_done();
    round_trip();
    least();
    digests();
    other_models();
    damaged();
    every_byte();
    without_trailer();
    forged();
    failed_write();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(chdir("/") == 0 && system(command) == 0);
    return check_done();
}
