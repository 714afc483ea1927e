/* Files that predictions are written to. */
#ifndef NN_CLI_VERBS_PREDICT_OUT_H
#define NN_CLI_VERBS_PREDICT_OUT_H

#include "io/hdf5/h5.h"

#include <stdint.h>
#include <stdio.h>

typedef struct nn_predict_writer nn_predict_writer;

/* A file format, chosen by the ending of the name. */
typedef struct nn_predict_format {
    const char *ending;
    bool measures; /* `longest` has to be known */
    int (*open)(nn_predict_writer *writer);
    int (*rows)(nn_predict_writer *writer, int64_t first, int64_t count, char *const *file,
                const float *y, const int32_t *label);
    int (*close)(nn_predict_writer *writer);
} nn_predict_format;

struct nn_predict_writer {
    const nn_predict_format *format;
    nn_pool pool;
    const char *path; /* once open, of the file itself where this is a link */
    char *temporary;
    int64_t samples;
    bool files;               /* samples were read from files that have names */
    size_t longest;           /* bytes of such a name, where the format measures them */
    size_t outputs;           /* numbers of one position */
    size_t positions;         /* of a sample, each with a label of its own; 1: the sample has one */
    bool labels;              /* samples have a class */
    const char *const *names; /* of the classes [classes], or NULL */
    size_t classes;
    int32_t first_label; /* the number of class 0 */
    FILE *text;          /* the format's own */
    nn_h5 *h5;
};

/* The format that the name asks for; NN_EUSAGE when it is none. */
int nn_predict_format_of(const char *path, const nn_predict_format **format);

/* Starts the file under a temporary name; the caller has set what stands above. NN_EIO. */
int nn_predict_writer_open(nn_predict_writer *writer);
/* The names file[count], where samples have some, y[count][positions][outputs] and, where samples
 * have a class, label[count][positions], of which first_label is that of class 0; first_label - 1
 * stands for no class: positions beyond the end of a sequence, which tables leave out. NN_EIO. */
int nn_predict_writer_rows(nn_predict_writer *writer, int64_t first, int64_t count,
                           char *const *file, const float *y, const int32_t *label);
/* Publishes the file when rc is 0, removes it otherwise; returns rc or what went wrong now. */
int nn_predict_writer_close(nn_predict_writer *writer, int rc);

#endif
