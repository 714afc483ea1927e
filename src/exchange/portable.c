#include "exchange/portable.h"

#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/session/session.h"

#include <string.h>

int nn_portable_build(nn_portable *p, const char *file, const char *config) {
    NN_TRY(nn_config_parse(file, config, strlen(config), &p->config));
    NN_TRY(nn_config_check_stored(p->config));
    const nn_settings *settings = nn_config_settings(p->config);
    NN_TRY(nn_loss_pick(settings->loss, &p->loss));
    NN_TRY(nn_model_plan(settings->model, p->data.x, p->loss->fuses, &p->model));
    nn_shape out = nn_model_output_shape(p->model);
    return nn_data_check_positions(&p->data, file, nn_shape_count(&out));
}

int nn_portable_allocate(nn_portable *p, const char *file, size_t numbers) {
    const nn_param *const *param;
    size_t params = nn_model_params(p->model, &param);
    for (size_t i = 0; i < params; i++) {
        if (param[i]->count > numbers)
            return nn_fail(NN_EFORMAT, "%s has fewer numbers than its model has parameters", file);
        numbers -= param[i]->count;
    }
    return NN_NEW(&p->params, nn_model_size(p->model), "parameters");
}

int nn_portable_open(nn_portable *p, const char *checkpoint) {
    nn_snapshot snapshot = {0};
    const char *file;
    *p = (nn_portable){0};
    NN_TRY(nn_checkpoint_pick(&p->pool, checkpoint, &file));
    NN_TRY(nn_checkpoint_peek(file, &p->pool, &snapshot));
    p->data = snapshot.data;
    NN_TRY(nn_portable_build(p, file, snapshot.config));
    NN_TRY(nn_portable_allocate(p, file, SIZE_MAX));
    snapshot.model = p->model;
    snapshot.params = p->params;
    return nn_checkpoint_load(file, &p->pool, &snapshot);
}

int nn_portable_save(const nn_portable *p, const char *checkpoint) {
    nn_snapshot snapshot = {.model = p->model,
                            .params = p->params,
                            .state = nn_state_new(),
                            .config = nn_config_text(p->config),
                            .data = p->data};
    return snapshot.config ? nn_checkpoint_write(checkpoint, &snapshot) : NN_EMEMORY;
}

void nn_portable_release(nn_portable *p) {
    nn_model_free(p->model);
    nn_config_free(p->config);
    nn_free(p->params);
    nn_pool_release(&p->pool);
    *p = (nn_portable){0};
}
