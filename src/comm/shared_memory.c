#define _GNU_SOURCE
#include "comm/shared_memory.h"

#include "base/mem.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "io/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

/* How a process of this machine finds the file of another, and knows that it is that file: where
 * ranks run in containers, the same number may be another process. */
struct place {
    int process, file;
    dev_t device;
    ino_t inode;
};

/* The parts follow each other in the order of the ranks. */
static int lay_out(nn_comm *comm, size_t bytes, nn_shared_memory *shared) {
    size_t *at = shared->at, sum = 0;
    at[comm->node_rank] = (bytes + PAGE - 1) / PAGE * PAGE;
    if (comm->node_size > 1)
        NN_TRY(nn_mpi_allgather(comm, comm->node, at, (int)sizeof *at));
    for (int p = 0; p <= comm->node_size; p++) {
        size_t part = p < comm->node_size ? at[p] : 0;
        at[p] = sum;
        sum += part;
    }
    return 0;
}

static int refuse(const nn_comm *comm, size_t bytes, const char *what, int error) {
    return nn_fail(NN_EMEMORY, "%zu MiB of memory cannot be shared by the ranks of %s: %s: %s",
                   bytes >> 20, comm->host, what, nn_errno_text(error));
}

static int make_file(const nn_comm *comm, size_t bytes, int *file) {
    *file = memfd_create("nnmpi", MFD_CLOEXEC);
    if (*file < 0)
        return refuse(comm, bytes, "memfd_create", errno);
    return ftruncate(*file, (off_t)bytes) == 0 ? 0 : refuse(comm, bytes, "ftruncate", errno);
}

static int open_file(const nn_comm *comm, size_t bytes, const struct place *place, int *file) {
    struct stat status;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", place->process, place->file);
    *file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0 || fstat(*file, &status) < 0)
        return refuse(comm, bytes, path, errno);
    if (status.st_dev != place->device || status.st_ino != place->inode)
        return refuse(comm, bytes, path, ENOENT);
    return 0;
}

/* Where this rank's file is. */
static int place_of(const nn_comm *comm, size_t bytes, int file, struct place *place) {
    struct stat status;
    if (fstat(file, &status) < 0)
        return refuse(comm, bytes, "fstat", errno);
    *place = (struct place){getpid(), file, status.st_dev, status.st_ino};
    return 0;
}

/* The others of the node learn where the first rank's file is, which is -1 where it has none. */
static int find_file(nn_comm *comm, int rc, size_t bytes, int *file) {
    struct place place = {.file = -1};
    if (rc == 0 && comm->node_rank == 0)
        rc = place_of(comm, bytes, *file, &place);
    if (comm->node_size > 1)
        NN_TRY(nn_mpi_bcast(comm, comm->node, &place, sizeof place, 0));
    if (comm->node_rank == 0)
        return rc;
    if (place.file < 0)
        return nn_fail(NN_EMEMORY, "the first rank of %s has no memory to share", comm->host);
    return open_file(comm, bytes, &place, file);
}

static int map(const nn_comm *comm, int file, size_t bytes, nn_shared_memory *shared) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        return refuse(comm, bytes, "mmap", errno);
    shared->memory = memory;
    return 0;
}

/* `file` is to be closed when all have mapped it. */
static int map_one_file(nn_comm *comm, nn_shared_memory *shared, int *file) {
    size_t bytes = shared->at[comm->node_size];
    int rc = comm->node_rank == 0 ? make_file(comm, bytes, file) : 0;
    NN_TRY(find_file(comm, rc, bytes, file));
    return map(comm, *file, bytes, shared);
}

int nn_shared_memory_open(nn_comm *comm, size_t bytes, nn_shared_memory *shared) {
    int file = -1;
    *shared = (nn_shared_memory){.ranks = (size_t)comm->node_size};
    int rc = nn_comm_agree(comm, NN_NEW(&shared->at, shared->ranks + 1, "shared memory"));
    if (rc == 0)
        rc = nn_comm_agree(comm, lay_out(comm, bytes + 1, shared));
    if (rc == 0)
        rc = nn_comm_agree(comm, map_one_file(comm, shared, &file));
    if (file >= 0)
        close(file);
    if (rc < 0)
        nn_shared_memory_close(shared);
    return rc;
}

void *nn_shared_memory_segment(const nn_shared_memory *shared, int node_rank) {
    return shared->memory + shared->at[node_rank];
}

void nn_shared_memory_close(nn_shared_memory *shared) {
    if (shared->memory)
        munmap(shared->memory, shared->at[shared->ranks]);
    shared->memory = NULL;
    nn_free(shared->at);
    shared->at = NULL;
}
