/* Configurations: parsed, checked, written out, and made into models; those that bring their
 * samples along are planned as for training. What they open is not watched: a configuration may
 * name files. */
#include "nn/losses/loss.h"
#include "nn/model.h"
#include "sandbox.h"
#include "target.h"
#include "train/config/settings.h"
#include "train/memory.h"
#include "train/session/session.h"

#include <string.h>

static nn_comm *comm;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    sandbox_expect(nn_comm_alone(&comm) == 0, "a rank needs no MPI");
    sandbox_enter();
    return 0;
}

/* NULL: refused. */
static nn_config *checked(const char *text, size_t size) {
    nn_config *config;

    if (nn_config_parse("input.yaml", text, size, &config) < 0)
        return NULL;
    if (nn_config_check(config) == 0)
        return config;
    nn_config_free(config);
    return NULL;
}

/* What a checkpoint keeps of a configuration means the same. */
static void check_text(nn_config *config) {
    const char *text = nn_config_text(config);

    sandbox_expect(text != NULL, "a configuration can be written");
    nn_config *again = checked(text, strlen(text));
    sandbox_expect(again != NULL, "what was written can be read");
    sandbox_expect(strcmp(nn_config_text(again), text) == 0, "and is the same");
    nn_config_free(again);
}

static void build(nn_config *config, nn_shape input) {
    const nn_settings *settings = nn_config_settings(config);
    int64_t batch = settings->train.batch_size;
    const nn_loss_ops *loss;
    nn_model *model = NULL;
    nn_memory memory;

    if (nn_loss_pick(settings->loss, &loss) == 0 &&
        nn_model_plan(settings->model, input, loss->fuses, &model) == 0)
        (void)nn_memory_of(model, settings, 1, batch > 0 ? (size_t)batch : 10, &memory);
    nn_model_free(model);
}

/* Whether its samples stand in the configuration: other sources read files, or make as many samples
 * as they are told. */
static bool is_whole(const nn_config *config) {
    const nn_node *source = nn_node_get(nn_config_settings(config)->data, "source");

    return source && (strcmp(source->text, "inline") == 0 || strcmp(source->text, "iris") == 0);
}

static void plan(nn_config *config) {
    nn_session session = {0};
    nn_memory memory;

    if (nn_session_plan(&session, comm, config, NULL, false) == 0)
        (void)nn_memory_plan(&session, &memory);
    nn_session_release(&session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const nn_shape inputs[] = {{1, {8}}, {2, {6, 4}}, {3, {4, 8, 8}}};
    const char *text = (const char *)data;

    nn_config *config = checked(text, size);
    if (config) {
        check_text(config);
        if (is_whole(config))
            plan(config);
    }
    nn_config_free(config);
    for (size_t i = 0; config && i < sizeof inputs / sizeof *inputs; i++) {
        nn_config *own = checked(text, size); /* a model completes what it is made of */
        build(own, inputs[i]);
        nn_config_free(own);
    }
    return 0;
}
