/* System calls on open files. They return 0 or an errno value, so that cleaning up cannot overwrite
 * it, and go on after EINTR. */
#ifndef NN_IO_FILES_DESCRIPTOR_H
#define NN_IO_FILES_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

/* `mode` is for files that are made. */
int nn_descriptor_open(const char *path, int flags, mode_t mode, int *fd);
int nn_descriptor_sync(int fd);
int nn_descriptor_close(int fd);
/* All of it. */
int nn_descriptor_write(int fd, const char *bytes, size_t count);
/* Locks the whole file, which is open for writing, without waiting; EAGAIN: somebody else has it.
 * The lock is fcntl's, of the open file description (Linux): NFS and Lustre pass it to their
 * servers, it excludes within a process too, and closing another descriptor of the file does not
 * lose it. */
int nn_descriptor_lock(int fd);

/* What stands at `path`, opened with `flags`, comes to the disk. */
int nn_path_sync(const char *path, int flags);
/* Makes the names in the folder that holds `path` durable. A folder that may be written but not
 * read, or a file system that cannot sync folders, gives no means to do it: not an error. */
int nn_path_sync_folder(const char *path);

#endif
