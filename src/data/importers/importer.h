/* Importers: files of other formats become a data set in HDF5. One file and one row each; the
 * options of `nnmpi data import NAME` are the row's table, "train_images" being --train-images. */
#ifndef NN_DATA_IMPORTERS_IMPORTER_H
#define NN_DATA_IMPORTERS_IMPORTER_H

#include "base/options/option.h"

typedef struct nn_importer_ops {
    nn_entry entry;
    const char *argument; /* key of the option that an argument without a flag fills, or NULL */
    /* Reads everything in pieces of bounded size and writes the data set `out` durably: what stood
     * there stays on failure. NN_EUSAGE for options, NN_EFORMAT for the input (with file and
     * place), NN_EIO for the output. Local. */
    int (*run)(const void *options, const char *out);
} nn_importer_ops;

extern const nn_family nn_importers; /* importers.c: one row an importer */
/* The same, and NN_EUSAGE where `out` is a file that the options name. */
int nn_importer_run(const nn_importer_ops *importer, const void *options, const char *out);

/* The rows and their options; the data sources of their names take the same. */
typedef struct nn_csv_options {
    const char *path, *label, *target, *drop, *answers, *categories, *embedding;
    int header, delimiter, missing;
    int64_t features;
    bool unlabelled, standardize;
    const nn_node *columns;
} nn_csv_options;
extern const nn_option nn_csv_table[];
extern const nn_importer_ops nn_importer_csv;

typedef struct nn_idx_options {
    const char *path, *prefix;
    const char *train_images, *train_labels, *test_images, *test_labels;
    const char *classes;
} nn_idx_options;
extern const nn_option nn_idx_table[];
extern const nn_importer_ops nn_importer_idx;
/* Are the training samples in this folder, under their usual name? */
bool nn_idx_has_folder(const char *path);

typedef struct nn_images_options {
    const char *path;
    int64_t height, width;
    int fit, color;
} nn_images_options;
extern const nn_option nn_images_table[];
extern const nn_importer_ops nn_importer_images;

typedef struct nn_npy_options {
    const char *path, *targets;
} nn_npy_options;
extern const nn_option nn_npy_table[];
extern const nn_importer_ops nn_importer_npy;

typedef struct nn_npz_options {
    const char *path, *x, *y, *w, *len;
} nn_npz_options;
extern const nn_option nn_npz_table[];
extern const nn_importer_ops nn_importer_npz;

typedef struct nn_libsvm_options {
    const char *path;
    bool values;
    int64_t features;
} nn_libsvm_options;
extern const nn_option nn_libsvm_table[];
extern const nn_importer_ops nn_importer_libsvm;

typedef struct nn_text_options {
    const char *path, *vocabulary_file;
    int tokens; /* NN_TOKENS_BYTES ... (data/tokens.h) */
    int64_t context, vocabulary;
    double valid;
    bool unlabelled;
    const nn_node *classes;
} nn_text_options;
extern const nn_option nn_text_table[];
extern const nn_importer_ops nn_importer_text;

#endif
