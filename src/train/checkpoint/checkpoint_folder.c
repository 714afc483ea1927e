#include "train/checkpoint/checkpoint_folder.h"

#include "base/log.h"
#include "io/files/file.h"
#include "io/files/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *nn_checkpoint_name(int64_t step, char name[NN_CHECKPOINT_NAME]) {
    snprintf(name, NN_CHECKPOINT_NAME, "checkpoint-%" PRId64 ".h5", step);
    return name;
}

int64_t nn_checkpoint_step(const char *name) {
    char same[NN_CHECKPOINT_NAME];
    int64_t step;

    if (sscanf(name, "checkpoint-%18" SCNd64, &step) != 1 || step < 0)
        return -1;
    return strcmp(nn_checkpoint_name(step, same), name) == 0 ? step : -1;
}

static bool is_regular(int folder, const char *name) {
    struct stat status;

    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

static int push(nn_pool *pool, nn_checkpoint_list *list, int64_t step) {
    NN_TRY(NN_GROW(pool, &list->step, list->count, &list->capacity));
    list->step[list->count++] = step;
    return NN_OK;
}

static int falling(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

int nn_checkpoint_list_read(nn_pool *pool, const char *dir, nn_checkpoint_list *list) {
    DIR *folder = opendir(dir);
    int rc = NN_OK;

    *list = (nn_checkpoint_list){0};
    if (!folder)
        return nn_fail(NN_EIO, "cannot list the run folder '%s': %s", dir, nn_errno_text(errno));
    for (struct dirent *item; rc == NN_OK && (item = readdir(folder)) != NULL;) {
        int64_t step = nn_checkpoint_step(item->d_name);
        if (step >= 0 && is_regular(dirfd(folder), item->d_name))
            rc = push(pool, list, step);
    }
    closedir(folder);
    if (list->count)
        qsort(list->step, list->count, sizeof *list->step, falling);
    return rc;
}

int nn_checkpoint_pick(nn_pool *pool, const char *path, const char **file) {
    static const char *const names[] = {"best.h5", "last.h5"};
    const char *slash = path[0] && path[strlen(path) - 1] == '/' ? "" : "/";

    *file = path;
    if (!nn_is_folder(path))
        return NN_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *file = nn_pool_printf(pool, "%s%s%s", path, slash, names[i]);
        if (!*file)
            return NN_EMEMORY;
        if (!nn_file_exists(*file))
            continue;
        nn_info("'%s' is a run folder: taking its %s checkpoint, %s", path,
                i == 0 ? "best" : "last", *file);
        return NN_OK;
    }
    return nn_fail(NN_EFORMAT, "the folder '%s' holds no checkpoint (neither best.h5 nor last.h5)",
                   path);
}

static void delete_one(const char *dir, int64_t step) {
    char path[4096], name[NN_CHECKPOINT_NAME];

    snprintf(path, sizeof path, "%s/%s", dir, nn_checkpoint_name(step, name));
    if (unlink(path) < 0 && errno != ENOENT)
        nn_warn("cannot delete '%s': %s", path, nn_errno_text(errno));
}

/* Temporaries of others in the folder are not the run's. */
int nn_checkpoint_folder_sweep(const char *dir) {
    static const char *const files[] = {"checkpoint-",  "last.h5.",       "best.h5.",
                                        "config.yaml.", "metrics.jsonl.", "report.html.",
                                        "trace.json."};

    return nn_temporaries_sweep(dir, files, sizeof files / sizeof *files, true);
}

int nn_checkpoint_folder_prune(const char *dir, int64_t step, int64_t best, int64_t keep) {
    nn_pool pool = {0};
    nn_checkpoint_list list;
    int rc = nn_checkpoint_list_read(&pool, dir, &list);
    int64_t kept = 0;

    for (size_t i = 0; rc == NN_OK && i < list.count; i++) {
        bool stale = list.step[i] > step;
        if (!stale && kept < keep)
            kept++;
        else if (list.step[i] != best)
            delete_one(dir, list.step[i]);
    }
    nn_pool_release(&pool);
    return rc;
}
