#include "train/run/run_folder.h"

#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/checkpoint/checkpoint_folder.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

/* runs/<config>-<time>, with a number behind it where two runs begin in the same second. */
static int make_default(nn_pool *pool, nn_config *config, const char **dir) {
    const char *name = nn_config_name(config);
    time_t now = time(NULL);
    struct tm local;
    char stamp[32];

    NN_TRY(nn_dir_make("runs"));
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    for (int i = 1; i < 1000; i++) {
        *dir = i == 1 ? nn_pool_printf(pool, "runs/%s-%s", name, stamp)
                      : nn_pool_printf(pool, "runs/%s-%s-%d", name, stamp, i);
        if (!*dir)
            return NN_EMEMORY;
        if (mkdir(*dir, 0777) == 0)
            return NN_OK;
        if (errno != EEXIST)
            break;
    }
    return nn_fail(NN_EIO, "cannot make the run folder '%s': %s", *dir, nn_errno_text(errno));
}

int nn_run_folder_make(nn_pool *pool, nn_config *config, const char *dir, const char **out) {
    if (!dir)
        return make_default(pool, config, out);
    *out = nn_pool_strdup(pool, dir);
    if (!*out)
        return NN_EMEMORY;
    NN_TRY(nn_dir_make(dir));
    return NN_OK;
}

int nn_run_folder_refuse_used(nn_pool *pool, const char *dir) {
    static const char *const traces[] = {"config.yaml", "metrics.jsonl", "last.h5"};
    nn_checkpoint_list list;
    struct stat status;
    bool used;

    NN_TRY(nn_checkpoint_list_read(pool, dir, &list));
    used = list.count > 0;
    for (size_t i = 0; i < sizeof traces / sizeof *traces && !used; i++) {
        const char *path = nn_pool_printf(pool, "%s/%s", dir, traces[i]);
        if (!path)
            return NN_EMEMORY;
        used = lstat(path, &status) == 0; /* also a link that leads nowhere */
    }
    if (used)
        return nn_fail(NN_EUSAGE,
                       "the folder '%s' already holds a run; add --resume to go on with it, or "
                       "choose another folder (--run)",
                       dir);
    return NN_OK;
}
