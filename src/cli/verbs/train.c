#include "base/text.h"
#include "cli/cli.h"
#include "io/files/file.h"
#include "train/evaluate/evaluation.h"

#include <stdio.h>
#include <unistd.h>

typedef struct options {
    const char *config, *run;
    bool resume, json;
    int on_mismatch; /* nn_mismatch */
    const nn_node *set;
} options;

static const nn_option table[] = {
    NN_CONFIG_ROW(options),
    {"run", NN_OPT_STRING, offsetof(options, run), "", NULL,
     "run folder for checkpoints and metrics; without it runs/NAME-TIME"},
    {"resume", NN_OPT_BOOL, offsetof(options, resume), "false", NULL,
     "go on from the run folder's last checkpoint when there is one"},
    {"on_mismatch", NN_OPT_CHOICE, offsetof(options, on_mismatch), "stop", "stop|repair",
     "what to do when replicas of the model differ: stop with exit code 5, or repair: go on with "
     "the values that most replicas have or, if there is no majority, from the last checkpoint"},
    NN_SET_ROW(options, "train.lr=0.1"),
    {"json", NN_OPT_BOOL, offsetof(options, json), "false", NULL,
     "print JSON, an object a line: what metrics.jsonl says of losses, as it comes, and the result "
     "at last; with -q only that"},
    NN_OPTION_END,
};

static int print_json(nn_pool *pool, const nn_train_result *r) {
    size_t size = 4096 + NN_EVALUATION_JSON;
    char *text = nn_pool_alloc(pool, size);
    nn_json json;
    if (!text)
        return NN_EMEMORY;
    nn_json_init(&json, text, size);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "run", r->run_dir);
    nn_json_int(&json, "first_step", r->first_step);
    nn_json_int(&json, "steps", r->steps);
    nn_json_int(&json, "epochs", r->epochs);
    nn_json_real(&json, "loss", r->loss);
    nn_json_real(&json, "seconds", r->seconds);
    nn_json_real(&json, "samples_per_s", r->samples_per_s);
    nn_json_string(&json, "why", r->why);
    if (*r->verdict)
        nn_json_string(&json, "verdict", r->verdict);
    nn_json_bool(&json, "restored_best", r->restored_best);
    if (r->restored_best)
        nn_json_int(&json, "best_step", r->best_step);
    nn_json_string(&json, "digest", r->digest);
    if (r->test) {
        nn_json_open(&json, "test", '{');
        nn_evaluation_json(&json, r->test);
        nn_json_close(&json, '}');
    }
    nn_json_close(&json, '}');
    return nn_json_print(&json);
}

static void print_steps(const nn_train_result *r) {
    long long first = (long long)r->first_step, steps = (long long)r->steps;
    long long epochs = (long long)r->epochs;
    if (first > 0 && first == steps)
        printf("nothing to train: %lld steps (%lld epochs) were done before", steps, epochs);
    else if (first > 0)
        printf("trained %lld steps (from step %lld to %lld, %lld epochs in all)", steps - first,
               first, steps, epochs);
    else
        printf("trained %lld steps (%lld epochs)", steps, epochs);
    if (steps > first)
        printf(" in %.2f s, %.0f samples/s", r->seconds, r->samples_per_s);
    printf("; ended by: %s\n", r->why);
}

static int print_text(nn_pool *pool, const nn_train_result *r) {
    (void)pool;
    print_steps(r);
    if (*r->verdict)
        printf("%s\n", r->verdict);
    if (r->restored_best)
        printf("best parameters restored: those of step %lld\n", (long long)r->best_step);
    printf("run folder %s\n", r->run_dir);
    printf("digest %s\n", r->digest);
    if (r->test)
        nn_print_evaluation(stdout, nn_evaluation_split(r->test), r->test);
    return 0;
}

/* A run that is resumed without naming its configuration takes the one in its folder. */
static int config_path(const nn_call *call, const char **path) {
    const options *o = call->options;
    char word[NN_SHELL_TEXT];
    *path = o->config;
    if (o->config || !o->run || !o->resume)
        return 0;
    *path = nn_pool_printf(call->pool, "%s/config.yaml", o->run);
    if (!*path)
        return NN_EMEMORY;
    return nn_file_exists(*path)
               ? 0
               : nn_fail(NN_EUSAGE,
                         "'%s' holds no run to go on with; to begin one there, name its "
                         "configuration: nnmpi train CONFIG --run %s",
                         o->run, nn_text_shell(o->run, word));
}

static void begun(void *ctx) {
    const nn_call *call = ctx;
    nn_guard_defer(call->guard);
}

static void show_progress(void *ctx, const nn_status *status) {
    const nn_call *call = ctx;
    const options *o = call->options;
    if (o->json && status->line && !call->screen->quiet) {
        if (isatty(STDOUT_FILENO)) /* the display is likely to stand there */
            nn_screen_end(call->screen);
        fputs(status->line, stdout);
        fflush(stdout);
    }
    nn_screen_progress(call->screen, status);
}

static int run(const nn_call *call) {
    const options *o = call->options;
    const char *path;
    nn_config *config = NULL;
    nn_train_result result = {.size = sizeof result};
    int rc;
    nn_train_options train = {.size = sizeof train,
                              .run_dir = o->run,
                              .resume = o->resume,
                              .stop = nn_guard_stop(call->guard),
                              .save = nn_guard_save(call->guard),
                              .begun = begun,
                              .progress = show_progress,
                              .progress_every = call->screen->shows ? NN_SCREEN_SECONDS : 0,
                              .ctx = (void *)call,
                              .on_mismatch = (nn_mismatch)o->on_mismatch};
    rc = config_path(call, &path);
    if (rc == 0)
        rc = nn_call_config(path, o->set, &config);
    NN_TRY_GOTO(nn_comm_agree(call->comm, rc));
    NN_TRY_GOTO(nn_train(call->comm, config, &train, &result));
    nn_screen_end(call->screen);
    if (nn_comm_rank(call->comm) == 0)
        rc = (o->json ? print_json : print_text)(call->pool, &result);
    nn_train_result_release(&result);
done:
    nn_config_free(config);
    return rc;
}

static const char *const arguments[] = {"config", NULL};

const nn_verb nn_verb_train = {
    .entry = {"train", "Trains a model on all the ranks that were started.", table,
              sizeof(options)},
    .usage = "[CONFIG] [options]",
    .example = "mpirun -n 8 nnmpi train mnist.yaml --run mnist --resume -o train.epochs=20",
    .arguments = arguments,
    .collective = true,
    .stops = "the first step",
    .run = run,
};
