#include "base/text.h"
#include "cli/cli.h"
#include "cli/verbs/model_report.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/session/session.h"

#include <stdio.h>
#include <string.h>

typedef struct options {
    const char *file;
    const nn_node *set;
    bool json;
} options;

static const nn_option table[] = {
    {"file", NN_OPT_STRING, offsetof(options, file), NULL, NULL,
     "checkpoint, configuration, or run folder, whose best or else last checkpoint is taken"},
    NN_SET_ROW(options, "model.0.dense.units=20"),
    NN_JSON_ROW(options),
    NN_OPTION_END,
};

/* What is looked into: a planned model and where it comes from. */
typedef struct subject {
    const char *file;
    nn_config *config;
    nn_model *model;
    size_t positions;        /* targets a sample */
    int64_t batch_size;      /* 0: the whole training set, whose size a checkpoint does not tell */
    nn_memory memory;        /* for batch_size */
    const nn_snapshot *from; /* the checkpoint, or NULL */
    char digest[NN_DIGEST_HEX];
} subject;

static void print_state(const subject *s) {
    const nn_state *state = &s->from->state;
    printf("%s: checkpoint of step %lld: %lld epochs and %lld of %lld minibatches; seed %lld\n",
           s->file, (long long)state->step, (long long)state->epoch, (long long)state->batch,
           (long long)state->steps_per_epoch, (long long)state->seed);
    if (state->best_step >= 0)
        printf("best validation %.6g at step %lld\n", nn_plain_nan(state->best_value),
               (long long)state->best_step);
    printf("digest %s\n", s->digest);
}

static void print_text(const subject *s) {
    char memory[NN_MEMORY_TEXT];
    if (s->from)
        print_state(s);
    else
        printf("%s: configuration\n", s->file);
    nn_print_layers(stdout, s->model);
    nn_print_work(stdout, s->model, s->batch_size);
    if (s->batch_size > 0) {
        printf("on one rank, batch_size %lld: %s\n", (long long)s->batch_size,
               nn_memory_text(&s->memory, memory));
    }
}

static void json_state(nn_json *json, const subject *s) {
    const nn_state *state = &s->from->state;
    nn_json_open(json, "state", '{');
    nn_json_int(json, "step", state->step);
    nn_json_int(json, "epoch", state->epoch);
    nn_json_int(json, "batch", state->batch);
    nn_json_int(json, "steps_per_epoch", state->steps_per_epoch);
    nn_json_int(json, "seed", state->seed);
    nn_json_int(json, "best_step", state->best_step);
    if (state->best_step >= 0)
        nn_json_real(json, "best_value", state->best_value);
    nn_json_close(json, '}');
    nn_json_string(json, "digest", s->digest);
}

static int print_json(const nn_call *call, const subject *s) {
    const nn_layer *const *layer;
    size_t size = 65536 + 4096 * nn_model_layers(s->model, &layer);
    nn_json json;
    char *text = nn_pool_alloc(call->pool, size);
    if (!text)
        return NN_EMEMORY;
    nn_json_init(&json, text, size);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "file", s->file);
    nn_json_string(&json, "what", s->from ? "checkpoint" : "configuration");
    if (s->from)
        json_state(&json, s);
    nn_json_layers(&json, s->model);
    if (s->batch_size > 0) {
        nn_json_int(&json, "batch_size", s->batch_size);
        nn_json_memory(&json, &s->memory);
    }
    nn_json_close(&json, '}');
    return nn_json_print(&json);
}

static int print_subject(const nn_call *call, subject *s) {
    const options *o = call->options;
    if (s->batch_size > 0)
        NN_TRY(nn_memory_of(s->model, nn_config_settings(s->config), s->positions,
                            (size_t)s->batch_size, &s->memory));
    if (o->json)
        return print_json(call, s);
    print_text(s);
    return 0;
}

/* The checkpoint says what its data look like: the data set itself is not needed. */
static int inspect_checkpoint(const nn_call *call, const char *path) {
    subject s = {.file = path};
    nn_snapshot snapshot = {0};
    const nn_loss_ops *loss;
    int rc;
    NN_TRY_GOTO(nn_checkpoint_peek(path, call->pool, &snapshot));
    NN_TRY_GOTO(nn_checkpoint_digest(path, s.digest));
    NN_TRY_GOTO(nn_config_parse(path, snapshot.config, strlen(snapshot.config), &s.config));
    NN_TRY_GOTO(nn_config_check_stored(s.config));
    const nn_settings *settings = nn_config_settings(s.config);
    NN_TRY_GOTO(nn_loss_pick(settings->loss, &loss));
    NN_TRY_GOTO(nn_model_plan(settings->model, snapshot.data.x, loss->fuses, &s.model));
    s.from = &snapshot;
    s.positions = nn_data_positions(&snapshot.data);
    s.batch_size = settings->train.batch_size;
    NN_TRY_GOTO(print_subject(call, &s));
done:
    nn_model_free(s.model);
    nn_config_free(s.config);
    return rc;
}

static int inspect_config(const nn_call *call, const char *path) {
    const options *o = call->options;
    subject s = {.file = path};
    nn_session session = {0};
    int rc;
    NN_TRY_GOTO(nn_call_config(path, o->set, &s.config));
    NN_TRY_GOTO(nn_session_plan(&session, call->comm, s.config, NULL, false));
    s.model = session.model;
    s.positions = session.positions;
    s.batch_size = session.batch_size;
    NN_TRY_GOTO(print_subject(call, &s));
done:
    nn_session_release(&session);
    nn_config_free(s.config);
    return rc;
}

static int run(const nn_call *call) {
    const options *o = call->options;
    const char *file;
    NN_TRY(nn_checkpoint_pick(call->pool, o->file, &file));
    if (!nn_is_hdf5(file))
        return inspect_config(call, file);
    if (o->set)
        return nn_fail(NN_EUSAGE, "-o overrides keys of a configuration, but %s is a checkpoint",
                       file);
    return inspect_checkpoint(call, file);
}

static const char *const arguments[] = {"file", NULL};

const nn_verb nn_verb_inspect = {
    .entry =
        {"inspect",
         "Layers, shapes, parameters, multiplications and memory of a checkpoint or configuration.",
         table, sizeof(options)},
    .usage = "FILE [options]",
    .example = "nnmpi inspect run",
    .arguments = arguments,
    .run = run,
};
