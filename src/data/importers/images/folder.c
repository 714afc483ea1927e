#include "data/importers/images/folder.h"

#include "data/importers/images/picture.h"
#include "io/files/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct names {
    const char **name;
    size_t count, room;
} names;

static int by_bytes(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* What a folder holds, sorted; hidden files are none of it. */
static int list(nn_pool *pool, const char *path, names *out) {
    DIR *folder = opendir(path);
    int rc = NN_OK;

    *out = (names){0};
    if (!folder)
        return nn_fail(NN_EFORMAT, "%s: cannot be opened: %s", path, strerror(errno));
    for (struct dirent *item; rc >= 0 && (item = readdir(folder)) != NULL;) {
        if (item->d_name[0] == '.')
            continue;
        rc = NN_GROW(pool, &out->name, out->count, &out->room);
        if (rc >= 0 && !(out->name[out->count++] = nn_pool_strdup(pool, item->d_name)))
            rc = NN_EMEMORY;
    }
    closedir(folder);
    if (rc >= 0 && out->count)
        qsort(out->name, out->count, sizeof *out->name, by_bytes);
    return rc;
}

static int add(nn_image_folder *f, nn_image_split *split, const char *path, int32_t class) {
    NN_TRY(NN_GROW(&f->pool, &split->path, split->count, &split->path_room));
    NN_TRY(NN_GROW(&f->pool, &split->class, split->count, &split->class_room));
    split->path[split->count] = path;
    split->class[split->count++] = class;
    return NN_OK;
}

/* The pictures right in a folder are of that class. */
static int read_files(nn_image_folder *f, nn_image_split *split, const char *path, int32_t class) {
    names files;

    NN_TRY(list(&f->pool, path, &files));
    for (size_t i = 0; i < files.count; i++) {
        const char *file = nn_pool_printf(&f->pool, "%s/%s", path, files.name[i]);
        if (!file)
            return NN_EMEMORY;
        if (nn_is_folder(file)) {
            if (f->deeper++ == 0)
                f->deep = file;
        } else if (nn_picture_has_name(file)) {
            NN_TRY(add(f, split, file, class));
        } else if (f->others++ == 0) {
            f->other = file;
        }
    }
    return NN_OK;
}

/* The class of that name; only the first split has new ones. */
static int find_class(nn_image_folder *f, const nn_image_split *split, const char *path,
                      const char *name, int32_t *class) {
    for (size_t i = 0; i < f->classes; i++) {
        if (strcmp(f->class_name[i], name) == 0) {
            *class = (int32_t)i;
            return NN_OK;
        }
    }
    if (split != &f->split[0])
        return nn_fail(NN_EFORMAT, "%s/%s: a class that %s does not have", path, name,
                       f->split[0].name);
    *class = (int32_t)f->classes;
    f->class_name[f->classes++] = name;
    return NN_OK;
}

static int read_class(nn_image_folder *f, nn_image_split *split, const char *path,
                      const char *name) {
    const char *folder = nn_pool_printf(&f->pool, "%s/%s", path, name);
    size_t before = split->count;
    int32_t class = 0;

    if (!folder)
        return NN_EMEMORY;
    NN_TRY(find_class(f, split, path, name, &class));
    NN_TRY(read_files(f, split, folder, class));
    if (split->count == before)
        return nn_fail(NN_EFORMAT,
                       "%s: holds no pictures (.png, .jpg, .jpeg): a folder here is a class with "
                       "its pictures right in it",
                       folder);
    return NN_OK;
}

/* A folder for each class, or pictures without classes. */
static int read_split(nn_image_folder *f, const char *name, const char *path) {
    nn_image_split *split = &f->split[f->splits++];
    names inside;
    size_t folders = 0, deeper = f->deeper;

    *split = (nn_image_split){.name = name};
    NN_TRY(list(&f->pool, path, &inside));
    if (f->splits == 1)
        f->class_name = nn_pool_alloc(&f->pool, (inside.count + 1) * sizeof *f->class_name);
    if (!f->class_name)
        return NN_EMEMORY;
    NN_TRY(read_files(f, split, path, 0));
    f->deeper = deeper; /* these are classes */
    size_t loose = split->count;
    for (size_t i = 0; i < inside.count; i++) {
        const char *folder = nn_pool_printf(&f->pool, "%s/%s", path, inside.name[i]);
        if (!folder)
            return NN_EMEMORY;
        if (!nn_is_folder(folder))
            continue;
        NN_TRY(read_class(f, split, path, inside.name[i]));
        folders++;
    }
    if (loose && (folders || f->classes))
        return nn_fail(NN_EFORMAT,
                       "%s has no class: pictures are in folders of their classes, or all without",
                       split->path[0]);
    if (split->count == 0)
        return nn_fail(NN_EFORMAT,
                       "%s: holds no pictures (.png, .jpg, .jpeg), in folders of their classes or "
                       "right in it",
                       path);
    return NN_OK;
}

static const struct {
    const char *split, *folder;
} known[] = {
    {"train", "train"},
    {"valid", "valid"},
    {"valid", "val"},
    {"test", "test"},
};
enum { KNOWN = sizeof known / sizeof *known };

static bool is_known(const char *name) {
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(known[i].folder, name) == 0)
            return true;
    return false;
}

/* The first folder in `path`, but for those of splits where `strange`; NULL: none. */
static int find_folder(nn_pool *pool, const char *path, bool strange, const char **out) {
    names inside;

    *out = NULL;
    NN_TRY(list(pool, path, &inside));
    for (size_t i = 0; i < inside.count && !*out; i++) {
        const char *folder = nn_pool_printf(pool, "%s/%s", path, inside.name[i]);
        if (!folder)
            return NN_EMEMORY;
        if (nn_is_folder(folder) && !(strange && is_known(inside.name[i])))
            *out = folder;
    }
    return NN_OK;
}

/* Is `train` in there a split? It may be a class of that name. */
static int find_splits(nn_image_folder *f, const char *path, bool *splits) {
    const char *train = nn_pool_printf(&f->pool, "%s/train", path), *stranger, *inside;

    if (!train)
        return NN_EMEMORY;
    *splits = nn_is_folder(train);
    if (!*splits)
        return NN_OK;
    NN_TRY(find_folder(&f->pool, path, true, &stranger));
    NN_TRY(find_folder(&f->pool, train, false, &inside));
    *splits = inside || !stranger;
    if (!*splits || !stranger)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: beside train with folders of classes stand valid (or val) and test, and no "
                   "other folder: give it one of these names, or take it out",
                   stranger);
}

static int read_splits(nn_image_folder *f, const char *path) {
    bool splits = false;

    NN_TRY(find_splits(f, path, &splits));
    if (!splits)
        return read_split(f, "train", path);
    for (size_t i = 0; i < KNOWN; i++) {
        const char *folder = nn_pool_printf(&f->pool, "%s/%s", path, known[i].folder);
        if (!folder)
            return NN_EMEMORY;
        if (!nn_is_folder(folder))
            continue;
        if (f->splits && strcmp(f->split[f->splits - 1].name, known[i].split) == 0)
            return nn_fail(NN_EFORMAT,
                           "%s: there is %s, too, and both are the split %s: take one "
                           "of them out",
                           folder, known[i - 1].folder, known[i].split);
        NN_TRY(read_split(f, known[i].split, folder));
    }
    return NN_OK;
}

int nn_image_folder_read(const char *path, nn_image_folder *out) {
    *out = (nn_image_folder){0};
    return read_splits(out, path);
}

void nn_image_folder_release(nn_image_folder *folder) {
    nn_pool_release(&folder->pool);
}
