/* ranks: 4 */
/* nodes: 2 */
/* A message that has gone may still stand in the memory of MPI, which moves it when it is called
 * (UCX over TCP: when the socket takes more). It comes to the other node, too, when its sender has
 * ended the pass and waits for its own node, where it does not call MPI. */
#include "base/system/clock.h"
#include "check.h"
#include "comm/comm.h"
#include "comm/reduce/reduce.h"

#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { N = 4096, PASSES = 3, SENDER = 1, MOST = 64 };

/* What MPI has taken from this rank and not sent: for so long the socket takes nothing. */
#define FULL_S 0.03
struct message {
    char bytes[N * sizeof(nn_real)];
    int count, to, tag;
    MPI_Comm comm;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct message held[MOST];
static size_t holds;
static double since;
static atomic_bool is_slow;

int MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request) {
    if (!is_slow || type != MPI_BYTE || count > (int)sizeof held->bytes)
        return PMPI_Isend(bytes, count, type, to, tag, comm, request);
    pthread_mutex_lock(&lock);
    struct message *m = &held[holds++];
    memcpy(m->bytes, bytes, (size_t)count);
    m->count = count;
    m->to = to;
    m->tag = tag;
    m->comm = comm;
    since = nn_seconds();
    pthread_mutex_unlock(&lock);
    return PMPI_Isend(bytes, 0, type, MPI_PROC_NULL, tag, comm, request);
}

static void move_on(void) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < holds && nn_seconds() > since + FULL_S; i++) {
        const struct message *m = &held[i];
        PMPI_Send(m->bytes, m->count, MPI_BYTE, m->to, m->tag, m->comm);
        holds = i + 1 == holds ? 0 : holds;
    }
    pthread_mutex_unlock(&lock);
}

int MPI_Testsome(int count, MPI_Request requests[], int *done, int at[], MPI_Status statuses[]) {
    move_on();
    return PMPI_Testsome(count, requests, done, at, statuses);
}

int MPI_Iprobe(int from, int tag, MPI_Comm comm, int *is_one, MPI_Status *status) {
    move_on();
    return PMPI_Iprobe(from, tag, comm, is_one, status);
}

static bool begin_step(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static void take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    size_t wrong = 0;
    (void)ctx;
    for (size_t i = 0; i < slice->end - slice->begin; i++)
        wrong += g[i] != 4;
    CHECK_EQ_INT(wrong, 0);
}

static const nn_reduce_ops ops = {.begin_step = begin_step, .step = take_step};

static void pass(nn_comm *comm, nn_reducer *reducer) {
    nn_step_sums sums = {0};
    nn_real *g = nn_reducer_grads(reducer);
    nn_reducer_open(reducer, 4);
    nn_reducer_send_sums(reducer, &sums);
    for (size_t i = 0; i < N; i++)
        g[i] = 1;
    is_slow = nn_comm_rank(comm) == SENDER;
    if (nn_comm_rank(comm) == 0)
        usleep(20000); /* what the other node sends is there when this one's messages go */
    nn_reducer_ready(reducer, 0);
    CHECK_EQ_INT(nn_reducer_finish(reducer), 0);
    CHECK_EQ_INT(nn_comm_agree(comm, 0), 0);
    is_slow = false;
}

int main(void) {
    nn_comm *comm;
    nn_reducer *reducer;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    nn_reduce_spec spec = {
        .comm = comm, .choice = NN_REDUCE_NODE, .n = N, .vectors = 1, .ops = &ops};
    if (CHECK_EQ_INT(nn_reducer_new(&spec, &reducer), 0)) {
        for (int i = 0; nn_comm_has_threads(comm) && i < PASSES; i++)
            pass(comm, reducer);
        nn_reducer_free(reducer);
    }
    nn_comm_free(comm);
    return check_done();
}
