/* Temporary files: what a file is called while it is being written, until it is whole. Who writes
 * one holds a lock on it, which ends with the process however that ends; so what a process that was
 * killed has left can be told from what another one is writing. All is local, from any thread. */
#ifndef NN_IO_FILES_TEMPORARY_H
#define NN_IO_FILES_TEMPORARY_H

#include "base/mem.h"

#include <sys/types.h>

/* A name that is not in use, under which a file that is to become `path` is written, in the same
 * folder: "<path>.<8 letters>.tmp", owned by `pool`. Who makes the file refuses what stands there
 * already. */
char *nn_file_temporary(nn_pool *pool, const char *path);
/* Does a name look like one of these? */
bool nn_file_is_temporary(const char *name);

/* Makes a file of such a name, open for writing, once what processes that have ended left of `path`
 * is deleted; *temporary is owned by `pool`. NN_EIO. */
int nn_temporary_make(nn_pool *pool, const char *path, mode_t mode, char **temporary, int *fd);
/* It has got the name `path`, which may be that of another temporary file: that is held, too. */
void nn_temporary_renamed(const char *temporary, const char *path);
/* Deletes it; errno stays. */
void nn_temporary_discard(const char *temporary);

/* Another file or folder that is to go when a signal ends the process; and one that is gone. */
void nn_temporary_note(const char *path);
void nn_temporary_forget(const char *path);

/* Before a signal ends the process: deletes all that are held or noted, the newest first; from now
 * on none can be made. `name` is the file that was to become of the oldest that was there, cut
 * where it does not fit; false: there was none but those that were noted. */
bool nn_temporaries_remove(char *name, size_t size);

/* Deletes the temporary files in the folder `dir` whose names begin with one of these, and whose
 * process has ended. Where the folder is this process's alone (`owned`), also those of which that
 * cannot be known, and links. NN_EIO where it cannot be listed. */
int nn_temporaries_sweep(const char *dir, const char *const *begin, size_t count, bool owned);

#endif
