#include "cli/verbs/data.h"

#include "base/text.h"
#include "cli/cli.h"
#include "data/importers/importer.h"
#include "data/sources/make.h"
#include "data/sources/open.h"
#include "data/split.h"
#include "io/files/file.h"
#include "io/yaml/yaml.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- options -------------------------------------------------------------------------------- */

typedef struct out_options {
    const char *out;
} out_options;

static const nn_option out_table[] = {
    {"out", NN_OPT_STRING, offsetof(out_options, out), NULL, NULL, "HDF5 file to write"},
    NN_OPTION_END,
};

#define PATH_HELP                                                                                  \
    "data set: HDF5, or any file or folder that data.path takes; or a configuration (.yaml), "     \
    "whose "                                                                                       \
    "section data it is"

typedef struct split_options {
    const char *path, *out;
} split_options;

static const nn_option split_table[] = {
    {"path", NN_OPT_STRING, offsetof(split_options, path), NULL, NULL, PATH_HELP},
    {"out", NN_OPT_STRING, offsetof(split_options, out), "", NULL,
     "HDF5 file to write; without it the data set is replaced"},
    NN_OPTION_END,
};

typedef struct info_options {
    const char *path;
    bool other_files, json;
} info_options;

static const nn_option info_table[] = {
    {"path", NN_OPT_STRING, offsetof(info_options, path), NULL, NULL, PATH_HELP},
    {"other_files", NN_OPT_BOOL, offsetof(info_options, other_files), "false", NULL,
     NN_OTHER_FILES_HELP},
    NN_JSON_ROW(info_options),
    NN_OPTION_END,
};

typedef struct plot_options {
    const char *path, *out;
    bool other_files;
} plot_options;

static const nn_option plot_table[] = {
    {"path", NN_OPT_STRING, offsetof(plot_options, path), NULL, NULL, PATH_HELP},
    {"out", NN_OPT_STRING, offsetof(plot_options, out), "data.html", NULL, "page to write"},
    {"other_files", NN_OPT_BOOL, offsetof(plot_options, other_files), "false", NULL,
     NN_OTHER_FILES_HELP},
    NN_OPTION_END,
};

static const nn_entry make_common = {"make", "", nn_make_table, sizeof(nn_make_options)};

/* ---- verbs ---------------------------------------------------------------------------------- */

static int run_import(const nn_call *call) {
    const nn_importer_ops *importer = (const nn_importer_ops *)call->kind;
    const out_options *o = call->options;
    NN_TRY(nn_importer_run(importer, call->kind_options, o->out));
    nn_info("wrote %s", o->out);
    return 0;
}

static int run_make(const nn_call *call) {
    const nn_generator_ops *generator = (const nn_generator_ops *)call->kind;
    const out_options *o = call->options;
    NN_TRY(nn_make(generator, call->kind_options, call->base, o->out));
    nn_info("wrote %s", o->out);
    return 0;
}

int nn_data_argument(nn_pool *pool, const char *path, bool other_files, nn_node **out) {
    static const char *const endings[] = {".yaml", ".yml", NULL};
    nn_node *root = NULL;

    if (!nn_text_has_ending(path, endings))
        return nn_dataset_node_all(pool, path, other_files, out);
    NN_TRY(nn_yaml_load(pool, path, &root));
    *out = nn_node_get(root, "data"); /* alone: a model may still be missing */
    return *out ? NN_OK : nn_node_fail(root, "this configuration has no section 'data'");
}

static int spare_named(const nn_node *node, const char *out) {
    if (node->kind == NN_NODE_SCALAR)
        return nn_file_spare(out, node->text);
    for (size_t i = 0; i < node->count; i++)
        NN_TRY(spare_named(node->item[i], out));
    return NN_OK;
}

/* `out` is neither the argument nor a file that the section names. */
static int spare_inputs(const nn_node *data, const char *argument, const char *out) {
    NN_TRY(nn_file_spare(out, argument));
    return spare_named(data, out);
}

/* How to divide, as options say, and where they name no part, data.split of a configuration. */
static int find_division(const nn_call *call, nn_node *data, nn_split_options *out) {
    const nn_split_options *said = call->base;
    nn_node *map = nn_node_get(data, "split"), *nothing = nn_node_map(call->pool);
    nn_split_options unsaid;

    *out = *said;
    if (!nothing)
        return NN_EMEMORY;
    if (!map)
        return NN_OK;
    if (said->valid > 0 || said->test > 0) {
        nn_info("the options --valid and --test are used, and data.split is not");
        return NN_OK;
    }
    if (map->kind != NN_NODE_MAP)
        return nn_node_fail(map, "data.split is a map, e.g. {valid: 0.1, test: 0.1}");
    NN_TRY(nn_options_bind(&(nn_binding){nn_split_entry.options, out}, 1, map, "data.split", NULL));
    NN_TRY(
        nn_options_bind(&(nn_binding){nn_split_entry.options, &unsaid}, 1, nothing, "split", NULL));
    out->stratify = out->stratify || said->stratify;
    out->other_files = out->other_files || said->other_files;
    if (said->seed != unsaid.seed)
        out->seed = said->seed;
    return NN_OK;
}

/* Another format is imported to a file beside the new one, which then is divided. */
static int split_imported(const nn_call *call, const split_options *o,
                          const nn_split_options *split, nn_node *data) {
    nn_split_options options = *split;
    char *whole;
    int rc;
    if (nn_node_get(data, "unlabelled"))
        return nn_fail(NN_EUSAGE,
                       "%s: nothing says which column is to be learned: nnmpi data import csv %s "
                       "--label COLUMN -O FILE.h5 does, or a configuration (.yaml) in its place",
                       o->path, o->path);
    if (!o->out)
        return nn_fail(NN_EUSAGE, "%s is no HDF5 file: give -O FILE.h5, which is to be written",
                       o->path);
    NN_TRY(spare_inputs(data, o->path, o->out));
    whole = nn_file_temporary(call->pool, o->out);
    if (!whole)
        return NN_EMEMORY;
    NN_TRY(nn_dataset_import(data, whole));
    options.name = o->path;
    rc = nn_data_split(whole, &options, o->out);
    nn_temporary_discard(whole);
    return rc;
}

/* In place, too, unless that is the configuration. */
static int split_hdf5(const split_options *o, const char *path, const nn_split_options *split) {
    if (o->out && strcmp(o->path, path) != 0)
        NN_TRY(nn_file_spare(o->out, o->path));
    return nn_data_split(path, split, o->out ? o->out : path);
}

static int run_split(const nn_call *call) {
    const split_options *o = call->options;
    const nn_split_options *said = call->base;
    nn_split_options split;
    const nn_node *path;
    nn_node *data = NULL;
    NN_TRY(nn_data_argument(call->pool, o->path, said->other_files, &data));
    NN_TRY(find_division(call, data, &split));
    path = nn_node_get(data, "path");
    if (nn_dataset_takes_import(data))
        NN_TRY(split_imported(call, o, &split, data));
    else if (path && path->kind == NN_NODE_SCALAR)
        NN_TRY(split_hdf5(o, path->text, &split));
    else
        return nn_node_fail(data, "there is no file to split: give data.path, the name of one");
    nn_info("wrote %s", o->out ? o->out : path->text);
    return 0;
}

/* `out` is to be written; NULL: nothing is. */
static int open_info(const nn_call *call, const char *path, bool other_files, const char *out,
                     nn_info **info) {
    nn_node *data = NULL;
    NN_TRY(nn_data_argument(call->pool, path, other_files, &data));
    if (out)
        NN_TRY(spare_inputs(data, path, out));
    return nn_info_new(data, path, info);
}

static int run_info(const nn_call *call) {
    const info_options *o = call->options;
    nn_info *info;
    int rc;
    NN_TRY(open_info(call, o->path, o->other_files, NULL, &info));
    rc = (o->json ? nn_info_json : nn_info_text)(info, stdout);
    nn_info_free(info);
    return rc;
}

static int run_plot(const nn_call *call) {
    const plot_options *o = call->options;
    nn_info *info;
    int rc;
    NN_TRY(open_info(call, o->path, o->other_files, o->out, &info));
    rc = nn_data_page(call->pool, info, o->out);
    nn_info_free(info);
    if (rc == 0)
        nn_info("wrote %s", o->out);
    return rc;
}

static const char *importer_argument(const nn_entry *kind) {
    return ((const nn_importer_ops *)kind)->argument;
}

static const char *const path_argument[] = {"path", NULL};

static const nn_verb verb_import = {
    .entry = {"import", "Turns files of another format into an HDF5 data set.", out_table,
              sizeof(out_options)},
    .usage = "KIND [FILE] -O FILE.h5 [options]",
    .example = "nnmpi data import csv houses.csv --target price -O houses.h5",
    .kinds = &nn_importers,
    .kind_argument = importer_argument,
    .run = run_import,
};

static const nn_verb verb_make = {
    .entry = {"make", "Makes a small artificial data set.", out_table, sizeof(out_options)},
    .usage = "KIND -O FILE.h5 [options]",
    .example = "nnmpi data make digits --samples 5000 -O digits.h5",
    .base = &make_common,
    .kinds = &nn_generators,
    .run = run_make,
};

static const nn_verb verb_split = {
    .entry = {"split", "Takes random parts of /train as /valid and /test.", split_table,
              sizeof(split_options)},
    .usage = "PATH [-O FILE.h5] [options]",
    .example = "nnmpi data split all.h5 --test 0.2 --stratify -O mine.h5",
    .arguments = path_argument,
    .base = &nn_split_entry,
    .run = run_split,
};

static const nn_verb verb_info = {
    .entry = {"info", "What a data set holds, and what to change about it.", info_table,
              sizeof(info_options)},
    .usage = "PATH [--json]",
    .example = "nnmpi data info mine.h5",
    .arguments = path_argument,
    .run = run_info,
};

static const nn_verb verb_plot = {
    .entry = {"plot", "The same as a page, with histograms, classes and samples of pictures.",
              plot_table, sizeof(plot_options)},
    .usage = "PATH [-O PAGE.html]",
    .example = "nnmpi data plot mine.h5 -O mine.html",
    .arguments = path_argument,
    .run = run_plot,
};

static const nn_entry *const rows[] = {&verb_import.entry, &verb_info.entry, &verb_plot.entry,
                                       &verb_split.entry,  &verb_make.entry, NULL};

static const nn_family verbs = {"verb of nnmpi data", rows};

const nn_verb nn_verb_data = {
    .entry = {"data", "Makes, imports, splits and describes data sets.", NULL, 0},
    .verbs = &verbs,
};
