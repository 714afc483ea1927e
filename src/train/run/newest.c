#include "train/run/newest.h"

#include "io/files/file.h"
#include "train/checkpoint/checkpoint_folder.h"

#include <stdio.h>
#include <unistd.h>

static int try_candidate(nn_newest *s, const char *path) {
    nn_snapshot peeked = {0};
    int rc = nn_checkpoint_peek(path, &s->pool, &peeked);

    if (rc == NN_EMEMORY || rc == NN_EIO) /* it could not be looked at, and may be whole */
        return rc;
    s->tried++;
    if (rc == NN_OK) {
        s->found = path;
        s->data = peeked.data;
        s->link = peeked.link;
    } else if (s->tried == 1) {
        snprintf(s->refused, sizeof s->refused, "%s", nn_error_message());
    }
    return NN_OK;
}

/* The step of the checkpoint that last.h5 is a link to, -1 when it is none. */
static int64_t linked_step(const char *last) {
    char target[256];
    ssize_t length = readlink(last, target, sizeof target - 1);

    if (length < 0)
        return -1;
    target[length] = '\0';
    return nn_checkpoint_step(target);
}

int nn_newest_find(nn_newest *out, const char *dir, const char *newer) {
    const char *path = nn_pool_printf(&out->pool, "%s/last.h5", dir);
    int64_t linked;
    nn_checkpoint_list list;
    char name[NN_CHECKPOINT_NAME];

    if (!path)
        return NN_EMEMORY;
    if (newer)
        NN_TRY(try_candidate(out, newer));
    linked = linked_step(path);
    if (nn_file_exists(path) && !out->found)
        NN_TRY(try_candidate(out, path));
    NN_TRY(nn_checkpoint_list_read(&out->pool, dir, &list));
    for (size_t i = 0; i < list.count && !out->found; i++) {
        if (list.step[i] == linked)
            continue;
        path = nn_pool_printf(&out->pool, "%s/%s", dir, nn_checkpoint_name(list.step[i], name));
        if (!path)
            return NN_EMEMORY;
        NN_TRY(try_candidate(out, path));
    }
    if (out->found)
        nn_error_clear(); /* nn_run_resume warns of it */
    return NN_OK;
}

void nn_newest_release(nn_newest *newest) {
    nn_pool_release(&newest->pool);
    *newest = (nn_newest){0};
}
