#include "train/checkpoint/checkpoint.h"

#include "base/system/clock.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/checkpoint/layout.h"
#include "train/checkpoint/trailer.h"

#include <nnmpi/version.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int hash_tensor(void *ctx, const nn_entry_data *entry, const void *bytes) {
    nn_digest_add_head(ctx, entry->path, &entry->info);
    nn_digest_add(ctx, bytes, nn_info_bytes(&entry->info));
    return NN_OK;
}

int nn_params_digest(const nn_model *model, const nn_real *params, char hex[NN_DIGEST_HEX]) {
    nn_pool pool = {0};
    nn_entries list = {.pool = &pool};
    nn_digest *digest = NULL;
    int rc;

    hex[0] = '\0';
    NN_TRY_GOTO(nn_entries_add_vector(&list, "/model", model, (nn_real *)params));
    NN_TRY_GOTO(nn_digest_new(&digest));
    nn_entries_sort(&list);
    NN_TRY_GOTO(nn_entries_put_tensors(&list, hash_tensor, digest));
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

/* Small data sets go through HDF5, which makes room for the tensors as well. */
static int put_entry(nn_h5 *file, nn_entry_data *entry) {
    const nn_h5_info *info = &entry->info;

    if (entry->text)
        return nn_h5_write_text(file, entry->path, entry->text);
    if (entry->param)
        return nn_h5_reserve(file, entry->path, info->type, info->rank, info->dim, &entry->offset);
    return nn_h5_write(file, entry->path, info->type, info->rank, info->dim, 0, 0, entry->array);
}

static int write_structure(nn_h5 *file, nn_entries *list, const nn_snapshot *snapshot) {
    NN_TRY(write_head(file));
    NN_TRY(nn_h5_make_group(file, "/model"));
    NN_TRY(nn_attributes_write(file, snapshot));
    for (size_t i = 0; i < list->count; i++)
        NN_TRY(put_entry(file, &list->entry[i]));
    return NN_OK;
}

/* A file with all but the elements of the tensors. */
static int make_file(const char *path, nn_entries *list, const nn_snapshot *snapshot) {
    nn_h5 *file;

    NN_TRY(nn_h5_create(path, &file));
    int rc = write_structure(file, list, snapshot);
    if (rc == NN_OK)
        return nn_h5_close(file);
    nn_h5_close(file);
    return rc;
}

/* HDF5 has it no longer than that takes. */
static int make_file_in_turn(const char *path, nn_entries *list, const nn_snapshot *snapshot) {
    nn_h5_lock();
    int rc = make_file(path, list, snapshot);
    nn_h5_unlock();
    return rc;
}

static int put_tensor(void *ctx, const nn_entry_data *entry, const void *bytes) {
    size_t count = nn_info_bytes(&entry->info);
    return count ? nn_trailer_put(ctx, entry->offset, bytes, count) : NN_OK;
}

static int by_offset(const void *a, const void *b) {
    int64_t x = ((const nn_entry_data *)a)->offset, y = ((const nn_entry_data *)b)->offset;

    return (x > y) - (x < y);
}

/* The tensors, in the order of the file, so that it is written and hashed in one pass. */
static int fill_file(const char *path, nn_entries *list) {
    nn_trailer *trailer;

    NN_TRY(nn_trailer_begin(path, &trailer));
    qsort(list->entry, list->count, sizeof *list->entry, by_offset);
    int rc = nn_entries_put_tensors(list, put_tensor, trailer);
    if (rc == NN_OK)
        rc = nn_trailer_write(trailer);
    int end_rc = nn_trailer_end(trailer);
    return rc < 0 ? rc : end_rc;
}

int nn_checkpoint_write(const char *path, const nn_snapshot *snapshot) {
    nn_pool pool = {0};
    nn_entries list = {.pool = &pool};
    char *temporary = NULL;
    int rc, fd;

    NN_TRY_GOTO(nn_entries_add_snapshot(&list, snapshot));
    NN_TRY_GOTO(nn_file_begin(&pool, path, &temporary, &fd));
    close(fd);
    NN_TRY_GOTO(check_space(path, &list));
    NN_TRY_GOTO(make_file_in_turn(temporary, &list, snapshot));
    NN_TRY_GOTO(fill_file(temporary, &list));
    NN_TRY_GOTO(nn_file_publish(temporary, path));
done:
    if (rc < 0 && temporary)
        nn_temporary_discard(temporary);
    nn_pool_release(&pool);
    return rc;
}
