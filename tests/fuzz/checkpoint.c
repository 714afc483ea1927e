/* Checkpoints, behind the checksum that refuses what is damaged by accident: looked into, and read
 * into the model that their configuration describes; and the same files as tables of parameters. */
#include "train/checkpoint/checkpoint.h"

#include "nn/losses/loss.h"
#include "small_model.h"
#include "train/checkpoint/import_weights.h"
#include "train/config/settings.h"

#include <hdf5.h>
#include <string.h>

enum { LARGEST = 1 << 16 /* parameters: how large a model is, a configuration may say */ };

static void read_tables(nn_pool *pool) {
    const nn_pretrained tables = {.from = "input.h5"};
    nn_real *params = nn_pool_alloc(pool, nn_model_size(small) * sizeof *params);

    sandbox_expect(params != NULL, "there is memory");
    (void)nn_pretrained_read(&tables, small, params);
}

/* With residuals of two nodes, for each element. */
static nn_residual_state residuals_of(const nn_model *model, nn_pool *pool) {
    const nn_param *const *param;
    size_t size = nn_model_size(model), count = nn_model_params(model, &param);
    size_t *at = nn_pool_alloc(pool, count * sizeof *at + 1);
    uint16_t *value = nn_pool_alloc(pool, 2 * size * sizeof *value + 1);

    sandbox_expect(at && value, "there is memory");
    for (size_t i = 0; i < count; i++)
        at[i] = param[i]->offset;
    return (nn_residual_state){.nodes = 2, .size = size, .at = at, .value = value};
}

static void read_into(nn_model *model, nn_pool *pool) {
    static const char *const names[] = {"momentum_buffer"};
    size_t size = nn_model_size(model);
    nn_real *params = nn_pool_alloc(pool, size * sizeof *params);
    nn_real *slot = nn_pool_alloc(pool, size * sizeof *slot);
    nn_snapshot into = {.model = model, .params = params, .slot_names = names, .slot = {slot}};

    sandbox_expect(params && slot, "there is memory");
    (void)nn_checkpoint_load("input.h5", pool, &into);
    into.slots = 1;
    into.residual = residuals_of(model, pool);
    (void)nn_checkpoint_load("input.h5", pool, &into);
}

static void build(const nn_snapshot *found, nn_pool *pool) {
    const nn_loss_ops *loss;
    nn_config *config = NULL;
    nn_model *model = NULL;

    if (nn_config_parse("config", found->config, strlen(found->config), &config) == 0 &&
        nn_config_check(config) == 0 &&
        nn_loss_pick(nn_config_settings(config)->loss, &loss) == 0 &&
        nn_model_plan(nn_config_settings(config)->model, found->data.x, loss->fuses, &model) == 0 &&
        nn_model_size(model) <= LARGEST)
        read_into(model, pool);
    nn_model_free(model);
    nn_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nn_pool pool = {0};
    nn_snapshot found = {0};

    sandbox_put("input.h5", data, size);
    sandbox_watch(true);
    if (nn_checkpoint_load("input.h5", &pool, &found) == 0)
        build(&found, &pool);
    read_tables(&pool);
    nn_pool_release(&pool);
    H5close();
    sandbox_watch(false);
    return 0;
}
