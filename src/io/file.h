/* Files that survive: durable replacement (temporary name, fsync, rename, fsync of the folder). */
#ifndef NN_IO_FILE_H
#define NN_IO_FILE_H

#include "base/mem.h"

/* strerror(error) in words that say what to do: ENOSPC becomes "the disk is full (...)". */
const char *nn_errno_text(int error);

/* mkdir -p. NN_EIO names the part that failed and why. */
int nn_dir_make(const char *path);

bool nn_file_exists(const char *path);
bool nn_is_folder(const char *path);

/* The temporary name under which a file that is to become `path` is written, in the same folder;
 * owned by `pool`. */
char *nn_file_temporary(nn_pool *pool, const char *path);

/* Publishes: fsync of `temporary`, rename to `path`, fsync of the folder. On failure the temporary
 * file is removed and whatever stood at `path` still does (or, when only the last fsync failed, the
 * whole new file, which a power cut may yet undo). NN_EIO. */
int nn_file_publish(const char *temporary, const char *path);

/* Writes a whole small file durably. */
int nn_file_write(const char *path, const char *text, size_t length);

/* Points symbolic links of one folder at `target` (a name in it), each atomically; they are made
 * durable together. */
int nn_links_publish(const char *target, const char *const *path, size_t count);

/* Bytes free to this user on the file system that holds `path` (or its nearest existing parent). */
int nn_disk_free(const char *path, uint64_t *bytes);

/* Reads a whole file; owned by `pool`, followed by a NUL. NN_EIO. */
int nn_file_read(nn_pool *pool, const char *path, char **text, size_t *length);

#endif
