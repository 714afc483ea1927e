#define _GNU_SOURCE
#include "train/run/scratch.h"

#include "base/log.h"
#include "base/numbers/rng.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/checkpoint/trailer.h"

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

/* Seconds at which it was written; left alone where there is no such file. */
static int find_time(const char *path, time_t *seconds) {
    struct stat status;

    if (!path)
        return NN_EMEMORY;
    if (stat(path, &status) == 0)
        *seconds = status.st_mtim.tv_sec;
    else if (errno != ENOENT)
        return nn_fail(NN_EIO, "cannot look at '%s': %s", path, nn_errno_text(errno));
    return NN_OK;
}

/* The newest whole checkpoint of the list that the run folder should have; -1: none. Seconds and
 * steps may disagree where a run was resumed elsewhere from an earlier step: then what stands here
 * was abandoned. Where the run folder has neither a checkpoint nor a configuration, it is of a
 * folder of that name which is no more. *newest: the newest step that the run folder has; -1: none;
 * INT64_MAX: there is no such run. */
static int find_step(nn_pool *pool, const char *scratch, const char *dir,
                     const nn_checkpoint_list *here, int64_t *step, int64_t *newest) {
    const time_t never = -1;
    nn_checkpoint_list there;
    char name[NN_CHECKPOINT_NAME];
    time_t saved = never;

    *step = -1;
    NN_TRY(nn_checkpoint_list_read(pool, dir, &there));
    NN_TRY(find_time(nn_pool_printf(pool, "%s/config.yaml", dir), &saved));
    NN_TRY(find_time(nn_pool_printf(pool, "%s/last.h5", dir), &saved));
    *newest = saved == never ? INT64_MAX : there.count ? there.step[0] : -1;
    for (size_t i = 0; saved != never && *step < 0 && i < here->count; i++) {
        const char *path =
            nn_pool_printf(pool, "%s/%s", scratch, nn_checkpoint_name(here->step[i], name));
        bool wanted = there.count == 0 || here->step[i] > there.step[0];
        time_t written = never;
        NN_TRY(find_time(path, &written));
        if (wanted && written >= saved && nn_trailer_check(path) == NN_OK)
            *step = here->step[i];
    }
    nn_error_clear(); /* of those that are not whole */
    return NN_OK;
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
    int64_t step = -1, newest = INT64_MAX;
    char name[NN_CHECKPOINT_NAME];
    int rc = nn_checkpoint_list_read(&pool, scratch, &here);

    if (rc == NN_OK)
        rc = find_step(&pool, scratch, dir, &here, &step, &newest);
    if (rc == NN_OK && step >= 0)
        rc = take(scratch, dir, step);
    for (size_t i = 0; rc == NN_OK && i < here.count; i++) {
        const char *path =
            nn_pool_printf(&pool, "%s/%s", scratch, nn_checkpoint_name(here.step[i], name));
        if (path && here.step[i] != step && here.step[i] > newest)
            nn_warn(
                "'%s' is of a later step than all in '%s', but not whole, or written before them: "
                "the run does not go on from it, and it is left there",
                path, dir);
        else if (path && here.step[i] != step && unlink(path) < 0)
            nn_warn("cannot delete '%s': %s", path, nn_errno_text(errno));
    }
    if (rc == NN_OK)
        rc = nn_checkpoint_folder_sweep(scratch);
    nn_pool_release(&pool);
    return rc;
}
