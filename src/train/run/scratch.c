#define _GNU_SOURCE
#include "train/run/scratch.h"

#include "base/log.h"
#include "base/numbers/rng.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/checkpoint/trailer.h"
#include "train/run/checkpoint_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A folder that others may write to, as /tmp, is no place for theirs to be taken for ours. */
static int check_own(const char *path) {
    struct stat status;

    if (lstat(path, &status) < 0)
        return nn_fail(NN_EIO, "cannot use the folder '%s' (checkpoint.stage): %s", path,
                       nn_errno_text(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || status.st_mode & 022)
        return nn_fail(NN_EIO,
                       "'%s' (checkpoint.stage) is not a folder that only this user may write to",
                       path);
    return NN_OK;
}

int nn_scratch_open(nn_pool *pool, const char *stage, const char *dir, const char **scratch) {
    char resolved[PATH_MAX];

    if (!realpath(dir, resolved))
        return nn_fail(NN_EIO, "cannot find '%s': %s", dir, nn_errno_text(errno));
    *scratch = nn_pool_printf(pool, "%s/nnmpi-%016" PRIx64, stage, nn_hash_text(resolved));
    if (!*scratch)
        return NN_EMEMORY;
    NN_TRY(nn_dir_make(stage));
    if (mkdir(*scratch, 0700) < 0 && errno != EEXIST)
        return nn_fail(NN_EIO, "cannot make the folder '%s' (checkpoint.stage): %s", *scratch,
                       nn_errno_text(errno));
    return check_own(*scratch);
}

int nn_scratch_move(const char *scratch, const char *dir, const char *name) {
    nn_pool pool = {0};
    const char *from = nn_pool_printf(&pool, "%s/%s", scratch, name), *target;
    char *to = nn_pool_printf(&pool, "%s/%s", dir, name), *temporary = NULL;
    int rc = from && to ? nn_file_replace(&pool, to, from, &target, &temporary) : NN_EMEMORY;

    if (rc == NN_OK)
        rc = nn_file_copy(from, temporary);
    if (rc == NN_OK)
        rc = nn_file_publish(temporary, target);
    if (rc == NN_OK && unlink(from) < 0)
        nn_warn("cannot delete '%s': %s", from, nn_errno_text(errno));
    nn_pool_release(&pool);
    return rc;
}

/* When the run folder saved last, else when the run began; false: it has not, and what stands on
 * the node is of a folder of that name which is no more. */
static bool find_time(nn_pool *pool, const char *dir, time_t *seconds) {
    const char *last = nn_pool_printf(pool, "%s/last.h5", dir);
    const char *config = nn_pool_printf(pool, "%s/config.yaml", dir);
    struct stat status;

    if (!last || !config || (stat(last, &status) < 0 && stat(config, &status) < 0))
        return false;
    *seconds = status.st_mtim.tv_sec;
    return true;
}

/* Seconds and steps may disagree where a run was resumed elsewhere from an earlier step: then what
 * stands here was abandoned. */
static bool is_newer(const char *path, time_t seconds) {
    struct stat status;

    return stat(path, &status) == 0 && status.st_mtim.tv_sec >= seconds;
}

/* The newest whole checkpoint of the list that the run folder should have; -1: none. */
static int64_t find_step(nn_pool *pool, const char *scratch, const char *dir,
                         const nn_checkpoint_list *here) {
    nn_checkpoint_list there;
    char name[NN_CHECKPOINT_NAME];
    time_t seconds;

    if (nn_checkpoint_list_read(pool, dir, &there) < 0 || !find_time(pool, dir, &seconds))
        return -1;
    for (size_t i = 0; i < here->count; i++) {
        const char *path =
            nn_pool_printf(pool, "%s/%s", scratch, nn_checkpoint_name(here->step[i], name));
        bool wanted = there.count == 0 || here->step[i] > there.step[0];
        if (path && wanted && is_newer(path, seconds) && nn_trailer_check(path) == NN_OK)
            return here->step[i];
    }
    return -1;
}

static int take(const char *scratch, const char *dir, int64_t step) {
    char name[NN_CHECKPOINT_NAME], path[PATH_MAX];
    const char *const last = path;

    snprintf(path, sizeof path, "%s/last.h5", dir);
    NN_TRY(nn_scratch_move(scratch, dir, nn_checkpoint_name(step, name)));
    nn_info("%s was still in '%s' (checkpoint.stage)", name, scratch);
    return nn_symlinks_publish(name, &last, 1);
}

int nn_scratch_recover(const char *scratch, const char *dir) {
    nn_pool pool = {0};
    nn_checkpoint_list here;
    int rc = nn_checkpoint_list_read(&pool, scratch, &here);
    int64_t step = rc == NN_OK ? find_step(&pool, scratch, dir, &here) : -1;
    char name[NN_CHECKPOINT_NAME];

    nn_error_clear(); /* of those that are not whole */
    if (rc == NN_OK && step >= 0)
        rc = take(scratch, dir, step);
    for (size_t i = 0; rc == NN_OK && i < here.count; i++) {
        const char *path =
            nn_pool_printf(&pool, "%s/%s", scratch, nn_checkpoint_name(here.step[i], name));
        if (path && here.step[i] != step && unlink(path) < 0)
            nn_warn("cannot delete '%s': %s", path, nn_errno_text(errno));
    }
    if (rc == NN_OK)
        rc = nn_checkpoint_folder_sweep(scratch);
    nn_pool_release(&pool);
    return rc;
}
