#define _GNU_SOURCE
#include "io/h5_inner.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_CACHE = 1 << 20, /* bytes of chunks HDF5 keeps decompressed for a data set */
    MAX_CACHE = 1 << 28,
    CACHE_PLACES = 12421, /* a prime, many times the chunks that fit */
    MAX_CHUNK = 1 << 30,  /* bytes; HDF5's own limit is 4 GiB */
    UNWRITTEN = 1 << 26,  /* bytes that a data set may have beyond what was written to it */
    MAX_DEFLATE = 1100,   /* times that deflate makes bytes fewer which are all the same */
    MAX_RATIO = 1 << 16   /* more than that of any other filter */
};

static const struct {
    const char *name;
    size_t size;
    bool integer;
} dtypes[] = {
    [NN_U8] = {"uint8", 1, true},     [NN_I8] = {"int8", 1, true},
    [NN_I16] = {"int16", 2, true},    [NN_I32] = {"int32", 4, true},
    [NN_I64] = {"int64", 8, true},    [NN_F32] = {"float32", 4, false},
    [NN_F64] = {"float64", 8, false},
};

size_t nn_dtype_size(nn_dtype type) {
    return dtypes[type].size;
}

bool nn_dtype_is_integer(nn_dtype type) {
    return dtypes[type].integer;
}

const char *nn_dtype_name(nn_dtype type) {
    return dtypes[type].name;
}

static hid_t native(nn_dtype type) {
    const hid_t id[] = {
        [NN_U8] = H5T_NATIVE_UINT8,  [NN_I8] = H5T_NATIVE_INT8,   [NN_I16] = H5T_NATIVE_INT16,
        [NN_I32] = H5T_NATIVE_INT32, [NN_I64] = H5T_NATIVE_INT64, [NN_F32] = H5T_NATIVE_FLOAT,
        [NN_F64] = H5T_NATIVE_DOUBLE};
    return id[type];
}

const char *nn_h5_class_name(int64_t type) {
    static const char *const name[H5T_NCLASSES] = {
        [H5T_INTEGER] = "integers",    [H5T_FLOAT] = "reals",
        [H5T_TIME] = "times",          [H5T_STRING] = "strings",
        [H5T_BITFIELD] = "bit fields", [H5T_OPAQUE] = "opaque bytes",
        [H5T_COMPOUND] = "compounds",  [H5T_REFERENCE] = "references",
        [H5T_ENUM] = "enumerations",   [H5T_VLEN] = "lists of varying length",
        [H5T_ARRAY] = "arrays"};
    H5T_class_t class = H5Tget_class(type);
    return class >= 0 && class < H5T_NCLASSES ? name[class] : "values of an unknown class";
}

static nn_dtype integer_type(hid_t type) {
    size_t bytes = H5Tget_size(type);
    if (H5Tget_sign(type) == H5T_SGN_NONE)
        return bytes == 1 ? NN_U8 : bytes == 2 ? NN_I32 : NN_I64;
    return bytes == 1 ? NN_I8 : bytes == 2 ? NN_I16 : bytes <= 4 ? NN_I32 : NN_I64;
}

/* The nearest type of ours; h5py's booleans are enumerations of int8. */
static int map_type(const nn_h5 *file, const char *name, hid_t type, nn_dtype *out) {
    switch (H5Tget_class(type)) {
    case H5T_ENUM: {
        hid_t super = H5Tget_super(type);
        *out = integer_type(super);
        nn_h5_drop(super);
        return 0;
    }
    case H5T_INTEGER:
        *out = integer_type(type);
        return 0;
    case H5T_FLOAT:
        *out = H5Tget_size(type) <= sizeof(float) ? NN_F32 : NN_F64;
        return 0;
    default:
        return nn_fail(NN_EFORMAT, "data set '%s' of '%s' holds %s where numbers are needed", name,
                       file->path, nn_h5_class_name(type));
    }
}
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

/* A few bytes can claim a data set of any size, whose reading would end with the memory or never:
 * what is claimed must go together with what the file holds. */
static int check_claim(const nn_h5 *file, const char *name, hid_t id, hid_t creation) {
    int64_t bytes = 0, stored = (int64_t)H5Dget_storage_size(id), size = file->channel->file_size;
    bool contiguous = H5Pget_layout(creation) == H5D_CONTIGUOUS && stored > 0;
    haddr_t begin = contiguous ? H5Dget_offset(id) : 0;
    NN_TRY(count_bytes(file, name, id, &bytes));
    if (file->writable || file->channel->other_files)
        return 0;
    if (stored < 0 || stored > size || begin > (haddr_t)(size - stored))
        return nn_fail(NN_EFORMAT,
                       "data set '%s' of '%s' is longer than the file: it is truncated or damaged",
                       name, file->path);
    if (bytes > most_bytes(creation, stored))
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

static int shape_of(const nn_h5 *file, const char *name, hid_t id, nn_h5_info *info) {
    hsize_t dim[H5S_MAX_RANK] = {0};
    hid_t space = H5Dget_space(id);
    int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    bool empty = H5Sget_simple_extent_type(space) == H5S_NULL;
    nn_h5_drop(space);
    if (rank < 0)
        return nn_h5_fail(file, NN_EFORMAT, "cannot tell the shape of data set '%s'", name);
    if (empty)
        return nn_fail(NN_EFORMAT, "data set '%s' of '%s' is empty", name, file->path);
    if (rank > NN_H5_MAX_RANK)
        return nn_fail(NN_EFORMAT, "data set '%s' of '%s' has %d dimensions, at most %d are read",
                       name, file->path, rank, NN_H5_MAX_RANK);
    info->rank = rank;
    for (int i = 0; i < rank; i++)
        info->dim[i] = (int64_t)dim[i];
    return 0;
}

int nn_h5_shape_of(nn_h5 *file, const char *dataset, nn_h5_info *info) {
    int64_t id = H5I_INVALID_HID;
    memset(info, 0, sizeof *info);
    NN_TRY(nn_h5_dataset_open(file, dataset, &id));
    return shape_of(file, dataset, id, info);
}

int nn_h5_info_of(nn_h5 *file, const char *dataset, nn_h5_info *info) {
    int64_t id = H5I_INVALID_HID;
    memset(info, 0, sizeof *info);
    NN_TRY(nn_h5_dataset_open(file, dataset, &id));
    hid_t type = H5Dget_type(id);
    int rc = map_type(file, dataset, type, &info->type);
    nn_h5_drop(type);
    return rc < 0 ? rc : shape_of(file, dataset, id, info);
}

bool nn_h5_holds_texts(nn_h5 *file, const char *dataset) {
    int64_t id = H5I_INVALID_HID;
    if (nn_h5_dataset_open(file, dataset, &id) < 0)
        return false;
    hid_t type = H5Dget_type(id);
    bool texts = H5Tget_class(type) == H5T_STRING;
    nn_h5_drop(type);
    return texts;
}

void nn_h5_rows_release(nn_h5_rows *r) {
    nn_h5_drop(r->disk);
    nn_h5_drop(r->memory);
}

int nn_h5_rows_init(nn_h5_rows *rows, nn_h5 *file, const char *dataset, int64_t first,
                    int64_t count) {
    nn_h5_info info;
    hsize_t start[NN_H5_MAX_RANK] = {0}, extent[NN_H5_MAX_RANK] = {0};
    NN_TRY(nn_h5_shape_of(file, dataset, &info));
    NN_TRY(nn_h5_dataset_open(file, dataset, &rows->dataset));
    int64_t total = info.rank > 0 ? info.dim[0] : 1;
    if (first < 0 || count < 0 || first > total || count > total - first)
        return nn_fail(NN_EFORMAT, "data set '%s' of '%s' has %lld rows, no rows [%lld, %lld)",
                       dataset, file->path, (long long)total, (long long)first,
                       (long long)(first + count));
    rows->elements = count;
    for (int i = 1; i < info.rank; i++) {
        rows->elements *= info.dim[i];
        extent[i] = (hsize_t)info.dim[i];
    }
    start[0] = (hsize_t)first;
    extent[0] = (hsize_t)count;
    hsize_t elements = (hsize_t)rows->elements;
    rows->disk = H5Dget_space(rows->dataset);
    rows->memory = info.rank > 0 ? H5Screate_simple(1, &elements, NULL) : H5Screate(H5S_SCALAR);
    if (rows->elements > 0 && info.rank > 0)
        H5Sselect_hyperslab(rows->disk, H5S_SELECT_SET, start, NULL, extent, NULL);
    return 0;
}

/* A read or write of rows failed: why. */
static int rows_failed(nn_h5 *file, int code, const char *verb, const char *name, nn_dtype as) {
    if (!file->unfit)
        return nn_h5_fail(file, code, "cannot %s data set '%s'", verb, name);
    file->unfit = false;
    return nn_fail(code,
                   "cannot %s data set '%s' of '%s': a value does not fit the type (%s in memory)",
                   verb, name, file->path, nn_dtype_name(as));
}

int nn_h5_read(nn_h5 *file, const char *dataset, int64_t first, int64_t count, nn_dtype as,
               void *out) {
    nn_h5_rows r = {0};
    nn_h5_info info;
    int rc = 0;
    NN_TRY(nn_h5_info_of(file, dataset, &info)); /* it holds numbers */
    NN_TRY(nn_h5_rows_init(&r, file, dataset, first, count));
    if (r.elements > 0 && H5Dread(r.dataset, native(as), r.memory, r.disk, file->transfer, out) < 0)
        rc = rows_failed(file, NN_EFORMAT, "read", dataset, as);
    nn_h5_rows_release(&r);
    return rc;
}

int nn_h5_write_rows(nn_h5 *file, const char *dataset, int64_t first, int64_t count, nn_dtype as,
                     const void *data) {
    nn_h5_rows r = {0};
    int rc = 0;
    NN_TRY(nn_h5_rows_init(&r, file, dataset, first, count));
    if (r.elements > 0 &&
        (H5Dwrite(r.dataset, native(as), r.memory, r.disk, file->transfer, data) < 0 ||
         nn_h5_faulty(file)))
        rc = rows_failed(file, NN_EIO, "write", dataset, as);
    nn_h5_rows_release(&r);
    return rc;
}

/* Whole rows, `chunk_rows` of them, unless that would exceed the size HDF5 allows. */
static void chunk_shape(hsize_t *chunk, nn_dtype type, int rank, const int64_t *dim,
                        int64_t chunk_rows) {
    for (int i = 0; i < rank; i++) {
        int64_t wanted = i == 0 && chunk_rows < dim[0] ? chunk_rows : dim[i];
        double below = (double)nn_dtype_size(type);
        for (int j = i + 1; j < rank; j++)
            below *= (double)dim[j];
        double fit = (double)MAX_CHUNK / below;
        chunk[i] = fit < 1 ? 1 : (double)wanted > fit ? (hsize_t)fit : (hsize_t)wanted;
    }
}

static bool has_elements(int rank, const int64_t *dim) {
    for (int i = 0; i < rank; i++)
        if (dim[i] == 0)
            return false;
    return true;
}

/* Below 0 when a filter is missing. Scalars and empty data sets cannot be chunked. */
static herr_t set_layout(hid_t creation, nn_dtype type, int rank, const int64_t *dim,
                         int64_t chunk_rows, int gzip) {
    hsize_t chunk[NN_H5_MAX_RANK];
    herr_t rc = H5Pset_obj_track_times(creation, false);
    if (chunk_rows <= 0 || rank == 0 || !has_elements(rank, dim))
        return rc;
    chunk_shape(chunk, type, rank, dim, chunk_rows);
    rc = H5Pset_chunk(creation, rank, chunk);
    if (rc >= 0 && gzip > 0)
        rc = H5Pset_shuffle(creation) < 0 ? -1 : H5Pset_deflate(creation, (unsigned)gzip);
    return rc < 0 ? rc : H5Pset_fletcher32(creation);
}

static int create_dataset(nn_h5 *file, const char *name, nn_dtype type, int rank,
                          const int64_t *dim, int64_t chunk_rows, int gzip) {
    hsize_t extent[NN_H5_MAX_RANK];
    int rc = 0;
    for (int i = 0; i < rank; i++)
        extent[i] = (hsize_t)dim[i];
    hid_t id = H5I_INVALID_HID;
    hid_t space = rank > 0 ? H5Screate_simple(rank, extent, NULL) : H5Screate(H5S_SCALAR);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (space >= 0 && set_layout(creation, type, rank, dim, chunk_rows, gzip) >= 0)
        id = H5Dcreate2(file->id, name, native(type), space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (id < 0 || nn_h5_faulty(file))
        rc = nn_h5_fail(file, NN_EIO, "cannot make data set '%s'", name);
    nn_h5_drop(id); /* opened again with a cache that suits its chunks */
    nn_h5_drop(creation);
    nn_h5_drop(space);
    return rc;
}

int nn_h5_write(nn_h5 *file, const char *dataset, nn_dtype type, int rank, const int64_t *dim,
                int64_t chunk_rows, int gzip, const void *data) {
    if (rank > NN_H5_MAX_RANK)
        return nn_fail(NN_EIO, "data set '%s' of '%s' has %d dimensions, at most %d are written",
                       dataset, file->path, rank, NN_H5_MAX_RANK);
    NN_TRY(nn_h5_make_room(file, dataset));
    NN_TRY(create_dataset(file, dataset, type, rank, dim, chunk_rows, gzip));
    if (data == NULL)
        return 0;
    return nn_h5_write_rows(file, dataset, 0, rank > 0 ? dim[0] : 1, type, data);
}
