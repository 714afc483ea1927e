#include "comm/node_buffer.h"

#include "base/mem.h"
#include "comm/shared_memory.h"

struct nn_node_buffer {
    nn_shared_memory memory;
};

int nn_node_buffer_new(nn_comm *comm, size_t bytes, nn_node_buffer **out) {
    nn_node_buffer *buffer = NULL;

    *out = NULL;
    NN_TRY(nn_comm_agree(comm, NN_NEW(&buffer, 1, "shared memory")));
    int rc = nn_shared_memory_open(comm, nn_comm_node_rank(comm) == 0 ? bytes : 0, &buffer->memory);
    if (rc < 0) {
        nn_free(buffer);
        return nn_error_frame(rc, __func__);
    }
    *out = buffer;
    return 0;
}

void *nn_node_buffer_data(const nn_node_buffer *buffer) {
    return nn_shared_memory_segment(&buffer->memory, 0);
}

void nn_node_buffer_free(nn_node_buffer *buffer) {
    if (!buffer)
        return;
    nn_shared_memory_close(&buffer->memory);
    nn_free(buffer);
}
