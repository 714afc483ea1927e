/* Sweeps: the verb's part, which is the folder, the table and the page. */
#include "train/tune/tune.h"

#include "base/json/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "comm/comm.h"
#include "comm/launch.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "io/yaml/yaml.h"
#include "plot/plot.h"
#include "train/run/lock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_PLOTTED 24  /* runs on the page, the best ones */
#define LOCK_SECONDS 5.0 /* the ranks of a killed sweep may take a moment to end */

typedef struct options {
    const char *config, *run;
    bool resume, json;
    const nn_node *set;
} options;

static const nn_option table[] = {
    NN_CONFIG_ROW(options),
    {"run", NN_OPT_STRING, offsetof(options, run), "", NULL,
     "folder of the sweep; without it tune-NAME, after the configuration"},
    {"resume", NN_OPT_BOOL, offsetof(options, resume), "false", NULL,
     "go on with the sweep in the folder, as it was begun: trials that are finished stay, others "
     "go on from their checkpoints"},
    NN_SET_ROW(options, "train.epochs=20"),
    {"json", NN_OPT_BOOL, offsetof(options, json), "false", NULL,
     "print JSON, an object a line: each trial, the best first, as tune.jsonl has them; the last "
     "one has the folder (sweep), the page, and of the best trial its run folder (run) and number "
     "(best), null where there is none"},
    NN_OPTION_END,
};

/* ---- the folder ------------------------------------------------------------------------------ */

static int path_in(const nn_call *call, const nn_sweep *s, const char *name, const char **path) {
    *path = nn_pool_printf(call->pool, "%s/%s", s->folder, name);
    return *path ? 0 : NN_EMEMORY;
}

/* The search and the configuration that the sweep was begun with. */
static int load(const nn_call *call, nn_sweep *s, nn_config **config) {
    const options *o = call->options;
    const nn_search *given = call->base;
    const char *yaml, *search;
    char word[NN_SHELL_TEXT];
    nn_node *map;
    if (!o->run)
        return nn_fail(NN_EUSAGE,
                       "--resume needs the folder of the sweep to go on with: --run DIR");
    if (o->config || o->set || given->grid || given->random || given->seed || given->halving)
        return nn_fail(NN_EUSAGE,
                       "the sweep in '%s' goes on as it was begun: leave out CONFIG, -o, -g, "
                       "--random, --seed and --halving",
                       o->run);
    s->folder = o->run;
    NN_TRY(path_in(call, s, "config.yaml", &yaml));
    NN_TRY(path_in(call, s, "tune.yaml", &search));
    if (!nn_file_exists(search))
        return nn_fail(
            NN_EUSAGE,
            "'%s' holds no sweep to go on with; to begin one there: nnmpi tune CONFIG -g "
            "KEY=VALUE,VALUE --run %s",
            o->run, nn_text_shell(o->run, word));
    s->search = (nn_search){0};
    NN_TRY(nn_yaml_load(call->pool, search, &map));
    NN_TRY(nn_options_bind(&(nn_binding){nn_search_entry.options, &s->search}, 1, map, "tune.yaml",
                           NULL));
    if (given->ranks_per_trial && given->ranks_per_trial != s->search.ranks_per_trial)
        return nn_fail(NN_EUSAGE,
                       "the sweep in '%s' was begun with --ranks-per-trial %" PRId64
                       ", and another number would give other bits: leave it out",
                       o->run, s->search.ranks_per_trial);
    return nn_call_config(yaml, NULL, config);
}

static int prepare(const nn_call *call, nn_sweep *s, nn_config **config) {
    const options *o = call->options;
    s->search = *(const nn_search *)call->base;
    if (o->resume) {
        NN_TRY(load(call, s, config));
    } else {
        NN_TRY(nn_call_config(o->config, o->set, config));
        s->folder =
            o->run ? o->run : nn_pool_printf(call->pool, "tune-%s", nn_config_name(*config));
    }
    const char *text = nn_config_text(*config);
    if (!s->folder || !text)
        return NN_EMEMORY;
    s->config = text;
    return nn_sweep_plan(s, nn_comm_size(call->comm));
}

/* What was not given is 0. */
static int add(nn_node *map, const char *key, int64_t value) {
    return value ? nn_node_add_text(map, key, nn_pool_printf(map->pool, "%" PRId64, value)) : 0;
}

/* tune.yaml */
static int search_text(const nn_call *call, const nn_search *search, char **text) {
    nn_node *map = nn_node_map(call->pool), *grid = nn_node_list(call->pool);
    if (!map || !grid)
        return NN_EMEMORY;
    for (size_t i = 0; i < search->grid->count; i++)
        NN_TRY(nn_node_add_quoted(grid, NULL, search->grid->item[i]->text));
    NN_TRY(nn_node_add(map, "grid", grid));
    NN_TRY(add(map, "random", search->random));
    NN_TRY(add(map, "seed", search->seed));
    NN_TRY(nn_node_add_text(map, "halving", search->halving ? "true" : "false"));
    NN_TRY(add(map, "ranks_per_trial", search->ranks_per_trial));
    return nn_yaml_emit(call->pool, map, text);
}

/* Whether it is what a sweep with this configuration that was killed as it began has left. */
static int is_leftover(const nn_call *call, const nn_sweep *s, const char *yaml, bool *leftover) {
    char *text;
    size_t length;
    NN_TRY(nn_file_read(call->pool, yaml, &text, &length));
    *leftover = length == strlen(s->config) && memcmp(text, s->config, length) == 0;
    return 0;
}

/* Refuses what a sweep that begins would take for its own, or write over. */
static int check_unused(const nn_call *call, const nn_sweep *s, const char *yaml) {
    static const char *const names[] = {"claims", "metrics.jsonl" /* of a run */, "tune.csv",
                                        "tune.jsonl", "tune.html"};
    const char *path, *found = NULL;
    bool leftover = true;
    for (size_t i = 0; !found && i < sizeof names / sizeof *names; i++) {
        NN_TRY(path_in(call, s, names[i], &path));
        found = nn_file_exists(path) ? path : NULL;
    }
    if (!found && nn_file_exists(yaml))
        NN_TRY(is_leftover(call, s, yaml, &leftover));
    found = leftover ? found : yaml;
    for (size_t i = 0; !found && i < s->trials; i++) {
        const char *folder = nn_sweep_folder(s, i);
        if (!folder)
            return NN_EMEMORY;
        found = nn_file_exists(folder) ? folder : NULL;
    }
    if (!found)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "'%s' is there, but no sweep that it could belong to ('tune.yaml' beside it): "
                   "choose another folder (--run)",
                   found);
}

/* On rank 0. The search is written last: with it there is a sweep to go on with. */
static int begin_folder(const nn_call *call, const nn_sweep *s, int *lock) {
    const options *o = call->options;
    const char *yaml, *search;
    char *text, word[NN_SHELL_TEXT];
    NN_TRY(path_in(call, s, "config.yaml", &yaml));
    NN_TRY(path_in(call, s, "tune.yaml", &search));
    if (!o->resume && nn_file_exists(search))
        return nn_fail(NN_EUSAGE,
                       "the folder '%s' is in use already; to go on with a sweep: nnmpi tune --run "
                       "%s --resume, or choose another folder (--run)",
                       s->folder, nn_text_shell(s->folder, word));
    if (!o->resume)
        NN_TRY(check_unused(call, s, yaml));
    NN_TRY(nn_dir_make(s->folder));
    NN_TRY(nn_lock_acquire(s->folder, o->resume ? LOCK_SECONDS : 0, lock));
    if (o->resume)
        return 0;
    NN_TRY(search_text(call, &s->search, &text));
    NN_TRY(nn_file_write(yaml, s->config, strlen(s->config)));
    return nn_file_write(search, text, strlen(text));
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void print_value(FILE *out, const nn_trial_result *r) {
    if (isnan(r->value))
        fprintf(out, "%10s", "-");
    else
        fprintf(out, "%10.4g", r->value);
}

static const char *state_text(const nn_trial_result *r, char text[320]) {
    if (r->state == NN_TRIAL_FAILED)
        snprintf(text, 320, "failed, exit code %d: %s", r->exit_code, r->message);
    else
        snprintf(text, 320, "%s", r->state == NN_TRIAL_DROPPED ? "dropped" : "");
    return text;
}

/* " train.lr=0.1 train.batch_size=64", cut where it is longer. */
static void name_values(const nn_sweep *s, size_t i, char *line, size_t size) {
    size_t length = 0;
    for (size_t k = 0; k < s->keys && length < size; k++)
        length += (size_t)snprintf(line + length, size - length, " %s=%s", s->key[k],
                                   nn_sweep_value(s, i, k));
}

/* The ranks of other groups say it themselves: rank 0 does not hear of their trials. */
static void tell(void *ctx, const nn_sweep *s, size_t i, const nn_trial_result *r) {
    const nn_call *call = ctx;
    char line[1024], text[320];
    if (call->screen->quiet)
        return;
    nn_screen_end(call->screen);
    nn_screen_begin(call->screen, &(nn_display_part){0}); /* what it shows is of the trial */
    name_values(s, i, line, sizeof line);
    if (r->state == NN_TRIAL_FAILED)
        fprintf(stderr, "nnmpi: trial %zu of %zu:%s: %s\n", i + 1, s->trials, line,
                state_text(r, text));
    else
        fprintf(stderr, "nnmpi: trial %zu of %zu:%s: %s %.4g after %" PRId64 " epochs, %.1f s\n",
                i + 1, s->trials, line, s->metric, r->value, r->epochs, r->seconds);
}

static void begun(void *ctx, const nn_sweep *s, const nn_sweep_place *at) {
    const nn_call *call = ctx;
    nn_display_part part = {
        .share = at->share, .adds = at->adds, .from = at->from, .until = at->until};
    size_t length =
        (size_t)snprintf(part.title, sizeof part.title, "trial %zu/%zu", at->trial + 1, s->trials);
    if (s->rungs > 1)
        snprintf(part.title + length, sizeof part.title - length, ", rung %d/%d", at->rung,
                 s->rungs);
    name_values(s, at->trial, part.detail, sizeof part.detail);
    nn_screen_begin(call->screen, &part);
}

/* Epochs have no lines that stay: trials have. */
static void show_progress(void *ctx, const nn_status *status) {
    const nn_call *call = ctx;
    nn_status shown = *status;
    shown.important = false;
    nn_screen_progress(call->screen, &shown);
}

static int key_width(const nn_sweep *s, size_t k) {
    int width = nn_text_columns(s->key[k]);
    for (size_t i = 0; i < s->trials; i++) {
        int columns = nn_text_columns(nn_sweep_value(s, i, k));
        width = columns > width ? columns : width;
    }
    return width;
}

static void print_table(const nn_sweep *s, const size_t *order) {
    char text[320];
    printf("%5s", "trial");
    for (size_t k = 0; k < s->keys; k++)
        printf("  %-*s", key_width(s, k), s->key[k]);
    printf("  %10s  %6s  %8s\n", *s->metric ? s->metric : "value", "epochs", "seconds");
    for (size_t n = 0; n < s->trials; n++) {
        const nn_trial_result *r = &s->result[order[n]];
        printf("%5zu", order[n] + 1);
        for (size_t k = 0; k < s->keys; k++) {
            fputs("  ", stdout);
            nn_text_put_name(stdout, nn_sweep_value(s, order[n], k), key_width(s, k));
        }
        fputs("  ", stdout);
        print_value(stdout, r);
        printf("  %6" PRId64 "  %8.2f  %s\n", r->epochs, r->seconds, state_text(r, text));
    }
}

/* The page of the best runs over each other. It is no reason to fail where it cannot be drawn. */
static int draw_page(const nn_call *call, const nn_sweep *s, const size_t *order,
                     const char **page) {
    const char *folder[MOST_PLOTTED], *path;
    size_t runs = 0;
    nn_plot plot = {.pool = call->pool};
    NN_TRY(path_in(call, s, "tune.html", &path));
    for (size_t n = 0; n < s->trials && runs < MOST_PLOTTED; n++)
        if (s->result[order[n]].state != NN_TRIAL_FAILED &&
            !(folder[runs++] = nn_sweep_folder(s, order[n])))
            return NN_EMEMORY;
    if (runs == 0)
        return 0;
    NN_TRY(nn_plot_runs(&plot, folder, runs));
    NN_TRY(nn_plot_page(&plot, path));
    *page = path;
    return 0;
}

static int code_of(int exit_code) {
#define FIND(name, value, code, text)                                                              \
    if ((code) == exit_code)                                                                       \
        return name;
    NN_ERRORS(FIND)
#undef FIND
    return NN_EFORMAT; /* the file of the result says something else */
}

/* `best` NULL: all have failed. */
static void print_text(const nn_sweep *s, const size_t *order, const char *page, const char *best) {
    print_table(s, order);
    printf("table %s/tune.csv, tune.jsonl\n", s->folder);
    if (page)
        printf("page %s\n", page);
    if (best)
        printf("best: trial %zu, run folder %s\n", order[0] + 1, best);
}

static int print_json(const nn_call *call, const nn_sweep *s, const size_t *order, const char *page,
                      const char *best) {
    size_t size =
        1024 + 6 * (strlen(s->folder) + (page ? strlen(page) : 0) + (best ? strlen(best) : 0));
    char *text = nn_pool_alloc(call->pool, size);
    nn_json json;
    if (!text)
        return NN_EMEMORY;
    nn_sweep_put_json(s, order, stdout);
    nn_json_init(&json, text, size);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "sweep", s->folder);
    nn_json_string(&json, "page", page);
    nn_json_string(&json, "run", best);
    if (best)
        nn_json_int(&json, "best", (int64_t)order[0] + 1);
    else
        nn_json_string(&json, "best", NULL);
    nn_json_close(&json, '}');
    return nn_json_print(&json);
}

static int print_results(const nn_call *call, const nn_sweep *s) {
    const options *o = call->options;
    const char *page = NULL, *best = NULL;
    size_t *order = nn_pool_alloc(call->pool, s->trials * sizeof *order);
    if (!order)
        return NN_EMEMORY;
    nn_sweep_rank(s, order);
    const nn_trial_result *first = &s->result[order[0]];
    if (draw_page(call, s, order, &page) < 0) {
        nn_warn("there is no page of the trials: %s", nn_error_message());
        nn_error_clear();
    }
    if (first->state != NN_TRIAL_FAILED && !(best = nn_sweep_folder(s, order[0])))
        return NN_EMEMORY;
    if (o->json)
        NN_TRY(print_json(call, s, order, page, best));
    else
        print_text(s, order, page, best);
    return best ? 0
                : nn_fail(code_of(first->exit_code), "all trials failed; the first: %s",
                          first->message);
}

/* After a signal: what goes on. */
static int say_stopped(const nn_call *call, const nn_sweep *s) {
    char what[200], launcher[NN_LAUNCH_TEXT], word[NN_SHELL_TEXT];
    snprintf(what, sizeof what, "%s", nn_error_message());
    return nn_fail(NN_ESTOPPED, "%s; to go on: %snnmpi tune --run %s --resume", what,
                   nn_launch_prefix(call->launch, launcher), nn_text_shell(s->folder, word));
}

static int run(const nn_call *call) {
    nn_sweep sweep = {.pool = call->pool, .folder = "", .config = ""};
    nn_sweep_options spec = {.stop = nn_guard_stop(call->guard),
                             .save = nn_guard_save(call->guard),
                             .begun = begun,
                             .progress = show_progress,
                             .progress_every = call->screen->shows ? NN_SCREEN_SECONDS : 0,
                             .told = tell,
                             .ctx = (void *)call};
    nn_config *config = NULL;
    bool first = nn_comm_rank(call->comm) == 0;
    int lock = -1, rc;
    nn_log_hold(!first);
    rc = prepare(call, &sweep, &config);
    nn_log_hold(false);
    NN_TRY_GOTO(nn_comm_agree(call->comm, rc));
    NN_TRY_GOTO(nn_comm_agree(call->comm, first ? begin_folder(call, &sweep, &lock) : 0));
    nn_guard_defer(call->guard);
    rc = nn_sweep_run(call->comm, &sweep, &spec);
    nn_screen_end(call->screen);
    if (rc == NN_ESTOPPED)
        rc = say_stopped(call, &sweep);
    if (rc == 0)
        rc = nn_comm_agree(call->comm, first ? print_results(call, &sweep) : 0);
done:
    nn_lock_release(lock);
    nn_config_free(config);
    return rc;
}

static const char *const arguments[] = {"config", NULL};

const nn_verb nn_verb_tune = {
    .entry = {"tune",
              "Trains a configuration with several values of some keys, several trials at a time, "
              "and says which are best.",
              table, sizeof(options)},
    .usage = "[CONFIG] -g KEY=VALUE,VALUE... [options]",
    .example = "mpirun -n 8 nnmpi tune mnist.yaml -g train.lr=0.1,0.01 -g train.batch_size=64,128 "
               "--run sweep",
    .arguments = arguments,
    .base = &nn_search_entry,
    .collective = true,
    .stops = "the first trial",
    .run = run,
};
