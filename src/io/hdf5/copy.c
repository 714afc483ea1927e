/* Rewriting files of others: their data sets are taken apart row by row, whatever they hold. */
#define _GNU_SOURCE
#include "base/system/work.h"
#include "io/hdf5/inner.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 20 };

/* ---- references ----------------------------------------------------------------------------- */

typedef struct found {
    char where[256];
} found;

static herr_t look_at_attribute(hid_t object, const char *name, const H5A_info_t *info, void *ctx) {
    hid_t id = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(id);
    bool refers = id >= 0 && H5Tdetect_class(type, H5T_REFERENCE) > 0;
    found *f = ctx;
    (void)info;
    if (refers)
        snprintf(f->where, sizeof f->where, "attribute '%s' of ", name);
    nn_h5_drop(type);
    nn_h5_drop(id);
    return refers ? 1 : 0;
}

static herr_t look_at_object(hid_t root, const char *name, const H5O_info_t *info, void *ctx) {
    hid_t id = H5Oopen(root, name, H5P_DEFAULT), type = H5I_INVALID_HID;
    hsize_t at = 0;
    found *f = ctx;
    (void)info;
    herr_t refers =
        id >= 0 ? H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, look_at_attribute, ctx) : -1;
    if (refers == 0 && H5Iget_type(id) == H5I_DATASET) {
        type = H5Dget_type(id);
        refers = H5Tdetect_class(type, H5T_REFERENCE) > 0;
    }
    if (refers > 0) {
        size_t used = strlen(f->where);
        snprintf(f->where + used, sizeof f->where - used, "'/%s'", strcmp(name, ".") ? name : "");
    }
    nn_h5_drop(type);
    nn_h5_drop(id);
    return refers;
}

int nn_h5_refuse_references(nn_h5 *file) {
    found f = {""};
#if H5_VERSION_GE(1, 12, 0)
    herr_t rc =
        H5Ovisit3(file->id, H5_INDEX_NAME, H5_ITER_NATIVE, look_at_object, &f, H5O_INFO_BASIC);
#else
    herr_t rc = H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_NATIVE, look_at_object, &f);
#endif
    if (rc < 0)
        return nn_h5_fail(file, NN_EFORMAT, "cannot look through all objects");
    if (rc > 0)
        return nn_fail(NN_EFORMAT,
                       "%s of '%s' refers to other objects, which would point at nothing after "
                       "this: remove it first (dimension scales: detach them, in h5py by "
                       "dims[i].detach_scale)",
                       f.where, file->path);
    return 0;
}

/* ---- what stands in a group ----------------------------------------------------------------- */

static bool is_soft(nn_h5 *file, const char *object) {
    H5L_info_t info;
    return H5Lget_info(file->id, object, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_SOFT;
}

static bool is_hard(nn_h5 *file, const char *object) {
    H5L_info_t info;
    return H5Lget_info(file->id, object, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}

static H5I_type_t kind_of(nn_h5 *file, const char *object) {
    hid_t id = H5Oopen(file->id, object, H5P_DEFAULT);
    H5I_type_t kind = H5Iget_type(id);
    nn_h5_drop(id);
    return kind;
}

bool nn_h5_is_own_group(nn_h5 *file, const char *object) {
    return is_hard(file, object) && kind_of(file, object) == H5I_GROUP;
}

bool nn_h5_is_here(nn_h5 *file, const char *object) {
    char here[4096] = "", there[4096] = "";
    hid_t id = H5Oopen(file->id, object, H5P_DEFAULT);
    bool known =
        H5Fget_name(file->id, here, sizeof here) >= 0 && H5Fget_name(id, there, sizeof there) >= 0;
    nn_h5_drop(id);
    return known && strcmp(here, there) == 0;
}

int nn_h5_has_rows(nn_h5 *file, const char *object, int64_t rows, bool *yes) {
    nn_h5_info info = {0};
    *yes = false;
    H5I_type_t kind = kind_of(file, object);
    if (kind == H5I_GROUP || kind == H5I_DATATYPE || (kind != H5I_DATASET && is_soft(file, object)))
        return 0; /* a soft link may lead nowhere */
    NN_TRY(nn_h5_shape_of(file, object, &info));
    *yes = info.rank > 0 && info.dim[0] == rows;
    return 0;
}

int nn_h5_remove(nn_h5 *file, const char *object) {
    if (nn_h5_datasets_close(file) < 0 || H5Ldelete(file->id, object, H5P_DEFAULT) < 0 ||
        nn_h5_faulty(file))
        return nn_h5_fail(file, NN_EIO, "cannot replace '%s'", object);
    return 0;
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* Both files of a copy, and the object that gets the attributes. */
typedef struct copy {
    nn_h5 *from, *to;
    hid_t target;
    int rc;
} copy;

static size_t bytes_of(hid_t type, hid_t space) {
    hssize_t count = H5Sget_simple_extent_npoints(space);
    return count > 0 ? (size_t)count * H5Tget_size(type) : 0;
}

static int copy_value(copy *c, const char *name, hid_t id, hid_t type, hid_t space) {
    size_t bytes = bytes_of(type, space);
    void *value = calloc(bytes + 1, 1);
    hid_t made = H5I_INVALID_HID;
    int rc = 0;
    if (value == NULL)
        return nn_fail(NN_EMEMORY, "out of memory: attribute '%s' of '%s'", name, c->from->path);
    if (bytes > 0 && H5Aread(id, type, value) < 0)
        rc = nn_h5_fail(c->from, NN_EFORMAT, "cannot read attribute '%s'", name);
    else
        made = H5Acreate2(c->target, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (rc == 0 && (made < 0 || (bytes > 0 && H5Awrite(made, type, value) < 0)))
        rc = nn_h5_fail(c->to, NN_EIO, "cannot write attribute '%s'", name);
    if (bytes > 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, value);
    nn_h5_drop(made);
    free(value);
    return rc;
}

static herr_t copy_attribute(hid_t object, const char *name, const H5A_info_t *info, void *ctx) {
    copy *c = ctx;
    (void)info;
    hid_t id = H5Aopen(object, name, H5P_DEFAULT);
    hid_t stored = H5Aget_type(id), space = H5Aget_space(id);
    hid_t type = H5Tcopy(stored); /* not one that has a name in its file */
    c->rc = copy_value(c, name, id, type, space);
    nn_h5_drop(type);
    nn_h5_drop(space);
    nn_h5_drop(stored);
    nn_h5_drop(id);
    return c->rc < 0 ? -1 : 0;
}

int nn_h5_copy_attrs(nn_h5 *to, const char *object, nn_h5 *from, const char *source) {
    hsize_t at = 0;
    copy c = {.from = from, .to = to, .target = H5Oopen(to->id, object, H5P_DEFAULT)};
    hid_t id = H5Oopen(from->id, source, H5P_DEFAULT);
    herr_t rc = -1;
    if (id >= 0 && c.target >= 0)
        rc = H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, copy_attribute, &c);
    if (rc < 0 && c.rc == 0)
        c.rc = nn_h5_fail(from, NN_EFORMAT, "cannot read the attributes of '%s'", source);
    nn_h5_drop(id);
    nn_h5_drop(c.target);
    return c.rc;
}

/* ---- data sets ------------------------------------------------------------------------------ */

/* Chunks of a data set that cannot grow are no longer than it is. */
static herr_t fit_chunks(hid_t creation, int rank, const hsize_t *dim, const hsize_t *most) {
    hsize_t chunk[H5S_MAX_RANK];
    if (H5Pget_layout(creation) != H5D_CHUNKED || most[0] == H5S_UNLIMITED)
        return 0;
    if (H5Pget_chunk(creation, rank, chunk) < 0)
        return -1;
    if (chunk[0] <= dim[0])
        return 0;
    chunk[0] = dim[0];
    return H5Pset_chunk(creation, rank, chunk);
}

/* Filters keep what a file may say of them. HDF5 takes the rest of these bits for how a filter is
 * called, so that with those of a damaged file it would undo what it is to do, and write what
 * nobody can read. */
enum { MOST_VALUES = 64 };
static herr_t clean_filters(hid_t creation) {
    herr_t rc = 0;
    for (int i = 0; rc >= 0 && i < H5Pget_nfilters(creation); i++) {
        unsigned flags, config, values[MOST_VALUES];
        size_t count = MOST_VALUES;
        H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &count, values, 0, NULL, &config);
        if (filter >= 0 && !(flags & ~(unsigned)H5Z_FLAG_DEFMASK))
            continue;
        rc = filter < 0 || count > MOST_VALUES
                 ? -1
                 : H5Pmodify_filter(creation, filter, flags & H5Z_FLAG_DEFMASK, count, values);
    }
    return rc;
}

/* How data are stored; those in other files, which must not change, are stored here. */
static hid_t storage_like(hid_t like) {
    hid_t creation = H5Dget_create_plist(like);
    if (H5Pget_layout(creation) != H5D_VIRTUAL && H5Pget_external_count(creation) <= 0 &&
        clean_filters(creation) >= 0)
        return creation;
    nn_h5_drop(creation);
    return H5Pcreate(H5P_DATASET_CREATE);
}

static hid_t make_like(nn_h5 *to, const char *name, int64_t rows, hid_t like) {
    hsize_t dim[H5S_MAX_RANK] = {0}, most[H5S_MAX_RANK] = {0};
    hid_t stored = H5Dget_type(like), space = H5Dget_space(like);
    hid_t type = H5Tcopy(stored), creation = storage_like(like);
    hid_t made = H5I_INVALID_HID, shape = H5I_INVALID_HID;
    int rank = H5Sget_simple_extent_dims(space, dim, most);
    dim[0] = (hsize_t)rows;
    if (most[0] != H5S_UNLIMITED)
        most[0] = dim[0];
    if (rank > 0 && fit_chunks(creation, rank, dim, most) >= 0)
        shape = H5Screate_simple(rank, dim, most);
    if (shape >= 0)
        made = H5Dcreate2(to->id, name, type, shape, H5P_DEFAULT, creation, H5P_DEFAULT);
    nn_h5_drop(shape);
    nn_h5_drop(creation);
    nn_h5_drop(type);
    nn_h5_drop(space);
    nn_h5_drop(stored);
    return made;
}

int nn_h5_make_like(nn_h5 *to, const char *name, int64_t rows, nn_h5 *from, const char *dataset) {
    int64_t like = H5I_INVALID_HID;
    NN_TRY(nn_h5_dataset_open(from, dataset, &like));
    NN_TRY(nn_h5_make_room(to, name));
    hid_t made = make_like(to, name, rows, like);
    nn_h5_drop(made); /* opened again with a cache that suits its chunks */
    if (made < 0 || nn_h5_faulty(to))
        return nn_h5_fail(to, NN_EIO, "cannot make data set '%s'", name);
    return nn_h5_copy_attrs(to, name, from, dataset);
}

/* The rows that are being copied. */
typedef struct deal {
    nn_h5 *from, *to;
    const char *dataset, *const *name;
    nn_h5_part_fn *part_of;
    const void *ctx; /* of part_of */
    size_t parts, row_bytes;
    hid_t type;
    int64_t total, rows; /* in all; at once */
    unsigned char *piece, *picked;
    int64_t written[UINT8_MAX + 1];
} deal;

static int write_part(deal *d, size_t part, int64_t first, int64_t count) {
    nn_h5_rows r = {0};
    int64_t picked = 0;
    int rc = 0;
    for (int64_t i = 0; i < count; i++)
        if (d->part_of(d->ctx, first + i) == part)
            memcpy(d->picked + (size_t)picked++ * d->row_bytes, d->piece + (size_t)i * d->row_bytes,
                   d->row_bytes);
    if (picked == 0 || d->name[part] == NULL)
        return 0;
    NN_TRY(nn_h5_rows_init(&r, d->to, d->name[part], d->written[part], picked));
    if (r.elements > 0 &&
        (H5Dwrite(r.dataset, d->type, r.memory, r.disk, d->to->transfer, d->picked) < 0 ||
         nn_h5_faulty(d->to)))
        rc = nn_h5_fail(d->to, NN_EIO, "cannot write data set '%s'", d->name[part]);
    d->written[part] += picked;
    nn_h5_rows_release(&r);
    return rc;
}

static int deal_piece(deal *d, int64_t first, int64_t count) {
    nn_h5_rows r = {0};
    int rc = 0;
    NN_TRY(nn_h5_rows_init(&r, d->from, d->dataset, first, count));
    if (r.elements > 0 &&
        H5Dread(r.dataset, d->type, r.memory, r.disk, d->from->transfer, d->piece) < 0)
        rc = nn_h5_fail(d->from, NN_EFORMAT, "cannot read data set '%s'", d->dataset);
    for (size_t part = 0; rc == 0 && part < d->parts; part++)
        rc = write_part(d, part, first, count);
    if (r.elements > 0)
        H5Dvlen_reclaim(d->type, r.memory, H5P_DEFAULT, d->piece);
    nn_h5_rows_release(&r);
    return rc;
}

static int deal_init(deal *d) {
    nn_h5_info info = {0};
    int64_t id = H5I_INVALID_HID;
    NN_TRY(nn_h5_shape_of(d->from, d->dataset, &info));
    NN_TRY(nn_h5_dataset_open(d->from, d->dataset, &id));
    hid_t stored = H5Dget_type(id);
    d->type = H5Tcopy(stored);
    nn_h5_drop(stored);
    d->row_bytes = H5Tget_size(d->type);
    for (int i = 1; i < info.rank; i++)
        d->row_bytes *= (size_t)info.dim[i];
    d->total = info.dim[0];
    d->rows = (int64_t)(PIECE_BYTES / (d->row_bytes + 1)) + 1;
    d->rows = d->rows < d->total ? d->rows : d->total;
    NN_TRY(NN_NEW(&d->piece, (size_t)d->rows * d->row_bytes + 1, "rows"));
    return NN_NEW(&d->picked, (size_t)d->rows * d->row_bytes + 1, "rows");
}

int nn_h5_deal_rows(nn_h5 *from, const char *dataset, nn_h5_part_fn *part_of, const void *ctx,
                    nn_h5 *to, const char *const *name, size_t parts) {
    deal d = {.from = from,
              .to = to,
              .dataset = dataset,
              .name = name,
              .part_of = part_of,
              .ctx = ctx,
              .parts = parts,
              .type = H5I_INVALID_HID};
    int rc = deal_init(&d);
    for (int64_t first = 0; rc == 0 && first < d.total; first += d.rows) {
        nn_work("dividing", dataset, first, d.total);
        rc = deal_piece(&d, first, d.total - first < d.rows ? d.total - first : d.rows);
    }
    nn_work_end();
    nn_h5_drop(d.type);
    nn_free(d.piece);
    nn_free(d.picked);
    return rc;
}
