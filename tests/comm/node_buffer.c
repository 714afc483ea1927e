/* ranks: 1 2 3 */
/* nodes: 2 */
/* Memory that a node holds once: what one rank writes, all ranks of the node read. */
#include "comm/node_buffer.h"

#include "check.h"

#define BYTES 100000

int main(void) {
    nn_comm *comm;
    nn_node_buffer *shared = NULL;

    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    int rank = nn_comm_node_rank(comm), size = nn_comm_node_size(comm);
    if (CHECK(nn_node_buffer_new(comm, BYTES, &shared) == 0)) {
        unsigned char *memory = nn_node_buffer_data(shared);
        for (int i = rank; i < BYTES; i += size)
            memory[i] = (unsigned char)(memory[i] + i % 251);
        CHECK(nn_comm_agree(comm, 0) == 0);
        for (int i = 0; i < BYTES; i++)
            CHECK_EQ_INT(memory[i], i % 251);
    }
    CHECK(nn_comm_agree(comm, 0) == 0);
    nn_node_buffer_free(shared);
    nn_comm_free(comm);
    return check_done();
}
