/* Data sets: named splits of samples with targets, wherever they come from. */
#ifndef NN_DATA_DATASET_H
#define NN_DATA_DATASET_H

#include "base/options/option.h"
#include "data/augment/augment.h"
#include "data/field.h"

typedef struct nn_split {
    const char *name; /* "train", "valid", "test" */
    int64_t samples;
    nn_field x, y, w, length;
    int64_t tokens;    /* of the stream whose windows are the samples; 0: they are stored */
    int64_t positions; /* y [N, positions]: a label for each; 0: nn_dataset_label_positions was not
                          called */
    bool supplied;     /* it has no rows: the program supplies them (nnmpi/training.h) */
    bool has_y, has_w, has_length; /* w: sample weights [N], read as float32; length: integers [N],
                                      steps of each sequence that count, 1 to nn_split_steps */
    bool has_file;                 /* nn_dataset_files says which file each sample was read from */
} nn_split;

/* The array of a split that a letter stands for: 'x', 'y', 'w' or this one, which files call len.
 */
#define NN_FIELD_LENGTH 'l'
#define NN_FIELD_TOKENS 't' /* a stream, windows of which are x and y (sources/windows.h) */
#define NN_FIELD_FILE 'f'   /* texts [N], which nothing but nn_dataset_files reads */
const nn_field *nn_split_field(const nn_split *split, char field);

typedef struct nn_dataset nn_dataset;
typedef struct nn_data nn_data; /* as <nnmpi/data.h> */

/* A place data can come from; one file and one row each. */
typedef struct nn_source_ops {
    nn_entry entry;
    /* Sets ds->path, ds->state and ds->splits with their names, samples and fields
     * (nn_split_describe), and classes and layout where the source knows them, in memory of
     * ds->pool; nn_dataset_open checks the rest. NN_EUSAGE, NN_EFORMAT. */
    int (*open)(nn_dataset *ds, const void *options);
    /* Rows [first, first + count) of an array of a split, as stored. */
    int (*read)(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                int64_t count, void *out);
    /* Where all rows of it lie in memory, as stored, while the data set is open; NULL, of the
     * function too: nowhere. */
    const void *(*rows)(const nn_dataset *ds, const nn_split *split, char field);
    /* As nn_dataset_files; NULL: no split has any. */
    int (*files)(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                 nn_pool *pool, char **out);
    void (*close)(nn_dataset *ds);
    bool converts; /* `read` gives the type that the field has at that time */
} nn_source_ops;

#define NN_MAX_SPLITS 3

/* What every source takes besides its own options. */
typedef struct nn_data_settings {
    nn_node *augment;
    int normalize, prefetch; /* each one of those below */
    int layout;              /* NN_LAYOUT_AUTO ... (layout.h) */
    int64_t first_label;     /* the number of class 0 */
    double memory;           /* MiB; 0: not said */
    bool other_files;        /* what the file leads to is read, too */
    nn_node *split;          /* options of split.h; NULL: not divided */
    bool shuffle;            /* training samples; else they come as stored */
    int when_changed;        /* enum nn_change_rule */
} nn_data_settings;
enum { NN_NORMALIZE_NONE, NN_NORMALIZE_CHANNEL, NN_NORMALIZE_ALL, NN_NORMALIZE_PER_CHANNEL };
enum { NN_PREFETCH_AUTO, NN_PREFETCH_ON, NN_PREFETCH_OFF };
enum nn_change_rule { NN_CHANGE_REFUSE, NN_CHANGE_ACCEPT };
extern const nn_option nn_data_options[];
#define NN_OTHER_FILES_HELP                                                                        \
    "follow links and virtual data sets of an HDF5 file into other files, and read data that it "  \
    "keeps in them"

#define NN_NO_CLASS (-2) /* in nn_match */

/* How what is read becomes what a model was trained on, where the names of classes or columns say
 * that they are in another order (naming.h). */
typedef struct nn_match {
    int64_t classes;    /* of the data set, 0: labels stay */
    int64_t *class_of;  /* [classes]: the model's, or NN_NO_CLASS */
    const char **name;  /* [classes] */
    const char *known;  /* the model's classes, for messages */
    size_t *feature_of; /* [features]: where the model's columns stand; NULL: in order */
    unsigned char *row; /* room for a row of x */
} nn_match;

/* One of the data sets that a mixture consists of. Its samples of a split stand behind those of the
 * parts before it that have this split. */
typedef struct nn_part {
    nn_dataset *ds;
    double weight; /* of the sum of all; 0: none have weights */
} nn_part;
#define NN_MAX_PARTS 64
#define NN_MIXTURE_SLOTS 65536 /* a weight is a whole number of such parts of all */

struct nn_dataset {
    const nn_source_ops *ops;
    const nn_data *given; /* for the source `memory`; NULL: nothing */
    void *state;          /* the source's own */
    nn_pool pool;
    const char *path;   /* for messages */
    const char *unused; /* what its splits hold that nothing reads: "id, place"; NULL: nothing */
    size_t splits;
    nn_split split[NN_MAX_SPLITS];
    nn_data_settings settings;
    struct nn_split_options *division; /* of the training samples (settings.split); NULL: none */
    bool divided;                      /* the source has done it */
    nn_augment augment;                /* of training samples */
    bool layout_open;         /* x are images of which nothing says where the channels stand */
    nn_affine affine;         /* how x becomes floats */
    nn_normal normal;         /* and these floats what the model sees; set by normalize.h */
    int64_t classes;          /* y integer: number of classes, else 0 */
    const char **class_names; /* [classes] or NULL */
    int64_t first_class;      /* the number that class 0 is known by */
    int64_t smallest_label;   /* of /train; -1: none, or there is no /train */
    int64_t least_label;      /* of all splits, ... */
    int64_t distinct_labels;  /* ... and how many different ones there are; 0: not counted */
    bool signs;               /* all labels are 1 or -1 */
    int64_t named;            /* classes that the source names, whatever y is ... */
    const char **names;       /* ... and their names */
    const char *tokens; /* x and y are tokens of a text, one of nn_token_kinds or another name, and
                           the names are its vocabulary; NULL: they are not */
    size_t features;    /* names of the columns of x [F] or [T, F]: F, or 0 */
    const char **feature_names;
    const double *missing; /* [columns of x]: values that were missing and are filled in, or NULL */
    nn_match match;
    size_t parts;             /* of a mixture (sources/mixture.h); 0: it is none */
    nn_part *part;            /* [parts] */
    nn_categories categories; /* columns of x that hold their numbers */
    const double *one_hot; /* [columns of x]: the number of the column of categories that it is one
                              category of, 0: of none; NULL: nothing says it */
    const char *fingerprint; /* of nn_dataset_fingerprint, NULL: it was not called */
};

void nn_dataset_close(nn_dataset *ds);
/* Tells what of it nobody uses, which its author may not expect. */
void nn_dataset_say_unused(const nn_dataset *ds);

/* For who cares where the channels stand: NN_EFORMAT when that is open. */
int nn_dataset_check_layout(const nn_dataset *ds);

/* Targets of a sample: P for labels by position, else 1. */
static inline size_t nn_split_positions(const nn_split *split) {
    return split->positions > 0 ? (size_t)split->positions : 1;
}

/* Positions are the steps of sequences whose lengths are known: labels beyond the end count for
 * nothing. */
bool nn_split_masks_labels(const nn_split *split);

/* The split of that name or NULL. */
const nn_split *nn_dataset_split(const nn_dataset *ds, const char *name);
/* The same; NN_EFORMAT says which splits there are. */
int nn_dataset_find(const nn_dataset *ds, const char *name, const nn_split **split);
/* The one that a user asks for, NN_EUSAGE when it is not there; NULL: test where there is one, else
 * the first. */
int nn_dataset_choose(const nn_dataset *ds, const char *name, const nn_split **split);

/* Rows [first, first + count) of an array of a split, as stored. Local. */
int nn_dataset_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                    int64_t count, void *out);

/* Where nn_dataset_read would get all of them from unchanged; NULL: nowhere. Local. */
const void *nn_dataset_rows(const nn_dataset *ds, const nn_split *split, char field);

/* The names of the files that rows [first, first + count) of a split that has_file were read from,
 * to out[count], in memory of `pool`: whatever bytes they are, up to NN_H5_TEXT of them. Local. */
int nn_dataset_files(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                     nn_pool *pool, char **out);

/* Are the targets class indices (integer y [N])? */
bool nn_split_has_labels(const nn_split *split);

/* Steps T of the sequences [T] or [T, F] in x; 0: x holds no sequences. */
int64_t nn_split_steps(const nn_split *split);
/* Stored lengths of rows [first, first + count) as int32; NN_EFORMAT names the row whose length is
 * not 1 to nn_split_steps. */
int nn_dataset_lengths(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                       const void *stored, int32_t *out);

#endif
