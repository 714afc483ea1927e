/* HDF5; the only user of hdf5.h. Every message names the file and the object. Reading failures are
 * NN_EFORMAT, writing failures NN_EIO.
 *
 * The library is not thread-safe: two threads that may use it at the same time, on whatever files,
 * take turns (nn_h5_lock). */
#ifndef NN_IO_HDF5_H5_H
#define NN_IO_HDF5_H5_H

#include "base/mem.h"

#include <nnmpi/array.h>

#define NN_H5_MAX_RANK 8

size_t nn_dtype_size(nn_dtype type);
bool nn_dtype_is_integer(nn_dtype type);
const char *nn_dtype_name(nn_dtype type); /* "uint8" ... as numpy says it */

typedef struct nn_h5 nn_h5; /* an open file */

typedef struct nn_h5_info {
    nn_dtype type; /* how it is stored, or the nearest type that holds it (unsigned, half ...) */
    int rank;
    int64_t dim[NN_H5_MAX_RANK];
} nn_h5_info;

/* The version of the library: "1.10.8". Local. */
#define NN_H5_VERSION 36
void nn_h5_version(char text[NN_H5_VERSION]);

/* Waits until no other thread is between the two. Local. */
void nn_h5_lock(void);
void nn_h5_unlock(void);

/* For programs, before any other call: HDF5 does not tidy up when the process ends, where it
 * crashes on a damaged file that it could not close. A library leaves that to the program it is
 * part of. */
void nn_h5_skip_exit(void);

bool nn_h5_is_file(const char *path);            /* its first bytes say that it is one */
int nn_h5_open(const char *path, nn_h5 **out);   /* for reading */
int nn_h5_edit(const char *path, nn_h5 **out);   /* for reading and writing */
int nn_h5_create(const char *path, nn_h5 **out); /* truncates */
/* Links, virtual data sets and external storage are followed into other files from now on; without
 * this what stands there is refused (NN_EFORMAT). */
void nn_h5_allow_other_files(nn_h5 *file);
/* Flushes and closes; frees `file` also on failure. NULL is fine. NN_EIO when anything written did
 * not reach the file, NN_EFORMAT when a question about the file (nn_h5_exists, nn_h5_has_attr) was
 * answered "no" only because it could not be read. */
int nn_h5_close(nn_h5 *file);
const char *nn_h5_path(const nn_h5 *file);
int64_t nn_h5_size(const nn_h5 *file); /* bytes, when it was opened */

bool nn_h5_exists(nn_h5 *file, const char *object);
/* NN_EFORMAT when one of these questions so far was answered "no" because what was asked for could
 * not be read. */
int nn_h5_check_answers(const nn_h5 *file);
/* Calls fn for every link of a group in name order (creation order where it was tracked); stops at
 * its first non-zero return and returns that. */
int nn_h5_list(nn_h5 *file, const char *group,
               int (*fn)(void *ctx, const char *name, bool is_group), void *ctx);
int nn_h5_info_of(nn_h5 *file, const char *dataset, nn_h5_info *info);
/* Rows of a chunk, 0 where it is contiguous; and whether a filter that compresses is used. */
int nn_h5_storage(nn_h5 *file, const char *dataset, int64_t *chunk_rows, bool *compressed);
bool nn_h5_holds_texts(nn_h5 *file, const char *dataset); /* false also where it cannot be read */

/* Rows [first, first + count) of the leading dimension as `as`, converted by HDF5. rank 0 data sets
 * are one row. */
int nn_h5_read(nn_h5 *file, const char *dataset, int64_t first, int64_t count, nn_dtype as,
               void *out);

/* Creates parents as needed. Contiguous unless `chunk_rows` > 0 (then chunked with Fletcher-32, and
 * shuffle + gzip when `gzip` > 0). `data` may be NULL: the rows follow by nn_h5_write_rows. */
int nn_h5_write(nn_h5 *file, const char *dataset, nn_dtype type, int rank, const int64_t *dim,
                int64_t chunk_rows, int gzip, const void *data);
/* The same, contiguous and without data: *offset is where in the file its bytes belong, which are
 * the caller's to write there once the file is closed; 0: it has none. */
int nn_h5_reserve(nn_h5 *file, const char *dataset, nn_dtype type, int rank, const int64_t *dim,
                  int64_t *offset);
/* [count] of uint16 (bytes: 2) or uint32 (4), contiguous; the rows follow by nn_h5_write_rows. */
int nn_h5_make_unsigned(nn_h5 *file, const char *dataset, size_t bytes, int64_t count);
int nn_h5_write_rows(nn_h5 *file, const char *dataset, int64_t first, int64_t count, nn_dtype as,
                     const void *data);
/* A scalar string data set. */
int nn_h5_write_text(nn_h5 *file, const char *dataset, const char *text);
int nn_h5_read_text(nn_h5 *file, const char *dataset, nn_pool *pool, char **text);
/* [count] strings of up to `longest` bytes, which follow by nn_h5_write_texts. */
int nn_h5_make_texts(nn_h5 *file, const char *dataset, size_t longest, int64_t count);
int nn_h5_write_texts(nn_h5 *file, const char *dataset, int64_t first, int64_t count,
                      const char *const *text);
/* Is it a data set [rows] of strings? false also where it cannot be read. */
bool nn_h5_is_text_list(nn_h5 *file, const char *dataset, int64_t rows);
/* Rows [first, first + count) of such a one to text[count], in memory of `pool`. NN_EFORMAT also
 * for a string of more than NN_H5_TEXT bytes. */
#define NN_H5_TEXT 4096
int nn_h5_read_texts(nn_h5 *file, const char *dataset, int64_t first, int64_t count, nn_pool *pool,
                     char **text);
int nn_h5_make_group(nn_h5 *file, const char *group);

/* For rewriting files of others: what is not named stays as it is.
 *
 * NN_EFORMAT names a reference to an object or a region: it would point at what it was, or at
 * nothing, once data sets are replaced. */
int nn_h5_refuse_references(nn_h5 *file);
/* Is this a data set (of numbers or of anything else) with so many rows? Links to other files below
 * an object that is asked for are NN_EFORMAT. */
int nn_h5_has_rows(nn_h5 *file, const char *object, int64_t rows, bool *yes);
/* Is `object` a group of this file that no soft link leads to? */
bool nn_h5_is_own_group(nn_h5 *file, const char *object);
/* Whether `object`, which may be a link, stands in this very file. */
bool nn_h5_is_here(nn_h5 *file, const char *object);
int nn_h5_remove(nn_h5 *file, const char *object); /* the name; NN_EIO */
/* Makes the data set `name` of `to` like `dataset` of `from`: type, chunks, filters, attributes;
 * but with so many rows, which are not written yet. */
int nn_h5_make_like(nn_h5 *to, const char *name, int64_t rows, nn_h5 *from, const char *dataset);
int nn_h5_copy_attrs(nn_h5 *to, const char *object, nn_h5 *from, const char *source);
/* Row i of `dataset`, of any type, goes to the end of what was written to name[part_of(ctx, i)] of
 * `to`, for the parts that have a name. With no parts they are only read, and the rest may be NULL.
 */
typedef size_t nn_h5_part_fn(const void *ctx, int64_t row);
int nn_h5_deal_rows(nn_h5 *from, const char *dataset, nn_h5_part_fn *part_of, const void *ctx,
                    nn_h5 *to, const char *const *name, size_t parts);

/* Attributes of `object` ("/" is the root). Reading one that is absent is NN_EFORMAT; ask first. */
bool nn_h5_has_attr(nn_h5 *file, const char *object, const char *name);
int nn_h5_set_text(nn_h5 *file, const char *object, const char *name, const char *value);
int nn_h5_set_int(nn_h5 *file, const char *object, const char *name, int64_t value);
int nn_h5_set_real(nn_h5 *file, const char *object, const char *name, double value);
int nn_h5_set_reals(nn_h5 *file, const char *object, const char *name, const double *value,
                    size_t count);
int nn_h5_get_text(nn_h5 *file, const char *object, const char *name, nn_pool *pool, char **value);
int nn_h5_get_int(nn_h5 *file, const char *object, const char *name, int64_t *value);
/* One number or an array: *count is the capacity in, the length out. */
int nn_h5_get_reals(nn_h5 *file, const char *object, const char *name, double *value,
                    size_t *count);
/* A list of strings (class names). */
int nn_h5_set_texts(nn_h5 *file, const char *object, const char *name, const char *const *values,
                    size_t count);
int nn_h5_get_texts(nn_h5 *file, const char *object, const char *name, nn_pool *pool,
                    char ***values, size_t *count);

#endif
