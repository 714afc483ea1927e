/* Threads from CPU sets, and what launchers say in the environment. */
#define _GNU_SOURCE
#include "comm/placement.h"

#include "base/error.h"
#include "check.h"
#include "comm/launch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static cpu_set_t cores(size_t first, size_t count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = first; i < first + count; i++)
        CPU_SET(i, &set);
    return set;
}

static void test_shared(void) {
    cpu_set_t sets[4] = {cores(0, 8), cores(0, 8), cores(0, 8), cores(0, 8)};
    CHECK_EQ_INT(nn_placement_of(sets, 4, 2, 8).threads, 2);
    CHECK_EQ_INT(nn_placement_of(sets, 3, 0, 8).threads, 2);
    CHECK_EQ_INT(nn_placement_of(sets, 1, 0, 8).threads, 8);
    CHECK_EQ_INT(nn_placement_of(sets, 4, 2, 8).idle, 0);
    CHECK(!nn_placement_of(sets, 4, 2, 8).crowded);
}

static void test_disjoint(void) {
    cpu_set_t sets[2] = {cores(0, 3), cores(3, 5)};
    CHECK_EQ_INT(nn_placement_of(sets, 2, 0, 8).threads, 3);
    CHECK_EQ_INT(nn_placement_of(sets, 2, 1, 8).threads, 5);
    CHECK_EQ_INT(nn_placement_of(sets, 2, 1, 8).cores, 8);
}

static void test_overlapping(void) {
    cpu_set_t sets[3] = {cores(0, 4), cores(2, 4), cores(8, 2)};
    CHECK_EQ_INT(nn_placement_of(sets, 3, 0, 10).threads, 2);
    CHECK_EQ_INT(nn_placement_of(sets, 3, 2, 10).threads, 2);
    CHECK_EQ_INT(nn_placement_of(sets, 3, 2, 10).idle, 2);
}

static void test_crowded(void) {
    cpu_set_t sets[8];
    for (size_t i = 0; i < 8; i++)
        sets[i] = cores(0, 2);
    CHECK_EQ_INT(nn_placement_of(sets, 8, 5, 2).threads, 1);
    CHECK(nn_placement_of(sets, 8, 5, 2).crowded);
    CHECK_EQ_INT(nn_placement_of(sets, 8, 5, 2).idle, 0);
    CHECK_EQ_INT(nn_placement_of(sets, 8, 5, 16).idle, 14);
}

static void test_slurm_list(void) {
    CHECK_EQ_INT(nn_slurm_tasks_of_node("4(x2),3", 0), 4);
    CHECK_EQ_INT(nn_slurm_tasks_of_node("4(x2),3", 1), 4);
    CHECK_EQ_INT(nn_slurm_tasks_of_node("4(x2),3", 2), 3);
    CHECK_EQ_INT(nn_slurm_tasks_of_node("4(x2),3", 3), 0);
    CHECK_EQ_INT(nn_slurm_tasks_of_node("12", 0), 12);
    CHECK_EQ_INT(nn_slurm_tasks_of_node("many", 0), 0);
    CHECK_EQ_INT(nn_slurm_tasks_of_node(NULL, 0), 0);
}

static void clear_environment(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_RANK",
                                        "OMPI_COMM_WORLD_LOCAL_SIZE",
                                        "PMI_SIZE",
                                        "PMI_RANK",
                                        "PMI_FD",
                                        "PMIX_RANK",
                                        "MPI_LOCALNRANKS",
                                        "MV2_COMM_WORLD_SIZE",
                                        "SLURM_NTASKS",
                                        "SLURM_STEP_NUM_TASKS",
                                        "SLURM_PROCID",
                                        "SLURM_NODEID",
                                        "SLURM_STEP_TASKS_PER_NODE",
                                        "SLURM_TASKS_PER_NODE",
                                        "NNMPI_ALLOW_SINGLE",
                                        "NNMPI_TEST_NODES",
                                        "OMPI_MCA_mpi_yield_when_idle",
                                        "OMPI_MCA_btl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* Sets "NAME=value" pairs, then asks what a single rank of that MPI is told. */
static int verdict(const char *mpi, const char *const *pairs) {
    clear_environment();
    for (; *pairs; pairs += 2)
        setenv(pairs[0], pairs[1], 1);
    nn_launch launch = nn_launch_read();
    nn_error_clear();
    return nn_launch_check(&launch, 1, mpi);
}

#define VERDICT_OF(mpi, ...) verdict(mpi, (const char *const[]){__VA_ARGS__, NULL})
#define VERDICT(...) VERDICT_OF("Open MPI v4.1.4", __VA_ARGS__)

static void test_by_hand(void) {
    CHECK_EQ_INT(VERDICT(NULL), 0);
    nn_launch launch = nn_launch_read();
    CHECK_EQ_INT(launch.rank, 0);
    CHECK_EQ_INT(launch.size, 1);
    CHECK(!launch.launcher);
}

/* What Hydra reads at its end of PMI_FD after `pairs`: "" when it is told nothing. */
static const char *told(const char *const *pairs, int exit_status) {
    static char words[64];
    char fd[16];
    int ends[2];
    if (!CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0))
        return "";
    snprintf(fd, sizeof fd, "%d", ends[1]);
    clear_environment();
    for (; *pairs; pairs += 2)
        setenv(pairs[0], pairs[1], 1);
    setenv("PMI_FD", fd, 1);
    nn_launch_abort(exit_status);
    ssize_t length = recv(ends[0], words, sizeof words - 1, MSG_DONTWAIT);
    words[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    nn_launch_abort(exit_status); /* that nobody listens is no harm */
    close(ends[1]);
    unsetenv("PMI_FD");
    return words;
}

#define TOLD(status, ...) told((const char *const[]){__VA_ARGS__, NULL}, status)

static void test_abort(void) {
    CHECK(strcmp(TOLD(75, "MPI_LOCALNRANKS", "2"), "cmd=abort exitcode=75\n") == 0);
    CHECK(strcmp(TOLD(5, "PMI_SIZE", "2", "PMI_RANK", "1"), "") == 0); /* Slurm's PMI-2 */
}

static void test_refused(void) {
    CHECK_EQ_INT(VERDICT("SLURM_STEP_NUM_TASKS", "8", "SLURM_PROCID", "3", "SLURM_NTASKS", "8"),
                 NN_EUSAGE);
    CHECK(strstr(nn_error_message(), "srun started 8 tasks") != NULL);
    CHECK(strstr(nn_error_message(), "srun --mpi=pmix") != NULL);
    CHECK(strstr(nn_error_message(), "NNMPI_ALLOW_SINGLE=1") != NULL);
    nn_launch launch = nn_launch_read();
    CHECK_EQ_INT(launch.rank, 3);
    CHECK(nn_launch_hopeless(&launch));
    setenv("PMIX_RANK", "3", 1);
    CHECK(!nn_launch_hopeless(&launch));

    CHECK_EQ_INT(VERDICT("SLURM_NTASKS", "4"), NN_EUSAGE);
    CHECK(strstr(nn_error_message(), "start it with srun --mpi=pmix or mpirun") != NULL);
    CHECK_EQ_INT(VERDICT_OF("MPICH Version: 4.0.2", "SLURM_NTASKS", "4"), NN_EUSAGE);
    CHECK(strstr(nn_error_message(), "start it with srun --mpi=pmi2 (or pmix, ") != NULL);
    CHECK_EQ_INT(VERDICT("PMI_SIZE", "4", "PMI_RANK", "1"), NN_EUSAGE);
    CHECK(strstr(nn_error_message(), "mpiexec started 4 processes") != NULL);
    CHECK_EQ_INT(VERDICT("MPI_LOCALNRANKS", "2"), NN_EUSAGE);
    CHECK_EQ_INT(VERDICT("OMPI_COMM_WORLD_SIZE", "2"), NN_EUSAGE);
}

static void test_let_pass(void) {
    CHECK_EQ_INT(VERDICT("SLURM_NTASKS", "4", "NNMPI_ALLOW_SINGLE", "1"), 0);
    CHECK_EQ_INT(VERDICT("SLURM_NTASKS", "1", "SLURM_STEP_NUM_TASKS", "1"), 0);
    /* mpirun -n 1 in a larger job says what is wanted */
    CHECK_EQ_INT(VERDICT("SLURM_NTASKS", "4", "OMPI_COMM_WORLD_SIZE", "1"), 0);
    CHECK_EQ_INT(VERDICT("SLURM_NTASKS", "nonsense"), 0);
    nn_launch launch = {NULL, 0, 1, 1, 8};
    CHECK_EQ_INT(nn_launch_check(&launch, 2, "Open MPI"), 0);
}

static void test_tune(void) {
    VERDICT("OMPI_COMM_WORLD_SIZE", "1", "OMPI_COMM_WORLD_LOCAL_SIZE", "1");
    nn_launch launch = nn_launch_read();
    nn_launch_tune(&launch);
    CHECK(!getenv("OMPI_MCA_mpi_yield_when_idle"));
    launch.local_size = 1 << 20;
    nn_launch_tune(&launch);
    CHECK_STR(getenv("OMPI_MCA_mpi_yield_when_idle"), "1");
    setenv("OMPI_MCA_mpi_yield_when_idle", "0", 1); /* the user's own choice stays */
    nn_launch_tune(&launch);
    CHECK_STR(getenv("OMPI_MCA_mpi_yield_when_idle"), "0");
    VERDICT("SLURM_STEP_NUM_TASKS", "7", "SLURM_NODEID", "1", "SLURM_STEP_TASKS_PER_NODE", "4,3");
    CHECK_EQ_INT(nn_launch_read().local_size, 3);
}

/* One node needs no network; a single process may be what others are started from. */
static void test_network(void) {
    VERDICT("OMPI_COMM_WORLD_SIZE", "4", "OMPI_COMM_WORLD_LOCAL_SIZE", "2");
    nn_launch launch = nn_launch_read();
    nn_launch_tune(&launch);
    CHECK(!getenv("OMPI_MCA_btl"));
    launch.size = launch.local_size = 1;
    nn_launch_tune(&launch);
    CHECK(!getenv("OMPI_MCA_btl"));
    launch.size = launch.local_size = 4;
    nn_launch_tune(&launch);
    CHECK_STR(getenv("OMPI_MCA_btl"), "self,vader");
    setenv("OMPI_MCA_btl", "self,tcp", 1);
    nn_launch_tune(&launch);
    CHECK_STR(getenv("OMPI_MCA_btl"), "self,tcp");
}

/* NNMPI_TEST_NODES cuts a machine into nodes of equal numbers of ranks, or one more. */
static void test_played_nodes(void) {
    static const int five[] = {0, 0, 0, 1, 1};
    clear_environment();
    CHECK_EQ_INT(nn_launch_played_node(3, 4), 0);
    setenv("NNMPI_TEST_NODES", "2", 1);
    for (int i = 0; i < 5; i++)
        CHECK_EQ_INT(nn_launch_played_node(i, 5), five[i]);
    setenv("NNMPI_TEST_NODES", "7", 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(nn_launch_played_node(i, 3), i);
}

int main(void) {
    test_shared();
    test_disjoint();
    test_overlapping();
    test_crowded();
    test_slurm_list();
    test_by_hand();
    test_abort();
    test_refused();
    test_let_pass();
    test_tune();
    test_network();
    test_played_nodes();
    return check_done();
}
