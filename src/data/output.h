/* A data set file being written: under a temporary name until it is complete. */
#ifndef NN_DATA_OUTPUT_H
#define NN_DATA_OUTPUT_H

#include "base/shape.h"
#include "io/hdf5/h5.h"

typedef struct nn_output {
    nn_pool pool;
    const char *path; /* what the file will be called; not a link */
    char *temporary;
    nn_h5 *file;
    int64_t declared, written; /* rows of fields since all that were declared had been written */
} nn_output;

/* The disk on which `path` will be has room for so many bytes, else NN_EIO. */
int nn_output_check_room(const char *path, uint64_t bytes);

/* Starts a file that will take about `bytes`; NN_EIO when the disk has not that much room, names
 * `path`. */
int nn_output_init(nn_output *output, const char *path, uint64_t bytes);

/* Starts with a copy of the file `from`, to be changed. */
int nn_output_copy(nn_output *output, const char *path, const char *from, uint64_t bytes);

/* Declares /<split>/<field> [rows, shape...]; the rows follow by nn_h5_write_rows. */
int nn_output_declare(nn_output *output, const char *split, char field, nn_dtype type, int64_t rows,
                      const nn_shape *shape);

/* Bytes of a stored token: 2 where the numbers of so many different ones fit, else 4. */
size_t nn_output_token_bytes(int64_t different);
/* Declares /<split>/tokens [count], unsigned integers of that size. */
int nn_output_declare_tokens(nn_output *output, const char *split, int64_t different,
                             int64_t count);

/* Rows [first, first + count) of /<split>/<field>. */
int nn_output_rows(nn_output *output, const char *split, char field, int64_t first, int64_t count,
                   nn_dtype type, const void *data);

/* Closes, publishes under the final name when rc is 0, removes the temporary file otherwise.
 * Returns rc or what went wrong now. */
int nn_output_end(nn_output *output, int rc);

/* "/train/x", "/train/len", "/train/file" ... in `text`, which is returned. */
#define NN_FIELD_PATH 32
const char *nn_field_path(const char *split, char field, char text[NN_FIELD_PATH]);

#endif
