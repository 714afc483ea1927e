#define _GNU_SOURCE
#include "plot/plot.h"

#include "base/log.h"
#include "cli/cli.h"
#include "io/files/file.h"
#include "train/figures/figures.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct options {
    const nn_node *run;
    const char *out;
    int64_t samples, sample;
    const char *boundary, *activations;
    bool svg, png, csv;
} options;

static const nn_option table[] = {
    {"run", NN_OPT_NODE, offsetof(options, run), "", NULL,
     "run folders; several are drawn over each other"},
    {"out", NN_OPT_STRING, offsetof(options, out), "plot.html", NULL,
     "page to write; the name of other files begins as its own, plot-loss.svg"},
    {"samples", NN_OPT_INT, offsetof(options, samples), "10000", "[0, inf)",
     "samples that each model says something about, for the figures of its predictions: of the "
     "split that `nnmpi eval` takes; 0: none of these figures"},
    {"boundary", NN_OPT_STRING, offsetof(options, boundary), "", NULL,
     "two columns of a table, \"width,length\" or \"0,3\": what the model says over them, the "
     "others held at their means; drawn by itself where there are only two"},
    {"sample", NN_OPT_INT, offsetof(options, sample), "-1", "[-1, inf)",
     "draw what each layer of images makes of this sample, its feature maps; -1: none"},
    {"activations", NN_OPT_STRING, offsetof(options, activations), "", NULL,
     "draw these activations and their derivatives, \"relu, leaky_relu: {gamma: 0.1}\", or all; "
     "wants no run"},
    {"svg", NN_OPT_BOOL, offsetof(options, svg), "false", NULL,
     "write each figure as a file of SVG, too"},
    {"png", NN_OPT_BOOL, offsetof(options, png), "false", NULL,
     "write each figure as SVG and PNG, by rsvg-convert (Debian: librsvg2-bin)"},
    {"csv", NN_OPT_BOOL, offsetof(options, csv), "false", NULL,
     "write the numbers of each figure as a table, too"},
    NN_OPTION_END,
};

static int say(void *ctx, const char *path) {
    (void)ctx;
    nn_debug("wrote %s", path);
    return 0;
}

/* Runs a program on its own, which signals end as they always do. */
static int spawn(char *const words[], pid_t *child) {
    posix_spawnattr_t how;
    sigset_t none;
    sigemptyset(&none);
    int error = posix_spawnattr_init(&how);
    if (error)
        return error;
    error = posix_spawnattr_setsigmask(&how, &none);
    if (!error)
        error = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    if (!error)
        error = posix_spawnp(child, words[0], NULL, &how, words, environ);
    posix_spawnattr_destroy(&how);
    return error;
}

static int convert_to(char *svg, char *out, const char *png) {
    char *const words[] = {"rsvg-convert", "--zoom=2", "--output", out, svg, NULL};
    int status;
    pid_t child;
    int error = spawn(words, &child);
    if (error)
        return nn_fail(NN_EUSAGE,
                       "--png wants the program rsvg-convert (Debian and Ubuntu: librsvg2-bin; "
                       "Fedora: librsvg2-tools): %s; --svg needs nothing",
                       strerror(error));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return nn_fail(NN_EIO, "waiting for rsvg-convert: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return nn_fail(NN_EIO, "rsvg-convert could not make '%s'", png);
    return 0;
}

/* plot-loss.png beside plot-loss.svg, of twice its pixels, for screens that have them. */
static int convert(void *ctx, const char *svg) {
    nn_pool *pool = ctx;
    char *png = nn_pool_printf(pool, "%.*spng", (int)strlen(svg) - 3, svg), *temporary;
    char *source = nn_pool_strdup(pool, svg);
    const char *target;
    if (!png || !source)
        return NN_EMEMORY;
    NN_TRY(nn_file_replace(pool, png, NULL, &target, &temporary));
    int rc = convert_to(source, temporary, png);
    if (rc < 0)
        nn_temporary_discard(temporary);
    else
        rc = nn_file_publish(temporary, target);
    return rc < 0 ? rc : say(NULL, png);
}

/* "plot.html" gives "plot". */
static char *stem_of(nn_pool *pool, const char *out) {
    static const char end[] = ".html";
    char *stem = nn_pool_strdup(pool, out);
    size_t length = strlen(out);
    if (stem && length >= sizeof end && strcmp(out + length - (sizeof end - 1), end) == 0)
        stem[length - (sizeof end - 1)] = '\0';
    return stem;
}

static int add_runs(const nn_call *call, nn_plot *plot) {
    const options *o = call->options;
    size_t runs = o->run->count;
    const char **folder = nn_pool_alloc(call->pool, runs * sizeof *folder);
    if (!folder)
        return NN_EMEMORY;
    for (size_t i = 0; i < runs; i++)
        folder[i] = o->run->item[i]->text;
    NN_TRY(nn_plot_runs(plot, folder, runs));
    for (size_t i = 0; i < runs; i++) {
        nn_figures_wanted wanted = {folder, runs, i, o->samples, o->boundary, o->sample};
        NN_TRY(nn_plot_predictions(plot, call->comm, &wanted));
    }
    return 0;
}

static int run(const nn_call *call) {
    const options *o = call->options;
    nn_plot plot = {.pool = call->pool};
    char *stem = stem_of(call->pool, o->out);
    if (!stem)
        return NN_EMEMORY;
    if (!o->run && !o->activations)
        return nn_fail(NN_EUSAGE, "'plot' needs run folders, as `nnmpi train --run` makes them, or "
                                  "--activations; usage: nnmpi plot RUN...");
    if ((o->boundary || o->sample >= 0) && (!o->run || o->samples == 0))
        return nn_fail(NN_EUSAGE,
                       "--%s draws what a model makes of samples: it wants a run folder, "
                       "and --samples that is not 0",
                       o->boundary ? "boundary" : "sample");
    if (o->run)
        NN_TRY(add_runs(call, &plot));
    if (o->activations)
        NN_TRY(nn_plot_activations(&plot, o->activations));
    NN_TRY(nn_plot_page(&plot, o->out));
    if (o->svg || o->png)
        NN_TRY(nn_plot_files(&plot, NN_PLOT_SVG, stem, o->png ? convert : say, call->pool));
    if (o->csv)
        NN_TRY(nn_plot_files(&plot, NN_PLOT_CSV, stem, say, NULL));
    nn_info("wrote %s%s", o->out, o->svg || o->png || o->csv ? " and its figures as files" : "");
    return 0;
}

static const char *const arguments[] = {"run", NULL};

const nn_verb nn_verb_plot = {
    .entry = {"plot",
              "Draws runs as one HTML page that wants no network: loss, metrics, speed, "
              "configuration.",
              table, sizeof(options)},
    .usage = "RUN... [-O FILE.html] [options]",
    .example = "nnmpi plot run-a run-b -O both.html",
    .arguments = arguments,
    .run = run,
};
