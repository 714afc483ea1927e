/* What a failed write may not leave behind. */
#ifndef NN_TESTS_TRAIN_CHECKPOINT_LITTER_H
#define NN_TESTS_TRAIN_CHECKPOINT_LITTER_H

#include "io/files/file.h"

#include <dirent.h>

/* Files with temporary names in a folder; -1: it cannot be read. */
static inline int temporary_files(const char *path) {
    DIR *folder = opendir(path);
    int count = folder ? 0 : -1;

    for (struct dirent *item; folder && (item = readdir(folder)) != NULL;)
        count += nn_file_is_temporary(item->d_name);
    if (folder)
        closedir(folder);
    return count;
}

#endif
