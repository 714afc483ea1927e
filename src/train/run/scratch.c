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

/* What there is to go on from in a scratch folder and the run folder that it belongs to. */
typedef struct found {
    nn_checkpoint_list here; /* in the scratch folder */
    bool is_run;             /* the run folder has a checkpoint or a configuration */
    int64_t newest;          /* step that it has; -1: none */
    int64_t step;            /* of the one that it should have; -1: none */
} found;

/* Seconds and steps may disagree where a run was resumed elsewhere from an earlier step: then what
 * stands here was abandoned. Where the run folder has neither a checkpoint nor a configuration, it
 * is of a folder of that name which is no more. */
static int look(nn_pool *pool, const char *scratch, const char *dir, found *f) {
    const time_t never = -1;
    nn_checkpoint_list there;
    char name[NN_CHECKPOINT_NAME];
    time_t saved = never;

    *f = (found){.newest = -1, .step = -1};
    NN_TRY(nn_checkpoint_list_read(pool, scratch, &f->here));
    NN_TRY(nn_checkpoint_list_read(pool, dir, &there));
    NN_TRY(find_time(nn_pool_printf(pool, "%s/config.yaml", dir), &saved));
    NN_TRY(find_time(nn_pool_printf(pool, "%s/last.h5", dir), &saved));
    f->is_run = saved != never;
    if (there.count)
        f->newest = there.step[0];
    for (size_t i = 0; f->is_run && f->step < 0 && i < f->here.count; i++) {
        int64_t step = f->here.step[i];
        const char *path = nn_pool_printf(pool, "%s/%s", scratch, nn_checkpoint_name(step, name));
        time_t written = never;
        NN_TRY(find_time(path, &written));
        if (step > f->newest && written >= saved && nn_trailer_check(path) == NN_OK)
            f->step = step;
    }
    nn_error_clear(); /* of those that are not whole */
    return NN_OK;
}

int nn_scratch_find(nn_pool *pool, const char *scratch, const char *dir, const char **path) {
    char name[NN_CHECKPOINT_NAME];
    found f;

    *path = NULL;
    NN_TRY(look(pool, scratch, dir, &f));
    if (f.step < 0)
        return NN_OK;
    *path = nn_pool_printf(pool, "%s/%s", scratch, nn_checkpoint_name(f.step, name));
    return *path ? NN_OK : NN_EMEMORY;
}

static int take(const char *scratch, const char *dir, int64_t step) {
    char name[NN_CHECKPOINT_NAME], path[PATH_MAX];
    const char *const last = path;

    snprintf(path, sizeof path, "%s/last.h5", dir);
    NN_TRY(nn_scratch_move(scratch, dir, nn_checkpoint_name(step, name)));
    nn_info("%s was still in '%s' (checkpoint.stage)", name, scratch);
    return nn_symlinks_publish(name, &last, 1);
}

/* What is not taken: of an earlier step than what the run folder has, or of no run. */
static void leave(const char *scratch, const char *dir, const found *f, int64_t step) {
    char path[PATH_MAX], name[NN_CHECKPOINT_NAME];

    snprintf(path, sizeof path, "%s/%s", scratch, nn_checkpoint_name(step, name));
    if (f->is_run && step > f->newest)
        nn_warn("'%s' is of a later step than all in '%s', but not whole, or written before them: "
                "the run does not go on from it, and it is left there",
                path, dir);
    else if (unlink(path) < 0)
        nn_warn("cannot delete '%s': %s", path, nn_errno_text(errno));
}

int nn_scratch_recover(const char *scratch, const char *dir) {
    nn_pool pool = {0};
    found f;
    int rc = look(&pool, scratch, dir, &f);

    if (rc == NN_OK && f.step >= 0)
        rc = take(scratch, dir, f.step);
    for (size_t i = 0; rc == NN_OK && i < f.here.count; i++)
        if (f.here.step[i] != f.step)
            leave(scratch, dir, &f, f.here.step[i]);
    if (rc == NN_OK)
        rc = nn_checkpoint_folder_sweep(scratch);
    nn_pool_release(&pool);
    return rc;
}
