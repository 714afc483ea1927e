/* One process at a time has a run folder: the file `lock` in it. */
#ifndef NN_TRAIN_RUN_LOCK_H
#define NN_TRAIN_RUN_LOCK_H

#include <stdbool.h>

/* Locks `dir`/lock and writes into it who has it: host, process and time. Where another process has
 * it, waits `seconds` for that to end. *fd is the open file, to be handed to nn_lock_release. On a
 * file system without locks goes on with a warning. NN_EUSAGE names who has the folder; NN_EIO.
 * Local. */
int nn_lock_take(const char *dir, double seconds, int *fd);

/* Empties the file and gives it up; -1 is fine. */
void nn_lock_release(int fd);

#endif
