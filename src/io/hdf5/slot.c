/* Data sets are opened: with a cache that suits their chunks, doubted where they claim too much,
 * and kept open. */
#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_CACHE = 1 << 20, /* bytes of chunks HDF5 keeps decompressed for a data set */
    MAX_CACHE = 1 << 28,
    CACHE_PLACES = 12421, /* a prime, many times the chunks that fit */
    UNWRITTEN = 1 << 26,  /* bytes that a data set may have beyond what was written to it */
    MAX_DEFLATE = 1100,   /* times that deflate makes bytes fewer which are all the same */
    MAX_RATIO = 1 << 16   /* more than that of any other filter */
};

/* Bytes of the chunks that lie side by side in the rows of one chunk; 0 when not chunked. A cache
 * of that size decompresses each chunk once when rows are read in order. */
static size_t cache_wanted(hid_t dataset) {
    hsize_t chunk[H5S_MAX_RANK], dim[H5S_MAX_RANK];
    hid_t creation = H5Dget_create_plist(dataset);
    hid_t space = H5Dget_space(dataset);
    hid_t type = H5Dget_type(dataset);
    double bytes = 0;
    bool chunked = H5Pget_layout(creation) == H5D_CHUNKED;
    int rank = chunked ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
    if (rank > 0 && H5Sget_simple_extent_dims(space, dim, NULL) == rank) {
        bytes = (double)H5Tget_size(type) * (double)chunk[0];
        for (int i = 1; i < rank && chunk[i] > 0; i++) {
            hsize_t across = (dim[i] + chunk[i] - 1) / chunk[i];
            bytes *= (double)(across * chunk[i]);
        }
    }
    nn_h5_drop(type);
    nn_h5_drop(space);
    nn_h5_drop(creation);
    return bytes < (double)MAX_CACHE ? (size_t)bytes : MAX_CACHE;
}

static hid_t open_with_cache(nn_h5 *file, const char *name) {
    hid_t id = H5Dopen2(file->id, name, H5P_DEFAULT);
    size_t wanted = id >= 0 ? cache_wanted(id) : 0;
    if (wanted <= DEFAULT_CACHE)
        return id;
    nn_h5_drop(id);
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, CACHE_PLACES, wanted, 1.0);
    id = H5Dopen2(file->id, name, access);
    nn_h5_drop(access);
    return id;
}

/* Data in other files: those of external storage HDF5 opens without asking our driver. */
static int refuse_elsewhere(const nn_h5 *file, const char *name, hid_t creation) {
    bool elsewhere = H5Pget_layout(creation) == H5D_VIRTUAL || H5Pget_external_count(creation) > 0;
    if (!elsewhere || file->channel->other_files)
        return 0;
    return nn_fail(NN_EFORMAT,
                   "data set '%s' of '%s' is stored in other files, which are " NN_H5_ASK, name,
                   file->path);
}

/* All bytes of a data set; what no file can hold is no shape. */
static int count_bytes(const nn_h5 *file, const char *name, hid_t id, int64_t *bytes) {
    hsize_t dim[H5S_MAX_RANK] = {0};
    hid_t space = H5Dget_space(id), type = H5Dget_type(id);
    int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    bool fits = true;
    *bytes = (int64_t)H5Tget_size(type);
    for (int i = 0; i < rank; i++)
        fits =
            fits && dim[i] <= INT64_MAX && !__builtin_mul_overflow(*bytes, (int64_t)dim[i], bytes);
    nn_h5_drop(type);
    nn_h5_drop(space);
    if (!fits)
        return nn_fail(NN_EFORMAT,
                       "data set '%s' of '%s' claims more bytes than there can be: the file is "
                       "damaged",
                       name, file->path);
    return 0;
}

/* How many times as many bytes the filters may make of those that are stored. */
static int64_t most_ratio(hid_t creation) {
    int64_t ratio = 1;
    for (int i = 0; i < H5Pget_nfilters(creation); i++) {
        unsigned flags = 0, config = 0;
        size_t values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        if (filter == H5Z_FILTER_DEFLATE && ratio < MAX_DEFLATE)
            ratio = MAX_DEFLATE;
        else if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
                 filter != H5Z_FILTER_FLETCHER32)
            ratio = MAX_RATIO;
    }
    return ratio;
}

/* What so many stored bytes can stand for: zeros compress well, but not without limit. */
static int64_t most_bytes(hid_t creation, int64_t stored) {
    int64_t most = 0;
    if (__builtin_mul_overflow(stored, most_ratio(creation), &most))
        return INT64_MAX;
    return most > UNWRITTEN ? most : UNWRITTEN;
}

/* A chunk is in memory as a whole, however few rows of it there are. */
static int64_t chunk_bytes(hid_t id, hid_t creation) {
    hsize_t chunk[H5S_MAX_RANK];
    hid_t type = H5Dget_type(id);
    int64_t bytes = (int64_t)H5Tget_size(type);
    int rank =
        H5Pget_layout(creation) == H5D_CHUNKED ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
    bool fits = true;
    for (int i = 0; i < rank; i++)
        fits = fits && !__builtin_mul_overflow(bytes, chunk[i], &bytes);
    nn_h5_drop(type);
    return rank <= 0 ? 0 : fits ? bytes : INT64_MAX;
}

/* A few bytes can claim a data set of any size, whose reading would end with the memory or never:
 * what is claimed must go together with what the file holds. */
static int check_claim(const nn_h5 *file, const char *name, hid_t id, hid_t creation) {
    int64_t bytes = 0, stored = (int64_t)H5Dget_storage_size(id), size = file->channel->file_size;
    int64_t chunk = chunk_bytes(id, creation);
    H5D_layout_t layout = H5Pget_layout(creation);
    bool whole = layout == H5D_COMPACT || (layout == H5D_CONTIGUOUS && stored > 0);
    haddr_t begin = whole && layout == H5D_CONTIGUOUS ? H5Dget_offset(id) : 0;
    NN_TRY(count_bytes(file, name, id, &bytes));
    if (file->writable || file->channel->other_files)
        return 0;
    if (stored < 0 || stored > size || begin > (haddr_t)(size - stored))
        return nn_fail(NN_EFORMAT,
                       "data set '%s' of '%s' is longer than the file: it is truncated or damaged",
                       name, file->path);
    bytes = bytes > chunk ? bytes : chunk;
    if (bytes > (whole ? stored : most_bytes(creation, stored)))
        return nn_fail(NN_EFORMAT,
                       "data set '%s' of '%s' claims %lld bytes, but only %lld were ever written",
                       name, file->path, (long long)bytes, (long long)stored);
    return 0;
}

static int check_dataset(const nn_h5 *file, const char *name, hid_t id) {
    hid_t creation = H5Dget_create_plist(id);
    int rc = refuse_elsewhere(file, name, creation);
    if (rc == 0)
        rc = check_claim(file, name, id, creation);
    nn_h5_drop(creation);
    return rc;
}

static int close_slot(nn_h5_slot *slot) {
    int rc = nn_h5_drop(slot->id);
    free(slot->name);
    slot->name = NULL;
    slot->id = H5I_INVALID_HID;
    return rc;
}

int nn_h5_datasets_close(nn_h5 *file) {
    int rc = 0;
    for (size_t i = 0; i < NN_H5_SLOTS; i++)
        if (close_slot(&file->slot[i]) < 0)
            rc = -1;
    return rc;
}

int nn_h5_dataset_open(nn_h5 *file, const char *name, int64_t *id) {
    if (nn_h5_faulty(file)) /* HDF5 may go on with things it could not read or write */
        return nn_h5_fail(file, file->writable ? NN_EIO : NN_EFORMAT, "cannot open data set '%s'",
                          name);
    for (size_t i = 0; i < NN_H5_SLOTS; i++)
        if (file->slot[i].name != NULL && strcmp(file->slot[i].name, name) == 0) {
            *id = file->slot[i].id;
            return 0;
        }
    NN_TRY(nn_h5_find(file, "data set", name));
    nn_h5_slot *slot = &file->slot[file->next];
    if (close_slot(slot) < 0) /* data may have waited in its cache */
        return nn_h5_fail(file, NN_EIO, "cannot close a data set");
    slot->name = strdup(name);
    if (slot->name == NULL)
        return nn_fail(NN_EMEMORY, "out of memory: the name '%s'", name);
    slot->id = open_with_cache(file, name);
    if (slot->id < 0) {
        int rc = nn_h5_fail(file, NN_EFORMAT, "cannot open data set '%s'", name);
        close_slot(slot);
        return rc;
    }
    int rc = check_dataset(file, name, slot->id);
    if (rc < 0) {
        close_slot(slot);
        return rc;
    }
    file->next = (file->next + 1) % NN_H5_SLOTS;
    *id = slot->id;
    return 0;
}
