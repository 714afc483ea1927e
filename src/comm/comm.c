#include "comm/comm.h"

#include "base/error.h"
#include "comm/mpi_comm.h"

#include <stdio.h>

void nn_comm_give_up(nn_comm *comm) {
    if (!comm->broken)
        snprintf(comm->failure, sizeof comm->failure, "%s", nn_error_message());
    comm->broken = true;
}

bool nn_comm_has_threads(const nn_comm *comm) {
    return comm->threads;
}

int nn_comm_check(const nn_comm *comm) {
    return comm->broken ? nn_fail(NN_ERANK, "%s", comm->failure) : 0;
}

nn_failed nn_comm_failed(const nn_comm *comm, int rc) {
    if (comm->broken)
        return comm->told ? NN_FAILED_OTHER : NN_FAILED_THIS;
    return comm->agreed == rc ? NN_FAILED_ALL : NN_FAILED_THIS;
}

int nn_comm_rank(const nn_comm *comm) {
    return comm->rank;
}

int nn_comm_size(const nn_comm *comm) {
    return comm->size;
}

int nn_comm_node_rank(const nn_comm *comm) {
    return comm->node_rank;
}

int nn_comm_node_size(const nn_comm *comm) {
    return comm->node_size;
}

int nn_comm_nodes(const nn_comm *comm) {
    return comm->nodes;
}

bool nn_comm_on_first_node(const nn_comm *comm) {
    return comm->first_node;
}

const char *nn_comm_host(const nn_comm *comm) {
    return comm->host;
}
