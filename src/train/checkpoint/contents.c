#include "train/checkpoint/contents.h"

#include "base/error.h"
#include "base/mem.h"
#include "train/checkpoint/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEEPEST = 16, /* a file may link a group into itself ... */
    LEAST = 64    /* ... or often into another, and have more paths than objects of so many bytes */
};

static int remember(nn_contents *contents, char *path) {
    NN_TRY(NN_GROW(contents->pool, &contents->path, contents->count, &contents->capacity));
    contents->path[contents->count++] = path;
    return NN_OK;
}

static int visit(void *ctx, const char *name, bool is_group);

static int list_group(nn_contents *contents, const char *group) {
    const char *above = contents->group;
    int rc;

    if (contents->depth == DEEPEST)
        return nn_fail(NN_EFORMAT, "%s: the groups are nested too deep at %s",
                       nn_h5_path(contents->file), group);
    contents->group = group;
    contents->depth++;
    rc = nn_h5_list(contents->file, *group ? group : "/", visit, contents);
    contents->depth--;
    contents->group = above;
    return rc;
}

static int visit(void *ctx, const char *name, bool is_group) {
    nn_contents *contents = ctx;
    char *path = nn_pool_printf(contents->pool, "%s/%s", contents->group, name);

    if (!path)
        return NN_EMEMORY;
    if (++contents->visited > nn_h5_size(contents->file) / LEAST)
        return nn_fail(NN_EFORMAT, "%s leads to the same objects again and again",
                       nn_h5_path(contents->file));
    if (is_group)
        return list_group(contents, path);
    return remember(contents, path);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_format(nn_h5 *file) {
    nn_pool pool = {0};
    int64_t version = 0;
    char *format = "";
    int rc = NN_OK;

    if (nn_h5_has_attr(file, "/", "format"))
        rc = nn_h5_get_text(file, "/", "format", &pool, &format);
    if (rc == NN_OK && strcmp(format, NN_CHECKPOINT_FORMAT) != 0)
        rc = nn_fail(NN_EFORMAT, "%s is no checkpoint: its attribute format is not '%s'",
                     nn_h5_path(file), NN_CHECKPOINT_FORMAT);
    if (rc == NN_OK)
        rc = nn_h5_get_int(file, "/", "version", &version);
    if (rc == NN_OK && (version < 1 || version > NN_CHECKPOINT_VERSION))
        rc = nn_fail(NN_EFORMAT,
                     "%s is a checkpoint of version %" PRId64
                     ", which this nnmpi cannot read (it reads up to %d)",
                     nn_h5_path(file), version, NN_CHECKPOINT_VERSION);
    nn_pool_release(&pool);
    return rc;
}

int nn_contents_list(nn_contents *contents) {
    NN_TRY(check_format(contents->file));
    contents->group = "";
    NN_TRY(list_group(contents, ""));
    if (contents->count)
        qsort(contents->path, contents->count, sizeof(char *), by_name);
    return NN_OK;
}

static int hash_array(nn_h5 *file, const char *path, nn_digest *digest) {
    unsigned char *bytes = NULL;
    nn_h5_info info;
    int rc;

    NN_TRY(nn_h5_info_of(file, path, &info));
    NN_TRY(NN_NEW(&bytes, nn_info_bytes(&info) + 1, "parameters"));
    rc = nn_h5_read(file, path, 0, nn_info_rows(&info), info.type, bytes);
    if (rc == NN_OK) {
        nn_digest_add_head(digest, path, &info);
        nn_digest_add(digest, bytes, nn_info_bytes(&info));
    }
    nn_free(bytes);
    return rc;
}

int nn_contents_hash(const nn_contents *contents, nn_digest *digest) {
    for (size_t i = 0; i < contents->count; i++)
        if (strncmp(contents->path[i], "/model/", strlen("/model/")) == 0)
            NN_TRY(hash_array(contents->file, contents->path[i], digest));
    return NN_OK;
}
