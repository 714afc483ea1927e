/* A first configuration for a file or a folder of data. */
#define _GNU_SOURCE
#include "base/log.h"
#include "cli/cli.h"
#include "data/guess/guess.h"
#include "data/sources/open.h"
#include "io/files/file.h"
#include "io/yaml/yaml.h"
#include "train/config/starter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    nn_guess_options guess;
    const char *out;
    bool force;
} options;

static const nn_option table[] = {
    {"data", NN_OPT_STRING, offsetof(options, guess.path), NULL, NULL,
     "file or folder to train on, whatever `data: {path: ...}` takes: CSV, pictures, text, IDX, "
     ".npy, .npz, LIBSVM, an HDF5 data set"},
    {"out", NN_OPT_STRING, offsetof(options, out), "", NULL,
     "configuration to write; without it NAME.yaml, after the data, in the working folder"},
    {"target", NN_OPT_STRING, offsetof(options, guess.target), "", NULL,
     "column of a table that is to be learned, by name or number; without it a guess"},
    {"task", NN_OPT_CHOICE, offsetof(options, guess.task), "auto", "auto|classes|numbers",
     "what this column holds: names of classes, or numbers to predict"},
    {"force", NN_OPT_BOOL, offsetof(options, force), "false", NULL,
     "replace a file that is there already"},
    NN_OPTION_END,
};

/* "photos.yaml" of "../photos/", "iris.yaml" of "data/iris.csv.gz". */
static const char *default_out(const nn_call *call, const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    if (!path[begin] || path[begin] == '/')
        return "data.yaml";                            /* of "/" */
    size_t stem = strcspn(path + begin + 1, "./") + 1; /* a name may begin with a dot */
    return nn_pool_printf(call->pool, "%.*s.yaml", (int)stem, path + begin);
}

/* ---- the section data ------------------------------------------------------------------------ */

static void write_data(FILE *out, const nn_guess *guess) {
    fputs("data:\n", out);
    for (size_t i = 0; i < guess->count; i++) {
        const nn_guess_line *line = &guess->line[i];
        if (*line->why)
            nn_yaml_comment(out, 2, line->why);
        fprintf(out, "  %s: %s\n", line->key, line->value);
    }
}

/* The data set, as it would be opened in training. */
static int open_data(const nn_call *call, const nn_guess *guess, nn_dataset **out) {
    char *text = NULL;
    size_t length;
    nn_node *root = NULL;
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return nn_fail(NN_EMEMORY, "no memory for a configuration");
    write_data(memory, guess);
    int rc = fclose(memory) == 0 ? nn_yaml_parse(call->pool, "init", text, length, &root)
                                 : nn_fail(NN_EMEMORY, "no memory for a configuration");
    free(text);
    NN_TRY(rc);
    nn_node_forget_lines(root);
    return nn_dataset_open(nn_node_get(root, "data"), NULL, out);
}

/* Numbers of which nothing says how large they are. */
static int guess_scale(nn_guess *guess, const nn_starter *s) {
    if (s->kind == NN_KIND_TOKENS || s->data->affine.count > 0)
        return 0;
    return nn_guess_add(guess, "normalize", "true",
                        "Mean 0 and deviation 1, as the training samples have them: of each "
                        "column, or of each channel of images.");
}

/* What validation and test need, where the file has no such splits: those of HDF5 files are for
 * `data split`. */
static int guess_split(nn_guess *guess, nn_starter *s) {
    bool imported = strcmp(s->data->ops->entry.name, "hdf5") != 0;
    double valid = s->validates ? 0 : 0.15, test = s->tests ? 0 : 0.15;
    if (!imported || s->samples < 10 || (s->validates && s->tests))
        return 0;
    bool labels = s->classes && !s->by_position;
    const char *parts = valid > 0 && test > 0 ? "valid: 0.15, test: 0.15"
                        : valid > 0           ? "valid: 0.15"
                                              : "test: 0.15";
    s->samples -= (int64_t)((valid + test) * (double)s->samples);
    s->validates = s->tests = true;
    return nn_guess_add(
        guess, "split",
        nn_pool_printf(guess->pool, "{%s%s}", parts, labels ? ", stratify: true" : ""),
        "Random parts that are not trained on: valid decides when training ends, "
        "test says in the end how good the model is. seed: 2 draws others. Where "
        "rows follow each other in time, better make splits of your own.");
}

/* ---- the file -------------------------------------------------------------------------------- */

static void write_head(FILE *out, const options *o, const char *name) {
    fprintf(out, "# A first configuration, written by `nnmpi init` for %s. Train it as it is:\n",
            o->guess.path);
    fprintf(out, "#     nnmpi train %s --run RUN     or: mpirun -n 4 nnmpi train ...\n", name);
    fputs("#     nnmpi plot RUN                  nnmpi predict RUN --data NEW -O OUT.csv\n", out);
    nn_yaml_comment(out, 0,
                    "All below is a guess with the reason beside it. `nnmpi help KEY` "
                    "explains a key, `nnmpi check` names what is wrong.");
    fputc('\n', out);
}

/* As it will be read; what is wrong with it now is a fault of this program's. */
static int check_text(const char *name, const char *text, size_t length) {
    nn_config *config = NULL;
    int rc = nn_config_parse(name, text, length, &config);
    if (rc >= 0)
        rc = nn_config_check(config);
    nn_config_free(config);
    return rc;
}

static int write_file(const options *o, const char *path, const nn_guess *guess,
                      const nn_starter *starter) {
    char *text = NULL;
    size_t length;
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return nn_fail(NN_EMEMORY, "no memory for a configuration");
    write_head(memory, o, path);
    write_data(memory, guess);
    fputc('\n', memory);
    nn_starter_write(starter, memory);
    int rc = fclose(memory) == 0 ? check_text(path, text, length)
                                 : nn_fail(NN_EMEMORY, "no memory for a configuration");
    if (rc >= 0)
        rc = nn_file_write(path, text, length);
    free(text);
    return rc;
}

static void say_result(const nn_starter *s, const char *path) {
    static const char *const kinds[] = {[NN_KIND_TABLE] = "rows",
                                        [NN_KIND_IMAGE] = "images",
                                        [NN_KIND_SEQUENCE] = "sequences",
                                        [NN_KIND_TOKENS] = "sequences of whole numbers"};
    char shape[NN_SHAPE_TEXT];
    bool volumes = s->train->x.shape.rank == 4;
    printf("%s: %s %s, %zu %s to predict\n", s->data->path, volumes ? "volumes" : kinds[s->kind],
           nn_shape_text(&s->train->x.shape, shape), s->outputs,
           s->classes       ? "classes"
           : s->outputs > 1 ? "numbers"
                            : "number");
    printf("wrote %s; to train: nnmpi train %s\n", path, path);
}

static int run(const nn_call *call) {
    const options *o = call->options;
    const char *path = o->out ? o->out : default_out(call, o->guess.path);
    nn_guess guess = {.pool = call->pool};
    nn_starter starter;
    nn_dataset *data = NULL;
    int rc;
    if (!path)
        return NN_EMEMORY;
    NN_TRY(nn_file_spare(path, o->guess.path));
    if (!o->force && nn_file_exists(path))
        return nn_fail(NN_EUSAGE,
                       "'%s' is there already: choose another file (-O), or replace it (--force)",
                       path);
    NN_TRY_GOTO(nn_guess_data(&guess, &o->guess));
    NN_TRY_GOTO(open_data(call, &guess, &data));
    NN_TRY_GOTO(nn_starter_init(&starter, data));
    NN_TRY_GOTO(guess_scale(&guess, &starter));
    NN_TRY_GOTO(guess_split(&guess, &starter));
    NN_TRY_GOTO(write_file(o, path, &guess, &starter));
    say_result(&starter, path);
done:
    nn_dataset_close(data);
    return rc;
}

static const char *const arguments[] = {"data", NULL};

const nn_verb nn_verb_init = {
    .entry = {"init",
              "Writes a first configuration for a file or folder of data, which trains as it is; "
              "each guess has a comment.",
              table, sizeof(options)},
    .usage = "DATA [-O FILE.yaml] [options]",
    .example = "nnmpi init houses.csv -O houses.yaml",
    .arguments = arguments,
    .run = run,
};
