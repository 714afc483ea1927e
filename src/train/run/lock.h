/* One process at a time has a run folder: the file `lock` in it. */
#ifndef NN_TRAIN_RUN_LOCK_H
#define NN_TRAIN_RUN_LOCK_H

/* Locks `dir`/lock and writes into it who has it (owner.h). The lock is fcntl's, of the open file
 * description (Linux): NFS and Lustre pass it to their servers, it excludes within a process too,
 * and closing another descriptor of the file does not lose it.
 *
 * Where another process has the folder, waits `seconds` for that to end. Another process has it
 * when it holds the lock, and also when it is alive, on this host, and named in the file: then the
 * file system has no locks or grants one twice, which is said. An owner that has ended is none.
 * Where the file system has no locks or they do not exclude, goes on with a warning. *fd is the
 * open file, to be passed to nn_lock_release. NN_EBUSY names who has the folder; NN_EUSAGE where
 * the file is none of ours; NN_EIO. Local. */
int nn_lock_acquire(const char *dir, double seconds, int *fd);

/* Whether `dir`/lock is still the file that is locked, or the folder is gone: else it was made
 * anew, or the lock deleted, and another run may be in it. NN_EBUSY; NN_EIO where it cannot be
 * looked at. Local. */
int nn_lock_check(const char *dir, int fd);

/* Empties the file and gives it up; -1 is fine. */
void nn_lock_release(int fd);

#endif
