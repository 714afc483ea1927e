/* Small values: attributes, and data sets of a few numbers or texts. */
#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a small value is read from: an attribute or a data set. */
typedef struct place {
    bool is_attribute;
    hid_t id, type, space; /* type and shape as stored */
    char name[256];        /* for messages: "attribute 'scale' at '/train'" */
} place;

static void place_release(place *p) {
    nn_h5_drop(p->space);
    nn_h5_drop(p->type);
    if (p->is_attribute)
        nn_h5_drop(p->id);
}

static int place_failed(const place *p, const nn_h5 *file) {
    return nn_h5_fail(file, NN_EFORMAT, "cannot read %s", p->name);
}

static int attribute_init(place *p, nn_h5 *file, const char *object, const char *name) {
    NN_TRY(nn_h5_find(file, "object", object));
    htri_t there = H5Aexists_by_name(file->id, object, name, H5P_DEFAULT);
    if (there < 0)
        return nn_h5_fail(file, NN_EFORMAT, "cannot find attribute '%s' at '%s'", name, object);
    if (there == 0)
        return nn_fail(NN_EFORMAT, "'%s' has no attribute '%s' at '%s'", file->path, name, object);
    p->is_attribute = true;
    snprintf(p->name, sizeof p->name, "attribute '%s' at '%s'", name, object);
    p->id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (p->id < 0)
        return place_failed(p, file);
    p->type = H5Aget_type(p->id);
    p->space = H5Aget_space(p->id);
    return 0;
}

static int dataset_init(place *p, nn_h5 *file, const char *name) {
    p->is_attribute = false;
    snprintf(p->name, sizeof p->name, "data set '%s'", name);
    NN_TRY(nn_h5_dataset_open(file, name, &p->id));
    p->type = H5Dget_type(p->id);
    p->space = H5Dget_space(p->id);
    return 0;
}

static herr_t fetch(const place *p, hid_t as, void *out) {
    return p->is_attribute ? H5Aread(p->id, as, out)
                           : H5Dread(p->id, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
}

static size_t length_of(const place *p) {
    hssize_t count = H5Sget_simple_extent_npoints(p->space);
    return count > 0 ? (size_t)count : 0;
}

/* How strings of the stored character set stand in memory: `size` bytes with a NUL, or pointers.
 * HDF5 does not convert between character sets, and UTF-8 holds ASCII. */
int64_t nn_h5_string_type(size_t size, int set) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_cset(type, (H5T_cset_t)set);
    return type;
}

/* Strings of varying length: HDF5 allocates them. */
static int read_varying(const place *p, nn_h5 *file, nn_pool *pool, char **values, size_t count) {
    int rc = 0;
    char **raw = calloc(count + 1, sizeof *raw);
    hid_t type = nn_h5_string_type(H5T_VARIABLE, H5Tget_cset(p->type));
    if (raw == NULL)
        rc = nn_fail(NN_EMEMORY, "out of memory: %s of '%s'", p->name, file->path);
    else if (fetch(p, type, raw) < 0)
        rc = place_failed(p, file);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        values[i] = nn_pool_strdup(pool, raw[i] != NULL ? raw[i] : "");
        rc = values[i] != NULL ? 0 : NN_EMEMORY;
    }
    if (raw != NULL)
        H5Dvlen_reclaim(type, p->space, H5P_DEFAULT, raw);
    nn_h5_drop(type);
    free(raw);
    return rc;
}

/* Strings of one length, padded with NULs or blanks. */
static int read_fixed(const place *p, nn_h5 *file, nn_pool *pool, char **values, size_t count) {
    size_t size = H5Tget_size(p->type) + 1;
    if (count > SIZE_MAX / size)
        return nn_fail(NN_EFORMAT, "%s of '%s' is too large", p->name, file->path);
    char *text = nn_pool_alloc(pool, count * size);
    if (text == NULL)
        return NN_EMEMORY;
    hid_t type = nn_h5_string_type(size, H5Tget_cset(p->type));
    int rc = fetch(p, type, text) < 0 ? place_failed(p, file) : 0;
    nn_h5_drop(type);
    for (size_t i = 0; i < count; i++)
        values[i] = text + i * size;
    return rc;
}

/* An attribute is stored as it is, so that it has no more bytes than its file. What a data set
 * claims is checked where it is opened. */
static int check_claim(const place *p, const nn_h5 *file, size_t count) {
    size_t bytes = 0, size = H5Tget_size(p->type);
    bool fits = !__builtin_mul_overflow(count, size, &bytes) && bytes <= INT64_MAX;
    if (!p->is_attribute || file->writable || file->channel->other_files)
        return 0;
    if (fits && (int64_t)bytes <= file->channel->file_size)
        return 0;
    return nn_fail(NN_EFORMAT, "%s of '%s' claims %zu strings of %zu bytes, more than the file has",
                   p->name, file->path, count, size);
}

static int read_texts(const place *p, nn_h5 *file, nn_pool *pool, char ***values, size_t *count) {
    if (H5Tget_class(p->type) != H5T_STRING)
        return nn_fail(NN_EFORMAT, "%s of '%s' holds %s where text is needed", p->name, file->path,
                       nn_h5_class_name(p->type));
    *count = length_of(p);
    NN_TRY(check_claim(p, file, *count));
    *values = nn_pool_alloc(pool, (*count + 1) * sizeof **values);
    if (*values == NULL)
        return NN_EMEMORY;
    if (*count == 0)
        return 0;
    if (H5Tis_variable_str(p->type) > 0)
        return read_varying(p, file, pool, *values, *count);
    return read_fixed(p, file, pool, *values, *count);
}

static int read_text(const place *p, nn_h5 *file, nn_pool *pool, char **text) {
    char **values = NULL;
    size_t count = 0;
    NN_TRY(read_texts(p, file, pool, &values, &count));
    if (count != 1)
        return nn_fail(NN_EFORMAT, "%s of '%s' holds %zu strings where one is needed", p->name,
                       file->path, count);
    *text = values[0];
    return 0;
}

int nn_h5_read_text(nn_h5 *file, const char *dataset, nn_pool *pool, char **text) {
    place p = {0};
    NN_TRY(dataset_init(&p, file, dataset));
    int rc = read_text(&p, file, pool, text);
    place_release(&p);
    return rc;
}

/* Of fixed length: pointers into a heap would lie in the data set without a checksum, and HDF5
 * follows them wherever a flipped bit makes them lead. */
int nn_h5_write_text(nn_h5 *file, const char *dataset, const char *text) {
    const size_t size = text[0] != '\0' ? strlen(text) : 1;
    NN_TRY(nn_h5_make_room(file, dataset));
    int rc = 0;
    hid_t type = nn_h5_string_type(size, H5T_CSET_UTF8);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Pset_obj_track_times(creation, false);
    hid_t id = H5Dcreate2(file->id, dataset, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (id < 0 || H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0 || nn_h5_faulty(file))
        rc = nn_h5_fail(file, NN_EIO, "cannot write data set '%s'", dataset);
    nn_h5_drop(id);
    nn_h5_drop(creation);
    nn_h5_drop(space);
    nn_h5_drop(type);
    return rc;
}

bool nn_h5_has_attr(nn_h5 *file, const char *object, const char *name) {
    htri_t there = 0;
    if (nn_h5_exists(file, object))
        there = H5Aexists_by_name(file->id, object, name, H5P_DEFAULT);
    if (there < 0)
        nn_h5_doubt(file);
    return there > 0;
}

/* Replaces what is there. */
static int set_attribute(nn_h5 *file, const char *object, const char *name, hid_t type, hid_t space,
                         const void *value) {
    int rc = 0;
    hid_t id = H5I_INVALID_HID;
    if (!nn_h5_has_attr(file, object, name) ||
        H5Adelete_by_name(file->id, object, name, H5P_DEFAULT) >= 0)
        id = H5Acreate_by_name(file->id, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                               H5P_DEFAULT);
    if (id < 0 || H5Awrite(id, type, value) < 0 || nn_h5_faulty(file))
        rc = nn_h5_fail(file, NN_EIO, "cannot write attribute '%s' at '%s'", name, object);
    nn_h5_drop(id);
    return rc;
}

static int set_scalar(nn_h5 *file, const char *object, const char *name, hid_t type,
                      const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    int rc = set_attribute(file, object, name, type, space, value);
    nn_h5_drop(space);
    return rc;
}

int nn_h5_set_int(nn_h5 *file, const char *object, const char *name, int64_t value) {
    return set_scalar(file, object, name, H5T_NATIVE_INT64, &value);
}

int nn_h5_set_real(nn_h5 *file, const char *object, const char *name, double value) {
    return set_scalar(file, object, name, H5T_NATIVE_DOUBLE, &value);
}

static int set_array(nn_h5 *file, const char *object, const char *name, hid_t type,
                     const void *values, size_t count) {
    hsize_t extent = count;
    hid_t space = H5Screate_simple(1, &extent, NULL);
    int rc = set_attribute(file, object, name, type, space, values);
    nn_h5_drop(space);
    return rc;
}

int nn_h5_set_reals(nn_h5 *file, const char *object, const char *name, const double *value,
                    size_t count) {
    return set_array(file, object, name, H5T_NATIVE_DOUBLE, value, count);
}

int nn_h5_set_text(nn_h5 *file, const char *object, const char *name, const char *value) {
    hid_t type = nn_h5_string_type(H5T_VARIABLE, H5T_CSET_UTF8);
    int rc = set_scalar(file, object, name, type, &value);
    nn_h5_drop(type);
    return rc;
}

int nn_h5_set_texts(nn_h5 *file, const char *object, const char *name, const char *const *values,
                    size_t count) {
    hid_t type = nn_h5_string_type(H5T_VARIABLE, H5T_CSET_UTF8);
    int rc = set_array(file, object, name, type, values, count);
    nn_h5_drop(type);
    return rc;
}

int nn_h5_get_text(nn_h5 *file, const char *object, const char *name, nn_pool *pool, char **value) {
    place p = {0};
    NN_TRY(attribute_init(&p, file, object, name));
    int rc = read_text(&p, file, pool, value);
    place_release(&p);
    return rc;
}

int nn_h5_get_texts(nn_h5 *file, const char *object, const char *name, nn_pool *pool,
                    char ***values, size_t *count) {
    place p = {0};
    NN_TRY(attribute_init(&p, file, object, name));
    int rc = read_texts(&p, file, pool, values, count);
    place_release(&p);
    return rc;
}

static bool is_number(const place *p) {
    H5T_class_t class = H5Tget_class(p->type);
    return class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM;
}

static int read_reals(const place *p, nn_h5 *file, double *value, size_t *count) {
    size_t length = length_of(p);
    if (!is_number(p))
        return nn_fail(NN_EFORMAT, "%s of '%s' holds %s where numbers are needed", p->name,
                       file->path, nn_h5_class_name(p->type));
    if (length > *count)
        return nn_fail(NN_EFORMAT, "%s of '%s' holds %zu numbers where at most %zu are needed",
                       p->name, file->path, length, *count);
    if (length > 0 && fetch(p, H5T_NATIVE_DOUBLE, value) < 0)
        return place_failed(p, file);
    *count = length;
    return 0;
}

int nn_h5_get_reals(nn_h5 *file, const char *object, const char *name, double *value,
                    size_t *count) {
    place p = {0};
    NN_TRY(attribute_init(&p, file, object, name));
    int rc = read_reals(&p, file, value, count);
    place_release(&p);
    return rc;
}

/* A whole number may also have been stored as a real. */
static int read_int(const place *p, nn_h5 *file, int64_t *value) {
    const double limit = 9007199254740992.0; /* 2^53: up to there a double counts exactly */
    double real = 0;
    size_t count = 1;
    NN_TRY(read_reals(p, file, &real, &count));
    bool is_real = H5Tget_class(p->type) == H5T_FLOAT;
    if (count != 1 || (is_real && !(fabs(real) <= limit && floor(real) == real)))
        return nn_fail(NN_EFORMAT, "%s of '%s' is not one whole number", p->name, file->path);
    if (is_real)
        *value = (int64_t)real;
    else if (fetch(p, H5T_NATIVE_INT64, value) < 0)
        return place_failed(p, file);
    return 0;
}

int nn_h5_get_int(nn_h5 *file, const char *object, const char *name, int64_t *value) {
    place p = {0};
    NN_TRY(attribute_init(&p, file, object, name));
    int rc = read_int(&p, file, value);
    place_release(&p);
    return rc;
}
