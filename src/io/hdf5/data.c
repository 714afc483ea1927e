/* Data sets of numbers are described, read and written. */
#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <hdf5.h>
#include <string.h>

enum { MAX_CHUNK = 1 << 30 }; /* bytes; HDF5's own limit is 4 GiB */

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
    int rc = nn_h5_nearest_type(file, dataset, type, &info->type);
    nn_h5_drop(type);
    return rc < 0 ? rc : shape_of(file, dataset, id, info);
}

int nn_h5_storage(nn_h5 *file, const char *dataset, int64_t *chunk_rows, bool *compressed) {
    int64_t id = H5I_INVALID_HID;
    hsize_t chunk[H5S_MAX_RANK] = {0};
    NN_TRY(nn_h5_dataset_open(file, dataset, &id));
    hid_t creation = H5Dget_create_plist(id);
    bool chunked = H5Pget_layout(creation) == H5D_CHUNKED;
    bool known = !chunked || H5Pget_chunk(creation, H5S_MAX_RANK, chunk) > 0;
    *chunk_rows = (int64_t)chunk[0];
    *compressed = false;
    for (int i = 0; chunked && i < H5Pget_nfilters(creation); i++) {
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        *compressed =
            *compressed || (filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32);
    }
    nn_h5_drop(creation);
    return known ? 0 : nn_h5_raise(file, NN_EFORMAT, __func__, "%s: no chunks", dataset);
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
    if (r.elements > 0 &&
        H5Dread(r.dataset, nn_h5_native_type(as), r.memory, r.disk, file->transfer, out) < 0)
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
        (H5Dwrite(r.dataset, nn_h5_native_type(as), r.memory, r.disk, file->transfer, data) < 0 ||
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
static herr_t set_chunks(hid_t creation, nn_dtype type, int rank, const int64_t *dim,
                         int64_t chunk_rows, int gzip) {
    hsize_t chunk[NN_H5_MAX_RANK];
    if (chunk_rows <= 0 || rank == 0 || !has_elements(rank, dim))
        return 0;
    chunk_shape(chunk, type, rank, dim, chunk_rows);
    herr_t rc = H5Pset_chunk(creation, rank, chunk);
    if (rc >= 0 && gzip > 0)
        rc = H5Pset_shuffle(creation) < 0 ? -1 : H5Pset_deflate(creation, (unsigned)gzip);
    return rc < 0 ? rc : H5Pset_fletcher32(creation);
}

int nn_h5_make_dataset(nn_h5 *file, const char *name, int64_t type, int rank, const int64_t *dim,
                       int64_t creation) {
    hsize_t extent[NN_H5_MAX_RANK];
    hid_t id = H5I_INVALID_HID, space;
    int rc =
        rank <= NN_H5_MAX_RANK
            ? nn_h5_make_room(file, name)
            : nn_fail(NN_EIO, "data set '%s' of '%s' has %d dimensions, at most %d are written",
                      name, file->path, rank, NN_H5_MAX_RANK);
    if (rc < 0) {
        nn_h5_drop(creation);
        return rc;
    }
    for (int i = 0; i < rank; i++)
        extent[i] = (hsize_t)dim[i];
    space = rank > 0 ? H5Screate_simple(rank, extent, NULL) : H5Screate(H5S_SCALAR);
    if (space >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0)
        id = H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (id < 0 || nn_h5_faulty(file))
        rc = nn_h5_fail(file, NN_EIO, "cannot make data set '%s'", name);
    nn_h5_drop(id); /* opened again with a cache that suits its chunks */
    nn_h5_drop(creation);
    nn_h5_drop(space);
    return rc;
}

/* `creation`, or where setting it up failed, nothing. */
static hid_t properties(hid_t creation, herr_t status) {
    if (status < 0)
        nn_h5_drop(creation);
    return status < 0 ? H5I_INVALID_HID : creation;
}

int nn_h5_write(nn_h5 *file, const char *dataset, nn_dtype type, int rank, const int64_t *dim,
                int64_t chunk_rows, int gzip, const void *data) {
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    creation = properties(creation, set_chunks(creation, type, rank, dim, chunk_rows, gzip));
    NN_TRY(nn_h5_make_dataset(file, dataset, nn_h5_native_type(type), rank, dim, creation));
    if (data == NULL)
        return 0;
    return nn_h5_write_rows(file, dataset, 0, rank > 0 ? dim[0] : 1, type, data);
}

int nn_h5_make_unsigned(nn_h5 *file, const char *dataset, size_t bytes, int64_t count) {
    hid_t type = bytes <= sizeof(uint16_t) ? H5T_NATIVE_UINT16 : H5T_NATIVE_UINT32;

    return nn_h5_make_dataset(file, dataset, type, 1, &count, H5Pcreate(H5P_DATASET_CREATE));
}

int nn_h5_reserve(nn_h5 *file, const char *dataset, nn_dtype type, int rank, const int64_t *dim,
                  int64_t *offset) {
    int64_t id = H5I_INVALID_HID;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    herr_t early = H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    herr_t never = H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    *offset = 0;
    creation = properties(creation, early < 0 ? early : never);
    NN_TRY(nn_h5_make_dataset(file, dataset, nn_h5_native_type(type), rank, dim, creation));
    NN_TRY(nn_h5_dataset_open(file, dataset, &id));
    if (!has_elements(rank, dim))
        return 0;
    haddr_t address = H5Dget_offset(id);
    if (address == HADDR_UNDEF)
        return nn_h5_fail(file, NN_EIO, "data set '%s' has no place", dataset);
    *offset = (int64_t)address;
    return 0;
}
