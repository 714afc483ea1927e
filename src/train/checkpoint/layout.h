/* What stands where in a checkpoint, and how the digest of parameters is taken; docs/format.md says
 * the same for people. Shared by the writer (checkpoint.c) and the reader (read.c). */
#ifndef NN_TRAIN_CHECKPOINT_LAYOUT_H
#define NN_TRAIN_CHECKPOINT_LAYOUT_H

#include "io/digest.h"
#include "io/hdf5/h5.h"
#include "train/checkpoint/snapshot.h"

#define NN_CHECKPOINT_FORMAT "nnmpi-checkpoint"
#define NN_CHECKPOINT_VERSION 2

/* One data set: a text, an array as it stands in memory, or a tensor: of float32, or of bfloat16,
 * whose bits are stored as int16. */
typedef struct nn_entry_data {
    const char *path; /* "/model/fc1/weight" */
    const char *text;
    nn_h5_info info; /* of an array or tensor */
    const void *array;
    const nn_param *param; /* of a tensor, which is one of these: */
    float *tensor;
    uint16_t *bf16;
    int64_t offset; /* where its bytes stand in a file that is being written */
} nn_entry_data;

typedef struct nn_entries {
    nn_pool *pool; /* owns paths and list */
    nn_entry_data *entry;
    size_t count, capacity;
} nn_entries;

_Static_assert(sizeof(nn_real) == sizeof(float), "checkpoints hold float32");

/* Elements and bytes of an array of this type and shape. */
size_t nn_info_count(const nn_h5_info *info);
size_t nn_info_bytes(const nn_h5_info *info);
/* Along the first dimension; 1 where there is none. */
int64_t nn_info_rows(const nn_h5_info *info);

/* What the file says of the entry's data set, which has the entry's shape, or else: NN_EFORMAT. */
int nn_entry_check_shape(nn_h5 *file, const nn_entry_data *entry, nn_h5_info *info);

/* Appends the tensors of `vector` ([nn_model_size]) as <group>/<layer>/<parameter>. */
int nn_entries_add_vector(nn_entries *list, const char *group, const nn_model *model,
                          nn_real *vector);
/* Appends the tensors of a node's residuals as <group>/<layer>/<parameter>. */
int nn_entries_add_residuals(nn_entries *list, const char *group, const nn_model *model,
                             const nn_residual_state *residual, size_t node);
/* Appends every data set that a snapshot becomes. */
int nn_entries_add_snapshot(nn_entries *list, const nn_snapshot *snapshot);
/* Into the order of their paths, byte by byte, which is that of the digest. */
void nn_entries_sort(nn_entries *list);
/* Calls `put` with the bytes of each tensor as files hold them, in the order of the list, until it
 * returns other than 0, and returns that. NN_EMEMORY. */
int nn_entries_put_tensors(const nn_entries *list,
                           int (*put)(void *ctx, const nn_entry_data *entry, const void *bytes),
                           void *ctx);

/* The line that goes before a data set's bytes in the digest. */
void nn_digest_add_head(nn_digest *digest, const char *path, const nn_h5_info *info);

/* The attributes of /state, /data and /optimizer. Texts are owned by `pool`. */
int nn_attributes_write(nn_h5 *file, const nn_snapshot *snapshot);
int nn_attributes_read(nn_h5 *file, nn_pool *pool, nn_snapshot *snapshot);

#endif
