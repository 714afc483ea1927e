#include "cli/cli.h"
#include "data/values/normalize.h"
#include "exchange/portable.h"
#include "io/files/file.h"
#include "io/tensors/tensors.h"
#include "train/checkpoint/import_weights.h"
#include "train/session/session.h"

#include <string.h>

typedef struct options {
    const char *file, *config, *out, *yaml;
    const nn_node *set;
} options;

static const nn_option table[] = {
    {"file", NN_OPT_STRING, offsetof(options, file), NULL, NULL,
     "model to read: .onnx, .safetensors or .npz"},
    {"config", NN_OPT_STRING, offsetof(options, config), "", NULL,
     "YAML configuration of the model, for a file that nnmpi did not write: parameters are taken "
     "by the names of the layers, as by init.from, and its data set must be there"},
    NN_SET_ROW(options, "data.path=mine.h5"),
    {"out", NN_OPT_STRING, offsetof(options, out), NULL, NULL, "checkpoint to write, .h5"},
    {"yaml", NN_OPT_STRING, offsetof(options, yaml), "", NULL,
     "file to write besides: the configuration of the model, for training it further"},
    NN_OPTION_END,
};

static int import_into(nn_session *session, nn_config *config, const options *o, nn_real **params) {
    const nn_pretrained wanted = {.from = o->file, .whole = true};
    NN_TRY(nn_dataset_normalize(session->data, nn_session_sees_images(session)));
    NN_TRY(NN_NEW(params, nn_model_size(session->model), "parameters"));
    NN_TRY(nn_pretrained_read(&wanted, session->model, *params));
    nn_snapshot snapshot = {.model = session->model,
                            .params = *params,
                            .state = nn_state_new(),
                            .config = nn_config_text(config),
                            .data = nn_data_traits_of(session->data)};
    return snapshot.config ? nn_checkpoint_write(o->out, &snapshot) : NN_EMEMORY;
}

/* The configuration says what the model is, and its data set what samples look like. */
static int import_by_config(const nn_call *call, const options *o) {
    nn_session session = {0};
    nn_config *config = NULL;
    nn_real *params = NULL;
    int rc;
    NN_TRY_GOTO(nn_call_config(o->config, o->set, &config));
    NN_TRY_GOTO(nn_session_plan(&session, call->comm, config, NULL, false));
    NN_TRY_GOTO(import_into(&session, config, o, &params));
done:
    nn_free(params);
    nn_session_release(&session);
    nn_config_free(config);
    return rc;
}

static bool is_onnx(const char *file) {
    const char *dot = strrchr(file, '.');
    return dot && strcmp(dot, ".onnx") == 0;
}

static int import_itself(nn_portable *p, const options *o) {
    bool none = false;
    NN_TRY(is_onnx(o->file) ? nn_import_onnx(p, o->file) : nn_import_tensors(p, o->file, &none));
    if (none)
        return nn_fail(NN_EUSAGE,
                       "%s does not say which model its parameters are of: give the "
                       "configuration with --config FILE",
                       o->file);
    NN_TRY(nn_portable_save(p, o->out));
    const char *text = nn_config_text(p->config);
    return o->yaml ? nn_file_write(o->yaml, text, strlen(text)) : 0;
}

/* Nothing that is read, or written as well, is written over; links are followed. */
static int find_outputs(nn_pool *pool, options *o) {
    const char *const read[] = {o->file, o->config, o->yaml};
    NN_TRY(nn_file_target(pool, o->out, read, 3, &o->out));
    const char *const other[] = {o->file, o->config, o->out};
    return o->yaml ? nn_file_target(pool, o->yaml, other, 3, &o->yaml) : 0;
}

static int import(const nn_call *call, options *o) {
    nn_portable p = {0};
    if (!is_onnx(o->file) && !nn_file_tensor_format_of(o->file))
        return nn_fail(NN_EUSAGE,
                       "%s: the name of a file to import ends in .onnx, .safetensors or "
                       ".npz",
                       o->file);
    if (o->config && (is_onnx(o->file) || o->yaml))
        return nn_fail(NN_EUSAGE, "--config is for .safetensors and .npz, and --yaml for files "
                                  "without it");
    NN_TRY(find_outputs(call->pool, o));
    if (o->config)
        return import_by_config(call, o);
    if (o->set)
        return nn_fail(NN_EUSAGE, "-o overrides keys of a configuration: give one with --config");
    int rc = import_itself(&p, o);
    nn_portable_release(&p);
    return rc;
}

static int run(const nn_call *call) {
    const options *given = call->options;
    options o = *given;
    NN_TRY(import(call, &o));
    nn_info("wrote %s", given->out);
    return 0;
}

static const char *const arguments[] = {"file", NULL};

const nn_verb nn_verb_import = {
    .entry = {"import", "Makes a checkpoint from a model in the format of another program.", table,
              sizeof(options)},
    .usage = "FILE -O CHECKPOINT [options]",
    .example = "nnmpi import model.onnx -O model.h5",
    .arguments = arguments,
    .run = run,
};
