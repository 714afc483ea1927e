/* Data sets in memory, in the place of files. Intended usage:
 *
 *   nn_data *data;
 *   nn_data_new(&data);
 *   nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {n, 784}, pixels});
 *   nn_data_set(data, "train", "y", &(nn_array){NN_U8, 1, {n}, labels});
 *   nn_config_use_data(config, data);
 *   ... nn_train(comm, config, ...) ...
 *   nn_config_free(config);
 *   nn_data_free(data);
 *
 * Arrays are borrowed: nnmpi reads them where they lie, from any thread, and never writes to them;
 * until the configuration is freed, or given other data, the caller may neither free nor change
 * them. Every rank gives the same arrays; where each has a part, nn_data_gather puts them together.
 * All is Local but nn_data_gather. */
#ifndef NNMPI_DATA_H
#define NNMPI_DATA_H

#include <nnmpi/array.h>
#include <nnmpi/comm.h>
#include <nnmpi/config.h>

typedef struct nn_data nn_data;

/* NN_EMEMORY. */
NN_API int nn_data_new(nn_data **out);
/* Not the arrays. NULL is fine. */
NN_API void nn_data_free(nn_data *data);

/* A field of a split ("train", "valid", "test"): "x" [N, ...], samples; "y" [N] integers, classes;
 * [N, P] integers, a class for each position; [N] or [N, d] floats, numbers to predict; "w" [N],
 * weights of samples; "len" [N] integers, steps of sequences. Set again, it replaces what was
 * there. Where array->data is NULL, rows are read by nn_data_set_reader's function. NN_EUSAGE,
 * NN_EMEMORY. */
NN_API int nn_data_set(nn_data *data, const char *split, const char *field, const nn_array *array);

/* Writes rows [first, first + count) of a field to `out`, in the type and order of the array that
 * nn_data_set has described, the same on every rank; 0, or anything else for a failure (NN_EIO).
 * Called once for each row while a run is set up, and again for each minibatch where data.memory
 * does not hold the split; by one thread at a time, which may be one of nnmpi's. */
typedef int nn_data_read_fn(void *ctx, const char *split, const char *field, int64_t first,
                            int64_t count, void *out);
NN_API void nn_data_set_reader(nn_data *data, nn_data_read_fn *read, void *ctx);

/* Names of the classes 0, 1, 2 ... of y, and of the columns of x [N, F] or [N, T, F]; copied. A
 * checkpoint keeps them. NN_EUSAGE, NN_EMEMORY. */
NN_API int nn_data_set_classes(nn_data *data, size_t count, const char *const *name);
NN_API int nn_data_set_columns(nn_data *data, size_t count, const char *const *name);

/* x [N, T] and y [N, T] are numbers of tokens: "bytes", "chars", "words" or "bpe" as importers of
 * texts make them, named by the classes (bytes need no names), or of a kind of the program's own;
 * NULL: they are none. Copied. A checkpoint keeps it, and with it the model takes and makes texts
 * (nnmpi/generate.h). NN_EMEMORY. */
NN_API int nn_data_set_tokens(nn_data *data, const char *kind);

/* x becomes x * scale + offset, with one number of each for all elements, one for each channel, or
 * one for each element of a sample, as `count` says; copied. A checkpoint keeps them, and predict
 * scales alike. NN_EUSAGE, NN_EMEMORY. */
NN_API int nn_data_set_scale(nn_data *data, size_t count, const double *scale,
                             const double *offset);

/* The whole of data of which each rank has a part, in the order of the ranks; in memory that the
 * ranks of a node share. Types and shapes but the first dimension are the same on every rank, which
 * may have no rows of a field; so are classes, columns and scale. Afterwards `part` is not
 * needed any more; *whole is to be freed on every rank. NN_EUSAGE, NN_EMEMORY, NN_ERANK.
 * Collective. */
NN_API int nn_data_gather(nn_comm *comm, const nn_data *part, nn_data **whole);

/* The configuration's data are these. Of its section data stays what goes for data from anywhere,
 * as normalize and augment. In configurations and checkpoints they are {source: memory}; who
 * evaluates such a checkpoint names a file. NN_EMEMORY. */
NN_API int nn_config_use_data(nn_config *config, const nn_data *data);

#endif
