/* Files that survive: durable replacement (temporary name, fsync, rename, fsync of the folder). */
#ifndef NN_IO_FILES_FILE_H
#define NN_IO_FILES_FILE_H

#include "base/mem.h"
#include "io/files/temporary.h"

/* strerror(error) in words that say what to do: ENOSPC becomes "the disk is full (...)". */
const char *nn_errno_text(int error);

bool nn_file_exists(const char *path);

/* Publishes: fsync of `temporary`, rename to `path`, fsync of the folder. On failure the temporary
 * file is removed and whatever stood at `path` still does (or, when only the last fsync failed, the
 * whole new file, which a power cut may yet undo). NN_EIO. */
int nn_file_publish(const char *temporary, const char *path);

/* Begins to replace the file that the user calls `path`. *target: that name, or where it is a
 * symbolic link, the file it leads to, which nn_file_publish takes. *temporary: an empty file
 * beside it with the owner, group and mode of the old one, made before anything is written into it;
 * where owner or group cannot be kept, nobody else may do more than before. Without an old one it
 * has the mode of `like`, as copies have, or of any new file (NULL). Both owned by `pool`;
 * *temporary is NULL after a failure: NN_EUSAGE when the file has several names (hard links),
 * NN_EIO. */
int nn_file_replace(nn_pool *pool, const char *path, const char *like, const char **target,
                    char **temporary);

/* What a file that the user calls `path` is written over: that name, or where it is a symbolic
 * link, the file it leads to; owned by `pool`. Refuses what nn_file_replace does, and NN_EUSAGE
 * where it is one of the files `other` (NULL among them: none), by its name or as the system knows
 * it. */
int nn_file_target(nn_pool *pool, const char *path, const char *const *other, size_t others,
                   const char **target);
/* Refuses `out`, a file to write, where it is the file or folder `read` itself, by whatever name.
 * NN_EUSAGE. */
int nn_file_spare(const char *out, const char *read);
/* Begins a file that nn_file_publish is to put at `path`: *temporary, owned by `pool`, is empty,
 * has the owner, group and mode of what stands there, and is open for writing. NN_EIO. */
int nn_file_begin(nn_pool *pool, const char *path, char **temporary, int *fd);

/* Writes a whole file durably; owner, group and mode stay. */
int nn_file_write(const char *path, const char *text, size_t length);
/* The same, of bytes that stand in several places. */
typedef struct nn_piece {
    const void *bytes;
    size_t count;
} nn_piece;
int nn_file_write_pieces(const char *path, const nn_piece *piece, size_t pieces);

/* Points symbolic links of one folder at `target` (a name in it), each atomically; they are made
 * durable together. */
int nn_symlinks_publish(const char *target, const char *const *path, size_t count);

/* Is `path` a regular file? `code` says why not: pipes and devices may never end. */
int nn_file_check(const char *path, int code);

/* Reads a whole regular file; owned by `pool`, followed by a NUL. NN_EIO. */
int nn_file_read(nn_pool *pool, const char *path, char **text, size_t *length);
/* The same, and NN_EIO when it has more than `limit` bytes. */
int nn_file_read_below(nn_pool *pool, const char *path, int64_t limit, char **text, size_t *length);

/* Copies a regular file byte by byte into one that nn_file_replace has made. NN_EIO; where that was
 * empty it is then removed. */
int nn_file_copy(const char *from, const char *to);

#endif
