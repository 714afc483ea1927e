#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names are listed as they were made, and times are left out so that equal contents make equal
 * bytes. */
int64_t nn_h5_group_properties(int64_t class) {
    hid_t id = H5Pcreate(class);
    if (id >= 0) {
        H5Pset_link_creation_order(id, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
        H5Pset_obj_track_times(id, false);
    }
    return id;
}

int nn_h5_walk(nn_h5 *file, const char *path, int (*step)(nn_h5 *file, const char *part)) {
    char *part = strdup(path);
    int rc = 0;
    if (part == NULL) {
        nn_h5_out_of_memory(file->channel);
        nn_h5_doubt(file);
        return nn_fail(NN_EMEMORY, "out of memory: the name '%s'", path);
    }
    for (size_t i = 1; rc == 0 && i <= strlen(path); i++) {
        bool ends = (path[i] == '/' || path[i] == '\0') && path[i - 1] != '/';
        if (!ends)
            continue;
        part[i] = '\0';
        rc = step(file, part);
        part[i] = path[i];
    }
    free(part);
    return rc;
}

static bool is_group(nn_h5 *file, const char *object) {
    hid_t id = H5Oopen(file->id, object, H5P_DEFAULT);
    bool yes = id >= 0 && H5Iget_type(id) == H5I_GROUP;
    nn_h5_drop(id);
    return yes;
}

enum { FOUND = 0, MISSING = 1, UNKNOWN = 2 };

/* Nothing stands below a data set, where HDF5 fails to look. */
static bool is_below_dataset(nn_h5 *file, const char *part) {
    const char *slash = strrchr(part, '/');
    char *parent = slash != NULL ? strndup(part, (size_t)(slash - part)) : NULL;
    hid_t id = parent != NULL ? H5Oopen(file->id, parent, H5P_DEFAULT) : H5I_INVALID_HID;
    bool yes = id >= 0 && H5Iget_type(id) == H5I_DATASET;
    if (slash != NULL && parent == NULL)
        nn_h5_out_of_memory(file->channel);
    nn_h5_drop(id);
    free(parent);
    return yes;
}

/* Remembered, because HDF5 reports as missing what it may not open. */
static int refuse_external(nn_h5 *file, const char *part) {
    H5L_info_t info;
    bool external =
        H5Lget_info(file->id, part, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_EXTERNAL;
    if (!external || file->channel->other_files)
        return FOUND;
    snprintf(file->doubt, sizeof file->doubt, "%s", NN_H5_REFUSED);
    return UNKNOWN;
}

static int find_link(nn_h5 *file, const char *part) {
    htri_t there = H5Lexists(file->id, part, H5P_DEFAULT);
    if (there >= 0)
        return there > 0 ? refuse_external(file, part) : MISSING;
    bool was_sure = file->doubt[0] == '\0';
    nn_h5_doubt(file); /* at once: any other call of HDF5 forgets the reason */
    if (!is_below_dataset(file, part))
        return UNKNOWN;
    if (was_sure)
        file->doubt[0] = '\0';
    return MISSING;
}

/* A link alone may lead nowhere. What HDF5 has failed to read once, it reports as missing later. */
static int find_object(nn_h5 *file, const char *object) {
    int found = nn_h5_walk(file, object, find_link);
    if (found == FOUND && strcmp(object, "/") != 0) {
        file->channel->refused = false;
        htri_t there = H5Oexists_by_name(file->id, object, H5P_DEFAULT);
        found = there > 0 ? FOUND : MISSING;
        if (file->channel->refused) /* HDF5 reports it as missing */
            snprintf(file->doubt, sizeof file->doubt, "%s", NN_H5_REFUSED);
        else if (there < 0)
            nn_h5_doubt(file);
    }
    return found == MISSING && file->doubt[0] != '\0' ? UNKNOWN : found;
}

bool nn_h5_exists(nn_h5 *file, const char *object) {
    return find_object(file, object) == FOUND;
}

int nn_h5_find(nn_h5 *file, const char *noun, const char *object) {
    int found = find_object(file, object);
    NN_TRY(found);
    if (found == UNKNOWN)
        return nn_fail(NN_EFORMAT, "cannot find %s '%s' of '%s': %s", noun, object, file->path,
                       file->doubt);
    if (found != FOUND)
        return nn_fail(NN_EFORMAT, "'%s' has no %s '%s'", file->path, noun, object);
    return 0;
}

static int make_missing(nn_h5 *file, const char *part) {
    if (find_link(file, part) == FOUND)
        return 0;
    hid_t creation = nn_h5_group_properties(H5P_GROUP_CREATE);
    hid_t id = H5Gcreate2(file->id, part, H5P_DEFAULT, creation, H5P_DEFAULT);
    int rc = id < 0 || nn_h5_faulty(file)
                 ? nn_h5_fail(file, NN_EIO, "cannot make the group '%s'", part)
                 : 0;
    nn_h5_drop(id);
    nn_h5_drop(creation);
    return rc;
}

int nn_h5_make_group(nn_h5 *file, const char *group) {
    NN_TRY(nn_h5_walk(file, group, make_missing));
    if (!is_group(file, group))
        return nn_fail(NN_EIO, "cannot make the group '%s' of '%s': a data set has that name",
                       group, file->path);
    return 0;
}

int nn_h5_make_room(nn_h5 *file, const char *object) {
    if (nn_h5_exists(file, object))
        return nn_fail(NN_EIO, "'%s' has a '%s' already", file->path, object);
    const char *slash = strrchr(object, '/');
    if (slash == NULL || slash == object)
        return 0;
    char *group = strndup(object, (size_t)(slash - object));
    if (group == NULL)
        return nn_fail(NN_EMEMORY, "out of memory: the name '%s'", object);
    int rc = nn_h5_make_group(file, group);
    free(group);
    return rc;
}

/* The order in which a group is listed. */
static H5_index_t order_of(hid_t group) {
    unsigned tracked = 0;
    hid_t creation = H5Gget_create_plist(group);
    if (creation < 0 || H5Pget_link_creation_order(creation, &tracked) < 0)
        tracked = 0;
    nn_h5_drop(creation);
    return (tracked & H5P_CRT_ORDER_TRACKED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
}

/* The names of a group's links, which `pool` owns. */
typedef struct names {
    nn_pool *pool;
    char **name;
    size_t count, capacity;
    int rc; /* of the last one */
} names;

static int add_name(names *all, const char *name) {
    NN_TRY(NN_GROW(all->pool, &all->name, all->count, &all->capacity));
    all->name[all->count] = nn_pool_strdup(all->pool, name);
    return all->name[all->count++] != NULL ? 0 : NN_EMEMORY;
}

static herr_t note_name(hid_t group, const char *name, const H5L_info_t *info, void *ctx) {
    names *all = ctx;
    (void)group;
    (void)info;
    all->rc = add_name(all, name);
    return all->rc < 0 ? H5_ITER_ERROR : H5_ITER_CONT;
}

/* All names first, for `fn` may not use the file freely while HDF5 goes through the links; and
 * asking for them one by one takes time that grows with the square of their number. */
static int list_links(nn_h5 *file, hid_t group, const char *path,
                      int (*fn)(void *ctx, const char *name, bool is_group), void *ctx) {
    nn_pool pool = {0};
    names all = {.pool = &pool};
    hsize_t at = 0;
    int rc = 0;
    if (H5Literate(group, order_of(group), H5_ITER_INC, &at, note_name, &all) < 0)
        rc = all.rc < 0 ? all.rc : nn_h5_fail(file, NN_EFORMAT, "cannot list '%s'", path);
    for (size_t i = 0; rc == 0 && i < all.count; i++) {
        hid_t id = H5Oopen(group, all.name[i], H5P_DEFAULT);
        bool leads_to_group = id >= 0 && H5Iget_type(id) == H5I_GROUP;
        nn_h5_drop(id);
        rc = fn(ctx, all.name[i], leads_to_group);
    }
    nn_pool_release(&pool);
    return rc;
}

int nn_h5_list(nn_h5 *file, const char *group,
               int (*fn)(void *ctx, const char *name, bool is_group), void *ctx) {
    NN_TRY(nn_h5_find(file, "group", group));
    if (!is_group(file, group))
        return nn_fail(NN_EFORMAT, "'%s' has no group '%s'", file->path, group);
    hid_t id = H5Gopen2(file->id, group, H5P_DEFAULT);
    if (id < 0)
        return nn_h5_fail(file, NN_EFORMAT, "cannot open the group '%s'", group);
    int rc = list_links(file, id, group, fn, ctx);
    nn_h5_drop(id);
    return rc;
}
