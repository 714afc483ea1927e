/* A trash folder with a small model to save in it, for tests of run folders. */
#ifndef NN_TESTS_RUN_FOLDER_H
#define NN_TESTS_RUN_FOLDER_H

#include "io/files/file.h"
#include "small_model.h"
#include "train/run/run.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const run_slots[] = {"momentum_buffer", NULL};

struct run_folder {
    char path[64];
    nn_config *config;
    struct small_model small;
};

static inline void check_ok_at(int rc, const char *file, int line, const char *what) {
    if (!check_int(rc, NN_OK, file, line, what))
        fprintf(stderr, "  %s\n", nn_error_message());
}
#define CHECK_OK(call) check_ok_at((call), __FILE__, __LINE__, #call)

/* Goes to a new folder; `checkpoint` is the section of that name. */
static inline bool run_folder_new(struct run_folder *f, const char *checkpoint) {
    static const nn_shape input = {1, {4}};
    char text[512];

    snprintf(text, sizeof text,
             "data: {source: iris}\nmodel: [{dense: {units: 3}}]\nloss: cross_entropy\n"
             "train: {batch_size: 8}\ncheckpoint: %s\n",
             checkpoint);
    snprintf(f->path, sizeof f->path, "/tmp/nnmpi-run.XXXXXX");
    return CHECK(mkdtemp(f->path)) && CHECK(chdir(f->path) == 0) &&
           CHECK_EQ_INT(nn_config_parse("net.yaml", text, strlen(text), &f->config), NN_OK) &&
           CHECK_EQ_INT(nn_config_check(f->config), NN_OK) &&
           small_model_new(&f->small, "[{dense: {name: fc1, units: 3}}]", input, NULL, NULL);
}

static inline void run_folder_release(struct run_folder *f) {
    char command[128];

    small_model_release(&f->small);
    nn_config_free(f->config);
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    CHECK(chdir("/") == 0 && system(command) == 0);
}

/* What is saved at a step: parameters that say which one. */
static inline nn_snapshot run_folder_at(struct run_folder *f, int64_t step, int64_t best) {
    for (size_t i = 0; i < nn_model_size(f->small.model); i++)
        f->small.params[i] = f->small.grads[i] = (nn_real)step;
    return (nn_snapshot){.model = f->small.model,
                         .params = f->small.params,
                         .slots = 1,
                         .slot_names = run_slots,
                         .slot = {f->small.grads},
                         .state = {.step = step, .best_step = best},
                         .config = nn_config_text(f->config),
                         .optimizer = "sgd"};
}

/* One line of metrics, then a checkpoint. */
static inline int run_folder_save(struct run_folder *f, nn_run *run, int64_t step, int64_t best) {
    nn_snapshot snapshot = run_folder_at(f, step, best);

    nn_json_real(nn_run_event(run, "train", step, step / 10), "loss", 1.0 / (double)step);
    NN_TRY(nn_run_append(run));
    snapshot.history = nn_run_history(run);
    return nn_run_save(run, &snapshot, NN_SYMLINK_LAST | (step == best ? NN_SYMLINK_BEST : 0));
}

/* Opens DIR "rdir" and begins; the step resumed at, 0 for a fresh start, -1 when it failed. */
static inline int64_t run_folder_begin(struct run_folder *f, bool resume, nn_run **run) {
    nn_snapshot snapshot = run_folder_at(f, 0, -1);
    bool resumed = false;

    if (nn_run_open(f->config, "rdir", resume, run) < 0)
        return -1;
    if (nn_run_resume(*run, &snapshot, &resumed) < 0 ||
        nn_run_begin(*run, resumed ? &snapshot : NULL) < 0) {
        nn_run_free(*run);
        *run = NULL;
        return -1;
    }
    if (resumed) /* the vectors are of the same checkpoint as the state */
        CHECK_NEAR(f->small.params[0] + f->small.grads[0], 2 * snapshot.state.step, 0);
    return resumed ? snapshot.state.step : 0;
}

#endif
