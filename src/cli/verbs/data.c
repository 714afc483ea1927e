#include "cli/cli.h"
#include "data/importers/importer.h"
#include "data/info.h"
#include "data/sources/make.h"
#include "data/split.h"

#include <stdio.h>

/* ---- options -------------------------------------------------------------------------------- */

typedef struct out_options {
    const char *out;
} out_options;

static const nn_option out_table[] = {
    {"out", NN_OPT_STRING, offsetof(out_options, out), NULL, NULL, "HDF5 file to write"},
    NN_OPTION_END,
};

typedef struct split_options {
    const char *path, *out;
} split_options;

static const nn_option split_table[] = {
    {"path", NN_OPT_STRING, offsetof(split_options, path), NULL, NULL, "data set to split"},
    {"out", NN_OPT_STRING, offsetof(split_options, out), "", NULL,
     "HDF5 file to write; without it the data set is replaced"},
    NN_OPTION_END,
};

typedef struct info_options {
    const char *path;
    bool other_files, json;
} info_options;

static const nn_option info_table[] = {
    {"path", NN_OPT_STRING, offsetof(info_options, path), NULL, NULL, "data set"},
    {"other_files", NN_OPT_BOOL, offsetof(info_options, other_files), "false", NULL,
     NN_OTHER_FILES_HELP},
    NN_JSON_ROW(info_options),
    NN_OPTION_END,
};

static const nn_entry make_common = {"make", "", nn_make_table, sizeof(nn_make_options)};

/* ---- verbs ---------------------------------------------------------------------------------- */

static int run_import(const nn_call *call) {
    const nn_importer_ops *importer = (const nn_importer_ops *)call->kind;
    const out_options *o = call->options;
    NN_TRY(importer->run(call->kind_options, o->out));
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

static int run_split(const nn_call *call) {
    const split_options *o = call->options;
    const char *out = o->out ? o->out : o->path;
    NN_TRY(nn_data_split(o->path, call->base, out));
    nn_info("wrote %s", out);
    return 0;
}

static int run_info(const nn_call *call) {
    const info_options *o = call->options;
    nn_info *info;
    int rc;
    NN_TRY(nn_info_new(o->path, o->other_files, &info));
    rc = (o->json ? nn_info_json : nn_info_text)(info, stdout);
    nn_info_free(info);
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
    .kinds = &nn_importers,
    .kind_argument = importer_argument,
    .run = run_import,
};

static const nn_verb verb_make = {
    .entry = {"make", "Makes a small artificial data set.", out_table, sizeof(out_options)},
    .usage = "KIND -O FILE.h5 [options]",
    .base = &make_common,
    .kinds = &nn_generators,
    .run = run_make,
};

static const nn_verb verb_split = {
    .entry = {"split", "Takes random parts of /train as /valid and /test.", split_table,
              sizeof(split_options)},
    .usage = "PATH [-O FILE.h5] [options]",
    .arguments = path_argument,
    .base = &nn_split_entry,
    .run = run_split,
};

static const nn_verb verb_info = {
    .entry = {"info", "Shapes, types, classes and statistics of a data set.", info_table,
              sizeof(info_options)},
    .usage = "PATH [--json]",
    .arguments = path_argument,
    .run = run_info,
};

static const nn_entry *const rows[] = {&verb_import.entry, &verb_info.entry, &verb_split.entry,
                                       &verb_make.entry, NULL};

static const nn_family verbs = {"verb of nnmpi data", rows};

const nn_verb nn_verb_data = {
    .entry = {"data", "Makes, imports, splits and describes data sets.", NULL, 0},
    .verbs = &verbs,
};
