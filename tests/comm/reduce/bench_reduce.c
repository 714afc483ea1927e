/* ranks: 1 2 3 */
/* nodes: 2 */
/* Both ways are timed; with arguments (sizes in KiB) prints what it finds. */
#include "check.h"
#include "comm/reduce/bench.h"

#include <stdlib.h>

int main(int argc, char **argv) {
    nn_comm *comm;
    nn_reduce_speed speed = {0};
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    CHECK_EQ_INT(nn_bench_reduce(comm, 65536, 0.01, &speed), 0);
    CHECK_EQ_INT(speed.bytes, 65536);
    CHECK(speed.allreduce_s > 0);
    CHECK_EQ_INT(
        speed.node_s > 0,
        nn_reduce_plan_of(&(nn_reduce_spec){.comm = comm, .choice = NN_REDUCE_AUTO}).choice ==
            NN_REDUCE_NODE);
    for (int i = 1; i < argc; i++) {
        CHECK_EQ_INT(nn_bench_reduce(comm, strtoul(argv[i], NULL, 10) << 10, 0.5, &speed), 0);
        if (nn_comm_rank(comm) == 0)
            printf("%8zu KiB  allreduce %9.1f us %6.2f GB/s   node %9.1f us %6.2f GB/s\n",
                   speed.bytes >> 10, 1e6 * speed.allreduce_s,
                   1e-9 * (double)speed.bytes / speed.allreduce_s, 1e6 * speed.node_s,
                   1e-9 * (double)speed.bytes / speed.node_s);
    }
    nn_comm_free(comm);
    return check_done();
}
