#include "dist/reduce.h"

#include "base/clock.h"
#include "base/mem.h"
#include "dist/mpi_comm.h"

/* Elements of a piece: 1 MiB. Within a node longer calls are bound by memory (a half of the rate at
 * 64 MiB), shorter ones by the start of each call between nodes. */
#define PIECE ((size_t)(1 << 20) / sizeof(nn_real))

struct nn_reducer {
    nn_comm *comm;
    nn_real *grads;
    size_t n;
    size_t left; /* [0, left) is still to be summed in this step */
    int rc;      /* of the first failure in this step */
    double seconds;
};

int nn_reducer_new(nn_comm *comm, nn_real *grads, size_t n, nn_reducer **out) {
    nn_reducer *reducer;
    *out = NULL;
    NN_TRY(NN_NEW(&reducer, 1, "gradient reducer"));
    reducer->comm = comm;
    reducer->grads = grads;
    reducer->n = reducer->left = n;
    *out = reducer;
    return 0;
}

void nn_reducer_free(nn_reducer *reducer) {
    nn_free(reducer);
}

/* Sums the last `count` elements of what is left. */
static void sum_tail(nn_reducer *r, size_t count) {
    r->left -= count;
    if (r->rc == 0)
        r->rc = nn_mpi_check(MPI_Allreduce(MPI_IN_PLACE, r->grads + r->left, (int)count,
                                           NN_MPI_REAL, MPI_SUM, r->comm->world),
                             "MPI_Allreduce of gradients");
}

/* Pieces are counted from the end of the vector, where back-propagation starts, so that their
 * bounds do not depend on how the layers report: all ranks make the same calls. Blocking calls,
 * because MPI_Iallreduce with polling has been measured to cost more than it hides. */
void nn_reducer_ready(void *reducer, size_t begin) {
    nn_reducer *r = reducer;
    if (nn_comm_size(r->comm) == 1 || r->left < begin + PIECE)
        return;
    double start = nn_seconds();
    while (r->left >= begin + PIECE)
        sum_tail(r, PIECE);
    r->seconds += nn_seconds() - start;
}

int nn_reducer_finish(nn_reducer *reducer) {
    nn_reducer_ready(reducer, 0);
    if (nn_comm_size(reducer->comm) > 1 && reducer->left > 0) {
        double start = nn_seconds();
        sum_tail(reducer, reducer->left);
        reducer->seconds += nn_seconds() - start;
    }
    int rc = reducer->rc;
    reducer->left = reducer->n;
    reducer->rc = 0;
    return rc < 0 ? nn_error_frame(rc, __func__) : 0;
}

double nn_reducer_seconds(nn_reducer *reducer) {
    double seconds = reducer->seconds;
    reducer->seconds = 0;
    return seconds;
}
