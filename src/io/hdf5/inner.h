/* What the files of this folder share. Identifiers of HDF5 are int64_t here (hid_t is, since HDF5
 * 1.10), so that this header needs no hdf5.h. */
#ifndef NN_IO_HDF5_INNER_H
#define NN_IO_HDF5_INNER_H

#include "io/hdf5/h5.h"

#define NN_H5_SLOTS 8 /* x, y, w and len of two splits */

/* Between a file and its driver. Shared, because HDF5 may keep a file whose closing failed until
 * the process ends. */
typedef struct nn_h5_channel {
    int users;
    int open_files;    /* by the driver */
    int error;         /* errno of the first failure; 0: there was none */
    bool check_heaps;  /* see nn_h5_heap_sound */
    bool other_files;  /* links and virtual data sets may lead to other files */
    bool refused;      /* the driver was asked for another file */
    int64_t file_size; /* bytes, when it was opened */
} nn_h5_channel;

/* A data set kept open: opening costs more than reading a minibatch, and closing drops the chunks
 * that were decompressed. */
typedef struct nn_h5_slot {
    char *name;
    int64_t id;
} nn_h5_slot;

struct nn_h5 {
    int64_t id;
    char *path;
    bool writable;
    char doubt[256]; /* why something could not be looked up: an answer "absent" may be wrong */
    nn_h5_channel *channel;
    int64_t transfer; /* property list of reads and writes */
    bool unfit;       /* a value did not fit the type it was converted to */
    nn_h5_slot slot[NN_H5_SLOTS];
    size_t next; /* slot to give up next */
};

#define NN_H5_ASK "read only where data.other_files is true (outside of training: --other-files)"
#define NN_H5_REFUSED "it leads to another file, which is " NN_H5_ASK

/* Makes `access` (a file access property list) use our driver. It reads and writes as HDF5's own
 * does, but tells errno through the channel, does not pass damaged heaps to HDF5, opens one file
 * and none that it leads to unless the channel allows that, and after a failing write writes
 * nothing more while every call succeeds. HDF5 1.10 does not survive failing
 * writes: it keeps a file that it could not close, and crashes on it at exit. */
int nn_h5_driver_use(int64_t access, nn_h5_channel *channel);
void nn_h5_channel_release(nn_h5_channel *channel);

/* Whether a block of `count` bytes just read from `address` is no heap, or the beginning of one
 * that HDF5 can read without harm; false also where there is no memory to see. Only for files whose
 * lengths have 8 bytes. */
bool nn_h5_heap_sound(nn_h5_channel *channel, int fd, int64_t address, const void *block,
                      size_t count);

/* Closes any kind of identifier; negative ones are ignored. Below 0 when HDF5 says it failed. */
int nn_h5_drop(int64_t id);

/* What an error stack says. */
#define NN_H5_REASON 256
typedef struct nn_h5_story {
    char reason[NN_H5_REASON]; /* the innermost description */
    bool truncated;
} nn_h5_story;

/* Why the last call failed. Of all that follows a failure this must come first: the next call of
 * HDF5 clears its stack. */
const char *nn_h5_reason(const nn_h5 *file, nn_h5_story *told);

/* nn_fail with what HDF5 or the driver says about its last failure at the end. */
#define nn_h5_fail(file, code, ...) nn_h5_raise((file), (code), __func__, __VA_ARGS__)
int nn_h5_raise(const nn_h5 *file, int code, const char *function, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Notes why HDF5 failed when asked whether something is there. Leaves its error stack. */
void nn_h5_doubt(nn_h5 *file);

/* Our own memory is short, so that HDF5 may be told that something is absent or damaged: with this,
 * all that fails from now on says why, with NN_EMEMORY. */
void nn_h5_out_of_memory(nn_h5_channel *channel);
/* `code`, or NN_EMEMORY after nn_h5_out_of_memory. */
int nn_h5_code(const nn_h5 *file, int code);

/* Whether reading or writing failed, though HDF5 may not know. */
bool nn_h5_faulty(const nn_h5 *file);

/* Calls `step` with the beginnings of a path, "a", "a/b", "a/b/c" for "a/b/c", until it returns
 * other than 0, and returns that. */
int nn_h5_walk(nn_h5 *file, const char *path, int (*step)(nn_h5 *file, const char *part));

/* NN_EFORMAT when there is no such object; `noun` is what messages call it. */
int nn_h5_find(nn_h5 *file, const char *noun, const char *object);

/* Makes the groups above `object`. NN_EIO also when the name is taken. */
int nn_h5_make_room(nn_h5 *file, const char *object);

/* Rows of a data set of whatever type, on disk and in memory. */
typedef struct nn_h5_rows {
    int64_t dataset;
    int64_t disk, memory; /* selections */
    int64_t elements;
} nn_h5_rows;

/* Selects rows [first, first + count). NN_EFORMAT; nothing is to be released then. */
int nn_h5_rows_init(nn_h5_rows *rows, nn_h5 *file, const char *dataset, int64_t first,
                    int64_t count);
void nn_h5_rows_release(nn_h5_rows *rows);

/* Rank and dimensions of a data set of whatever type; their product and its bytes fit int64_t. */
int nn_h5_shape_of(nn_h5 *file, const char *dataset, nn_h5_info *info);

/* The type in memory. */
int64_t nn_h5_native_type(nn_dtype type);
/* How strings of a stored character set stand in memory: `size` bytes with a NUL, or pointers. */
int64_t nn_h5_string_type(size_t size, int set);
/* The nearest type of ours to that of the data set `name`; NN_EFORMAT when it holds no numbers. */
int nn_h5_nearest_type(const nn_h5 *file, const char *name, int64_t type, nn_dtype *out);

/* "strings", "compounds" ...: what a type is, for messages. */
const char *nn_h5_class_name(int64_t type);

/* The data set of this name, which stays open; not the caller's to close. NN_EFORMAT. */
int nn_h5_dataset_open(nn_h5 *file, const char *name, int64_t *id);
/* Makes a data set and the groups above it; `creation`, below 0 where it could not be set up, is
 * closed. NN_EIO. */
int nn_h5_make_dataset(nn_h5 *file, const char *name, int64_t type, int rank, const int64_t *dim,
                       int64_t creation);
/* Closes the data sets that are kept open; below 0 when HDF5 says that one could not be. */
int nn_h5_datasets_close(nn_h5 *file);

/* A new property list for objects whose links keep their order and have no times. */
int64_t nn_h5_group_properties(int64_t class);

#endif
