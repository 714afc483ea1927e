/* The distinct labels of a column of text and the class index of each. */
#ifndef NN_DATA_IMPORTERS_LABELS_H
#define NN_DATA_IMPORTERS_LABELS_H

#include "base/mem.h"
#include "io/hdf5/h5.h"

#define NN_MAX_LABELS 65536

typedef struct nn_label {
    const char *text;
    int64_t value; /* when all are integers */
    int64_t index; /* class: its place in that order until nn_labels_number */
} nn_label;

typedef struct nn_labels {
    nn_pool pool;
    size_t count, room, limit; /* limit: the most there may be, by default NN_MAX_LABELS */
    nn_label *label;           /* in order of first appearance */
    uint32_t *hash_table;      /* 1 + position in `label`; 0: free */
    size_t hash_size;          /* a power of two */
    bool integers;             /* all of them */
    bool plain;                /* they are 0 ... count - 1 themselves and need no names */
} nn_labels;

int nn_labels_init(nn_labels *labels);
void nn_labels_release(nn_labels *labels);

/* Adds `text` unless it is there. NN_EFORMAT beyond the limit. */
int nn_labels_add(nn_labels *labels, const char *text);

/* Gives out the class indices: integers in numerical order, names in order of appearance. */
int nn_labels_number(nn_labels *labels);

/* Class index, or -1 when `text` was never added. */
int64_t nn_labels_find(const nn_labels *labels, const char *text);

/* What class indices are stored as. */
nn_dtype nn_labels_type(const nn_labels *labels);
/* The names as `classes` of a data set, unless they are plain. NN_EIO, NN_EMEMORY. */
int nn_labels_write(nn_labels *labels, nn_h5 *file);
/* names[count] by class index; `names` is owned by the labels. */
int nn_labels_names(nn_labels *labels, const char ***names);

#endif
