/* Folders, and the room on the disk they are on. */
#ifndef NN_IO_FILES_FOLDER_H
#define NN_IO_FILES_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

/* mkdir -p. NN_EIO names the part that failed and why. */
int nn_dir_make(const char *path);

bool nn_is_folder(const char *path);

/* Bytes free to this user on the file system that holds `path` (or its nearest existing parent). */
int nn_disk_free(const char *path, uint64_t *bytes);

#endif
