#include "dist/window.h"

#include "dist/messages.h"

#include <string.h>
#include <sys/statvfs.h>

#define PAGE ((size_t)4096)
#define BACKING "/dev/shm" /* where Open MPI puts windows */

/* A file system that is full kills who writes to the window, so it is looked at before. */
static int check_space(const nn_comm *comm, size_t bytes) {
    unsigned long long needed = bytes + PAGE;
    struct statvfs disk;
    NN_TRY_MPI(nn_mpi_allreduce(comm, comm->machine, &needed, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM),
               "MPI_Allreduce");
    if (statvfs(BACKING, &disk) != 0)
        return 0; /* not the system's way: MPI will say */
    unsigned long long available = (unsigned long long)disk.f_bavail * disk.f_frsize;
    if (available >= needed)
        return 0;
    return nn_fail(NN_EMEMORY,
                   "shared memory for the ranks of %s: %llu MiB are needed, " BACKING " has %llu",
                   comm->host, needed >> 20, available >> 20);
}

static int allocate(const nn_comm *comm, size_t bytes, nn_window *window) {
    MPI_Info info = MPI_INFO_NULL;
    void *mine;
    int rc;
    NN_TRY_MPI(MPI_Info_create(&info), "MPI_Info_create");
    MPI_Info_set(info, "alloc_shared_noncontig", "true");
    rc = nn_mpi_check(
        MPI_Win_allocate_shared((MPI_Aint)(bytes + PAGE), 1, info, comm->node, &mine, &window->win),
        "MPI_Win_allocate_shared");
    MPI_Info_free(&info);
    if (rc < 0)
        return rc;
    window->open = true;
    if (comm->node_size == 1) /* then it comes from malloc; else from new pages, which are zero */
        memset(mine, 0, bytes + PAGE);
    NN_TRY_MPI(MPI_Win_lock_all(MPI_MODE_NOCHECK, window->win), "MPI_Win_lock_all");
    return 0;
}

int nn_window_open(nn_comm *comm, size_t bytes, nn_window *window) {
    window->open = false;
    NN_TRY(nn_comm_agree(comm, check_space(comm, bytes)));
    return nn_comm_agree(comm, allocate(comm, bytes, window));
}

void *nn_window_part(const nn_window *window, int node_rank) {
    MPI_Aint bytes;
    void *part;
    int unit;
    MPI_Win_shared_query(window->win, node_rank, &bytes, &unit, &part);
    return (void *)(((uintptr_t)part + PAGE - 1) / PAGE * PAGE);
}

void nn_window_close(nn_window *window, bool broken) {
    if (!window->open || broken)
        return;
    MPI_Win_unlock_all(window->win);
    MPI_Win_free(&window->win);
    window->open = false;
}
