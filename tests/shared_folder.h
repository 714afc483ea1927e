/* A trash folder that all ranks of a test work in. */
#ifndef NN_TESTS_SHARED_FOLDER_H
#define NN_TESTS_SHARED_FOLDER_H

#include "calls.h"
#include "comm/comm.h"

#include <stdlib.h>
#include <unistd.h>

struct shared_folder {
    char path[64];
};

/* Goes there; false: it cannot. Collective. */
static inline bool shared_folder_enter(struct shared_folder *f, nn_comm *comm) {
    *f = (struct shared_folder){"/tmp/nnmpi-shared.XXXXXX"};
    if (nn_comm_rank(comm) == 0)
        CHECK(mkdtemp(f->path) != NULL);
    WORKS(nn_comm_bcast(comm, f->path, sizeof f->path));
    return CHECK(chdir(f->path) == 0);
}

/* Removes it when all ranks are done. Collective. */
static inline void shared_folder_leave(const struct shared_folder *f, nn_comm *comm) {
    char command[sizeof f->path + 16];
    WORKS(nn_comm_agree(comm, 0));
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    CHECK(nn_comm_rank(comm) > 0 || (chdir("/") == 0 && system(command) == 0));
}

#endif
