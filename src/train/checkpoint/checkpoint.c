#include "train/checkpoint/checkpoint.h"

#include "base/clock.h"
#include "io/file.h"
#include "io/folder.h"
#include "train/checkpoint/layout.h"
#include "train/checkpoint/trailer.h"

#include <nnmpi/version.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Adds a data set to the digest and, unless `file` is NULL, to the file. */
static int put_entry(nn_h5 *file, nn_digest *digest, const nn_entry_data *entry, float *floats) {
    const nn_h5_info *info = &entry->info;
    const void *bytes = entry->array;
    size_t length = entry->text ? strlen(entry->text) : 0;

    nn_digest_add_head(digest, entry->path, entry->text ? NULL : info, length);
    if (entry->text) {
        nn_digest_add(digest, entry->text, length);
        return file ? nn_h5_write_text(file, entry->path, entry->text) : NN_OK;
    }
    if (entry->tensor) {
        nn_param_export(entry->param, entry->tensor, floats);
        bytes = floats;
    }
    nn_digest_add(digest, bytes, nn_info_bytes(info));
    if (!file)
        return NN_OK;
    return nn_h5_write(file, entry->path, info->type, info->rank, info->dim, 0, 0, bytes);
}

/* Puts every entry of the list. */
static int put_all(nn_entries *list, nn_h5 *file, nn_digest *digest) {
    float *floats = NULL;
    int rc = NN_OK;

    nn_entries_sort(list);
    NN_TRY(NN_NEW(&floats, nn_entries_largest(list) + 1, "a tensor as float32"));
    for (size_t i = 0; i < list->count && rc == NN_OK; i++)
        rc = put_entry(file, digest, &list->entry[i], floats);
    nn_free(floats);
    return rc;
}

int nn_params_digest(const nn_model *model, const nn_real *params, char hex[NN_DIGEST_HEX]) {
    nn_pool pool = {0};
    nn_entries list = {.pool = &pool};
    nn_digest *digest = NULL;
    int rc;

    hex[0] = '\0';
    NN_TRY_GOTO(nn_entries_add_vector(&list, "/model", model, (nn_real *)params));
    NN_TRY_GOTO(nn_digest_new(&digest));
    NN_TRY_GOTO(put_all(&list, NULL, digest));
done:
    if (digest)
        nn_digest_end(digest, hex);
    nn_pool_release(&pool);
    return rc;
}

/* Better said before than found half-way: HDF5's own words for a full disk help nobody. */
static int check_space(const char *path, const nn_entries *list) {
    enum { HEADERS = 1 << 16, HEADER = 1 << 10 }; /* bytes, generous */
    uint64_t needed = HEADERS, available;

    for (size_t i = 0; i < list->count; i++) {
        const nn_entry_data *entry = &list->entry[i];
        needed += HEADER + (entry->text ? strlen(entry->text) : nn_info_bytes(&entry->info));
    }
    NN_TRY(nn_disk_free(path, &available));
    if (available < needed)
        return nn_fail(NN_EIO,
                       "%s: the checkpoint needs %" PRIu64 " KiB, but only %" PRIu64
                       " KiB are free there",
                       path, (needed + 1023) / 1024, available / 1024);
    return NN_OK;
}

static int write_head(nn_h5 *file) {
    char now[32];

    nn_timestamp(now, sizeof now);
    NN_TRY(nn_h5_set_text(file, "/", "format", NN_CHECKPOINT_FORMAT));
    NN_TRY(nn_h5_set_int(file, "/", "version", NN_CHECKPOINT_VERSION));
    NN_TRY(nn_h5_set_text(file, "/", "created", now));
    NN_TRY(nn_h5_set_text(file, "/", "nnmpi", NNMPI_VERSION));
    return NN_OK;
}

/* Everything but the digest, which `digest` then is. */
static int write_contents(nn_h5 *file, nn_entries *list, const nn_snapshot *snapshot,
                          nn_digest *digest) {
    NN_TRY(write_head(file));
    NN_TRY(nn_h5_make_group(file, "/model"));
    NN_TRY(nn_attributes_write(file, snapshot));
    NN_TRY(put_all(list, file, digest));
    nn_attributes_hash(digest, snapshot);
    return NN_OK;
}

static int write_file(nn_h5 *file, nn_entries *list, const nn_snapshot *snapshot) {
    char hex[NN_DIGEST_HEX];
    nn_digest *digest;
    int rc;

    NN_TRY(nn_digest_new(&digest));
    rc = write_contents(file, list, snapshot, digest);
    nn_digest_end(digest, hex);
    return rc == NN_OK ? nn_h5_write_text(file, "/digest", hex) : rc;
}

int nn_checkpoint_write(const char *path, const nn_snapshot *snapshot) {
    nn_pool pool = {0};
    nn_entries list = {.pool = &pool};
    char *temporary = nn_file_temporary(&pool, path);
    nn_h5 *file = NULL;
    bool made = false;
    int rc;

    if (!temporary)
        return NN_EMEMORY;
    NN_TRY_GOTO(nn_entries_add_snapshot(&list, snapshot));
    NN_TRY_GOTO(check_space(path, &list));
    NN_TRY_GOTO(nn_h5_create_new(temporary, &file));
    made = true;
    NN_TRY_GOTO(write_file(file, &list, snapshot));
    rc = nn_h5_close(file);
    file = NULL;
    NN_TRY_GOTO(rc);
    NN_TRY_GOTO(nn_trailer_write(temporary));
    NN_TRY_GOTO(nn_file_publish(temporary, path));
done:
    nn_h5_close(file);
    if (rc < 0 && made)
        unlink(temporary);
    nn_pool_release(&pool);
    return rc;
}
