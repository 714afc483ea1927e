/* Residuals of sums between nodes in checkpoints: they come back to the bit on as many nodes, their
 * sum on any other number; who has no place for them leaves them; forged ones are refused. */
#include "comm/between/bf16.h"
#include "io/hdf5/h5.h"
#include "small_model.h"
#include "train/checkpoint/checkpoint.h"

#include <stdlib.h>
#include <unistd.h>

#define LAYERS                                                                                     \
    "[{conv2d: {name: conv, filters: 3, kernel: 2}}, flatten, {dense: {name: fc, units: 2}}]"

enum { NODES = 3, MOST = 200 };

#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        if (!CHECK_EQ_INT(call, 0))                                                                \
            fprintf(stderr, "%s\n", nn_error_message());                                           \
    } while (0)

static const nn_shape input = {3, {2, 3, 4}};
static struct small_model s;
static size_t at[4], tensors, size; /* of all but conv's bias */
static uint16_t written[NODES * MOST];

static void place(void) {
    const nn_param *const *param;

    tensors = nn_model_params(s.model, &param);
    CHECK(tensors == 4);
    for (size_t i = 0; i < tensors; i++) {
        bool none = strcmp(param[i]->layer->name, "conv") == 0 && param[i]->rank == 1;
        at[i] = none ? NN_NO_RESIDUAL : size;
        size += none ? 0 : param[i]->count;
    }
    CHECK(size > 20 && size < MOST);
}

static nn_snapshot snapshot(size_t nodes, uint16_t *value) {
    return (nn_snapshot){.model = s.model,
                         .params = s.params,
                         .config = "",
                         .residual = {.nodes = nodes, .size = size, .at = at, .value = value}};
}

static void write_some(void) {
    nn_snapshot out = snapshot(NODES, written);

    for (size_t i = 0; i < NODES * size; i++)
        written[i] = nn_bf16_of((float)sin((double)i) / 1000);
    written[5] = 0x8000; /* -0 */
    written[6] = 0x8001; /* no normal number */
    CHECK_OK(nn_checkpoint_write("a.h5", &out));
}

static float sum_of(const uint16_t *value, size_t nodes, size_t i) {
    float sum = 0;

    for (size_t node = 0; node < nodes; node++)
        sum += nn_bf16_value(value[node * size + i]);
    return sum;
}

static void read_on(size_t nodes) {
    uint16_t value[(NODES + 2) * MOST] = {0};
    nn_snapshot in = snapshot(nodes, value);
    nn_pool pool = {0};
    size_t same = nodes < NODES ? 0 : NODES * size;

    CHECK_OK(nn_checkpoint_read("a.h5", &pool, &in));
    CHECK(!in.residual.left);
    CHECK(memcmp(value, written, same * sizeof *value) == 0);
    for (size_t i = 0; i < size; i++)
        CHECK_NEAR(sum_of(value, nodes, i), sum_of(written, NODES, i), 3e-3 / 256);
    for (size_t i = same; nodes > NODES && i < nodes * size; i++)
        CHECK_EQ_INT(value[i], 0);
    nn_pool_release(&pool);
}

/* A tensor that travels no more, a run without residuals, somebody who wants the model; and a run
 * with residuals that reads a file without. */
static void left(void) {
    uint16_t value[NODES * MOST] = {0};
    size_t before = at[tensors - 1];
    nn_pool pool = {0};
    nn_snapshot in = snapshot(NODES, value), none = snapshot(0, NULL);

    at[tensors - 1] = NN_NO_RESIDUAL;
    CHECK_OK(nn_checkpoint_read("a.h5", &pool, &in));
    CHECK(in.residual.left && value[before] == 0 && value[0] == written[0]);
    at[tensors - 1] = before;
    in = none;
    CHECK_OK(nn_checkpoint_read("a.h5", &pool, &in));
    CHECK(in.residual.left);
    in = (nn_snapshot){0};
    CHECK_OK(nn_checkpoint_peek("a.h5", &pool, &in));
    CHECK_OK(nn_checkpoint_write("none.h5", &none));
    memset(value, 0, sizeof value);
    in = snapshot(NODES, value);
    CHECK_OK(nn_checkpoint_read("none.h5", &pool, &in));
    CHECK(!in.residual.left);
    for (size_t i = 0; i < NODES * size; i++)
        CHECK_EQ_INT(value[i], 0);
    nn_pool_release(&pool);
}

/* They are no parameters. */
static void digests(void) {
    char with[65], without[65];

    CHECK_OK(nn_checkpoint_digest("a.h5", with));
    CHECK_OK(nn_checkpoint_digest("none.h5", without));
    CHECK_STR(with, without);
}

struct forged {
    const char *path;
    nn_dtype type;
    int rank;
    int64_t dim[4];
    int16_t first;
    const char *message;
};

static void refuse(const struct forged *f) {
    uint16_t value[NODES * MOST] = {0};
    int16_t data[4 * MOST] = {f->first};
    nn_snapshot in = snapshot(NODES, value), none = snapshot(0, NULL);
    nn_pool pool = {0};
    nn_h5 *file;

    CHECK_OK(nn_checkpoint_write("forged.h5", &none));
    CHECK_OK(nn_h5_edit("forged.h5", &file));
    CHECK_OK(nn_h5_write(file, f->path, f->type, f->rank, f->dim, 0, 0, data));
    CHECK_OK(nn_h5_close(file));
    int rc = nn_checkpoint_load("forged.h5", &pool, &in);
    CHECK_EQ_INT(rc, f->message ? NN_EFORMAT : NN_OK);
    if (f->message)
        CHECK_CONTAINS(nn_error_message(), f->message);
    nn_pool_release(&pool);
}

static void forged(void) {
    static const struct forged files[] = {
        {"/residual/1/fc/bias", NN_I16, 1, {2}, 0x7f7f, NULL},
        {"/residual/1/fc/bias", NN_I16, 1, {2}, 0x7f80, "/residual/1/fc/bias has NaN or Inf"},
        {"/residual/7/fc/bias", NN_I16, 1, {2}, (int16_t)0xffc0, "fc/bias has NaN or Inf"},
        {"/residual/0/fc/bias", NN_I16, 1, {3}, 0, "fc/bias is [3], the model has [2]"},
        {"/residual/0/fc/bias", NN_I16, 2, {2, 1}, 0, "fc/bias is [2, 1], the model has [2]"},
        {"/residual/0/fc/bias", NN_F32, 1, {2}, 0, "fc/bias is of float32, not of int16"},
        {"/residual/0/fc/other", NN_I16, 1, {2}, 0, "/residual/0/fc/other is of no node or"},
        {"/residual/x/fc/bias", NN_I16, 1, {2}, 0, "/residual/x/fc/bias is of no node or"},
        {"/residual/-1/fc/bias", NN_I16, 1, {2}, 0, "is of no node or"},
        {"/residual/12345678901/fc/bias", NN_I16, 1, {2}, 0, "is of no node or"},
        {"/residual/fc/bias", NN_I16, 1, {2}, 0, "is of no node or"},
        {"/residual/0", NN_I16, 1, {2}, 0, "/residual/0 is of no node or"},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        refuse(&files[i]);
}

int main(void) {
    char folder[] = "/tmp/nnmpi-residuals.XXXXXX", command[64];

    if (!CHECK(mkdtemp(folder)) || !CHECK(chdir(folder) == 0))
        return check_done();
    if (small_model_new(&s, LAYERS, input, NULL, NULL)) {
        place();
        write_some();
        for (size_t nodes = 1; nodes <= NODES + 2; nodes++)
            read_on(nodes);
        left();
        digests();
        forged();
        small_model_release(&s);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(chdir("/") == 0 && system(command) == 0);
    return check_done();
}
