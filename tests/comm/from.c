/* ranks: 1 2 3 4 */
/* timeout: 120 */
/* Communicators of a program that uses MPI itself: any of them, several at once, with MPI left as
 * it was. */
#include "check.h"
#include "comm/comm.h"

#include <nnmpi/mpi.h>
#include <nnmpi/nnmpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The leak check's own, absent in a build without it. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

/* Two groups of ranks as one communicator. What MPI keeps of it to the end is no leak of ours: libc
 * allocates it, whose functions have names only where its debug information is installed. */
static void create_intercomm(MPI_Comm group, int leader_of_others, MPI_Comm *both) {
    if (__lsan_disable)
        __lsan_disable();
    MPI_Intercomm_create(group, 0, MPI_COMM_WORLD, leader_of_others, 7, both);
    if (__lsan_enable)
        __lsan_enable();
}

/* Not before MPI has been started, and not after it has ended. */
static void test_without_mpi(const char *why) {
    nn_comm *comm = NULL;
    CHECK_EQ_INT(nn_comm_from(MPI_COMM_WORLD, &comm), NN_EUSAGE);
    CHECK(strstr(nn_error_message(), why) != NULL);
    CHECK(comm == NULL);
}

static void test_refused(void) {
    nn_comm *comm = NULL;
    int rank, size;
    CHECK_EQ_INT(nn_comm_from(MPI_COMM_NULL, &comm), NN_EUSAGE);
    CHECK(strstr(nn_error_message(), "MPI_COMM_NULL") != NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size < 2)
        return;
    MPI_Comm half, both;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    create_intercomm(half, rank % 2 ? 0 : 1, &both);
    CHECK_EQ_INT(nn_comm_from(both, &comm), NN_EUSAGE);
    CHECK(strstr(nn_error_message(), "MPI_Intercomm_merge") != NULL);
    MPI_Comm_free(&both);
    MPI_Comm_free(&half);
}

/* Numbers go among the ranks of each, in the caller's order of them. */
static void test_members(nn_comm *comm, MPI_Comm ranks) {
    int rank, size, all[16];
    MPI_Comm_rank(ranks, &rank);
    MPI_Comm_size(ranks, &size);
    CHECK_EQ_INT(nn_comm_rank(comm), rank);
    CHECK_EQ_INT(nn_comm_size(comm), size);
    CHECK_EQ_INT(nn_comm_gather(comm, &rank, sizeof rank, all), 0);
    for (int i = 0; i < size; i++)
        CHECK_EQ_INT(all[i], i);
}

static void train(nn_comm *comm, const char *folder, char digest[65]) {
    nn_config *config;
    nn_train_options options = {.size = sizeof options, .run_dir = folder};
    nn_train_result result = {.size = sizeof result};
    CHECK_EQ_INT(nn_config_default(&config), 0);
    CHECK_EQ_INT(nn_config_override(config, "train.max_steps=5"), 0);
    CHECK_EQ_INT(nn_config_override(config, "train.reproducible=true"), 0);
    CHECK_EQ_INT(nn_train(comm, config, &options, &result), 0);
    memcpy(digest, result.digest, 65);
    nn_train_result_release(&result);
    nn_config_free(config);
}

/* Two groups of ranks, the last rank of each first, and all of them beside that. */
static void test_several(const char *path) {
    int rank, size;
    MPI_Comm half;
    nn_comm *world, *group;
    char of_world[65], of_group[65], folder[128];
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, size - rank, &half);
    CHECK_EQ_INT(nn_comm_from(MPI_COMM_WORLD, &world), 0);
    CHECK_EQ_INT(nn_comm_from_fortran(MPI_Comm_c2f(half), &group), 0);
    test_members(group, half);
    test_members(world, MPI_COMM_WORLD);
    snprintf(folder, sizeof folder, "%s/group-%d", path, rank % 2);
    train(group, folder, of_group);
    snprintf(folder, sizeof folder, "%s/world", path);
    train(world, folder, of_world);
    CHECK_STR(of_group, of_world);
    MPI_Comm_free(&half); /* the group has a duplicate */
    test_members(world, MPI_COMM_WORLD);
    double one = 1;
    CHECK_EQ_INT(nn_comm_sum(group, &one, 1), 0);
    CHECK_NEAR(one, nn_comm_size(group), 0);
    nn_comm_free(world);
    nn_comm_free(group);
}

int main(int argc, char **argv) {
    char path[64] = "/tmp/nnmpi-from.XXXXXX", command[96];
    int provided, ended, rank;
    test_without_mpi("has not been started");
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 0)
        CHECK(mkdtemp(path));
    MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
    test_refused();
    test_several(path);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    MPI_Barrier(MPI_COMM_WORLD);
    CHECK(rank > 0 || system(command) == 0);
    MPI_Finalized(&ended);
    CHECK(!ended);
    MPI_Finalize();
    test_without_mpi("has ended");
    return check_done();
}
