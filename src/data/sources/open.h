/* A data set is opened: its source chosen, its `data:` map understood, and what every loader relies
 * on checked. */
#ifndef NN_DATA_SOURCES_OPEN_H
#define NN_DATA_SOURCES_OPEN_H

#include "data/dataset.h"

/* Opens what the `data:` map of a configuration says ({path: file.h5}, or source: ...). Checks
 * shapes, types and that all splits agree; NN_EUSAGE for keys, NN_EFORMAT for contents. `given` is
 * what the source `memory` reads, or NULL, and outlives the data set. Local. */
int nn_dataset_open(nn_node *data, const nn_data *given, nn_dataset **out);
/* Is the file an HDF5 file of the user's own? Or of another format, imported for this use? */
bool nn_dataset_is_hdf5(const nn_dataset *ds);
bool nn_dataset_is_imported(const nn_dataset *ds);
/* Will that section be imported? false also where it is wrong. */
bool nn_dataset_takes_import(nn_node *data);
/* Writes what is imported for the section `data` as a file of its own. NN_EUSAGE where its source
 * is no importer. Local. */
int nn_dataset_import(nn_node *data, const char *out);
/* The same for a file or folder alone; with `other_files` also what it leads to in other files. */
int nn_dataset_open_path(const char *path, nn_dataset **out);
int nn_dataset_open_linked(const char *path, bool other_files, nn_dataset **out);
/* What a model was trained on, for a file that takes the place of it. */
typedef struct nn_like {
    const nn_node *data; /* the `data:` map of its configuration, or NULL */
    const nn_shape *x;   /* a sample */
    size_t features;     /* columns of x with names, or 0 */
    const char *const *feature_name;
    int64_t classes; /* with names, or 0 */
    const char *const *class_name;
    const char *tokens;              /* of a text, or NULL: not known */
    const nn_categories *categories; /* whose numbers columns hold */
    const nn_affine *affine;         /* how they become floats */
    bool values;                     /* y were numbers to predict, no classes */
} nn_like;

/* For samples whose targets do not matter: a CSV file may hold features alone. What the file does
 * not say is taken from `like`. */
int nn_dataset_open_samples(const char *path, bool other_files, const nn_like *like,
                            nn_dataset **out);
/* The `data:` map of a file or folder that is to be looked at: of a table all columns. NN_EMEMORY.
 */
int nn_dataset_node_all(nn_pool *pool, const char *path, bool other_files, nn_node **out);
/* The `data:` map of a file, with `as` (or NULL) of one that takes its place. NN_EMEMORY. */
int nn_dataset_node(nn_pool *pool, const char *path, const nn_like *as, nn_node **out);

#endif
