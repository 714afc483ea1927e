#include "comm/heartbeat.h"

#include "base/system/progress.h"
#include "comm/mpi_comm.h"

const char *nn_phase_name(nn_phase phase) {
    static const char *const names[] = {"planning",
                                        "reading the data set",
                                        "allocating",
                                        "start",
                                        "reading data",
                                        "forward",
                                        "back-propagation",
                                        "reporting",
                                        "evaluation",
                                        "comparing replicas",
                                        "saving a checkpoint",
                                        "the end"};
    return names[phase];
}

static void move(nn_heartbeat *mine) {
    atomic_fetch_add_explicit(&mine->moves, 1, memory_order_relaxed);
}

void nn_comm_at(nn_comm *comm, nn_phase phase) {
    if (!comm->heartbeat)
        return;
    atomic_store_explicit(&comm->heartbeat->phase, (int)phase, memory_order_relaxed);
    atomic_store_explicit(&comm->heartbeat->away, false, memory_order_relaxed);
    move(comm->heartbeat);
}

void nn_comm_away(nn_comm *comm) {
    nn_progress_target_set((nn_progress_target){NULL, NULL});
    if (comm->heartbeat)
        atomic_store_explicit(&comm->heartbeat->away, true, memory_order_relaxed);
}

void nn_comm_at_step(nn_comm *comm, int64_t step) {
    if (comm->heartbeat)
        atomic_store_explicit(&comm->heartbeat->step, step, memory_order_relaxed);
}

void nn_comm_waits(nn_comm *comm, bool waits) {
    if (!comm->heartbeat)
        return;
    atomic_fetch_add_explicit(&comm->heartbeat->waits, waits ? 1 : -1, memory_order_relaxed);
    move(comm->heartbeat);
}

uint64_t nn_comm_moves(const nn_comm *comm) {
    return comm->heartbeat ? atomic_load_explicit(&comm->heartbeat->moves, memory_order_relaxed)
                           : 0;
}
