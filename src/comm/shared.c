#include "comm/shared.h"

#include "base/mem.h"
#include "comm/shared_memory.h"

struct nn_shared {
    nn_window window;
};

int nn_shared_new(nn_comm *comm, size_t bytes, nn_shared **out) {
    nn_shared *shared = NULL;

    *out = NULL;
    NN_TRY(nn_comm_agree(comm, NN_NEW(&shared, 1, "shared memory")));
    int rc = nn_window_open(comm, nn_comm_node_rank(comm) == 0 ? bytes : 0, &shared->window);
    if (rc < 0) {
        nn_free(shared);
        return nn_error_frame(rc, __func__);
    }
    *out = shared;
    return 0;
}

void *nn_shared_memory(const nn_shared *shared) {
    return nn_window_part(&shared->window, 0);
}

void nn_shared_free(nn_shared *shared) {
    if (!shared)
        return;
    nn_window_close(&shared->window);
    nn_free(shared);
}
