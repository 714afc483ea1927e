/* Data sets that have a string in each row, such as names of files. */
#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <hdf5.h>
#include <string.h>

/* A link may lead elsewhere or nowhere, and nobody need mind as long as this is not read. So
 * nothing is noted that nn_h5_check_answers would tell. */
bool nn_h5_is_text_list(nn_h5 *file, const char *dataset, int64_t rows) {
    hsize_t dim[H5S_MAX_RANK] = {0};
    hid_t id = H5Oopen(file->id, dataset, H5P_DEFAULT);
    bool yes = false;
    if (id >= 0 && H5Iget_type(id) == H5I_DATASET) {
        hid_t type = H5Dget_type(id), space = H5Dget_space(id);
        yes = H5Tget_class(type) == H5T_STRING &&
              H5Sget_simple_extent_dims(space, dim, NULL) == 1 && dim[0] == (hsize_t)rows;
        nn_h5_drop(space);
        nn_h5_drop(type);
    }
    nn_h5_drop(id);
    return yes;
}

/* Of fixed length, as those of nn_h5_write_text. */
int nn_h5_make_texts(nn_h5 *file, const char *dataset, size_t longest, int64_t count) {
    hid_t type = nn_h5_string_type(longest > 0 ? longest : 1, H5T_CSET_UTF8);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    int rc = nn_h5_make_dataset(file, dataset, type, 1, &count, H5Pcreate(H5P_DATASET_CREATE));
    nn_h5_drop(type);
    return rc;
}

static int write_packed(nn_h5 *file, const nn_h5_rows *r, const char *dataset, hid_t type,
                        const char *const *text) {
    const size_t size = H5Tget_size(type);
    char *packed;
    int rc = 0;
    NN_TRY(NN_NEW(&packed, (size_t)r->elements * size, "texts"));
    for (size_t i = 0; i < (size_t)r->elements; i++)
        memcpy(packed + i * size, text[i], strnlen(text[i], size));
    if (H5Dwrite(r->dataset, type, r->memory, r->disk, file->transfer, packed) < 0 ||
        nn_h5_faulty(file))
        rc = nn_h5_fail(file, NN_EIO, "cannot write data set '%s'", dataset);
    nn_free(packed);
    return rc;
}

int nn_h5_write_texts(nn_h5 *file, const char *dataset, int64_t first, int64_t count,
                      const char *const *text) {
    nn_h5_rows r = {0};
    NN_TRY(nn_h5_rows_init(&r, file, dataset, first, count));
    hid_t type = H5Dget_type(r.dataset);
    int rc = write_packed(file, &r, dataset, type, text);
    nn_h5_drop(type);
    nn_h5_rows_release(&r);
    return rc;
}

static int read_failed(const nn_h5 *file, const char *dataset) {
    return nn_h5_fail(file, NN_EFORMAT, "cannot read data set '%s'", dataset);
}

static int check_length(const nn_h5 *file, const char *dataset, size_t length) {
    if (length <= NN_H5_TEXT)
        return 0;
    return nn_fail(NN_EFORMAT,
                   "data set '%s' of '%s' has strings of %zu bytes, at most %d are read", dataset,
                   file->path, length, NN_H5_TEXT);
}

/* Where HDF5 puts strings of varying length. */
typedef struct room {
    nn_pool *pool;
    size_t refused; /* bytes of a string that is too long; 0: there was none */
    bool full;
} room;

/* With a NUL. What is refused is not read: many rows may point at the same long string. */
static void *take(size_t size, void *ctx) {
    room *r = ctx;
    r->refused = size > NN_H5_TEXT + 1 ? size - 1 : 0;
    void *at = r->refused ? NULL : nn_pool_alloc(r->pool, size);
    r->full = r->full || (at == NULL && !r->refused);
    return at;
}

static void keep(void *at, void *ctx) {
    (void)at; /* the pool's */
    (void)ctx;
}

static int read_varying(nn_h5 *file, const nn_h5_rows *rows, const char *dataset, hid_t type,
                        nn_pool *pool, char **text) {
    static char none[] = "";
    room r = {.pool = pool};
    hid_t transfer = H5Pcopy(file->transfer);
    int rc = 0;
    memset(text, 0, (size_t)rows->elements * sizeof *text);
    if (H5Pset_vlen_mem_manager(transfer, take, &r, keep, NULL) < 0 ||
        H5Dread(rows->dataset, type, rows->memory, rows->disk, transfer, text) < 0)
        rc = read_failed(file, dataset);
    if (rc < 0 && r.refused)
        rc = check_length(file, dataset, r.refused);
    if (rc < 0 && r.full)
        rc = nn_fail(NN_EMEMORY, "out of memory: the strings of data set '%s'", dataset);
    nn_h5_drop(transfer);
    for (size_t i = 0; i < (size_t)rows->elements; i++)
        text[i] = text[i] != NULL ? text[i] : none;
    return rc;
}

static int read_fixed(nn_h5 *file, const nn_h5_rows *r, const char *dataset, hid_t type,
                      nn_pool *pool, char **text) {
    const size_t size = H5Tget_size(type); /* with a NUL */
    NN_TRY(check_length(file, dataset, size - 1));
    text[0] = nn_pool_alloc(pool, (size_t)r->elements * size);
    if (text[0] == NULL)
        return NN_EMEMORY;
    for (size_t i = 1; i < (size_t)r->elements; i++)
        text[i] = text[0] + i * size;
    if (H5Dread(r->dataset, type, r->memory, r->disk, file->transfer, text[0]) < 0)
        return read_failed(file, dataset);
    return 0;
}

int nn_h5_read_texts(nn_h5 *file, const char *dataset, int64_t first, int64_t count, nn_pool *pool,
                     char **text) {
    nn_h5_rows r = {0};
    NN_TRY(nn_h5_rows_init(&r, file, dataset, first, count));
    hid_t stored = H5Dget_type(r.dataset);
    bool varying = H5Tis_variable_str(stored) > 0;
    hid_t type =
        nn_h5_string_type(varying ? H5T_VARIABLE : H5Tget_size(stored) + 1, H5Tget_cset(stored));
    int rc = (varying ? read_varying : read_fixed)(file, &r, dataset, type, pool, text);
    nn_h5_drop(type);
    nn_h5_drop(stored);
    nn_h5_rows_release(&r);
    return rc;
}
