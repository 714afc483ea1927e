/* Checkpoints: of a net with optimiser state and everything that one can hold, of the least, and of
 * a run on several nodes. */
#include "io/hdf5/h5.h"
#include "io/yaml/yaml.h"
#include "sandbox.h"
#include "seeds.h"
#include "train/checkpoint/checkpoint.h"

#include <nnmpi/config.h>

#include <string.h>

#define LAYERS                                                                                     \
    "[dense: {name: fc1, units: 3, activation: tanh}, batch_norm, dense: {name: fc2, units: 2}]"
#define CONFIG                                                                                     \
    "data: {source: iris}\nmodel: " LAYERS "\nloss: cross_entropy\n"                               \
    "train: {epochs: 2, batch_size: 5, optimizer: momentum}\n"

static void ok(int rc) {
    sandbox_expect(rc == 0, nn_error_message());
}

/* A configuration that is refused would keep all inputs from the model. */
static void check_config(void) {
    nn_config *config;

    ok(nn_config_parse("config", CONFIG, strlen(CONFIG), &config));
    ok(nn_config_check(config));
    nn_config_free(config);
}

/* Tables of initial parameters as others write them. */
static void put_tables(const nn_model *model, const nn_real *params) {
    const nn_param *const *param;
    size_t count = nn_model_params(model, &param);
    char name[64];
    nn_h5 *file;

    ok(nn_h5_create("tables.h5", &file));
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "/%s/%s", param[i]->layer->name, param[i]->name);
        ok(nn_h5_write(file, name, NN_F32, param[i]->rank, param[i]->dim, 0, 0, params));
    }
    ok(nn_h5_close(file));
}

/* Residuals of two nodes, each for the whole vector. */
static void put_residuals(nn_snapshot snapshot, nn_pool *pool) {
    const nn_param *const *param;
    size_t size = nn_model_size(snapshot.model), count = nn_model_params(snapshot.model, &param);
    size_t *at = nn_pool_alloc(pool, count * sizeof *at);
    uint16_t *value = nn_pool_alloc(pool, 2 * size * sizeof *value);

    sandbox_expect(at && value, "there is memory");
    for (size_t i = 0; i < count; i++)
        at[i] = param[i]->offset;
    snapshot.residual = (nn_residual_state){.nodes = 2, .size = size, .at = at, .value = value};
    ok(nn_checkpoint_write("nodes", &snapshot));
}

void seeds_checkpoint(void) {
    static const char *const slots[] = {"momentum_buffer"};
    static const char *classes[] = {"ape", "bee"}, *columns[] = {"a", "b", "c", "d"};
    static const double one[] = {0.5, 1, 2, 4};
    nn_shape input = {1, {4}};
    nn_pool pool = {0};
    nn_model *model;
    nn_node *layers;

    check_config();
    ok(nn_yaml_parse(&pool, "model", LAYERS, strlen(LAYERS), &layers));
    ok(nn_model_plan(layers, input, NULL, &model));
    nn_real *params = nn_pool_alloc(&pool, 2 * nn_model_size(model) * sizeof *params);
    sandbox_expect(params != NULL, "there is memory");
    nn_snapshot snapshot = {.model = model, .params = params, .config = CONFIG};
    ok(nn_checkpoint_write("least", &snapshot));
    snapshot.slots = 1;
    snapshot.slot_names = slots;
    snapshot.slot[0] = params + nn_model_size(model);
    snapshot.optimizer = "momentum";
    snapshot.kernels = "openblas";
    snapshot.history = "{\"event\":\"validate\"}\n";
    snapshot.state = (nn_state){.step = 7, .epoch = 1, .batch = 2, .batch_size = 5, .best_step = 5};
    snapshot.data = (nn_data_traits){.x = input,
                                     .labels = true,
                                     .target_width = 1,
                                     .classes = 2,
                                     .class_names = classes,
                                     .features = 4,
                                     .feature_names = columns,
                                     .affine = {1, one, one},
                                     .normal = {.count = 4, .mean = one, .std = one}};
    ok(nn_checkpoint_write("full", &snapshot));
    put_residuals(snapshot, &pool);
    put_tables(model, params);
    nn_model_free(model);
    nn_pool_release(&pool);
}
