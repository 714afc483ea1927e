/* ranks: 2 */
/* nodes: 2 */
/* A reducer that is freed after a failure of MPI: what other nodes still send comes to memory that
 * is nobody else's. */
#include "base/system/clock.h"
#include "check.h"
#include "comm/comm.h"
#include "comm/reduce/backend.h"
#include "comm/reduce/reduce.h"

/* Elements: their memory goes back to the system when it is freed. */
enum { N = 1 << 20 };

static bool begin_step(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    (void)ctx, (void)slice, (void)g;
}

static const nn_reduce_ops ops = {.begin_step = begin_step, .step = take_step};

static void fail_and_free(nn_comm *comm, nn_reducer *reducer) {
    nn_fail(NN_ERANK, "a cable is cut");
    nn_comm_give_up(comm);
    nn_reducer_free(reducer);
}

/* Messages move; UCX, which MPICH may have, does not end while one is half there. */
static void look_around(void) {
    int is_one;
    for (double end = nn_seconds() + 0.3; nn_seconds() < end;)
        MPI_Iprobe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &is_one, MPI_STATUS_IGNORE);
}

/* The first rank fails; the other one then sends what is expected there. */
static void test_free(nn_comm *comm) {
    nn_reduce_spec spec = {
        .comm = comm, .choice = NN_REDUCE_NODE, .n = N, .vectors = 1, .ops = &ops};
    static nn_reducer *r; /* its memory is never freed */
    if (!CHECK_EQ_INT(nn_reducer_new(&spec, &r), 0))
        return;
    nn_reducer_open(r, 0);
    MPI_Barrier(MPI_COMM_WORLD);
    if (nn_comm_rank(comm) == 0)
        fail_and_free(comm, r);
    MPI_Barrier(MPI_COMM_WORLD);
    if (nn_comm_rank(comm) == 1)
        nn_reducer_ready(r, 0);
    look_around();
    MPI_Barrier(MPI_COMM_WORLD);
    if (nn_comm_rank(comm) == 1)
        fail_and_free(comm, r);
}

/* Of LeakSanitizer, where there is one: communicators are left behind. */
__attribute__((weak)) void __lsan_disable(void);

int main(void) {
    nn_comm *comm;
    if (__lsan_disable)
        __lsan_disable();
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    if (nn_comm_nodes(comm) > 1)
        test_free(comm);
    MPI_Finalize();
    nn_comm_free(comm);
    return check_done();
}
